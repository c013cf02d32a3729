import { type Bars, DataError } from "../bars.ts";
import { BarBuilder } from "./bar-builder.ts";
import {
  CLOCK,
  CLOSE,
  HIGH,
  IGNORED,
  LOW,
  OPEN,
  roleName,
  rolesByName,
  rolesByOrder,
  TIME,
  VOLUME,
} from "./column-names.ts";
import type { TextOptions, TextReader } from "./csv.ts";
import { isMissing, parseNumber } from "./csv-field.ts";
import type { Dialect } from "./data-source.ts";
import { LineReader } from "./line-reader.ts";
import { TimeField, unixNumber, unixUnit } from "./time-field.ts";

/** A line of it: its values by name, or in order. */
type Row = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder();

/** Most lines of NDJSON are longer, bytes. Room for too many rows takes no memory. */
const SHORT_LINE = 60;

/**
 * Reads bars from NDJSON: on each line an object, whose names are those of a CSV file's columns, or an array, whose values
 * have the order of one without a header. Numbers may be texts; times are those of a CSV file, or numbers.
 */
export class NdjsonParser implements TextReader {
  readonly #options: TextOptions;
  readonly #builder: BarBuilder;
  readonly #lines: LineReader;
  readonly #time: TimeField;
  readonly #clock = new TimeField("day", true);
  #names: readonly string[] = [];
  #roles: Int8Array = new Int8Array(0);
  /** The name of the value of each role. */
  #keys: readonly (string | undefined)[] | undefined;
  #array = false;
  #unit = "";
  #row = 0;

  constructor(options: TextOptions = {}) {
    this.#options = options;
    this.#builder = new BarBuilder(options);
    this.#time = new TimeField(options.order ?? "day");
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
    const clock = this.#clock.form === "" ? "" : ` ${this.#clock.form}`;
    return {
      format: "ndjson",
      delimiter: null,
      header: !this.#array,
      decimal: ".",
      columns: this.#names.map((name, at) => ({ name, holds: roleName(this.#roles[at] ?? IGNORED) })),
      time: this.#unit || `${this.#time.form}${clock}`,
      timezone: this.#unit !== "" || this.#time.zoned ? "UTC" : (this.#options.timezone ?? "UTC"),
      stamp: this.#options.stamp ?? "open",
    };
  }

  feed(bytes: Uint8Array): void {
    this.#lines.feed(bytes);
  }

  finish(): Bars {
    this.#lines.end();
    if (this.#keys === undefined) throw new DataError(1, "the file is empty");
    return this.#builder.finish(this.#row);
  }

  #read(lines: Uint8Array): void {
    const texts = decoder.decode(lines).split("\n");
    for (let k = 0; k < texts.length - 1; k++) {
      this.#row++;
      const text = (texts[k] as string).trim();
      if (text !== "") this.#readRow(text);
    }
  }

  #readRow(text: string): void {
    const row = this.#parsed(text);
    const keys = this.#keys ?? this.#begin(row);
    if (Array.isArray(row) !== this.#array) {
      throw new DataError(this.#row, `${this.#array ? "an object" : "an array"}, unlike the first line`);
    }
    const date = this.#timeOf(row[keys[TIME] as string], this.#time);
    const zoned = typeof row[keys[TIME] as string] === "number" || this.#time.zoned;
    const clock = keys[CLOCK] === undefined ? 0 : this.#timeOf(row[keys[CLOCK]], this.#clock);
    this.#builder.add(
      this.#row,
      date + clock,
      zoned,
      this.#number(row, keys, OPEN),
      this.#number(row, keys, HIGH),
      this.#number(row, keys, LOW),
      this.#number(row, keys, CLOSE),
      keys[VOLUME] === undefined ? 0 : this.#number(row, keys, VOLUME),
    );
  }

  #parsed(text: string): Row {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const hint = this.#row === 1 && /^[[{]$/.test(text) ? "; a bar must be a line of its own" : "";
      throw new DataError(this.#row, `not JSON: ${text.slice(0, 60)}${hint}`);
    }
    if (Array.isArray(value) && Array.isArray(value[0])) {
      throw new DataError(this.#row, "one JSON array of all bars; each bar must be a line of its own");
    }
    if (typeof value === "object" && value !== null) return value as Row;
    throw new DataError(this.#row, `neither an object nor an array: ${text.slice(0, 60)}`);
  }

  #begin(row: Row): readonly (string | undefined)[] {
    this.#array = Array.isArray(row);
    const places = Object.keys(row);
    const sample = Object.values(row).map(String);
    const columns = this.#options.columns ?? null;
    this.#names = this.#array ? places.map((_, at) => String(at + 1)) : places;
    this.#roles = this.#array
      ? rolesByOrder([sample], columns, this.#row)
      : rolesByName(places, sample, columns, this.#row);
    const keys = Array.from({ length: CLOCK + 1 }, (_, role) => places[this.#roles.indexOf(role)]);
    this.#keys = keys;
    if (this.#options.totalBytes !== undefined) {
      this.#builder.reserve(Math.ceil(this.#options.totalBytes / SHORT_LINE));
    }
    return keys;
  }

  #timeOf(value: unknown, field: TimeField): number {
    let time = Number.NaN;
    if (typeof value === "string") time = field.text(value.trim());
    else if (typeof value === "number") {
      time = unixNumber(value);
      this.#unit ||= unixUnit(value);
    }
    if (Number.isNaN(time)) throw new DataError(this.#row, `not a time: ${JSON.stringify(value) ?? "none"}`);
    return time;
  }

  #number(row: Row, keys: readonly (string | undefined)[], role: number): number {
    const value = row[keys[role] as string];
    const number = typeof value === "string" ? parseNumber(value.trim()) : value;
    if (typeof number === "number" && number >= 0) return number;
    if (this.#options.faults && isMissing(String(value ?? "").trim())) return Number.NaN;
    const name = roleName(role);
    if (typeof number === "number" && number < 0) {
      throw new DataError(this.#row, `${name} is below 0: ${number}`);
    }
    throw new DataError(this.#row, `${name} is not a number: ${JSON.stringify(value) ?? "none"}`);
  }
}
