import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import type { Control, State } from "../../src/kernel/control.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { cells } from "../../src/kernel/tui/text.ts";
import type { LogLine } from "../../src/modules/core/log-line.ts";
import { STATES } from "../../src/modules/core/states.ts";
import type { Pushed } from "../../src/modules/core/view.ts";
import { LogEnd } from "../../src/modules/tui/log.ts";
import { headText, layoutOf, rowOf } from "../../src/modules/tui/table.ts";
import { modulesScreen } from "../../src/modules/tui.tsx";
import { closeTerminals, terminal } from "../kernel/tui/memory.ts";
import { pty } from "../support/pty.ts";
import { until } from "../support/sandbox.ts";
import { changed, gps, many, module, running } from "./views.ts";

afterEach(closeTerminals);

const sizes = [
  [60, 16],
  [80, 24],
  [120, 40],
] as const;

/** React commits what is pushed or answered a turn or two later. */
async function drawn(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
}

type Answer = { name: string; ok: boolean; text: string | null };
const outcome = (...outcomes: Answer[]): State => ({ ...running, answer: { outcomes } });

type Given = { columns?: number; rows?: number; attached?: boolean };

/** The screen in a terminal in memory, over a supervisor that is played by the test. */
function open(first: State, given: Given = {}) {
  const { columns = 80, rows = 24, attached = true } = given;
  let push: (state: State | undefined) => void = () => {};
  const asked: string[] = [];
  const answers: { resolve: (state: State) => void; reject: (error: Error) => void }[] = [];
  const followed = new Map<string, (batch: readonly LogLine[]) => void>();
  let follows = 0;
  let left = 0;
  const control: Control = {
    state: async () => first,
    command(name, args) {
      const { names = [], all } = args as { names?: string[]; all?: boolean };
      asked.push([name, ...names, ...(all ? ["--all"] : [])].join(" "));
      const { promise, ...answer } = Promise.withResolvers<State>();
      answers.push(answer);
      return promise;
    },
    watch(told) {
      push = told;
      told(first);
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const t = terminal(columns, rows);
  t.open(
    modulesScreen({
      control,
      profile: "acme",
      first,
      attached,
      quit: () => left++,
      follow(name, lines) {
        follows++;
        followed.set(name, lines);
        return { [Symbol.dispose]: () => void followed.delete(name) };
      },
    }),
  );
  const screen = {
    ...t,
    asked,
    answers,
    /** Which logs are followed now. */
    followed,
    follows: () => follows,
    left: () => left,
    text: () => t.rows().join("\n"),
    message: () => t.rows().at(-2)?.trim() ?? "",
    bar: () => t.rows().at(-1)?.trim() ?? "",
    /** The row of a module. */
    row: (name: string) => t.rows().find((row) => row.slice(3).startsWith(`${name} `)) ?? "",
    async press(...keys: string[]) {
      for (const key of keys) await t.press(key);
      await drawn();
    },
    shows: (text: string | RegExp) =>
      until(
        () => screen.text(),
        (now) => (typeof text === "string" ? now.includes(text) : text.test(now)),
        3_000,
      ),
    push(state: State | undefined) {
      push(state);
    },
  };
  return screen;
}

const lines = (count: number, text = "line"): LogLine[] =>
  Array.from({ length: count }, (_, n) => ({ at: Date.now(), text: `${text} ${n}`, mark: false }));

const long = "a reason that goes on and on ".repeat(8);

const views: Record<string, Pushed> = {
  running,
  many,
  none: { ...running, modules: [] },
  "in trouble": {
    ...running,
    degraded: ["control"],
    notice: long,
    modules: [
      module("a-name-that-is-as-long-as-names-may-be-which-is-sixty-four-letters", {
        pid: 4_194_303,
        restarts: 12_345_678,
        cpu: 1_234,
        rss: 2 ** 42,
        started_at: 0,
        adopted: true,
        reason: `\x1b[2J${long}\n\u202e端末`,
      }),
      module("カメラ端末", { actual: "CRASHED", last_exit: "SIGKILL", reason: long }),
      ...STATES.map((actual) => module(actual.toLowerCase(), { actual, reason: long })),
    ],
  },
};

describe.each(sizes)("at %i×%i", (columns, rows) => {
  test.each(Object.keys(views))("%s: all fits, with nothing that a terminal would obey", async (name) => {
    const t = open(views[name] as Pushed, { columns, rows });
    for (const key of ["", "l", "?"]) {
      if (key !== "") await t.press(key);
      const shown = t.rows();
      expect(shown).toHaveLength(rows);
      for (const line of shown) expect(cells(line)).toBeLessThanOrEqual(columns - 1);
      expect(t.text()).not.toContain("\u202e");
      expect(shown[0]).toStartWith(" stint modules ");
      expect(shown[0]).toMatch(columns < 70 ? / · acme$/ : / · acme · \d\d:\d\d$/);
      if (key !== "?") expect(shown.at(-1)).toMatch(/\? help {3}q leave/);
    }
  });

  test("a row for each module: what is wanted, what is so, since when and what went wrong", () => {
    const t = open(running, { columns, rows });
    expect(t.rows()[0]).toMatch(/^ stint modules {2}4 on · 1 failed.* running · acme/);
    expect(t.rows()[1]).toMatch(/^ {3}NAME {6}WANTED STATE {11}PID {5}UP .*LAST$/);
    expect(t.rows()[2]).toMatch(/^ ▸ camera {4}on {5}RECORDING ● +4121 {2}03:12/);
    expect(t.row("eyetrack")).toMatch(/ on {5}STARTING +4288 {2}00:02 .*SIGSEGV$/);
    expect(t.row("gps")).toMatch(/ on {5}IDLE /);
    expect(t.row("audio")).toMatch(
      columns < 100 ? / ERROR .* exit 1:.*…$/ : / ERROR .* 5 {2}exit 1: no device$/,
    );
    expect(t.row("lamp")).toMatch(/ off {4}DISABLED$/);
    if (columns >= 80) {
      expect(t.rows()[1]).toEndWith("UP    CPU    RSS RESTARTS  LAST");
      expect(t.row("camera")).toEndWith("03:12  2.1 %   58 M        0");
    }
  });

  test("its log beneath, the newest at its end, and what else there is to say of it", async () => {
    const t = open(running, { columns, rows });
    expect(t.rows()[7]).toMatch(/^ ── camera · trial 3, segment 2 in \/study\/anna ─+$/);
    await until(() => t.followed.has("camera"));
    t.followed.get("camera")?.([
      { at: Date.now(), text: "\x1b[31m30.0 fps\x1b[0m, 0 \tdropped\x07", mark: false },
      { at: Date.now(), text: "12 lines were lost here", mark: true },
    ]);
    await t.shows(/\n \d\d:\d\d:\d\d 30\.0 fps, 0 {2}dropped\n \d\d:\d\d:\d\d 12 lines were lost here\n/);
    t.followed.get("camera")?.(lines(500));
    await t.shows(/line 498\n \d\d:\d\d:\d\d line 499\n/);
  });

  test("more modules than there are rows: the selected one is always shown, and which it is", async () => {
    const t = open(many, { columns, rows });
    for (const [key, name, place] of [
      ["\x1b[F", "sensor99", 100],
      ["k", "sensor98", 99],
      ["\x1b[H", "sensor00", 1],
      ["\x1b[B", "sensor01", 2],
    ] as const) {
      await t.press(key);
      expect(t.text()).toContain(` ▸ ${name} `);
      expect(t.text()).toMatch(new RegExp(` ── ${name} ─+ ${place} of 100 ──\n`));
    }
    await t.press("\x1b[6~");
    expect(t.text()).toContain(` of 100 ──`);
    expect(t.text()).not.toContain("▸ sensor01 ");
    await t.press("\x1b[5~");
    expect(t.text()).toContain("▸ sensor01 ");
  });
});

describe("the title", () => {
  test("says which folder, by its end where there isn't room for all of it", () => {
    const dir = "/home/anna/studies/2026/gaze/modules";
    const title = (columns: number, more: Partial<Pushed> = {}) =>
      open({ ...running, dir, ...more }, { columns }).rows()[0];
    expect(title(60)).toBe(" stint modules  4 on · 1 failed  …e/modules  running · acme");
    expect(title(80)).toMatch(
      /^ stint modules {2}4 on · 1 failed {2}…ies\/2026\/gaze\/modules {2}running · acme · /,
    );
    expect(title(120, { dir: "/srv/rack" })).toContain(
      "  4 on · 1 failed · 1 recording · 6 restarts  /srv/rack  ",
    );
    expect(title(80, { dir: "/m\x1b[2J\u202e" })).toContain("  4 on · 1 failed · 1 recording  /m ");
    // Not in place of what went wrong.
    const modules = Array.from({ length: 1_000 }, (_, n) => module(`m${n}`, { actual: "ERROR" }));
    expect(title(60, { modules })).toMatch(/^ stint modules {2}1000 on · 1000 failed +running · acme$/);
  });
});

describe("the footer", () => {
  test.each([
    [
      "the table",
      [],
      /^space disable {3}r pause {3}l log {3}x stop all {3}\^r restart {3}\? help {3}q leave$/,
    ],
    ["a module that failed", ["jjj"], /^space disable {3}e reset {3}l log {3}x stop all /],
    ["the log", ["l"], /^space disable {3}l modules {3}\/ find {3}x stop all /],
    ["the log, not at its end", ["l", "\x1b[H"], /^space disable {3}l modules .* x stop all .*q leave$/],
  ])("of %s keeps what ends it all, at 80 columns", async (_, keys, bar) => {
    const t = open(running);
    await until(() => t.followed.has("camera"));
    t.followed.get("camera")?.(lines(500));
    await t.shows("line 499");
    await t.press(...keys);
    expect(t.bar()).toMatch(bar);
  });
});

describe("the help", () => {
  test.each(sizes)("says at %i×%i that space changes the run and the preference", async (columns, rows) => {
    const t = open(running, { columns, rows });
    await t.press("?");
    expect(t.text()).toMatch(/\n space +Enable or disable it: now, and in its config\.txt\n/);
  });
  test("is no place to be kept in: q leaves, or asks and is answered", async () => {
    const attached = open(running);
    await attached.press("?", "q");
    expect(attached.left()).toBe(1);
    const host = open(running, { attached: false });
    await host.press("?", "q");
    expect(host.message()).toBe("stop all modules and quit? y/n");
    expect(host.bar()).toStartWith("y yes   n no ");
    await host.press("n");
    expect(host.text()).toContain("▸ camera");
    await host.press("?", "q", "y");
    expect(host.left()).toBe(1);
  });
});

describe("columns", () => {
  const names = ["camera", "端末カメラ", "a-name-of-a-module-that-is-long"];
  test.each(Array.from({ length: 100 }, (_, n) => 38 + n))("in %i cells stand under each other", (width) => {
    const layout = layoutOf(width, names);
    const head = headText(layout);
    expect(cells(head)).toBeLessThanOrEqual(width);
    expect(head).toContain("STATE ");
    expect(head).toEndWith("LAST");
    const rows = names.map((name) => {
      const row = module(name, { actual: "RECORDING", reason: "it is so" });
      const text = rowOf({ row, told: "alive" }, layout, false, running.as_of);
      return `${text.name}${text.wanted}${text.state}${text.dot}${text.rest}`;
    });
    const before = (row: string, text: string) => cells(row.slice(0, row.indexOf(text)));
    for (const row of rows) {
      expect(cells(row)).toBeLessThanOrEqual(width);
      expect(before(row, "RECORDING ●")).toBe(before(head, "STATE"));
      expect(before(row, "it is so")).toBe(before(head, "LAST"));
    }
  });
  test("go in the order of what they matter, and the state never does", () => {
    const titles = (width: number) =>
      headText(layoutOf(width, ["eyetrack"]))
        .trim()
        .split(/ +/);
    expect(titles(78)).toEqual("NAME WANTED STATE PID UP CPU RSS RESTARTS LAST".split(" "));
    expect(titles(71)).toEqual("NAME WANTED STATE PID UP RSS RESTARTS LAST".split(" "));
    expect(titles(70)).toEqual("NAME WANTED STATE PID UP RESTARTS LAST".split(" "));
    expect(titles(58)).toEqual("NAME WANTED STATE PID UP LAST".split(" "));
    expect(titles(38)).toEqual("NAME STATE LAST".split(" "));
  });
});

describe("time", () => {
  test("goes on between two pushes, and stands where no supervisor tells", async () => {
    const real = performance.now.bind(performance);
    let ahead = 0;
    const clock = spyOn(performance, "now").mockImplementation(() => real() + ahead);
    try {
      const t = open(running);
      ahead = 60_000;
      await t.shows(/camera .* 04:1\d /);
      t.push({ ...running, host: false, state: "stopped" });
      await t.shows("no supervisor");
      expect(t.row("camera")).not.toContain("04:1");
    } finally {
      clock.mockRestore();
    }
  });
});

describe("what is pushed", () => {
  test("is shown, and the selected one stays selected wherever it is by then", async () => {
    const t = open(running);
    await t.press("j", "j");
    t.push({ ...running, as_of: running.as_of + 1, modules: [gps, ...(running.modules ?? []).slice(3)] });
    await t.shows(/LAST\n ▸ gps /);
    t.push({ ...running, as_of: running.as_of + 2, modules: (running.modules ?? []).slice(0, 2) });
    // Of those that are left, the one that is nearest to where it was.
    await t.shows("▸ camera");
    await until(() => [...t.followed.keys()].join() === "camera");
  });
  test("that came in before it isn't what keys act on", async () => {
    const t = open(running);
    t.push({ ...running, as_of: running.as_of + 1, modules: [module("added"), ...(running.modules ?? [])] });
    await t.shows(/LAST\n {3}added .*\n ▸ camera /);
    await t.press(" ");
    expect(t.asked).toEqual(["disable camera"]);
  });
  test("by a host that is still opening keeps what was known", async () => {
    const t = open({ state: "starting", pending: "starting", profile: "acme" });
    expect(t.rows()[0]).toContain(" starting… · acme");
    expect(t.text()).toContain(" reading the modules…");
    expect(t.bar()).toBe("x stop all   / find   ? help   q leave");
    t.push(running);
    await t.shows("▸ camera");
    t.push({ state: "starting", pending: "starting", profile: "acme" });
    await t.shows("starting… · acme");
    expect(t.text()).toContain("▸ camera");
  });
  test("without any module says where one would be", () => {
    const t = open({ ...running, modules: [] });
    expect(t.rows()[1]).toBe(" no modules in /srv/rack/modules: each is a folder there with a config.txt");
  });
  test("of a supervisor that does without something, or has news, says so", () => {
    const t = open({ ...running, degraded: ["control"], notice: "5 modules were taken over" });
    expect(t.rows()[0]).toContain(" degraded · acme");
    expect(t.message()).toBe("without control · 5 modules were taken over");
  });
  test("where the supervisor died, nothing is claimed of what it left", async () => {
    const t = open(running);
    t.push(undefined);
    await t.shows("reconnecting · acme");
    expect(t.row("camera")).toContain("RECORDING ●");
    t.push({ ...running, modules: [], host: false, state: "stopped" });
    await t.shows("no supervisor · acme");
    expect(t.row("camera")).toMatch(/ recording\? +4121 +0$/);
    expect(t.row("audio")).toContain(" error ");
    expect(t.message()).toStartWith(
      "the supervisor has ended; what it left running goes on: stint modules up take",
    );
    await t.press(" ", "r", "R", "\x12", "x", "y");
    expect(t.asked).toEqual([]);
    expect(t.bar()).toBe("l log   / find   ? help   q leave");
  });
  test("where it ended in order, its modules have too", async () => {
    const t = open(running);
    t.push({ ...running, pending: "stopping" });
    await t.shows("stopping… · acme");
    t.push(undefined);
    t.push({ ...running, host: false, state: "stopped" });
    await t.shows("the supervisor has stopped, and its modules with it");
    expect(t.row("camera")).toMatch(/ stopped +0$/);
  });
  test("by none for long is an end too", async () => {
    const real = performance.now.bind(performance);
    let ahead = 0;
    const clock = spyOn(performance, "now").mockImplementation(() => real() + ahead);
    try {
      const t = open(running);
      t.push(undefined);
      await t.shows("reconnecting");
      ahead = 6_000;
      await t.shows("what it left running goes on");
      t.push(running);
      await t.shows("running · acme");
    } finally {
      clock.mockRestore();
    }
  });
  test("where there is no room for more, in a row", () => {
    const t = open(running, { columns: 50, rows: 12 });
    expect(t.rows().slice(0, 2)).toEqual([
      "running 4 on · 1 failed · 1 recording · 6 restarts",
      "too small (60×16 needed, now 50×12)",
    ]);
  });
});

describe("space", () => {
  test("shows at once what was asked for, and then what became true", async () => {
    const t = open(running);
    await t.press("j", "j", " ");
    expect(t.row("gps")).toMatch(/ off {4}stopping… /);
    t.push(changed(running, "gps", { desired: "off", actual: "STOPPING" }));
    await t.shows(/gps .* STOPPING /);
    const done = changed(running, "gps", { desired: "off", actual: "DISABLED", pid: null, started_at: null });
    t.push(done);
    await t.shows(/gps .* off {4}DISABLED\n/);
    t.answers[0]?.resolve({ ...done, answer: { outcomes: [{ name: "gps", ok: true, text: null }] } });
    await drawn();
    expect(t.asked).toEqual(["disable gps"]);
    expect(t.message()).toBe("");
    expect(t.bar()).toStartWith("space enable ");
  });
  test("one that didn't come about is what it was, with the reason", async () => {
    const t = open(running);
    await t.press("\x1b[F", " ");
    expect(t.row("lamp")).toMatch(/ on {5}starting…/);
    t.push(changed(running, "lamp", { desired: "on", actual: "STARTING", pid: 77 }));
    await t.shows(/lamp .* STARTING /);
    const failed = changed(running, "lamp", { actual: "ERROR", reason: "exit 1: no bulb" });
    t.answers[0]?.resolve({
      ...failed,
      answer: { outcomes: [{ name: "lamp", ok: false, text: "exit 1: no bulb" }] },
    });
    await t.shows("\n lamp: exit 1: no bulb\n");
    expect(t.row("lamp")).toMatch(/ off {4}ERROR /);
  });
  test("a refusal is shown until something else is done", async () => {
    const t = open(running);
    await t.press(" ");
    t.answers[0]?.reject(new Expected(Exit.again, "the session is stopping"));
    await t.shows("the session is stopping");
    expect(t.row("camera")).toContain("RECORDING");
    await t.press(" ");
    t.answers[1]?.resolve(outcome({ name: "camera", ok: true, text: null }));
    await until(() => t.message() === "");
  });
  test.each([
    [7, ["disable gps"]],
    [8, ["disable gps", "enable gps"]],
  ])("pressed %i times at once ends with what was wished for last, in order", async (presses, asked) => {
    const t = open(running);
    await t.press("j", "j");
    await t.press(" ".repeat(presses));
    // The second waits until the host has heard the first, and no longer.
    expect(t.asked).toEqual(["disable gps"]);
    t.push(changed(running, "gps", { desired: "off", actual: "STOPPING" }));
    await drawn();
    expect(t.asked).toEqual(asked);
  });
  test("pressed again and again as it goes is never sent before the host has heard the one before", async () => {
    const t = open(running);
    await t.press("jj   ");
    const stopping = changed(running, "gps", { desired: "off", actual: "STOPPING" });
    t.push(stopping);
    await drawn();
    expect(t.asked).toEqual(["disable gps"]);
    await t.press(" ");
    t.push({ ...stopping, as_of: stopping.as_of + 1 });
    await drawn();
    expect(t.asked).toEqual(["disable gps", "enable gps"]);
    await t.press(" ");
    t.push({ ...stopping, as_of: stopping.as_of + 2 });
    await drawn();
    expect(t.asked).toHaveLength(2);
    t.push(changed(stopping, "gps", { desired: "on", since: stopping.as_of }));
    await drawn();
    expect(t.asked).toEqual(["disable gps", "enable gps", "disable gps"]);
  });
  test("what became of a wish that another has taken the place of is no news", async () => {
    const t = open(running);
    await t.press("j", "j", " ");
    t.push(changed(running, "gps", { desired: "off", actual: "STOPPING" }));
    await t.press(" ");
    t.answers[0]?.resolve(outcome({ name: "gps", ok: false, text: "started again meanwhile" }));
    await drawn();
    expect(t.message()).toBe("");
    t.answers[1]?.resolve(outcome({ name: "gps", ok: false, text: "no satellite" }));
    await t.shows("gps: no satellite");
  });
  test("each module by itself", async () => {
    const t = open(running);
    // In one piece: before anything is drawn.
    await t.press(" j j ");
    expect(t.asked).toEqual(["disable camera", "disable eyetrack", "disable gps"]);
  });
});

describe("keys", () => {
  test("r begins and ends the recording of the selected one, R of all, ^r restarts, e resets", async () => {
    const t = open(running);
    await t.press("r");
    expect(t.asked).toEqual(["pause camera"]);
    await t.press("j", "r");
    // It isn't up yet.
    expect(t.asked).toEqual(["pause camera"]);
    await t.press("j", "r", "R", "\x12", "e");
    expect(t.row("gps")).toContain(" restarting… ");
    expect(t.asked.slice(1)).toEqual(["record gps", "pause * --all", "restart gps"]);
    expect(t.bar()).not.toContain("e reset");
    await t.press("j");
    expect(t.bar()).toStartWith("space disable   e reset");
    await t.press("e");
    expect(t.row("audio")).toContain(" resetting… ");
    expect(t.asked.at(-1)).toBe("reset audio");
  });
  test("R records all where none does", async () => {
    const t = open(many);
    await t.press("R");
    expect(t.asked).toEqual(["record * --all"]);
    t.answers[0]?.resolve(
      outcome(
        { name: "sensor01", ok: false, text: "no disk" },
        { name: "sensor02", ok: true, text: null },
        { name: "sensor03", ok: false, text: "sensor03 isn't up" },
      ),
    );
    await t.shows("\n sensor01: no disk · sensor03 isn't up\n");
  });
  test("/ shows only modules with that in their name; esc shows all of them again", async () => {
    const t = open(many);
    await t.press("/", ..."R9", "\r");
    expect(t.rows()[0]).toStartWith(" stint modules  /R9: 10 of 100 · 100 on");
    expect(t.rows()[2]).toStartWith(" ▸ sensor90 ");
    await t.press(" ");
    expect(t.asked).toEqual(["disable sensor90"]);
    await t.press("/", "\x15", ..."nothing", "\r");
    expect(t.rows()[1]).toBe(" no module has nothing in its name");
    await t.press(" ", "l");
    expect(t.asked).toHaveLength(1);
    await t.press("\x1b");
    // Ink waits whether more of an escape sequence comes.
    await t.shows(/▸ sensor90 .* 91 of 100 ──/s);
  });
  test("x asks first, and only y is a yes", async () => {
    const t = open(running);
    await t.press("x");
    expect(t.message()).toBe("stop all modules and the supervisor? y/n");
    expect(t.bar()).toBe("y yes   n no   ? help   q leave");
    await t.press(" ", "r", "R", "x", "n", "y", "x", "\x1b");
    await until(() => t.message() === "");
    expect(t.asked).toEqual([]);
    // In one piece.
    await t.press("xy r");
    expect(t.asked).toEqual(["stop"]);
    expect(t.rows()[0]).toContain(" stopping… · acme");
    expect(t.bar()).toBe("l log   / find   ? help   q leave");
    t.answers[0]?.reject(new Expected(Exit.again, "it hasn't answered for 15 s"));
    await t.shows("it hasn't answered for 15 s");
    expect(t.rows()[0]).toContain(" running · acme");
  });
  test("q leaves an attached screen at once; in the host's own process it asks, since all would stop", async () => {
    const attached = open(running);
    await attached.press("q");
    expect(attached.left()).toBe(1);
    const host = open(running, { attached: false });
    await host.press("q");
    expect(host.message()).toBe("stop all modules and quit? y/n");
    expect(host.left()).toBe(0);
    await host.press("n", "q", "y");
    expect(host.left()).toBe(1);
    expect(host.asked).toEqual([]);
    const idle = open({ ...running, modules: (running.modules ?? []).slice(3) }, { attached: false });
    await idle.press("q");
    expect(idle.left()).toBe(1);
  });
});

describe("the log", () => {
  const inLog = async (given: Given = {}) => {
    const t = open(many, given);
    await t.press("l");
    await until(() => t.followed.has("sensor00"));
    t.followed.get("sensor00")?.(lines(500));
    await t.shows("line 499");
    return t;
  };
  test("l makes it larger, with its module above it, and esc goes back", async () => {
    const t = await inLog();
    expect(t.rows()[2]).toStartWith(" ▸ sensor00 ");
    expect(t.rows()[3]).toStartWith(" ── sensor00 ─");
    expect(t.text()).toContain("line 482\n");
    expect(t.text()).not.toContain("sensor01");
    await t.press("\x1b");
    await t.shows("sensor01");
  });
  test("is scrolled back and stays there while more comes, until it is followed again", async () => {
    const t = await inLog();
    await t.press("\x1b[5~", "k");
    expect(t.text()).toMatch(/line 480\n\n? space/);
    expect(t.rows()[3]).toEndWith(" 19 newer ──");
    t.followed.get("sensor00")?.(lines(5, "new"));
    await t.shows(" 24 newer ──");
    expect(t.text()).toMatch(/line 480\n/);
    await t.press("j");
    expect(t.rows()[3]).toEndWith(" 23 newer ──");
    expect(t.bar()).toContain("f follow");
    await t.press("f");
    expect(t.text()).toContain("new 4\n");
    await t.press("\x1b[H");
    expect(t.text()).toMatch(/ ─+ \d+ newer ──\n \S+ line 0\n/);
    await t.press("\x1b[F");
    expect(t.text()).toContain("new 4\n");
  });
  test("/ shows only lines with that in them, in whatever case", async () => {
    const t = await inLog();
    await t.press("/", ..."LINE 49", "\r");
    expect(t.rows()[3]).toContain(" 11 with LINE 49 ──");
    expect(t.text()).toMatch(/ line 49\n \S+ line 490\n/);
    await t.press("\x1b");
    await t.shows("line 489");
  });
  test("is that of the selected one; those that are passed over aren't read", async () => {
    const t = open(many);
    await until(() => t.followed.has("sensor00"));
    await t.press("j".repeat(40));
    await until(() => t.followed.has("sensor40"));
    expect([...t.followed.keys()]).toEqual(["sensor40"]);
    expect(t.follows()).toBe(2);
    expect(t.text()).toContain("\n no lines\n");
  });
  test("doesn't grow without end, and what is looked at in it has its place", () => {
    const log = new LogEnd("camera");
    for (let n = 0; n < 300; n++) log.add(lines(50, `batch ${n}`));
    const view = log.look("", undefined, 10);
    expect(view.found).toBe(1_000);
    expect(view.lines.at(-1)?.text).toBe("batch 299 line 49".replace("line ", ""));
    const back = view.moved(-20);
    expect(log.look("", back, 10).lines.at(-1)?.text).toBe("batch 299 29");
    log.add(lines(50, "more"));
    expect(log.look("", back, 10)).toMatchObject({ below: 70 });
    // It is no more: the oldest that there is.
    log.add(lines(5_000, "flood"));
    const oldest = log.look("", back, 10);
    expect(oldest.lines[0]?.text).toBe("flood 4000");
    expect(oldest.below).toBe(990);
    log.add([{ at: 0, text: `${"x".repeat(100_000)}\ud800`, mark: false }]);
    expect(log.look("", undefined, 1).lines[0]?.text).toHaveLength(1_000);
  });
});

describe("from the keyboard", () => {
  const run = (...args: string[]) =>
    pty([process.execPath, join(import.meta.dir, "fixture-tui.tsx"), ...args], {});

  test("a toggle shows at once and settles on what became true; what failed says why", async () => {
    await using t = run();
    await t.until("log of camera");
    t.type("jj ");
    await t.until("stopping…");
    process.kill(t.pid, "SIGUSR1");
    await t.until((screen) => /gps +off +DISABLED/.test(screen));
    t.press("space");
    await t.until((screen) => /gps +on +STARTING/.test(screen));
    process.kill(t.pid, "SIGUSR1");
    await t.until("gps: exit 1: no device");
    expect(t.screen()).toMatch(/gps +off +ERROR /);
    t.press("q");
    expect(await t.exited).toBe(0);
    expect(t.screen()).toBe('left: disable {"names":["gps"]}; enable {"names":["gps"]}');
  });

  test("x stops all after a yes; then it says that it is over", async () => {
    await using t = run();
    await t.until("log of camera");
    t.type("xy");
    await t.until("stopping… · acme");
    process.kill(t.pid, "SIGUSR1");
    await t.until("the supervisor has stopped, and its modules with it");
    t.press("ctrl+c");
    expect(await t.exited).toBe(0);
    expect(t.screen()).toBe("left: stop {}");
  });

  test("in the host's own process q asks, and Ctrl+C is a signal", async () => {
    await using t = run("host");
    await t.until("q quit");
    t.press("q");
    await t.until("stop all modules and quit? y/n");
    t.press("ctrl+c");
    expect(await t.exited).toBe(130);
  });

  test("q in the help of the host's own screen asks, and y is the answer", async () => {
    await using t = run("host");
    await t.until("q quit");
    t.type("?");
    await t.until("Show this help");
    t.press("q");
    await t.until("stop all modules and quit? y/n");
    t.type("y");
    expect(await t.exited).toBe(0);
  });

  test("a terminal that is made smaller and larger has its rows in their places", async () => {
    await using t = run();
    await t.until("log of camera");
    t.resize(60, 16);
    await t.until((screen) => screen.split("\n")[1]?.trimEnd().endsWith("UP  LAST") === true);
    t.resize(50, 10);
    await t.until("too small");
    t.resize(120, 30);
    await t.until((screen) => /^ stint .*\n.* RESTARTS {2}LAST\n ▸ camera /.test(screen));
  });
});
