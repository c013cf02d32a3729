import { DataError } from "./bars.ts";
import { readField } from "./csv-field.ts";

/** What a column of the file holds; -1 is ignored. */
export const TIME = 0;
export const OPEN = 1;
export const HIGH = 2;
export const LOW = 3;
export const CLOSE = 4;
export const VOLUME = 5;

/** The columns by what they hold. */
export const COLUMN_NAMES = ["time", "open", "high", "low", "close", "volume"] as const;

const TIME_NAMES = ["time", "date", "datetime", "timestamp"];

/**
 * What each column of a header line holds.
 * @param line the bytes of the line with its line end.
 * @throws DataError for a column that is missing or there twice.
 */
export function readHeader(line: Uint8Array, row: number): Int8Array {
  const names: string[] = [];
  for (let at = 0; ; ) {
    const field = readField(line, at);
    if (field === null) throw new DataError(row, "a quote in the header isn't closed");
    names.push(field.text.toLowerCase());
    if (line[field.end] !== 44) break;
    at = field.end + 1;
  }
  const found = names.map((name) => (name === "" ? "(unnamed)" : name)).join(", ");
  const timeNames = names.filter((name) => TIME_NAMES.includes(name));
  if (timeNames.length > 1) {
    throw new DataError(row, `more than one time column: ${timeNames.join(", ")}`);
  }
  const timeName = timeNames[0] ?? "";
  const columns = [timeName, "open", "high", "low", "close", "volume"];
  for (const [k, name] of columns.entries()) {
    const times = names.filter((other) => other === name).length;
    // Several unnamed columns: the first is the time.
    if (times > 1 && name !== "") throw new DataError(row, `column "${name}" is there ${times} times`);
    if (times > 0 || k === VOLUME) continue;
    throw new DataError(row, `no ${COLUMN_NAMES[k]} column; the columns are ${found}${separatorHint(names)}`);
  }
  const timeAt = names.indexOf(timeName);
  return Int8Array.from(names, (name, at) => (at === timeAt ? TIME : columns.indexOf(name, OPEN)));
}

function separatorHint(names: readonly string[]): string {
  return names.length === 1 && /[;\t]/.test(names[0] ?? "") ? " (fields must be separated by commas)" : "";
}
