import { describe, expect, test } from "bun:test";
import { StrategyError } from "../../../../src/backtest/core/engine/analysis.ts";
import type { OrderEvent, Sink } from "../../../../src/backtest/core/engine/context.ts";
import { Engine } from "../../../../src/backtest/core/engine/engine.ts";
import { ParameterError } from "../../../../src/backtest/core/engine/parameters.ts";
import { smaCross } from "../../../../src/backtest/core/engine/strategies.ts";
import { StreamSubscription, SUBSCRIPTION_WORDS } from "../../../../src/backtest/core/engine/subscription.ts";
import type { Context, Fill, Line, Setup, Strategy } from "../../../../src/backtest/core/strategy.ts";
import { makeBars } from "../../../bench/bars.ts";
import { at, barsOf, cut, engineOf, HOUR, plain, run, START, script } from "../run.ts";

/** Hourly bars that rise by one from 100; each opens where the one before closed. */
const rising = (length: number) => barsOf(Array.from({ length }, (_, i) => 100 + i));

/** A sink that keeps all it is told. */
function sink() {
  const told: unknown[][] = [];
  const orders: OrderEvent[] = [];
  const kept: Sink = {
    log: (...line) => void told.push(["log", ...line]),
    plot: (...point) => void told.push(["plot", ...point]),
    order: (event) => void orders.push(event),
  };
  return { told, orders, kept };
}

describe("a run", () => {
  test("begins one bar after the indicators have values; the equity before is the cash", () => {
    const seen: number[] = [];
    const { engine, equity } = run(barsOf([1, 2, 3, 4, 5, 6]), {
      init: ({ sma }) => ({ indicators: { a: sma(2), b: sma(4) } }),
      onBar: (ctx) => void seen.push(ctx.index),
    });
    expect(engine.warmups).toEqual([3]);
    expect(seen).toEqual([4, 5]);
    expect([...equity]).toEqual(Array(6).fill(10_000));
  });

  test.each([0, 1, 4, 5])("of %p bars with a warm-up of 5 does nothing and ends", (length) => {
    const settings = { finalize: true };
    const { equity, trades, stop } = run(makeBars(length), smaCross, settings, { fast: 2, slow: 6 });
    expect(stop).toBe("end");
    expect([...equity]).toEqual(Array(length).fill(10_000));
    expect(trades).toEqual([]);
  });

  test("sees bars of the past and this one by how long ago they were", () => {
    const bars = barsOf([1, 2, 3, 4], [5, 6, 7, 8]);
    let seen: unknown[] = [];
    const look = (ctx: Context) => {
      seen = [ctx.index, ctx.time, ctx.open(), ctx.high(0), ctx.low(), ctx.close(), ctx.volume()];
      seen.push(ctx.timeAt(2), ctx.open(1), ctx.high(2), ctx.low(2), ctx.close(1), ctx.volume(1));
    };
    run(bars, script({ 2: look }));
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
    ["a size of 0", (ctx) => ctx.buy({ size: 0 }), "a fraction between 0 and 1 or whole units, not 0"],
    ["a size below 0", (ctx) => ctx.sell({ size: -1 }), "or whole units, not -1"],
    ["units that are not whole", (ctx) => ctx.buy({ size: 1.5 }), "or whole units, not 1.5"],
    ["a size that is no number", (ctx) => ctx.buy({ size: Number.NaN }), "or whole units, not NaN"],
    ["an order of no such kind", (ctx) => ctx.buy({ lmit: 3 } as never), "an order has no lmit"],
    ["a symbol that isn't there", (ctx) => ctx.of("XYZ"), "the run has no symbol XYZ: it has S0"],
    [
      "a cross of what isn't a line",
      (ctx) => ctx.crossesAbove({ value: 1, previous: 0 }, 2),
      "a cross is between lines",
    ],
    ["a plot of what isn't a number", (ctx) => ctx.plot("a", "1" as never), "a plot is a name and a number"],
    [
      "a plot in no such pane",
      (ctx) => ctx.plot("a", 1, "left" as never),
      'a pane is "price" or "own", not left',
    ],
  ])("whose strategy asks for %s ends with one line", (_, ask, message) => {
    const failing = () => run(makeBars(10), script({ 3: (ctx) => void ask(ctx) }));
    expect(failing).toThrow(StrategyError);
    expect(failing).toThrow(message);
    expect(failing).toThrow("(at bar 3, 2020-01-01 00:03)");
  });

  test("whose strategy throws tells the bar, its time and the cause", () => {
    const cause = new Error("no more");
    const failing = script({
      7: () => {
        throw cause;
      },
    });
    try {
      run(makeBars(10), failing);
      throw new Error("it didn't fail");
    } catch (error) {
      expect(error).toBeInstanceOf(StrategyError);
      expect(error).toMatchObject({ bar: 7, time: 1_577_836_800_000 + 7 * 60_000, cause });
    }
  });

  test("of several symbols says of which one the failure is, in init and at a bar", () => {
    const both = [{ bars: rising(9) }, { bars: rising(9) }];
    const fail = (symbol: string) => {
      if (symbol === "S1") throw new Error("boom");
    };
    const late: Strategy = { init: () => ({}), onBar: ({ symbol }) => fail(symbol) };
    expect(() => run(both, late)).toThrow("S1: boom (at bar 1, 2018-01-01 01:00)");
    const early: Strategy = {
      init({ symbol }) {
        fail(symbol);
        return {};
      },
    };
    expect(() => run(both, early)).toThrow("S1: init: boom");
  });

  test.each<[string, Partial<Strategy>]>([
    ["onBar", { onBar: async () => Promise.reject(new Error("late")) }],
    ["onFill", { onFill: async () => Promise.reject(new Error("late")) }],
    ["onDerivedBar", { onDerivedBar: async () => Promise.reject(new Error("late")) }],
    ["onEnd", { onEnd: async () => Promise.reject(new Error("late")) }],
  ] as [string, Partial<Strategy>][])(
    "whose %s is async is refused, without an unhandled rejection",
    async (name, hook) => {
      const strategy: Strategy = {
        init: ({ bars }) => ({ indicators: { hours: bars("2h") } }),
        onBar: (ctx) => void (ctx.index === 3 && ctx.buy({ size: 1 })),
        ...hook,
      };
      expect(() => run(rising(9), strategy, {}, {}, { timeframe: "1h" })).toThrow(
        `${name} returned a promise: it must not be async`,
      );
      // A rejection that nobody hears would end the process before this.
      await new Promise((resolve) => setImmediate(resolve));
    },
  );

  test("whose onBar returns something is none the worse", () => {
    expect(run(makeBars(10), { init: () => ({}), onBar: () => 5 as unknown as undefined }).stop).toBe("end");
  });

  test.each<[string, Strategy["init"], string]>([
    ["throws", () => JSON.parse("{"), "init: "],
    ["returns nothing", () => undefined as never, "init must return { indicators, state }"],
    ["is async", (async () => ({})) as never, "init must return { indicators, state }, and not be async"],
    ["declares an average of half a bar", ({ sma }) => ({ indicators: { a: sma(0.5) } }), "not 0.5"],
    [
      "derives bars of no timeframe",
      ({ bars }) => ({ indicators: { a: bars("4x") } }),
      "'4x' isn't a timeframe",
    ],
    [
      "derives bars of its own",
      ({ bars }) => ({ indicators: { a: bars("1m") } }),
      "bars of 1m can't be made of bars of 1m",
    ],
  ])("whose init %s is refused before the first bar", (_, init, message) => {
    const failing = () => run(makeBars(10), { init, onBar() {} });
    expect(failing).toThrow(StrategyError);
    expect(failing).toThrow(message);
  });

  test("whose strategy declares an indicator or derived bars after init is refused", () => {
    let later: Setup | undefined;
    const declaring = (declare: (setup: Setup) => void): Strategy => ({
      init(setup) {
        later = setup;
        return {};
      },
      onBar: () => declare(later as Setup),
    });
    expect(() =>
      run(
        makeBars(10),
        declaring((setup) => void setup.sma(3)),
      ),
    ).toThrow("indicators are declared in init, not later");
    expect(() =>
      run(
        makeBars(10),
        declaring((setup) => void setup.bars("5m")),
      ),
    ).toThrow("derived bars are declared in init, not later");
  });

  test("whose strategy has no such parameter is refused", () => {
    const failing = (params: Record<string, number>) => () => run(makeBars(50), smaCross, {}, params);
    expect(failing({ fats: 3 })).toThrow(ParameterError);
    expect(failing({ fats: 3 })).toThrow("the strategy has no parameter 'fats'");
  });

  test("gives the strategy its parameters over the defaults, its symbol and the run's, and the timeframe", () => {
    const seen: unknown[] = [];
    const strategy: Strategy = {
      params: { fast: 10, slow: 20 },
      init({ params, symbol, symbols, timeframe }) {
        seen.push([params, symbol, symbols, timeframe]);
        return {};
      },
    };
    run([{ bars: rising(3) }, { bars: rising(3) }], strategy, {}, { fast: 4 }, { timeframe: "1h" });
    const params = { fast: 4, slow: 20 };
    expect(seen).toEqual([
      [params, "S0", ["S0", "S1"], "1h"],
      [params, "S1", ["S0", "S1"], "1h"],
    ]);
  });

  test("needs room for the equity of all steps", () => {
    const time = rising(10).time;
    expect(() =>
      engineOf(rising(10), script({}), {}, {}, { plan: { time, equity: new Float64Array(9), length: 10 } }),
    ).toThrow("equity holds 9 values for 10 steps");
  });

  test("takes for now when the bar that is being worked opened", () => {
    const seen: [number, number][] = [];
    const { engine } = engineOf(rising(5), {
      init: () => ({}),
      onBar: (ctx) => void seen.push([ctx.time, engine.now]),
      onEnd: (ctx) => void seen.push([ctx.time, engine.now]),
    });
    expect(engine.now).toBe(START);
    engine.advance(null);
    engine.finish();
    expect(seen).toEqual([1, 2, 3, 4, 4].map((hour) => [START + hour * HOUR, START + hour * HOUR]));
  });

  test("that is bust has no equity from there on, and works no more bars", () => {
    const seen: number[] = [];
    const { equity, trades, stop } = run(
      barsOf([100, 100, 100, 80, 70, 60]),
      {
        init: () => ({}),
        onBar(ctx) {
          seen.push(ctx.index);
          if (ctx.index === 1) ctx.buy();
        },
      },
      { leverage: 5, finalize: true },
    );
    // 499 units at 100: at 80 they have lost 9,980 of 10,000, at 70 more than there was.
    expect([stop, [...equity], seen]).toEqual(["bust", [10_000, 10_000, 10_000, 20, 0, 0], [1, 2, 3]]);
    expect(trades).toMatchObject([{ size: 499, exitBar: 4, exitPrice: 70, why: "bust" }]);
  });
});

describe("what a strategy is given", () => {
  test("keeps the price columns out of its reach", () => {
    const reached: unknown[] = [];
    const look = (value: unknown, depth: number) => {
      if (ArrayBuffer.isView(value) || value instanceof Engine) reached.push(value);
      if (typeof value !== "object" || value === null || depth === 0) return;
      for (const key of Reflect.ownKeys(value)) look(Reflect.get(value, key), depth - 1);
    };
    const strategy: Strategy<{ fast: number; slow: number }, { fast: Line; slow: Line }> = {
      ...smaCross,
      init(setup) {
        look(setup, 6);
        const hours = setup.bars("5m");
        const { indicators } = smaCross.init(setup);
        return { indicators: { ...indicators, hours, bands: hours.bollinger(2) } as never };
      },
      onBar(ctx) {
        look(ctx, 6);
        if (ctx.index % 5 === 0) ctx.buy({ size: 1, sl: 1 });
      },
    };
    run(makeBars(60), strategy, {}, {}, { timeframe: "1m" });
    expect(reached).toEqual([]);
  });

  const set = (target: object, name: string, value: unknown) => {
    (target as Record<string, unknown>)[name] = value;
  };
  test.each<[string, (ctx: Context) => void]>([
    ["a field of its own", (ctx) => set(ctx, "entries", 1)],
    ["another symbol", (ctx) => set(ctx, "symbol", "X")],
    ["an indicator of its own", (ctx) => set(ctx.indicators, "mine", 1)],
    ["another parameter", (ctx) => set(ctx.params, "fast", 1)],
    ["another price", (ctx) => set(ctx, "close", () => 1)],
    ["another trade", (ctx) => set(ctx.trades, "1", {})],
    ["another size of a trade", (ctx) => set(ctx.trades[0] as object, "size", 5)],
    ["another position", (ctx) => set(ctx.position, "size", 5)],
  ])("can't be given %s: it would be gone after a resume", (_, put) => {
    const strategy = script({ 1: (ctx) => void ctx.buy({ size: 1 }), 3: put });
    expect(() => run(rising(9), strategy)).toThrow(StrategyError);
  });

  test("shows another symbol at its newest bar, and none that has no bar yet", () => {
    const seen: unknown[] = [];
    const late = { ...rising(5), time: rising(12).time.slice(4, 9) };
    const strategy: Strategy = {
      init: () => ({}),
      onBar(ctx) {
        if (ctx.symbol !== "S0") return;
        try {
          const other = ctx.of("S1");
          seen.push([ctx.index, other.symbol, other.index, other.close(), other.time <= ctx.time]);
        } catch (error) {
          seen.push([ctx.index, (error as Error).message]);
        }
      },
    };
    run([{ bars: rising(12) }, { bars: late }], strategy);
    // Its bars open at 04:00 … 08:00 and close at 100 … 104.
    const at = (index: number, bar: number) => [index, "S1", bar, 100 + bar, true];
    expect(seen).toEqual([
      ...[1, 2, 3].map((index) => [index, "S1 has no bar yet"]),
      ...[4, 5, 6, 7, 8].map((index) => at(index, index - 4)),
      ...[9, 10, 11].map((index) => at(index, 4)),
    ]);
  });

  test("takes orders on another symbol, filled on that symbol's next bar", () => {
    const fills: unknown[] = [];
    const even = at([0, 2, 4, 6, 8].map((hour) => START + hour * HOUR));
    const strategy: Strategy = {
      init: () => ({}),
      onBar: (ctx) => void (ctx.symbol === "S0" && ctx.index === 3 && ctx.of("S1").buy({ size: 7 })),
      onFill: (ctx, fill) => void fills.push([ctx.symbol, fill.symbol, fill.size, fill.bar, fill.time]),
    };
    run([{ bars: rising(9) }, { bars: even }], strategy);
    expect(fills).toEqual([["S1", "S1", 7, 2, START + 4 * HOUR]]);
  });

  test("tells the account at the newest closes", () => {
    const seen: unknown[] = [];
    run(
      rising(6),
      script({
        1: (ctx) => void ctx.buy({ size: 10 }),
        4: ({ equity, cash, margin, position, trades }) => {
          const { size, isLong, isShort, profit } = position;
          seen.push({ equity, cash, margin, size, isLong, isShort, profit }, ...trades);
        },
      }),
      { leverage: 2 },
    );
    // Ten bought at 101, worth 104 each: half of 1,040 is margin.
    expect(seen).toMatchObject([
      { equity: 10_030, cash: 10_000, margin: 9_510, size: 10, isLong: true, isShort: false, profit: 30 },
      {
        symbol: "S0",
        size: 10,
        entryBar: 2,
        entryTime: START + 2 * HOUR,
        entryPrice: 101,
        sl: null,
        tp: null,
        tag: null,
      },
    ]);
  });
});

describe("orders through the context", () => {
  test("wait as they were placed, are changed and taken back, and the sink is told", () => {
    const { orders, kept } = sink();
    const seen: unknown[] = [];
    const ids: number[] = [];
    const strategy = script({
      1(ctx) {
        ids.push(ctx.buy({ size: 3, limit: 50, tif: "day", tag: "dip" }), ctx.sell({ size: 2, stop: 60 }));
        seen.push(
          ctx.orders.map(({ id, side, size, limit, stop, tif, role, tag }) => [
            id,
            side,
            size,
            limit,
            stop,
            tif,
            role,
            tag,
          ]),
        );
      },
      2(ctx) {
        const [dip = 0, drop = 0] = ids;
        seen.push(
          ctx.modify(dip, { limit: 51, size: 4 }),
          ctx.cancel(drop),
          ctx.cancel(drop),
          ctx.modify(drop, { stop: 61 }),
        );
        seen.push(ctx.orders.map(({ id, size, limit }) => [id, size, limit]));
      },
    });
    run(rising(5), strategy, {}, {}, { sink: kept });
    const [dip, drop] = ids;
    expect(seen).toEqual([
      [
        [dip, "buy", 3, 50, null, "day", "order", "dip"],
        [drop, "sell", -2, null, 60, "gtc", "order", null],
      ],
      true,
      true,
      false,
      false,
      [[dip, 4, 51]],
    ]);
    const at = (hour: number) => ({ symbol: "S0", time: START + hour * HOUR });
    expect(orders).toEqual([
      {
        what: "placed",
        order: dip as number,
        side: "buy",
        options: { size: 3, limit: 50, tif: "day", tag: "dip" },
        ...at(1),
      },
      { what: "placed", order: drop as number, side: "sell", options: { size: 2, stop: 60 }, ...at(1) },
      { what: "modified", order: dip as number, options: { limit: 51, size: 4 }, ...at(2) },
      { what: "cancelled", order: drop as number, ...at(2) },
    ]);
  });

  test("protect and close a trade, whole or in part", () => {
    const seen: unknown[] = [];
    const trade = (ctx: Context) => ctx.trades[0]?.id as number;
    const { trades } = run(
      rising(9),
      script({
        1: (ctx) => void ctx.buy({ size: 10 }),
        3: (ctx) =>
          void seen.push(ctx.protect(trade(ctx), { sl: 90, tp: 106 }), ctx.closeTrade(trade(ctx), 0.4)),
        4: (ctx) =>
          void seen.push(
            ctx.position.size,
            ctx.orders.map(({ role, stop, limit }) => [role, stop, limit]),
          ),
        7: (ctx) => void seen.push(ctx.protect(1, { sl: 1 }), ctx.closeTrade(1), ctx.trades.length),
      }),
    );
    expect(seen).toEqual([
      true,
      true,
      6,
      [
        ["sl", 90, null],
        ["tp", null, 106],
      ],
      false,
      false,
      0,
    ]);
    // Four at the open of bar 4, 103; six where the take-profit is, which bar 6 reaches.
    expect(trades.map(({ size, exitBar, exitPrice, why }) => [size, exitBar, exitPrice, why])).toEqual([
      [4, 4, 103, "close"],
      [6, 6, 106, "tp"],
    ]);
  });
});

describe("the hooks", () => {
  test("tell fills before derived bars before the bar itself, of each symbol in turn", () => {
    const calls: string[] = [];
    const note = (ctx: Context, what: string) => void calls.push(`${ctx.symbol} ${ctx.index} ${what}`);
    const strategy: Strategy = {
      init: ({ bars }) => ({ indicators: { pairs: bars("2h") } }),
      onFill: (ctx, fill) => note(ctx, `fill ${fill.symbol} ${fill.size}`),
      onDerivedBar: (ctx, bar) => note(ctx, `derived ${bar.timeframe}`),
      onBar(ctx) {
        note(ctx, "bar");
        if (ctx.index !== 3) return;
        ctx.buy({ size: 1 });
        ctx.buy({ size: 2 });
      },
    };
    run([{ bars: rising(5) }, { bars: rising(5) }], strategy, {}, {}, { timeframe: "1h" });
    const of = (symbol: string) => [
      `${symbol} 4 fill ${symbol} 1`,
      `${symbol} 4 fill ${symbol} 2`,
      `${symbol} 4 derived 2h`,
      `${symbol} 4 bar`,
    ];
    expect(calls.slice(-8)).toEqual([...of("S0"), ...of("S1")]);
  });

  test("tell of a fill what, where, when and why", () => {
    const fills: Fill[] = [];
    const strategy: Strategy = {
      init: () => ({}),
      onBar(ctx) {
        if (ctx.index === 1) ctx.buy({ size: 10, tag: "in", tp: 104 });
      },
      onFill: (_, fill) => void fills.push(fill),
    };
    run(rising(7), strategy, { commission: { fixed: 1, rate: 0, perUnit: 0.5 } });
    const [entry, exit] = fills;
    expect(fills).toHaveLength(2);
    // Bought at the open of bar 2; bar 4 is the first that reaches 104. 1 and 10 × 0.5 each time.
    expect(entry).toMatchObject({
      symbol: "S0",
      size: 10,
      price: 101,
      commission: 6,
      bar: 2,
      why: "order",
      tag: "in",
    });
    expect(entry?.time).toBe(START + 2 * HOUR);
    expect(exit).toMatchObject({
      size: -10,
      price: 104,
      commission: 6,
      bar: 4,
      why: "tp",
      trade: entry?.trade as number,
    });
    expect(Object.isFrozen(entry)).toBe(true);
  });

  test("tell of a derived bar at its right edge and nowhere else", () => {
    const seen: unknown[] = [];
    const strategy: Strategy<Record<string, never>, { fours: ReturnType<Setup["bars"]> }> = {
      init: ({ bars }) => ({ indicators: { fours: bars("4h") } }),
      onDerivedBar(ctx, bar) {
        expect(bar).toBe(ctx.indicators.fours);
        seen.push([
          ctx.index,
          bar.length,
          (bar.time() - START) / HOUR,
          bar.open(),
          bar.high(),
          bar.low(),
          bar.close(),
        ]);
      },
      onBar: (ctx) => expect(ctx.indicators.fours.length).toBe(Math.floor(ctx.index / 4)),
    };
    run(rising(14), strategy, {}, {}, { timeframe: "1h" });
    // Hourly from 00:00: that of 00:00 is seen at 04:00, without the bar of 04:00.
    expect(seen).toEqual([
      [4, 1, 0, 100, 103, 100, 103],
      [8, 2, 4, 103, 107, 103, 107],
      [12, 3, 8, 107, 111, 107, 111],
    ]);
  });

  test("a line of derived bars has the value before as its previous at the edge alone", () => {
    const seen: unknown[] = [];
    const strategy: Strategy<Record<string, never>, { line: Line }> = {
      init: ({ bars }) => ({ indicators: { line: bars("4h").sma(1) } }),
      onBar: ({ index, indicators: { line } }) => void seen.push([index, line.previous, line.value]),
    };
    run(rising(10), strategy, {}, {}, { timeframe: "1h" });
    expect(seen).toEqual([...[5, 6, 7].map((index) => [index, 103, 103]), [8, 103, 107], [9, 107, 107]]);
  });

  test("have the last word on each symbol, when orders are refused and what is open isn't closed yet", () => {
    const said: unknown[] = [];
    const strategy: Strategy = {
      init: () => ({}),
      onBar: (ctx) => void (ctx.index === 1 && ctx.buy({ size: 1 })),
      onEnd(ctx) {
        const refused = [
          () => ctx.buy(),
          () => ctx.sell({ size: 1 }),
          () => ctx.position.close(),
          () => ctx.closeTrade(1),
        ];
        const messages = refused.map((order) => {
          try {
            return order();
          } catch (error) {
            return (error as Error).message;
          }
        });
        said.push([ctx.symbol, ctx.index, ctx.position.size, new Set(messages)]);
      },
    };
    const { trades } = run([{ bars: rising(5) }, { bars: rising(4) }], strategy, { finalize: true });
    const refused = new Set(["the run has ended: no order can be placed any more"]);
    expect(said).toEqual([
      ["S0", 4, 1, refused],
      ["S1", 3, 1, refused],
    ]);
    // Each closed at the open of its own last bar.
    expect(trades).toMatchObject([
      { symbol: 0, exitBar: 4, exitPrice: 103, why: "end" },
      { symbol: 1, exitBar: 3, exitPrice: 102, why: "end" },
    ]);
  });

  test("may be left out, onBar too", () => {
    expect(run(rising(5), { init: () => ({}) }).stop).toBe("end");
  });
});

describe("a strategy's own commission", () => {
  const once = (commission: NonNullable<Strategy["commission"]>, last = 3): Strategy => ({
    ...script({ 1: (ctx) => void ctx.buy({ size: 10 }), [last]: (ctx) => ctx.position.close() }),
    commission,
  });

  test("is asked for size, price and symbol at entry and exit, instead of the run's", () => {
    const { trades } = run(
      rising(6),
      once((size, price, symbol) => size * 0.1 + price * 0.01 + (symbol === "S0" ? 1 : 1000)),
      { commission: { fixed: 500, rate: 0, perUnit: 0 } },
    );
    // In at 101, out at 103: twice 1 + 1, and 1.01 and 1.03.
    expect(trades[0]?.commission).toBeCloseTo(6.04, 9);
  });

  test.each<[string, () => unknown, string]>([
    ["no amount", () => undefined, "commission must come to an amount, not undefined"],
    ["no finite one", () => Number.NaN, "commission must come to an amount, not NaN"],
    ["a promise", async () => 1, "commission must come to an amount, not [object Promise]"],
    [
      "an error",
      () => {
        throw new Error("boom");
      },
      "boom",
    ],
  ])("that comes to %s is the strategy's fault, at its bar", (_, commission, message) => {
    const failing = () => run(rising(6), once(commission as () => number));
    expect(failing).toThrow(StrategyError);
    expect(failing).toThrow(`${message} (at bar 2, 2018-01-01 02:00)`);
  });

  test("that fails when the run closes what is open is the strategy's fault too", () => {
    let asked = 0;
    const failing = once(() => (asked++ < 2 ? 1 : Number.NaN), 99);
    const ending = () => run(rising(6), failing, { finalize: true });
    expect(ending).toThrow(StrategyError);
  });
});

describe("what a strategy says and draws", () => {
  test("is told with its symbol and bar, long texts cut", () => {
    const { told, kept } = sink();
    const strategy = script({
      2(ctx) {
        ctx.log("in");
        ctx.plot("spread", 1.5);
        ctx.plot("stop", 99, "price");
        ctx.log("x".repeat(5000));
      },
    });
    run(rising(4), strategy, {}, {}, { sink: kept });
    const time = START + 2 * HOUR;
    expect(told).toEqual([
      ["log", "S0", time, "in"],
      ["plot", "S0", time, "spread", 1.5, "own"],
      ["plot", "S0", time, "stop", 99, "price"],
      ["log", "S0", time, "x".repeat(2000)],
    ]);
  });
});

describe("a look at its inside", () => {
  test("shows each symbol's bar, indicators, position, orders and state; nothing before the first bar", () => {
    const late = { ...rising(3), time: rising(9).time.slice(6) };
    const { engine } = engineOf([{ bars: rising(9) }, { bars: late }], {
      init: ({ sma, bollinger }) => ({
        indicators: { mean: sma(3), bands: bollinger(2) },
        state: { seen: 0 },
      }),
      onBar(ctx) {
        ctx.state["seen"] = (ctx.state["seen"] as number) + 1;
        if (ctx.index === 3) ctx.buy({ size: 2, sl: 90 });
      },
    });
    engine.advance(Int32Array.of(6, 0, 0, 0));
    const [first, second] = engine.inspect();
    expect(first).toMatchObject({
      symbol: "S0",
      bar: 5,
      time: START + 5 * HOUR,
      open: 104,
      close: 105,
      // Of closes 103, 104, 105 and of 104, 105: the mean and two population deviations of 0.5.
      indicators: { mean: 104, "bands.upper": 105.5, "bands.middle": 104.5, "bands.lower": 103.5 },
      position: { size: 2, profit: 4 },
      trades: [{ size: 2, entryPrice: 103, sl: 90 }],
      orders: [{ role: "sl", side: "sell", stop: 90 }],
      state: { seen: 3 },
    });
    expect(second).toMatchObject({
      symbol: "S1",
      bar: null,
      close: null,
      indicators: { mean: null, "bands.upper": null },
      position: { size: 0, profit: 0 },
    });
  });
});

describe("restoring", () => {
  const turning: Strategy = {
    init: () => ({}),
    onBar(ctx) {
      if (ctx.index % 4 !== 0) return;
      ctx.position.close();
      ctx.buy({ size: 1 });
    },
  };

  test("takes no fewer closed trades than there were", () => {
    const { engine } = engineOf(rising(40), turning);
    engine.advance(null);
    const state = engine.snapshot();
    const again = engineOf(rising(40), turning).engine;
    expect(() => again.restore(state, [])).toThrow("closed trades, given are 0");
  });

  test("leaves out closed trades from after its checkpoint", () => {
    const { engine } = engineOf(rising(40), turning);
    engine.advance(Int32Array.of(20, 0, 0, 0));
    const state = structuredClone(engine.snapshot());
    engine.advance(null);
    const closed = [...engine.closedTrades];
    expect(closed.length).toBeGreaterThan(state.broker.closedTrades);
    const again = engineOf(rising(40), turning).engine;
    again.restore(state, closed);
    expect(again.closedTrades).toEqual(closed.slice(0, state.broker.closedTrades));
  });

  test("of an account that is bust gives one that is", () => {
    const bars = barsOf([100, 100, 100, 10, 10, 10]);
    const strategy = script({ 1: (ctx) => void ctx.buy() });
    const { engine, equity } = engineOf(bars, strategy, { leverage: 5 });
    engine.advance(null);
    const again = engineOf(bars, strategy, { leverage: 5 });
    again.equity.set(equity.subarray(0, engine.next));
    // Whatever stood there for the bars that are never worked.
    again.equity.fill(5, engine.next);
    again.engine.restore(engine.snapshot(), engine.closedTrades);
    expect([again.engine.advance(null), again.engine.next]).toEqual(["bust", engine.next]);
    again.engine.finish();
    expect([...again.equity]).toEqual([10_000, 10_000, 10_000, 0, 0, 0]);
  });

  test("knows how often it was filled before: a breakpoint at the next fill waits for one", () => {
    const { engine } = engineOf(rising(40), turning);
    engine.advance(Int32Array.of(7, 0, 0, 0));
    expect(engine.fillCount).toBe(1);
    const again = engineOf(rising(40), turning).engine;
    again.restore(structuredClone(engine.snapshot()), engine.closedTrades);
    again.breakpoints = [{ kind: "fill" }];
    // Ordered at bar 8, filled on bar 9.
    expect([again.advance(null), again.next]).toEqual(["break", 10]);
  });

  test("knows the peak that equity came down from", () => {
    // 90 units bought at 101: a peak of 10,720 at 109; at 98 9.2 % below that, and 2.7 % below the cash.
    const bars = barsOf([100, 101, 102, 109, 108, 107, 106, 98, 97]);
    const strategy = script({ 1: (ctx) => void ctx.buy({ size: 90 }) });
    const { engine, equity } = engineOf(bars, strategy);
    engine.advance(Int32Array.of(6, 0, 0, 0));
    const again = engineOf(bars, strategy);
    again.equity.set(equity.subarray(0, 6));
    again.engine.restore(structuredClone(engine.snapshot()), engine.closedTrades);
    again.engine.breakpoints = [{ kind: "drawdown", fraction: 0.09 }];
    expect([again.engine.advance(null), again.engine.next]).toEqual(["break", 8]);
  });

  test("by the clock goes on with the first step that is published from there on", () => {
    const bars = rising(40);
    const { engine, equity } = engineOf(bars, turning);
    engine.advance(Int32Array.of(15, 0, 0, 0));
    const words = new Int32Array(SUBSCRIPTION_WORDS);
    const clock = new StreamSubscription("clock", "clock-driven", null, words);
    const again = engineOf(bars, turning, {}, {}, { mode: "clock-driven", words });
    again.equity.set(equity.subarray(0, 15));
    again.engine.restore(structuredClone(engine.snapshot()), engine.closedTrades);
    expect([again.engine.advance(null), again.engine.next]).toEqual(["limit", 15]);
    for (let step = 15; step < 40; step++) {
      clock.publish(step);
      again.engine.advance(null);
    }
    again.engine.finish();
    expect([...again.equity]).toEqual([...run(bars, turning).equity]);
  });

  test("of a live run's bars, that grow, goes on from what came", () => {
    // The same bars in one go and cut in two, the second part pushed in later.
    const all = makeBars(80, 6);
    const part = { ...cut(all, 80), length: 50 };
    const equity = new Float64Array(80);
    const { engine } = engineOf(
      part,
      smaCross,
      {},
      { fast: 2, slow: 5 },
      { plan: { time: all.time, equity, length: 50 } },
    );
    expect([engine.advance(null), engine.next]).toEqual(["end", 50]);
    part.length = 80 as never;
    engine.replan({ time: all.time, equity, length: 80 });
    expect([engine.advance(null), engine.next]).toEqual(["end", 80]);
    engine.finish();
    const whole = run(all, smaCross, plain, { fast: 2, slow: 5 });
    expect([...equity]).toEqual([...whole.equity]);
    expect(engine.closedTrades).toEqual(whole.trades);
  });
});
