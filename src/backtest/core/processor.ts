import type { Bars } from "./bars.ts";
import { MovingSum, PriceScale, SimpleMovingAverage } from "./indicators.ts";
import type { Sma } from "./strategy.ts";

/** Keeps the declared indicators at the bar being worked. */
export class Processor {
  readonly #scale: PriceScale;
  readonly #sums: MovingSum[] = [];
  #warmup = 0;

  constructor(bars: Bars) {
    this.#scale = new PriceScale(bars);
  }

  /** The index of the first bar at which every declared indicator has a value. */
  get warmup(): number {
    return this.#warmup;
  }

  /** Declares a simple moving average. @throws RangeError for a length that isn't a whole number of at least 1. */
  sma(length: number): Sma {
    const sum = new MovingSum(this.#scale, length);
    this.#sums.push(sum);
    this.#warmup = Math.max(this.#warmup, length - 1);
    return new SimpleMovingAverage(sum);
  }

  /** Moves the indicators to bar `index` (at least the warm-up) from anywhere; `previous` is not known there. */
  seek(index: number): void {
    for (const sum of this.#sums) {
      sum.clear();
      for (let i = index - sum.length + 1; i <= index; i++) sum.update(this.#scale.units(i), 0);
    }
  }

  /** Moves the indicators to bar `index` from the one before. */
  update(index: number): void {
    const scale = this.#scale;
    const sums = this.#sums;
    const entering = scale.units(index);
    for (let k = 0; k < sums.length; k++) {
      const sum = sums[k] as MovingSum;
      sum.update(entering, scale.units(index - sum.length));
    }
  }
}
