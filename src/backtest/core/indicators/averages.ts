import type { Bars } from "../bars.ts";
import type { Column } from "../strategy.ts";
import { EXACT, ExactLine, moveExact, moveWide, settleExact, unitsOf } from "./exact-line.ts";
import { move, PlainLine, settle } from "./line.ts";
import type { Streaming } from "./streaming.ts";

/**
 * Simple moving average: the mean of the last `length` values; the first is at bar `length - 1`. Its sum is a whole
 * number of units that depends on nothing but those values, so it doesn't drift. One too wide for a double is a BigInt,
 * and stays one.
 */
export class Sma implements Streaming {
  readonly line: ExactLine;
  readonly warmup: number;
  readonly #length: number;
  readonly #factor: number;
  readonly #of: Column;
  #sum = 0;
  #wide: bigint | null = null;

  constructor(length: number, of: Column, factor: number) {
    this.#length = length;
    this.#of = of;
    this.#factor = factor;
    this.warmup = length - 1;
    this.line = new ExactLine(length, factor);
    if (this.line.isWide) this.#wide = 0n;
  }

  update(bars: Bars, index: number): void {
    const values = bars[this.#of];
    const length = this.#length;
    const entering = unitsOf(values[index] as number, this.#factor);
    const leaving = index < length ? 0 : unitsOf(values[index - length] as number, this.#factor);
    const sum = this.#sum + (entering - leaving);
    if (sum > EXACT || this.#wide !== null) this.#widen(index, entering, leaving);
    else {
      this.#sum = sum;
      if (index >= this.warmup) moveExact(this.line, sum);
    }
  }

  #widen(index: number, entering: number, leaving: number): void {
    this.#wide = (this.#wide ?? BigInt(this.#sum)) + BigInt(entering) - BigInt(leaving);
    if (index >= this.warmup) moveWide(this.line, this.#wide);
  }

  settle(): void {
    settleExact(this.line);
  }
}

/**
 * Linearly weighted moving average: the newest of `length` values has the weight `length`, the oldest 1. The first is at
 * bar `length - 1`. Its sums are exact, as {@link Sma}'s.
 */
export class Wma implements Streaming {
  readonly line: ExactLine;
  readonly warmup: number;
  readonly #length: number;
  readonly #factor: number;
  readonly #of: Column;
  #sum = 0;
  #weighted = 0;
  #wide: { sum: bigint; weighted: bigint } | null = null;

  constructor(length: number, of: Column, factor: number) {
    this.#length = length;
    this.#of = of;
    this.#factor = factor;
    this.warmup = length - 1;
    this.line = new ExactLine((length * (length + 1)) / 2, factor);
    if (this.line.isWide) this.#wide = { sum: 0n, weighted: 0n };
  }

  update(bars: Bars, index: number): void {
    const values = bars[this.#of];
    const length = this.#length;
    const entering = unitsOf(values[index] as number, this.#factor);
    const leaving = index < length ? 0 : unitsOf(values[index - length] as number, this.#factor);
    // Each value's weight goes down by one (the oldest's to nothing), and the new one has them all.
    const weighted = this.#weighted + (length * entering - this.#sum);
    if (weighted > EXACT || this.#wide !== null) this.#widen(index, entering, leaving);
    else {
      this.#sum += entering - leaving;
      this.#weighted = weighted;
      if (index >= this.warmup) moveExact(this.line, weighted);
    }
  }

  #widen(index: number, entering: number, leaving: number): void {
    const wide = this.#wide ?? { sum: BigInt(this.#sum), weighted: BigInt(this.#weighted) };
    wide.weighted += BigInt(this.#length) * BigInt(entering) - wide.sum;
    wide.sum += BigInt(entering) - BigInt(leaving);
    this.#wide = wide;
    if (index >= this.warmup) moveWide(this.line, wide.weighted);
  }

  settle(): void {
    settleExact(this.line);
  }
}

/**
 * Exponential smoothing by `2 / (length + 1)`, seeded with the mean of the first `length` values it is given (TA-Lib's
 * classic way).
 */
class Smoothing {
  readonly #length: number;
  readonly #factor: number;
  #seen = 0;
  #value = 0;

  constructor(length: number) {
    this.#length = length;
    this.#factor = 2 / (length + 1);
  }

  /** @returns the average with this value; NaN before `length` of them. */
  next(value: number): number {
    if (this.#seen >= this.#length) {
      this.#value += (value - this.#value) * this.#factor;
      return this.#value;
    }
    this.#value += value;
    if (++this.#seen < this.#length) return Number.NaN;
    this.#value /= this.#length;
    return this.#value;
  }
}

/** Exponential moving average, seeded with the simple one; the first is at bar `length - 1`. */
export class Ema implements Streaming {
  readonly line = new PlainLine();
  readonly warmup: number;
  readonly #smoothing: Smoothing;
  readonly #of: Column;

  constructor(length: number, of: Column) {
    this.#smoothing = new Smoothing(length);
    this.#of = of;
    this.warmup = length - 1;
  }

  update(bars: Bars, index: number): void {
    move(this.line, this.#smoothing.next(bars[this.#of][index] as number));
  }

  settle(): void {
    settle(this.line);
  }
}

/**
 * Moving average convergence/divergence (Appel): the fast exponential average of the closes less the slow one, and the
 * exponential average of that as the signal. As in TA-Lib both are seeded to end on the same bar, `slow - 1`: the fast one
 * with the `fast` closes up to it; the signal with the first `signal` differences, so it is complete at bar
 * `slow + signal - 2`. The longer of the two is the slow one, whichever way round they are given.
 */
export class MacdLines implements Streaming {
  readonly macd = new PlainLine();
  readonly signal = new PlainLine();
  readonly histogram = new PlainLine();
  readonly warmup: number;
  readonly #fast: Smoothing;
  readonly #slow: Smoothing;
  readonly #smoothed: Smoothing;
  readonly #fastFrom: number;
  readonly #slowFrom: number;

  constructor(fast: number, slow: number, signal: number) {
    const [short, long] = fast < slow ? [fast, slow] : [slow, fast];
    this.#fast = new Smoothing(short);
    this.#slow = new Smoothing(long);
    this.#smoothed = new Smoothing(signal);
    this.#fastFrom = long - short;
    this.#slowFrom = long - 1;
    this.warmup = long + signal - 2;
  }

  update(bars: Bars, index: number): void {
    const close = bars.close[index] as number;
    const slow = this.#slow.next(close);
    if (index < this.#fastFrom) return;
    const fast = this.#fast.next(close);
    if (index < this.#slowFrom) return;
    const macd = fast - slow;
    const signal = this.#smoothed.next(macd);
    move(this.macd, macd);
    move(this.signal, signal);
    move(this.histogram, macd - signal);
  }

  settle(): void {
    settle(this.macd);
    settle(this.signal);
    settle(this.histogram);
  }
}
