/** Lengths of bars, and where bars of a length begin and end. */

/**
 * The hours of trading in the run's timezone. `open` after `close` means that the day begins on the evening before, as
 * futures' does.
 */
export type Hours = {
  /** `HH:MM`. */
  readonly open: string;
  readonly close: string;
  /** Days with trading, ISO: 1 is Monday, 7 Sunday. */
  readonly days: readonly number[];
  /** Days without, `YYYY-MM-DD`. */
  readonly holidays: readonly string[];
  /** Days that end earlier, `YYYY-MM-DD` → `HH:MM`. */
  readonly early: Readonly<Record<string, string>>;
};
