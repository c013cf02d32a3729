import { describe, expect, test } from "bun:test";
import { Engine } from "../../../src/backtest/core/engine.ts";
import type { Context, Strategy } from "../../../src/backtest/core/strategy.ts";
import { barsOf, plain, run, script } from "./run.ts";

/** What each bar's strategy call saw of the open trades: [size, entry bar, entry price] each. */
function opened(trades: Context["trades"]): number[][] {
  return trades.map(({ size, entryBar, entryPrice }) => [size, entryBar, entryPrice]);
}

describe("a market order", () => {
  const bars = barsOf([10, 11, 12, 13, 14], [10, 10.5, 11.5, 12.5, 13.5]);

  test("fills at the next bar's open", () => {
    let seen: unknown;
    const { equity } = run(
      bars,
      script({
        1: (ctx) => ctx.buy({ size: 10 }),
        2: (ctx) => {
          seen = opened(ctx.trades);
        },
      }),
    );
    expect(seen).toEqual([[10, 2, 11.5]]);
    expect([...equity]).toEqual([10_000, 10_000, 10_005, 10_015, 10_025]);
  });

  test("traded on close fills at the close of the bar it was placed on, seen a bar later", () => {
    const seen: unknown[] = [];
    const { equity } = run(
      bars,
      script({
        1: (ctx) => {
          ctx.buy({ size: 10 });
          seen.push(opened(ctx.trades));
        },
        2: (ctx) => void seen.push(opened(ctx.trades)),
      }),
      { tradeOnClose: true },
    );
    expect(seen).toEqual([[], [[10, 1, 11]]]);
    expect([...equity]).toEqual([10_000, 10_000, 10_010, 10_020, 10_030]);
  });

  test("without a size takes what the cash buys, commission and spread included, in whole units", () => {
    for (const [settings, units] of [
      [{}, 869],
      [{ spread: 0.01 }, 860],
      [{ commission: { fixed: 0, rate: 0.01 } }, 860],
      [{ commission: { fixed: 2, rate: 0 } }, 740],
    ] as const) {
      let size = 0;
      run(
        bars,
        script({
          1: (ctx) => ctx.buy(),
          2: (ctx) => {
            size = ctx.position.size;
          },
        }),
        settings,
      );
      expect(size).toBe(units);
    }
  });

  test("takes one unit less when the quotient only rounds up to a whole number", () => {
    // 9000 units at 0.1 each would need 900.0000000000000499… and 900 is what there is.
    expect(Math.floor(900 / 0.1)).toBe(9000);
    let size = 0;
    const cheap = barsOf([0.1, 0.1, 0.1, 0.1]);
    run(
      cheap,
      script({
        1: (ctx) => ctx.buy({ size: 1 - 2 ** -53 }),
        2: (ctx) => {
          size = ctx.position.size;
        },
      }),
      {
        cash: 900,
      },
    );
    expect(size).toBe(8999);
  });

  test("of a fraction takes that part, short as well as long", () => {
    for (const side of ["buy", "sell"] as const) {
      let size = 0;
      run(
        bars,
        script({
          1: (ctx) => ctx[side]({ size: 0.5 }),
          2: (ctx) => {
            size = ctx.position.size;
          },
        }),
      );
      expect(size).toBe(side === "buy" ? 434 : -434);
    }
  });

  test("for which the money makes not even one unit is dropped", () => {
    const { engine, trades } = run(bars, script({ 1: (ctx) => ctx.buy() }), { cash: 5, finalize: true });
    expect(trades).toEqual([]);
    expect(engine.snapshot().broker).toMatchObject({ cash: 5, trades: [], orders: [] });
  });

  test("too large for the margin is cancelled", () => {
    const { equity, trades } = run(bars, script({ 1: (ctx) => ctx.buy({ size: 870 }) }), { finalize: true });
    expect(trades).toEqual([]);
    expect([...equity]).toEqual(Array(5).fill(10_000));
    expect(run(bars, script({ 1: (ctx) => ctx.buy({ size: 869 }) }), { finalize: true }).trades).toHaveLength(
      1,
    );
  });

  test("beside an open trade takes what the trade leaves, at the close of the bar it fills on", () => {
    const sizes: number[] = [];
    run(
      bars,
      script({
        1: (ctx) => ctx.buy({ size: 400 }),
        2: (ctx) => ctx.buy(),
        3: (ctx) => void sizes.push(...ctx.trades.map((trade) => trade.size)),
      }),
    );
    // 400 bought at 11.5: equity 10600 at 13, 5200 of it used; a hair less than 5400 buys 431 at 12.5.
    expect(sizes).toEqual([400, 431]);
  });
});

describe("costs", () => {
  test("are the spread at entry alone, and the commission at both ends", () => {
    const bars = barsOf([100, 100, 100, 110, 110]);
    const { trades, equity } = run(
      bars,
      script({ 1: (ctx) => ctx.buy({ size: 10 }), 3: (ctx) => ctx.position.close() }),
      { commission: { fixed: 1, rate: 0.01 }, spread: 0.02 },
    );
    const commission = 1 + 10 * 102 * 0.01 + 1 + 10 * 110 * 0.01;
    expect(trades).toEqual([
      {
        size: 10,
        entryBar: 2,
        exitBar: 4,
        entryPrice: 102,
        exitPrice: 110,
        commission,
        pnl: 80 - commission,
        returnFraction: expect.closeTo((80 - commission) / 1020, 15),
      },
    ]);
    expect(equity[2]).toBe(10_000 - 1 - 10.2 - 20);
    expect(equity[4]).toBeCloseTo(10_000 + 80 - commission, 9);
  });

  test("of a short trade: the spread lowers what it gets", () => {
    const { trades } = run(
      barsOf([100, 100, 100, 90, 90]),
      script({ 1: (ctx) => ctx.sell({ size: 10 }), 3: (ctx) => ctx.position.close() }),
      { spread: 0.02 },
    );
    expect(trades[0]).toMatchObject({ size: -10, entryPrice: 98, exitPrice: 90, pnl: 80 });
    expect(trades[0]?.returnFraction).toBeCloseTo(8 / 98, 12);
  });
});

describe("an order against open trades", () => {
  const bars = barsOf([10, 10, 10, 10, 10, 10, 10, 10]);
  const entries = {
    1: (ctx: Context) => ctx.buy({ size: 30 }),
    2: (ctx: Context) => ctx.buy({ size: 50 }),
  };
  const after = (order: (ctx: Context) => void) => {
    let left: number[][] = [];
    const { trades } = run(
      bars,
      script({
        ...entries,
        3: order,
        4: (ctx) => {
          left = opened(ctx.trades);
        },
      }),
    );
    return { left, ended: trades.map(({ size, entryBar, exitBar }) => [size, entryBar, exitBar]) };
  };

  test("reduces the oldest first", () => {
    expect(after((ctx) => ctx.sell({ size: 20 }))).toEqual({
      left: [
        [10, 2, 10],
        [50, 3, 10],
      ],
      ended: [[20, 2, 4]],
    });
  });

  test("ends the oldest and reduces the next", () => {
    expect(after((ctx) => ctx.sell({ size: 45 }))).toEqual({
      left: [[35, 3, 10]],
      ended: [
        [30, 2, 4],
        [15, 3, 4],
      ],
    });
  });

  test("ends them all and opens the rest on the other side", () => {
    expect(after((ctx) => ctx.sell({ size: 100 }))).toEqual({
      left: [[-20, 4, 10]],
      ended: [
        [30, 2, 4],
        [50, 3, 4],
      ],
    });
  });

  test("of the same size leaves nothing", () => {
    expect(after((ctx) => ctx.sell({ size: 80 })).left).toEqual([]);
  });

  test("closes them all when it is a close, before any order placed earlier in the bar", () => {
    const { left, ended } = after((ctx) => {
      ctx.sell({ size: 7 });
      ctx.position.close();
      ctx.position.close(); // a second one has nothing left to do
    });
    expect(left).toEqual([[-7, 4, 10]]);
    expect(ended.toSorted()).toEqual([
      [30, 2, 4],
      [50, 3, 4],
    ]);
  });

  test("when exclusive, cancels what is pending and closes what is open first", () => {
    const sizes: number[] = [];
    run(
      bars,
      script({
        1: (ctx) => ctx.buy({ size: 30 }),
        2: (ctx) => ctx.buy({ size: 50 }),
        3: (ctx) => {
          ctx.sell({ size: 5 });
          ctx.sell({ size: 6 });
        },
        4: (ctx) => void sizes.push(...ctx.trades.map((trade) => trade.size)),
      }),
      { exclusiveOrders: true },
    );
    expect(sizes).toEqual([-6]);
  });
});

test("an order with the whole account turns a long position short, at one price", () => {
  const { trades } = run(
    barsOf([10, 10, 10, 20, 20, 20]),
    script({
      1: (ctx) => ctx.buy(),
      3: (ctx) => {
        ctx.position.close();
        ctx.sell();
      },
    }),
    { finalize: true },
  );
  expect(trades.map(({ size, entryPrice, exitPrice }) => [size, entryPrice, exitPrice])).toEqual([
    [999, 10, 20],
    [-999, 20, 20],
  ]);
});

describe("an account that goes bust", () => {
  const bars = barsOf([10, 10, 10, 10, 15, 25, 5], [10, 10, 10, 10, 10, 24, 5]);
  const seen: number[] = [];
  const strategy: Strategy = {
    init: () => ({}),
    onBar(ctx) {
      seen.push(ctx.index);
      if (ctx.index === 1) ctx.sell({ size: 600 });
      if (ctx.index === 2) ctx.sell({ size: 400 });
      if (ctx.index === 4) ctx.buy({ size: 1 });
    },
  };
  const { engine, equity, trades, stop } = run(bars, strategy, { finalize: true });

  test("has all its trades closed at that bar's close, and is over", () => {
    expect(stop).toBe("bust");
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(trades.map(({ size, exitBar, exitPrice }) => [size, exitBar, exitPrice])).toEqual([
      [-1, 5, 24],
      [-599, 5, 25],
      [-400, 5, 25],
    ]);
    expect(engine.snapshot()).toMatchObject({
      next: 6,
      bust: true,
      broker: { cash: 0, trades: [], orders: [] },
    });
  });

  test("has an equity of 0 from there on", () => {
    expect([...equity]).toEqual([10_000, 10_000, 10_000, 10_000, 5000, 0, 0]);
  });

  test("stays bust when advanced again", () => {
    expect(engine.advance(null)).toBe("bust");
    expect(engine.next).toBe(6);
  });

  test("restored as such, is over at once", () => {
    const again = new Engine({ bars, settings: plain, strategy, equity: new Float64Array(7) });
    again.restore(engine.snapshot(), trades);
    expect(again.advance(null)).toBe("bust");
  });
});

describe("at the end", () => {
  const bars = barsOf([10, 10, 10, 10, 14], [10, 10, 10, 10, 12]);
  const strategy = script({ 1: (ctx) => ctx.buy({ size: 10 }) });

  test("an open trade stays out of the trades and in the equity", () => {
    const { trades, equity } = run(bars, strategy);
    expect(trades).toEqual([]);
    expect(equity.at(-1)).toBe(10_040);
  });

  test("finalized, it is closed at the last open and the last equity says so", () => {
    const { trades, equity } = run(bars, strategy, { finalize: true });
    expect(trades).toMatchObject([{ exitBar: 4, exitPrice: 12, pnl: 20 }]);
    expect(equity.at(-1)).toBe(10_020);
  });

  test("finalized when trading on close, it is closed at the close before", () => {
    const { trades } = run(bars, strategy, { finalize: true, tradeOnClose: true });
    expect(trades).toMatchObject([{ entryBar: 1, exitBar: 3, exitPrice: 10 }]);
  });

  test("finalized, several trades are closed oldest first", () => {
    const { trades } = run(
      bars,
      script({ 1: (ctx) => ctx.buy({ size: 1 }), 2: (ctx) => ctx.buy({ size: 2 }) }),
      { finalize: true },
    );
    expect(trades.map((trade) => trade.size)).toEqual([1, 2]);
  });
});
