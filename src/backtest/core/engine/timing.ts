import type { Timing } from "../run-state.ts";

/** How long a stage works on a bar. */
export class StageTiming {
  #samples = 0;
  #totalMs = 0;
  #maxMs = 0;

  /** @param took ms of one bar, less what reading the clock took; below 0 it is nothing */
  add(took: number): void {
    const ms = Math.max(0, took);
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

/** The first block that is timed begins here: before it the code itself is still being made fast. */
const WARM = 1_024;
/** So often the clock is read to learn what reading it takes. */
const READINGS = 1_000;

/** Which steps are timed: by the clock and live all, else a block of 64 in 16,384, so that timing costs nothing. */
export class Sampling {
  /** ms of a monotonic clock. */
  readonly now: () => number;
  readonly #any: boolean;
  readonly #all: boolean;
  /** Whether the step being worked is timed. */
  on: boolean;
  /** What a reading of the clock takes, ms: as long as some stages, and to be taken off. */
  readonly reading: number;

  /** @param now ms of a monotonic clock; undefined: none is timed */
  constructor(now: (() => number) | undefined, all: boolean) {
    this.now = now ?? (() => 0);
    this.#any = now !== undefined;
    this.#all = all;
    this.on = this.#any && all;
    this.reading = now === undefined ? 0 : readingOf(now);
  }

  /** Says which step is next. */
  step(step: number): void {
    if ((step & 63) === 0) this.on = this.#any && (this.#all || (step & 16_383) === WARM);
  }
}

function readingOf(now: () => number): number {
  const began = now();
  for (let k = 0; k < READINGS; k++) now();
  return (now() - began) / (READINGS + 1);
}
