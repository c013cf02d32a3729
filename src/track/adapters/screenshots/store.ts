import { mkdir, open, readdir, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { localTime } from "../../../kernel/core/local-time.ts";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import { dataPath, privateFolder } from "../../../kernel/paths.ts";
import type { Database, Row } from "../../../kernel/runtime.ts";
import type { Store } from "../../../kernel/store.ts";
import { expired } from "../../core/prune.ts";
import { settle } from "../edits.ts";
import { textId } from "../journal.ts";
import type { TrackSettings } from "../settings.ts";
import type { Encoded } from "./images.ts";

/**
 * Where screenshots are: a file `FOLDER/PROFILE/2026-11-22/140509-MONITOR-1f3a9c02.webp` and a row for each. A file is
 * there before its row and goes before it: whatever is killed in between, no row is missing of a picture that somebody
 * believes deleted, and what is left over of either is cleared away by {@link prune}.
 */

/** A screenshot's row, without its thumbnail. Times are UTC ms, `file` is a path. */
export type Screenshot = {
  readonly id: number;
  readonly session_id: string;
  readonly taken_at: number;
  readonly utc_offset_min: number;
  readonly monitor: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** What was looked at. */
  readonly app: string | null;
};

/** Beside the store. */
const ownFolder = (): string => join(dataPath(), "screenshots");

/** The folder that the configuration says. */
const folderOf = (setting: string): string =>
  setting === ""
    ? ownFolder()
    : resolve(setting.replace(/^~(?=\/|$)/, () => process.env["HOME"] ?? homedir()));

/** Written to see whether anything can be. */
const TRIAL = ".trial";

/**
 * The folder of a profile's screenshots, made when missing.
 * @throws Expected 74 when it can't be written, 78 when it is somebody else's
 */
export async function openFolder(setting: string, profile: string): Promise<string> {
  const folder = privateFolder(join(folderOf(setting), profile), "track.screenshot_folder");
  const trial = join(folder, TRIAL);
  try {
    // More than what a full disk still finds room for beside a file's name.
    await writeFile(trial, Buffer.alloc(4096), { mode: 0o600 });
    await rm(trial);
  } catch (error) {
    await rm(trial, { force: true }).catch(() => {});
    throw notWritten(folder, error);
  }
  return folder;
}

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk's quota is used up",
  EACCES: "it may not be written",
  EPERM: "it may not be written",
  EROFS: "its disk is read-only",
  ENOENT: "it is gone",
  ENOTDIR: "it isn't a folder",
};

function notWritten(folder: string, error: unknown): Expected {
  const code = errno(error) ?? "";
  return new Expected(
    Exit.io,
    `screenshots can't be written to ${folder}: ${WORDS[code] ?? (code || message(error))}`,
    "set track.screenshot_folder to a folder that can be written, or track.screenshot_mb to less",
  );
}

/** Rows name files beside the store by where they are there, so that it can be moved with all that belongs to it. */
const pathOf = (file: string): string => resolve(ownFolder(), file);
function nameOf(path: string): string {
  const name = relative(ownFolder(), path);
  return name.startsWith("..") ? path : name;
}

const MONITOR = /[^A-Za-z0-9_-]+/g;
const FILE = /^\d{6}-[A-Za-z0-9_-]{1,40}-[0-9a-f]{8}\.webp(\.tmp)?$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
const PROFILE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;

/** Where and when pictures were taken. */
type Taken = Pick<Screenshot, "taken_at" | "utc_offset_min" | "app"> & {
  /** The session's id. */
  readonly session: string;
};

/**
 * Stores the pictures of one moment, all or none.
 * @returns their ids @throws Expected 74 when a file can't be written, 75 or 74 as a write of the store
 */
export async function addScreenshots(
  store: Store,
  folder: string,
  taken: Taken,
  images: readonly Encoded[],
): Promise<number[]> {
  const shots = images.map((image) => ({ ...image, file: newPath(folder, { ...taken, ...image }) }));
  try {
    for (const { file, image } of shots) await write(folder, file, image);
    return await writeCleanly(store, (db) => shots.map((shot) => addRow(db, taken, shot)));
  } catch (error) {
    await removeScreenshotFiles(shots.map(({ file }) => file)).catch(() => {});
    throw error;
  }
}

/** Under another name first: nobody finds half a picture. */
async function write(folder: string, path: string, image: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    {
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(image);
      await file.datasync();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw notWritten(folder, error);
  }
}

/** The path of a new file. A monitor's name comes from outside: only what is harmless in a file's name is left of it. */
function newPath(
  folder: string,
  { taken_at, utc_offset_min, monitor }: Pick<Screenshot, "taken_at" | "utc_offset_min" | "monitor">,
): string {
  const at = localTime(taken_at, utc_offset_min);
  const time = at.toPlainTime().toString({ smallestUnit: "second" }).replaceAll(":", "");
  const name = monitor.replace(MONITOR, "_").slice(0, 40) || "screen";
  const unique = crypto.randomUUID().slice(0, 8);
  return join(folder, at.toPlainDate().toString(), `${time}-${name}-${unique}.webp`);
}

function addRow(db: Database, taken: Taken, shot: Encoded & { file: string }): number {
  const { session, taken_at, utc_offset_min, app } = taken;
  const { monitor, width, height, image, thumbnail, file } = shot;
  db.prepare(
    `INSERT INTO track_screenshot
       (session, taken_at, utc_offset_min, monitor, file, width, height, bytes, thumbnail, app)
     VALUES ((SELECT n FROM track_session WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    session,
    taken_at,
    utc_offset_min,
    monitor,
    nameOf(file),
    width,
    height,
    image.length,
    thumbnail,
    app === null ? null : textId(db, app),
  );
  return Number(db.prepare("SELECT last_insert_rowid() AS id").get()?.["id"]);
}

const screenshotOf = (row: Row): Screenshot => ({
  id: Number(row["id"]),
  session_id: String(row["session_id"]),
  taken_at: Number(row["taken_at"]),
  utc_offset_min: Number(row["utc_offset_min"]),
  monitor: String(row["monitor"]),
  file: pathOf(String(row["file"])),
  width: Number(row["width"]),
  height: Number(row["height"]),
  bytes: Number(row["bytes"]),
  app: row["app"] === null ? null : String(row["app"]),
});

const SCREENSHOTS = `
  SELECT shot.id, shot.taken_at, shot.utc_offset_min, shot.monitor, shot.file, shot.width, shot.height, shot.bytes,
    track_session.id AS session_id, track_text.text AS app
  FROM track_screenshot AS shot JOIN track_session ON n = session LEFT JOIN track_text ON track_text.id = app
  WHERE profile = ?`;

/** Those of a profile that were taken in a time, newest first. UTC ms, `to` excluded. */
export const screenshotsBetween = (db: Database, profile: string, from: number, to: number): Screenshot[] =>
  db
    .prepare(`${SCREENSHOTS} AND taken_at >= ? AND taken_at < ? ORDER BY taken_at DESC, shot.id DESC`)
    .all(profile, from, to)
    .map(screenshotOf);

export function findScreenshot(db: Database, profile: string, id: number): Screenshot | undefined {
  const row = db.prepare(`${SCREENSHOTS} AND shot.id = ?`).get(profile, id);
  return row && screenshotOf(row);
}

/** The files of a session's screenshots: to be removed before its rows are. */
export const screenshotFiles = (db: Database, session: number): string[] =>
  db
    .prepare("SELECT file FROM track_screenshot WHERE session = ?")
    .all(session)
    .map(({ file }) => pathOf(String(file)));

/** A small picture of it, WebP; undefined when there is no such screenshot. */
export function thumbnailOf(db: Database, id: number): Uint8Array | undefined {
  const row = db.prepare("SELECT thumbnail FROM track_screenshot WHERE id = ?").get(id);
  return row?.["thumbnail"] as Uint8Array | undefined;
}

/** Removes files; one that is gone already is fine. @throws Expected 74 for the first that can't be removed */
export async function removeScreenshotFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw new Expected(
        Exit.io,
        `${path} can't be deleted: ${errno(error) ?? message(error)}`,
        "is its folder writable?",
      );
    }
  }
}

/**
 * Removes the rows of screenshots whose files are gone, for good: without a thumbnail in a page of the store that is
 * free, or in its log of writes. What is kept of their sessions that are over is brought up to date.
 * @param now UTC ms @throws Expected 75 or 74 as a write of the store
 */
export async function removeScreenshots(store: Store, ids: readonly number[], now: number): Promise<void> {
  await writeCleanly(store, (db) => {
    const sessions = db
      .prepare("DELETE FROM track_screenshot WHERE id IN (SELECT value FROM json_each(?)) RETURNING session")
      .all(JSON.stringify(ids))
      .map(({ session }) => Number(session));
    for (const session of new Set(sessions)) settle(db, session, now);
  });
  // As far as nobody reads just now what was there before: else whoever closes the store last does it.
  store.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

/** A write that leaves nothing behind in pages of the store: neither of rows that go, nor of rows that move. */
const writeCleanly = <T>(store: Store, work: (db: Database) => T): Promise<T> =>
  store.write((db) => {
    db.exec("PRAGMA secure_delete = ON");
    try {
      return work(db);
    } finally {
      db.exec("PRAGMA secure_delete = OFF");
    }
  });

/** What nobody knows is left alone for so long, ms: it may be just being written. */
const YOUNG_MS = 60_000;

/**
 * Deletes the screenshots of all profiles that are too old or too many, files without a row, and rows without a file.
 * A folder that isn't there (a disk that isn't plugged in) keeps its rows.
 * @returns how many files were deleted, and what they took
 * @throws Expected 74 when a file can't be deleted, 75 or 74 as a write of the store
 */
export async function prune(
  store: Store,
  settings: Pick<TrackSettings, "screenshot_days" | "screenshot_mb" | "screenshot_folder">,
  now: number,
): Promise<{ files: number; bytes: number }> {
  const { screenshot_days: days, screenshot_mb: mb, screenshot_folder } = settings;
  // Before the files and after them: what is stored meanwhile is neither a row without a file nor one without a row.
  const before = shots(store.db);
  const folders = new Set([
    folderOf(screenshot_folder),
    ...before.map(({ path }) => dirname(dirname(dirname(path)))),
  ]);
  const found = await Promise.all([...folders].map(foundIn));
  const files = new Set(found.flatMap(({ files }) => files));
  const profiles = new Set(found.flatMap(({ profiles }) => profiles));

  const all = shots(store.db);
  const known = new Set(all.map(({ path }) => path));
  const old = expired(all, { days, mb }, now);
  const unknown: { path: string; bytes: number }[] = [];
  for (const path of files) {
    const there = known.has(path) ? undefined : await stat(path).catch(() => undefined);
    if (there && now - there.mtimeMs > YOUNG_MS) unknown.push({ path, bytes: there.size });
  }
  const lost = before.filter(({ path }) => !files.has(path) && profiles.has(dirname(dirname(path))));

  const gone = [...old.filter(({ path }) => files.has(path)), ...unknown];
  await removeScreenshotFiles(gone.map(({ path }) => path));
  const ids = [...old, ...lost].map(({ id }) => id);
  if (ids.length > 0) await removeScreenshots(store, ids, now);
  for (const { days } of found) await removeEmpty(days, now);
  return { files: gone.length, bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0) };
}

const shots = (db: Database) =>
  db
    .prepare("SELECT id, taken_at, bytes, file FROM track_screenshot")
    .all()
    .map((row) => ({
      id: Number(row["id"]),
      taken_at: Number(row["taken_at"]),
      bytes: Number(row["bytes"]),
      path: pathOf(String(row["file"])),
    }));

/** What there is of ours in a folder: of anything else there nothing is touched. */
async function foundIn(folder: string): Promise<{ profiles: string[]; days: string[]; files: string[] }> {
  const list = async (path: string, pattern: RegExp): Promise<string[]> => {
    const names = await readdir(path).catch(() => []);
    return names.filter((name) => pattern.test(name)).map((name) => join(path, name));
  };
  const lists = async (paths: string[], pattern: RegExp): Promise<string[]> =>
    (await Promise.all(paths.map((path) => list(path, pattern)))).flat();
  const profiles = await list(folder, PROFILE);
  const days = await lists(profiles, DAY);
  return { profiles, days, files: await lists(days, FILE) };
}

/** One in which something was just deleted, or is just to be written, is left for the next time. */
async function removeEmpty(folders: readonly string[], now: number): Promise<void> {
  for (const folder of folders) {
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: now }));
    // It fails for one that isn't empty.
    if (now - mtimeMs > YOUNG_MS) await rmdir(folder).catch(() => {});
  }
}
