import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RunningFile, readLeft } from "../../src/modules/adapters/running.ts";
import { type Left, renderRunning } from "../../src/modules/core/running.ts";
import { Folder } from "../support/folder.ts";
import { until } from "../support/sandbox.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";
import { changeOf, head, Model, running, short } from "./running-model.ts";

const FIXTURE = join(import.meta.dir, "fixture-running.ts");
const command = (...args: string[]) => [process.execPath, FIXTURE, ...args];

let folder: Folder;
let path: string;
let said: string[];
const told = {
  failed: (error: Error) => void said.push(error.message),
  mended: () => void said.push("mended"),
};
const warned = (text: string) => void said.push(text);

beforeEach(() => {
  folder = new Folder();
  path = folder.file("modules/running_modules.json");
  said = [];
});
afterEach(() => folder[Symbol.dispose]());

const previous = () => `${path}.previous`;
const recovery = () => folder.file("modules/running_modules.recovery.json");
const names = () => readdirSync(folder.file("modules")).sort();
const open = async (session: string, left?: Left) => {
  const file = await RunningFile.open(path, head(session), left, told);
  if (!left) await file.complete();
  return file;
};
const left = () => readLeft(path, warned);
const found = async () => short((await left())?.modules ?? []);
const one = (name: string, reason: string) => running(name, { reason });

/** The next supervisor after one that died, with what it finds. */
const reopen = async (session: string) => open(session, await left());

describe("while modules run", () => {
  test("the file says what is true of them, to nobody else", async () => {
    await using file = await open("first");
    expect(await file.put(one("gps", "a"))).toBe(true);
    await Promise.all([file.put(one("eye", "b")), file.put(one("gps", "c")), file.put(one("audio", "d"))]);
    await file.drop("audio");
    expect(await left()).toEqual({
      session: "first",
      dir: "/rack/modules",
      modules: [one("gps", "c"), one("eye", "b")],
    });
    expect(names()).toEqual(["running_modules.json", "running_modules.json.previous"]);
    for (const name of names()) expect(statSync(folder.file(`modules/${name}`)).mode & 0o777).toBe(0o600);
    expect(said).toEqual([]);
  });

  test("an end with modules that run on leaves it, a clean one leaves nothing", async () => {
    const first = await open("first");
    void first.put(one("gps", "a"));
    await first[Symbol.asyncDispose]();
    expect(await found()).toBe("gps=a");
    const second = await reopen("second");
    await second.put(one("eye", "b"));
    await second.clear();
    expect(names()).toEqual([]);
    expect(await left()).toBeUndefined();
    // Whoever comes late doesn't bring it back.
    expect(await second.put(one("late", "c"))).toBe(false);
    await second[Symbol.asyncDispose]();
    expect(names()).toEqual([]);
    expect(said).toEqual([]);
  });

  test("100 that start at once are a few writes", async () => {
    await using file = await open("first");
    let writes = 0;
    let inode = statSync(path).ino;
    const puts = Array.from({ length: 100 }, async (_, n) => {
      await file.put(one(`m${n}`, "before"));
      if (statSync(path).ino !== inode) writes++;
      inode = statSync(path).ino;
      await file.put(one(`m${n}`, "after"));
    });
    await Promise.all(puts);
    expect(writes).toBeLessThanOrEqual(3);
    expect((await left())?.modules.filter(({ reason }) => reason === "after")).toHaveLength(100);
  });

  test("somebody who removes it is outdone", async () => {
    await using file = await open("first");
    await file.put(one("gps", "a"));
    const { ino } = statSync(path);
    await file.refresh();
    expect(statSync(path).ino).toBe(ino);
    rmSync(folder.file("modules"), { recursive: true });
    await file.refresh();
    expect(await found()).toBe("gps=a");
    rmSync(folder.file("modules"), { recursive: true });
    await file.put(one("eye", "b"));
    expect(await found()).toBe("eye=b gps=a");
    expect(said).toEqual([]);
  });
});

describe("a file that is damaged", () => {
  beforeEach(async () => {
    await using file = await open("first");
    await file.put(one("gps", "a"));
    await file.put(one("eye", "b"));
  });

  test("falls back to the copy before it, wherever it was cut, and that is said", async () => {
    const text = readFileSync(path);
    for (let length = 0; length < text.length - 1; length++) {
      writeFileSync(path, text.subarray(0, length));
      said = [];
      expect(await found()).toBe("gps=a");
      expect(said).toEqual([`${path} is damaged`, `${previous()} is taken instead of ${path}`]);
    }
  });

  test("or isn't there, or is a folder, or something else", async () => {
    for (const garbage of ["\0".repeat(4096), "{}", "[1,2", "null", "\xff\xfe"]) {
      writeFileSync(path, garbage, "latin1");
      expect(await found()).toBe("gps=a");
    }
    rmSync(path);
    expect(await found()).toBe("gps=a");
    mkdirSync(path);
    expect(await found()).toBe("gps=a");
    expect(said.at(-2)).toBe(`${path} can't be read: EISDIR`);
  });

  test("without a good copy there is nothing, which is said, and the next start goes on", async () => {
    writeFileSync(path, "");
    writeFileSync(previous(), "");
    writeFileSync(recovery(), "");
    expect(await left()).toBeUndefined();
    expect(said).toHaveLength(3);
    await using file = await open("second");
    await file.put(one("audio", "c"));
    expect(await found()).toBe("audio=c");
    expect(existsSync(recovery())).toBe(false);
  });

  test("a module in it that can't be made out is passed over, by name of the file", async () => {
    const { modules, ...rest } = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...rest, modules: [{ ...modules[0], pid: -1 }, modules[1]] }));
    expect(await found()).toBe("eye=b");
    expect(said).toEqual([`${path}: module 1 can't be made out, and is passed over`]);
  });
});

describe("a start after a crash", () => {
  const dead = async (...modules: string[]) => {
    const file = await open("dead");
    await Promise.all(modules.map((name) => file.put(one(name, "dead"))));
  };

  test("keeps what was left until each module is settled", async () => {
    await dead("camera-1", "gps", "audio");
    const file = await reopen("second");
    expect(names()).toEqual(["running_modules.json", "running_modules.recovery.json"]);
    expect(await found()).toBe("audio=dead camera-1=dead gps=dead");
    expect((await left())?.session).toBe("second");
    await file.put(one("gps", "adopted"));
    await file.resolve("gps", "running");
    await file.resolve("audio", "given up");
    expect(await found()).toBe("camera-1=dead gps=adopted");
    expect(existsSync(recovery())).toBe(true);
    await file.resolve("camera-1", "running");
    expect(existsSync(recovery())).toBe(false);
    expect(await found()).toBe("camera-1=dead gps=adopted");
    // The copy before it knows as much: the recovery copy isn't missed.
    writeFileSync(path, "");
    expect(await found()).toBe("camera-1=dead gps=adopted");
  });

  test("that dies too is found with the one before it", async () => {
    await dead("camera-1", "gps", "audio");
    const second = await reopen("second");
    await second.put(one("gps", "restarted"));
    await second.drop("audio");
    const third = await reopen("third");
    expect(await found()).toBe("camera-1=dead gps=restarted");
    await third.resolve("gps", "given up");
    expect(await found()).toBe("camera-1=dead");
    const fourth = await reopen("fourth");
    await fourth.resolve("camera-1", "running");
    expect(await found()).toBe("camera-1=dead");
    await fourth.drop("camera-1");
    expect(await found()).toBe("");
  });

  test("with nothing left to settle has no recovery copy", async () => {
    await dead();
    await reopen("second");
    expect(names()).toEqual(["running_modules.json"]);
    expect(await left()).toMatchObject({ session: "second", modules: [] });
  });

  const copy = (session: string, ...modules: ReturnType<typeof one>[]) =>
    renderRunning({ v: 1, ...head(session), modules, recovered: [] });
  const good = {
    live: copy("live", one("gps", "live")),
    previous: copy("live", one("gps", "previous"), one("eye", "previous")),
    recovery: copy("old", one("gps", "recovery"), one("audio", "recovery")),
  };
  const hows = ["good", "bad", "missing"] as const;
  const all = hows.flatMap((a) => hows.flatMap((b) => hows.map((c) => [a, b, c] as const)));
  const place = (which: keyof typeof good) =>
    ({ live: path, previous: previous(), recovery: recovery() })[which];

  test.each(all)("finds the best there is: live %s, previous %s, recovery %s", async (...how) => {
    mkdirSync(folder.file("modules"));
    for (const [at, which] of (["live", "previous", "recovery"] as const).entries()) {
      if (how[at] === "good") writeFileSync(place(which), good[which]);
      if (how[at] === "bad") writeFileSync(place(which), good[which].slice(0, -9));
    }
    const newest = how[0] === "good" ? "gps=live" : how[1] === "good" ? "eye=previous gps=previous" : "";
    const old = how[2] !== "good" ? "" : newest ? "audio=recovery" : "audio=recovery gps=recovery";
    const expected = [old, newest].filter((text) => text !== "").join(" ");
    expect(await found()).toBe(expected);
    expect((await left()) === undefined).toBe(expected === "");
    // Once the next has opened, what it found is in good copies.
    await reopen("next");
    expect(await found()).toBe(expected);
    expect((await left())?.session).toBe("next");
    expect(existsSync(previous())).toBe(false);
  });
});

describe("killed", () => {
  test("between any two steps: all that was acknowledged is found, also where the live file is damaged", async () => {
    const copies = folder.file("copies");
    mkdirSync(copies);
    mkdirSync(folder.file("modules"));
    const child = Bun.spawn(command("steps", path, copies), { stdout: "pipe", stderr: "inherit" });
    const steps = (await child.stdout.text()).trim().split("\n");
    expect(await child.exited).toBe(0);
    expect(steps.length).toBeGreaterThan(150);
    for (const step of steps) {
      const { copy, whole, damaged } = JSON.parse(step);
      path = join(copy, "running_modules.json");
      expect(whole).toContain(await found());
      if (existsSync(path)) writeFileSync(path, "{");
      expect(damaged).toContain(await found());
    }
  });

  test("at any moment, again and again: nothing that was acknowledged is lost", async () => {
    let ran = 0;
    for (let seed = 0; seed < 25; seed++) {
      const before = await left();
      const child = Bun.spawn(command("change", path, String(seed)), { stdout: "pipe", stderr: "inherit" });
      const reader = child.stdout.getReader();
      await reader.read();
      await Bun.sleep(Math.random() * 25);
      child.kill("SIGKILL");
      let text = "ready\n";
      for (let read = await reader.read(); !read.done; read = await reader.read())
        text += new TextDecoder().decode(read.value);
      await child.exited;
      const acknowledged = Number(text.trimEnd().split("\n").at(-1)) || 0;
      ran += acknowledged;
      const model = new Model(before);
      const allowed: string[] = [];
      for (let n = 1; n <= acknowledged + 9; n++) {
        if (n > acknowledged) allowed.push(model.found);
        model.make(changeOf(seed, n));
      }
      expect(allowed).toContain(await found());
    }
    // Most got as far as changing something.
    expect(ran).toBeGreaterThan(25);
    expect(said).toEqual([]);
  });
});

describe("a disk that fails", () => {
  test("is said once, what was left stays, and all is written once it can be", async () => {
    // No folder can be made where a file is.
    writeFileSync(folder.file("modules"), "in the way");
    await using file = await open("first", {
      session: "dead",
      dir: "/rack/modules",
      modules: [one("gps", "dead")],
    });
    expect(await file.put(one("eye", "a"))).toBe(false);
    expect(await file.put(one("eye", "b"))).toBe(false);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("running_modules");
    rmSync(folder.file("modules"));
    await until(
      () => said,
      (lines) => lines.length > 1,
    );
    expect(said[1]).toBe("mended");
    expect(await found()).toBe("eye=b gps=dead");
    expect(existsSync(recovery())).toBe(true);
  });

  test("at a clean end is said to whoever ends it", async () => {
    await using file = await open("first");
    await file.put(one("gps", "a"));
    rmSync(path);
    mkdirSync(path);
    writeFileSync(join(path, "in the way"), "");
    expect(file.clear()).rejects.toMatchObject({ exit: 74 });
  });

  test.skipIf(!canMount)("because it is full keeps what was written before", async () => {
    mkdirSync(folder.file("modules"));
    const child = Bun.spawn(onSmallDisk(folder.file("modules"), command("full", path)), {
      stdout: "pipe",
      stderr: "inherit",
    });
    const lines = (await child.stdout.text()).trim().split("\n");
    expect(lines).toEqual([
      `failed ${path} can't be written: ENOSPC`,
      "false false",
      "gps=before",
      "mended",
      "kept",
    ]);
  });
});
