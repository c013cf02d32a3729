/**
 * An equity curve in as many buckets as can be looked at, and its drawdown, kept up while the run grows: each value is
 * looked at once.
 */
export class Curve {
  readonly #bars: number;
  readonly #buckets: number;
  #done = 0;
  #peak = Number.NEGATIVE_INFINITY;
  /** The last equity of each bucket that has begun. */
  readonly equity: number[] = [];
  /** The deepest drawdown in each of them, in per cent below the peak so far: 0 or negative. */
  readonly drawdown: number[] = [];
  /** The deepest of all, in per cent. */
  maxDrawdown = 0;

  /** @param bars how many there will be @param buckets at most this many points */
  constructor(bars: number, buckets: number) {
    this.#bars = Math.max(1, bars);
    this.#buckets = Math.min(buckets, this.#bars);
  }

  /** Takes in the equity of the bars before `upTo`. */
  extend(equity: Float64Array, upTo: number): void {
    for (let bar = this.#done; bar < upTo; bar++) {
      const value = equity[bar] as number;
      if (value > this.#peak) this.#peak = value;
      const drawdown = (value / this.#peak - 1) * 100;
      if (drawdown < this.maxDrawdown) this.maxDrawdown = drawdown;
      const bucket = Math.floor((bar * this.#buckets) / this.#bars);
      this.equity[bucket] = value;
      this.drawdown[bucket] = Math.min(this.drawdown[bucket] ?? 0, drawdown);
    }
    this.#done = Math.max(this.#done, upTo);
  }
}
