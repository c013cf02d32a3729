/** Runs indicators along bars as the engine does, for the tests. */
import { type Bars, closeDecimals } from "../../../../src/backtest/core/bars.ts";
import { linesOf, seriesOn } from "../../../../src/backtest/core/indicators/series.ts";
import type { Streaming } from "../../../../src/backtest/core/indicators/streaming.ts";
import type { Indicator, Series } from "../../../../src/backtest/core/strategy.ts";

export const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Hourly bars with these closes; the other columns are the closes too, and volumes 1, unless said. */
export function barsOf(
  close: readonly number[],
  columns: Partial<Record<keyof Bars, readonly number[]>> = {},
): Bars {
  const column = (name: keyof Bars) => Float64Array.from(columns[name] ?? close);
  const closes = Float64Array.from(close);
  return {
    length: close.length,
    time: Float64Array.from(columns.time ?? close.map((_, i) => i * HOUR)),
    open: column("open"),
    high: column("high"),
    low: column("low"),
    close: closes,
    volume: Float64Array.from(columns.volume ?? close.map(() => 1)),
    decimals: closeDecimals(closes),
  };
}

/** The first `length` of the bars, and nothing after. */
export function cut(bars: Bars, length: number): Bars {
  const { time, open, high, low, close, volume, decimals } = bars;
  const [t, o, h, l, c, v] = [time, open, high, low, close, volume].map((column) =>
    column.slice(0, length),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  return { length, time: t, open: o, high: h, low: l, close: c, volume: v, decimals };
}

/** What indicators can be declared on, and those that were. */
export function seriesOf(bars: Bars): { series: Series; streaming: Streaming[] } {
  const streaming: Streaming[] = [];
  const series = seriesOn(
    bars,
    (added) => streaming.push(added),
    (time) => Math.floor(time / DAY),
  );
  return { series, streaming };
}

/** A line's values at each bar, beside what it said was the value before. */
export type Track = { readonly values: number[]; readonly previous: number[] };

/** The lines of what is declared at each bar, by name, and the bar from which on it said it has values. */
export function along(
  bars: Bars,
  declare: (series: Series) => Indicator,
): { lines: Record<string, Track>; warmup: number } {
  const { series, streaming } = seriesOf(bars);
  const lines = linesOf(declare(series)).map(([name, line]) => ({ name, line, values: [], previous: [] }));
  for (let i = 0; i < bars.length; i++) {
    for (const each of streaming) each.update(bars, i);
    for (const { line, values, previous } of lines as {
      line: { value: number; previous: number } & object;
      values: number[];
      previous: number[];
    }[]) {
      values.push(line.value);
      previous.push(line.previous);
    }
  }
  return {
    lines: Object.fromEntries(lines.map(({ name, values, previous }) => [name, { values, previous }])),
    warmup: Math.max(...streaming.map(({ warmup }) => warmup)),
  };
}

/** The values of an indicator that is one line. */
export function valuesOf(bars: Bars, declare: (series: Series) => Indicator): number[] {
  return (along(bars, declare).lines[""] as Track).values;
}

/** Each of them, in small. */
export const everyIndicator: Record<keyof Series, (series: Series) => Indicator> = {
  sma: ({ sma }) => sma(3),
  ema: ({ ema }) => ema(3),
  wma: ({ wma }) => wma(3),
  rsi: ({ rsi }) => rsi(3),
  macd: ({ macd }) => macd(2, 4, 3),
  bollinger: ({ bollinger }) => bollinger(4),
  atr: ({ atr }) => atr(3),
  adx: ({ adx }) => adx(3),
  stochastic: ({ stochastic }) => stochastic(4, 2, 3),
  donchian: ({ donchian }) => donchian(4),
  vwap: ({ vwap }) => vwap(),
  obv: ({ obv }) => obv(),
  cci: ({ cci }) => cci(4),
  roc: ({ roc }) => roc(3),
  stddev: ({ stddev }) => stddev(4),
};
