import { describe, expect, test } from "bun:test";
import { format as formatOf, formatProblem as problemOf } from "../../../src/kernel/core/bar.ts";
import { bar, type Shown } from "../../../src/pomo/core/formats.ts";
import { emptyOverview } from "../../../src/pomo/core/stats.ts";
import { lineOf, NOTHING_TOLD } from "../../../src/pomo/core/view.ts";

const format = (name: string, shown: Shown): string => formatOf(name, bar, shown);
const formatProblem = (name: string) => problemOf(name, bar);

const overview = {
  ...emptyOverview({ goal: 8, wall: Date.UTC(2026, 10, 22), offset: 0 }),
  today: { completed: 3, interrupted: 1, focus_ms: 5_100_000, goal: 8 },
  streak_days: 12,
};

const running: Shown = {
  ...NOTHING_TOLD,
  v: 1,
  state: "running",
  degraded: [],
  over: false,
  profile: "default",
  session_id: "s",
  session_type: "WORK",
  interval: 3,
  ticking: true,
  remaining_ms: 705_000,
  duration_ms: 1_500_000,
  round: 2,
  rounds: 4,
  task: "write the report",
  task_id: 7,
  preset: "short",
  work_ms: 1_500_000,
  break_ms: 300_000,
  long_break_ms: 900_000,
  completed: false,
  next_type: "SHORT_BREAK",
  finished_away_at: null,
  undo: null,
  overview,
};
const paused: Shown = { ...running, state: "paused", ticking: false };
const resting: Shown = { ...running, session_type: "LONG_BREAK", next_type: "WORK" };
const done: Shown = { ...paused, completed: true, remaining_ms: 0 };
const away: Shown = { ...paused, finished_away_at: 1, remaining_ms: 0 };
/** What a dead host left. */
const left: Shown = { ...running, host: false };
const stopped: Shown = {
  ...paused,
  state: "stopped",
  over: true,
  session_id: null,
  session_type: null,
  next_type: null,
  task: null,
  remaining_ms: 0,
  duration_ms: 0,
};
const titled = (task: string): Shown => ({ ...running, task });

describe("waybar", () => {
  const bar = (shown: Shown) => JSON.parse(format("waybar", shown)) as Record<string, unknown>;

  test("one line of JSON with the five fields that waybar reads", () => {
    expect(format("waybar", running)).not.toContain("\n");
    expect(bar(running)).toEqual({
      text: "11:45 write the report",
      alt: "work",
      tooltip: "work, round 2 of 4\nwrite the report\ntoday 3 of 8\n12 days in a row",
      class: "work",
      percentage: 53,
    });
  });

  test("a class for every mood, with its word in the text", () => {
    const leftDone = { ...done, host: false };
    const leftPaused = { ...paused, host: false };
    const shown = [running, resting, paused, done, away, left, leftPaused, leftDone, stopped];
    const said = shown.map((shown) => {
      const { class: mood, alt, text } = bar(shown);
      expect(alt).toBe(mood);
      return [mood, text];
    });
    expect(said).toEqual([
      ["work", "11:45 write the report"],
      ["long_break", "11:45 long break"],
      ["paused", "11:45 paused"],
      ["waiting", "00:00 break is next"],
      ["away", "00:00 finished while away"],
      ["away", "11:45 away"],
      ["away", "11:45 away"],
      ["away", "00:00 break is next"],
      ["stopped", ""],
    ]);
  });

  test("what no host runs says how it goes on, and what ended meanwhile how it is counted", () => {
    const said = (shown: Shown) => String(bar(shown)["tooltip"]).split("\n").slice(0, 2);
    expect(said(left)).toEqual(["work, round 2 of 4", "no host is alive: stint pomo resume goes on"]);
    expect(said({ ...paused, host: false })[0]).toBe("work, round 2 of 4, paused");
    const ended = ["work, round 2 of 4, finished while away", "not counted: stint pomo finish counts it"];
    expect(said(away)).toEqual(ended);
    // It came to its end while somebody looked.
    expect(said({ ...left, remaining_ms: 0 })).toEqual(ended);
    expect(bar({ ...left, remaining_ms: 0 })["text"]).toBe("00:00 finished while away");
  });

  test("without a goal, and with one day, it says less", () => {
    const quiet = { ...overview, streak_days: 1, today: { ...overview.today, goal: 0 } };
    expect(bar({ ...running, task: null, overview: quiet })["tooltip"]).toBe("work, round 2 of 4\ntoday 3");
  });
});

describe("tmux, polybar, i3blocks", () => {
  test("in the colour of what it is", () => {
    expect(format("tmux", running)).toBe("#[fg=green]11:45 write the report#[default]");
    expect(format("tmux", paused)).toBe("#[fg=yellow]11:45 paused#[default]");
    expect(format("tmux", away)).toBe("#[fg=colour245]00:00 finished while away#[default]");
    expect(format("polybar", resting)).toBe("%{F#5fafaf}11:45 long break%{F-}");
    expect(format("i3blocks", running)).toBe("11:45 write the report\n11:45\n#5faf5f");
  });

  test("once stopped they show nothing", () => {
    expect(["tmux", "polybar", "i3blocks"].map((name) => format(name, stopped))).toEqual(["", "", ""]);
    expect(format("tmux", { ...running, over: true })).toBe("");
  });
});

describe("templates", () => {
  test("fields, and doubled braces as braces", () => {
    const shown = { ...running, remaining_ms: 704_500 };
    expect(format("{remaining} {task}", shown)).toBe("11:45 write the report");
    expect(format("{remaining}+{elapsed}={duration} {percent}%", shown)).toBe("11:45+13:15=25:00 53%");
    expect(format("{type} {state} {round}/{rounds} {today}/{goal} {streak}", shown)).toBe(
      "work running 2/4 3/8 12",
    );
    expect(format("{{{task}}} {{task}}", titled("a"))).toBe("{a} {task}");
  });

  test("every field of the line of --json by its name, those of another with a dot", () => {
    const line = lineOf(running);
    const { type: _, today, ...fields } = line;
    for (const [name, value] of Object.entries(fields)) {
      expect([name, formatProblem(`{${name}}`)]).toEqual([name, undefined]);
      expect(format(`{${name}}`, running)).toBe(String(value ?? ""));
    }
    for (const [name, value] of Object.entries(today)) {
      expect(format(`{today.${name}}`, running)).toBe(String(value));
    }
    expect(format("{host} {streak_days} {today.focus_ms}", left)).toBe("false 12 5100000");
  });

  test("and words for people", () => {
    expect(format("{done} of {goal}, {interrupted} lost, {focus}, {next}", running)).toBe(
      "3 of 8, 1 lost, 1 h 25 min, break",
    );
  });

  test("what isn't there is empty", () => {
    expect(format("[{remaining}{duration}{elapsed}{percent}{type}{task}{notice}]", stopped)).toBe("[]");
    expect(format("{state}", stopped)).toBe("stopped");
  });

  test("every field that is offered can be shown", () => {
    const fields = formatProblem("{nothing}")?.hint.match(/[a-z_.]+/g) ?? [];
    const offered = fields.filter((name) => !["the", "fields", "are"].includes(name));
    expect(offered).toContain("remaining_ms");
    for (const name of offered) {
      expect(formatProblem(`{${name}}`)).toBeUndefined();
      expect(format(`{${name}}`, running)).not.toContain("undefined");
    }
  });

  test("whatever a title holds, it is one line without control characters", () => {
    const title = "a\x1b]0;x\x07b\nc\u2028d\u202ee\x00f\ud800";
    for (const name of ["{task}", "waybar", "tmux", "polybar"]) {
      expect(format(name, titled(title))).not.toMatch(/[\p{Cc}\u2028-\u202e\ud800]/u);
    }
  });

  test("a long title is cut where space is short, and whole where it was asked for", () => {
    const title = "🍅".repeat(60);
    expect(format("{task}", titled(title))).toBe(title);
    expect(format("i3blocks", titled(title)).split("\n")[0]).toBe(`11:45 ${"🍅".repeat(39)}…`);
  });
});

describe("formats that there aren't", () => {
  test("are refused with an example of a pomodoro", () => {
    expect(formatProblem("json")?.hint).toEndWith("or a template: '{remaining} {task}'");
  });

  test("an unknown field is refused by its name", () => {
    const problem = formatProblem("{remaining} {tsak}");
    expect(problem?.refused).toBe("there is no field {tsak}");
    expect(problem?.hint).toContain("task");
    expect(formatProblem("{today.tsak}")?.hint).toContain("today.completed");
  });
});
