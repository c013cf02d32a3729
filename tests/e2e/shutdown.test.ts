import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeStrategy } from "../backtest/strategies.ts";
import { type Pty, pty } from "../support/pty.ts";
import { type Line, Sandbox, stint, until } from "../support/sandbox.ts";

/** Every way a host can be told to end, on the executable, in a terminal. */

const RUN = ["backtest", "run", "--pace", "200"];
const LOG = "backtest.default";

/** The executable in a terminal of its own, with its full screen shown. */
async function shown(
  box: Sandbox,
  args: readonly string[] = RUN,
  env: Record<string, string> = {},
): Promise<Pty> {
  const terminal = pty([...box.command, ...args], { cwd: box.work, env: { ...box.env, ...env } });
  await terminal.until("bars/s");
  expect(terminal.buffer()).toBe("alternate");
  return terminal;
}

function stages(box: Sandbox): string[] {
  return box.log(LOG).flatMap((line) => /^shutdown (\d\/7 \w+)/.exec(String(line["text"]))?.[1] ?? []);
}
const IN_ORDER = [
  "1/7 workers",
  "2/7 timers",
  "3/7 actuators",
  "4/7 sources",
  "5/7 state",
  "6/7 store",
  "7/7 terminal",
];

/** As a shell expects to find it: the normal screen, a cursor, lines edited and echoed. */
function expectGivenBack(terminal: Pty): void {
  expect({
    buffer: terminal.buffer(),
    cursorHidden: terminal.cursorHidden,
    cooked: terminal.cooked,
    marksPaste: terminal.marksPaste,
  }).toEqual({ buffer: "normal", cursorHidden: false, cooked: true, marksPaste: false });
}

async function state(box: Sandbox): Promise<unknown> {
  return (await box.run(["sessions"])).lines[0]?.["state"];
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s shuts down in order and gives the terminal back", async (signal, code) => {
  await using box = new Sandbox();
  await using terminal = await shown(box);
  expect(await terminal.kill(signal)).toBe(code);
  expect(stages(box)).toEqual(IN_ORDER);
  expectGivenBack(terminal);
  expect(await state(box)).toBe("stopped");
});

test.each([
  ["q", 0],
  ["ctrl+c", 130],
] as const)(
  "the key %s shuts down in order, gives the terminal back and says how to go on",
  async (key, code) => {
    await using box = new Sandbox();
    await using terminal = await shown(box);
    terminal.press(key);
    expect(await terminal.exited).toBe(code);
    expect(stages(box)).toEqual(IN_ORDER);
    expectGivenBack(terminal);
    expect(terminal.screen()).toContain("go on with it: stint backtest resume");
  },
);

test("stop over the control socket shuts down in order, and returns when the host is gone", async () => {
  await using box = new Sandbox();
  await using terminal = await shown(box);
  const { code, lines } = await box.run(["backtest", "stop"]);
  expect({ code, state: lines[0]?.["state"] }).toEqual({ code: 0, state: "stopped" });
  expect(stages(box)).toEqual(IN_ORDER);
  expect(await terminal.exited).toBe(0);
  expectGivenBack(terminal);
});

test("closing the terminal's window shuts down in order", async () => {
  await using box = new Sandbox();
  await using terminal = await shown(box);
  terminal.hangUp();
  await until(() => stages(box).length === IN_ORDER.length);
  expect(stages(box)).toEqual(IN_ORDER);
  await until(async () => (await state(box)) === "stopped");
});

test.each([
  ["uncaught", "an uncaught error"],
  ["rejection", "an unhandled rejection"],
])(
  "%s: it shuts down in order, then says what happened with a trace that maps to the source",
  async (fault) => {
    await using box = new Sandbox(stint.faults);
    const env = { ...box.env, STINT_FAULT: fault };
    await using terminal = pty([...box.command, ...RUN], { cwd: box.work, env, columns: 160 });
    expect(await terminal.exited).toBe(70);
    expect(stages(box)).toEqual(IN_ORDER);
    expectGivenBack(terminal);
    expect(terminal.screen()).toContain(`internal error, a bug in stint: fault: ${fault}`);
    expect(terminal.screen()).toMatch(/faults\.ts:\d+/);
    expect(await state(box)).toBe("stopped");
  },
);

test("a part that never ends its dispose is dropped at its deadline, named, and the rest goes on in order", async () => {
  await using box = new Sandbox(stint.faults);
  await using terminal = await shown(box, RUN, { STINT_FAULT: "hang-briefly" });
  expect(await terminal.kill("SIGTERM")).toBe(143);
  expect(stages(box)).toEqual(IN_ORDER);
  const dropped = box.log(LOG).find((line) => line["part"] === "stuck" && line["level"] === "warn");
  expect(dropped?.["text"]).toContain("dropped: not disposed after 300 ms");
  expectGivenBack(terminal);
});

test("a strategy asleep in native code, which nothing can interrupt, is left behind at its deadline", async () => {
  await using box = new Sandbox();
  const child = box.start(["backtest", "run", "--strategy", writeStrategy(box.work, "asleep")]);
  await until(() => box.log(LOG).some((line) => line["text"] === "asleep"));
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  expect(stages(box)).toEqual(IN_ORDER);
  expect(box.log(LOG).some((line) => line["part"] === "engine" && line["level"] === "warn")).toBe(true);
});

test("a second signal switches the actuators off and leaves, however a part hangs", async () => {
  await using box = new Sandbox(stint.faults);
  await using terminal = await shown(box, RUN, { STINT_FAULT: "hang" });
  process.kill(terminal.pid, "SIGINT");
  await until(() => box.log(LOG).some((line) => String(line["text"]).startsWith("SIGINT")));
  expect(await terminal.kill("SIGINT")).toBe(130);
  expect(stages(box)).not.toContain("1/7 workers");
  expect(box.log(LOG).some((line) => line["text"] === "lamp off")).toBe(true);
});

test("the faults of these tests aren't in the executable that ships", () => {
  const marker = "fault: uncaught";
  expect(readFileSync(stint.executable[0]).includes(marker)).toBe(false);
  expect(readFileSync(stint.faults[0]).includes(marker)).toBe(true);
});

test("killed with kill -9, a run leaves a session that is found crashed and a store that is checked", async () => {
  await using box = new Sandbox();
  const { lines } = await box.run([...RUN, "--detach"]);
  const { id, pid } = lines[0] as Line;
  process.kill(Number(pid), "SIGKILL");
  await until(async () => (await state(box)) === "crashed");
  const resumed = await box.run(["backtest", "resume", String(id)], { cwd: join(box.work) });
  expect(resumed.code).toBe(0);
  await until(() => box.log("store").some((line) => line["text"] === "quick_check: the store is sound"));
});
