import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase, type Row } from "../../src/kernel/runtime.ts";
import { copySchema, salvage } from "../../src/kernel/salvage.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stint-salvage-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const from = () => join(folder, "old.db");
const to = () => join(folder, "new.db");

async function write(sql: string, each?: { sql: string; rows: number }): Promise<void> {
  const db = await openDatabase(from());
  db.exec(`CREATE TABLE schema_version (owner TEXT, version INTEGER); ${sql}`);
  db.exec("BEGIN");
  for (let n = 1; n <= (each?.rows ?? 0); n++) db.prepare(each?.sql ?? "").run(n, "x".repeat(200));
  db.exec("COMMIT");
  db.close();
}

const pages = () => statSync(from()).size / 4096;
function damage(...numbers: number[]): void {
  const bytes = readFileSync(from());
  for (const page of numbers) bytes.fill(0xff, (page - 1) * 4096, page * 4096);
  writeFileSync(from(), bytes);
}

async function saved(sql: string): Promise<{ rows: number; lost: string[]; kept: Row[] }> {
  expect(await copySchema(from(), to(), 7)).toBe(true);
  const outcome = await salvage(from(), to());
  const db = await openDatabase(to(), { readonly: true });
  const kept = db.prepare(sql).all();
  db.close();
  return { ...outcome, kept };
}

const many = { sql: "INSERT INTO t VALUES (?, ?)", rows: 4000 };
/** Rows of 200 bytes on a page of 4096. */
const A_PAGE = 20;

test("a sound file is copied whole", async () => {
  await write("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)", many);
  const { rows, lost, kept } = await saved("SELECT n FROM t");
  expect({ rows, lost }).toEqual({ rows: 4000, lost: [] });
  expect(kept).toHaveLength(4000);
});

test("each bad page costs the rows on it, and none between it and the next", async () => {
  await write("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)", many);
  const [first, second, third] = [0.2, 0.5, 0.8].map((part) => Math.floor(pages() * part));
  damage(first ?? 0, second ?? 0, third ?? 0);
  const { rows, lost } = await saved("SELECT n FROM t");
  expect(lost).toEqual(["t"]);
  expect(rows).toBeGreaterThanOrEqual(4000 - 3 * A_PAGE);
  expect(rows).toBeLessThan(4000);
});

test("the first and the last page may be the bad ones", async () => {
  await write("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)", many);
  const at = (order: string) => `SELECT n FROM t ORDER BY n ${order} LIMIT 1`;
  damage(pages());
  const { rows, kept } = await saved(at("DESC"));
  expect(rows).toBeGreaterThanOrEqual(4000 - A_PAGE);
  expect(Number(kept[0]?.["n"])).toBeLessThan(4000);
});

test("rows with gaps between their ids are found behind a bad page", async () => {
  await write("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)", {
    sql: "INSERT INTO t SELECT ?1 * ?1 * 1000, ?2",
    rows: 4000,
  });
  damage(Math.floor(pages() * 0.3), Math.floor(pages() * 0.7));
  const { rows } = await saved("SELECT n FROM t");
  expect(rows).toBeGreaterThanOrEqual(4000 - 2 * A_PAGE);
});

test("a table without rowids is read by its key", async () => {
  await write(
    "CREATE TABLE t (n INTEGER, text TEXT, run TEXT DEFAULT 'a', PRIMARY KEY (run, n)) WITHOUT ROWID",
    {
      sql: "INSERT INTO t (n, text) VALUES (?, ?)",
      rows: 4000,
    },
  );
  damage(Math.floor(pages() * 0.3), Math.floor(pages() * 0.7));
  const { rows, lost } = await saved("SELECT n FROM t");
  expect(lost).toEqual(["t"]);
  expect(rows).toBeGreaterThanOrEqual(4000 - 4 * A_PAGE);
  expect(rows).toBeLessThan(4000);
});

test("of a key that isn't a number what lies at both ends is found", async () => {
  await write("CREATE TABLE t (name TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID", {
    sql: "INSERT INTO t SELECT printf('%05d', ?1), ?2",
    rows: 4000,
  });
  damage(Math.floor(pages() * 0.5));
  const { rows, kept } = await saved("SELECT min(name) AS first, max(name) AS last FROM t");
  expect(rows).toBeLessThan(4000);
  expect(kept).toEqual([{ first: "00001", last: "04000" }]);
});

test("every kind of value comes through as it was", async () => {
  await write(`CREATE TABLE t (a ANY, b ANY, c ANY, d ANY, e ANY) STRICT;
    INSERT INTO t VALUES (NULL, 9007199254740991, 0.1, 'é\u{1F600}', x'00ff')`);
  const { kept } = await saved("SELECT * FROM t");
  expect(kept).toEqual([
    { a: null, b: 9007199254740991, c: 0.1, d: "é\u{1F600}", e: new Uint8Array([0, 255]) },
  ]);
});

test("what referred to a lost row goes with it, to the last generation", async () => {
  await write(
    `CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT);
     CREATE TABLE child (n INTEGER PRIMARY KEY REFERENCES t (n), text TEXT);
     CREATE TABLE grandchild (n INTEGER REFERENCES child (n), note TEXT, PRIMARY KEY (n, note)) WITHOUT ROWID;`,
    many,
  );
  const db = await openDatabase(from());
  db.exec(
    "INSERT INTO child SELECT n, '' FROM t WHERE n % 10 = 0; INSERT INTO grandchild SELECT n, '' FROM child",
  );
  db.exec("INSERT INTO child VALUES (NULL, 'of nobody')");
  const root = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'child'").get();
  db.close();
  damage(Math.floor(Number(root?.["rootpage"]) + 40));
  const { rows } = await saved("SELECT n FROM t");
  const fresh = await openDatabase(to(), { readonly: true });
  const count = (table: string) => Number(fresh.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
  expect(count("t")).toBeLessThan(4000);
  expect(count("child")).toBeLessThan(400);
  expect(count("grandchild")).toBe(count("child"));
  expect(rows).toBe(count("t") + count("child") + count("grandchild"));
  expect(fresh.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
  fresh.close();
});

test("indexes are made anew, and the program's mark is set", async () => {
  await write("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_text ON t (text)");
  const { kept } = await saved("SELECT name FROM sqlite_schema WHERE type = 'index'");
  expect(kept).toEqual([{ name: "by_text" }]);
  const db = await openDatabase(to(), { readonly: true });
  expect(db.prepare("PRAGMA application_id").get()).toEqual({ application_id: 7 });
  db.close();
});

test("a file that isn't a database says so", async () => {
  writeFileSync(from(), "x".repeat(10_000));
  expect(await copySchema(from(), to(), 7)).toBe(false);
});
