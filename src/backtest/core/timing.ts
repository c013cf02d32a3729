import type { Timing } from "./run-state.ts";

/** How long a stage works on a bar. */
export class StageTiming {
  #samples = 0;
  #totalMs = 0;
  #maxMs = 0;

  /** @param ms of one bar */
  add(ms: number): void {
    this.#samples++;
    this.#totalMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** Null before the first sample. */
  get timing(): Timing | null {
    if (this.#samples === 0) return null;
    return {
      samples: this.#samples,
      mean_us: (this.#totalMs / this.#samples) * 1000,
      max_us: this.#maxMs * 1000,
    };
  }
}

/** Which steps are timed: by the clock and live all, else a block of 64 in 16,384, so that timing costs nothing. */
export class Sampling {
  /** ms of a monotonic clock. */
  readonly now: () => number;
  readonly #any: boolean;
  readonly #all: boolean;
  /** Whether the step being worked is timed. */
  on: boolean;

  /** @param now ms of a monotonic clock; undefined: none is timed */
  constructor(now: (() => number) | undefined, all: boolean) {
    this.now = now ?? (() => 0);
    this.#any = now !== undefined;
    this.#all = all;
    this.on = this.#any && all;
  }

  /** Says which step is next. */
  step(step: number): void {
    if ((step & 63) === 0) this.on = this.#any && (this.#all || (step & 16_383) === 0);
  }
}
