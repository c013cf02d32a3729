import type { SessionType } from "./history.ts";
import type { Undoable } from "./pomodoro.ts";
import { type CheckpointType, isRunning, left, type Now, nextInterval, type Pomodoro } from "./pomodoro.ts";
import type { Overview } from "./stats.ts";

/** What clients are shown of a pomodoro, beside the session's own fields. Times are UTC ms, lengths ms. */
export type PomoView = Interval & Told & { overview: Overview };

/** The interval that a session is in; before and after a session there is none. */
type Interval = {
  session_type: SessionType | null;
  /** Which of the session it is, from 1. */
  interval: number;
  /** Whether its time passes. */
  ticking: boolean;
  /** Whether the session was stopped for good. */
  over: boolean;
  /** What is left now; while it ticks it goes on from the moment this was received. */
  remaining_ms: number;
  duration_ms: number;
  round: number;
  rounds: number;
  task: string | null;
  task_id: number | null;
  preset: string | null;
  work_ms: number;
  break_ms: number;
  long_break_ms: number;
  /** Whether it is over and counted. */
  completed: boolean;
  /** What comes after it. */
  next_type: SessionType | null;
  /** When it came to its end while no host was alive, and isn't counted. */
  finished_away_at: number | null;
  /** What `undo` would take back. */
  undo: Undoable | null;
};

/** What there is to say of how it came here. */
export type Told = {
  /** Whether it was taken up after its host had died; then from when on, and what was taken off. */
  restored: boolean;
  restored_from: number | null;
  taken_off_ms: number;
  last_active: number | null;
  /** The last thing that happened, and how many have under this host: a client tells by it what is new. */
  event: CheckpointType | null;
  events: number;
  /** Something to be told once: a restore, a suspend. */
  notice: string | null;
  /** Why the last change isn't on the disk yet. */
  unsaved: string | null;
};

export const NOTHING_TOLD: Told = {
  restored: false,
  restored_from: null,
  taken_off_ms: 0,
  last_active: null,
  event: null,
  events: 0,
  notice: null,
  unsaved: null,
};

/** What is shown where there is no session. */
const NO_INTERVAL: Interval = {
  session_type: null,
  interval: 0,
  ticking: false,
  over: true,
  remaining_ms: 0,
  duration_ms: 0,
  round: 0,
  rounds: 0,
  task: null,
  task_id: null,
  preset: null,
  work_ms: 0,
  break_ms: 0,
  long_break_ms: 0,
  completed: false,
  next_type: null,
  finished_away_at: null,
  undo: null,
};

/** What clients are shown. @param state undefined where there is no session */
export function viewOf(state: Pomodoro | undefined, now: Now, told: Told, overview: Overview): PomoView {
  if (!state) return { ...NO_INTERVAL, ...told, overview };
  const { current, settings, task, preset } = state;
  return {
    session_type: current.type,
    interval: current.n,
    ticking: isRunning(state),
    over: state.over,
    remaining_ms: Math.round(left(state, now)),
    duration_ms: current.timer.duration,
    round: current.round,
    rounds: settings.rounds,
    task: task?.title ?? null,
    task_id: task?.id ?? null,
    preset,
    work_ms: settings.work_ms,
    break_ms: settings.break_ms,
    long_break_ms: settings.long_break_ms,
    completed: current.completed,
    next_type: nextInterval(state).type,
    finished_away_at: current.completed ? null : current.awayAt,
    undo: state.undo?.act ?? null,
    ...told,
    overview,
  };
}

/** A state as it is pushed: what is shown, and the session's own fields. */
export type Pushed = PomoView & {
  v: number;
  state: string;
  session_id: string | null;
  profile: string;
  degraded: readonly string[];
  /** Whether a host is alive; where none is, whether the last has died without a word. */
  host?: boolean;
  crashed?: boolean;
};

/** What it is called outside: a session is running or paused until it was stopped for good. */
export const outwardState = ({ over, ticking }: Pick<PomoView, "over" | "ticking">) =>
  over ? "stopped" : ticking ? "running" : "paused";

/** A state as a line of output: without what only screens want. */
export function lineOf(pushed: Pushed) {
  const {
    overview,
    ticking: _,
    over: __,
    crashed: ___,
    v,
    session_id,
    profile,
    host = true,
    ...rest
  } = pushed;
  const first = { v, type: "pomo", state: outwardState(pushed), session_id, profile };
  return { ...first, ...rest, ...first, host, today: overview.today, streak_days: overview.streak_days };
}
