import { existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "./clock.ts";
import { Exit, Expected, errno, message } from "./errors.ts";
import { dataFolder, dataPath } from "./paths.ts";
import { type Database, type FileLock, lockFile, openDatabase } from "./runtime.ts";
import { salvage } from "./salvage.ts";

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

const busy = (error: unknown): boolean => /BUSY|database is locked/.test(`${errno(error)} ${message(error)}`);
const damaged = (error: unknown): boolean =>
  /CORRUPT|NOTADB|malformed|not a database/.test(`${errno(error)} ${message(error)}`);

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
  const application = read(db, "application_id");
  if (application !== 0 && application !== APPLICATION_ID) {
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

function prepareConnection(db: Database): void {
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  db.exec("PRAGMA foreign_keys = ON");
}

/** Brings the file up to date; the caller holds the exclusive store lock. */
async function migrate(path: string, schemas: readonly Schema[]): Promise<void> {
  const db = await openDatabase(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const wanting = missing(db, schemas, path);
    if (wanting.length === 0) return;
    const before = versions(db);
    if (before.size > 0) db.exec(`VACUUM INTO '${backupPath(path).replaceAll("'", "''")}'`);
    db.exec("PRAGMA journal_mode = WAL");
    // Inside a transaction it would do nothing, and rebuilding a table would then delete what refers to it.
    db.exec("PRAGMA foreign_keys = OFF");
    db.exec("BEGIN IMMEDIATE");
    try {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec(
        "CREATE TABLE IF NOT EXISTS schema_version (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
      );
      const note = db.prepare("INSERT OR REPLACE INTO schema_version (owner, version) VALUES (?, ?)");
      for (const { owner, migrations } of wanting) {
        for (const sql of migrations.slice(before.get(owner) ?? 0)) db.exec(sql);
        note.run(owner, migrations.length);
      }
      const broken = db.prepare("PRAGMA foreign_key_check").get();
      if (broken) throw new Error(`a migration left rows that refer to nothing: ${JSON.stringify(broken)}`);
      db.exec("COMMIT");
    } catch (error) {
      rollBack(db);
      throw error;
    }
  } finally {
    db.close();
  }
}

/** A name that no earlier backup has: `stint.db.backup-1`, … */
function backupPath(path: string): string {
  for (let n = 1; ; n++) if (!existsSync(`${path}.backup-${n}`)) return `${path}.backup-${n}`;
}

function rollBack(db: Database): void {
  try {
    db.exec("ROLLBACK");
  } catch {
    // A full disk or an I/O error has rolled it back already.
  }
}

/** Moves a damaged file out of the way and carries over what can be read of it. The caller holds the exclusive lock. */
async function setAside(path: string, schemas: readonly Schema[], now: number): Promise<string> {
  const aside = `${path}.damaged-${new Date(now).toISOString().replaceAll(":", "")}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  rmSync(damagePath(path), { force: true });
  await migrate(path, schemas);
  const outcome = await salvage(aside, path).then(
    ({ rows, lost }) =>
      `${rows} rows carried over${lost.length > 0 ? `, some lost of ${lost.join(", ")}` : ""}`,
    () => "nothing in it could be read",
  );
  return `the store was damaged: set aside as ${aside}, ${outcome}`;
}

/** Set by the check after an unclean end: the next exclusive opener sets the file aside. */
const damagePath = (path: string): string => `${path}.damaged`;

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
    const shared = lockFile(`${path}.lock`, "shared");
    if (shared) {
      const ready = await tryOpen(path, schemas, shared);
      if (ready === "damaged") {
        await exclusively(path, async () => {
          // Another process may have done it between our two locks.
          if (await isUsable(path)) return;
          warn(await setAside(path, schemas, clock.wall()));
        });
      } else if (ready === "outdated") {
        await exclusively(path, () => migrate(path, schemas));
      } else {
        return makeStore(ready, shared, clock);
      }
    }
    if (clock.monotonic() > giveUp) {
      const hint = "stop the others first: stint sessions";
      throw new Expected(
        Exit.again,
        "the store needs an update that other stint processes are in the way of",
        hint,
      );
    }
    await clock.sleep(5 + Math.random() * 20);
  }
}

async function isUsable(path: string): Promise<boolean> {
  if (existsSync(damagePath(path))) return false;
  try {
    const db = await openDatabase(path, { readonly: true });
    versions(db);
    db.close();
    return true;
  } catch {
    return false;
  }
}

async function tryOpen(
  path: string,
  schemas: readonly Schema[],
  shared: FileLock,
): Promise<Database | "outdated" | "damaged"> {
  let db: Database | undefined;
  let keep = false;
  try {
    if (existsSync(damagePath(path))) return "damaged";
    if (!existsSync(path) || statSync(path).size === 0) return "outdated";
    db = await openDatabase(path);
    prepareConnection(db);
    if (missing(db, schemas, path).length > 0) return "outdated";
    db.exec("PRAGMA synchronous = FULL");
    keep = true;
    return db;
  } catch (error) {
    if (damaged(error)) return "damaged";
    if (busy(error)) return "outdated";
    throw error;
  } finally {
    if (!keep) {
      db?.close();
      shared[Symbol.dispose]();
    }
  }
}

function makeStore(db: Database, lock: FileLock, clock: Clock): Store {
  let queue: Promise<void> = Promise.resolve();
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
        if (!busy(error)) throw asExpected(error);
        if (clock.monotonic() > giveUp) {
          throw new Expected(Exit.again, "the store is busy: another process has been writing for seconds");
        }
        await clock.sleep(2 + Math.random() * 10);
      }
    }
  }
  return {
    db,
    write(work) {
      const done = queue.then(() => transact(work));
      queue = done.then(
        () => {},
        () => {},
      );
      return done;
    },
    async [Symbol.asyncDispose]() {
      await queue;
      db.close();
      lock[Symbol.dispose]();
    },
  };
}

function asExpected(error: unknown): unknown {
  const text = `${errno(error)} ${message(error)}`;
  if (/SQLITE_FULL|database or disk is full/.test(text)) {
    return new Expected(
      Exit.io,
      `the disk that holds ${storePath()} is full`,
      "free some space; nothing was lost",
    );
  }
  if (/IOERR|disk I\/O|READONLY|readonly/.test(text)) {
    return new Expected(Exit.io, `${storePath()} can't be written: ${message(error)}`);
  }
  return error;
}

/**
 * Reads the store without changing it, however many hosts have it open.
 * @returns undefined when there is none yet
 * @throws Expected 75 while it awaits an update, 74 when it can't be read
 */
export async function readStore<T>(
  schemas: readonly Schema[],
  work: (db: Database) => T,
): Promise<T | undefined> {
  const path = storePath();
  if (!existsSync(path)) return undefined;
  const lock = lockFile(`${path}.lock`, "shared");
  if (!lock) throw new Expected(Exit.again, "the store is being updated", "try again in a moment");
  let db: Database | undefined;
  try {
    db = await openDatabase(path, { readonly: true });
    db.exec("PRAGMA busy_timeout = 1000");
    // Tables that were never made hold nothing: as if there were no store.
    if (missing(db, [kernelSchema, ...schemas], path).length > 0) return undefined;
    return work(db);
  } catch (error) {
    if (damaged(error)) {
      throw new Expected(
        Exit.io,
        `${path} is damaged`,
        "the next run sets it aside and carries over what it can",
      );
    }
    throw asExpected(error);
  } finally {
    db?.close();
    lock[Symbol.dispose]();
  }
}

/**
 * SQLite's quick_check of the whole file; slow on a large one, so it runs in a process of its own after an unclean end.
 * A damaged file is marked, and set aside by the next opener that has it alone.
 * @returns what is wrong, undefined when nothing is
 */
export async function checkStore(): Promise<string | undefined> {
  const path = storePath();
  let said: string;
  try {
    const db = await openDatabase(path, { readonly: true });
    said = String(Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0]);
    db.close();
  } catch (error) {
    if (!damaged(error)) throw error;
    said = message(error);
  }
  if (said === "ok") return undefined;
  writeFileSync(damagePath(path), `${said}\n`, { mode: 0o600 });
  return said;
}
