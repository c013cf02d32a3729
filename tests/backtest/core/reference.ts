/** The reference runs beside data/market/README.md, made with backtesting.py, as they are kept in tests/backtest/reference. */
import { readdirSync, readFileSync } from "node:fs";
import { type Bars, closeDecimals } from "../../../src/backtest/core/bars.ts";
import type { ClosedTrade } from "../../../src/backtest/core/broker/account.ts";
import type { Figure } from "../../../src/backtest/core/results/statistics.ts";

const folder = new URL("../reference/", import.meta.url);

/** What our statistics are called there. */
export const REFERENCE_NAMES: readonly (readonly [Figure, string])[] = [
  ["start", "Start"],
  ["end", "End"],
  ["duration_ms", "Duration"],
  ["exposure_pct", "Exposure Time [%]"],
  ["equity_final", "Equity Final [$]"],
  ["equity_peak", "Equity Peak [$]"],
  ["commissions", "Commissions [$]"],
  ["return_pct", "Return [%]"],
  ["buy_hold_return_pct", "Buy & Hold Return [%]"],
  ["return_ann_pct", "Return (Ann.) [%]"],
  ["volatility_ann_pct", "Volatility (Ann.) [%]"],
  ["cagr_pct", "CAGR [%]"],
  ["sharpe", "Sharpe Ratio"],
  ["sortino", "Sortino Ratio"],
  ["calmar", "Calmar Ratio"],
  ["alpha_pct", "Alpha [%]"],
  ["beta", "Beta"],
  ["max_drawdown_pct", "Max. Drawdown [%]"],
  ["avg_drawdown_pct", "Avg. Drawdown [%]"],
  ["max_drawdown_duration_ms", "Max. Drawdown Duration"],
  ["avg_drawdown_duration_ms", "Avg. Drawdown Duration"],
  ["trades", "# Trades"],
  ["win_rate_pct", "Win Rate [%]"],
  ["best_trade_pct", "Best Trade [%]"],
  ["worst_trade_pct", "Worst Trade [%]"],
  ["avg_trade_pct", "Avg. Trade [%]"],
  ["max_trade_duration_ms", "Max. Trade Duration"],
  ["avg_trade_duration_ms", "Avg. Trade Duration"],
  ["profit_factor", "Profit Factor"],
  ["expectancy_pct", "Expectancy [%]"],
  ["sqn", "SQN"],
  ["kelly", "Kelly Criterion"],
];

/** A case as it is in its JSON file. */
export type Reference = {
  readonly id: string;
  readonly data: string;
  readonly strategy_params: { readonly n1: number; readonly n2: number };
  readonly stats: Readonly<Record<string, number | string | { readonly days: number }>>;
  readonly kwargs: {
    readonly cash: number;
    readonly commission?: number | readonly [fixed: number, rate: number];
    readonly spread?: number;
    readonly margin?: number;
    readonly fractional_unit?: number;
    readonly trade_on_close?: boolean;
    readonly exclusive_orders?: boolean;
    readonly finalize_trades?: boolean;
    readonly rows_from?: string;
  };
};

/** The cases there are. */
export const referenceIds = (): string[] =>
  readdirSync(folder).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -5)] : []));

export const readReference = (id: string): Reference =>
  JSON.parse(readFileSync(new URL(`${id}.json`, folder), "utf8")) as Reference;

/** A statistic of it as we tell it: times and durations in ms; undefined where it has none. */
export function referenceValue({ stats }: Reference, name: string): number | undefined {
  const value = stats[name];
  if (typeof value === "string") return Date.parse(`${value}Z`);
  return typeof value === "object" ? value.days * 86_400_000 : value;
}

const rows = (url: URL): string[][] =>
  readFileSync(url, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));

const timeOf = (text = ""): number => Date.parse(`${text.replace(" ", "T")}${text.includes(":") ? "Z" : ""}`);

/** The bars that it was run on. */
export function referenceBars({ data, kwargs }: Reference): Bars {
  const btc = data.endsWith("BTCUSD.csv");
  const url = btc
    ? new URL("BTCUSD.csv", folder)
    : new URL("../../../src/backtest/sample/EURUSD.csv", folder);
  const from = kwargs.rows_from === undefined ? 0 : timeOf(kwargs.rows_from);
  const all = rows(url).filter(([time]) => timeOf(time) >= from);
  const column = (at: number) => Float64Array.from(all, (row) => Number(row[at]));
  const close = column(4);
  return {
    length: all.length,
    time: Float64Array.from(all, ([time]) => timeOf(time)),
    open: column(1),
    high: column(2),
    low: column(3),
    close,
    volume: column(5),
    decimals: closeDecimals(close),
  };
}

/** Its trades; what it doesn't tell of them is 0. */
export function referenceTrades({ id }: Reference): ClosedTrade[] {
  return rows(new URL(`${id}.trades.csv`, folder)).map((row) => {
    const at = (column: number) => Number(row[column]);
    return {
      symbol: 0,
      size: at(1),
      entryBar: at(2),
      exitBar: at(3),
      entryTime: timeOf(row[11]),
      exitTime: timeOf(row[12]),
      entryPrice: at(4),
      exitPrice: at(5),
      pnl: at(8),
      commission: at(9),
      returnFraction: at(10),
      borrow: 0,
      mae: 0,
      mfe: 0,
      why: "close",
      tag: null,
    };
  });
}

/** Its equity, one value a bar. */
export const referenceEquity = ({ id }: Reference): Float64Array =>
  Float64Array.from(rows(new URL(`${id}.equity.csv`, folder)), (row) => Number(row[1]));

/** Fails unless the two agree to 1e-9 of the reference's value. */
export function expectClose(actual: number | null | undefined, wanted: number, what: string): void {
  const error = Math.abs((actual ?? Number.NaN) - wanted) / Math.max(Math.abs(wanted), 1e-300);
  if (!(actual === wanted || error <= 1e-9)) {
    throw new Error(`${what} is ${actual}, the reference has ${wanted}`);
  }
}
