import type { Bars } from "./bars.ts";
import type { ClosedTrade } from "./broker.ts";
import { civilFromDays, DAY_MS } from "./calendar.ts";

/** The statistics of a run, percentages as such (5 is 5 %). What isn't defined, as a win rate without trades, is null. */
export type Statistics = {
  readonly trades: number;
  readonly equity_final: number | null;
  readonly equity_peak: number | null;
  readonly return_pct: number | null;
  /** The mean daily return compounded over a year of trading days. */
  readonly return_ann_pct: number | null;
  /** √((var + (1 + g)²)^D − (1 + g)^2D): the standard deviation of D compounded daily returns of mean g. */
  readonly volatility_ann_pct: number | null;
  /** Over the calendar time from the first to the last bar, in years of 365.25 days. */
  readonly cagr_pct: number | null;
  /** Annual return over annual volatility, at a risk-free rate of 0. */
  readonly sharpe: number | null;
  /** Annual return over the annual downside deviation. */
  readonly sortino: number | null;
  /** Annual return over the maximum drawdown. */
  readonly calmar: number | null;
  /** The deepest fall of equity from a peak: 0 or negative. */
  readonly max_drawdown_pct: number | null;
  readonly win_rate_pct: number | null;
  /** Sum of the winning trades' returns over that of the losing ones'. */
  readonly profit_factor: number | null;
  /** The mean of the trades' returns. */
  readonly expectancy_pct: number | null;
  /** System quality number: √n · mean(PnL) / std(PnL). */
  readonly sqn: number | null;
  /** The share of bars on which a closed trade was held. */
  readonly exposure_pct: number | null;
  readonly best_trade_pct: number | null;
  readonly worst_trade_pct: number | null;
  /** The geometric mean of the trades' returns. */
  readonly avg_trade_pct: number | null;
  /** From the close of the bar `warmup` to the last one. */
  readonly buy_hold_return_pct: number | null;
};

/**
 * The statistics of a finished run, by the rules of data/market/README.md.
 * @param run.equity one value a bar, finished (see `Engine.finish`).
 * @param run.warmup the engine's: the first bar at which every indicator has a value.
 */
export function statistics(run: {
  readonly bars: Bars;
  readonly equity: Float64Array;
  readonly trades: readonly ClosedTrade[];
  readonly warmup: number;
}): Statistics {
  const { bars, trades, warmup } = run;
  const { length } = bars;
  const equity = run.equity.subarray(0, length);
  const first = equity[0] ?? Number.NaN;
  const final = equity[length - 1] ?? Number.NaN;
  const { peak, maxDrawdown } = peakAndDrawdown(equity);

  const { periods, perYear } = tradingPeriods(bars);
  const returns = periodReturns(equity, periods);
  const g = geometricMean(returns);
  const annualReturn = (1 + g) ** perYear - 1;
  const { variance, downside } = spread(returns);
  const volatility = Math.sqrt((variance + (1 + g) ** 2) ** perYear - (1 + g) ** (2 * perYear));
  const years = ((bars.time[length - 1] ?? Number.NaN) - (bars.time[0] ?? Number.NaN)) / (365.25 * DAY_MS);

  const tradeReturns = Float64Array.from(trades, (trade) => trade.returnFraction);
  const pnl = spread(Float64Array.from(trades, (trade) => trade.pnl));
  const closeAtStart = bars.close[warmup] ?? Number.NaN;

  return {
    trades: trades.length,
    equity_final: defined(final),
    equity_peak: defined(peak),
    return_pct: defined(((final - first) / first) * 100),
    return_ann_pct: defined(annualReturn * 100),
    volatility_ann_pct: defined(volatility * 100),
    cagr_pct: defined(((final / first) ** (1 / years) - 1) * 100),
    sharpe: defined(annualReturn / volatility),
    sortino: defined(annualReturn / (downside * Math.sqrt(perYear))),
    calmar: defined(annualReturn / maxDrawdown),
    max_drawdown_pct: defined(-maxDrawdown * 100),
    win_rate_pct: defined((trades.filter((trade) => trade.pnl > 0).length / trades.length) * 100),
    profit_factor: defined(profitFactor(tradeReturns)),
    expectancy_pct: defined(spread(tradeReturns).mean * 100),
    sqn: defined((Math.sqrt(trades.length) * pnl.mean) / Math.sqrt(pnl.variance)),
    exposure_pct: defined((barsHeld(trades) / length) * 100),
    best_trade_pct: defined(tradeReturns.reduce((a, b) => Math.max(a, b), -Infinity) * 100),
    worst_trade_pct: defined(tradeReturns.reduce((a, b) => Math.min(a, b), Infinity) * 100),
    avg_trade_pct: defined(geometricMean(tradeReturns) * 100),
    buy_hold_return_pct: defined(
      (((bars.close[length - 1] ?? Number.NaN) - closeAtStart) / closeAtStart) * 100,
    ),
  };
}

function defined(value: number): number | null {
  // -0 would be told as "-0".
  return Number.isFinite(value) ? value + 0 : null;
}

function peakAndDrawdown(equity: Float64Array): { peak: number; maxDrawdown: number } {
  let peak = equity.length > 0 ? -Infinity : Number.NaN;
  let maxDrawdown = 0;
  for (let i = 0; i < equity.length; i++) {
    const value = equity[i] as number;
    if (value > peak) peak = value;
    else if (1 - value / peak > maxDrawdown) maxDrawdown = 1 - value / peak;
  }
  return { peak, maxDrawdown };
}

/**
 * The periods that returns are taken over, as the index of each one's last bar: calendar days, or with weekly,
 * monthly and yearly bars weeks (to Sunday), months and years; and how many of them make a year.
 */
function tradingPeriods({ time, length }: Bars): { periods: number[]; perYear: number } {
  const typicalDays = Math.floor(medianStep(time.subarray(Math.max(0, length - 100), length)) / DAY_MS);
  const group = GROUPS[typicalDays];
  const periods: number[] = [];
  let weekendBars = 0;
  let key = Number.NaN;
  let day = 0;
  let dayEnd = -Infinity;
  let weekend = false;
  for (let i = 0; i < length; i++) {
    const at = time[i] as number;
    if (at >= dayEnd) {
      day = Math.floor(at / DAY_MS);
      dayEnd = (day + 1) * DAY_MS;
      weekend = (day + 3) % 7 >= 5; // 1970-01-01 was a Thursday
      const next = group ? group.key(day) : day;
      if (i > 0 && next !== key) periods.push(i - 1);
      key = next;
    }
    if (weekend) weekendBars++;
  }
  if (length > 0) periods.push(length - 1);
  return { periods, perYear: group?.perYear ?? (weekendBars / length > (2 / 7) * 0.6 ? 365 : 252) };
}

/** Periods longer than a day, by the usual days from bar to bar. */
const GROUPS: Record<number, { perYear: number; key(day: number): number }> = {
  7: { perYear: 52, key: (day) => Math.floor((day + 3) / 7) },
  31: {
    perYear: 12,
    key: (day) => {
      const { year, month } = civilFromDays(day);
      return year * 12 + month;
    },
  },
  365: { perYear: 1, key: (day) => civilFromDays(day).year },
};

function medianStep(time: Float64Array): number {
  const steps = Float64Array.from(
    { length: Math.max(0, time.length - 1) },
    (_, i) => (time[i + 1] as number) - (time[i] as number),
  ).sort();
  const middle = steps.length >> 1;
  if (steps.length % 2 === 1) return steps[middle] as number;
  return ((steps[middle - 1] ?? Number.NaN) + (steps[middle] ?? Number.NaN)) / 2;
}

/** The return of each period over the one before: one fewer than periods. */
function periodReturns(equity: Float64Array, periods: readonly number[]): Float64Array {
  const returns = new Float64Array(Math.max(0, periods.length - 1));
  for (let k = 0; k < returns.length; k++) {
    const before = equity[periods[k] as number] as number;
    // An account that went bust stays at 0 from then on.
    returns[k] = before === 0 ? 0 : (equity[periods[k + 1] as number] as number) / before - 1;
  }
  return returns;
}

/** As the reference has it: 0 if any return is a total loss. */
function geometricMean(returns: Float64Array): number {
  let sum = 0;
  for (const value of returns) {
    if (value <= -1) return 0;
    sum += Math.log(1 + value);
  }
  return Math.exp(sum / returns.length) - 1;
}

/** Mean, sample variance (n − 1) and downside deviation √mean(min(r, 0)²). */
function spread(values: Float64Array): { mean: number; variance: number; downside: number } {
  const n = values.length;
  let sum = 0;
  let below = 0;
  for (const value of values) {
    sum += value;
    if (value < 0) below += value * value;
  }
  const mean = sum / n;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, variance: squares / (n - 1), downside: Math.sqrt(below / n) };
}

function profitFactor(returns: Float64Array): number {
  let won = 0;
  let lost = 0;
  for (const value of returns) {
    if (value > 0) won += value;
    else lost -= value;
  }
  return won / lost;
}

/** The bars inside any trade, entry and exit bar included, each counted once. */
function barsHeld(trades: readonly ClosedTrade[]): number {
  const byEntry = trades.toSorted((a, b) => a.entryBar - b.entryBar);
  let held = 0;
  let from = 0; // the first bar not yet looked at
  for (const { entryBar, exitBar } of byEntry) {
    if (exitBar < from) continue;
    held += exitBar + 1 - Math.max(entryBar, from);
    from = exitBar + 1;
  }
  return held;
}
