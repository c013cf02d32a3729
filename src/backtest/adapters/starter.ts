import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { writeOut } from "./files.ts";

/** A strategy to start from: long while the fast average is above the slow one. */
const starter = `import type { Sma, Strategy } from "./stint.d.ts";

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

const TYPES = "stint.d.ts";

/** The text of the types that a strategy is written against. */
async function types(): Promise<string> {
  if (!("Bun" in globalThis)) return readFileSync(new URL("../core/strategy.ts", import.meta.url), "utf8");
  const module: object = await import("../core/strategy.ts", { with: { type: "text" } });
  return (module as { default: string }).default;
}

/** `stint backtest init` */
export async function init({ output }: Context, name: string): Promise<number> {
  if (!/^[A-Za-z][\w-]*(\.ts)?$/.test(name)) {
    throw new Expected(Exit.usage, `'${name}' can't be a strategy's name`, "letters, digits, - and _");
  }
  const file = `${name.replace(/\.ts$/, "")}.ts`;
  const text = await types();
  // One of an older stint is brought up to date; one that somebody else wrote is left alone.
  const [firstLines = ""] = text.split("```");
  if (existsSync(TYPES) && !readFileSync(TYPES, "utf8").startsWith(firstLines)) {
    throw new Expected(Exit.no, `${TYPES} here isn't stint's`, "make the strategy in another folder");
  }
  writeOut(file, starter, "wx");
  writeOut(TYPES, text);
  output.emit({ type: "file", path: join(process.cwd(), file) }, () => `${file} and its types, stint.d.ts`);
  output.note(`run it: stint backtest run --strategy ${file}`);
  return Exit.ok;
}
