import { expect, test } from "bun:test";
import { parseCommission } from "../../../src/backtest/core/commission.ts";

test.each([
  ["0", { fixed: 0, rate: 0 }],
  ["0.0001", { fixed: 0, rate: 0.0001 }],
  ["1e-4", { fixed: 0, rate: 0.0001 }],
  ["0.5+0.00001", { fixed: 0.5, rate: 0.00001 }],
  ["2+0", { fixed: 2, rate: 0 }],
])("%s is read", (text, commission) => {
  expect(parseCommission(text)).toEqual(commission);
});

test.each(["", "+", "2+", "+0.1", "1", "-0.1", "0.1+2", "a", "1+2+3", "NaN", "Infinity"])(
  "'%s' is refused",
  (text) => {
    expect(parseCommission(text)).toBeUndefined();
  },
);
