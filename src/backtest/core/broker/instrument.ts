/** What is traded, beside its bars. */
export type Instrument = {
  readonly symbol: string;
  /** The least step of a price: limit and stop prices are rounded to it, away from the market. 0: any price. */
  readonly tick: number;
  /** The least step of units: 1 for shares, 1e-6 for what is traded in fractions. Sizes are rounded down to it. */
  readonly lot: number;
  /** The currency that its prices are in; null: the account's. */
  readonly currency: string | null;
  /**
   * What one unit of that currency is worth in the account's: a number, or a symbol of the run whose newest close it is
   * (`inverse`: one over it).
   */
  readonly conversion: number | { readonly symbol: string; readonly inverse: boolean };
};

/** What an instrument is unless more is said. */
export const plainInstrument = (symbol: string): Instrument => ({
  symbol,
  tick: 0,
  lot: 1,
  currency: null,
  conversion: 1,
});
