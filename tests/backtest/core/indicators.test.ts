import { describe, expect, test } from "bun:test";
import { PriceScale } from "../../../src/backtest/core/indicators.ts";
import { Processor } from "../../../src/backtest/core/processor.ts";
import type { Sma } from "../../../src/backtest/core/strategy.ts";
import { makeBars, random } from "../../bench/bars.ts";
import { barsOf, run } from "./run.ts";

/** The bars at which one average crosses above another, as a strategy sees them. */
function crosses(close: readonly number[], fast: number, slow: number): number[] {
  const found: number[] = [];
  run(barsOf(close), {
    init: ({ sma }) => ({ indicators: { fast: sma(fast), slow: sma(slow) } }),
    onBar(ctx) {
      const { fast, slow } = ctx.indicators as { fast: Sma; slow: Sma };
      if (ctx.crossesAbove(fast, slow)) found.push(ctx.index);
    },
  });
  return found;
}

/** The same from the definition, over prices that are whole numbers of `10 ** -decimals`. */
function crossesByDefinition(units: readonly bigint[], fast: number, slow: number): number[] {
  const sum = (n: number, i: number) => units.slice(i - n + 1, i + 1).reduce((a, b) => a + b, 0n);
  const difference = (i: number) => sum(fast, i) * BigInt(slow) - sum(slow, i) * BigInt(fast);
  const found: number[] = [];
  for (let i = Math.max(fast, slow); i < units.length; i++) {
    if (difference(i - 1) < 0n && difference(i) > 0n) found.push(i);
  }
  return found;
}

describe("a simple moving average", () => {
  test("is the mean of the last closes, at this bar and the one before", () => {
    const seen: number[][] = [];
    run(barsOf([1.1, 1.2, 1.3, 1.7]), {
      init: ({ sma }) => ({ indicators: { mean: sma(2) } }),
      onBar: ({ indicators }) => {
        const { mean } = indicators as { mean: Sma };
        seen.push([mean.length, mean.previous, mean.value]);
      },
    });
    expect(seen).toEqual([
      [2, 1.15, 1.25],
      [2, 1.25, 1.5],
    ]);
  });

  test("doesn't drift: after many bars it is what it would be computed afresh", () => {
    const bars = makeBars(20_000);
    const running = new Processor(bars);
    const mean = running.sma(7);
    running.seek(6);
    for (let i = 7; i < bars.length; i++) running.update(i);
    const fresh = new Processor(bars);
    const again = fresh.sma(7);
    fresh.seek(bars.length - 1);
    expect(mean.value).toBe(again.value);
  });

  test("of one bar is its close to the bit, whatever its digits", () => {
    for (const close of [
      [1.07219, 0.1, 123.456],
      [1 / 7, 1 / 3, 98765.4321],
      [1e-7, 3e-7, 12],
      [123456789012.25, 98765432109.5, 1],
    ]) {
      const processor = new Processor(barsOf(close));
      const mean = processor.sma(1);
      for (const [i, price] of close.entries()) {
        processor.seek(i);
        expect(mean.value).toBe(price);
      }
    }
  });

  test("wants a whole number of bars", () => {
    const processor = new Processor(barsOf([1, 2, 3]));
    for (const length of [0, -1, 1.5, Number.NaN, Infinity]) {
      expect(() => processor.sma(length)).toThrow("a whole number of bars, at least 1");
    }
  });

  test("can't be moved by a strategy", () => {
    const mean = new Processor(barsOf([1, 2, 3])).sma(2);
    expect(Object.keys(mean)).toEqual([]);
    expect("update" in mean).toBe(false);
  });
});

describe("a cross", () => {
  test("isn't seen where two averages are equal but their means in floating point are not", () => {
    const close = [0.2, 0.1, 0.3, 0.2];
    expect((0.1 + 0.3 + 0.2) / 3).toBeGreaterThan(0.2); // and below the last close one bar earlier
    expect(crosses(close, 3, 1)).toEqual([]);
    expect(crosses([0.2, 0.1, 0.3, 0.19], 3, 1)).toEqual([3]);
  });

  test("is exact on many ties, where means in floating point go wrong", () => {
    const next = random(3);
    // Few different prices make the averages tie every few bars.
    const units = Array.from({ length: 5000 }, () => 1 + Math.floor(next() * 3));
    const close = units.map((unit) => unit / 10);
    const wanted = crossesByDefinition(units.map(BigInt), 3, 6);
    expect(crosses(close, 3, 6)).toEqual(wanted);

    const mean = (n: number, i: number) => close.slice(i - n + 1, i + 1).reduce((a, b) => a + b, 0) / n;
    const naive: number[] = [];
    for (let i = 6; i < close.length; i++) {
      if (mean(3, i - 1) < mean(6, i - 1) && mean(3, i) > mean(6, i)) naive.push(i);
    }
    expect(naive).not.toEqual(wanted);
  });

  test("is exact when prices have so many digits that sums or their products pass 2 ** 53", () => {
    const next = random(4);
    const units = Array.from({ length: 2000 }, () => 1 + Math.floor(next() * 3));
    // 14 digits: sums fit a double up to 9 bars, products with a length don't.
    const base = 40_000_000_000_000;
    const close = units.map((unit) => (base + unit) / 1000);
    expect(new PriceScale(barsOf(close)).factor).toBe(1000);
    for (const [fast, slow] of [
      [3, 6],
      [60, 300],
      [200, 1500],
    ] as const) {
      const wanted = crossesByDefinition(
        units.map((unit) => BigInt(base + unit)),
        fast,
        slow,
      );
      expect(crosses(close, fast, slow)).toEqual(wanted);
    }
  });

  test("is exact on the doubles themselves when prices have more digits than that", () => {
    const next = random(5);
    const units = Array.from({ length: 1000 }, () => 1 + Math.floor(next() * 3));
    const close = units.map((unit) => 1 + unit * 2 ** -45);
    const bars = barsOf(close);
    expect(bars.decimals).toBe(-1);
    expect(crosses(close, 3, 6)).toEqual(crossesByDefinition(units.map(BigInt), 3, 6));
  });

  test("is only between averages that sma() made", () => {
    const strategy = {
      init: () => ({}),
      onBar: (ctx: { crossesAbove(a: Sma, b: Sma): boolean }) => {
        ctx.crossesAbove({ length: 1, value: 1, previous: 1 }, { length: 1, value: 1, previous: 1 });
      },
    };
    expect(() => run(barsOf([1, 2, 3]), strategy)).toThrow("declared with sma() in init");
  });
});
