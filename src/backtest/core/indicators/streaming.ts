import type { Bars } from "../bars.ts";

/**
 * An indicator as the processor moves it: along the bars, one after another, from the first. It may look at bars up to
 * `index` only. Its lines are what a strategy reads; it can't reach this.
 */
export interface Streaming {
  /** Moves it from bar `index - 1` to bar `index`. Its lines' `previous` is then what `value` was. */
  update(bars: Bars, index: number): void;
  /** The index of the first bar at which all its lines have a value; Infinity when it never will. */
  readonly warmup: number;
  /**
   * Makes `previous` what `value` is: for one of derived bars, at a bar of the symbol's that brought no derived one.
   */
  settle(): void;
}
