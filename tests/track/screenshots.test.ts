import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import sharp from "sharp";
import { claimSession, recordState } from "../../src/kernel/checkpoint.ts";
import { localOffset, systemClock } from "../../src/kernel/clock.ts";
import { ControlServer } from "../../src/kernel/control.ts";
import { localTime } from "../../src/kernel/core/local-time.ts";
import { type Log, openLog } from "../../src/kernel/log.ts";
import { socketPath } from "../../src/kernel/paths.ts";
import { takeSeat } from "../../src/kernel/seat.ts";
import { openSlot } from "../../src/kernel/slot.ts";
import { Stack } from "../../src/kernel/stack.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { putReport, schema, trackSession } from "../../src/track/adapters/journal.ts";
import {
  addScreenshots,
  prune,
  screenshotsBetween,
  thumbnailOf,
} from "../../src/track/adapters/screenshots/store.ts";
import { thumbnailPixels, thumbnailRows } from "../../src/track/adapters/screenshots/thumbnail.ts";
import { type ScreenshotOptions, screenshotTracker } from "../../src/track/adapters/screenshots/tracker.ts";
import type { Picture, Screen, Windows } from "../../src/track/adapters/senses/sense.ts";
import { x11Senses } from "../../src/track/adapters/senses/x11/senses.ts";
import { settings, type TrackSettings } from "../../src/track/adapters/settings.ts";
import { titleRules } from "../../src/track/core/redact.ts";
import type { Window } from "../../src/track/core/window.ts";
import { TestClock } from "../support/clock.ts";
import { Folder } from "../support/folder.ts";
import { enterHome, type Home } from "../support/home.ts";
import { eventually, never } from "../support/parts.ts";
import { pty } from "../support/pty.ts";
import { stint, until } from "../support/sandbox.ts";
import { X11 } from "../support/x11.ts";

const SESSION = "0197a0f0-0000-7000-8000-000000000001";
const T0 = Date.UTC(2026, 10, 22, 13, 5, 9);
const code: Window = { app: "code", title: "main.ts", pid: 7, process: "code" };
const secret: Window = {
  app: "firefox",
  title: "My bank — Mozilla Firefox Private Browsing",
  pid: 8,
  process: "firefox",
};

/** A monitor of one colour. */
const picture = (monitor = "DP-1", rgb = [200, 30, 60], width = 64, height = 40): Picture => ({
  monitor,
  width,
  height,
  channels: 3,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, at) => rgb[at % 3] ?? 0),
});

/** A display made up. */
class Desk {
  pictures: readonly Picture[] = [picture()];
  capture: () => Promise<readonly Picture[]> = async () => this.pictures;
  visible: readonly Window[] = [code];
  captured = 0;
  disposed = 0;

  readonly screen: ScreenshotOptions["screen"] = () => async () => {
    const screen: Screen = {
      capture: () => {
        this.captured++;
        return this.capture();
      },
      [Symbol.asyncDispose]: async () => void this.disposed++,
    };
    return screen;
  };

  readonly windows = () => async (): Promise<Windows> => ({
    active: async () => this.visible[0],
    visible: async () => this.visible,
    running: async () => [],
    [Symbol.asyncDispose]: async () => void this.disposed++,
  });
}

let home: Home;
let store: Store;
const stacks: Stack[] = [];
beforeEach(async () => {
  home = enterHome({ DISPLAY: "", WAYLAND_DISPLAY: "", DBUS_SESSION_BUS_ADDRESS: "" });
  store = await openStore({ schemas: [schema] });
  await store.write((db) => {
    claimSession(db, { id: SESSION, kind: "track", profile: "default" }, systemClock);
    trackSession(db, { id: SESSION, profile: "default", origin: "tracked" });
  });
});
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

const defaults = async (): Promise<TrackSettings> => ({
  ...(await settings()).track,
  screenshot_notify: false,
});

async function open(
  desk: Desk,
  how: { settings?: Partial<TrackSettings>; options?: Partial<ScreenshotOptions> } = {},
) {
  const clock = new TestClock(T0);
  const taken: { id: number; at: number; count: number }[] = [];
  const lost: unknown[] = [];
  const failed: unknown[] = [];
  const said: { text: string; facts: unknown }[] = [];
  const log = {
    debug: (text: string, facts: unknown) => said.push({ text, facts }),
    info() {},
    warn() {},
    error() {},
    for: () => log,
  } as unknown as Log;
  const stack = new Stack((event) => {
    if (event.act === "lost") lost.push(event.error);
    if (event.act === "open" && event.error) failed.push(event.error);
  });
  stacks.push(stack);
  const part = screenshotTracker({
    screen: desk.screen,
    windows: desk.windows,
    rules: titleRules({ titles: "keep", redact: [] }),
    settings: { ...(await defaults()), ...how.settings },
    store,
    session: SESSION,
    profile: "default",
    isPresent: () => true,
    taken: (shot) => taken.push(shot),
    clock,
    random: () => 0.5,
    log,
    ...how.options,
  });
  const place = { stage: "workers", name: "screenshots", missing() {} } as const;
  const slot = await openSlot(stack, place, part, { disposeMs: 5_000, retryMs: () => 1e6 });
  /** Lets so much time pass, and waits for what comes of it. */
  const pass = async (ms: number) => {
    await clock.advance(ms);
    await eventually(() => clock.sleeping > 0 || lost.length > 0);
  };
  return { clock, taken, lost, failed, said, slot, stack, pass };
}

const all = () => screenshotsBetween(store.db, "default", 0, Number.MAX_SAFE_INTEGER);
const folder = () => join(home.path, "data/stint/screenshots/default");
const filesIn = (path: string): string[] =>
  existsSync(path)
    ? readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => /\./.test(name))
    : [];

describe("the screenshots tracker", () => {
  test("takes one after a time between the least and the most, drawn anew each time", async () => {
    const draws = [0, 0.5, 0.999];
    const { clock, taken, pass } = await open(new Desk(), {
      settings: { screenshot_min: "10s", screenshot_max: "30s" },
      options: { random: () => draws.shift() ?? 0 },
    });
    await clock.advance(9_999);
    expect(taken).toEqual([]);
    await pass(1);
    expect(taken).toHaveLength(1);
    await pass(20_000);
    await pass(29_980);
    expect(taken.map(({ at }) => at - T0)).toEqual([10_000, 30_000, 59_980]);
  });

  test("stores a file for each monitor and what it is of, for its owner alone", async () => {
    const desk = new Desk();
    desk.pictures = [picture("eDP-1"), picture("../../DP 1\n", [10, 200, 20], 640, 360)];
    const { taken, pass } = await open(desk);
    await pass(60_000);
    expect(taken).toEqual([{ id: 1, at: T0 + 30_500, count: 2 }]);
    const [second, first] = all();
    const at = localTime(T0 + 30_500, localOffset(T0));
    const name = `${at.toPlainDate()}/${at.toPlainTime().toString({ smallestUnit: "second" }).replaceAll(":", "")}`;
    expect(first).toMatchObject({
      id: 1,
      session_id: SESSION,
      taken_at: T0 + 30_500,
      utc_offset_min: localOffset(T0),
      monitor: "eDP-1",
      width: 64,
      height: 40,
      app: "code",
    });
    expect(second).toMatchObject({ id: 2, monitor: "../../DP 1\n", width: 640, height: 360 });
    expect(first?.file).toMatch(new RegExp(`^${folder()}/${name}-eDP-1-[0-9a-f]{8}\\.webp$`));
    expect(second?.file).toMatch(new RegExp(`^${folder()}/${name}-_DP_1_-[0-9a-f]{8}\\.webp$`));
    expect(filesIn(folder())).toHaveLength(2);
    for (const { file, bytes } of all()) {
      expect(statSync(file).size).toBe(bytes);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      for (const above of [dirname(file), folder(), dirname(folder())]) {
        expect(statSync(above).mode & 0o777).toBe(0o700);
      }
    }
  });

  test("keeps pixels as they were, and nothing else in the files", async () => {
    const desk = new Desk();
    desk.pictures = [picture("DP-1", [200, 30, 60], 800, 500)];
    const { pass } = await open(desk);
    await pass(60_000);
    const [shot] = all();
    const thumbnail = thumbnailOf(store.db, shot?.id ?? 0) ?? new Uint8Array();
    for (const file of [readFileSync(shot?.file ?? ""), thumbnail]) {
      expect(chunks(file)).toEqual(["VP8 "]);
      const { exif, icc, iptc, xmp, format } = await sharp(file).metadata();
      expect({ exif, icc, iptc, xmp, format }).toMatchObject({ format: "webp" });
      const { dominant } = await sharp(file).stats();
      // Of the middle of a bin of 16.
      expect(dominant).toEqual({ r: 200, g: 24, b: 56 });
    }
    expect(await sharp(thumbnail).metadata()).toMatchObject({ width: 320, height: 200 });
  });

  test("blurs them when it is told to", async () => {
    const stripes = {
      ...picture(),
      pixels: Uint8Array.from({ length: 64 * 40 * 3 }, (_, at) => (at % 6 < 3 ? 0 : 255)),
    };
    const desk = new Desk();
    desk.pictures = [stripes];
    const contrast = async () => (await sharp(all()[0]?.file).greyscale().stats()).channels[0]?.stdev ?? 0;
    const sharpOne = await open(desk);
    await sharpOne.pass(60_000);
    expect(await contrast()).toBeGreaterThan(80);
    const blurred = await open(desk, { settings: { screenshot_blur: 5 } });
    await blurred.pass(60_000);
    expect(await contrast()).toBeLessThan(25);
    // Less than what the library can do is still no error.
    const hardly = await open(desk, { settings: { screenshot_blur: 0.1 } });
    await hardly.pass(60_000);
    expect(hardly.taken).toHaveLength(1);
  });

  test.each([
    ["a private window is seen", { settings: {}, window: secret }],
    [
      "an app that is left out is seen",
      { settings: { screenshot_exclude: ["^Slack$"] }, window: { ...code, app: "slack" } },
    ],
    [
      "a process that is left out is seen",
      { settings: { screenshot_exclude: ["signal"] }, window: { ...code, process: "signal" } },
    ],
  ])("takes none while %s, and goes on after", async (_, { settings, window }) => {
    const desk = new Desk();
    desk.visible = [code, window];
    const { taken, pass, said, lost } = await open(desk, { settings });
    await pass(60_000);
    await pass(60_000);
    expect(desk.captured).toBe(0);
    expect(said.map(({ facts }) => facts)).toContainEqual({ skipped: 2 });
    expect(JSON.stringify(said)).not.toContain("bank");
    desk.visible = [code];
    await pass(60_000);
    expect(taken).toHaveLength(1);
    expect(lost).toEqual([]);
  });

  test("keeps none in which a private window came up while it was taken", async () => {
    const desk = new Desk();
    desk.capture = async () => {
      desk.visible = [secret];
      return desk.pictures;
    };
    const { taken, pass } = await open(desk);
    await pass(60_000);
    expect(desk.captured).toBe(1);
    expect(taken).toEqual([]);
    expect(filesIn(folder())).toEqual([]);
  });

  test("doesn't open where apps are to be left out and nothing tells what is seen", async () => {
    const desk = new Desk();
    const settings = { ...(await defaults()), screenshot_exclude: ["x"] };
    const tracker = screenshotTracker({
      screen: desk.screen,
      rules: titleRules({ titles: "keep", redact: [] }),
      settings,
      store,
      session: SESSION,
      profile: "default",
      isPresent: () => true,
      taken() {},
      clock: new TestClock(),
      random: () => 0,
      log: {} as Log,
    });
    await expect(tracker(new AbortController().signal, () => {})).rejects.toThrow(
      "which apps are on the screen",
    );
  });

  test.each<[string, (desk: Desk) => void, number]>([
    ["waits", () => {}, 0],
    [
      "waits for a display that hangs",
      (desk) => {
        desk.capture = never;
      },
      60_000,
    ],
  ])("ends at once while it %s", async (_, make, ms) => {
    const desk = new Desk();
    make(desk);
    const { stack, clock, lost, taken } = await open(desk);
    await clock.advance(ms);
    const begin = performance.now();
    await stack[Symbol.asyncDispose]();
    expect(performance.now() - begin).toBeLessThan(100);
    expect(desk.disposed).toBe(2);
    await clock.advance(600_000);
    expect({ lost, taken, sleeping: clock.sleeping }).toEqual({ lost: [], taken: [], sleeping: 0 });
  });

  test("shows a notification at each, unless it isn't to", async () => {
    using programs = new Folder();
    programs.program("notify-send", `printf '%s|' "$@" >> "$HERE/shown"; echo >> "$HERE/shown"; echo 7`);
    const { PATH, DISPLAY } = process.env;
    process.env["PATH"] = `${programs.path}:${PATH}`;
    process.env["DISPLAY"] = ":none";
    try {
      const quiet = await open(new Desk());
      await quiet.pass(60_000);
      const desk = new Desk();
      desk.pictures = [picture("DP-1"), picture("DP-2")];
      const { pass } = await open(desk, { settings: { screenshot_notify: true } });
      await pass(60_000);
      await programs.written("shown", 1);
      await pass(60_000);
      const [first, second, ...more] = await programs.written("shown", 2);
      expect(first).toBe("--app-name=stint|--print-id|--|Screenshot taken|2 monitors|");
      expect(second).toBe("--app-name=stint|--print-id|--replace-id=7|--|Screenshot taken|2 monitors|");
      expect(more).toEqual([]);
    } finally {
      process.env["PATH"] = PATH;
      process.env["DISPLAY"] = DISPLAY;
    }
  });

  test("is lost with the display", async () => {
    const desk = new Desk();
    desk.capture = () => Promise.reject(new Error("the X server is gone"));
    const { lost, pass, slot } = await open(desk);
    await pass(60_000);
    expect(String(lost)).toContain("the X server is gone");
    await eventually(() => desk.disposed === 2);
    expect(slot.current).toBeUndefined();
  });
});

/** The names of the chunks that a WebP file (RIFF) is made of. */
function chunks(file: Uint8Array): string[] {
  const names: string[] = [];
  const view = Buffer.from(file);
  for (let at = 12; at < view.length; at += 8 + view.readUInt32LE(at + 4) + (view.readUInt32LE(at + 4) % 2)) {
    names.push(view.toString("latin1", at, at + 4));
  }
  return names;
}

describe("a folder that can't be written", () => {
  test("keeps the tracker from opening, with the reason in a line", async () => {
    const file = join(home.path, "file");
    writeFileSync(file, "");
    const desk = new Desk();
    const { failed, slot } = await open(desk, { settings: { screenshot_folder: join(file, "shots") } });
    expect(slot.current).toBeUndefined();
    expect(String(failed[0])).toContain(`the folder ${join(file, "shots/default")} can't be made: ENOTDIR`);
    expect(desk.disposed).toBe(0);
  });

  test("that is on a full disk does so too", async () => {
    const desk = new Desk();
    // Every byte that is written to it finds the disk full.
    mkdirSync(folder(), { recursive: true });
    symlinkSync("/dev/full", join(folder(), ".trial"));
    const { failed } = await open(desk);
    expect(String(failed[0])).toContain(`screenshots can't be written to ${folder()}: the disk is full`);
  });

  test("ends the tracker later on, and leaves nothing behind", async () => {
    const desk = new Desk();
    const { lost, pass } = await open(desk);
    rmSync(folder(), { recursive: true });
    writeFileSync(folder(), "");
    await pass(60_000);
    expect(String(lost[0])).toContain(`screenshots can't be written to ${folder()}: `);
    expect(all()).toEqual([]);
  });

  test("a store that takes nothing leaves no files", async () => {
    const desk = new Desk();
    const { lost, pass } = await open(desk, { options: { session: "gone" } });
    await pass(60_000);
    expect(lost).toHaveLength(1);
    expect(filesIn(folder())).toEqual([]);
  });
});

test("a folder of the user's own keeps its mode, and only what is below is ours", async () => {
  const own = join(home.path, "Pictures");
  mkdirSync(own, { mode: 0o755 });
  const { pass } = await open(new Desk(), { settings: { screenshot_folder: "~/Pictures" } });
  await pass(60_000);
  expect(all()[0]?.file).toStartWith(join(own, "default/"));
  expect(statSync(own).mode & 0o777).toBe(0o755);
});

test("screenshots move with the folder of the store", async () => {
  const { pass } = await open(new Desk());
  await pass(60_000);
  const file = all()[0]?.file ?? "";
  process.env["XDG_DATA_HOME"] = "/elsewhere";
  expect(all()[0]?.file).toBe(file.replace(join(home.path, "data"), "/elsewhere"));
});

describe("prune", () => {
  const limits = { screenshot_days: 30, screenshot_mb: 0, screenshot_folder: "" };
  const hour = 3_600_000;

  /** A tracker's work of so many days ago. */
  async function taken(daysAgo: number, pictures = [picture()]): Promise<void> {
    const desk = new Desk();
    desk.pictures = pictures;
    const clock = new TestClock(Date.now() - daysAgo * 24 * hour);
    const { taken, stack } = await open(desk, { options: { clock } });
    await clock.advance(60_000);
    await eventually(() => taken.length === 1);
    await stack[Symbol.asyncDispose]();
  }

  test("deletes what is too old, file and row, and the folder of a day that is over", async () => {
    await taken(40);
    const [old] = all();
    await taken(1);
    expect(await prune(store, limits, Date.now())).toEqual({ files: 1, bytes: old?.bytes ?? 0 });
    expect(all().map(({ id }) => id)).toEqual([2]);
    expect(existsSync(old?.file ?? "")).toBe(false);
    expect(await prune(store, limits, Date.now())).toEqual({ files: 0, bytes: 0 });
    await prune(store, limits, Date.now() + hour);
    expect(readdirSync(folder())).toHaveLength(1);
  });

  test("leaves no thumbnail in the store's pages nor its log of writes", async () => {
    const SECRET = "SECRETTHUMB";
    for (let i = 0; i < 60; i++) {
      const isOld = i % 2 === 0;
      const thumbnail = Buffer.alloc([300, 3_000, 20_000][i % 3] ?? 0, isOld ? SECRET : "KEPT");
      const taken_at = Date.now() - (isOld ? 40 : 1) * 24 * hour;
      const image = { monitor: "one", width: 1, height: 1, image: Buffer.from("x"), thumbnail };
      await addScreenshots(store, folder(), { session: SESSION, taken_at, utc_offset_min: 0, app: null }, [
        image,
      ]);
    }
    const found = () =>
      ["stint.db", "stint.db-wal"].filter((name) =>
        readFileSync(join(home.path, "data/stint", name), "latin1").includes(SECRET),
      );
    expect(found()).not.toEqual([]);
    await prune(store, limits, Date.now());
    expect(all()).toHaveLength(30);
    expect(found()).toEqual([]);
  });

  test("brings the report of a session that is over up to date", async () => {
    await taken(40);
    await taken(1);
    await store.write((db) => {
      recordState(db, SESSION, "stopped", systemClock);
      putReport(db, 1, Date.now());
    });
    const count = () => store.db.prepare("SELECT screenshots FROM track_session").get()?.["screenshots"];
    expect(count()).toBe(2);
    await prune(store, limits, Date.now());
    expect(count()).toBe(1);
  });

  test("deletes the oldest of what takes too much", async () => {
    await taken(3);
    await taken(2);
    await taken(1);
    const [, second, third] = all();
    await store.write((db) => db.prepare("UPDATE track_screenshot SET bytes = 600000").run());
    await prune(store, { ...limits, screenshot_mb: 1 }, Date.now());
    expect(all().map(({ id }) => id)).toEqual([3]);
    expect([second, third].map((shot) => existsSync(shot?.file ?? ""))).toEqual([false, false]);
  });

  test("clears away what a killed host left: a file without a row, half a file, a row without a file", async () => {
    await taken(1);
    await taken(1);
    const [lost, kept] = all();
    rmSync(lost?.file ?? "");
    const day = dirname(kept?.file ?? "");
    const left = ["140509-DP-1-1a2b3c4d.webp", "140509-DP-1-1a2b3c4d.webp.tmp"].map((name) =>
      join(day, name),
    );
    const notOurs = [join(day, "holiday.webp"), join(folder(), "2026/140509-DP-1-1a2b3c4d.webp")];
    mkdirSync(join(folder(), "2026"));
    for (const path of [...left, ...notOurs]) writeFileSync(path, "x");
    expect(await prune(store, limits, Date.now())).toEqual({ files: 0, bytes: 0 });
    expect(all().map(({ id }) => id)).toEqual([kept?.id ?? 0]);
    expect(left.every(existsSync)).toBe(true); // just being written
    for (const path of [...left, ...notOurs]) utimesSync(path, new Date(0), new Date(0));
    expect(await prune(store, limits, Date.now())).toEqual({ files: 2, bytes: 2 });
    expect(
      filesIn(folder())
        .map((name) => basename(name))
        .sort(),
    ).toEqual([basename(kept?.file ?? ""), ...notOurs.map((path) => basename(path))].sort());
  });

  test("keeps the rows of a folder that isn't there: its disk may come back", async () => {
    await taken(1);
    rmSync(folder(), { recursive: true });
    await prune(store, limits, Date.now());
    expect(all()).toHaveLength(1);
  });

  test("finds what was stored in a folder that was configured before", async () => {
    const before = join(home.path, "before");
    const desk = new Desk();
    const { pass } = await open(desk, { settings: { screenshot_folder: before } });
    await pass(60_000);
    expect(filesIn(before)).toHaveLength(1);
    await prune(store, { ...limits, screenshot_days: 1 }, T0 + 48 * hour);
    expect(filesIn(before)).toEqual([]);
    expect(all()).toEqual([]);
  });
});

describe("a thumbnail", () => {
  test("is given in pixels and in rows that fit, and not at all when it is gone", async () => {
    const desk = new Desk();
    desk.pictures = [picture("DP-1", [255, 0, 0], 1600, 1000)];
    const { pass } = await open(desk);
    await pass(60_000);
    const pixels = await thumbnailPixels(1, 80, 40);
    expect(pixels).toMatchObject({ width: 64, height: 40 });
    expect(pixels?.pixels).toHaveLength(64 * 40 * 3);
    const rows = await thumbnailRows(1, 80, 20);
    expect(rows).toHaveLength(20);
    expect(rows.map(stripVTControlCharacters)).toEqual(Array(20).fill("▀".repeat(64)));
    expect(await thumbnailPixels(2, 80, 40)).toBeUndefined();
    expect(await thumbnailRows(2, 80, 20)).toEqual([]);
  });
});

describe("stint track screenshots", () => {
  const argv = (...args: string[]) => [...stint.source, "track", "screenshots", ...args];
  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const child = Bun.spawn(argv(...args), {
      cwd: home.path,
      env: process.env,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, out, err };
  }
  const lines = (out: string): unknown[] =>
    out.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));

  test("lists, shows and deletes them on a pipe", async () => {
    const { pass } = await open(new Desk());
    await pass(60_000);
    await pass(60_000);
    const [second, first] = all();
    const line = (shot: unknown) => ({ v: 1, type: "screenshot", ...(shot as object) });
    const listed = await run("list", "--from", "2026-11-01", "--to", "2026-11-30");
    expect(lines(listed.out)).toEqual([line(second), line(first)]);
    expect(lines((await run("list", "--day", "2026-11-21")).out)).toEqual([]);
    expect(lines((await run("show", "#1")).out)).toEqual([line(first)]);
    expect(lines((await run("delete", "1")).out)).toEqual([line(first)]);
    expect(all().map(({ id }) => id)).toEqual([2]);
    expect(existsSync(first?.file ?? "")).toBe(false);
    expect(existsSync(second?.file ?? "")).toBe(true);
    expect(lines((await run("prune")).out)).toMatchObject([{ type: "pruned", files: 0, bytes: 0 }]);
  });

  test("a deletion is told to the host that tracks, and the report of a session that is over follows", async () => {
    const { pass } = await open(new Desk());
    await pass(60_000);
    await pass(60_000);
    await store.write((db) => {
      recordState(db, SESSION, "stopped", systemClock);
      putReport(db, 1, Date.now());
    });
    const told: string[] = [];
    const log = openLog("host");
    const command = async (name: string) => {
      told.push(name);
      return {};
    };
    const control = new ControlServer({ state: () => ({}), command }, log);
    const socket = socketPath("track");
    await control.bind(socket);
    const seat = takeSeat("track");
    seat.announce({ kind: "track", profile: "default", session: SESSION, socket });
    try {
      expect((await run("delete", "1")).code).toBe(0);
      expect(told).toEqual(["refresh"]);
      expect((await run("prune")).code).toBe(0);
      expect(told).toEqual(["refresh", "refresh"]);
    } finally {
      seat[Symbol.dispose]();
      await control.close();
      log[Symbol.dispose]();
    }
    expect(store.db.prepare("SELECT screenshots FROM track_session").get()).toEqual({ screenshots: 1 });
  });

  test.each([
    ["show", "7", 1, "there is no screenshot 7 in profile default"],
    ["delete", "7", 1, "there is no screenshot 7 in profile default"],
    ["show", "x", 2, "'x' is no screenshot's id"],
  ])("%s %s is refused", async (verb, id, exit, words) => {
    const { code, out, err } = await run(verb, id);
    expect({ code, out }).toEqual({ code: exit, out: "" });
    expect(err).toContain(words);
  });

  test("of another profile are none of ours", async () => {
    const { pass } = await open(new Desk());
    await pass(60_000);
    expect((await run("show", "1", "--profile", "other")).code).toBe(1);
    expect((await run("delete", "1", "--profile", "other")).code).toBe(1);
    expect(all()).toHaveLength(1);
  });

  test("draws one on a terminal, and says where its file is; without colours in signs", async () => {
    const desk = new Desk();
    desk.pictures = [picture("DP-1", [255, 0, 0], 1600, 1000)];
    const { pass } = await open(desk);
    await pass(60_000);
    const env = Object.fromEntries(Object.entries(process.env)) as Record<string, string>;
    await using shown = pty(argv("show", "1"), { columns: 200, rows: 30, env, cwd: home.path });
    expect(await shown.exited).toBe(0);
    expect(shown.output()).toContain("\x1b[38;2;255;");
    const rows = shown.screen().trimEnd().split("\n");
    expect(rows[0]).toBe("▀".repeat(83));
    expect(rows).toHaveLength(28);
    expect(rows.at(-2)).toMatch(
      /^#1 {2}2026-11-\d\d {2}\d\d:\d\d:39 {2}DP-1 {2}1600x1000 {2}\d+ kB {2}code$/,
    );
    expect(rows.at(-1)).toBe(all()[0]?.file ?? "");
    await using plain = pty(argv("show", "1", "--no-color"), { columns: 200, rows: 30, env, cwd: home.path });
    expect(await plain.exited).toBe(0);
    expect(plain.screen().split("\n")[0]).toBe("-".repeat(83));
    await using list = pty(argv("list", "--from", "2026-11-01", "--to", "2026-11-30"), {
      env,
      cwd: home.path,
    });
    expect(await list.exited).toBe(0);
    expect(list.screen()).toMatch(/^ID {2}DATE .*\n1 {3}2026-11-22 .* 1600x1000 .*code/);
  });
});

test("a picture of a real display shows what is on it, unless that is left out", async () => {
  await using display = await X11.open({ size: "800x600x24" });
  const { screen, windows } = x11Senses(display.name);
  if (!("via" in screen) || !("via" in windows)) throw new Error("no X11");
  await display.xterm(
    "work",
    "-geometry",
    "400x100+0+0",
    "-bg",
    "#00ff00",
    "-fg",
    "#00ff00",
    "-cr",
    "#00ff00",
  );
  const { taken, slot, stack } = await open(new Desk(), {
    settings: { screenshot_min: "1s", screenshot_max: "1s" },
    options: { screen: screen.open, windows: windows.open, clock: systemClock },
  });
  expect(slot.current).toBeDefined();
  await until(() => taken.length > 0);
  await stack[Symbol.asyncDispose]();
  const [shot] = all();
  expect(shot).toMatchObject({ width: 800, height: 600, app: "xterm" });
  const { dominant } = await sharp(shot?.file).stats();
  expect(dominant.g).toBeGreaterThan(200);
  expect(dominant.r + dominant.b).toBeLessThan(60);
});
