/** The end of a module's log as the screen keeps it, and what of it is looked at. */
import { oneRow } from "../../kernel/tui/text.ts";
import type { LogLine } from "../core/log-line.ts";

/** How many lines are kept, and how much of each. */
const LINES = 1_000;
const LONGEST = 1_000;

/** The last lines of a log. Each has a number, so that what is looked at stays while others come. */
export class LogEnd {
  /** Of which module; undefined: of none. */
  readonly name: string | undefined;
  #lines: LogLine[] = [];
  /** The number of the first line that is kept. */
  #first = 0;

  constructor(name: string | undefined) {
    this.name = name;
  }

  add(batch: readonly LogLine[]): void {
    // A module may print anything, and more than anybody reads.
    const newest = batch.slice(-LINES).map(({ at, text, mark }) => {
      return { at, text: oneRow(text.slice(0, LONGEST).toWellFormed()), mark };
    });
    this.#first += batch.length - newest.length;
    this.#lines.push(...newest);
    // Not with each batch, which would copy all of them each time.
    if (this.#lines.length < 2 * LINES) return;
    this.#first += this.#lines.length - LINES;
    this.#lines = this.#lines.slice(-LINES);
  }

  /**
   * @param find what the lines have in them, in whatever case; all of them where it is empty
   * @param last the number of the last line that is shown; undefined: the newest
   * @param rows how many are shown
   */
  look(find: string, last: number | undefined, rows: number): LogView {
    const start = Math.max(0, this.#lines.length - LINES);
    const sought = find.toLowerCase();
    const found: number[] = [];
    for (let at = start; at < this.#lines.length; at++) {
      if (sought === "" || this.#lines[at]?.text.toLowerCase().includes(sought)) found.push(at);
    }
    const newest = found.length - 1;
    const shown = last === undefined ? newest : found.findLastIndex((at) => at + this.#first <= last);
    // A window that is as full as it can be, also where what was looked at has gone.
    const bottom = Math.min(newest, Math.max(shown, rows - 1));
    const lineAt = (at: number) => this.#lines[at] as LogLine;
    return {
      lines: found.slice(Math.max(0, bottom - rows + 1), bottom + 1).map(lineAt),
      found: found.length,
      below: newest - bottom,
      moved: (by) => {
        const to = Math.max(Math.min(rows - 1, newest), bottom + by);
        return to >= newest ? undefined : (found[to] as number) + this.#first;
      },
    };
  }
}

/** A window on a log. */
export type LogView = {
  readonly lines: readonly LogLine[];
  /** How many lines there are to be looked at in all. */
  readonly found: number;
  /** How many of them are newer than the last that is shown. */
  readonly below: number;
  /** @returns the last line of a window so many lines further on; undefined at the newest */
  moved(by: number): number | undefined;
};
