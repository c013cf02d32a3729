import type { Bars } from "../core/bars.ts";
import { GrowingBars } from "../core/growing-bars.ts";

/** History and what came after it, which may grow. */
export function withBars(history: Bars | undefined, kept: Bars | undefined): GrowingBars {
  const bars = new GrowingBars(history);
  for (let at = 0; at < (kept?.length ?? 0); at++) {
    const { time, open, high, low, close, volume } = kept as Bars;
    const value = (column: Float64Array) => column[at] as number;
    bars.push({
      time: value(time),
      open: value(open),
      high: value(high),
      low: value(low),
      close: value(close),
      volume: value(volume),
    });
  }
  return bars;
}

