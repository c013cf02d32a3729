// The trades and equity curves beside data/market/README.md, to 1e-9, by the broker alone: the loop and the averages are here.
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type BrokerSettings, plainSettings } from "../../../src/backtest/core/account.ts";
import type { Bars } from "../../../src/backtest/core/bars.ts";
import { Broker } from "../../../src/backtest/core/broker.ts";
import { plainInstrument } from "../../../src/backtest/core/instrument.ts";

type Reference = {
  strategy_params: { n1: number; n2: number };
  kwargs: {
    cash: number;
    commission?: number | [fixed: number, rate: number];
    spread?: number;
    margin?: number;
    trade_on_close?: boolean;
    exclusive_orders?: boolean;
    finalize_trades?: boolean;
    fractional_unit?: number;
    rows_from?: string;
  };
};

/** What the strategy of a case does at a cross; 1 is up. */
type AtCross = (broker: Broker, direction: 1 | -1) => void;

const flip: AtCross = (broker, direction) => {
  broker.closeAll(0);
  broker.order(0, direction);
};
const order: AtCross = (broker, direction) => broker.order(0, direction);
const long1000: AtCross = (broker, direction) => {
  if (direction === 1) broker.order(0, 1, { size: 1000 });
  else broker.closeAll(0);
};

const cases: [id: string, data: string, atCross: AtCross][] = [
  ["sma_15_40_flip", "EURUSD", flip],
  ["sma_15_40_flip_open", "EURUSD", flip],
  ["sma_15_40_exclusive", "EURUSD", order],
  ["sma_7_33_on_close", "EURUSD", flip],
  ["sma_12_50_long", "EURUSD", long1000],
  ["C1_eurusd_sma10_30_margin", "EURUSD", flip],
  ["F1_btcusd_fractional", "BTCUSD", flip],
];

const folder = new URL("../reference/", import.meta.url);
const lines = (url: URL) =>
  readFileSync(url, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));

function load(data: string, from = ""): Bars {
  const url =
    data === "EURUSD"
      ? new URL("../../../src/backtest/sample/EURUSD.csv", import.meta.url)
      : new URL(`${data}.csv`, folder);
  const rows = lines(url).filter(([time = ""]) => time >= from);
  const column = (n: number) => Float64Array.from(rows, (row) => Number(row[n]));
  return {
    length: rows.length,
    time: Float64Array.from(rows, ([time = ""]) => Date.parse(`${time.replace(" ", "T")}${time.length > 10 ? "Z" : ""}`)),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
    decimals: 5,
  };
}

/** The sums of `length` closes as integers, so that ties are exact. */
function sums(close: Float64Array, length: number): number[] {
  const scaled = Array.from(close, (price) => Math.round(price * 1e5));
  let sum = 0;
  return scaled.map((price, i) => {
    sum += price - (scaled[i - length] ?? 0);
    return sum;
  });
}

function work(id: string, data: string, atCross: AtCross) {
  const { strategy_params, kwargs } = JSON.parse(readFileSync(new URL(`${id}.json`, folder), "utf8")) as Reference;
  const bars = load(data, kwargs.rows_from);
  const commission = kwargs.commission ?? 0;
  const [fixed, rate] = typeof commission === "number" ? [0, commission] : commission;
  const settings: BrokerSettings = {
    ...plainSettings(kwargs.cash),
    leverage: 1 / (kwargs.margin ?? 1),
    commission: { fixed, rate, perUnit: 0 },
    spread: kwargs.spread ?? 0,
    tradeOnClose: kwargs.trade_on_close ?? false,
    exclusiveOrders: kwargs.exclusive_orders ?? false,
  };
  const broker = new Broker(settings, () => 0);
  broker.add({ ...plainInstrument(data), lot: kwargs.fractional_unit ?? 1 }, bars);
  const { n1, n2 } = strategy_params;
  const fast = sums(bars.close, n1);
  const slow = sums(bars.close, n2);
  /** The sign of the fast average less the slow one. */
  const side = (i: number) => Math.sign((fast[i] as number) * n2 - (slow[i] as number) * n1);
  const equity = new Float64Array(bars.length).fill(kwargs.cash);
  for (let i = n2; i < bars.length; i++) {
    broker.mark(0, i);
    broker.work(0, i);
    equity[i] = broker.settle(bars.time[i] as number);
    const now = side(i);
    if (now !== 0 && side(i - 1) === -now) atCross(broker, now as 1 | -1);
  }
  if (kwargs.finalize_trades) equity[bars.length - 1] = broker.finalize();
  return { equity, trades: broker.closed };
}

function expectClose(actual: number | undefined, wanted: number, what: string): void {
  const error = Math.abs((actual ?? Number.NaN) - wanted) / Math.max(Math.abs(wanted), 1e-300);
  if (!(actual === wanted || error <= 1e-9)) throw new Error(`${what} is ${actual}, the reference has ${wanted}`);
}

describe.each(cases)("%s", (id, data, atCross) => {
  const { equity, trades } = work(id, data, atCross);

  test("the trades are those of the reference", () => {
    const wanted = lines(new URL(`${id}.trades.csv`, folder)).map((row) => row.map(Number));
    expect(trades.length).toBe(wanted.length);
    for (const [n, row] of wanted.entries()) {
      const [, size, entryBar, exitBar, entryPrice, exitPrice, , , pnl, commission, returned] = row as number[];
      const trade = trades[n];
      expect(trade).toMatchObject({ entryBar, exitBar } as object);
      expectClose(trade?.size, size as number, `size of trade ${n}`);
      expectClose(trade?.entryPrice, entryPrice as number, `entry price of trade ${n}`);
      expectClose(trade?.exitPrice, exitPrice as number, `exit price of trade ${n}`);
      expectClose(trade?.pnl, pnl as number, `PnL of trade ${n}`);
      expectClose(trade?.commission, commission as number, `commission of trade ${n}`);
      expectClose(trade?.returnFraction, returned as number, `return of trade ${n}`);
    }
  });

  test("the equity curve is that of the reference", () => {
    const wanted = lines(new URL(`${id}.equity.csv`, folder)).map((row) => Number(row[1]));
    expect(equity.length).toBe(wanted.length);
    for (const [i, value] of wanted.entries()) expectClose(equity[i], value, `equity ${i}`);
  });
});
