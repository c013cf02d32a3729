// From the pause flag set to the engine parked, in its worker: bun tests/bench/pause.bench.ts
import { engine } from "../../src/backtest/adapters/engine.ts";
import { NO_LIMIT } from "../../src/backtest/adapters/protocol.ts";
import { makeBars } from "./bars.ts";
import { quantile, row } from "./table.ts";

const ROUNDS = 2000;
const bars = makeBars();
const shared = (column: Float64Array) => {
  const copy = new Float64Array(new SharedArrayBuffer(column.byteLength));
  copy.set(column);
  return copy;
};
const { time, open, high, low, close, volume } = bars;
const columns = { time, open, high, low, close, volume };
const onShared = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, shared(column)]));
const settings = {
  cash: 1e9,
  commission: { fixed: 0, rate: 0.0002 },
  spread: 0,
  tradeOnClose: false,
  exclusiveOrders: false,
  finalize: false,
};
const begin = {
  bars: { ...bars, ...onShared },
  equity: new Float64Array(new SharedArrayBuffer(bars.length * 8)),
  strategy: { builtin: "sma-cross" },
  params: { fast: 50, slow: 200 },
  settings,
};

const latencies: number[] = [];
while (latencies.length < ROUNDS) {
  await using thread = await engine(begin, "sma-cross", () => {})(new AbortController().signal);
  let over = false;
  void thread.finished.then(() => {
    over = true;
  });
  while (!over && latencies.length < ROUNDS) {
    thread.allow(NO_LIMIT);
    // Long enough to be well under way, short enough to be far from the end.
    const until = performance.now() + 0.2;
    while (performance.now() < until);
    if (thread.next >= bars.length) break;
    const from = performance.now();
    thread.hold();
    while (!thread.parked && thread.next < bars.length);
    latencies.push((performance.now() - from) * 1000);
  }
}
row("pause: flag set to engine parked, p50", quantile(latencies, 0.5), "µs", "≤ 50");
row("pause: flag set to engine parked, p99", quantile(latencies, 0.99), "µs", "< 1000");
