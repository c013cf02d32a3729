import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pty } from "../support/pty.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

let sandbox: Sandbox;
beforeEach(() => {
  sandbox = new Sandbox(stint.source, { TZ: "UTC" });
});
afterEach(() => sandbox[Symbol.asyncDispose]());

const pomo = (...args: string[]) => sandbox.run(["pomo", ...args]);

const HOUR = 3_600_000;
/** A time so many days ago at noon UTC: of one date for as long as a test takes. */
const noon = (days: number) => {
  const midnight = Math.floor(Date.now() / (24 * HOUR)) * 24 * HOUR;
  return new Date(midnight + 12 * HOUR - days * 24 * HOUR).toISOString();
};
const date = (days: number) => noon(days).slice(0, 10);

/** Two on the day before yesterday, one of them interrupted, and one yesterday. */
async function some(): Promise<void> {
  await pomo("log", "add", "--start", noon(2), "report");
  await pomo("log", "add", "--start", noon(2), "--duration", "5m", "report");
  await pomo("log", "edit", "2", "--outcome", "interrupted");
  await pomo("log", "add", "--start", noon(1));
}

async function onTerminal(columns: number, ...args: string[]): Promise<string> {
  await using terminal = pty([...stint.source, "pomo", ...args], { env: sandbox.env, columns, rows: 60 });
  expect(await terminal.exited).toBe(0);
  return terminal.screen();
}

test("stats on a pipe: one line, with totals, streaks, days and tasks", async () => {
  await some();
  const { lines, code, err } = await pomo("stats");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(lines).toEqual([
    {
      v: 1,
      type: "stats",
      profile: "default",
      since: date(29),
      completed: 2,
      interrupted: 1,
      focus_ms: 55 * 60_000,
      today: { completed: 0, interrupted: 0, focus_ms: 0 },
      streak_days: 2,
      longest_streak_days: 2,
      days: [
        { date: date(2), completed: 1, interrupted: 1, focus_ms: 30 * 60_000 },
        { date: date(1), completed: 1, interrupted: 0, focus_ms: 25 * 60_000 },
        { date: date(0), completed: 0, interrupted: 0, focus_ms: 0 },
      ],
      tasks: [
        { task_id: null, task: "report", completed: 1, interrupted: 1, focus_ms: 30 * 60_000 },
        { task_id: null, task: null, completed: 1, interrupted: 0, focus_ms: 25 * 60_000 },
      ],
    },
  ]);
  const since = await pomo("stats", "--since", date(1));
  expect(since.lines).toMatchObject([{ since: date(1), completed: 1, interrupted: 0, streak_days: 2 }]);
});

test("stats of one task, or of one tag", async () => {
  await some();
  await pomo("log", "edit", "3", "--tag", "acme");
  const of = async (...args: string[]) => (await pomo("stats", ...args)).lines;
  expect(await of("--task", "report")).toMatchObject([
    { completed: 1, interrupted: 1, streak_days: 0, longest_streak_days: 1, tasks: [{ task: "report" }] },
  ]);
  expect(await of("--tag", "acme")).toMatchObject([
    { completed: 1, streak_days: 1, tasks: [{ task: null }] },
  ]);
  expect(await of("--tag", "other")).toMatchObject([{ completed: 0, tasks: [] }]);
  expect(await of("--since", "yesterday")).toMatchObject([{ since: date(1), completed: 1 }]);
});

test("stats of a profile with nothing in it are zeros", async () => {
  const { lines, code } = await pomo("stats", "--profile", "acme");
  expect({ code, lines }).toMatchObject({ code: 0, lines: [{ profile: "acme", completed: 0, tasks: [] }] });
});

test("stats on a terminal: totals, a bar a day, tasks, and the year where it fits", async () => {
  await some();
  const wide = await onTerminal(80, "stats");
  expect(wide).toContain("streak  2 days, the longest 2 days");
  expect(wide).toContain("total   2 done, 1 interrupted, 55 min of focus");
  expect(wide).toMatch(new RegExp(`${date(2)} 1 █+\n.*${date(1)} 1 █+\n.*${date(0)} 0\n`));
  expect(wide).toMatch(/^report +1 +30 min █+$/m);
  expect(wide).toContain("the year");
  const days = wide.split("\n").filter((line) => /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [·░▒▓█]+$/.test(line));
  expect(days).toHaveLength(7);
  expect(days.join("").match(/[░▒▓█]/g)).toHaveLength(2);
  expect(wide).toMatch(/the year.*\n +([A-Z][a-z]{2} +){10,11}[A-Z][a-z]{2}\n/);
  expect(wide).toMatch(/^ {4}less · ░ ▒ ▓ █ more$/m);
  expect(wide).toContain("focus: all work, also interrupted");
  expect(wide).toContain("streak: days in a row with at least one completed");
  const narrow = await onTerminal(50, "stats");
  for (const line of narrow.split("\n")) expect(line.length).toBeLessThanOrEqual(50);
});

test("stats of a long span have a bar a week", async () => {
  await pomo("log", "add", "--start", noon(100));
  await pomo("log", "add", "--start", noon(1));
  const shown = await onTerminal(80, "stats", "--since", "1y");
  expect(shown).toContain("completed a week");
  expect(shown.match(/^week of \d{4}-\d\d-\d\d /gm)?.length).toBeWithin(15, 17);
});

test("presets: the built-in ones and the user's own, which is the default", async () => {
  mkdirSync(join(sandbox.home, "config/stint"), { recursive: true });
  const config = "pomo: { preset: deep, presets: { deep: { work: 90m, break: 20m, rounds: 2 } } }\n";
  writeFileSync(join(sandbox.home, "config/stint/config.yaml"), config);
  const minutes = (work: number, rest: number, long: number) => ({
    work_ms: work * 60_000,
    break_ms: rest * 60_000,
    long_break_ms: long * 60_000,
  });
  expect((await pomo("presets")).lines).toEqual([
    { v: 1, type: "preset", name: "short", ...minutes(25, 5, 15), rounds: 4, own: false, default: false },
    { v: 1, type: "preset", name: "long", ...minutes(50, 10, 30), rounds: 4, own: false, default: false },
    { v: 1, type: "preset", name: "deep", ...minutes(90, 20, 20), rounds: 2, own: true, default: true },
  ]);
  expect(await onTerminal(80, "presets")).toMatch(/^deep +1h30m +20m +20m +2 +default, your own$/m);
});

test("a preset that there isn't is found by config check and can't be set", async () => {
  const config = (...args: string[]) => sandbox.run(["config", ...args]);
  const refused = await config("set", "pomo.preset", "deep");
  expect(refused.code).toBe(78);
  expect(refused.err).toContain("there is no preset 'deep'; there are short, long\n");
  expect((await config("set", "pomo.presets", "{deep: {work: 90m, break: 20m}}")).code).toBe(0);
  expect((await config("set", "pomo.preset", "deep")).code).toBe(0);
  expect((await config("check")).code).toBe(0);
  expect((await config("unset", "pomo.presets")).code).toBe(78);
  expect(
    (await sandbox.run(["config", "check"], { env: { STINT_POMO_PRESET: "depe" } })).lines,
  ).toMatchObject([
    { type: "config_problem", message: expect.stringContaining("there is no preset 'depe'") },
  ]);
});
