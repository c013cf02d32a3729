import { describe, expect, test } from "bun:test";
import { closeDecimals } from "../../../src/backtest/core/bars.ts";
import { civilFromDays, daysFromCivil, formatTime } from "../../../src/backtest/core/calendar.ts";
import { type Statistics, statistics } from "../../../src/backtest/core/statistics.ts";
import { makeBars } from "../../bench/bars.ts";
import { barsOf, run, script } from "./run.ts";

const DAY = 86_400_000;

/** The statistics of a run without trades whose equity and bar times are given. */
function of(equity: readonly number[], time: (i: number) => number): Statistics {
  const bars = { ...barsOf(equity), time: Float64Array.from(equity, (_, i) => time(i)) };
  return statistics({ bars, equity: Float64Array.from(equity), trades: [], warmup: 0 });
}

const monday = daysFromCivil(2018, 1, 1) * DAY;

describe("statistics", () => {
  test("that aren't defined are null, not NaN or Infinity", () => {
    const bars = barsOf([10, 10, 10, 10]);
    const { engine, equity, trades } = run(bars, script({}));
    expect(statistics({ bars, equity, trades, warmup: engine.warmup })).toEqual({
      trades: 0,
      equity_final: 10_000,
      equity_peak: 10_000,
      return_pct: 0,
      return_ann_pct: null,
      volatility_ann_pct: null,
      cagr_pct: 0,
      sharpe: null,
      sortino: null,
      calmar: null,
      max_drawdown_pct: 0,
      win_rate_pct: null,
      profit_factor: null,
      expectancy_pct: null,
      sqn: null,
      exposure_pct: 0,
      best_trade_pct: null,
      worst_trade_pct: null,
      avg_trade_pct: null,
      buy_hold_return_pct: 0,
    });
  });

  test("of no bars and of fewer than the warm-up are null, not a crash", () => {
    for (const length of [0, 1, 5]) {
      const found = statistics({
        bars: makeBars(length),
        equity: new Float64Array(length).fill(1000),
        trades: [],
        warmup: 19,
      });
      expect(found.buy_hold_return_pct).toBeNull();
      expect(found.equity_final).toBe(length === 0 ? null : 1000);
    }
  });

  test("of an account that lost everything are defined where they can be", () => {
    const found = of([1000, 800, 0, 0, 0], (i) => monday + i * DAY);
    expect(found).toMatchObject({
      return_pct: -100,
      max_drawdown_pct: -100,
      cagr_pct: -100,
      return_ann_pct: 0,
    });
  });

  test("tell the deepest fall from a peak", () => {
    const found = of([100, 120, 90, 110, 99, 130], (i) => monday + i * DAY);
    expect(found.max_drawdown_pct).toBe(-25);
    expect(found.equity_peak).toBe(130);
  });

  test.each([
    [
      "daily bars of weekdays as 252 days a year",
      252,
      (i: number) => monday + (i + 2 * Math.floor(i / 5)) * DAY,
    ],
    ["daily bars with weekends as 365 days", 365, (i: number) => monday + i * DAY],
    ["weekly bars as 52 weeks", 52, (i: number) => monday + i * 7 * DAY],
    [
      "monthly bars as 12 months",
      12,
      (i: number) => daysFromCivil(2018 + Math.floor(i / 12), 1 + (i % 12), 28) * DAY,
    ],
    ["yearly bars as they are", 1, (i: number) => daysFromCivil(2000 + i, 12, 31) * DAY],
  ])("take %s", (_, perYear, time) => {
    const equity = Array.from({ length: 40 }, (_, i) => 1000 * 1.01 ** i);
    expect(of(equity, time).return_ann_pct).toBeCloseTo((1.01 ** perYear - 1) * 100, 6);
  });

  test("take the last equity of each calendar day, and no day without bars", () => {
    // Thursday to Tuesday; on each day the last bar counts.
    const bars = [
      [3.9, 1000],
      [4.1, 7],
      [4.9, 1010],
      [7.1, 9],
      [7.9, 1020.1],
      [8.9, 1030.301],
    ] as const;
    const found = of(
      bars.map(([, equity]) => equity),
      (i) => monday + (bars[i]?.[0] as number) * DAY,
    );
    expect(found.return_ann_pct).toBeCloseTo((1.01 ** 252 - 1) * 100, 6);
  });

  test("count a bar inside several trades once", () => {
    const bars = barsOf(Array(10).fill(10));
    const { equity, trades } = run(
      bars,
      script({
        1: (ctx) => ctx.buy({ size: 1 }),
        2: (ctx) => ctx.buy({ size: 1 }),
        4: (ctx) => ctx.position.close(),
        7: (ctx) => ctx.buy({ size: 1 }),
      }),
      { finalize: true },
    );
    // Bars 2 to 5, and 8 to 9.
    expect(statistics({ bars, equity, trades, warmup: 0 }).exposure_pct).toBe(60);
  });
});

describe("dates", () => {
  test("are those of the calendar, back and forth", () => {
    for (let days = -800_000; days < 800_000; days += 97) {
      const { year, month, day } = civilFromDays(days);
      expect(daysFromCivil(year, month, day)).toBe(days);
      expect(new Date(days * DAY).toISOString()).toContain(
        `-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}T`,
      );
    }
  });

  test("are told to the minute, with seconds when there are any", () => {
    expect(formatTime(monday)).toBe("2018-01-01 00:00");
    expect(formatTime(monday - 1000)).toBe("2017-12-31 23:59:59");
  });
});

test.each([
  [[1, 2, 3], 0],
  [[1.5, 2.25, 3], 2],
  [[1e-7, 1], 7],
  [[1.07219, 1.1], 5],
  [[1 / 3], -1],
  [[1_234_567_890_123.123], -1],
])("the decimals of %p are %p", (close, decimals) => {
  expect(closeDecimals(Float64Array.from(close))).toBe(decimals);
});
