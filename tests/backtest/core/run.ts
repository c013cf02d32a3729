import { type Bars, closeDecimals } from "../../../src/backtest/core/bars.ts";
import { type ClosedTrade, plainSettings } from "../../../src/backtest/core/broker/account.ts";
import { type Instrument, plainInstrument } from "../../../src/backtest/core/broker/instrument.ts";
import { Engine, type EngineOptions } from "../../../src/backtest/core/engine/engine.ts";
import { resolveParams } from "../../../src/backtest/core/engine/parameters.ts";
import { timelineOf } from "../../../src/backtest/core/engine/timeline.ts";
import type { Settings } from "../../../src/backtest/core/run.ts";
import type { Context, Params, Strategy } from "../../../src/backtest/core/strategy.ts";
import { calendarOf } from "../../../src/backtest/core/time/trading-calendar.ts";

export const HOUR = 3_600_000;
/** Monday, 2018-01-01 UTC. */
export const START = 1_514_764_800_000;

export const plain: Settings = { ...plainSettings(10_000), finalize: false };

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

/** Bars of these times, in any order, UTC ms; each price is 100 and its number. */
export function at(times: readonly number[]): Bars {
  const close = times.map((_, i) => 100 + i);
  return { ...barsOf(close), time: Float64Array.from(times).sort() };
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

/** Symbols of a run: bars, and perhaps an instrument that isn't the plain one, or when it joined. */
export type Symbols = readonly { bars: Bars; instrument?: Partial<Instrument>; joined?: number }[];

/** An engine over one symbol's bars or several symbols' (S0, S1 …), and its equity. */
export function engineOf(
  bars: Bars | Symbols,
  strategy: Strategy,
  settings: Partial<Settings> = {},
  params: Params = {},
  more: Partial<EngineOptions> = {},
): { engine: Engine; equity: Float64Array; time: Float64Array } {
  const given: Symbols = "length" in bars && "close" in bars ? [{ bars }] : (bars as Symbols);
  const symbols = given.map(({ bars, instrument, joined }, at) => ({
    bars,
    instrument: { ...plainInstrument(`S${at}`), ...instrument },
    joined: joined ?? Number.NEGATIVE_INFINITY,
    added: joined !== undefined,
  }));
  const time = timelineOf(symbols);
  const equity = new Float64Array(time.length);
  const engine = new Engine({
    symbols,
    plan: { time, equity, length: time.length },
    timeframe: "1m",
    calendar: calendarOf({ timezone: "UTC", hours: null }, null, "UTC"),
    strategy,
    settings: { ...plain, ...settings },
    params: resolveParams(strategy.params ?? {}, params),
    seed: 1,
    ...more,
  });
  return { engine, equity, time };
}

export type Run = { engine: Engine; equity: Float64Array; trades: readonly ClosedTrade[]; stop: string };

/** A whole run, finished. */
export function run(
  bars: Bars | Symbols,
  strategy: Strategy,
  settings: Partial<Settings> = {},
  params: Params = {},
  more: Partial<EngineOptions> = {},
): Run {
  const { engine, equity } = engineOf(bars, strategy, settings, params, more);
  const stop = engine.advance(null);
  engine.finish();
  return { engine, equity, trades: engine.closedTrades, stop };
}
