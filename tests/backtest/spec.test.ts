/** What a run is of: session files, the flags over them, the configuration below. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Spec, sourceOf, specOf } from "../../src/backtest/adapters/spec.ts";
import type { Options } from "../../src/kernel/command.ts";
import { Expected } from "../../src/kernel/errors.ts";
import { enterHome, type Home } from "../support/home.ts";

let home: Home;
let before: string;
beforeAll(() => {
  home = enterHome();
  before = process.cwd();
  mkdirSync(join(home.path, "work/sessions"), { recursive: true });
  process.chdir(join(home.path, "work"));
});
afterAll(() => {
  process.chdir(before);
  home[Symbol.dispose]();
});

/** What a session file comes to, with `version: 1` and these lines. */
async function spec(lines: string, options: Options = {}): Promise<Spec> {
  writeFileSync("a.yaml", `version: 1\n${lines}`);
  return specOf("a.yaml", options);
}
const work = (path: string) => join(process.cwd(), path);

async function refusal(made: Promise<Spec>): Promise<string> {
  try {
    await made;
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    return `${error.exit} ${error.message}${error.hint === undefined ? "" : ` | ${error.hint}`}`;
  }
  throw new Error("it was taken");
}

test("without anything it is sma-cross on the bundled sample, by the reference's plainest rules", async () => {
  const { run, ...manner } = await specOf(undefined, {});
  expect(manner).toEqual({ speed: 0, pace: undefined, breakpoints: [], feed: null, watched: [] });
  expect(run).toMatchObject({
    strategy: { source: { builtin: "sma-cross" }, files: {} },
    params: {},
    mode: "backtest",
    timeframe: null,
    from: null,
    to: null,
    timezone: "America/New_York",
    hours: null,
    seed: 1,
    benchmark: null,
    settings: { cash: 10_000, leverage: 1, maintenance: 0, spread: 0, borrow: 0, finalize: false },
  });
  expect(run.symbols).toEqual([
    {
      instrument: { symbol: "EURUSD", tick: 0, lot: 1, currency: null, conversion: 1 },
      source: { from: { sample: "EURUSD" }, format: null, columns: null, timezone: "UTC", stamp: "open" },
      hash: "",
      joined: null,
    },
  ]);
});

test("a session file says all that a run is of, its paths going on from its folder", async () => {
  writeFileSync("sessions/mine.ts", "export default {};");
  writeFileSync(
    "sessions/b.yaml",
    `version: 1
symbols:
  GBPJPY: { data: ../bars/gbpjpy.csv, tick: 0.001, currency: JPY, conversion: 1/USDJPY }
  USDJPY:
    data: usdjpy.parquet
    format: parquet
    columns: { time: t, close: last }
    timezone: Asia/Tokyo
    stamp: close
    lot: 1000
timeframe: 240m
from: 2017-05-01
to: 2018-01-01T12:00
timezone: Europe/London
hours: { open: 09:30, close: 16:00, days: [mon, fri], holidays: [2017-12-25], early: { 2017-11-24: 13:00 } }
strategy: mine.ts
params: { fast: 5, short: false, side: long }
cash: 5000
costs: { commission: 0.5+1e-5, spread: 5e-5, slippage: 0.01%, borrow: 0.02, volume_limit: 0.1 }
leverage: 30
maintenance: 0.5
orders: { finalize: true, hedging: true, exclusive: false, trade_on_close: true }
speed_multiplier: 60
seed: 7
benchmark: USDJPY
pause_at: [trade 20, drawdown 5%, 2017-06-01T14:30]
`,
  );
  const { run, ...manner } = await specOf("sessions/b.yaml", {});
  expect(manner).toEqual({
    speed: 60,
    pace: undefined,
    feed: null,
    watched: [work("sessions/b.yaml"), work("sessions/mine.ts")],
    breakpoints: [
      { kind: "trades", count: 20 },
      { kind: "drawdown", fraction: 0.05 },
      { kind: "time", at: Date.UTC(2017, 5, 1, 14, 30) },
    ],
  });
  expect(run).toMatchObject({
    strategy: { source: { file: work("sessions/mine.ts") } },
    params: { fast: 5, short: false, side: "long" },
    timeframe: "4h",
    from: Date.UTC(2017, 4, 1),
    to: Date.UTC(2018, 0, 1, 12),
    timezone: "Europe/London",
    hours: {
      open: "09:30",
      close: "16:00",
      days: [1, 5],
      holidays: ["2017-12-25"],
      early: { "2017-11-24": "13:00" },
    },
    seed: 7,
    benchmark: "USDJPY",
  });
  expect(run.settings).toEqual({
    cash: 5000,
    leverage: 30,
    maintenance: 0.5,
    commission: { fixed: 0.5, rate: 0.00001, perUnit: 0 },
    spread: 0.00005,
    slippage: { kind: "rate", rate: 0.0001 },
    volumeLimit: 0.1,
    borrow: 0.02,
    tradeOnClose: true,
    exclusiveOrders: false,
    hedging: true,
    finalize: true,
  });
  expect(run.symbols.map(({ instrument }) => instrument)).toEqual([
    {
      symbol: "GBPJPY",
      tick: 0.001,
      lot: 1,
      currency: "JPY",
      conversion: { symbol: "USDJPY", inverse: true },
    },
    { symbol: "USDJPY", tick: 0, lot: 1000, currency: null, conversion: 1 },
  ]);
  expect(run.symbols.map(({ source }) => source)).toEqual([
    { from: { file: work("bars/gbpjpy.csv") }, format: null, columns: null, timezone: "UTC", stamp: "open" },
    {
      from: { file: work("sessions/usdjpy.parquet") },
      format: "parquet",
      columns: { time: "t", close: "last" },
      timezone: "Asia/Tokyo",
      stamp: "close",
    },
  ]);
});

test("a list keeps the order of symbols that are numbers", async () => {
  const { run } = await spec("symbols: [{ symbol: '700', data: t.csv }, { symbol: '5', data: h.csv }]");
  expect(run.symbols.map(({ instrument }) => instrument.symbol)).toEqual(["700", "5"]);
});

test("flags go over the file, the file over the configuration", async () => {
  mkdirSync(join(home.path, "config/stint"), { recursive: true });
  const configuration = join(home.path, "config/stint/config.yaml");
  writeFileSync(
    configuration,
    "backtest: { cash: 500, spread: 0.01, commission: 0.002, timezone: Europe/Paris }",
  );
  try {
    const lines =
      "cash: 700\nparams: { fast: 5, slow: 6 }\nspeed_multiplier: 60\norders: { exclusive: true }";
    const { run, speed, breakpoints } = await spec(lines, {
      spread: 0.03,
      param: { slow: "9" },
      speed: 0,
      margin: 0.02,
      tick: 0.5,
      finalize: true,
      pauseAt: [{ kind: "trades", count: 1 }],
    });
    expect(run.settings).toMatchObject({
      cash: 700,
      spread: 0.03,
      commission: { fixed: 0, rate: 0.002, perUnit: 0 },
      leverage: 50,
      exclusiveOrders: true,
      finalize: true,
    });
    expect(run).toMatchObject({ params: { fast: 5, slow: "9" }, timezone: "Europe/Paris" });
    expect(run.symbols[0]?.instrument).toMatchObject({ symbol: "EURUSD", tick: 0.5 });
    expect({ speed, breakpoints }).toEqual({ speed: 0, breakpoints: [{ kind: "trades", count: 1 }] });
  } finally {
    writeFileSync(configuration, "");
  }
});

test("--data takes the place of the file's symbols and keeps what the file says of them beside their data", async () => {
  const lines = "symbols: { A: { data: a.csv, tick: 0.25, stamp: close }, B: b.csv }";
  const symbols = async (said: string, options: Options) =>
    (await spec(said, options)).run.symbols.map(({ instrument: { symbol, tick }, source }) => ({
      symbol,
      tick,
      stamp: source?.stamp,
      from: source?.from,
    }));
  expect(await symbols(lines, { data: ["A=new/a.csv"] })).toEqual([
    { symbol: "A", tick: 0.25, stamp: "close", from: { file: work("new/a.csv") } },
  ]);
  expect(await symbols("", { data: ["BTC/USD=x.csv", "ETH=y=z.csv"] })).toEqual([
    { symbol: "BTC/USD", tick: 0, stamp: "open", from: { file: work("x.csv") } },
    { symbol: "ETH", tick: 0, stamp: "open", from: { file: work("y=z.csv") } },
  ]);
  expect(await symbols("", { data: ["bars/spy.csv.gz"] })).toMatchObject([{ symbol: "spy" }]);
  expect(await symbols("", { data: ["./a=b.csv"], symbol: "C" })).toMatchObject([
    { symbol: "C", from: { file: work("a=b.csv") } },
  ]);
  expect(await symbols("symbols: { A: { sample: EURUSD, tick: 1 } }", { data: ["x.csv"] })).toMatchObject([
    { symbol: "A", tick: 1, from: { file: work("x.csv") } },
  ]);
});

test("a file is read as the flags say", () => {
  const flags = { format: "csv", columns: { time: "Date" }, dataTimezone: "Asia/Tokyo", stamp: "close" };
  expect(sourceOf("x.csv", flags)).toEqual({
    from: { file: work("x.csv") },
    format: "csv",
    columns: { time: "Date" },
    timezone: "Asia/Tokyo",
    stamp: "close",
  });
  expect(() => sourceOf("x.csv", { dataTimezone: "Mars" })).toThrow("there is no time zone 'Mars'");
});

test("a live run has a feed: stdin, or a program with its words", async () => {
  const live = "mode: live\nsymbols: { A: {} }\nspeed_multiplier: 60";
  const stdin = await spec(live, { feed: "-" });
  expect(stdin).toMatchObject({
    feed: { stdin: true },
    speed: 0,
    run: { mode: "live", symbols: [{ source: null }] },
  });
  expect((await spec(`${live}\nfeed: tail -f 'my bars'`)).feed).toEqual({
    command: ["tail", "-f", "my bars"],
  });
  expect((await spec(`${live}\nfeed: [tail, -f, my bars]`)).feed).toEqual({
    command: ["tail", "-f", "my bars"],
  });
  expect((await specOf(undefined, { mode: "live", symbol: "A", feed: "x" })).run.symbols).toMatchObject([
    { instrument: { symbol: "A" }, source: null },
  ]);
});

test.each([
  ["symbol: 3", "a.yaml:2:1: symbol: there is no such key | did you mean symbols?"],
  ["costs: { spred: 1 }", "a.yaml:2:10: costs.spred: there is no such key | did you mean spread?"],
  [
    "symbols:\n  A:\n    data: x\n    tik: 1",
    "a.yaml:5:5: symbols.A.tik: there is no such key | did you mean tick?",
  ],
  [
    "symbols: { A: { columns: { tme: x } } }",
    "a.yaml:2:28: symbols.A.columns.tme: there is no such key | did you mean time?",
  ],
  ["costs: { spread: 1 }", "a.yaml:2:10: costs.spread: expected number to be <1"],
  [
    "costs: { commission: 2 }",
    "a.yaml:2:10: costs.commission: isn't a RATE below 1, FIXED+RATE or AMOUNT/unit",
  ],
  ["symbols: 3", "a.yaml:2:1: symbols: isn't a map or a list of symbols"],
  ["symbols: [{ data: x }]", "a.yaml:2:11: symbols[0].symbol: isn't set"],
  ["symbols: { A: x, A: y }", "a.yaml:2:18: Map keys must be unique"],
  [
    "symbols: [{ symbol: A, data: x }, { symbol: A, data: y }]",
    "a.yaml:2:35: symbols[1]: A is there already",
  ],
  [
    "symbols: { A: { data: x, sample: EURUSD } }",
    "a.yaml:2:26: symbols.A.sample: is data already: say one of them",
  ],
  ["symbols: { A: { tick: 1 } }", "a.yaml:2:12: A has no data | data: FILE, or sample: NAME"],
  ["symbols: { A B: x }", "a.yaml:2:12: symbols.A B: isn't a symbol: at most 32 characters, no space"],
  [
    "symbols: { A: { data: x, conversion: 1/USDJPY } }",
    "a.yaml:2:26: the conversion of A isn't another symbol of the run | there is A",
  ],
  ["benchmark: EURUDS", "a.yaml:2:1: the benchmark EURUDS isn't a symbol of the run | did you mean EURUSD?"],
  ["timezone: America/NewYork", "a.yaml:2:1: timezone: isn't a time zone | did you mean America/New_York?"],
  ["timeframe: 7x", "a.yaml:2:1: timeframe: isn't a length of bars, as in 5m, 1h or 1d"],
  ["from: 2017", "a.yaml:2:1: from: isn't a time, as in 2017-06-01 or 2017-06-01T14:30 (UTC)"],
  ["from: 2018-01-01\nto: 2017-01-01", "a.yaml:3:1: from must come before to"],
  ["hours: { open: 9:30, close: 16:00 }", "a.yaml:2:10: hours.open: isn't a time of the day, as in 09:30"],
  [
    "hours: { open: 09:30, close: 16:00, early: { xmas: 13:00 } }",
    "a.yaml:2:46: hours.early.xmas: isn't a day, as in 2026-12-24",
  ],
  ["margin: 0.5\nleverage: 2", "a.yaml:3:1: leverage: is one over the margin: say one of them"],
  ["strategy: sma-corss", "a.yaml:2:1: strategy: there is no strategy 'sma-corss' | did you mean sma-cross?"],
  ["params: { fast: [1] }", "a.yaml:2:11: params.fast: isn't a number, text, or true or false"],
  ["mode: liv", 'a.yaml:2:1: mode: expected one of "backtest"|"live" | did you mean live?'],
  [
    "mode: live\nsymbols: { A: {} }",
    "a.yaml:2:1: a live run needs a feed | --feed - for stdin, or a program that prints bars",
  ],
  [
    "mode: live\nfeed: x\npause_at: trade 1\nsymbols: { A: {} }",
    "a.yaml:4:1: a live run can't pause: its bars don't wait | leave out pause-at",
  ],
  ["feed: x", "a.yaml:2:1: a feed is of a live run | --mode live"],
  ["pause_at: [trade 1, soon]", "a.yaml:2:21: pause_at[1]: isn't a time, 'trade N' or 'drawdown N%'"],
])("what is wrong in the file is told by its place: %j", async (lines, told) => {
  expect(await refusal(spec(lines))).toBe(`78 ${told}`);
});

test("a file says its version; one that isn't there is exit code 74", async () => {
  const told = (line: string) =>
    `78 b.yaml:${line}: version: isn't set, or not to 1 | the first line says it: version: 1`;
  for (const [text, line] of [
    ["", "1:1"],
    ["cash: 1\nversion: 2", "2:1"],
  ] as const) {
    writeFileSync("b.yaml", text);
    expect(await refusal(specOf("b.yaml", {}))).toBe(told(line));
  }
  const missing = "74 there is no session file none.yaml | stint backtest init NAME makes one";
  expect(await refusal(specOf("none.yaml", {}))).toBe(missing);
  expect(await refusal(spec("strategy: none.ts"))).toBe(
    "74 strategy none.ts can't be read: there is no such file",
  );
});

test.each<[Options, string]>([
  [{ from: 2, to: 1 }, "from must come before to"],
  [{ data: ["A=x.csv", "A=y.csv"] }, "A is there twice | each symbol has one file"],
  [{ data: ["A=x.csv", "y.csv"] }, "of several files each needs its symbol: 'y.csv' | --data SYMBOL=FILE"],
  [
    { data: ["A=x", "B=y"], symbol: "C" },
    "--symbol says what the one file of --data is | --data SYMBOL=FILE for several",
  ],
  [{ symbol: "a b" }, "'a b' can't be a symbol | at most 32 characters, no space"],
  [{ timezone: "Mars" }, "there is no time zone 'Mars' | as in America/New_York, Europe/London or UTC"],
  [{ timeframe: "7x" }, "'7x' isn't a length of bars | as in 5m, 1h or 1d"],
  [{ benchmark: "SPY" }, "the benchmark SPY isn't a symbol of the run | there is EURUSD"],
  [{ pace: 3, speed: 3 }, "a run that follows the clock has a speed, not a pace | leave out --pace"],
  [
    { mode: "live", feed: "-" },
    "a live run must be told its symbols | --symbol NAME, or symbols in a session file",
  ],
  [
    { mode: "live", symbol: "A" },
    "a live run needs a feed | --feed - for stdin, or a program that prints bars",
  ],
  [
    { mode: "live", symbol: "A", feed: "-", detach: true },
    "a run in the background has no stdin to read | --feed PROGRAM",
  ],
  [
    { mode: "live", symbol: "A", feed: "-", watch: true },
    "there is no file to watch: the strategy is built in | give it a strategy's file or a session file",
  ],
  [
    { mode: "live", symbol: "A", feed: "-", speed: 3 },
    "--speed isn't for a live run | its bars come when they come",
  ],
  [{ mode: "live", symbol: "A", feed: "-", from: 3 }, "a live run begins now, and ends with its feed"],
  [{ feed: "-" }, "a feed is of a live run | --mode live"],
  [
    { mode: "live", symbol: "A", feed: "''" },
    "'''' is no feed | - for stdin, or a program and its arguments",
  ],
  [{ watch: true, detach: true }, "a run in the background isn't run again | leave out --watch or --detach"],
  [
    { watch: true },
    "there is no file to watch: the strategy is built in | give it a strategy's file or a session file",
  ],
])("flags that don't go together are refused: %j", async (options, told) => {
  expect(await refusal(specOf(undefined, options))).toBe(`2 ${told}`);
});

test("a file that the flags make wrong is the flags' fault", async () => {
  expect(await refusal(spec("from: 2018-01-01", { to: 0 }))).toBe("2 from must come before to");
  const two = "symbols: { A: x, B: y }\nbenchmark: B";
  expect(await refusal(spec(two, { data: ["A=x"] }))).toStartWith(
    "2 the benchmark B isn't a symbol of the run",
  );
});
