/** An engine for the benches, with a full broker, on bars that are made. */
import { plainSettings } from "../../src/backtest/core/account.ts";
import type { Bars } from "../../src/backtest/core/bars.ts";
import { Engine, type EngineOptions } from "../../src/backtest/core/engine.ts";
import { plainInstrument } from "../../src/backtest/core/instrument.ts";
import { resolveParams } from "../../src/backtest/core/parameters.ts";
import type { Params, Strategy } from "../../src/backtest/core/strategy.ts";
import { timelineOf } from "../../src/backtest/core/timeline.ts";
import { calendarOf } from "../../src/backtest/core/trading-calendar.ts";

export const CASH = 1e9;
export const RATE = 0.0002;

/** An engine over these symbols' bars. */
export function engineOver(
  bars: readonly Bars[],
  strategy: Strategy,
  params: Params,
  more: Partial<EngineOptions> = {},
): Engine {
  const symbols = bars.map((columns, at) => ({
    instrument: plainInstrument(`S${at}`),
    bars: columns,
    joined: Number.NEGATIVE_INFINITY,
  }));
  const time = timelineOf(symbols);
  const plain = plainSettings(CASH);
  return new Engine({
    symbols,
    plan: { time, equity: new Float64Array(time.length), length: time.length },
    timeframe: "1m",
    calendar: calendarOf({ timezone: "UTC", hours: null }, null, "UTC"),
    settings: { ...plain, commission: { ...plain.commission, rate: RATE }, finalize: true },
    strategy,
    params: resolveParams(strategy.params ?? {}, params),
    seed: 1,
    ...more,
  });
}
