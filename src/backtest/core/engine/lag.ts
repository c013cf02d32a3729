/** How far the work is behind what is published: in steps, and in ms from a step's publication to its end. */
export class LagMeter {
  /** ms of a monotonic clock that all threads share. */
  readonly #now: () => number;
  /** When each step was published, by its number modulo the length. */
  readonly #stamps: Float64Array;
  #bars = 0;
  #ms = 0;
  #maxBars = 0;
  #maxMs = 0;

  constructor(now: () => number, stamps: Float64Array) {
    this.#now = now;
    this.#stamps = stamps;
  }

  /** A step is done. @param behind how many more are published */
  done(step: number, behind: number): void {
    this.#bars = behind;
    this.#ms = Math.max(0, this.#now() - (this.#stamps[step % this.#stamps.length] as number));
    if (behind > this.#maxBars) this.#maxBars = behind;
    if (this.#ms > this.#maxMs) this.#maxMs = this.#ms;
  }

  get lag(): { bars: number; ms: number; max_bars: number; max_ms: number } {
    return { bars: this.#bars, ms: this.#ms, max_bars: this.#maxBars, max_ms: this.#maxMs };
  }
}
