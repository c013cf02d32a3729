import type { SlotPart } from "../../../kernel/slot.ts";
import type { KeyCounter, MouseCounter } from "../../core/counts.ts";
import type { Backend } from "../../core/trackers.ts";
import type { RunningApp, Window } from "../../core/window.ts";

/** What a backend can perceive. Each is a part: opened fresh, disposed, lost when the display dies. */

/** Feeds a counter for as long as it is open. */
export type Listener = AsyncDisposable;

/** Tells when somebody last touched anything. */
export interface Presence extends AsyncDisposable {
  /** How long ago that was, ms. @throws when the backend is gone */
  idleMs(): Promise<number>;
}

/** Tells what the user looks at. */
export interface Windows extends AsyncDisposable {
  /** Undefined when no window has the focus. @throws when the backend is gone */
  active(): Promise<Window | undefined>;
  /** The windows that are on a screen now and not hidden; for what mustn't be in a picture. */
  visible(): Promise<readonly Window[]>;
  /** The programs of this user that run: those with a window, or without a display those of `/proc`. */
  running(): Promise<readonly RunningApp[]>;
}

/** Takes pictures. */
export interface Screen extends AsyncDisposable {
  /** One of each monitor. Leaves at once when the signal aborts. */
  capture(signal: AbortSignal): Promise<readonly Picture[]>;
}

/** Raw pixels, row by row, `channels` bytes each: RGB or RGBA. */
export type Picture = {
  readonly monitor: string;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly pixels: Uint8Array;
};

/** How a sense is opened on this machine, or why it isn't there. */
export type Offer<Open> =
  | { readonly via: Backend; readonly open: Open }
  | { readonly unavailable: string; readonly hint?: string };

/** What this machine offers. */
export type Senses = {
  readonly keyboard: Offer<(counter: KeyCounter) => SlotPart<Listener>>;
  readonly mouse: Offer<(counter: MouseCounter) => SlotPart<Listener>>;
  readonly presence: Offer<() => SlotPart<Presence>>;
  readonly windows: Offer<() => SlotPart<Windows>>;
  readonly screen: Offer<() => SlotPart<Screen>>;
};

export type Probed = {
  /** What kind of session this is: `x11`, `sway`, `wayland` (another compositor), `none`. */
  readonly desktop: "x11" | "sway" | "wayland" | "none";
  readonly senses: Senses;
  /** What else there is to know, a sentence each: what can't be seen here and why. */
  readonly notes: readonly string[];
};
