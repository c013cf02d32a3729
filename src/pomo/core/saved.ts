import { SESSION_TYPES } from "./history.ts";
import {
  type ActiveTask,
  type Change,
  type Current,
  endAway,
  type Now,
  type Pomodoro,
  type Settings,
  stop,
  type Undoable,
} from "./pomodoro.ts";
import { beginTimer, finishTimer, isTicking, pauseTimer, remaining } from "./timer.ts";

/**
 * What a checkpoint holds: the state without its clock, whose origin is gone with its host. What is left of the
 * interval stands for the readings of that clock.
 */

/** The version of {@link Saved}. */
const VERSION = 1;

type SavedInterval = {
  type: Current["type"];
  round: number;
  n: number;
  duration_ms: number;
  remaining_ms: number;
  /** `finished`: it is over, and the next hasn't begun. */
  timer: "running" | "paused" | "finished";
  began_at: number;
  utc_offset_min: number;
  completed: boolean;
  away_at: number | null;
};

export type Saved = {
  version: number;
  interval: SavedInterval;
  preset: string;
  settings: Settings;
  task: ActiveTask | null;
  undo: { act: Undoable; to: SavedInterval } | null;
  over: boolean;
};

function saveInterval(current: Current, mono: number): SavedInterval {
  const { type, round, n, timer, beganAt, offset, completed, awayAt } = current;
  return {
    type,
    round,
    n,
    duration_ms: timer.duration,
    remaining_ms: remaining(timer, mono),
    timer: isTicking(timer) ? "running" : timer.finishedAt === null ? "paused" : "finished",
    began_at: beganAt,
    utc_offset_min: offset,
    completed,
    away_at: awayAt,
  };
}

/** The state as a checkpoint has it. Shares nothing with it: the store's encoder refuses what stands in two places. */
export const save = (state: Pomodoro, now: Now): Saved => ({
  version: VERSION,
  interval: saveInterval(state.current, now.mono),
  preset: state.preset,
  settings: { ...state.settings },
  task: state.task && { ...state.task, tags: [...state.task.tags] },
  undo: state.undo && { act: state.undo.act, to: saveInterval(state.undo.to, state.undo.at) },
  over: state.over,
});

function restoreInterval(saved: SavedInterval, mono: number): Current {
  const timer = beginTimer(saved.duration_ms, mono, saved.duration_ms - saved.remaining_ms);
  return {
    type: saved.type,
    round: saved.round,
    n: saved.n,
    timer:
      saved.timer === "running"
        ? timer
        : saved.timer === "paused"
          ? pauseTimer(timer, mono)
          : finishTimer(timer, mono),
    beganAt: saved.began_at,
    offset: saved.utc_offset_min,
    completed: saved.completed,
    awayAt: saved.away_at,
  };
}

/** The state that was saved, as if no time had passed. */
export function unsave(saved: Saved, now: Now): Pomodoro {
  const { preset, settings, task, undo, over } = saved;
  return {
    current: restoreInterval(saved.interval, now.mono),
    preset,
    settings,
    task,
    undo: undo && { act: undo.act, to: restoreInterval(undo.to, now.mono), at: now.mono },
    over,
  };
}

/** What was last alive longer ago isn't taken up again, ms. */
const RESTORED_WITHIN_MS = 24 * 3_600_000;

/** What a checkpoint says of the session now that no host is alive. */
export type Restorable =
  /** It was stopped. */
  | { readonly how: "over"; readonly change: Change }
  /** Nobody was there for longer than a day. */
  | { readonly how: "expired"; readonly change: Change }
  | {
      readonly how: "restored";
      /** Happenings: what has come to its end meanwhile. */
      readonly change: Change;
      /** When it was last alive, UTC ms. */
      readonly from: number;
      /** What was taken off the running timer, ms. */
      readonly takenOff: number;
    };

/**
 * What becomes of a saved state when it is taken up after its host has died: what was paused is paused; from what ran,
 * the time since is taken off, and where that is more than there was, it stands at 0.
 */
export function restore(saved: Saved, lastActive: number, now: Now): Restorable {
  const state = unsave(saved, now);
  if (state.over) return { how: "over", change: { state, happened: [] } };
  const gap = Math.max(0, now.wall - lastActive);
  if (gap > RESTORED_WITHIN_MS) {
    return { how: "expired", change: stop(state, { ...now, wall: lastActive }) };
  }
  const { timer } = state.current;
  if (!isTicking(timer)) {
    return { how: "restored", change: { state, happened: [] }, from: lastActive, takenOff: 0 };
  }
  const takenOff = Math.min(gap, remaining(timer, now.mono));
  const current = { ...state.current, timer: { ...timer, started: timer.started - gap } };
  const left = remaining(current.timer, now.mono);
  const change: Change =
    left > 0
      ? { state: { ...state, current }, happened: [] }
      : endAway({ ...state, current }, Math.round(lastActive + takenOff), now);
  return { how: "restored", change, from: lastActive, takenOff };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isMs = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value >= 0;

function isInterval(value: unknown): value is SavedInterval {
  return (
    isObject(value) &&
    (SESSION_TYPES as readonly unknown[]).includes(value["type"]) &&
    isWhole(value["round"]) &&
    isWhole(value["n"]) &&
    isMs(value["duration_ms"]) &&
    isMs(value["remaining_ms"]) &&
    Number(value["remaining_ms"]) <= Number(value["duration_ms"]) &&
    ["running", "paused", "finished"].includes(String(value["timer"])) &&
    isMs(value["began_at"]) &&
    Number.isFinite(value["utc_offset_min"]) &&
    typeof value["completed"] === "boolean" &&
    (value["away_at"] === null || isMs(value["away_at"]))
  );
}

function isSettings(value: unknown): value is Settings {
  return (
    isObject(value) &&
    [value["work_ms"], value["break_ms"], value["long_break_ms"]].every(isMs) &&
    isWhole(value["rounds"]) &&
    [value["auto_start_breaks"], value["auto_start_work"], value["count_away"]].every(
      (flag) => typeof flag === "boolean",
    ) &&
    (value["suspend"] === "pause" || value["suspend"] === "count")
  );
}

const isTask = (value: unknown): value is ActiveTask =>
  isObject(value) &&
  isWhole(value["id"]) &&
  typeof value["title"] === "string" &&
  Array.isArray(value["tags"]) &&
  value["tags"].every((tag) => typeof tag === "string");

/** The saved state in what a checkpoint held; undefined when it is damaged or of a newer version. */
export function readSaved(value: unknown): Saved | undefined {
  if (!isObject(value) || value["version"] !== VERSION) return undefined;
  const { interval, preset, settings, task, undo, over } = value;
  const sound =
    isInterval(interval) &&
    typeof preset === "string" &&
    isSettings(settings) &&
    (task === null || isTask(task)) &&
    (undo === null ||
      (isObject(undo) &&
        ["skip", "finish", "extend", "stop"].includes(String(undo["act"])) &&
        isInterval(undo["to"]))) &&
    typeof over === "boolean";
  return sound ? (value as Saved) : undefined;
}

/** What is said of checkpoints that can't be read. */
export const passedOverText = (count: number): string =>
  count === 0 ? "" : `${count} damaged or newer checkpoint${count === 1 ? " was" : "s were"} passed over`;
