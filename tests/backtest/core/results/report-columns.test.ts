import { expect, test } from "bun:test";
import fc from "fast-check";
import { packColumn } from "../../../../src/backtest/core/results/report-columns.ts";

/** What the page reads, by the rule in packColumn's comment, in whole numbers without bounds. */
function unpack({ bytes, length, scale }: ReturnType<typeof packColumn>): number[] {
  let at = 0;
  let n = 0n;
  return Array.from({ length }, () => {
    let code = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes[at++] ?? 0);
      code |= (byte & 127n) << shift;
      if (byte < 128n) break;
    }
    if (code === 0n) return Number.NaN;
    const zigzag = code - 1n;
    n += zigzag % 2n === 0n ? zigzag / 2n : -(zigzag + 1n) / 2n;
    return Number(n) / scale;
  });
}

test("prices, times and gaps come back as they were", () => {
  const price = fc.integer({ min: -(10 ** 9), max: 10 ** 9 }).map((n) => n / 1e5);
  const time = fc.integer({ min: 0, max: 4e12 });
  const column = fc.oneof(
    ...[price, time].map((value) => fc.array(fc.oneof(value, fc.constant(Number.NaN)))),
  );
  fc.assert(
    fc.property(column, (values) => {
      expect(unpack(packColumn(Float64Array.from(values)))).toEqual(values.map((value) => value + 0));
    }),
  );
});

test("what no short fraction stands for keeps nine digits of the largest", () => {
  const values = fc.array(
    fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map((n) => (Math.abs(n) < 1e-200 ? 0 : n)),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(values, (all) => {
      const largest = Math.max(...all.map(Math.abs));
      const back = unpack(packColumn(Float64Array.from(all)));
      for (const [n, value] of all.entries()) {
        expect(Math.abs((back[n] ?? Number.NaN) - value)).toBeLessThanOrEqual(largest * 1e-8);
      }
    }),
  );
});

test("what can't be drawn is a gap, and what is nearly nothing is nothing", () => {
  const values = [1.5, Number.POSITIVE_INFINITY, Number.NaN, Number.NEGATIVE_INFINITY, 2.5];
  expect(unpack(packColumn(Float64Array.from(values)))).toEqual([
    1.5,
    Number.NaN,
    Number.NaN,
    Number.NaN,
    2.5,
  ]);
  expect(unpack(packColumn(Float64Array.of(5e-324)))).toEqual([0]);
  expect(unpack(packColumn(new Float64Array(0)))).toEqual([]);
});

test("a minute's prices take two bytes or fewer each, evenly spaced times three", () => {
  const prices = Float64Array.from(
    { length: 1000 },
    (_, n) => Math.round((1.1 + Math.sin(n) / 1000) * 1e5) / 1e5,
  );
  expect(packColumn(prices).bytes.length).toBeLessThan(2010);
  const times = Float64Array.from({ length: 1000 }, (_, n) => Date.UTC(2020, 0, 1) + n * 60_000);
  expect(packColumn(times).bytes.length).toBeLessThan(3010);
});
