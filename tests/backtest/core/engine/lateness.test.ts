import { expect, test } from "bun:test";
import fc from "fast-check";
import { LagMeter } from "../../../../src/backtest/core/engine/lag.ts";
import {
  addLateness,
  LATENESS_WORDS,
  latenessQuantile,
  maxLateness,
} from "../../../../src/backtest/core/engine/lateness.ts";

const counted = (...late: number[]): Int32Array => {
  const words = new Int32Array(LATENESS_WORDS);
  for (const ms of late) addLateness(words, ms);
  return words;
};

test("before anything was late or in time, there is nothing to tell", () => {
  expect([maxLateness(counted()), latenessQuantile(counted(), 0.99)]).toEqual([null, null]);
});

test("what came early was in time", () => {
  expect([maxLateness(counted(-3, 0)), latenessQuantile(counted(-3, 0), 0.99)]).toEqual([0, 0]);
});

test("the most is told to the microsecond, however late", () => {
  expect(maxLateness(counted(0.2, 1.2345, 0.9))).toBe(1.235);
  expect(maxLateness(counted(5_000))).toBe(5_000);
});

test("a quantile is at most one bucket of 0.05 ms above the true one, and never below", () => {
  const lateness = fc.array(fc.double({ min: 0, max: 90, noNaN: true }), { minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(lateness, fc.constantFrom(0.5, 0.9, 0.99, 1), (late, part) => {
      const sorted = late.toSorted((a, b) => a - b);
      const wanted = sorted[Math.ceil(sorted.length * part) - 1] as number;
      const found = latenessQuantile(counted(...late), part) as number;
      expect(found).toBeWithin(wanted - 1e-9, wanted + 0.05 + 1e-9);
    }),
  );
});

test("beyond the buckets, the quantile is the most there was", () => {
  expect(latenessQuantile(counted(0.1, 400, 900), 0.99)).toBe(900);
});

test("lag is how many steps are published and not done, and how long ago the one that is done was published", () => {
  let now = 0;
  const stamps = new Float64Array(4);
  const meter = new LagMeter(() => now, stamps);
  expect(meter.lag).toEqual({ bars: 0, ms: 0, max_bars: 0, max_ms: 0 });
  stamps.set([10, 20, 30]);
  now = 32;
  meter.done(0, 2);
  expect(meter.lag).toEqual({ bars: 2, ms: 22, max_bars: 2, max_ms: 22 });
  meter.done(1, 1);
  meter.done(2, 0);
  expect(meter.lag).toEqual({ bars: 0, ms: 2, max_bars: 2, max_ms: 22 });
  // The stamps go round: step 5 stands where step 1 stood.
  stamps[1] = 31;
  meter.done(5, 0);
  expect(meter.lag.ms).toBe(1);
});
