// The engine against a bare loop of the same work: bun tests/bench/backtest-engine.bench.ts
// Each shape has a process of its own, as a run has a thread of its own: what the compiler learns of one isn't the others'.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BunPlugin, plugin } from "bun";
import type { Bars } from "../../src/backtest/core/bars.ts";
import { smaCross } from "../../src/backtest/core/engine/strategies.ts";
import type { DerivedBars, Line, Strategy } from "../../src/backtest/core/strategy.ts";
import { BARS, makeBars, START } from "./bars.ts";
import { median } from "./table.ts";

const PASSES = 5;
const ROUNDS = 15;
const SYMBOLS = 10;

/** Three longer timeframes and five indicators, of which it looks at all. */
const many: Strategy<{ fast: number; slow: number }, Record<string, Line | DerivedBars>> = {
  params: { fast: 50, slow: 200 },
  init({ params, sma, ema, rsi, atr, bars: derive }) {
    const [five, quarter, hour] = [derive("5m"), derive("15m"), derive("1h")];
    const indicators = {
      fast: sma(params.fast),
      slow: sma(params.slow),
      ema: ema(20),
      rsi: rsi(14),
      atr: atr(14),
    };
    return { indicators: { ...indicators, five, quarter, hour } };
  },
  onBar(ctx) {
    const { fast, slow } = ctx.indicators as { fast: Line; slow: Line };
    if (ctx.crossesAbove(fast, slow)) {
      ctx.position.close();
      ctx.buy();
    } else if (ctx.crossesBelow(fast, slow)) {
      ctx.position.close();
      ctx.sell();
    }
  },
};

/** What a user would write, in a file of its own. */
const USERS = `
type Line = { readonly value: number; readonly previous: number };
export default {
  params: { fast: { default: 50, min: 1, integer: true }, slow: { default: 200, min: 1, integer: true } },
  init({ params, sma }) {
    return { indicators: { fast: sma(params.fast), slow: sma(params.slow) }, state: { bars: 0 } };
  },
  onBar(ctx) {
    const { fast, slow }: { fast: Line; slow: Line } = ctx.indicators;
    ctx.state.bars += 1;
    if (fast.previous < slow.previous && fast.value > slow.value) {
      ctx.position.close();
      ctx.buy();
    } else if (fast.previous > slow.previous && fast.value < slow.value) {
      ctx.position.close();
      ctx.sell();
    }
  },
};
`;

/** The stages called straight, with nothing between them, in the place of core/subscription.ts: what that costs. */
const DIRECT = `
export const SUBSCRIPTION_WORDS = 3;
export class StreamSubscription {
  constructor(name, mode, follower) { this.name = name; this.mode = mode; this.follower = follower; }
  get signals() { return 0; }
  get behind() { return 0; }
  get counts() { return { name: this.name, mode: this.mode, signals: 0, waits: 0, wait_ms: null, resets: 0, overruns: 0 }; }
  publish(step) { this.follower.take(step); }
  wait() {}
  follow(step) { this.follower.take(step); }
  waitTimed() {}
  reset() {}
}
`;
const direct: BunPlugin = {
  name: "direct",
  setup: (build) => {
    build.onLoad({ filter: /core\/subscription\.ts$/ }, () => ({ contents: DIRECT, loader: "js" }));
  },
};

type Shape = { bars: () => Bars[]; strategy?: Strategy; users?: true; direct?: true; gate?: false };
const one = () => [makeBars()];
const tenth = BARS / SYMBOLS;
const shapes: Record<string, Shape> = {
  "one symbol": { bars: one },
  "stages called straight": { bars: one, direct: true },
  "a user's TypeScript file": { bars: one, users: true },
  "10 symbols": { bars: () => Array.from({ length: SYMBOLS }, (_, k) => makeBars(tenth, k)) },
  "10 symbols, no two at a time": {
    bars: () => Array.from({ length: SYMBOLS }, (_, k) => makeBars(tenth, k, START + k * 6_000)),
  },
  "3 timeframes, 5 indicators": { bars: one, strategy: many as Strategy },
};

/** What a process found: ms of the quickest round. */
type Found = { bare: number; engine: number; made: number; first: number; trades: number; turns: number };

async function measure({ bars: make, strategy, users, direct: straight }: Shape): Promise<Found> {
  if (straight) plugin(direct);
  // After that plugin, or it would be too late for it.
  const { bareLoop, CROSS, engineOver, planOf } = await import("./engine.ts");
  const { LIMIT } = await import("../../src/backtest/core/engine/coordinator.ts");
  const bars = make();
  const loop = bars.length === 1 ? (bars[0] as Bars) : makeBars();
  const plan = planOf(bars);
  const equity = new Float64Array(BARS).fill(0);
  const control = new Int32Array(new SharedArrayBuffer(32));
  control[LIMIT] = 2 ** 31 - 1;
  let ran = strategy ?? smaCross;
  if (users) {
    const folder = mkdtempSync(join(tmpdir(), "stint-bench-"));
    const file = join(folder, "mine.ts");
    writeFileSync(file, USERS);
    ran = ((await import(file)) as { default: Strategy }).default;
    rmSync(folder, { recursive: true });
  }
  const best: Found = { bare: 1 / 0, engine: 1 / 0, made: 1 / 0, first: 0, trades: 0, turns: 0 };
  // By turns, so that neither has the quieter machine.
  for (let k = 0; k < ROUNDS; k++) {
    Bun.gc(true);
    const began = performance.now();
    best.turns = bareLoop(loop, equity);
    const between = performance.now();
    const engine = engineOver(bars, ran, CROSS, { plan });
    const made = performance.now();
    engine.advance(control);
    const ended = performance.now();
    engine.finish();
    best.bare = Math.min(best.bare, between - began);
    best.made = Math.min(best.made, made - between);
    best.engine = Math.min(best.engine, ended - made);
    if (k === 0) best.first = ended - made;
    best.trades = engine.closedTrades.length;
  }
  return best;
}

const [asked] = process.argv.slice(2);
if (asked !== undefined) {
  console.log(JSON.stringify(await measure(shapes[asked] as Shape)));
} else {
  const found: Record<string, Found[]> = {};
  for (let pass = 0; pass < PASSES; pass++) {
    for (const name of Object.keys(shapes)) {
      const child = Bun.spawnSync([process.execPath, import.meta.path, name], { stderr: "inherit" });
      if (!child.success) throw new Error(`${name} ended with ${child.exitCode}`);
      found[name] ??= [];
      found[name].push(JSON.parse(child.stdout.toString()) as Found);
    }
  }
  const least = (name: string, what: keyof Found) =>
    Math.min(...(found[name] as Found[]).map((each) => each[what]));
  const bare = Math.min(...Object.keys(shapes).map((name) => least(name, "bare")));
  const { trades, turns } = (found["one symbol"] as Found[])[0] as Found;
  console.log(
    `${BARS} bars, SMA 50/200, ${PASSES} processes each, the best of ${ROUNDS} rounds in each, by turns`,
  );
  console.log(
    `the bare loop    ${bare.toFixed(2)} ms, ${(BARS / bare / 1000).toFixed(0)} M bars/s, turned ${turns} times`,
  );
  console.log(`the engine closed ${trades} trades`);
  const wanted: Record<string, string> = {
    "one symbol": "≥ 0.06",
    "10 symbols": "≥ 0.03",
    "10 symbols, no two at a time": "≥ 0.03",
    "3 timeframes, 5 indicators": "≥ 0.016",
  };
  for (const name of Object.keys(shapes)) {
    const ms = least(name, "engine");
    const ratio = (bare / ms).toFixed(4);
    const rate = `${ms.toFixed(1)} ms, ${(BARS / ms / 1000).toFixed(1)} M bars/s`;
    const middle = median((found[name] as Found[]).map((each) => each.bare / each.engine)).toFixed(4);
    const made = `made in ${least(name, "made").toFixed(2)} ms, first round ${least(name, "first").toFixed(0)} ms`;
    const goal = wanted[name] === undefined ? "" : ` (wanted: ${wanted[name]})`;
    console.log(
      `${name.padEnd(30)} ${rate.padEnd(24)} ${ratio}× of the bare loop${goal}, median ${middle}; ${made}`,
    );
  }
  const engine = least("one symbol", "engine");
  const users = (engine / least("a user's TypeScript file", "engine")) * 100;
  const sync = (engine / least("stages called straight", "engine") - 1) * 100;
  console.log(`a user's strategy against the built-in one: ${users.toFixed(0)} % (wanted: ≥ 70 %)`);
  console.log(`the subscriptions against stages called straight: ${sync.toFixed(1)} % more (wanted: < 5 %)`);
}
