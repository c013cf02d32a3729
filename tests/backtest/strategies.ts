/** Strategy files as users write them, for the tests to hand to `--strategy`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const strategies = {
  /** Buys 1,000 units when the fast average crosses above the slow one, closes when it crosses below. */
  longOnly: `import type { Line, Strategy } from "./stint.d.ts";
    export default {
      name: "long-only",
      params: { fast: 12, slow: 50, units: 1000 },
      init: ({ params, sma }) => ({
        indicators: { fast: sma(params.fast), slow: sma(params.slow) },
        state: { entries: 0 },
      }),
      onBar(ctx) {
        const { fast, slow } = ctx.indicators;
        if (ctx.crossesAbove(fast, slow)) {
          ctx.buy({ size: ctx.params.units });
          ctx.state.entries++;
        } else if (ctx.crossesBelow(fast, slow)) ctx.position.close();
      },
    } satisfies Strategy<{ fast: number; slow: number; units: number }, { fast: Line; slow: Line }, { entries: number }>;`,
  /** Spends a while on each bar, so that it can be killed in the middle. */
  slow: `import { spin } from "./spin.ts";
    export default {
      init: ({ sma }) => ({ indicators: { a: sma(5), b: sma(20) }, state: { noise: 1 } }),
      onBar(ctx) {
        ctx.state.noise = spin(ctx.state.noise);
        const { a, b } = ctx.indicators;
        if (ctx.crossesAbove(a, b)) { ctx.position.close(); ctx.buy({ size: 100 + (ctx.state.noise % 7) }); }
        else if (ctx.crossesBelow(a, b)) { ctx.position.close(); ctx.sell({ size: 100 + (ctx.state.noise % 5) }); }
      },
    };`,
  spin: `export function spin(seed) {
      let x = seed;
      for (let i = 0; i < 8000; i++) x = (x * 1103515245 + 12345) % 2147483648;
      return x;
    }`,
  /** All that a run can be made of: derived bars, brackets, stops that trail, days' orders, chance, what it remembers. */
  everything: `export default {
      params: { dated: true },
      init: ({ params, sma, atr, bars, symbols }) => {
        const hours = bars("4h");
        return {
          indicators: { fast: sma(10), range: atr(14), hours, trend: hours.sma(5) },
          state: { dice: Math.random(), began: params.dated ? Date.now() : 0, known: symbols.length, fills: 0, closed: 0 },
        };
      },
      onDerivedBar(ctx, bar) { ctx.state.closed = bar.close(); },
      onFill(ctx, fill) { ctx.state.fills += fill.why === "sl" ? 2 : 1; },
      onBar(ctx) {
        const { fast, range, trend } = ctx.indicators;
        const { state } = ctx;
        const chance = Math.random();
        const at = ctx.close();
        if (ctx.position.size === 0 && chance < 0.2) {
          const way = fast.value > trend.value ? 1 : -1;
          const size = 100 + ((state.fills * 7 + Math.floor(state.dice * 50) + (state.began % 97) + state.known) % 90);
          const order = { size, sl: at - way * range.value, tp: at + way * 2 * range.value, tag: "main" };
          if (way > 0) ctx.buy(order);
          else ctx.sell(order);
        } else if (chance > 0.97) ctx.position.close();
        else if (chance > 0.92) ctx.buy({ size: 10 + Math.floor(chance * 20), limit: at - range.value / 2, tif: "day" });
        else if (chance > 0.88) ctx.sell({ size: 7, stop: at - range.value / 3, trail: range.value });
        if (ctx.index % 500 === 0) ctx.log("at " + ctx.index + ", closed " + state.closed);
        ctx.plot("fills", state.fills);
      },
    };`,
  /** Holds the second bar until a file is there. */
  waits: `import { existsSync } from "node:fs";
    export default {
      init: () => ({}),
      onBar(ctx) {
        while (ctx.index === 1 && !existsSync(import.meta.dir + "/open")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        if (ctx.index % 3 === 0) ctx.buy({ size: 10 });
        if (ctx.index % 5 === 0) ctx.position.close();
      },
    };`,
  /** Never trades, and takes a while about it. */
  quiet: `import { spin } from "./spin.ts";
    export default { init: () => ({ state: { noise: 1 } }), onBar(ctx) { for (let i = 0; i < 4; i++) ctx.state.noise = spin(ctx.state.noise); } };`,
  /** Says at which bar it is called. */
  says: `export default { init: () => ({}), onBar(ctx) { ctx.log(ctx.symbol + " " + ctx.index); } };`,
  endless: `export default { init: () => ({}), onBar(ctx) { if (ctx.index > 5) for (;;) {} } };`,
  endlessLoad: `for (;;) {}
    export default { init: () => ({}), onBar() {} };`,
  asleep: `export default { init: () => ({}), onBar() { console.log("asleep"); Bun.sleepSync(60_000); } };`,
  throws: `export default {
      init: () => ({}),
      onBar(ctx) {
        if (ctx.index === 7) throw new Error("boom");
      },
    };`,
  throwsInInit: `export default { init() { throw new Error("no such thing"); }, onBar() {} };`,
  throwsOnFill: `export default {
      init: () => ({}),
      onBar(ctx) { if (ctx.index === 5) ctx.buy({ size: 10 }); },
      onFill(ctx, fill) { throw new Error("filled at " + fill.price); },
    };`,
  throwsOnDerived: `export default {
      init: ({ bars }) => ({ indicators: { hours: bars("3h") } }),
      onDerivedBar() { throw new Error("derived"); },
    };`,
  throwsAtEnd: `export default { init: () => ({}), onBar() {}, onEnd() { throw new Error("over"); } };`,
  throwsInCommission: `export default {
      init: () => ({}),
      onBar(ctx) { if (ctx.index === 5) ctx.buy({ size: 10 }); },
      commission: () => NaN,
    };`,
  async: `export default { init: () => ({}), async onBar() {} };`,
  future: `export default { init: () => ({}), onBar(ctx) { ctx.close(-1); } };`,
  unserialisable: `export default { init: () => ({ state: { deep: [{ when: new Date(0) }] } }), onBar() {} };`,
  /** Long and short in turn; on flat prices every trade breaks even. */
  flip: `export default {
      init: () => ({}),
      onBar(ctx) {
        if (ctx.index % 7 !== 0) return;
        ctx.position.close();
        if (ctx.index % 14 === 0) ctx.sell({ size: 10 });
        else ctx.buy({ size: 10 });
      },
    };`,
  shares: `const now = { entries: 0 };
    export default { init: () => ({ state: { now, all: [now] } }), onBar() {} };`,
  exits: `export default { init: () => ({}), onBar(ctx) { if (ctx.index === 9) process.exit(3); } };`,
  requires: `const { size } = require("./size.cjs");
    export default { init: () => ({}), onBar(ctx) { if (ctx.index % 50 === 0) ctx.buy({ size }); } };`,
  remembersTrades: `export default {
      init: () => ({ state: {} }),
      onBar(ctx) {
        if (ctx.index === 5) ctx.buy({ size: 10 });
        if (ctx.index === 8) ctx.state.open = ctx.trades;
        if (ctx.index > 8 && ctx.index % 9 === 0) ctx.buy({ size: 1 + ctx.state.open.length });
      },
    };`,
  stopLoss: `export default { init: () => ({}), onBar(ctx) { ctx.buy({ size: 1, sl: 2 }); } };`,
  bareNumber: `export default { init: () => ({}), onBar(ctx) { ctx.buy(10); } };`,
  ownField: `export default { init: () => ({}), onBar(ctx) { ctx.entries = 1; } };`,
  tooLarge: `export default { init: () => ({}), onBar(ctx) { if (ctx.index % 1000 === 0) ctx.buy({ size: 1e9 }); } };`,
  noDefault: `export const strategy = 1;`,
  noOnBar: `export default { init: () => ({}) };`,
  syntax: `export default {\n  init: () => ({}),\n  onBar( { }\n};`,
  talks: `console.log("from the file");
    export default { init: () => ({}), onBar(ctx) { if (ctx.index === 1) console.log("bar", { index: ctx.index }); } };`,
} as const;

/** Writes one into a folder and gives its file's name. */
export function writeStrategy(folder: string, name: keyof typeof strategies): string {
  writeFileSync(join(folder, `${name}.ts`), strategies[name]);
  return `${name}.ts`;
}
