import { resolve } from "node:path";
import type { Context } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Output } from "../../kernel/output.ts";
import { readStore } from "../../kernel/store.ts";
import { brailleLine } from "../../kernel/tui/charts.ts";
import { Curve } from "../core/curve.ts";
import type { Result } from "../core/run-state.ts";
import { type Summarised, summary } from "../core/summary.ts";
import { writeOut } from "./files.ts";
import { storedRun } from "./find.ts";
import { readEquity, schema, strategyName } from "./journal.ts";

/** What a finished run came to. */

/** The equity curve of a summary, in cells. */
const CHART = { columns: 66, rows: 5 };
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

/** `stint backtest report` */
export async function report(
  context: Context,
  id: string | undefined,
  png: string | undefined,
): Promise<number> {
  const { output } = context;
  const { row, run: found, result } = await storedRun(context, id, (run) => run.result !== null);
  if (!result) throw new Expected(Exit.no, `run ${row.id} isn't finished`, `stint backtest status ${row.id}`);
  const equity = new Float64Array(result.bars);
  await readStore([schema], (db) => readEquity(db, row.id, equity, result.bars));
  const title = `${strategyName(found)} ${found.data.symbol}`;
  if (png !== undefined) {
    const { drawPicture } = await import("./picture.ts");
    const bytes = await drawPicture({ title, equity, statistics: result.stats });
    writeOut(png, bytes);
    output.emit({ type: "picture", id: row.id, file: resolve(png) }, () => png);
    return Exit.ok;
  }
  const curve = new Curve(equity.length, 480);
  curve.extend(equity, equity.length);
  const shown = { strategy: strategyName(found), symbol: found.data.symbol, result };
  output.emit({ type: "result", id: row.id, ...resultFacts(result) }, () =>
    summaryText(output, shown, curve.equity),
  );
  return Exit.ok;
}
