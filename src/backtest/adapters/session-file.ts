import { dirname, resolve } from "node:path";
import { z } from "zod";
import { parseText, readText } from "../../kernel/config/file.ts";
import { dotted, type Path, problem } from "../../kernel/config/problems.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { shownPath } from "../../kernel/paths.ts";
import { parseCommission } from "../core/broker/commission.ts";
import type { Instrument } from "../core/broker/instrument.ts";
import { parseSlippage } from "../core/broker/slippage.ts";
import { DATA_FORMATS, type DataSource } from "../core/data/data-source.ts";
import { parseBreakpoint } from "../core/engine/breakpoint.ts";
import { builtins } from "../core/engine/strategies.ts";
import { parseInstant } from "../core/time/instant.ts";
import { parseTimeframe } from "../core/time/timeframe.ts";
import { isTimezone, likeTimezone } from "../core/time/timezone.ts";
import { splitWords } from "../core/words.ts";
import { isBuiltin, isStrategyFile, WHICH_STRATEGY } from "./engine/strategy-file.ts";

/** The file that says what a run is of. Loads zod: import it late. */

/** Where a live run's bars come from: our stdin, or the stdout of a program that is given as its words. */
export type Feed = { readonly stdin: true } | { readonly command: readonly string[] };

/** @returns undefined when there is no program in it */
export function parseFeed(text: string): Feed | undefined {
  if (text.trim() === "-") return { stdin: true };
  const command = splitWords(text);
  return command?.[0] ? { command } : undefined;
}

/** What a symbol is called: as exchanges and their vendors do. */
export const isSymbol = (text: string): boolean => /^[^\s\p{Cc}]{1,32}$/u.test(text);

/** Something that is wrong in a file, and where. */
type Mistake = { readonly path: Path; readonly text: string; readonly hint?: string };

/** Text that a parser understands; what is meant as text may look like a number to YAML. */
const read = <T>(parse: (text: string) => T | undefined, fault: string, hint?: (text: string) => string) =>
  z.union([z.string(), z.number()], { error: fault }).transform((said, context): T => {
    const value = parse(String(said));
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: fault, params: { hint: hint?.(String(said)) } });
    return z.NEVER;
  });

const text = z.string({ error: "isn't text: put it in quotes" }).min(1);
const instant = read(parseInstant, "isn't a time, as in 2017-06-01 or 2017-06-01T14:30 (UTC)");
const timezone = read((said) => (isTimezone(said) ? said : undefined), "isn't a time zone", likeTimezone);
const clock = text.regex(/^([01]\d|2[0-3]):[0-5]\d$/, "isn't a time of the day, as in 09:30");
const isDay = (said: string) => said.length === 10 && parseInstant(said) !== undefined;
const day = text.refine(isDay, { error: "isn't a day, as in 2026-12-25" });
const atLeastZero = z.number().min(0);

const columns = z.strictObject({
  time: text.optional(),
  open: text.optional(),
  high: text.optional(),
  low: text.optional(),
  close: text.optional(),
  volume: text.optional(),
});

/** `1.08`, `EURUSD`, or `1/USDJPY`: one over it. */
const conversion = z
  .union([z.number().positive(), text], { error: "isn't a number or a symbol" })
  .transform((said): Instrument["conversion"] =>
    typeof said === "number" ? said : { symbol: said.replace(/^1\//, ""), inverse: said.startsWith("1/") },
  );

const symbol = z.strictObject({
  data: text.optional(),
  sample: text.optional(),
  format: z.enum(DATA_FORMATS).nullable().default(null),
  columns: columns
    .transform((said) => said as NonNullable<DataSource["columns"]>)
    .nullable()
    .default(null),
  timezone: timezone.prefault("UTC"),
  stamp: z.enum(["open", "close"]).default("open"),
  tick: atLeastZero.default(0),
  lot: z.number().positive().default(1),
  currency: text.nullable().default(null),
  conversion: conversion.prefault(1),
});
const name = text.refine(isSymbol, { error: "isn't a symbol: at most 32 characters, no space" });
const listedSymbol = symbol.extend({ symbol: name });

/** A file alone says where the data is. */
const entry = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((said) => (typeof said === "string" ? { data: said } : said), schema);

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const hours = z.strictObject({
  open: clock,
  close: clock,
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .default(["mon", "tue", "wed", "thu", "fri"])
    .transform((days) => [...new Set(days)].map((day) => DAYS.indexOf(day) + 1).toSorted()),
  holidays: z.array(day).default([]),
  early: z.record(z.string(), clock).default({}),
});

const costs = z.strictObject({
  commission: read(parseCommission, "isn't a RATE below 1, FIXED+RATE or AMOUNT/unit").optional(),
  spread: atLeastZero.lt(1).optional(),
  slippage: read(parseSlippage, "isn't AMOUNT, N% or volume IMPACT").optional(),
  borrow: atLeastZero.optional(),
  volume_limit: z.number().positive().optional(),
});

const orders = z.strictObject({
  trade_on_close: z.boolean().optional(),
  exclusive: z.boolean().optional(),
  hedging: z.boolean().optional(),
  finalize: z.boolean().optional(),
});

const where = read(parseBreakpoint, "isn't a time, 'trade N' or 'drawdown N%'");

const whole = z.strictObject({
  version: z.literal(1),
  symbols: z.record(z.string(), entry(symbol), { error: "isn't a map or a list of symbols" }).optional(),
  timeframe: read(
    (said) => parseTimeframe(said)?.text,
    "isn't a length of bars, as in 5m, 1h or 1d",
  ).optional(),
  from: instant.optional(),
  to: instant.optional(),
  timezone: timezone.optional(),
  hours: hours.optional(),
  strategy: text.optional(),
  params: z
    .record(
      z.string(),
      z.union([z.number(), z.boolean(), z.string()], { error: "isn't a number, text, or true or false" }),
    )
    .default({}),
  cash: z.number().positive().optional(),
  costs: costs.default({}),
  margin: z.number().positive().max(1).optional(),
  leverage: z.number().min(1).optional(),
  maintenance: atLeastZero.optional(),
  orders: orders.default({}),
  mode: z.enum(["backtest", "live"]).optional(),
  feed: z
    .union([
      read(parseFeed, "isn't - for stdin, or a program"),
      z
        .array(text)
        .min(1)
        .transform((command): Feed => ({ command })),
    ])
    .optional(),
  speed_multiplier: atLeastZero.optional(),
  seed: z.int().min(0).optional(),
  benchmark: text.optional(),
  pause_at: z.union([where.transform((one) => [one]), z.array(where)]).default([]),
});
/** With the symbols as a list, in which their order stays whatever they are called. */
const listed = whole.extend({ symbols: z.array(entry(listedSymbol)).optional() });

/** The maps of a file, by the way there without what the user names: for what is near a key that there isn't. */
const MAPS: Readonly<Record<string, z.ZodObject>> = {
  "": whole,
  symbols: symbol,
  columns,
  hours,
  costs,
  orders,
};

/** A symbol as a session file has it; without a source it is a live feed's. */
export type SessionSymbol = { readonly instrument: Instrument; readonly source: DataSource | null };

/** What a session file says; what it doesn't is undefined. Paths no longer go on from it. */
export type SessionFile = Omit<z.output<typeof whole>, "symbols"> & {
  readonly path: string;
  readonly symbols: readonly SessionSymbol[];
  /** Where a key stands, or the nearest thing around it that is there: `session.yaml:3:5`. */
  at(path: Path): string;
};

/** @throws Expected 78 for the first thing wrong in it, by file, line and column; 74 when it can't be read */
export async function readSession(given: string): Promise<SessionFile> {
  const path = resolve(given);
  const label = shownPath(path);
  const content = readText({ path, label });
  if (content === undefined) {
    throw new Expected(Exit.io, `there is no session file ${label}`, "stint backtest init NAME makes one");
  }
  const { values, placeOf } = await parseText(content, label);
  const at = (path: Path) => {
    const { line, col } = placeOf(path);
    return `${label}:${line}:${col}`;
  };
  const said = withoutNulls(values) as Record<string, unknown>;
  const { data, error } = (Array.isArray(said["symbols"]) ? listed : whole).safeParse(said, {
    reportInput: true,
  });
  const symbols = Object.entries(data?.symbols ?? {}).map(([key, entry]) => {
    const symbol = "symbol" in entry ? String(entry.symbol) : key;
    return { ...entry, symbol, path: ["symbols", Array.isArray(data?.symbols) ? Number(key) : key] };
  });
  const mistakes = data ? rules(data, symbols) : (error?.issues.flatMap(explain) ?? []);
  const [first] = mistakes.toSorted((a, b) => placeOf(a.path).line - placeOf(b.path).line);
  if (first) {
    const key = dotted(first.path);
    throw problem(`${at(first.path)}: ${key === "" ? "" : `${key}: `}${first.text}`, first.hint);
  }
  const folder = dirname(path);
  const file = data as z.output<typeof whole>;
  const { strategy } = file;
  const own = strategy !== undefined && !isBuiltin(strategy);
  return {
    ...file,
    ...(own ? { strategy: shownPath(resolve(folder, strategy)) } : {}),
    path,
    at,
    symbols: symbols.map((entry) => ({ instrument: instrumentOf(entry), source: sourceOf(entry, folder) })),
  };
}

type Entry = z.output<typeof listedSymbol>;

const instrumentOf = ({ symbol, tick, lot, currency, conversion }: Entry): Instrument => {
  return { symbol, tick, lot, currency, conversion };
};

function sourceOf(
  { data, sample, format, columns, timezone, stamp }: Entry,
  folder: string,
): DataSource | null {
  if (data === undefined && sample === undefined) return null;
  const from = data === undefined ? { sample: sample ?? "" } : { file: resolve(folder, data) };
  return { from, format, columns, timezone, stamp };
}

/** The rules between values. */
function rules(
  file: z.output<typeof whole> | z.output<typeof listed>,
  symbols: readonly (Entry & { path: Path })[],
) {
  const mistakes: Mistake[] = [];
  const { margin, leverage, hours, strategy = "sma-cross" } = file;
  if (!isBuiltin(strategy) && !isStrategyFile(strategy)) {
    const hint = didYouMean(strategy, Object.keys(builtins)) ?? WHICH_STRATEGY;
    mistakes.push({ path: ["strategy"], text: `there is no strategy '${strategy}'`, hint });
  }
  if (margin !== undefined && leverage !== undefined) {
    mistakes.push({ path: ["leverage"], text: "is one over the margin: say one of them" });
  }
  const taken = new Set<string>();
  for (const { symbol, data, sample, path } of symbols) {
    if (!isSymbol(symbol)) mistakes.push({ path, text: "isn't a symbol: at most 32 characters, no space" });
    if (taken.has(symbol)) mistakes.push({ path, text: `${symbol} is there already` });
    taken.add(symbol);
    if (data !== undefined && sample !== undefined) {
      mistakes.push({ path: [...path, "sample"], text: "is data already: say one of them" });
    }
  }
  for (const date of Object.keys(hours?.early ?? {})) {
    if (!isDay(date))
      mistakes.push({ path: ["hours", "early", date], text: "isn't a day, as in 2026-12-24" });
  }
  return mistakes;
}

/** What zod finds wrong, in our words. */
function explain(issue: z.core.$ZodIssue): Mistake[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const map = path.findLast((step) => typeof step === "string" && Object.hasOwn(MAPS, step)) ?? "";
    const known = Object.keys(MAPS[String(map)]?.shape ?? {});
    const hint = (key: string) => didYouMean(key, known) ?? `there are ${known.join(", ")}`;
    return issue.keys.map((key) => ({ path: [...path, key], text: "there is no such key", hint: hint(key) }));
  }
  if (issue.code === "invalid_union") {
    // One of them said why it isn't that; the others are of another kind of value.
    const inner = issue.errors.flat().find(({ code }) => code === "custom");
    if (inner) return explain({ ...inner, path: [...path, ...inner.path] });
  }
  if (path[0] === "version")
    return [{ path, text: "isn't set, or not to 1", hint: "the first line says it: version: 1" }];
  if (issue.input === undefined && issue.code !== "custom") return [{ path, text: "isn't set" }];
  // Without the kind of issue: "Too small: expected number to be >=1".
  const text = issue.message.replace(/^[A-Z][a-z ]+: /, "");
  const choices = issue.code === "invalid_value" ? issue.values.map(String) : [];
  const hint = issue.code === "custom" ? issue.params?.["hint"] : didYouMean(String(issue.input), choices);
  return [{ path, text, ...(typeof hint === "string" ? { hint } : {}) }];
}

/** A key without a value, as a heading whose settings are all commented out, says nothing. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, inside]) => inside !== null);
  return Object.fromEntries(kept.map(([key, inside]) => [key, withoutNulls(inside)]));
}
