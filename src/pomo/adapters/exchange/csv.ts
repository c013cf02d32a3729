import { CsvError, type Info, parse } from "csv-parse/sync";
import { type OffsetTime, parseRfc3339, rfc3339 } from "../../../kernel/core/rfc3339.ts";
import type { Interval } from "../../core/history.ts";
import { type Format, Wrong } from "./format.ts";

/**
 * RFC 4180 with a header, for spreadsheets. Lengths are minutes with as many digits as a millisecond needs, times RFC
 * 3339 with their milliseconds, so that nothing is lost on the way there and back.
 */

const minutes = (ms: number): string => String(Number((ms / 60_000).toFixed(5)));

/** The columns as they are written. They are read in any order, and only the start and a length must be there. */
const COLUMNS: Readonly<Record<string, (row: Interval) => string>> = {
  type: ({ type }) => type,
  outcome: ({ outcome }) => outcome,
  task: ({ task }) => guarded(task ?? ""),
  tags: ({ tags }) => guarded(tags.join(",")),
  started_at: ({ started_at, utc_offset_min }) => rfc3339(started_at, utc_offset_min, "millisecond"),
  ended_at: ({ ended_at, utc_offset_min }) => rfc3339(ended_at, utc_offset_min, "millisecond"),
  duration_min: ({ duration_ms }) => minutes(duration_ms),
  elapsed_min: ({ elapsed_ms }) => minutes(elapsed_ms),
  round: ({ round }) => String(round),
  task_id: ({ task_id }) => String(task_id ?? ""),
};

/**
 * A spreadsheet takes a cell that begins so for a formula, and a title may come from anybody: an apostrophe before it
 * makes it text. One that begins with apostrophes and then so gets another, so that exactly that one is taken away.
 */
const guarded = (text: string): string => (/^'*[=+\-@＝＋－＠]/.test(text) ? `'${text}` : text);
const unguarded = (text: string): string => (/^'+[=+\-@＝＋－＠]/.test(text) ? text.slice(1) : text);

const cell = (text: string): string =>
  /[",\r\n;\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const line = (cells: readonly string[]): string => `${cells.map(cell).join(",")}\r\n`;

export const csv: Format = {
  *write(rows) {
    yield line(Object.keys(COLUMNS));
    const columns = Object.values(COLUMNS);
    for (const row of rows) yield line(columns.map((column) => column(row)));
  },
  *read(text) {
    for (const { line, cells } of records(text)) {
      const given = (name: string): string | undefined => cells[name]?.trim() || undefined;
      const time = (name: string): OffsetTime | undefined => {
        const value = given(name);
        const known = value === undefined ? undefined : parseRfc3339(value);
        if (value !== undefined && !known) {
          throw new Wrong(line, `${name} is '${value}', which isn't an RFC 3339 time with its offset`);
        }
        return known;
      };
      const number = (name: string): number | undefined => {
        const value = given(name);
        if (value !== undefined && !/^\d+(\.\d*)?$/.test(value)) {
          throw new Wrong(line, `${name} is '${value}', which isn't a number`);
        }
        return value === undefined ? undefined : Number(value);
      };
      const length = (name: string): number | undefined => {
        const value = number(name);
        return value === undefined ? undefined : Math.round(value * 60_000);
      };
      const start = time("started_at");
      if (!start) throw new Wrong(line, "started_at is missing");
      const fields = {
        type: given("type")?.toUpperCase(),
        outcome: given("outcome")?.toLowerCase(),
        task: unguarded(given("task") ?? ""),
        tags: unguarded(given("tags") ?? "").split(","),
        started_at: start.wall,
        utc_offset_min: start.offset,
        ended_at: time("ended_at")?.wall,
        duration_ms: length("duration_min"),
        elapsed_ms: length("elapsed_min"),
        round: number("round"),
        task_id: number("task_id"),
      };
      yield { line, fields, exact: start.exact };
    }
  },
};

type Cells = { line: number; cells: { readonly [column: string]: string | undefined } };

function* records(text: string): Generator<Cells> {
  const unified = text.replace(/\r\n?/g, "\n");
  const header = /^\n*(.*)/.exec(unified)?.[1] ?? "";
  // Where a comma is the decimal point, spreadsheets part cells by semicolons.
  const delimiter = [",", ";", "\t"].find((each) => header.includes(each)) ?? ",";
  let found: { record: Cells["cells"]; info: Info }[];
  try {
    found = parse(unified, {
      columns: (names: string[]) => names.map((name) => name.trim().toLowerCase()),
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
  for (const { record: cells, info } of found) {
    // That it ends on, less those that are inside its cells.
    const inside = Object.values(cells).join("").split("\n").length - 1;
    yield { line: info.lines - inside, cells };
  }
}
