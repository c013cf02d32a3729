import type { Interval } from "../../core/history.ts";

/** What a format of history is. */

/** What a file says of one interval, by the names of {@link Interval}'s fields; nothing of it is checked yet. */
export type Draft = {
  /** Where it begins in the file, from 1. */
  line: number;
} & (
  | {
      fields: Readonly<Partial<Record<keyof Interval, unknown>>>;
      /** Whether its start is known to the millisecond, and not to the second alone. */
      exact: boolean;
      /** By how much its length may have been rounded up, ms. */
      roundedUp?: number;
    }
  /** Something else than an interval that is over: why it is left out, in the plural. */
  | { skip: string }
);

export type Format = {
  /** Whether it has a place for such a row; without this it has for all. */
  holds?(row: Interval): boolean;
  /** The file, piece by piece. */
  write(rows: Iterable<Interval>): Iterable<string>;
  /** @throws Wrong at the first line that can't be read */
  read(text: string): Iterable<Draft>;
};
