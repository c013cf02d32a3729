import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Bars, closeDecimals } from "../../../../src/backtest/core/bars.ts";
import type { ClosedTrade } from "../../../../src/backtest/core/broker/account.ts";
import {
  completeStatistics,
  type Statistics,
  statistics,
  type Traded,
} from "../../../../src/backtest/core/results/statistics.ts";
import { civilFromDays, daysFromCivil, formatTime } from "../../../../src/backtest/core/time/calendar.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const monday = daysFromCivil(2018, 1, 1) * DAY;

function barsAt(time: readonly number[], close: readonly number[]): Bars {
  const column = Float64Array.from(close);
  return {
    length: close.length,
    time: Float64Array.from(time),
    open: column,
    high: column,
    low: column,
    close: column,
    volume: column,
    decimals: -1,
  };
}

const traded = (symbol: string, bars: Bars, warmup = 0): Traded => ({ symbol, bars, warmup });

function trade(of: Partial<ClosedTrade>): ClosedTrade {
  return {
    symbol: 0,
    size: 1,
    entryBar: 0,
    exitBar: 0,
    entryTime: 0,
    exitTime: 0,
    entryPrice: 10,
    exitPrice: 10,
    pnl: 0,
    commission: 0,
    borrow: 0,
    returnFraction: 0,
    mae: 0,
    mfe: 0,
    why: "order",
    tag: null,
    ...of,
  };
}

type Run = Parameters<typeof statistics>[0];

/** The statistics of a run whose equity and step times are given; its one symbol closes as its equity does. */
function of(equity: readonly number[], time: (i: number) => number, more: Partial<Run> = {}): Statistics {
  const bars = barsAt(
    equity.map((_, i) => time(i)),
    equity,
  );
  return statistics({
    symbols: [traded("X", bars)],
    time: bars.time,
    equity: Float64Array.from(equity),
    trades: [],
    timezone: "UTC",
    benchmark: null,
    ...more,
  });
}

const hourly = (i: number) => monday + i * HOUR;
const daily = (i: number) => monday + i * DAY;

describe("statistics", () => {
  test("tell of trades that are held at the end how many, and what of the equity is theirs", () => {
    // 1000 → 1070: 20 of it by the closed trade, the rest by those that are open.
    const { trades, open_trades, open_pnl } = of([1000, 1020, 1070], daily, {
      trades: [trade({ pnl: 20, exitBar: 1 })],
      open: 2,
    });
    expect({ trades, open_trades, open_pnl }).toEqual({ trades: 1, open_trades: 2, open_pnl: 50 });
  });
  test("that aren't defined are null, not NaN or Infinity", () => {
    const bars = barsAt([0, 1, 2, 3].map(hourly), [10, 10, 10, 10]);
    const none = { trades: 0, pnl: 0, win_rate_pct: null, profit_factor: null, commissions: 0 };
    expect(of([1000, 1000, 1000, 1000], hourly, { symbols: [traded("X", bars)] })).toEqual({
      trades: 0,
      open_trades: 0,
      open_pnl: 0,
      equity_final: 1000,
      equity_peak: 1000,
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
      benchmark_return_pct: null,
      alpha_pct: null,
      beta: null,
      start: monday,
      end: monday + 3 * HOUR,
      duration_ms: 3 * HOUR,
      avg_drawdown_pct: null,
      max_drawdown_duration_ms: null,
      avg_drawdown_duration_ms: null,
      max_trade_duration_ms: null,
      avg_trade_duration_ms: null,
      kelly: null,
      commissions: 0,
      borrow: 0,
      turnover_ann: 0,
      avg_mae_pct: null,
      avg_mfe_pct: null,
      long: none,
      short: none,
      per_symbol: [{ symbol: "X", ...none, exposure_pct: 0, buy_hold_return_pct: 0 }],
      monthly_returns: [{ year: 2018, month: 1, return_pct: 0 }],
    });
  });

  test("of no bars and of fewer than the warm-up are null, not a crash", () => {
    for (const length of [0, 1, 5]) {
      const equity = Array(length).fill(1000);
      const bars = barsAt(
        equity.map((_, i) => hourly(i)),
        equity,
      );
      const found = of(equity, hourly, { symbols: [traded("X", bars, 19)] });
      expect(found.buy_hold_return_pct).toBeNull();
      expect(found.equity_final).toBe(length === 0 ? null : 1000);
    }
  });

  test("of an account that lost everything are defined where they can be", () => {
    expect(of([1000, 800, 0, 0, 0], daily)).toMatchObject({
      return_pct: -100,
      max_drawdown_pct: -100,
      cagr_pct: -100,
      return_ann_pct: 0,
    });
  });

  test("tell the deepest fall from a peak", () => {
    const found = of([100, 120, 90, 110, 99, 130], daily);
    expect(found.max_drawdown_pct).toBe(-25);
    expect(found.equity_peak).toBe(130);
  });

  test("tell drawdowns from the last peak to the next one, or to the end", () => {
    // Down from the second hour to the fifth (−50 %), even for an hour, down from the sixth to the end (−20 %).
    const found = of([80, 100, 50, 60, 100, 100, 90, 80], hourly);
    expect(found.avg_drawdown_pct).toBeCloseTo(-35, 12);
    expect(found.max_drawdown_duration_ms).toBe(3 * HOUR);
    // (3 h + 2 h) / 2, rounded up to whole hours.
    expect(found.avg_drawdown_duration_ms).toBe(3 * HOUR);
  });

  test("don't count a fall on the very last bar as a drawdown that lasted", () => {
    const found = of([100, 101, 90], hourly);
    expect([found.avg_drawdown_pct, found.max_drawdown_duration_ms]).toEqual([null, null]);
    expect(found.max_drawdown_pct).toBeCloseTo((90 / 101 - 1) * 100, 12);
  });

  test.each([
    ["daily bars of weekdays as 252 days a year", 252, (i: number) => daily(i + 2 * Math.floor(i / 5))],
    ["daily bars with weekends as 365 days", 365, daily],
    ["weekly bars as 52 weeks", 52, (i: number) => daily(i * 7)],
    [
      "monthly bars as 12 months",
      12,
      (i: number) => daysFromCivil(2018 + Math.floor(i / 12), 1 + (i % 12), 28) * DAY,
    ],
    ["yearly bars as they are", 1, (i: number) => daysFromCivil(2000 + i, 12, 31) * DAY],
    ["days before 1970 as any others", 365, (i: number) => (i - 5000) * DAY],
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

  test("take the days of the timezone, through the change of its clocks", () => {
    // Half an hour after and before each midnight of New York, whose clocks change on Sunday, 2018-03-11.
    const days = Array.from({ length: 14 }, (_, i) =>
      Temporal.ZonedDateTime.from("2018-03-05T00:30[America/New_York]").add({ days: i }),
    );
    const times = days.flatMap((day) => [day, day.with({ hour: 23 })]).map((at) => at.epochMilliseconds);
    const equity = days.flatMap((_, i) => [990, 1000 * 1.01 ** i]);
    const volatility = (timezone: string) =>
      of(equity, (i) => times[i] as number, { timezone }).volatility_ann_pct;
    // Each day ends 1 % higher.
    expect(volatility("America/New_York")).toBeCloseTo(0, 6);
    // With the offset of the winter, days end at 990 from Sunday on.
    expect(volatility("-05:00")).toBeGreaterThan(10);
  });

  test("tell the return of each month of the timezone, and what a month without bars leaves over", () => {
    const at = ["2018-01-10", "2018-01-31", "2018-02-15", "2018-04-02", "2018-05-01T01:00"];
    const times = at.map((text) => Date.parse(text.includes("T") ? `${text}Z` : `${text}T12:00Z`));
    const equity = [100, 110, 99, 108.9, 100];
    const months = (timezone: string) =>
      of(equity, (i) => times[i] as number, { timezone }).monthly_returns.map(
        ({ year, month, return_pct }) => [year, month, Number(return_pct.toFixed(9))],
      );
    const first = [
      [2018, 1, 10],
      [2018, 2, -10],
    ];
    const may = Number(((100 / 108.9 - 1) * 100).toFixed(9));
    expect(months("UTC")).toEqual([...first, [2018, 4, 10], [2018, 5, may]]);
    // In New York the last bar is still April's.
    const april = Number(((100 / 99 - 1) * 100).toFixed(9));
    expect(months("America/New_York")).toEqual([...first, [2018, 4, april]]);
  });

  test("count a bar inside several trades once", () => {
    const trades = [trade({ entryBar: 8, exitBar: 9 }), trade({ entryBar: 3, exitBar: 5 })];
    trades.push(trade({ entryBar: 2, exitBar: 5 }));
    // Bars 2 to 5, and 8 to 9.
    expect(of(Array(10).fill(10), hourly, { trades }).exposure_pct).toBe(60);
  });

  test("of several symbols count steps, and each symbol's own bars", () => {
    // A has all of the ten hours, B only every other one.
    const a = barsAt(
      Array.from({ length: 10 }, (_, i) => hourly(i)),
      Array(10).fill(10),
    );
    const b = barsAt(
      Array.from({ length: 5 }, (_, i) => hourly(2 * i)),
      [10, 10, 10, 10, 20],
    );
    const found = of(Array(10).fill(1000), hourly, {
      symbols: [traded("A", a), traded("B", b, 1)],
      trades: [
        trade({ symbol: 0, entryBar: 0, exitBar: 1, pnl: 5, returnFraction: 0.5, commission: 1 }),
        // From the fourth hour (its bar 2) to the sixth.
        trade({ symbol: 1, size: -1, entryBar: 2, exitBar: 3, pnl: -2, returnFraction: -0.2 }),
      ],
    });
    expect(found.exposure_pct).toBe(50);
    expect(found.max_trade_duration_ms).toBe(2 * HOUR);
    expect(found.buy_hold_return_pct).toBe(50);
    expect(found.per_symbol).toEqual([
      {
        symbol: "A",
        trades: 1,
        pnl: 5,
        win_rate_pct: 100,
        profit_factor: null,
        commissions: 1,
        exposure_pct: 20,
        buy_hold_return_pct: 0,
      },
      {
        symbol: "B",
        trades: 1,
        pnl: -2,
        win_rate_pct: 0,
        profit_factor: 0,
        commissions: 0,
        exposure_pct: 40,
        buy_hold_return_pct: 100,
      },
    ]);
    expect(found.long).toEqual({ trades: 1, pnl: 5, win_rate_pct: 100, profit_factor: null, commissions: 1 });
    expect(found.short).toMatchObject({ trades: 1, pnl: -2, win_rate_pct: 0 });
  });

  test("compare with the benchmark, else with all symbols in equal parts", () => {
    const time = [0, 1, 2, 3].map(hourly);
    const a = barsAt(time, [100, 110, 99, 120]);
    const b = barsAt(time, [50, 50, 50, 50]);
    // Twice the logarithmic return of A at each step.
    const equity = Float64Array.from([100, 110, 99, 120], (close) => 1000 * (close / 100) ** 2);
    const run = (benchmark: number | null) =>
      of([...equity], hourly, { symbols: [traded("A", a), traded("B", b)], benchmark });
    const withA = run(0);
    expect(withA.benchmark_return_pct).toBeCloseTo(20, 12);
    expect(withA.beta).toBeCloseTo(2, 12);
    expect(withA.alpha_pct).toBeCloseTo(44 - 2 * 20, 10);
    // Against what stands still there is none.
    expect(run(1)).toMatchObject({ benchmark_return_pct: 0, beta: null, alpha_pct: null });
    expect(run(null)).toMatchObject({ benchmark_return_pct: null, buy_hold_return_pct: 10 });
    // Half of each: 100, 105, 99.5, 110 of 100. Logarithmic returns and their covariance by hand.
    const log = (values: number[]) =>
      values.slice(1).map((value, i) => Math.log(value / (values[i] as number)));
    const [x, y] = [log([...equity]), log([100, 105, 99.5, 110])];
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const together = mean(x.map((value, i) => value * (y[i] as number))) - mean(x) * mean(y);
    const beta = together / (mean(y.map((value) => value ** 2)) - mean(y) ** 2);
    expect(run(null).beta).toBeCloseTo(beta, 9);
  });

  test("tell costs, excursions, turnover and Kelly's fraction of the trades", () => {
    const year = 365.25 * DAY;
    const found = of([1000, 1000, 1000], (i) => monday + (i * year) / 2, {
      trades: [
        trade({ pnl: 30, returnFraction: 0.1, commission: 1, borrow: 0.5, mae: -0.02, mfe: 0.12 }),
        trade({ pnl: 10, returnFraction: 0.05, commission: 2, mae: 0, mfe: 0.06, exitBar: 2 }),
        trade({ pnl: -10, returnFraction: -0.02, commission: 3, mae: -0.04, mfe: 0 }),
        trade({ size: -4, entryPrice: 25, mae: 0, mfe: 0 }),
      ],
    });
    expect(found).toMatchObject({ commissions: 6, borrow: 0.5, max_trade_duration_ms: year });
    expect(found.avg_mae_pct).toBeCloseTo(-1.5, 12);
    expect(found.avg_mfe_pct).toBeCloseTo(4.5, 12);
    // Entries of 300, 200, 500 and 4 × 25 with an account of 1,000 in one year.
    expect(found.turnover_ann).toBeCloseTo(1.1, 12);
    // Half of them win, 20 on average; the losers lose 10.
    expect(found.kelly).toBeCloseTo(0.5 - 0.5 / 2, 12);
  });

  test("kept by an older version are told with null for what it didn't know", () => {
    const complete = completeStatistics({ trades: 3, sharpe: 0.5 });
    expect(complete).toMatchObject({
      trades: 3,
      sharpe: 0.5,
      beta: null,
      per_symbol: [],
      monthly_returns: [],
    });
    expect(Object.keys(complete).toSorted()).toEqual(Object.keys(of([1, 2], daily)).toSorted());
  });
});

describe("statistics of any run", () => {
  const equities = fc.array(fc.double({ min: 1, max: 1e6, noNaN: true }), { minLength: 3, maxLength: 60 });
  const trades = fc.array(
    fc.record({
      pnl: fc.integer({ min: -1000, max: 1000 }),
      returnFraction: fc.double({ min: -0.9, max: 3, noNaN: true }),
      size: fc.constantFrom(-2, 3),
      entryBar: fc.nat(1),
      exitBar: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 20 },
  );

  test("in per cent are the same for an account twice as large, to the bit", () => {
    fc.assert(
      fc.property(equities, trades, (equity, some) => {
        const base = of(equity, daily, { trades: some.map(trade) });
        const twice = some.map((each) => trade({ ...each, pnl: each.pnl * 2 }));
        const large = of(
          equity.map((value) => value * 2),
          daily,
          { trades: twice },
        );
        for (const [key, value] of Object.entries(base)) {
          if (/_pct$|^(sharpe|sortino|calmar|sqn|kelly|profit_factor|beta)$/.test(key)) {
            expect([key, large[key as keyof Statistics]]).toEqual([key, value]);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test("don't depend on the order of the trades but for the last digits", () => {
    fc.assert(
      fc.property(trades, (some) => {
        const there = of([1, 2, 3], daily, { trades: some.map(trade) });
        const back = of([1, 2, 3], daily, { trades: some.map(trade).toReversed() });
        expect(back.exposure_pct).toBe(there.exposure_pct);
        expect(back.win_rate_pct).toBe(there.win_rate_pct);
        expect(back.max_trade_duration_ms).toBe(there.max_trade_duration_ms);
        const scale = Math.max(1, Math.abs(there.expectancy_pct ?? 0));
        expect(Math.abs((back.expectancy_pct ?? 0) - (there.expectancy_pct ?? 0))).toBeLessThan(1e-9 * scale);
      }),
      { numRuns: 50 },
    );
  });

  test("have months that multiply to the whole return, and long and short that add to all", () => {
    fc.assert(
      fc.property(equities, trades, (equity, some) => {
        const found = of(equity, (i) => daily(i * 13), { trades: some.map(trade) });
        const product = found.monthly_returns.reduce(
          (all, { return_pct }) => all * (1 + return_pct / 100),
          1,
        );
        const whole = 1 + (found.return_pct as number) / 100;
        expect(Math.abs(product / whole - 1)).toBeLessThan(1e-9);
        expect(found.long.trades + found.short.trades).toBe(found.trades);
        const pnl = some.reduce((sum, each) => sum + each.pnl, 0);
        expect(found.long.pnl + found.short.pnl).toBeCloseTo(pnl, 6);
        expect(found.per_symbol[0]?.pnl).toBeCloseTo(pnl, 6);
      }),
      { numRuns: 50 },
    );
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
