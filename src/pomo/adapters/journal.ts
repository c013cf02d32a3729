import type { Database, Row } from "../../kernel/runtime.ts";
import type { Schema } from "../../kernel/store.ts";
import type { HistoryRow, Interval } from "../core/history.ts";
import type { ActiveTask, SessionType } from "../core/pomodoro.ts";

/** The tables of pomodoros: what was done, and what is to be done. Checkpoints come and go; these stay. */

export const schema: Schema = {
  owner: "pomo",
  migrations: [
    // session_id refers to no row: history outlives sessions. It and n keep an interval from being written twice.
    `CREATE TABLE pomo_task (
       id INTEGER PRIMARY KEY AUTOINCREMENT, profile TEXT NOT NULL, title TEXT NOT NULL, tags TEXT NOT NULL,
       estimate INTEGER, created_at INTEGER NOT NULL, done_at INTEGER, removed_at INTEGER
     ) STRICT;
     CREATE INDEX pomo_task_by_profile ON pomo_task (profile, id);
     CREATE TABLE pomo_active (profile TEXT PRIMARY KEY, task_id INTEGER NOT NULL REFERENCES pomo_task (id)) STRICT;
     CREATE TABLE pomo_interval (
       id INTEGER PRIMARY KEY AUTOINCREMENT, profile TEXT NOT NULL, session_id TEXT, n INTEGER,
       type TEXT NOT NULL, round INTEGER NOT NULL, task TEXT, task_id INTEGER, tags TEXT NOT NULL,
       started_at INTEGER NOT NULL, utc_offset_min INTEGER NOT NULL, ended_at INTEGER NOT NULL,
       duration_ms INTEGER NOT NULL, elapsed_ms INTEGER NOT NULL, outcome TEXT NOT NULL,
       UNIQUE (session_id, n)
     ) STRICT;
     CREATE INDEX pomo_interval_by_start ON pomo_interval (profile, started_at);`,
  ],
};

/** Which interval of which session a row is of, so that it is written once. */
export type Origin = { session: string; n: number };

const columnsOf = (profile: string, interval: Interval) =>
  [
    profile,
    interval.type,
    interval.round,
    interval.task,
    interval.task_id,
    JSON.stringify(interval.tags),
    Math.round(interval.started_at),
    interval.utc_offset_min,
    Math.round(interval.ended_at),
    Math.round(interval.duration_ms),
    Math.round(interval.elapsed_ms),
    interval.outcome,
  ] as const;

/** Adds an interval to history; one that is there already is left as it is. */
export function addInterval(db: Database, profile: string, interval: Interval, from?: Origin): void {
  db.prepare(
    `INSERT INTO pomo_interval (profile, type, round, task, task_id, tags, started_at, utc_offset_min, ended_at,
       duration_ms, elapsed_ms, outcome, session_id, n)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, n) DO NOTHING`,
  ).run(...columnsOf(profile, interval), from?.session ?? null, from?.n ?? null);
}

/** Takes back what {@link addInterval} added. */
export function removeInterval(db: Database, from: Origin): void {
  db.prepare("DELETE FROM pomo_interval WHERE session_id = ? AND n = ?").run(from.session, from.n);
}

function intervalOf(row: Row): HistoryRow {
  return {
    id: Number(row["id"]),
    type: String(row["type"]) as SessionType,
    round: Number(row["round"]),
    task: row["task"] === null ? null : String(row["task"]),
    task_id: row["task_id"] === null ? null : Number(row["task_id"]),
    tags: JSON.parse(String(row["tags"])) as string[],
    started_at: Number(row["started_at"]),
    utc_offset_min: Number(row["utc_offset_min"]),
    ended_at: Number(row["ended_at"]),
    duration_ms: Number(row["duration_ms"]),
    elapsed_ms: Number(row["elapsed_ms"]),
    outcome: String(row["outcome"]) as Interval["outcome"],
  };
}

/** The history of a profile that began at `since` (UTC ms) or later, oldest first. */
export const history = (db: Database, profile: string, since = 0): HistoryRow[] =>
  db
    .prepare("SELECT * FROM pomo_interval WHERE profile = ? AND started_at >= ? ORDER BY started_at, id")
    .all(profile, since)
    .map(intervalOf);

/** A task that hasn't been removed. */
export type Task = ActiveTask & {
  readonly estimate: number | null;
  readonly created_at: number;
  readonly done_at: number | null;
  /** Completed WORK on it. */
  readonly completed: number;
};

const taskOf = (row: Row): Task => ({
  id: Number(row["id"]),
  title: String(row["title"]),
  tags: JSON.parse(String(row["tags"])) as string[],
  estimate: row["estimate"] === null ? null : Number(row["estimate"]),
  created_at: Number(row["created_at"]),
  done_at: row["done_at"] === null ? null : Number(row["done_at"]),
  completed: Number(row["completed"] ?? 0),
});

/** The tasks of a profile that weren't removed, oldest first. */
export const tasks = (db: Database, profile: string): Task[] =>
  db
    .prepare(
      `SELECT *, (SELECT count(*) FROM pomo_interval WHERE task_id = pomo_task.id AND type = 'WORK'
         AND outcome = 'completed') AS completed
       FROM pomo_task WHERE profile = ? AND removed_at IS NULL ORDER BY id`,
    )
    .all(profile)
    .map(taskOf);

/** Adds a task. @returns its id */
export function addTask(
  db: Database,
  profile: string,
  task: { title: string; tags: readonly string[]; estimate: number | null },
  wall: number,
): number {
  const { title, tags, estimate } = task;
  const row = db
    .prepare(
      "INSERT INTO pomo_task (profile, title, tags, estimate, created_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
    )
    .get(profile, title, JSON.stringify(tags), estimate, wall);
  return Number(row?.["id"]);
}

/** Marks a task as done; it is active no more. */
export function finishTask(db: Database, id: number, wall: number): void {
  db.prepare("UPDATE pomo_task SET done_at = ? WHERE id = ?").run(wall, id);
  db.prepare("DELETE FROM pomo_active WHERE task_id = ?").run(id);
}

/** Removes a task; history keeps its title. */
export function removeTask(db: Database, id: number, wall: number): void {
  db.prepare("UPDATE pomo_task SET removed_at = ? WHERE id = ?").run(wall, id);
  db.prepare("DELETE FROM pomo_active WHERE task_id = ?").run(id);
}

/** Sets the task that is worked on; null for none. */
export function setActiveTask(db: Database, profile: string, id: number | null): void {
  if (id === null) db.prepare("DELETE FROM pomo_active WHERE profile = ?").run(profile);
  else db.prepare("INSERT OR REPLACE INTO pomo_active (profile, task_id) VALUES (?, ?)").run(profile, id);
}

/** The task that is worked on, if any. */
export function activeTask(db: Database, profile: string): ActiveTask | null {
  const row = db
    .prepare(
      "SELECT task.* FROM pomo_active JOIN pomo_task AS task ON task.id = task_id WHERE pomo_active.profile = ?",
    )
    .get(profile);
  if (!row) return null;
  const { id, title, tags } = taskOf(row);
  return { id, title, tags };
}
