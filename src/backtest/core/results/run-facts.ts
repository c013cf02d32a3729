import { type Commission, plainSettings, type Slippage } from "../broker/account.ts";
import { type Instrument, plainInstrument } from "../broker/instrument.ts";
import { plainSource } from "../data/data-source.ts";
import type { Run, RunSymbol } from "../run.ts";
import { formatTime } from "../time/calendar.ts";
import type { Hours } from "../time/timeframe.ts";

/** Something that a run is of, in words. */
export type Fact = {
  readonly name: string;
  readonly value: string;
  /** Whether it is so unless something else is said. */
  readonly plain: boolean;
};

/** What a run is of, in words and in one order for all runs: two runs with the same facts come to the same bits. */
export function factsOf(run: Run): Fact[] {
  const { settings, params, symbols } = run;
  const plain = plainSettings(10_000);
  return [
    fact(
      "strategy",
      "builtin" in run.strategy.source ? run.strategy.source.builtin : run.strategy.source.file,
    ),
    ...Object.entries(run.strategy.files).map(([file, hash]) => fact(`hash of ${file}`, short(hash))),
    ...Object.entries(params).map(([name, value]) => fact(`param ${name}`, String(value))),
    ...symbols.flatMap(symbolFacts),
    fact("mode", run.mode, "backtest"),
    fact("timeframe", run.timeframe ?? "the data's", "the data's"),
    fact("from", timeOr(run.from, "its start"), "its start"),
    fact("to", timeOr(run.to, "its end"), "its end"),
    fact("timezone", run.timezone, "America/New_York"),
    fact("hours", hoursText(run.hours), hoursText(null)),
    fact("cash", String(settings.cash), String(plain.cash)),
    fact("commission", commissionText(settings.commission), commissionText(plain.commission)),
    fact("spread", String(settings.spread), String(plain.spread)),
    fact("slippage", slippageText(settings.slippage), slippageText(plain.slippage)),
    fact("leverage", String(settings.leverage), String(plain.leverage)),
    fact("maintenance", String(settings.maintenance), String(plain.maintenance)),
    fact("volume limit", limitText(settings.volumeLimit), limitText(plain.volumeLimit)),
    fact("borrow", String(settings.borrow), String(plain.borrow)),
    fact("trade on close", yesNo(settings.tradeOnClose), yesNo(plain.tradeOnClose)),
    fact("exclusive orders", yesNo(settings.exclusiveOrders), yesNo(plain.exclusiveOrders)),
    fact("hedging", yesNo(settings.hedging), yesNo(plain.hedging)),
    fact("finalize", yesNo(settings.finalize), yesNo(false)),
    fact("seed", String(run.seed), "1"),
    fact("benchmark", run.benchmark ?? "none", "none"),
    fact("engine", String(run.engine), String(run.engine)),
  ];
}

function fact(name: string, value: string, usual?: string): Fact {
  return { name, value, plain: value === usual };
}

function symbolFacts({ instrument, source, hash, joined }: RunSymbol): Fact[] {
  const { symbol, tick, lot, currency, conversion } = instrument;
  const plain = plainInstrument(symbol);
  const from = source?.from;
  const usual = source && plainSource(source.from);
  const own = (name: string, value: string, usual?: string) => fact(`${symbol} ${name}`, value, usual);
  return [
    own("data", from === undefined ? "a live feed" : "file" in from ? from.file : `sample ${from.sample}`),
    own("hash", short(hash), ""),
    own("format", source?.format ?? "as seen", "as seen"),
    own("columns", columnsText(source?.columns), columnsText(null)),
    own("data timezone", source?.timezone ?? "", usual?.timezone ?? ""),
    own("stamp", source?.stamp ?? "", usual?.stamp ?? ""),
    own("tick", String(tick), String(plain.tick)),
    own("lot", String(lot), String(plain.lot)),
    own("currency", currency ?? "the account's", "the account's"),
    own("conversion", conversionText(conversion), conversionText(plain.conversion)),
    own("joined", timeOr(joined, "at the start"), "at the start"),
  ];
}

/** Enough of a hash to see that two differ. */
const short = (hash: string): string => hash.slice(0, 12);
const yesNo = (is: boolean): string => (is ? "yes" : "no");
const timeOr = (time: number | null, none: string): string => (time === null ? none : formatTime(time));
const limitText = (limit: number): string => (limit >= 1e9 ? "none" : String(limit));

const columnsText = (columns: object | null | undefined): string =>
  columns
    ? Object.entries(columns)
        .map(([holds, name]) => `${holds}=${name}`)
        .join(",")
    : "as guessed";

const conversionText = (conversion: Instrument["conversion"]): string =>
  typeof conversion === "number"
    ? String(conversion)
    : `${conversion.inverse ? "1/" : ""}${conversion.symbol}`;

function hoursText(hours: Hours | null): string {
  if (hours === null) return "around the clock";
  const { open, close, days, holidays, early } = hours;
  const without = holidays.length > 0 ? ` without ${holidays.join(" ")}` : "";
  const sooner = Object.entries(early).map(([day, time]) => `${day} until ${time}`);
  return `${open}-${close} on days ${days.join("")}${without}${sooner.length > 0 ? `, ${sooner.join(" ")}` : ""}`;
}

/** As `--commission` reads it. */
function commissionText({ fixed, rate, perUnit }: Commission): string {
  const parts = [
    ...(fixed === 0 ? [] : [String(fixed)]),
    ...(rate === 0 && perUnit > 0 ? [] : [String(rate)]),
  ];
  return [...parts, ...(perUnit === 0 ? [] : [`${perUnit}/unit`])].join("+");
}

/** As `--slippage` reads it. */
function slippageText(slippage: Slippage): string {
  switch (slippage.kind) {
    case "none":
      return "0";
    case "fixed":
      return String(slippage.amount);
    case "rate":
      return `${Number((slippage.rate * 100).toPrecision(12))}%`;
    case "volume_share":
      return `volume ${slippage.impact}`;
  }
}
