// From the pause flag set to the engine parked, in its worker: bun tests/bench/pause.bench.ts
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engine } from "../../src/backtest/adapters/engine.ts";
import { NO_LIMIT } from "../../src/backtest/adapters/protocol.ts";
import { makeBars } from "./bars.ts";
import { quantile, row } from "./table.ts";

const ROUNDS = 2000;
/** While the compiler still works on the engine, it and this thread have more to do than two cores can. */
const WARM_UP = 100;
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
const folder = mkdtempSync(join(tmpdir(), "stint-bench-"));
const strategy = join(folder, "busy.ts");
writeFileSync(
  strategy,
  `export default {
    init: ({ sma }) => ({ indicators: { a: sma(50), b: sma(200) }, state: { x: 1 } }),
    onBar(ctx) {
      let x = ctx.state.x;
      for (let i = 0; i < 1000; i++) x = (x * 31 + i) % 1000003;
      ctx.state.x = x;
    },
  };`,
);
const begin = {
  bars: { ...bars, ...onShared },
  equity: new Float64Array(new SharedArrayBuffer(bars.length * 8)),
  // One that has something to do at each bar, so that a run lasts.
  strategy: { file: strategy },
  params: {},
  settings,
};

const latencies: number[] = [];
while (latencies.length < ROUNDS) {
  await using thread = await engine(begin, "busy", () => {})(new AbortController().signal);
  let over = false;
  let taken = 0;
  void thread.finished.then(() => {
    over = true;
  });
  while (!over && latencies.length < ROUNDS) {
    thread.allow(NO_LIMIT);
    // Not by spinning: a thread that has used up its share of a core is the next to be taken off it.
    await Bun.sleep(1);
    if (thread.next >= bars.length) break;
    const from = performance.now();
    thread.hold();
    while (!thread.parked && thread.next < bars.length);
    if (++taken > WARM_UP) latencies.push((performance.now() - from) * 1000);
  }
}
row("pause: flag set to engine parked, p50", quantile(latencies, 0.5), "µs", "≤ 50");
row("pause: flag set to engine parked, p99", quantile(latencies, 0.99), "µs", "< 1000");
rmSync(folder, { recursive: true });
