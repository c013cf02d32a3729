import { expect, test } from "bun:test";
import { PomoBox } from "../support/pomo.ts";
import { pty } from "../support/pty.ts";
import { until } from "../support/sandbox.ts";

const screen = (box: PomoBox, ...args: string[]) =>
  pty([...box.command, "pomo", ...args], { cwd: box.work, env: box.env, columns: 100, rows: 30 });

test("q, Ctrl+C, a closed window and kill -9 of the terminal leave the timer running", async () => {
  await using box = new PomoBox();
  const leaving = [
    async (terminal: ReturnType<typeof screen>) => terminal.press("q"),
    async (terminal: ReturnType<typeof screen>) => terminal.press("ctrl+c"),
    async (terminal: ReturnType<typeof screen>) => terminal.hangUp(),
    async (terminal: ReturnType<typeof screen>) => void (await terminal.kill("SIGKILL")),
  ];
  let host = 0;
  for (const leave of leaving) {
    await using terminal = host === 0 ? screen(box, "start", "the report") : screen(box, "watch");
    await terminal.until("the report");
    host ||= box.host;
    await leave(terminal);
    await terminal.exited;
    expect(box.host).toBe(host);
    expect(await box.pomo("status")).toMatchObject({ state: "running", task: "the report" });
  }
});

test("keys do what the commands do, and what is refused is said", async () => {
  await using box = new PomoBox();
  await using terminal = screen(box, "start", "one");
  await terminal.until("one");
  terminal.press("+");
  await terminal.until("29:5");
  expect(await box.pomo("status")).toMatchObject({ duration_ms: 1_800_000 });
  terminal.press("u");
  await terminal.until("24:5");
  terminal.press("t");
  await terminal.until("one");
  terminal.press("a");
  terminal.type("two");
  terminal.press("enter");
  await terminal.until("two");
  terminal.press("down", "enter");
  await until(
    () => box.pomo("status"),
    ({ task }) => task === "two",
  );
  await terminal.until("today");
  terminal.press("f");
  await terminal.until("BREAK");
  await terminal.until("1 done");
  terminal.press("x");
  await terminal.until("stopped");
  terminal.press("q");
  expect(await terminal.exited).toBe(0);
  expect(terminal.buffer()).toBe("normal");
  expect(await box.history()).toMatchObject([
    { task: "two", outcome: "completed" },
    { session_type: "SHORT_BREAK", outcome: "interrupted" },
  ]);
});

test("a host in the foreground shows the timer itself; leaving it ends the host, and the session can be taken up", async () => {
  await using box = new PomoBox();
  await using terminal = screen(box, "start", "here", "--foreground");
  await terminal.until("here");
  expect(box.host).toBe(terminal.pid);
  terminal.press("q");
  expect(await terminal.exited).toBe(0);
  expect(await box.pomo("status")).toMatchObject({ state: "running", task: "here", restored: true });
});

test("the bell rings when an interval is over", async () => {
  await using box = new PomoBox({ STINT_POMO_AUTO_START_BREAKS: "false" });
  await using terminal = screen(box, "start", "--work", "2s");
  await terminal.until("1 done");
  await until(() => terminal.output().includes("\x07"));
});
