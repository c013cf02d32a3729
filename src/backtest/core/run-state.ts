import type { Statistics } from "./statistics.ts";

/** What a run has come to. */
export type Result = {
  stats: Statistics;
  /** Of its trades and equity curve, every bit of them. */
  hash: string;
  bust: boolean;
  bars: number;
  /** Orders that the account could not carry, or that came to less than one unit. */
  dropped_orders: number;
};

/** A closed trade as clients are shown it. Bars are numbers of bars, from 0. */
export type ShownTrade = {
  size: number;
  entry_bar: number;
  exit_bar: number;
  entry_price: number;
  exit_price: number;
  pnl: number;
};

/** What clients are shown of a run beside its session's state. */
export type RunState = {
  strategy: string;
  params: Record<string, number>;
  symbol: string;
  /** The share of the data that is loaded, 0 … 1. */
  loaded: number;
  /** The next bar, and how many there are; 0 until the data is loaded. */
  bar: number;
  bars: number;
  /** When the last worked bar opened, UTC ms. */
  time: number | null;
  equity: number | null;
  return_pct: number | null;
  max_drawdown_pct: number;
  position: { size: number; entry_price: number } | null;
  trades: number;
  last_trades: readonly ShownTrade[];
  /** Bars a second since the last time it was told. */
  bars_per_second: number;
  checkpoint_at: number | null;
  result: Result | null;
  equity_curve: readonly number[];
  drawdown_curve: readonly number[];
};
