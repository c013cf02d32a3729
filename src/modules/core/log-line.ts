import { parseRfc3339, rfc3339 } from "../../kernel/core/rfc3339.ts";

/**
 * The form of a line in a module's log: `2026-11-22T14:05:01.123Z what the module said`, and a mark of stint's own
 * `2026-11-22T14:05:01.123Z-- what stint says`. Behind the time stands a blank or a hyphen, so that a module can say
 * whatever it likes and is never taken for stint. Control characters stay as they are: who shows a line cleans it.
 */

/** A line of a module's log. */
export type LogLine = {
  /** When it was taken in, UTC ms. */
  readonly at: number;
  readonly text: string;
  /** Whether stint says it, not the module. */
  readonly mark: boolean;
};

/** What stands before each line that a module has said, taken in at an instant (UTC ms). */
export const lineHead = (at: number): string => `${rfc3339(at, 0, "millisecond")} `;

/** A line of stint's own, without its end. */
export const formatMark = (at: number, text: string): string =>
  `${rfc3339(at, 0, "millisecond")}-- ${text.replace(/[\r\n]+/g, " ")}`;

const FORM = /^([-\dT:.]{23}Z)( |-- )(.*)$/s;

/** Reads a line, given without its end; undefined when it isn't one of ours: half a line that the disk didn't take. */
export function parseLogLine(line: string): LogLine | undefined {
  const [, time = "", sign, text = ""] = FORM.exec(line) ?? [];
  const wall = parseRfc3339(time)?.wall;
  return wall === undefined ? undefined : { at: wall, text, mark: sign !== " " };
}
