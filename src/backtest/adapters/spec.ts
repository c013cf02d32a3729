import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Options } from "../../kernel/command.ts";
import type { Path } from "../../kernel/config/problems.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { type BrokerSettings, plainSettings } from "../core/broker/account.ts";
import { type Instrument, plainInstrument } from "../core/broker/instrument.ts";
import { type DataSource, plainSource } from "../core/data/data-source.ts";
import { ENGINE_VERSION } from "../core/engine/engine.ts";
import type { Breakpoint, Mode, Run, Speed } from "../core/run.ts";
import type { Params } from "../core/strategy.ts";
import { parseTimeframe } from "../core/time/timeframe.ts";
import { isTimezone, likeTimezone } from "../core/time/timezone.ts";
import { SAMPLE_SYMBOL } from "./data/sample.ts";
import { findStrategy, isStrategyFile } from "./engine/strategy-file.ts";
import {
  type Feed,
  isSymbol,
  parseFeed,
  readSession,
  type SessionFile,
  type SessionSymbol,
} from "./session-file.ts";
import { settings } from "./settings.ts";

/** What is to be run, and how. */
export type Spec = {
  /** Its hashes are "" until the data has been read. */
  readonly run: Run;
  readonly speed: Speed;
  /** Bars a second at most. */
  readonly pace: number | undefined;
  readonly breakpoints: readonly Breakpoint[];
  /** Of a live run. */
  readonly feed: Feed | null;
  /** The files, absolute, whose change makes `--watch` run it again. */
  readonly watched: readonly string[];
};

/** A strategy or data in the place of a session file: what everybody types once. */
function refuseOther(path: string): void {
  const [flag, what] = isStrategyFile(path)
    ? ["--strategy", "a strategy"]
    : /\.(csv|ndjson|jsonl|parquet|gz|zst)$/i.test(path)
      ? ["--data", "data"]
      : [];
  if (flag)
    throw new Expected(
      Exit.usage,
      `${path} is ${what}, not a session file`,
      `stint backtest run ${flag} ${path}`,
    );
}

/**
 * What a command line asks for: its flags over the session file over the configuration over the defaults.
 * @throws Expected 2 for flags that don't go together, 78 for what is wrong in the file or the configuration, 74 for a
 *   file that can't be read
 */
export async function specOf(sessionPath: string | undefined, options: Options): Promise<Spec> {
  if (sessionPath !== undefined) refuseOther(sessionPath);
  const file = sessionPath === undefined ? undefined : await readSession(sessionPath);
  const configured = await settings();
  const said = <T>(flag: string): T | undefined => options[flag] as T | undefined;

  const mode = said<Mode>("mode") ?? file?.mode ?? "backtest";
  const strategy = findStrategy(said<string>("strategy") ?? file?.strategy ?? "sma-cross");
  const symbols = symbolsOf(file, mode, options).map(({ instrument, source }) => ({
    instrument: {
      ...instrument,
      tick: said<number>("tick") ?? instrument.tick,
      lot: said<number>("lot") ?? instrument.lot,
    },
    source: source && withFlags(source, options),
    hash: "",
    joined: null,
  }));
  const margin = said<number>("margin") ?? file?.margin;
  const plain = plainSettings(configured.cash);
  const costs = file?.costs;
  const on = (flag: string, inFile: boolean | undefined) => options[flag] === true || inFile === true;
  const broker: BrokerSettings = {
    cash: said<number>("cash") ?? file?.cash ?? configured.cash,
    leverage: margin === undefined ? (file?.leverage ?? plain.leverage) : 1 / margin,
    maintenance: said<number>("maintenance") ?? file?.maintenance ?? plain.maintenance,
    commission:
      said<BrokerSettings["commission"]>("commission") ?? costs?.commission ?? configured.commission,
    spread: said<number>("spread") ?? costs?.spread ?? configured.spread,
    slippage: said<BrokerSettings["slippage"]>("slippage") ?? costs?.slippage ?? plain.slippage,
    volumeLimit: said<number>("volumeLimit") ?? costs?.volume_limit ?? plain.volumeLimit,
    borrow: said<number>("borrow") ?? costs?.borrow ?? plain.borrow,
    tradeOnClose: on("tradeOnClose", file?.orders.trade_on_close),
    exclusiveOrders: on("exclusive", file?.orders.exclusive),
    hedging: on("hedging", file?.orders.hedging),
  };
  const run: Run = {
    strategy,
    engine: ENGINE_VERSION,
    params: { ...file?.params, ...said<Params>("param") },
    mode,
    symbols,
    timeframe: timeframeOf(said<string>("timeframe")) ?? file?.timeframe ?? null,
    from: said<number>("from") ?? file?.from ?? null,
    to: said<number>("to") ?? file?.to ?? null,
    timezone: said<string>("timezone") ?? file?.timezone ?? configured.timezone,
    hours: file?.hours ?? null,
    settings: { ...broker, finalize: on("finalize", file?.orders.finalize) },
    seed: said<number>("seed") ?? file?.seed ?? 1,
    benchmark: said<string>("benchmark") ?? file?.benchmark ?? null,
  };
  const spec: Spec = {
    run,
    speed: mode === "live" ? 0 : (said<number>("speed") ?? file?.speed_multiplier ?? 0),
    pace: said<number>("pace"),
    breakpoints: said<readonly Breakpoint[]>("pauseAt") ?? file?.pause_at ?? [],
    feed: feedOf(said<string>("feed")) ?? file?.feed ?? null,
    watched: [...(file ? [file.path] : []), ...Object.keys(strategy.files)],
  };
  refuse(spec, file, options);
  return spec;
}

/** A file of bars as the flags of `run`, `add` and `data` say that it is read. @param file a path from here */
export const sourceOf = (file: string, options: Options): DataSource =>
  withFlags(plainSource({ file: resolve(file) }), options);

function withFlags(source: DataSource, options: Options): DataSource {
  const timezone = (options["dataTimezone"] as string | undefined) ?? source.timezone;
  if (!isTimezone(timezone)) {
    throw new Expected(Exit.usage, `there is no time zone '${timezone}'`, likeTimezone(timezone));
  }
  return {
    from: source.from,
    format: (options["format"] as DataSource["format"] | undefined) ?? source.format,
    columns: (options["columns"] as DataSource["columns"] | undefined) ?? source.columns,
    timezone,
    stamp: (options["stamp"] as DataSource["stamp"] | undefined) ?? source.stamp,
  };
}

/** The symbols: those of `--data`, which keep what the file says of them beside it; else the file's; else the sample. */
function symbolsOf(file: SessionFile | undefined, mode: Mode, options: Options): readonly SessionSymbol[] {
  const data = (options["data"] as readonly string[] | undefined) ?? [];
  const named = options["symbol"] as string | undefined;
  const inFile = file?.symbols ?? [];
  if (named !== undefined && (data.length > 1 || (data.length === 0 && inFile.length > 0))) {
    throw new Expected(
      Exit.usage,
      "--symbol says what the one file of --data is",
      "--data SYMBOL=FILE for several",
    );
  }
  if (named !== undefined && !isSymbol(named)) {
    throw new Expected(Exit.usage, `'${named}' can't be a symbol`, "at most 32 characters, no space");
  }
  if (data.length === 0 && inFile.length > 0) return inFile;
  if (data.length === 0 && mode === "live") {
    if (named !== undefined) return [{ instrument: plainInstrument(named), source: null }];
    throw new Expected(
      Exit.usage,
      "a live run must be told its symbols",
      "--symbol NAME, or symbols in a session file",
    );
  }
  if (data.length === 0) {
    return [
      { instrument: plainInstrument(named ?? SAMPLE_SYMBOL), source: plainSource({ sample: SAMPLE_SYMBOL }) },
    ];
  }
  const [only] = inFile.length === 1 ? inFile : [];
  return data.map((given) => {
    const { symbol, path } = parted(given);
    if (symbol === undefined && data.length > 1) {
      throw new Expected(
        Exit.usage,
        `of several files each needs its symbol: '${given}'`,
        "--data SYMBOL=FILE",
      );
    }
    const name = named ?? symbol ?? only?.instrument.symbol ?? basename(path).replace(/(\.\w+)+$/, "");
    const known = inFile.find(({ instrument }) => instrument.symbol === name);
    return {
      instrument: known?.instrument ?? plainInstrument(name),
      source: { ...(known?.source ?? plainSource({ file: "" })), from: { file: resolve(path) } },
    };
  });
}

/** SYMBOL=FILE; a file whose name has a `=` in it is given as `./a=b.csv`. */
function parted(given: string): { symbol?: string; path: string } {
  const [, symbol, path] = /^([A-Za-z0-9^][\w.:^/-]{0,31})=(.+)$/.exec(given) ?? [];
  return symbol === undefined || path === undefined || existsSync(given) ? { path: given } : { symbol, path };
}

function timeframeOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const timeframe = parseTimeframe(given);
  if (timeframe) return timeframe.text;
  throw new Expected(Exit.usage, `'${given}' isn't a length of bars`, "as in 5m, 1h or 1d");
}

function feedOf(given: string | undefined): Feed | undefined {
  if (given === undefined) return undefined;
  const feed = parseFeed(given);
  if (feed) return feed;
  throw new Expected(Exit.usage, `'${given}' is no feed`, "- for stdin, or a program and its arguments");
}

/** What doesn't go together, wherever it was said. */
function refuse(
  { run, pace, speed, breakpoints, feed, watched }: Spec,
  file: SessionFile | undefined,
  options: Options,
) {
  const given = (flag: string) => options[flag] !== undefined && options[flag] !== false;
  /** It is the command line's fault if one of the flags was given, else the file's, at that key. */
  const wrong = (flags: readonly string[], key: Path, text: string, hint?: string): Expected => {
    if (!file || flags.some(given)) return new Expected(Exit.usage, text, hint);
    return new Expected(Exit.config, `${file.at(key)}: ${text}`, hint);
  };
  const { mode, symbols, from, to, timezone, benchmark } = run;
  const names = symbols.map(({ instrument }) => instrument.symbol);
  const there = `there ${names.length === 1 ? "is" : "are"} ${names.join(", ")}`;

  const double = names.find((name, i) => names.indexOf(name) < i);
  if (double !== undefined)
    throw wrong(["data"], ["symbols"], `${double} is there twice`, "each symbol has one file");
  const { instrument } = symbols.find(({ source }) => mode === "backtest" && source === null) ?? {};
  if (instrument) {
    const { symbol } = instrument;
    throw wrong(["mode"], ["symbols", symbol], `${symbol} has no data`, "data: FILE, or sample: NAME");
  }
  const lost = symbols.find(({ instrument }) => isLost(instrument, names))?.instrument;
  if (lost) {
    const text = `the conversion of ${lost.symbol} isn't another symbol of the run`;
    throw wrong(["data"], ["symbols", lost.symbol, "conversion"], text, there);
  }
  if (benchmark !== null && !names.includes(benchmark)) {
    const hint = didYouMean(benchmark, names) ?? there;
    throw wrong(
      ["benchmark", "data"],
      ["benchmark"],
      `the benchmark ${benchmark} isn't a symbol of the run`,
      hint,
    );
  }
  if (from !== null && to !== null && from >= to) {
    throw wrong(["from", "to"], ["to"], "from must come before to");
  }
  if (!isTimezone(timezone)) {
    throw wrong(["timezone"], ["timezone"], `there is no time zone '${timezone}'`, likeTimezone(timezone));
  }
  if (pace !== undefined && speed > 0) {
    throw wrong(["pace"], [], "a run that follows the clock has a speed, not a pace", "leave out --pace");
  }
  if (mode === "backtest" && feed) {
    throw wrong(["feed"], ["feed"], "a feed is of a live run", "--mode live");
  }
  if (options["watch"] === true) {
    if (options["detach"] === true)
      throw wrong(["watch"], [], "a run in the background isn't run again", "leave out --watch or --detach");
    if (watched.length === 0) {
      const hint = "give it a strategy's file or a session file";
      throw wrong(["watch"], [], "there is no file to watch: the strategy is built in", hint);
    }
  }
  if (mode === "live") refuseLive();

  function refuseLive(): void {
    if (!feed)
      throw wrong(
        ["mode"],
        ["mode"],
        "a live run needs a feed",
        "--feed - for stdin, or a program that prints bars",
      );
    if ("stdin" in feed && options["detach"] === true) {
      throw wrong(["detach"], ["feed"], "a run in the background has no stdin to read", "--feed PROGRAM");
    }
    if (breakpoints.length > 0) {
      throw wrong(
        ["pauseAt", "mode"],
        ["pause_at"],
        "a live run can't pause: its bars don't wait",
        "leave out pause-at",
      );
    }
    if (from !== null || to !== null) {
      throw wrong(
        ["from", "to", "mode"],
        [from === null ? "to" : "from"],
        "a live run begins now, and ends with its feed",
      );
    }
    const flag = ["watch", "paused", "pace", "speed"].find(given);
    if (flag) throw wrong([flag], [], `--${flag} isn't for a live run`, "its bars come when they come");
  }
}

const isLost = ({ symbol, conversion }: Instrument, names: readonly string[]): boolean =>
  typeof conversion === "object" && (conversion.symbol === symbol || !names.includes(conversion.symbol));
