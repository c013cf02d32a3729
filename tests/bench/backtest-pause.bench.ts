// How long the engine takes to stand still and to go on, in its thread: bun tests/bench/backtest-pause.bench.ts
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monotonic, PARKED } from "../../src/backtest/adapters/engine/protocol.ts";
import { BARS } from "./bars.ts";
import { quantile, row } from "./table.ts";
import { threads } from "./threads.ts";

const ROUNDS = 2000;
/** While the compiler still works on the engine, it and this thread have more to do than two cores can. */
const WARM_UP = 100;
/** By the clock a resume waits for what was left of the bar: short ones, so that it's the threads that are measured. */
const CLOCKED_BARS = 10_000;

const folder = mkdtempSync(join(tmpdir(), "stint-bench-"));
const file = join(folder, "busy.ts");
// It has something to do at each bar, so that a run lasts.
writeFileSync(
  file,
  `export default {
    init: ({ sma }) => ({ indicators: { a: sma(50), b: sma(200) }, state: { x: 1 } }),
    onBar(ctx) {
      let x = ctx.state.x;
      for (let i = 0; i < 3000; i++) x = (x * 31 + i) % 1000003;
      ctx.state.x = x;
    },
  };`,
);

/** Pauses and resumes a run again and again. All in µs. */
async function measure(clocked: boolean) {
  await using run = await threads(
    BARS,
    clocked ? { builtin: "sma-cross" } : { file },
    clocked ? CLOCKED_BARS : null,
  );
  const { drive, engine, control } = run;
  /** How many bars the clock has published. */
  const signals = () => (run.clocked ? Atomics.load(run.clocked.words, 0) : 0);
  const parked: number[] = [];
  const published: number[] = [];
  const resumed: number[] = [];
  for (let k = 0; k < WARM_UP + ROUNDS; k++) {
    const before = clocked ? signals() : engine.next;
    const released = performance.now();
    const releasedAt = monotonic();
    drive.resumeBacktest();
    // By the clock two other threads have their work to do, and this one keeps out of their way: the stamp tells.
    if (!clocked) while (engine.next <= before);
    const moved = performance.now();
    // Not by spinning: a thread that has used up its share of a core is the next to be taken off it.
    await Bun.sleep(1 + (k % 7) * 0.13);
    const asked = performance.now();
    const askedAt = monotonic();
    drive.pauseBacktest();
    while (Atomics.load(control, PARKED) === 0);
    const stood = performance.now();
    if (engine.next >= BARS) throw new Error("the run came to its end");
    if (run.clocked) await Bun.sleep(2);
    if (k < WARM_UP) continue;
    parked.push((stood - asked) * 1000);
    if (run.clocked) {
      const { stamps } = run.clocked;
      resumed.push(((stamps[before] as number) - releasedAt) * 1000);
      published.push(Math.max(0, (stamps[signals() - 1] as number) - askedAt) * 1000);
    } else resumed.push((moved - released) * 1000);
  }
  return { parked, published, resumed };
}

const shown = (what: string, values: readonly number[]) => {
  row(`${what}, p50`, quantile(values, 0.5), "µs", "≤ 100");
  row(`${what}, p99`, quantile(values, 0.99), "µs", "< 1000");
};
const free = await measure(false);
shown("data-driven: pause to engine parked", free.parked);
shown("data-driven: resume to next bar worked", free.resumed);
const timed = await measure(true);
shown("by the clock: pause to engine parked", timed.parked);
shown("by the clock: pause to last bar published", timed.published);
shown("by the clock: resume to next bar published", timed.resumed);
rmSync(folder, { recursive: true });
