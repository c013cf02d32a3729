/** Other processes for the tests of the kernel: `bun fixture-process.ts WHAT …`; what they reach they say on stdout. */
import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { openLog } from "../../src/kernel/log.ts";
import { lockFile, openDatabase } from "../../src/kernel/runtime.ts";
import { takeSeat } from "../../src/kernel/seat.ts";
import { openStore, storePath } from "../../src/kernel/store.ts";

const [what, ...args] = process.argv.slice(2);
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (text: string) => process.stdout.write(`${text}\n`);
const told = async () => (await input.next()).value as string | undefined;

switch (what) {
  // Opens the store of each data folder it is told, and says how that went.
  case "open":
    say("ready");
    for (let folder = await told(); folder; folder = await told()) {
      process.env["XDG_DATA_HOME"] = folder;
      const schemas = args.map((sql, at) => ({ owner: `owner${at}`, migrations: [sql] }));
      const warnings: string[] = [];
      try {
        await using store = await openStore({ schemas, warn: (text) => void warnings.push(text) });
        await store.write((db) => db.prepare("SELECT count(*) FROM session").get());
        say(`opened ${warnings.length}`);
      } catch (error) {
        say(`failed ${error}`);
      }
    }
    break;
  case "hold": {
    await using _ = await openStore();
    say("open");
    await told();
    break;
  }
  // Writes until it is killed; says each row once it is acknowledged.
  case "write": {
    await using store = await openStore({
      schemas: [{ owner: "test", migrations: ["CREATE TABLE entry (who TEXT, n INTEGER) STRICT"] }],
    });
    for (let n = 0; ; n++) {
      await store.write((db) => db.prepare("INSERT INTO entry VALUES (?, ?)").run(args[0] ?? "", n));
      say(String(n));
    }
  }
  // Writes rows of 1 KB until the disk is full; says what was acknowledged and how it failed.
  case "fill": {
    await using store = await openStore({
      schemas: [{ owner: "test", migrations: ["CREATE TABLE entry (n INTEGER, filler TEXT) STRICT"] }],
    });
    let n = 0;
    try {
      for (; ; n++) {
        await store.write((db) => db.prepare("INSERT INTO entry VALUES (?, ?)").run(n, "x".repeat(1000)));
      }
    } catch (error) {
      say(
        JSON.stringify({ acknowledged: n, exit: (error as { exit?: number }).exit, message: String(error) }),
      );
    }
    const { kept } = store.db.prepare("SELECT count(*) AS kept FROM entry").get() ?? {};
    say(String(kept));
    break;
  }
  // Holds SQLite's write lock until told.
  case "transaction": {
    const db = await openDatabase(storePath());
    db.exec("BEGIN IMMEDIATE");
    say("begun");
    await told();
    db.exec("COMMIT");
    break;
  }
  case "lock": {
    const lock = lockFile(args[0] ?? "", args[1] === "shared" ? "shared" : "exclusive");
    say(lock ? "locked" : "refused");
    await told();
    break;
  }
  // Takes and leaves a lock again and again, removing the file each time; says how often somebody else had it too.
  case "contend": {
    const [path = "", marker = ""] = args;
    let together = 0;
    say("ready");
    await told();
    for (let n = 0; n < 1500; n++) {
      let lock = lockFile(path, "exclusive");
      while (!lock) lock = lockFile(path, "exclusive");
      try {
        mkdirSync(marker);
        rmdirSync(marker);
      } catch {
        together++;
      }
      rmSync(path, { force: true });
      lock[Symbol.dispose]();
    }
    say(String(together));
    break;
  }
  case "seat": {
    const seat = takeSeat("pomo.default");
    if (args[0]) seat.announce({ kind: "pomo", profile: "default", session: args[0], socket: "/nowhere" });
    say("seated");
    await told();
    break;
  }
  case "log": {
    using log = openLog("shared", { maxBytes: 20_000, keep: 100 });
    say("ready");
    await told();
    for (let n = 0; n < 400; n++) log.info(`${args[0]} ${n}`);
    say("done");
    break;
  }
}
process.exit(0);
