import type { Bars } from "./bars.ts";
import type { Sma } from "./strategy.ts";

/** Sums and products up to here are exact in a double. */
const EXACT = Number.MAX_SAFE_INTEGER;

/**
 * How closes become integers ("units"), so that their sums are exact. With known decimals they are scaled by a power
 * of ten and rounded: the prices as written. Without, they are scaled by the power of two at which every close is
 * whole: the doubles as they are.
 */
export class PriceScale {
  /** Units of a price of 1. */
  readonly factor: number;
  /** The largest close in units. */
  readonly highest: number;
  readonly #close: Float64Array;
  readonly #bias: number;

  /** One pass over the bars. */
  constructor({ close, decimals }: Bars) {
    let highest = 0;
    let factor = decimals >= 0 ? 10 ** decimals : 1;
    // By index: iterating over a typed array is ten times slower, and this is a pass over all bars.
    for (let i = 0; i < close.length; i++) {
      const price = close[i] as number;
      if (price > highest) highest = price;
      if (decimals < 0) while (!Number.isInteger(price * factor)) factor *= 2;
    }
    this.factor = factor;
    this.#close = close;
    // Adding and taking away 1.5 * 2 ** 52 rounds what is below 2 ** 50 (see Bars.decimals) to a whole number, much
    // faster than Math.round. Scaling by a power of two needs no rounding.
    this.#bias = decimals >= 0 ? 1.5 * 2 ** 52 : 0;
    this.highest = this.#round(highest);
  }

  /** The close of a bar in units. */
  units(index: number): number {
    return this.#round(this.#close[index] as number);
  }

  #round(price: number): number {
    return price * this.factor + this.#bias - this.#bias;
  }
}

/**
 * The sum of the last `length` closes as an exact integer, at one bar and at the bar before. It depends on nothing
 * but those closes, so a restart gives the same bits and there is no state to save.
 *
 * Sums that a double can't hold exactly are BigInts ("wide").
 */
export class MovingSum {
  readonly length: number;
  readonly #factor: number;
  readonly #divisor: number;
  readonly #wide: boolean;
  #sum = 0;
  #previousSum = 0;
  #wideSum = 0n;
  #previousWideSum = 0n;

  /** @throws RangeError for a length that isn't a whole number of at least 1. */
  constructor({ factor, highest }: PriceScale, length: number) {
    if (!Number.isSafeInteger(length) || length < 1) {
      throw new RangeError(
        `the length of an average must be a whole number of bars, at least 1, not ${length}`,
      );
    }
    this.length = length;
    this.#factor = factor;
    this.#divisor = length * factor;
    this.#wide = highest * length > EXACT || this.#divisor > EXACT;
  }

  /** The mean at this bar, correctly rounded. */
  get mean(): number {
    return this.#wide ? this.#wideMean(this.#wideSum) : this.#sum / this.#divisor;
  }

  /** The mean at the bar before, correctly rounded. */
  get previousMean(): number {
    return this.#wide ? this.#wideMean(this.#previousWideSum) : this.#previousSum / this.#divisor;
  }

  /** Moves to the next bar. @param entering @param leaving closes in units; 0 leaves before the sum is full. */
  update(entering: number, leaving: number): void {
    if (this.#wide) {
      this.#previousWideSum = this.#wideSum;
      this.#wideSum += BigInt(entering) - BigInt(leaving);
    } else {
      this.#previousSum = this.#sum;
      this.#sum += entering - leaving;
    }
  }

  /** Starts over with nothing summed. */
  clear(): void {
    this.#sum = this.#previousSum = 0;
    this.#wideSum = this.#previousWideSum = 0n;
  }

  /**
   * Whether this mean was below the other's on the bar before and is above it now: `sum / length` of both compared
   * exactly, by cross-multiplying. A tie is no cross.
   */
  crossesAbove(other: MovingSum): boolean {
    if (this.#wide || other.#wide) return this.#crossesAboveWide(other);
    // Written out, not as four calls: the engine's hot loop is as deep as JavaScriptCore inlines.
    const before = this.#previousSum * other.length;
    const otherBefore = other.#previousSum * this.length;
    const now = this.#sum * other.length;
    const otherNow = other.#sum * this.length;
    // Rounding keeps order: products that differ are told apart rightly, equal ones may hide a difference.
    if (before < otherBefore && now > otherNow) return true;
    if (before > otherBefore || now < otherNow) return false;
    return (before > EXACT || now > EXACT) && this.#crossesAboveWide(other);
  }

  #crossesAboveWide(other: MovingSum): boolean {
    return (
      isLess(this.#previous(), this.length, other.#previous(), other.length) &&
      isLess(other.#current(), other.length, this.#current(), this.length)
    );
  }

  #current(): bigint {
    return this.#wide ? this.#wideSum : BigInt(this.#sum);
  }

  #previous(): bigint {
    return this.#wide ? this.#previousWideSum : BigInt(this.#previousSum);
  }

  #wideMean(sum: bigint): number {
    return divide(sum, BigInt(this.length) * BigInt(this.#factor));
  }
}

/** Whether `sumA / lengthA < sumB / lengthB`. */
function isLess(sumA: bigint, lengthA: number, sumB: bigint, lengthB: number): boolean {
  return sumA * BigInt(lengthB) < sumB * BigInt(lengthA);
}

/** The double nearest to `numerator / denominator` (both positive). */
function divide(numerator: bigint, denominator: bigint): number {
  // Number() of 65 bits or more rounds once and right if the last bit is "sticky": set if anything was cut off.
  const shift = Math.max(0, 66 + denominator.toString(2).length - numerator.toString(2).length);
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  const sticky = quotient * denominator === shifted ? 0n : 1n;
  return Number(quotient | sticky) / 2 ** shift;
}

/** The sum behind an average. Not a property of it: a strategy must not reach it. */
export let sumOf: (sma: Sma) => MovingSum;

/** The moving average a strategy holds. It can be read, not moved: the sum behind it reaches the future. */
export class SimpleMovingAverage implements Sma {
  readonly #sum: MovingSum;

  constructor(sum: MovingSum) {
    this.#sum = sum;
  }

  get length(): number {
    return this.#sum.length;
  }

  get value(): number {
    return this.#sum.mean;
  }

  get previous(): number {
    return this.#sum.previousMean;
  }

  static {
    sumOf = (sma) => {
      if (sma instanceof SimpleMovingAverage) return sma.#sum;
      throw new TypeError("crosses are between averages declared with sma() in init");
    };
  }
}
