import type { Stream } from "./stream.ts";
import type { Follower, StreamSubscription } from "./subscription.ts";
import { type Sampling, StageTiming } from "./timing.ts";

/** Makes the derived bars and moves the indicators, of each symbol that has a bar, then lets the analysis work. */
export class DataProcessor implements Follower {
  readonly timing = new StageTiming();
  readonly #streams: readonly Stream[];
  readonly #sampling: Sampling;
  readonly #toAnalysis: StreamSubscription;
  #incoming: StreamSubscription | undefined;

  constructor(streams: readonly Stream[], sampling: Sampling, toAnalysis: StreamSubscription) {
    this.#streams = streams;
    this.#sampling = sampling;
    this.#toAnalysis = toAnalysis;
  }

  /** Says what it follows. */
  follow(incoming: StreamSubscription): void {
    this.#incoming = incoming;
  }

  take(step: number): void {
    if (this.#sampling.on) this.#takeTimed(step);
    else {
      this.#update();
      this.#toAnalysis.publish(step);
      this.#toAnalysis.wait();
    }
    (this.#incoming as StreamSubscription).reset();
  }

  #takeTimed(step: number): void {
    const { now, reading } = this.#sampling;
    const began = now();
    this.#update();
    this.timing.add(now() - began - reading);
    this.#toAnalysis.publish(step);
    // Its own reading and the two of the analysis.
    this.#toAnalysis.waitTimed(now, 3 * reading);
  }

  #update(): void {
    const streams = this.#streams;
    for (let k = 0; k < streams.length; k++) {
      const stream = streams[k] as Stream;
      if (stream.has) stream.update(stream.index);
    }
  }
}
