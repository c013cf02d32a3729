// In a folder of your own `stint backtest init NAME` writes these types as stint.d.ts.
import type { DerivedBars, Line, Strategy } from "../../src/backtest/core/strategy.ts";

type Params = { fast: number; slow: number; units: number };
type Indicators = { hours: DerivedBars; fast: Line; slow: Line };

// Long while the fast average of four-hour bars is above the slow one, short while it is below. A bar of four hours is
// seen once it is whole: on the first hourly bar stamped at its end or after.
export default {
  params: {
    fast: { default: 10, min: 2, integer: true, help: "four-hour bars of the fast average" },
    slow: { default: 20, min: 3, integer: true, help: "four-hour bars of the slow average" },
    units: { default: 1000, min: 1, integer: true, help: "units of a trade" },
  },
  init({ params, bars }) {
    const hours = bars("4h");
    return { indicators: { hours, fast: hours.sma(params.fast), slow: hours.sma(params.slow) } };
  },
  onBar(ctx) {
    const { fast, slow } = ctx.indicators;
    const size = ctx.params.units;
    if (ctx.crossesAbove(fast, slow)) {
      ctx.position.close();
      ctx.buy({ size });
      ctx.log(`long: ${fast.value.toFixed(5)} above ${slow.value.toFixed(5)}`);
    } else if (ctx.crossesBelow(fast, slow)) {
      ctx.position.close();
      ctx.sell({ size });
      ctx.log(`short: ${fast.value.toFixed(5)} below ${slow.value.toFixed(5)}`);
    }
  },
} satisfies Strategy<Params, Indicators>;
