// The engine against a bare loop of the same work, and the pause gate's cost: bun tests/bench/engine.bench.ts
import type { Bars } from "../../src/backtest/core/bars.ts";
import { LIMIT } from "../../src/backtest/core/coordinator.ts";
import { Engine } from "../../src/backtest/core/engine.ts";
import { statistics } from "../../src/backtest/core/statistics.ts";
import { smaCross } from "../../src/backtest/core/strategies.ts";
import { BARS, makeBars } from "./bars.ts";

const FAST = 50;
const SLOW = 200;
const CASH = 1e9;
const RATE = 0.0002;
const rounds = 15;

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
const equity = new Float64Array(BARS);
const settings = {
  cash: CASH,
  commission: { fixed: 0, rate: RATE },
  spread: 0,
  tradeOnClose: false,
  exclusiveOrders: false,
  finalize: true,
};
const control = new Int32Array(new SharedArrayBuffer(8));
control[LIMIT] = 2 ** 31 - 1;

function run(gate: Int32Array | null): Engine {
  const engine = new Engine({
    bars,
    settings,
    strategy: smaCross,
    params: { fast: FAST, slow: SLOW },
    equity,
  });
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

// The same process runs gated and ungated by turns, so neither has the warmer code.
const cold = timed(() => run(control));
const times = { bare: [] as number[], gated: [] as number[], ungated: [] as number[] };
for (let k = 0; k < rounds; k++) {
  times.bare.push(timed(() => bareLoop(bars, equity)));
  times.gated.push(timed(() => run(control)));
  times.ungated.push(timed(() => run(null)));
}
const bare = Math.min(...times.bare);
const gated = Math.min(...times.gated);
const ungated = Math.min(...times.ungated);
const engine = run(control);
const statisticsMs = Math.min(
  ...Array.from({ length: 5 }, () =>
    timed(() => statistics({ bars, equity, trades: engine.closedTrades, warmup: engine.warmup })),
  ),
);

const rate = (ms: number) => `${ms.toFixed(1)} ms, ${(BARS / ms / 1000).toFixed(0)} M bars/s`;
console.log(`${BARS} bars, SMA ${FAST}/${SLOW}, commission ${RATE}; best of ${rounds}, by turns`);
console.log(`bare loop          ${rate(bare)}`);
console.log(
  `engine             ${rate(gated)} (${engine.closedTrades.length} trades; first run ${cold.toFixed(0)} ms)`,
);
console.log(`ratio              ${(bare / gated).toFixed(3)}x of the bare loop (goal 0.1)`);
console.log(
  `gate               ${((gated / ungated - 1) * 100).toFixed(1)} % over an engine without one (goal < 5)`,
);
console.log(`statistics         ${statisticsMs.toFixed(1)} ms`);
