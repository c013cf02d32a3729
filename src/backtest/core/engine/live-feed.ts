import type { FedBar } from "../growing-bars.ts";
import type { FeedCounts } from "../run-state.ts";

/** A bar of a symbol, as a feed brings it. */
export type SymbolBar = FedBar & { readonly symbol: string };

/**
 * Which bars of a feed are worked. A symbol's bars must ascend: one with the time of its newest is doubled, one before that
 * is out of order, and neither is worked, since what was decided on the newer can't be undone. One that is newer than its
 * symbol's, but older than another symbol's newest, is late, and is worked.
 */
export class FeedOrder {
  readonly #newest: Map<string, number>;
  #latest = Number.NEGATIVE_INFINITY;
  #received = 0;
  #late = 0;
  #doubled = 0;
  #outOfOrder = 0;
  #refused = 0;

  /** @param newest the time of each symbol's newest bar, −Infinity where there is none: no other symbols are taken */
  constructor(newest: ReadonlyMap<string, number>) {
    this.#newest = new Map(newest);
    for (const time of newest.values()) this.#latest = Math.max(this.#latest, time);
  }

  /** @returns why the bar isn't to be worked; null when it is */
  take({ symbol, time }: SymbolBar): string | null {
    this.#received++;
    const newest = this.#newest.get(symbol);
    if (newest === undefined) {
      this.#refused++;
      return "it is of no symbol of the run";
    }
    if (time === newest) {
      this.#doubled++;
      return "it is doubled";
    }
    if (time < newest) {
      this.#outOfOrder++;
      return "it is out of order";
    }
    if (time < this.#latest) this.#late++;
    this.#latest = Math.max(this.#latest, time);
    this.#newest.set(symbol, time);
    return null;
  }

  /** Counts a line that is no bar. */
  refuse(): void {
    this.#received++;
    this.#refused++;
  }

  get counts(): FeedCounts {
    return {
      received: this.#received,
      late: this.#late,
      doubled: this.#doubled,
      out_of_order: this.#outOfOrder,
      refused: this.#refused,
    };
  }
}
