import { Exit, Expected } from "../../kernel/errors.ts";
import { shownPath } from "../../kernel/paths.ts";
import type { Part } from "../../kernel/stack.ts";
import type { Bars } from "../core/bars.ts";
import type { EngineSymbol, Plan } from "../core/engine/engine.ts";
import { timelineOf } from "../core/engine/timeline.ts";
import type { Run, RunSymbol } from "../core/run.ts";
import { formatTime } from "../core/time/calendar.ts";
import { resample } from "../core/time/derived.ts";
import { guessTimeframe, isMadeOf, parseTimeframe, type Timeframe } from "../core/time/timeframe.ts";
import { calendarOf } from "../core/time/trading-calendar.ts";
import { type LoadedBars, loadBars } from "./data/bars.ts";

/** The bars of a run's symbols, in memory that threads share, and the steps made of them. */

/** How long a file may take: one of tens of gigabytes takes minutes, ms. */
export const LOAD_MS = 3_600_000;

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

/** What a symbol's data is called in errors. */
export const dataName = ({ source, instrument }: RunSymbol): string => {
  const from = source?.from;
  return from && "file" in from ? shownPath(from.file) : instrument.symbol;
};

/** A market that is loaded: the run with the hashes of its data, and its symbols with their bars. */
export type Market = {
  readonly run: Run;
  readonly symbols: readonly EngineSymbol[];
  /** The length of a bar. */
  readonly timeframe: Timeframe;
};

/**
 * Loads the bars of all symbols, one after another.
 * @param open opens the part that reads some
 * @param progress told the share that is read, 0 … 1
 * @throws Expected 74 for what can't be read, 1 for data that has changed, 2 for bars of different lengths
 */
export async function loadMarket(
  run: Run,
  open: (name: string, part: Part<LoadedBars>) => Promise<LoadedBars>,
  progress: (share: number) => void,
  restored: boolean,
): Promise<Market> {
  const loaded: { symbol: RunSymbol; bars: Bars }[] = [];
  for (const [at, symbol] of run.symbols.entries()) {
    const told = (share: number) => progress((at + share) / run.symbols.length);
    const opened = (part: Part<LoadedBars>) => open(`bars ${symbol.instrument.symbol}`, part);
    loaded.push(await loadSymbol(run, symbol, opened, told));
    if (restored) mustBeTheSame(symbol, loaded[at]?.symbol.hash);
  }
  const { volumeLimit } = run.settings;
  const silent =
    volumeLimit < 1e9 ? loaded.find(({ bars }) => bars.volume.every((volume) => volume === 0)) : undefined;
  if (silent) {
    const message = `${dataName(silent.symbol)} has no volume, of which an order could take a part`;
    throw new Expected(Exit.usage, message, "leave --volume-limit out");
  }
  const timeframe = timeframeOf(run, loaded);
  return {
    run: { ...run, symbols: loaded.map(({ symbol }) => symbol) },
    timeframe,
    symbols: loaded.map(({ symbol, bars }) => engineSymbol(symbol, bars)),
  };
}

/** @throws Expected 1 unless this is the hash of the data that a run was begun with */
export function mustBeTheSame(symbol: RunSymbol, hash: string | undefined): void {
  if (symbol.hash === "" || hash === symbol.hash) return;
  const hint = "run it anew: stint backtest run";
  throw new Expected(Exit.no, `${dataName(symbol)} has changed since this run was begun`, hint);
}

/** Loads one symbol's bars, joined to the run's timeframe when they are finer. @param open opens the part that reads them */
export async function loadSymbol(
  run: Run,
  symbol: RunSymbol,
  open: (part: Part<LoadedBars>) => Promise<LoadedBars>,
  told: (share: number) => void,
): Promise<{ symbol: RunSymbol; bars: Bars }> {
  const { source, instrument } = symbol;
  if (source === null) throw new Error(`${instrument.symbol} has no data`);
  const progress = new Float64Array(shared(8));
  const telling = setInterval(() => told(progress[0] ?? 0), 100);
  const range = {
    ...(run.from === null ? {} : { from: run.from }),
    ...(run.to === null ? {} : { to: run.to }),
  };
  const part = loadBars({ source, name: dataName(symbol), progress, ...range });
  const { bars, hash } = await open(part).finally(() => clearInterval(telling));
  return { symbol: { ...symbol, hash }, bars: joined(run, symbol, bars) };
}

export const engineSymbol = (symbol: RunSymbol, bars: Bars): EngineSymbol => ({
  instrument: symbol.instrument,
  bars,
  joined: symbol.joined ?? Number.NEGATIVE_INFINITY,
  added: symbol.joined !== null,
});

/** The steps of a run, and room for its equity. */
export function planOf(symbols: readonly EngineSymbol[]): Plan {
  const time = timelineOf(symbols, shared);
  return { time, equity: new Float64Array(shared(time.length * 8)), length: time.length };
}

/** The bars, or those of the run's timeframe made of them. */
function joined(run: Run, symbol: RunSymbol, bars: Bars): Bars {
  const wanted = run.timeframe === null ? undefined : parseTimeframe(run.timeframe);
  const has = parseTimeframe(guessTimeframe(bars) ?? "");
  if (wanted === undefined || has === undefined || has.text === wanted.text) return bars;
  if (!isMadeOf(wanted, has)) {
    const message = `${dataName(symbol)} has bars of ${has.text}, of which ${wanted.text} can't be made`;
    throw new Expected(Exit.usage, message, "--timeframe must be a multiple of the data's");
  }
  const calendar = calendarOf(run, wanted, symbol.source?.timezone ?? "UTC");
  return resample(bars, wanted, calendar, (rows) => new Float64Array(shared(rows * 8)));
}

/** The one length that all bars have. */
function timeframeOf(run: Run, loaded: readonly { symbol: RunSymbol; bars: Bars }[]): Timeframe {
  const found = loaded.map(({ symbol, bars }) => ({ symbol, text: guessTimeframe(bars) }));
  const [first] = found;
  const other = found.find(({ text }) => text !== null && first?.text !== null && text !== first?.text);
  if (run.timeframe === null && first && other) {
    throw new Expected(
      Exit.usage,
      `${dataName(first.symbol)} has bars of ${first.text}, ${dataName(other.symbol)} of ${other.text}`,
      "--timeframe LENGTH makes longer bars of the finer ones",
    );
  }
  const text = run.timeframe ?? found.find((one) => one.text !== null)?.text ?? "1m";
  return parseTimeframe(text) ?? { text, unit: "intraday", ms: 60_000 };
}

/** Symbols that have no time in common with the first one, in words: most often that is a mistake. */
export function apart(symbols: readonly EngineSymbol[]): string[] {
  const [first, ...others] = symbols;
  if (!first) return [];
  const range = ({ instrument, bars }: EngineSymbol) =>
    `${instrument.symbol} has bars from ${formatTime(bars.time[0] ?? 0)} to ${formatTime(bars.time[bars.length - 1] ?? 0)}`;
  return others
    .filter(({ bars }) => {
      const begins = (bars.time[0] ?? 0) > (first.bars.time[first.bars.length - 1] ?? 0);
      return begins || (bars.time[bars.length - 1] ?? 0) < (first.bars.time[0] ?? 0);
    })
    .map((other) => `${range(first)}, ${range(other)}: they never trade at the same time`);
}
