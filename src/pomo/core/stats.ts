/** What a profile's history comes to today: sent with every state, so it is small. */
export type Overview = {
  /** The local date that it is for. */
  date: string;
  today: { completed: number; interrupted: number; focus_ms: number; goal: number };
  /** Days in a row, up to today or yesterday, with a completed WORK. */
  streak_days: number;
  /** Completed WORK of this week's days, Monday first. */
  week: readonly number[];
  /** Completed WORK of the days up to today, oldest first: 53 weeks, from a Monday on. */
  year: readonly number[];
  /** Open tasks, the newest last. */
  tasks: readonly { id: number; title: string; estimate: number | null; completed: number }[];
};
