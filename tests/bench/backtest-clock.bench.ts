// How late a clock-driven run's bars are: bun tests/bench/backtest-clock.bench.ts [--seconds 60]
import { parseArgs } from "node:util";
import { median, quantile, row } from "./table.ts";
import { threads } from "./threads.ts";

const BARS_PER_SECOND = 500;
const GAP_MS = 1000 / BARS_PER_SECOND;
const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" } } });
const length = Number(values.seconds) * BARS_PER_SECOND;

/** What the machine makes of a short sleep, such as the clock's: how much longer it lasts. ms */
const slept = Array.from({ length: 4000 }, () => {
  const began = performance.now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.25);
  return performance.now() - began - 0.25;
});
row("a sleep of 0.25 ms on this machine now lasts longer, p99", quantile(slept, 0.99), "ms", "no goal");

await using run = await threads(length, { builtin: "sma-cross" }, BARS_PER_SECOND);
const { drive, engine, clock, clocked } = run;
if (!clock || !clocked) throw new Error("it follows no clock");
drive.resumeBacktest();
const { snapshot } = await engine.finished;
const { p99, max } = clock.lateness;
// Against the schedule of the quickest: how much later than that each was.
const { stamps } = clocked;
const late = Array.from(stamps, (at, bar) => at - (stamps[0] as number) - bar * GAP_MS);
const soonest = late.reduce((least, each) => Math.min(least, each));
const lateness = late.map((each) => each - soonest);
const first = median(lateness.slice(0, BARS_PER_SECOND));
const last = median(lateness.slice(-BARS_PER_SECOND));
const counts = snapshot.metrics.subscriptions[0];
if (counts?.signals !== length || counts.resets !== length) throw new Error("bars were dropped");
console.log(`${length} bars at ${BARS_PER_SECOND} bars/s, ${counts.overruns} overruns`);
row("late by the clock's own count, p99", p99 ?? Number.NaN, "ms", "≤ 1");
row("late by the stamps, p99", quantile(lateness, 0.99), "ms", "≤ 1");
row("late at the most", max ?? Number.NaN, "ms", "no goal");
row("drift: the last second's median less the first's", last - first, "ms", "≤ 0.1");
