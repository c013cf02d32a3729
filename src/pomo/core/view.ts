import type { CheckpointType, SessionType, Undoable } from "./pomodoro.ts";
import type { Overview } from "./stats.ts";

/** What clients are shown of a pomodoro, beside the session's own fields. Times are UTC ms, lengths ms. */
export type PomoView = {
  session_type: SessionType | null;
  /** What is left now; while it runs it goes on from the moment this was received. */
  remaining_ms: number;
  duration_ms: number;
  round: number;
  rounds: number;
  task: string | null;
  task_id: number | null;
  preset: string | null;
  /** Whether the interval is over and counted. */
  completed: boolean;
  /** What comes after this interval. */
  next_type: SessionType | null;
  /** Whether this host took it up after another had died; then from when, and what was taken off. */
  restored: boolean;
  restored_from: number | null;
  taken_off_ms: number;
  /** When it came to its end while no host was alive. */
  finished_away_at: number | null;
  last_active: number | null;
  /** What `undo` would take back. */
  undo: Undoable | null;
  /** The last thing that happened, and how many have: a client tells by it what is new. */
  event: CheckpointType | null;
  events: number;
  /** Something to be told once: a suspend, a restore. */
  notice: string | null;
  /** Why the last change isn't on the disk yet. */
  unsaved: string | null;
  /** Today, the streak, the week, the year and the open tasks of the profile. */
  overview: Overview;
};
