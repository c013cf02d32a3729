import { connect, stopHost } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { Control, State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Seat } from "../../kernel/seat.ts";
import { Stack } from "../../kernel/stack.ts";
import { terminal } from "../../kernel/terminal.ts";
import { plainInstrument } from "../core/broker/instrument.ts";
import { counted, whole } from "../core/results/figures.ts";
import { inspectedLines } from "../core/results/inspected-text.ts";
import type { Inspected, RunState } from "../core/run-state.ts";
import { formatTime } from "../core/time/calendar.ts";
import { liveRuns, oneLive, storedRun } from "./runs/find.ts";
import { strategyName, symbolNames } from "./runs/journal.ts";
import { showScreen } from "./screen.ts";
import { sourceOf } from "./spec.ts";

/** Commands that speak to the host of a run, or say what the store has of it. */

/**
 * The host of the live run that is meant.
 * @throws Expected 1 when there is none: of a run that has ended it says how, and where its result is
 */
async function host(context: Context, id: string | undefined): Promise<Seat> {
  if (id !== undefined && liveRuns(context, id).length === 0) {
    const { row, result, failure } = await storedRun(context, id, () => true);
    const short = row.id.slice(-8);
    if (result) {
      const hint = `stint backtest show ${short}; stint backtest report ${short}`;
      throw new Expected(Exit.no, `run ${row.id} is finished`, hint);
    }
    const [what, next] =
      failure === null ? [`isn't live (${row.state})`, "resume"] : [`has failed: ${failure}`, "show"];
    throw new Expected(Exit.no, `run ${row.id} ${what}`, `stint backtest ${next} ${short}`);
  }
  return oneLive(context, id);
}

/** `stint backtest watch` */
export async function watch(context: Context, id: string | undefined): Promise<number> {
  const { output, life } = context;
  const control = connect(await host(context, id));
  if (output.json || !output.terminal) return follow(context, control);
  const left = Promise.withResolvers<unknown>();
  const stack = new Stack();
  using _ = life.own({ end: () => left.resolve(undefined), hurry: async () => {} });
  try {
    const screen = await stack.open("terminal", "terminal", terminal(left.resolve));
    await showScreen(context, { control, attached: true, quit: () => left.resolve(undefined) }, screen.show);
    const error = await left.promise;
    if (error !== undefined) throw error;
  } finally {
    await stack[Symbol.asyncDispose]();
  }
  return Exit.ok;
}

/** On a pipe: one line for each state, until the host is gone. */
async function follow({ output, life }: Context, control: Control): Promise<number> {
  const over = Promise.withResolvers<void>();
  using _ = life.own({ end: () => over.resolve(), hurry: async () => {} });
  output.onClosed(over.resolve);
  await using _watching = control.watch((state) => {
    if (state === undefined) return over.resolve();
    output.emit(withoutCurves(state) as { type: string });
  });
  await over.promise;
  return Exit.ok;
}

const withoutCurves = ({ equity_curve: _, drawdown_curve: __, candles: ___, ...state }: State): State =>
  state;

/** `stint backtest pause` and the like: tells the host and prints the state after it. */
export async function command(
  context: Context,
  name: string,
  id: string | undefined,
  args: object = {},
): Promise<number> {
  const state = await connect(await host(context, id)).command(name, args);
  const { said } = (state["answer"] ?? {}) as { said?: string };
  if (said !== undefined) context.output.note(said);
  printState(context, state);
  return Exit.ok;
}

/** `stint backtest step` */
export async function step(
  context: Context,
  asked: { bars: string | undefined; toTrade: boolean; id: string | undefined },
): Promise<number> {
  const { bars = "1", toTrade, id } = asked;
  if (toTrade && asked.bars !== undefined) {
    throw new Expected(Exit.usage, "a number of bars and --to-trade don't go together");
  }
  const count = Number(bars);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new Expected(Exit.usage, `bars must be a whole number above 0, not '${bars}'`);
  }
  return command(context, "step", id, toTrade ? { to_trade: true } : { bars: count });
}

/** `stint backtest inspect` */
export async function inspect(context: Context, id: string | undefined): Promise<number> {
  const { output } = context;
  const { answer, bar, bars, time, equity } = (await connect(await host(context, id)).command(
    "inspect",
  )) as State & RunState & { answer: { symbols: readonly Inspected[] } };
  output.emit({ type: "inspect", bar, bars, time, equity, symbols: answer.symbols }, () =>
    [
      `bar ${whole(bar)} of ${whole(bars)}, equity ${equity?.toFixed(2) ?? "–"}`,
      ...answer.symbols.map((of) => {
        const { head, lines } = inspectedLines(of);
        return [head, ...lines].join("\n");
      }),
    ].join("\n\n"),
  );
  return Exit.ok;
}

/** `stint backtest add` */
export async function add(context: Context, symbol: string, options: Options): Promise<number> {
  const file = options["data"] as string | undefined;
  if (file === undefined) throw new Expected(Exit.usage, "add needs --data FILE");
  const plain = plainInstrument(symbol);
  const instrument = {
    ...plain,
    tick: (options["tick"] as number | undefined) ?? plain.tick,
    lot: (options["lot"] as number | undefined) ?? plain.lot,
  };
  const source = sourceOf(file, options);
  const control = connect(await host(context, options["id"] as string | undefined));
  const { answer } = (await control.command("add", { instrument, source })) as State & {
    answer: { joined: number; bars: number };
  };
  const { joined, bars } = answer;
  context.output.emit(
    { type: "joined", symbol, joined, bars },
    () => `${symbol} joins at ${formatTime(joined)}, with ${bars} bars`,
  );
  return Exit.ok;
}

/** `stint backtest stop` */
export async function stop(context: Context, id: string | undefined): Promise<number> {
  const seat = await host(context, id);
  await stopHost(seat, systemClock);
  const { session, profile } = seat;
  context.output.emit(
    { type: "backtest", session_id: session, profile, state: "stopped" },
    () => `run ${session} is stopped`,
  );
  return Exit.ok;
}

/** `stint backtest status` */
export async function status(context: Context, id: string | undefined): Promise<number> {
  const live = liveRuns(context, id);
  if (live.length > 0) {
    printState(context, await connect(await host(context, id)).state());
    return Exit.ok;
  }
  const { row, run: found, result, failure, measured, bar } = await storedRun(context, id, () => true);
  const symbol = symbolNames(found);
  const name = strategyName(found);
  const facts = { session_id: row.id, profile: row.profile, state: row.state, strategy: name, symbol };
  const { mode, timezone } = found;
  const engine = measured ?? {
    system_manager: { _state: "stopped", _mode: mode, timezone, transitions: [] },
    performance_metrics: null,
    subscriptions: [],
    lag: null,
    feed: null,
  };
  context.output.emit(
    { type: "backtest", ...facts, bar, last_active: row.last_active, result, failure, ...engine },
    () => {
      const come = result
        ? `finished, final equity ${result.stats.equity_final?.toFixed(2)}, hash ${result.hash}`
        : failure
          ? `failed: ${failure}`
          : `${row.state} at bar ${bar}; stint backtest resume ${row.id}`;
      return `run ${row.id}  ${name} ${symbol}: ${come}`;
    },
  );
  return Exit.ok;
}

function printState({ output }: Context, state: State): void {
  const { answer: _, ...told } = withoutCurves(state);
  output.emit(told as { type: string }, () => {
    const {
      session_id,
      state: word,
      strategy,
      symbol,
      bar,
      bars,
      equity,
      trades,
    } = state as State & RunState;
    return `run ${session_id}  ${strategy} ${symbol}: ${word} at bar ${bar} of ${bars}, equity ${equity?.toFixed(2) ?? "–"}, ${counted(trades, "trade")}`;
  });
}
