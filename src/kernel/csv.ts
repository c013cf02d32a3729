import { CsvError, type Info, parse } from "csv-parse/sync";
import { type OffsetTime, parseRfc3339 } from "./core/rfc3339.ts";
import { Wrong } from "./exchange.ts";

/** RFC 4180 with a header, for spreadsheets. */

/** What begins so is a formula to a spreadsheet, which may pass over space before it. After OWASP's "CSV Injection". */
const FORMULA = String.raw`(?:[\t\r\n]|\s*[=+\-@＝＋－＠])`;
const GUARDED = new RegExp(`^'+${FORMULA}`);
const UNSAFE = new RegExp(`^'*${FORMULA}`);

/**
 * The text of a cell that no spreadsheet takes for a formula: a title may come from anybody. An apostrophe before it
 * makes it text. One that begins with apostrophes and then so gets another, so that exactly that one is taken away.
 */
export const guarded = (text: string): string => (UNSAFE.test(text) ? `'${text}` : text);
const unguarded = (text: string): string => (GUARDED.test(text) ? text.slice(1) : text);

const cell = (text: string): string =>
  /[",\r\n;\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

/** A line with its end. */
export const csvLine = (cells: readonly string[]): string => `${cells.map(cell).join(",")}\r\n`;

/** A record, its cells by the names in the header, in small letters. An empty cell isn't there. */
export class CsvRecord {
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly #cells: Readonly<Record<string, string | undefined>>;

  constructor(line: number, cells: Readonly<Record<string, string | undefined>>) {
    this.line = line;
    this.#cells = cells;
  }

  #given(name: string): string | undefined {
    return this.#cells[name]?.trim() || undefined;
  }

  /** The text of a cell, without what {@link guarded} may have put before it. */
  text(name: string): string | undefined {
    const value = this.#given(name);
    return value === undefined ? undefined : unguarded(value);
  }

  /** @throws Wrong unless it is RFC 3339 with its offset */
  time(name: string): OffsetTime | undefined {
    const value = this.#given(name);
    const known = value === undefined ? undefined : parseRfc3339(value);
    if (value !== undefined && !known) {
      throw new Wrong(this.line, `${name} is '${value}', which isn't an RFC 3339 time with its offset`);
    }
    return known;
  }

  /** @throws Wrong unless it is a number, not below 0 */
  number(name: string): number | undefined {
    const value = this.#given(name);
    if (value !== undefined && !/^\d+(\.\d*)?$/.test(value)) {
      throw new Wrong(this.line, `${name} is '${value}', which isn't a number`);
    }
    return value === undefined ? undefined : Number(value);
  }
}

/**
 * The records of a text whose cells are parted by commas, semicolons or tabs.
 * @param needed a column that must be there: without it the first line is no header
 * @throws Wrong
 */
export function* csvRecords(text: string, needed?: string): Generator<CsvRecord> {
  const unified = text.replace(/\r\n?/g, "\n");
  const [, blank = "", header = ""] = /^(\n*)(.*)/.exec(unified) ?? [];
  let columns: readonly string[] | undefined;
  // Where a comma is the decimal point, spreadsheets part cells by semicolons.
  const delimiter = [",", ";", "\t"].find((each) => header.includes(each)) ?? ",";
  let found: { record: Record<string, string | undefined>; info: Info }[];
  try {
    found = parse(unified, {
      columns: (names: string[]) => {
        columns = names.map((name) => name.trim().toLowerCase());
        return [...columns];
      },
      delimiter,
      record_delimiter: "\n",
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      info: true,
    }) as unknown as typeof found;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new Wrong(Number(error["lines"]) || 1, error.message.replace(/ (at|on) line \d+.*$/s, ""));
  }
  if (columns && needed !== undefined && !columns.includes(needed)) {
    throw new Wrong(blank.length + 1, `it isn't a header with the column ${needed}`);
  }
  for (const { record: cells, info } of found) {
    // That it ends on, less those that are inside its cells.
    const inside = Object.values(cells).join("").split("\n").length - 1;
    yield new CsvRecord(info.lines - inside, cells);
  }
}
