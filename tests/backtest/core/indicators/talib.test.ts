/**
 * The values that TA-Lib's own regression tests expect (github.com/TA-Lib/ta-lib, src/tools/ta_regtest/ta_test_func: test_ma.c,
 * test_rsi.c, test_macd.c, test_bbands.c, test_stddev.c, test_trange.c, test_adx.c, test_stoch.c, test_per_hlc.c, test_mom.c,
 * test_donchian.c; default compatibility, unstable period 0), on its 252 bars of reference (test_data.c, here talib.csv).
 * They are good to a hundredth. What the library itself gives on those bars (0.4, its C source compiled as it is; for OBV
 * there is nothing else) is compared to the last digits.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Bars } from "../../../../src/backtest/core/bars.ts";
import type { Indicator, Series } from "../../../../src/backtest/core/strategy.ts";
import { along, barsOf } from "./along.ts";

const bars = reference();

/** The bars of reference. */
function reference(): Bars {
  const [header = "", ...rows] = readFileSync(`${import.meta.dir}/talib.csv`, "utf8")
    .trim()
    .split("\n");
  const names = header.split(",");
  const cells = rows.map((row) => row.split(",").map(Number));
  const column = (name: string) => cells.map((row) => row[names.indexOf(name)] as number);
  return barsOf(column("close"), {
    open: column("open"),
    high: column("high"),
    low: column("low"),
    volume: column("volume"),
  });
}

/** Values by the number of the bar. */
type Expected = Record<number, number>;

/** [what, how it is declared, the line, the first bar with a value, values] */
const published: [string, (series: Series) => Indicator, string, number, Expected][] = [
  ["SMA(2)", ({ sma }) => sma(2), "", 1, { 1: 93.15, 2: 94.59, 3: 94.73, 251: 108.31 }],
  [
    "SMA(30)",
    ({ sma }) => sma(30),
    "",
    29,
    { 29: 90.42, 30: 90.21, 31: 89.96, 58: 87.12, 250: 107.95, 251: 108.42 },
  ],
  ["EMA(2)", ({ ema }) => ema(2), "", 1, { 1: 93.15, 2: 93.96, 251: 108.21 }],
  ["EMA(10)", ({ ema }) => ema(10), "", 9, { 9: 93.22, 10: 93.75, 29: 86.46, 251: 108.97 }],
  ["WMA(2)", ({ wma }) => wma(2), "", 1, { 1: 93.71, 2: 94.52, 3: 94.85, 251: 108.16 }],
  [
    "WMA(30)",
    ({ wma }) => wma(30),
    "",
    29,
    { 29: 88.567, 30: 88.233, 31: 88.034, 58: 87.191, 250: 109.3413, 251: 109.3466 },
  ],
  ["RSI(14)", ({ rsi }) => rsi(14), "", 14, { 14: 49.14, 15: 52.32, 16: 46.07, 251: 49.63 }],
  ["MACD", ({ macd }) => macd(12, 26, 9), "macd", 25, { 33: -1.9738 }],
  ["MACD's signal", ({ macd }) => macd(12, 26, 9), "signal", 33, { 33: -2.7071 }],
  ["MACD's histogram", ({ macd }) => macd(12, 26, 9), "histogram", 33, { 33: 0.7333 }],
  ["MACD the other way round", ({ macd }) => macd(26, 12, 9), "signal", 33, { 33: -2.7071 }],
  ["the upper Bollinger band", ({ bollinger }) => bollinger(20, 2), "upper", 19, { 19: 98.0734 }],
  ["the Bollinger bands' middle", ({ bollinger }) => bollinger(20, 2), "middle", 19, { 19: 92.891 }],
  ["the lower Bollinger band", ({ bollinger }) => bollinger(20, 2), "lower", 19, { 19: 87.7086 }],
  ["STDDEV(5)", ({ stddev }) => stddev(5), "", 4, { 4: 1.2856, 5: 0.4462, 251: 0.7144 }],
  ["ATR(1)", ({ atr }) => atr(1), "", 1, { 1: 3.535, 13: 9.685, 41: 5.125, 251: 2.88 }],
  [
    "ATR(14)",
    ({ atr }) => atr(14),
    "",
    14,
    { 14: 3.578, 15: 3.4876, 16: 3.55, 26: 3.245, 27: 3.394, 28: 3.413, 251: 3.26 },
  ],
  ["ADX(14)", ({ adx }) => adx(14), "", 27, { 27: 23, 28: 22.0802, 250: 16.684, 251: 15.526 }],
  ["+DI(14)", ({ adx }) => adx(14), "plus", 14, { 14: 20.3781, 27: 22.1073, 28: 20.3746, 251: 21 }],
  ["-DI(14)", ({ adx }) => adx(14), "minus", 14, { 14: 30.1684, 28: 24.969182, 251: 21.1988 }],
  ["STOCH(5, 3, 3)'s %K", ({ stochastic }) => stochastic(5, 3, 3), "k", 6, { 8: 24.0128, 251: 30.194 }],
  ["STOCH(5, 3, 3)'s %D", ({ stochastic }) => stochastic(5, 3, 3), "d", 8, { 8: 36.254, 251: 43.69 }],
  ["STOCH(5, 3, 4)'s %K", ({ stochastic }) => stochastic(5, 3, 4), "k", 6, { 9: 38.139, 251: 30.194 }],
  ["STOCH(5, 3, 4)'s %D", ({ stochastic }) => stochastic(5, 3, 4), "d", 9, { 9: 36.725, 251: 46.641 }],
  ["CCI(2)", ({ cci }) => cci(2), "", 1, { 1: 66.666, 187: 0 }],
  ["CCI(5)", ({ cci }) => cci(5), "", 4, { 4: 18.857 }],
  [
    "CCI(11)",
    ({ cci }) => cci(11),
    "",
    10,
    {
      10: 87.927,
      11: 180.005,
      12: 143.5190963,
      13: -113.8669783,
      14: -111.064497,
      15: -26.77393309,
      30: -0.005587727,
      34: 113.4778681,
    },
  ],
  [
    "ROC(14)",
    ({ roc }) => roc(14),
    "",
    14,
    { 14: -0.546, 15: -2.109, 16: -5.53, 20: -4.49, 21: -5.5256, 251: -1.0367 },
  ],
  [
    "DONCHIAN(20)'s upper",
    ({ donchian }) => donchian(20),
    "upper",
    19,
    { 19: 99.625, 100: 123, 251: 122.12 },
  ],
  [
    "DONCHIAN(20)'s middle",
    ({ donchian }) => donchian(20),
    "middle",
    19,
    { 19: 93.1875, 100: 112.36, 251: 113.31 },
  ],
  [
    "DONCHIAN(20)'s lower",
    ({ donchian }) => donchian(20),
    "lower",
    19,
    { 19: 86.75, 100: 101.72, 251: 104.5 },
  ],
];

/** What the library gives: [how it is declared, the line, values]. */
const computed: [(series: Series) => Indicator, string, Expected][] = [
  [({ sma }) => sma(14), "", { 13: 93.85749999999999, 132: 130.9635714285714, 251: 109.0185714285714 }],
  [({ ema }) => ema(14), "", { 13: 93.85749999999999, 132: 131.8399213216289, 251: 108.92533824413269 }],
  [({ wma }) => wma(14), "", { 13: 94.01576190476189, 132: 133.8580000000001, 251: 108.96114285714324 }],
  [({ rsi }) => rsi(14), "", { 14: 49.14733969986358, 132: 75.3133097785824, 251: 49.63210207086755 }],
  [
    ({ macd }) => macd(12, 26, 9),
    "macd",
    { 33: -1.9738314311425853, 142: 0.8089920210277768, 251: 0.9040092995013111 },
  ],
  [
    ({ macd }) => macd(12, 26, 9),
    "signal",
    { 33: -2.7071077420416256, 142: 2.3917207283433704, 251: 1.4045942301721954 },
  ],
  [
    ({ macd }) => macd(12, 26, 9),
    "histogram",
    { 33: 0.7332763108990403, 142: -1.5827287073155936, 251: -0.5005849306708843 },
  ],
  [
    ({ bollinger }) => bollinger(14, 2),
    "upper",
    { 13: 98.65022924036307, 132: 142.11993951946886, 251: 110.75725495589785 },
  ],
  [
    ({ bollinger }) => bollinger(14, 2),
    "middle",
    { 13: 93.85749999999999, 132: 130.9635714285714, 251: 109.0185714285714 },
  ],
  [
    ({ bollinger }) => bollinger(14, 2),
    "lower",
    { 13: 89.0647707596369, 132: 119.80720333767397, 251: 107.27988790124496 },
  ],
  [({ atr }) => atr(14), "", { 14: 3.5782142857142856, 132: 3.5003520043879623, 251: 3.260809481168135 }],
  [({ adx }) => adx(14), "", { 27: 22.999310364894765, 139: 37.14537885666011, 251: 15.52605835470341 }],
  [({ adx }) => adx(14), "plus", { 14: 20.378164074412933, 132: 34.32972915761877, 251: 20.99955113609582 }],
  [
    ({ adx }) => adx(14),
    "minus",
    { 14: 30.168496492833185, 132: 6.944536748111983, 251: 21.198823355925374 },
  ],
  [
    ({ stochastic }) => stochastic(14, 3, 4),
    "k",
    { 18: 25.566343042071196, 134: 84.92024512584386, 251: 39.300932136346425 },
  ],
  [
    ({ stochastic }) => stochastic(14, 3, 4),
    "d",
    { 18: 29.279927790700803, 134: 90.23898860010583, 251: 32.82323232323225 },
  ],
  [({ cci }) => cci(14), "", { 13: -123.06431971659491, 132: 96.27450980392177, 251: -98.35950398707438 }],
  [({ roc }) => roc(14), "", { 14: -0.5464480874316946, 132: 11.639824304538804, 251: -1.0366972477064196 }],
  [
    ({ stddev }) => stddev(14),
    "",
    { 13: 2.3963646201815463, 132: 5.578184045448726, 251: 0.8693417636632207 },
  ],
  [
    ({ obv }) => obv(),
    "",
    {
      0: 4077500,
      1: 9033400,
      2: 4258100,
      3: 8413400,
      4: 3820300,
      5: 7451600,
      249: -48859100,
      250: -52297100,
      251: -55167600,
    },
  ],
];

describe("TA-Lib's published value is that of", () => {
  for (const [what, declare, line, first, expected] of published) {
    test(what, () => {
      const values = along(bars, declare).lines[line]?.values ?? [];
      expect(values.findIndex((value) => !Number.isNaN(value))).toBe(first);
      for (const [bar, value] of Object.entries(expected)) {
        expect(Math.abs((values[Number(bar)] as number) - value)).toBeLessThan(0.01);
      }
    });
  }
});

test("TA-Lib's computed values are those of every indicator that it has", () => {
  for (const [declare, line, expected] of computed) {
    const values = along(bars, declare).lines[line]?.values ?? [];
    for (const [bar, value] of Object.entries(expected)) {
      expect(Math.abs((values[Number(bar)] as number) / value - 1)).toBeLessThan(1e-11);
    }
  }
});
