import { describe, expect, test } from "bun:test";
import { plainInstrument } from "../../../../src/backtest/core/broker/instrument.ts";
import { Stream } from "../../../../src/backtest/core/engine/stream.ts";
import { Sampling, StageTiming } from "../../../../src/backtest/core/engine/timing.ts";
import { at, barsOf, run } from "../run.ts";

const streamOf = (times: readonly number[], joined = Number.NEGATIVE_INFINITY) =>
  new Stream(0, plainInstrument("X"), at(times), joined);

describe("a symbol's bars", () => {
  test("are come to at their own times and at no other", () => {
    const stream = streamOf([10, 20, 40]);
    const seen = [5, 10, 20, 30, 40, 50].map((time) => {
      stream.advance(time);
      return [time, stream.has, stream.index];
    });
    expect(seen).toEqual([
      [5, false, -1],
      [10, true, 0],
      [20, true, 1],
      [30, false, 1],
      [40, true, 2],
      [50, false, 2],
    ]);
  });

  test("from before a symbol joined are its history", () => {
    expect([5, 10, 11, 99].map((joined) => streamOf([10, 20, 40], joined).joinedAt)).toEqual([0, 0, 1, 3]);
    expect(streamOf([10, 20]).joinedAt).toBe(0);
  });
});

describe("the warm-up", () => {
  const hours = barsOf(Array.from({ length: 40 }, (_, i) => 100 + i));

  test("ends at the first bar at which everything declared has a value", () => {
    // SMA(n): n − 1 (data/market/README.md); without indicators the first bar.
    const { engine } = run(hours, { init: ({ sma }) => ({ indicators: { a: sma(2), b: sma(7) } }) });
    expect(engine.warmups).toEqual([6]);
    expect(run(hours, { init: () => ({}) }).engine.warmups).toEqual([0]);
  });

  test("counts derived bars when they come to their right edge", () => {
    // Hourly from 00:00: the third bar of 4 h is that of 08:00, and seen at 12:00.
    const strategy = {
      init: ({ bars }: Parameters<Parameters<typeof run>[1]["init"]>[0]) => ({
        indicators: { a: bars("4h").sma(3) },
      }),
    };
    expect(run(hours, strategy, {}, {}, { timeframe: "1h" }).engine.warmups).toEqual([12]);
  });

  test("that never ends leaves the strategy uncalled", () => {
    let called = 0;
    const { engine, stop } = run(hours, {
      init: ({ sma }) => ({ indicators: { a: sma(41) } }),
      onBar: () => void called++,
    });
    expect([engine.warmups, called, stop]).toEqual([[-1], 0, "end"]);
  });
});

describe("timing", () => {
  test("tells the mean and the most of what was added, in µs; nothing before", () => {
    const timing = new StageTiming();
    expect(timing.timing).toBeNull();
    for (const ms of [1, 2, 6]) timing.add(ms);
    expect(timing.timing).toEqual({ samples: 3, mean_us: 3000, max_us: 6000 });
  });

  test("is of all steps by the clock, of a block of 64 in 16,384 in data-driven mode, and of none without a clock", () => {
    const timed = (sampling: Sampling) => {
      let count = 0;
      for (let step = 0; step < 40_000; step++) {
        sampling.step(step);
        if (sampling.on) count++;
      }
      return count;
    };
    expect(timed(new Sampling(() => 0, true))).toBe(40_000);
    expect(timed(new Sampling(() => 0, false))).toBe(3 * 64);
    expect(timed(new Sampling(undefined, false))).toBe(0);
    expect(timed(new Sampling(undefined, true))).toBe(0);
  });
});
