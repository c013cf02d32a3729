import type { BarContext } from "../core/context.ts";
import type { Watch } from "../core/engine.ts";
import { linesOf } from "../core/indicators/series.ts";
import type { Stream } from "../core/stream.ts";
import type { Line } from "../core/strategy.ts";
import type { LogLine, Recorded, RecordedLine, RecordedPlot } from "./protocol.ts";

/** Of a strategy that logs at every bar, a report shows the first so many lines. */
const LOG_LINES = 10_000;

type Plotted = { symbol: string; name: string; pane: "price" | "own"; time: number[]; values: number[] };

/** Keeps what a run only shows in passing: the lines of its indicators, what it plots and logs. */
export class Recorder implements Watch {
  readonly #lines: { line: Line; recorded: RecordedLine }[][] = [];
  readonly #plots = new Map<string, Plotted>();
  readonly #log: LogLine[] = [];

  bar(stream: Stream, context: BarContext): void {
    this.#lines[stream.number] ??= Object.entries(context.indicators).flatMap(([name, indicator]) =>
      linesOf(indicator).map(([part, line]) => ({
        line,
        recorded: {
          symbol: stream.number,
          name: part === "" ? name : `${name}.${part}`,
          values: new Float64Array(stream.bars.length).fill(Number.NaN),
        },
      })),
    );
    for (const { line, recorded } of this.#lines[stream.number] ?? []) recorded.values[stream.index] = line.value;
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
    return { lines: this.#lines.flat().map(({ recorded }) => recorded), plots, log: this.#log };
  }
}
