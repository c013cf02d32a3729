import type { EngineThread } from "./engine.ts";
import { NO_LIMIT, type Snapshot } from "./protocol.ts";

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
  #taking: Promise<void> | undefined;
  #stepping: Promise<void> = Promise.resolve();

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

  /** Holds it at its next bar. Resolves once its snapshot is kept, or when the signal aborts. */
  hold(signal: AbortSignal): Promise<void> {
    this.#held = true;
    return this.look(signal);
  }

  /** Lets it go, as far as its limit. */
  release(): void {
    this.#held = false;
    this.#thread?.allow(this.#limit);
  }

  /** Moves the limit; a held engine finds it when it is let go. */
  limit(limit: number): void {
    this.#limit = limit;
    if (!this.#held && !this.#taking) this.#thread?.allow(limit);
  }

  /** Brings the snapshot up to the next bar, however it runs, and lets it go on if nobody holds it. */
  look(signal?: AbortSignal): Promise<void> {
    // One that is on its way to somewhere further is cut short.
    if (this.#taking) this.#thread?.hold();
    return this.#take(0, signal);
  }

  /** Works so many bars of a held engine. Steps asked for at once are made one after another. */
  step(bars: number): Promise<void> {
    const stepped = this.#stepping.then(() =>
      this.#take(Math.min(NO_LIMIT, (this.#thread?.next ?? 0) + bars)),
    );
    this.#stepping = stepped.catch(() => {});
    return stepped;
  }

  async #take(limit: number, signal?: AbortSignal): Promise<void> {
    const thread = this.#thread;
    if (!thread) return;
    this.#taking ??= thread
      .snapshotAt(limit)
      .then((snapshot) => snapshot && this.#keep(snapshot))
      .finally(() => {
        this.#taking = undefined;
        if (!this.#held) thread.allow(this.#limit);
      });
    const aborted = Promise.withResolvers<void>();
    const giveUp = () => aborted.resolve();
    if (signal?.aborted) giveUp();
    signal?.addEventListener("abort", giveUp, { once: true });
    await Promise.race([this.#taking, aborted.promise]);
    signal?.removeEventListener("abort", giveUp);
  }
}
