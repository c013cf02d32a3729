import type { InputCounts } from "../../core/counts.ts";
import type { Span } from "../../core/span.ts";
import type { RunningApp, SeenWindow } from "../../core/window.ts";
import type { Origin } from "../journal.ts";

/** What is exchanged with other programs, and what a format of it is. Times are UTC ms. */

type Times = { readonly started_at: number; readonly ended_at: number };
/** The id of its session; null where a file doesn't say: then its time tells. */
type OfSession = { readonly session: string | null };

export type SessionRecord = Times & {
  readonly id: string;
  readonly origin: Origin;
  readonly note: string | null;
  readonly utc_offset_min: number;
};
export type SpanRecord = OfSession & Omit<Span, "id" | "session">;
export type WindowRecord = OfSession & Times & SeenWindow;
export type RunningRecord = OfSession & Times & RunningApp;
export type InputRecord = OfSession & Times & Readonly<InputCounts>;

/** What a file has, by the word that stands for each. */
export type Records = {
  session: SessionRecord;
  span: SpanRecord;
  window: WindowRecord;
  running: RunningRecord;
  input: InputRecord;
};
export type RecordName = keyof Records;

/** What is exported; of spans, and of each of what was seen, the earliest first. */
export type Kept = {
  readonly sessions: readonly SessionRecord[];
  readonly spans: readonly SpanRecord[];
  windows(): Iterable<WindowRecord>;
  running(): Iterable<RunningRecord>;
  input(): Iterable<InputRecord>;
};

/** Where a record stands in a file: its line, from 1, or the way to it in a JSON text. */
export type Place = number | readonly (string | number)[];

/** What a file says of one record, by the names of its fields; nothing of it is checked yet. */
export type Draft = { at: Place } & (
  | {
      type: RecordName;
      fields: Readonly<Record<string, unknown>>;
      /** Its times are of whole seconds: the milliseconds were cut off. */
      coarse?: boolean;
    }
  /** Something that is left out: why, in the plural. */
  | { skip: string }
);

export type Format = {
  /** Whether it has a place for such a span; without this it has for all. */
  holds?(span: SpanRecord): boolean;
  /** What is said of the spans that it has none for. */
  readonly lacks?: string;
  /** The file, piece by piece. */
  write(kept: Kept): Iterable<string>;
  /** @throws Wrong at the first line that can't be read */
  read(text: string): Iterable<Draft>;
};
