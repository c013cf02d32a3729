/** `stint backtest run` and the commands around it, from the first line to the last. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as remote from "../../src/backtest/adapters/remote.ts";
import { type Line, Sandbox, stint, until } from "../support/sandbox.ts";
import { Hosting } from "./hosting.ts";
import { type strategies, writeStrategy } from "./strategies.ts";

const REFERENCE = ["--param", "fast=15", "--param", "slow=40", "--commission", "0.0001", "--finalize"];
/** The same, as the parsers of the flags give it. */
const OPTIONS = {
  param: { fast: "15", slow: "40" },
  commission: { fixed: 0, rate: 1e-4, perUnit: 0 },
  finalize: true,
};
const sample = new URL("../../src/backtest/sample/EURUSD.csv", import.meta.url).pathname;
const last = (lines: Line[]): Line => lines.at(-1) ?? {};
const stats = (line: Line): Record<string, number> => line["stats"] as Record<string, number>;
const reference = (name: string): Record<string, number> =>
  JSON.parse(readFileSync(join(import.meta.dir, `reference/${name}.json`), "utf8")).stats;
const paused = ({ state }: Line) => state === "paused";
/** A strategy's file in a run's home. */
const written = (host: Hosting, name: keyof typeof strategies) =>
  join(host.home.path, writeStrategy(host.home.path, name));

/** Processes wait for each other as little as can be. */
describe.concurrent("as a process", () => {
  test("a run without arguments is of the bundled sample, and its lines come in the promised order", async () => {
    await using box = new Sandbox(stint.source);
    const { code, lines, err } = await box.run(["backtest", "run"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(lines.every((line) => line["v"] === 1 && typeof line["type"] === "string")).toBe(true);
    expect(lines[0]).toMatchObject({
      type: "session",
      kind: "backtest",
      profile: "default",
      restored: false,
    });
    expect(lines.slice(1, -1).map((line) => line["type"])).toEqual(lines.slice(1, -1).map(() => "progress"));
    expect(lines.length).toBeGreaterThan(2);
    expect(last(lines)).toMatchObject({ type: "result", bust: false, stats: { trades: 262 } });
    expect(String(last(lines)["hash"])).toMatch(/^[0-9a-f]{64}$/);
  });

  test("several runs live side by side; commands ask which is meant", async () => {
    await using box = new Sandbox(stint.source);
    const begin = () => box.run(["backtest", "run", "--paused", "--detach"]);
    const ids = (await Promise.all([begin(), begin()])).map(({ lines }) => String(last(lines)["id"]));
    const asked = await box.run(["backtest", "pause"]);
    expect({ code: asked.code, err: asked.err }).toEqual({
      code: 2,
      err: expect.stringContaining("several runs are live") as unknown as string,
    });
    const stopped = await Promise.all(ids.map((id) => box.run(["backtest", "stop", id.slice(-8)])));
    expect(stopped.map(({ code }) => code)).toEqual([0, 0]);
    const other = await box.run(["backtest", "status", "--profile", "other"]);
    expect(other.err).toContain("there is no such backtest in profile other");
  });

  test("killed while its data is still being read, a run is resumed from the beginning", async () => {
    await using box = new Sandbox(stint.source);
    await using other = new Sandbox(stint.source);
    const whole = other.run(["backtest", "run"]);
    const data = join(box.work, "pipe.csv");
    expect(Bun.spawnSync(["mkfifo", data]).exitCode).toBe(0);
    const child = box.start(["backtest", "run", "--data", "pipe.csv"]);
    const session = await until(async () =>
      (await box.run(["sessions"])).lines.find(({ state }) => state === "starting"),
    );
    child.kill("SIGKILL");
    await child.exited;
    Bun.spawnSync(["rm", data]);
    copyFileSync(sample, data);
    const resumed = await box.run(["backtest", "resume", String(session?.["id"])]);
    expect(last(resumed.lines)["hash"]).toBe(last((await whole).lines)["hash"] as string);
  });

  test("bad arguments are refused before anything is begun", async () => {
    await using box = new Sandbox(stint.source);
    const refused = async (args: string[], code: number, error: string) => {
      const ran = await box.run(["backtest", "run", ...args]);
      expect({ code: ran.code, out: ran.out, err: ran.err }).toEqual({
        code,
        out: "",
        err: expect.stringContaining(error) as unknown as string,
      });
    };
    await Promise.all([
      refused(["--cash", "-5"], 2, "--cash: must be a number above 0"),
      refused(["--pause-at", "noon"], 2, "--pause-at: must be a time, 'trade N' or 'drawdown N%'"),
      refused(["--param", "slwo=40"], 2, "the strategy has no parameter 'slwo'"),
    ]);
    expect((await box.run(["sessions"])).out).toBe("");
  });

  test("the same source runs the sample under Deno, to the same bits", async () => {
    await using deno = new Sandbox(stint.deno);
    await using bun = new Sandbox(stint.source);
    const [there, here] = await Promise.all([
      deno.run(["backtest", "run", ...REFERENCE]),
      bun.run(["backtest", "run", ...REFERENCE]),
    ]);
    expect({ code: there.code, err: there.err }).toEqual({ code: 0, err: "" });
    expect(last(there.lines)["hash"]).toBe(last(here.lines)["hash"] as string);
    expect((await deno.run(["sessions"])).lines).toHaveLength(1);
  });
});

test.each([
  ["sma_15_40_flip", OPTIONS],
  ["sma_15_40_flip_open", { ...OPTIONS, finalize: false }],
  ["sma_15_40_exclusive", { ...OPTIONS, exclusive: true }],
  ["sma_7_33_on_close", { param: { fast: "7", slow: "33" }, tradeOnClose: true, finalize: true }],
  [
    "sma_12_50_long",
    { commission: { fixed: 0.5, rate: 1e-5, perUnit: 0 }, spread: 5e-5, finalize: true, own: "longOnly" },
  ],
] as const)("a run comes to the reference result %s", async (name, { ...options }) => {
  await using host = new Hosting();
  const strategy = "own" in options ? { strategy: written(host, options.own) } : {};
  const result = await host.run({ ...options, ...strategy });
  const want = reference(name);
  for (const [ours, theirs] of [
    ["trades", "# Trades"],
    ["equity_final", "Equity Final [$]"],
    ["sharpe", "Sharpe Ratio"],
    ["max_drawdown_pct", "Max. Drawdown [%]"],
    ["profit_factor", "Profit Factor"],
    ["sqn", "SQN"],
  ] as const) {
    const difference = Math.abs((stats(result)[ours] as number) / (want[theirs] as number) - 1);
    expect({ [ours]: difference < 1e-9 }).toEqual({ [ours]: true });
  }
});

test("what status says of a run that is paused, runs, has ended", async () => {
  await using host = new Hosting();
  host.begin({ ...OPTIONS, pace: 6000, paused: true });
  const held = await host.reached(paused);
  const fields = (line: Line) => ({
    manager: Object.keys(line["system_manager"] as object),
    metrics: Object.keys(line["performance_metrics"] as object),
  });
  const wanted = {
    manager: ["_state", "_mode", "timezone", "transitions"],
    metrics: [
      "session_duration",
      "paused_duration",
      "bars_processed",
      "processor_timing",
      "analysis_timing",
      "bars_per_second",
    ],
  };
  expect(fields(held)).toEqual(wanted);
  expect(held).toMatchObject({
    type: "backtest",
    mode: "backtest",
    speed: 0,
    timeframe: "1h",
    bar: 0,
    bars: 5000,
    system_manager: { _state: "paused", _mode: "backtest", timezone: "America/New_York" },
    performance_metrics: { bars_processed: 0, processor_timing: null, bars_per_second: 0 },
    lag: null,
    feed: null,
  });
  await host.resume();
  // The first block that is timed is over.
  const running = await host.reached(({ bar }) => Number(bar) > 1_500);
  expect(fields(running)).toEqual(wanted);
  const timing = { samples: expect.any(Number), mean_us: expect.any(Number), max_us: expect.any(Number) };
  expect(running).toMatchObject({
    state: "running",
    system_manager: { _state: "running" },
    performance_metrics: {
      bars_processed: running["bar"],
      processor_timing: timing,
      analysis_timing: timing,
    },
    lag: null,
  });
  const counted = {
    mode: "data-driven",
    signals: running["bar"],
    waits: running["bar"],
    resets: running["bar"],
    overruns: 0,
  };
  expect(running["subscriptions"]).toMatchObject([
    { name: "coordinator → processor", ...counted },
    { name: "processor → analysis", ...counted },
  ]);
  await host.ended();
  const ended = await host.status();
  expect(fields(ended)).toEqual(wanted);
  expect(ended).toMatchObject({
    state: "stopped",
    result: { bars: 5000 },
    system_manager: {
      _state: "stopped",
      transitions: [
        { from: "stopped", to: "running" },
        { from: "running", to: "paused" },
        { from: "paused", to: "running" },
        { from: "running", to: "stopped" },
      ],
    },
    performance_metrics: { bars_processed: 5000 },
    lag: null,
  });
  // 5,000 bars at 6,000 a second.
  const { session_duration, bars_per_second } = ended["performance_metrics"] as Record<string, number>;
  expect(session_duration).toBeGreaterThan(0.8);
  expect(bars_per_second).toBeCloseTo(5000 / (session_duration ?? 0), 6);
});

test("a resumed run's speed is that of what it works itself", async () => {
  await using host = new Hosting();
  const two = { data: [`A=${sample}`, `B=${sample}`] };
  host.begin({ ...two, paused: true });
  await host.reached(paused);
  await host.step(4000);
  await host.terminate();
  host.resumeStored({ pace: 1500 });
  const seen = await host.reached(({ bar }) => Number(bar) > 4400);
  const { bars_processed, bars_per_second } = seen["performance_metrics"] as Record<string, number>;
  expect(bars_processed).toBe(Number(seen["bar"]) * 2);
  expect(bars_per_second).toBeGreaterThan(1000);
  expect(bars_per_second).toBeLessThan(4500);
  expect(Number(seen["bars_per_second"])).toBeLessThan(20_000);
});

test("a resumed run whose data or strategy has changed is refused, and says which", async () => {
  await using host = new Hosting();
  const data = join(host.home.path, "data.csv");
  copyFileSync(sample, data);
  const spin = written(host, "spin");
  host.begin({ data: [data], strategy: written(host, "slow"), paused: true, from: Date.UTC(2018, 1, 1) });
  await host.reached(paused);
  await host.step(10);
  await host.terminate();
  const resumed = async () => {
    host.resumeStored();
    const { code, err } = await host.ended();
    return { code, first: err.split("\n")[0] };
  };
  const text = readFileSync(spin, "utf8");
  writeFileSync(spin, `${text}\n// edited`);
  expect(await resumed()).toEqual({ code: 1, first: `stint: ${spin} has changed since this run was begun` });
  writeFileSync(spin, text);
  const rows = readFileSync(data, "utf8");
  writeFileSync(data, rows.replace("1.07219", "1.07218"));
  expect(await resumed()).toEqual({ code: 1, first: `stint: ${data} has changed since this run was begun` });
  writeFileSync(data, rows);
  expect(await resumed()).toMatchObject({ code: 0 });
});

const header = "time,open,high,low,close\n";
test.each([
  ["a missing file", "none.csv", undefined, "none.csv can't be read: there is no such file"],
  ["an empty file", "empty.csv", "", "empty.csv:1: the file is empty"],
  [
    "a wrong column",
    "columns.csv",
    "time,open,high,low,what\n2020-01-01,1,1,1,1\n",
    "columns.csv:1: no close column",
  ],
  [
    "a bad number",
    "number.csv",
    `${header}2020-01-01,1,2,1,1\n2020-01-02,1,x,1,1\n`,
    'number.csv:3: high is not a number: "x"',
  ],
  ["NaN", "nan.csv", `${header}2020-01-01,1,NaN,1,1\n`, 'nan.csv:2: high is not a number: "NaN"'],
  [
    "times out of order",
    "order.csv",
    `${header}2020-01-02,1,2,1,1\n2020-01-03,1,2,1,1\n2020-01-01,1,2,1,1\n`,
    "order.csv:4: the time 2020-01-01 00:00 is before",
  ],
  [
    "a doubled time",
    "twice.csv",
    `${header}2020-01-02,1,2,1,1\n2020-01-02,1,2,1,1\n`,
    "twice.csv:3: the time 2020-01-02 00:00 is that of the bar before",
  ],
  ["high below low", "range.csv", `${header}2020-01-02,1,1,2,1\n`, "range.csv:2: high 1 is below low 2"],
])(
  "%s is one clear line with file and row, and leaves nothing behind",
  async (_what, file, content, error) => {
    await using host = new Hosting();
    const path = join(host.home.path, file);
    if (content !== undefined) writeFileSync(path, content);
    host.begin({ data: [path] });
    const { code, out, err } = await host.ended();
    expect({ code, out }).toEqual({ code: 74, out: "" });
    expect(err.split("\n")[0]).toContain(error);
    await expect(host.status()).rejects.toThrow("there is no such backtest");
  },
);

test.each([
  ["throws", 78, "strategy ~/throws.ts: boom (at bar 7, 2017-04-19 16:00)"],
  ["throwsInInit", 78, "strategy ~/throwsInInit.ts: init: no such thing"],
  ["throwsOnFill", 78, "strategy ~/throwsOnFill.ts: filled at 1."],
  ["throwsOnDerived", 78, "strategy ~/throwsOnDerived.ts: derived (at bar 1, 2017-04-19 10:00)"],
  ["throwsAtEnd", 78, "strategy ~/throwsAtEnd.ts: over (at bar 4999,"],
  ["throwsInCommission", 78, "strategy ~/throwsInCommission.ts: commission must come to an amount, not NaN"],
  ["async", 78, "strategy ~/async.ts: onBar returned a promise: it must not be async"],
  ["future", 78, "strategy ~/future.ts: asked for a bar of the future"],
  ["unserialisable", 78, "strategy ~/unserialisable.ts: ctx.state.deep[0].when is a Date"],
  ["shares", 78, "ctx.state.all[0] is the same object as ctx.state.now"],
  ["noDefault", 78, "strategy ~/noDefault.ts: it has no default export"],
  ["noOnBar", 78, "strategy ~/noOnBar.ts: its default export has no onBar()"],
  ["syntax", 78, "strategy ~/syntax.ts: it can't be loaded"],
  ["stopLoss", 78, "strategy ~/stopLoss.ts: an order to buy needs sl (2) < price (1.0726)"],
  ["bareNumber", 78, "an order is { size, units, limit, stop, sl, tp, trail, tif, tag }, not 10"],
  ["ownField", 78, "strategy ~/ownField.ts: "],
] as const)("a strategy that %s ends with one clear line", async (name, code, error) => {
  await using host = new Hosting();
  host.begin({ strategy: written(host, name) });
  const ran = await host.ended();
  expect({
    code: ran.code,
    first: ran.err.split("\n")[0]?.replace(`${host.home.path}/`, "~/").replace("~/~/", "~/"),
  }).toEqual({
    code,
    first: expect.stringContaining(error) as unknown as string,
  });
  expect(host.log.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("a strategy that ends its own thread is told", async () => {
  await using host = new Hosting();
  host.begin({ strategy: written(host, "exits") });
  expect(await host.ended()).toMatchObject({
    code: 78,
    err: expect.stringContaining("exits.ts: it ended its own thread"),
  });
});

test("stopped by a signal, a run keeps its last bar and goes on from there", async () => {
  await using host = new Hosting();
  const whole = await host.run(OPTIONS);
  host.begin({ ...OPTIONS, pace: 2000 });
  await host.reached(({ state, bar }) => state === "running" && Number(bar) > 200);
  const stopped = last((await host.terminate()).lines);
  expect(stopped).toMatchObject({ type: "stopped", bars: 5000 });
  host.resumeStored({ pace: 1e6 });
  const { lines } = await host.ended();
  expect(last(lines)["hash"]).toBe(whole["hash"] as string);
  const first = lines.find(({ type }) => type === "progress");
  expect(Number(first?.["bar"])).toBeGreaterThan(Number(stopped["bar"]));
});

test("a strategy that loops for ever, at a bar or while its file is loaded, is stopped all the same", async () => {
  await using host = new Hosting();
  for (const [name, state] of [
    ["endless", "running"],
    ["endlessLoad", "starting"],
  ] as const) {
    host.begin({ strategy: written(host, name) });
    await host.reached((status) => status["state"] === state && status["loaded"] === 1);
    await host.stop();
    expect((await host.ended()).lines.at(-1)?.["type"]).not.toBe("result");
  }
});

test("a strategy's file that isn't there is an error of reading", async () => {
  await using host = new Hosting();
  host.begin({ strategy: "nope.ts" });
  const { code, err } = await host.ended();
  expect({ code, err }).toEqual({
    code: 74,
    err: expect.stringContaining(
      "strategy nope.ts can't be read: there is no such file",
    ) as unknown as string,
  });
});

test("parameters that the strategy hasn't, or can't take, are refused with what would do", async () => {
  await using host = new Hosting();
  for (const [param, error] of [
    [{ fsat: "10" }, /no parameter 'fsat'\n.*fast/],
    [{ fast: "ten" }, /parameter 'fast' must be a whole number from 1 on, not 'ten'/],
    [{ slow: "0" }, /parameter 'slow' must be a whole number from 1 on, not '0'/],
  ] as const) {
    host.begin({ param });
    const { code, err, out } = await host.ended();
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(error);
  }
});

test("a strategy that fails after it began is remembered as failed, and can't be resumed", async () => {
  await using host = new Hosting();
  await host.run({ strategy: written(host, "throws") });
  expect(await host.status()).toMatchObject({ state: "stopped", failure: expect.stringContaining("boom") });
  const { session_id } = await host.status();
  host.resumeStored({}, String(session_id));
  expect(await host.ended()).toMatchObject({ code: 1, err: expect.stringContaining("failed: ") });
});

test("what a strategy prints goes to the log, not into the data", async () => {
  await using host = new Hosting();
  expect(await host.run({ strategy: written(host, "talks") })).toMatchObject({ type: "result" });
  const said = host.log.lines.map(({ text }) => text);
  expect(said.filter((text) => /^(from|bar)/.test(text))).toEqual(["from the file", "bar { index: 1 }"]);
});

test("settings come from flags, then the environment, then files", async () => {
  await using host = new Hosting();
  const before = process.cwd();
  process.chdir(host.home.path);
  try {
    writeFileSync("stint.yaml", "backtest:\n  cash: 2000\n");
    const peak = async (options = {}) =>
      stats(await host.run({ from: Date.UTC(2018, 1, 7), ...options }))["equity_peak"];
    expect(await peak()).toBe(2000);
    process.env["STINT_BACKTEST_CASH"] = "3000";
    expect(await peak()).toBe(3000);
    expect(await peak({ cash: 4000 })).toBe(4000);
  } finally {
    delete process.env["STINT_BACKTEST_CASH"];
    process.chdir(before);
  }
});

test("a range of the data is run by from and to", async () => {
  await using host = new Hosting();
  await host.run({ from: Date.UTC(2017, 5, 1), to: Date.UTC(2017, 5, 2, 12) });
  expect(host.lines.findLast((line) => line["type"] === "progress")).toMatchObject({
    bars: 36,
    time: Date.UTC(2017, 5, 2, 11),
  });
});

test("watch on a pipe gives a line for each state until the run is over", async () => {
  await using host = new Hosting();
  host.begin({ paused: true });
  await host.reached(paused);
  const states: unknown[] = [];
  const watching = host.do((context) =>
    remote.watch(
      {
        ...context,
        output: Object.assign(Object.create(context.output) as typeof context.output, {
          emit: ({ state }: Line) => states.push(state),
        }),
      },
      undefined,
    ),
  );
  await until(() => states.length > 0);
  await host.step(3);
  await host.resume();
  await watching;
  expect(states[0]).toBe("paused");
  expect(states).toContain("running");
});

/** Runs it whole, and stopped at a bar and resumed: the two hashes. */
async function bothHashes(host: Hosting, options: object, bars: number): Promise<unknown[]> {
  const whole = (await host.run({ ...options }))["hash"];
  host.begin({ ...options, paused: true });
  await host.reached(paused);
  await host.step(bars);
  await host.terminate();
  host.resumeStored();
  return [whole, last((await host.ended()).lines)["hash"]];
}

test("short trades that break even don't change the hash of a resumed run", async () => {
  await using host = new Hosting();
  const rows = Array.from({ length: 300 }, (_, i) => `${1_577_836_800 + i * 60},1,1,1,1`);
  const flat = join(host.home.path, "flat.csv");
  writeFileSync(flat, `${header}${rows.join("\n")}\n`);
  const [whole, resumed] = await bothHashes(host, { data: [flat], strategy: written(host, "flip") }, 100);
  expect(resumed).toBe(whole);
});

test.each(["remembersTrades", "everything"] as const)(
  "what the strategy %s reads and remembers is that of its bar, resumed or not",
  async (name) => {
    await using host = new Hosting();
    const [whole, resumed] = await bothHashes(host, { strategy: written(host, name) }, 340);
    expect(resumed).toBe(whole);
  },
);

test.each(["tradeOnClose", "exclusive", "finalize", "hedging"])(
  "a run with %s is resumed to the same hash",
  async (option) => {
    await using host = new Hosting();
    const [whole, resumed] = await bothHashes(host, { [option]: true, spread: 1e-4 }, 1234);
    expect(resumed).toBe(whole);
  },
);

test("a file that a strategy requires is part of it", async () => {
  await using host = new Hosting();
  const size = join(host.home.path, "size.cjs");
  writeFileSync(size, "exports.size = 10;");
  host.begin({ strategy: written(host, "requires"), paused: true });
  await host.reached(paused);
  await host.terminate();
  writeFileSync(size, "exports.size = 20;");
  host.resumeStored();
  expect(await host.ended()).toMatchObject({ code: 1, err: expect.stringContaining("size.cjs has changed") });
});

test.each([
  ["the newest checkpoint is", "(SELECT max(n) FROM checkpoint)", 1],
  ["all checkpoints are", "(SELECT max(n) - 2 FROM checkpoint)", 3],
])("when %s spoiled, a run goes on from before and comes to the same hash", async (_what, from, spoiled) => {
  await using host = new Hosting();
  const whole = (await host.run({}))["hash"];
  host.begin({ paused: true });
  await host.reached(paused);
  for (const _ of [1, 2, 3]) await host.step(400);
  await host.terminate();
  const db = new Database(join(host.home.path, "data/stint/stint.db"));
  db.run(`UPDATE checkpoint SET state = replace(state, 'cash', 'c"sh') WHERE n >= ${from}`);
  expect(db.query("SELECT changes() AS n").get()).toEqual({ n: spoiled });
  db.close();
  host.resumeStored();
  const { code, err, lines } = await host.ended();
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(last(lines)["hash"]).toBe(whole as string);
});

test("an id that could be of several runs is refused, and a finished one isn't resumed", async () => {
  await using host = new Hosting();
  await host.run({});
  const { id } = await host.run({});
  const status = (id: string) => host.do((context) => remote.status(context, id));
  await expect(status(String(id).slice(0, 4))).rejects.toThrow("begins or ends with");
  expect((await status(String(id).slice(-8)))["session_id"]).toBe(id);
  host.resumeStored({}, String(id));
  expect(await host.ended()).toMatchObject({ code: 1, err: expect.stringContaining("is finished") });
});

test("a step is seen on its way, and a resume cuts it short", async () => {
  await using host = new Hosting();
  written(host, "spin");
  host.begin({ strategy: written(host, "slow"), paused: true });
  await host.reached(paused);
  const stepping = host.step(4000).catch((error: Error) => error.message);
  const first = await host.reached(({ bar }) => Number(bar) > 30);
  await host.reached(({ bar }) => Number(bar) > Number(first["bar"]));
  await host.resume();
  expect(await stepping).toContain("cut short");
});

test("orders that the account can't carry are dropped and counted", async () => {
  await using host = new Hosting();
  expect(await host.run({ strategy: written(host, "tooLarge") })).toMatchObject({
    type: "result",
    dropped_orders: 4,
  });
  host.begin({ strategy: written(host, "tooLarge"), paused: true });
  // Without a name it is called as its file is.
  expect((await host.reached(paused))["strategy"]).toBe("tooLarge");
});

test("with --watch it runs again when its strategy or an import changes, tells what is wrong with one, and Ctrl+C ends it", async () => {
  await using host = new Hosting();
  const size = join(host.home.path, "size.cjs");
  writeFileSync(size, "exports.size = 10;");
  const strategy = written(host, "requires");
  host.begin({ strategy, watch: true });
  const results = () => host.lines.filter(({ type }) => type === "result");
  const waiting = (times: number) =>
    until(() => host.notes.filter((note) => note.startsWith("waiting for a change")).length === times);
  await waiting(1);
  const text = readFileSync(strategy, "utf8");
  writeFileSync(size, "exports.size = 20;");
  await waiting(2);
  writeFileSync(strategy, text.replace("default {", "default {{"));
  await waiting(3);
  expect(host.notes.at(-2)).toContain("it can't be loaded");
  writeFileSync(strategy, text.replace("% 50", "% 70"));
  await waiting(4);
  const hashes = results().map(({ hash }) => hash);
  expect([hashes.length, new Set(hashes).size]).toEqual([3, 3]);
  expect(new Set(results().map(({ id }) => id)).size).toBe(3);
  // One that doesn't end by itself makes way for the next.
  writeFileSync(strategy, text.replace("onBar(ctx) {", "onBar(ctx) { for (;;) {}"));
  await host.reached(({ state }) => state === "running");
  writeFileSync(strategy, text);
  await waiting(5);
  expect(results().at(-1)?.["hash"]).toBe(hashes[1] as string);
  expect((await host.terminate()).code).toBe(0);
});
