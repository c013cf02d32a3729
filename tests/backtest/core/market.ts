/** A market made by hand, and a broker driven over it bar by bar without an engine. */

import type { Bars } from "../../../src/backtest/core/bars.ts";
import { type BrokerSettings, plainSettings } from "../../../src/backtest/core/broker/account.ts";
import { Broker, type CommissionRule } from "../../../src/backtest/core/broker/broker.ts";
import { type Instrument, plainInstrument } from "../../../src/backtest/core/broker/instrument.ts";

export const HOUR = 3_600_000;

/** A bar as `[open, high, low, close, volume]`; the volume is 1000 if left out. */
export type Candle = readonly [open: number, high: number, low: number, close: number, volume?: number];

/** Hourly bars from 1970 on. */
export function bars(...candles: readonly Candle[]): Bars {
  const column = (n: number) => Float64Array.from(candles, (candle) => candle[n] ?? 1000);
  return {
    length: candles.length,
    time: Float64Array.from(candles, (_, i) => i * HOUR),
    open: column(0),
    high: column(1),
    low: column(2),
    close: column(3),
    volume: column(4),
    decimals: -1,
  };
}

/** Bars that stand still at each of these prices. */
export const flat = (...prices: readonly number[]): Bars =>
  bars(...prices.map((price): Candle => [price, price, price, price]));

export type Market = {
  readonly broker: Broker;
  /** The equity at each bar worked. */
  readonly equity: number[];
  /** Works the bars up to this one. */
  to(bar: number): void;
};

export type Setup = Partial<BrokerSettings> & {
  instrument?: Partial<Instrument>;
  rule?: CommissionRule;
  day?: number;
};

/** One symbol, its first bar worked. `day` is how many bars a trading day has. */
export function market(of: Bars, { instrument, rule, day = 24, ...settings }: Setup = {}): Market {
  const broker = new Broker(
    { ...plainSettings(10_000), ...settings },
    (time) => Math.floor(time / HOUR / day),
    rule,
  );
  broker.add({ ...plainInstrument("X"), ...instrument }, of);
  const equity: number[] = [];
  const to = (bar: number) => {
    while (equity.length <= bar) {
      const i = equity.length;
      broker.mark(0, i);
      broker.work(0, i);
      equity.push(broker.settle(of.time[i] as number));
    }
  };
  to(0);
  return { broker, equity, to };
}
