import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FeedOrder } from "../../../../src/backtest/core/engine/live-feed.ts";

const bar = (symbol: string, time: number) => ({
  symbol,
  time,
  open: 1,
  high: 1,
  low: 1,
  close: 1,
  volume: 0,
});
const feed = (newest: Record<string, number>) => new FeedOrder(new Map(Object.entries(newest)));
const FRESH = Number.NEGATIVE_INFINITY;
const NONE = { received: 0, late: 0, doubled: 0, out_of_order: 0, refused: 0 };

describe("a feed's bar", () => {
  test("that follows its symbol's newest is worked", () => {
    const order = feed({ A: FRESH, B: 50 });
    expect([
      order.take(bar("A", 60)) === null,
      order.take(bar("B", 60)) === null,
      order.take(bar("A", 61)) === null,
    ]).toEqual([true, true, true]);
    expect(order.counts).toEqual({ ...NONE, received: 3 });
  });

  test("with the time of its symbol's newest is doubled, and not worked", () => {
    const order = feed({ A: 10 });
    expect([
      order.take(bar("A", 10)) === null,
      order.take(bar("A", 11)) === null,
      order.take(bar("A", 11)) === null,
    ]).toEqual([false, true, false]);
    expect(order.counts).toEqual({ ...NONE, received: 3, doubled: 2 });
  });

  test("from before its symbol's newest is out of order, and not worked", () => {
    const order = feed({ A: 10 });
    expect([
      order.take(bar("A", 9)) === null,
      order.take(bar("A", 12)) === null,
      order.take(bar("A", 11)) === null,
    ]).toEqual([false, true, false]);
    expect(order.counts).toEqual({ ...NONE, received: 3, out_of_order: 2 });
  });

  test("from before another symbol's newest is late, and worked", () => {
    const order = feed({ A: 10, B: 20 });
    expect([order.take(bar("A", 15)) === null, order.take(bar("A", 20)) === null]).toEqual([true, true]);
    expect(order.counts).toEqual({ ...NONE, received: 2, late: 1 });
  });

  test("of a symbol that the run doesn't have is refused, as is a line that is no bar", () => {
    const order = feed({ A: 10 });
    expect(order.take(bar("C", 15)) === null).toBe(false);
    order.refuse();
    expect(order.counts).toEqual({ ...NONE, received: 2, refused: 2 });
  });
});

test("whatever comes, a symbol's worked bars ascend, and all that came is counted", () => {
  const bars = fc.array(fc.tuple(fc.constantFrom("A", "B", "C"), fc.integer({ min: 0, max: 20 })), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(bars, (came) => {
      const order = feed({ A: FRESH, B: 5 });
      const worked: Record<string, number> = { B: 5 };
      let count = 0;
      for (const [symbol, time] of came) {
        if (order.take(bar(symbol, time)) !== null) continue;
        expect(time).toBeGreaterThan(worked[symbol] ?? FRESH);
        worked[symbol] = time;
        count++;
      }
      const { received, doubled, out_of_order, refused } = order.counts;
      expect([received, doubled + out_of_order + refused + count]).toEqual([came.length, came.length]);
    }),
  );
});
