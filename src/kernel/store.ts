import { closeSync, existsSync, openSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "./clock.ts";
import { Exit, Expected, message } from "./errors.ts";
import { dataFolder, dataPath } from "./paths.ts";
import { type Database, type FileLock, lockFile, openDatabase, sqliteCode } from "./runtime.ts";
import { copySchema, salvage } from "./salvage.ts";

/** The tables of one owner (the kernel or a feature): migration n brings them from version n to n + 1. */
export type Schema = { owner: string; migrations: readonly string[] };

const kernelSchema: Schema = {
  owner: "kernel",
  migrations: [
    `CREATE TABLE session (
       id TEXT PRIMARY KEY, kind TEXT NOT NULL, profile TEXT NOT NULL, state TEXT NOT NULL,
       pid INTEGER NOT NULL, pid_start TEXT NOT NULL, boot_id TEXT NOT NULL,
       started_at INTEGER NOT NULL, utc_offset_min INTEGER NOT NULL,
       last_active INTEGER NOT NULL, ended_at INTEGER
     ) STRICT;
     CREATE INDEX session_by_kind ON session (kind, profile, started_at);
     CREATE TABLE checkpoint (
       n INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
       type TEXT NOT NULL, state ANY NOT NULL, made_at INTEGER NOT NULL, last_active INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX checkpoint_by_session ON checkpoint (session_id, n);`,
  ],
};

/** "stnt": what a file of ours says of itself in its header. */
const APPLICATION_ID = 0x73746e74;
/** SQLite's own waiting freezes the event loop: keep it short, and wait for the rest of the time in between. */
const BUSY_MS = 10;
const GIVE_UP_MS = 5_000;

const busy = (error: unknown): boolean => ["BUSY", "PROTOCOL"].includes(sqliteCode(error) ?? "");
const damaged = (error: unknown): boolean => ["CORRUPT", "NOTADB"].includes(sqliteCode(error) ?? "");

/** The open store. Every write is a transaction that is on the disk once its promise resolves. */
export interface Store extends AsyncDisposable {
  readonly db: Database;
  /**
   * Runs `work` in one transaction that holds the write lock from its beginning; waits without blocking while another
   * process writes. `work` is synchronous and may run twice.
   * @throws Expected 75 when the others don't let go, 74 when the disk doesn't take it
   */
  write<T>(work: (db: Database) => T): Promise<T>;
}

/** Where the store is. */
export const storePath = (): string => join(dataPath(), "stint.db");

const read = (db: Database, pragma: string): number =>
  Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);

function versions(db: Database): Map<string, number> {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'").get();
  if (!known) return new Map();
  const rows = db.prepare("SELECT owner, version FROM schema_version").all();
  return new Map(rows.map((row) => [String(row["owner"]), Number(row["version"])]));
}

/** What the file lacks for these schemas. @throws Expected 78 when it is newer than this program */
function missing(db: Database, schemas: readonly Schema[], path: string): Schema[] {
  const ours = read(db, "application_id") === APPLICATION_ID;
  if (!ours && db.prepare("SELECT 1 FROM sqlite_schema").get()) {
    throw new Expected(Exit.config, `${path} is some other program's database`, "move it away");
  }
  const have = versions(db);
  for (const { owner, migrations } of schemas) {
    if ((have.get(owner) ?? 0) > migrations.length) {
      const hint = "run the newer stint, or move the file away to begin anew";
      throw new Expected(
        Exit.config,
        `${path} was written by a newer stint (${owner} ${have.get(owner)})`,
        hint,
      );
    }
  }
  return schemas.filter(({ owner, migrations }) => (have.get(owner) ?? 0) < migrations.length);
}

/** Makes the file when it is missing. SQLite gives those beside it (`-wal`, `-shm`) the mode of this one. */
const makePrivate = (path: string): void => closeSync(openSync(path, "a", 0o600));

/** Brings the file up to date, or leaves it as it was; the caller holds the exclusive store lock. */
async function migrate(path: string, schemas: readonly Schema[]): Promise<void> {
  makePrivate(path);
  const db = await openDatabase(path);
  let backup: string | undefined;
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const wanting = missing(db, schemas, path);
    if (wanting.length === 0) return;
    const before = versions(db);
    // An owner's first tables change nothing that is there.
    if (wanting.some(({ owner }) => before.has(owner))) {
      backup = unusedPath(`${path}.backup`);
      makePrivate(backup);
      db.exec(`VACUUM INTO '${backup.replaceAll("'", "''")}'`);
    }
    db.exec("PRAGMA journal_mode = WAL");
    // Inside a transaction it would do nothing, and rebuilding a table would then delete what refers to it.
    db.exec("PRAGMA foreign_keys = OFF");
    db.exec("BEGIN IMMEDIATE");
    try {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec(
        "CREATE TABLE IF NOT EXISTS schema_version (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
      );
      bringUpToDate(db, wanting, before);
      const broken = db.prepare("PRAGMA foreign_key_check").get();
      if (broken) throw new Error(`a migration left rows that refer to nothing: ${JSON.stringify(broken)}`);
      db.exec("COMMIT");
    } catch (error) {
      rollBack(db);
      throw error;
    }
  } catch (error) {
    if (backup) rmSync(backup, { force: true });
    throw error;
  } finally {
    db.close();
  }
}

function bringUpToDate(db: Database, wanting: readonly Schema[], have: ReadonlyMap<string, number>): void {
  const note = db.prepare("INSERT OR REPLACE INTO schema_version (owner, version) VALUES (?, ?)");
  for (const { owner, migrations } of wanting) {
    for (const sql of migrations.slice(have.get(owner) ?? 0)) db.exec(sql);
    note.run(owner, migrations.length);
  }
}

/**
 * Adds the first tables of owners that the file knows nothing of. That changes nothing of what is there: other processes
 * may have it open.
 */
function addOwners(db: Database, wanting: readonly Schema[]): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    const have = versions(db);
    // Another process may have been quicker.
    const lacking = wanting.filter(({ owner }) => !have.has(owner));
    bringUpToDate(db, lacking, have);
    db.exec("COMMIT");
  } catch (error) {
    rollBack(db);
    throw error;
  }
}

/** The first of `prefix-1`, `prefix-2`, … that nothing has. */
function unusedPath(prefix: string): string {
  for (let n = 1; ; n++) if (!existsSync(`${prefix}-${n}`)) return `${prefix}-${n}`;
}

function rollBack(db: Database): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // A full disk or an I/O error has rolled it back already.
  }
}

/** Marks a store that was found damaged: the next opener that has it alone sets it aside. */
const damagePath = (path: string): string => `${path}.damaged`;
/** What was carried over of a damaged store, complete, until it takes its place. */
const salvagedPath = (path: string): string => `${path}.salvaged`;

const markDamaged = (path: string, what: string): void =>
  writeFileSync(damagePath(path), `${what}\n`, { mode: 0o600 });
const isMarked = (path: string): boolean => existsSync(damagePath(path)) || existsSync(salvagedPath(path));

async function isDamaged(path: string): Promise<boolean> {
  if (isMarked(path)) return true;
  const db = await openDatabase(path, { readonly: true });
  try {
    versions(db);
    return false;
  } catch (error) {
    if (damaged(error)) return true;
    throw error;
  } finally {
    db.close();
  }
}

/**
 * Moves a damaged file out of the way and carries over what can be read of it. The caller holds the exclusive lock.
 * Killed at any point, the next one goes on where it was: what is carried over stands whole beside the old file before
 * anything of that is moved.
 * @returns what was done
 */
async function setAside(path: string, schemas: readonly Schema[]): Promise<string> {
  let outcome = "what could be read was carried over";
  if (!existsSync(salvagedPath(path))) {
    const fresh = `${path}.salvaging`;
    for (const suffix of SUFFIXES) rmSync(fresh + suffix, { force: true });
    makePrivate(fresh);
    const known = await copySchema(path, fresh, APPLICATION_ID);
    if (!known) await migrate(fresh, schemas);
    const { rows, lost } = await salvage(path, fresh);
    outcome = `${rows} rows carried over${lost.length > 0 ? `, some lost of ${lost.join(", ")}` : ""}`;
    renameSync(fresh, salvagedPath(path));
  }
  const aside = unusedPath(`${path}.damaged`);
  for (const suffix of SUFFIXES) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  rmSync(damagePath(path), { force: true });
  renameSync(salvagedPath(path), path);
  return `the store was damaged: set aside as ${aside}, ${outcome}`;
}

/** A SQLite file and what belongs to it. */
const SUFFIXES = ["-journal", "-wal", "-shm", ""];

/** @returns whether this process had the store alone */
async function exclusively(path: string, work: () => Promise<void>): Promise<boolean> {
  const lock = lockFile(`${path}.lock`, "exclusive");
  if (!lock) return false;
  try {
    await work();
    return true;
  } finally {
    lock[Symbol.dispose]();
  }
}

export type OpenStore = {
  /** What the opener's features need; the kernel's own tables are always there. */
  schemas?: readonly Schema[];
  clock?: Clock;
  /** Told when a damaged store was set aside. */
  warn?(text: string): void;
};

/** What can keep a store from being opened at once. */
const OBSTACLES = {
  damaged: "the store is damaged, and other stint processes have it open",
  outdated: "the store needs an update, and other stint processes have it open",
  locked: "the store is being updated by another stint process",
  busy: "the store is busy: another process has been writing for seconds",
} as const;
type Obstacle = keyof typeof OBSTACLES;

function inTheWay(obstacle: Obstacle): Expected {
  const hint =
    obstacle === "busy" || obstacle === "locked"
      ? "try again in a moment"
      : "stop them first: stint sessions lists them";
  return new Expected(Exit.again, OBSTACLES[obstacle], hint);
}

/**
 * Opens the store for writing; makes, migrates or sets aside the file first when it must, which needs every other
 * process to have it closed.
 * @throws Expected 75 when another process is in the way, 78 for a file that isn't ours or is newer, 74 for the disk
 */
export async function openStore(options: OpenStore = {}): Promise<Store> {
  const { clock = systemClock, warn = () => {} } = options;
  const schemas = [kernelSchema, ...(options.schemas ?? [])];
  dataFolder();
  const path = storePath();
  const giveUp = clock.monotonic() + GIVE_UP_MS;
  for (;;) {
    let obstacle: Obstacle = "locked";
    try {
      const shared = lockFile(`${path}.lock`, "shared");
      if (shared) {
        const opened = await tryOpen(path, schemas, shared);
        if (typeof opened === "object") return makeStore(opened, path, shared, clock);
        obstacle = opened;
      }
      if (obstacle === "damaged" || obstacle === "outdated") {
        const alone = await exclusively(path, async () => {
          if (obstacle === "outdated") return migrate(path, schemas);
          // Another process may have done it between our two locks.
          if (await isDamaged(path)) warn(await setAside(path, schemas));
        });
        if (alone && clock.monotonic() < giveUp) continue;
      }
    } catch (error) {
      if (!busy(error)) throw asExpected(error, path);
      obstacle = "busy";
    }
    if (clock.monotonic() >= giveUp) throw inTheWay(obstacle);
    await clock.sleep(5 + Math.random() * 20);
  }
}

/** @returns the connection, which keeps the lock; else what is in the way, with the lock given back */
async function tryOpen(
  path: string,
  schemas: readonly Schema[],
  shared: FileLock,
): Promise<Database | "outdated" | "damaged"> {
  let db: Database | undefined;
  let keep = false;
  try {
    if (isMarked(path)) return "damaged";
    if (!existsSync(path) || statSync(path).size === 0) return "outdated";
    db = await openDatabase(path);
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const lacking = missing(db, schemas, path);
    const have = versions(db);
    if (have.size === 0 || lacking.some(({ owner }) => have.has(owner))) return "outdated";
    if (lacking.length > 0) addOwners(db, lacking);
    db.exec("PRAGMA foreign_keys = ON");
    db.exec("PRAGMA synchronous = FULL");
    keep = true;
    return db;
  } catch (error) {
    if (damaged(error)) return "damaged";
    throw error;
  } finally {
    if (!keep) {
      db?.close();
      shared[Symbol.dispose]();
    }
  }
}

function makeStore(db: Database, path: string, lock: FileLock, clock: Clock): Store {
  let queue: Promise<void> = Promise.resolve();
  let closed = false;
  async function transact<T>(work: (db: Database) => T): Promise<T> {
    const giveUp = clock.monotonic() + GIVE_UP_MS;
    for (;;) {
      try {
        db.exec("BEGIN IMMEDIATE");
        try {
          const result = work(db);
          db.exec("COMMIT");
          return result;
        } catch (error) {
          rollBack(db);
          throw error;
        }
      } catch (error) {
        if (damaged(error)) markDamaged(path, message(error));
        if (!busy(error)) throw asExpected(error, path);
        if (clock.monotonic() >= giveUp) throw inTheWay("busy");
        await clock.sleep(2 + Math.random() * 10);
      }
    }
  }
  return {
    db,
    write(work) {
      if (closed) return Promise.reject(new Error("a write to a store that was closed"));
      const done = queue.then(() => transact(work));
      queue = done.then(
        () => {},
        () => {},
      );
      return done;
    },
    async [Symbol.asyncDispose]() {
      if (closed) return;
      closed = true;
      await queue;
      db.close();
      lock[Symbol.dispose]();
    },
  };
}

/** The file isn't what it was written as. */
class Damaged extends Expected {}

/** What a user can do something about, of what SQLite says. */
function asExpected(error: unknown, path: string): unknown {
  switch (sqliteCode(error)) {
    case "FULL":
      return new Expected(
        Exit.io,
        `the disk that holds ${path} is full`,
        "free some space; nothing was lost",
      );
    case "IOERR":
    case "READONLY":
    case "CANTOPEN":
      return new Expected(
        Exit.io,
        `${path} can't be read or written: ${message(error)}`,
        "check its folder and the disk, or set XDG_DATA_HOME to another folder",
      );
    case "CORRUPT":
    case "NOTADB":
      return new Damaged(
        Exit.io,
        `${path} is damaged`,
        "the next session that starts sets it aside and carries over what can be read",
      );
    default:
      return error;
  }
}

/**
 * Reads the store without changing it, however many hosts have it open.
 * @returns undefined when there is none yet
 * @throws Expected 75 while it awaits an update, 78 when it isn't ours or is newer, 74 when it can't be read
 */
export async function readStore<T>(
  schemas: readonly Schema[],
  work: (db: Database) => T,
  clock: Clock = systemClock,
): Promise<T | undefined> {
  const path = storePath();
  const giveUp = clock.monotonic() + GIVE_UP_MS;
  while (existsSync(path)) {
    let obstacle: Obstacle = "locked";
    let lock: FileLock | undefined;
    let db: Database | undefined;
    try {
      lock = lockFile(`${path}.lock`, "shared");
      if (lock) {
        db = await openDatabase(path, { readonly: true });
        db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
        const lacking = missing(db, [kernelSchema, ...schemas], path);
        if (lacking.length === 0) return work(db);
        const have = versions(db);
        // Tables that were never made hold nothing: as if there were no store.
        if (!lacking.some(({ owner }) => have.has(owner))) return undefined;
        const hint = "the next session that starts updates it";
        throw new Expected(Exit.again, `${path} was written by an older stint`, hint);
      }
    } catch (error) {
      if (!busy(error)) throw asExpected(error, path);
      obstacle = "busy";
    } finally {
      db?.close();
      lock?.[Symbol.dispose]();
    }
    if (clock.monotonic() >= giveUp) throw inTheWay(obstacle);
    await clock.sleep(5 + Math.random() * 20);
  }
  return undefined;
}

/**
 * As {@link readStore}, for whoever is about to write: a store that turns out to be damaged is set aside first, and what
 * could be carried over of it is read.
 */
export async function readSound<T>(options: OpenStore, work: (db: Database) => T): Promise<T | undefined> {
  const { schemas = [], clock } = options;
  try {
    return await readStore(schemas, work, clock);
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    markDamaged(storePath(), error.message);
  }
  await (await openStore(options))[Symbol.asyncDispose]();
  return readStore(schemas, work, clock);
}

/**
 * SQLite's quick_check of the whole file; slow on a large one, so it runs in a process of its own after an unclean end.
 * A damaged file is marked, and set aside by the next opener that has it alone.
 * @returns what is wrong, undefined when nothing is
 */
export async function checkStore(): Promise<string | undefined> {
  const path = storePath();
  // Whoever has it alone is just making it new.
  using lock = lockFile(`${path}.lock`, "shared");
  if (!lock || !existsSync(path)) return undefined;
  const db = await openDatabase(path, { readonly: true });
  let said: string;
  try {
    said = String(Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0]);
  } catch (error) {
    if (!damaged(error)) throw asExpected(error, path);
    said = message(error);
  } finally {
    db.close();
  }
  if (said === "ok") return undefined;
  markDamaged(path, said);
  return said;
}
