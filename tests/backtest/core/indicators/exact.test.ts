import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Bars } from "../../../../src/backtest/core/bars.ts";
import { crossesAbove, crossesBelow } from "../../../../src/backtest/core/indicators/series.ts";
import type { Line, Series } from "../../../../src/backtest/core/strategy.ts";
import { random } from "../../../bench/bars.ts";
import { barsOf, cut, seriesOf, valuesOf } from "./along.ts";

type Weights = (length: number) => readonly bigint[];
const equal: Weights = (length) => Array.from({ length }, () => 1n);
const linear: Weights = (length) => Array.from({ length }, (_, i) => BigInt(i + 1));

/** An average by its definition, as a fraction of whole numbers: [numerator, denominator], at the bar `i`. */
function average(units: readonly bigint[], weights: readonly bigint[], i: number): [bigint, bigint] {
  const window = units.slice(i - weights.length + 1, i + 1);
  return [
    window.reduce((sum, unit, k) => sum + unit * (weights[k] as bigint), 0n),
    weights.reduce((sum, weight) => sum + weight, 0n),
  ];
}

/** Whether a double is one of those nearest to `numerator / denominator`, both positive. */
function isNearest(value: number, numerator: bigint, denominator: bigint): boolean {
  // In units of a quarter of the last bit, all of it whole.
  const exponent = Math.floor(Math.log2(value)) - 54;
  const scaled = (x: number): bigint => BigInt(x * 2 ** -exponent);
  const exact =
    exponent < 0
      ? [numerator << BigInt(-exponent), denominator]
      : [numerator, denominator << BigInt(exponent)];
  const away = scaled(value) * (exact[1] as bigint) - (exact[0] as bigint);
  return (away < 0n ? -away : away) <= 2n * (exact[1] as bigint);
}

/** The bars at which what `declare` gives crosses, as a strategy sees them. */
function crosses(bars: Bars, declare: (series: Series) => [Line, Line | number], above = true): number[] {
  const { series, streaming } = seriesOf(bars);
  const [a, b] = declare(series);
  const found: number[] = [];
  for (let i = 0; i < bars.length; i++) {
    for (const each of streaming) each.update(bars, i);
    if (above ? crossesAbove(a, b) : crossesBelow(a, b)) found.push(i);
  }
  return found;
}

/** Where the first of two averages crosses above the second, from the definition. */
function crossesByDefinition(
  units: readonly bigint[],
  [fast, fastLength]: [Weights, number],
  [slow, slowLength]: [Weights, number],
): number[] {
  const [a, b] = [fast(fastLength), slow(slowLength)];
  const difference = (i: number) => {
    const [sum, count] = average(units, a, i);
    const [otherSum, otherCount] = average(units, b, i);
    return sum * otherCount - otherSum * count;
  };
  const found: number[] = [];
  for (let i = Math.max(fastLength, slowLength); i < units.length; i++) {
    if (difference(i - 1) < 0n && difference(i) > 0n) found.push(i);
  }
  return found;
}

const smas =
  (fast: number, slow: number) =>
  ({ sma }: Series): [Line, Line] => [sma(fast), sma(slow)];

describe("an average", () => {
  test("is the mean of the last closes, at this bar and the one before", () => {
    const bars = barsOf([1.1, 1.2, 1.3, 1.7]);
    const { series, streaming } = seriesOf(bars);
    const mean = series.sma(2);
    const seen = [0, 1, 2, 3].map((i) => {
      for (const each of streaming) each.update(bars, i);
      return [mean.previous, mean.value];
    });
    expect(seen).toEqual([
      [Number.NaN, Number.NaN],
      [Number.NaN, 1.15],
      [1.15, 1.25],
      [1.25, 1.5],
    ]);
  });

  test("of one bar is its close to the bit, whatever its digits", () => {
    for (const close of [
      [1.07219, 0.1, 123.456],
      [1 / 7, 1 / 3, 98765.4321],
      [1e-7, 3e-7, 12],
      [123456789012.25, 98765432109.5, 1],
      [5e-324, 1, 2],
    ]) {
      expect(valuesOf(barsOf(close), ({ sma }) => sma(1)).slice(-2)).toEqual(close.slice(-2));
      expect(valuesOf(barsOf(close), ({ wma }) => wma(1)).slice(-2)).toEqual(close.slice(-2));
    }
  });

  test("is the double nearest to its exact value, however wide its sums are", () => {
    // Prices of 1 … 49 bits, some runs of them much wider than those before, and prices of 49 bits throughout: sums get
    // too wide for a double on the way.
    const unit = fc.integer({ min: 0, max: 48 }).chain((bits) => fc.integer({ min: 1, max: 2 ** bits }));
    const wide = fc.integer({ min: 2 ** 48, max: 2 ** 49 });
    const prices = fc.oneof(
      fc.array(unit, { minLength: 2, maxLength: 60 }),
      fc.array(wide, { minLength: 40, maxLength: 60 }),
    );
    fc.assert(
      fc.property(
        prices,
        fc.integer({ min: 0, max: 22 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(["sma", equal] as const, ["wma", linear] as const),
        (units, decimals, length, [name, weights]) => {
          const bars = { ...barsOf(units.map((each) => each / 10 ** decimals)), decimals };
          const values = valuesOf(bars, (series) => series[name](length));
          for (let i = length - 1; i < units.length; i++) {
            const [sum, count] = average(units.map(BigInt), weights(length), i);
            expect(isNearest(values[i] as number, sum, count * 10n ** BigInt(decimals))).toBe(true);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test("rounds once: what is just above the middle of two doubles goes up", () => {
    // 10,007 whole numbers about 2 ** 53 with a mean of 2 ** 53 + 1 + 1 / 10,007; the doubles there are two apart.
    const close = Array.from({ length: 10_007 }, (_, i) => 2 ** 53 + (i < 5004 ? 2 : 0));
    expect(valuesOf(barsOf(close), ({ sma }) => sma(10_007)).at(-1)).toBe(2 ** 53 + 2);
  });

  test("is of another column, with that column's decimals", () => {
    const bars = barsOf([1, 2, 3], { high: [1.25, 2.5, 3.125], volume: [0.3, 0.1, 0.2] });
    expect(valuesOf(bars, ({ sma }) => sma(2, "high"))[2]).toBe(2.8125);
    expect(valuesOf(bars, ({ wma }) => wma(2, "volume"))[2]).toBe(1 / 6);
  });

  test("is the same over bars that are still coming in, whose highest close isn't known", () => {
    const close = [1.25, 2.5, 9e12, 3.75, 1e13, 2.25, 7.5];
    const whole = { ...barsOf(close), decimals: 2 };
    const bars = { ...cut(whole, 0) };
    const { series, streaming } = seriesOf(bars);
    const lines = [
      series.sma(3),
      series.wma(3),
      series.stddev(3),
      series.sma(2, "high"),
      series.sma(2, "volume"),
    ];
    const seen = close.map((_, i) => {
      Object.assign(bars, cut(whole, i + 1));
      for (const each of streaming) each.update(bars, i);
      return lines.map((line) => line.value);
    });
    const wanted = [
      valuesOf(whole, ({ sma }) => sma(3)),
      valuesOf(whole, ({ wma }) => wma(3)),
      valuesOf(whole, ({ stddev }) => stddev(3)),
      valuesOf(whole, ({ sma }) => sma(2, "high")),
      valuesOf(whole, ({ sma }) => sma(2, "volume")),
    ];
    expect(seen).toEqual(close.map((_, i) => wanted.map((values) => values[i] as number)));
  });
});

describe("a standard deviation", () => {
  test("is the root of the exact variance, through jumps, and 0 where nothing moves", () => {
    const units = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 46 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 12 }),
      ),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(units, fc.integer({ min: 1, max: 12 }), (runs, length) => {
        // Runs of prices about some level, which jumps from run to run.
        const next = random(runs.length);
        const all = runs.flatMap(([bits, spread, bars]) =>
          Array.from({ length: bars }, () => Math.floor(2 ** bits + next() * spread)),
        );
        const values = valuesOf({ ...barsOf(all.map((unit) => unit / 100)), decimals: 2 }, ({ stddev }) =>
          stddev(length),
        );
        for (let i = length - 1; i < all.length; i++) {
          const window = all.slice(i - length + 1, i + 1).map(BigInt);
          const sum = window.reduce((a, b) => a + b, 0n);
          const squares = window.reduce((a, b) => a + b * b, 0n);
          const variance = Number(BigInt(length) * squares - sum * sum);
          expect(values[i]).toBe(Math.sqrt(variance) / (length * 100));
        }
      }),
    );
  });

  test("is exact on the doubles themselves when prices have more digits than decimals can say", () => {
    const close = [2 ** -40, 3, 2 ** 20 + 2 ** -32, 2 ** 20 + 3 * 2 ** -32, 2 ** 20 - 2 ** -33, 2 ** 20];
    const values = valuesOf(barsOf(close), ({ stddev }) => stddev(2));
    // Of two values it is half their distance.
    for (let i = 1; i < close.length; i++) {
      expect(values[i]).toBe(Math.abs((close[i] as number) - (close[i - 1] as number)) / 2);
    }
  });

  test("is right for prices far above what they vary by", () => {
    const close = [1e9 + 0.25, 1e9 + 0.75, 1e9 + 0.25, 1e9 + 0.75];
    expect(valuesOf(barsOf(close), ({ stddev }) => stddev(4))[3]).toBe(0.25);
  });
});

describe("a cross", () => {
  test("isn't seen where two averages are equal but their means in floating point are not", () => {
    const close = [0.2, 0.1, 0.3, 0.2];
    expect((0.1 + 0.3 + 0.2) / 3).toBeGreaterThan(0.2); // and below the last close one bar earlier
    expect(crosses(barsOf(close), smas(3, 1))).toEqual([]);
    expect(crosses(barsOf([0.2, 0.1, 0.3, 0.19]), smas(3, 1))).toEqual([3]);
  });

  test("is exact on many ties, where means in floating point go wrong", () => {
    const next = random(3);
    // Few different prices make the averages tie every few bars.
    const units = Array.from({ length: 5000 }, () => 1 + Math.floor(next() * 3));
    const close = units.map((unit) => unit / 10);
    const wanted = crossesByDefinition(units.map(BigInt), [equal, 3], [equal, 6]);
    expect(crosses(barsOf(close), smas(3, 6))).toEqual(wanted);
    // Below is above the other way round.
    expect(crosses(barsOf(close), smas(6, 3), false)).toEqual(wanted);

    const mean = (n: number, i: number) => close.slice(i - n + 1, i + 1).reduce((a, b) => a + b, 0) / n;
    const naive: number[] = [];
    for (let i = 6; i < close.length; i++) {
      if (mean(3, i - 1) < mean(6, i - 1) && mean(3, i) > mean(6, i)) naive.push(i);
    }
    expect(naive).not.toEqual(wanted);
  });

  test("is exact between simple and weighted averages and Bollinger's middle", () => {
    const next = random(6);
    const units = Array.from({ length: 2000 }, () => 1 + Math.floor(next() * 3));
    const bars = barsOf(units.map((unit) => unit / 10));
    const all = units.map(BigInt);
    expect(crosses(bars, ({ wma, sma }) => [wma(4), sma(5)])).toEqual(
      crossesByDefinition(all, [linear, 4], [equal, 5]),
    );
    expect(crosses(bars, ({ wma, bollinger }) => [wma(4), bollinger(5).middle])).toEqual(
      crossesByDefinition(all, [linear, 4], [equal, 5]),
    );
  });

  test("is exact when prices have so many digits that sums or their products pass 2 ** 53", () => {
    const next = random(4);
    const units = Array.from({ length: 2000 }, () => 1 + Math.floor(next() * 3));
    // 15 digits: sums fit a double up to 18 bars, their products with the other's length don't.
    const base = 500_000_000_000_000;
    const close = units.map((unit) => (base + unit) / 1000);
    const all = units.map((unit) => BigInt(base + unit));
    for (const [fast, slow] of [
      [5, 7],
      [60, 300],
      [200, 1500],
    ] as const) {
      const wanted = crossesByDefinition(all, [equal, fast], [equal, slow]);
      expect(crosses(barsOf(close), smas(fast, slow))).toEqual(wanted);
    }
  });

  test("is exact on the doubles themselves when prices have more digits than that", () => {
    const next = random(5);
    const units = Array.from({ length: 1000 }, () => 1 + Math.floor(next() * 3));
    const bars = barsOf(units.map((unit) => 1 + unit * 2 ** -45));
    expect(bars.decimals).toBe(-1);
    expect(crosses(bars, smas(3, 6))).toEqual(crossesByDefinition(units.map(BigInt), [equal, 3], [equal, 6]));
  });

  test("is exact between columns of different decimals", () => {
    const next = random(7);
    const units = Array.from({ length: 1000 }, () => 1 + Math.floor(next() * 3));
    // Volumes with two decimals, closes with one: the same numbers, but for one that needs the second.
    const bars = barsOf(
      units.map((unit) => unit / 10),
      { volume: [0.01, ...units.slice(1).map((unit) => unit / 10)] },
    );
    const wanted = crossesByDefinition(units.slice(1).map(BigInt), [equal, 3], [equal, 6]).map((i) => i + 1);
    const found = crosses(bars, ({ sma }) => [sma(3, "volume"), sma(6)]);
    expect(found.filter((i) => i > 7)).toEqual(wanted.filter((i) => i > 7));
  });

  test("isn't seen where an average only touches a number, or a line another", () => {
    expect(crosses(barsOf([1, 2, 3]), ({ sma }) => [sma(1), 2])).toEqual([]);
    expect(crosses(barsOf([1, 3, 2, 4]), ({ sma }) => [sma(1), 2])).toEqual([1]);
    expect(crosses(barsOf([4, 3, 2, 1, 3, 1]), ({ sma }) => [sma(1), 2], false)).toEqual([5]);
    expect(
      crosses(barsOf([1, 3, 2], { high: [2, 3, 2] }), ({ sma, donchian }) => [sma(1), donchian(1).upper]),
    ).toEqual([]);
    expect(crosses(barsOf([1, 3, 2, 4]), ({ ema, sma }) => [ema(1), sma(2)])).toEqual([3]);
  });

  test("isn't seen before both have had a value on the bar before", () => {
    expect(crosses(barsOf([1, 1, 9, 1, 9]), smas(1, 3))).toEqual([4]);
    expect(crosses(barsOf([1e13, 1e13, 9e13, 1e13, 9e13].map((x) => x / 4)), smas(1, 3))).toEqual([4]);
  });

  test("is between lines that were declared, or one and a number", () => {
    const { series } = seriesOf(barsOf([1, 2, 3]));
    const line = { value: 1, previous: 1 };
    expect(() => crossesAbove(line, series.sma(2))).toThrow(
      "lines declared in init, or a line and a number, not { value, previous }",
    );
    expect(() => crossesBelow(series.ema(2), undefined as unknown as Line)).toThrow("not undefined");
    expect(() => crossesAbove(series.macd() as unknown as Line, 0)).toThrow(
      "not { macd, signal, histogram }",
    );
  });
});
