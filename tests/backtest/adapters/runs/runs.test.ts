import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import * as remote from "../../../../src/backtest/adapters/remote.ts";
import {
  addRun,
  saveCheckpoint,
  schema,
  setFailure,
  setResult,
} from "../../../../src/backtest/adapters/runs/journal.ts";
import * as runs from "../../../../src/backtest/adapters/runs/runs.ts";
import { plainSettings } from "../../../../src/backtest/core/broker/account.ts";
import { plainInstrument } from "../../../../src/backtest/core/broker/instrument.ts";
import { plainSource } from "../../../../src/backtest/core/data/data-source.ts";
import { statistics } from "../../../../src/backtest/core/results/statistics.ts";
import type { Run } from "../../../../src/backtest/core/run.ts";
import type { Result } from "../../../../src/backtest/core/run-state.ts";
import { claimSession, recordState } from "../../../../src/kernel/checkpoint.ts";
import { systemClock } from "../../../../src/kernel/clock.ts";
import type { Context } from "../../../../src/kernel/command.ts";
import { openStore, readStore } from "../../../../src/kernel/store.ts";
import { enterHome, type Home } from "../../../support/home.ts";
import { inProcess } from "../../../support/in-process.ts";
import {
  readReference,
  referenceBars,
  referenceEquity,
  referenceTrades,
  referenceValue,
} from "../../core/reference.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

function runOf(changes: Partial<Run> = {}): Run {
  return {
    strategy: { source: { builtin: "sma-cross" }, files: {} },
    engine: 2,
    params: { fast: 15, slow: 40 },
    mode: "backtest",
    symbols: [
      {
        instrument: plainInstrument("EURUSD"),
        source: plainSource({ sample: "EURUSD" }),
        hash: "0123456789abcdef",
        joined: null,
      },
    ],
    timeframe: null,
    from: null,
    to: null,
    timezone: "America/New_York",
    hours: null,
    settings: { ...plainSettings(10_000), finalize: true },
    seed: 1,
    benchmark: null,
    ...changes,
  };
}

/** What a reference run came to, as our engine would keep it. */
function cameTo(id: string) {
  const reference = readReference(id);
  const bars = referenceBars(reference);
  const equity = referenceEquity(reference);
  const trades = referenceTrades(reference);
  const warmup = reference.strategy_params.n2 - 1;
  const stats = statistics({
    symbols: [{ symbol: "EURUSD", bars, warmup }],
    time: bars.time,
    equity,
    trades,
    timezone: "UTC",
    benchmark: null,
  });
  const hash = Bun.hash(equity).toString(16);
  const result: Result = {
    stats,
    hash,
    bust: false,
    bars: bars.length,
    steps: bars.length,
    dropped_orders: 0,
    unseen_symbols: [],
  };
  return { reference, equity, trades, result };
}

const flip = cameTo("sma_15_40_flip");
const exclusive = cameTo("sma_15_40_exclusive");
const onClose = cameTo("sma_7_33_on_close");

/** Ids in the order of their making; each ends with its number. */
const idOf = (n: number) => `0192a000-0000-7000-8000-${String(n).padStart(12, "0")}`;

type Kept = { run?: Run; of?: ReturnType<typeof cameTo>; state?: "stopped" | "running"; failure?: string };

/** Puts a run into the store. Without `of` it stands at bar 100, with nothing to show. */
async function keep(n: number, { run = runOf(), of, state = "stopped", failure }: Kept): Promise<string> {
  const id = idOf(n);
  await using store = await openStore({ schemas: [schema] });
  await store.write((db) => {
    claimSession(db, { id, kind: "backtest", profile: "default" }, systemClock);
    addRun(db, id, "default", run);
    const upTo = of ? of.equity.length : 100;
    saveCheckpoint(
      db,
      {
        session: id,
        type: "STOPPED",
        snapshot: { next: upTo, state: { engine: "{}", strategy: "{}" }, trades: of?.trades ?? [] },
        equity: of?.equity ?? new Float64Array(100).fill(10_000),
        since: { trades: 0, bars: 0 },
        upTo,
      },
      systemClock,
    );
    if (of) setResult(db, id, of.result);
    if (failure !== undefined) setFailure(db, id, failure);
    recordState(db, id, state, systemClock);
  });
  return id;
}

/** What a command says to a person at a terminal without colours, or with colours shown as `<31>…</>`. */
async function toPeople(work: (context: Context) => Promise<number>, colour = false): Promise<string> {
  let said = "";
  const text = (more: string) => {
    said += more;
  };
  const output = {
    json: false,
    colour,
    text,
    emit: (_record: unknown, people?: () => string) => text(`${people?.() ?? ""}\n`),
    note: (note: string) => text(`${note}\n`),
    paint: (code: number, of: string) => (colour ? `<${code}>${of}</>` : of),
  };
  expect(await work({ output, profile: "default" } as unknown as Context)).toBe(0);
  return said;
}

/** A row of the trades of a run of one symbol: number, size and entry. */
const TRADE = /^\d+ +-?\d+ +20\d\d-/;

const list = (context: Context) => runs.list(context, false);

describe("list", () => {
  test("without any run says how to make one", async () => {
    expect(await toPeople(list)).toContain("stint backtest run");
    expect((await inProcess(list)).lines).toEqual([]);
  });

  test("shows finished, failed and unfinished runs, the newest first", async () => {
    await keep(1, { of: flip });
    await keep(2, { failure: "it threw" });
    await keep(3, {});
    const { lines } = await inProcess(list);
    expect(lines.map(({ id, finished, bars }) => [id, finished, bars])).toEqual([
      [idOf(3), false, 100],
      [idOf(2), false, 100],
      [idOf(1), true, 5000],
    ]);
    expect(lines[2]).toMatchObject({
      v: 1,
      type: "run",
      state: "stopped",
      strategy: "sma-cross",
      params: { fast: 15, slow: 40 },
      symbols: ["EURUSD"],
      trades: 133,
      return_pct: expect.closeTo(referenceValue(flip.reference, "Return [%]") as number, 9),
      sharpe: expect.closeTo(referenceValue(flip.reference, "Sharpe Ratio") as number, 9),
    });
    expect(lines[1]).toMatchObject({ failure: "it threw", return_pct: null });
    const rows = (await toPeople(list)).split("\n");
    expect(rows[1]).toMatch(/^00000003 .*sma-cross EURUSD fast=1… +stopped +–/);
    expect(rows[2]).toMatch(/^00000002 .* failed /);
    expect(rows[3]).toMatch(/^00000001 .*sma-cross EURUSD fast=1… +-8.2% +-11.4% +-1.39 +133$/);
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(80);
  });

  test("names the parameters that aren't the strategy's own, and no Sharpe ratio of a few days", async () => {
    const short = { ...flip.result, stats: { ...flip.result.stats, duration_ms: 7_200_000, sharpe: -761 } };
    await keep(1, { of: { ...flip, result: short }, run: runOf({ params: { fast: 10, slow: 20 } }) });
    const file = { source: { file: "/home/ada/mine.ts" }, files: {} };
    await keep(2, { of: flip, run: runOf({ strategy: file, params: { n: 3 } }) });
    const [, mine, plain] = (await toPeople(list)).split("\n");
    expect(mine).toContain("mine EURUSD n=3");
    expect(plain).toContain("sma-cross EURUSD  ");
    expect(plain).toMatch(/% +– +133$/);
  });

  test("shows a person the newest twenty, and all when asked", async () => {
    for (let n = 1; n <= 22; n++) await keep(n, {});
    const few = await toPeople(list);
    expect(few.split("\n").filter((line) => line.startsWith("000000"))).toHaveLength(20);
    expect(few).toContain("2 older: stint backtest list --all");
    const all = await toPeople((context) => runs.list(context, true));
    expect(all.split("\n").filter((line) => line.startsWith("000000"))).toHaveLength(22);
  });
});

describe("show", () => {
  const show =
    (id: string | undefined, all = false) =>
    (context: Context) =>
      runs.show(context, id, all);

  test("tells settings that aren't the usual, statistics, months and the last trades", async () => {
    const settings = {
      ...plainSettings(5_000),
      commission: { fixed: 0.5, rate: 1e-5, perUnit: 0 },
      slippage: { kind: "rate", rate: 0.0001 },
      finalize: true,
    } as const;
    const id = await keep(1, { of: flip, run: runOf({ settings }) });
    const said = await toPeople(show(undefined));
    expect(said).toContain(`sma-cross EURUSD  ${id}`);
    for (const fact of [
      /param fast +15/,
      /cash +5000/,
      /commission +0.5\+0.00001/,
      /slippage +0.01%/,
      /finalize +yes/,
      /EURUSD data +sample EURUSD/,
      /EURUSD hash +0123456789ab$/m,
    ]) {
      expect(said).toMatch(fact);
    }
    // What is usual isn't told.
    for (const usual of ["hedging", "borrow  ", "timezone", "leverage"])
      expect(said).not.toContain(`  ${usual}  `);
    expect(said).toMatch(/final equity +9180.06/);
    expect(said).toMatch(/longest drawdown +265 d 18 h/);
    // The months: from April 2017 to February 2018.
    expect(said).toMatch(/^ {2}2017 {16,}/m);
    expect(said).toMatch(/^ {2}2018 /m);
    expect(said).toMatch(/[\u2801-\u28ff]/);
    const trades = said.split("\n").filter((line) => TRADE.test(line));
    expect(trades).toHaveLength(20);
    // The last row of the reference's trades.
    expect(trades.at(-1)).toMatch(
      /^133 +-7438 +2018-02-07 13:00 +02-07 15:00 +1.23422 +1.23427 +-2.21 +close$/,
    );
    expect(Math.max(...trades.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(said).toContain("113 older: stint backtest show 00000001 --trades");
    const all = await toPeople(show(id.slice(-6), true));
    expect(all.split("\n").filter((line) => TRADE.test(line))).toHaveLength(133);
  });

  test("says losses in red and wins in green", async () => {
    await keep(1, { of: flip });
    const said = await toPeople(show(undefined), true);
    expect(said).toContain("<31> -1.");
    expect(said).toMatch(/<31>133 +-7438/);
  });

  test("as JSON is one line with all that is kept", async () => {
    const run = runOf();
    const id = await keep(1, { of: flip, run });
    const { lines } = await inProcess(show("0001", true));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ v: 1, type: "run", id, finished: true, run, failure: null });
    const { result, trades } = lines[0] as unknown as { result: Result; trades: unknown[] };
    expect(result.stats).toEqual(flip.result.stats);
    expect(trades).toHaveLength(133);
    const [first] = flip.trades;
    // As status shows them, and what they cost.
    expect(trades[0]).toEqual({
      symbol: "EURUSD",
      size: -9330,
      entry_bar: 44,
      exit_bar: 63,
      entry_time: Date.UTC(2017, 3, 21, 5),
      exit_time: Date.UTC(2017, 3, 24),
      entry_price: first?.entryPrice,
      exit_price: first?.exitPrice,
      pnl: first?.pnl,
      return_pct: expect.closeTo(-1.487111982083, 12) as unknown,
      commission: first?.commission,
      borrow: 0,
      mae_pct: 0,
      mfe_pct: 0,
      why: "close",
      tag: null,
    });
  });

  test("of a trade left open says so, and what it brought", async () => {
    const stats = { ...flip.result.stats, trades: 0, open_trades: 1, open_pnl: 703.21 };
    await keep(1, { of: { ...flip, trades: [], result: { ...flip.result, stats } } });
    const said = await toPeople(show(undefined));
    expect(said).toContain("1 trade open at the end (+703.21); --finalize counts it");
    expect(said).toMatch(/open trades +1$/m);
    expect(said).toMatch(/open PnL +703.21$/m);
  });

  test("of an unfinished run says where it stands", async () => {
    await keep(1, { failure: "line 3: boom" });
    const said = await toPeople(show(undefined));
    expect(said).toContain("failed");
    expect(said).toContain("line 3: boom");
    expect(said).toContain("at bar 100: stint backtest resume 00000001");
  });

  test("of too few characters of an id is refused with the reason", async () => {
    await keep(1, {});
    const { code, err } = await inProcess(show("001"));
    expect([code, err]).toEqual([2, expect.stringContaining("'001' is too short for an id")]);
  });

  test("of an id that isn't there is the answer no", async () => {
    await keep(1, {});
    const { code, err } = await inProcess(show("ffffffff"));
    expect([code, err]).toEqual([1, expect.stringContaining("ffffffff")]);
  });
});

describe("watch", () => {
  test("of a finished run says so and where its result is, of one that was stopped how it goes on", async () => {
    await keep(1, { of: flip });
    await keep(2, {});
    const over = await inProcess((context) => remote.watch(context, "00000001"));
    expect([over.code, over.err]).toEqual([1, expect.stringContaining(`run ${idOf(1)} is finished`)]);
    expect(over.err).toContain("stint backtest show 00000001; stint backtest report 00000001");
    const stopped = await inProcess((context) => remote.watch(context, "00000002"));
    expect(stopped.err).toContain("stint backtest resume 00000002");
  });
});

describe("compare", () => {
  const compare = (a: string, b: string) => (context: Context) => runs.compare(context, a, b);

  test("tells what differs, and each statistic with the difference", async () => {
    await keep(1, { of: flip });
    const settings = { ...plainSettings(10_000), tradeOnClose: true, finalize: true };
    await keep(2, { of: onClose, run: runOf({ params: { fast: 7, slow: 33 }, settings }) });
    const { lines } = await inProcess(compare("00000001", "00000002"));
    expect(lines[0]).toMatchObject({ v: 1, type: "comparison", a: idOf(1), b: idOf(2), same: false });
    const {
      settings: differs,
      statistics,
      months,
    } = lines[0] as unknown as {
      settings: unknown;
      statistics: Record<string, { a: number; b: number; difference: number }>;
      months: { year: number; month: number; a: number; b: number }[];
    };
    expect(differs).toEqual([
      { name: "param fast", a: "15", b: "7" },
      { name: "param slow", a: "40", b: "33" },
      { name: "trade on close", a: "no", b: "yes" },
    ]);
    expect(statistics["trades"]).toEqual({ a: 133, b: 171, difference: 38 });
    expect(statistics["equity_final"]?.difference).toBeCloseTo(9990.88752 - 9180.06396962001, 6);
    expect(months.map(({ year, month }) => `${year}-${month}`)).toEqual([
      "2017-4",
      "2017-5",
      "2017-6",
      "2017-7",
      "2017-8",
      "2017-9",
      "2017-10",
      "2017-11",
      "2017-12",
      "2018-1",
      "2018-2",
    ]);
    const said = await toPeople(compare("00000001", "00000002"));
    expect(said).toMatch(/^trade on close +no +yes$/m);
    expect(said).toMatch(/^trades +133 +171 +\+38$/m);
    expect(said).toMatch(/^return +-8.20 % +-0.09 % +\+8.11 %$/m);
    expect(said).toMatch(/^2017-04 /m);
  });

  test("draws both curves over each other, with a letter where each ends", async () => {
    await keep(1, { of: flip });
    await keep(2, { of: onClose });
    const said = await toPeople(compare("00000001", "00000002"));
    const chart = said.split("\n").filter((line) => /[\u2801-\u28ff]/.test(line));
    expect(chart).toHaveLength(8);
    const rowOf = (letter: string) => chart.findIndex((line) => new RegExp(`^.{67}.?${letter}`).test(line));
    // The one ends at −8.2 % and the other where it began: below and above.
    expect(rowOf("A")).toBeGreaterThan(rowOf("B"));
    const coloured = await toPeople(compare("00000001", "00000002"), true);
    expect(coloured).toMatch(/<36>[\u2801-\u28ff]<\/>/);
    expect(coloured).toMatch(/<33>[\u2801-\u28ff]<\/>/);
    // What one colour says is the same as what both say together.
    expect(coloured.replace(/<\d+>|<\/>/g, "")).toBe(said);
  });

  test("says when two runs came to the same, to the bit", async () => {
    await keep(1, { of: flip });
    await keep(2, {
      of: exclusive,
      run: runOf({ settings: { ...plainSettings(10_000), exclusiveOrders: true, finalize: true } }),
    });
    const { lines } = await inProcess(compare("00000001", "00000002"));
    expect(lines[0]).toMatchObject({
      same: true,
      settings: [{ name: "exclusive orders", a: "no", b: "yes" }],
    });
    expect(await toPeople(compare("00000001", "00000002"))).toContain("the same, to the bit");
  });

  test("of a run that isn't finished is the answer no", async () => {
    await keep(1, { of: flip });
    await keep(2, {});
    const { code, err } = await inProcess(compare("00000001", "00000002"));
    expect([code, err]).toEqual([1, expect.stringContaining(`run ${idOf(2)} isn't finished`)]);
  });
});

describe("delete", () => {
  const remove =
    (...ids: string[]) =>
    (context: Context) =>
      runs.remove(context, ids);

  const rowsLeft = async () =>
    readStore([schema], (db) => {
      const tables = ["session", "checkpoint", "backtest_run", "backtest_trade", "backtest_equity"];
      return tables.map((table) => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]));
    });

  test("takes all that belongs to a run, says what that was, and leaves the others", async () => {
    await keep(1, { of: flip });
    const before = await rowsLeft();
    const id = await keep(2, { of: onClose });
    const { code, lines } = await inProcess(remove("00000002"));
    expect(code).toBe(0);
    expect(lines).toEqual([{ v: 1, type: "deleted", id, trades: 171, bytes: expect.any(Number) as number }]);
    expect(lines[0]?.["bytes"] as number).toBeGreaterThan(5000 * 8);
    expect(await rowsLeft()).toEqual(before);
    expect(await toPeople(remove("00000001"))).toMatch(
      /^deleted 00000001 {2}sma-cross EURUSD: 133 trades, 4\d\.\d kB$/m,
    );
    expect(await rowsLeft()).toEqual([0, 0, 0, 0, 0]);
  });

  test("refuses while one of them is live, and then deletes none", async () => {
    await keep(1, { of: flip });
    await keep(2, { state: "running" });
    const before = await rowsLeft();
    const { code, err, lines } = await inProcess(remove("00000001", "00000002"));
    expect([code, lines]).toEqual([75, []]);
    expect(err).toContain("stint backtest stop 00000002");
    expect(await rowsLeft()).toEqual(before);
  });

  test("of an id that isn't there deletes none", async () => {
    await keep(1, {});
    const { code } = await inProcess(remove("00000001", "ffffffff"));
    expect(code).toBe(1);
    expect((await rowsLeft())?.[0]).toBe(1);
  });
});
