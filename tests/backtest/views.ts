/** What a host pushes of backtests, played. */
import type { Candles, Inspected, RunState, ShownTrade } from "../../src/backtest/core/run-state.ts";
import type { View } from "../../src/backtest/tui/words.ts";

const HOUR = 3_600_000;
/** Of the newest bar. */
export const NOW = Date.UTC(2017, 10, 2, 14);

/** Hourly candles up to {@link NOW}, around a price. */
export function candlesOf(symbol: string, count: number, price: number): Candles {
  const at = (i: number) => price + Math.round(Math.sin(i / 9) * 400) / 1e5;
  const numbers = Array.from({ length: count }, (_, i) => i);
  return {
    symbol,
    time: numbers.map((i) => NOW - (count - 1 - i) * HOUR),
    open: numbers.map((i) => at(i)),
    close: numbers.map((i) => at(i + 1)),
    high: numbers.map((i) => Math.max(at(i), at(i + 1)) + 0.0007),
    low: numbers.map((i) => Math.min(at(i), at(i + 1)) - 0.0005),
  };
}

/** A trade that ended so many hours ago. */
export const trade = (ago: number, more: Partial<ShownTrade> = {}): ShownTrade => ({
  symbol: "EURUSD",
  size: -8610,
  entry_bar: 612_331 - ago - 12,
  exit_bar: 612_331 - ago,
  entry_time: NOW - (ago + 12) * HOUR,
  exit_time: NOW - ago * HOUR,
  entry_price: 1.16117,
  exit_price: 1.16377,
  pnl: -22.386,
  why: "order",
  tag: null,
  ...more,
});

const facts = {
  strategy: "sma-cross",
  params: { fast: 15, slow: 40 },
  symbols: ["EURUSD"],
  symbol: "EURUSD",
  mode: "backtest",
  speed: 0,
  timeframe: "1h",
  loaded: 1,
  bar: 612_331,
  bars: 1_000_000,
  time: NOW,
  equity: 11_204.53,
  return_pct: 12.0453,
  max_drawdown_pct: -9.83,
  position: { size: 8583, entry_price: 1.1639 },
  open_trades: [],
  positions: [{ symbol: "EURUSD", size: 8583, entry_price: 1.1639, profit: 79 }],
  trades: 133,
  win_rate_pct: 38.3,
  profit_factor: 1.12,
  last_trades: [trade(30), trade(1)],
  bars_per_second: 18_200_000,
  checkpoint_at: null,
  result: null,
  breakpoints: [],
  log: [{ time: NOW, symbol: "EURUSD", text: "fast is over slow" }],
  equity_curve: [10_000, 10_500, 11_204.53],
  drawdown_curve: [0, -9.83, -4.1],
  candles: [candlesOf("EURUSD", 160, 1.164)],
  system_manager: { _state: "paused", _mode: "backtest", timezone: "America/New_York", transitions: [] },
  performance_metrics: {
    session_duration: 1.2,
    paused_duration: 12.34,
    bars_processed: 612_331,
    processor_timing: null,
    analysis_timing: null,
    bars_per_second: 18_200_000,
  },
  subscriptions: [],
  lag: null,
  feed: null,
} satisfies RunState;

export const paused: View = { session_id: "0199-own", state: "paused", ...facts };

export const running: View = {
  ...paused,
  state: "running",
  system_manager: { ...facts.system_manager, _state: "running" },
};

const between = { mode: "clock-driven", signals: 9, waits: 0, wait_ms: null, resets: 9 } as const;

/** Following the clock, and not keeping up. */
export const clocked: View = {
  ...running,
  speed: 60,
  subscriptions: [
    { name: "bars", ...between, overruns: 1_200 },
    { name: "derived", ...between, overruns: 34 },
  ],
  lag: { bars: 3, ms: 4.25, max_bars: 17, max_ms: 61.5, late_p99_ms: 0.31, late_max_ms: 2 },
};

export const live: View = {
  ...clocked,
  mode: "live",
  speed: 1,
  bar: 120,
  bars: 120,
  feed: { received: 123, late: 1, doubled: 2, out_of_order: 4, refused: 5 },
};

export const several: View = {
  ...paused,
  symbols: ["EURUSD", "BTCUSD"],
  symbol: "EURUSD+1",
  open_trades: [],
  positions: [
    { symbol: "EURUSD", size: 8583, entry_price: 1.1639, profit: 79 },
    { symbol: "BTCUSD", size: -0.25, entry_price: 6_900, profit: -12.5 },
  ],
  candles: [candlesOf("EURUSD", 160, 1.164), candlesOf("BTCUSD", 160, 7_001)],
};

const group = { trades: 66, pnl: 1, win_rate_pct: 40, profit_factor: 1, commissions: 0 };

export const finished: View = {
  ...running,
  state: "stopping",
  bar: 1_000_000,
  result: {
    stats: {
      trades: 133,
      sharpe: 0.61,
      cagr_pct: 3.2,
      exposure_pct: 97.6,
      long: group,
      short: group,
    } as unknown as NonNullable<RunState["result"]>["stats"],
    hash: "0123456789abcdef0123456789abcdef",
    bust: false,
    bars: 1_000_000,
    steps: 1_000_000,
    dropped_orders: 2,
    unseen_symbols: [],
  },
};

export const bust: View = {
  ...finished,
  equity: 0,
  return_pct: -100,
  max_drawdown_pct: -100,
  drawdown_curve: [0, -60, -100],
  equity_curve: [10_000, 4_000, 0],
  result: { ...(finished.result as NonNullable<RunState["result"]>), bust: true },
};

export const loading: View = {
  session_id: "0",
  state: "starting",
  symbol: "BIG",
  strategy: "sma-cross",
  loaded: 0.42,
};

export const inspected: Inspected = {
  symbol: "EURUSD",
  bar: 612_330,
  time: NOW,
  open: 1.164,
  high: 1.165,
  low: 1.163,
  close: 1.1642,
  indicators: { fast: 1.16455, slow: 1.16471, "bands.upper": null },
  position: { size: 8583, profit: 79 },
  trades: [{ id: 400, symbol: "EURUSD", size: 8583, entryTime: NOW - HOUR, entryPrice: 1.1639, sl: null }],
  orders: [{ id: 403, symbol: "EURUSD", side: "sell", size: 0.5, limit: 1.17, tif: "gtc" }],
  state: { seen: 3, last: { up: true } },
};
