import type { Context } from "../../../kernel/command.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { readStore } from "../../../kernel/store.ts";
import type { Bars } from "../../core/bars.ts";
import { monteCarlo } from "../../core/monte-carlo.ts";
import type { ReportData, ReportLog, ReportSymbol } from "../../core/report-data.ts";
import type { Result } from "../../core/run-state.ts";
import { type Stored, storedRun } from "../find.ts";
import { readEquity, readTrades, schema, strategyName, symbolNames } from "../journal.ts";

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

/** Works the run again for its prices, indicators, plots and log. */
async function replayed({ run }: Stored, { steps, stats }: Result): Promise<Replayed> {
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
  return {
    symbols: run.symbols.map(({ instrument: { symbol } }) => ({ symbol, bars, warmup: 0, lines: [] })),
    time,
    log: [],
    note: "The run wasn't worked again, so there are no prices and indicators.",
  };
}
