import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Bars } from "../../../../src/backtest/core/bars.ts";
import { linesOf } from "../../../../src/backtest/core/indicators/series.ts";
import type { Column, DerivedBars } from "../../../../src/backtest/core/strategy.ts";
import { along, barsOf, cut, everyIndicator, HOUR, seriesOf, valuesOf } from "./along.ts";

/** Bars of prices with two decimals; some don't move at all, some have no volume. */
const someBars: fc.Arbitrary<Bars> = fc
  .array(
    fc.record({
      low: fc.integer({ min: 100, max: 130 }),
      range: fc.integer({ min: 0, max: 6 }),
      open: fc.double({ min: 0, max: 1, noNaN: true }),
      close: fc.double({ min: 0, max: 1, noNaN: true }),
      volume: fc.integer({ min: 0, max: 4 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((made) => {
    const within = ({ low, range }: { low: number; range: number }, share: number) =>
      (low + Math.round(range * share)) / 100;
    return barsOf(
      made.map((bar) => within(bar, bar.close)),
      {
        open: made.map((bar) => within(bar, bar.open)),
        high: made.map((bar) => within(bar, 1)),
        low: made.map((bar) => within(bar, 0)),
        volume: made.map((bar) => bar.volume),
      },
    );
  });

describe("every indicator", () => {
  for (const [name, declare] of Object.entries(everyIndicator)) {
    describe(name, () => {
      test("says of the bar before what it said at that bar", () => {
        fc.assert(
          fc.property(someBars, (bars) => {
            for (const { values, previous } of Object.values(along(bars, declare).lines)) {
              expect(previous).toEqual([Number.NaN, ...values.slice(0, -1)]);
            }
          }),
          { numRuns: 25 },
        );
      });

      test("says the same of a bar whatever comes after it", () => {
        fc.assert(
          fc.property(someBars, fc.nat(60), (bars, most) => {
            const length = Math.min(most, bars.length);
            const whole = along(bars, declare).lines;
            for (const [line, { values }] of Object.entries(along(cut(bars, length), declare).lines)) {
              expect(values).toEqual(whole[line]?.values.slice(0, length) ?? []);
            }
          }),
          { numRuns: 25 },
        );
      });

      test("has a number for each line from the bar on that it says, and not before", () => {
        fc.assert(
          fc.property(someBars, (bars) => {
            const { lines, warmup } = along(bars, declare);
            const tracks = Object.values(lines);
            for (let i = 0; i < bars.length; i++) {
              expect(tracks.every(({ values }) => Number.isFinite(values[i]))).toBe(i >= warmup);
            }
          }),
          { numRuns: 25 },
        );
      });

      test("hasn't moved since, once it is settled", () => {
        const bars = barsOf([1, 4, 2, 8, 5, 7, 3, 9, 6, 11], {
          high: [12, 12, 13, 14, 15, 16, 16, 17, 12, 18],
        });
        const { series, streaming } = seriesOf(bars);
        const lines = linesOf(declare(series));
        for (let i = 0; i < bars.length; i++) for (const each of streaming) each.update(bars, i);
        const values = lines.map(([, line]) => line.value);
        for (const each of streaming) each.settle();
        expect(lines.map(([, line]) => line.previous)).toEqual(values);
        expect(lines.map(([, line]) => line.value)).toEqual(values);
      });

      test("can be read by a strategy, not moved or added to", () => {
        const { series } = seriesOf(barsOf([1, 2, 3]));
        const indicator = declare(series);
        expect(Object.isFrozen(indicator)).toBe(true);
        for (const [, line] of linesOf(indicator)) {
          expect(Object.isFrozen(line)).toBe(true);
          expect(["update", "settle", "sum"].some((word) => word in line)).toBe(false);
        }
      });
    });
  }
});

describe("what is declared", () => {
  test("is told in its order", () => {
    const { series, streaming } = seriesOf(barsOf([1, 2, 3]));
    series.sma(5);
    series.adx(3);
    series.obv();
    expect(streaming.map(({ warmup }) => warmup)).toEqual([4, 5, 0]);
  });

  test("has lengths of whole bars, and columns that bars have", () => {
    const { series, streaming } = seriesOf(barsOf([1, 2, 3]));
    for (const length of [0, -1, 1.5, Number.NaN, Infinity, 1e9, "5" as unknown as number]) {
      for (const name of [
        "sma",
        "ema",
        "wma",
        "rsi",
        "atr",
        "adx",
        "donchian",
        "cci",
        "roc",
        "stddev",
        "bollinger",
      ] as const) {
        expect(() => series[name](length)).toThrow("a whole number of bars, at least 1");
      }
      expect(() => series.macd(2, 4, length)).toThrow(RangeError);
      expect(() => series.stochastic(3, length)).toThrow(RangeError);
    }
    expect(() => series.bollinger(20, 0)).toThrow("some deviations, above 0, not 0");
    expect(() => series.sma(2, "price" as Column)).toThrow(
      "bars have open, high, low, close, volume, but no price",
    );
    expect(streaming).toEqual([]);
  });

  test("is found again by the names of its lines; derived bars have none", () => {
    const { series } = seriesOf(barsOf([1, 2, 3]));
    const namesOf = (indicator: Parameters<typeof linesOf>[0]) => linesOf(indicator).map(([name]) => name);
    expect(namesOf(series.sma(2))).toEqual([""]);
    expect(namesOf(series.adx())).toEqual(["", "plus", "minus"]);
    expect(namesOf(series.macd())).toEqual(["macd", "signal", "histogram"]);
    expect(namesOf(series.bollinger())).toEqual(["upper", "middle", "lower"]);
    expect(namesOf(series.stochastic())).toEqual(["k", "d"]);
    expect(namesOf({ ...series, timeframe: "4h", length: 0 } as DerivedBars)).toEqual([]);
  });
});

describe("Donchian's channel", () => {
  test("is the highest and the lowest of its bars, however long it is", () => {
    fc.assert(
      fc.property(someBars, fc.integer({ min: 1, max: 70 }), (bars, length) => {
        const { upper, lower, middle } = along(bars, ({ donchian }) => donchian(length)).lines;
        for (let i = length - 1; i < bars.length; i++) {
          const high = Math.max(...bars.high.slice(i - length + 1, i + 1));
          const low = Math.min(...bars.low.slice(i - length + 1, i + 1));
          expect([upper?.values[i], lower?.values[i], middle?.values[i]]).toEqual([
            high,
            low,
            (high + low) / 2,
          ]);
        }
      }),
    );
  });
});

describe("VWAP", () => {
  test("weighs the typical price by volume and begins again with the day", () => {
    const bars = barsOf([10, 13, 20, 30], {
      time: [22 * HOUR, 23 * HOUR, 24 * HOUR, 25 * HOUR],
      high: [12, 14, 20, 33],
      low: [8, 12, 20, 27],
      volume: [1, 2, 5, 5],
    });
    // Typical: 10, 13 | 20, 30. (10 + 2 · 13) / 3 = 12; (5 · 20 + 5 · 30) / 10 = 25.
    expect(valuesOf(bars, ({ vwap }) => vwap())).toEqual([10, 12, 20, 25]);
  });

  test("is the typical price until something is traded in the day", () => {
    const bars = barsOf([10, 13, 20], { volume: [0, 0, 2] });
    expect(valuesOf(bars, ({ vwap }) => vwap())).toEqual([10, 13, 20]);
  });
});

describe("where nothing moves", () => {
  const flat = barsOf(Array.from({ length: 12 }, () => 1.1));
  test("oscillators are 0, as TA-Lib's, and bands have no width", () => {
    const last = (declare: (typeof everyIndicator)["sma"]) =>
      Object.values(along(flat, declare).lines).map(({ values }) => values.at(-1));
    for (const name of ["rsi", "atr", "cci", "roc", "stddev"] as const)
      expect(last(everyIndicator[name])).toEqual([0]);
    expect(last(everyIndicator.adx)).toEqual([0, 0, 0]);
    expect(last(everyIndicator.stochastic)).toEqual([0, 0]);
    expect(last(everyIndicator.bollinger)).toEqual([1.1, 1.1, 1.1]);
  });
});
