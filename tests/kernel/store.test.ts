import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { type Expected, errno } from "../../src/kernel/errors.ts";
import { type Database, lockFile, openDatabase } from "../../src/kernel/runtime.ts";
import {
  checkStore,
  type OpenStore,
  openStore,
  readSound,
  readStore,
  type Schema,
  type Store,
  storePath,
} from "../../src/kernel/store.ts";
import { enterHome, type Home, Other } from "../support/home.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

const other = (...args: string[]) =>
  new Other([process.execPath, join(import.meta.dir, "fixture-process.ts"), ...args]);

/** Fifty times as fast as the real one: what gives up after seconds does so in a tenth. */
const hurried: Clock = {
  ...systemClock,
  monotonic: () => systemClock.monotonic() * 50,
  sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
};

const notes = (...more: string[]): Schema => ({
  owner: "notes",
  migrations: ["CREATE TABLE note (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT", ...more],
});

async function filled(rows: number, options: OpenStore = { schemas: [notes()] }): Promise<void> {
  await using store = await openStore(options);
  await store.write((db) => {
    for (let n = 1; n <= rows; n++) db.prepare("INSERT INTO note VALUES (?, ?)").run(n, text(n));
  });
}
const text = (n: number) => `${n} `.repeat(60);
const all = (db: Database) => db.prepare("SELECT n, text FROM note ORDER BY n").all();

/** The failure of a promise that must fail. */
const failure = async (promise: Promise<unknown>): Promise<Expected> => {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error === undefined) throw new Error("it didn't fail");
  return error as Expected;
};

/** What the store holds, without its kin and without waking anybody. */
async function content(): Promise<unknown> {
  const db = await openDatabase(storePath(), { readonly: true });
  const schema = db.prepare("SELECT * FROM sqlite_schema").all();
  const tables = schema.filter(({ type }) => type === "table").map(({ name }) => String(name));
  const rows = tables.map((name) => db.prepare(`SELECT * FROM "${name}"`).all());
  db.close();
  return { schema, rows };
}

const beside = () =>
  readdirSync(join(home.path, "data/stint")).filter((name) => !/^stint\.db(-wal|-shm|\.lock)?$/.test(name));

/** Overwrites whole pages with garbage; the first is 1. */
function damage(...pages: number[]): void {
  const bytes = readFileSync(storePath());
  for (const page of pages) bytes.fill(0xff, (page - 1) * 4096, page * 4096);
  writeFileSync(storePath(), bytes);
}

describe("opening", () => {
  test("three processes at once on a machine where stint never ran all get the store", async () => {
    await using first = other("open");
    await using second = other("open");
    await using third = other("open");
    const three = [first, second, third];
    for (const each of three) expect(await each.line()).toBe("ready");
    for (let round = 0; round < 60; round++) {
      for (const each of three) each.tell(join(home.path, `round-${round}`));
      expect(await Promise.all(three.map((each) => each.line()))).toEqual(Array(3).fill("opened 0"));
    }
  });

  test("what is in the files is nobody else's to read", async () => {
    await using store = await openStore({ schemas: [notes()] });
    await store.write((db) => db.exec("INSERT INTO note VALUES (1, '')"));
    const files = readdirSync(join(home.path, "data/stint"));
    expect(files.toSorted()).toEqual(["stint.db", "stint.db-shm", "stint.db-wal", "stint.db.lock"]);
    for (const file of files) expect(statSync(join(home.path, "data/stint", file)).mode & 0o777).toBe(0o600);
  });

  test("an acknowledged write is synced to the disk, in WAL, with foreign keys kept", async () => {
    await using store = await openStore();
    expect(store.db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    expect(store.db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(store.db.prepare("PRAGMA foreign_keys").get()).toEqual({ foreign_keys: 1 });
  });

  test("a store whose first opener was killed before it wrote anything is made anew", async () => {
    await filled(0);
    truncateSync(storePath(), 0);
    for (const suffix of ["-wal", "-shm"]) rmSync(storePath() + suffix, { force: true });
    await using store = await openStore();
    expect(store.db.prepare("SELECT count(*) AS n FROM session").get()).toEqual({ n: 0 });
  });

  test("some other program's database is left alone", async () => {
    await (await openStore())[Symbol.asyncDispose]();
    for (const id of [0, 42]) {
      rmSync(storePath());
      const db = await openDatabase(storePath());
      db.exec(`PRAGMA application_id = ${id}; CREATE TABLE theirs (x)`);
      db.close();
      const before = readFileSync(storePath());
      expect(await failure(openStore())).toMatchObject({ name: "Expected", exit: 78 });
      expect(await failure(readStore([], () => 1))).toMatchObject({ name: "Expected", exit: 78 });
      expect(readFileSync(storePath()).equals(before)).toBe(true);
    }
  });

  test("a data folder that can't be written is said in a line, with what to do", async () => {
    writeFileSync(join(home.path, "data"), "a file where the folder should be");
    const error = await failure(openStore());
    expect(error).toMatchObject({ name: "Expected", exit: 74 });
    expect(error.hint).toContain("XDG_DATA_HOME");
  });

  test("a store file that can't be opened is said in a line too", async () => {
    await filled(1);
    rmSync(`${storePath()}.lock`);
    await Bun.write(join(`${storePath()}.lock`, "x"), "");
    expect(await failure(openStore())).toMatchObject({ name: "Expected", exit: 74 });
    expect(await failure(readStore([], () => 1))).toMatchObject({ name: "Expected", exit: 74 });
  });
});

describe("another feature's first tables", () => {
  const births: Schema = {
    owner: "births",
    migrations: ["CREATE TABLE birth (n INTEGER PRIMARY KEY) STRICT"],
  };

  test("are added while others have the store open, who go on", async () => {
    await using old = await openStore({ schemas: [notes()] });
    await old.write((db) => db.prepare("INSERT INTO note VALUES (1, 'before')").run());
    const opened = await Promise.all([
      openStore({ schemas: [births] }),
      openStore({ schemas: [births, notes()] }),
    ]);
    for (const store of opened) {
      await store.write((db) => db.prepare("INSERT INTO birth DEFAULT VALUES").run());
      await store[Symbol.asyncDispose]();
    }
    await old.write((db) => db.prepare("INSERT INTO note VALUES (2, 'after')").run());
    expect(await readStore([births, notes()], all)).toHaveLength(2);
    expect(old.db.prepare("SELECT COUNT(*) AS count FROM birth").get()).toEqual({ count: 2 });
  });

  test("that can't be made leave the store as it was", async () => {
    await using _old = await openStore({ schemas: [notes()] });
    const broken: Schema = { owner: "broken", migrations: ["CREATE TABLE one (n); CREATE TABLE one (n)"] };
    await failure(openStore({ schemas: [broken] }));
    await using again = await openStore({ schemas: [notes()] });
    expect(again.db.prepare("SELECT COUNT(*) AS count FROM sqlite_schema WHERE name = 'one'").get()).toEqual({
      count: 0,
    });
  });
});

describe("migrations", () => {
  test("are refused while another process has the store open, and change nothing", async () => {
    await filled(3);
    await using holder = other("hold");
    await holder.line();
    const before = await content();
    const wants = { schemas: [notes("ALTER TABLE note ADD COLUMN more TEXT")], clock: hurried };
    const error = await failure(openStore(wants));
    expect(error).toMatchObject({
      name: "Expected",
      exit: 75,
      hint: "stop them first: stint sessions lists them",
    });
    expect(await content()).toEqual(before);
    expect(beside()).toEqual([]);
    holder.tell("");
    await using store = await openStore({ ...wants, clock: systemClock });
    expect(all(store.db)).toHaveLength(3);
  });

  test("are backed up before, and the backup is a store that opens", async () => {
    await filled(3);
    await using store = await openStore({
      schemas: [notes("DELETE FROM note; ALTER TABLE note ADD COLUMN more TEXT")],
    });
    expect(all(store.db)).toEqual([]);
    expect(beside()).toEqual(["stint.db.backup-1"]);
    const backup = `${storePath()}.backup-1`;
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    const db = await openDatabase(backup, { readonly: true });
    expect(all(db)).toHaveLength(3);
    expect(db.prepare("SELECT version FROM schema_version WHERE owner = 'notes'").get()).toEqual({
      version: 1,
    });
    db.close();
  });

  test("an earlier backup is kept beside the next", async () => {
    await filled(1);
    const steps = ["ALTER TABLE note ADD COLUMN a TEXT", "ALTER TABLE note ADD COLUMN b TEXT"];
    for (const n of [1, 2])
      await (await openStore({ schemas: [notes(...steps.slice(0, n))] }))[Symbol.asyncDispose]();
    expect(beside().toSorted()).toEqual(["stint.db.backup-1", "stint.db.backup-2"]);
  });

  test("the first tables of a feature need no backup", async () => {
    await (await openStore())[Symbol.asyncDispose]();
    await filled(1);
    expect(beside()).toEqual([]);
  });

  test("one that fails leaves everything as it was", async () => {
    await filled(3);
    const before = await content();
    const broken = notes("DELETE FROM note; CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)");
    expect(String(await failure(openStore({ schemas: [broken] })))).toContain("nowhere");
    expect(await content()).toEqual(before);
    expect(beside()).toEqual([]);
    await using store = await openStore({ schemas: [notes()] });
    expect(all(store.db)).toHaveLength(3);
  });

  const family = (...more: string[]): Schema => ({
    owner: "family",
    migrations: [
      `CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;
       CREATE TABLE child (id INTEGER PRIMARY KEY, of INTEGER NOT NULL REFERENCES parent (id) ON DELETE CASCADE) STRICT;
       INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (10, 1), (20, 2);`,
      ...more,
    ],
  });

  test("a table may be rebuilt without losing the rows that refer to it", async () => {
    await (await openStore({ schemas: [family()] }))[Symbol.asyncDispose]();
    const rebuild = `CREATE TABLE fresh (id INTEGER PRIMARY KEY, name TEXT) STRICT;
      INSERT INTO fresh SELECT id, NULL FROM parent; DROP TABLE parent; ALTER TABLE fresh RENAME TO parent;`;
    await using store = await openStore({ schemas: [family(rebuild)] });
    expect(store.db.prepare("SELECT id FROM child").all()).toEqual([{ id: 10 }, { id: 20 }]);
    await store.write((db) => db.exec("DELETE FROM parent WHERE id = 1"));
    expect(store.db.prepare("SELECT id FROM child").all()).toEqual([{ id: 20 }]);
  });

  test("one that leaves rows without what they refer to is undone", async () => {
    await (await openStore({ schemas: [family()] }))[Symbol.asyncDispose]();
    const before = await content();
    const error = await failure(openStore({ schemas: [family("DELETE FROM parent WHERE id = 2")] }));
    expect(error.message).toContain("refer to nothing");
    expect(await content()).toEqual(before);
  });

  test("a store that a newer stint wrote is refused, by who writes and who reads, and stays as it is", async () => {
    await (await openStore({ schemas: [notes("ALTER TABLE note ADD COLUMN more TEXT")] }))[
      Symbol.asyncDispose
    ]();
    const before = readFileSync(storePath());
    for (const open of [openStore({ schemas: [notes()] }), readStore([notes()], all)]) {
      const error = await failure(open);
      expect(error).toMatchObject({ name: "Expected", exit: 78 });
      expect(error.message).toContain("newer stint (notes 2)");
    }
    expect(readFileSync(storePath()).equals(before)).toBe(true);
    expect(beside()).toEqual([]);
  });

  test("another connection in the middle of a write only delays them", async () => {
    await filled(1);
    await using busy = other("transaction");
    expect(await busy.line()).toBe("begun");
    const opening = openStore({ schemas: [notes("ALTER TABLE note ADD COLUMN more TEXT")] });
    await Bun.sleep(1);
    busy.tell("");
    await using store = await opening;
    expect(all(store.db)).toHaveLength(1);
    expect(beside()).toEqual(["stint.db.backup-1"]);
  });
});

describe("writing", () => {
  test("kill -9 of three writers at once, 30 times, loses nothing that was acknowledged", async () => {
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < 30; round++) {
      const writers = ["a", "b", "c"].map((who) => ({
        who: `${who}${round}`,
        process: other("write", `${who}${round}`),
      }));
      await Promise.all(
        writers.map(async ({ who, process }) => {
          await process.line();
          await process.line();
          await process.kill();
          acknowledged.set(who, 2 + (await process.rest()).length);
        }),
      );
    }
    await using store = await openStore();
    const found = store.db.prepare("SELECT who, count(*) AS n, max(n) AS last FROM entry GROUP BY who").all();
    expect(found).toHaveLength(90);
    for (const { who, n, last } of found) {
      expect(Number(n)).toBe(Number(last) + 1);
      expect(Number(n)).toBeGreaterThanOrEqual(acknowledged.get(String(who)) ?? 0);
    }
    expect(store.db.prepare("PRAGMA quick_check").get()).toEqual({ quick_check: "ok" });
  }, 30_000);

  test("while another process writes, this one goes on with everything else and then writes", async () => {
    await filled(0);
    await using store = await openStore({ schemas: [notes()] });
    await using busy = other("transaction");
    await busy.line();
    let written = false;
    const write = store
      .write((db) => db.exec("INSERT INTO note VALUES (1, '')"))
      .then(() => {
        written = true;
      });
    for (let turn = 0; turn < 20; turn++) await Bun.sleep(0);
    expect(written).toBe(false);
    // Only a loop that turns can tell the other to let go.
    busy.tell("");
    await write;
    expect(all(store.db)).toHaveLength(1);
  });

  test("a writer that never gets its turn is told to try again", async () => {
    await filled(0);
    await using store = await openStore({ schemas: [notes()], clock: hurried });
    await using busy = other("transaction");
    await busy.line();
    const error = await failure(store.write((db) => db.exec("INSERT INTO note VALUES (1, '')")));
    expect(error).toMatchObject({ name: "Expected", exit: 75, hint: "try again in a moment" });
  });

  test("a write that throws leaves nothing of itself and doesn't keep the next from being written", async () => {
    await filled(0);
    await using store = await openStore({ schemas: [notes()] });
    const first = store.write((db) => {
      db.exec("INSERT INTO note VALUES (1, 'half')");
      throw new Error("a BUSY mind");
    });
    const second = store.write((db) => db.exec("INSERT INTO note VALUES (2, 'whole')"));
    expect((await failure(first)).message).toBe("a BUSY mind");
    await second;
    expect(all(store.db)).toEqual([{ n: 2, text: "whole" }]);
  });

  test("closing waits for what is being written and refuses what comes after", async () => {
    await filled(0);
    const store = await openStore({ schemas: [notes()] });
    const last = store.write((db) => db.exec("INSERT INTO note VALUES (1, '')"));
    const closing = store[Symbol.asyncDispose]();
    const late = failure(store.write((db) => db.exec("INSERT INTO note VALUES (2, '')")));
    await last;
    await closing;
    expect((await late).message).toContain("closed");
    await store[Symbol.asyncDispose]();
    expect(await readStore([notes()], all)).toEqual([{ n: 1, text: "" }]);
  });

  test("a full disk is said so, and what was written before stays", async () => {
    await filled(5);
    await using store = await openStore({ schemas: [notes()] });
    store.db.exec(
      `PRAGMA max_page_count = ${Number(store.db.prepare("PRAGMA page_count").get()?.["page_count"])}`,
    );
    const tooMuch = store.write((db) => {
      for (let n = 6; n < 600; n++) db.prepare("INSERT INTO note VALUES (?, ?)").run(n, text(n));
    });
    const error = await failure(tooMuch);
    expect(error).toMatchObject({ name: "Expected", exit: 74 });
    expect(error.message).toContain("is full");
    expect(all(store.db)).toHaveLength(5);
    store.db.exec("PRAGMA max_page_count = 100000");
    await store.write((db) => db.exec("INSERT INTO note VALUES (6, '')"));
    expect(all(store.db)).toHaveLength(6);
  });

  /** A file system of 1 MB needs the right to mount one: root, or a user namespace. */
  const small = [
    ["unshare", "-m"],
    ["unshare", "-rm"],
  ].find((by) => Bun.spawnSync([...by, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]).success);
  test.skipIf(!small)("a disk that really is full: the same", async () => {
    const folder = join(home.path, "small");
    const script = `mkdir -p "$0" && mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"`;
    const command = [process.execPath, join(import.meta.dir, "fixture-process.ts"), "fill"];
    await using full = new Other([...(small ?? []), "sh", "-c", script, folder, ...command], {
      XDG_DATA_HOME: folder,
    });
    const said = JSON.parse(await full.line());
    expect(said).toMatchObject({ exit: 74, message: expect.stringContaining("is full") });
    expect(said.acknowledged).toBeGreaterThan(100);
    expect(Number(await full.line())).toBe(said.acknowledged);
  });
});

describe("a damaged store", () => {
  const warnings: string[] = [];
  const open = (schemas = [notes()]) => openStore({ schemas, warn: (text) => void warnings.push(text) });
  beforeEach(() => {
    warnings.length = 0;
  });

  test("is set aside once, and what can be read of it is carried over", async () => {
    await filled(2000);
    const pages = statSync(storePath()).size / 4096;
    damage(Math.floor(pages / 2));
    expect(await checkStore()).toBeString();
    const damagedFile = readFileSync(storePath());
    await using store = await open();
    const kept = all(store.db);
    expect(kept.length).toBeGreaterThan(1900);
    expect(kept.length).toBeLessThan(2000);
    for (const { n, text: said } of kept) expect(said).toBe(text(Number(n)));
    expect(warnings).toEqual([
      `the store was damaged: set aside as ${storePath()}.damaged-1, ${kept.length} rows carried over, some lost of note`,
    ]);
    expect(readFileSync(`${storePath()}.damaged-1`).equals(damagedFile)).toBe(true);
    await using _again = await open();
    expect(warnings).toHaveLength(1);
    expect(store.db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  });

  test("that isn't a database any more gives way to an empty one", async () => {
    await filled(10);
    writeFileSync(storePath(), "no database at all ".repeat(1000));
    await using store = await open();
    expect(all(store.db)).toEqual([]);
    expect(warnings).toHaveLength(1);
    expect(readFileSync(`${storePath()}.damaged-1`, "utf8")).toStartWith("no database at all");
  });

  test("keeps the tables of features that the opener knows nothing of", async () => {
    const trades: Schema = {
      owner: "trades",
      migrations: [
        `CREATE TABLE trade (run TEXT, n INTEGER, pnl REAL, PRIMARY KEY (run, n)) STRICT, WITHOUT ROWID`,
      ],
    };
    await filled(2000, { schemas: [notes(), trades] });
    {
      await using store = await openStore({ schemas: [notes(), trades] });
      await store.write((db) => db.exec("INSERT INTO trade VALUES ('a', 1, 0.1), ('a', 2, 1e300)"));
    }
    damage(Math.floor(statSync(storePath()).size / 4096) - 5);
    await checkStore();
    await using _ = await open([]);
    await using store = await openStore({ schemas: [notes(), trades] });
    expect(store.db.prepare("SELECT * FROM trade").all()).toEqual([
      { run: "a", n: 1, pnl: 0.1 },
      { run: "a", n: 2, pnl: 1e300 },
    ]);
    expect(all(store.db).length).toBeGreaterThan(1900);
  });

  test("of an older stint is carried over as it was and then brought up to date", async () => {
    await filled(2000);
    damage(Math.floor(statSync(storePath()).size / 4096 / 2));
    await checkStore();
    await using store = await open([notes("ALTER TABLE note ADD COLUMN more TEXT NOT NULL DEFAULT 'new'")]);
    expect(all(store.db).length).toBeGreaterThan(1900);
    expect(store.db.prepare("SELECT DISTINCT more FROM note").all()).toEqual([{ more: "new" }]);
  });

  test("whose list of versions is on the bad page keeps its rows all the same", async () => {
    await filled(100);
    const db = await openDatabase(storePath(), { readonly: true });
    const page = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'schema_version'").get();
    db.close();
    damage(Number(page?.["rootpage"]));
    await using store = await open();
    expect(all(store.db)).toHaveLength(100);
    expect(warnings).toHaveLength(1);
  });

  test("is set aside by one of three openers, not by each", async () => {
    const sql = "CREATE TABLE note (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT";
    await using first = other("open", sql);
    await using second = other("open", sql);
    await using third = other("open", sql);
    const three = [first, second, third];
    for (const each of three) await each.line();
    for (let round = 0; round < 10; round++) {
      process.env["XDG_DATA_HOME"] = join(home.path, `round-${round}`);
      await filled(500, { schemas: [{ owner: "owner0", migrations: [sql] }] });
      damage(5, 8);
      await checkStore();
      for (const each of three) each.tell(join(home.path, `round-${round}`));
      const said = await Promise.all(three.map((each) => each.line()));
      expect(said.toSorted()).toEqual(["opened 0", "opened 0", "opened 1"]);
      const { kept } =
        (await readStore([], (db) => db.prepare("SELECT count(*) AS kept FROM note").get())) ?? {};
      expect(Number(kept)).toBeGreaterThan(400);
    }
  });

  test("stays where it is while another process has it open", async () => {
    await filled(2000);
    await using holder = other("hold");
    await holder.line();
    damage(20);
    await checkStore();
    const error = await failure(openStore({ clock: hurried }));
    expect(error).toMatchObject({ exit: 75, message: expect.stringContaining("is damaged") });
    expect(beside()).toEqual(["stint.db.damaged"]);
  });

  test("whose rescuer was killed is rescued by the next", async () => {
    await filled(300);
    // Between its last two steps: the old file is aside, what was carried over isn't yet in its place.
    const carried = readFileSync(storePath());
    writeFileSync(`${storePath()}.salvaged`, carried);
    rmSync(storePath());
    {
      await using store = await open();
      expect(all(store.db)).toHaveLength(300);
    }
    // While it was still copying.
    writeFileSync(`${storePath()}.salvaging`, carried.subarray(0, 10_000));
    damage(5);
    await checkStore();
    await using store = await open();
    expect(all(store.db).length).toBeGreaterThan(200);
    expect(beside().filter((name) => !name.startsWith("stint.db.damaged-1"))).toEqual([]);
  });

  test("that is met in the middle of work is marked, and set aside at the next start", async () => {
    await filled(2000);
    damage(Math.floor(statSync(storePath()).size / 4096 / 2));
    {
      await using store = await openStore({ schemas: [notes()] });
      const error = await failure(store.write((db) => db.exec("UPDATE note SET text = text || '!'")));
      expect(error).toMatchObject({
        name: "Expected",
        exit: 74,
        message: expect.stringContaining("is damaged"),
      });
    }
    await using store = await open();
    expect(warnings).toHaveLength(1);
    await store.write((db) => db.exec("UPDATE note SET text = text || '!'"));
  });

  test("is set aside at once for one who reads it to write next", async () => {
    await filled(2000);
    damage(Math.floor(statSync(storePath()).size / 4096 / 2));
    const warnings: string[] = [];
    const warn = (text: string) => void warnings.push(text);
    const read = await readSound({ schemas: [notes()], warn }, all);
    expect(warnings.join()).toContain("set aside as");
    expect(read?.length).toBeGreaterThan(1_000);
    expect(beside()).toContain("stint.db.damaged-1");
    // One that is sound is only read.
    expect((await readSound({ schemas: [notes()], warn }, all))?.length).toBe(read?.length ?? 0);
    expect(warnings).toHaveLength(1);
  });

  test("is said to be damaged to one who reads it, and isn't touched", async () => {
    await filled(2000);
    damage(Math.floor(statSync(storePath()).size / 4096 / 2));
    const error = await failure(readStore([notes()], all));
    expect(error).toMatchObject({
      name: "Expected",
      exit: 74,
      message: expect.stringContaining("is damaged"),
    });
    expect(beside()).toEqual([]);
  });

  test("the check finds a sound store sound, and makes nothing where there is none", async () => {
    await filled(10);
    expect(await checkStore()).toBeUndefined();
    expect(beside()).toEqual([]);
    using empty = enterHome();
    await Bun.write(join(empty.path, "data/stint/x"), "");
    expect(await checkStore()).toBeUndefined();
    expect(existsSync(storePath())).toBe(false);
  });
});

describe("reading", () => {
  test("where stint never ran makes nothing", async () => {
    expect(await readStore([], all)).toBeUndefined();
    expect(readdirSync(home.path)).toEqual(["run"]);
  });

  test("changes nothing in the file, and can't", async () => {
    await filled(3);
    const before = readFileSync(storePath());
    expect(await readStore([notes()], all)).toHaveLength(3);
    const error = await failure(readStore([notes()], (db) => db.exec("DELETE FROM note")));
    expect(error).toMatchObject({ name: "Expected", exit: 74 });
    expect(readFileSync(storePath()).equals(before)).toBe(true);
    expect(beside()).toEqual([]);
  });

  test("goes on beside a host that writes", async () => {
    await filled(1);
    await using store = await openStore({ schemas: [notes()] });
    await store.write((db) => db.exec("INSERT INTO note VALUES (2, '')"));
    expect(await readStore([notes()], all)).toHaveLength(2);
  });

  test("sees what a host wrote that was killed", async () => {
    await using writer = other("write", "a");
    const last = await writer.line();
    await writer.kill();
    const rows = await readStore([], (db) => db.prepare("SELECT n FROM entry").all());
    expect(rows).toContainEqual({ n: Number(last) });
  });

  test("tables that a feature has yet to make hold nothing", async () => {
    await (await openStore())[Symbol.asyncDispose]();
    expect(await readStore([notes()], all)).toBeUndefined();
  });

  test("tables of an older stint are not taken for empty ones, and not migrated", async () => {
    await filled(1);
    const before = await content();
    const error = await failure(readStore([notes("ALTER TABLE note ADD COLUMN more TEXT")], all));
    expect(error).toMatchObject({
      name: "Expected",
      exit: 75,
      hint: "the next session that starts updates it",
    });
    expect(await content()).toEqual(before);
  });

  test("waits out an update, and gives up on one that takes long", async () => {
    await filled(1);
    const update = lockFile(`${storePath()}.lock`, "exclusive");
    const reading = readStore([notes()], all);
    expect(await failure(readStore([notes()], all, hurried))).toMatchObject({ name: "Expected", exit: 75 });
    update?.[Symbol.dispose]();
    expect(await reading).toHaveLength(1);
  });

  test("an error of the reader's own comes through as it is", async () => {
    await filled(1);
    const error = await failure(readStore([], (db) => db.prepare("SELECT * FROM nowhere").all()));
    expect(error.message).toContain("no such table");
    expect(errno(error)).toBeDefined();
  });
});

test("a store is given back whole: its lock and its files", async () => {
  const store: Store = await openStore();
  store.db.prepare("SELECT * FROM session").all();
  const ours = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(home.path);
      } catch {
        return false;
      }
    });
  expect(ours()).toHaveLength(4);
  await store[Symbol.asyncDispose]();
  expect(ours()).toEqual([]);
  using lock = lockFile(`${storePath()}.lock`, "exclusive");
  expect(lock).toBeDefined();
});
