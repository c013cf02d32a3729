import { expect, test } from "bun:test";
import { parseCommission } from "../../../../src/backtest/core/broker/commission.ts";

test.each([
  ["0", { fixed: 0, rate: 0, perUnit: 0 }],
  ["0.0001", { fixed: 0, rate: 0.0001, perUnit: 0 }],
  ["1e-4", { fixed: 0, rate: 0.0001, perUnit: 0 }],
  ["0.5+0.00001", { fixed: 0.5, rate: 0.00001, perUnit: 0 }],
  ["0.5 + 1e-5", { fixed: 0.5, rate: 0.00001, perUnit: 0 }],
  ["1e+1+1e-5", { fixed: 10, rate: 0.00001, perUnit: 0 }],
  ["2+0", { fixed: 2, rate: 0, perUnit: 0 }],
  ["0.005/unit", { fixed: 0, rate: 0, perUnit: 0.005 }],
  ["1 / unit", { fixed: 0, rate: 0, perUnit: 1 }],
])("%s is read", (text, commission) => {
  expect(parseCommission(text)).toEqual(commission);
});

test.each([
  "",
  "+",
  "2+",
  "+0.1",
  "1",
  "-0.1",
  "0.1+2",
  "a",
  "1+2+3",
  "NaN",
  "Infinity",
  "0x0",
  "/unit",
  "1/lot",
  "-1/unit",
])("'%s' is refused", (text) => {
  expect(parseCommission(text)).toBeUndefined();
});
