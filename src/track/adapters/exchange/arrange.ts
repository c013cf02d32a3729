import { localPieces } from "../../core/edits.ts";
import type { Found } from "./check.ts";
import type { Place, SpanRecord } from "./format.ts";

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
