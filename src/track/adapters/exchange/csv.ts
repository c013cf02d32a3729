import { rfc3339 } from "../../../kernel/core/rfc3339.ts";
import { csvLine, csvRecords, guarded } from "../../../kernel/csv.ts";
import { Wrong } from "../../../kernel/exchange.ts";
import type { Format, SpanRecord } from "./format.ts";

/**
 * RFC 4180 with a header, for spreadsheets: a row for each span. Times are RFC 3339 with their milliseconds, so that
 * nothing is lost on the way there and back; how long it was, in minutes, is for those who add it up.
 */

/** The columns as they are written. They are read in any order, and only the start and an end or a length must be there. */
const COLUMNS: Readonly<Record<string, (span: SpanRecord) => string>> = {
  kind: ({ kind }) => kind,
  project: ({ project }) => guarded(project ?? ""),
  tags: ({ tags }) => guarded(tags.join(",")),
  note: ({ note }) => guarded(note ?? ""),
  started_at: ({ started_at, utc_offset_min }) => rfc3339(started_at, utc_offset_min, "millisecond"),
  ended_at: ({ ended_at, utc_offset_min }) => rfc3339(ended_at, utc_offset_min, "millisecond"),
  minutes: ({ started_at, ended_at }) => String(Number(((ended_at - started_at) / 60_000).toFixed(5))),
  session: ({ session }) => session ?? "",
};

export const csv: Format = {
  *write({ spans }) {
    yield csvLine(Object.keys(COLUMNS));
    const columns = Object.values(COLUMNS);
    for (const span of spans) yield csvLine(columns.map((column) => column(span)));
  },
  *read(text) {
    for (const record of csvRecords(text, "started_at")) {
      const start = record.time("started_at");
      if (!start) throw new Wrong(record.line, "started_at is missing");
      const minutes = record.number("minutes");
      const length = minutes === undefined ? undefined : Math.round(minutes * 60_000);
      const ended_at =
        record.time("ended_at")?.wall ?? (length === undefined ? undefined : start.wall + length);
      if (ended_at === undefined) throw new Wrong(record.line, "neither ended_at nor minutes is given");
      const fields = {
        kind: record.text("kind")?.toLowerCase(),
        project: record.text("project"),
        tags: (record.text("tags") ?? "").split(","),
        note: record.text("note"),
        started_at: start.wall,
        ended_at,
        utc_offset_min: start.offset,
        session: record.text("session"),
      };
      yield { at: record.line, type: "span", fields, coarse: !start.exact };
    }
  },
};
