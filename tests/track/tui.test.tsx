import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import type { Control, State } from "../../src/kernel/control.ts";
import { cells } from "../../src/kernel/tui/text.ts";
import type { ReportOf, ReportView } from "../../src/track/core/report-view.ts";
import type { TrackerView } from "../../src/track/core/trackers.ts";
import type { Pushed } from "../../src/track/core/view.ts";
import { trackScreen } from "../../src/track/tui.tsx";
import { closeTerminals, terminal } from "../kernel/tui/memory.ts";
import { pty } from "../support/pty.ts";
import { until } from "../support/sandbox.ts";
import { asking, at, crashed, paused, picture, reportOf, running, stopped, today } from "./views.ts";

afterEach(closeTerminals);

const sizes = [
  [60, 16],
  [80, 24],
  [120, 40],
] as const;

type Given = {
  columns?: number;
  rows?: number;
  report?: (of: ReportOf) => Promise<ReportView>;
  thumbnail?: typeof picture;
  command?: Control["command"];
};

/** React commits what is pushed, read or answered a turn or two later. */
async function drawn(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
}

/** The screen in a terminal in memory, over a control that is pushed from the test. */
function open(first: Pushed, given: Given = {}) {
  const { columns = 80, rows = 24, report = async (of) => reportOf(of), thumbnail = picture } = given;
  let push: (state: State | undefined) => void = () => {};
  const asked: string[] = [];
  const control: Control = {
    state: async () => first,
    async command(name, args = {}) {
      asked.push(`${name} ${JSON.stringify(args)}`);
      return given.command ? given.command(name, args) : first;
    },
    watch(changed) {
      push = changed;
      changed(first);
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const t = terminal(columns, rows);
  t.open(trackScreen({ control, profile: "acme", first, attached: true, quit() {}, thumbnail, report }));
  return {
    ...t,
    asked,
    text: () => t.rows().join("\n"),
    /** The last row but one: what there is to say. */
    message: () => t.rows().at(-2)?.trim(),
    bar: () => t.rows().at(-1)?.trim() ?? "",
    async press(...keys: string[]) {
      for (const key of keys) await t.press(key);
      await drawn();
    },
    async push(state: State | undefined) {
      push(state);
      await drawn();
    },
  };
}

/** A clock that never jumps, and that the test sets forward. */
function steppedClock() {
  const real = performance.now.bind(performance);
  let ahead = 0;
  const spy = spyOn(performance, "now").mockImplementation(() => real() + ahead);
  return {
    forward(ms: number) {
      ahead += ms;
    },
    [Symbol.dispose]: () => spy.mockRestore(),
  };
}

const failed: TrackerView = { state: "failed", reason: "the display has gone", via: "x11" };
const unavailable: TrackerView = { state: "unavailable", reason: "there is no display", via: null };
const long = "a name that goes on and on ".repeat(8);

const views: Record<string, Pushed> = {
  running,
  paused,
  asking,
  stopped,
  crashed,
  "very long, and in trouble": {
    ...asking,
    worked_ms: 360_000_000,
    project: long,
    tags: [long, long],
    note: long,
    app: long,
    title: `\x1b[2J${long}\n端末 🦊\u202e`,
    degraded: ["keyboard", "control"],
    trackers: {
      keyboard: failed,
      mouse: { ...failed, state: "hung" },
      apps: unavailable,
      screenshots: unavailable,
    },
    idle: failed,
    shot: { id: 4, at: at(13, 41) },
    screenshots: 1_200,
    notice: long,
    unsaved: "the disk is full",
    today: {
      ...today,
      keys: 1_234_567,
      clicks: 234_567,
      apps: Array.from({ length: 12 }, (_, n) => ({ app: `${n} ${long}`, ms: 86_000_000 - n })),
    },
  },
};

describe.each(sizes)("at %i×%i", (columns, rows) => {
  test.each(Object.keys(views))(
    "%s: every page fits, with nothing that a terminal would obey",
    async (name) => {
      const t = open(views[name] as Pushed, { columns, rows });
      for (const key of ["", "r", "w", "h"]) {
        if (key !== "") await t.press(key);
        const lines = t.rows();
        expect(lines).toHaveLength(rows);
        for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(columns - 1);
        expect(t.text()).not.toContain("\u202e");
        expect(lines[0]).toStartWith(" stint track ");
        expect(lines[0]).toContain("· acme · ");
        expect(lines.at(-1)).toMatch(/\? help {3}q leave/);
      }
    },
  );

  test("what is tracked, since when, how much is typed, what is looked at, and how the trackers are", () => {
    const t = open(running, { columns, rows });
    expect(t.rows()[0]).toStartWith(" stint track  web +billable ");
    expect(t.rows()[0]).toContain(" running · acme · ");
    expect(t.rows()[1]).toMatch(/^ Running +4:12:0\d worked · 31 min paused · 38 min away/);
    if (columns > 60) expect(t.rows()[1]).toContain("· since 08:59");
    expect(t.text()).toMatch(/ keys +[▁▂▃▄▅▆▇█]+ +62 this minute +18,204 today\n/);
    expect(t.text()).toMatch(/ clicks +[▁▂▃▄▅▆▇█]+ +9 this minute +2,611 today\n/);
    expect(t.text()).toMatch(/ now +code — shutdown\.ts – stint +7 min\n/);
    if (rows >= 32) expect(t.text()).toMatch(/ trackers +keyboard +ok +by x11\n +mouse +ok +by x11\n/);
    else if (columns >= 80) {
      expect(t.text()).toContain(" keyboard ok · mouse ok · apps ok · screenshots off\n");
    } else expect(t.text()).toContain(" ok: keyboard, mouse, apps · off: screenshots\n");
  });

  test("the day's line tells apps, time away and pauses by their patterns, and names them", () => {
    const t = open(running, { columns, rows });
    expect(t.text()).toMatch(/\n 08 +█+▓+-+█+·+▒+▚+█+ +16\n/);
    expect(t.text()).toMatch(/\n +█ code +▓ firefox +▒ terminal +▚ other +· away +- paused\n/);
    if (rows >= 32) expect(t.text()).toMatch(/\n +09 +10 +11 +12 +13 +14 +15\n/);
    expect(t.text()).toMatch(/ apps +code +2 h 41 min █+/);
    expect(t.text()).toMatch(rows < 20 ? / +\d more +\d+ min / : / evince +40 s ▏/);
  });

  test("the newest screenshot is shown with its time where there is room", async () => {
    const t = open({ ...running, shot: { id: 7, at: at(13, 41) } }, { columns, rows });
    await drawn();
    if (columns < 80) expect(t.text()).not.toContain("screenshot 13:41");
    else {
      expect(t.text()).toContain("screenshot 13:41");
      expect(t.text()).toMatch(/7{20}\n/);
    }
  });
});

describe("time", () => {
  test("goes on between two pushes, of what is going on; and not while it is paused", async () => {
    using clock = steppedClock();
    const t = open(running);
    const still = open(paused);
    clock.forward(3_600_000);
    // Drawn by itself at the next full second.
    await until(() => t.text().includes("5:12:0"));
    expect(t.text()).toMatch(/now .* 1 h 7 min\n/);
    expect(t.text()).toContain("today      7 h 2 min worked");
    expect(t.text()).toContain("31 min paused · 38 min away");
    await until(() => still.text().includes("1 h 31 min paused"));
    expect(still.text()).toContain("Paused     4:12:07 worked");
  });
  test("stands where no host is alive", async () => {
    using clock = steppedClock();
    const t = open({ ...crashed, going: "work" });
    clock.forward(3_600_000);
    await t.push({ ...crashed, going: "work" });
    expect(t.text()).toContain("4:12:07 worked");
  });
  test("the same moment that is told again doesn't set it back", async () => {
    using clock = steppedClock();
    const t = open(running);
    clock.forward(60_000);
    await t.push({ ...running, pending: "pausing" });
    expect(t.rows()[1]).toStartWith(" Pausing…   4:13:0");
  });
});

describe("the words", () => {
  test("while nobody is there, the screen says since when", () => {
    const t = open({ ...running, going: "away", going_since: at(14, 2), app: null });
    expect(t.rows()[0]).toContain(" away · acme");
    expect(t.rows()[1]).toStartWith(" Away ");
    expect(t.text()).toContain("now        nobody is there since 14:02\n");
  });
  test("a session that does without a tracker is degraded, and says why", () => {
    const trackers = { ...running.trackers, keyboard: failed };
    const t = open({ ...running, degraded: ["keyboard", "control"], trackers });
    expect(t.rows()[0]).toContain(" degraded · acme");
    expect(t.text()).toMatch(
      / trackers +keyboard failed \(the dis.*…\) · mouse ok · apps ok · screenshots off\n/,
    );
    expect(t.message()).toBe("keyboard failed: the display has gone · without control");
    expect(open({ ...running, idle: unavailable }).message()).toBe("idle unavailable: there is no display");
  });
  test("what isn't on the disk is said first", () => {
    const t = open({ ...asking, unsaved: "the disk is full", notice: "restored" });
    expect(t.message()).toStartWith("not saved: the disk is full · away 12:03–12:41");
  });
  test("a notice is news for a minute after it was first seen", async () => {
    using clock = steppedClock();
    const t = open({ ...paused, notice: "the machine slept for 5 min" });
    expect(t.message()).toBe("the machine slept for 5 min");
    clock.forward(61_000);
    await t.push({ ...paused, notice: "the machine slept for 5 min" });
    expect(t.message()).toBe("");
  });
  test("what a dead host left is crashed since its last sign of life, and space resumes it", async () => {
    const t = open(crashed);
    expect(t.rows()[0]).toContain(" crashed · acme");
    expect(t.message()).toBe("its host died at 13:52: space resumes it");
    expect(t.bar()).toStartWith("space resume   x stop");
    await t.press(" ");
    expect(t.asked).toEqual(["resume {}"]);
    expect(open({ ...crashed, crashed: false }).message()).toBe("its host ended at 13:52: space resumes it");
  });
  test("where nothing is tracked, it says how to begin", () => {
    const t = open(stopped);
    expect(t.rows()[0]).toContain(" stopped · acme");
    expect(t.message()).toBe("nothing is tracked: stint track start");
    expect(t.bar()).toBe("r report   u undo   ? help   q leave");
  });
  test("while the host can't be reached, the last of it stays", async () => {
    const t = open(running);
    await t.push(undefined);
    expect(t.rows()[0]).toContain(" reconnecting · acme");
    expect(t.text()).toContain("shutdown.ts");
    await t.push({ state: "starting", pending: "starting", profile: "acme" });
    expect(t.rows()[0]).toContain(" starting… · acme");
    expect(t.text()).toContain("shutdown.ts");
  });
  test("where there is no room for more, in a row", () => {
    const t = open(paused, { columns: 59, rows: 12 });
    expect(t.rows().slice(0, 2)).toEqual([
      "paused 4:12:07 web +billable",
      "too small (60×16 needed, now 59×12)",
    ]);
  });
});

describe("keys", () => {
  test("s switches screenshots by what they are, also while it is paused", async () => {
    const on = { ...running.trackers.screenshots, via: "x11" } as const;
    for (const [view, wanted] of [
      [running, true],
      [{ ...paused, trackers: { ...paused.trackers, screenshots: on } }, false],
    ] as const) {
      const t = open(view);
      await t.press("s");
      expect(t.asked).toEqual([`tracker {"name":"screenshots","on":${wanted}}`]);
    }
  });
  test("k, d and g answer what a time away was, and only while that is asked", async () => {
    const t = open(asking);
    expect(t.message()).toBe("away 12:03–12:41 (38 min): k keep · d drop · g give it to a project");
    expect(t.bar()).toStartWith("k keep   d drop   g give to a project   space pause");
    await t.press("k");
    // Asked no more, before the host has said so.
    expect(t.message()).toBe("");
    await t.press("d", "k");
    expect(t.asked).toEqual(['correct {"edit":{"do":"away","span":7,"decision":"keep"}}']);

    const dropped = open(asking);
    await dropped.press("d");
    expect(dropped.asked).toEqual(['correct {"edit":{"do":"away","span":7,"decision":"drop"}}']);
    const given = open(asking);
    await given.press("g", ..."the meeting", "\r");
    expect(given.asked).toEqual([
      'correct {"edit":{"do":"away","span":7,"decision":{"project":"the meeting"}}}',
    ]);
    const never = open(running);
    await never.press("k", "d");
    expect(never.asked).toEqual([]);
  });
  test("an answer that was taken back is asked for again", async () => {
    const t = open(asking);
    await t.press("k");
    await t.push({ ...running });
    expect(t.message()).toBe("");
    await t.push({ ...asking });
    expect(t.message()).toStartWith("away 12:03–12:41");
  });
  test("an answer that is refused is asked for again", async () => {
    const t = open(asking, { command: () => Promise.reject(new Error("the store is busy")) });
    await t.press("k");
    expect(t.message()).toStartWith("the store is busy · away 12:03–12:41");
  });
  test.each([
    ["site +urgent +billable", '{"project":"site","tags":["urgent","billable"]}'],
    ["web site", '{"project":"web site","tags":[]}'],
    ["+meeting", '{"project":"web","tags":["meeting"]}'],
    ["none", '{"project":null,"tags":[]}'],
  ])("p switches to what is typed: %s", async (text, args) => {
    const t = open(running);
    await t.press("p");
    expect(t.message()).toStartWith("project +tag (none: no project): ▏");
    await t.press(...text, "\r");
    expect(t.asked).toEqual([`correct {"edit":{"do":"switch",${args.slice(1)}}`]);
  });
  test("n changes the note, and nothing that is typed for a project leaves it as it is", async () => {
    const t = open({ ...running, note: "fix it" });
    expect(t.text()).toContain("note       fix it\n");
    await t.press("n", "!", "\r", "p", "\r", "p", "\x1b");
    expect(t.asked).toEqual(['note {"text":"fix it!"}']);
  });
});

describe("the report", () => {
  test("r shows the day, arrows the days before, w the week; esc goes back", async () => {
    const read: ReportOf[] = [];
    const report = async (of: ReportOf) => {
      read.push(of);
      return reportOf(of);
    };
    const t = open(running, { report });
    await t.press("r");
    expect(t.rows()[1]).toBe(" Friday, 20 November 2026");
    expect(t.text()).toContain("6:02:00 worked · 31 min paused · 38 min away · 18,204 keys · 2,611 clicks\n");
    expect(t.text()).toMatch(/ by app +by project\n code +2 h 41 min █+ +web +5 h 0 min █+\n/);
    expect(t.text()).toMatch(/ by hour {22}█+ {2}█+\n +00 {4}03 {4}06 {4}09 {4}12/);
    // There is nothing to be seen of tomorrow.
    await t.press("l", "h");
    expect(t.rows()[1]).toBe(" Thursday, 19 November 2026");
    await t.press("w");
    expect(t.rows()[1]).toBe(" 16 November – 22 November 2026, week 47");
    expect(t.text()).toMatch(/ Mon 7 h 30 min █+▏?\n +Tue {2}6 h 0 min █+/);
    await t.press("\x1b[D", "d");
    expect(t.rows()[1]).toBe(" Thursday, 12 November 2026");
    await t.press("\x1b");
    // Ink waits whether more of an escape sequence comes.
    await until(() => t.text().includes("shutdown.ts"));
    const dates = ["2026-11-20", "2026-11-20", "2026-11-19", "2026-11-19", "2026-11-12", "2026-11-12"];
    expect(read.map((of) => Object.values(of)[0])).toEqual(dates.slice(1));
  });
  test("one that can't be read says why, and one that comes too late isn't shown", async () => {
    const t = open(running, { report: () => Promise.reject(new Error("the store is damaged")) });
    await t.press("r");
    expect(t.text()).toContain("no report: the store is damaged\n");

    const late: (() => void)[] = [];
    const slow = open(running, {
      report: (of) => new Promise((resolve) => late.push(() => resolve(reportOf(of)))),
    });
    await slow.press("r");
    expect(slow.text()).toContain(" reading…\n");
    await slow.press("h");
    for (const answer of late.reverse()) answer();
    await drawn();
    expect(slow.rows()[1]).toBe(" Thursday, 19 November 2026");
  });
  test("a session that another terminal stops ends in its report", async () => {
    const read: ReportOf[] = [];
    const t = open(running, {
      report: async (of) => {
        read.push(of);
        return reportOf(of);
      },
    });
    await t.push({ ...running, pending: "stopping" });
    expect(t.rows()[0]).toContain(" stopping… · acme");
    expect(t.bar()).toBe("? help   q leave");
    await t.push(undefined);
    await t.push({ ...stopped, session_id: null });
    expect(t.rows()[1]).toBe(" This session: Friday, 20 November 2026");
    expect(t.text()).toMatch(/ 08:59 █+▓+-+█+·+▒+▚+█+ 14:05\n/);
    expect(t.text()).toMatch(/ 08:59–10:30 {3}1:31:00 {2}work {3}web \+billable\n/);
    expect(read).toEqual([{ session: "01a2" }]);
  });
  test("a host that answers before it has stopped is waited for", async () => {
    const t = open(running, { command: async () => ({ ...running, pending: "stopping" }) });
    await t.press("x");
    expect(t.rows()[1]).toStartWith(" Stopping… ");
    await t.press(" ", "p", "n");
    expect(t.asked).toEqual(["stop {}"]);
    await t.push({ ...stopped, session_id: null });
    expect(t.rows()[1]).toBe(" This session: Friday, 20 November 2026");
  });
  test("a stop that is refused leaves it as it was", async () => {
    const t = open(running, { command: () => Promise.reject(new Error("it hasn't answered for 15 s")) });
    await t.press("x");
    expect(t.message()).toBe("it hasn't answered for 15 s");
    expect(t.bar()).toStartWith("space pause");
  });
  test("one whose host was only told to end can be resumed, and has no report yet", async () => {
    const t = open(running);
    await t.push({ ...running, pending: "stopping" });
    await t.push({ ...crashed, crashed: false });
    expect(t.message()).toBe("its host ended at 13:52: space resumes it");
    expect(t.bar()).toStartWith("space resume");
  });
});

describe("from the keyboard", () => {
  const run = (...args: string[]) =>
    pty([process.execPath, join(import.meta.dir, "fixture.tsx"), ...args], {});

  test("space pauses at once and goes on, by what its label says", async () => {
    await using t = run("running");
    await t.until("space pause");
    t.press("space");
    await t.until("Pausing…");
    expect(t.screen()).toContain("pausing… · acme");
    await t.until("space resume");
    process.kill(t.pid, "SIGUSR1");
    await t.until("Paused ");
    await t.until("pause {}");
    t.press("space");
    await t.until("Running ");
    expect(t.screen()).toContain("pause {}; resume {}");
  });

  test("space pressed many times at once ends with what was wished for last, one command at a time", async () => {
    for (const [presses, label, asked] of [
      [7, "Pausing…", "pause {}"],
      [8, "Resuming…", "pause {}; resume {}"],
    ] as const) {
      await using t = run("running");
      await t.until("space pause");
      t.type(" ".repeat(presses));
      await t.until(label);
      process.kill(t.pid, "SIGUSR1");
      await t.until(presses === 7 ? "Paused " : "Running ");
      t.press("q");
      await t.exited;
      expect(t.screen()).toBe(`left: ${asked}`);
    }
  });

  test("x stops: no key but leaving does anything until it is over, and then it shows what it came to", async () => {
    await using t = run("running");
    await t.until("space pause");
    // In one piece: what follows comes before anything is drawn.
    t.type("x punsr");
    await t.until("Stopping…");
    t.type(" punsrx");
    await t.until((screen) => screen.endsWith("\n ? help   q leave"));
    process.kill(t.pid, "SIGUSR1");
    await t.until("This session: Friday, 20 November 2026");
    expect(t.screen()).toContain("4:12:07 worked · 31 min paused · 38 min away");
    expect(t.screen()).toContain("13:40–14:05");
    t.press("enter");
    expect(await t.exited).toBe(0);
    expect(t.screen()).toBe("left: stop {}");
  });

  test("q leaves while it is being stopped", async () => {
    await using t = run("running");
    await t.until("space pause");
    t.type("xq");
    expect(await t.exited).toBe(0);
  });

  test("a refusal is shown until something else is done", async () => {
    await using t = run("running");
    await t.until("space pause");
    t.press("u");
    await t.until("there is nothing to take back");
    t.type("nwrite tests\r");
    await t.until("note       write tests");
    await t.until((screen) => !screen.includes("nothing to take back"));
  });

  test("in the host's own process q quits, and Ctrl+C is a signal", async () => {
    await using t = run("running", "host");
    await t.until("q quit");
    t.press("ctrl+c");
    expect(await t.exited).toBe(130);
  });
});
