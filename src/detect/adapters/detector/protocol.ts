import type { Detection } from "../../core/frame.ts";
import type { DetectorConfig } from "../../core/installation.ts";

/** What the detector and its thread say to each other. */

/** `open` comes first; then a picture at a time, the next when the last is answered. */
export type Asked =
  | { readonly type: "open"; readonly config: DetectorConfig }
  /** The picture lies at the beginning of the memory that both share. */
  | {
      readonly type: "look";
      readonly pixels: SharedArrayBuffer;
      readonly width: number;
      readonly height: number;
    }
  /** The last: nothing native is at work in it once it has answered. */
  | { readonly type: "close" };

export type Answered =
  | { readonly type: "opened" | "closed" }
  | { readonly type: "found"; readonly detections: readonly Detection[]; readonly ms: number }
  | {
      readonly type: "failed";
      readonly message: string;
      /** Of an Expected. */
      readonly exit?: number;
      readonly hint?: string | undefined;
    };
