import { expect, test } from "bun:test";
import type { Bars } from "../../../src/backtest/core/bars.ts";
import { GrowingBars, LIVE_DECIMALS } from "../../../src/backtest/core/growing-bars.ts";
import { makeBars } from "../../bench/bars.ts";

const COLUMNS = ["time", "open", "high", "low", "close", "volume"] as const;
const rows = (bars: Bars, length: number) => COLUMNS.map((name) => [...bars[name].subarray(0, length)]);
const rowOf = (bars: Bars, at: number) => ({
  time: bars.time[at] as number,
  open: bars.open[at] as number,
  high: bars.high[at] as number,
  low: bars.low[at] as number,
  close: bars.close[at] as number,
  volume: bars.volume[at] as number,
});

test.each([0, 700, 3000])(
  "after %p bars of history, what comes stands behind them, however much",
  (history) => {
    const all = makeBars(5_000, 3);
    const before = { ...makeBars(history, 3), ...(history === 0 ? { decimals: 0 } : {}) };
    const growing = new GrowingBars(history === 0 ? undefined : before);
    const { bars } = growing;
    for (let at = history; at < all.length; at++) growing.push(rowOf(all, at));
    // The same object all along: who holds it sees it grow.
    expect(growing.bars).toBe(bars);
    expect(bars.length).toBe(5_000);
    expect(rows(bars, 5_000)).toEqual(rows(all, 5_000));
  },
);

test("the history that was given is left as it was", () => {
  const before = makeBars(10, 3);
  const kept = rows(before, 10);
  new GrowingBars(before).push({ time: 1, open: 1, high: 1, low: 1, close: 1, volume: 1 });
  expect([before.length, rows(before, 10)]).toEqual([10, kept]);
});

test("its prices have the decimals that a feed may bring, or those of the history if they are more", () => {
  expect(new GrowingBars(undefined).bars.decimals).toBe(LIVE_DECIMALS);
  expect(new GrowingBars({ ...makeBars(3), decimals: 2 }).bars.decimals).toBe(LIVE_DECIMALS);
  expect(new GrowingBars({ ...makeBars(3), decimals: 10 }).bars.decimals).toBe(10);
});
