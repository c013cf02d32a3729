import { localDay } from "../../kernel/core/local-time.ts";
import type { Database, Row } from "../../kernel/runtime.ts";
import type { Schema } from "../../kernel/store.ts";
import type { HistoryRow, Interval, SessionType } from "../core/history.ts";
import type { ActiveTask } from "../core/pomodoro.ts";
import { type Counted, type Overview, overview, yearBegins } from "../core/stats.ts";

/** The tables of pomodoros: what was done, and what is to be done. Checkpoints come and go; these stay. */

export const schema: Schema = {
  owner: "pomo",
  migrations: [
    // session_id refers to no row: history outlives sessions. It and n keep an interval from being written twice.
    // The indexes hold all that counting needs: it happens at each change.
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
     CREATE INDEX pomo_interval_by_start ON pomo_interval
       (profile, started_at, utc_offset_min, type, outcome, elapsed_ms);
     CREATE INDEX pomo_interval_by_task ON pomo_interval (task_id, type, outcome);`,
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

/**
 * Adds an interval to history; one that is there already is left as it is.
 * @returns its id, undefined when it was there
 */
export function addInterval(
  db: Database,
  profile: string,
  interval: Interval,
  from?: Origin,
): number | undefined {
  const row = db
    .prepare(
      `INSERT INTO pomo_interval (profile, type, round, task, task_id, tags, started_at, utc_offset_min, ended_at,
         duration_ms, elapsed_ms, outcome, session_id, n)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session_id, n) DO NOTHING RETURNING id`,
    )
    .get(...columnsOf(profile, interval), from?.session ?? null, from?.n ?? null);
  return row && Number(row["id"]);
}

/** One interval of a profile. */
export function findInterval(db: Database, profile: string, id: number): HistoryRow | undefined {
  const row = db.prepare("SELECT * FROM pomo_interval WHERE profile = ? AND id = ?").get(profile, id);
  return row && intervalOf(row);
}

/** Corrects an interval; which session it was of stays. */
export function changeInterval(db: Database, profile: string, row: HistoryRow): void {
  db.prepare(
    `UPDATE pomo_interval SET profile = ?, type = ?, round = ?, task = ?, task_id = ?, tags = ?, started_at = ?,
       utc_offset_min = ?, ended_at = ?, duration_ms = ?, elapsed_ms = ?, outcome = ? WHERE id = ?`,
  ).run(...columnsOf(profile, row), row.id);
}

/** Deletes an interval by its id. */
export function deleteInterval(db: Database, id: number): void {
  db.prepare("DELETE FROM pomo_interval WHERE id = ?").run(id);
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

/** When a local day begins at the earliest and ends at the latest, wherever it is: offsets go from −12 to +14 hours. */
const dayBegins = (day: number): number => (day * 24 - 14) * 3_600_000;
const dayEnds = (day: number): number => (day * 24 + 24 + 12) * 3_600_000;

/** The history of a profile from a local day on, oldest first. */
export const historyFrom = (db: Database, profile: string, day: number): HistoryRow[] =>
  history(db, profile, dayBegins(day)).filter((row) => localDay(row.started_at, row.utc_offset_min) >= day);

/** Whether a profile has any history. */
export const hasHistory = (db: Database, profile: string): boolean =>
  db.prepare("SELECT 1 FROM pomo_interval WHERE profile = ? LIMIT 1").get(profile) !== undefined;

/** The intervals of a profile that share time with this one, oldest first. */
export const overlapping = (
  db: Database,
  profile: string,
  { started_at, ended_at }: Pick<Interval, "started_at" | "ended_at">,
): HistoryRow[] =>
  db
    .prepare(
      "SELECT * FROM pomo_interval WHERE profile = ? AND started_at < ? AND ended_at > ? ORDER BY started_at, id",
    )
    .all(profile, Math.round(ended_at), Math.round(started_at))
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

const TASKS = `SELECT *, (SELECT count(*) FROM pomo_interval WHERE task_id = pomo_task.id AND type = 'WORK'
  AND outcome = 'completed') AS completed FROM pomo_task WHERE profile = ? AND removed_at IS NULL`;

/** The tasks of a profile that weren't removed, oldest first. */
export const tasks = (db: Database, profile: string): Task[] =>
  db.prepare(`${TASKS} ORDER BY id`).all(profile).map(taskOf);

/** Those of them that aren't done. */
export const openTasks = (db: Database, profile: string): Task[] =>
  db.prepare(`${TASKS} AND done_at IS NULL ORDER BY id`).all(profile).map(taskOf);

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
    .get(profile, title, JSON.stringify(tags), estimate, Math.round(wall));
  return Number(row?.["id"]);
}

/** Changes what a task is called, its tags and its estimate. */
export function changeTask(
  db: Database,
  { id, title, tags, estimate }: Pick<Task, "id" | "title" | "tags" | "estimate">,
): void {
  db.prepare("UPDATE pomo_task SET title = ?, tags = ?, estimate = ? WHERE id = ?").run(
    title,
    JSON.stringify(tags),
    estimate,
    id,
  );
}

/** Opens a task that was done again. */
export function reopenTask(db: Database, id: number): void {
  db.prepare("UPDATE pomo_task SET done_at = NULL WHERE id = ?").run(id);
}

/** Marks a task as done; it is active no more. */
export function finishTask(db: Database, id: number, wall: number): void {
  db.prepare("UPDATE pomo_task SET done_at = ? WHERE id = ?").run(Math.round(wall), id);
  db.prepare("DELETE FROM pomo_active WHERE task_id = ?").run(id);
}

/** Removes a task; history keeps its title. */
export function removeTask(db: Database, id: number, wall: number): void {
  db.prepare("UPDATE pomo_task SET removed_at = ? WHERE id = ?").run(Math.round(wall), id);
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

/** Whether a task is there to be worked on: neither done nor removed. */
export const isOpenTask = (db: Database, id: number): boolean =>
  db.prepare("SELECT 1 FROM pomo_task WHERE id = ? AND done_at IS NULL AND removed_at IS NULL").get(id) !==
  undefined;

/**
 * What the profile's history comes to now: to be read anew at each change of history or tasks, and at local midnight.
 * @param now `wall` in UTC ms, `offset` of local time in minutes east, `goal` in completed WORK a day
 */
export function readOverview(
  db: Database,
  profile: string,
  now: { goal: number; wall: number; offset: number },
): Overview {
  const first = yearBegins(localDay(now.wall, now.offset));
  const rows = db
    .prepare(
      `SELECT type, started_at, utc_offset_min, elapsed_ms, outcome FROM pomo_interval
       WHERE profile = ? AND started_at >= ? AND type = 'WORK'`,
    )
    .all(profile, dayBegins(first)) as Counted[];
  const on = db.prepare(
    `SELECT 1 FROM pomo_interval WHERE profile = ? AND started_at BETWEEN ? AND ? AND type = 'WORK'
       AND outcome = 'completed' AND (started_at + utc_offset_min * 60000) / 86400000 = ? LIMIT 1`,
  );
  // Asked a day at a time, and for as long only as the streak goes on.
  const earlier = (day: number): boolean => on.get(profile, dayBegins(day), dayEnds(day), day) !== undefined;
  const open = openTasks(db, profile).map(({ id, title, estimate, completed }) => {
    return { id, title, estimate, completed };
  });
  return overview({ rows, earlier, tasks: open, ...now });
}

/** How an interval of a session ended; undefined while it hasn't. */
export function outcomeOf(db: Database, { session, n }: Origin): Interval["outcome"] | undefined {
  const row = db.prepare("SELECT outcome FROM pomo_interval WHERE session_id = ? AND n = ?").get(session, n);
  return row && (String(row["outcome"]) as Interval["outcome"]);
}
