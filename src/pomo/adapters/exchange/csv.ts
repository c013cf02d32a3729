import { rfc3339 } from "../../../kernel/core/rfc3339.ts";
import { csvLine, csvRecords, guarded } from "../../../kernel/csv.ts";
import { Wrong } from "../../../kernel/exchange.ts";
import type { Interval } from "../../core/history.ts";
import type { Format } from "./format.ts";

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

export const csv: Format = {
  *write(rows) {
    yield csvLine(Object.keys(COLUMNS));
    const columns = Object.values(COLUMNS);
    for (const row of rows) yield csvLine(columns.map((column) => column(row)));
  },
  *read(text) {
    for (const record of csvRecords(text, "started_at")) {
      const length = (name: string): number | undefined => {
        const value = record.number(name);
        return value === undefined ? undefined : Math.round(value * 60_000);
      };
      const start = record.time("started_at");
      if (!start) throw new Wrong(record.line, "started_at is missing");
      const fields = {
        type: record.text("type")?.toUpperCase(),
        outcome: record.text("outcome")?.toLowerCase(),
        task: record.text("task") ?? "",
        tags: (record.text("tags") ?? "").split(","),
        started_at: start.wall,
        utc_offset_min: start.offset,
        ended_at: record.time("ended_at")?.wall,
        duration_ms: length("duration_min"),
        elapsed_ms: length("elapsed_min"),
        round: record.number("round"),
        task_id: record.number("task_id"),
      };
      yield { line: record.line, fields, exact: start.exact };
    }
  },
};
