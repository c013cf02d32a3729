import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { SAMPLE_SYMBOL } from "./data/sample.ts";
import { writeOut } from "./files.ts";

/** A strategy to start from: with the trend of two averages, left at a multiple of the usual range of a bar. */
const strategy = `import type { Line, Strategy } from "./stint.d.ts";

type Params = { fast: number; slow: number; risk: number; reward: number };
type Indicators = { fast: Line; slow: Line; range: Line };
type State = { entries: number };

// Long once the fast average is above the slow one. A trade is left at a loss of so many average ranges of a bar, or
// with a profit of so many, or when the averages cross back. What must be remembered from bar to bar lives in
// ctx.state: plain data, which is kept in every checkpoint.
export default {
  params: {
    fast: { default: 10, min: 2, max: 200, integer: true, help: "bars of the fast average" },
    slow: { default: 30, min: 3, max: 400, integer: true, help: "bars of the slow average" },
    risk: { default: 2, min: 0.5, max: 10, help: "the stop-loss, in average ranges" },
    reward: { default: 4, min: 0.5, max: 20, help: "the take-profit, in average ranges" },
  },
  init({ params, ema, atr }) {
    return {
      indicators: { fast: ema(params.fast), slow: ema(params.slow), range: atr(14) },
      state: { entries: 0 },
    };
  },
  onBar(ctx) {
    const { fast, slow, range } = ctx.indicators;
    if (ctx.crossesBelow(fast, slow)) ctx.position.close();
    if (!ctx.crossesAbove(fast, slow) || ctx.position.size !== 0) return;
    const { risk, reward } = ctx.params;
    const price = ctx.close();
    ctx.buy({ size: 0.5, sl: price - risk * range.value, tp: price + reward * range.value, tag: "cross" });
    ctx.state.entries += 1;
  },
} satisfies Strategy<Params, Indicators, State>;
`;

/** A session file that runs it on the bundled sample, with what else can be said. */
const session = (name: string) => `# What a backtest is of: stint backtest run ${name}.yaml
# Flags of the command line override it. Paths go on from the folder of this file.
version: 1

symbols:
  ${SAMPLE_SYMBOL}:
    sample: ${SAMPLE_SYMBOL} # or a file of yours, CSV, NDJSON or Parquet: data: ${SAMPLE_SYMBOL}.csv
    # columns: { time: Date, close: Last } # when they can't be guessed
    # timezone: UTC # of times that say none
    # stamp: open # a bar's time is that of its open, or of its close
    # tick: 0.00001 # the least step of a price
    # lot: 1 # the least step of units
    # conversion: 1 # what a unit of its currency is worth in the account's, or a symbol of this run

# timeframe: 4h # finer data is joined
# from: 2017-05-01 # UTC
# to: 2018-01-01

# Of trading days and of bars that a strategy derives.
timezone: America/New_York
# hours: { open: 09:30, close: 16:00, days: [mon, tue, wed, thu, fri], holidays: [2017-12-25], early: { 2017-11-24: 13:00 } }

strategy: ${name}.ts
params:
  fast: 10
  slow: 30

cash: 10000
# margin: 0.02 # or leverage: 50
# maintenance: 0.5 # below this part of the margin taken, a margin call
costs:
  commission: 0.00002 # RATE of the value, FIXED+RATE, or AMOUNT/unit
  spread: 0.00005 # a part of the price of entries
  # slippage: 0.01% # of the price, an AMOUNT, or volume IMPACT
  # borrow: 0.02 # a year, of what is held short
  # volume_limit: 0.1 # the most that an order takes of a bar's volume
orders:
  finalize: true # close what is open at the end
  # trade_on_close: true
  # exclusive: true
  # hedging: true

# mode: live # with a feed: - for stdin, or a program that prints bars as NDJSON
# feed: [program, argument]
# speed_multiplier: 3600 # follow the clock so many times as fast; 0: as fast as it can
# seed: 1 # of Math.random in the strategy
# benchmark: ${SAMPLE_SYMBOL}
# pause_at: [2017-06-01T14:30, trade 20, drawdown 5%]
`;

const TYPES = "stint.d.ts";

/** The text of the types that a strategy is written against. */
async function types(): Promise<string> {
  if (!("Bun" in globalThis)) return readFileSync(new URL("../core/strategy.ts", import.meta.url), "utf8");
  const module: object = await import("../core/strategy.ts", { with: { type: "text" } });
  return (module as { default: string }).default;
}

/** `stint backtest init` */
export async function init({ output }: Context, given: string): Promise<number> {
  const name = given.replace(/\.ts$/, "");
  // stint.yaml is the configuration of a project.
  if (!/^[A-Za-z][\w-]*$/.test(name) || name.toLowerCase() === "stint") {
    throw new Expected(
      Exit.usage,
      `'${given}' can't be a strategy's name`,
      "letters, digits, - and _, but not stint",
    );
  }
  const files = [`${name}.ts`, `${name}.yaml`] as const;
  const text = await types();
  // One of an older stint is brought up to date; one that somebody else wrote is left alone.
  const [firstLines = ""] = text.split("```");
  if (existsSync(TYPES) && !readFileSync(TYPES, "utf8").startsWith(firstLines)) {
    throw new Expected(Exit.no, `${TYPES} here isn't stint's`, "make the strategy in another folder");
  }
  // Neither is written when one is there.
  const there = files.find((file) => existsSync(file));
  if (there) throw new Expected(Exit.no, `${there} exists already`, "give another name");
  writeOut(files[0], strategy, "wx");
  writeOut(files[1], session(name), "wx");
  writeOut(TYPES, text);
  for (const file of [...files, TYPES]) output.emit({ type: "file", path: join(process.cwd(), file) });
  if (!output.json) output.text(`${files[0]}, its session file ${files[1]}, and its types, ${TYPES}\n`);
  output.note(`run it: stint backtest run ${files[1]}`);
  return Exit.ok;
}
