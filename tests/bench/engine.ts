/** What an engine's benches measure: a full broker on bars that are made, and the bare loop that it is measured by. */

import type { Bars } from "../../src/backtest/core/bars.ts";
import { plainSettings } from "../../src/backtest/core/broker/account.ts";
import { plainInstrument } from "../../src/backtest/core/broker/instrument.ts";
import { Engine, type EngineOptions, type Plan } from "../../src/backtest/core/engine/engine.ts";
import { resolveParams } from "../../src/backtest/core/engine/parameters.ts";
import { timelineOf } from "../../src/backtest/core/engine/timeline.ts";
import type { Params, Strategy } from "../../src/backtest/core/strategy.ts";
import { calendarOf } from "../../src/backtest/core/time/trading-calendar.ts";

export const CASH = 1e9;
export const RATE = 0.0002;
/** The averages of the strategy that all are measured with. */
export const CROSS = { fast: 50, slow: 200 };

/** The steps of these symbols' bars, and room for the equity at each. */
export function planOf(bars: readonly Bars[]): Plan {
  const time = timelineOf(bars.map((columns) => ({ bars: columns, joined: Number.NEGATIVE_INFINITY })));
  // Filled, so that its memory is there before anything is timed.
  return { time, equity: new Float64Array(time.length).fill(CASH), length: time.length };
}

/** An engine over these symbols' bars. */
export function engineOver(
  bars: readonly Bars[],
  strategy: Strategy,
  params: Params,
  { plan = planOf(bars), ...more }: Partial<EngineOptions> = {},
): Engine {
  const symbols = bars.map((columns, at) => ({
    instrument: plainInstrument(`S${at}`),
    bars: columns,
    joined: Number.NEGATIVE_INFINITY,
  }));
  const plain = plainSettings(CASH);
  return new Engine({
    symbols,
    plan,
    timeframe: "1m",
    calendar: calendarOf({ timezone: "UTC", hours: null }, null, "UTC"),
    settings: { ...plain, commission: { ...plain.commission, rate: RATE }, finalize: true },
    strategy,
    params: resolveParams(strategy.params ?? {}, params),
    seed: 1,
    ...more,
  });
}

/**
 * The least that a program can do for an SMA cross: rolling sums, a position turned at the next open, equity.
 * @returns how often the position was turned
 */
export function bareLoop({ open, close, length }: Bars, equity: Float64Array): number {
  const { fast: FAST, slow: SLOW } = CROSS;
  let fastSum = 0;
  let slowSum = 0;
  let fastBefore = Number.NaN;
  let slowBefore = Number.NaN;
  let cash = CASH;
  let position = 0;
  let wanted = 0;
  let turns = 0;
  for (let i = 0; i < length; i++) {
    if (wanted !== position) {
      const price = open[i] as number;
      const size = wanted - position;
      cash -= size * price + Math.abs(size) * price * RATE;
      position = wanted;
      turns++;
    }
    const price = close[i] as number;
    fastSum += price;
    slowSum += price;
    if (i >= FAST) fastSum -= close[i - FAST] as number;
    if (i >= SLOW) slowSum -= close[i - SLOW] as number;
    equity[i] = cash + position * price;
    if (i >= SLOW - 1) {
      const fast = fastSum / FAST;
      const slow = slowSum / SLOW;
      if (fastBefore < slowBefore && fast > slow) wanted = 1;
      else if (fastBefore > slowBefore && fast < slow) wanted = -1;
      fastBefore = fast;
      slowBefore = slow;
    }
  }
  return turns;
}
