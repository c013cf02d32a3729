import process from "node:process";

/**
 * What a colour says, and all that it may say. It never stands alone: whatever is drawn in a tone also has
 * its word, for those who see no colours and for `--no-color`.
 */
export type Tone = "running" | "waiting" | "failed" | "selected" | "secondary" | "plain";

/** The properties of Ink's `<Text>` that draw a tone: `<Text {...tones.failed}>`. */
export const tones = {
  running: { color: "green" },
  waiting: { color: "yellow" },
  failed: { color: "red" },
  selected: { color: "cyan" },
  secondary: { dimColor: true },
  plain: {},
} as const satisfies Record<Tone, { color?: string; dimColor?: boolean }>;

const sessionTones: ReadonlyMap<string, Tone> = new Map([
  ["starting", "waiting"],
  ["running", "running"],
  ["degraded", "waiting"],
  ["pausing", "waiting"],
  ["paused", "waiting"],
  ["resuming", "waiting"],
  ["stopping", "waiting"],
  ["stopped", "secondary"],
  ["crashed", "failed"],
]);

/** The tone of a session's state; `plain` for a word that is none. */
export const sessionTone = (state: string): Tone => sessionTones.get(state) ?? "plain";

/**
 * Decides whether the screens have colours. Call it before the first import of anything that imports Ink:
 * chalk, which Ink draws with, looks at its environment once, when it is loaded, and doesn't know `NO_COLOR`.
 * `true` leaves the choice to what the terminal can do.
 */
export function prepareColour(on: boolean): void {
  if (!on) process.env["FORCE_COLOR"] = "0";
}
