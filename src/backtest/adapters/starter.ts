import { readFileSync } from "node:fs";

/** A strategy to start from: long while the fast average is above the slow one. */
export const starter = `import type { Sma, Strategy } from "./stint.d.ts";

// Long while the fast average is above the slow one. What must be remembered from bar to bar lives in ctx.state:
// plain data, which is kept in every checkpoint.
export default {
  params: { fast: 10, slow: 30 },
  init({ params, sma }) {
    return {
      indicators: { fast: sma(params.fast), slow: sma(params.slow) },
      state: { entries: 0 },
    };
  },
  onBar(ctx) {
    const { fast, slow } = ctx.indicators;
    if (ctx.crossesAbove(fast, slow)) {
      ctx.buy();
      ctx.state.entries += 1;
    } else if (ctx.crossesBelow(fast, slow)) {
      ctx.position.close();
    }
  },
} satisfies Strategy<{ fast: number; slow: number }, { fast: Sma; slow: Sma }, { entries: number }>;
`;

/** The text of the types that a strategy is written against. */
export async function types(): Promise<string> {
  if (!("Bun" in globalThis)) return readFileSync(new URL("../core/strategy.ts", import.meta.url), "utf8");
  const module: object = await import("../core/strategy.ts", { with: { type: "text" } });
  return (module as { default: string }).default;
}
