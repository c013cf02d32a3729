import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pty } from "../support/pty.ts";
import { type Line, Sandbox, until } from "../support/sandbox.ts";

const shell = (box: Sandbox, ...args: string[]) =>
  pty([...box.command, "backtest", "shell", ...args], {
    cwd: box.work,
    env: box.env,
    columns: 120,
    rows: 40,
  });
const status = async (box: Sandbox): Promise<Line> =>
  (await box.run(["backtest", "status"])).lines.at(-1) ?? {};
/** What a user sees once a line is worked: the prompt again, with nothing on it. */
const prompted = (screen: string) => /(^|\n)stint>$/.test(screen);
const session = (box: Sandbox) =>
  writeFileSync(join(box.work, "trend.yaml"), "version: 1\nsymbols: { EURUSD: { sample: EURUSD } }\n");

test("the words of the shell start, pause, step, resume and stop a run, with completion by TAB", async () => {
  await using box = new Sandbox();
  session(box);
  await using terminal = shell(box);
  const line = async (text: string, answer: string) => {
    await terminal.until(prompted);
    terminal.type("\x0c");
    await terminal.until((screen) => screen === "stint>");
    terminal.type(`${text}\r`);
    await terminal.until((screen) => screen.includes(answer) && prompted(screen));
  };
  // A TAB that comes together with what is before it is taken as pasted.
  const completed = async (text: string, becomes: string) => {
    const [before = ""] = terminal.screen().split("\n").slice(-1);
    terminal.type(text);
    await terminal.until(
      (screen) => screen.endsWith(`${before}${text}`) || screen.endsWith(`${before} ${text}`),
    );
    terminal.press("tab");
    await terminal.until((screen) => screen.endsWith(becomes));
  };
  await terminal.until(prompted);
  await completed("sys", "system");
  await completed("star", "system start");
  await completed("tr", "system start trend.yaml");
  await completed("--paus", "system start trend.yaml --pause");
  terminal.press("tab");
  await terminal.until("--pause-at");
  terminal.type("d --pace 50\r");
  await terminal.until("in the background");
  await until(
    () => status(box),
    ({ state }) => state === "paused",
  );
  const before = Number((await status(box))["bar"]);
  await line("step 5", `bar ${before + 5}`);
  expect(await status(box)).toMatchObject({ state: "paused", bar: before + 5 });
  await line("inspect", "EURUSD");
  await line("resume", "running");
  await line("system pause", "paused");
  await line("system status", "paused");
  await line("fly", "there is no command 'fly'");
  await line("step x", "whole number");
  await line("system stop", "is stopped");
  expect(await status(box)).toMatchObject({ state: "stopped" });
  terminal.type("exit\r");
  expect(await terminal.exited).toBe(0);
}, 60_000);

test("Ctrl+C clears the line, Ctrl+D leaves a run that goes on, and the next shell knows the lines of this one", async () => {
  await using box = new Sandbox();
  {
    await using terminal = shell(box);
    await terminal.until(prompted);
    terminal.type("stop everything");
    await terminal.until("stop everything");
    terminal.press("ctrl+c");
    await terminal.until(prompted);
    terminal.type("start --pace 20\r");
    await terminal.until("in the background");
    await terminal.until(prompted);
    terminal.press("ctrl+d");
    await terminal.until("goes on in the background");
    expect(await terminal.exited).toBe(0);
    expect(terminal.cooked).toBe(true);
  }
  expect(await status(box)).toMatchObject({ state: "running" });
  const path = join(box.home, "state/stint/backtest.default.history");
  expect(readFileSync(path, "utf8")).toBe("start --pace 20\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await using terminal = shell(box);
  await terminal.until(prompted);
  // Without a run of its own a line is about the one that is live.
  terminal.type("stop\r");
  await terminal.until("is stopped");
  await terminal.until(prompted);
  terminal.press("up");
  await terminal.until((screen) => screen.endsWith("stint> stop"));
  terminal.press("up");
  await terminal.until((screen) => screen.endsWith("stint> start --pace 20"));
}, 60_000);

test("the history doesn't grow without end", async () => {
  await using box = new Sandbox();
  mkdirSync(join(box.home, "state/stint"), { recursive: true, mode: 0o700 });
  const path = join(box.home, "state/stint/backtest.default.history");
  writeFileSync(path, Array.from({ length: 2500 }, (_, i) => `step ${i}\n`).join(""));
  chmodSync(path, 0o600);
  await using terminal = shell(box);
  await terminal.until(prompted);
  terminal.press("up");
  await terminal.until("stint> step 2499");
  terminal.press("ctrl+c");
  await terminal.until(prompted);
  terminal.type("help step\r");
  await terminal.until("--to-trade");
  const kept = readFileSync(path, "utf8").split("\n").slice(0, -1);
  expect({ first: kept[0], last: kept.at(-1), length: kept.length }).toEqual({
    first: "step 1500",
    last: "help step",
    length: 1001,
  });
});

test("lines that are pasted at once are all worked, and a signal gives the terminal back", async () => {
  await using box = new Sandbox();
  await using terminal = shell(box);
  await terminal.until(prompted);
  terminal.type("status\rstop\rsys");
  await terminal.until(
    (screen) => screen.includes("no such backtest") && screen.includes("no backtest is live"),
  );
  await terminal.until((screen) => screen.endsWith("stint> sys"));
  expect(terminal.cooked).toBe(false);
  expect(await terminal.kill("SIGTERM")).toBe(143);
  expect(terminal.cooked).toBe(true);
});

test("from a pipe lines are worked without a prompt, and the last failure is the exit code", async () => {
  await using box = new Sandbox();
  session(box);
  const lines = [
    "# a script",
    "",
    "start trend.yaml --paused",
    "step 3",
    "nonsense",
    "stop",
    "pause",
    "exit",
    "stop",
  ];
  const ran = await box.run(["backtest", "shell"], { input: lines.join("\n") });
  expect(ran.code).toBe(1);
  expect(ran.out).not.toContain("stint>");
  expect(ran.lines.map(({ type }) => type)).toEqual(["session", "backtest", "backtest"]);
  expect(ran.lines[1]).toMatchObject({ state: "paused" });
  expect(ran.lines[2]).toMatchObject({ state: "stopped" });
  expect(ran.err.match(/^stint: .*$/gm)).toHaveLength(2);
  const help = await box.run(["backtest", "shell"], { input: "help\n" });
  expect(help.code).toBe(0);
  expect(help.out).toContain("[system] start [session]");
});
