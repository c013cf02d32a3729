import { Exit, Expected } from "../../kernel/errors.ts";
import { readStore } from "../../kernel/store.ts";
import type { EngineSymbol, Plan } from "../core/engine.ts";
import { ENGINE_VERSION } from "../core/engine.ts";
import type { Result } from "../core/run-state.ts";
import { guessTimeframe } from "../core/timeframe.ts";
import { engine } from "./engine.ts";
import type { Stored } from "./find.ts";
import { readBars, schema } from "./journal.ts";
import { withBars } from "./history.ts";
import { engineSymbol, loadMarket, loadSymbol, planOf } from "./market.ts";
import { CONTROL_WORDS, NO_LIMIT, type Recorded } from "./protocol.ts";
import { nameOf, workedOf } from "./run.ts";
import { changedFile, findStrategy } from "./strategy-file.ts";

/** A run that was worked again: what it is shown with, and what it came to this time. */
export type Replay = {
  readonly symbols: readonly EngineSymbol[];
  readonly plan: Plan;
  readonly recorded: Recorded;
  readonly result: Result;
};

/**
 * Works a run again from its first bar, keeping its indicators, plots and log, none of which is stored.
 * @throws Expected when its data or its strategy isn't as it was, or fails
 */
export async function replay(stored: Stored): Promise<Replay> {
  const { run } = stored;
  if (run.engine !== ENGINE_VERSION) throw new Expected(Exit.no, "it was run by another version of the engine");
  const { source, files } = run.strategy;
  const changed = "file" in source ? changedFile(files, findStrategy(source.file).files) : undefined;
  if (changed) throw new Expected(Exit.no, `${changed} has changed since`);
  const { symbols, timeframe } = await marketOf(stored);
  const plan = planOf(symbols);
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  const begin = { ...workedOf(run), symbols, plan, timeframe, control, clocked: null, breakpoints: [], recording: true };
  const part = engine(begin, nameOf(run), { print() {}, hit() {} });
  await using thread = await part(new AbortController().signal);
  thread.allow(NO_LIMIT);
  const { result, recorded } = await thread.finished;
  if (!recorded) throw new Error("the engine kept nothing");
  return { symbols, plan, recorded, result };
}

type Shown = { readonly symbols: readonly EngineSymbol[]; readonly timeframe: string };

async function marketOf({ row, run }: Stored): Promise<Shown> {
  const signal = new AbortController().signal;
  if (run.mode === "backtest") {
    const { symbols, timeframe } = await loadMarket(run, (_, part) => part(signal), () => {}, true);
    return { symbols, timeframe: timeframe.text };
  }
  // A live run's bars are those of its file, which warmed it, and those that came.
  const came = await readStore([schema], (db) => run.symbols.map((_, at) => readBars(db, row.id, at)));
  const symbols: EngineSymbol[] = [];
  for (const [at, symbol] of run.symbols.entries()) {
    const bars = came?.[at];
    if (!bars) throw new Expected(Exit.no, "its bars aren't in the store");
    if (symbol.source === null) symbols.push(engineSymbol(symbol, bars));
    else {
      const history = await loadSymbol(run, symbol, (part) => part(signal), () => {});
      const { bars: whole } = withBars(history.bars, bars);
      symbols.push({ ...engineSymbol(symbol, whole), joined: bars.time[0] ?? Number.POSITIVE_INFINITY });
    }
  }
  const [first] = symbols;
  return { symbols, timeframe: run.timeframe ?? (first ? guessTimeframe(first.bars) : null) ?? "1m" };
}
