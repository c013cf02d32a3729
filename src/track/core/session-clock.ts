/** What the clocks of a machine say, ms: see the kernel's `Clock`. */
export type Reading = {
  /** UTC; jumps when somebody sets it. */
  readonly wall: number;
  /** Never jumps; stands still while the machine sleeps. */
  readonly monotonic: number;
  /** Never jumps; goes on while the machine sleeps. Asked for only when the others disagree: it is a file. */
  boot(): number;
};

/** What happened between two readings. */
export type Passed = {
  /** The time now, UTC ms. */
  readonly at: number;
  /** How long the machine slept, ms. */
  readonly slept: number;
  /** By how much the clock was set forward, ms: time that nobody has lived through. */
  readonly skipped: number;
};

/** Clocks that disagree by less are taken to agree, ms: they are read one after another, and NTP moves them a little. */
const AGREE_MS = 2_000;
/** The wall clock and the monotonic one drift apart by less between two readings, ms, unless something happened. */
const DRIFT_MS = 50;

/**
 * The time of a session: the wall clock's, but never one that was before, and with what is no time taken out. A clock
 * that is set back is followed by the session's own count until it has caught up; one that is set forward leaves a gap.
 */
export class SessionClock {
  #at: number;
  #wall: number;
  #monotonic: number;
  /** The boot clock when it was last asked, and the monotonic one then. */
  #boot: number;
  #monotonicAtBoot: number;

  /** @param notBefore the time goes on from here even if the clock says less: the end of what was */
  constructor(first: Reading, notBefore = 0) {
    this.#at = Math.max(first.wall, notBefore);
    this.#wall = first.wall;
    this.#monotonic = first.monotonic;
    this.#boot = first.boot();
    this.#monotonicAtBoot = first.monotonic;
  }

  /** By how much the session's time is ahead of the clock, ms: that was set back. */
  get ahead(): number {
    return Math.max(0, this.#at - this.#wall);
  }

  read(reading: Reading): Passed {
    const { wall, monotonic } = reading;
    const ran = Math.max(0, monotonic - this.#monotonic);
    const moved = wall - this.#wall - ran;
    let slept = 0;
    let skipped = 0;
    let at = this.#at + ran;
    if (Math.abs(moved) >= DRIFT_MS) {
      const boot = reading.boot();
      const asleep = boot - this.#boot - (monotonic - this.#monotonicAtBoot);
      if (asleep >= AGREE_MS / 2) slept = asleep;
      this.#boot = boot;
      this.#monotonicAtBoot = monotonic;
      at += slept;
      const ahead = wall - at;
      if (ahead > AGREE_MS) skipped = ahead;
      // What is less is how exact clocks are, not time that passed twice.
      if (ahead > 0) at = wall;
    }
    this.#at = Math.max(this.#at, Math.round(at));
    this.#wall = wall;
    this.#monotonic = monotonic;
    return { at: this.#at, slept: Math.round(slept), skipped: Math.round(skipped) };
  }
}
