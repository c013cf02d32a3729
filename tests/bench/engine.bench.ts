// The engine against a bare loop of the same work: bun tests/bench/engine.bench.ts [millions of bars]
import type { Bars } from "../../src/backtest/core/bars.ts";
import { LIMIT } from "../../src/backtest/core/coordinator.ts";
import { smaCross } from "../../src/backtest/core/strategies.ts";
import type { DerivedBars, Line, Strategy } from "../../src/backtest/core/strategy.ts";
import { BARS, makeBars } from "./bars.ts";
import { CASH, engineOver, RATE } from "./engine.ts";

const FAST = 50;
const SLOW = 200;
const rounds = 9;

/** The least that a program can do for an SMA cross: rolling sums, a position turned at the next open, equity. */
function bareLoop({ open, close, length }: Bars, equity: Float64Array): number {
  let fastSum = 0;
  let slowSum = 0;
  let fastBefore = Number.NaN;
  let slowBefore = Number.NaN;
  let cash = CASH;
  let position = 0;
  let wanted = 0;
  let fills = 0;
  for (let i = 0; i < length; i++) {
    if (wanted !== position) {
      const price = open[i] as number;
      const size = wanted - position;
      cash -= size * price + Math.abs(size) * price * RATE;
      position = wanted;
      fills++;
    }
    const price = close[i] as number;
    fastSum += price;
    slowSum += price;
    if (i >= FAST) fastSum -= close[i - FAST] as number;
    if (i >= SLOW) slowSum -= close[i - SLOW] as number;
    equity[i] = cash + position * price;
    if (i >= SLOW - 1) {
      const fast = fastSum / FAST;
      const slow = slowSum / SLOW;
      if (fastBefore < slowBefore && fast > slow) wanted = 1;
      else if (fastBefore > slowBefore && fast < slow) wanted = -1;
      fastBefore = fast;
      slowBefore = slow;
    }
  }
  return fills;
}

const bars = makeBars();
const SYMBOLS = 10;
const tenth = cutTo(bars, BARS / SYMBOLS);
const equity = new Float64Array(BARS);
const control = new Int32Array(new SharedArrayBuffer(32));
control[LIMIT] = 2 ** 31 - 1;
const params = { fast: FAST, slow: SLOW };

/** Three longer timeframes and five indicators, of which it looks at all. */
const many: Strategy<{ fast: number; slow: number }, Record<string, Line | DerivedBars>> = {
  params: { fast: FAST, slow: SLOW },
  init({ params, sma, ema, rsi, atr, bars: derive }) {
    const [five, quarter, hour] = [derive("5m"), derive("15m"), derive("1h")];
    const indicators = { fast: sma(params.fast), slow: sma(params.slow), ema: ema(20), rsi: rsi(14), atr: atr(14) };
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

function cutTo(whole: Bars, length: number): Bars {
  const column = (name: "time" | "open" | "high" | "low" | "close" | "volume") => whole[name].slice(0, length);
  const [time, open, high, low, close, volume] = [
    column("time"),
    column("open"),
    column("high"),
    column("low"),
    column("close"),
    column("volume"),
  ];
  return { length, time, open, high, low, close, volume, decimals: whole.decimals };
}

function run(gate: Int32Array | null, over: readonly Bars[], strategy: Strategy) {
  const engine = engineOver(over, strategy, params);
  engine.advance(gate);
  engine.finish();
  return engine;
}

function timed(work: () => unknown): number {
  Bun.gc(true);
  const start = performance.now();
  work();
  return performance.now() - start;
}

const shapes = {
  bare: () => bareLoop(bars, equity),
  "one symbol": () => run(control, [bars], smaCross),
  "no gate": () => run(null, [bars], smaCross),
  "ten symbols": () => run(control, Array.from({ length: SYMBOLS }, () => tenth), smaCross),
  "3 timeframes, 5 indicators": () => run(control, [bars], many as Strategy),
};
const best = Object.fromEntries(Object.keys(shapes).map((name) => [name, Number.POSITIVE_INFINITY]));
// By turns, so that none has the quieter machine.
for (let k = 0; k < rounds; k++) {
  for (const [name, work] of Object.entries(shapes)) best[name] = Math.min(best[name] as number, timed(work));
}
const goals: Record<string, string> = {
  "one symbol": "0.06",
  "ten symbols": "0.03",
  "3 timeframes, 5 indicators": "0.016",
};
console.log(`${BARS} bars, SMA ${FAST}/${SLOW}, commission ${RATE}, cash ${CASH}; best of ${rounds}, by turns`);
for (const [name, ms] of Object.entries(best)) {
  const rate = `${ms.toFixed(1)} ms, ${(BARS / ms / 1000).toFixed(1)} M bars/s`;
  const ratio = `${((best["bare"] as number) / ms).toFixed(4)}x of the bare loop`;
  const goal = goals[name] === undefined ? "" : ` (wanted ${goals[name]})`;
  console.log(`${name.padEnd(28)} ${rate.padEnd(28)} ${name === "bare" ? "" : ratio + goal}`);
}
