import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { decode, encode, Unserialisable } from "../../kernel/encoding.ts";
import { message } from "../../kernel/errors.ts";
import { StrategyError } from "../core/analysis.ts";
import type { ClosedTrade } from "../core/broker.ts";
import { LIMIT } from "../core/coordinator.ts";
import { Engine, type EngineState } from "../core/engine.ts";
import { ParameterError } from "../core/parameters.ts";
import { statistics } from "../core/statistics.ts";
import { builtins } from "../core/strategies.ts";
import type { Strategy } from "../core/strategy.ts";
import {
  type Begin,
  type Failure,
  PARKED,
  type Said,
  SEQUENCE,
  type Snapshot,
  type StrategySource,
  WANT_SNAPSHOT,
} from "./protocol.ts";

/** The thread that runs an engine. It never yields while it works: see protocol.ts for how it is spoken to. */

const say = (said: Said): void => postMessage(said);

/** A strategy's own fault, found before it ran. */
class BadStrategy extends Error {}

/** What a strategy prints would land in the middle of our data. */
function captureConsole(): void {
  const print = (...parts: unknown[]) =>
    say({
      type: "log",
      text: parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" "),
    });
  for (const level of ["log", "info", "debug", "warn", "error"] as const) globalThis.console[level] = print;
  process.stdout.write = ((text: unknown) => {
    say({ type: "log", text: String(text).trimEnd() });
    return true;
  }) as typeof process.stdout.write;
}

async function load(source: StrategySource): Promise<Strategy> {
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
  if (typeof strategy !== "object" || strategy === null) {
    throw new BadStrategy("it has no default export: a strategy is `export default { init, onBar }`");
  }
  for (const name of ["init", "onBar"] as const) {
    if (typeof strategy[name] !== "function") throw new BadStrategy(`its default export has no ${name}()`);
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

function failureOf(error: unknown): Failure {
  if (error instanceof ParameterError) return { kind: "usage", message: error.message };
  if (error instanceof BadStrategy || error instanceof StrategyError || error instanceof Unserialisable) {
    const inner = error.cause instanceof Error ? error.cause.stack : undefined;
    return { kind: "strategy", message: error.message, ...(inner ? { stack: inner } : {}) };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  return { kind: "bug", message: message(error), ...(stack ? { stack } : {}) };
}

/** SHA-256 of the trades and the equity curve, every number as its eight bytes, little-endian. */
function hashOf(equity: Float64Array, trades: readonly ClosedTrade[]): string {
  const numbers = trades.flatMap((trade) => [
    trade.size,
    trade.entryBar,
    trade.exitBar,
    trade.entryPrice,
    trade.exitPrice,
    trade.pnl,
    trade.commission,
  ]);
  const hash = createHash("sha256").update(new Uint8Array(Float64Array.from(numbers).buffer));
  // Hashed in pieces: a view on shared memory must be copied first, and a copy of it all would double it.
  const piece = 1 << 16;
  for (let at = 0; at < equity.length; at += piece)
    hash.update(new Uint8Array(equity.slice(at, at + piece).buffer));
  return hash.digest("hex");
}

async function run(begin: Begin): Promise<void> {
  const { bars, equity, control, settings, params, from } = begin;
  const strategy = await load(begin.strategy);
  const engine = new Engine({ bars, equity, settings, strategy, params });
  let told = 0;
  if (from) {
    engine.restore(decode(from.state) as EngineState, from.trades);
    told = from.trades.length;
  }
  const name = strategy.name ?? ("builtin" in begin.strategy ? begin.strategy.builtin : "strategy");
  say({ type: "ready", name, params: { ...strategy.params, ...params }, warmup: engine.warmup });

  const snapshot = (): Snapshot => {
    const now = engine.snapshot();
    // First the strategy's part by the name that its author knows it by.
    encode(now.strategy, "ctx.state");
    const state = encode(now);
    const trades = engine.closedTrades.slice(told);
    told = engine.closedTrades.length;
    return { next: engine.next, state, trades, open: now.broker.trades };
  };
  let outcome = engine.advance(control);
  while (outcome === "limit") {
    park(control, engine.next, () => say({ type: "parked", snapshot: snapshot() }));
    outcome = engine.advance(control);
  }
  engine.finish();
  const trades = engine.closedTrades;
  const stats = statistics({ bars, equity, trades, warmup: engine.warmup });
  say({ type: "done", snapshot: snapshot(), outcome, statistics: stats, hash: hashOf(equity, trades) });
}

/** Stands still until the limit allows the bar `next`, giving a snapshot whenever one is wanted. */
function park(control: Int32Array, next: number, snapshot: () => void): void {
  Atomics.store(control, PARKED, 1);
  for (;;) {
    // Read before the rest: a change that comes after this makes the wait return at once.
    const sequence = Atomics.load(control, SEQUENCE);
    if (Atomics.load(control, LIMIT) > next) break;
    if (Atomics.exchange(control, WANT_SNAPSHOT, 0) === 1) snapshot();
    Atomics.wait(control, SEQUENCE, sequence);
  }
  Atomics.store(control, PARKED, 0);
}

captureConsole();
addEventListener("message", (event) => {
  run((event as MessageEvent<Begin>).data).catch((error: unknown) =>
    say({ type: "failed", failure: failureOf(error) }),
  );
});
