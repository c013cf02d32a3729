import type { ClosedTrade } from "../broker/account.ts";
import type { Run } from "../run.ts";
import type { Result } from "../run-state.ts";
import type { MonteCarlo } from "./monte-carlo.ts";
import type { Traded } from "./statistics.ts";

/** What a report of a finished run is made of, whatever it is written as. */
export type ReportData = {
  readonly id: string;
  /** The strategy and its symbols, in a line. */
  readonly title: string;
  readonly run: Run;
  readonly result: Result;
  /** In the order of the run: a trade's `symbol` is an index into it. */
  readonly symbols: readonly ReportSymbol[];
  /** In the order in which they were closed. */
  readonly trades: readonly ClosedTrade[];
  /** When each step began, UTC ms, and the equity after it. */
  readonly time: Float64Array;
  readonly equity: Float64Array;
  /** What the log says, oldest first. */
  readonly log: readonly ReportLog[];
  /** Null without trades, or when no orders of them were to be tried. */
  readonly monteCarlo: MonteCarlo | null;
  /** What is missing and why, in a sentence; null when nothing is. */
  readonly note: string | null;
};

/** A symbol of the run with all that is drawn over its bars, of which there are none when its data can't be had again. */
export type ReportSymbol = Traded & { readonly lines: readonly ReportLine[] };

/** An indicator or a `ctx.plot`: a value for each bar of its symbol, NaN where there is none. */
export type ReportLine = {
  /** As it was declared; lines of one indicator are `name.line`, and share a pane. */
  readonly name: string;
  /** Drawn over the prices, or in a pane below. */
  readonly pane: "price" | "own";
  readonly values: Float64Array;
};

/** A line of `ctx.log`, at the bar that began then (UTC ms). */
export type ReportLog = { readonly time: number; readonly symbol: string; readonly text: string };

/**
 * What the equity of the start would have come to in the symbols, held in equal parts from the bar on which each one's
 * indicators had their values: a value for each step.
 * @returns undefined when there are no bars
 */
export function holdCurve({ symbols, time, equity }: ReportData): Float64Array | undefined {
  const held = symbols.filter(({ bars, warmup }) => bars.length > warmup);
  if (held.length === 0 || held.length < symbols.length) return undefined;
  const curve = new Float64Array(time.length);
  const part = (equity[0] ?? Number.NaN) / held.length;
  for (const { bars, warmup } of held) {
    const first = bars.close[warmup] as number;
    let bar = 0;
    for (let step = 0; step < curve.length; step++) {
      while (bar + 1 < bars.length && (bars.time[bar + 1] as number) <= (time[step] as number)) bar++;
      const close = bar > warmup ? (bars.close[bar] as number) : first;
      curve[step] = (curve[step] as number) + (part * close) / first;
    }
  }
  return curve;
}
