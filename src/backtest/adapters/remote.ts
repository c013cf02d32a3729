import { connect, stopHost } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { Control, State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { Stack } from "../../kernel/stack.ts";
import { terminal } from "../../kernel/terminal.ts";
import { formatTime } from "../core/calendar.ts";
import { plainInstrument } from "../core/instrument.ts";
import type { Inspected, RunState } from "../core/run-state.ts";
import { liveRuns, oneLive, storedRun } from "./find.ts";
import { strategyName, symbolNames } from "./journal.ts";
import { showScreen } from "./screen.ts";
import { sourceOf } from "./spec.ts";

/** Commands that speak to the host of a run, or say what the store has of it. */

/** `stint backtest watch` */
export async function watch(context: Context, id: string | undefined): Promise<number> {
  const { output, life } = context;
  const control = connect(oneLive(context, id));
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
  const state = await connect(oneLive(context, id)).command(name, args);
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
  const { answer, bar, bars, time, equity } = (await connect(oneLive(context, id)).command(
    "inspect",
  )) as State & RunState & { answer: { symbols: readonly Inspected[] } };
  output.emit({ type: "inspect", bar, bars, time, equity, symbols: answer.symbols }, () =>
    answer.symbols.map(inspectedText).join("\n\n"),
  );
  return Exit.ok;
}

function inspectedText(found: Inspected): string {
  const { symbol, bar, time, open, high, low, close, indicators, position, trades, orders, state } = found;
  if (bar === null || time === null) return `${symbol}: no bar yet`;
  const lines = [
    `${symbol}  bar ${bar}, ${formatTime(time)}  open ${open} high ${high} low ${low} close ${close}`,
    `  position    ${position.size === 0 ? "flat" : `${position.size}, profit ${position.profit.toFixed(2)}`}`,
    ...Object.entries(indicators).map(([name, value]) => `  ${name.padEnd(11)} ${value ?? "–"}`),
    ...trades.map((trade) => `  trade       ${JSON.stringify(trade)}`),
    ...orders.map((order) => `  order       ${JSON.stringify(order)}`),
    `  state       ${JSON.stringify(state)}`,
  ];
  return lines.join("\n");
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
  const control = connect(oneLive(context, options["id"] as string | undefined));
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
  const seat = oneLive(context, id);
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
    printState(context, await connect(oneLive(context, id)).state());
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
    return `run ${session_id}  ${strategy} ${symbol}: ${word} at bar ${bar} of ${bars}, equity ${equity?.toFixed(2) ?? "–"}, ${trades} trades`;
  });
}
