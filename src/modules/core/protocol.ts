/**
 * How a module and stint speak: one JSON object a line. What a module prints on stdout that isn't one of these is a line
 * of its log; what it prints on stderr is too.
 */

/** What a module says. Fields beside these are its own. */
export type Said = {
  readonly event: "ready" | "status" | "still_starting" | "ack" | "error";
  /** The command that it answers; 0 is none of ours. */
  readonly id: number | undefined;
  /** Of `status`, where it says so. */
  readonly state: "idle" | "recording" | undefined;
  /** Of `error`. */
  readonly message: string | undefined;
  /** All that it said, but for `event`. */
  readonly fields: Readonly<Record<string, unknown>>;
};

const SAYINGS: ReadonlySet<unknown> = new Set(["ready", "status", "still_starting", "ack", "error"]);

/** What a line says; undefined when it is a line for the log alone. */
export function parseSaid(line: string): Said | undefined {
  // Most lines aren't: nothing is parsed for them.
  if (!line.startsWith("{") || !line.includes('"event"')) return undefined;
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof said !== "object" || said === null) return undefined;
  const { event, ...fields } = said as Record<string, unknown>;
  if (!SAYINGS.has(event)) return undefined;
  const { id, state, message } = fields;
  return {
    event: event as Said["event"],
    id: typeof id === "number" ? id : undefined,
    state: state === "idle" || state === "recording" ? state : undefined,
    message: typeof message === "string" ? message : undefined,
    fields,
  };
}

/** POSIX: a pipe takes so many bytes at once or none of them. */
export const LONGEST_COMMAND = 4096;

/** A command as it is written to a module. @returns undefined when it is longer than a pipe takes in one piece */
export function commandLine(command: Readonly<Record<string, unknown>>): string | undefined {
  const line = `${JSON.stringify(command)}\n`;
  return new TextEncoder().encode(line).length > LONGEST_COMMAND ? undefined : line;
}
