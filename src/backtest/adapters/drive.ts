import type { EngineThread } from "./engine.ts";
import { LOOK, NO_LIMIT, SNAPSHOT, type Snapshot } from "./protocol.ts";

/**
 * Lets an engine go and holds it. Whoever needs it to stand still for a moment (a look, a checkpoint, a pause, a step)
 * asks here, so that they don't let it go under each other's hands.
 */
export class Drive {
  readonly #keep: (snapshot: Snapshot) => void;
  #thread: EngineThread | undefined;
  #held = true;
  /** The first bar that isn't to be worked yet while nobody holds it. */
  #limit: number;
  /** What is on its way. */
  #taking: { done: Promise<void>; want: number } | undefined;
  #stepping: Promise<unknown> = Promise.resolve();
  #stepTo = 0;

  /**
   * @param keep given each snapshot, in order
   * @param limit where it stops by itself when it is let go
   */
  constructor(keep: (snapshot: Snapshot) => void, limit = NO_LIMIT) {
    this.#keep = keep;
    this.#limit = limit;
  }

  /** The engine to be driven; it stands parked. */
  attach(thread: EngineThread): void {
    this.#thread = thread;
  }

  /** Whether it is held: paused, or not let go yet. */
  get held(): boolean {
    return this.#held;
  }

  /** Whether it works bars now: let go, or on a step. */
  get moving(): boolean {
    return !this.#held || this.#stepTo > 0;
  }

  /** Holds it at its next bar, a step under way included. Resolves once its state is kept, or when the signal aborts. */
  async hold(signal: AbortSignal): Promise<void> {
    this.#held = true;
    this.#stepTo = 0;
    const aborted = Promise.withResolvers<void>();
    const giveUp = () => aborted.resolve();
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    await Promise.race([this.snapshot(), aborted.promise]);
    signal.removeEventListener("abort", giveUp);
  }

  /** Lets it go, as far as its limit. */
  release(): void {
    this.#held = false;
    this.#stepTo = 0;
    this.#thread?.allow(this.#limit);
  }

  /** Moves the limit; a held engine finds it when it is let go. */
  limit(limit: number): void {
    this.#limit = limit;
    if (!this.#held && !this.#taking) this.#thread?.allow(limit);
  }

  /** Sees how far it is, and lets it go on if nobody holds it. */
  async look(): Promise<void> {
    await this.#take(0, LOOK);
  }

  /** The same, with the state to go on from. */
  async snapshot(): Promise<void> {
    await this.#take(0, SNAPSHOT);
  }

  /**
   * Works so many bars of a held engine. Steps asked for at once are made one after another; a hold or a release cuts
   * them short.
   * @returns whether it came that far, or to the end
   */
  step(bars: number): Promise<boolean> {
    const stepped = this.#stepping.then(() => this.#step(bars));
    this.#stepping = stepped.catch(() => {});
    return stepped;
  }

  async #step(bars: number): Promise<boolean> {
    await this.snapshot();
    const to = Math.min(NO_LIMIT, (this.#thread?.next ?? 0) + bars);
    this.#stepTo = to;
    // A look on the way cuts it in two.
    while (this.#stepTo === to && (this.#thread?.next ?? to) < to) {
      if (!(await this.#take(to, SNAPSHOT))) break;
    }
    const whole = this.#stepTo === to;
    this.#stepTo = 0;
    return whole;
  }

  /** Joins what is on its way if that is as much as is wanted, else waits for it. @returns false once it has finished */
  async #take(limit: number, want: number): Promise<boolean> {
    const thread = this.#thread;
    if (!thread) return false;
    while (this.#taking) {
      const { done, want: has } = this.#taking;
      // One that is on its way to somewhere further is cut short.
      thread.hold();
      await done;
      if (limit === 0 && has >= want) return true;
    }
    let went = false;
    const done = thread
      .standAt(limit, want)
      .then((snapshot) => {
        went = snapshot !== undefined;
        if (snapshot) this.#keep(snapshot);
      })
      .finally(() => {
        this.#taking = undefined;
        if (!this.#held) thread.allow(this.#limit);
      });
    this.#taking = { done, want };
    await done;
    return went;
  }
}
