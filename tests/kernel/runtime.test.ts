import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import {
  identityOf,
  isAlive,
  lockFile,
  makeFifo,
  openPidfd,
  openReadySet,
  ownIdentity,
  processStat,
  readable,
  requestUnix,
  serveUnix,
  spawnDetached,
  spawnSession,
  sqliteCode,
} from "../../src/kernel/runtime.ts";
import { enterHome, type Home, Other } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

const at = (name: string) => join(home.path, name);
const other = (...args: string[]) =>
  new Other([process.execPath, join(import.meta.dir, "fixture-process.ts"), ...args]);

describe("a file lock", () => {
  test("keeps other processes out until it is given back", async () => {
    const lock = lockFile(at("x"), "exclusive");
    await using second = other("lock", at("x"));
    expect(await second.line()).toBe("refused");
    lock?.[Symbol.dispose]();
    await using third = other("lock", at("x"));
    expect(await third.line()).toBe("locked");
    expect(lockFile(at("x"), "shared")).toBeUndefined();
  });

  test("that is shared lets others share it, and none have it alone", () => {
    using _first = lockFile(at("x"), "shared");
    using second = lockFile(at("x"), "shared");
    expect(second).toBeDefined();
    expect(lockFile(at("x"), "exclusive")).toBeUndefined();
  });

  test("goes with its holder's kill -9", async () => {
    await using holder = other("lock", at("x"));
    expect(await holder.line()).toBe("locked");
    await holder.kill();
    using lock = lockFile(at("x"), "exclusive");
    expect(lock).toBeDefined();
  });

  test("isn't inherited by the processes that its holder starts", async () => {
    const lock = lockFile(at("x"), "exclusive");
    const child = Bun.spawn(["sleep", "60"]);
    const detached = spawnDetached(["/bin/sleep", "60"], { cwd: "/", env: {}, stderr: 2 });
    lock?.[Symbol.dispose]();
    // Until it is the program it is to be, a child has everything of its parent's.
    using again = await until(() => lockFile(at("x"), "exclusive"));
    expect(again).toBeDefined();
    child.kill();
    process.kill(detached.pid);
    await Promise.all([child.exited, detached.exited]);
  });

  test("is on the file that has the name, not on one that was removed", () => {
    using _lost = lockFile(at("x"), "exclusive");
    unlinkSync(at("x"));
    using fresh = lockFile(at("x"), "exclusive");
    expect(fresh).toBeDefined();
    expect(lockFile(at("x"), "exclusive")).toBeUndefined();
  });

  test("is never two processes', though each removes the file before it lets go", async () => {
    const both = [other("contend", at("x"), at("in")), other("contend", at("x"), at("in"))];
    for (const each of both) await each.line();
    for (const each of both) each.tell("");
    expect(await Promise.all(both.map((each) => each.line()))).toEqual(["0", "0"]);
    for (const each of both) await each[Symbol.asyncDispose]();
  });

  test("says what was written last", () => {
    using lock = lockFile(at("x"), "exclusive");
    lock?.write("a longer text");
    lock?.write("text");
    expect(readFileSync(at("x"), "utf8")).toBe("text");
  });

  test("in a folder that isn't there is an expected failure", () => {
    expect(() => lockFile(at("none/x"), "shared")).toThrow(
      expect.objectContaining({ name: "Expected", exit: 74 }),
    );
  });
});

test.each(["deno", "bun"])("SQLite, locks and sockets do the same under %s", async (which) => {
  using _held = lockFile(at("held.lock"), "exclusive");
  const server = await serveUnix(at("other.sock"), {
    request: async (method, path, body) => ({ status: 200, body: `${method} ${path} ${body}` }),
    opened() {},
    closed() {},
  });
  const bin = join(import.meta.dir, "../../node_modules/.bin", which);
  const command = which === "deno" ? [bin, "run", "-A", "--no-check"] : [bin];
  await using run = new Other([...command, join(import.meta.dir, "fixture-deno.ts"), home.path]);
  expect(JSON.parse(await run.line())).toEqual({
    runtime: which,
    rows: [{ n: 1, v: 0.5 }, { n: 2, v: null }, [1, 2]],
    none: true,
    codes: { busy: "BUSY", readonly: "READONLY", syntax: true, full: "FULL" },
    locks: { held: true, again: true, wrote: "text", freed: true },
    http: {
      other: { status: 200, body: "POST /x to bun" },
      own: { status: 418, body: "POST /command/x hello" },
      nobody: "refused",
    },
    alive: true,
    session: { own: true, ended: { code: null, signal: "SIGSEGV" }, none: "ENOENT", said: "got hello\n" },
  });
  await server.stop();
});

test("an error that only sounds like SQLite's isn't", () => {
  expect(sqliteCode(new Error("SQLITE_BUSY: database is locked"))).toBeUndefined();
  expect(sqliteCode(undefined)).toBeUndefined();
});

describe("a process", () => {
  test("is told apart from a later one with its pid, and from one before a reboot", () => {
    const self = ownIdentity();
    expect(self.pid).toBe(process.pid);
    expect(self.start).toMatch(/^\d+$/);
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, start: "1" })).toBe(false);
    expect(isAlive({ ...self, boot: "another" })).toBe(false);
    expect(identityOf(process.pid)).toEqual(self);
  });

  test("is known by its pid alone where there is no /proc", () => {
    const self = { ...ownIdentity(), start: "" };
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, pid: 2 ** 22 + 1 })).toBe(false);
  });

  test("with a name that looks like the end of it is read rightly", async () => {
    const odd = at("a) S 1 (b");
    writeFileSync(odd, readFileSync("/bin/sleep"), { mode: 0o700 });
    const child = Bun.spawn([odd, "60"]);
    const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
    const start = stat.slice(stat.lastIndexOf(") ") + 2).split(" ")[19] ?? "";
    expect(isAlive({ ...ownIdentity(), pid: child.pid, start })).toBe(true);
    child.kill();
    await child.exited;
  });
});

describe("a background process", () => {
  test("has a session of its own, no terminal, and is heard on its pipe until it ends", async () => {
    const script = "ps -o sid=,pid=,tty= -p $$ >&3; exit 7";
    const child = spawnDetached(["/bin/sh", "-c", script], {
      cwd: "/",
      env: { PATH: process.env["PATH"] },
      stderr: 2,
    });
    let said = "";
    for await (const chunk of child.said) said += chunk;
    expect(said.trim().split(/\s+/)).toEqual([String(child.pid), String(child.pid), "?"]);
    expect(await child.exited).toEqual({ code: 7, signal: null });
  });

  test("that can't be started ends without a word, a code or a signal", async () => {
    const child = spawnDetached([at("nothing")], { cwd: "/", env: {}, stderr: 2 });
    let said = "";
    for await (const chunk of child.said) said += chunk;
    expect(said).toBe("");
    expect(await child.exited).toEqual({ code: null, signal: null });
  });
});

describe("a process on descriptors of ours", () => {
  test("is told as ended with its code, or with the name of the signal", async () => {
    const nothing = openSync("/dev/null", "r+");
    const how = async (script: string) => {
      const stdio: [number, number, number] = [nothing, nothing, nothing];
      const child = await spawnSession(["/bin/sh", "-c", script], { env: {}, cwd: "/", stdio });
      return child.exited;
    };
    expect(await how("exit 137")).toEqual({ code: 137, signal: null });
    expect(await how("kill -KILL $$")).toEqual({ code: null, signal: "SIGKILL" });
    // One for real-time use, which has no name.
    expect(await how("kill -34 $$")).toEqual({ code: null, signal: "signal 34" });
    closeSync(nothing);
  });

  test("doesn't keep this one from ending, and outlives it", async () => {
    const script = `
      import { openSync } from "node:fs";
      import { spawnSession } from ${JSON.stringify(join(import.meta.dir, "../../src/kernel/runtime.ts"))};
      const fd = openSync("/dev/null", "r+");
      const child = await spawnSession(["/bin/sleep", "60"], { env: {}, cwd: "/", stdio: [fd, fd, fd] });
      console.log(child.pid);`;
    writeFileSync(at("starter.ts"), script);
    await using starter = new Other([process.execPath, at("starter.ts")]);
    const pid = Number((await starter.rest())[0]);
    expect(processStat(pid)).toMatchObject({ zombie: false, group: pid, session: pid });
    process.kill(pid, "SIGKILL");
  });
});

describe("the descriptor of a process", () => {
  test("can be read once it has ended, whosever child it is", async () => {
    await using other = new Other(["/bin/sh", "-c", "sleep 60 & echo $!; wait"]);
    const pid = Number(await other.line());
    const [its, own] = [openPidfd(pid) ?? -1, openPidfd(process.pid) ?? -1];
    expect(readable([own, its])).toEqual([]);
    process.kill(pid, "SIGKILL");
    await until(() => readable([own, its]).length > 0);
    expect(readable([own, its])).toEqual([its]);
    expect(readable([])).toEqual([]);
    for (const fd of [its, own]) closeSync(fd);
  });

  test("is told of by a set that it was added to, until it is closed", async () => {
    const child = Bun.spawn(["sleep", "60"]);
    const [its, own] = [openPidfd(child.pid) ?? -1, openPidfd(process.pid) ?? -1];
    const set = openReadySet();
    for (const fd of [its, own]) set?.add(fd);
    const told = () => readable([set?.fd ?? -1]).length > 0;
    expect(told()).toBe(false);
    child.kill("SIGKILL");
    await child.exited;
    expect(told()).toBe(true);
    closeSync(its);
    expect(told()).toBe(false);
    for (const fd of [own, set?.fd ?? -1]) closeSync(fd);
  });

  test("isn't had of one that isn't there", () => {
    expect(openPidfd(2 ** 22 + 1)).toBeUndefined();
  });
});

describe("a named pipe", () => {
  test("is its owner's alone, and carries what is written", () => {
    makeFifo(at("ä pipe"));
    expect(statSync(at("ä pipe")).mode & 0o7777).toBe(0o600);
    const fd = openSync(at("ä pipe"), constants.O_RDWR);
    writeSync(fd, "text");
    const bytes = Buffer.alloc(10);
    expect(bytes.toString("utf8", 0, readSync(fd, bytes))).toBe("text");
    closeSync(fd);
  });

  test("isn't made over something else, or where there is no folder", () => {
    writeFileSync(at("file"), "");
    expect(() => makeFifo(at("file"))).toThrow("file can't be made a pipe");
    expect(() => makeFifo(at("none/pipe"))).toThrow("none/pipe can't be made a pipe");
  });
});

test("asking a socket that nobody serves is refused, not waited for", async () => {
  await expect(requestUnix(at("none"), "GET", "/", { timeoutMs: 60_000 })).rejects.toThrow();
  rmSync(at("none"), { force: true });
});
