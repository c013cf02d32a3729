import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type { Bars } from "../../../../src/backtest/core/bars.ts";
import type { Series } from "../../../../src/backtest/core/strategy.ts";
import { Derived, derivedBars, isDerived, resample } from "../../../../src/backtest/core/time/derived.ts";
import { type Hours, parseTimeframe, type Timeframe } from "../../../../src/backtest/core/time/timeframe.ts";
import { TradingCalendar } from "../../../../src/backtest/core/time/trading-calendar.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const of = (text: string): Timeframe => parseTimeframe(text) as Timeframe;
const at = (text: string) => Date.parse(text);
const utc = new TradingCalendar({ timezone: "UTC", hours: null });
const column = (rows: number) => new Float64Array(rows);

type Row = [time: number, open: number, high: number, low: number, close: number, volume: number];

function barsOf(rows: readonly Row[]): Bars {
  const nth = (n: number) => Float64Array.from(rows, (row) => row[n] as number);
  return {
    length: rows.length,
    time: nth(0),
    open: nth(1),
    high: nth(2),
    low: nth(3),
    close: nth(4),
    volume: nth(5),
    decimals: 0,
  };
}

const rowAt = (bars: Bars, i: number): Row => [
  bars.time[i] as number,
  bars.open[i] as number,
  bars.high[i] as number,
  bars.low[i] as number,
  bars.close[i] as number,
  bars.volume[i] as number,
];
const rowsOf = (bars: Bars): Row[] => Array.from({ length: bars.length }, (_, i) => rowAt(bars, i));

/** Bars at these times: the n-th opens at 10n, goes 5 up and n down, closes at 10n + 1, and trades n + 1. */
const steps = (times: readonly (string | number)[]): Bars =>
  barsOf(
    times.map((time, n) => [
      typeof time === "string" ? at(time) : time,
      100 + 10 * n,
      105 + 10 * n,
      100 + 9 * n,
      101 + 10 * n,
      n + 1,
    ]),
  );

const every = (step: number, from: string, count: number): Bars =>
  steps(Array.from({ length: count }, (_, n) => at(from) + n * step));

describe("derived bars", () => {
  const sample = (): Bars => {
    const path = "../../../../src/backtest/sample/EURUSD.csv";
    const lines = readFileSync(new URL(path, import.meta.url), "utf8")
      .trim()
      .split("\n")
      .slice(1);
    return barsOf(
      lines.map((line) => {
        const [time = "", ...prices] = line.split(",");
        return [at(`${time}Z`), ...prices.map(Number)] as Row;
      }),
    );
  };

  // Reference case G3: the averages of 4h closes that the reference saw at the entry and the exit of each trade.
  test("of four hours are those of the reference, at the hours at which it saw them", () => {
    const bars = sample();
    const derived = new Derived(bars, of("4h"), utc);
    const averages = Array.from({ length: bars.length }, (_, i) => {
      derived.update(bars, i);
      const { close, length } = derived.bars;
      const mean = (n: number) =>
        close.subarray(length - n, length).reduce((sum, price) => sum + price, 0) / n;
      return { fast: length < 10 ? Number.NaN : mean(10), slow: length < 20 ? Number.NaN : mean(20) };
    });
    const wanted = readFileSync(
      new URL("../../reference/G3_eurusd_4h_sma.trades.csv", import.meta.url),
      "utf8",
    )
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","));
    expect(wanted).toHaveLength(72);
    for (const row of wanted) {
      const [entry, exit] = [averages[Number(row[2])], averages[Number(row[3])]];
      const [entryFast, exitFast, entrySlow, exitSlow] = row.slice(15).map(Number) as [
        number,
        number,
        number,
        number,
      ];
      expect(entry?.fast).toBeCloseTo(entryFast, 12);
      expect(exit?.fast).toBeCloseTo(exitFast, 12);
      expect(entry?.slow).toBeCloseTo(entrySlow, 12);
      expect(exit?.slow).toBeCloseTo(exitSlow, 12);
    }
  });

  test("show on the first bar stamped at or after their right edge, and not before", () => {
    const base = every(HOUR, "2024-01-02T00:00Z", 9);
    const derived = new Derived(base, of("4h"), utc);
    const shown = Array.from({ length: 9 }, (_, i) => [derived.update(base, i), derived.bars.length]);
    expect(shown.map(([now]) => now)).toEqual([false, false, false, false, true, false, false, false, true]);
    expect(shown.map(([, length]) => length)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2]);
    expect(rowsOf(derived.bars)).toEqual([
      [at("2024-01-02T00:00Z"), 100, 135, 100, 131, 10],
      [at("2024-01-02T04:00Z"), 140, 175, 136, 171, 26],
    ]);
  });

  test("a hole makes no empty bars: what ran before it shows after it", () => {
    const base = steps(["2024-01-05T20:00Z", "2024-01-05T21:00Z", "2024-01-08T00:30Z", "2024-01-08T04:00Z"]);
    const derived = new Derived(base, of("4h"), utc);
    expect([0, 1, 2, 3].map((i) => derived.update(base, i))).toEqual([false, false, true, true]);
    expect(rowsOf(derived.bars).map(([time]) => time)).toEqual([
      at("2024-01-05T20:00Z"),
      at("2024-01-08T00:00Z"),
    ]);
  });

  test("of hours outside trading there are none, and they are in none", () => {
    const hours: Hours = {
      open: "09:30",
      close: "16:00",
      days: [1, 2, 3, 4, 5],
      holidays: ["2024-11-28"],
      early: { "2024-11-29": "13:00" },
    };
    const newYork = new TradingCalendar({ timezone: "America/New_York", hours });
    // Half hours around the clock from Wednesday before Thanksgiving to Monday noon, New York's time.
    const base = every(30 * MINUTE, "2024-11-27T05:00Z", 5 * 48 + 24);
    const days = new Derived(base, of("1d"), newYork);
    const weeks = new Derived(base, of("1w"), newYork);
    const seen: string[] = [];
    for (let i = 0; i < base.length; i++) {
      const time = new Date(base.time[i] as number).toISOString().slice(5, 16);
      if (days.update(base, i)) seen.push(`1d ${time}`);
      if (weeks.update(base, i)) seen.push(`1w ${time}`);
    }
    expect(seen).toEqual(["1d 11-27T21:00", "1d 11-29T18:00", "1w 11-29T18:00"]);
    const volume = (from: string, to: string) => {
      let sum = 0;
      for (let i = 0; i < base.length; i++) {
        const time = base.time[i] as number;
        if (time >= at(from) && time < at(to)) sum += base.volume[i] as number;
      }
      return sum;
    };
    const [wednesday = 0, friday = 0] = [
      volume("2024-11-27T14:30Z", "2024-11-27T21:00Z"),
      volume("2024-11-29T14:30Z", "2024-11-29T18:00Z"),
    ];
    expect(rowsOf(days.bars).map((row) => [row[0], row[5]])).toEqual([
      [at("2024-11-27T14:30Z"), wednesday],
      [at("2024-11-29T14:30Z"), friday],
    ]);
    expect(rowsOf(weeks.bars).map((row) => [row[0], row[5]])).toEqual([
      [at("2024-11-27T14:30Z") - 2 * 24 * HOUR, wednesday + friday],
    ]);
  });

  test("go on when the base grows, and so do their columns", () => {
    const whole = every(HOUR, "2024-01-01T00:00Z", 1000);
    const base = { ...whole, length: 0, time: column(0), decimals: 0 };
    const derived = new Derived(base, of("2h"), utc);
    const { bars } = derived;
    for (let i = 0; i < whole.length; i++) {
      Object.assign(base, { length: i + 1, time: whole.time.slice(0, i + 1), decimals: i < 100 ? 0 : 2 });
      derived.update(base, i);
    }
    expect(derived.bars).toBe(bars);
    expect(bars.decimals).toBe(2);
    expect(rowsOf(bars)).toEqual(rowsOf(resample(whole, of("2h"), utc, column)).slice(0, 499));
  });
});

describe("bars joined whole", () => {
  test("the last one is kept, its edge come or not", () => {
    const joined = resample(every(HOUR, "2024-01-02T02:00Z", 3), of("4h"), utc, column);
    expect(rowsOf(joined)).toEqual([
      [at("2024-01-02T00:00Z"), 100, 115, 100, 111, 3],
      [at("2024-01-02T04:00Z"), 120, 125, 118, 121, 3],
    ]);
  });

  test("lie on the memory that they are given", () => {
    const shared = (rows: number) => new Float64Array(new SharedArrayBuffer(rows * 8));
    const joined = resample(every(MINUTE, "2024-01-02T00:00Z", 100), of("5m"), utc, shared);
    expect(joined.length).toBe(20);
    expect(joined.close).toHaveLength(20);
    expect(joined.close.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test("of nothing there is nothing", () => {
    expect(resample(steps([]), of("1d"), utc, column).length).toBe(0);
  });
});

describe("what a strategy sees of derived bars", () => {
  const series = { sma: () => ({ value: 1, previous: 0 }) } as unknown as Series;
  const base = every(HOUR, "2024-01-02T00:00Z", 10);

  test("counts back from the newest, and grows as they come", () => {
    const derived = new Derived(base, of("4h"), utc);
    const seen = derivedBars(derived, series);
    expect(seen.timeframe).toBe("4h");
    expect(seen.length).toBe(0);
    for (let i = 0; i < 9; i++) derived.update(base, i);
    expect(seen.length).toBe(2);
    expect([seen.time(), seen.open(), seen.high(), seen.low(), seen.close(), seen.volume()]).toEqual(
      rowAt(derived.bars, 1),
    );
    expect(seen.close(1)).toBe(131);
    expect(seen.sma(10).value).toBe(1);
  });

  test("has no bar of the future, nor one before the first", () => {
    const derived = new Derived(base, of("4h"), utc);
    const seen = derivedBars(derived, series);
    expect(() => seen.close()).toThrow(RangeError);
    for (let i = 0; i < 9; i++) derived.update(base, i);
    expect(() => seen.close(-1)).toThrow("asked for a 4h bar of the future: 1 after the newest");
    expect(() => seen.close(2)).toThrow("asked for 4h bar 2 back from the newest, but there are 2");
    expect(() => seen.close(0.5)).toThrow("bars ago must be a whole number, not 0.5");
  });

  test("is told from other indicators, and nothing can be put on it", () => {
    const seen = derivedBars(new Derived(base, of("4h"), utc), series);
    expect([seen, {}, { ...seen }, null, 4, "4h"].map(isDerived)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(() => Object.assign(seen, { mine: 1 })).toThrow(TypeError);
  });
});

const zones = ["UTC", "America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"];
const hours: fc.Arbitrary<Hours | null> = fc.constantFrom<(Hours | null)[]>(
  null,
  {
    open: "09:30",
    close: "16:00",
    days: [1, 2, 3, 4, 5],
    holidays: ["2024-03-29"],
    early: { "2024-03-28": "12:15" },
  },
  { open: "18:00", close: "17:00", days: [1, 2, 3, 4, 5], holidays: [], early: { "2024-04-02": "13:00" } },
);
/** Bars at random steps, of up to two days, around the weeks in which clocks change in March and April 2024. */
const someBars: fc.Arbitrary<Bars> = fc
  .tuple(
    fc.integer({ min: 0, max: 35 * 24 * 4 }),
    fc.array(
      fc.tuple(
        fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 8 }) }, fc.integer({ min: 9, max: 192 })),
        fc.array(fc.integer({ min: 1, max: 999 }), { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 0, max: 99 }),
      ),
      { minLength: 1, maxLength: 150 },
    ),
  )
  .map(([from, list]) => {
    let time = at("2024-03-05T00:00Z") + from * 15 * MINUTE;
    return barsOf(
      list.map(([step, prices, volume]) => {
        time += step * 15 * MINUTE;
        const [open = 0, close = 0] = prices;
        return [time, open, Math.max(...prices), Math.min(...prices), close, volume];
      }),
    );
  });
const setting = fc.record({
  bars: someBars,
  timeframe: fc.constantFrom("15m", "1h", "4h", "5h", "1d", "1w", "1mo").map(of),
  calendar: fc.tuple(fc.constantFrom(...zones), hours).map(([timezone, of]) => ({ timezone, hours: of })),
});
const RUNS = { numRuns: 150 };

function whatShows(bars: Bars, timeframe: Timeframe, calendar: TradingCalendar): Row[][] {
  const derived = new Derived(bars, timeframe, calendar);
  const list: Row[][] = [];
  for (let i = 0; i < bars.length; i++) {
    const before = derived.bars.length;
    const shown = derived.update(bars, i);
    expect(derived.bars.length - before).toBe(shown ? 1 : 0);
    list.push(shown ? rowsOf(derived.bars) : (list[i - 1] ?? []));
  }
  return list;
}

test("property: cutting off the future changes nothing that showed before the cut", () => {
  fc.assert(
    fc.property(setting, fc.nat(), ({ bars, timeframe, calendar }, seed) => {
      const cut = 1 + (seed % bars.length);
      const whole = whatShows(bars, timeframe, new TradingCalendar(calendar));
      const before = barsOf(rowsOf(bars).slice(0, cut));
      expect(whatShows(before, timeframe, new TradingCalendar(calendar))).toEqual(whole.slice(0, cut));
    }),
    RUNS,
  );
});

test("property: each bar is in one longer bar, the one its open lies in, and all of it is there", () => {
  fc.assert(
    fc.property(setting, ({ bars, timeframe, calendar: asked }) => {
      const calendar = new TradingCalendar(asked);
      // The same by another way: grouped by left edge, all at once.
      const groups = Map.groupBy(rowsOf(bars), ([time]) => calendar.binOf(timeframe, time)?.start ?? null);
      groups.delete(null);
      const wanted = [...groups].map(([start, rows]) => [
        start,
        rows[0]?.[1],
        Math.max(...rows.map((row) => row[2])),
        Math.min(...rows.map((row) => row[3])),
        rows.at(-1)?.[4],
        rows.reduce((sum, row) => sum + row[5], 0),
      ]);
      const joined = rowsOf(resample(bars, timeframe, calendar, column));
      expect(joined).toEqual(wanted as Row[]);
      // What shows is that, but for the newest while its edge hasn't come.
      const shown = whatShows(bars, timeframe, new TradingCalendar(asked));
      for (let i = 0; i < bars.length; i++) {
        const now = bars.time[i] as number;
        const due = joined.filter(([time]) => (calendar.binOf(timeframe, time)?.end ?? 0) <= now);
        expect(shown[i]?.map(([time]) => time)).toEqual(due.map(([time]) => time));
      }
    }),
    RUNS,
  );
});
