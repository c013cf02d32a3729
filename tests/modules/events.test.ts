/** The history: what is written of what happens to the modules, and `stint modules events`. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EventLog } from "../../src/modules/adapters/event-log.ts";
import { Places } from "../../src/modules/adapters/places.ts";
import { eventText } from "../../src/modules/core/event-text.ts";
import { ModuleStateManager } from "../../src/modules/core/manager.ts";
import { enterHome, type Home, Other } from "../support/home.ts";
import { pty } from "../support/pty.ts";
import { type Line, stint } from "../support/sandbox.ts";
import { canMount, onSmallDisk } from "../support/small-disk.ts";

let home: Home;
let places: Places;
beforeEach(() => {
  home = enterHome({ TZ: "UTC" });
  places = new Places("default");
});
afterEach(() => home[Symbol.dispose]());

const NOON = Date.UTC(2026, 2, 1, 12);
const fail = (error: unknown) => {
  throw error;
};

/** A manager whose history is written down; time passes with each thing that happens. */
function supervisor() {
  let at = NOON;
  const log = new EventLog(places, fail);
  const manager = new ModuleStateManager(
    () => at++,
    (_, error) => fail(error),
  );
  manager.observe("events", log.observe);
  return { log, manager };
}

/** A module's life: wanted, started, crashed. */
function life({ manager }: ReturnType<typeof supervisor>): void {
  manager.add("camera", { desired: "off", enabled: false });
  manager.desire("camera", { desired: "on", enabled: true }, "enable");
  manager.apply("camera", "want");
  manager.requested("start_requested", "camera");
  manager.apply("camera", "start");
  manager.apply("camera", "ready");
  manager.crash("camera", { pid: 4711, last_exit: "SIGSEGV" }, "it ended by SIGSEGV");
}

async function run(...args: string[]) {
  const command = [...stint.source, "modules", "events", ...args];
  const child = Bun.spawn(command, { env: { ...process.env }, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return {
    out,
    err,
    code,
    lines: out
      .split("\n")
      .slice(0, -1)
      .map((text) => JSON.parse(text) as Line),
  };
}

describe("the history", () => {
  test("has a line for each thing that the manager tells, named as there", async () => {
    life(supervisor());
    const { code, err, lines } = await run();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(lines.map(({ type }) => type)).toEqual([
      "desired_changed",
      "actual_changed",
      "start_requested",
      "actual_changed",
      "actual_changed",
      "crash_detected",
      "actual_changed",
    ]);
    expect(lines[0]).toMatchObject({
      v: 1,
      at: NOON + 1,
      name: "camera",
      desired: "on",
      before: "off",
      by: "enable",
    });
    expect(lines[5]).toMatchObject({
      name: "camera",
      pid: 4711,
      last_exit: "SIGSEGV",
      reason: "it ended by SIGSEGV",
    });
    expect(lines[6]).toMatchObject({ actual: "CRASHED", before: "IDLE", event: "crash" });
    expect((await run("-n", "1")).lines).toEqual(lines.slice(-1));
  });

  test("is there without a supervisor, and before the first", async () => {
    expect(await run()).toEqual({ out: "", err: "nothing has happened yet\n", code: 0, lines: [] });
  });

  test("passes over what isn't a record of it", async () => {
    life(supervisor());
    appendFileSync(
      places.events,
      '{"v":1,"type":"actual_cha\nnull\n{"type":"x"}\n{"type":"given_up","at":1}\n',
    );
    const { lines } = await run();
    expect(lines).toHaveLength(8);
    expect(lines.at(-1)).toEqual({ type: "given_up", at: 1 });
  });

  test("has no time that there isn't", async () => {
    const { log } = supervisor();
    const write = (at: number) => log.write({ type: "given_up", at });
    for (const at of [8.64e15 + 1, -8.64e15 - 1, Number.MAX_SAFE_INTEGER, -8.64e15, 8.64e15]) write(at);
    expect((await run()).lines.map(({ at }) => at)).toEqual([-8.64e15, 8.64e15]);
    await using screen = pty([...stint.source, "modules", "events"], { env: { TZ: "Asia/Tokyo" } });
    expect(await screen.exited).toBe(0);
    expect(screen.screen().match(/given up/g)).toHaveLength(2);
  });

  test("is no more than the lines that are asked for, though more happens while a slow reader reads", async () => {
    const { log } = supervisor();
    const count = 10_000;
    const write = (n: number) => log.write({ type: "given_up", at: n, reason: "x".repeat(100) });
    for (let n = 0; n < count; n++) write(n);
    const command = [...stint.source, "modules", "events", "-n", String(count)];
    await using child = Bun.spawn(command, { env: { ...process.env }, stdout: "pipe" });
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of child.stdout) {
      write(count);
      text += decoder.decode(chunk, { stream: true });
    }
    expect(text.split("\n")).toHaveLength(count + 1);
    expect(text).not.toContain(`"at":${count}`);
  });

  test("is followed over the death of a supervisor, and of its folder", async () => {
    const first = supervisor();
    first.log.write({ type: "recovered", at: NOON, name: "camera" });
    await using reader = new Other([...stint.source, "modules", "events", "--follow"]);
    const next = async () => (JSON.parse(await reader.line()) as Line)["type"];
    expect(await next()).toBe("recovered");
    first.log[Symbol.dispose]();
    const second = supervisor();
    second.log.write({ type: "given_up", at: NOON });
    expect(await next()).toBe("given_up");
    rmSync(places.folder, { recursive: true });
    second.log.write({ type: "recording_cut", at: NOON });
    expect(await next()).toBe("recording_cut");
  });

  test("is for people on a terminal, in their time", async () => {
    life(supervisor());
    await using screen = pty([...stint.source, "modules", "events"], { env: { TZ: "Europe/Berlin" } });
    expect(await screen.exited).toBe(0);
    expect(screen.screen().split("\n")).toEqual([
      "2026-03-01",
      "13:00:00 camera: wanted on, by enable; a fresh start runs it",
      "13:00:00 camera: DISABLED → ENABLED",
      "13:00:00 camera: start requested",
      "13:00:00 camera: ENABLED → STARTING",
      "13:00:00 camera: STARTING → IDLE",
      "13:00:00 camera: crashed with SIGSEGV, pid 4711",
      "13:00:00 camera: IDLE → CRASHED: it ended by SIGSEGV",
    ]);
  });

  test("is red on a terminal where something went wrong", async () => {
    const { log } = supervisor();
    const types = ["given_up", "recovered", "recording_resumed", "recording_cut", "crash_detected"];
    for (const type of types) log.write({ type, at: NOON, name: type, how: "running" });
    await using screen = pty([...stint.source, "modules", "events"], { env: { NO_COLOR: "" } });
    expect(await screen.exited).toBe(0);
    const red = screen.output().split("\x1b[31m").slice(1);
    expect(red.map((text) => text.split(":")[0])).toEqual(["given_up", "recording_cut", "crash_detected"]);
  });

  test("that can't be written keeps nobody from working, and is told of once until it can", () => {
    const told: unknown[] = [];
    mkdirSync(places.events, { recursive: true });
    using log = new EventLog(places, (error) => told.push(error));
    const write = () => log.write({ type: "given_up", at: NOON });
    write();
    write();
    expect(told).toMatchObject([{ code: "EISDIR" }]);
    rmSync(places.events, { recursive: true });
    write();
    expect(readFileSync(places.events, "utf8")).toBe(`{"v":1,"type":"given_up","at":${NOON}}\n`);
  });

  test.skipIf(!canMount)("goes on after the disk was full", async () => {
    const script = `
      const [{ EventLog }, { Places }, { fill }, fs] = await Promise.all([
        import(${JSON.stringify(join(import.meta.dir, "../../src/modules/adapters/event-log.ts"))}),
        import(${JSON.stringify(join(import.meta.dir, "../../src/modules/adapters/places.ts"))}),
        import(${JSON.stringify(join(import.meta.dir, "../support/small-disk.ts"))}),
        import("node:fs"),
      ]);
      const places = new Places("default");
      const told = [];
      const log = new EventLog(places, (error) => told.push(error.code));
      const write = (n) => log.write({ type: "given_up", at: n, text: "x".repeat(1000) });
      write(1);
      fill(process.env.XDG_STATE_HOME + "/filler");
      for (let n = 2; n < 20; n++) write(n);
      fs.rmSync(process.env.XDG_STATE_HOME + "/filler");
      write(20);
      const lines = fs.readFileSync(places.events, "utf8").split("\\n").slice(0, -1);
      console.log(JSON.stringify({ told, last: JSON.parse(lines.at(-1)).at, first: JSON.parse(lines[0]).at }));`;
    const state = join(home.path, "small");
    mkdirSync(state);
    const command = onSmallDisk(state, [process.execPath, "-e", script]);
    const child = Bun.spawn(command, {
      env: { ...process.env, XDG_STATE_HOME: state },
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(JSON.parse(await child.stdout.text())).toEqual({ told: ["ENOSPC"], last: 20, first: 1 });
  });
});

describe("an event in words", () => {
  const said = (type: string, more: object = {}) => eventText({ type, at: NOON, name: "camera", ...more });
  const recording = { session: "/study/anna", trial: 3, timestamp: NOON, segment: 1 };
  const crash = { pid: 7, last_exit: "exit 3", reason: "exit 3" };
  const wish = { desired: "off", before: "on", enabled: false, was_enabled: false };
  const after = "given up after 5 failures in 5 min, the last: exit 3";

  test.each([
    ["desired_changed", { ...wish, by: "stop" }, "wanted off, by stop"],
    [
      "desired_changed",
      { ...wish, was_enabled: true, by: "rollback" },
      "wanted off again, since its start didn't come about; a fresh start doesn't run it",
    ],
    [
      "desired_changed",
      { ...wish, desired: "on", was_enabled: true, by: "unsaved" },
      "wanted on, but its preference can't be saved; a fresh start doesn't run it",
    ],
    ["start_requested", { reason: null }, "start requested"],
    ["crash_detected", crash, "crashed with exit 3, pid 7"],
    ["crash_detected", { ...crash, pid: null }, "crashed with exit 3"],
    [
      "crash_detected",
      { ...crash, last_exit: "exit 0", reason: "it ended by itself (exit 0)" },
      "crashed with exit 0, pid 7",
    ],
    [
      "crash_detected",
      { ...crash, last_exit: "unknown", reason: "it ended while nobody could see how" },
      "ended while nobody could see how, pid 7",
    ],
    [
      "crash_detected",
      { ...crash, last_exit: "SIGKILL", reason: "wedged: no status for 30 s" },
      "crashed with SIGKILL, pid 7: wedged: no status for 30 s",
    ],
    [
      "actual_changed",
      { before: "CRASHED", actual: "ENABLED", reason: "again at 11:55:51, 9.2 s after exit 3" },
      "CRASHED → ENABLED: again at 11:55:51, 9.2 s after exit 3",
    ],
    ["actual_changed", {}, "unknown → unknown"],
    ["given_up", { reason: after }, after],
    ["given_up", { reason: null }, "given up"],
    ["given_up", { reason: "no disk" }, "given up: no disk"],
    ["recovered", { how: "running", reason: null }, "taken over, it runs"],
    ["recovered", { how: "running", reason: "can't be heard" }, "taken over, it runs: can't be heard"],
    ["recovered", { how: "started again", reason: null }, "started again after it had died"],
    ["recovered", { how: "given up", reason: "exit 3" }, "given up on: exit 3"],
    ["recovered", { how: "given up", reason: after }, after],
    [
      "recording_cut",
      { recording, reason: "exit 3" },
      "recording cut, trial 3, segment 1 in /study/anna: exit 3",
    ],
    [
      "recording_resumed",
      { recording: { ...recording, segment: 2 }, gap_ms: 2_345 },
      "recording goes on after 2.3 s, trial 3, segment 2 in /study/anna",
    ],
    [
      "recording_lost",
      { recording, reason: "refused: no disk" },
      "recording doesn't go on, trial 3, segment 1 in /study/anna: refused: no disk",
    ],
    [
      "config_problem",
      { file: "modules/camera/config.txt", line: 3, text: "bad" },
      "modules/camera/config.txt:3: bad",
    ],
    ["config_problem", { file: "modules/camera/config.txt", text: "bad" }, "modules/camera/config.txt: bad"],
    ["of_another_version", { n: 3, more: { a_b: "c" }, reason: "x" }, "of another version, n 3, a b c: x"],
  ])("%s %j", (type, more, text) => {
    expect(said(type, more)).toBe(`camera: ${text}`);
  });

  test("has no control characters, and needs none of its fields", () => {
    expect(said("recording_cut", { recording, reason: "it ended by\x1b[31m SIGKILL" })).toEndWith(
      ": it ended by [31m SIGKILL",
    );
    expect(said("recording_cut")).toBe("camera: recording cut, trial unknown, segment unknown in unknown");
    expect(eventText({ type: "given_up", at: NOON })).toBe("given up");
  });
});
