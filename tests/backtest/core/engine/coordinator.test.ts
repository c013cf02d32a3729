import { describe, expect, test } from "bun:test";
import { LIMIT, LOOK, NEXT, WANT } from "../../../../src/backtest/core/engine/coordinator.ts";
import { LagMeter } from "../../../../src/backtest/core/engine/lag.ts";
import { smaCross } from "../../../../src/backtest/core/engine/strategies.ts";
import { StreamSubscription, SUBSCRIPTION_WORDS } from "../../../../src/backtest/core/engine/subscription.ts";
import type { Breakpoint } from "../../../../src/backtest/core/run.ts";
import { makeBars } from "../../../bench/bars.ts";
import { barsOf, engineOf, HOUR, run, START, script } from "../run.ts";

const OPEN = 2 ** 31 - 1;
const controlAt = (limit: number): Int32Array => Int32Array.of(limit, 0, 0, 0);

describe("the gate", () => {
  const bars = makeBars(100, 9);
  const engine = (control: Int32Array) => {
    const { engine } = engineOf(bars, smaCross, {}, { fast: 2, slow: 5 });
    return { engine, stop: engine.advance(control) };
  };

  test("shut, lets nothing of the first bar happen", () => {
    const control = controlAt(0);
    const seen: number[] = [];
    const { engine } = engineOf(
      bars,
      { init: () => ({}) },
      {},
      {},
      { watch: { bar: ({ index }) => void seen.push(index) } },
    );
    expect([engine.advance(control), engine.next, control[NEXT], seen]).toEqual(["limit", 0, 0, []]);
  });

  test("steps one bar and no more", () => {
    const { engine: stepped } = engine(controlAt(0));
    for (let next = 1; next < 20; next++) {
      const control = controlAt(next);
      expect(stepped.advance(control)).toBe("limit");
      expect([stepped.next, control[NEXT]]).toEqual([next, next]);
    }
  });

  test("shut while a bar is being worked, holds at the next one", () => {
    const control = controlAt(OPEN);
    const { engine } = engineOf(bars, script({ 37: () => Atomics.store(control, LIMIT, 0) }));
    expect([engine.advance(control), engine.next]).toEqual(["limit", 38]);
  });

  test("tells the number of bars at the end", () => {
    const control = controlAt(OPEN);
    expect([engine(control).stop, control[NEXT]]).toEqual(["end", 100]);
  });

  test("of a run that is bust opens to nothing more", () => {
    const falling = barsOf([100, 100, 100, 10, 10, 10]);
    const { engine } = engineOf(falling, script({ 1: (ctx) => void ctx.buy() }), { leverage: 5 });
    expect([engine.advance(null), engine.advance(controlAt(OPEN)), engine.next]).toEqual(["bust", "bust", 4]);
  });
});

describe("data-driven", () => {
  test("each step is one cycle of each subscription: published, waited for, done; nothing overruns", () => {
    const { engine } = run(makeBars(500), smaCross);
    const counts = { mode: "data-driven", signals: 500, waits: 500, resets: 500, overruns: 0 };
    expect(engine.metrics.bars).toBe(500);
    expect(engine.metrics.subscriptions).toMatchObject([
      { name: "coordinator → processor", ...counts },
      { name: "processor → analysis", ...counts },
    ]);
  });

  test("no lag is recorded, even when there is a meter for it", () => {
    const lag = new LagMeter(() => 1_000, new Float64Array(8));
    run(makeBars(50), smaCross, {}, {}, { lag });
    expect(lag.lag).toEqual({ bars: 0, ms: 0, max_bars: 0, max_ms: 0 });
  });

  test("stages are timed on sampled blocks when there is a clock, and not at all without one", () => {
    let ms = 0;
    // Each reading is later than the one before by more than that one was.
    const now = () => (ms += 0.5 + ms / 1e6);
    const timed = run(makeBars(2_000), smaCross, {}, {}, { now }).engine.metrics;
    expect([timed.processor?.samples, timed.analysis?.samples]).toEqual([64, 64]);
    for (const { wait_ms } of timed.subscriptions) expect(wait_ms).toBeGreaterThan(0);
    const untimed = run(makeBars(500), smaCross).engine.metrics;
    expect([untimed.processor, untimed.analysis, untimed.subscriptions[0]?.wait_ms]).toEqual([
      null,
      null,
      null,
    ]);
  });
});

describe("clock-driven", () => {
  const length = 60;
  const bars = makeBars(length, 4);
  /** An engine that follows a publisher, which is this test. */
  const followed = () => {
    const words = new Int32Array(new SharedArrayBuffer(SUBSCRIPTION_WORDS * 4));
    const clock = new StreamSubscription("coordinator → processor", "clock-driven", null, words);
    const stamps = new Float64Array(64);
    let now = 0;
    const lag = new LagMeter(() => now, stamps);
    const more = { mode: "clock-driven", words, lag, now: () => now } as const;
    const { engine, equity } = engineOf(bars, smaCross, {}, { fast: 2, slow: 5 }, more);
    const tick = (by: number) => {
      now += by;
    };
    const publish = (step: number) => {
      stamps[step] = now;
      clock.publish(step);
    };
    return { engine, equity, lag, clock, tick, publish };
  };
  const published = (engine: ReturnType<typeof followed>["engine"]) => engine.metrics.subscriptions[0];

  test("works what is published, and waits for the rest", () => {
    const { engine, publish } = followed();
    expect([engine.advance(controlAt(OPEN)), engine.next, engine.published]).toEqual(["limit", 0, false]);
    publish(0);
    publish(1);
    expect(engine.published).toBe(true);
    expect([engine.advance(controlAt(OPEN)), engine.next, engine.published]).toEqual(["limit", 2, false]);
  });

  test("counts what is published while a step is being worked, drops none of it, and comes to the same bits", () => {
    const { engine, equity, publish } = followed();
    for (let step = 0; step < length; ) {
      // By threes: two of each find one that isn't done.
      for (const end = step + 3; step < end; step++) publish(step);
      engine.advance(controlAt(OPEN));
    }
    engine.finish();
    expect(published(engine)).toMatchObject({
      signals: 60,
      resets: 60,
      overruns: 40,
      waits: 0,
      wait_ms: null,
    });
    expect(engine.metrics.subscriptions[1]).toMatchObject({
      mode: "data-driven",
      signals: 60,
      waits: 60,
      overruns: 0,
    });
    const free = run(bars, smaCross, {}, { fast: 2, slow: 5 });
    expect([...equity]).toEqual([...free.equity]);
    expect(engine.closedTrades).toEqual(free.trades);
  });

  test("that keeps up never overruns", () => {
    const { engine, publish } = followed();
    for (let step = 0; step < length; step++) {
      publish(step);
      engine.advance(controlAt(OPEN));
    }
    expect(published(engine)).toMatchObject({ signals: 60, resets: 60, overruns: 0 });
  });

  test("tells how far it is behind, in steps and in ms since they were published", () => {
    const { engine, lag, tick, publish } = followed();
    publish(0);
    tick(5);
    publish(1);
    publish(2);
    tick(7);
    engine.advance(controlAt(OPEN));
    expect(lag.lag).toEqual({ bars: 0, ms: 7, max_bars: 2, max_ms: 12 });
  });

  test("times every step", () => {
    const { engine, publish } = followed();
    for (let step = 0; step < length; step++) publish(step);
    engine.advance(controlAt(OPEN));
    expect([engine.metrics.processor?.samples, engine.metrics.analysis?.samples]).toEqual([60, 60]);
  });

  test("paused, holds what is published until it is let go, and counts it", () => {
    const { engine, publish } = followed();
    publish(0);
    engine.advance(controlAt(OPEN));
    publish(1);
    publish(2);
    expect([engine.advance(controlAt(0)), engine.next]).toEqual(["limit", 1]);
    expect([engine.advance(controlAt(2)), engine.next]).toEqual(["limit", 2]);
    expect([engine.advance(controlAt(OPEN)), engine.next]).toEqual(["limit", 3]);
    expect(published(engine)).toMatchObject({ signals: 3, overruns: 1 });
  });

  test("stops for who wants to look at it, before the next step", () => {
    const { engine, publish } = followed();
    publish(0);
    const control = controlAt(OPEN);
    control[WANT] = LOOK;
    expect([engine.advance(control), engine.next]).toEqual(["limit", 0]);
    control[WANT] = 0;
    expect([engine.advance(control), engine.next]).toEqual(["limit", 1]);
  });
});

describe("a breakpoint", () => {
  const hours = Array.from({ length: 20 }, (_, i) => (i < 10 ? 100 + i : 118 - i));
  const bars = barsOf(hours);
  /** Where a run stops by itself, and what it says it hit, until its end. */
  const stops = (breakpoints: Breakpoint[], strategy = script({}), of = bars) => {
    const { engine } = engineOf(of, strategy);
    engine.breakpoints = breakpoints;
    const hits: [number, Breakpoint["kind"] | undefined][] = [];
    let stop = engine.advance(null);
    while (stop === "break") {
      hits.push([engine.next, engine.hit?.kind]);
      stop = engine.advance(null);
    }
    expect([stop, engine.next]).toEqual(["end", of.length]);
    return hits;
  };

  test("at a time stops before the first bar at or after it, once", () => {
    expect(stops([{ kind: "time", at: START + 4 * HOUR }])).toEqual([[4, "time"]]);
    expect(stops([{ kind: "time", at: START + 4 * HOUR + 1 }])).toEqual([[5, "time"]]);
    expect(stops([{ kind: "time", at: 0 }])).toEqual([[0, "time"]]);
    expect(stops([{ kind: "time", at: START + 20 * HOUR }])).toEqual([]);
  });

  test("at a number of trades stops after the bar on which so many are closed, once", () => {
    // In at 2 and out at 4, in at 6 and out at 8.
    const twice = script({
      1: (ctx) => void ctx.buy({ size: 1 }),
      3: (ctx) => ctx.position.close(),
      5: (ctx) => void ctx.buy({ size: 1 }),
      7: (ctx) => ctx.position.close(),
    });
    const at = (count: number): Breakpoint => ({ kind: "trades", count });
    expect(stops([at(1)], twice)).toEqual([[5, "trades"]]);
    expect(stops([at(2)], twice)).toEqual([[9, "trades"]]);
    expect(stops([at(2), at(1)], twice)).toEqual([
      [5, "trades"],
      [9, "trades"],
    ]);
    expect(stops([at(3)], twice)).toEqual([]);
  });

  test("at a fill stops after the next bar on which anything is filled, once", () => {
    const twice = script({ 1: (ctx) => void ctx.buy({ size: 1 }), 5: (ctx) => void ctx.buy({ size: 1 }) });
    expect(stops([{ kind: "fill" }], twice)).toEqual([[3, "fill"]]);
    expect(stops([{ kind: "fill" }])).toEqual([]);
  });

  test("at a drawdown stops after the bar on which equity is so far below its peak, once", () => {
    // 90 units bought at 101 come to 10,720 at 109, the peak; to 5.04 % less at 103, on bar 15, and 5.9 % less on bar 16.
    const held = script({ 1: (ctx) => void ctx.buy({ size: 90 }) });
    expect(stops([{ kind: "drawdown", fraction: 0.05 }], held)).toEqual([[16, "drawdown"]]);
    expect(stops([{ kind: "drawdown", fraction: 0.055 }], held)).toEqual([[17, "drawdown"]]);
    expect(stops([{ kind: "drawdown", fraction: 0.5 }], held)).toEqual([]);
  });

  test("of each kind are all come to, in the order of time", () => {
    const trade = script({ 1: (ctx) => void ctx.buy({ size: 1 }), 3: (ctx) => ctx.position.close() });
    const asked: Breakpoint[] = [
      { kind: "trades", count: 1 },
      { kind: "time", at: START + 12 * HOUR },
      { kind: "fill" },
    ];
    expect(stops(asked, trade)).toEqual([
      [3, "fill"],
      [5, "trades"],
      [12, "time"],
    ]);
  });

  test("changes no bit of what the run comes to", () => {
    const bars = makeBars(400, 5);
    const params = { fast: 3, slow: 8 };
    const { engine, equity } = engineOf(bars, smaCross, {}, params);
    engine.breakpoints = [
      { kind: "trades", count: 3 },
      { kind: "fill" },
      { kind: "time", at: bars.time[200] as number },
    ];
    let broken = 0;
    while (engine.advance(null) === "break") broken++;
    engine.finish();
    const whole = run(bars, smaCross, {}, params);
    expect(broken).toBe(3);
    expect([...equity]).toEqual([...whole.equity]);
    expect(engine.closedTrades).toEqual(whole.trades);
  });

  test("at the gate's limit gives way to it, and is still there", () => {
    const { engine } = engineOf(bars, script({}));
    engine.breakpoints = [{ kind: "time", at: START + 4 * HOUR }];
    expect([engine.advance(controlAt(4)), engine.hit]).toEqual(["limit", undefined]);
    const control = controlAt(OPEN);
    expect([engine.advance(control), control[NEXT]]).toEqual(["break", 4]);
  });
});
