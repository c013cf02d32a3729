// The reference runs beside data/market/README.md, to 1e-9.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CsvParser } from "../../../src/backtest/core/csv.ts";
import { type Statistics, statistics } from "../../../src/backtest/core/statistics.ts";
import { smaCross } from "../../../src/backtest/core/strategies.ts";
import type { Sma, Strategy } from "../../../src/backtest/core/strategy.ts";
import { run } from "./run.ts";

type SmaStrategy = Strategy<{ fast: number; slow: number }, { fast: Sma; slow: Sma }>;

const longOnly: SmaStrategy = {
  ...smaCross,
  onBar(ctx) {
    const { fast, slow } = ctx.indicators;
    if (ctx.crossesAbove(fast, slow)) ctx.buy({ size: 1000 });
    else if (ctx.crossesBelow(fast, slow)) ctx.position.close();
  },
};

const orderAtEachCross: SmaStrategy = {
  ...smaCross,
  onBar(ctx) {
    const { fast, slow } = ctx.indicators;
    if (ctx.crossesAbove(fast, slow)) ctx.buy();
    else if (ctx.crossesBelow(fast, slow)) ctx.sell();
  },
};

const cases: [id: string, strategy: SmaStrategy][] = [
  ["sma_12_50_long", longOnly],
  ["sma_15_40_exclusive", orderAtEachCross],
  ["sma_15_40_exclusive", smaCross],
  ["sma_15_40_flip", smaCross],
  ["sma_15_40_flip_open", smaCross],
  ["sma_7_33_on_close", smaCross],
];

const NAMES: Record<keyof Statistics, string> = {
  trades: "# Trades",
  equity_final: "Equity Final [$]",
  equity_peak: "Equity Peak [$]",
  return_pct: "Return [%]",
  return_ann_pct: "Return (Ann.) [%]",
  volatility_ann_pct: "Volatility (Ann.) [%]",
  cagr_pct: "CAGR [%]",
  sharpe: "Sharpe Ratio",
  sortino: "Sortino Ratio",
  calmar: "Calmar Ratio",
  max_drawdown_pct: "Max. Drawdown [%]",
  win_rate_pct: "Win Rate [%]",
  profit_factor: "Profit Factor",
  expectancy_pct: "Expectancy [%]",
  sqn: "SQN",
  exposure_pct: "Exposure Time [%]",
  best_trade_pct: "Best Trade [%]",
  worst_trade_pct: "Worst Trade [%]",
  avg_trade_pct: "Avg. Trade [%]",
  buy_hold_return_pct: "Buy & Hold Return [%]",
};

type Reference = {
  strategy_params: { n1: number; n2: number };
  stats: Record<string, number>;
  kwargs: {
    cash: number;
    commission?: number | [fixed: number, rate: number];
    spread?: number;
    trade_on_close?: boolean;
    exclusive_orders?: boolean;
    finalize_trades?: boolean;
  };
};

const folder = new URL("../reference/", import.meta.url);
const rows = (name: string) =>
  readFileSync(new URL(name, folder), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",").map(Number));

function sample() {
  const parser = new CsvParser();
  parser.feed(readFileSync(new URL("../../../src/backtest/sample/EURUSD.csv", import.meta.url)));
  return parser.finish();
}

function expectClose(actual: number | null, wanted: number, what: string): void {
  const error = Math.abs((actual ?? Number.NaN) - wanted) / Math.max(Math.abs(wanted), 1e-300);
  if (!(actual === wanted || error <= 1e-9))
    throw new Error(`${what} is ${actual}, the reference has ${wanted}`);
}

describe.each(cases)("%s", (id, strategy) => {
  const { strategy_params, stats, kwargs } = JSON.parse(
    readFileSync(new URL(`${id}.json`, folder), "utf8"),
  ) as Reference;
  const commission = kwargs.commission ?? 0;
  const bars = sample();
  const { engine, equity, trades } = run(
    bars,
    strategy,
    {
      cash: kwargs.cash,
      commission:
        typeof commission === "number"
          ? { fixed: 0, rate: commission }
          : { fixed: commission[0], rate: commission[1] },
      spread: kwargs.spread ?? 0,
      tradeOnClose: kwargs.trade_on_close ?? false,
      exclusiveOrders: kwargs.exclusive_orders ?? false,
      finalize: kwargs.finalize_trades ?? false,
    },
    { fast: strategy_params.n1, slow: strategy_params.n2 },
  );

  test("the trades are those of the reference", () => {
    const wanted = rows(`${id}.trades.csv`);
    expect(trades.length).toBe(wanted.length);
    for (const [n, row] of wanted.entries()) {
      const [, size, entryBar, exitBar, entryPrice, exitPrice, , , pnl, commissionPaid, returned] = row;
      const trade = trades[n];
      expect(trade).toMatchObject({ size, entryBar, exitBar } as object);
      expectClose(trade?.entryPrice ?? null, entryPrice as number, `entry price of trade ${n}`);
      expectClose(trade?.exitPrice ?? null, exitPrice as number, `exit price of trade ${n}`);
      expectClose(trade?.pnl ?? null, pnl as number, `PnL of trade ${n}`);
      expectClose(trade?.commission ?? null, commissionPaid as number, `commission of trade ${n}`);
      expectClose(trade?.returnFraction ?? null, returned as number, `return of trade ${n}`);
    }
  });

  test("the equity curve is that of the reference", () => {
    const wanted = rows(`${id}.equity.csv`);
    expect(equity.length).toBe(wanted.length);
    for (const [i, row] of wanted.entries())
      expectClose(equity[i] as number, row[1] as number, `equity ${i}`);
  });

  test("the statistics are those of the reference", () => {
    const found = statistics({ bars, equity, trades, warmup: engine.warmup });
    expect(Object.keys(found)).toEqual(Object.keys(NAMES));
    for (const [key, name] of Object.entries(NAMES)) {
      expectClose(found[key as keyof Statistics], stats[name] as number, key);
    }
  });
});
