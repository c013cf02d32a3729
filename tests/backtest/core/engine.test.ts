import { describe, expect, test } from "bun:test";
import { StrategyError } from "../../../src/backtest/core/analysis.ts";
import type { ClosedTrade } from "../../../src/backtest/core/broker.ts";
import { LIMIT, NEXT } from "../../../src/backtest/core/coordinator.ts";
import { Engine, type EngineState, type Settings } from "../../../src/backtest/core/engine.ts";
import { ParameterError } from "../../../src/backtest/core/parameters.ts";
import { smaCross } from "../../../src/backtest/core/strategies.ts";
import type { Context, Sma, Strategy } from "../../../src/backtest/core/strategy.ts";
import { makeBars, random } from "../../bench/bars.ts";
import { barsOf, cut, plain, run, START, script } from "./run.ts";

/** A strategy that does everything there is to do, decided by numbers seeded from its state. */
const busy: Strategy<{ seed: number }, { fast: Sma; slow: Sma }, { draws: number; log: number[] }> = {
  params: { seed: 1 },
  init: ({ sma, params }) => ({
    indicators: { fast: sma(5), slow: sma(12) },
    state: { draws: params.seed * 1000, log: [] },
  }),
  onBar(ctx) {
    const { fast, slow } = ctx.indicators;
    const draw = random(ctx.state.draws++)();
    if (ctx.crossesAbove(fast, slow)) ctx.buy({ size: 0.4 });
    else if (ctx.crossesBelow(fast, slow)) ctx.sell({ size: 0.3 });
    else if (draw < 0.1) ctx.buy({ size: 1 + Math.floor(draw * 100) });
    else if (draw < 0.2) ctx.sell({ size: 1 + Math.floor(draw * 50) });
    else if (draw < 0.22) ctx.position.close();
    else if (draw < 0.23) ctx.buy();
    if (draw < 0.3)
      ctx.state.log = [...ctx.state.log.slice(-5), ctx.close() - fast.value, ctx.position.profit];
  },
};

const costly: Settings = {
  ...plain,
  commission: { fixed: 0.5, rate: 1e-4 },
  spread: 2e-4,
  finalize: true,
};

const variants: [string, Settings][] = [
  ["orders at the next open", costly],
  ["trading on close", { ...costly, tradeOnClose: true }],
  ["exclusive orders", { ...costly, exclusiveOrders: true }],
];

describe.each(variants)("with %s", (_, settings) => {
  const bars = makeBars(600, 7);
  const whole = run(bars, busy, settings);

  test("the run has trades to speak of", () => {
    expect(whole.trades.length).toBeGreaterThan(30);
    expect(whole.stop).toBe("end");
  });

  test("stopped at any bar and restored in another process, it ends with the same bits", () => {
    for (let stop = 0; stop <= bars.length; stop++) {
      const equity = new Float64Array(bars.length);
      const first = new Engine({ bars, settings, strategy: busy, equity });
      const control = Int32Array.of(stop, 0);
      const outcome = first.advance(control);
      const state = structuredClone(first.snapshot());
      const closed: ClosedTrade[] = structuredClone([...first.closedTrades]);
      const before = equity.slice();
      // What the first engine goes on to do must not matter.
      first.advance(null);

      const restored = new Float64Array(bars.length);
      const second = new Engine({ bars, settings, strategy: busy, equity: restored });
      restored.set(before.subarray(0, state.next));
      second.restore(state, closed);
      expect(second.next).toBe(Math.max(stop, 12));
      expect(outcome).toBe(stop < bars.length ? "limit" : "end");
      expect(second.advance(null)).toBe("end");
      second.finish();
      expect([...restored]).toEqual([...whole.equity]);
      expect(second.closedTrades).toEqual(whole.trades);
    }
  });

  test("advanced by random limits, it is as if never paused", () => {
    const next = random(11);
    const equity = new Float64Array(bars.length);
    const engine = new Engine({ bars, settings, strategy: busy, equity });
    const control = new Int32Array(new SharedArrayBuffer(8));
    while (engine.advance(control) === "limit") {
      expect(control[NEXT]).toBe(engine.next);
      control[LIMIT] = engine.next + Math.floor(next() * 20);
    }
    engine.finish();
    expect([...equity]).toEqual([...whole.equity]);
    expect(engine.closedTrades).toEqual(whole.trades);
  });

  test("cutting the future off changes nothing before the cut", () => {
    for (let length = 1; length < bars.length; length += 13) {
      const short = run(cut(bars, length), busy, { ...settings, finalize: false });
      expect(short.equity).toEqual(whole.equity.slice(0, length));
      const { trades } = short;
      expect(trades).toEqual(whole.trades.slice(0, trades.length));
    }
  });

  test("cash and the open trades at the close are the equity, at every bar", () => {
    const watched: Strategy = {
      ...busy,
      onBar(ctx) {
        const open = ctx.trades.reduce((sum, t) => sum + t.size * (ctx.close() - t.entryPrice), 0);
        expect(ctx.equity).toBe(ctx.cash + open);
        expect(ctx.position.profit).toBe(open);
        expect(ctx.position.size).toBe(ctx.trades.reduce((sum, t) => sum + t.size, 0));
        expect(ctx.position.isLong).toBe(ctx.position.size > 0);
        expect(ctx.position.isShort).toBe(ctx.position.size < 0);
        busy.onBar(ctx as unknown as Parameters<typeof busy.onBar>[0]);
      },
    };
    expect(run(bars, watched, settings).equity).toEqual(whole.equity);
  });
});

test("without fixed costs, the cash of a flat account is what it began with and its trades' PnL", () => {
  const { trades, equity } = run(makeBars(2000, 8), busy, {
    ...costly,
    commission: { fixed: 0, rate: 1e-4 },
  });
  const pnl = trades.reduce((sum, trade) => sum + trade.pnl, 0);
  expect(Math.abs((equity.at(-1) as number) - 10_000 - pnl)).toBeLessThan(1e-8);
});

describe("the gate", () => {
  const bars = makeBars(100, 9);
  const start = (control: Int32Array) => {
    const engine = new Engine({
      bars,
      settings: plain,
      strategy: smaCross,
      params: { fast: 2, slow: 5 },
      equity: new Float64Array(100),
    });
    return { engine, stop: engine.advance(control) };
  };

  test("pauses before the first bar when the limit is 0, with the equity up to there told", () => {
    const control = Int32Array.of(0, 0);
    const { engine, stop } = start(control);
    expect([stop, engine.next, control[NEXT]]).toEqual(["limit", 5, 5]);
  });

  test("steps one bar and no more", () => {
    const { engine } = start(Int32Array.of(0, 0));
    for (let next = 6; next < 20; next++) {
      expect(engine.advance(Int32Array.of(next, 0))).toBe("limit");
      expect(engine.next).toBe(next);
    }
  });

  test("set by the strategy's own bar, it holds at the next one", () => {
    const control = Int32Array.of(2 ** 31 - 1, 0);
    const engine = new Engine({
      bars,
      settings: plain,
      strategy: script({ 37: () => Atomics.store(control, LIMIT, 0) }),
      equity: new Float64Array(100),
    });
    expect(engine.advance(control)).toBe("limit");
    expect(engine.next).toBe(38);
  });

  test("tells the number of bars at the end", () => {
    const control = Int32Array.of(2 ** 31 - 1, 0);
    expect(start(control).stop).toBe("end");
    expect(control[NEXT]).toBe(100);
  });
});

describe("a run", () => {
  test("begins one bar after the indicators have values; the equity before is the cash", () => {
    const seen: number[] = [];
    const bars = barsOf([1, 2, 3, 4, 5, 6]);
    const { engine, equity } = run(bars, {
      init: ({ sma }) => ({ indicators: { a: sma(2), b: sma(4) } }),
      onBar: (ctx) => void seen.push(ctx.index),
    });
    expect(engine.warmup).toBe(3);
    expect(seen).toEqual([4, 5]);
    expect([...equity]).toEqual(Array(6).fill(10_000));
  });

  test.each([0, 1, 4, 5])("of %p bars with a warm-up of 5 does nothing and ends", (length) => {
    const { equity, trades, stop } = run(
      makeBars(length),
      smaCross,
      { finalize: true },
      { fast: 2, slow: 6 },
    );
    expect(stop).toBe("end");
    expect([...equity]).toEqual(Array(length).fill(10_000));
    expect(trades).toEqual([]);
  });

  test("sees bars of the past and this one by how long ago they were", () => {
    const bars = barsOf([1, 2, 3, 4], [5, 6, 7, 8]);
    let seen: unknown[] = [];
    run(
      bars,
      script({
        2: (ctx) => {
          seen = [ctx.index, ctx.time, ctx.open(), ctx.high(0), ctx.low(), ctx.close(), ctx.volume()];
          seen.push(ctx.timeAt(2), ctx.open(1), ctx.high(2), ctx.low(2), ctx.close(1), ctx.volume(1));
        },
      }),
    );
    expect(seen).toEqual([2, START + 7_200_000, 7, 7, 3, 3, 0, START, 6, 5, 1, 2, 0]);
  });

  test.each<[string, (ctx: Context) => unknown, string]>([
    ["a bar of the future", (ctx) => ctx.close(-1), "asked for a bar of the future: 1 after this one"],
    [
      "a bar before the first",
      (ctx) => ctx.timeAt(4),
      "asked for 4 bars ago, but only 3 bars came before this one",
    ],
    ["half a bar", (ctx) => ctx.open(0.5), "bars ago must be a whole number, not 0.5"],
    ["no bar at all", (ctx) => ctx.low(Number.NaN), "bars ago must be a whole number, not NaN"],
    [
      "a size of 0",
      (ctx) => ctx.buy({ size: 0 }),
      "size must be a fraction between 0 and 1 or whole units, not 0",
    ],
    ["a size below 0", (ctx) => ctx.sell({ size: -1 }), "or whole units, not -1"],
    ["units that are not whole", (ctx) => ctx.buy({ size: 1.5 }), "or whole units, not 1.5"],
    ["a size that is no number", (ctx) => ctx.buy({ size: Number.NaN }), "or whole units, not NaN"],
  ])("whose strategy asks for %s ends with one line", (_, ask, message) => {
    const failing = () => run(makeBars(10), script({ 3: (ctx) => void ask(ctx) }));
    expect(failing).toThrow(StrategyError);
    expect(failing).toThrow(message);
    expect(failing).toThrow("(at bar 3, 2020-01-01 00:03)");
  });

  test("whose strategy throws tells the bar, its time and the cause", () => {
    const cause = new Error("no more");
    try {
      run(
        makeBars(10),
        script({
          7: () => {
            throw cause;
          },
        }),
      );
      throw new Error("it didn't fail");
    } catch (error) {
      expect(error).toBeInstanceOf(StrategyError);
      expect(error).toMatchObject({ bar: 7, time: 1_577_836_800_000 + 7 * 60_000, cause });
    }
  });

  test("whose onBar is async is refused, without an unhandled rejection", () => {
    const strategy = {
      init: () => ({}),
      async onBar() {
        throw new Error("late");
      },
    };
    expect(() => run(makeBars(10), strategy)).toThrow("onBar returned a promise: it must not be async");
  });

  test("whose onBar returns something is none the worse", () => {
    expect(run(makeBars(10), { init: () => ({}), onBar: () => 5 as unknown as undefined }).stop).toBe("end");
  });

  test.each<[string, Strategy["init"], string]>([
    ["throws", () => JSON.parse("{"), "init: "],
    ["returns nothing", () => undefined as never, "init must return { indicators, state }"],
    ["is async", (async () => ({})) as never, "init must return { indicators, state }, and not be async"],
    ["declares an average of half a bar", ({ sma }) => ({ indicators: { a: sma(0.5) } }), "not 0.5"],
  ])("whose init %s is refused before the first bar", (_, init, message) => {
    const failing = () => run(makeBars(10), { init, onBar() {} });
    expect(failing).toThrow(StrategyError);
    expect(failing).toThrow(message);
  });

  test("whose strategy declares an indicator after init is refused", () => {
    let later: ((length: number) => Sma) | undefined;
    const strategy: Strategy = {
      init: ({ sma }) => {
        later = sma;
        return {};
      },
      onBar: () => void later?.(3),
    };
    expect(() => run(makeBars(10), strategy)).toThrow("indicators are declared in init, not later");
  });

  test("whose strategy has no such parameter is refused, naming those it has", () => {
    const failing = (params: Record<string, number>) => () => run(makeBars(50), smaCross, {}, params);
    expect(failing({ fats: 3 })).toThrow('the strategy has no parameter "fats": it has fast, slow');
    expect(failing({ fats: 3 })).toThrow(ParameterError);
    expect(failing({ toString: 3 })).toThrow("no parameter");
    expect(failing({ fast: Number.NaN })).toThrow('parameter "fast" must be a number, not NaN');
    expect(() => run(makeBars(5), script({}), {}, { a: 1 })).toThrow("it has none");
  });

  test("gives the strategy its parameters over the defaults, not to be changed", () => {
    let seen: object = {};
    run(
      makeBars(50),
      {
        ...smaCross,
        onBar(ctx) {
          seen = ctx.params;
        },
      },
      {},
      { fast: 4 },
    );
    expect(seen).toEqual({ fast: 4, slow: 20 });
    expect(Object.isFrozen(seen)).toBe(true);
  });

  test("needs room for the equity of all bars", () => {
    const options = {
      bars: makeBars(10),
      settings: plain,
      strategy: script({}),
      equity: new Float64Array(9),
    };
    expect(() => new Engine(options)).toThrow("equity holds 9 values for 10 bars");
  });

  test("is not restored from fewer closed trades than it had", () => {
    const bars = makeBars(200, 7);
    const engine = new Engine({ bars, settings: costly, strategy: busy, equity: new Float64Array(200) });
    engine.advance(null);
    const state: EngineState = engine.snapshot();
    expect(() => engine.restore(state, [])).toThrow("closed trades, given are 0");
  });

  test("restored with closed trades from after its checkpoint leaves them out", () => {
    const bars = makeBars(600, 7);
    const engine = new Engine({ bars, settings: costly, strategy: busy, equity: new Float64Array(600) });
    engine.advance(Int32Array.of(300, 0));
    const state = structuredClone(engine.snapshot());
    engine.advance(null);
    const closed = [...engine.closedTrades];
    expect(closed.length).toBeGreaterThan(state.broker.closedTrades);
    engine.restore(state, closed);
    expect(engine.closedTrades).toEqual(closed.slice(0, state.broker.closedTrades));
  });

  test("keeps the price columns out of a strategy's reach", () => {
    const reached: unknown[] = [];
    const look = (value: unknown, depth: number) => {
      if (value instanceof Float64Array) reached.push(value);
      if (typeof value !== "object" || value === null || depth === 0) return;
      for (const key of Reflect.ownKeys(value)) look(Reflect.get(value, key), depth - 1);
    };
    run(makeBars(50), { ...smaCross, onBar: (ctx) => look(ctx, 6) });
    expect(reached).toEqual([]);
  });
});
