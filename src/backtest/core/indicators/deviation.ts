import type { Bars } from "../bars.ts";
import type { Column } from "../strategy.ts";
import { Sma } from "./averages.ts";
import { EXACT, unitsOf } from "./exact-line.ts";
import { move, PlainLine, settle } from "./line.ts";
import type { Streaming } from "./streaming.ts";

/**
 * The population standard deviation of the last `length` values, from exact sums: `√(n·Σd² - (Σd)²) / n`, where `d` is
 * how many units a value is from some offset. Any offset gives the same whole number under the root, so it is moved
 * along with the price to keep the sums short; only if a window is too wide for that they are BigInts, and stay so.
 */
class Deviation {
  readonly #length: number;
  readonly #of: Column;
  readonly #factor: number;
  /** Up to here `n·Σd²` is exact in a double; `(Σd)²` is never more. */
  readonly #most: number;
  #offset = 0;
  #sum = 0;
  #squares = 0;
  #wide: { sum: bigint; squares: bigint } | null = null;

  constructor(length: number, of: Column, factor: number) {
    this.#length = length;
    this.#of = of;
    this.#factor = factor;
    this.#most = Math.floor(EXACT / length);
  }

  /** Moves to bar `index`. @returns the deviation; NaN before bar `length - 1`. */
  next(bars: Bars, index: number): number {
    const values = bars[this.#of];
    const length = this.#length;
    const entering = unitsOf(values[index] as number, this.#factor);
    if (this.#wide === null) {
      const added = entering - this.#offset;
      const gone =
        index < length ? 0 : unitsOf(values[index - length] as number, this.#factor) - this.#offset;
      this.#sum += added - gone;
      this.#squares += added * added - gone * gone;
      if (this.#squares > this.#most) this.#rebase(values, index);
    } else {
      const added = BigInt(entering);
      const gone = index < length ? 0n : BigInt(unitsOf(values[index - length] as number, this.#factor));
      this.#wide.sum += added - gone;
      this.#wide.squares += added * added - gone * gone;
    }
    if (index < length - 1) return Number.NaN;
    const wide = this.#wide;
    const variance =
      wide === null
        ? length * this.#squares - this.#sum * this.#sum
        : Number(BigInt(length) * wide.squares - wide.sum * wide.sum);
    return Math.sqrt(variance) / (length * this.#factor);
  }

  /** Sums the window up to bar `index` again, from an offset in its middle. */
  #rebase(values: Float64Array, index: number): void {
    const first = Math.max(0, index - this.#length + 1);
    const factor = this.#factor;
    const newest = unitsOf(values[index] as number, factor);
    let distance = 0;
    for (let i = first; i <= index; i++) {
      distance += unitsOf(values[i] as number, factor) - newest;
    }
    const offset = newest + Math.round(distance / (index - first + 1));
    let sum = 0;
    let squares = 0;
    for (let i = first; i <= index; i++) {
      const d = unitsOf(values[i] as number, factor) - offset;
      sum += d;
      squares += d * d;
    }
    this.#offset = offset;
    this.#sum = sum;
    this.#squares = squares;
    // Not with the last bit of room: it would be done again at each of the next bars.
    if (squares <= this.#most / 4) return;
    const wide = { sum: 0n, squares: 0n };
    for (let i = first; i <= index; i++) {
      const units = BigInt(unitsOf(values[i] as number, factor));
      wide.sum += units;
      wide.squares += units * units;
    }
    this.#wide = wide;
  }
}

/** Population standard deviation of `length` values, as TA-Lib's; the first is at bar `length - 1`. */
export class StdDev implements Streaming {
  readonly line = new PlainLine();
  readonly warmup: number;
  readonly #deviation: Deviation;

  constructor(length: number, of: Column, factor: number) {
    this.#deviation = new Deviation(length, of, factor);
    this.warmup = length - 1;
  }

  update(bars: Bars, index: number): void {
    move(this.line, this.#deviation.next(bars, index));
  }

  settle(): void {
    settle(this.line);
  }
}

/**
 * Bollinger bands: `deviations` population standard deviations of the closes above and below their simple average; the
 * first are at bar `length - 1`.
 */
export class BollingerLines implements Streaming {
  readonly upper = new PlainLine();
  readonly lower = new PlainLine();
  readonly warmup: number;
  readonly #average: Sma;
  readonly #deviation: Deviation;
  readonly #deviations: number;

  constructor(length: number, deviations: number, factor: number) {
    this.#average = new Sma(length, "close", factor);
    this.#deviation = new Deviation(length, "close", factor);
    this.#deviations = deviations;
    this.warmup = length - 1;
  }

  /** The simple average. */
  get middle() {
    return this.#average.line;
  }

  update(bars: Bars, index: number): void {
    this.#average.update(bars, index);
    const width = this.#deviations * this.#deviation.next(bars, index);
    const middle = this.#average.line.value;
    move(this.upper, middle + width);
    move(this.lower, middle - width);
  }

  settle(): void {
    this.#average.settle();
    settle(this.upper);
    settle(this.lower);
  }
}
