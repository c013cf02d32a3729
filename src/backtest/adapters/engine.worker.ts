import { Console } from "node:console";
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { decode, encode, Unserialisable } from "../../kernel/encoding.ts";
import { message } from "../../kernel/errors.ts";
import { StrategyError } from "../core/analysis.ts";
import type { ClosedTrade } from "../core/broker.ts";
import { LIMIT } from "../core/coordinator.ts";
import { Engine, type EngineState } from "../core/engine.ts";
import { ParameterError } from "../core/parameters.ts";
import type { Result } from "../core/run-state.ts";
import { statistics } from "../core/statistics.ts";
import { builtins } from "../core/strategies.ts";
import type { Strategy } from "../core/strategy.ts";
import {
  type Begin,
  type Failure,
  LOOK,
  PARKED,
  type Said,
  SEQUENCE,
  SNAPSHOT,
  type Snapshot,
  type StrategySource,
  WANT,
} from "./protocol.ts";

/** The thread that runs an engine. It never yields while it works: see protocol.ts for how it is spoken to. */

const say = (said: Said): void => postMessage(said);

/** A strategy's own fault, found before it ran. */
class BadStrategy extends Error {}

/** What a strategy prints would land in the middle of our data: all of it is told to the host instead. */
function captureConsole(): void {
  const told = (text: unknown) => {
    say({ type: "log", text: String(text).trimEnd() });
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
    const state = decode(from.state.engine) as Omit<EngineState, "strategy">;
    const remembered = decode(from.state.strategy) as EngineState["strategy"];
    engine.restore({ ...state, strategy: remembered }, from.trades);
    told = from.trades.length;
  }
  const source = begin.strategy;
  const name =
    strategy.name ?? ("builtin" in source ? source.builtin : basename(source.file).replace(/\.\w+$/, ""));
  say({ type: "ready", name, params: { ...strategy.params, ...params }, warmup: engine.warmup });

  const snapshot = (want: number): Snapshot => {
    const { strategy: remembered, ...state } = engine.snapshot();
    const trades = engine.closedTrades.slice(told);
    told = engine.closedTrades.length;
    const look = { next: engine.next, trades, open: state.broker.trades };
    if (want === LOOK) return look;
    return { ...look, state: { engine: encode(state), strategy: encode(remembered, "ctx.state") } };
  };
  let outcome = engine.advance(control);
  while (outcome === "limit") {
    park(control, engine.next, (want) => say({ type: "parked", snapshot: snapshot(want) }));
    outcome = engine.advance(control);
  }
  engine.finish();
  const trades = engine.closedTrades;
  const result: Result = {
    stats: statistics({ bars, equity, trades, warmup: engine.warmup }),
    hash: hashOf(equity, trades),
    bust: outcome === "bust",
    bars: bars.length,
    dropped_orders: engine.droppedOrders,
  };
  say({ type: "done", snapshot: snapshot(SNAPSHOT), result });
}

/** Stands still until the limit allows the bar `next`, and gives what is wanted meanwhile. */
function park(control: Int32Array, next: number, give: (want: number) => void): void {
  Atomics.store(control, PARKED, 1);
  for (;;) {
    // Read before the rest: a change that comes after this makes the wait return at once.
    const sequence = Atomics.load(control, SEQUENCE);
    if (Atomics.load(control, LIMIT) > next) break;
    const want = Atomics.exchange(control, WANT, 0);
    if (want !== 0) give(want);
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
