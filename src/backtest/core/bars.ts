/**
 * Price bars as columns of equal length. A bar's `time` is its open, in UTC milliseconds since 1970, strictly
 * increasing. Prices are in the quote currency, positive, `high >= low`. The columns may lie on shared memory.
 */
export type Bars = {
  readonly length: number;
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
  /**
   * The most decimals of any close, so that `Math.round(close * 10 ** decimals)` is that close as an exact
   * integer; -1 when closes have too many digits for that.
   */
  readonly decimals: number;
};

/** A bar's columns by what they hold. */
export const COLUMN_NAMES = ["time", "open", "high", "low", "close", "volume"] as const;
export type ColumnName = (typeof COLUMN_NAMES)[number];

/** What is wrong with a data file, and where. */
export class DataError extends Error {
  /** The line of the file, counted from 1 (the header is line 1). */
  readonly row: number;

  constructor(row: number, message: string) {
    super(message);
    this.name = "DataError";
    this.row = row;
  }
}

/**
 * The decimals of a close column of values made elsewhere than in the CSV parser (which knows them from the text).
 * @returns what {@link Bars.decimals} holds.
 */
export function closeDecimals(close: Float64Array): number {
  let decimals = 0;
  let highest = 0;
  // By index: iterating over a typed array makes garbage for each of its values.
  for (let i = 0; i < close.length; i++) {
    const price = close[i] as number;
    if (price > highest) highest = price;
    // Most prices are exact at the decimals seen so far, and String() is slow.
    const scale = 10 ** decimals;
    if (Math.round(price * scale) / scale !== price) decimals = Math.max(decimals, decimalsOf(price));
  }
  return usableDecimals(decimals, highest);
}

/**
 * `decimals`, or -1 if prices up to `highest` with that many don't scale to exact integers: `price * 10 ** decimals`
 * carries a relative error of 2 ** -52, so below 2 ** 50 it is within a quarter of the integer it stands for.
 */
function usableDecimals(decimals: number, highest: number): number {
  return decimals <= 22 && highest * 10 ** decimals < 2 ** 50 ? decimals : -1;
}

/** The decimals of the shortest text that reads back as `value` (finite): 1.25 has 2, 1e-7 has 7, 300 has 0. */
export function decimalsOf(value: number): number {
  const [mantissa = "", exponent = "0"] = String(value).split("e");
  const point = mantissa.indexOf(".");
  const fraction = point < 0 ? 0 : mantissa.length - point - 1;
  return Math.max(0, fraction - Number(exponent));
}
