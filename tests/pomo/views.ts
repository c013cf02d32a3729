/** States of a pomodoro as a host would push them, for the tests of what shows them. */
import { NOTHING_TOLD, viewOf } from "../../src/pomo/core/view.ts";
import type { View } from "../../src/pomo/tui/words.ts";

/** Friday, the twentieth of November 2026. */
export const overview: View["overview"] = {
  date: "2026-11-20",
  today: { completed: 3, interrupted: 1, focus_ms: 83 * 60_000, goal: 8 },
  streak_days: 12,
  week: [4, 7, 9, 5, 3, 0, 0],
  year: Array.from({ length: 52 * 7 + 5 }, (_, day) => (day * 7) % 9),
  tasks: [
    { id: 1, title: "write the report", estimate: 5, completed: 3 },
    {
      id: 2,
      title: "a title that is far longer than any row can be ".repeat(4),
      estimate: null,
      completed: 2,
    },
    { id: 7, title: "端末 tests", estimate: null, completed: 0 },
  ],
};

const nothing = viewOf(undefined, { mono: 0, wall: 0, offset: 0 }, NOTHING_TOLD, overview);

export const stopped: View = { ...nothing, state: "stopped", host: false };

/** The second round of work, 11:45 before its end. */
export const running: View = {
  ...nothing,
  state: "running",
  host: true,
  session_type: "WORK",
  interval: 3,
  ticking: true,
  over: false,
  remaining_ms: 705_000,
  duration_ms: 1_500_000,
  round: 2,
  rounds: 4,
  task: "write the report",
  task_id: 1,
  preset: "short",
  work_ms: 1_500_000,
  break_ms: 300_000,
  long_break_ms: 900_000,
  next_type: "SHORT_BREAK",
  event: "WORK_STARTED",
  events: 5,
};

export const paused: View = { ...running, state: "paused", ticking: false };

/** The work is done, and the break hasn't begun. */
export const done: View = {
  ...paused,
  completed: true,
  remaining_ms: 0,
  event: "WORK_COMPLETED",
  events: 6,
};
