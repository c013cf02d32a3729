import { objects, Wrong } from "../../../kernel/exchange.ts";
import type { Interval } from "../../core/history.ts";
import type { Format } from "./format.ts";

/** An interval as the record that stands for it on stdout: `type` says what the line is, so its own is `session_type`. */
const record = ({ type, ...rest }: Interval) => ({ v: 1, type: "interval", session_type: type, ...rest });

/** NDJSON, a line for each interval with all that is known of it. */
export const json: Format = {
  *write(rows) {
    for (const row of rows) yield `${JSON.stringify(record(row))}\n`;
  },
  *read(text) {
    for (const [line, { v, type, session_type, ...rest }] of objects(text)) {
      if (type !== "interval") throw new Wrong(line, `its type isn't "interval"`);
      if (v !== 1) throw new Wrong(line, "it isn't of version 1: a newer stint may have written it");
      yield {
        line,
        fields: { ...rest, ...(session_type === undefined ? {} : { type: session_type }) },
        exact: true,
      };
    }
  },
};
