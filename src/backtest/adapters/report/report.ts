import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "../../../kernel/clock.ts";
import type { Context, Options } from "../../../kernel/command.ts";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import { writeText } from "../../../kernel/exchange.ts";
import type { Output } from "../../../kernel/output.ts";
import { shownPath } from "../../../kernel/paths.ts";
import { readStore } from "../../../kernel/store.ts";
import { brailleLine } from "../../../kernel/tui/charts.ts";
import { Curve } from "../../core/results/curve.ts";
import type { ReportData } from "../../core/results/report-data.ts";
import { type Summarised, summary } from "../../core/results/summary.ts";
import type { Result } from "../../core/run-state.ts";
import { writeOut } from "../files.ts";
import { storedRun } from "../runs/find.ts";
import { readEquity, schema, strategyName, symbolNames } from "../runs/journal.ts";

/** What a finished run came to. */

/** The equity curve of a summary, in cells. */
const CHART = { columns: 66, rows: 5 };
/** Orders of the trades that are tried unless another number is asked for. */
const SIMULATIONS = 1000;

/** A result as it is told. */
export const resultFacts = ({ stats, hash, bust, dropped_orders }: Result) => ({
  stats,
  hash,
  bust,
  dropped_orders,
});

/** A finished run for people: its equity curve and its statistics. */
export function summaryText(output: Output, run: Summarised, equity: readonly number[]): string {
  const [head = "", ...rest] = summary(run, output.paint.bind(output));
  const chart = brailleLine(equity, CHART.columns, CHART.rows).map((row) => `  ${output.paint(32, row)}`);
  return [head, ...chart, ...rest].join("\n");
}

type Format = "html" | "png" | "csv" | "md";

/** Writes a report where the user says. @returns whether stdout is free to tell of it */
type Writer = (output: Output, data: ReportData, path: string) => Promise<boolean>;

const WRITERS: Readonly<Record<Format, Writer>> = {
  async html(output, data, path) {
    const { reportPage } = await import("./page.ts");
    return writeText(output, path, [await reportPage(data, systemClock.wall())]);
  },
  async png(_output, data, path) {
    const { drawPicture } = await import("./picture.ts");
    writeOut(path, await drawPicture(data));
    return true;
  },
  async csv(output, data, folder) {
    const { equityCsv, statisticsCsv, tradesCsv } = await import("./csv.ts");
    makeFolder(folder);
    writeText(output, join(folder, "trades.csv"), tradesCsv(data));
    writeText(output, join(folder, "equity.csv"), equityCsv(data));
    writeText(output, join(folder, "statistics.csv"), statisticsCsv(data));
    return true;
  },
  async md(output, data, path) {
    const { reportMarkdown } = await import("./markdown.ts");
    return writeText(output, path, reportMarkdown(data));
  },
};

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const why = errno(error) === "EEXIST" ? "a file is there" : (errno(error) ?? message(error));
    throw new Expected(Exit.io, `the folder ${folder} can't be made: ${why}`);
  }
}

/**
 * `stint backtest report`: the statistics, or the report in each of the formats that were asked for. A file that is there
 * already is replaced.
 * @throws Expected 1 when there is no such run or it isn't finished, 74 for what can't be written
 */
export async function report(context: Context, id: string | undefined, options: Options): Promise<number> {
  const { output } = context;
  const wanted = Object.entries(WRITERS).filter(([format]) => options[format] !== undefined);
  if (wanted.length === 0) return tell(context, id);
  const { gather } = await import("./gather.ts");
  const data = await gather(context, id, (options["simulations"] as number | undefined) ?? SIMULATIONS);
  for (const [format, write] of wanted) {
    const path = options[format] as string;
    if (await write(output, data, path)) {
      output.emit({ type: "report", id: data.id, format, file: resolve(path) }, () => `written to ${path}`);
    }
  }
  if (data.note !== null) output.note(data.note);
  return Exit.ok;
}

/** Writes the page of a finished run into this folder, from the full screen. @returns what to say of it */
export async function writePage(context: Context, id: string): Promise<string> {
  const { gather } = await import("./gather.ts");
  const data = await gather(context, id, SIMULATIONS);
  const { reportPage } = await import("./page.ts");
  const file = resolve(`backtest-${id.slice(-8)}.html`);
  writeOut(file, await reportPage(data, systemClock.wall()));
  return `written to ${shownPath(file)}`;
}

/** The statistics and the curve of equity, as far as they are in the store. */
async function tell(context: Context, id: string | undefined): Promise<number> {
  const { output } = context;
  const { row, run, result } = await storedRun(context, id, (found) => found.result !== null);
  if (!result) throw new Expected(Exit.no, `run ${row.id} isn't finished`, `stint backtest status ${row.id}`);
  const equity = new Float64Array(result.steps);
  await readStore([schema], (db) => readEquity(db, row.id, equity, result.steps));
  const curve = new Curve(equity.length, 480);
  curve.extend(equity, equity.length);
  const shown = { strategy: strategyName(run), symbol: symbolNames(run), result };
  output.emit({ type: "result", id: row.id, ...resultFacts(result) }, () =>
    summaryText(output, shown, curve.equity),
  );
  return Exit.ok;
}
