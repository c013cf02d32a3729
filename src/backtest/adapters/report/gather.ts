import type { Context } from "../../../kernel/command.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { readStore } from "../../../kernel/store.ts";
import type { Bars } from "../../core/bars.ts";
import { monteCarlo } from "../../core/results/monte-carlo.ts";
import type { ReportData, ReportLine, ReportLog, ReportSymbol } from "../../core/results/report-data.ts";
import type { Result } from "../../core/run-state.ts";
import type { Recorded } from "../engine/protocol.ts";
import { replay } from "../replay.ts";
import { type Stored, storedRun } from "../runs/find.ts";
import { readEquity, readTrades, schema, strategyName, symbolNames } from "../runs/journal.ts";

/** What working a run again brings that the store doesn't keep. */
type Replayed = {
  /** In the order of the run. */
  readonly symbols: readonly ReportSymbol[];
  /** When each step began. */
  readonly time: Float64Array;
  readonly log: readonly ReportLog[];
  /** What is missing and why; null when nothing is. */
  readonly note: string | null;
};

/**
 * All that a report is made of: what the store keeps of a finished run, and what it shows when it is worked again.
 * @param id of the run, its beginning or end; undefined: the newest one that is finished
 * @param simulations orders of its trades to try
 * @throws Expected 1 when there is no such run or it isn't finished
 */
export async function gather(
  context: Context,
  id: string | undefined,
  simulations: number,
): Promise<ReportData> {
  const stored = await storedRun(context, id, ({ result }) => result !== null);
  const { row, run, result } = stored;
  if (!result) throw new Expected(Exit.no, `run ${row.id} isn't finished`, `stint backtest status ${row.id}`);
  const equity = new Float64Array(result.steps);
  const trades =
    (await readStore([schema], (db) => {
      readEquity(db, row.id, equity, result.steps);
      return readTrades(db, row.id);
    })) ?? [];
  const { cash } = run.settings;
  const pnl = trades.map((trade) => trade.pnl);
  return {
    id: row.id,
    title: `${strategyName(run)} ${symbolNames(run)}`,
    run,
    result,
    trades,
    equity,
    monteCarlo: monteCarlo(pnl, { cash, simulations, seed: run.seed }) ?? null,
    ...(await replayed(stored, result)),
  };
}

/** Works the run again for its prices, indicators, plots and log; says why when that can't be. */
async function replayed(stored: Stored, result: Result): Promise<Replayed> {
  try {
    const again = await replay(stored);
    const note =
      again.result.hash === result.hash
        ? null
        : "Worked again, the run came to other trades or another equity: its strategy depends on more than its bars.";
    const { symbols, plan, recorded } = again;
    return {
      symbols: symbols.map(({ instrument: { symbol }, bars }, at) => ({
        symbol,
        bars,
        warmup: Math.max(0, recorded.warmups[at] ?? 0),
        lines: linesOf(symbol, at, bars, recorded),
      })),
      time: plan.time.subarray(0, plan.length),
      log: recorded.log,
      note,
    };
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    return withoutBars(stored, result, `There are no prices and indicators: ${error.message}.`);
  }
}

/** A symbol's indicators and what was plotted of it, a value for each bar. */
function linesOf(symbol: string, number: number, bars: Bars, { lines, plots }: Recorded): ReportLine[] {
  const declared = lines
    .filter((line) => line.symbol === number)
    .map(({ name, values }) => ({ name, values, pane: paneOf(values, bars) }));
  const plotted = plots
    .filter((plot) => plot.symbol === symbol)
    .map(({ name, pane, time, values }) => {
      const column = new Float64Array(bars.length).fill(Number.NaN);
      for (let at = 0, bar = 0; at < time.length; at++) {
        while (bar < bars.length && (bars.time[bar] as number) < (time[at] as number)) bar++;
        column[bar] = values[at] as number;
      }
      return { name, pane, values: column };
    });
  return [...declared, ...plotted];
}

/** So many of an indicator's values are looked at to see whether they are prices. */
const SEEN = 200;

/** An indicator that stays near the prices, as averages and bands do, is drawn over them. */
function paneOf(values: Float64Array, { close }: Bars): "price" | "own" {
  const stride = Math.max(1, Math.floor(values.length / SEEN));
  let seen = 0;
  let near = 0;
  for (let at = values.length - 1; at >= 0; at -= stride) {
    const value = values[at] as number;
    if (Number.isNaN(value)) continue;
    seen++;
    const ratio = value / (close[at] as number);
    if (ratio > 0.5 && ratio < 2) near++;
  }
  return seen > 0 && near / seen > 0.9 ? "price" : "own";
}

function withoutBars({ run }: Stored, { steps, stats }: Result, note: string): Replayed {
  const none = new Float64Array(0);
  const bars: Bars = {
    length: 0,
    time: none,
    open: none,
    high: none,
    low: none,
    close: none,
    volume: none,
    decimals: 0,
  };
  // Without its bars the curve is drawn evenly from the first step to the last.
  const [start, end] = [stats.start ?? 0, stats.end ?? 0];
  const time = Float64Array.from(
    { length: steps },
    (_, n) => start + ((end - start) * n) / Math.max(1, steps - 1),
  );
  const symbols = run.symbols.map(({ instrument: { symbol } }) => ({ symbol, bars, warmup: 0, lines: [] }));
  return { symbols, time, log: [], note };
}
