import type { Line, Strategy } from "../strategy.ts";

type SmaCrossParams = { fast: number; slow: number };

/** Long while the fast average is above the slow one, short while it is below: closes and turns at each cross. */
export const smaCross: Strategy<SmaCrossParams, { fast: Line; slow: Line }> = {
  name: "sma-cross",
  params: { fast: { default: 10, min: 1, integer: true }, slow: { default: 20, min: 1, integer: true } },
  init({ params, sma }) {
    return { indicators: { fast: sma(params.fast), slow: sma(params.slow) } };
  },
  onBar(ctx) {
    const { fast, slow } = ctx.indicators;
    if (ctx.crossesAbove(fast, slow)) {
      ctx.position.close();
      ctx.buy();
    } else if (ctx.crossesBelow(fast, slow)) {
      ctx.position.close();
      ctx.sell();
    }
  },
};

/** The strategies that need no file, by the name they are asked for. */
export const builtins: Readonly<Record<string, Strategy>> = { "sma-cross": smaCross };
