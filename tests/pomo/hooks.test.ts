import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hooks } from "../../src/pomo/adapters/notices/hooks.ts";
import { notices } from "../../src/pomo/adapters/notices/notices.ts";
import { Folder } from "../support/folder.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";
import { isAlive, moment, silent } from "./fixture-notices.ts";

let folder: Folder;
let log: KeptLog;
let home: Home;
beforeEach(() => {
  home = enterHome({
    STINT_READY_FD: "3",
    STINT_POMO_REQUEST: '{"kind":"start"}',
    STINT_POMO_DAILY_GOAL: "3",
    STINT_PROFILE: "another",
  });
  folder = new Folder();
  log = new KeptLog();
});
afterEach(() => {
  folder[Symbol.dispose]();
  home[Symbol.dispose]();
});

test("a hook is told what happened, in its environment and on stdin", async () => {
  const on_start = [folder.program("hook", 'env > "$HERE/env"; cat > "$HERE/stdin"'), "one argument; $HOME"];
  await using teller = hooks({ ...silent, on_start }, log);
  teller.tell("WORK_STARTED", moment);
  const [line = ""] = await folder.written("stdin");

  expect(JSON.parse(line)).toEqual({ ...moment, event: "WORK_STARTED" });
  expect(moment).toMatchObject({ v: 1, type: "pomo", state: "running", event: null });
  const variables = Object.fromEntries(folder.lines("env").map((text) => text.split(/=(.*)/s)));
  expect(variables).toMatchObject({
    STINT_POMO_EVENT: "WORK_STARTED",
    STINT_POMO_STATE: "running",
    STINT_POMO_TASK: "write the report",
    STINT_POMO_REMAINING_MS: "660000",
    // A stint that it calls speaks to this profile.
    STINT_PROFILE: "acme",
    PATH: process.env["PATH"],
  });
  // What was meant for this host isn't for what it starts.
  expect(Object.keys(variables)).not.toContain("STINT_READY_FD");
  expect(Object.keys(variables)).not.toContain("STINT_POMO_REQUEST");
  expect(Object.keys(variables)).not.toContain("STINT_POMO_DAILY_GOAL");
});

test("no shell reads a hook's arguments", async () => {
  const on_start = [folder.program("hook", 'printf "%s\\n" "$@" > "$HERE/args"'), "$HOME; echo", "a  b", "*"];
  await using teller = hooks({ ...silent, on_start }, log);
  teller.tell("WORK_STARTED", moment);
  expect(await folder.written("args", 3)).toEqual(["$HOME; echo", "a  b", "*"]);
});

test("a hook has none of the host's descriptors", async () => {
  writeFileSync(folder.file("secret"), "");
  const fd = openSync(folder.file("secret"), "r+");
  const hook = folder.program("hook", 'for fd in /proc/$$/fd/*; do readlink "$fd" || :; done > "$HERE/open"');
  const host = Bun.spawn([process.execPath, join(import.meta.dir, "fixture-notices.ts"), hook], {
    stdio: ["ignore", "inherit", "inherit", fd],
  });
  expect(await host.exited).toBe(0);
  closeSync(fd);
  expect(folder.lines("open").length).toBeGreaterThan(2);
  expect(folder.lines("open")).not.toContain(folder.file("secret"));
});

test("hooks run in the order of what happened, however long the first takes", async () => {
  const say = folder.program("say", 'echo "$STINT_POMO_EVENT" >> "$HERE/said"');
  const slow = folder.program("slow", 'sleep 0.2; echo "$STINT_POMO_EVENT" >> "$HERE/said"');
  const config = { ...silent, on_start: [slow], on_pause: [say], on_resume: [say], on_complete: [say] };
  await using teller = hooks(config, log);
  const events = ["WORK_STARTED", "WORK_PAUSED", "WORK_RESUMED", "WORK_COMPLETED"] as const;
  for (const event of events) teller.tell(event, moment);
  expect(await folder.written("said", 4)).toEqual([...events]);
  expect(log.lines).toEqual([]);
});

describe("a hook that hangs", () => {
  test("is ended, and the next one runs", async () => {
    const hang = folder.program("hang", 'echo $$ > "$HERE/pid"; exec sleep 600');
    const say = folder.program("say", 'echo paused > "$HERE/said"');
    await using teller = hooks({ ...silent, hook_seconds: 0.2, on_start: [hang], on_pause: [say] }, log);
    teller.tell("WORK_STARTED", moment);
    teller.tell("WORK_PAUSED", moment);
    expect(await folder.written("said")).toEqual(["paused"]);
    expect(isAlive(Number(folder.lines("pid")[0]))).toBe(false);
    expect(log.warnings).toEqual([`on_start: ${hang}: not done after 0.2 s`]);
  });

  test("is killed with what it started when it doesn't listen", async () => {
    const hang = folder.program(
      "hang",
      `trap '' TERM; sleep 600 & echo $! > "$HERE/pids"; echo $$ >> "$HERE/pids"; while :; do wait; done`,
    );
    await using teller = hooks({ ...silent, hook_seconds: 0.2, on_start: [hang] }, log);
    teller.tell("WORK_STARTED", moment);
    const pids = (await folder.written("pids", 2)).map(Number);
    expect(pids.map(isAlive)).toEqual([true, true]);
    await until(() => pids.every((pid) => !isAlive(pid)));
    await until(() => log.warnings.length > 0);
    expect(log.warnings).toEqual([`on_start: ${hang}: not done after 0.2 s`]);
  });
});

test("what a hook leaves running goes on, and keeps nobody waiting", async () => {
  const leave = folder.program("leave", 'sleep 600 & echo $! > "$HERE/pid"');
  const say = folder.program("say", 'echo paused > "$HERE/said"');
  await using teller = hooks({ ...silent, on_start: [leave], on_pause: [say] }, log);
  teller.tell("WORK_STARTED", moment);
  teller.tell("WORK_PAUSED", moment);
  await folder.written("said");
  const pid = Number(folder.lines("pid")[0]);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid);
  expect(log.lines).toEqual([]);
});

describe("a hook that fails is one warning:", () => {
  const failed = async (on_start: string[], task = moment.task) => {
    await using teller = hooks({ ...silent, on_start }, log);
    teller.tell("WORK_STARTED", { ...moment, task });
    await until(() => log.lines.length > 0);
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
    return log.lines[0];
  };

  test("a program that isn't there", async () => {
    expect((await failed(["no-such-program-of-ours"]))?.text).toBe(
      "on_start: no-such-program-of-ours: there is no such program",
    );
  });

  test("a program that can't be run", async () => {
    writeFileSync(folder.file("text"), "not a program");
    expect((await failed([folder.file("text")]))?.text).toEndWith(": it can't be started: EACCES");
  });

  test("a task that no environment can hold", async () => {
    expect((await failed(["true"], "a\0b"))?.text).toStartWith("on_start: true: it can't be started");
  });

  test("an exit that isn't 0, with its last words", async () => {
    const script = 'i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 3';
    const hook = folder.program("hook", script);
    const line = await failed([hook]);
    expect(line?.text).toBe(`on_start: ${hook}: exit 3`);
    const errors = String(line?.facts?.["stderr"]);
    expect(errors).toEndWith("line 1998\nline 1999");
    expect(errors.length).toBeLessThan(2_100);
  });

  test("a signal", async () => {
    const hook = folder.program("hook", "kill -9 $$");
    expect((await failed([hook]))?.text).toBe(`on_start: ${hook}: ended by SIGKILL`);
  });
});

test("a hook needn't read its stdin", async () => {
  await using teller = hooks({ ...silent, on_start: ["true"], on_pause: ["false"] }, log);
  teller.tell("WORK_STARTED", { ...moment, notice: "x".repeat(1 << 20) });
  teller.tell("WORK_PAUSED", moment);
  await until(() => log.lines.length > 0);
  expect(log.warnings).toEqual(["on_pause: false: exit 1"]);
});

test("10,000 pauses while a hook is busy start a few more, the last of them for the last pause", async () => {
  const busy = folder.program(
    "busy",
    'echo started > "$HERE/busy"; while [ ! -e "$HERE/go" ]; do sleep 0.02; done',
  );
  const say = folder.program("say", 'echo "$STINT_POMO_REMAINING_MS" >> "$HERE/said"');
  await using teller = hooks({ ...silent, on_start: [busy], on_pause: [say] }, log);
  teller.tell("WORK_STARTED", moment);
  await folder.written("busy");
  for (let left = 10_000; left > 0; left--) teller.tell("WORK_PAUSED", { ...moment, remaining_ms: left });
  writeFileSync(folder.file("go"), "");
  await until(() => folder.lines("said").at(-1) === "1");
  const said = folder.lines("said").map(Number);
  expect(said).toEqual(Array.from({ length: 32 }, (_, at) => 32 - at));
  expect(log.warnings).toEqual(["hooks are left out: those before them take too long"]);
});

describe("at the end of the host", () => {
  test("hooks that run and wait are done first", async () => {
    const slow = folder.program("slow", 'sleep 0.2; echo paused >> "$HERE/said"');
    const say = folder.program("say", 'echo interrupted >> "$HERE/said"');
    const teller = hooks({ ...silent, on_pause: [slow], on_interrupt: [say] }, log);
    teller.tell("WORK_PAUSED", moment);
    teller.tell("WORK_INTERRUPTED", moment);
    await teller[Symbol.asyncDispose]();
    expect(folder.lines("said")).toEqual(["paused", "interrupted"]);
    expect(log.lines).toEqual([]);
  });

  test("one that hangs is ended, and those behind it are left out", async () => {
    const hang = folder.program("hang", 'echo $$ > "$HERE/pid"; exec sleep 600');
    const say = folder.program("say", 'echo interrupted >> "$HERE/said"');
    const teller = hooks({ ...silent, hook_seconds: 600, on_pause: [hang], on_interrupt: [say] }, log);
    teller.tell("WORK_PAUSED", moment);
    teller.tell("WORK_INTERRUPTED", moment);
    await teller[Symbol.asyncDispose]();
    expect(isAlive(Number(readFileSync(folder.file("pid"), "utf8")))).toBe(false);
    expect(folder.lines("said")).toEqual([]);
    expect(log.warnings).toEqual([
      "hooks are left out: the host ends",
      `on_pause: ${hang}: ended early, as the host ends`,
    ]);
  });

  test("nothing is told any more", async () => {
    const say = folder.program("say", 'echo said >> "$HERE/said"');
    const teller = hooks({ ...silent, on_start: [say], on_pause: [say] }, log);
    await teller[Symbol.asyncDispose]();
    teller.tell("WORK_STARTED", moment);
    await teller[Symbol.asyncDispose]();
    expect(folder.lines("said")).toEqual([]);
  });
});

test("the user is told of a hook that fails, and where to look", async () => {
  const said: string[] = [];
  const on_start = [folder.program("fails", "exit 3")];
  const on_pause = [folder.program("goes", "exit 0")];
  const config = { ...silent, on_start, on_pause, on_resume: ["no-such-program-of-ours"] };
  const told = await notices(config, log, (text) => said.push(text))(new AbortController().signal);
  for (const event of ["WORK_STARTED", "WORK_PAUSED", "WORK_RESUMED"] as const) told.tell(event, moment);
  await told[Symbol.asyncDispose]();
  expect(said).toEqual([
    "the hook on_start failed: exit 3; see pomo.acme.log",
    "the hook on_resume failed: there is no such program; see pomo.acme.log",
  ]);
});

test("telling never throws, whatever there is to tell", async () => {
  const told = await notices({ ...silent, on_start: ["true"] }, log)(new AbortController().signal);
  told.tell("WORK_STARTED", { ...moment, remaining_ms: 1n as unknown as number });
  await told[Symbol.asyncDispose]();
  expect(log.lines.map(({ level, text }) => [level, text])).toEqual([
    ["error", "something that happened couldn't be told"],
  ]);
});
