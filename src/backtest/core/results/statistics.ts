import type { Bars } from "../bars.ts";
import type { ClosedTrade } from "../broker/account.ts";
import { firstAtLeast } from "../engine/timeline.ts";
import { type MonthReturn, monthlyReturns, periodReturns, usualStep } from "./returns.ts";

/**
 * The statistics of a run. Percentages are as such (5 is 5 %), amounts in the account's currency, times UTC ms. What isn't
 * defined, as a win rate without trades, is null. Trades are those that were closed.
 */
export type Statistics = {
  readonly trades: number;
  /** Those held at the end, which no other figure of trades counts. */
  readonly open_trades: number;
  /** What they brought: equity at the end, less that of the start and the PnL of the closed ones. */
  readonly open_pnl: number | null;
  readonly equity_final: number | null;
  readonly equity_peak: number | null;
  readonly return_pct: number | null;
  /** The geometric mean of the daily returns compounded over a year of trading days. */
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
  /** The share of steps on which a closed trade was held. */
  readonly exposure_pct: number | null;
  readonly best_trade_pct: number | null;
  readonly worst_trade_pct: number | null;
  /** The geometric mean of the trades' returns. */
  readonly avg_trade_pct: number | null;
  /** From the close of the bar `warmup` to the last one; the mean of several symbols. */
  readonly buy_hold_return_pct: number | null;
  /** The same of the benchmark. */
  readonly benchmark_return_pct: number | null;
  /** The return less beta times that of the market: the benchmark, else buy & hold. */
  readonly alpha_pct: number | null;
  /** Covariance of the logarithmic returns of equity and market from step to step, over the market's variance. */
  readonly beta: number | null;
  readonly start: number | null;
  readonly end: number | null;
  readonly duration_ms: number | null;
  /** The mean over drawdowns of how deep each was. One lasts from the last step at a peak to the next, or to the end. */
  readonly avg_drawdown_pct: number | null;
  /** Means of durations are rounded up to the unit of the usual step: whole hours with bars of 1 h or 4 h. */
  readonly max_drawdown_duration_ms: number | null;
  readonly avg_drawdown_duration_ms: number | null;
  readonly max_trade_duration_ms: number | null;
  readonly avg_trade_duration_ms: number | null;
  /** Win rate − (1 − win rate) / (mean PnL of the winners / mean loss of the losers). */
  readonly kelly: number | null;
  readonly commissions: number;
  /** What holding short trades cost. */
  readonly borrow: number;
  /** The value of all entries over the mean equity, a year of 365.25 days: 2 is an account put into trades twice a year. */
  readonly turnover_ann: number | null;
  /** The means of how far prices went against the trades, and for them: ≤ 0 and ≥ 0. */
  readonly avg_mae_pct: number | null;
  readonly avg_mfe_pct: number | null;
  readonly long: TradeGroup;
  readonly short: TradeGroup;
  /** In the order of the run's symbols. */
  readonly per_symbol: readonly SymbolStatistics[];
  readonly monthly_returns: readonly MonthReturn[];
};

/** Some of the trades of a run; see {@link Statistics} for what each figure is. */
export type TradeGroup = {
  readonly trades: number;
  readonly pnl: number;
  readonly win_rate_pct: number | null;
  readonly profit_factor: number | null;
  readonly commissions: number;
};

export type SymbolStatistics = TradeGroup & {
  readonly symbol: string;
  /** The share of the symbol's bars on which a closed trade of it was held. */
  readonly exposure_pct: number | null;
  readonly buy_hold_return_pct: number | null;
};

/** The statistics that are one number, by their names. */
export type Figure = {
  [K in keyof Statistics]: Statistics[K] extends number | null ? K : never;
}[keyof Statistics];

/** A symbol of a run: its bars, and the first one at which every indicator has a value. */
export type Traded = { readonly symbol: string; readonly bars: Bars; readonly warmup: number };

const YEAR_MS = 365.25 * 86_400_000;

/**
 * The statistics of a finished run, by the rules of data/market/README.md, and for what has none there by those of the
 * reference, backtesting.py. Sums are taken in the order of steps and of trades.
 * @param run.time when each step began @param run.equity one value a step
 * @param run.timezone of the days that returns are taken over
 * @param run.benchmark the number of the symbol that the run is compared with
 * @param run.open how many trades are held at the end
 */
export function statistics(run: {
  readonly symbols: readonly Traded[];
  readonly time: Float64Array;
  readonly equity: Float64Array;
  readonly trades: readonly ClosedTrade[];
  readonly timezone: string;
  readonly benchmark: number | null;
  readonly open?: number;
}): Statistics {
  const { symbols, time, equity, trades, timezone, open = 0 } = run;
  const length = Math.min(time.length, equity.length);
  const first = equity[0] ?? Number.NaN;
  const final = equity[length - 1] ?? Number.NaN;
  const start = time[0] ?? Number.NaN;
  const end = time[length - 1] ?? Number.NaN;
  const years = (end - start) / YEAR_MS;
  const up = unitOf(usualStep(time, length));

  const { returns, perYear } = periodReturns(time, equity, length, timezone);
  const growth = meanLog(returns);
  const annualReturn = Math.expm1(perYear * growth);
  const { variance, downside } = spread(returns);
  // √((var + a)^D − a^D) with a = (1 + g)², without the difference of two numbers that are nearly the same.
  const relative = Math.expm1(perYear * Math.log1p(variance / Math.exp(2 * growth)));
  const volatility = Math.exp(perYear * growth) * Math.sqrt(relative);

  const fall = drawdowns(time, equity, length);
  const tradeReturns = Float64Array.from(trades, (trade) => trade.returnFraction);
  const perTrade = spread(tradeReturns);
  const pnl = spread(Float64Array.from(trades, (trade) => trade.pnl));
  const lasted = durations(symbols, trades);

  const held = symbols.map(({ bars, warmup }) => change(bars.close[warmup], bars.close[bars.length - 1]));
  const buyHold = mean(held.filter(Number.isFinite));
  const benchmark = run.benchmark === null ? Number.NaN : (held[run.benchmark] ?? Number.NaN);
  const market = run.benchmark === null ? symbols : symbols.slice(run.benchmark, run.benchmark + 1);
  const marketReturn = run.benchmark === null ? buyHold : benchmark;
  const beta = betaTo(marketOf(market, time), equity, length);
  const totalReturn = change(first, final);

  return {
    trades: trades.length,
    open_trades: open,
    // The difference of sums that should be the same isn't quite 0.
    open_pnl: open === 0 ? 0 : defined(final - first - sum(trades, ({ pnl: closed }) => closed)),
    equity_final: defined(final),
    equity_peak: defined(fall.peak),
    return_pct: defined(totalReturn * 100),
    return_ann_pct: defined(annualReturn * 100),
    volatility_ann_pct: defined(volatility * 100),
    cagr_pct: defined(Math.expm1(Math.log(final / first) / years) * 100),
    sharpe: defined(annualReturn / volatility),
    sortino: defined(annualReturn / (downside * Math.sqrt(perYear))),
    calmar: defined(annualReturn / fall.deepest),
    max_drawdown_pct: defined(-fall.deepest * 100),
    ...shares(trades),
    expectancy_pct: defined(perTrade.mean * 100),
    sqn: defined((Math.sqrt(trades.length) * pnl.mean) / Math.sqrt(pnl.variance)),
    exposure_pct: defined((stepsHeld(symbols, time, length, trades) / length) * 100),
    best_trade_pct: defined(tradeReturns.reduce((a, b) => Math.max(a, b), -Infinity) * 100),
    worst_trade_pct: defined(tradeReturns.reduce((a, b) => Math.min(a, b), Infinity) * 100),
    avg_trade_pct: defined(Math.expm1(meanLog(tradeReturns)) * 100),
    buy_hold_return_pct: defined(buyHold * 100),
    benchmark_return_pct: defined(benchmark * 100),
    alpha_pct: defined((totalReturn - beta * marketReturn) * 100),
    beta: defined(beta),
    start: defined(start),
    end: defined(end),
    duration_ms: defined(end - start),
    avg_drawdown_pct: defined((-fall.depths / fall.count) * 100),
    max_drawdown_duration_ms: fall.count === 0 ? null : fall.longest,
    avg_drawdown_duration_ms: defined(up(fall.time / fall.count)),
    max_trade_duration_ms: defined(lasted.longest),
    avg_trade_duration_ms: defined(up(lasted.time / trades.length)),
    kelly: defined(kelly(trades)),
    commissions: sum(trades, ({ commission }) => commission),
    borrow: sum(trades, ({ borrow }) => borrow),
    turnover_ann: defined(sum(trades, entryValue) / (total(equity, length) / length) / years),
    avg_mae_pct: defined((sum(trades, ({ mae }) => mae) / trades.length) * 100),
    avg_mfe_pct: defined((sum(trades, ({ mfe }) => mfe) / trades.length) * 100),
    long: tradeGroup(trades.filter(({ size }) => size > 0)),
    short: tradeGroup(trades.filter(({ size }) => size < 0)),
    per_symbol: symbols.map(({ symbol, bars }, n) => {
      const own = trades.filter((trade) => trade.symbol === n);
      const on = own.map(({ entryBar, exitBar }): Span => ({ from: entryBar, to: exitBar }));
      return {
        symbol,
        ...tradeGroup(own),
        exposure_pct: defined((covered(on) / bars.length) * 100),
        buy_hold_return_pct: defined((held[n] as number) * 100),
      };
    }),
    monthly_returns: monthlyReturns(time, equity, length, timezone),
  };
}

/** The statistics that an older version kept, with null, 0 or nothing for those that it didn't know. */
export function completeStatistics(kept: Partial<Statistics>): Statistics {
  const none = new Float64Array(0);
  const empty = { symbols: [], time: none, equity: none, trades: [], timezone: "UTC", benchmark: null };
  return { ...statistics(empty), ...kept };
}

function defined(value: number): number | null {
  // -0 would be told as "-0".
  return Number.isFinite(value) ? value + 0 : null;
}

function sum(trades: readonly ClosedTrade[], of: (trade: ClosedTrade) => number): number {
  let all = 0;
  for (const trade of trades) all += of(trade);
  return all;
}

function total(values: ArrayLike<number>, length: number): number {
  let all = 0;
  for (let i = 0; i < length; i++) all += values[i] as number;
  return all;
}

const mean = (values: ArrayLike<number>): number => total(values, values.length) / values.length;

const change = (from = Number.NaN, to = Number.NaN): number => (to - from) / from;

/** The falls of equity from its peaks. Each lasts from the last step at the peak to the next, or to the last step. */
function drawdowns(time: Float64Array, equity: Float64Array, length: number) {
  let peak = length > 0 ? -Infinity : Number.NaN;
  let deepest = 0;
  const found = { count: 0, depths: 0, longest: 0, time: 0 };
  let begin = 0;
  let depth = 0;
  const end = (at: number) => {
    // One that begins with the last step has not lasted yet.
    if (at > begin + 1) {
      const lasted = (time[at] as number) - (time[begin] as number);
      found.count++;
      found.depths += depth;
      found.time += lasted;
      found.longest = Math.max(found.longest, lasted);
    }
    begin = at;
    depth = 0;
  };
  for (let i = 0; i < length; i++) {
    const value = equity[i] as number;
    if (value >= peak) {
      peak = value;
      if (i > begin + 1) end(i);
      begin = i;
      continue;
    }
    const below = 1 - value / peak;
    if (below > depth) depth = below;
    if (below > deepest) deepest = below;
  }
  if (length > 0) end(length - 1);
  return { peak, deepest, ...found };
}

/** Rounds durations up to the largest unit that the usual step is a multiple of, as the reference tells them. */
function unitOf(step: number): (ms: number) => number {
  const unit = [86_400_000, 3_600_000, 60_000, 1000].find((ms) => step % ms === 0) ?? 1;
  return (ms) => Math.ceil(ms / unit) * unit;
}

function durations(symbols: readonly Traded[], trades: readonly ClosedTrade[]) {
  let longest = trades.length === 0 ? Number.NaN : 0;
  let time = 0;
  for (const { symbol, entryBar, exitBar } of trades) {
    const at = (symbols[symbol] as Traded).bars.time;
    const lasted = (at[exitBar] as number) - (at[entryBar] as number);
    longest = Math.max(longest, lasted);
    time += lasted;
  }
  return { longest, time };
}

/** ln(1 + r) on average: the logarithm of the geometric mean. As the reference has it, 0 if any return is a total loss. */
function meanLog(returns: Float64Array): number {
  let logs = 0;
  for (let i = 0; i < returns.length; i++) {
    const value = returns[i] as number;
    if (value <= -1) return 0;
    logs += Math.log1p(value);
  }
  return logs / returns.length;
}

/** Mean, sample variance (n − 1) and downside deviation √mean(min(r, 0)²). */
function spread(values: Float64Array): { mean: number; variance: number; downside: number } {
  const n = values.length;
  const middle = mean(values);
  let below = 0;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const value = values[i] as number;
    if (value < 0) below += value * value;
    squares += (value - middle) ** 2;
  }
  return { mean: middle, variance: squares / (n - 1), downside: Math.sqrt(below / n) };
}

function shares(trades: readonly ClosedTrade[]): Pick<Statistics, "win_rate_pct" | "profit_factor"> {
  let winners = 0;
  let won = 0;
  let lost = 0;
  for (const { pnl, returnFraction } of trades) {
    if (pnl > 0) winners++;
    if (returnFraction > 0) won += returnFraction;
    else lost -= returnFraction;
  }
  return {
    win_rate_pct: defined((winners / trades.length) * 100),
    profit_factor: defined(won / lost),
  };
}

const tradeGroup = (trades: readonly ClosedTrade[]): TradeGroup => ({
  trades: trades.length,
  pnl: sum(trades, ({ pnl }) => pnl),
  ...shares(trades),
  commissions: sum(trades, ({ commission }) => commission),
});

/** J. L. Kelly's fraction of the account to risk, of trades as they were. */
function kelly(trades: readonly ClosedTrade[]): number {
  const winners = trades.filter(({ pnl }) => pnl > 0);
  const losers = trades.filter(({ pnl }) => pnl < 0);
  const winRate = winners.length / trades.length;
  const won = sum(winners, ({ pnl }) => pnl) / winners.length;
  const lost = -sum(losers, ({ pnl }) => pnl) / losers.length;
  return winRate - (1 - winRate) / (won / lost);
}

/** What an entry was worth in the account's currency, which the price of a foreign instrument isn't in. */
const entryValue = ({ pnl, returnFraction, size, entryPrice }: ClosedTrade): number =>
  returnFraction === 0 ? Math.abs(size) * entryPrice : pnl / returnFraction;

/** From one number to another, both included. */
type Span = { readonly from: number; readonly to: number };

/** How many numbers lie in any of the spans, each counted once. */
function covered(spans: readonly Span[]): number {
  let count = 0;
  let next = 0; // the first number not yet looked at
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    if (to < next) continue;
    count += to + 1 - Math.max(from, next);
    next = to + 1;
  }
  return count;
}

/** The steps inside any trade, those of its entry and exit included. */
function stepsHeld(
  symbols: readonly Traded[],
  time: Float64Array,
  length: number,
  trades: readonly ClosedTrade[],
): number {
  const spans = trades.map(({ symbol, entryBar, exitBar }): Span => {
    const at = (symbols[symbol] as Traded).bars.time;
    const from = firstAtLeast(time, length, at[entryBar] as number);
    return { from, to: firstAtLeast(time, length, at[exitBar] as number) };
  });
  return covered(spans);
}

/**
 * The value of holding symbols in equal parts, bought at the close of each one's warm-up, asked for step after step. A
 * symbol stands at its newest close, before its first bar at that one's.
 */
function marketOf(symbols: readonly Traded[], time: Float64Array): (step: number) => number {
  const held = symbols.filter(({ bars, warmup }) => (bars.close[warmup] ?? 0) > 0 && warmup < bars.length);
  const [only] = held;
  if (!only) return () => Number.NaN;
  const at = new Int32Array(held.length);
  return (step) => {
    const now = time[step] as number;
    let value = 0;
    for (let k = 0; k < held.length; k++) {
      const { bars, warmup } = held[k] as Traded;
      let bar = at[k] as number;
      while (bar + 1 < bars.length && (bars.time[bar + 1] as number) <= now) bar++;
      at[k] = bar;
      value += (bars.close[bar] as number) / (bars.close[warmup] as number);
    }
    return value;
  };
}

/**
 * The covariance of two series' logarithmic returns over the variance of the market's, in one pass (Welford, "Note on a
 * Method for Calculating Corrected Sums of Squares and Products").
 */
function betaTo(market: (step: number) => number, equity: Float64Array, length: number): number {
  let before = market(0);
  let own = 0;
  let other = 0;
  let together = 0;
  let squares = 0;
  for (let i = 1; i < length; i++) {
    const now = market(i);
    const x = Math.log((equity[i] as number) / (equity[i - 1] as number));
    const y = Math.log(now / before);
    before = now;
    const fromMean = y - other;
    own += (x - own) / i;
    other += fromMean / i;
    together += fromMean * (x - own);
    squares += fromMean * (y - other);
  }
  return together / squares;
}
