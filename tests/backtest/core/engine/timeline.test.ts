import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { firstAtLeast, timelineOf } from "../../../../src/backtest/core/engine/timeline.ts";
import { at } from "../run.ts";

const START = Number.NEGATIVE_INFINITY;
const times = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 30 });
const joins = fc.option(fc.integer({ min: 0, max: 40 }), { nil: START });

/** All the times there are, sorted, each once. */
const union = (columns: readonly (readonly number[])[]): number[] =>
  [...new Set(columns.flat())].toSorted((a, b) => a - b);

describe("the steps of a run", () => {
  test("are the times at which any symbol has a bar, once each, a symbol's from when it joined", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ times, joined: joins }), { minLength: 1, maxLength: 4 }),
        (symbols) => {
          const found = timelineOf(symbols.map(({ times, joined }) => ({ bars: at(times), joined })));
          const seen = symbols.map(({ times, joined }) => times.filter((time) => time >= joined));
          expect([...found]).toEqual(union(seen));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("of one symbol, and of symbols with the same times, are that very column", () => {
    const bars = at([1, 2, 3]);
    const same = at([1, 2, 3]);
    expect(timelineOf([{ bars, joined: START }]).buffer).toBe(bars.time.buffer);
    const both = [
      { bars, joined: START },
      { bars: same, joined: START },
    ];
    expect(timelineOf(both).buffer).toBe(bars.time.buffer);
  });

  test("lie on the memory that they are given when they are merged", () => {
    let asked = 0;
    const time = timelineOf(
      [
        { bars: at([1, 3]), joined: START },
        { bars: at([2, 3, 4]), joined: START },
      ],
      (bytes) => {
        asked = bytes;
        return new SharedArrayBuffer(bytes);
      },
    );
    expect([...time]).toEqual([1, 2, 3, 4]);
    expect([asked, time.buffer instanceof SharedArrayBuffer]).toEqual([32, true]);
  });

  test("of no symbol, and of symbols without bars, are none", () => {
    expect(timelineOf([])).toHaveLength(0);
    expect(timelineOf([{ bars: at([]), joined: START }])).toHaveLength(0);
    expect(timelineOf([{ bars: at([1, 2]), joined: 3 }])).toHaveLength(0);
  });
});

test("the first place of at least a value is where a search from the left finds it", () => {
  fc.assert(
    fc.property(times, fc.integer({ min: -1, max: 41 }), (column, value) => {
      const sorted = union([column]);
      const wanted = sorted.findIndex((time) => time >= value);
      const found = firstAtLeast(Float64Array.from(sorted), sorted.length, value);
      expect(found).toBe(wanted < 0 ? sorted.length : wanted);
    }),
  );
});
