/** How long the intervals of a preset are, in ms, and how many rounds of work come before the long break. */
export type Preset = { work_ms: number; break_ms: number; long_break_ms: number; rounds: number };

const minutes = (work: number, rest: number, long: number): Preset => ({
  work_ms: work * 60_000,
  break_ms: rest * 60_000,
  long_break_ms: long * 60_000,
  rounds: 4,
});

export const PRESETS: Readonly<Record<string, Preset>> = {
  short: minutes(25, 5, 15),
  long: minutes(50, 10, 30),
};

/** Completed work intervals a day, unless the configuration has another goal. */
export const DAILY_GOAL = 8;
