import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findSession } from "../../kernel/checkpoint.ts";
import { connect } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Output } from "../../kernel/output.ts";
import { type Database, sqliteCode } from "../../kernel/runtime.ts";
import { findHosts } from "../../kernel/seat.ts";
import { openStore, type Store, storePath } from "../../kernel/store.ts";
import type { Image, Images } from "../core/edits.ts";
import type { Span } from "../core/span.ts";
import { settle } from "./edits.ts";
import { addSpan, changeSpan, removeSpan, schema, spanOf, spansOfSession } from "./journal.ts";
import type { Range } from "./range.ts";
import { removeScreenshotFiles, screenshotFiles, screenshotsBetween } from "./screenshots/store.ts";

/**
 * Deletes for good: files, rows, what the log of changes has of them, texts that nothing refers to any more, and what
 * would be left of them in the pages of the store.
 */

/** How many rows went; of a time, also those that were cut. */
type Erased = {
  sessions: number;
  spans: number;
  windows: number;
  running: number;
  input: number;
  screenshots: number;
};

/** @property scrubbed whether the store's file was written anew, so that nothing is left of it there */
type Outcome = { erased: Erased; scrubbed: boolean };

/**
 * Deletes a session with all that belongs to it.
 * @throws Expected 75 while a living host tracks it, 74 when a screenshot's file can't be deleted
 */
export const eraseSession = (profile: string, id: string): Promise<Outcome> =>
  forGood({
    files(db) {
      checkOver(db, id);
      return screenshotFiles(db, numberOf(db, id));
    },
    rows(db) {
      checkOver(db, id);
      const n = numberOf(db, id);
      const spans = new Set(spansOfSession(db, n).map((span) => span.id));
      const rows = counts(db, n);
      forget(db, profile, (image) => image.session === n || spans.has(image.id));
      db.prepare("DELETE FROM session WHERE id = ?").run(id);
      return { ...rows, sessions: 1, spans: spans.size };
    },
  });

/**
 * Deletes what was tracked in a time; what reaches into it is cut, but for intervals of input, which go as a whole.
 * @param now UTC ms
 * @throws as {@link eraseSession} does
 */
export const erase = (profile: string, { from, to }: Range, now: number): Promise<Outcome> =>
  forGood({
    files(db) {
      checkAllOver(db, profile, to);
      return screenshotsBetween(db, profile, from, to).map(({ file }) => file);
    },
    rows(db) {
      checkAllOver(db, profile, to);
      const spans = cutSpans(db, profile, from, to);
      const ids = new Set(spans.map(({ id }) => id));
      const isIn = ({ id, started_at, ended_at }: Image) =>
        ids.has(id) || (started_at < to && (ended_at === null || ended_at > from));
      forget(db, profile, isIn);
      const [windows = 0, running = 0] = CUTS.map((cut) => cut(db, profile, from, to));
      const input = db.prepare(OVERLAPPING_INPUT).all(profile, from, to);
      const screenshots = db.prepare(SCREENSHOTS_WITHIN).all(profile, from, to);
      const touched = [...spans, ...input, ...screenshots];
      const sessions = [...new Set(touched.map(({ session }) => Number(session)))];
      for (const n of sessions) settle(db, n, now);
      const empty = sessions.filter((n) => isEmpty(db, n));
      for (const n of empty) {
        db.prepare("DELETE FROM session WHERE id = (SELECT id FROM track_session WHERE n = ?)").run(n);
      }
      const counts = { input: input.length, screenshots: screenshots.length };
      return { sessions: empty.length, spans: spans.length, windows, running, ...counts };
    },
  });

/** @param how which files go first, and then what rows */
async function forGood(how: { files(db: Database): string[]; rows(db: Database): Erased }): Promise<Outcome> {
  await using store = await openStore({ schemas: [schema] });
  await removeScreenshotFiles(how.files(store.db));
  // Also where the file can't be written anew at the end.
  store.db.exec("PRAGMA secure_delete = ON");
  const erased = await store.write(how.rows);
  await removeTexts(store);
  const scrubbed = await scrub(store.db);
  await poke();
  return { erased, scrubbed };
}

/**
 * Tells the host that tracks, if there is one, that the store has changed: it shows what a day has come to, and how many
 * screenshots there are.
 */
export async function poke(): Promise<void> {
  const [seat] = findHosts({ kind: "track" });
  // One that doesn't answer reads the store when it next looks: what was asked for is done already.
  if (seat)
    await connect(seat)
      .command("refresh")
      .catch(() => undefined);
}

/** What the store left beside itself before an update, or when it was found damaged. */
const COPY = /\.(?:backup|damaged)-\d+(?:-journal|-wal|-shm)?$/;

/** Says which copies of the store there are: what is deleted is still in them. */
export function tellCopies(output: Pick<Output, "note">): void {
  const store = storePath();
  const names = readdirSync(dirname(store)).filter(
    (name) => name.startsWith(`${basename(store)}.`) && COPY.test(name),
  );
  for (const name of names.sort()) {
    output.note(`${join(dirname(store), name)} is a copy of the store that may hold it still: delete it too`);
  }
}

/** How long others are waited for that use the store, ms. */
const PATIENCE_MS = 5_000;

/**
 * Writes the store's file anew, and empties its log of writes: pages keep copies of rows from when they were divided,
 * which no deletion finds.
 * @returns whether that could be done
 */
async function scrub(db: Database): Promise<boolean> {
  const giveUp = systemClock.monotonic() + PATIENCE_MS;
  let written = false;
  for (;;) {
    try {
      if (!written) db.exec("VACUUM");
      written = true;
      if (db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] === 0) return true;
    } catch (error) {
      // A disk that is too full for a second copy will be so in five seconds too.
      if (sqliteCode(error) !== "BUSY") return false;
    }
    if (systemClock.monotonic() > giveUp) return false;
    await systemClock.sleep(20);
  }
}

/** Removes titles and names that nothing refers to. */
async function removeTexts(store: Store): Promise<void> {
  // Which is what the statement asks for: SQLite would look through every table again for each of them.
  store.db.exec("PRAGMA foreign_keys = OFF");
  await store.write((db) =>
    db
      .prepare(
        `DELETE FROM track_text WHERE id NOT IN (
           SELECT app FROM track_window UNION SELECT title FROM track_window WHERE title IS NOT NULL
           UNION SELECT process FROM track_window WHERE process IS NOT NULL UNION SELECT process FROM track_running
           UNION SELECT app FROM track_screenshot WHERE app IS NOT NULL)`,
      )
      .run(),
  );
}

function checkOver(db: Database, id: string): void {
  const state = findSession(db, id)?.state;
  if (state === undefined)
    throw new Expected(Exit.no, `there is no session ${id}`, "stint track sessions lists them");
  if (state === "stopped" || state === "crashed") return;
  throw new Expected(Exit.again, `session ${id} is being tracked`, "stint track stop ends it");
}

/** What is tracked now has no end yet. */
function checkAllOver(db: Database, profile: string, to: number): void {
  const rows = db
    .prepare(
      `SELECT track_session.id FROM track_session JOIN session USING (id) LEFT JOIN track_span ON session = n
       WHERE track_session.profile = ? AND state NOT IN ('stopped', 'crashed')
       GROUP BY n HAVING min(COALESCE(track_span.started_at, session.started_at)) < ?`,
    )
    .all(profile, to);
  for (const { id } of rows) checkOver(db, String(id));
}

const numberOf = (db: Database, id: string): number =>
  Number(db.prepare("SELECT n FROM track_session WHERE id = ?").get(id)?.["n"]);

function counts(db: Database, n: number): Omit<Erased, "sessions" | "spans"> {
  const row = db
    .prepare(
      `SELECT (SELECT COUNT(*) FROM track_window WHERE session = ?1) AS windows,
         (SELECT COUNT(*) FROM track_running WHERE session = ?1) AS running,
         (SELECT COUNT(*) FROM track_input WHERE session = ?1) AS input,
         (SELECT COUNT(*) FROM track_screenshot WHERE session = ?1) AS screenshots`,
    )
    .get(n);
  const count = (name: string): number => Number(row?.[name] ?? 0);
  return {
    windows: count("windows"),
    running: count("running"),
    input: count("input"),
    screenshots: count("screenshots"),
  };
}

const isEmpty = (db: Database, n: number): boolean =>
  spansOfSession(db, n).length === 0 && Object.values(counts(db, n)).every((count) => count === 0);

/** @returns the spans that were removed or cut, as they were */
function cutSpans(db: Database, profile: string, from: number, to: number): Span[] {
  const spans = db
    .prepare(
      `SELECT track_span.* FROM track_span JOIN track_session ON n = session
       WHERE profile = ? AND started_at < ? AND (ended_at > ? OR started_at >= ?)`,
    )
    .all(profile, to, from, from)
    .map(spanOf);
  for (const span of spans) {
    const [before, after] = [span.started_at < from, span.ended_at > to];
    if (before) changeSpan(db, { ...span, ended_at: from });
    if (before && after) addSpan(db, { ...span, id: null, started_at: to });
    else if (after) changeSpan(db, { ...span, started_at: to });
    else if (!before) removeSpan(db, span.id);
  }
  return spans;
}

/** Removes changes from the log that have an image of what is deleted. */
function forget(db: Database, profile: string, isDeleted: (image: Image) => boolean): void {
  for (const row of db.prepare("SELECT id, images FROM track_change WHERE profile = ?").all(profile)) {
    const { removed, added, updated } = JSON.parse(String(row["images"])) as Images;
    const images = [...removed, ...added, ...updated.flatMap(({ before, after }) => [before, after])];
    if (images.some(isDeleted))
      db.prepare("DELETE FROM track_change WHERE id = ?").run(Number(row["id"] ?? 0));
  }
}

const rowsOf = (table: string, where: string): string =>
  `FROM ${table} WHERE session IN (SELECT n FROM track_session WHERE profile = ?1) AND ${where}`;
const REACHING_IN = "started_at < ?3 AND (ended_at > ?2 OR started_at >= ?2)";

const OVERLAPPING_INPUT = `DELETE ${rowsOf("track_input", REACHING_IN)} RETURNING session`;
const SCREENSHOTS_WITHIN = `DELETE ${rowsOf("track_screenshot", "taken_at >= ?2 AND taken_at < ?3")} RETURNING session`;

/** Cuts events: what lies on both sides of the time becomes two. */
function cutting(table: string, what: string) {
  const own = "session IN (SELECT n FROM track_session WHERE profile = ?1)";
  const reachingIn = `SELECT COUNT(*) AS count ${rowsOf(table, REACHING_IN)}`;
  const steps = [
    `DELETE FROM ${table} WHERE ${own} AND started_at >= ?2 AND started_at < ?3 AND ended_at <= ?3`,
    `INSERT INTO ${table} (session, ${what}, started_at, ended_at)
     SELECT session, ${what}, ?3, ended_at FROM ${table} WHERE ${own} AND started_at < ?2 AND ended_at > ?3`,
    `UPDATE ${table} SET started_at = iif(started_at < ?2, started_at, ?3), ended_at = iif(started_at < ?2, ?2, ended_at)
     WHERE ${own} AND started_at < ?3 AND ended_at > ?2`,
  ];
  return (db: Database, profile: string, from: number, to: number): number => {
    const count = Number(db.prepare(reachingIn).get(profile, from, to)?.["count"] ?? 0);
    if (count > 0) for (const sql of steps) db.prepare(sql).run(profile, from, to);
    return count;
  };
}

const CUTS = [cutting("track_window", "app, title, process, pid"), cutting("track_running", "process, pid")];
