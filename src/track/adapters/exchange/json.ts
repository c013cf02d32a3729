import { objects, Wrong } from "../../../kernel/exchange.ts";
import type { Format, RecordName } from "./format.ts";

/**
 * NDJSON, a line for each record with all that is known of it: `type` says what it is. Sessions come first; `session` of
 * the others is the id of theirs.
 */
export const json: Format = {
  *write(kept) {
    const line = (type: RecordName, record: object) => `${JSON.stringify({ v: 1, type, ...record })}\n`;
    for (const each of kept.sessions) yield line("session", each);
    for (const each of kept.spans) yield line("span", each);
    for (const each of kept.windows()) yield line("window", each);
    for (const each of kept.running()) yield line("running", each);
    for (const each of kept.input()) yield line("input", each);
  },
  *read(text) {
    for (const [line, { v, type, ...fields }] of objects(text)) {
      if (!isRecordName(type)) throw new Wrong(line, `its type isn't one of ${NAMES.join(", ")}`);
      if (v !== 1) throw new Wrong(line, "it isn't of version 1: a newer stint may have written it");
      yield { at: line, type, fields };
    }
  },
};

const NAMES: readonly RecordName[] = ["session", "span", "window", "running", "input"];
const isRecordName = (type: unknown): type is RecordName => (NAMES as readonly unknown[]).includes(type);
