import type { Bars } from "../../core/bars.ts";
import type { BarContext } from "../../core/engine/context.ts";
import type { Watch } from "../../core/engine/engine.ts";
import type { Stream } from "../../core/engine/stream.ts";
import { linesOf } from "../../core/indicators/series.ts";
import type { Line } from "../../core/strategy.ts";
import type { LogLine, Recorded, RecordedPlot } from "./protocol.ts";

/** Of a strategy that logs at every bar, a report shows the first so many lines. */
const LOG_LINES = 10_000;

/** `values` is at least as long as there are bars. */
type Drawn = { line: Line; bars: Bars; symbol: number; name: string; values: Float64Array };
type Plotted = { symbol: string; name: string; pane: "price" | "own"; time: number[]; values: number[] };

/** Keeps what a run only shows in passing: the lines of its indicators, what it plots and logs. */
export class Recorder implements Watch {
  readonly #lines: Drawn[][] = [];
  readonly #plots = new Map<string, Plotted>();
  readonly #log: LogLine[] = [];

  bar(stream: Stream, context: BarContext): void {
    const { number, bars, index } = stream;
    this.#lines[number] ??= Object.entries(context.indicators).flatMap(([name, indicator]) =>
      linesOf(indicator).map(([part, line]) => ({
        line,
        bars,
        symbol: number,
        name: part === "" ? name : `${name}.${part}`,
        values: new Float64Array(bars.length).fill(Number.NaN),
      })),
    );
    for (const drawn of this.#lines[number] ?? []) {
      if (index >= drawn.values.length) drawn.values = longer(drawn.values);
      drawn.values[index] = drawn.line.value;
    }
  }

  plot(symbol: string, time: number, name: string, value: number, pane: "price" | "own"): void {
    const key = `${symbol}\n${name}`;
    const plotted = this.#plots.get(key) ?? { symbol, name, pane, time: [], values: [] };
    this.#plots.set(key, plotted);
    plotted.time.push(time);
    plotted.values.push(value);
  }

  log(line: LogLine): void {
    if (this.#log.length < LOG_LINES) this.#log.push(line);
  }

  get recorded(): Omit<Recorded, "warmups"> {
    const plots = [...this.#plots.values()].map(
      ({ time, values, ...plot }): RecordedPlot => ({
        ...plot,
        time: Float64Array.from(time),
        values: Float64Array.from(values),
      }),
    );
    const lines = this.#lines.flat().map(({ symbol, name, values, bars }) => ({
      symbol,
      name,
      values: values.length === bars.length ? values : values.slice(0, bars.length),
    }));
    return { lines, plots, log: this.#log };
  }
}

/** Live bars grow in number. */
function longer(values: Float64Array): Float64Array {
  const grown = new Float64Array(values.length * 2 + 1).fill(Number.NaN);
  grown.set(values);
  return grown;
}
