/** What a subscription has counted. */
export type SubscriptionCounts = {
  readonly name: string;
  readonly mode: SubscriptionMode;
  /** Bars published to it. */
  readonly signals: number;
  /** How often the publisher waited for the follower, and for how long in ms; null before that was measured. */
  readonly waits: number;
  readonly wait_ms: number | null;
  /** How often the follower was done and ready for the next. */
  readonly resets: number;
  /** Bars published while the one before was still being worked on. */
  readonly overruns: number;
};

/** Whether the publisher waits for the follower, or follows the clock or a feed. */
export type SubscriptionMode = "data-driven" | "clock-driven" | "live";

/** A stage that takes what is published to it, and says `reset` when it is done with it. */
export interface Follower {
  take(step: number): void;
}

/** Where the words of a subscription stand, an Int32Array: shared when publisher and follower are of two threads. */
export const SUBSCRIPTION_WORDS = 3;
const SIGNALS = 0;
const RESETS = 1;
const OVERRUNS = 2;

/**
 * What stands between a stage and the one that follows it. A cycle is publish, wait, reset: the publisher says that a
 * step is there, the follower that it is ready for the next.
 *
 * Data-driven, the publisher waits before it goes on, and waiting is what lets the follower work: they share a thread, and
 * nothing is ever ahead. To publish without having waited is a bug, and throws. By the clock nobody waits: the publisher
 * is another thread, what it publishes while the step before is still being worked on is an overrun, and is worked all
 * the same, in its turn. Live it is as by the clock, and a feed publishes.
 */
export class StreamSubscription {
  readonly name: string;
  readonly mode: SubscriptionMode;
  readonly #words: Int32Array;
  readonly #waits: boolean;
  readonly #follower: Follower | null;
  // Data-driven both sides are this one, and plain fields are faster than words.
  #step = 0;
  #ready = true;
  #signals = 0;
  #waited = 0;
  /** Waits that were timed, and what they took in ms. */
  #timed = 0;
  #timedMs = 0;

  /**
   * @param follower who works while the publisher waits; null where that is another thread
   * @param words shared with the other side's, if there is one
   */
  constructor(
    name: string,
    mode: SubscriptionMode,
    follower: Follower | null,
    words: Int32Array = new Int32Array(SUBSCRIPTION_WORDS),
  ) {
    this.name = name;
    this.mode = mode;
    this.#follower = follower;
    this.#words = words;
    this.#waits = mode === "data-driven";
  }

  /** How many steps were published. */
  get signals(): number {
    return this.#waits ? this.#signals : Atomics.load(this.#words, SIGNALS);
  }

  /** How many of them the follower isn't done with. */
  get behind(): number {
    if (this.#waits) return this.#ready ? 0 : 1;
    return Atomics.load(this.#words, SIGNALS) - Atomics.load(this.#words, RESETS);
  }

  /** @throws Error data-driven, when the follower isn't ready */
  publish(step: number): void {
    if (this.#waits) {
      if (!this.#ready) {
        throw new Error(`${this.name}: step ${step} was published before step ${this.#step} was done`);
      }
      this.#step = step;
      this.#ready = false;
      this.#signals++;
    } else {
      if (this.behind > 0) Atomics.add(this.#words, OVERRUNS, 1);
      Atomics.add(this.#words, SIGNALS, 1);
    }
  }

  /**
   * Returns once the follower is done with what was published.
   * @throws Error when it returns without having said so
   */
  wait(): void {
    this.#waited++;
    if (this.#ready) return;
    (this.#follower as Follower).take(this.#step);
    if (!this.#ready) throw new Error(`${this.name}: step ${this.#step} was taken and never done`);
  }

  /** What was published elsewhere is worked here. */
  follow(step: number): void {
    (this.#follower as Follower).take(step);
  }

  /**
   * The same as {@link wait}, and how long it took is counted.
   * @param now ms of a monotonic clock
   * @param readings what reading it takes meanwhile, ms
   */
  waitTimed(now: () => number, readings: number): void {
    const began = now();
    this.wait();
    this.#timedMs += Math.max(0, now() - began - readings);
    this.#timed++;
  }

  /** The follower is done with a step. */
  reset(): void {
    if (this.#waits) this.#ready = true;
    else Atomics.add(this.#words, RESETS, 1);
  }

  /** The same as {@link StreamSubscription.counts}, of which no wait can have been longer than the work that it is part of. */
  countsWithin(ms: number): SubscriptionCounts {
    const { counts } = this;
    return { ...counts, wait_ms: counts.wait_ms === null ? null : Math.min(counts.wait_ms, ms) };
  }

  /** What it counted; how long it waited is reckoned from the waits that were timed. */
  get counts(): SubscriptionCounts {
    const waits = this.#waited;
    const wait_ms = this.#timed === 0 ? null : (this.#timedMs / this.#timed) * waits;
    const { name, mode } = this;
    if (this.#waits) {
      const signals = this.#signals;
      return { name, mode, signals, waits, wait_ms, resets: signals - this.behind, overruns: 0 };
    }
    const [signals = 0, resets = 0, overruns = 0] = this.#words;
    return { name, mode, signals, waits, wait_ms, resets, overruns };
  }
}
