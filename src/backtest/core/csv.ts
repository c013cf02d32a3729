import { type Bars, DataError, decimalsOf, usableDecimals } from "./bars.ts";
import { DAY_MS, daysFromCivil, daysInMonth, formatTime } from "./calendar.ts";
import { parseNumber, parseTime, readField } from "./csv-field.ts";
import { CLOSE, COLUMN_NAMES, HIGH, LOW, OPEN, readHeader, TIME, VOLUME } from "./csv-header.ts";

/** How a CSV file is read. */
export type CsvOptions = {
  /** The size of the whole file in bytes, for a good first guess of the number of rows. */
  readonly totalBytes?: number;
  /** Makes the memory of a column; ordinary memory if left out. `bytes => new SharedArrayBuffer(bytes)` shares it. */
  readonly allocate?: (bytes: number) => ArrayBufferLike;
  /** Keeps bars from this time on (UTC milliseconds). */
  readonly from?: number;
  /** Keeps bars before this time (UTC milliseconds). */
  readonly to?: number;
};

const NEWLINE = 10;
const RETURN = 13;
const COMMA = 44;
const POINT = 46;
const ZERO = 48;

/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, n) => 10 ** n);

/** No line of a bar file is this long; a file of another kind may have no line ends at all. */
const LONGEST_LINE = 1 << 20;

/**
 * Reads bars from a CSV file given in pieces, straight into columns: `feed` each piece, then `finish`.
 *
 * A header names the columns, in any order and case: a time column (`time`, `date`, `datetime`, `timestamp` or no
 * name), `open`, `high`, `low`, `close`, and if there is one `volume`; others are ignored. Times are those of
 * `parseTime`. Every line must have as many fields as the header; blank lines are skipped. The open and close may
 * lie outside high and low, as they do in some vendors' data: no rule of the engine needs them inside.
 *
 * Numbers are exact: a mantissa below 2 ** 53 divided by a power of ten that a double holds rounds once, as reading
 * the text would (Clinger, "How to Read Floating Point Numbers Accurately", 1990); the rest goes through `Number`.
 */
export class CsvParser {
  readonly #options: CsvOptions;
  readonly #columns: Columns;
  readonly #from: number;
  readonly #to: number;
  #roles: Int8Array | undefined;
  /** The end of the last piece: a line not complete yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #row = 0;
  #count = 0;
  #decimals = 0;
  #highest = 0;
  #lastTime = -Infinity;
  /** The day that rows were last in, as YYYYMMDD, and its start. */
  #day = 0;
  #dayStart = 0;

  constructor(options: CsvOptions = {}) {
    this.#options = options;
    this.#columns = new Columns(options.allocate ?? ((bytes) => new ArrayBuffer(bytes)));
    this.#from = options.from ?? -Infinity;
    this.#to = options.to ?? Infinity;
  }

  /** Reads the next bytes of the file; they may be reused afterwards. @throws DataError */
  feed(bytes: Uint8Array): void {
    let from = 0;
    if (this.#rest.length > 0) {
      const lineEnd = bytes.indexOf(NEWLINE) + 1;
      this.#keepRest(join(this.#rest, lineEnd > 0 ? bytes.subarray(0, lineEnd) : bytes));
      if (lineEnd === 0) return;
      const line = this.#rest;
      this.#rest = new Uint8Array(0);
      this.#readLines(line);
      from = lineEnd;
    }
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > from) this.#readLines(bytes.subarray(from, end));
    this.#keepRest(bytes.slice(Math.max(from, end)));
  }

  /** Reads what is left and gives the bars. @throws DataError */
  finish(): Bars {
    if (this.#rest.length > 0) this.#readLines(join(this.#rest, Uint8Array.of(NEWLINE)));
    if (this.#roles === undefined) throw new DataError(1, "the file is empty");
    if (this.#count === 0) {
      const row = Math.max(1, this.#row);
      if (this.#lastTime === -Infinity) throw new DataError(row, "the file has a header but no bars");
      throw new DataError(
        row,
        `no bars in the range asked for; the last is at ${formatTime(this.#lastTime)}`,
      );
    }
    return {
      length: this.#count,
      ...this.#columns.cut(this.#count),
      decimals: usableDecimals(this.#decimals, this.#highest),
    };
  }

  #keepRest(rest: Uint8Array): void {
    if (rest.length > LONGEST_LINE) throw new DataError(this.#row + 1, "not a CSV file: the line has no end");
    this.#rest = rest;
  }

  /** Reads complete lines: the last byte is a line end. */
  #readLines(bytes: Uint8Array): void {
    let at = 0;
    while (this.#roles === undefined && at < bytes.length) {
      if (this.#row === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3; // byte order mark
      const end = bytes.indexOf(NEWLINE, at) + 1;
      this.#row++;
      const blank = end - at === 1 || (end - at === 2 && bytes[at] === RETURN);
      if (!blank) {
        this.#roles = readHeader(bytes.subarray(at, end), this.#row);
        this.#reserve(bytes.subarray(end));
      }
      at = end;
    }
    if (this.#roles !== undefined && at < bytes.length) this.#readRows(bytes, at, this.#roles);
  }

  /** Guesses the rows of the file from its size and the first lines, so that the columns needn't grow. */
  #reserve(sample: Uint8Array): void {
    const { totalBytes } = this.#options;
    if (totalBytes === undefined) return;
    const head = sample.subarray(0, sample.lastIndexOf(NEWLINE, 1 << 16) + 1);
    let lines = 0;
    for (const byte of head) if (byte === NEWLINE) lines++;
    if (lines > 0) this.#columns.grow(Math.ceil((totalBytes / head.length) * lines * 1.02) + 16);
  }

  #readRows(bytes: Uint8Array, start: number, roles: Int8Array): void {
    const fields = roles.length;
    const values = new Float64Array(6);
    const columns = this.#columns;
    let { time, open, high, low, close, volume } = columns;
    let capacity = time.length;
    let count = this.#count;
    let lastTime = this.#lastTime;
    let row = this.#row;
    let at = start;
    while (at < bytes.length) {
      row++;
      if (bytes[at] === NEWLINE || (bytes[at] === RETURN && bytes[at + 1] === NEWLINE)) {
        at += bytes[at] === NEWLINE ? 1 : 2;
        continue;
      }
      for (let field = 0; field < fields; field++) {
        const role = roles[field] as number;
        const from = at;
        if (role > TIME) {
          // The usual number, digits with or without a point, in one go; any other form falls through.
          let mantissa = 0;
          let digit = (bytes[at] as number) - ZERO;
          while (digit >= 0 && digit <= 9) {
            mantissa = mantissa * 10 + digit;
            digit = (bytes[++at] as number) - ZERO;
          }
          let digits = at - from;
          let decimals = 0;
          if (digit === POINT - ZERO) {
            const point = at;
            digit = (bytes[++at] as number) - ZERO;
            while (digit >= 0 && digit <= 9) {
              mantissa = mantissa * 10 + digit;
              digit = (bytes[++at] as number) - ZERO;
            }
            decimals = at - point - 1;
            digits += decimals;
          }
          const next = digit + ZERO;
          if (
            digits > 0 &&
            mantissa <= Number.MAX_SAFE_INTEGER &&
            decimals < POWERS.length &&
            (next === COMMA || next === NEWLINE || next === RETURN)
          ) {
            values[role] = decimals === 0 ? mantissa : mantissa / (POWERS[decimals] as number);
            if (role === CLOSE && decimals > this.#decimals) this.#sawDecimals(values[CLOSE] as number);
          } else {
            at = this.#readNumber(bytes, from, role, row, values);
          }
        } else if (role === TIME) {
          const fast = this.#readTime(bytes, at);
          if (!Number.isNaN(fast)) {
            values[TIME] = fast;
            at += 19;
          } else {
            at = this.#readOtherTime(bytes, from, row, values);
          }
        } else {
          at = this.#text(bytes, at, row).end;
        }
        if (field < fields - 1) {
          if (bytes[at] !== COMMA) throw this.#fieldCount(row, field + 1, fields);
          at++;
        }
      }
      if (bytes[at] === RETURN) at++;
      if (bytes[at] !== NEWLINE) throw this.#fieldCount(row, fields + countFields(bytes, at), fields);
      at++;

      const t = values[TIME] as number;
      const h = values[HIGH] as number;
      const l = values[LOW] as number;
      const o = values[OPEN] as number;
      const c = values[CLOSE] as number;
      if (!(t > lastTime && h >= l && l > 0 && o > 0 && c > 0)) throw wrongRow(row, values, lastTime);
      lastTime = t;
      if (t < this.#from || t >= this.#to) continue;
      if (count === capacity) {
        columns.grow(Math.max(4096, capacity * 2));
        ({ time, open, high, low, close, volume } = columns);
        capacity = time.length;
      }
      time[count] = t;
      open[count] = o;
      high[count] = h;
      low[count] = l;
      close[count] = c;
      volume[count] = values[VOLUME] as number;
      if (c > this.#highest) this.#highest = c;
      count++;
    }
    this.#count = count;
    this.#lastTime = lastTime;
    this.#row = row;
  }

  /** `YYYY-MM-DD HH:MM:SS` and a comma or line end, the form of most files; NaN for all others. */
  #readTime(bytes: Uint8Array, at: number): number {
    if (at + 19 >= bytes.length) return Number.NaN;
    const next = bytes[at + 19];
    if (next !== COMMA && next !== NEWLINE && next !== RETURN) return Number.NaN;
    const blank = bytes[at + 10];
    if (
      bytes[at + 4] !== 45 ||
      bytes[at + 7] !== 45 ||
      (blank !== 32 && blank !== 84) ||
      bytes[at + 13] !== 58 ||
      bytes[at + 16] !== 58
    ) {
      return Number.NaN;
    }
    const year = twoDigits(bytes, at) * 100 + twoDigits(bytes, at + 2);
    const month = twoDigits(bytes, at + 5);
    const day = twoDigits(bytes, at + 8);
    const hour = twoDigits(bytes, at + 11);
    const minute = twoDigits(bytes, at + 14);
    const second = twoDigits(bytes, at + 17);
    // Whatever isn't two digits is at least 1000, and so is the year then.
    if (year > 9999 || hour > 23 || minute > 59 || second > 59) return Number.NaN;
    const date = year * 10_000 + month * 100 + day;
    if (date !== this.#day) {
      if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return Number.NaN;
      this.#day = date;
      this.#dayStart = daysFromCivil(year, month, day) * DAY_MS;
    }
    return this.#dayStart + hour * 3_600_000 + minute * 60_000 + second * 1000;
  }

  #readOtherTime(bytes: Uint8Array, at: number, row: number, values: Float64Array): number {
    const { text, end } = this.#text(bytes, at, row);
    const time = parseTime(text);
    if (Number.isNaN(time))
      throw new DataError(row, `not a time: "${text}" (as 2017-04-19 09:00:00, in UTC)`);
    values[TIME] = time;
    return end;
  }

  #readNumber(bytes: Uint8Array, at: number, role: number, row: number, values: Float64Array): number {
    const { text, end } = this.#text(bytes, at, row);
    const value = parseNumber(text);
    if (Number.isNaN(value)) throw new DataError(row, `${COLUMN_NAMES[role]} is not a number: "${text}"`);
    if (value < 0) throw new DataError(row, `${COLUMN_NAMES[role]} is below 0: ${text}`);
    values[role] = value;
    if (role === CLOSE) this.#sawDecimals(value);
    return end;
  }

  #sawDecimals(close: number): void {
    // Of the value, not the text: zeros at its end don't count.
    this.#decimals = Math.max(this.#decimals, decimalsOf(close));
  }

  #text(bytes: Uint8Array, at: number, row: number): { text: string; end: number } {
    const field = readField(bytes, at);
    if (field === null) throw new DataError(row, "a quote isn't closed on its line");
    return field;
  }

  #fieldCount(row: number, found: number, wanted: number): DataError {
    return new DataError(row, `${found} fields where the header has ${wanted}`);
  }
}

/** The columns while they grow. */
class Columns {
  readonly #allocate: (bytes: number) => ArrayBufferLike;
  time = new Float64Array(0) as Float64Array;
  open = new Float64Array(0) as Float64Array;
  high = new Float64Array(0) as Float64Array;
  low = new Float64Array(0) as Float64Array;
  close = new Float64Array(0) as Float64Array;
  volume = new Float64Array(0) as Float64Array;

  constructor(allocate: (bytes: number) => ArrayBufferLike) {
    this.#allocate = allocate;
  }

  grow(capacity: number): void {
    for (const name of COLUMN_NAMES) {
      const grown = new Float64Array(this.#allocate(capacity * 8));
      grown.set(this[name]);
      this[name] = grown;
    }
  }

  cut(length: number): Record<(typeof COLUMN_NAMES)[number], Float64Array> {
    return {
      time: this.time.subarray(0, length),
      open: this.open.subarray(0, length),
      high: this.high.subarray(0, length),
      low: this.low.subarray(0, length),
      close: this.close.subarray(0, length),
      volume: this.volume.subarray(0, length),
    };
  }
}

/** The number that two digits stand for; at least 1000 if they aren't digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - ZERO;
  const ones = (bytes[at + 1] as number) - ZERO;
  // A difference below 0 or above 9 sets the sign bit of one of these.
  return (tens | (9 - tens) | ones | (9 - ones)) < 0 ? 1000 : tens * 10 + ones;
}

/** The fields from a comma to the line end. */
function countFields(bytes: Uint8Array, start: number): number {
  let fields = 0;
  for (let at = start; bytes[at] !== NEWLINE; at++) if (bytes[at] === COMMA) fields++;
  return fields;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function wrongRow(row: number, values: Float64Array, lastTime: number): DataError {
  const at = (role: number) => values[role] as number;
  const time = formatTime(at(TIME));
  if (at(TIME) === lastTime) return new DataError(row, `the time ${time} is that of the bar before`);
  if (at(TIME) < lastTime) {
    return new DataError(row, `the time ${time} is before that of the bar above, ${formatTime(lastTime)}`);
  }
  for (const role of [OPEN, HIGH, LOW, CLOSE]) {
    if (at(role) <= 0) return new DataError(row, `${COLUMN_NAMES[role]} is ${at(role)}; a price is above 0`);
  }
  return new DataError(row, `high ${at(HIGH)} is below low ${at(LOW)}`);
}
