import { plain, plainTags } from "../../../kernel/core/plain.ts";
import type { Database, Row } from "../../../kernel/runtime.ts";
import type { InputCounts } from "../../core/counts.ts";
import { COUNTS, type Origin, spansBetween } from "../journal.ts";
import type { Range } from "../range.ts";
import type { InputRecord, Kept, RunningRecord, SessionRecord, WindowRecord } from "./format.ts";

/** What the store has, as records of a file. Texts that were typed are as all formats can carry them. */

type Session = SessionRecord & { n: number };

/** Everything of a profile that began in a time, and the sessions that this is of or that reach into it. */
export function kept(db: Database, profile: string, { from, to }: Range): Kept {
  const sessions = sessionsOf(db, profile, from, to);
  const ids = new Map(sessions.map(({ n, id }) => [n, id]));
  const each = function* <T>(
    read: (db: Database, session: number, id: string, from: number, to: number) => T[],
  ) {
    for (const { n, id } of sessions) yield* read(db, n, id, from, to);
  };
  return {
    sessions: sessions.map(({ n: _, ...session }) => session),
    spans: spansBetween(db, profile, from - 1, to)
      .filter(({ started_at }) => started_at >= from)
      .map(({ id: _, session, kind, project, tags, note, ...times }) => ({
        session: ids.get(session) ?? null,
        kind,
        project: plain(project ?? "") || null,
        tags: plainTags(tags),
        note: plain(note ?? "") || null,
        ...times,
      })),
    windows: () => each(windowsOf),
    running: () => each(runningOf),
    input: () => each(inputOf),
  };
}

/** Those that have spans in a time, or anything that was seen then; of one without spans what its own row says counts. */
function sessionsOf(db: Database, profile: string, from: number, to: number): Session[] {
  const rows = db
    .prepare(
      `SELECT n, id, origin, note, utc_offset_min, COALESCE(first, started_at) AS started_at,
         COALESCE(last, ended_at, last_active) AS ended_at
       FROM track_session JOIN session USING (id) LEFT JOIN (
         SELECT session, MIN(started_at) AS first, MAX(ended_at) AS last FROM track_span GROUP BY session
       ) ON session = n
       WHERE track_session.profile = ?1 AND (
         (first IS NULL AND started_at < ?3 AND COALESCE(ended_at, last_active) >= ?2)
         OR EXISTS (SELECT 1 FROM track_span WHERE session = n AND started_at < ?3 AND ended_at >= ?2)
         OR EXISTS (SELECT 1 FROM track_window WHERE session = n AND started_at >= ?2 AND started_at < ?3)
         OR EXISTS (SELECT 1 FROM track_running WHERE session = n AND started_at >= ?2 AND started_at < ?3)
         OR EXISTS (SELECT 1 FROM track_input WHERE session = n AND started_at >= ?2 AND started_at < ?3)
       ) ORDER BY 6, n`,
    )
    .all(profile, from, to);
  return rows.map((row) => ({
    n: Number(row["n"]),
    id: String(row["id"]),
    origin: String(row["origin"]) as Origin,
    note: plain(String(row["note"] ?? "")) || null,
    started_at: Number(row["started_at"]),
    ended_at: Number(row["ended_at"]),
    utc_offset_min: Number(row["utc_offset_min"]),
  }));
}

const textOrNull = (value: Row[string] | undefined): string | null =>
  value === null || value === undefined ? null : String(value);
const times = (row: Row) => ({ started_at: Number(row["started_at"]), ended_at: Number(row["ended_at"]) });

/** The windows of a session that were looked at from a time on. @param id the session's, in the records */
export const windowsOf = (
  db: Database,
  session: number,
  id: string | null = null,
  from = 0,
  to = Number.MAX_SAFE_INTEGER,
): WindowRecord[] =>
  db
    .prepare(
      `SELECT app.text AS app, title.text AS title, process.text AS process, pid, started_at, ended_at
       FROM track_window JOIN track_text AS app ON app.id = app
       LEFT JOIN track_text AS title ON title.id = title LEFT JOIN track_text AS process ON process.id = process
       WHERE session = ? AND started_at >= ? AND started_at < ? ORDER BY started_at, track_window.id`,
    )
    .all(session, from, to)
    .map((row) => ({
      session: id,
      app: String(row["app"]),
      title: textOrNull(row["title"]),
      process: textOrNull(row["process"]),
      pid: row["pid"] === null ? null : Number(row["pid"]),
      ...times(row),
    }));

/** The programs that ran in a session, likewise. */
export const runningOf = (
  db: Database,
  session: number,
  id: string | null = null,
  from = 0,
  to = Number.MAX_SAFE_INTEGER,
): RunningRecord[] =>
  db
    .prepare(
      `SELECT process.text AS process, pid, started_at, ended_at
       FROM track_running JOIN track_text AS process ON process.id = process
       WHERE session = ? AND started_at >= ? AND started_at < ? ORDER BY started_at, track_running.id`,
    )
    .all(session, from, to)
    .map((row) => ({
      session: id,
      process: String(row["process"]),
      pid: Number(row["pid"]),
      ...times(row),
    }));

/** A session's intervals of input, likewise. */
export const inputOf = (
  db: Database,
  session: number,
  id: string | null = null,
  from = 0,
  to = Number.MAX_SAFE_INTEGER,
): InputRecord[] =>
  db
    .prepare(
      "SELECT * FROM track_input WHERE session = ? AND started_at >= ? AND started_at < ? ORDER BY started_at",
    )
    .all(session, from, to)
    .map((row) => {
      const counts = Object.fromEntries(COUNTS.map((name) => [name, Number(row[name])])) as InputCounts;
      return { session: id, ...times(row), ...counts };
    });
