import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Bars } from "../../../../src/backtest/core/bars.ts";
import { type BrokerSettings, plainSettings } from "../../../../src/backtest/core/broker/account.ts";
import { Broker } from "../../../../src/backtest/core/broker/broker.ts";
import { plainInstrument } from "../../../../src/backtest/core/broker/instrument.ts";
import type { Fill, OrderOptions } from "../../../../src/backtest/core/strategy.ts";
import { bars, type Candle, HOUR } from "../market.ts";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LENGTH = 60;
const instruments = [
  { ...plainInstrument("A"), tick: 0.01 },
  { ...plainInstrument("B"), lot: 0.01, currency: "EUR", conversion: 1.25 },
  { ...plainInstrument("C"), lot: 10, tick: 0.25 },
];
const CASH = 10_000;

/** Bars that gap and range, of prices around 100, to the cent. */
function randomBars(random: () => number): Bars {
  const cent = (price: number) => Math.max(1, Math.round(price * 100) / 100);
  let price = 100;
  const candle = (): Candle => {
    const open = cent(price * (1 + (random() - 0.5) * 0.04));
    const close = cent(open * (1 + (random() - 0.5) * 0.06));
    const high = cent(Math.max(open, close) * (1 + random() * 0.02));
    const low = cent(Math.min(open, close) * (1 - random() * 0.02));
    price = close;
    return [open, Math.max(high, open, close), Math.min(low, open, close), close, Math.floor(random() * 200)];
  };
  return bars(...Array.from({ length: LENGTH }, candle));
}

function randomSettings(random: () => number): BrokerSettings {
  const sometimes = (value: number) => (random() < 0.5 ? value : 0);
  return {
    ...plainSettings(CASH),
    leverage: random() < 0.5 ? 1 : 10,
    maintenance: sometimes(0.5),
    commission: { fixed: sometimes(1), rate: sometimes(0.001), perUnit: sometimes(0.01) },
    spread: sometimes(0.001),
    slippage: (
      [
        { kind: "none" },
        { kind: "fixed", amount: 0.05 },
        { kind: "rate", rate: 0.001 },
        { kind: "volume_share", impact: 0.1 },
      ] as const
    )[Math.floor(random() * 4)] ?? { kind: "none" },
    volumeLimit: random() < 0.5 ? 1e9 : 0.5,
    borrow: sometimes(0.1),
    tradeOnClose: random() < 0.3,
    exclusiveOrders: random() < 0.2,
    hedging: random() < 0.3,
  };
}

function randomOrder(random: () => number, direction: 1 | -1, price: number): OrderOptions {
  const near = (away: number) => price * (1 + away * random() * 0.03);
  const limit = random() < 0.3 ? near(-direction) : undefined;
  const stop = limit === undefined && random() < 0.3 ? near(direction) : undefined;
  const entry = limit ?? stop ?? price;
  const exits = random();
  return {
    ...(random() < 0.5
      ? { size: 0.05 + random() * 0.5 }
      : random() < 0.5
        ? { size: 10 }
        : { units: 10 + random() * 20 }),
    ...(limit === undefined ? {} : { limit }),
    ...(stop === undefined ? {} : { stop }),
    ...(exits < 0.3 ? { sl: entry * (1 - direction * 0.02) } : exits < 0.6 ? { trail: price * 0.02 } : {}),
    ...(random() < 0.4 ? { tp: entry * (1 + direction * 0.03) } : {}),
    tif: (["gtc", "gtc", "day", "ioc"] as const)[Math.floor(random() * 4)] ?? "gtc",
    tag: random() < 0.5 ? "a" : "b",
  };
}

type Driven = {
  readonly data: readonly Bars[];
  readonly settings: BrokerSettings;
  broker: Broker;
  /** Works a step and then does what the strategy would. @returns the equity */
  step(at: number): number;
};

/** Three symbols, each without a bar at some steps, and a strategy that does anything. All follows from the seed. */
function driven(seed: number, over: Partial<BrokerSettings> = {}): Driven {
  const setup = numbers(seed);
  const data = instruments.map(() => randomBars(setup));
  const has = data.map(() => Array.from({ length: LENGTH }, () => setup() < 0.8));
  const settings = { ...randomSettings(setup), ...over };
  const self: Driven = { data, settings, broker: make(settings, data), step };
  return self;

  function step(at: number): number {
    const { broker } = self;
    const here = [0, 1, 2].filter((symbol) => has[symbol]?.[at] || symbol === at % 3);
    for (const symbol of here) broker.mark(symbol, at);
    for (const symbol of here) broker.work(symbol, at);
    const equity = broker.settle(at * HOUR);
    if (!broker.bust)
      for (const symbol of here) act(broker, symbol, at, numbers(seed * 1000 + at * 3 + symbol));
    return equity;
  }

  function act(broker: Broker, symbol: number, at: number, random: () => number): void {
    const price = data[symbol]?.close[at] as number;
    const direction = random() < 0.5 ? 1 : -1;
    if (random() < 0.3) broker.order(symbol, direction, randomOrder(random, direction, price));
    const [trade] = broker.trades(symbol);
    if (trade && random() < 0.1) broker.closeTrade(trade.id, random() < 0.5 ? 1 : 0.5);
    if (trade && random() < 0.1)
      broker.protect(trade.id, { tp: price * (trade.size > 0 ? 1.02 : 0.98), sl: null });
    if (trade && random() < 0.1) broker.protect(trade.id, { trail: price * 0.03 });
    if (random() < 0.05) broker.closeAll(symbol, 0.5);
    const [order] = broker.orders(symbol);
    if (order && random() < 0.05) broker.cancel(order.id);
    if (order?.role === "order" && random() < 0.1) broker.modify(order.id, { size: 20 });
  }
}

function make(settings: BrokerSettings, data: readonly Bars[]): Broker {
  const broker = new Broker(settings, (time) => Math.floor(time / HOUR / 8));
  for (const [symbol, instrument] of instruments.entries()) broker.add(instrument, data[symbol] as Bars);
  return broker;
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 });

describe("whatever is ordered", () => {
  test("equity is the money less what was bought, paid and borrowed, and what that is worth, at each bar", () => {
    let filled = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const { broker, data, step } = driven(seed);
        let money = CASH;
        const units = [0, 0, 0];
        const close = [0, 0, 0];
        for (let at = 0; at < LENGTH; at++) {
          const equity = step(at);
          if (broker.bust) return;
          for (const fill of broker.fills) {
            const symbol = instruments.findIndex((instrument) => instrument.symbol === fill.symbol);
            money -= fill.size * fill.price * worth(symbol) + fill.commission;
            units[symbol] = (units[symbol] as number) + fill.size;
            filled++;
          }
          const { trades, newest } = broker.snapshot();
          const borrowed = [...trades, ...broker.closed].reduce((sum, { borrow }) => sum + borrow, 0);
          for (const [symbol, index] of newest.entries())
            if (index >= 0) close[symbol] = data[symbol]?.close[index] as number;
          const held = units.reduce(
            (sum, size, symbol) => sum + size * (close[symbol] as number) * worth(symbol),
            0,
          );
          expect(Math.abs(money - borrowed + held - equity)).toBeLessThan(0.005);
          expect(broker.equity).toBe(equity);
        }
      }),
      { numRuns: 150, includeErrorInReport: true },
    );
    expect(filled).toBeGreaterThan(2000);
  });

  test("a snapshot taken anywhere goes on to the same bits", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: LENGTH - 2 }), (seed, cut) => {
        const whole = driven(seed);
        const parted = driven(seed);
        for (let at = 0; at < LENGTH; at++) {
          expect(parted.step(at)).toBe(whole.step(at));
          if (at !== cut) continue;
          const { broker } = parted;
          const state = structuredClone(broker.snapshot());
          parted.broker = make(parted.settings, parted.data);
          parted.broker.restore(state, broker.closed);
          expect(parted.broker.equity).toBe(broker.equity);
          expect(parted.broker.snapshot()).toEqual(state);
        }
        expect(parted.broker.finalize()).toBe(whole.broker.finalize());
        expect(parted.broker.snapshot()).toEqual(whole.broker.snapshot());
        expect(parted.broker.closed).toEqual(whole.broker.closed);
      }),
      { numRuns: 80, includeErrorInReport: true },
    );
  });

  test("no price is filled that the bar didn't have, and no exit fills more than its trade", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { broker, data, step } = driven(seed, { slippage: { kind: "none" }, spread: 0 });
        const left = new Map<number, number>();
        const check = ({ symbol, bar, price, size, trade, why }: Fill) => {
          const { high, low } = data[
            instruments.findIndex((instrument) => instrument.symbol === symbol)
          ] as Bars;
          expect(price).toBeWithin(low[bar] as number, (high[bar] as number) + 1e-12);
          const before = left.get(trade) ?? 0;
          left.set(trade, Math.round((before + size) * 100) / 100);
          if (why !== "order") expect(Math.abs(left.get(trade) as number)).toBeLessThan(Math.abs(before));
          if (before !== 0) expect((left.get(trade) as number) * before).toBeGreaterThanOrEqual(0);
        };
        for (let at = 0; at < LENGTH && !broker.bust; at++) {
          step(at);
          for (const fill of broker.fills) check(fill);
          const open = [0, 1, 2].flatMap((symbol) => broker.trades(symbol).map(({ id }) => id));
          expect(open.toSorted()).toEqual([...left.keys()].filter((id) => left.get(id) !== 0).toSorted());
        }
      }),
      { numRuns: 80, includeErrorInReport: true },
    );
  });

  test("a stop-loss and a take-profit never both fill when volume is no limit", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { broker, step } = driven(seed, { volumeLimit: 1e9 });
        const ended = new Set<number>();
        for (let at = 0; at < LENGTH && !broker.bust; at++) {
          step(at);
          for (const { why, trade } of broker.fills) {
            if (why !== "sl" && why !== "trail" && why !== "tp") continue;
            expect(ended.has(trade)).toBe(false);
            ended.add(trade);
          }
        }
      }),
      { numRuns: 60, includeErrorInReport: true },
    );
  });
});

const worth = (symbol: number): number => instruments[symbol]?.conversion as number;
