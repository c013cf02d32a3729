/** Tracking as a person at a terminal sees it. */
import { expect, test } from "bun:test";
import { pty } from "../support/pty.ts";
import { until } from "../support/sandbox.ts";
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";

const screen = (box: TrackBox, ...args: string[]) =>
  pty([...box.command, "track", ...args], { cwd: box.work, env: box.env, columns: 110, rows: 34 });

test("q, Ctrl+C, a closed window and kill -9 of the terminal leave it tracking", async () => {
  await using box = new TrackBox();
  const leaving = [
    async (terminal: ReturnType<typeof screen>) => terminal.press("q"),
    async (terminal: ReturnType<typeof screen>) => terminal.press("ctrl+c"),
    async (terminal: ReturnType<typeof screen>) => terminal.hangUp(),
    async (terminal: ReturnType<typeof screen>) => void (await terminal.kill("SIGKILL")),
  ];
  let host = 0;
  for (const leave of leaving) {
    await using terminal = host === 0 ? screen(box, "start", "--project", "acme") : screen(box, "watch");
    await terminal.until("acme");
    host ||= box.host;
    await leave(terminal);
    await terminal.exited;
    expect(box.host).toBe(host);
    expect(await box.track("status")).toMatchObject({ state: "running", project: "acme" });
  }
});

test("space pauses and resumes, p switches, n notes, and x ends it with a report", async () => {
  await using display = await X11.open();
  await using box = new TrackBox(display.env);
  await display.xterm("the work");
  await using terminal = screen(box, "start", "--project", "acme");
  await terminal.until("the work");
  await terminal.until("Running");
  terminal.press("space");
  await terminal.until("Paused");
  expect(await box.track("status")).toMatchObject({ state: "paused" });
  terminal.press("space");
  await terminal.until("Running");
  terminal.press("p");
  terminal.type("other +deep");
  terminal.press("enter");
  await box.until(({ project }) => project === "other");
  await terminal.until("other");
  terminal.press("n");
  terminal.type("workshop");
  terminal.press("enter");
  await box.until(({ note }) => note === "workshop");
  terminal.press("u");
  await box.until(({ project }) => project === "acme");
  terminal.press("x");
  await until(() => box.host === 0);
  await terminal.until((text) => /worked/i.test(text) && text.includes("acme"));
  terminal.press("q");
  expect(await terminal.exited).toBe(0);
  expect(terminal.buffer()).toBe("normal");
  expect(box.db.query("SELECT note FROM track_span ORDER BY id DESC").get()).toEqual({ note: "workshop" });
});

test("two terminals see the same, and what one pauses the other resumes", async () => {
  await using box = new TrackBox();
  await using one = screen(box, "start");
  await one.until("Running");
  await using two = screen(box, "watch");
  await two.until("Running");
  one.press("space");
  await two.until("Paused");
  two.press("space");
  await one.until("Running");
});

test("on a pipe it gives a line for each change until it is stopped", async () => {
  await using box = new TrackBox();
  const child = box.start(["track", "start", "--project", "acme"]);
  await box.until(({ state }) => state === "running");
  await box.track("pause");
  await box.track("resume");
  await box.track("stop");
  const lines = (await child.stdout.text()).trim().split("\n");
  const states = lines.map((line) => JSON.parse(line) as { type: string; state: string });
  expect(states.every(({ type }) => type === "track")).toBe(true);
  expect(states.map(({ state }) => state)).toContain("paused");
  expect(states.at(-1)?.state).toBe("stopped");
  expect(await child.exited).toBe(0);
});
