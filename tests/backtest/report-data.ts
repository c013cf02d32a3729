import { type Bars, closeDecimals } from "../../src/backtest/core/bars.ts";
import type { ClosedTrade } from "../../src/backtest/core/broker/account.ts";
import { plainSettings } from "../../src/backtest/core/broker/account.ts";
import { plainInstrument } from "../../src/backtest/core/broker/instrument.ts";
import { monteCarlo } from "../../src/backtest/core/results/monte-carlo.ts";
import type { ReportData, ReportLine } from "../../src/backtest/core/results/report-data.ts";
import { statistics } from "../../src/backtest/core/results/statistics.ts";

const FIRST = Date.UTC(2020, 0, 1);

/** Bars of a seeded random walk, five decimals. */
export function walk(length: number, stepMs = 60_000): Bars {
  const column = () => new Float64Array(length);
  const [time, open, high, low, close, volume] = [column(), column(), column(), column(), column(), column()];
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed / 0x7fffffff;
  };
  const round = (price: number) => Math.round(price * 1e5) / 1e5;
  let price = 1.1;
  for (let i = 0; i < length; i++) {
    time[i] = FIRST + i * stepMs;
    open[i] = price;
    price = round(price * (1 + (random() - 0.5) * 0.001));
    close[i] = price;
    high[i] = round(Math.max(open[i] ?? 0, price) + random() * 0.0003);
    low[i] = round(Math.min(open[i] ?? 0, price) - random() * 0.0003);
    volume[i] = Math.floor(random() * 1000);
  }
  return { length, time, open, high, low, close, volume, decimals: closeDecimals(close) };
}

/** A simple average over the closes, as a line of a report. */
export function average(bars: Bars, length: number, name: string): ReportLine {
  const values = new Float64Array(bars.length).fill(Number.NaN);
  let sum = 0;
  for (let i = 0; i < bars.length; i++) {
    sum += (bars.close[i] ?? 0) - (bars.close[i - length] ?? 0);
    if (i >= length - 1) values[i] = sum / length;
  }
  return { name, pane: "price", values };
}

/**
 * A report of a made run: on each symbol in turn a trade of twenty bars every fifty, long and short by turns.
 * @param symbols each with its bars, all of the same times
 */
export function madeReport(
  symbols: Record<string, Bars>,
  more: Partial<ReportData> & { tag?: string } = {},
): ReportData {
  const names = Object.keys(symbols);
  const all = Object.values(symbols);
  const [first = walk(0)] = all;
  const { length } = first;
  const cash = 10_000;
  const equity = new Float64Array(length).fill(cash);
  const trades: ClosedTrade[] = [];
  let balance = cash;
  for (let entryBar = 50; entryBar + 20 < length; entryBar += 50) {
    const n = trades.length;
    const symbol = n % names.length;
    const bars = all[symbol] ?? first;
    const size = n % 2 === 0 ? 1000 : -1000;
    const exitBar = entryBar + 20;
    const [entryPrice, exitPrice] = [bars.open[entryBar] ?? 0, bars.open[exitBar] ?? 0];
    const pnl = size * (exitPrice - entryPrice) - 0.5;
    for (let i = entryBar; i < Math.min(length, entryBar + 50); i++) {
      equity[i] = balance + (i < exitBar ? size * ((bars.close[i] ?? 0) - entryPrice) : pnl);
    }
    balance += pnl;
    const cost = 1000 * entryPrice;
    const [mae, mfe] = [-0.001, 0.002];
    trades.push({
      symbol,
      size,
      entryBar,
      exitBar,
      entryTime: bars.time[entryBar] ?? Number.NaN,
      exitTime: bars.time[exitBar] ?? Number.NaN,
      entryPrice,
      exitPrice,
      pnl,
      commission: 0.5,
      borrow: 0,
      returnFraction: pnl / cost,
      mae,
      mfe,
      why: n % 3 === 0 ? "sl" : "close",
      tag: n === 1 ? (more.tag ?? "second") : null,
    });
  }
  const traded = names.map((symbol, n) => ({ symbol, bars: all[n] ?? first, warmup: 10 }));
  const stats = statistics({
    symbols: traded,
    time: first.time,
    equity,
    trades,
    timezone: "UTC",
    benchmark: null,
  });
  return {
    id: "0198c0de-0000-7000-8000-000000000001",
    title: `made ${names.join(" ")}`,
    run: {
      strategy: { source: { builtin: "sma-cross" }, files: {} },
      engine: 1,
      params: { fast: 10, slow: 20 },
      mode: "backtest",
      symbols: names.map((symbol) => ({
        instrument: plainInstrument(symbol),
        source: null,
        hash: "",
        joined: null,
      })),
      timeframe: "1m",
      from: null,
      to: null,
      timezone: "America/New_York",
      hours: null,
      settings: { ...plainSettings(cash), finalize: false },
      seed: 1,
      benchmark: null,
    },
    result: {
      stats,
      hash: "00",
      bust: false,
      bars: length * names.length,
      steps: length,
      dropped_orders: 0,
      unseen_symbols: [],
    },
    symbols: traded.map((each) => ({ ...each, lines: [] })),
    trades,
    time: first.time,
    equity,
    log: [],
    monteCarlo:
      monteCarlo(
        trades.map(({ pnl }) => pnl),
        { cash, simulations: 200, seed: 1 },
      ) ?? null,
    note: null,
    ...more,
  };
}
