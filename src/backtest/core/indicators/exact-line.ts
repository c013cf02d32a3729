import type { Bars } from "../bars.ts";
import type { Column, Line } from "../strategy.ts";

/** Whole numbers up to here are exact in a double. */
export const EXACT = Number.MAX_SAFE_INTEGER;

/** Adding and taking away this rounds what is below 2 ** 50 to a whole number, much faster than Math.round. */
const BIAS = 1.5 * 2 ** 52;

/** Doubles finer than this are rounded to it, so that no factor overflows. */
const FINEST = 2 ** 900;

/**
 * How values of a column become integers ("units"), so that their sums are exact: `value * factor`, rounded. With known
 * decimals the factor is a power of ten and the units are the prices as written. Without, it is the power of two at which
 * every value is whole: the doubles as they are.
 *
 * Prices that are still to come (live) have the decimals of those there are; without any, volumes have eight.
 */
export function factorOf(bars: Bars, column: Column, decimalsOf: (values: Float64Array) => number): number {
  const values = bars[column];
  let decimals = bars.decimals;
  if (column !== "close") {
    if (values.length > 0) {
      const own = decimalsOf(values);
      // The closes' decimals where they do, so that averages of opens and closes have units in common.
      decimals = own < 0 || column === "volume" ? own : Math.max(own, decimals);
    } else if (column === "volume") decimals = 8;
  }
  if (decimals >= 0) return 10 ** decimals;
  let factor = 1;
  // By index: iterating over a typed array is ten times slower, and this is a pass over all bars.
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    while (factor < FINEST && !Number.isInteger(value * factor)) factor *= 2;
  }
  return factor;
}

/** A value in units. */
export function unitsOf(value: number, factor: number): number {
  const units = value * factor;
  return units < 2 ** 50 ? units + BIAS - BIAS : Math.round(units);
}

/** Moves a line to the next bar's sum: a whole number, at most {@link EXACT}. */
export let moveExact: (line: ExactLine, sum: number) => void;

/** Moves a line to the next bar's sum, of any size. */
export let moveWide: (line: ExactLine, sum: bigint) => void;

/** Makes a line's `previous` what its `value` is. */
export let settleExact: (line: ExactLine) => void;

/**
 * Whether `a` was below `b` on the bar before and is above it now, compared exactly as fractions. A tie on either bar is
 * no cross.
 */
export let crossesExactly: (a: ExactLine, b: ExactLine) => boolean;

/**
 * A line whose values are fractions of whole numbers, `sum / (count * factor)`: a weighted average of prices of
 * `factor` units, with weights that come to `count`. Reading it rounds once; crosses are of the fractions themselves.
 */
export class ExactLine implements Line {
  readonly #count: number;
  readonly #factor: number;
  readonly #divisor: number;
  /** The factor while the sums are narrow, then NaN: equal for two lines whose sums can be compared as doubles. */
  #narrow: number;
  /** The sums; NaN before there is one, and rounded when they are too wide for a double. */
  #now = Number.NaN;
  #before = Number.NaN;
  /** Those that are, exactly. */
  #wideNow: bigint | null = null;
  #wideBefore: bigint | null = null;

  constructor(count: number, factor: number) {
    this.#count = count;
    this.#factor = factor;
    this.#divisor = count * factor;
    this.#narrow = factor;
    Object.freeze(this);
  }

  get value(): number {
    if (this.#wideNow === null && this.#divisor <= EXACT) return this.#now / this.#divisor;
    return this.#rounded(this.#now, this.#wideNow);
  }

  get previous(): number {
    if (this.#wideBefore === null && this.#divisor <= EXACT) return this.#before / this.#divisor;
    return this.#rounded(this.#before, this.#wideBefore);
  }

  #rounded(sum: number, wide: bigint | null): number {
    if (Number.isNaN(sum)) return sum;
    return divide(wide ?? BigInt(sum), BigInt(this.#count) * BigInt(this.#factor));
  }

  #crossesWide(other: ExactLine): boolean {
    if (Number.isNaN(this.#before) || Number.isNaN(other.#before)) return false;
    const scale = BigInt(other.#count) * BigInt(other.#factor);
    const otherScale = BigInt(this.#count) * BigInt(this.#factor);
    const before = this.#wideBefore ?? BigInt(this.#before);
    const otherBefore = other.#wideBefore ?? BigInt(other.#before);
    if (before * scale >= otherBefore * otherScale) return false;
    const now = this.#wideNow ?? BigInt(this.#now);
    const otherNow = other.#wideNow ?? BigInt(other.#now);
    return now * scale > otherNow * otherScale;
  }

  xcross(b: ExactLine): boolean {
      if (this.#narrow !== b.#narrow) return this.#crossesWide(b);
      // Written out and short: the engine's hot loop is as deep and as long as JavaScriptCore inlines.
      const before = this.#before * b.#count;
      const otherBefore = b.#before * this.#count;
      const now = this.#now * b.#count;
      const otherNow = b.#now * this.#count;
      // Rounding keeps order: what is told apart after it is told apart rightly, what is equal may hide a difference.
      if (before < otherBefore && now > otherNow) return true;
      if (before > otherBefore || now < otherNow) return false;
      return (before > EXACT || now > EXACT) && this.#crossesWide(b);
  }

  static {
    moveExact = (line, sum) => {
      line.#before = line.#now;
      line.#now = sum;
    };
    moveWide = (line, sum) => {
      line.#before = line.#now;
      line.#wideBefore = line.#wideNow ?? (Number.isNaN(line.#now) ? null : BigInt(line.#now));
      line.#now = Number(sum);
      line.#wideNow = sum;
      line.#narrow = Number.NaN;
    };
    settleExact = (line) => {
      line.#before = line.#now;
      line.#wideBefore = line.#wideNow;
    };
    crossesExactly = (a, b) => a.xcross(b);
  }
}

/** The double nearest to `numerator / denominator` (neither negative, the second not 0). */
function divide(numerator: bigint, denominator: bigint): number {
  // Number() of 65 bits or more rounds once and right if the last bit is "sticky": set if anything was cut off.
  const shift = Math.max(0, 66 + denominator.toString(2).length - numerator.toString(2).length);
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  const sticky = quotient * denominator === shifted ? 0n : 1n;
  return Number(quotient | sticky) / 2 ** shift;
}
