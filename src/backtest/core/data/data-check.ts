import type { Bars } from "../bars.ts";
import { guessTimeframe, parseTimeframe } from "../time/timeframe.ts";

/** What is odd about bars that can be used. Times are UTC ms. */
export type Oddities = {
  readonly bars: number;
  readonly first: number;
  readonly last: number;
  /** The usual length of a bar, `1h`; null when none can be seen. */
  readonly timeframe: string | null;
  /** Steps to the next bar that are more than one and a half of the usual: holes, and times without trading. */
  readonly gaps: number;
  /** The longest of them: the bar before it, and how far the next is. */
  readonly longest_gap: { readonly after: number; readonly ms: number } | null;
  readonly zero_volume: number;
  /** Bars whose open or close lies outside high and low. */
  readonly outside: number;
  /** Closes further from the one before than ten standard deviations of all such steps, as logarithms. */
  readonly spikes: number;
  readonly first_spike: number | null;
};

const SPIKE_SIGMA = 10;

/** Looks at all bars once or twice; at least one. */
export function examine(bars: Bars): Oddities {
  const { length, time, open, high, low, close, volume } = bars;
  const timeframe = guessTimeframe(bars);
  const usual = parseTimeframe(timeframe ?? "")?.ms ?? Infinity;
  let [gaps, longest, after, zero, outside, sum] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    const [o, h, l, c] = [open[i] as number, high[i] as number, low[i] as number, close[i] as number];
    if (volume[i] === 0) zero++;
    if (o > h || o < l || c > h || c < l) outside++;
    if (i === 0) continue;
    const step = (time[i] as number) - (time[i - 1] as number);
    if (step > usual * 1.5) {
      gaps++;
      if (step > longest) [longest, after] = [step, time[i - 1] as number];
    }
    sum += Math.log(c / (close[i - 1] as number));
  }
  const { spikes, first } = spikesOf(bars, sum / (length - 1));
  return {
    bars: length,
    first: time[0] as number,
    last: time[length - 1] as number,
    timeframe,
    gaps,
    longest_gap: gaps === 0 ? null : { after, ms: longest },
    zero_volume: zero,
    outside,
    spikes,
    first_spike: first,
  };
}

function spikesOf({ length, time, close }: Bars, mean: number): { spikes: number; first: number | null } {
  const offMean = (i: number) => Math.log((close[i] as number) / (close[i - 1] as number)) - mean;
  let squares = 0;
  for (let i = 1; i < length; i++) squares += offMean(i) ** 2;
  const far = SPIKE_SIGMA * Math.sqrt(squares / (length - 1));
  let spikes = 0;
  let first: number | null = null;
  for (let i = 1; i < length; i++) {
    if (!(Math.abs(offMean(i)) > far)) continue;
    spikes++;
    first ??= time[i] as number;
  }
  return { spikes, first };
}
