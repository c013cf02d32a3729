import { INPUT_CHOICES, type InputChoice, TRACKERS, type TrackerName } from "./trackers.ts";

/** What a checkpoint of a tracked session says: what the rows of its spans don't. */
export type Saved = {
  readonly v: 1;
  /** What is watched. */
  readonly trackers: readonly TrackerName[];
  /** What keys and the mouse are counted by, as it was asked for. */
  readonly input: InputChoice;
  readonly paused: boolean;
  /** What is done now; of what is paused, what will be. */
  readonly note: string | null;
  /** Ids of the spans of times away of which nobody has said yet what they were, the oldest first. */
  readonly questions: readonly number[];
  /** Whether somebody ended it for good. */
  readonly over: boolean;
};

/** The types of its checkpoints. */
export type CheckpointType = "TRACKING_STARTED" | "PAUSED" | "RESUMED" | "CHANGED" | "STOPPED";

/** @returns undefined for what is none, or of another version of stint */
export function readSaved(state: unknown): Saved | undefined {
  const { v, trackers, paused, over, note, questions, ...rest } = (state ?? {}) as Record<string, unknown>;
  const input = INPUT_CHOICES.find((each) => each === rest["input"]);
  if (v !== 1 || !Array.isArray(trackers) || !input) return undefined;
  if (typeof paused !== "boolean" || typeof over !== "boolean") return undefined;
  if ((note !== null && typeof note !== "string") || !Array.isArray(questions)) return undefined;
  const known = TRACKERS.filter((name) => trackers.includes(name));
  if (known.length !== trackers.length || !questions.every(Number.isSafeInteger)) return undefined;
  return { v, trackers: known, input, paused, note, questions, over };
}
