import type { Interval, SessionType } from "./history.ts";
import type { Preset } from "./presets.ts";
import {
  beginTimer,
  elapsed,
  finishTimer,
  isTicking,
  pauseTimer,
  remaining,
  resumeTimer,
  type Timer,
} from "./timer.ts";

/**
 * The pomodoro as values: a session is a row of intervals, each of them work or a break, with a timer. Every function
 * takes what is and the time, and gives what is then and what is to be written.
 */

const HAPPENINGS = ["STARTED", "PAUSED", "RESUMED", "INTERRUPTED", "COMPLETED"] as const;
export type Happening = (typeof HAPPENINGS)[number];
/** The types of checkpoints. */
export type CheckpointType = `${SessionType}_${Happening}`;

/** What a session started with; it keeps these whatever the configuration says later. */
export type Settings = Preset & {
  auto_start_breaks: boolean;
  auto_start_work: boolean;
  /** Whether work that ended while no host was alive counts as done. */
  count_away: boolean;
  /** What the time is that the machine was suspended: a pause, or time like any other. */
  suspend: "pause" | "count";
};

/** The task that is worked on: by its old title also once it is deleted. */
export type ActiveTask = { readonly id: number; readonly title: string; readonly tags: readonly string[] };

/** A moment: on the clock that never jumps, and on the wall with the offset of local time in minutes east. */
export type Now = { readonly mono: number; readonly wall: number; readonly offset: number };

/** The interval that a session is in. */
export type Current = {
  readonly type: SessionType;
  readonly round: number;
  /** Which of the session it is, from 1: with the session's id it names its row of history. */
  readonly n: number;
  readonly timer: Timer;
  /** UTC ms, and minutes east of UTC there and then. */
  readonly beganAt: number;
  readonly offset: number;
  readonly completed: boolean;
  /** When it came to its end while no host was alive, UTC ms; it counts only once somebody says so. */
  readonly awayAt: number | null;
};

export type Undoable = "skip" | "finish" | "extend" | "stop";

export type Pomodoro = {
  readonly current: Current;
  readonly preset: string;
  readonly settings: Settings;
  readonly task: ActiveTask | null;
  /** What `undo` takes back, and the interval as it was then, at `at` on the clock that never jumps. */
  readonly undo: { readonly act: Undoable; readonly to: Current; readonly at: number } | null;
  /** Whether the session was stopped for good. */
  readonly over: boolean;
};

/** Something that happened: a checkpoint to write, with the row of history when an interval ended by it. */
export type Happened = {
  readonly type: CheckpointType;
  readonly state: Pomodoro;
  readonly ended?: Interval & { readonly n: number };
};

/** What a transition comes to. Without happenings, the newest checkpoint is brought up to date. */
export type Change = {
  readonly state: Pomodoro;
  readonly happened: readonly Happened[];
  /** The interval whose row of history is to go. */
  readonly undone?: number;
};

/** Why something can't be done now, and what can. */
export type Refusal = { readonly refused: string; readonly hint: string };

const durationOf = (type: SessionType, settings: Settings): number =>
  ({ WORK: settings.work_ms, SHORT_BREAK: settings.break_ms, LONG_BREAK: settings.long_break_ms })[type];

/** Whether its time passes. */
export const isRunning = ({ current, over }: Pomodoro): boolean => !over && isTicking(current.timer);

/** Whether the interval is over and the next hasn't begun: counted, or come to its end while nobody was there. */
export const isStanding = ({ current }: Pomodoro): boolean => current.timer.finishedAt !== null;

/** What comes after the current interval: a long break after the last round. */
export function nextInterval({ current, settings }: Pomodoro): { type: SessionType; round: number } {
  const { type, round } = current;
  if (type === "WORK") return { type: round >= settings.rounds ? "LONG_BREAK" : "SHORT_BREAK", round };
  return { type: "WORK", round: type === "LONG_BREAK" ? 1 : round + 1 };
}

/** What is left of the interval, ms; nothing once it is over. */
export const left = ({ current }: Pomodoro, now: Now): number =>
  current.completed ? 0 : remaining(current.timer, now.mono);

const happened = (state: Pomodoro, what: Happening): Happened => ({
  type: `${state.current.type}_${what}`,
  state,
});

/** The row of history of the current interval. */
function ended(state: Pomodoro, outcome: Interval["outcome"], now: Now): Interval & { n: number } {
  const { current, task } = state;
  const { type, round, n, timer, beganAt, offset, awayAt } = current;
  const elapsed_ms = elapsed(timer, now.mono);
  return {
    n,
    type,
    round,
    task: task?.title ?? null,
    task_id: task?.id ?? null,
    tags: [...(task?.tags ?? [])],
    started_at: beganAt,
    utc_offset_min: offset,
    // A wall clock that was set back meanwhile shortens nothing.
    ended_at: Math.max(awayAt ?? now.wall, beganAt + Math.round(elapsed_ms)),
    duration_ms: timer.duration,
    elapsed_ms: Math.round(elapsed_ms),
    outcome,
  };
}

/** A new session: the work of its first round. */
export function start(
  how: { preset: string; settings: Settings; task: ActiveTask | null; paused: boolean },
  now: Now,
): Change {
  const { preset, settings, task, paused } = how;
  const timer = beginTimer(settings.work_ms, now.mono);
  const current: Current = {
    type: "WORK",
    round: 1,
    n: 1,
    timer: paused ? pauseTimer(timer, now.mono) : timer,
    beganAt: now.wall,
    offset: now.offset,
    completed: false,
    awayAt: null,
  };
  const state: Pomodoro = { current, preset, settings, task, undo: null, over: false };
  return { state, happened: [happened(state, "STARTED")] };
}

/** The next interval, running. */
function begin(state: Pomodoro, next: { type: SessionType; round: number }, now: Now): Happened {
  const timer = beginTimer(durationOf(next.type, state.settings), now.mono);
  const n = state.current.n + 1;
  const current: Current = {
    ...next,
    n,
    timer,
    beganAt: now.wall,
    offset: now.offset,
    completed: false,
    awayAt: null,
  };
  return happened({ ...state, current }, "STARTED");
}

const change = (all: readonly Happened[], before: Pomodoro): Change => ({
  state: all.at(-1)?.state ?? before,
  happened: all,
});

const NOTHING: Refusal = { refused: "nothing is running", hint: "stint pomo start" };

/** Stands still; what stands already is left alone. */
export function pause(state: Pomodoro, now: Now): Change {
  if (!isRunning(state)) return { state, happened: [] };
  const { current } = state;
  const paused = { ...state, current: { ...current, timer: pauseTimer(current.timer, now.mono) } };
  return { state: paused, happened: [happened(paused, "PAUSED")] };
}

/** Goes on; from an interval that is over, with the next. What wasn't counted can be had back by undo, as after a skip. */
export function resume(state: Pomodoro, now: Now): Change {
  if (state.over || isRunning(state)) return { state, happened: [] };
  if (isStanding(state)) {
    const from = state.current.completed ? { ...state, undo: null } : undoable(state, "skip", now);
    return change([...leave(from, now), begin(from, nextInterval(from), now)], state);
  }
  const { current } = state;
  const resumed = { ...state, current: { ...current, timer: resumeTimer(current.timer, now.mono) } };
  return { state: resumed, happened: [happened(resumed, "RESUMED")] };
}

/** Its end as interrupted, unless it was completed. */
function leave(state: Pomodoro, now: Now): Happened[] {
  if (state.current.completed) return [];
  const timer = isStanding(state) ? state.current.timer : finishTimer(state.current.timer, now.mono);
  const gone = { ...state, current: { ...state.current, timer } };
  return [{ ...happened(gone, "INTERRUPTED"), ended: ended(gone, "interrupted", now) }];
}

/** Its end as done. */
function completed(state: Pomodoro, now: Now): Happened {
  const { current } = state;
  const timer = isStanding(state) ? current.timer : finishTimer(current.timer, now.mono);
  const done = { ...state, current: { ...current, timer, completed: true } };
  return { ...happened(done, "COMPLETED"), ended: ended(done, "completed", now) };
}

/** Its end as done, and the next interval where that starts by itself. */
function complete(state: Pomodoro, now: Now): Change {
  const { auto_start_work, auto_start_breaks } = state.settings;
  const done = completed(state, now);
  const next = nextInterval(done.state);
  const auto = next.type === "WORK" ? auto_start_work : auto_start_breaks;
  return change(auto ? [done, begin(done.state, next, now)] : [done], state);
}

/** Called when its time may be up: completes it if it is. */
export function expire(state: Pomodoro, now: Now): Change {
  if (!isRunning(state) || remaining(state.current.timer, now.mono) > 0) return { state, happened: [] };
  return complete({ ...state, undo: null }, now);
}

/**
 * Its time came to an end at `at` (UTC ms) while no host was alive: it stands there, and counts when that was asked for
 * or somebody says so. Nothing starts by itself.
 */
export function endAway(state: Pomodoro, at: number, now: Now): Change {
  const { current, settings } = state;
  const timer = finishTimer(current.timer, now.mono);
  const stood: Pomodoro = { ...state, current: { ...current, timer, awayAt: at }, undo: null };
  if (!settings.count_away) return { state: stood, happened: [] };
  return change([completed(stood, now)], stood);
}

const undoable = (state: Pomodoro, act: Undoable, now: Now): Pomodoro => ({
  ...state,
  undo: { act, to: state.current, at: now.mono },
});

/** Counts the running one as done early; one that came to its end while nobody was there, as done then. */
export function finish(state: Pomodoro, now: Now): Change | Refusal {
  if (state.over) return NOTHING;
  if (state.current.completed)
    return { refused: "it is done already", hint: "stint pomo resume starts the next" };
  return complete(undoable(state, "finish", now), now);
}

/** On to the next interval, which runs. Where one was completed and a break comes next, that is left out. */
export function skip(state: Pomodoro, now: Now): Change | Refusal {
  if (state.over) return NOTHING;
  const from = undoable(state, "skip", now);
  let next = nextInterval(from);
  if (from.current.completed && next.type !== "WORK") {
    next = nextInterval({ ...from, current: { ...from.current, ...next } });
  }
  return change([...leave(from, now), begin(from, next, now)], state);
}

/** Ends the session for good. */
export function stop(state: Pomodoro, now: Now): Change {
  if (state.over) return { state, happened: [] };
  const stopped: Pomodoro = { ...undoable(state, "stop", now), over: true };
  const [gone] = leave(stopped, now);
  return gone ? { state: gone.state, happened: [gone] } : { state: stopped, happened: [] };
}

/** Makes the interval longer. */
export function extend(state: Pomodoro, ms: number, longest: number, now: Now): Change | Refusal {
  if (state.over) return NOTHING;
  if (isStanding(state)) return { refused: "it is over already", hint: "stint pomo resume starts the next" };
  const { current } = state;
  const duration = current.timer.duration + ms;
  if (duration > longest) return { refused: "it would last longer than a day", hint: "stint pomo extend 5m" };
  const timer = { ...current.timer, duration };
  return { state: { ...undoable(state, "extend", now), current: { ...current, timer } }, happened: [] };
}

/** Sets what is worked on. */
export const withTask = (state: Pomodoro, task: ActiveTask | null): Change => ({
  state: { ...state, task },
  happened: [],
});

/** The machine slept. Where that counts as time like any other, it has passed. */
export function slept(state: Pomodoro, ms: number): Pomodoro {
  if (state.settings.suspend === "pause" || !isRunning(state)) return state;
  const { current } = state;
  return {
    ...state,
    current: { ...current, timer: { ...current.timer, started: current.timer.started - ms } },
  };
}

/** Takes back the last skip, finish, extend or stop: the interval is as it was, and what passed since isn't counted. */
export function undo(state: Pomodoro, now: Now): Change | Refusal {
  if (!state.undo)
    return { refused: "there is nothing to undo", hint: "skip, finish, extend and stop can be undone" };
  const { act, to, at } = state.undo;
  if (act === "extend") {
    const timer = { ...state.current.timer, duration: to.timer.duration };
    if (remaining(timer, now.mono) === 0) {
      return { refused: "without the extension it would be over", hint: "stint pomo finish" };
    }
    return { state: { ...state, current: { ...state.current, timer }, undo: null }, happened: [] };
  }
  const gap = now.mono - at;
  const was = to.timer;
  // A pause from then to now, where it ran.
  const timer = isTicking(was) ? { ...was, pausedTotal: was.pausedTotal + gap } : was;
  const back: Pomodoro = { ...state, current: { ...to, timer }, undo: null, over: false };
  const what = to.completed ? "COMPLETED" : isTicking(timer) ? "RESUMED" : "PAUSED";
  const happenings = to.completed ? [] : [happened(back, what)];
  return { state: back, happened: happenings, ...(to.completed ? {} : { undone: to.n }) };
}
