/** Pictures and clips of trips: what is kept of them, for how long, and what a user can do with them. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { Journal, schema } from "../../src/detect/adapters/journal.ts";
import { Snapshots, snapshotFolder } from "../../src/detect/adapters/snapshots.ts";
import type { Frame, Tracked } from "../../src/detect/core/frame.ts";
import type { Retention } from "../../src/detect/core/installation.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { openStore } from "../../src/kernel/store.ts";
import { TestClock } from "../support/clock.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { pty } from "../support/pty.ts";
import { stint, until } from "../support/sandbox.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";

let home: Home;
let log: KeptLog;
let problems: (string | null)[];
beforeEach(() => {
  home = enterHome({ TZ: "Europe/Berlin" });
  log = new KeptLog();
  problems = [];
});
afterEach(() => home[Symbol.dispose]());

const KEEP: Retention = { days: 30, megabytes: 1_000, clip_before_ms: 0, clip_after_ms: 0 };
const opened = (clock: Clock = systemClock, retention: () => Retention = () => KEEP) =>
  Snapshots.open("default", retention, { clock, log, storage: (problem) => problems.push(problem) });

/** A picture of one grey. */
const frame = (grey = 100, width = 320, height = 180): Frame => ({
  data: new Uint8Array(width * height * 3).fill(grey),
  width,
  height,
  at: 0,
});
const person: Tracked = { box: [0.25, 0.25, 0.5, 0.75], score: 0.81, track: 1 };
const ZONE = [
  [0.6, 0.2],
  [0.9, 0.2],
  [0.9, 0.6],
] as const;
const AT = Date.UTC(2026, 10, 22, 13, 5, 3);
const files = () => readdirSync(snapshotFolder("default")).sort();
const path = (name = "") => join(snapshotFolder("default"), name);

describe("keeping them", () => {
  test("a picture is kept with its boxes, its zone and its label, for nobody else to see", async () => {
    const snapshots = await opened(new TestClock(AT));
    const name = await snapshots.picture(57, frame(), [person], ZONE, "hall/press <&> 14:05");
    await snapshots[Symbol.asyncDispose]();
    expect(name).toBe("20261122T130503Z-57.jpg");
    expect(statSync(path()).mode & 0o777).toBe(0o700);
    expect(statSync(path(name)).mode & 0o777).toBe(0o600);
    const { data, info } = await sharp(path(name)).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([320, 180, 3]);
    const at = (x: number, y: number) => [...data.subarray((y * 320 + x) * 3, (y * 320 + x) * 3 + 3)];
    const [red = 0, green = 0, blue = 0] = at(80, 90);
    expect(red - green).toBeGreaterThan(80);
    expect(red - blue).toBeGreaterThan(80);
    const inZone = at(270, 50);
    expect((inZone[0] ?? 0) - (inZone[2] ?? 0)).toBeGreaterThan(10);
    for (const value of at(300, 150)) expect(Math.abs(value - 100)).toBeLessThan(6);
    expect(Math.max(...data.subarray(165 * 320 * 3))).toBeGreaterThan(200);
  });

  test("a clip is kept as it was sent", async () => {
    const snapshots = await opened(new TestClock(AT));
    const bytes = crypto.getRandomValues(new Uint8Array(5_000));
    const name = await snapshots.clip(57, bytes);
    expect(name).toBe("20261122T130503Z-57.ts");
    expect(new Uint8Array(readFileSync(path(name)))).toEqual(bytes);
    await snapshots[Symbol.asyncDispose]();
  });

  test("a frame may be used again by its camera at once, and saving it keeps nothing else waiting", async () => {
    const snapshots = await opened();
    const used = frame(200, 1_280, 720);
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    const saved = snapshots.picture(1, used, [], null, "");
    used.data.fill(0);
    const name = await saved;
    clearInterval(turning);
    expect(turns).toBeGreaterThan(3);
    const { dominant } = await sharp(path(name)).stats();
    expect(dominant.r).toBeGreaterThan(180);
    await snapshots[Symbol.asyncDispose]();
  });

  test("past four that wait one is left out, and that is told once", async () => {
    const snapshots = await opened();
    const names = await Promise.all(
      Array.from({ length: 8 }, (_, n) => snapshots.picture(n, frame(), [], null, "")),
    );
    expect(names.map((name) => name !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(log.warnings).toEqual(["snapshots are left out: those before them take too long"]);
    expect(await snapshots.picture(9, frame(), [], null, "")).toBeDefined();
    await snapshots[Symbol.asyncDispose]();
  });

  test("a frame that is none is told of and stops nothing", async () => {
    const snapshots = await opened();
    expect(await snapshots.picture(1, { ...frame(), width: 0 }, [], null, "")).toBeUndefined();
    expect(await snapshots.picture(2, { ...frame(), height: 999 }, [], null, "")).toBeUndefined();
    expect(log.warnings.map((text) => text.split(":")[0])).toEqual([
      "the picture of event 1 can't be drawn",
      "the picture of event 2 can't be drawn",
    ]);
    expect(await snapshots.picture(3, frame(), [], null, "")).toBeDefined();
    expect(problems).toEqual([]);
    await snapshots[Symbol.asyncDispose]();
  });
});

describe("how long", () => {
  test("what is too old or too much goes, the oldest first, and what a killed save has left", async () => {
    const snapshots = await opened(new TestClock(AT), () => ({ ...KEEP, megabytes: 1 }));
    await snapshots.prune();
    const put = (name: string, kB: number) => writeFileSync(path(name), new Uint8Array(kB * 1_000));
    mkdirSync(path(), { recursive: true });
    put("20261001T000000Z-1.jpg", 10);
    put("20261120T000000Z-2.jpg", 300);
    put("20261121T000000Z-3.ts", 600);
    put("mine.txt", 5_000);
    put(".20261121T000000Z-4.jpg.0123456789abcdef.stint-save", 50);
    put(".20261121T000000Z-5.jpg.0123456789abcdef.stint-save", 50);
    utimesSync(path(".20261121T000000Z-4.jpg.0123456789abcdef.stint-save"), 1, 1);
    expect(await snapshots.prune()).toEqual({ removed: 1, bytes: 10_000 });
    expect(files()).toEqual([
      ".20261121T000000Z-5.jpg.0123456789abcdef.stint-save",
      "20261120T000000Z-2.jpg",
      "20261121T000000Z-3.ts",
      "mine.txt",
    ]);
    // And after each save.
    const name = await snapshots.clip(6, new Uint8Array(200_000));
    await snapshots[Symbol.asyncDispose]();
    expect(files().filter((file) => /^\d/.test(file))).toEqual(["20261121T000000Z-3.ts", name ?? ""]);
  });

  test("it is looked at each hour, by what is configured then", async () => {
    const clock = new TestClock(AT);
    let days = 30;
    const snapshots = await opened(clock, () => ({ ...KEEP, days }));
    await snapshots.picture(1, frame(), [], null, "");
    await clock.advance(2 * 86_400_000);
    days = 1;
    await clock.advance(3_600_000);
    await until(() => files().length === 0);
    await snapshots[Symbol.asyncDispose]();
    expect(clock.sleeping).toBe(0);
  });
});

describe("a clock that is wrong", () => {
  const DAY = 86_400_000;
  const put = (...names: string[]) => {
    mkdirSync(path(), { recursive: true });
    for (const name of names) writeFileSync(path(name), new Uint8Array(400_000));
  };

  test("that is set forward while it runs removes nothing for a day but what is too much", async () => {
    const clock = new TestClock(AT);
    put("20261101T000000Z-1.jpg", "20261120T000000Z-2.jpg");
    const snapshots = await opened(clock, () => ({ ...KEEP, megabytes: 1 }));
    await snapshots.prune();
    clock.setWall(AT + 4_000 * DAY);
    const kept = await snapshots.clip(3, new Uint8Array(9));
    await snapshots.prune();
    expect(files()).toEqual(["20261101T000000Z-1.jpg", "20261120T000000Z-2.jpg", kept ?? ""]);
    const more = await snapshots.clip(4, new Uint8Array(400_000));
    await snapshots.prune();
    expect(files()).toEqual(["20261120T000000Z-2.jpg", kept ?? "", more ?? ""]);
    await clock.advance(DAY);
    await snapshots.prune();
    expect(files()).toEqual([kept ?? "", more ?? ""]);
    await snapshots[Symbol.asyncDispose]();
  });

  test("at a start removes nothing for a day", async () => {
    const clock = new TestClock(AT + 4_000 * DAY);
    put("20261101T000000Z-1.jpg", "20261120T000000Z-2.jpg");
    for (let start = 0; start < 2; start++) {
      const snapshots = await opened(clock);
      await snapshots.clip(3, new Uint8Array(9));
      await snapshots.prune();
      expect(files()).toContain("20261101T000000Z-1.jpg");
      await snapshots[Symbol.asyncDispose]();
    }
    const snapshots = await opened(clock);
    await snapshots.prune();
    await clock.advance(DAY);
    await snapshots.prune();
    expect(files()).not.toContain("20261120T000000Z-2.jpg");
    await snapshots[Symbol.asyncDispose]();
  });
});

describe("a disk that takes nothing", () => {
  test("it is told once, and again when there is room; nothing waits for it", async () => {
    mkdirSync(join(home.path, "data/stint/detect/default"), { recursive: true });
    // A file in the folder's place.
    writeFileSync(path(), "");
    const clock = new TestClock(AT);
    const snapshots = await opened(clock);
    expect(await snapshots.picture(1, frame(), [], null, "")).toBeUndefined();
    expect(await snapshots.clip(2, new Uint8Array(9))).toBeUndefined();
    expect(problems.map((problem) => problem?.split(":")[0])).toEqual(["snapshots can't be kept"]);
    await clock.advance(5_000);
    expect(problems.length).toBe(1);
    rmSync(path());
    await until(async () => {
      await clock.advance(5_000);
      return problems.length === 2;
    });
    expect(problems[1]).toBeNull();
    expect(await snapshots.clip(3, new Uint8Array(9))).toBeDefined();
    expect(files()).toHaveLength(1);
    await snapshots[Symbol.asyncDispose]();
    expect(clock.sleeping).toBe(0);
  });

  test.skipIf(!canMount)("on a full one events and pictures stop and come back by themselves", async () => {
    const small = join(home.path, "small");
    mkdirSync(small);
    const child = Bun.spawn(
      onSmallDisk(small, [process.execPath, join(import.meta.dir, "fixture-kept.ts")], 4),
      {
        env: { ...process.env, XDG_DATA_HOME: small },
        stdout: "pipe",
        stderr: "inherit",
      },
    );
    expect(JSON.parse(await child.stdout.text())).toEqual({
      first: true,
      full: [false, false],
      told: ["snapshots", "events", null, null],
      leftovers: [],
      again: true,
      events: ["guard_ready", "guard_dead", "detector_back"],
    });
  });
});

describe("stint detect snapshots", () => {
  const command = (...args: string[]) => [...stint.source, "detect", "snapshots", ...args];
  const run = (...args: string[]) => {
    const { stdout, stderr, exitCode } = Bun.spawnSync(command(...args), { env: process.env });
    return { bytes: stdout, out: stdout.toString(), err: stderr.toString(), code: exitCode };
  };

  /** Two trips, the first with a clip too. */
  async function kept() {
    const clock = { ...systemClock, wall: () => AT };
    await using store = await openStore({ schemas: [schema] });
    const journal = await Journal.open(store, "default", "s", {
      clock,
      log,
      retention: () => KEEP,
      told: () => {},
      storage: () => {},
    });
    const snapshots = await opened(clock);
    for (const zone of ["press", "dock"]) {
      const { id } = journal.add({
        event: "tripped",
        camera: "hall",
        zone,
        cause: "person",
        relays: ["lamp"],
        latency_ms: 84,
        dry_run: false,
      });
      const snapshot = await snapshots.picture(id, frame(), [person], ZONE, zone);
      if (snapshot !== undefined) journal.attach(id, { snapshot });
      if (id > 1) continue;
      const clip = await snapshots.clip(id, new Uint8Array(2_000_000));
      if (clip !== undefined) journal.attach(id, { clip });
    }
    await snapshots[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
  }

  test("list has what is kept, the newest first, with the zone and what it takes", async () => {
    expect(run("list")).toMatchObject({ out: "", err: "", code: 0 });
    await kept();
    const lines = run("list").out.split("\n").slice(0, -1);
    const [second, first] = lines.map((line) => JSON.parse(line));
    expect(first).toEqual({
      v: 1,
      type: "snapshot",
      event: 1,
      at: AT,
      utc_offset_min: 60,
      zone: "hall/press",
      snapshot: path("20261122T130503Z-1.jpg"),
      clip: path("20261122T130503Z-1.ts"),
      bytes: 2_000_000 + statSync(path("20261122T130503Z-1.jpg")).size,
    });
    expect(second).toMatchObject({ event: 2, zone: "hall/dock", clip: null });
    expect(run("list", "-n", "1").out).toBe(`${lines[0]}\n`);
    await using terminal = pty(command("list"));
    await terminal.exited;
    const rows = terminal.screen().split("\n");
    expect(rows[0]?.split(/ {2,}/)).toEqual(["EVENT", "TIME", "ZONE", "FILES", "SIZE"]);
    expect(rows[2]).toMatch(/^1 {6}2026-11-22 14:05:03 {2}hall\/press {2}picture, clip {2}2\.0 MB$/);
  });

  test("show says where an event's files are, or gives the picture itself", async () => {
    await kept();
    expect(JSON.parse(run("show", "#1").out)).toMatchObject({
      event: 1,
      clip: path("20261122T130503Z-1.ts"),
    });
    const png = join(home.path, "out.png");
    expect(run("show", "1", "--png", png)).toMatchObject({
      code: 0,
      out: "",
      err: `the picture of event 1 written to ${png}\n`,
    });
    expect(await sharp(png).metadata()).toMatchObject({ format: "png", width: 320, height: 180 });
    const piped = run("show", "1", "--png", "-");
    expect(await sharp(piped.bytes).metadata()).toMatchObject({ format: "png" });
    expect(piped.err).toBe("");
    await using terminal = pty(command("show", "1", "--png", "-"));
    expect(await terminal.exited).toBe(2);
    await using said = pty(command("show", "1"), { columns: 200 });
    await said.exited;
    expect(said.screen().split("\n").slice(0, 3)).toEqual([
      "2026-11-22 14:05:03 hall/press tripped (person, 84 ms) → lamp",
      path("20261122T130503Z-1.jpg"),
      path("20261122T130503Z-1.ts"),
    ]);
  });

  test("what there isn't is said", async () => {
    await kept();
    expect(run("show", "9")).toMatchObject({ code: 1, out: "" });
    expect(run("show", "nine")).toMatchObject({ code: 2, out: "" });
    const beside = join(path("20261122T130503Z-1.jpg"), "a.png");
    expect(run("show", "1", "--png", beside)).toMatchObject({
      code: 74,
      err: `stint: ${beside} can't be written: EEXIST\n`,
    });
  });

  test("prune by a clock that is far past all that is kept says so, and removes nothing for its age", () => {
    mkdirSync(path(), { recursive: true });
    for (const name of ["20150101T000000Z-1.jpg", "20150102T000000Z-2.jpg"]) writeFileSync(path(name), "");
    const { out, err } = run("prune");
    expect(JSON.parse(out)).toMatchObject({ files: 0 });
    expect(err).toMatch(/^the clock is \d+ days past what was kept last: .*; --all removes everything\n$/);
    expect(JSON.parse(run("prune", "--all").out)).toMatchObject({ files: 2 });
  });

  test("prune removes what is too old, or with --all everything", async () => {
    await kept();
    expect(JSON.parse(run("prune").out)).toEqual({ v: 1, type: "pruned", files: 0, bytes: 0 });
    expect(JSON.parse(run("prune", "--all").out)).toMatchObject({ files: 3 });
    expect(files()).toEqual([]);
    expect(run("list").out).toBe("");
  });
});
