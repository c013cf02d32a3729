// The trades and equity curves beside data/market/README.md, to 1e-9, by the broker alone: the loop and the averages are here.
import { describe, expect, test } from "bun:test";
import { type BrokerSettings, plainSettings } from "../../../../src/backtest/core/broker/account.ts";
import { Broker } from "../../../../src/backtest/core/broker/broker.ts";
import { plainInstrument } from "../../../../src/backtest/core/broker/instrument.ts";
import { expectClose, readReference, referenceBars, referenceEquity, referenceTrades } from "../reference.ts";

/** What the strategy of a case does at a cross; 1 is up. */
type AtCross = (broker: Broker, direction: 1 | -1) => void;

const flip: AtCross = (broker, direction) => {
  broker.closeAll(0);
  broker.order(0, direction);
};
const order: AtCross = (broker, direction) => {
  broker.order(0, direction);
};
const long1000: AtCross = (broker, direction) => {
  if (direction === 1) broker.order(0, 1, { size: 1000 });
  else broker.closeAll(0);
};

const cases: [id: string, atCross: AtCross][] = [
  ["sma_15_40_flip", flip],
  ["sma_15_40_flip_open", flip],
  ["sma_15_40_exclusive", order],
  ["sma_7_33_on_close", flip],
  ["sma_12_50_long", long1000],
  ["C1_eurusd_sma10_30_margin", flip],
  ["F1_btcusd_fractional", flip],
];

/** The sums of `length` closes, as integers: ties are exact. */
function sums(close: Float64Array, length: number): number[] {
  const scaled = Array.from(close, (price) => Math.round(price * 1e5));
  let sum = 0;
  return scaled.map((price, i) => {
    sum += price - (scaled[i - length] ?? 0);
    return sum;
  });
}

describe.each(cases)("%s", (id, atCross) => {
  const reference = readReference(id);
  const { kwargs, strategy_params } = reference;
  const bars = referenceBars(reference);
  const { commission = 0 } = kwargs;
  const [fixed, rate] = typeof commission === "number" ? [0, commission] : commission;
  const settings: BrokerSettings = {
    ...plainSettings(kwargs.cash),
    leverage: 1 / (kwargs.margin ?? 1),
    commission: { fixed, rate, perUnit: 0 },
    spread: kwargs.spread ?? 0,
    tradeOnClose: kwargs.trade_on_close ?? false,
    exclusiveOrders: kwargs.exclusive_orders ?? false,
  };
  const broker = new Broker(settings, () => 0);
  broker.add({ ...plainInstrument("X"), lot: kwargs.fractional_unit ?? 1 }, bars);
  const { n1, n2 } = strategy_params;
  const fast = sums(bars.close, n1);
  const slow = sums(bars.close, n2);
  /** The sign of the fast average less the slow one. */
  const side = (i: number) => Math.sign((fast[i] as number) * n2 - (slow[i] as number) * n1);
  const equity = new Float64Array(bars.length).fill(kwargs.cash);
  for (let i = n2; i < bars.length; i++) {
    broker.mark(0, i);
    broker.work(0, i);
    equity[i] = broker.settle(bars.time[i] as number);
    const now = side(i);
    if (now !== 0 && side(i - 1) === -now) atCross(broker, now as 1 | -1);
  }
  if (kwargs.finalize_trades) equity[bars.length - 1] = broker.finalize();

  test("the trades are those of the reference", () => {
    const wanted = referenceTrades(reference);
    expect(broker.closed.length).toBe(wanted.length);
    for (const [n, { entryBar, exitBar, entryTime, exitTime, ...figures }] of wanted.entries()) {
      const trade = broker.closed[n];
      expect(trade).toMatchObject({ entryBar, exitBar, entryTime, exitTime });
      for (const figure of [
        "size",
        "entryPrice",
        "exitPrice",
        "pnl",
        "commission",
        "returnFraction",
      ] as const) {
        expectClose(trade?.[figure], figures[figure], `${figure} of trade ${n}`);
      }
    }
  });

  test("the equity curve is that of the reference", () => {
    const wanted = referenceEquity(reference);
    expect(equity.length).toBe(wanted.length);
    for (const [i, value] of wanted.entries()) expectClose(equity[i], value, `equity ${i}`);
  });
});
