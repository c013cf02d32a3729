import { readFileSync } from "node:fs";
import type { Context, Options } from "../../../kernel/command.ts";
import { spokenDuration } from "../../../kernel/core/duration.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { shownPath } from "../../../kernel/paths.ts";
import { printTable } from "../../../kernel/table.ts";
import type { Bars } from "../../core/bars.ts";
import { FAULTS, type Fault, type Faults } from "../../core/data/bar-builder.ts";
import { examine, type Oddities } from "../../core/data/data-check.ts";
import type { Dialect } from "../../core/data/data-source.ts";
import { formatTime } from "../../core/time/calendar.ts";
import { resample } from "../../core/time/derived.ts";
import { guessTimeframe, isMadeOf, parseTimeframe } from "../../core/time/timeframe.ts";
import { isTimezone, likeTimezone } from "../../core/time/timezone.ts";
import { calendarOf } from "../../core/time/trading-calendar.ts";
import { writeOut } from "../files.ts";
import { sourceOf } from "../spec.ts";
import { inspectBars, loadBars } from "./bars.ts";
import { formOf, writeBars } from "./data-write.ts";
import { findSample, SAMPLES } from "./sample.ts";

/** `stint backtest data`: what a file of bars holds, the same bars in another form, and bars to begin with. */

/** @returns 1 when the file can't be used for a run */
export async function check({ output }: Context, path: string, options: Options): Promise<number> {
  const file = shownPath(path);
  const found = await inspectBars(sourceOf(path, options), file);
  if (found.problem !== undefined) {
    const { problem, hint } = found;
    output.emit(
      { type: "data", file, usable: false, problem, ...(hint ? { hint } : {}) },
      () => `${output.paint(31, "unusable")}  ${problem}${hint ? `\n${" ".repeat(10)}${hint}` : ""}`,
    );
    return Exit.no;
  }
  const { bars, dialect, faults } = found;
  const odd = examine(bars);
  const usable = FAULTS.every((fault) => faults[fault] === undefined);
  output.emit({ type: "data", file, usable, dialect, ...odd, faults }, () =>
    [
      ...told(dialect),
      ...counted(odd),
      ...FAULTS.flatMap((fault) => faultLine(fault, faults)).map((line) => output.paint(31, line)),
      usable ? output.paint(32, "usable") : output.paint(31, "unusable"),
    ].join("\n"),
  );
  return usable ? Exit.ok : Exit.no;
}

const line = (what: string, value: string) => `${what.padEnd(12)}${value}`;
const several = (n: number) => n.toLocaleString("en-US");

const DELIMITERS: Readonly<Record<string, string>> = {
  ",": "commas",
  ";": "semicolons",
  "\t": "tabs",
  "|": "bars",
};

function told({
  format,
  packed,
  delimiter,
  header,
  decimal,
  columns,
  time,
  timezone,
  stamp,
}: Dialect): string[] {
  const csv = [
    `by ${DELIMITERS[delimiter ?? ""]}`,
    header ? "with a header" : "without a header",
    ...(decimal === "," ? ["decimal commas"] : []),
  ];
  const what = [...(format === "csv" ? ["CSV", ...csv] : [format]), ...(packed ? [packed] : [])];
  const named = columns.map(({ name, holds }) => ({ name: name || "(unnamed)", holds }));
  const unread = named.filter(({ holds }) => holds === null).map(({ name }) => name);
  return [
    line("format", what.join(", ")),
    line("times", `${time}, ${timezone}, of the ${stamp}`),
    ...named.flatMap(({ name, holds }) => (holds === null ? [] : [line(holds, name)])),
    ...(unread.length > 0 ? [line("not read", unread.join(", "))] : []),
  ];
}

function counted(odd: Oddities): string[] {
  const { longest_gap: longest, zero_volume: zero, first_spike: spike } = odd;
  const after = longest
    ? `, the longest ${spokenDuration(longest.ms)} after ${formatTime(longest.after)}`
    : "";
  return [
    line("bars", several(odd.bars)),
    line("from", formatTime(odd.first)),
    line("to", formatTime(odd.last)),
    line("timeframe", odd.timeframe ?? "irregular"),
    line("gaps", `${several(odd.gaps)}${after}`),
    ...(zero > 0 ? [line("no volume", `${several(zero)} bars`)] : []),
    ...(odd.outside > 0
      ? [line("outside", `${several(odd.outside)} bars open or close outside high and low`)]
      : []),
    ...(spike !== null
      ? [line("spikes", `${several(odd.spikes)} beyond 10 sigma, the first at ${formatTime(spike)}`)]
      : []),
  ];
}

const FAULT_WORDS: Readonly<Record<Fault, string>> = {
  doubled: "doubled",
  out_of_order: "out of order",
  high_below_low: "high < low",
  missing: "missing",
  no_price: "no price",
  no_such_time: "no such time",
};

function faultLine(fault: Fault, faults: Faults): string[] {
  const found = faults[fault];
  if (!found) return [];
  return [line(FAULT_WORDS[fault], `${several(found.count)} rows, the first ${found.row}: ${found.message}`)];
}

export async function convert(
  { output, life }: Context,
  from: string,
  to: string,
  options: Options,
): Promise<number> {
  const form = formOf(to);
  const source = sourceOf(from, options);
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  using _owner = life.own({ end: leave, hurry: async () => leave() });
  const range = {
    ...(options["from"] === undefined ? {} : { from: options["from"] as number }),
    ...(options["to"] === undefined ? {} : { to: options["to"] as number }),
  };
  const request = { source, name: shownPath(from), progress: new Float64Array(1), ...range };
  try {
    await using loaded = await loadBars(request)(leaving.signal);
    const bars = joined(loaded.bars, source.timezone, shownPath(from), options);
    await writeBars(to, bars, form, leaving.signal);
    const timeframe = guessTimeframe(bars);
    const record = {
      type: "converted",
      from: shownPath(from),
      to: shownPath(to),
      bars: bars.length,
      timeframe,
    };
    output.emit(
      record,
      () => `${several(bars.length)} bars of ${timeframe ?? "irregular length"} in ${shownPath(to)}`,
    );
    return Exit.ok;
  } catch (error) {
    // The signal that ended it says with which code.
    if (leaving.signal.aborted) return Exit.no;
    throw error;
  }
}

/** The bars, or longer ones made of them. */
function joined(bars: Bars, dataTimezone: string, name: string, options: Options): Bars {
  const asked = options["timeframe"] as string | undefined;
  if (asked === undefined) return bars;
  const wanted = parseTimeframe(asked);
  if (!wanted)
    throw new Expected(Exit.usage, `'${asked}' is no length of a bar`, "as in 5m, 1h, 4h, 1d, 1w, 1mo");
  const has = parseTimeframe(guessTimeframe(bars) ?? "");
  if (has?.text === wanted.text) return bars;
  if (!has || !isMadeOf(wanted, has)) {
    const message = `${name} has bars of ${has?.text ?? "no usual length"}, of which ${wanted.text} can't be made`;
    throw new Expected(Exit.usage, message, "--timeframe must be a multiple of the data's");
  }
  const timezone = (options["timezone"] as string | undefined) ?? "America/New_York";
  if (!isTimezone(timezone)) {
    throw new Expected(Exit.usage, `there is no time zone ${timezone}`, likeTimezone(timezone));
  }
  const calendar = calendarOf({ timezone, hours: null }, wanted, dataTimezone);
  return resample(bars, wanted, calendar, (rows) => new Float64Array(rows));
}

/** Writes a sample into this folder; without a name, lists them. */
export async function sample({ output }: Context, name: string | undefined): Promise<number> {
  if (name === undefined) {
    if (output.json)
      for (const { name, what, source } of SAMPLES) output.emit({ type: "sample", name, what, source });
    else {
      const rows = SAMPLES.map(({ name, what, source }) => ({ cells: [name, what, source] }));
      printTable(output, ["name", "what", "from"], rows, 1);
    }
    return Exit.ok;
  }
  const found = findSample(name);
  if (!found) {
    const names = SAMPLES.map((each) => each.name).join(", ");
    throw new Expected(Exit.usage, `there is no sample ${name}`, `the samples are ${names}`);
  }
  const from = await found.open();
  const file = `${found.name}.csv`;
  writeOut(file, "path" in from ? readFileSync(from.path) : from.bytes, "wx");
  const { what, source } = found;
  output.emit(
    { type: "sample", name: found.name, file, what, source },
    () => `${file}: ${what}, from ${source}`,
  );
  return Exit.ok;
}
