import { type Bars, DataError } from "../bars.ts";
import { BarBuilder, type BuildOptions } from "./bar-builder.ts";
import { type AskedColumns, CLOCK, IGNORED, roleName, TIME } from "./column-names.ts";
import { type CsvDialect, csvDialect } from "./csv-dialect.ts";
import { countFields, isMissing, parseNumber, readField } from "./csv-field.ts";
import type { Dialect } from "./data-source.ts";
import { joinBytes, LineReader } from "./line-reader.ts";
import { type DateOrder, TimeField } from "./time-field.ts";

/** How a file of lines is read. What is left out is guessed from its first lines. */
export type TextOptions = BuildOptions & {
  /** The size of the whole file in bytes, for a good first guess of the number of rows. */
  readonly totalBytes?: number;
  readonly columns?: AskedColumns | null;
  /** Which comes first in dates whose year comes last; the day if left out. */
  readonly order?: DateOrder;
};

/** Reads bars from a file given in pieces: `feed` each piece, then `finish`. */
export interface TextReader {
  /** The lines read so far. */
  readonly row: number;
  /** Whether its dates could be read in the other {@link DateOrder} as well. */
  readonly ambiguous: boolean;
  /** How it is read, once that is known. */
  readonly dialect: Omit<Dialect, "packed">;
  /** Takes the next bytes of the file; they may be reused afterwards. @throws DataError */
  feed(bytes: Uint8Array): void;
  /** Reads what is left and gives the bars. @throws DataError */
  finish(): Bars;
}

const NEWLINE = 10;
const RETURN = 13;
const ZERO = 48;

/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, n) => 10 ** n);

/** Room for more rows than are expected: what isn't written to takes no memory, and growing takes twice of it. */
const MARGIN = 1.1;

/** So much of a file is looked at before it is read. */
const HEAD_BYTES = 1 << 16;

/**
 * Reads bars from a CSV file straight into columns. Its delimiter, header, decimal sign and columns are guessed from its
 * first lines, see `csvDialect`, its times are those of `TimeField`. Every line must have as many fields as the header, or
 * as the first; blank lines are skipped.
 *
 * Numbers are exact: a mantissa below 2 ** 53 divided by a power of ten that a double holds rounds once, as reading
 * the text would (Clinger, "How to Read Floating Point Numbers Accurately", 1990); the rest goes through `Number`.
 */
export class CsvParser implements TextReader {
  readonly #options: TextOptions;
  readonly #builder: BarBuilder;
  readonly #lines: LineReader;
  readonly #time: TimeField;
  readonly #clock: TimeField;
  #dialect: CsvDialect | undefined;
  /** The first lines, until there are enough to tell how to read them. */
  #head: Uint8Array = new Uint8Array(0);
  #row = 0;

  constructor(options: TextOptions = {}) {
    this.#options = options;
    this.#builder = new BarBuilder(options);
    this.#time = new TimeField(options.order ?? "day");
    this.#clock = new TimeField("day", true);
    this.#lines = new LineReader(
      (lines) => this.#read(lines),
      () => this.#row,
    );
  }

  get row(): number {
    return this.#row;
  }

  get ambiguous(): boolean {
    return this.#time.ambiguous;
  }

  get dialect(): Omit<Dialect, "packed"> {
    const { delimiter = 44, point = 46, header = false, names = [], roles = [] } = this.#dialect ?? {};
    const clock = this.#clock.form === "" ? "" : ` ${this.#clock.form}`;
    return {
      format: "csv",
      delimiter: String.fromCharCode(delimiter),
      header,
      decimal: point === 44 ? "," : ".",
      columns: names.map((name, at) => ({ name, holds: roleName(roles[at] ?? IGNORED) })),
      time: `${this.#time.form}${clock}`,
      timezone: this.#time.zoned ? "UTC" : (this.#options.timezone ?? "UTC"),
      stamp: this.#options.stamp ?? "open",
    };
  }

  feed(bytes: Uint8Array): void {
    this.#lines.feed(bytes);
  }

  finish(): Bars {
    this.#lines.end();
    if (this.#dialect === undefined) this.#begin(true);
    if (this.#dialect === undefined) throw new DataError(1, "the file is empty");
    if (this.#time.form === "" && this.#dialect.header) {
      throw new DataError(Math.max(1, this.#row), "the file has a header but no bars");
    }
    return this.#builder.finish(this.#row);
  }

  #read(lines: Uint8Array): void {
    if (this.#dialect !== undefined) {
      this.#readRows(lines, 0, this.#dialect);
      return;
    }
    this.#head = this.#head.length === 0 ? lines.slice() : joinBytes(this.#head, lines);
    if (this.#head.length >= HEAD_BYTES) this.#begin(false);
  }

  /** Looks at the first lines, and reads them. @param last whether there are no more */
  #begin(last: boolean): void {
    const head = this.#head;
    const seen = head.subarray(0, head.indexOf(NEWLINE, Math.min(head.length, HEAD_BYTES) - 1) + 1);
    const dialect = csvDialect(seen, this.#options.columns ?? null);
    if (dialect === null) {
      if (!last && head.length > 16 * HEAD_BYTES)
        throw new DataError(1, "it begins with nothing but comments");
      return;
    }
    this.#head = new Uint8Array(0);
    this.#dialect = dialect;
    this.#row = dialect.lines;
    this.#reserve(seen.subarray(dialect.start));
    this.#readRows(head, dialect.start, dialect);
  }

  /** Guesses the rows of the file from its size and the first lines, so that the columns needn't grow. */
  #reserve(sample: Uint8Array): void {
    const { totalBytes } = this.#options;
    if (totalBytes === undefined || sample.length === 0) return;
    let lines = 0;
    for (let at = 0; at < sample.length; at++) if (sample[at] === NEWLINE) lines++;
    this.#builder.reserve(Math.ceil((totalBytes / sample.length) * lines * MARGIN) + 16);
  }

  #readRows(bytes: Uint8Array, start: number, { roles, delimiter, point }: CsvDialect): void {
    const fields = roles.length;
    const pointDigit = point - ZERO;
    const values = new Float64Array(7);
    const builder = this.#builder;
    const times = this.#time;
    let at = start;
    while (at < bytes.length) {
      const row = ++this.#row;
      if (bytes[at] === NEWLINE || (bytes[at] === RETURN && bytes[at + 1] === NEWLINE)) {
        at += bytes[at] === NEWLINE ? 1 : 2;
        continue;
      }
      for (let field = 0; field < fields; field++) {
        const role = roles[field] as number;
        const from = at;
        if (role > TIME && role < CLOCK) {
          // The usual number, digits with or without a point, in one go; any other form falls through.
          let mantissa = 0;
          let digit = (bytes[at] as number) - ZERO;
          while (digit >= 0 && digit <= 9) {
            mantissa = mantissa * 10 + digit;
            digit = (bytes[++at] as number) - ZERO;
          }
          let digits = at - from;
          let decimals = 0;
          if (digit === pointDigit) {
            const first = at;
            digit = (bytes[++at] as number) - ZERO;
            while (digit >= 0 && digit <= 9) {
              mantissa = mantissa * 10 + digit;
              digit = (bytes[++at] as number) - ZERO;
            }
            decimals = at - first - 1;
            digits += decimals;
          }
          const next = digit + ZERO;
          if (
            digits > 0 &&
            mantissa <= Number.MAX_SAFE_INTEGER &&
            decimals < POWERS.length &&
            (next === delimiter || next === NEWLINE || next === RETURN)
          ) {
            values[role] = decimals === 0 ? mantissa : mantissa / (POWERS[decimals] as number);
          } else {
            at = this.#readNumber(bytes, from, role, values);
          }
        } else if (role === TIME) {
          const time = times.fast(bytes, at, delimiter);
          if (!Number.isNaN(time)) {
            values[TIME] = time;
            at = times.end;
          } else {
            at = this.#readTime(bytes, at, role, values);
          }
        } else if (role === CLOCK) {
          at = this.#readTime(bytes, at, role, values);
        } else {
          at = this.#text(bytes, at).end;
        }
        if (field < fields - 1) {
          if (bytes[at] !== delimiter) throw this.#fieldCount(field + 1, fields);
          at++;
        }
      }
      if (bytes[at] === RETURN) at++;
      if (bytes[at] !== NEWLINE) {
        const more = countFields(bytes.subarray(at, bytes.indexOf(NEWLINE, at)), delimiter) - 1;
        throw this.#fieldCount(fields + more, fields);
      }
      at++;
      builder.add(
        row,
        (values[TIME] as number) + (values[CLOCK] as number),
        times.zoned,
        values[1] as number,
        values[2] as number,
        values[3] as number,
        values[4] as number,
        values[5] as number,
      );
    }
  }

  #readTime(bytes: Uint8Array, at: number, role: number, values: Float64Array): number {
    const field = role === TIME ? this.#time : this.#clock;
    const fast = field.fast(bytes, at, this.#dialect?.delimiter ?? 0);
    if (!Number.isNaN(fast)) {
      values[role] = fast;
      return field.end;
    }
    const { text, end } = this.#text(bytes, at);
    const time = field.text(text);
    if (Number.isNaN(time)) {
      const like = role === TIME ? "2017-04-19 09:00:00, in UTC" : "09:00:00";
      throw new DataError(this.#row, `not a time: "${text}" (as ${like})`);
    }
    values[role] = time;
    return end;
  }

  #readNumber(bytes: Uint8Array, at: number, role: number, values: Float64Array): number {
    const { text, end } = this.#text(bytes, at);
    const commas = this.#dialect?.point === 44;
    const value = parseNumber(commas ? text.replace(",", ".") : text);
    // With decimal commas a point stands between thousands, or is another's decimal sign: it can't be told which.
    const pointed = commas && text.includes(".");
    const missing = isMissing(text) && this.#options.faults !== undefined;
    if (pointed || (Number.isNaN(value) && !missing)) {
      const why = pointed ? ", in a file with decimal commas" : "";
      throw new DataError(this.#row, `${roleName(role)} is not a number: "${text}"${why}`);
    }
    if (value < 0) throw new DataError(this.#row, `${roleName(role)} is below 0: ${text}`);
    values[role] = value;
    return end;
  }

  #text(bytes: Uint8Array, at: number): { text: string; end: number } {
    const field = readField(bytes, at, this.#dialect?.delimiter ?? 0);
    if (field === null) throw new DataError(this.#row, "a quote isn't closed on its line");
    return field;
  }

  #fieldCount(found: number, wanted: number): DataError {
    const has = this.#dialect?.header ? "the header" : "the first row";
    return new DataError(this.#row, `${found} fields where ${has} has ${wanted}`);
  }
}
