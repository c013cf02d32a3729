import { dayText, localDay } from "../../kernel/core/local-time.ts";
import type { Database, Row } from "../../kernel/runtime.ts";
import type { Schema } from "../../kernel/store.ts";
import { clicksOf, type InputCounts, NO_INPUT, scrollsOf } from "../core/counts.ts";
import { type Span, type SpanKind, timesOf } from "../core/span.ts";
import type { RunningApp, SeenWindow } from "../core/window.ts";

/**
 * The tables of tracking. Spans say what a session's time was, and can be corrected; windows, running apps, input and
 * screenshots are what was seen, and can only be deleted. A report is the one laid over the other.
 */
export const schema: Schema = {
  owner: "track",
  migrations: [
    `CREATE TABLE track_session (
       n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE REFERENCES session (id) ON DELETE CASCADE,
       profile TEXT NOT NULL, origin TEXT NOT NULL, note TEXT,
       worked_ms INTEGER, paused_ms INTEGER, afk_ms INTEGER, presses INTEGER, clicks INTEGER, scrolls INTEGER,
       distance_px INTEGER, screenshots INTEGER, reported_at INTEGER
     ) STRICT;
     CREATE TABLE track_span (
       id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES track_session (n) ON DELETE CASCADE,
       kind TEXT NOT NULL CHECK (kind IN ('work', 'pause', 'away')), project TEXT, tags TEXT NOT NULL, note TEXT,
       started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL CHECK (ended_at >= started_at),
       utc_offset_min INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX track_span_of_session ON track_span (session, started_at);
     CREATE INDEX track_span_by_time ON track_span (started_at);
     CREATE TABLE track_text (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
     CREATE TABLE track_window (
       id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES track_session (n) ON DELETE CASCADE,
       app INTEGER NOT NULL REFERENCES track_text (id), title INTEGER REFERENCES track_text (id),
       process INTEGER REFERENCES track_text (id), pid INTEGER,
       started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX track_window_of_session ON track_window (session, started_at);
     CREATE TABLE track_running (
       id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES track_session (n) ON DELETE CASCADE,
       process INTEGER NOT NULL REFERENCES track_text (id), pid INTEGER NOT NULL,
       started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX track_running_of_session ON track_running (session, started_at);
     CREATE TABLE track_input (
       session INTEGER NOT NULL REFERENCES track_session (n) ON DELETE CASCADE,
       started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
       presses INTEGER NOT NULL, releases INTEGER NOT NULL, typing_ms INTEGER NOT NULL,
       "left" INTEGER NOT NULL, middle INTEGER NOT NULL, "right" INTEGER NOT NULL, other INTEGER NOT NULL,
       scroll_x INTEGER NOT NULL, scroll_y INTEGER NOT NULL, delta_x INTEGER NOT NULL, delta_y INTEGER NOT NULL,
       distance_px INTEGER NOT NULL, moving_ms INTEGER NOT NULL,
       PRIMARY KEY (session, started_at)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE track_screenshot (
       id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES track_session (n) ON DELETE CASCADE,
       taken_at INTEGER NOT NULL, utc_offset_min INTEGER NOT NULL, monitor TEXT NOT NULL, file TEXT NOT NULL,
       width INTEGER NOT NULL, height INTEGER NOT NULL, bytes INTEGER NOT NULL, thumbnail BLOB NOT NULL,
       app INTEGER REFERENCES track_text (id)
     ) STRICT;
     CREATE INDEX track_screenshot_of_session ON track_screenshot (session, taken_at);
     CREATE TABLE track_change (
       id INTEGER PRIMARY KEY AUTOINCREMENT, profile TEXT NOT NULL, made_at INTEGER NOT NULL, what TEXT NOT NULL,
       images TEXT NOT NULL
     ) STRICT;
     -- The few that are so long that one which began far before a time may reach into it.
     CREATE INDEX track_span_long ON track_span (ended_at) WHERE ended_at - started_at > 86400000;
     CREATE INDEX track_window_long ON track_window (session, ended_at) WHERE ended_at - started_at > 7200000;

     -- Rolled up: what of a UTC day (a count from 1970-01-01) was seen while working, by effort: span is the first of
     -- the work in or near that day that has the same. A day counts as rolled up for as long as its row is here.
     CREATE TABLE cache_track_day (day INTEGER PRIMARY KEY) STRICT;
     CREATE TABLE cache_track_window (
       day INTEGER NOT NULL, span INTEGER NOT NULL,
       app INTEGER NOT NULL, title INTEGER NOT NULL, ms INTEGER NOT NULL, PRIMARY KEY (day, span, app, title)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE cache_track_input (
       day INTEGER NOT NULL, span INTEGER NOT NULL,
       hour INTEGER NOT NULL, keys INTEGER NOT NULL, clicks INTEGER NOT NULL, scrolls INTEGER NOT NULL,
       distance_px INTEGER NOT NULL, typing_ms INTEGER NOT NULL, moving_ms INTEGER NOT NULL,
       PRIMARY KEY (day, span, hour)
     ) STRICT, WITHOUT ROWID;
     -- Foreign keys would do this only for connections that keep them.
     CREATE TRIGGER cache_track_day_forgotten AFTER DELETE ON cache_track_day BEGIN
       DELETE FROM cache_track_window WHERE day = OLD.day;
       DELETE FROM cache_track_input WHERE day = OLD.day;
     END;
     -- What changes in a day that is rolled up makes it to be rolled up anew. Of what only goes on, that is the time
     -- that was added. An interval of input counts where there is work within it, and is an hour at most: so much
     -- further reaches what a span's change touches.
     CREATE TRIGGER track_window_added AFTER INSERT ON track_window BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN NEW.started_at / 86400000 AND NEW.ended_at / 86400000;
     END;
     CREATE TRIGGER track_window_removed AFTER DELETE ON track_window BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN OLD.started_at / 86400000 AND OLD.ended_at / 86400000;
     END;
     CREATE TRIGGER track_window_went_on AFTER UPDATE OF ended_at ON track_window BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN min(OLD.ended_at, NEW.ended_at) / 86400000
         AND max(OLD.ended_at, NEW.ended_at) / 86400000;
     END;
     CREATE TRIGGER track_window_changed AFTER UPDATE ON track_window
     WHEN (OLD.session, OLD.app, OLD.title, OLD.started_at) IS NOT (NEW.session, NEW.app, NEW.title, NEW.started_at)
     BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN min(OLD.started_at, NEW.started_at) / 86400000
         AND max(OLD.ended_at, NEW.ended_at) / 86400000;
     END;
     -- It may take the place of one that was longer, of which no trigger is told.
     CREATE TRIGGER track_input_added AFTER INSERT ON track_input BEGIN
       DELETE FROM cache_track_day
       WHERE day BETWEEN NEW.started_at / 86400000 AND (NEW.started_at + 3600000) / 86400000;
     END;
     CREATE TRIGGER track_input_removed AFTER DELETE ON track_input BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN OLD.started_at / 86400000 AND OLD.ended_at / 86400000;
     END;
     CREATE TRIGGER track_input_changed AFTER UPDATE ON track_input BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN min(OLD.started_at, NEW.started_at) / 86400000
         AND max(OLD.ended_at, NEW.ended_at) / 86400000;
     END;
     CREATE TRIGGER track_span_added AFTER INSERT ON track_span WHEN NEW.kind = 'work' BEGIN
       DELETE FROM cache_track_day
       WHERE day BETWEEN (NEW.started_at - 3600000) / 86400000 AND (NEW.ended_at + 3600000) / 86400000;
     END;
     CREATE TRIGGER track_span_removed AFTER DELETE ON track_span WHEN OLD.kind = 'work' BEGIN
       DELETE FROM cache_track_day
       WHERE day BETWEEN (OLD.started_at - 3600000) / 86400000 AND (OLD.ended_at + 3600000) / 86400000;
     END;
     CREATE TRIGGER track_span_went_on AFTER UPDATE OF ended_at ON track_span
     WHEN OLD.ended_at <> NEW.ended_at AND 'work' IN (OLD.kind, NEW.kind) BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN (min(OLD.ended_at, NEW.ended_at) - 3600000) / 86400000
         AND (max(OLD.ended_at, NEW.ended_at) + 3600000) / 86400000;
     END;
     CREATE TRIGGER track_span_changed AFTER UPDATE ON track_span
     WHEN 'work' IN (OLD.kind, NEW.kind)
       AND (OLD.id, OLD.session, OLD.kind, OLD.project, OLD.tags, OLD.started_at, OLD.utc_offset_min)
         IS NOT (NEW.id, NEW.session, NEW.kind, NEW.project, NEW.tags, NEW.started_at, NEW.utc_offset_min)
     BEGIN
       DELETE FROM cache_track_day WHERE day BETWEEN (min(OLD.started_at, NEW.started_at) - 3600000) / 86400000
         AND (max(OLD.ended_at, NEW.ended_at) + 3600000) / 86400000;
     END;`,
  ],
};

/** Where a session came from: it was tracked as it happened, added by hand, or imported. */
export type Origin = "tracked" | "added" | "imported";

/** Adds tracking's own row of a session, or finds it. @returns its number */
export function trackSession(db: Database, session: { id: string; profile: string; origin: Origin }): number {
  const { id, profile, origin } = session;
  db.prepare(
    "INSERT INTO track_session (id, profile, origin) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
  ).run(id, profile, origin);
  return Number(db.prepare("SELECT n FROM track_session WHERE id = ?").get(id)?.["n"]);
}

/** The id of a text that is kept once, however often it is seen. */
export function textId(db: Database, text: string): number {
  const known = db.prepare("SELECT id FROM track_text WHERE text = ?").get(text);
  if (known) return Number(known["id"]);
  db.prepare("INSERT INTO track_text (text) VALUES (?)").run(text);
  return Number(db.prepare("SELECT last_insert_rowid() AS id").get()?.["id"]);
}

export const spanOf = (row: Row): Span => ({
  id: Number(row["id"]),
  session: Number(row["session"]),
  kind: String(row["kind"]) as SpanKind,
  project: row["project"] === null ? null : String(row["project"]),
  tags: JSON.parse(String(row["tags"])) as string[],
  note: row["note"] === null ? null : String(row["note"]),
  started_at: Number(row["started_at"]),
  ended_at: Number(row["ended_at"]),
  utc_offset_min: Number(row["utc_offset_min"]),
});

/** Adds a span. With an id it takes that one, which must be free. @returns its id */
export function addSpan(db: Database, span: Omit<Span, "id"> & { id?: number | null }): number {
  const { id = null, session, kind, project, tags, note, started_at, ended_at, utc_offset_min } = span;
  db.prepare(
    `INSERT INTO track_span (id, session, kind, project, tags, note, started_at, ended_at, utc_offset_min)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(id, session, kind, project, JSON.stringify(tags), note, started_at, ended_at, utc_offset_min);
  return id ?? Number(db.prepare("SELECT last_insert_rowid() AS id").get()?.["id"]);
}

export function changeSpan(db: Database, span: Span): void {
  const { id, kind, project, tags, note, started_at, ended_at, utc_offset_min } = span;
  db.prepare(
    `UPDATE track_span SET kind = ?, project = ?, tags = ?, note = ?, started_at = ?, ended_at = ?, utc_offset_min = ?
     WHERE id = ?`,
  ).run(kind, project, JSON.stringify(tags), note, started_at, ended_at, utc_offset_min, id);
}

export function removeSpan(db: Database, id: number): void {
  db.prepare("DELETE FROM track_span WHERE id = ?").run(id);
}

/** The spans of a session, in order. */
export const spansOfSession = (db: Database, session: number): Span[] =>
  db.prepare("SELECT * FROM track_span WHERE session = ? ORDER BY started_at, id").all(session).map(spanOf);

/** The spans of a profile that reach into a time, in order; UTC ms, `to` excluded. What was long before isn't looked through. */
export const spansBetween = (db: Database, profile: string, from: number, to: number): Span[] =>
  db
    .prepare(
      `SELECT track_span.* FROM track_span JOIN track_session ON n = session
       WHERE track_span.id IN (
         SELECT id FROM track_span WHERE started_at > ?1 - 86400000 AND started_at < ?2 AND +ended_at > ?1
         UNION ALL
         SELECT id FROM track_span
         WHERE ended_at - started_at > 86400000 AND ended_at > ?1 AND +started_at <= ?1 - 86400000
       ) AND profile = ?3 ORDER BY started_at, track_span.id`,
    )
    .all(from, to, profile)
    .map(spanOf);

/** Adds an event of the active window. @returns its id */
export function addWindow(
  db: Database,
  event: { session: number; window: SeenWindow; started_at: number; ended_at: number },
): number {
  const { session, window, started_at, ended_at } = event;
  const { app, title, process, pid } = window;
  const text = (value: string | null) => (value === null ? null : textId(db, value));
  db.prepare(
    `INSERT INTO track_window (session, app, title, process, pid, started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ).run(session, text(app), text(title), text(process), pid, started_at, ended_at);
  return Number(db.prepare("SELECT last_insert_rowid() AS id").get()?.["id"]);
}

export function extendWindow(db: Database, id: number, ended_at: number): void {
  db.prepare("UPDATE track_window SET ended_at = ? WHERE id = ?").run(ended_at, id);
}

/** What the columns of counts are called. */
export const COUNTS = Object.keys(NO_INPUT) as (keyof InputCounts)[];
const quoted = COUNTS.map((name) => `"${name}"`);

/** Writes what was counted in an interval, in the place of what was written of it before. */
export function putInput(
  db: Database,
  row: { session: number; started_at: number; ended_at: number; counts: Readonly<InputCounts> },
): void {
  const { session, started_at, ended_at, counts } = row;
  db.prepare(
    `INSERT OR REPLACE INTO track_input (session, started_at, ended_at, ${quoted.join(", ")})
     VALUES (?, ?, ?, ${COUNTS.map(() => "?").join(", ")})`,
  ).run(session, started_at, ended_at, ...COUNTS.map((name) => counts[name]));
}

/** What a session's input comes to. */
export function inputOfSession(db: Database, session: number): InputCounts {
  const sums = quoted.map((name) => `COALESCE(SUM(${name}), 0) AS ${name}`).join(", ");
  const row = db.prepare(`SELECT ${sums} FROM track_input WHERE session = ?`).get(session) ?? {};
  return Object.fromEntries(COUNTS.map((name) => [name, Number(row[name] ?? 0)])) as InputCounts;
}

/** A session's note, its screenshots, and the newest of them. */
export function sessionFacts(db: Database, session: number) {
  const note = db.prepare("SELECT note FROM track_session WHERE n = ?").get(session)?.["note"] ?? null;
  const count = db.prepare("SELECT COUNT(*) AS count FROM track_screenshot WHERE session = ?").get(session);
  const newest = db
    .prepare(
      "SELECT id, taken_at FROM track_screenshot WHERE session = ? ORDER BY taken_at DESC, id DESC LIMIT 1",
    )
    .get(session);
  return {
    note: note === null ? null : String(note),
    screenshots: Number(count?.["count"]),
    newest: newest ? { id: Number(newest["id"]), at: Number(newest["taken_at"]) } : null,
  };
}

/** @param text null for none */
export function setNote(db: Database, session: number, text: string | null): void {
  db.prepare("UPDATE track_session SET note = ? WHERE n = ?").run(text, session);
}

/** Writes the report row of a session that is over, from its rows; made anew after each correction. */
export function putReport(db: Database, session: number, wall: number): void {
  const { worked_ms, paused_ms, afk_ms } = timesOf(spansOfSession(db, session));
  const input = inputOfSession(db, session);
  const { screenshots } = sessionFacts(db, session);
  db.prepare(
    `UPDATE track_session SET worked_ms = ?, paused_ms = ?, afk_ms = ?, presses = ?, clicks = ?, scrolls = ?,
       distance_px = ?, screenshots = ?, reported_at = ? WHERE n = ?`,
  ).run(
    worked_ms,
    paused_ms,
    afk_ms,
    input.presses,
    clicksOf(input),
    scrollsOf(input),
    input.distance_px,
    screenshots,
    wall,
    session,
  );
}

/** Keys and clicks of a session's intervals that began at a time or later. */
export const inputByMinute = (db: Database, session: number, from: number) =>
  db
    .prepare(
      `SELECT started_at, presses, "left" + middle + "right" + other AS clicks FROM track_input
       WHERE session = ? AND started_at >= ? ORDER BY started_at`,
    )
    .all(session, from)
    .map((row) => ({
      at: Number(row["started_at"]),
      keys: Number(row["presses"]),
      clicks: Number(row["clicks"]),
    }));

/** Adds an event of a program that runs. @returns its id */
export function addRunning(
  db: Database,
  event: { session: number; app: RunningApp; started_at: number; ended_at: number },
): number {
  const { session, app, started_at, ended_at } = event;
  db.prepare(
    "INSERT INTO track_running (session, process, pid, started_at, ended_at) VALUES (?, ?, ?, ?, ?)",
  ).run(session, textId(db, app.process), app.pid, started_at, ended_at);
  return Number(db.prepare("SELECT last_insert_rowid() AS id").get()?.["id"]);
}

export function extendRunning(db: Database, id: number, ended_at: number): void {
  db.prepare("UPDATE track_running SET ended_at = ? WHERE id = ?").run(ended_at, id);
}

/** The local date of an instant, `2026-11-22`. */
export const dateOf = (wall: number, offsetMin: number): string => dayText(localDay(wall, offsetMin));
