import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import type { Control, State } from "../../src/kernel/control.ts";
import { cells, cut } from "../../src/kernel/tui/text.ts";
import { hourMinute, type View } from "../../src/pomo/tui/words.ts";
import { pomoScreen } from "../../src/pomo/tui.tsx";
import { closeTerminals, terminal } from "../kernel/tui/memory.ts";
import { pty } from "../support/pty.ts";
import { done, overview, paused, running, stopped } from "./views.ts";

afterEach(closeTerminals);

const sizes = [
  [60, 16],
  [80, 24],
  [120, 40],
] as const;

/** The screen in a terminal in memory, over a control that is pushed from the test. */
function open(first: View, columns = 80, rows = 24) {
  let push: (state: State | undefined) => void = () => {};
  const rings: number[] = [];
  const control: Control = {
    state: async () => first,
    command: async () => first,
    watch(changed) {
      push = changed;
      changed(first);
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const t = terminal(columns, rows);
  const screen = { control, profile: "acme", first, attached: true, quit() {}, ring: () => rings.push(1) };
  t.open(pomoScreen(screen));
  return {
    ...t,
    rings,
    text: () => t.rows().join("\n"),
    async push(state: State | undefined) {
      push(state);
      // React commits what is pushed a turn or two later.
      for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
    },
  };
}

describe.each(sizes)("at %i×%i", (columns, rows) => {
  const views: Record<string, View> = {
    running,
    paused,
    done,
    stopped,
    "very long": {
      ...running,
      remaining_ms: 86_400_000,
      duration_ms: 86_400_000,
      task: overview.tasks[1]?.title ?? "",
      preset: "a-preset-with-a-long-name",
      notice: "a notice that goes on and on ".repeat(8),
      unsaved: "the disk is full",
      overview: {
        ...overview,
        today: { completed: 112, interrupted: 100, focus_ms: 86_000_000, goal: 100 },
        streak_days: 1234,
        week: [100, 100, 100, 100, 100, 0, 0],
      },
    },
  };
  test.each(Object.keys(views))("%s: every page fits, with nothing cut in half", async (name) => {
    const view = views[name] as View;
    const t = open(view, columns, rows);
    for (const key of ["", "w", "\x1b", "t"]) {
      if (key !== "") await t.press(key);
      const lines = t.rows();
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(columns - 1);
      expect(lines[0]).toStartWith(" stint pomo ");
      expect(lines[0]).toContain("· acme · ");
      expect(lines.at(-1)).toContain("? help   q leave");
    }
  });

  test("the timer shows what is left, of what, until when, today and the week", () => {
    const t = open(running, columns, rows);
    const before = Date.now();
    expect(t.rows()[0]).toContain("running · acme · ");
    expect(t.text()).toContain("WORK  round 2 of 4");
    expect(t.text()).toContain("write the report");
    expect(t.text()).toContain("short · 25 / 5 / 15");
    const until = [before, before + 1_000].map((at) => hourMinute(at + running.remaining_ms));
    expect(until.some((at) => t.text().includes(`11:45 left · until ${at}`))).toBe(true);
    expect(t.text()).toMatch(/today +●●●○○○○○ {2}3 done · 1 interrupted · 1 h 23 focus/);
    expect(t.text()).toMatch(/streak 12 days/);
    if (rows < 40) expect(t.text()).toMatch(/week +\S{5} +Mon 4 {2}Tue 7 {2}Wed 9 {2}Thu 5 {2}Fri 3\n/);
    else expect(t.text()).toMatch(/week +Mon 4 █+\S?\n +Tue 7 █+\S?\n/);
  });

  test("its digits are as large as the terminal allows, and whole", () => {
    const t = open(paused, columns, rows);
    const scale = columns >= 120 ? 2 : 1;
    const digits = t.rows().slice(2, 2 + 5 * scale);
    // 11:45: the two dots of the colon, and the feet of both ones.
    expect(digits.at(-1)).toStartWith(
      ` ${"██████".repeat(scale)}${"  ".repeat(scale)}${"██████".repeat(scale)} `,
    );
    expect(t.rows()[1]).toBe("");
    expect(t.rows()[2 + 5 * scale]).toBe("");
  });

  test("the year is shown where there is room for it, else on a page of its own", async () => {
    const t = open(running, columns, rows);
    const year =
      /Mon [·░▒▓█ ]+\n Tue [·░▒▓█ ]+\n Wed .*\n Thu .*\n Fri .*\n Sat .*\n Sun [·░▒▓█ ]+\n {5}less · ░ ▒ ▓ █ more/;
    if (rows >= 24) expect(t.text()).toMatch(year);
    else expect(t.text()).not.toMatch(year);
    await t.press("w");
    expect(t.text()).toMatch(year);
    expect(t.rows()[0]).toContain("running · 11:45 left · acme");
  });
});

describe("the words", () => {
  test("a paused one says what is left and not until when", () => {
    const t = open(paused);
    expect(t.rows()[0]).toContain("paused · acme");
    expect(t.text()).toMatch(/11:45 left\n/);
    expect(t.rows().at(-1)).toStartWith(" space resume   s skip");
  });
  test("one that is done says what space starts", () => {
    const t = open(done);
    expect(t.rows()[0]).toContain("done · acme");
    expect(t.rows().at(-1)).toStartWith(" space start break   s skip   t task");
    const last = open({ ...done, next_type: "LONG_BREAK" });
    expect(last.rows().at(-1)).toStartWith(" space start long break");
  });
  test("one that came to its end while nobody was there says when, and that it can be counted", () => {
    const at = new Date(2026, 10, 20, 14, 5).getTime();
    const t = open({ ...paused, remaining_ms: 0, finished_away_at: at, notice: "restored from 13:52" });
    expect(t.rows()[0]).toContain("finished away · acme");
    expect(t.text()).toContain("over since 14:05");
    expect(t.rows()[22]).toBe(
      " finished while away at 14:05: f counts it, space doesn't · restored from 13:52",
    );
    expect(t.rows().at(-1)).toStartWith(" space start break   f count as done   s skip");
    const wide = open({ ...paused, remaining_ms: 0, finished_away_at: at }, 120, 40);
    expect(wide.rows().at(-1)).toStartWith(
      " space start break (counts this as interrupted)   f count as done   s skip",
    );
  });
  test("a break that ended while nobody was there has nothing to be counted", () => {
    const at = new Date(2026, 10, 20, 14, 5).getTime();
    const rest = { ...paused, session_type: "SHORT_BREAK", next_type: "WORK" } as const;
    const t = open({ ...rest, remaining_ms: 0, finished_away_at: at }, 120, 40);
    expect(t.rows().at(-2)).toBe(" finished while away at 14:05");
    expect(t.rows().at(-1)).toStartWith(" space start work   f count as done");
  });
  test("what the host does without is said, running or paused", () => {
    for (const view of [running, paused]) {
      expect(open({ ...view, degraded: ["page"] }).rows()[22]).toBe(" without page");
      expect(open({ ...view, degraded: [] }).rows()[22]).toBe("");
    }
    const t = open({ ...running, degraded: ["page", "notices"], notice: "restored from 13:52" });
    expect(t.rows()[22]).toBe(" without page, notices · restored from 13:52");
  });
  test("a notice is news for a minute after it was first seen, however often it is pushed; another is news again", async () => {
    const real = performance.now.bind(performance);
    let ahead = 0;
    const clock = spyOn(performance, "now").mockImplementation(() => real() + ahead);
    try {
      const view = { ...paused, notice: "restored from 13:52" };
      const t = open(view);
      expect(t.rows()[22]).toBe(" restored from 13:52");
      ahead = 50_000;
      await t.push({ ...view });
      expect(t.rows()[22]).toBe(" restored from 13:52");
      ahead = 61_000;
      await t.push({ ...view });
      expect(t.rows()[22]).toBe("");
      await t.push({ ...view, notice: "the machine slept for 5 min" });
      expect(t.rows()[22]).toBe(" the machine slept for 5 min");
    } finally {
      clock.mockRestore();
    }
  });
  test.each([
    ["running", running, "WORK 11:45 write the report"],
    ["paused", paused, "WORK 11:45 paused write the report"],
    ["done", done, "WORK 00:00 done write the report"],
    ["stopped", stopped, "stopped"],
    ["without a task", { ...running, task: null }, "WORK 11:45"],
  ] as const)("where there is no room for more, in a row: %s", (_, view, row) => {
    expect(open(view, 59, 16).rows().slice(0, 2)).toEqual([row, "too small (60×16 needed, now 59×16)"]);
    expect(open(view, 12, 1).rows()).toEqual([cut(row, 12)]);
  });
  test("the help says what esc does while it is open", async () => {
    const t = open(running);
    await t.press("?");
    expect(t.text()).toMatch(/esc +Close this help\n/);
    expect(t.rows().at(-1)).toStartWith(" esc close help");
    await t.press("?", "w", "?");
    expect(t.text()).toMatch(/esc +Close this help; then: Back to the timer/);
  });
  test("one without a host says so, and space takes it up", () => {
    const t = open({ ...running, host: false });
    expect(t.rows()[22]).toBe(" no host is alive: space goes on");
    expect(t.rows().at(-1)).toStartWith(" space resume");
  });
  test("a stopped one says what to press", () => {
    const t = open({ ...stopped, undo: "stop" });
    expect(t.rows()[0]).toContain("stopped · acme");
    expect(t.text()).toContain("nothing is running");
    expect(t.text()).toContain("n starts work");
    expect(t.text()).toContain("u takes the stop back");
    expect(t.rows().at(-1)).toBe(" n new   u undo   t task   w statistics   ? help   q leave");
  });
  test("a change that isn't on the disk is said before any notice", () => {
    const t = open({ ...running, unsaved: "the disk is full", notice: "restored from 13:52" });
    expect(t.rows()[22]).toBe(" not saved: the disk is full · restored from 13:52");
  });
  test("lengths that are no minutes have their units, and a goal that is too many dots is a number", () => {
    const view = { ...running, work_ms: 90_000, break_ms: 5_000, long_break_ms: 5_400_000 };
    const t = open({ ...view, overview: { ...overview, today: { ...overview.today, goal: 40 } } });
    expect(t.text()).toContain("short · 1m30s / 5s / 1h30m");
    expect(t.text()).toMatch(/today +3 of 40 done · 1 interrupted/);
  });
});

describe("what is pushed", () => {
  test("is shown, and while the host can't be reached the last of it stays", async () => {
    const t = open(running);
    await t.push(undefined);
    expect(t.rows()[0]).toContain("reconnecting · acme");
    expect(t.text()).toContain("write the report");
    await t.push({ ...paused, task: "something else" });
    expect(t.rows()[0]).toContain("paused · acme");
    expect(t.text()).toContain("something else");
  });
  test("by a host that is still opening keeps what was known", async () => {
    const t = open(paused);
    await t.push({ state: "starting", pending: "starting", profile: "acme" });
    expect(t.rows()[0]).toContain("starting… · acme");
    expect(t.text()).toContain("write the report");
    await t.push({ ...paused });
    expect(t.rows()[0]).toContain("paused · acme");
  });
  test("rings when an interval has come to its end, once, and for nothing else", async () => {
    const t = open(running);
    await t.push({ ...running });
    await t.push({ ...paused, event: "WORK_PAUSED", events: 6 });
    expect(t.rings).toEqual([]);
    await t.push({ ...done, events: 7 });
    await t.push(undefined);
    await t.push({ ...done, events: 7 });
    expect(t.rings).toEqual([1]);
    // It had ended before anybody looked.
    expect(open(done).rings).toEqual([]);
  });
});

describe("from the keyboard", () => {
  const run = (...args: string[]) =>
    pty([process.execPath, join(import.meta.dir, "fixture.tsx"), ...args], {});

  test("space pauses at once and goes on, by what its label says", async () => {
    await using t = run("running");
    await t.until("space pause");
    t.press("space");
    await t.until("pausing… · acme");
    process.kill(t.pid, "SIGUSR1");
    await t.until("paused · acme");
    await t.until("pause {}");
    t.press("space");
    await t.until("running · acme");
    expect(t.screen()).toContain("resume {}");
  });

  test("time goes on by itself between two pushes, and stands while it is paused", async () => {
    await using t = run("running");
    await t.until("11:43 left");
    t.press("space");
    await t.until("pausing…");
    process.kill(t.pid, "SIGUSR1");
    await t.until("11:45 left\n");
  });

  test("+ extends, f finishes, u takes it back, and a refusal is shown until something else is done", async () => {
    await using t = run("running");
    await t.until("space pause");
    t.press("+");
    await t.until('extend {"ms":300000}');
    expect(t.screen()).toMatch(/16:4\d left/);
    t.press("s");
    await t.until("this one can't be skipped · extend");
    t.press("f");
    await t.until("space start break");
    await t.until((screen) => screen.includes(`\n finish {"interval":`));
    t.press("u");
    await t.until("undo {}");
    await t.until("space pause");
  });

  test("x stops, and n starts another with the task that is typed", async () => {
    await using t = run("paused");
    await t.until("space resume");
    t.press("x");
    await t.until("nothing is running");
    t.type("nplan the sprint\r");
    await t.until('start {"task":"plan the sprint"}');
    await t.until("WORK  round 2 of 4");
    expect(t.screen()).toContain("plan the sprint");
    t.press("x");
    await t.until("nothing is running");
    t.press("n");
    await t.until("task, or nothing: ▏");
    t.press("esc");
    await t.until("stop {}");
    t.press("n", "enter");
    await t.until("start {}");
  });

  test("t lists the tasks, to use, add and finish", async () => {
    await using t = run("paused");
    await t.until("space resume");
    t.press("t");
    await t.until("▸ write the report");
    expect(t.screen()).toMatch(/▸ write the report +3 of 5 {2}now/);
    expect(t.screen()).toEndWith("\n enter use   a add   d done   esc back   ? help   q leave it running");
    t.press("j", "down");
    await t.until("▸ 端末 tests");
    t.press("enter");
    await t.until('task-use {"id":7}');
    await t.until("space resume");
    expect(t.screen()).toContain("端末 tests");
    t.press("t", "a");
    await t.until("new task: ▏");
    t.type("water the plants\r");
    await t.until('task-add {"title":"water the plants"}');
    expect(t.screen()).toContain("  water the plants");
    t.press("k", "k", "d");
    await t.until('task-done {"id":1}');
    await t.until((screen) => !screen.includes("write the report"));
    // Up at the top there is no task, which can't be done.
    t.press("k", "k", "k", "enter");
    await t.until('task-use {"id":null}');
    await t.until("no task");
  });

  test("keys that come faster than they are drawn find the page that the first has opened", async () => {
    await using t = run("paused");
    await t.until("space resume");
    t.type("tj\r");
    await t.until('task-use {"id":2}');
    await t.until("space resume");
  });

  test("w and tab show the statistics, and esc goes back", async () => {
    await using t = run("paused");
    await t.until("space resume");
    for (const key of ["w", "tab"]) {
      t.press(key);
      await t.until("esc back");
      expect(t.screen()).not.toContain("WORK  round 2 of 4");
      expect(t.screen()).toContain("less · ░ ▒ ▓ █ more");
      t.press("esc");
      await t.until("WORK  round 2 of 4");
    }
  });

  test("q and Ctrl+C leave it running", async () => {
    for (const key of ["q", "ctrl+c"]) {
      await using t = run("running");
      await t.until("q leave it running");
      t.press(key);
      expect(await t.exited).toBe(0);
      expect(t.screen()).toBe("left");
    }
  });

  test("in the host's own process q quits, and Ctrl+C is a signal", async () => {
    await using t = run("running", "host");
    await t.until("q quit");
    t.press("q");
    expect(await t.exited).toBe(0);
    await using other = run("running", "host");
    await other.until("q quit");
    other.press("ctrl+c");
    expect(await other.exited).toBe(130);
  });
});
