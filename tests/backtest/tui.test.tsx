import { afterEach, describe, expect, test } from "bun:test";
import { renderToString } from "ink";
import type { Catalogue, RunEntry } from "../../src/backtest/core/results/catalogue.ts";
import type { View } from "../../src/backtest/tui/words.ts";
import { BacktestBody, backtestScreen } from "../../src/backtest/tui.tsx";
import type { Control, State } from "../../src/kernel/control.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { cells } from "../../src/kernel/tui/text.ts";
import { closeTerminals, terminal } from "../kernel/tui/memory.ts";
import { pty } from "../support/pty.ts";
import { Sandbox, stint, until } from "../support/sandbox.ts";
import {
  bust,
  candlesOf,
  clocked,
  finished,
  inspected,
  live,
  loading,
  NOW,
  paused,
  running,
  several,
  trade,
} from "./views.ts";

afterEach(closeTerminals);

const frame = (of: View) => Bun.stripANSI(renderToString(<BacktestBody view={of} />, { columns: 80 }));

describe("the run", () => {
  test("shows progress, equity, drawdown, position, trades, speed and what happened last", () => {
    const shown = frame(paused);
    expect(shown).toContain("612,331 of 1,000,000");
    expect(shown).toContain("11,204.53  +12.0 %");
    expect(shown).toContain("−4.1 % (max −9.8 %)");
    expect(shown).toMatch(/position long 8,583 @ 1\.16390 +\+79\.00/);
    expect(shown).toMatch(/trades +133 +win 38 % +profit factor \(returns\) 1\.12/);
    expect(shown).toMatch(/speed +18\.2 M bars\/s *$/m);
    expect(shown).toContain("gate shut · paused 12.3 s in all · overruns 0");
    expect(shown).toMatch(/13:00 short\s+8,610 @ 1\.16117 → 1\.16377\s+−22\.39/);
    expect(shown).toMatch(/14:00 fast is over slow/);
  });
  test("while the data is loading there is a share, and no number that isn't known", () => {
    expect(frame(loading)).toContain("loading BIG 42 %");
    expect(frame(loading)).not.toContain("equity");
  });
  test("without a position it says flat", () => {
    expect(frame({ ...paused, positions: [] })).toMatch(/position\s+flat/);
  });
  test("by the clock it says how far the work is behind", () => {
    const shown = frame(clocked);
    expect(shown).toContain("by the clock ×60");
    expect(shown).toContain("gate open");
    expect(shown).toContain("overruns 1,234");
    expect(shown).toContain("3 bars, 4.3 ms (max 17, 61.5 ms) · published late p99 0.31 ms");
  });
  test("live it has no end to be a share of, and says what the feed brought", () => {
    const shown = frame(live);
    expect(shown).toContain("120 bars, the last of 2017-11-02 14:00");
    expect(shown).not.toContain("━");
    expect(shown).toContain("123 bars · late 1 · doubled 2 · out of order 4 · refused 5");
    expect(frame({ ...live, bars: 0 })).toContain("waiting for the first bar of EURUSD");
  });
  test("of a symbol that has no bar yet the page says so", () => {
    const none = { symbol: "EURUSD", time: [], open: [], high: [], low: [], close: [] };
    const shown = frame({ ...paused, candles: [none] });
    expect(shown).toContain("no bar yet");
    expect(shown).not.toContain("NaN");
  });
  test("where it is to pause by itself is listed", () => {
    const breakpoints = [
      { kind: "time", at: NOW },
      { kind: "trades", count: 20 },
      { kind: "drawdown", fraction: 0.07 },
    ] as const;
    expect(frame({ ...paused, breakpoints })).toContain("2017-11-02 14:00 · trade 20 · drawdown 7 %");
  });
  test("each symbol's position has its name", () => {
    expect(frame(several)).toContain("EURUSD long 8,583 @ 1.16390   +79.00 · BTCUSD short 0.25 @ 6900");
  });
  test("a run that is over says what it came to", () => {
    expect(frame(finished)).toContain("CAGR +3.2 % · exposure 98 % · 2 orders dropped · hash 0123456789ab");
    const result = finished.result as NonNullable<typeof finished.result>;
    const stats = { ...result.stats, open_trades: 1, open_pnl: -12.5 };
    expect(frame({ ...finished, result: { ...result, stats } })).toContain(
      "1 trade open at the end (−12.50)",
    );
    expect(frame({ ...finished, result: { ...result, dropped_orders: 1 } })).toContain("1 order dropped");
    expect(frame(bust)).toContain("bust: equity came to nothing");
  });
});

const own: RunEntry = {
  id: String(paused.session_id),
  started_at: NOW,
  utc_offset_min: 60,
  strategy: "sma-cross",
  params: {},
  symbol: "EURUSD",
  return_pct: 1,
  max_drawdown_pct: -1,
  sharpe: 1,
  trades: 1,
};
const entries: readonly RunEntry[] = [
  own,
  { ...own, id: "0199-1-aaaaaaaa", strategy: "mine", params: { n: 3 }, return_pct: 3.4, trades: 12 },
  { ...own, id: "0199-1-bbbbbbbb", strategy: "yours", sharpe: null },
];
const shelf: Catalogue = { list: async () => entries, equity: async () => [10_000, 9_000, 10_340] };

type Given = {
  columns?: number;
  rows?: number;
  attached?: boolean;
  runs?: Catalogue;
  report?: () => Promise<string>;
  /** What a command is answered with; else the state. */
  answer?: (name: string, args: unknown) => State | Promise<State>;
};

/** The screen in a terminal in memory, over a host that is played by the test. */
function open(first: View, given: Given = {}) {
  const { columns = 80, rows = 24, attached = false, answer } = given;
  const { runs = { list: async () => [], equity: async () => [] }, report = async () => "" } = given;
  let push: (state: State | undefined) => void = () => {};
  const asked: string[] = [];
  let left = 0;
  const control: Control = {
    state: async () => first,
    async command(name, args = {}) {
      const words = Object.entries(args as object).map(([key, value]) => ` ${key}=${value}`);
      asked.push(name + words.join(""));
      if (answer) return answer(name, args);
      return name === "inspect" ? { ...first, answer: { symbols: [inspected] } } : first;
    },
    watch(told) {
      push = told;
      told(first);
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const t = terminal(columns, rows);
  const leave = { quit: () => left++, interrupt() {}, attached };
  t.open(backtestScreen({ control, profile: "acme", first, ...leave, runs, report }));
  const screen = {
    rows: t.rows,
    asked,
    /** What was asked for by keys. */
    commands: () => asked.filter((name) => name !== "inspect"),
    left: () => left,
    text: () => t.rows().join("\n"),
    message: () => t.rows().at(-2)?.trim() ?? "",
    async press(...keys: string[]) {
      for (const key of keys) await t.press(key);
      for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
    },
    shows: (text: string | RegExp) =>
      until(
        () => screen.text(),
        (now) => (typeof text === "string" ? now.includes(text) : text.test(now)),
        3_000,
      ),
    push: (state: State | undefined) => push(state),
  };
  return screen;
}
const ENTER = "\r";
const ESC = "\x1b";
const DOWN = "\x1b[B";

const views = { paused, running, clocked, live, several, finished, bust, loading };
const sizes = [
  [60, 16],
  [80, 24],
  [120, 40],
] as const;

describe.each(sizes)("at %i×%i", (columns, rows) => {
  test.each(Object.keys(views) as (keyof typeof views)[])("%s fits on every page", async (name) => {
    const view = views[name];
    const screen = open(view, { columns, rows, runs: shelf, report: async () => "" });
    for (const page of ["1", "2", "3", "4", "c"]) {
      await screen.press(page);
      const shown = screen.rows();
      expect(shown.length).toBe(rows);
      for (const row of shown) expect(cells(row)).toBeLessThanOrEqual(columns);
      expect(shown.at(-1)).toContain("? help");
      expect(screen.text()).not.toMatch(/NaN|undefined|Infinity/);
    }
  });
  test("the run has candles, and below them all that there is to say", async () => {
    const screen = open(paused, { columns, rows });
    await screen.shows(/price .*1\.16/s);
    await screen.shows("M bars/s");
    await screen.shows("[1 run]");
    expect(screen.text()).toMatch(/[┃╽╿╻╹]/);
    expect(screen.text()).toMatch(/[█▄▀]/);
    expect(screen.text()).toContain("gate shut");
  });
});

describe("a paused run", () => {
  test("is stepped: by a bar, by a hundred, to the next trade", async () => {
    const screen = open(paused);
    await screen.press(".", ">", "t");
    expect(screen.commands()).toEqual(["step", "step bars=100", "step to_trade=true"]);
  });
  test("shows its newest indicators beside the candles, asked for once a bar", async () => {
    const screen = open(paused);
    await screen.shows("fast 1.16455");
    screen.push(paused);
    screen.push({ ...paused, bar: 612_332 });
    await until(
      () => screen.asked.length,
      (count) => count === 2,
    );
    screen.push({ ...running, bar: 612_400 });
    await until(
      () => screen.text(),
      (text) => !text.includes("fast 1.16455"),
    );
    expect(screen.asked).toEqual(["inspect", "inspect"]);
  });
  test("is inspected: indicators, position, open trades, orders and the strategy's state", async () => {
    const screen = open(paused);
    await screen.press("3");
    await screen.shows(/fast +1\.16455/);
    expect(screen.text()).toMatch(/bands\.upper +–/);
    expect(screen.text()).toMatch(/position +long 8,583 +\+79\.00/);
    expect(screen.text()).toMatch(/open trade +id 400 · size 8583 · entry time 2017-11-02 13:00/);
    expect(screen.text()).toMatch(/order +id 403 · side sell · size 0\.5 · limit 1\.17 · tif gtc/);
    expect(screen.text()).toMatch(/"seen": 3/);
  });
  test("that can't be inspected says why", async () => {
    const screen = open(paused, {
      answer() {
        throw new Expected(Exit.again, "the engine is busy");
      },
    });
    await screen.press("3");
    await screen.shows("the engine is busy");
    screen.push(running);
    await screen.shows("only a paused run can be inspected: space pauses it");
  });
  test("gets a breakpoint, and what is none is refused before anybody is asked", async () => {
    const screen = open(paused);
    await screen.press("b", ..."trade 140", ENTER);
    expect(screen.commands()).toEqual(["pause-at text=trade 140"]);
    expect(screen.message()).toBe("pauses at trade 140");
    await screen.press("b", ..."never", ENTER);
    expect(screen.message()).toBe("must be a time, 'trade N' or 'drawdown N%', not 'never'");
    await screen.press("b", ESC);
    expect(screen.commands().length).toBe(1);
  });
});

test("what the host refuses is said, and what it answers", async () => {
  const screen = open(running, {
    answer(name) {
      if (name === "toggle") throw new Expected(Exit.no, "the run is being restored");
      return { ...running, answer: { said: "so be it" } };
    },
  });
  await screen.press(" ");
  expect(screen.message()).toBe("the run is being restored");
  await screen.press("x");
  expect(screen.message()).toBe("so be it");
});

test("live the market doesn't wait: space says so and asks for nothing", async () => {
  const screen = open(live);
  await screen.press(" ");
  expect(screen.message()).toContain("the market doesn't wait");
  expect(screen.asked).toEqual([]);
});

test("s shows the candles of the next symbol, and then of the first again", async () => {
  const screen = open(several);
  await screen.shows("1.16049");
  await screen.press("s");
  expect(screen.text()).toMatch(/BTCUSD +[╷│]/);
  expect(screen.text()).toContain("7000.99");
  await screen.press("s");
  expect(screen.text()).toContain("1.16049");
});

test("the arrows move the candles back, and forth to the newest", async () => {
  const screen = open(paused);
  await screen.shows("1.16049");
  await screen.press("\x1b[D");
  await screen.shows(/to +[^\n]*\n 11-02 [^\n]*\n 06:00/);
  await screen.press("\x1b[C");
  expect(screen.text()).not.toContain(" 06:00 ");
});

describe("trades", () => {
  const trades = [
    trade(140, { pnl: 5, tag: "first" }),
    trade(60, { pnl: -90 }),
    trade(40, { pnl: 30, size: 100 }),
    trade(2, { pnl: 12 }),
  ];
  const view = { ...paused, last_trades: trades };
  const amounts = (rows: readonly string[]) => rows.flatMap((row) => / ([+−]\d+\.\d\d)/.exec(row)?.[1] ?? []);

  test("are listed newest first, and in other orders", async () => {
    const screen = open(view);
    await screen.press("2");
    expect(screen.text()).toContain("newest first · the 4 closed last of 133");
    const orders = ["+12.00 +30.00 −90.00 +5.00"];
    for (let press = 0; press < 6; press++) {
      await screen.press("o");
      orders.push(amounts(screen.rows()).join(" "));
    }
    expect(orders).toEqual([
      "+12.00 +30.00 −90.00 +5.00",
      "+5.00 −90.00 +30.00 +12.00",
      "+30.00 +12.00 +5.00 −90.00",
      "−90.00 +5.00 +12.00 +30.00",
      // All as long: of two alike the newer comes first.
      "+12.00 +30.00 −90.00 +5.00",
      "+12.00 −90.00 +5.00 +30.00",
      "+12.00 +30.00 −90.00 +5.00",
    ]);
  });
  test("the selected one stays selected while others are closed", async () => {
    const screen = open(view);
    await screen.press("2", DOWN);
    expect(screen.text()).toMatch(/▸ long .*\+30\.00/);
    screen.push({ ...view, last_trades: [...trades, trade(0, { pnl: 77 })] });
    await screen.shows("+77.00");
    expect(screen.text()).toMatch(/▸ long .*\+30\.00/);
  });
  test("enter moves the candles to it, and esc back to the newest", async () => {
    const screen = open(view);
    await screen.press("2", DOWN, DOWN, ENTER);
    expect(screen.text()).toContain("short from 2017-10-30 14:00 to 2017-10-31 02:00   −90.00");
    // Its entry and its exit, twelve candles further on.
    const at = (sign: string) =>
      screen.rows().flatMap((row) => [...row].flatMap((cell, index) => (cell === sign ? index : [])));
    const [entry = Number.NaN] = at("△");
    expect(at("▽")).toContain(entry + 12);
    await screen.press(ESC);
    await until(
      () => screen.text(),
      (text) => !text.includes("short from 2017-10-30"),
    );
  });
  test("it is told of as long as its candles are there", async () => {
    const screen = open(view);
    await screen.press("2", DOWN, DOWN, ENTER);
    await screen.shows("short from 2017-10-30");
    screen.push({ ...view, candles: [candlesOf("EURUSD", 50, 1.164)] });
    await until(
      () => screen.text(),
      (text) => !text.includes("short from 2017-10-30"),
    );
  });
  test("one whose candles have gone says so", async () => {
    const screen = open({ ...view, last_trades: [trade(200)] });
    await screen.press("2", ENTER);
    expect(screen.message()).toBe(
      "the candles of this trade aren't kept any more: of EURUSD the last 160 are",
    );
    expect(screen.text()).toContain("── trades");
  });
  test("before the first there is a word", async () => {
    const screen = open({ ...paused, last_trades: [], trades: 0 });
    await screen.press("2", DOWN, ENTER);
    expect(screen.text()).toContain("no trades yet");
  });
});

test("what is held has its entry among the candles", () => {
  const held = { symbol: "EURUSD", size: 8583, entry_time: NOW - 20 * 3_600_000, entry_price: 1.1639 };
  const without = frame({ ...paused, last_trades: [] });
  expect(without).not.toContain("▲");
  expect(frame({ ...paused, last_trades: [], open_trades: [held] })).toContain("▲");
});

test("the log is read at its end, and scrolled", async () => {
  const log = Array.from({ length: 50 }, (_, n) => ({ time: NOW, symbol: "EURUSD", text: `line ${n}.` }));
  const screen = open({ ...paused, log });
  await screen.press("4");
  expect(screen.text()).toContain("line 49.");
  expect(screen.text()).not.toContain("line 29.");
  await screen.press("k");
  expect(screen.text()).not.toContain("line 49.");
  await screen.press("j");
  expect(screen.text()).toContain("line 49.");
  await screen.press(ESC);
  await screen.shows("[1 run]");
});

describe("compare", () => {
  test("lays another finished run's equity over this one's, and takes it away", async () => {
    const screen = open(paused, { runs: shelf });
    await screen.press("c");
    await screen.shows("aaaaaaaa");
    // Not with itself.
    expect(screen.text()).toContain("1 of 2");
    await screen.press(ENTER);
    await screen.shows("B mine EURUSD, n 3");
    // Equity 9,000 of 10,000 is the lowest of both, 11,204.53 the highest.
    await screen.shows("−10.0 % … +12.0 % of the start");
    await screen.press(ENTER);
    await screen.shows("B enter lays the selected run over this one");
  });
  test("says when there is none, and why they can't be read", async () => {
    const none = open(paused, { runs: { ...shelf, list: async () => [own] } });
    await none.press("c");
    await none.shows("no other run of this profile is finished");
    const list = async () => {
      throw new Expected(Exit.io, "the store is damaged");
    };
    const broken = open(paused, { runs: { ...shelf, list } });
    await broken.press("c");
    await broken.shows("the runs can't be read: the store is damaged");
    const equity = async () => {
      throw new Expected(Exit.io, "its curve is damaged");
    };
    const torn = open(paused, { runs: { ...shelf, equity } });
    await torn.press("c");
    await torn.shows("aaaaaaaa");
    await torn.press(ENTER);
    await torn.shows("its curve is damaged");
  });
});

test("the report says where it was written, or why not", async () => {
  const texts = ["written to run.html"];
  const screen = open(paused, {
    report: async () => {
      const text = texts.pop();
      if (text === undefined) throw new Expected(Exit.no, "the run isn't finished");
      return text;
    },
  });
  await screen.press("e");
  await screen.shows("written to run.html");
  await screen.press("e");
  await screen.shows("the run isn't finished");
});

test("a host that has gone takes its screen along, unless the run is finished and still looked at", async () => {
  const cut = open(running, { attached: true });
  cut.push(undefined);
  expect(cut.left()).toBe(1);
  const over = open(finished, { attached: true });
  over.push(undefined);
  await over.press("2", " ", ".", "x");
  expect(over.left()).toBe(0);
  expect(over.asked).toEqual([]);
  expect(over.rows()[0]).toContain("finished");
  await over.press("q");
  expect(over.left()).toBe(1);
});

test("a bust account is told in words, and a terminal that is too small has the sum of it", async () => {
  const screen = open(bust, { columns: 50, rows: 5 });
  expect(screen.text()).toContain("bust · 100 % · 0.00 −100.0 %");
});

test("candles of more digits than anybody reads are shown with those that are real", () => {
  // 0.1 + 0.2 is 0.30000000000000004.
  const noisy = { ...candlesOf("EURUSD", 3, 1), close: [0.1 + 0.2, 1.25, 1.5] };
  expect(frame({ ...paused, candles: [noisy] })).toMatch(/long 8,583 @ 1\.16 /);
});

/** All that was written in a colour, by its code. */
const painted = (output: string, code: number): string =>
  output
    .split("\x1b[")
    .filter((piece) => piece.startsWith(`${code}m`))
    .map((piece) => piece.slice(3))
    .join("");

test("from source too, a run is stepped from the keyboard, and a command that is refused says why", async () => {
  await using box = new Sandbox(stint.source);
  const args = ["backtest", "run", "--paused", "--pace", "50"];
  await using terminal = pty([...box.command, ...args], { cwd: box.work, env: box.env });
  await terminal.until("paused");
  terminal.press(".");
  await terminal.until(" 1 of 5,000");
  terminal.press("space");
  await terminal.until("running");
  const refused = await box.run(["backtest", "step"]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain("only a paused run can step");
  const env = { ...box.env, NO_COLOR: "1" };
  await using watching = pty([...box.command, "backtest", "watch"], { cwd: box.work, env });
  await watching.until("running");
  watching.press("space");
  await terminal.until("paused");
  // Candles that rose and fell, in colours where there are to be any.
  await watching.until((screen) => /[┃╽╿]/.test(screen) && /[█▄▀]/.test(screen));
  await terminal.until((screen) => /[┃╽╿]/.test(screen) && /[█▄▀]/.test(screen));
  const green = painted(terminal.output(), 32);
  const red = painted(terminal.output(), 31);
  expect(green).toMatch(/[┃╽╿]/);
  expect(green).not.toMatch(/[█▄▀]/);
  expect(red).toMatch(/[█▄▀]/);
  expect(painted(watching.output(), 32) + painted(watching.output(), 31)).toBe("");
  watching.press("x");
  expect(await terminal.exited).toBe(0);
  expect(await watching.exited).toBe(0);
});
