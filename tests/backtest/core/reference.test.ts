// The reference runs beside data/market/README.md through the whole engine, to 1e-9: their trades, and their equity at each bar.
import { describe, expect, test } from "bun:test";
import { smaCross } from "../../../src/backtest/core/engine/strategies.ts";
import type { Line, Strategy } from "../../../src/backtest/core/strategy.ts";
import {
  expectClose,
  readReference,
  referenceBars,
  referenceEquity,
  referenceIds,
  referenceTrades,
} from "./reference.ts";
import { run } from "./run.ts";

type SmaStrategy = Strategy<{ fast: number; slow: number }, { fast: Line; slow: Line }>;

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

/** Of bars of four hours, which are seen at their right edge; the case has no parameters of its own. */
const onFourHours: SmaStrategy = {
  init(setup) {
    const { sma } = setup.bars("4h");
    return { indicators: { fast: sma(10), slow: sma(20) } };
  },
  onBar(ctx) {
    const { fast, slow } = ctx.indicators;
    if (ctx.crossesAbove(fast, slow)) {
      ctx.position.close();
      ctx.buy({ size: 1000 });
    } else if (ctx.crossesBelow(fast, slow)) {
      ctx.position.close();
      ctx.sell({ size: 1000 });
    }
  },
};

const cases: [id: string, how: string, strategy: SmaStrategy][] = [
  ["sma_15_40_flip", "closing and turning", smaCross],
  ["sma_15_40_flip_open", "closing and turning", smaCross],
  ["sma_15_40_exclusive", "ordering at each cross", orderAtEachCross],
  ["sma_15_40_exclusive", "closing and turning", smaCross],
  ["sma_7_33_on_close", "closing and turning", smaCross],
  ["sma_12_50_long", "long only", longOnly],
  ["C1_eurusd_sma10_30_margin", "closing and turning", smaCross],
  ["F1_btcusd_fractional", "closing and turning", smaCross],
  ["G3_eurusd_4h_sma", "on derived bars", onFourHours],
];

test("every reference run is among them", () => {
  expect([...new Set(cases.map(([id]) => id))].toSorted()).toEqual(referenceIds().toSorted());
});

describe.each(cases)("%s, %s", (id, _, strategy) => {
  const reference = readReference(id);
  const { kwargs, strategy_params } = reference;
  const { commission = 0 } = kwargs;
  const [fixed, rate] = typeof commission === "number" ? [0, commission] : commission;
  const { n1, n2 } = strategy_params;
  const { equity, trades, stop } = run(
    [{ bars: referenceBars(reference), instrument: { lot: kwargs.fractional_unit ?? 1 } }],
    strategy,
    {
      cash: kwargs.cash,
      leverage: 1 / (kwargs.margin ?? 1),
      commission: { fixed, rate, perUnit: 0 },
      spread: kwargs.spread ?? 0,
      tradeOnClose: kwargs.trade_on_close ?? false,
      exclusiveOrders: kwargs.exclusive_orders ?? false,
      finalize: kwargs.finalize_trades ?? false,
    },
    strategy.params ? { fast: n1, slow: n2 } : {},
    { timeframe: id.startsWith("F1") ? "1mo" : "1h" },
  );

  test("the trades are those of the reference", () => {
    const wanted = referenceTrades(reference);
    expect([stop, trades.length]).toEqual(["end", wanted.length]);
    for (const [n, { entryBar, exitBar, ...figures }] of wanted.entries()) {
      expect(trades[n]).toMatchObject({ entryBar, exitBar });
      const { size, entryPrice, exitPrice, pnl, commission, returnFraction } = figures;
      const compared = { size, entryPrice, exitPrice, pnl, commission, returnFraction };
      for (const [name, value] of Object.entries(compared)) {
        expectClose(trades[n]?.[name as keyof typeof compared], value, `${name} of trade ${n}`);
      }
    }
  });

  test("the equity curve is that of the reference", () => {
    const wanted = referenceEquity(reference);
    expect(equity.length).toBe(wanted.length);
    for (const [i, value] of wanted.entries()) expectClose(equity[i], value, `equity ${i}`);
  });
});
