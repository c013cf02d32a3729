import {
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  type SchemaElement,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { message } from "../../../kernel/errors.ts";
import { type Bars, DataError } from "../../core/bars.ts";
import { BarBuilder, type BuildOptions } from "../../core/data/bar-builder.ts";
import {
  type AskedColumns,
  CLOCK,
  IGNORED,
  roleName,
  rolesByName,
  TIME,
} from "../../core/data/column-names.ts";
import { isMissing, parseNumber } from "../../core/data/csv-field.ts";
import type { Dialect } from "../../core/data/data-source.ts";
import { type DateOrder, TimeField, unixNumber, unixUnit } from "../../core/data/time-field.ts";
import type { DataFile } from "./data-file.ts";

/** How Parquet is read; see the text formats' options. */
export type ParquetOptions = BuildOptions & {
  readonly columns: AskedColumns | null;
  readonly order: DateOrder;
};

/** Bars of a Parquet file. `ambiguous`: its dates are texts that could be read in the other order as well. */
export type ParquetBars = { bars: Bars; dialect: Omit<Dialect, "packed">; ambiguous: boolean };

/** Times as ms since 1970, and not as a Date each. */
const parsers = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: (micros: bigint) => Number(micros / 1_000n),
  timestampFromNanoseconds: (nanos: bigint) => Number(nanos / 1_000_000n),
  dateFromDays: (days: number) => days * 86_400_000,
};

/**
 * Reads bars from a Parquet file, a group of its rows at a time. Its times are timestamps, dates, whole numbers as those of
 * a CSV file, or texts; a timestamp that isn't adjusted to UTC is of the file's zone.
 * @param progress told the share of rows that are read, 0 … 1
 * @throws DataError with the row, counted from 1
 */
export async function readParquet(
  data: DataFile,
  options: ParquetOptions,
  progress: Float64Array,
): Promise<ParquetBars> {
  const file = {
    byteLength: data.size,
    slice: (from: number, to = data.size) => data.slice(from, to).buffer,
  };
  const metadata = await readable(() => parquetMetadataAsync(file), 1);
  const elements = metadata.schema.filter(({ num_children }) => num_children === undefined);
  const names = elements.map(({ name }) => name);
  const total = Number(metadata.num_rows);
  const group = (from: number, to: number) => readable(() => readGroup(file, metadata, from, to), from + 1);
  // Names alone don't tell a date from a time of day.
  const roles = await rolesOf(names, metadata, options, group);
  const wanted = names.filter((_, at) => roles[at] !== IGNORED);
  const rows = new Rows(elements, roles, options);
  rows.builder.reserve(total);
  let at = 0;
  for (const { num_rows } of metadata.row_groups) {
    const end = at + Number(num_rows);
    const columns = await readable(() => readGroup(file, metadata, at, end, wanted), at + 1);
    rows.add(columns, at, end);
    at = end;
    progress[0] = at / total;
  }
  return { bars: rows.builder.finish(total), dialect: rows.dialect(names), ambiguous: rows.time.ambiguous };
}

async function rolesOf(
  names: readonly string[],
  { row_groups: [first] }: FileMetaData,
  { columns }: ParquetOptions,
  group: (from: number, to: number) => Promise<Map<string, DecodedArray>>,
): Promise<Int8Array> {
  const sample = first === undefined ? new Map<string, DecodedArray>() : await group(0, 1);
  return rolesByName(
    names,
    names.map((name) => String(sample.get(name)?.[0] ?? "")),
    columns,
    1,
  );
}

async function readGroup(
  file: { byteLength: number; slice(from: number, to?: number): ArrayBuffer },
  metadata: FileMetaData,
  rowStart: number,
  rowEnd: number,
  columns?: string[],
): Promise<Map<string, DecodedArray>> {
  const found = new Map<string, DecodedArray>();
  await parquetRead({
    file,
    metadata,
    compressors,
    parsers,
    rowStart,
    rowEnd,
    ...(columns ? { columns } : {}),
    onChunk({ columnName, columnData, rowStart: from }) {
      const part = columnData.slice(Math.max(0, rowStart - from), rowEnd - from) as DecodedArray;
      if (found.has(columnName)) throw new Error(`the column ${columnName} comes in parts`);
      found.set(columnName, part);
    },
  });
  return found;
}

/** What the library throws of a file that it can't read has no class of its own. */
async function readable<T>(work: () => Promise<T>, row: number): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new DataError(row, `Parquet that can't be read: ${message(error)}`);
  }
}

/** Turns columns of any type into bars. */
class Rows {
  readonly builder: BarBuilder;
  readonly time: TimeField;
  readonly #clock = new TimeField("day", true);
  readonly #elements: readonly SchemaElement[];
  readonly #roles: Int8Array;
  readonly #options: ParquetOptions;
  #form = "";
  #zoned = false;

  constructor(elements: readonly SchemaElement[], roles: Int8Array, options: ParquetOptions) {
    this.builder = new BarBuilder(options);
    this.time = new TimeField(options.order);
    this.#elements = elements;
    this.#roles = roles;
    this.#options = options;
  }

  add(columns: Map<string, DecodedArray>, from: number, to: number): void {
    const values = Array.from({ length: CLOCK + 1 }, (_, role) => {
      const element = this.#elements[this.#roles.indexOf(role)];
      if (element === undefined) return new Float64Array(to - from);
      const column = columns.get(element.name) ?? [];
      if (role === TIME || role === CLOCK) return this.#times(column, element, role, from);
      return numbers(column, element, role, from, this.#options.faults !== undefined);
    });
    const [time, open, high, low, close, volume, clock] = values as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let i = 0; i < to - from; i++) {
      this.builder.add(
        from + i + 1,
        (time[i] as number) + (clock[i] as number),
        this.#zoned,
        open[i] as number,
        high[i] as number,
        low[i] as number,
        close[i] as number,
        volume[i] as number,
      );
    }
  }

  #times(column: DecodedArray, element: SchemaElement, role: number, from: number): Float64Array {
    const read =
      role === TIME ? this.#timeReader(element) : (value: unknown) => this.#text(value, this.#clock);
    const times = new Float64Array(column.length);
    for (let i = 0; i < times.length; i++) {
      const time = read(column[i]);
      if (Number.isNaN(time)) throw new DataError(from + i + 1, `not a time: ${shown(column[i])}`);
      times[i] = time;
    }
    return times;
  }

  /** How a value of the time column becomes ms since 1970. */
  #timeReader({ type, converted_type, logical_type }: SchemaElement): (value: unknown) => number {
    const stamp = logical_type?.type === "TIMESTAMP" ? logical_type : undefined;
    const date = converted_type === "DATE" || logical_type?.type === "DATE";
    if (stamp !== undefined || converted_type?.startsWith("TIMESTAMP_") || date || type === "INT96") {
      // Older files say no more than that it is a timestamp; then it is UTC.
      this.#zoned = !date && (stamp?.isAdjustedToUTC ?? true);
      this.#form = date ? "date" : "timestamp";
      return (value) => (typeof value === "number" ? value : Number.NaN);
    }
    return (value) => {
      if (typeof value !== "number" && typeof value !== "bigint") return this.#text(value, this.time);
      this.#form ||= unixUnit(value);
      this.#zoned = true;
      return unixNumber(value);
    };
  }

  #text(value: unknown, field: TimeField): number {
    if (typeof value !== "string") return Number.NaN;
    const time = field.text(value.trim());
    if (field === this.time) this.#zoned = field.zoned;
    return time;
  }

  dialect(names: readonly string[]): Omit<Dialect, "packed"> {
    const clock = this.#clock.form === "" ? "" : ` ${this.#clock.form}`;
    return {
      format: "parquet",
      delimiter: null,
      header: true,
      decimal: ".",
      columns: names.map((name, at) => ({ name, holds: roleName(this.#roles[at] ?? IGNORED) })),
      time: `${this.#form || this.time.form}${clock}`,
      timezone: this.#zoned ? "UTC" : (this.#options.timezone ?? "UTC"),
      stamp: this.#options.stamp ?? "open",
    };
  }
}

/**
 * A column of numbers. Decimals are rounded to their scale: the library multiplies, which isn't exact.
 * @param tolerant takes a value that is missing for NaN
 */
function numbers(
  column: DecodedArray,
  { converted_type, scale }: SchemaElement,
  role: number,
  from: number,
  tolerant: boolean,
): Float64Array {
  const exact = converted_type === "DECIMAL" ? (scale ?? 0) : null;
  const values = new Float64Array(column.length);
  for (let i = 0; i < values.length; i++) {
    const value: unknown = column[i];
    let number = Number.NaN;
    if (typeof value === "number") number = value;
    else if (typeof value === "bigint") number = Number(value);
    else if (typeof value === "string") number = parseNumber(value.trim());
    const missing = tolerant && isMissing(String(value ?? "").trim());
    if (!(number >= 0 || missing)) throw wrongNumber(value, role, from + i + 1);
    values[i] = exact === null ? number : Number(number.toFixed(exact));
  }
  return values;
}

function wrongNumber(value: unknown, role: number, row: number): DataError {
  const below = typeof value === "number" && value < 0;
  return new DataError(row, `${roleName(role)} is ${below ? "below 0" : "not a number"}: ${shown(value)}`);
}

const shown = (value: unknown): string =>
  typeof value === "string"
    ? JSON.stringify(value.slice(0, 60))
    : value === undefined
      ? "none"
      : String(value);
