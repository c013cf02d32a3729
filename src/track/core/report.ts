import { dayText, mondayOf } from "../../kernel/core/local-time.ts";
import type { Span } from "./span.ts";

/**
 * Spans laid over what was seen: pure, and exact to the ms. What was on the screen and what was counted belong to the
 * work of their own session; while it was paused or away nothing counts. All of it adds up however it is cut.
 */

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;

/** An event of the active window; app and title as the ids of texts, title 0 where none was kept. */
export type Seen = { app: number; title: number; started_at: number; ended_at: number };

/** What input is summed up to. */
export type Activity = {
  keys: number;
  clicks: number;
  scrolls: number;
  distance_px: number;
  typing_ms: number;
  moving_ms: number;
};

export const NO_ACTIVITY: Readonly<Activity> = {
  keys: 0,
  clicks: 0,
  scrolls: 0,
  distance_px: 0,
  typing_ms: 0,
  moving_ms: 0,
};

const FIELDS = Object.keys(NO_ACTIVITY) as (keyof Activity)[];

/** An interval of input. */
export type Typed = Activity & { started_at: number; ended_at: number };

/** Time in which a window was looked at while working: the span is where `app` and `title` were seen. */
export type Look = { span: Span; app: number; title: number; from: number; to: number };

/** Input of a local hour while working: so many hours since 1970-01-01 of the local calendar. */
export type Share = { span: Span; hour: number; activity: Activity };

/** The parts of a time that lie in one local hour, or in one local day, each with its count from 1970-01-01. */
export function* calendar(
  { started_at, ended_at, utc_offset_min }: Pick<Span, "started_at" | "ended_at" | "utc_offset_min">,
  unit: "hour" | "day",
): Generator<{ n: number; from: number; to: number }> {
  const length = unit === "hour" ? HOUR_MS : DAY_MS;
  const shift = utc_offset_min * 60_000;
  for (let from = started_at; from < ended_at; ) {
    const n = Math.floor((from + shift) / length);
    const to = Math.min(ended_at, (n + 1) * length - shift);
    yield { n, from, to };
    from = to;
  }
}

/** The local day that an hour of {@link calendar} lies in. */
export const dayOfHour = (hour: number): number => Math.floor(hour / 24);

/** The days of a week. */
export const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

/** `Mon 2026-11-16` of a local day. */
export const dayName = (day: number): string => `${WEEKDAYS[day - mondayOf(day)]} ${dayText(day)}`;

/** Adds `more` to `sum`, in place. */
export function addActivity(sum: Activity, more: Readonly<Activity>): void {
  for (const name of FIELDS) sum[name] += more[name];
}

/** What of a span lies in a time, undefined when nothing does. */
export function cutSpan(span: Span, from: number, to: number): Span | undefined {
  const started_at = Math.max(span.started_at, from);
  const ended_at = Math.min(span.ended_at, to);
  return started_at < ended_at ? { ...span, started_at, ended_at } : undefined;
}

/** What of a span lies in a local day, by the span's own offset; undefined when nothing does. */
export function cutToDay(span: Span, day: number): Span | undefined {
  const begins = day * DAY_MS - span.utc_offset_min * 60_000;
  return cutSpan(span, begins, begins + DAY_MS);
}

/**
 * Lays work over windows, both of one session and in order of time. Of windows that overlap, which a clock that was set
 * back may leave, the one that began first counts.
 */
export function* looks(work: readonly Span[], windows: Iterable<Seen>): Generator<Look> {
  let first = 0;
  let counted = Number.NEGATIVE_INFINITY;
  for (const { app, title, started_at, ended_at } of windows) {
    const begins = Math.max(started_at, counted);
    if (begins >= ended_at) continue;
    counted = ended_at;
    while ((work[first]?.ended_at ?? Number.POSITIVE_INFINITY) <= begins) first++;
    for (let at = first; at < work.length; at++) {
      const span = work[at] as Span;
      if (span.started_at >= ended_at) break;
      const from = Math.max(begins, span.started_at);
      yield { span, app, title, from, to: Math.min(ended_at, span.ended_at) };
    }
  }
}

/**
 * Shares input among the work of its session that it lies in, hour by hour, in proportion to time: nobody types while
 * away. Each part is the difference of two whole numbers of a running sum, so that parts of any size add up to the
 * whole.
 * @param work of the session in order, uncut: all of it within an hour of the rows
 */
export function* shares(
  work: readonly Span[],
  rows: Iterable<Typed>,
  from: number,
  to: number,
): Generator<Share> {
  let first = 0;
  for (const row of rows) {
    while ((work[first]?.ended_at ?? Number.POSITIVE_INFINITY) < row.started_at) first++;
    const pieces: { span: Span; hour: number; from: number; ms: number }[] = [];
    let all = 0;
    for (let at = first; at < work.length; at++) {
      const span = work[at] as Span;
      if (span.started_at > row.ended_at) break;
      for (const { n: hour, ...piece } of calendar(cut(span, row), "hour")) {
        pieces.push({ span, hour, from: piece.from, ms: piece.to - piece.from });
        all += piece.to - piece.from;
      }
    }
    if (all === 0) {
      // Of an interval that has only just begun nothing has passed yet.
      const span = work[first];
      if (!span || row.started_at < row.ended_at || span.started_at > row.ended_at) continue;
      const hour = Math.floor((row.started_at + span.utc_offset_min * 60_000) / HOUR_MS);
      if (row.started_at >= from && row.started_at < to) yield { span, hour, activity: part(row, 0, 1, 1) };
      continue;
    }
    let before = 0;
    for (const { span, hour, from: begins, ms } of pieces) {
      // A piece may reach over the edge of what is asked for.
      const lower = before + Math.min(ms, Math.max(0, from - begins));
      const upper = before + Math.max(0, Math.min(ms, to - begins));
      if (lower < upper) yield { span, hour, activity: part(row, lower, upper, all) };
      before += ms;
    }
  }
}

const cut = (span: Span, row: Typed) => ({
  utc_offset_min: span.utc_offset_min,
  started_at: Math.max(span.started_at, row.started_at),
  ended_at: Math.min(span.ended_at, row.ended_at),
});

/** What of an interval's counts lies between two of `all` its parts. */
function part(row: Activity, lower: number, upper: number, all: number): Activity {
  const share = { ...NO_ACTIVITY };
  for (const name of FIELDS) {
    const count = row[name];
    share[name] = Math.floor((count * upper) / all) - Math.floor((count * lower) / all);
  }
  return share;
}
