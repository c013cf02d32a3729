// The rules are those of data/market/README.md; the numbers follow from them by hand.
import { describe, expect, test } from "bun:test";
import { plainSettings } from "../../../../src/backtest/core/broker/account.ts";
import { Broker } from "../../../../src/backtest/core/broker/broker.ts";
import { plainInstrument } from "../../../../src/backtest/core/broker/instrument.ts";
import type { OrderOptions } from "../../../../src/backtest/core/strategy.ts";
import { bars, flat, HOUR, market, type Setup } from "../market.ts";

/** The open trades as [size, entry bar, entry price]. */
const open = (broker: Broker) =>
  broker.trades(0).map(({ size, entryBar, entryPrice }) => [size, entryBar, entryPrice]);
/** The closed trades as [size, exit bar, exit price, why]. */
const closed = (broker: Broker) =>
  broker.closed.map(({ size, exitBar, exitPrice, why }) => [size, exitBar, exitPrice, why]);

describe("a market order", () => {
  const rising = bars([10, 10, 10, 10], [11, 13, 11, 12], [13, 15, 13, 14], [15, 16, 14, 16]);

  test("fills at the next bar's open", () => {
    const { broker, equity, to } = market(rising);
    broker.order(0, 1, { size: 10 });
    to(2);
    expect(open(broker)).toEqual([[10, 1, 11]]);
    expect(equity).toEqual([10_000, 10_010, 10_030]);
  });

  test("traded on close fills at the close of the bar it was placed on, seen a bar later", () => {
    const { broker, equity, to } = market(rising, { tradeOnClose: true });
    broker.order(0, 1, { size: 10 });
    expect(open(broker)).toEqual([]);
    to(1);
    expect(open(broker)).toEqual([[10, 0, 10]]);
    expect(equity).toEqual([10_000, 10_020]);
    broker.closeAll(0);
    to(2);
    expect(closed(broker)).toEqual([[10, 1, 12, "close"]]);
  });

  test("without a size takes what the cash buys, commission and spread included, in whole units", () => {
    for (const [settings, units] of [
      [{}, 909], // 10,000 / 11
      [{ spread: 0.01 }, 900], // / 11.11
      [{ commission: { fixed: 0, rate: 0.01, perUnit: 0 } }, 900],
      [{ commission: { fixed: 2, rate: 0, perUnit: 0 } }, 769], // / 13: the fixed part counts for each unit
      [{ commission: { fixed: 0, rate: 0, perUnit: 0.5 } }, 869], // / 11.5
      [{ rule: (size: number) => size * 0.5 }, 869],
      [{ leverage: 50 }, 45_454],
    ] as [Setup, number][]) {
      const { broker, to } = market(rising, settings);
      broker.order(0, 1);
      to(1);
      expect(broker.position(0).size).toBe(units);
    }
  });

  test("takes one unit less when the quotient only rounds up to a whole number", () => {
    // 9000 units at 0.1 each would need 900.0000000000000499… and 900 is what there is.
    expect(Math.floor(900 / 0.1)).toBe(9000);
    const { broker, to } = market(flat(0.1, 0.1), { cash: 900 });
    broker.order(0, 1, { size: 1 - 2 ** -53 });
    to(1);
    expect(broker.position(0).size).toBe(8999);
  });

  test("of a fraction takes that part, short as well as long", () => {
    for (const direction of [1, -1] as const) {
      const { broker, to } = market(rising);
      broker.order(0, direction, { size: 0.5 });
      to(1);
      expect(broker.position(0).size).toBe(direction * 454);
    }
  });

  test("for which the money makes not even one unit, or that is too large for it, is dropped", () => {
    for (const [cash, size, dropped] of [
      [10, undefined, 1],
      [10_000, 910, 1],
      [10_000, 909, 0],
    ] as const) {
      const { broker, to } = market(rising, { cash });
      broker.order(0, 1, size === undefined ? {} : { size });
      to(1);
      expect(broker.dropped).toBe(dropped);
      expect(broker.trades(0)).toHaveLength(1 - dropped);
    }
  });

  test("beside an open trade takes what the trade leaves, at the close of the bar it fills on", () => {
    const { broker, to } = market(rising);
    broker.order(0, 1, { size: 400 });
    to(1);
    broker.order(0, 1);
    to(2);
    // 400 bought at 11: equity 11,200 at 14, 5600 of it used; 5600 buys 430 at 13.
    expect(open(broker)).toEqual([
      [400, 1, 11],
      [430, 2, 13],
    ]);
  });

  test("in lots takes whole lots: of 0.01 as of 100 units", () => {
    for (const [lot, order, units] of [
      [0.01, {}, 909.09],
      [0.01, { units: 0.3 }, 0.3],
      [0.01, { units: 0.299 }, 0.29],
      [100, {}, 900],
      [100, { size: 250 }, 200],
    ] as const) {
      const { broker, to } = market(rising, { instrument: { lot } });
      broker.order(0, 1, order);
      to(1);
      expect(broker.position(0).size).toBe(units);
    }
  });

  test("of less than a lot is dropped", () => {
    const { broker, to } = market(rising, { instrument: { lot: 100 } });
    broker.order(0, 1, { size: 99 });
    to(1);
    expect(broker.dropped).toBe(1);
  });
});

describe("costs", () => {
  test("are the spread at entry alone, and the commission at both ends", () => {
    for (const [direction, entryPrice, exitPrice] of [
      [1, 102, 110],
      [-1, 98, 110],
    ] as const) {
      const { broker, equity, to } = market(flat(100, 100, 110), {
        commission: { fixed: 1, rate: 0.01, perUnit: 0.1 },
        spread: 0.02,
      });
      broker.order(0, direction, { size: 10 });
      to(1);
      const entry = 1 + 1 + 10 * entryPrice * 0.01;
      expect(equity[1]).toBeCloseTo(10_000 - entry - 20, 9);
      broker.closeAll(0);
      to(2);
      const commission = entry + 1 + 1 + 10 * exitPrice * 0.01;
      const pnl = direction * 10 * (exitPrice - entryPrice) - commission;
      const [trade] = broker.closed;
      expect(trade).toMatchObject({ entryPrice, exitPrice });
      expect(trade?.commission).toBeCloseTo(commission, 12);
      expect(trade?.pnl).toBeCloseTo(pnl, 12);
      expect(trade?.returnFraction).toBeCloseTo(pnl / (10 * entryPrice), 12);
      expect(equity[2]).toBeCloseTo(10_000 + pnl, 9);
    }
  });

  test("slippage makes market and stop orders worse, both ways, and no limit", () => {
    for (const [slippage, buys, sells] of [
      [{ kind: "fixed", amount: 0.5 }, 100.5, 99.5],
      [{ kind: "rate", rate: 0.02 }, 102, 98],
      [{ kind: "volume_share", impact: 1 }, 101, 99], // 100 of 1000: 0.1² of the price
    ] as const) {
      const { broker, to } = market(
        bars([100, 100, 100, 100], [100, 100, 100, 100], [100, 100, 100, 100], [100, 120, 100, 100]),
        {
          slippage,
          hedging: true,
          leverage: 10,
        },
      );
      broker.order(0, 1, { size: 100 });
      broker.order(0, 1, { size: 100, limit: 100 });
      to(1);
      expect(broker.trades(0).map((trade) => trade.entryPrice)).toEqual([buys, 100]);
      broker.closeAll(0);
      to(2);
      expect(broker.closed.map((trade) => trade.exitPrice)).toEqual([sells, sells]);
    }
  });

  test("slippage by volume leaves the whole account's order one that the account carries", () => {
    const { broker, to } = market(flat(10, 10), { slippage: { kind: "volume_share", impact: 0.1 } });
    broker.order(0, 1);
    to(1);
    // 1000 units are all of the volume: they would cost 11 each, 909 cost no more than that.
    expect(broker.position(0).size).toBe(909);
    expect(broker.trades(0)[0]?.entryPrice).toBeCloseTo(10 * (1 + 0.1 * 0.909 ** 2), 12);
  });

  test("borrow is paid for shorts by the time they are held and their value", () => {
    const { broker, equity, to } = market(flat(100, 100, 100, 110, 110), { borrow: 0.365 });
    broker.order(0, -1, { size: 10 });
    broker.order(0, 1, { size: 1, limit: 50 });
    to(3);
    const hourly = 0.365 / 365 / 24;
    const paid = 1000 * hourly + 1100 * hourly;
    expect(equity[3]).toBeCloseTo(10_000 - 100 - paid, 9);
    broker.closeAll(0);
    to(4);
    expect(broker.closed[0]?.borrow).toBeCloseTo(paid + 1100 * hourly, 12);
    expect(broker.closed[0]?.pnl).toBeCloseTo(-100 - paid - 1100 * hourly, 9);
    expect(broker.cash).toBeCloseTo(10_000 - 100 - paid - 1100 * hourly, 9);
  });
});

describe("an order against open trades", () => {
  /** 30 and 50 units bought at 10. */
  const two = (settings: Setup = {}) => {
    const all = market(flat(10, 10, 10, 10, 10), settings);
    all.broker.order(0, 1, { size: 30 });
    all.to(1);
    all.broker.order(0, 1, { size: 50 });
    all.to(2);
    return all;
  };
  const after = (order: (broker: Broker) => void, settings: Setup = {}) => {
    const { broker, to } = two(settings);
    order(broker);
    to(3);
    return { left: open(broker).map(([size]) => size), ended: broker.closed.map(({ size }) => size) };
  };

  test("reduces the oldest first, and what is left of it opens a trade", () => {
    for (const [size, left, ended] of [
      [20, [10, 50], [20]],
      [45, [35], [30, 15]],
      [80, [], [30, 50]],
      [100, [-20], [30, 50]],
    ] as const) {
      expect(after((broker) => broker.order(0, -1, { size }))).toEqual({
        left: [...left],
        ended: [...ended],
      });
    }
  });

  test("stays beside them when hedging", () => {
    expect(after((broker) => broker.order(0, -1, { size: 20 }), { hedging: true })).toEqual({
      left: [30, 50, -20],
      ended: [],
    });
  });

  test("closes them before any order placed earlier when it is a close, the newest trade first", () => {
    const closing = (broker: Broker) => {
      broker.order(0, -1, { size: 7 });
      broker.closeAll(0);
      broker.closeAll(0); // a second one has nothing left to do
    };
    expect(after(closing)).toEqual({ left: [-7], ended: [50, 30] });
  });

  test("closes a part of each, a half unit to the even one, never less than one", () => {
    expect(after((broker) => broker.closeAll(0, 0.5))).toEqual({ left: [15, 25], ended: [25, 15] });
    expect(after((broker) => broker.closeAll(0, 0.05))).toEqual({ left: [28, 48], ended: [2, 2] }); // 1.5 and 2.5
    expect(after((broker) => broker.closeAll(0, 0.001))).toEqual({ left: [29, 49], ended: [1, 1] });
  });

  test("closes one of them", () => {
    const close = (broker: Broker) => {
      expect(broker.closeTrade(broker.trades(0)[0]?.id as number)).toBe(true);
      expect(broker.closeTrade(999)).toBe(false);
    };
    expect(after(close)).toEqual({ left: [50], ended: [30] });
  });

  test("when exclusive, cancels what waits but brackets and closes what is open first", () => {
    const { broker, to } = market(flat(10, 10, 10, 10), { exclusiveOrders: true });
    broker.order(0, 1, { size: 30, sl: 5 });
    to(1);
    broker.order(0, -1, { size: 5, limit: 20 });
    broker.order(0, -1, { size: 6, limit: 20 });
    expect(broker.orders(0).map(({ role, size }) => [role, size])).toEqual([
      ["close", -30],
      ["sl", -30],
      ["order", -6],
    ]);
    to(2);
    expect(broker.orders(0).map(({ role, size }) => [role, size])).toEqual([["order", -6]]);
    expect(broker.closed).toHaveLength(1);
  });
});

describe("a limit order", () => {
  const bar = (of: OrderOptions, direction: 1 | -1, ...candles: [number, number, number, number][]) => {
    const { broker, to } = market(bars([10, 10, 10, 10], ...candles));
    broker.order(0, direction, { size: 1, ...of });
    to(candles.length);
    return open(broker).map(([, at, price]) => [at, price]);
  };

  test("fills once its price is touched, at it or better", () => {
    expect(bar({ limit: 9 }, 1, [10, 11, 9.1, 10], [10, 10, 9, 10])).toEqual([[2, 9]]);
    expect(bar({ limit: 9 }, 1, [8, 10, 8, 10])).toEqual([[1, 8]]);
    expect(bar({ limit: 11 }, -1, [10, 10.9, 10, 10], [10, 11, 10, 10])).toEqual([[2, 11]]);
    expect(bar({ limit: 11 }, -1, [12, 12, 9, 10])).toEqual([[1, 12]]);
  });

  test("that is a stop fills at the stop or, past a gap, at the open", () => {
    expect(bar({ stop: 11 }, 1, [10, 10.9, 10, 10], [10, 11, 9, 10])).toEqual([[2, 11]]);
    expect(bar({ stop: 11 }, 1, [12, 12, 9, 10])).toEqual([[1, 12]]);
    expect(bar({ stop: 9 }, -1, [10, 11, 9, 10])).toEqual([[1, 9]]);
    expect(bar({ stop: 9 }, -1, [8, 10, 8, 10])).toEqual([[1, 8]]);
  });

  test("with a stop fills within the bar when the limit lies beyond the stop", () => {
    expect(bar({ stop: 11, limit: 11.5 }, 1, [10, 12, 10, 12])).toEqual([[1, 11]]);
    expect(bar({ stop: 9, limit: 8.5 }, -1, [10, 10, 8, 8])).toEqual([[1, 9]]);
  });

  test("with a stop waits for a later bar when the limit lies before it, then is a plain limit", () => {
    expect(bar({ stop: 11, limit: 10.5 }, 1, [10, 12, 10, 12])).toEqual([]);
    expect(bar({ stop: 11, limit: 10.5 }, 1, [10, 12, 10, 12], [12, 12, 10, 11])).toEqual([[2, 10.5]]);
    expect(bar({ stop: 11, limit: 10.5 }, 1, [10, 12, 10, 12], [10.2, 10.4, 10, 10.4])).toEqual([[2, 10.2]]);
    expect(bar({ stop: 9, limit: 9.5 }, -1, [10, 10, 8, 8], [8, 10, 8, 9])).toEqual([[2, 9.5]]);
    expect(bar({ stop: 11, limit: 11 }, 1, [10, 12, 10, 12])).toEqual([]);
  });

  test("and a stop lie on the instrument's ticks, away from the market", () => {
    const { broker } = market(flat(10), { instrument: { tick: 0.05 } });
    const prices = (direction: 1 | -1, order: OrderOptions) => {
      const id = broker.order(0, direction, order);
      const found = broker.orders(0).find((waiting) => waiting.id === id);
      return [found?.limit, found?.stop];
    };
    expect(prices(1, { limit: 9.97 })).toEqual([9.95, null]);
    expect(prices(-1, { limit: 10.01 })).toEqual([10.05, null]);
    expect(prices(1, { stop: 10.11 })).toEqual([null, 10.15]);
    expect(prices(-1, { stop: 9.99 })).toEqual([null, 9.95]);
    expect(prices(1, { stop: 10.1, limit: 10.15 })).toEqual([10.15, 10.1]);
  });
});

describe("a stop-loss and a take-profit", () => {
  const run = (
    order: OrderOptions,
    direction: 1 | -1,
    candles: [number, number, number, number][],
    settings: Setup = {},
  ) => {
    const { broker, to } = market(bars([10, 10, 10, 10], ...candles), settings);
    broker.order(0, direction, { size: 10, ...order });
    to(candles.length);
    return { broker, ended: closed(broker) };
  };

  test("end the trade, and with it each other", () => {
    const { broker, ended } = run({ sl: 9, tp: 12 }, 1, [
      [10, 11, 10, 11],
      [11, 12, 11, 11],
    ]);
    expect(ended).toEqual([[10, 2, 12, "tp"]]);
    expect(broker.orders(0)).toEqual([]);
    expect(
      run({ sl: 9, tp: 12 }, 1, [
        [10, 11, 10, 11],
        [10, 11, 8, 9],
      ]).ended,
    ).toEqual([[10, 2, 9, "sl"]]);
    expect(
      run({ sl: 11, tp: 8 }, -1, [
        [10, 10, 10, 10],
        [10, 12, 10, 11],
      ]).ended,
    ).toEqual([[-10, 2, 11, "sl"]]);
    expect(
      run({ sl: 11, tp: 8 }, -1, [
        [10, 10, 10, 10],
        [10, 10, 7, 9],
      ]).ended,
    ).toEqual([[-10, 2, 8, "tp"]]);
  });

  test("both in a bar: it was the stop-loss", () => {
    expect(
      run({ sl: 9, tp: 12 }, 1, [
        [10, 10, 10, 10],
        [10, 13, 8, 10],
      ]).ended,
    ).toEqual([[10, 2, 9, "sl"]]);
  });

  test("past a gap end it at the open", () => {
    expect(
      run({ sl: 9, tp: 12 }, 1, [
        [10, 10, 10, 10],
        [7, 8, 7, 8],
      ]).ended,
    ).toEqual([[10, 2, 7, "sl"]]);
    expect(
      run({ sl: 9, tp: 12 }, 1, [
        [10, 10, 10, 10],
        [13, 14, 13, 13],
      ]).ended,
    ).toEqual([[10, 2, 13, "tp"]]);
  });

  test("act on the entry bar of a market order, stop-loss first", () => {
    expect(run({ sl: 9, tp: 12 }, 1, [[10, 11, 9, 10]]).ended).toEqual([[10, 1, 9, "sl"]]);
    expect(run({ sl: 9, tp: 12 }, 1, [[10, 12, 9.5, 10]]).ended).toEqual([[10, 1, 12, "tp"]]);
    expect(run({ sl: 9, tp: 12 }, 1, [[10, 12, 9, 10]]).ended).toEqual([[10, 1, 9, "sl"]]);
    expect(run({ sl: 9 }, 1, [[10, 10, 9, 10]], { tradeOnClose: true }).ended).toEqual([[10, 1, 9, "sl"]]);
  });

  test("wait for the next bar after a limit order", () => {
    expect(run({ limit: 10, sl: 9, tp: 12 }, 1, [[10, 12, 9, 10]]).ended).toEqual([]);
    expect(
      run({ limit: 10, sl: 9, tp: 12 }, 1, [
        [10, 12, 9, 10],
        [10, 12, 10, 11],
      ]).ended,
    ).toEqual([[10, 2, 12, "tp"]]);
  });

  test("wait for the next bar after a stop order, but a take-profit reached alone counts", () => {
    expect(run({ stop: 11, sl: 9, tp: 12 }, 1, [[10, 12, 9.5, 12]]).ended).toEqual([[10, 1, 12, "tp"]]);
    expect(run({ stop: 11, sl: 9, tp: 12 }, 1, [[10, 12, 9, 12]]).ended).toEqual([]);
    expect(run({ stop: 11, sl: 9 }, 1, [[10, 12, 9, 12]]).ended).toEqual([]);
    expect(run({ stop: 9, sl: 11, tp: 8 }, -1, [[10, 10.5, 8, 8]]).ended).toEqual([[-10, 1, 8, "tp"]]);
    expect(run({ stop: 9, sl: 11, tp: 8 }, -1, [[10, 11, 8, 8]]).ended).toEqual([]);
  });

  test("are worked after closing orders, which fill at the open", () => {
    const { broker, to } = market(bars([10, 10, 10, 10], [10, 10, 10, 10], [10, 10, 8, 9]));
    broker.order(0, 1, { size: 10, sl: 9 });
    to(1);
    broker.closeAll(0);
    to(2);
    expect(closed(broker)).toEqual([[10, 2, 10, "close"]]);
  });

  test("of a part that is left are of that part", () => {
    const { broker, to } = market(bars([10, 10, 10, 10], [10, 10, 10, 10], [10, 10, 10, 10], [10, 10, 8, 9]));
    broker.order(0, 1, { size: 10, sl: 9, tp: 12 });
    to(1);
    broker.order(0, -1, { size: 4 });
    to(2);
    expect(broker.orders(0).map(({ role, size }) => [role, size])).toEqual([
      ["sl", -6],
      ["tp", -6],
    ]);
    to(3);
    expect(closed(broker)).toEqual([
      [4, 2, 10, "order"],
      [6, 3, 9, "sl"],
    ]);
  });

  test("are set, moved and taken away while the trade is open", () => {
    const { broker, to } = market(flat(10, 10, 10, 10));
    broker.order(0, 1, { size: 10 });
    to(1);
    const { id } = broker.trades(0)[0] as { id: number };
    expect(broker.protect(id, { sl: 8, tp: 12 })).toBe(true);
    const before = broker.trades(0);
    const [sl, tp] = broker.orders(0).map((order) => order.id) as [number, number];
    expect(broker.modify(sl, { stop: 9 })).toBe(true);
    expect(broker.modify(tp, { limit: 11 })).toBe(true);
    expect(broker.trades(0)[0]).toMatchObject({ sl: 9, tp: 11 });
    expect(before[0]).toMatchObject({ sl: 8, tp: 12 }); // what a strategy holds doesn't change
    expect(Object.isFrozen(before) && Object.isFrozen(before[0])).toBe(true);
    expect(() => broker.modify(sl, { limit: 9 })).toThrow("no limit to change");
    expect(broker.cancel(tp)).toBe(true);
    expect(broker.cancel(tp)).toBe(false);
    expect(broker.protect(id, { sl: null })).toBe(true);
    expect(broker.orders(0)).toEqual([]);
    expect(broker.protect(999, { sl: 8 })).toBe(false);
  });
});

describe("a trailing stop", () => {
  test("follows the best price of the bars that are over, never back, and says why", () => {
    const { broker, to } = market(
      bars([10, 10, 10, 10], [10, 12, 9.5, 11], [11, 14, 10.5, 14], [14, 14, 13, 13], [13, 13, 11, 12]),
    );
    broker.order(0, 1, { size: 10, trail: 2 });
    to(1);
    expect(broker.trades(0)[0]).toMatchObject({ sl: 10, trail: 2 }); // 8 during the entry bar
    to(2);
    expect(broker.trades(0)[0]?.sl).toBe(12);
    to(3);
    expect(broker.trades(0)[0]?.sl).toBe(12);
    to(4);
    expect(closed(broker)).toEqual([[10, 4, 12, "trail"]]);
  });

  test("of a short trade follows the lowest price; set later, that since the entry", () => {
    const { broker, to } = market(bars([10, 10, 10, 10], [10, 10, 6, 9], [9, 9, 8, 8], [8, 8.5, 8, 8]));
    broker.order(0, -1, { size: 10 });
    to(2);
    const { id } = broker.trades(0)[0] as { id: number };
    broker.protect(id, { trail: 2.25 });
    expect(broker.trades(0)[0]?.sl).toBe(8.25);
    to(3);
    expect(closed(broker)).toEqual([[-10, 3, 8.25, "trail"]]);
  });

  test("of a limit order doesn't count the bar it was entered on, and stays when it is taken off", () => {
    const { broker, to } = market(
      bars([10, 10, 10, 10], [10, 15, 9, 10], [10, 11, 10, 10], [10, 13, 10, 10]),
    );
    broker.order(0, 1, { size: 10, limit: 9.5, trail: 3 });
    to(1);
    expect(broker.trades(0)[0]?.sl).toBe(6.5);
    to(2);
    expect(broker.trades(0)[0]?.sl).toBe(8);
    broker.protect(broker.trades(0)[0]?.id as number, { trail: null });
    to(3);
    expect(broker.trades(0)[0]).toMatchObject({ sl: 8, trail: null });
  });
});

describe("an order that waits", () => {
  test("can be cancelled and changed, once", () => {
    const { broker, to } = market(flat(10, 10, 10));
    const id = broker.order(0, 1, { size: 5, limit: 8 });
    expect(broker.modify(id, { limit: 7, size: 6 })).toBe(true);
    expect(broker.orders(0)).toMatchObject([{ id, side: "buy", size: 6, limit: 7, role: "order" }]);
    expect(() => broker.modify(id, { size: 1.5 })).not.toThrow();
    expect(broker.cancel(id)).toBe(true);
    expect(broker.cancel(id)).toBe(false);
    expect(broker.modify(id, { limit: 9 })).toBe(false);
    to(2);
    expect(broker.trades(0)).toEqual([]);
  });

  test("immediate or cancel is gone after the next bar", () => {
    const { broker, to } = market(bars([10, 10, 10, 10], [10, 10, 10, 10], [10, 10, 8, 9]));
    broker.order(0, 1, { size: 5, limit: 9, tif: "ioc" });
    to(2);
    expect(broker.trades(0)).toEqual([]);
    expect(broker.orders(0)).toEqual([]);
  });

  test("for the day is gone with it", () => {
    for (const [day, filled] of [
      [2, []],
      [3, [[5, 2, 9]]],
    ] as const) {
      const { broker, to } = market(bars([10, 10, 10, 10], [10, 10, 10, 10], [10, 10, 8, 9]), { day });
      broker.order(0, 1, { size: 5, limit: 9, tif: "day" });
      to(2);
      expect(open(broker)).toEqual(filled.map((trade) => [...trade]));
    }
  });

  test("for the day fills at its last close when traded on close", () => {
    const { broker, to } = market(flat(10, 11), { day: 1, tradeOnClose: true });
    broker.order(0, 1, { size: 5, tif: "day" });
    to(1);
    expect(open(broker)).toEqual([[5, 0, 10]]);
  });
});

describe("a bar's volume", () => {
  const thin = bars(
    [10, 10, 10, 10],
    [10, 10, 10, 10, 40],
    [11, 11, 11, 11, 0],
    [12, 12, 12, 12, 100],
    [12, 12, 8, 9, 40],
    [9, 9, 9, 9, 100],
  );

  test("limits an order; what is left of it waits", () => {
    const { broker, to } = market(thin, { volumeLimit: 0.5 });
    broker.order(0, 1, { size: 60 });
    to(2);
    expect(open(broker)).toEqual([[20, 1, 10]]);
    expect(broker.orders(0)).toMatchObject([{ size: 40 }]);
    to(3);
    expect(open(broker)).toEqual([
      [20, 1, 10],
      [40, 3, 12],
    ]);
    expect(broker.orders(0)).toEqual([]);
  });

  test("cancels what is left of an immediate order", () => {
    const { broker, to } = market(thin, { volumeLimit: 0.5 });
    broker.order(0, 1, { size: 60, tif: "ioc" });
    to(3);
    expect(open(broker)).toEqual([[20, 1, 10]]);
  });

  test("limits a stop-loss that was reached: what is left is sold at the next open", () => {
    const { broker, to } = market(thin, { volumeLimit: 0.5 });
    to(2);
    broker.order(0, 1, { size: 50, sl: 9, tp: 20 });
    to(4);
    expect(closed(broker)).toEqual([[20, 4, 9, "sl"]]);
    expect(broker.orders(0).map(({ role, size }) => [role, size])).toEqual([["close", -30]]);
    to(5);
    expect(closed(broker).slice(1)).toEqual([[30, 5, 9, "sl"]]);
  });
});

describe("margin", () => {
  test("is called when equity falls below what maintenance asks for: all is closed at the next bar", () => {
    const { broker, equity, to } = market(flat(100, 100, 99, 98.5, 98), {
      leverage: 50,
      maintenance: 0.5,
      cash: 1000,
    });
    broker.order(0, 1, { size: 400 }); // takes 800
    broker.order(0, 1, { size: 1, limit: 50 });
    to(2);
    expect(equity[2]).toBe(600); // of 792
    expect(broker.orders(0)).toHaveLength(1);
    to(3);
    expect(equity[3]).toBe(400); // of 788 · 0.5 = 394: still enough
    expect(broker.orders(0)).toHaveLength(1);
    to(4);
    expect(equity[4]).toBe(200);
    const [call] = broker.orders(0);
    expect(call).toMatchObject({ role: "close", size: -400 });
    expect(broker.cancel(call?.id as number)).toBe(false);
    expect(broker.orders(0)).toHaveLength(1);
  });

  test("call closes at the open of the next bar", () => {
    const { broker, to } = market(flat(100, 100, 98, 98.2), { leverage: 50, maintenance: 0.5, cash: 1000 });
    broker.order(0, 1, { size: 400 });
    to(3);
    expect(closed(broker)).toEqual([[400, 3, 98.2, "margin"]]);
    expect(broker.equity).toBeCloseTo(1000 - 400 * 1.8, 9);
  });
});

describe("an account that goes bust", () => {
  const candles = bars(
    [10, 10, 10, 10],
    [10, 10, 10, 10],
    [10, 10, 10, 10],
    [10, 15, 10, 15],
    [24, 25, 24, 25],
  );
  const { broker, equity, to } = market(candles);
  broker.order(0, -1, { size: 600 });
  to(1);
  broker.order(0, -1, { size: 400 });
  to(3);
  broker.order(0, 1, { size: 1 });
  to(4);

  test("has all its trades closed at that bar's close", () => {
    expect(closed(broker)).toEqual([
      [-1, 4, 24, "order"],
      [-599, 4, 25, "bust"],
      [-400, 4, 25, "bust"],
    ]);
    expect(broker.bust).toBe(true);
    expect(broker.trades(0)).toEqual([]);
    expect(broker.orders(0)).toEqual([]);
  });

  test("has an equity of 0", () => {
    expect(equity).toEqual([10_000, 10_000, 10_000, 5000, 0]);
    expect(broker.cash).toBe(0);
  });
});

describe("several symbols on one account", () => {
  const pair = (settings: Setup = {}) => {
    const broker = new Broker({ ...plainSettings(10_000), ...settings }, () => 0);
    const prices = flat(100, 100, 110);
    const yen = flat(0.01, 0.02, 0.02);
    broker.add(
      { ...plainInstrument("A"), currency: "JPY", conversion: { symbol: "JPYUSD", inverse: false } },
      prices,
    );
    broker.add(plainInstrument("JPYUSD"), yen);
    const to = (i: number) => {
      for (const symbol of [0, 1]) broker.mark(symbol, i);
      for (const symbol of [0, 1]) broker.work(symbol, i);
      return broker.settle(i * HOUR);
    };
    return { broker, to };
  };

  test("one's prices are converted by another's newest close", () => {
    const { broker, to } = pair({ commission: { fixed: 0, rate: 0.01, perUnit: 0 } });
    to(0);
    broker.order(0, 1, { size: 1000 }); // 1000 · 100 yen are 2000 at the next bar's 0.02
    expect(to(1)).toBe(10_000 - 20);
    expect(broker.available).toBe(10_000 - 20 - 2000);
    expect(to(2)).toBe(10_000 - 20 + 200);
    broker.closeAll(0);
    expect(broker.finalize()).toBeCloseTo(10_000 - 20 + 200 - 22, 9);
    expect(broker.closed[0]?.pnl).toBeCloseTo(200 - 42, 9);
    expect(broker.closed[0]?.returnFraction).toBeCloseTo((200 - 42) / 2000, 12);
  });

  test("they share the margin", () => {
    const { broker, to } = pair();
    to(0);
    broker.order(0, 1, { size: 4000 }); // takes 8000
    broker.order(1, 1); // 2000 / 0.02, less the least step of its fraction
    to(1);
    expect(broker.position(0).size).toBe(4000);
    expect(broker.position(1).size).toBe(99_999);
  });

  test("one that no symbol of the run converts is told of", () => {
    const broker = new Broker(plainSettings(10_000), () => 0);
    broker.add({ ...plainInstrument("A"), conversion: { symbol: "B", inverse: true } }, flat(10, 10));
    broker.mark(0, 0);
    broker.order(0, 1, { size: 1 });
    broker.mark(0, 1);
    expect(() => broker.work(0, 1)).toThrow("A is converted by B, which isn't in the run");
  });
});

describe("at the end", () => {
  const candles = bars([10, 10, 10, 10], [10, 10, 10, 10], [10, 10, 10, 10], [12, 14, 12, 14]);

  test("what is open is closed at the last open, oldest first, and nothing new is opened", () => {
    const { broker, equity, to } = market(candles);
    broker.order(0, 1, { size: 10 });
    to(1);
    broker.order(0, 1, { size: 20 });
    to(3);
    expect(equity[3]).toBe(10_120);
    broker.order(0, 1, { size: 5 });
    expect(broker.finalize()).toBe(10_060);
    expect(closed(broker)).toEqual([
      [10, 3, 12, "end"],
      [20, 3, 12, "end"],
    ]);
    expect(broker.trades(0)).toEqual([]);
  });

  test("traded on close, it is closed at the close before", () => {
    const { broker, to } = market(candles, { tradeOnClose: true });
    broker.order(0, 1, { size: 10 });
    to(3);
    broker.finalize();
    expect(broker.closed).toMatchObject([{ entryBar: 0, exitBar: 2, exitPrice: 10 }]);
  });
});

test("a trade says how far the price went against it and for it, by the bars it was held through", () => {
  const candles = bars([10, 30, 1, 10], [10, 12, 9, 10], [10, 15, 8, 10], [11, 40, 1, 10]);
  for (const [direction, mae, mfe] of [
    [1, -0.2, 0.5],
    [-1, -0.5, 0.2],
  ] as const) {
    const { broker, to } = market(candles);
    broker.order(0, direction, { size: 10 });
    to(2);
    broker.closeAll(0);
    to(3);
    expect(broker.closed[0]?.mae).toBeCloseTo(mae, 12);
    expect(broker.closed[0]?.mfe).toBeCloseTo(mfe, 12);
  }
});

test("fills say what was bought and sold on a step, and of which order", () => {
  const { broker, to } = market(flat(10, 10, 11, 11), { commission: { fixed: 1, rate: 0, perUnit: 0 } });
  const bought = broker.order(0, 1, { size: 10, tag: "in" });
  to(1);
  const { id } = broker.trades(0)[0] as { id: number };
  expect(broker.fills).toEqual([
    {
      order: bought,
      trade: id,
      symbol: "X",
      size: 10,
      price: 10,
      commission: 1,
      bar: 1,
      time: HOUR,
      why: "order",
      tag: "in",
    },
  ]);
  broker.closeAll(0);
  to(2);
  expect(broker.fills).toMatchObject([{ trade: id, size: -10, price: 11, bar: 2, why: "close", tag: "in" }]);
  to(3);
  expect(broker.fills).toEqual([]);
  expect(broker.fillCount).toBe(2);
});

test("what isn't an order is refused in words, and nothing is placed", () => {
  const { broker } = market(flat(10));
  for (const [order, words] of [
    [{ sise: 5 }, "an order has no sise"],
    [{ size: 0 }, "size must be"],
    [{ size: 1.5 }, "size must be"],
    [{ size: "5" }, "size must be"],
    [{ size: Number.NaN }, "size must be"],
    [{ size: 1, units: 1 }, "not both"],
    [{ units: -1 }, "units must be"],
    [{ limit: Number.NaN }, "limit must be a price above 0"],
    [{ stop: 0 }, "stop must be a price above 0"],
    [{ sl: 10 }, "an order to buy needs"],
    [{ tp: 10 }, "an order to buy needs"],
    [{ limit: 8, sl: 9 }, "an order to buy needs"],
    [{ sl: 9, trail: 1 }, "sl or trail, not both"],
    [{ tif: "fok" }, "tif must be"],
    [{ tag: 5 }, "tag must be"],
    [5, "an order is {"],
    [null, "an order is {"],
  ] as unknown as [OrderOptions, string][]) {
    expect(() => broker.order(0, 1, order)).toThrow(RangeError);
    expect(() => broker.order(0, 1, order)).toThrow(words);
  }
  expect(() => broker.order(0, -1, { sl: 9 })).toThrow("an order to sell needs");
  expect(() => broker.closeAll(0, 0)).toThrow("fraction");
  expect(() => broker.closeTrade(1, 1.1)).toThrow("fraction");
  expect(broker.orders(0)).toEqual([]);
});

test("a commission rule that comes to no amount ends the run", () => {
  const { broker, to } = market(flat(10, 10), { rule: () => Number.NaN });
  broker.order(0, 1, { size: 1 });
  expect(() => to(1)).toThrow("commission must come to an amount");
});
