import { Exit, Expected } from "../../kernel/errors.ts";
import { readStore } from "../../kernel/store.ts";
import { ENGINE_VERSION, type EngineSymbol, type Plan } from "../core/engine/engine.ts";
import { StreamSubscription, SUBSCRIPTION_WORDS } from "../core/engine/subscription.ts";
import { GrowingBars } from "../core/growing-bars.ts";
import type { Run } from "../core/run.ts";
import type { Result } from "../core/run-state.ts";
import { engine } from "./engine/engine.ts";
import { CONTROL_WORDS, NO_LIMIT, type Recorded, type Said } from "./engine/protocol.ts";
import { changedFile, findStrategy } from "./engine/strategy-file.ts";
import { type LiveTold, liveThread } from "./live/live.ts";
import { dataName, loadMarket, loadSymbol, planOf } from "./market.ts";
import { nameOf, workedOf } from "./run.ts";
import type { Stored } from "./runs/find.ts";
import { readBars, schema } from "./runs/journal.ts";

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
  if (run.engine !== ENGINE_VERSION)
    throw new Expected(Exit.no, "it was run by another version of the engine");
  const { source, files } = run.strategy;
  const changed = "file" in source ? changedFile(files, findStrategy(source.file).files) : undefined;
  if (changed) throw new Expected(Exit.no, `${changed} has changed since`);
  return run.mode === "live" ? replayLive(stored) : replayBacktest(run);
}

/** Nobody tells it to leave. */
const signal = new AbortController().signal;
const nothingRecorded = () => new Error("the engine kept nothing");

async function replayBacktest(run: Run): Promise<Replay> {
  const { symbols, timeframe } = await loadMarket(
    run,
    (_, part) => part(signal),
    () => {},
    true,
  );
  const plan = planOf(symbols);
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  const worked = { ...workedOf(run), symbols, plan, timeframe: timeframe.text };
  const begin = { ...worked, control, clocked: null, breakpoints: [], recording: true };
  await using thread = await engine(begin, nameOf(run), { print() {}, hit() {} })(signal);
  thread.allow(NO_LIMIT);
  const { result, recorded } = await thread.finished;
  if (!recorded) throw nothingRecorded();
  return { symbols, plan, recorded, result };
}

/** The bars of its files warm it again, then those come that came. */
async function replayLive({ row, run }: Stored): Promise<Replay> {
  const bars = (await readStore([schema], (db) => readBars(db, row.id))) ?? [];
  const grown: GrowingBars[] = [];
  for (const symbol of run.symbols) {
    const history =
      symbol.source &&
      (await loadSymbol(
        run,
        symbol,
        (part) => part(signal),
        () => {},
      ));
    if (history && history.symbol.hash !== symbol.hash)
      throw new Expected(Exit.no, `${dataName(symbol)} has changed`);
    grown.push(new GrowingBars(history?.bars));
  }
  // Copied to the thread as they are now.
  const joined = Number.POSITIVE_INFINITY;
  const symbols = run.symbols.map(({ instrument }, at) => ({
    instrument,
    bars: (grown[at] as GrowingBars).bars,
    joined,
  }));
  const equity = new Float64Array(bars.length);
  const plan = { time: Float64Array.from(bars, ({ time }) => time), equity, length: bars.length };
  const words = new Int32Array(new SharedArrayBuffer(SUBSCRIPTION_WORDS * 4));
  const begin = {
    ...workedOf(run),
    symbols,
    plan: { time: new Float64Array(0), equity: new Float64Array(0), length: 0 },
    timeframe: run.timeframe ?? "1m",
    words,
    now: row.started_at,
    recording: true,
  };
  const done = Promise.withResolvers<Extract<Said, { type: "done" }>>();
  const told: LiveTold = {
    name: nameOf(run),
    print() {},
    worked: ({ equity, snapshot }) => plan.equity.set(equity, snapshot.next - equity.length),
    done: done.resolve,
    failed: done.reject,
  };
  await using thread = await liveThread(begin, told)(signal);
  const fed = new StreamSubscription("feed → processor", "live", null, words);
  for (const _ of bars) fed.publish(0);
  thread.tell({ type: "bars", bars, received: 0 });
  thread.tell({ type: "finish" });
  const { result, recorded } = await done.promise;
  if (!recorded) throw nothingRecorded();
  for (const bar of bars) grown[bar.symbol]?.push(bar);
  return { symbols, plan, recorded, result };
}
