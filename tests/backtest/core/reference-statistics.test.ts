// The statistics of every reference run beside data/market/README.md, from its own trades and equity, to 1e-9.
import { describe, expect, test } from "bun:test";
import { statistics } from "../../../src/backtest/core/results/statistics.ts";
import { FIGURES } from "../../../src/backtest/core/results/summary.ts";
import {
  expectClose,
  REFERENCE_NAMES,
  readReference,
  referenceBars,
  referenceEquity,
  referenceIds,
  referenceTrades,
  referenceValue,
} from "./reference.ts";

/** Its indicators are of 4 h bars: the bar of 2017-04-24 12:00 is the first that sees twenty of them (right edge). */
const DERIVED_WARMUP = 75;

test("all reference runs are here", () => {
  expect(referenceIds()).toHaveLength(8);
});

describe.each(referenceIds())("%s", (id) => {
  const reference = readReference(id);
  const bars = referenceBars(reference);
  const { n1, n2 } = reference.strategy_params;
  const warmup = id.startsWith("G3") ? DERIVED_WARMUP : Math.max(n1, n2) - 1;
  const found = statistics({
    symbols: [{ symbol: "X", bars, warmup }],
    time: bars.time,
    equity: referenceEquity(reference),
    trades: referenceTrades(reference),
    timezone: "UTC",
    benchmark: null,
  });

  test.each([...REFERENCE_NAMES])("%s is its %s", (key, name) => {
    const wanted = referenceValue(reference, name);
    // It tells no commissions where there were none.
    if (wanted === undefined) expect([name, found[key]]).toEqual(["Commissions [$]", 0]);
    else expectClose(found[key], wanted, key);
  });

  test("nothing that it tells is left out", () => {
    const names = new Set(REFERENCE_NAMES.map(([, name]) => name));
    expect(Object.keys(reference.stats).filter((name) => !names.has(name))).toEqual([]);
    expect(FIGURES.map(({ key }) => key)).toEqual(
      expect.arrayContaining(REFERENCE_NAMES.map(([key]) => key)),
    );
  });
});
