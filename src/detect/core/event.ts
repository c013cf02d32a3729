import type { Box } from "./frame.ts";

/** What happens, as it is stored, streamed and shown. `at` is UTC ms. Pure. */
export type Happening =
  /** `taken_up`: after a host that has died without a word. */
  | { readonly event: "session"; readonly is: "started" | "taken_up" | "paused" | "resumed" | "stopped" }
  /** Someone is in a zone: N of M pictures have said so. */
  | {
      readonly event: "entered";
      readonly camera: string;
      readonly zone: string;
      readonly score: number;
      readonly box: Box;
    }
  | { readonly event: "left"; readonly camera: string; readonly zone: string; readonly for_ms: number }
  /**
   * A zone asks its relays for what they are there for. `latency_ms` is from the arrival of the picture that completed
   * the trip to the relay's read-back (in a dry run: to the decision); null when no picture did (a lost camera).
   */
  | {
      readonly event: "tripped";
      readonly camera: string;
      readonly zone: string;
      readonly cause: string;
      readonly relays: readonly string[];
      readonly latency_ms: number | null;
      readonly dry_run: boolean;
    }
  | { readonly event: "cleared"; readonly camera: string; readonly zone: string }
  /** A relay was switched, and read back. */
  | { readonly event: "relay"; readonly relay: string; readonly on: boolean; readonly cause: string }
  | { readonly event: "relay_failed"; readonly relay: string; readonly why: string }
  | { readonly event: "acknowledged"; readonly relay: string }
  | {
      readonly event: "armed" | "disarmed";
      readonly camera: string;
      readonly zone: string;
      readonly by: "person" | "schedule";
    }
  | { readonly event: "camera_lost"; readonly camera: string; readonly why: string }
  | { readonly event: "camera_back"; readonly camera: string; readonly after_ms: number }
  | { readonly event: "board_lost"; readonly board: string; readonly why: string }
  | { readonly event: "board_back"; readonly board: string }
  | { readonly event: "guard_dead"; readonly why: string }
  | { readonly event: "guard_ready"; readonly pid: number }
  | { readonly event: "detector_lost"; readonly why: string }
  | { readonly event: "detector_back" };

/** One that has happened. `snapshot` and `clip` are names of files that show it, once they are there. */
export type EventRow = Happening & {
  readonly id: number;
  /** UTC ms. */
  readonly at: number;
  readonly snapshot: string | null;
  readonly clip: string | null;
};
