import { expect, test } from "bun:test";
import { Curve } from "../../../../src/backtest/core/results/curve.ts";

test("a curve in pieces is the curve in one go", () => {
  const equity = Float64Array.from({ length: 1000 }, (_, bar) => 100 + 10 * Math.sin(bar / 30) + bar / 50);
  const whole = new Curve(equity.length, 64);
  whole.extend(equity, equity.length);
  const pieces = new Curve(equity.length, 64);
  for (const upTo of [1, 2, 17, 17, 400, 399, 1000]) pieces.extend(equity, upTo);
  expect({ ...pieces }).toEqual({ ...whole });
  expect(whole.equity).toHaveLength(64);
  expect(whole.equity.at(-1)).toBe(equity.at(-1) as number);
});

test("the drawdown is in per cent below the highest equity so far", () => {
  const curve = new Curve(4, 4);
  curve.extend(Float64Array.of(100, 200, 150, 175), 4);
  expect(curve.drawdown).toEqual([0, 0, -25, -12.5]);
  expect(curve.maxDrawdown).toBe(-25);
});

test("a curve never has more points than bars", () => {
  const curve = new Curve(3, 480);
  curve.extend(Float64Array.of(1, 2, 3), 3);
  expect(curve.equity).toEqual([1, 2, 3]);
});
