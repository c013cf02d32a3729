import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Exit } from "../../src/kernel/errors.ts";
import { pty } from "../support/pty.ts";
import { type Line, Sandbox, stint } from "../support/sandbox.ts";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(stint.source, { TZ: "Europe/Paris" });
});
afterEach(() => sandbox[Symbol.asyncDispose]());

const log = (...args: string[]) => sandbox.run(["pomo", "log", ...args]);
const all = async (): Promise<Line[]> => (await log("--all")).lines;
const add = async (...args: string[]): Promise<Line> => (await log("add", ...args)).lines[0] ?? {};

/** Refused with this exit code in one line and a hint, and nothing changed. */
async function refused(exit: number, ...args: string[]): Promise<void> {
  const before = await all();
  const { code, out, err } = await log(...args);
  expect({ args, code, out }).toEqual({ args, code: exit, out: "" });
  expect(err).toStartWith("stint: ");
  expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  expect(await all()).toEqual(before);
}

const MINUTE = 60_000;

describe("stint pomo log add", () => {
  test("a time without an offset is local time here, as it was then", async () => {
    const winter = await add("--start", "2026-01-15 09:05", "--duration", "50m", "--tag", "x", "review");
    expect(winter).toEqual({
      v: 1,
      type: "interval",
      session_type: "WORK",
      id: 1,
      round: 0,
      task: "review",
      task_id: null,
      tags: ["x"],
      started_at: Date.UTC(2026, 0, 15, 8, 5),
      utc_offset_min: 60,
      ended_at: Date.UTC(2026, 0, 15, 8, 55),
      duration_ms: 50 * MINUTE,
      elapsed_ms: 50 * MINUTE,
      outcome: "completed",
    });
    const summer = await add("--start", "2026-07-15T09:05:30");
    const started_at = Date.UTC(2026, 6, 15, 7, 5, 30);
    expect(summer).toMatchObject({ utc_offset_min: 120, started_at, ended_at: started_at + 25 * MINUTE });
    expect(await all()).toHaveLength(2);
  });

  test("an offset that is typed is kept", async () => {
    const began = await add("--start", "2026-01-15T00:10:00-03:30");
    expect(began).toMatchObject({ started_at: Date.UTC(2026, 0, 15, 3, 40), utc_offset_min: -210 });
    expect(await add("--start", "2026-01-15T00:10Z")).toMatchObject({ utc_offset_min: 0 });
  });

  test("without a start it has just ended; nothing yet is refused", async () => {
    const before = Date.now();
    const { started_at, ended_at } = await add("--duration", "10m");
    expect(Number(ended_at)).toBeGreaterThanOrEqual(before);
    expect(Number(ended_at)).toBeLessThanOrEqual(Date.now());
    expect(Number(ended_at) - Number(started_at)).toBe(10 * MINUTE);
    const soon = new Date(Date.now() - 5 * MINUTE).toISOString().replace(/\.\d+/, "");
    await refused(Exit.usage, "add", "--start", "2999-01-01 10:00");
    await refused(Exit.usage, "add", "--start", soon);
    await refused(Exit.usage, "add", "--start", "1969-12-31T00:00Z");
  });

  test("a time that there isn't is refused", async () => {
    for (const start of [
      "25:00",
      "noon",
      "2026-02-30 10:00",
      // Half an hour that the clock left out.
      "2026-03-29 02:30",
      "2026-01-15T10:00+25:00",
      "2026-01-15T10:00+18:00",
    ])
      await refused(Exit.usage, "add", "--start", start);
    await refused(Exit.usage, "add", "--duration", "-5m");
    await refused(Exit.usage, "add", "two\nlines");
  });

  test("a task by number or title is that task; another title makes none", async () => {
    await sandbox.run(["pomo", "task", "add", "report", "--tag", "a"]);
    const start = ["--start", "2026-01-15 09:05"];
    expect(await add(...start, "#1", "--tag", "b")).toMatchObject({
      task: "report",
      task_id: 1,
      tags: ["a", "b"],
    });
    expect(await add(...start, "REPORT")).toMatchObject({ task: "report", task_id: 1 });
    expect(await add(...start, "else")).toMatchObject({ task: "else", task_id: null });
    await refused(Exit.no, "add", ...start, "#9");
    const { lines } = await sandbox.run(["pomo", "task", "list"]);
    expect(lines).toMatchObject([{ id: 1, completed: 2 }]);
  });
});

describe("stint pomo log edit and delete", () => {
  const START = Date.UTC(2026, 0, 15, 8, 5);
  beforeEach(() => add("--start", "2026-01-15 09:05", "review"));

  test("what isn't named stays as it is", async () => {
    const [before] = await all();
    const { lines } = await log("edit", "1", "--task", "reading", "--outcome", "interrupted", "--tag", "x");
    expect(lines).toEqual([{ ...before, task: "reading", outcome: "interrupted", tags: ["x"] }]);
    expect(await all()).toEqual(lines);
    expect((await log("edit", "#1", "--task", "none")).lines).toMatchObject([
      { task: null, outcome: "interrupted" },
    ]);
  });

  test("its end follows its start and its length", async () => {
    const edit = async (...args: string[]) => (await log("edit", "1", ...args)).lines[0];
    expect(await edit("--duration", "40m")).toMatchObject({
      started_at: START,
      ended_at: START + 40 * MINUTE,
      duration_ms: 40 * MINUTE,
      elapsed_ms: 40 * MINUTE,
    });
    // A time alone is of the same day.
    expect(await edit("--start", "8:00")).toMatchObject({
      started_at: START - 65 * MINUTE,
      ended_at: START - 25 * MINUTE,
    });
    expect(await edit("--start", "2026-07-01 10:00", "--duration", "1h")).toMatchObject({
      started_at: Date.UTC(2026, 6, 1, 8),
      utc_offset_min: 120,
      ended_at: Date.UTC(2026, 6, 1, 9),
    });
  });

  test("an unknown id is the answer no, what is no id is a mistake", async () => {
    await refused(Exit.no, "edit", "9", "--task", "x");
    await refused(Exit.no, "delete", "9");
    await refused(Exit.no, "delete", "1", "--profile", "acme");
    await refused(Exit.usage, "delete", "one");
    await refused(Exit.usage, "edit", "1");
    await refused(Exit.usage, "edit", "1", "--start", "2999-01-01 10:00");
    await refused(Exit.usage, "edit", "1", "--outcome", "lost");
  });

  test("deleted is gone, and said what it was", async () => {
    const before = await all();
    const { lines, code } = await log("delete", "1");
    expect({ code, lines }).toEqual({ code: 0, lines: before });
    expect(await all()).toEqual([]);
  });
});

test("one that overlaps another is added, and that is said", async () => {
  await add("--start", "2026-01-15 09:05", "--duration", "25m");
  const add2 = await log("add", "--start", "2026-01-15 09:20", "--duration", "25m");
  expect({ code: add2.code, err: add2.err }).toEqual({
    code: 0,
    err: "it overlaps #1\n",
  });
  // One that begins as another ends doesn't.
  expect((await log("add", "--start", "2026-01-15 09:45")).err).toBe("");
  expect((await log("add", "--start", "2026-01-15 09:20", "--profile", "acme")).err).toBe("");
  expect(await all()).toHaveLength(3);
});

describe("stint pomo log", () => {
  test("shows the last seven local days, oldest first, or as many as asked for", async () => {
    const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 16);
    for (const days of [400, 9, 5, 0.1]) await add("--start", `${at(days)}Z`, `${days} days ago`);
    const tasks = async (...args: string[]) => (await log(...args)).lines.map(({ task }) => task);
    expect(await tasks()).toEqual(["5 days ago", "0.1 days ago"]);
    expect(await tasks("--since", "2w")).toEqual(["9 days ago", "5 days ago", "0.1 days ago"]);
    expect(await tasks("--since", at(7).slice(0, 10))).toEqual(["5 days ago", "0.1 days ago"]);
    expect(await tasks("--all")).toHaveLength(4);
    expect((await log("--since", "soon")).code).toBe(Exit.usage);
  });

  test("on a terminal: a table, each row at the time and date where it was", async () => {
    await add("--start", "2026-01-15T00:10-03:30", "far");
    await add("--start", "2026-01-15 23:50", "late");
    await log("edit", "2", "--outcome", "interrupted");
    await using terminal = pty([...stint.source, "pomo", "log", "--all"], { env: sandbox.env });
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen().trimEnd().split("\n")).toEqual([
      "ID  DATE        TIME   TYPE  LASTED  OUTCOME      TASK",
      "1   2026-01-15  00:10  work  25 min  completed    far",
      "2   2026-01-15  23:50  work  25 min  interrupted  late",
    ]);
  });

  test("of one task, by its title or number, and of one tag", async () => {
    await sandbox.run(["pomo", "task", "add", "report", "--tag", "acme"]);
    const start = ["--start", "2026-01-15 09:05"];
    await add(...start, "#1");
    await add(...start, "Report, old", "--tag", "x");
    await add(...start);
    const ids = async (...args: string[]) => (await log("--all", ...args)).lines.map(({ id }) => id);
    expect(await ids("--task", "REPORT")).toEqual([1]);
    expect(await ids("--task", "#1")).toEqual([1]);
    expect(await ids("--task", "none")).toEqual([3]);
    expect(await ids("--tag", "ACME")).toEqual([1]);
    expect(await ids("--tag", "x", "--tag", "acme")).toEqual([1, 2]);
    expect(await ids("--tag", "acme", "--task", "none")).toEqual([]);
  });

  test("since yesterday is since yesterday", async () => {
    const noon = (days: number) => {
      const today = Math.floor(Date.now() / 86_400_000);
      return new Date((today - days) * 86_400_000 + 12 * 3_600_000).toISOString();
    };
    for (const days of [2, 1]) await add("--start", noon(days), `${days}`);
    const utc = { env: { TZ: "UTC" } };
    const since = async (span: string) =>
      (await sandbox.run(["pomo", "log", "--since", span], utc)).lines.map(({ task }) => task);
    expect(await since("yesterday")).toEqual(["1"]);
    expect(await since("today")).toEqual([]);
    expect(await since("3d")).toEqual(["2", "1"]);
  });

  test("says on a terminal when there is nothing, and of a rest only when there is one", async () => {
    const said = async (...args: string[]) => {
      await using terminal = pty([...stint.source, "pomo", "log", ...args], { env: sandbox.env });
      expect(await terminal.exited).toBe(0);
      return terminal.screen().trim();
    };
    expect(await said()).toBe("nothing yet: stint pomo start");
    await add("--start", "2026-01-15 09:05", "report");
    expect(await said("--since", "today")).toMatch(
      /^nothing since \d{4}-\d\d-\d\d: --all shows what was before$/,
    );
    expect(await said("--all", "--task", "else")).toBe("nothing of that");
  });
});
