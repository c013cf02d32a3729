import type { InputCounts } from "../../core/counts.ts";
import { localPieces } from "../../core/edits.ts";
import type { Found } from "./check.ts";
import type { InputRecord, Place, SpanRecord } from "./format.ts";

/** A span of a file. Times are UTC ms. */
export type FoundSpan = {
  readonly at: Place;
  /** Its times are of whole seconds: the milliseconds were cut off. */
  readonly coarse: boolean;
  readonly span: SpanRecord;
};

/** Where nothing is known for longer, or nobody was there for longer, one session ends and the next begins, ms. */
const BREAK_MS = 3_600_000;

/** A span as the store has them: where the offset of local time isn't told it is the one here, and cut where that changes. */
export function* byOffset(span: Found<"span">): Generator<SpanRecord> {
  const { utc_offset_min, started_at, ended_at } = span;
  if (utc_offset_min !== undefined) {
    yield { ...span, utc_offset_min };
    return;
  }
  const zone = Temporal.Now.timeZoneId();
  for (const piece of localPieces(started_at, ended_at, zone)) yield { ...span, ...piece };
}

/** An interval of input is no longer than this in the store, ms: who reads a time looks no further back. */
const LONGEST_INPUT_MS = 3_600_000;
/** What is longer is cut into pieces of this length, ms. */
const PIECE_MS = 900_000;

/** Intervals of input as the store has them. What was counted in a long one is spread over its pieces, and none is lost. */
export function* shortInput(record: InputRecord): Generator<InputRecord> {
  const { session, started_at, ended_at, ...counts } = record;
  const whole = ended_at - started_at;
  if (whole <= LONGEST_INPUT_MS) {
    yield record;
    return;
  }
  for (let from = 0; from < whole; from += PIECE_MS) {
    const to = Math.min(from + PIECE_MS, whole);
    const until = (count: number, time: number): number => Math.floor(count * (time / whole));
    const share = Object.fromEntries(
      Object.entries(counts).map(([name, count]) => [name, until(count, to) - until(count, from)]),
    ) as InputCounts;
    yield { session, started_at: started_at + from, ended_at: started_at + to, ...share };
  }
}

/**
 * Spans of no known session, the earliest first, parted into sessions. One ends before a gap of more than an hour, and
 * after a time away of more than an hour.
 */
export function runsOf(spans: readonly FoundSpan[]): FoundSpan[][] {
  const runs: FoundSpan[][] = [];
  for (const each of spans) {
    const run = runs.at(-1);
    const last = run?.at(-1)?.span;
    const isLong = last?.kind === "away" && last.ended_at - last.started_at > BREAK_MS;
    if (run && last && !isLong && each.span.started_at - last.ended_at <= BREAK_MS) run.push(each);
    else runs.push([each]);
  }
  return runs;
}
