import type { ClosedTrade } from "./broker/account.ts";
import type { SubscriptionCounts } from "./engine/subscription.ts";
import type { SystemState } from "./engine/system.ts";
import type { Statistics } from "./results/statistics.ts";
import type { Breakpoint, Mode } from "./run.ts";
import type { FillReason } from "./strategy.ts";

/** What a run has come to. */
export type Result = {
  readonly stats: Statistics;
  /** Of its trades and equity curve, every bit of them. */
  readonly hash: string;
  readonly bust: boolean;
  /** Bars worked, of all symbols. */
  readonly bars: number;
  /** Points of its equity curve: the times at which there was a bar. */
  readonly steps: number;
  /** Orders that the account could not carry, or that came to less than one lot. */
  readonly dropped_orders: number;
  /** Symbols that the strategy was never called for: they have fewer bars than its indicators need. */
  readonly unseen_symbols: readonly string[];
};

/** A closed trade as clients are shown it. Times are UTC ms, bars numbers of the symbol's bars, from 0. */
export type ShownTrade = {
  readonly symbol: string;
  readonly size: number;
  readonly entry_bar: number;
  readonly exit_bar: number;
  readonly entry_time: number;
  readonly exit_time: number;
  readonly entry_price: number;
  readonly exit_price: number;
  readonly pnl: number;
  readonly why: FillReason;
  readonly tag: string | null;
};

/** @param symbol the name of its symbol */
export const shownTrade = (trade: ClosedTrade, symbol: string): ShownTrade => ({
  symbol,
  size: trade.size,
  entry_bar: trade.entryBar,
  exit_bar: trade.exitBar,
  entry_time: trade.entryTime,
  exit_time: trade.exitTime,
  entry_price: trade.entryPrice,
  exit_price: trade.exitPrice,
  pnl: trade.pnl,
  why: trade.why,
  tag: trade.tag,
});

/** A trade that is open, as clients are shown it. */
export type ShownOpenTrade = {
  readonly symbol: string;
  readonly size: number;
  readonly entry_time: number;
  readonly entry_price: number;
};

/** The newest bars of a symbol, for a chart of candles: columns of equal length. */
export type Candles = {
  readonly symbol: string;
  readonly time: readonly number[];
  readonly open: readonly number[];
  readonly high: readonly number[];
  readonly low: readonly number[];
  readonly close: readonly number[];
};

/** What `inspect` shows of a symbol while the run stands still. */
export type Inspected = {
  readonly symbol: string;
  /** The bar it stands at; null before its first. */
  readonly bar: number | null;
  readonly time: number | null;
  readonly open: number | null;
  readonly high: number | null;
  readonly low: number | null;
  readonly close: number | null;
  /** By name, composed ones as `name.line`; null before they have a value. */
  readonly indicators: Readonly<Record<string, number | null>>;
  readonly position: { readonly size: number; readonly profit: number };
  readonly trades: readonly unknown[];
  readonly orders: readonly unknown[];
  /** The strategy's state of it, as JSON shows it. */
  readonly state: unknown;
};

/** The speed and the timing of a run. Durations are in seconds and leave pauses out. */
export type PerformanceMetrics = {
  readonly session_duration: number;
  readonly paused_duration: number;
  readonly bars_processed: number;
  /** Of one bar, in microseconds: over all bars by the clock and live, over sampled blocks in data-driven mode. */
  readonly processor_timing: Timing | null;
  readonly analysis_timing: Timing | null;
  readonly bars_per_second: number;
};
export type Timing = { readonly samples: number; readonly mean_us: number; readonly max_us: number };

/** How far the work is behind the publication of bars; null in data-driven mode, which has none. */
export type Lag = {
  readonly bars: number;
  readonly ms: number;
  readonly max_bars: number;
  readonly max_ms: number;
  /** By how much bars were published after they were due, ms; null live. */
  readonly late_p99_ms: number | null;
  readonly late_max_ms: number | null;
} | null;

/** What a live feed has brought. */
export type FeedCounts = {
  readonly received: number;
  readonly late: number;
  readonly doubled: number;
  readonly out_of_order: number;
  readonly refused: number;
};

/** What clients are shown of a run beside its session's state. */
export type RunState = {
  readonly strategy: string;
  readonly params: Readonly<Record<string, number | boolean | string>>;
  readonly symbols: readonly string[];
  /** They in one word, for titles. */
  readonly symbol: string;
  readonly mode: Mode;
  readonly speed: number;
  readonly timeframe: string | null;
  /** The share of the data that is loaded, 0 … 1. */
  readonly loaded: number;
  /** The next step, and how many there are; 0 until the data is loaded. With one symbol a step is a bar. */
  readonly bar: number;
  readonly bars: number;
  /** When the last worked bar opened, UTC ms. */
  readonly time: number | null;
  readonly equity: number | null;
  readonly return_pct: number | null;
  readonly max_drawdown_pct: number;
  /** Of all symbols together when there is one alone; else of the one shown. */
  readonly position: { readonly size: number; readonly entry_price: number } | null;
  readonly positions: readonly {
    readonly symbol: string;
    readonly size: number;
    readonly entry_price: number;
    readonly profit: number;
  }[];
  /** The open trades, oldest first. Times are UTC ms. */
  readonly open_trades: readonly ShownOpenTrade[];
  readonly trades: number;
  readonly win_rate_pct: number | null;
  readonly profit_factor: number | null;
  readonly last_trades: readonly ShownTrade[];
  /** Lately, of all symbols. */
  readonly bars_per_second: number;
  readonly checkpoint_at: number | null;
  readonly result: Result | null;
  readonly breakpoints: readonly Breakpoint[];
  /** The newest lines of `ctx.log`. */
  readonly log: readonly { readonly time: number; readonly symbol: string; readonly text: string }[];
  readonly equity_curve: readonly number[];
  readonly drawdown_curve: readonly number[];
  readonly candles: readonly Candles[];
  readonly system_manager: SystemState;
  readonly performance_metrics: PerformanceMetrics;
  readonly subscriptions: readonly SubscriptionCounts[];
  readonly lag: Lag;
  readonly feed: FeedCounts | null;
};
