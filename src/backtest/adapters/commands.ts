import { existsSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { findSession, listSessions, newSessionId, type SessionRow } from "../../kernel/checkpoint.ts";
import { connect, stopHost } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { Control, State } from "../../kernel/control.ts";
import { Exit, Expected, errno } from "../../kernel/errors.ts";
import { runHost } from "../../kernel/host.ts";
import { inBackground, launch } from "../../kernel/launch.ts";
import type { Output } from "../../kernel/output.ts";
import { findHosts, type Seat } from "../../kernel/seat.ts";
import { readStore } from "../../kernel/store.ts";
import type { Terminal } from "../../kernel/terminal.ts";
import { brailleLine } from "../../kernel/tui/charts.ts";
import type { Settings } from "../core/engine.ts";
import type { Result, RunState } from "../core/run-state.ts";
import { type Summarised, summary } from "../core/summary.ts";
import { findRun, type Run, readEquity, schema } from "./journal.ts";
import { type Manner, openRun } from "./run.ts";
import { SAMPLE_SYMBOL, samplePath } from "./sample.ts";
import { settings } from "./settings.ts";
import { findStrategy } from "./strategy-file.ts";

/** A run that is over sooner than this isn't worth a full screen, ms. */
const SCREEN_AFTER_MS = 150;
/** The equity curve of a summary, in cells. */
const CHART = { columns: 66, rows: 5 };
/** How often a pipe is told how far it is, ms. */
const TELL_PIPE_MS = 1000;

/** `stint backtest run` */
export async function run(context: Context, options: Options): Promise<number> {
  const configured = await settings();
  const data = options["data"] as string | undefined;
  const strategy = findStrategy(String(options["strategy"] ?? "sma-cross"));
  const [from = null, to = null] = [options["from"], options["to"]] as (number | undefined)[];
  if (from !== null && to !== null && from >= to)
    throw new Expected(Exit.usage, "--from must come before --to");
  const begun: Run = {
    strategy: { source: strategy.source, hash: strategy.hash },
    params: (options["param"] as Record<string, number> | undefined) ?? {},
    data: {
      path: data === undefined ? null : resolve(data),
      hash: "",
      symbol: String(
        options["symbol"] ?? (data === undefined ? SAMPLE_SYMBOL : basename(data).replace(/\.\w+$/, "")),
      ),
    },
    from,
    to,
    settings: {
      cash: (options["cash"] as number | undefined) ?? configured.cash,
      commission: (options["commission"] as Settings["commission"] | undefined) ?? configured.commission,
      spread: (options["spread"] as number | undefined) ?? configured.spread,
      tradeOnClose: options["tradeOnClose"] === true,
      exclusiveOrders: options["exclusive"] === true,
      finalize: options["finalize"] === true,
    },
  };
  const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
  return perform(context, { run: begun, session, restored: false, options });
}

/** `stint backtest resume` */
export async function resume(context: Context, id: string | undefined, options: Options): Promise<number> {
  const live = liveRuns(context, id);
  if (live.length > 0) return command(context, "resume", id);
  const session = await storedRun(
    context,
    id,
    (row, found) => row.state !== "stopped" || (!found.result && !found.failure),
  );
  const { row, run: found, result, failure } = session;
  if (result) throw new Expected(Exit.no, `run ${row.id} is finished`, `stint backtest status ${row.id}`);
  if (failure)
    throw new Expected(Exit.no, `run ${row.id} failed: ${failure}`, "run it anew: stint backtest run");
  const { source } = found.strategy;
  if ("file" in source && findStrategy(source.file).hash !== found.strategy.hash) {
    throw new Expected(
      Exit.no,
      `${source.file} has changed since this run was begun`,
      "run it anew: stint backtest run",
    );
  }
  return perform(context, { run: found, session: row.id, restored: true, options });
}

type Performance = { run: Run; session: string; restored: boolean; options: Options };

/** Hosts a run in this process, or has another do it in the background. */
async function perform(context: Context, performance: Performance): Promise<number> {
  const { output, profile, life } = context;
  const { run, session, restored, options } = performance;
  if (options["detach"] === true && !inBackground()) {
    const { session: id, pid } = await launch(context.argv);
    output.emit({ type: "session", id, pid }, () => `run ${id} goes on in the background (pid ${pid})`);
    return Exit.ok;
  }
  const pace = options["pace"] as number | undefined;
  const { checkpoint_seconds, log: logging } = await settings();
  const manner: Manner = { checkpointSeconds: checkpoint_seconds, ...(pace === undefined ? {} : { pace }) };
  const dataPath = run.data.path ?? (await samplePath());
  using log = context.log(`backtest.${profile}`, logging);
  let last: RunState | undefined;
  let told = { at: Number.NEGATIVE_INFINITY, bar: -1 };
  const tell = (state: RunState) => {
    last = state;
    const at = systemClock.monotonic();
    if (at - told.at < TELL_PIPE_MS) return;
    told = { at, bar: state.bar };
    output.emit(progressLine(state));
  };
  let screenTimer: ReturnType<typeof setTimeout> | undefined;
  const host = {
    kind: "backtest",
    profile,
    session,
    schemas: [schema],
    recreated: restored,
    life,
    log,
  } as const;
  try {
    await runHost({ ...host, paused: options["paused"] === true }, async (host) => {
      output.onClosed(() => host.end());
      const began = () => {
        output.emit({ type: "session", id: session, kind: "backtest", profile, restored });
      };
      if (output.terminal && !output.json && !inBackground()) {
        const show = () => {
          const shown = { control: host.control, attached: false, quit: () => host.end() };
          return showScreen(context, shown, host.terminal.show);
        };
        screenTimer = setTimeout(
          () => void show().catch(host.end),
          options["paused"] === true ? 0 : SCREEN_AFTER_MS,
        );
      }
      const opened = await openRun(host, { run, restored, dataPath, manner, began, told: tell });
      return opened.activity;
    });
  } finally {
    clearTimeout(screenTimer);
  }
  if (last && last.bar !== told.bar) output.emit(progressLine(last));
  if (last) finish(context, session, last);
  return Exit.ok;
}

function progressLine(state: RunState) {
  const { bar, bars, time, equity, trades, bars_per_second, return_pct, max_drawdown_pct } = state;
  return { type: "progress", bar, bars, time, equity, return_pct, max_drawdown_pct, trades, bars_per_second };
}

/** The last words of a run: its result, or how to go on with it. */
function finish({ output }: Context, session: string, state: RunState): void {
  const { result } = state;
  if (result) {
    const { statistics, hash, bust } = result;
    output.emit({ type: "result", id: session, stats: statistics, hash, bust }, () =>
      summaryText(output, { ...state, result }, state.equity_curve),
    );
  } else {
    const { bar, bars } = state;
    output.emit({ type: "stopped", id: session, bar, bars }, () => `stopped at bar ${bar} of ${bars}`);
    output.note(`go on with it: stint backtest resume ${session}`);
  }
}

/** A finished run for people: its equity curve and its statistics. */
function summaryText(output: Output, run: Summarised, equity: readonly number[]): string {
  const [head = "", ...rest] = summary(run, output.paint.bind(output));
  const chart = brailleLine(equity, CHART.columns, CHART.rows).map((row) => `  ${output.paint(32, row)}`);
  return [head, ...chart, ...rest].join("\n");
}

/** Shows the full screen of a run until it is left or the run ends. */
async function showScreen(
  { profile, output }: Context,
  shown: { control: Control; attached: boolean; quit: () => void },
  show: Terminal["show"],
): Promise<void> {
  const { control, attached, quit } = shown;
  const { prepareColour } = await import("../../kernel/tui/theme.ts");
  prepareColour(output.colour);
  await show(async () => {
    const { backtestScreen } = await import("../tui.tsx");
    return backtestScreen({ control, profile, quit, attached, first: await control.state() });
  });
}

/** `stint backtest watch` */
export async function watch(context: Context, id: string | undefined): Promise<number> {
  const { output, life } = context;
  const control = connect(oneLive(context, id));
  if (output.json || !output.terminal) return follow(context, control);
  const { Stack } = await import("../../kernel/stack.ts");
  const { terminal } = await import("../../kernel/terminal.ts");
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

const withoutCurves = ({ equity_curve: _, drawdown_curve: __, ...state }: State): State => state;

/** Live runs of the profile, or the one whose id begins or ends so. */
function liveRuns({ profile }: Context, id: string | undefined): Seat[] {
  const hosts = findHosts({ kind: "backtest", profile });
  return id === undefined ? hosts : hosts.filter(({ session }) => matches(session, id));
}

const matches = (session: string, id: string): boolean =>
  session === id || (id.length >= 4 && (session.startsWith(id) || session.endsWith(id)));

/** The live run that is meant. @throws Expected 1 when there is none, 2 when it could be several */
function oneLive(context: Context, id: string | undefined): Seat {
  const [run, another] = liveRuns(context, id);
  if (run && !another) return run;
  if (another) {
    const ids = liveRuns(context, id).map(({ session }) => session);
    throw new Expected(Exit.usage, `several runs are live: say which`, ids.join(" "));
  }
  const which = id === undefined ? "no backtest is live" : `no live backtest has the id ${id}`;
  throw new Expected(Exit.no, `${which} in profile ${context.profile}`, "stint sessions");
}

/** `stint backtest pause` and the like: tells the host and prints the state after it. */
export async function command(
  context: Context,
  name: string,
  id: string | undefined,
  args: object = {},
): Promise<number> {
  const state = await connect(oneLive(context, id)).command(name, args);
  printState(context, state);
  return Exit.ok;
}

/** `stint backtest step` */
export async function step(context: Context, text: string, id: string | undefined): Promise<number> {
  const bars = Number(text);
  if (!Number.isSafeInteger(bars) || bars < 1) {
    throw new Expected(Exit.usage, `bars must be a whole number above 0, not '${text}'`);
  }
  return command(context, "step", id, { bars });
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
  const { row, run: found, result, failure } = await storedRun(context, id, () => true);
  const { symbol } = found.data;
  const name =
    "builtin" in found.strategy.source ? found.strategy.source.builtin : found.strategy.source.file;
  const facts = { session_id: row.id, profile: row.profile, state: row.state, strategy: name, symbol };
  context.output.emit({ type: "backtest", ...facts, last_active: row.last_active, result, failure }, () => {
    const come = result
      ? `finished, final equity ${result.statistics.equity_final}, hash ${result.hash}`
      : failure
        ? `failed: ${failure}`
        : `${row.state}; stint backtest resume ${row.id}`;
    return `run ${row.id}  ${name} ${symbol}: ${come}`;
  });
  return Exit.ok;
}

function printState({ output }: Context, state: State): void {
  output.emit(withoutCurves(state) as { type: string }, () => {
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
    return `run ${session_id}  ${strategy} ${symbol}: ${word} at bar ${bar} of ${bars}, equity ${equity ?? "–"}, ${trades} trades`;
  });
}

type Stored = { row: SessionRow; run: Run; result: Result | null; failure: string | null };

/** A run from the store: the one with this id, or the newest of the profile that fits. @throws Expected 1 */
async function storedRun(
  { profile }: Context,
  id: string | undefined,
  fits: (row: SessionRow, found: Omit<Stored, "row">) => boolean,
): Promise<Stored> {
  const found = await readStore([schema], (db): Stored | undefined => {
    const exact = id === undefined ? undefined : findSession(db, id);
    const rows = exact ? [exact] : listSessions(db, { kind: "backtest", profile });
    for (const row of rows) {
      if (id !== undefined && !matches(row.id, id)) continue;
      const run = findRun(db, row.id);
      if (run && (id !== undefined || fits(row, run))) return { row, ...run };
    }
    return undefined;
  });
  if (found) return found;
  const which = id === undefined ? "there is no such backtest" : `there is no backtest with the id ${id}`;
  throw new Expected(Exit.no, `${which} in profile ${profile}`, "stint sessions; stint backtest run");
}

/** `stint backtest report` */
export async function report(
  context: Context,
  id: string | undefined,
  png: string | undefined,
): Promise<number> {
  const { output } = context;
  const { row, run: found, result } = await storedRun(context, id, (_, run) => run.result !== null);
  if (!result) throw new Expected(Exit.no, `run ${row.id} isn't finished`, `stint backtest status ${row.id}`);
  const equity = new Float64Array(result.bars);
  await readStore([schema], (db) => readEquity(db, row.id, equity, result.bars));
  const title = `${nameOf(found)} ${found.data.symbol}`;
  if (png !== undefined) {
    const { drawPicture } = await import("./picture.ts");
    const bytes = await drawPicture({ title, equity, statistics: result.statistics });
    writeFile(png, bytes);
    output.emit({ type: "picture", id: row.id, file: resolve(png) }, () => png);
    return Exit.ok;
  }
  const { statistics, hash, bust } = result;
  const { Curve } = await import("../core/curve.ts");
  const curve = new Curve(equity.length, 480);
  curve.extend(equity, equity.length);
  const shown = { strategy: nameOf(found), symbol: found.data.symbol, result };
  output.emit({ type: "result", id: row.id, stats: statistics, hash, bust }, () =>
    summaryText(output, shown, curve.equity),
  );
  return Exit.ok;
}

const nameOf = ({ strategy: { source } }: Run): string =>
  "builtin" in source ? source.builtin : basename(source.file);

/** `stint backtest init` */
export async function init({ output }: Context, name: string): Promise<number> {
  if (!/^[A-Za-z][\w-]*(\.ts)?$/.test(name)) {
    throw new Expected(Exit.usage, `'${name}' can't be a strategy's name`, "letters, digits, - and _");
  }
  const { starter, types } = await import("./starter.ts");
  const file = `${name.replace(/\.ts$/, "")}.ts`;
  if (existsSync(file)) throw new Expected(Exit.no, `${file} exists already`, "give another name");
  writeFile("stint.d.ts", await types());
  writeFile(file, starter);
  output.emit({ type: "file", path: join(process.cwd(), file) }, () => `${file} and its types, stint.d.ts`);
  output.note(`run it: stint backtest run --strategy ${file}`);
  return Exit.ok;
}

function writeFile(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new Expected(Exit.io, `${path} can't be written: ${errno(error) ?? error}`);
  }
}
