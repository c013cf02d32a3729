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
