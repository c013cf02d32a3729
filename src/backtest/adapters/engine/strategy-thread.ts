import { Console } from "node:console";
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { decode, encode, Unserialisable } from "../../../kernel/encoding.ts";
import { message } from "../../../kernel/errors.ts";
import type { ClosedTrade } from "../../core/broker/account.ts";
import { StrategyError } from "../../core/engine/analysis.ts";
import type { Sink } from "../../core/engine/context.ts";
import type { Engine, EngineState, EngineSymbol, Plan, Watch } from "../../core/engine/engine.ts";
import type { LagMeter } from "../../core/engine/lag.ts";
import { ParameterError } from "../../core/engine/parameters.ts";
import { Random } from "../../core/engine/random.ts";
import { builtins } from "../../core/engine/strategies.ts";
import { statistics } from "../../core/results/statistics.ts";
import type { StrategySource } from "../../core/run.ts";
import type { Inspected, Result } from "../../core/run-state.ts";
import type { Strategy } from "../../core/strategy.ts";
import { barDate } from "./bar-date.ts";
import type { Begin, Failure, LogLine, Said, Snapshot } from "./protocol.ts";
import { Recorder } from "./recorder.ts";

/** What the threads that run a strategy have in common. */

/** A strategy's own fault, found before it ran. */
class BadStrategy extends Error {}

/** What a strategy prints would land in the middle of our data: all of it is told to the host instead. */
function captureConsole(print: (text: string) => void): void {
  const told = (text: unknown) => {
    print(String(text).trimEnd());
    return true;
  };
  const sink = new Writable({
    write(chunk, _encoding, done) {
      told(chunk);
      done();
    },
  });
  globalThis.console = new Console({ stdout: sink, stderr: sink }) as typeof globalThis.console;
  process.stdout.write = told as typeof process.stdout.write;
  process.stderr.write = told as typeof process.stderr.write;
}

/** The clock and the dice of a strategy: the newest bar's time, and numbers that a checkpoint keeps. */
export const given: { now: () => number; random: () => number } = { now: () => 0, random: () => 0 };

/** Puts them in the place of `Date`, `Temporal.Now` and `Math.random`, before the strategy's file is loaded. */
function captureChance(): void {
  const now = () => given.now();
  globalThis.Date = barDate(now);
  const zone = (name: string) =>
    Temporal.Instant.fromEpochMilliseconds(Math.floor(now())).toZonedDateTimeISO(name);
  Object.assign(Temporal.Now, {
    instant: () => zone("UTC").toInstant(),
    timeZoneId: () => "UTC",
    zonedDateTimeISO: (name = "UTC") => zone(name),
    plainDateTimeISO: (name = "UTC") => zone(name).toPlainDateTime(),
    plainDateISO: (name = "UTC") => zone(name).toPlainDate(),
    plainTimeISO: (name = "UTC") => zone(name).toPlainTime(),
  });
  Math.random = () => given.random();
}

export async function loadStrategy(source: StrategySource): Promise<Strategy> {
  if ("builtin" in source) {
    const found = builtins[source.builtin];
    if (!found) throw new BadStrategy(`there is no built-in strategy '${source.builtin}'`);
    return found;
  }
  let module: { default?: Partial<Strategy> };
  try {
    module = (await import(pathToFileURL(source.file).href)) as typeof module;
  } catch (error) {
    throw new BadStrategy(`it can't be loaded: ${where(error)}`, { cause: error });
  }
  const strategy = module.default;
  if (typeof strategy === "function") {
    throw new BadStrategy(
      "its default export is a class or a function: a strategy is an object, `export default { init, onBar }`",
    );
  }
  if (typeof strategy !== "object" || strategy === null) {
    throw new BadStrategy("it has no default export: a strategy is `export default { init, onBar }`");
  }
  if (typeof strategy.init !== "function") throw new BadStrategy("its default export has no init()");
  const hooks = ["onBar", "onDerivedBar", "onFill", "onEnd", "commission"] as const;
  for (const name of hooks) {
    const hook: unknown = strategy[name];
    if (hook !== undefined && typeof hook !== "function")
      throw new BadStrategy(`its ${name} isn't a function`);
  }
  if (!strategy.onBar && !strategy.onDerivedBar) {
    throw new BadStrategy("its default export has no onBar()");
  }
  return strategy as Strategy;
}

/** The message of an error while loading, with file and line where the runtime tells. */
function where(error: unknown): string {
  const nested = (error as { errors?: unknown[] }).errors?.[0] ?? error;
  const { position } = nested as { position?: { file: string; line: number } | null };
  const [first = ""] = message(nested).split("\n");
  return position ? `${first} (line ${position.line})` : first;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ParameterError) {
    const { message, hint } = error;
    return { kind: "usage", message, ...(hint === undefined ? {} : { hint }) };
  }
  if (error instanceof BadStrategy || error instanceof StrategyError || error instanceof Unserialisable) {
    const inner = error.cause instanceof Error ? error.cause.stack : undefined;
    return { kind: "strategy", message: error.message, ...(inner ? { stack: inner } : {}) };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  return { kind: "bug", message: message(error), ...(stack ? { stack } : {}) };
}

/** SHA-256 of the trades and the equity curve, every number as its eight bytes, little-endian. */
function hashOf({ equity, length }: Plan, trades: readonly ClosedTrade[]): string {
  const hash = createHash("sha256");
  const piece = 1 << 14;
  for (let at = 0; at < trades.length; at += piece) {
    const numbers = trades
      .slice(at, at + piece)
      .flatMap((trade) => [
        trade.symbol,
        trade.size,
        trade.entryBar,
        trade.exitBar,
        trade.entryPrice,
        trade.exitPrice,
        trade.pnl,
        trade.commission,
      ]);
    hash.update(new Uint8Array(Float64Array.from(numbers).buffer));
  }
  // Hashed in pieces: a view on shared memory must be copied first, and a copy of it all would double it.
  const copy = new Float64Array(Math.min(piece, length));
  for (let at = 0; at < length; at += piece) {
    const part = equity.subarray(at, Math.min(length, at + piece));
    copy.set(part);
    hash.update(new Uint8Array(copy.buffer, 0, part.byteLength));
  }
  return hash.digest("hex");
}

/** Lines of ctx.log that are told at a look; what a strategy says in between is found in the report. */
const LOG_LINES = 50;

/** What a thread tells its host of the engine in it: what has come since it was last asked, and how it stands. */
export class Witness {
  readonly #recorder: Recorder | undefined;
  #log: LogLine[] = [];
  /** Trades that the host was told of. */
  #trades = 0;

  /** @param recording whether what only shows in passing is wanted at the end */
  constructor(recording = false) {
    this.#recorder = recording ? new Recorder() : undefined;
  }

  /** What the engine is to be given. */
  get watch(): { readonly watch?: Watch } {
    return this.#recorder ? { watch: this.#recorder } : {};
  }

  log(line: LogLine): void {
    this.#recorder?.log(line);
    this.#log.push(line);
    if (this.#log.length > LOG_LINES) this.#log.shift();
  }

  plot(...plotted: Parameters<Sink["plot"]>): void {
    this.#recorder?.plot(...plotted);
  }

  /** Has the engine go on from a checkpoint, if there is one. */
  restore(engine: Engine, from: Begin["from"]): void {
    if (!from) return;
    const state = decode(from.state.engine) as Omit<EngineState, "strategy">;
    const strategy = decode(from.state.strategy) as EngineState["strategy"];
    engine.restore({ ...state, strategy }, from.trades);
    this.#trades = from.trades.length;
  }

  /** @param whole with the state to go on from */
  snapshot(engine: Engine, lag: LagMeter | undefined, whole: boolean): Snapshot {
    const trades = engine.closedTrades.slice(this.#trades);
    this.#trades = engine.closedTrades.length;
    const log = this.#log;
    this.#log = [];
    const { next, openTrades: open, metrics } = engine;
    const look = { next, trades, open, log, metrics, lag: lag?.lag ?? null };
    if (!whole) return look;
    const { strategy, ...state } = engine.snapshot();
    return { ...look, state: { engine: encode(state), strategy: encodeStates(strategy) } };
  }

  /** The last word of a run. */
  done(engine: Engine, lag: LagMeter | undefined, result: Result): Extract<Said, { type: "done" }> {
    const recorder = this.#recorder;
    const recorded = recorder ? { recorded: { ...recorder.recorded, warmups: engine.warmups } } : {};
    return { type: "done", snapshot: this.snapshot(engine, lag, true), result, ...recorded };
  }
}

/** The states of the strategy by symbol; what can't be kept is told by its path from `ctx.state`. */
function encodeStates(states: EngineState["strategy"]): string {
  for (const state of Object.values(states)) encode(state, "ctx.state");
  return encode(states, "ctx.state");
}

function plainOf(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch (error) {
    return `(not shown: ${message(error)})`;
  }
}

/** The random numbers that a strategy's file and its `init` are given. */
export function startNumbers(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}

/** What stands behind the newest bars, the strategies' states as JSON shows them: what else is in one the checkpoint tells. */
export const inspected = (engine: Engine): Inspected[] =>
  engine.inspect().map((found) => ({ ...found, state: plainOf(found.state) }));

/** What a strategy is called: as it says, else as it is found. */
export function nameOfStrategy({ name }: Strategy, source: StrategySource): string {
  return name ?? ("builtin" in source ? source.builtin : basename(source.file).replace(/\.\w+$/, ""));
}

/** Has the engine end, and says what it came to. */
export function resultOf(
  engine: Engine,
  ended: { readonly symbols: readonly EngineSymbol[]; readonly plan: Plan },
  { benchmark, dataTimezone }: Pick<Begin, "benchmark" | "dataTimezone">,
): Result {
  const { symbols, plan } = ended;
  const bust = engine.finish();
  const trades = engine.closedTrades;
  const { length } = plan;
  const traded = symbols.map(({ instrument, bars }, at) => ({
    symbol: instrument.symbol,
    bars,
    warmup: Math.max(0, engine.warmups[at] ?? 0),
  }));
  const time = plan.time.subarray(0, length);
  const equity = plan.equity.subarray(0, length);
  return {
    stats: statistics({
      symbols: traded,
      time,
      equity,
      trades,
      timezone: dataTimezone,
      benchmark,
      open: engine.openTrades.length,
    }),
    hash: hashOf(plan, trades),
    bust,
    bars: engine.metrics.bars,
    steps: length,
    dropped_orders: engine.droppedOrders,
    unseen_symbols: symbols.flatMap(({ instrument }, at) =>
      (engine.warmups[at] ?? -1) < 0 ? [instrument.symbol] : [],
    ),
  };
}

/** Readies this thread for a strategy. @param print given what it prints */
export function prepareThread(print: (text: string) => void): void {
  captureConsole(print);
  captureChance();
}
