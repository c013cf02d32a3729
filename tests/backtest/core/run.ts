import type { Bars } from "../../../src/backtest/core/bars.ts";
import { closeDecimals } from "../../../src/backtest/core/bars.ts";
import type { ClosedTrade } from "../../../src/backtest/core/broker.ts";
import { Engine, type Settings } from "../../../src/backtest/core/engine.ts";
import type { Context, Params, Strategy } from "../../../src/backtest/core/strategy.ts";

export const HOUR = 3_600_000;
/** Monday, 2018-01-01 UTC. */
export const START = 1_514_764_800_000;

export const plain: Settings = {
  cash: 10_000,
  commission: { fixed: 0, rate: 0 },
  spread: 0,
  tradeOnClose: false,
  exclusiveOrders: false,
  finalize: false,
};

/** Hourly bars with these opens and closes; without opens each bar opens where the one before closed. */
export function barsOf(close: readonly number[], open?: readonly number[]): Bars {
  const opens = close.map((price, i) => open?.[i] ?? close[i - 1] ?? price);
  return {
    length: close.length,
    time: Float64Array.from(close, (_, i) => START + i * HOUR),
    open: Float64Array.from(opens),
    high: Float64Array.from(close, (price, i) => Math.max(price, opens[i] as number)),
    low: Float64Array.from(close, (price, i) => Math.min(price, opens[i] as number)),
    close: Float64Array.from(close),
    volume: new Float64Array(close.length),
    decimals: closeDecimals(Float64Array.from(close)),
  };
}

/** The first `length` of some bars. */
export function cut(bars: Bars, length: number): Bars {
  return {
    length,
    time: bars.time.slice(0, length),
    open: bars.open.slice(0, length),
    high: bars.high.slice(0, length),
    low: bars.low.slice(0, length),
    close: bars.close.slice(0, length),
    volume: bars.volume.slice(0, length),
    decimals: bars.decimals,
  };
}

/** A strategy that does something at given bars. */
export function script(steps: Record<number, (ctx: Context) => void>): Strategy {
  return { init: () => ({}), onBar: (ctx) => steps[ctx.index]?.(ctx) };
}

export type Run = { engine: Engine; equity: Float64Array; trades: readonly ClosedTrade[]; stop: string };

/** A whole run, finished. */
export function run(
  bars: Bars,
  strategy: Strategy,
  settings: Partial<Settings> = {},
  params: Params = {},
): Run {
  const equity = new Float64Array(bars.length);
  const engine = new Engine({ bars, strategy, params, equity, settings: { ...plain, ...settings } });
  const stop = engine.advance(null);
  engine.finish();
  return { engine, equity, trades: engine.closedTrades, stop };
}
