/** What a session's time was: a row of the store each. Times are UTC ms. */

export const SPAN_KINDS = ["work", "pause", "away"] as const;
/** `work` counts; `pause`: somebody paused; `away`: nobody was there, or the machine slept or was locked. */
export type SpanKind = (typeof SPAN_KINDS)[number];

/** What time is spent on. */
export type Effort = { readonly project: string | null; readonly tags: readonly string[] };

/**
 * A stretch of a session in which nothing of this changes. The spans of a session follow each other without overlap;
 * between two of them is time of which nothing is known: its host was dead, or the clock was set.
 */
export type Span = Effort & {
  readonly id: number;
  /** Number of its session in the store. */
  readonly session: number;
  readonly kind: SpanKind;
  readonly note: string | null;
  readonly started_at: number;
  /** Of the one that is going on: when that was last written. */
  readonly ended_at: number;
  /** Minutes east of UTC; where local time changes its offset, the span is cut. */
  readonly utc_offset_min: number;
};

/** What spans come to, ms. */
export type Times = { worked_ms: number; paused_ms: number; afk_ms: number };

const FIELD = { work: "worked_ms", pause: "paused_ms", away: "afk_ms" } as const;

export const NO_TIMES: Readonly<Times> = { worked_ms: 0, paused_ms: 0, afk_ms: 0 };

/** Adds spans up. */
export function timesOf(spans: Iterable<Pick<Span, "kind" | "started_at" | "ended_at">>): Times {
  const times = { ...NO_TIMES };
  for (const { kind, started_at, ended_at } of spans) times[FIELD[kind]] += ended_at - started_at;
  return times;
}
