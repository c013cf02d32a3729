/**
 * The runtime seam under whichever runtime runs this: `fixture-deno.ts FOLDER`. Says what it saw as one line of JSON.
 * FOLDER/held.lock is held by another process, FOLDER/other.sock answered by one.
 */

import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import {
  isAlive,
  lockFile,
  makeFifo,
  openDatabase,
  ownIdentity,
  processStat,
  requestUnix,
  runtime,
  serveUnix,
  spawnSession,
  sqliteCode,
} from "../../src/kernel/runtime.ts";

const folder = process.argv[2] ?? "";
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return sqliteCode(error);
  }
};

const path = `${folder}/deno.db`;
const db = await openDatabase(path);
db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, v ANY) STRICT");
db.exec("INSERT INTO t VALUES (1, 0.5); INSERT INTO t VALUES (2, NULL)");
db.prepare("INSERT INTO t VALUES (?, ?)").run(3, new Uint8Array([1, 2]));
const rows = db.prepare("SELECT * FROM t ORDER BY n").all();
const none = db.prepare("SELECT * FROM t WHERE n = ?").get(9);
const second = await openDatabase(path);
const reader = await openDatabase(path, { readonly: true });
db.exec("BEGIN IMMEDIATE");
const codes = {
  busy: codeOf(() => second.exec("BEGIN IMMEDIATE")),
  readonly: codeOf(() => reader.exec("INSERT INTO t VALUES (4, 4)")),
  syntax: codeOf(() => db.exec("SELEC 1")) !== undefined,
  ours: codeOf(() => {
    throw new Error("database is locked");
  }),
};
db.exec("ROLLBACK");
db.exec("PRAGMA max_page_count = 3");
const full = codeOf(() => db.prepare("INSERT INTO t VALUES (5, ?)").run("x".repeat(100_000)));
for (const each of [db, second, reader]) each.close();

const held = lockFile(`${folder}/held.lock`, "shared") === undefined;
const mine = lockFile(`${folder}/mine.lock`, "exclusive");
const again = lockFile(`${folder}/mine.lock`, "exclusive") === undefined;
mine?.write("a longer text");
mine?.write("text");
const wrote = readFileSync(`${folder}/mine.lock`, "utf8");
mine?.[Symbol.dispose]();
const freed = lockFile(`${folder}/mine.lock`, "exclusive");
freed?.[Symbol.dispose]();

const other = await requestUnix(`${folder}/other.sock`, "POST", "/x", { body: "to bun", timeoutMs: 5000 });
const socket = `${folder}/deno.sock`;
const server = await serveUnix(socket, {
  request: async (method, at, body) => ({ status: 418, body: `${method} ${at} ${body}` }),
  opened() {},
  closed() {},
});
const own = await requestUnix(socket, "POST", "/command/x", { body: "hello", timeoutMs: 5000 });
await server.stop();
rmSync(socket, { force: true });
const nobody = await requestUnix(socket, "GET", "/", { timeoutMs: 5000 }).then(
  () => "answered",
  () => "refused",
);
makeFifo(`${folder}/pipe`);
const pipe = openSync(`${folder}/pipe`, constants.O_RDWR);
const out = openSync(`${folder}/said`, "a");
const around = { env: {}, cwd: folder, stdio: [pipe, out, out] as [number, number, number] };
const child = await spawnSession(["/bin/sh", "-c", 'read line; echo "got $line"; kill -SEGV $$'], around);
const stat = processStat(child.pid);
writeSync(pipe, "hello\n");
const ended = await child.exited;
const missing = await spawnSession(["./nothing"], around).catch((error) => error.code);
for (const fd of [pipe, out]) closeSync(fd);
const session = {
  own: stat?.group === child.pid && stat.session === child.pid,
  ended,
  none: missing,
  said: readFileSync(`${folder}/said`, "utf8"),
};
const bytes = Array.from(rows[2]?.["v"] as Uint8Array);
console.log(
  JSON.stringify({
    runtime: runtime.split(" ")[0],
    rows: [rows[0], rows[1], bytes],
    none: none === undefined,
    codes: { ...codes, full },
    locks: { held, again, wrote, freed: freed !== undefined },
    http: { other, own, nobody },
    alive: isAlive(ownIdentity()),
    session,
  }),
);
