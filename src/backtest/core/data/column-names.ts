import { COLUMN_NAMES, type ColumnName, DataError } from "../bars.ts";
import { parseNumber } from "./csv-field.ts";
import { isClock, isTime } from "./time-field.ts";

/** What a column holds, beside the places in {@link COLUMN_NAMES}. */
export const TIME = 0;
export const OPEN = 1;
export const HIGH = 2;
export const LOW = 3;
export const CLOSE = 4;
export const VOLUME = 5;
/** The time of day, where the date has a column of its own. */
export const CLOCK = 6;
/** Nothing that is read. */
export const IGNORED = -1;

/** What a role is called. */
export const roleName = (role: number): string | null =>
  role === CLOCK ? "time of day" : (COLUMN_NAMES[role] ?? null);

/** Names that vendors give their columns, the most telling first; small letters, without what {@link plainName} takes off. */
const NAMES: Readonly<Record<ColumnName, readonly string[]>> = {
  time: [
    "open time",
    "unix",
    "unix timestamp",
    "unix time",
    "epoch",
    "timestamp",
    "ts",
    "datetime",
    "date time",
    "gmt time",
    "utc time",
    "local time",
    "time utc",
    "date utc",
    "time",
    "date",
    "dtyyyymmdd",
    "t",
    "begins at",
    "index",
    "index level 0", // pandas' name for an index without one, in Parquet
    "", // and in CSV
  ],
  open: ["open", "o", "open price", "opening price"],
  high: ["high", "h", "high price", "max"],
  low: ["low", "l", "low price", "min"],
  close: ["close", "c", "close price", "closing price", "close/last", "last"],
  // MetaTrader's own Volume is the ticks'; of currencies it knows no other.
  volume: ["tickvol", "tick volume", "volume", "vol", "v"],
};

/** Without `<>`, case, units in brackets, numbers before it and doubled blanks: `<DATE>`, `Open_time`, `1. open`. */
function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^<(.*)>$/, "$1")
    .replace(/\s*\(.*\)$/, "")
    .replace(/^\d+\.\s+/, "")
    .replace(/[_\s]+/g, " ")
    .trim();
}

/** What columns are called by what they hold, as a user says it. */
export type AskedColumns = Readonly<Partial<Record<ColumnName, string>>>;

/**
 * The roles of a file's columns, by their names.
 * @param sample the texts of the first row, to tell a date from a time of day
 * @throws DataError for a column that is missing or there twice
 */
export function rolesByName(
  names: readonly string[],
  sample: readonly string[],
  asked: AskedColumns | null,
  row: number,
): Int8Array {
  const roles = new Int8Array(names.length).fill(IGNORED);
  const plain = names.map(plainName);
  const missing: ColumnName[] = [];
  for (const [role, column] of COLUMN_NAMES.entries()) {
    const at = asked?.[column] === undefined ? guess(column, plain, row) : askedAt(asked[column], names, row);
    if (at >= 0) roles[at] = role;
    else missing.push(column);
  }
  const [first] = missing;
  if (first !== undefined && first !== "volume") {
    const message = `no ${first} column; the columns are ${listed(names)}`;
    const others = names.map((name, at) => (roles[at] === IGNORED ? { name, text: sample[at] ?? "" } : null));
    const left = others.filter((each) => each !== null);
    const hint = sayColumns(missing, left, asked);
    throw hint === null ? new DataError(row, message) : new ColumnError(row, message, hint);
  }
  if (asked?.time === undefined) splitTime(roles, plain, sample);
  return roles;
}

/** A column that has to be named by the user, and how. */
export class ColumnError extends DataError {
  /** `--columns time=Datum,open=…`, with the names of the file. */
  readonly hint: string;

  constructor(row: number, message: string, hint: string) {
    super(row, message);
    this.hint = hint;
  }
}

/**
 * How the user may say what the columns are: those that are missing, taken in the order of the ones that are left, where
 * the first row's texts fit, and those that were said already.
 * @returns null when there is none for one of them, or none that can be said so
 */
function sayColumns(
  missing: readonly ColumnName[],
  left: { name: string; text: string }[],
  asked: AskedColumns | null,
): string | null {
  const pairs = Object.entries(asked ?? {}).map(([column, name]) => `${column}=${name}`);
  for (const column of missing) {
    const fits = column === "time" ? isTime : isNumber;
    const at = left.findIndex(({ name, text }) => fits(text) && name !== "" && !/[,']/.test(name));
    const [found] = at < 0 ? [] : left.splice(at, 1);
    if (found) pairs.push(`${column}=${found.name}`);
    else if (column !== "volume") return null;
  }
  const said = pairs.join(",");
  return `perhaps --columns ${/^[\p{L}\p{N}_.,=-]+$/u.test(said) ? said : `'${said}'`}`;
}

const isNumber = (text: string): boolean => !Number.isNaN(parseNumber(text.replace(",", ".")));

const listed = (names: readonly string[]): string =>
  names.map((name) => (name === "" ? "(unnamed)" : name)).join(", ");

/** A date in one column and the time of day in another. */
function splitTime(roles: Int8Array, plain: readonly string[], sample: readonly string[]): void {
  const date = plain.findIndex((name) => name === "date" || name === "dtyyyymmdd");
  const time = plain.indexOf("time");
  // A column that tells more than these was found before.
  if (date < 0 || time < 0 || (roles[date] !== TIME && roles[time] !== TIME)) return;
  roles[time] = TIME;
  roles[date] = IGNORED;
  if (isClock(sample[time] ?? "")) {
    roles[date] = TIME;
    roles[time] = CLOCK;
  }
}

function guess(column: ColumnName, plain: readonly string[], row: number): number {
  const known = NAMES[column].find((name) => plain.includes(name));
  if (known === undefined) {
    // "Volume BTC" and "Volume USDT": the first is that of what is traded.
    return column === "volume" ? plain.findIndex((name) => name.startsWith("volume ")) : -1;
  }
  const times = plain.filter((name) => name === known).length;
  // Several unnamed columns: the first is the index.
  if (times > 1 && known !== "") throw new DataError(row, `column "${known}" is there ${times} times`);
  return plain.indexOf(known);
}

function askedAt(asked: string, names: readonly string[], row: number): number {
  const exact = names.indexOf(asked);
  const at = exact >= 0 ? exact : names.map(plainName).indexOf(plainName(asked));
  if (at < 0) throw new DataError(row, `no column ${asked}; the columns are ${listed(names)}`);
  return at;
}

/**
 * The roles of columns without names, by their order: a time (or a date and a time of day), open, high, low, close and
 * perhaps volume, as exchanges and MetaTrader write them; Kraken's have a mean price before the volume. What stands before
 * the time, and after the volume, isn't read.
 * @param samples the texts of the first rows, at least of one
 * @param asked by the columns' numbers, counted from 1
 * @throws DataError when the first row doesn't begin so
 */
export function rolesByOrder(
  samples: readonly (readonly string[])[],
  asked: AskedColumns | null,
  row: number,
): Int8Array {
  const [sample = []] = samples;
  const names = sample.map((_, at) => String(at + 1));
  const roles = new Int8Array(sample.length).fill(IGNORED);
  const time = asked?.time === undefined ? sample.findIndex(isTime) : askedAt(asked.time, names, row);
  if (time < 0) throw new DataError(row, "it has no header, and none of its first row's fields is a time");
  roles[time] = TIME;
  const next = sample[time + 1] ?? "";
  const split = /:|^\d{6}$/.test(next) && isClock(next);
  if (split) roles[time + 1] = CLOCK;
  const first = time + (split ? 2 : 1);
  const skipped = samples.every(isKrakens) ? 1 : 0;
  for (let role = OPEN; role <= VOLUME; role++) {
    const column = COLUMN_NAMES[role] as ColumnName;
    const at =
      asked?.[column] === undefined
        ? first + role - OPEN + (role === VOLUME ? skipped : 0)
        : askedAt(asked[column], names, row);
    if (at < sample.length) roles[at] = role;
    else if (role !== VOLUME)
      throw new DataError(row, `it has no header, and too few columns: ${sample.length}`);
  }
  return roles;
}

/**
 * Whether a row is one of Kraken's OHLC call: time, open, high, low, close, volume-weighted mean price, volume and the
 * number of trades. Without trades the last three are 0.
 */
function isKrakens(texts: readonly string[]): boolean {
  const [time = "", ...rest] = texts;
  if (texts.length !== 8 || !isTime(time)) return false;
  const [, high = 0, low = 0, , mean = 0, volume = 0, trades = 0] = rest.map(parseNumber);
  if (mean === 0) return volume === 0 && trades === 0;
  return mean >= low && mean <= high && Number.isInteger(trades);
}
