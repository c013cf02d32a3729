import { DataError } from "../bars.ts";
import { type AskedColumns, CLOCK, CLOSE, OPEN, rolesByName, rolesByOrder } from "./column-names.ts";
import { countFields, parseNumber, readFields } from "./csv-field.ts";
import { isTime } from "./time-field.ts";

/** How a CSV file is laid out, as its beginning tells. */
export type CsvDialect = {
  readonly delimiter: number;
  /** The byte of the decimal sign. */
  readonly point: number;
  readonly header: boolean;
  /** The names of the columns; without a header their numbers. */
  readonly names: readonly string[];
  /** What each column holds. */
  readonly roles: Int8Array;
  /** Where the first row of bars begins, in bytes, and how many lines come before it. */
  readonly start: number;
  readonly lines: number;
};

const NEWLINE = 10;
const COMMA = 44;
const POINT = 46;
const HASH = 35;
/** Tried in this order: a line of five fields by one of the first may have commas for its decimals. */
const DELIMITERS = [9, 59, 124, COMMA];
const LEAST_FIELDS = 5;
/** So many lines are looked at. */
const LINES_SEEN = 40;

type Line = { readonly bytes: Uint8Array; readonly row: number; readonly start: number };

/**
 * Guesses how a file is laid out. Lines before the header, `#` before them or of one field only (an address, a title), are
 * passed over, and `sep=;`.
 * @param head the first lines of the file, whole
 * @returns null when there is no line in it yet that says anything
 * @throws DataError for what can't be bars
 */
export function csvDialect(head: Uint8Array, asked: AskedColumns | null): CsvDialect | null {
  checkText(head);
  const lines = linesOf(head);
  const said = lines.find(({ bytes }) => bytes[0] !== HASH && delimiterOf(bytes) !== null);
  const first = said ?? lines.find(({ bytes }) => bytes[0] !== HASH);
  if (first === undefined) return null;
  const delimiter = delimiterOf(first.bytes) ?? COMMA;
  const texts = readFields(first.bytes, delimiter);
  if (texts === null) throw new DataError(first.row, "a quote in the header isn't closed");
  const header = !isRow(texts);
  const rows = lines.filter(({ start }) => (header ? start > first.start : start >= first.start));
  const samples = rows.map(({ bytes }) => readFields(bytes, delimiter) ?? []);
  const sample = samples[0] ?? [];
  const roles = header
    ? rolesByName(texts, sample, asked, first.row)
    : rolesByOrder(samples, asked, first.row);
  return {
    delimiter,
    point: delimiter !== COMMA && hasDecimalCommas(samples, roles) ? COMMA : POINT,
    header,
    names: header ? texts : texts.map((_, at) => String(at + 1)),
    roles,
    start: header ? first.start + first.bytes.length : first.start,
    lines: header ? first.row : first.row - 1,
  };
}

function checkText(head: Uint8Array): void {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    throw new DataError(1, "it is UTF-16; save it as UTF-8");
  }
  if (head.includes(0)) throw new DataError(1, "it is no text, and no packed file or Parquet either");
}

function linesOf(head: Uint8Array): Line[] {
  const lines: Line[] = [];
  const bom = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  let start = bom;
  for (let row = 1; start < head.length && lines.length < LINES_SEEN; row++) {
    const end = head.indexOf(NEWLINE, start) + 1;
    if (end === 0) break;
    const bytes = head.subarray(start, end);
    const blank = bytes.every((byte) => byte === NEWLINE || byte === 13);
    if (!blank) lines.push({ bytes, row, start });
    start = end;
  }
  return lines;
}

/** The delimiter of a line of several fields; null for one of a single field, and for `sep=;`. */
function delimiterOf(line: Uint8Array): number | null {
  if (/^sep=.\r?\n$/i.test(String.fromCharCode(...line.subarray(0, 8)))) return null;
  const counts = DELIMITERS.map((delimiter) => ({ delimiter, fields: countFields(line, delimiter) }));
  const enough = counts.find(({ fields }) => fields >= LEAST_FIELDS);
  if (enough) return enough.delimiter;
  const most = counts.reduce((a, b) => (b.fields >= a.fields ? b : a));
  return most.fields > 1 ? most.delimiter : null;
}

/** Whether a line is a row of bars, and no header: it has a time, or numbers for most of its fields. */
function isRow(texts: readonly string[]): boolean {
  const numbers = texts.filter((text) => !Number.isNaN(parseNumber(text.replace(",", ".")))).length;
  return numbers * 2 > texts.length || (numbers >= 4 && texts.some(isTime));
}

function hasDecimalCommas(samples: readonly (readonly string[])[], roles: Int8Array): boolean {
  const prices = samples.flatMap((texts) =>
    texts.filter(
      (_, at) => (roles[at] as number) >= OPEN && (roles[at] as number) <= CLOSE && roles[at] !== CLOCK,
    ),
  );
  return prices.some((text) => /^\d*,\d+$/.test(text)) && !prices.some((text) => text.includes("."));
}
