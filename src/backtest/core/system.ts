import type { Mode } from "./run.ts";

export type SystemWord = "stopped" | "running" | "paused";

/** What `status` says of the system manager. */
export type SystemState = {
  readonly _state: SystemWord;
  readonly _mode: Mode;
  readonly timezone: string;
  /** Each with when it was made, UTC ms. */
  readonly transitions: readonly { readonly at: number; readonly from: SystemWord; readonly to: SystemWord }[];
};
