import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { candleChart, type Mark } from "../../../src/backtest/tui/candles.ts";
import { overlay, returnsOf } from "../../../src/backtest/tui/overlay.ts";
import { columnsOf, headText, rowText } from "../../../src/backtest/tui/trades.ts";
import { cells } from "../../../src/kernel/tui/text.ts";
import { trade } from "../views.ts";

/** Candles of [open, high, low, close], a ms apart. */
const of = (...bars: readonly (readonly [number, number, number, number])[]) => ({
  symbol: "X",
  time: bars.map((_, i) => i),
  open: bars.map(([open]) => open),
  high: bars.map(([, high]) => high),
  low: bars.map(([, , low]) => low),
  close: bars.map(([, , , close]) => close),
});
const texts = (chart: { rows: readonly { text: string }[] }) => chart.rows.map(({ text }) => text);

describe("candles", () => {
  test("one that rose is a line and one that fell a block, with wicks, told apart without colour", () => {
    // Three rows are six halves: 0 at the bottom, 5 at the top.
    const chart = candleChart(of([1, 5, 0, 4], [4, 5, 0, 1]), 2, 3, { marks: [] });
    expect(texts(chart)).toEqual(["╽▄", "┃█", "╿▀"]);
    expect(chart.rows[1]?.tones).toEqual(["running", "failed"]);
    expect(chart).toMatchObject({ first: 0, end: 2, low: 0, high: 5 });
  });
  test("entries stand below their candles and exits above, those of shorts hollow", () => {
    const marks: Mark[] = [
      { time: 0, kind: "entry", long: true, chosen: false },
      { time: 1, kind: "exit", long: true, chosen: true },
      { time: 1, kind: "entry", long: false, chosen: false },
      { time: 2, kind: "exit", long: false, chosen: false },
      { time: 9, kind: "entry", long: true, chosen: false },
    ];
    const bar = [1, 2, 1, 2] as const;
    const chart = candleChart(of(bar, bar, bar), 3, 4, { marks });
    expect(texts(chart)).toEqual([" ▼▽", "┃┃┃", "┃┃┃", "▲△ "]);
    expect(chart.rows[0]?.tones).toEqual(["plain", "selected", "plain"]);
  });
  test("of more than there are columns for the newest are drawn, or those that are looked at", () => {
    const bars = Array.from({ length: 10 }, (_, i) => [i, i + 1, i, i + 1] as const);
    expect(candleChart(of(...bars), 4, 5, { marks: [] })).toMatchObject({ first: 6, end: 10, high: 10 });
    expect(candleChart(of(...bars), 4, 5, { marks: [], end: 6 })).toMatchObject({
      first: 2,
      end: 6,
      high: 6,
    });
    expect(candleChart(of(...bars), 4, 5, { marks: [], end: 1 })).toMatchObject({ first: 0, end: 4 });
  });
  test("there is a line at the price of what is held, behind them", () => {
    const chart = candleChart(of([0, 4, 0, 4]), 3, 2, { marks: [], level: 4 });
    expect(texts(chart)).toEqual(["┃╌╌", "┃  "]);
    expect(texts(candleChart(of([0, 4, 0, 4]), 3, 2, { marks: [], level: 9 }))).toEqual(["┃  ", "┃  "]);
  });
  test("whatever the prices and the room, each row is as wide as asked", () => {
    const price = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
    const bar = fc.array(price, { minLength: 4, maxLength: 4 }).map(([a = 1, b = 1, c = 1, d = 1]) => {
      const bounds = [Math.max(a, b, c, d), Math.min(a, b, c, d)] as const;
      return [a, ...bounds, d] as const;
    });
    fc.assert(
      fc.property(
        fc.array(bar, { maxLength: 40 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 12 }),
        fc.option(fc.integer({ min: -3, max: 50 }), { nil: undefined }),
        (bars, width, height, end) => {
          const { rows } = candleChart(of(...bars), width, height, { marks: [], end, level: 1 });
          return (
            rows.length === height &&
            rows.every(({ text, tones }) => cells(text) === width && tones.length === width)
          );
        },
      ),
    );
  });
});

describe("two curves in one chart", () => {
  test("each is in per cent of its start, and a letter stands where it ends", () => {
    expect(returnsOf([200, 300, 100])).toEqual([0, 50, -50]);
    const { rows, min, max } = overlay({ a: [0, 50], b: [0, -50] }, { a: 1, b: 1 }, 13, 4);
    expect({ min, max }).toEqual({ min: -50, max: 50 });
    expect(texts({ rows }).map((text) => text.slice(-2))).toEqual(["A ", "  ", "  ", " B"]);
    expect(rows[0]?.tones[9]).toBe("selected");
    expect(rows[3]?.tones[9]).toBe("waiting");
    // They begin together.
    expect(rows.some(({ text, tones }) => text[0] !== " " && tones[0] === "plain")).toBe(true);
  });
  test("what a run under way hasn't come to is left free", () => {
    const { rows } = overlay({ a: [0, 50], b: [] }, { a: 0.5, b: 1 }, 23, 2);
    for (const { text } of rows) expect(text.slice(10, 20).trim()).toBe("");
  });
  test("without a value there is no line and no failure", () => {
    expect(overlay({ a: [], b: [] }, { a: 1, b: 1 }, 10, 2)).toMatchObject({ min: 0, max: 0 });
  });
});

test("the table of trades leaves out what matters least where it is narrow", () => {
  const one = trade(3, { tag: "breakout", why: "sl", symbol: "EURUSD" });
  const head = (width: number, several = false) => headText(columnsOf(width, several));
  expect(head(118, true)).toBe(
    "  SYMBOL   SIDE        SIZE ENTERED               ENTRY LEFT                   EXIT         PNL WHY    TAG",
  );
  expect(head(78)).toContain("WHY");
  expect(head(78)).not.toContain("TAG");
  expect(head(58)).toMatch(/SIDE +SIZE +LEFT +EXIT +PNL/);
  for (const width of [58, 78, 118, 200]) {
    for (const several of [false, true]) {
      const columns = columnsOf(width, several);
      expect(cells(rowText(one, columns, 5, true))).toBeLessThanOrEqual(width);
    }
  }
});
