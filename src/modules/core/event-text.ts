import { oneLine } from "../../kernel/core/plain.ts";

/** A line of the history: what the manager tells, or what else was written there. */
export type EventRecord = {
  readonly type: string;
  /** UTC ms. */
  readonly at: number;
  readonly [field: string]: unknown;
};

/** What has happened, for people, on one line: `camera: IDLE → CRASHED: SIGSEGV` */
export function eventText(record: EventRecord): string {
  const { name, reason } = record;
  const whom = typeof name === "string" ? `${name}: ` : "";
  const why = typeof reason === "string" ? `: ${reason}` : "";
  return oneLine(`${whom}${what(record)}${why}`);
}

/** It may be of another version, or somebody has written into it: no field is sure to be there. */
function what(record: EventRecord): string {
  const { type, desired, enabled, was_enabled, by, before, actual, pid, last_exit, file, line, text } =
    record;
  switch (type) {
    case "desired_changed": {
      const preference = `; a fresh start ${enabled ? "runs" : "doesn't run"} it`;
      return `wanted ${word(desired)}, by ${word(by)}${enabled === was_enabled ? "" : preference}`;
    }
    case "actual_changed":
      return `${word(before)} → ${word(actual)}`;
    case "crash_detected":
      return `crashed with ${word(last_exit)}${typeof pid === "number" ? `, pid ${pid}` : ""}`;
    case "config_problem":
      return [file, line, text]
        .filter((part) => part !== undefined)
        .map(word)
        .join(": ");
    default:
      return [type.replaceAll("_", " "), ...facts(record)].join(", ");
  }
}

const word = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "unknown");

/** What is said elsewhere. */
const SAID: ReadonlySet<string> = new Set(["v", "type", "at", "name", "reason", "timestamp"]);

function facts(fields: object): string[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    if (SAID.has(key) || value === null || value === undefined) return [];
    return typeof value === "object" ? facts(value) : [`${key.replaceAll("_", " ")} ${word(value)}`];
  });
}
