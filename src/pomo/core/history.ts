export const SESSION_TYPES = ["WORK", "SHORT_BREAK", "LONG_BREAK"] as const;
/** What an interval is. */
export type SessionType = (typeof SESSION_TYPES)[number];

/**
 * One interval that is over: a row of history. Times are UTC ms; the local day is that of its start, by the offset of
 * where and when that was.
 */
export type Interval = {
  type: SessionType;
  /** 0 when it wasn't of a round: entered by hand or imported. */
  round: number;
  task: string | null;
  task_id: number | null;
  tags: readonly string[];
  started_at: number;
  /** Minutes east of UTC. */
  utc_offset_min: number;
  ended_at: number;
  /** What it was to last, in ms. */
  duration_ms: number;
  /** How long the timer ran, pauses taken out, in ms. */
  elapsed_ms: number;
  outcome: "completed" | "interrupted";
};

/** A row as the store has it. */
export type HistoryRow = Interval & { id: number };

/** A time with the offset that was kept with it. */
export function localTime(wall: number, offsetMin: number): Temporal.ZonedDateTime {
  const sign = offsetMin < 0 ? "-" : "+";
  const two = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
  return Temporal.Instant.fromEpochMilliseconds(Math.round(wall)).toZonedDateTimeISO(
    `${sign}${two(offsetMin / 60)}:${two(offsetMin % 60)}`,
  );
}

/** `14:05`, by the offset that was kept with it. */
export const timeText = (wall: number, offsetMin: number): string =>
  localTime(wall, offsetMin).toPlainTime().toString({ smallestUnit: "minute" });

/** The local day of an instant as a count from 1970-01-01, a Thursday: neighbours differ by one. */
export const localDay = (wall: number, offsetMin: number): number =>
  Math.floor((wall + offsetMin * 60_000) / 86_400_000);

/** `2026-03-29` of such a count. */
export const dayText = (day: number): string =>
  Temporal.Instant.fromEpochMilliseconds(day * 86_400_000)
    .toString()
    .slice(0, 10);
