import type { CommandSpec, OptionSpec } from "../kernel/command.ts";
import { Exit, Expected } from "../kernel/errors.ts";
import { type Commission, parseCommission } from "./core/commission.ts";

/** `stint backtest`: what can be asked, and how its words become values. The bodies are in adapters/. */

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new Expected(Exit.usage, `must be a number above 0, not '${text}'`);
}

function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value < 1) return value;
  throw new Expected(Exit.usage, `must be at least 0 and below 1, not '${text}'`);
}

function commission(text: string): Commission {
  const commission = parseCommission(text);
  if (commission) return commission;
  throw new Expected(Exit.usage, `must be a RATE below 1 or FIXED+RATE, not '${text}'`);
}

function parseParam(text: string, before: unknown): Record<string, number> {
  const [, name, value] = /^([A-Za-z_]\w*)=(.+)$/.exec(text) ?? [];
  const number = Number(value);
  if (name === undefined || value?.trim() === "" || !Number.isFinite(number)) {
    throw new Expected(Exit.usage, `must be NAME=NUMBER, not '${text}'`);
  }
  return { ...(before as Record<string, number> | undefined), [name]: number };
}

/** A day, a time or an instant; without a zone it is UTC, as times in data files are. @returns UTC ms */
function parseTime(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?(Z)?$/.exec(text.trim());
  const [, day, time = "00:00"] = match ?? [];
  const ms = day === undefined ? Number.NaN : Date.parse(`${day}T${time}Z`);
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day ?? "")) return ms;
  throw new Expected(Exit.usage, `'${text}' isn't a time`, "2017-06-01 or 2017-06-01T14:30 (UTC)");
}

const mannerOptions: readonly OptionSpec[] = [
  { flags: "--detach", help: "run in the background and return at once" },
  {
    flags: "--pace <bars>",
    help: "work at most this many bars a second, to watch it",
    parse: positive,
  },
];

const perform = () => import("./adapters/perform.ts");
const remote = () => import("./adapters/remote.ts");

export const backtestCommand: CommandSpec = {
  usage: "backtest",
  summary: "run a strategy on market data; pause it, kill it, resume it to the same bits",
  commands: [
    {
      usage: "run",
      summary: "run a strategy over a file of bars",
      description: `Without arguments it runs sma-cross over the bundled sample, 5,000 hourly bars of EURUSD.
A strategy is built in (sma-cross) or a TypeScript file: stint backtest init NAME makes one to start from.
Data is CSV with a header: a time column (time, date, datetime, timestamp or unnamed), open, high, low, close and
perhaps volume. Times without a zone are UTC.`,
      options: [
        { flags: "--strategy <name>", help: "a built-in strategy or a .ts file (default: sma-cross)" },
        {
          flags: "--param <name=value>",
          help: "set a parameter (sma-cross has fast, 10, and slow, 20); may be repeated",
          parse: parseParam,
        },
        { flags: "--data <file>", help: "CSV file of bars (default: the bundled sample)" },
        { flags: "--symbol <name>", help: "what is traded, for display (default: the file's name)" },
        { flags: "--cash <amount>", help: "cash at the start (default: 10000)", parse: positive },
        { flags: "--from <time>", help: "bars from this time on", parse: parseTime },
        { flags: "--to <time>", help: "bars before this time", parse: parseTime },
        {
          flags: "--commission <rate>",
          help: "RATE of the value, or FIXED+RATE, at entry and at exit (default: 0)",
          parse: commission,
        },
        {
          flags: "--spread <fraction>",
          help: "added to the price of entries (default: 0)",
          parse: fraction,
        },
        { flags: "--trade-on-close", help: "fill market orders at the close instead of the next open" },
        { flags: "--exclusive", help: "a new order cancels pending ones and closes open trades" },
        { flags: "--finalize", help: "close what is open at the end, so that it counts as a trade" },
        { flags: "--paused", help: "begin paused, to step through it" },
        ...mannerOptions,
      ],
      examples: [
        { line: "stint backtest run --param fast=15 --param slow=40", what: "the sample, other averages" },
        { line: "stint backtest run --data BTC.csv --commission 0.001", what: "your own data" },
        { line: "stint backtest run --strategy mine.ts --paused", what: "step through your own strategy" },
        { line: "stint backtest run --json | tail -1", what: "the result, for a script" },
      ],
      run: async (context, _args, options) => (await perform()).run(context, options),
    },
    {
      usage: "pause [id]",
      summary: "pause a run at its next bar and write a checkpoint",
      run: async (context, [id]) => (await remote()).command(context, "pause", id),
    },
    {
      usage: "resume [id]",
      summary: "go on with a paused run, or restore one whose host is gone",
      description: `A run whose host still lives goes on there. One that was killed or stopped before its end is restored from
its newest checkpoint, under the same id, in this process (or in the background with --detach): it ends with the same
trades and equity, to the bit. It is refused when its data or its strategy's file has changed.`,
      options: [{ flags: "--paused", help: "restore it paused" }, ...mannerOptions],
      run: async (context, [id], options) => (await perform()).resume(context, id, options),
    },
    {
      usage: "step [bars]",
      summary: "let a paused run work some bars (1) and pause again",
      options: [{ flags: "--id <id>", help: "which run, when several are live" }],
      run: async (context, [bars = "1"], { id }) =>
        (await remote()).step(context, bars, id as string | undefined),
    },
    {
      usage: "stop [id]",
      summary: "end a run in order, with a last checkpoint",
      run: async (context, [id]) => (await remote()).stop(context, id),
    },
    {
      usage: "status [id]",
      summary: "how far a run is, or what it came to",
      run: async (context, [id]) => (await remote()).status(context, id),
    },
    {
      usage: "watch [id]",
      summary: "show a live run full screen; leaving it leaves it running",
      run: async (context, [id]) => (await remote()).watch(context, id),
    },
    {
      usage: "report [id]",
      summary: "what a finished run came to; as a picture with --png",
      options: [{ flags: "--png <file>", help: "write a picture of equity and drawdown" }],
      run: async (context, [id], { png }) =>
        (await import("./adapters/report.ts")).report(context, id, png as string | undefined),
    },
    {
      usage: "init <name>",
      summary: "write a strategy to start from, and its types, into this folder",
      examples: [{ line: "stint backtest init mine && stint backtest run --strategy mine.ts", what: "" }],
      run: async (context, [name = ""]) => (await import("./adapters/starter.ts")).init(context, name),
    },
  ],
};
