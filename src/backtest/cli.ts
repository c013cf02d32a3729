import type { CommandSpec, OptionSpec } from "../kernel/command.ts";
import { Exit, Expected } from "../kernel/errors.ts";
import { parseCommission } from "./core/broker/commission.ts";
import { parseSlippage } from "./core/broker/slippage.ts";
import { DATA_FORMATS } from "./core/data/data-source.ts";
import { BREAKPOINTS, parseBreakpoint } from "./core/engine/breakpoint.ts";
import type { Breakpoint } from "./core/run.ts";
import { parseInstant } from "./core/time/instant.ts";

/** `stint backtest`: what can be asked, and how its words become values. The bodies are in adapters/. */

function number(what: string, holds: (value: number) => boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && holds(value)) return value;
    throw new Expected(Exit.usage, `must be ${what}, not '${text}'`);
  };
}
const positive = number("a number above 0", (value) => value > 0);
const atLeastZero = number("a number, 0 or above", (value) => value >= 0);
const fraction = number("at least 0 and below 1", (value) => value >= 0 && value < 1);
const marginOf = number("above 0 and at most 1", (value) => value > 0 && value <= 1);
const wholeNumber = number(
  "a whole number, 0 or above",
  (value) => Number.isSafeInteger(value) && value >= 0,
);

/** A parser whose `undefined` is a usage error. */
function understood<T>(parse: (text: string) => T | undefined, forms: string): (text: string) => T {
  return (text) => {
    const value = parse(text);
    if (value !== undefined) return value;
    throw new Expected(Exit.usage, `must be ${forms}, not '${text}'`);
  };
}

/** NAME=VALUE, repeated: the values are texts, which the strategy's own parameters say how to read. */
function parseParam(text: string, before: unknown): Record<string, string> {
  const [, name, value = ""] = /^([A-Za-z_]\w*)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value.trim() === "") {
    throw new Expected(Exit.usage, `must be NAME=VALUE, not '${text}'`);
  }
  return { ...(before as Record<string, string> | undefined), [name]: value };
}

const repeated = (text: string, before: unknown): string[] => [
  ...((before as string[] | undefined) ?? []),
  text,
];

function breakpoints(text: string, before: unknown): Breakpoint[] {
  const parsed = parseBreakpoint(text);
  if (parsed) return [...((before as Breakpoint[] | undefined) ?? []), parsed];
  throw new Expected(Exit.usage, `must be a time, 'trade N' or 'drawdown N%', not '${text}'`, BREAKPOINTS);
}

/** NAME=COLUMN,…: what the columns of the file are called. */
function parseColumns(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => /^(time|open|high|low|close|volume)=(.+)$/.exec(pair.trim()));
  if (pairs.every((pair) => pair !== null)) {
    return Object.fromEntries(pairs.map((pair) => [pair[1], pair[2]]));
  }
  throw new Expected(Exit.usage, `must be time=NAME,close=NAME,…, not '${text}'`);
}

const parseTime = understood(parseInstant, "a time as 2017-06-01 or 2017-06-01T14:30 (UTC)");

const dataOptions: readonly OptionSpec[] = [
  {
    flags: "--format <name>",
    help: "what the file is (default: seen by its content)",
    choices: DATA_FORMATS,
  },
  {
    flags: "--columns <names>",
    help: "what its columns are called, when it can't be guessed: time=Date,close=Last",
    parse: parseColumns,
  },
  { flags: "--data-timezone <zone>", help: "the zone of times that say none (default: UTC)" },
  {
    flags: "--stamp <what>",
    help: "a bar's time is that of its open or its close (default: open)",
    choices: ["open", "close"],
  },
];

const mannerOptions: readonly OptionSpec[] = [
  { flags: "--detach", help: "run in the background and return at once" },
  {
    flags: "--speed <times>",
    help: "follow the clock so many times as fast: 60 is an hour a minute (default: 0, as fast as it can)",
    parse: atLeastZero,
  },
  {
    flags: "--pace <steps>",
    help: "work at most this many steps a second, to watch it (default: 0, no limit)",
    parse: atLeastZero,
  },
  {
    flags: "--pause-at <where>",
    help: "pause by itself at a time, at 'trade N' or at 'drawdown N%'; may be repeated",
    parse: breakpoints,
  },
];

const runOptions: readonly OptionSpec[] = [
  { flags: "--strategy <name>", help: "a built-in strategy or a .ts file (default: sma-cross)" },
  {
    flags: "--param <name=value>",
    help: "set a parameter (sma-cross has fast, 10, and slow, 20); may be repeated",
    parse: parseParam,
  },
  {
    flags: "--data <file>",
    help: "a file of bars, or SYMBOL=FILE for each of several symbols (default: the bundled sample)",
    parse: repeated,
  },
  { flags: "--symbol <name>", help: "what is traded, with one file (default: the file's name)" },
  ...dataOptions,
  { flags: "--timeframe <length>", help: "the length of a bar; finer data is joined: 5m, 1h, 1d" },
  { flags: "--from <time>", help: "bars from this time on", parse: parseTime },
  { flags: "--to <time>", help: "bars before this time", parse: parseTime },
  { flags: "--timezone <zone>", help: "of trading days and derived bars (default: America/New_York)" },
  { flags: "--cash <amount>", help: "cash at the start (default: 10000)", parse: positive },
  {
    flags: "--commission <rate>",
    help: "RATE of the value, FIXED+RATE, or AMOUNT/unit, at entry and at exit (default: 0)",
    parse: understood(parseCommission, "a RATE below 1, FIXED+RATE or AMOUNT/unit"),
  },
  { flags: "--spread <fraction>", help: "added to the price of entries (default: 0)", parse: fraction },
  {
    flags: "--slippage <model>",
    help: "market and stop orders fill worse: AMOUNT, N% of the price, or 'volume IMPACT' (default: 0)",
    parse: understood(parseSlippage, "AMOUNT, N% or 'volume IMPACT'"),
  },
  {
    flags: "--margin <fraction>",
    help: "what a trade takes of its value: 0.02 is a leverage of 50 (default: 1)",
    parse: marginOf,
  },
  {
    flags: "--maintenance <fraction>",
    help: "of the margin taken; below it a margin call closes all (default: 0)",
    parse: atLeastZero,
  },
  {
    flags: "--volume-limit <fraction>",
    help: "an order takes at most this part of a bar's volume",
    parse: positive,
  },
  {
    flags: "--borrow <rate>",
    help: "what holding a short costs a year, of its value (default: 0)",
    parse: atLeastZero,
  },
  { flags: "--tick <step>", help: "the least step of a price (default: any)", parse: atLeastZero },
  { flags: "--lot <step>", help: "the least step of units (default: 1)", parse: positive },
  { flags: "--trade-on-close", help: "fill market orders at the close instead of the next open" },
  { flags: "--exclusive", help: "a new order cancels pending ones and closes open trades" },
  { flags: "--hedging", help: "opposite orders open trades of their own instead of closing" },
  { flags: "--finalize", help: "close what is open at the end, so that it counts as a trade" },
  { flags: "--seed <n>", help: "of Math.random in the strategy (default: 1)", parse: wholeNumber },
  { flags: "--benchmark <symbol>", help: "compare with holding this symbol of the run" },
  {
    flags: "--mode <mode>",
    help: "backtest, or live on a feed (default: backtest)",
    choices: ["backtest", "live"],
  },
  {
    flags: "--feed <source>",
    help: "of a live run: - for stdin, or a program with its words (no shell) whose stdout is read",
  },
  { flags: "--paused", help: "begin paused, to step through it" },
  { flags: "--watch", help: "run again when the strategy or the session file changes" },
  ...mannerOptions,
];

const perform = () => import("./adapters/perform.ts");
const remote = () => import("./adapters/remote.ts");
const runs = () => import("./adapters/runs/runs.ts");
const data = () => import("./adapters/data/data.ts");

const idOption: OptionSpec = { flags: "--id <id>", help: "which run, when several are live" };

const step: CommandSpec = {
  usage: "step [bars]",
  summary: "let a paused run work some bars (1) and pause again",
  options: [{ flags: "--to-trade", help: "until the next bar on which anything is filled" }, idOption],
  run: async (context, [bars], { id, toTrade }) =>
    (await remote()).step(context, { bars, toTrade: toTrade === true, id: id as string | undefined }),
};
const pause: CommandSpec = {
  usage: "pause [id]",
  summary: "pause a run at its next bar and write a checkpoint",
  options: [{ flags: "--at <where>", help: "not now but at a time, at 'trade N' or at 'drawdown N%'" }],
  run: async (context, [id], { at }) =>
    at === undefined
      ? (await remote()).command(context, "pause", id)
      : (await remote()).command(context, "pause-at", id, { text: at }),
};
const stop: CommandSpec = {
  usage: "stop [id]",
  summary: "end a run in order, with a last checkpoint",
  run: async (context, [id]) => (await remote()).stop(context, id),
};
const status: CommandSpec = {
  usage: "status [id]",
  summary: "how far a run is, how fast and how it is timed, or what it came to",
  run: async (context, [id]) => (await remote()).status(context, id),
};
const resume: CommandSpec = {
  usage: "resume [id]",
  summary: "go on with a paused run, or restore one whose host is gone",
  description: `A run whose host still lives goes on there. One that was killed or stopped before its end is restored from
its newest checkpoint, under the same id, in this process (or in the background with --detach): it ends with the same
trades and equity, to the bit. It is refused when its data or its strategy's file has changed.`,
  options: [
    { flags: "--paused", help: "restore it paused" },
    {
      flags: "--feed <source>",
      help: "of a live run: - for stdin, or a program with its words (no shell) whose stdout is read",
    },
    ...mannerOptions,
  ],
  run: async (context, [id], options) => (await perform()).resume(context, id, options),
};

export const backtestCommand: CommandSpec = {
  usage: "backtest",
  summary: "run a strategy on market data; pause it, kill it, resume it to the same bits",
  commands: [
    {
      usage: "run [session]",
      summary: "run a strategy over bars: of a session file, or as its flags say",
      description: `Without arguments it runs sma-cross over the bundled sample, 5,000 hourly bars of EURUSD.
A strategy is built in (sma-cross) or a TypeScript file: stint backtest init NAME makes one to start from, and a session
file that says all that a run is of: symbols and their files, strategy, costs, speed. Flags override it.
Data is CSV, NDJSON or Parquet, packed or not; stint backtest data check FILE shows how it is read. Times without a zone
are UTC.`,
      options: runOptions,
      examples: [
        { line: "stint backtest run --param fast=15 --param slow=40", what: "the sample, other averages" },
        { line: "stint backtest run session.yaml --speed 60", what: "an hour of bars a minute" },
        {
          line: "stint backtest run --data BTC=btc.csv --data ETH=eth.csv",
          what: "two symbols, one account",
        },
        {
          line: "stint backtest run --strategy mine.ts --pause-at 'trade 20'",
          what: "stop where it went wrong",
        },
        {
          line: "feed | stint backtest run --mode live --feed - --symbol EURUSD --strategy mine.ts",
          what: "bars as they come",
        },
        { line: "stint backtest run --json | tail -1", what: "the result, for a script" },
      ],
      run: async (context, [session], options) => (await perform()).run(context, session, options),
    },
    pause,
    resume,
    step,
    {
      usage: "inspect [id]",
      summary: "show a paused run from within: indicators, orders, positions, the strategy's state",
      run: async (context, [id]) => (await remote()).inspect(context, id),
    },
    {
      usage: "add <symbol>",
      summary: "add a symbol to a run under way: its bars up to now warm its indicators, then it joins",
      options: [
        { flags: "--data <file>", help: "its bars (needed)" },
        ...dataOptions,
        { flags: "--tick <step>", help: "the least step of its price", parse: atLeastZero },
        { flags: "--lot <step>", help: "the least step of its units", parse: positive },
        idOption,
      ],
      examples: [{ line: "stint backtest add BTCUSD --data btc.csv", what: "" }],
      run: async (context, [symbol = ""], options) => (await remote()).add(context, symbol, options),
    },
    stop,
    status,
    {
      usage: "watch [id]",
      summary: "show a live run full screen; leaving it leaves it running",
      run: async (context, [id]) => (await remote()).watch(context, id),
    },
    {
      usage: "shell",
      summary: "an interactive shell for runs: system start, pause, step, status",
      run: async (context) => (await import("./adapters/shell.ts")).shell(context),
    },
    {
      usage: "system",
      summary: "the words of the shell, one at a time",
      commands: [
        {
          usage: "start [session]",
          summary: "begin a run in the background, as run --detach does",
          options: runOptions.filter(({ flags }) => !/^--(detach|watch|feed)/.test(flags)),
          run: async (context, [session], options) =>
            (await perform()).run(context, session, { ...options, detach: true }),
        },
        pause,
        resume,
        stop,
        status,
        step,
      ],
    },
    {
      usage: "list",
      summary: "the runs of the profile, newest first",
      options: [{ flags: "--all", help: "all of them, not the newest 20" }],
      run: async (context, _args, { all }) => (await runs()).list(context, all === true),
    },
    {
      usage: "show [id]",
      summary: "what a run is of and what it came to: statistics, months, trades",
      options: [{ flags: "--trades", help: "all its trades, not the newest 20" }],
      run: async (context, [id], { trades }) => (await runs()).show(context, id, trades === true),
    },
    {
      usage: "compare <a> <b>",
      summary: "two finished runs side by side: what differs, statistics, equity curves",
      run: async (context, [a = "", b = ""]) => (await runs()).compare(context, a, b),
    },
    {
      usage: "delete <ids...>",
      summary: "delete runs that aren't live, with their trades and curves",
      run: async (context, ids) => (await runs()).remove(context, ids),
    },
    {
      usage: "report [id]",
      summary: "what a finished run came to: as a page, a picture, tables or text",
      description: `Without a format it prints the statistics. The page (--html) is one file that needs no network: candles with
entries, exits and indicators, equity, drawdown, months, and a table of trades that moves the chart. Indicators, ctx.plot
and ctx.log are found by working the run again from its data, which must not have changed.`,
      options: [
        { flags: "--html <file>", help: "write one self-contained page" },
        { flags: "--png <file>", help: "write a picture of equity and drawdown" },
        { flags: "--csv <folder>", help: "write trades.csv, equity.csv and statistics.csv into a folder" },
        { flags: "--md <file>", help: "write statistics, months and trades as Markdown" },
        {
          flags: "--simulations <n>",
          help: "orders of the trades to try, for the confidence bands (default: 1000)",
          parse: wholeNumber,
        },
      ],
      run: async (context, [id], options) =>
        (await import("./adapters/report/report.ts")).report(context, id, options),
    },
    {
      usage: "data",
      summary: "check and convert files of bars, and get samples",
      commands: [
        {
          usage: "check <file>",
          summary: "say how a file is read and what is odd about it: gaps, doubles, spikes",
          options: dataOptions,
          run: async (context, [file = ""], options) => (await data()).check(context, file, options),
        },
        {
          usage: "convert <from> <to>",
          summary:
            "write bars as another format, or of another timeframe; the endings say what (.csv, .ndjson, .gz, .zst); a file that is there is replaced",
          options: [
            ...dataOptions,
            { flags: "--timeframe <length>", help: "join bars to this length" },
            { flags: "--timezone <zone>", help: "of the days of longer bars (default: America/New_York)" },
            { flags: "--from <time>", help: "bars from this time on", parse: parseTime },
            { flags: "--to <time>", help: "bars before this time", parse: parseTime },
          ],
          examples: [
            { line: "stint backtest data convert ticks.parquet hours.csv.gz --timeframe 1h", what: "" },
          ],
          run: async (context, [from = "", to = ""], options) =>
            (await data()).convert(context, from, to, options),
        },
        {
          usage: "sample [name]",
          summary: "write a bundled sample into this folder, or list them",
          run: async (context, [name]) => (await data()).sample(context, name),
        },
      ],
    },
    {
      usage: "init <name>",
      summary: "write a strategy to start from, its types and a session file into this folder",
      examples: [{ line: "stint backtest init mine && stint backtest run mine.yaml", what: "" }],
      run: async (context, [name = ""]) => (await import("./adapters/starter.ts")).init(context, name),
    },
  ],
};
