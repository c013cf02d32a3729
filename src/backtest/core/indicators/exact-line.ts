import type { Bars } from "../bars.ts";
import type { Column } from "../strategy.ts";
import { move, PlainLine, settle } from "./line.ts";

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
 * A line whose values are fractions of whole numbers, `sum / (count * factor)`: weighted averages of prices of `factor`
 * units, with weights that come to `count`. As doubles they are rounded once, which keeps order: what is told apart as
 * doubles is told apart rightly, and only where those are equal the fractions have to be looked at.
 */
export class ExactLine extends PlainLine {
  readonly #count: number;
  readonly #factor: number;
  readonly #divisor: number;
  /** The sums; NaN before there is one, and rounded when they are too wide for a double. */
  #now = Number.NaN;
  #before = Number.NaN;
  /** Those that are, exactly. */
  #wideNow: bigint | null = null;
  #wideBefore: bigint | null = null;

  constructor(count: number, factor: number) {
    super();
    this.#count = count;
    this.#factor = factor;
    this.#divisor = count * factor;
    Object.freeze(this);
  }

  override get value(): number {
    return this.#wideNow === null ? this.#now / this.#divisor : super.value;
  }

  override get previous(): number {
    return this.#wideBefore === null ? this.#before / this.#divisor : super.previous;
  }

  /** Whether even what the sums are divided by is more than a double holds: then each is moved to as a wide one. */
  get isWide(): boolean {
    return this.#divisor > EXACT;
  }

  static {
    moveExact = (line, sum) => {
      line.#before = line.#now;
      line.#now = sum;
    };
    moveWide = (line, sum) => {
      line.#before = line.#now;
      line.#wideBefore = line.#wideNow ?? (Number.isNaN(line.#now) ? null : BigInt(line.#now));
      // What was of no such sum before is the value before now, too.
      if (line.#wideNow === null) move(line, line.#now / line.#divisor);
      line.#now = Number(sum);
      line.#wideNow = sum;
      move(line, divide(sum, BigInt(line.#count) * BigInt(line.#factor)));
    };
    settleExact = (line) => {
      line.#before = line.#now;
      line.#wideBefore = line.#wideNow;
      settle(line);
    };

    /** Below 0 when `sum` of `a` is less than `other` of `b`, 0 when they are the same, above when it is more. */
    const compare = (
      a: ExactLine,
      sum: number,
      wide: bigint | null,
      b: ExactLine,
      other: number,
      otherWide: bigint | null,
    ): number => {
      if (a.#factor === b.#factor && wide === null && otherWide === null) {
        const left = sum * b.#count;
        const right = other * a.#count;
        if (left !== right || left <= EXACT) return left - right;
      }
      if (Number.isNaN(sum) || Number.isNaN(other)) return Number.NaN;
      const left = (wide ?? BigInt(sum)) * BigInt(b.#count) * BigInt(b.#factor);
      const right = (otherWide ?? BigInt(other)) * BigInt(a.#count) * BigInt(a.#factor);
      return left < right ? -1 : left > right ? 1 : 0;
    };
    crossesExactly = (a, b) => {
      if (a.#factor === b.#factor && a.#wideNow === null && b.#wideNow === null) {
        // Written out: this is asked of most strategies at every bar. Rounding keeps order, so only what comes out equal
        // and is too wide to be exact has to be looked at again.
        const before = a.#before * b.#count;
        const otherBefore = b.#before * a.#count;
        const now = a.#now * b.#count;
        const otherNow = b.#now * a.#count;
        if (before < otherBefore && now > otherNow) return true;
        if (!(before <= otherBefore && now >= otherNow)) return false;
        if (before <= EXACT && now <= EXACT) return false;
      }
      return crossesWide(a, b);
    };
    const crossesWide = (a: ExactLine, b: ExactLine): boolean =>
      compare(a, a.#before, a.#wideBefore, b, b.#before, b.#wideBefore) < 0 &&
      compare(a, a.#now, a.#wideNow, b, b.#now, b.#wideNow) > 0;
  }
}

/** The double nearest to `numerator / denominator` (neither negative, the second not 0). */
function divide(numerator: bigint, denominator: bigint): number {
  // Number() of 65 bits or more rounds once and right if the last bit is "sticky": set if anything was cut off.
  const shift = Math.max(0, 70 + bitsOf(denominator) - bitsOf(numerator));
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  const sticky = quotient * denominator === shifted ? 0n : 1n;
  return Number(quotient | sticky) / 2 ** shift;
}

/** How long a number is, in bits, to four of them. */
function bitsOf(value: bigint): number {
  return value.toString(16).length * 4;
}
