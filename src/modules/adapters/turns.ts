/** Something that is looked at when it may have something to do, a piece of it at a time. */
export interface Worker {
  /** Does a piece of what there is to do. @returns whether there is more */
  work(): boolean;
  /** Looks after what nobody told it of. */
  tick(): void;
}

/** All workers of this process together do no more than that before others have a turn, ms. */
const TURN_MS = 4;
/** What isn't told is noticed this late, ms. */
const TICK_MS = 500;

/** Gives all workers of this process their turns, with one timer however many they are. */
class Turns {
  readonly #workers = new Set<Worker>();
  /** Those that have something to do, in the order of their turns. */
  readonly #busy = new Set<Worker>();
  /** When others are to be looked at, ms of the monotonic clock. */
  readonly #due = new Map<Worker, number>();
  #ticking: ReturnType<typeof setInterval> | undefined;
  #soon: { at: number; timer: ReturnType<typeof setTimeout> } | undefined;
  #next: ReturnType<typeof setImmediate> | undefined;

  add(worker: Worker): void {
    this.#workers.add(worker);
    this.#ticking ??= setInterval(() => {
      for (const each of [...this.#workers]) each.tick();
    }, TICK_MS);
    this.wake(worker);
  }

  remove(worker: Worker): void {
    this.#workers.delete(worker);
    this.#busy.delete(worker);
    this.#due.delete(worker);
    if (this.#workers.size > 0) return;
    clearInterval(this.#ticking);
    clearTimeout(this.#soon?.timer);
    clearImmediate(this.#next);
    this.#ticking = this.#soon = this.#next = undefined;
  }

  /** It has something to do, or may have. */
  wake(worker: Worker): void {
    if (!this.#workers.has(worker)) return;
    this.#busy.add(worker);
    this.#go();
  }

  /** It may have something to do in so many ms. */
  wakeIn(ms: number, worker: Worker): void {
    if (!this.#workers.has(worker)) return;
    const at = performance.now() + ms;
    if (at >= (this.#due.get(worker) ?? Number.POSITIVE_INFINITY)) return;
    this.#due.set(worker, at);
    this.#arm(at);
  }

  #arm(at: number): void {
    if (this.#soon && this.#soon.at <= at) return;
    clearTimeout(this.#soon?.timer);
    const timer = setTimeout(() => this.#fire(), Math.max(0, at - performance.now()));
    this.#soon = { at, timer };
  }

  #fire(): void {
    this.#soon = undefined;
    const now = performance.now();
    let first = Number.POSITIVE_INFINITY;
    for (const [worker, at] of this.#due) {
      // A timer may come a moment early.
      if (at > now + 0.5) first = Math.min(first, at);
      else {
        this.#due.delete(worker);
        this.#busy.add(worker);
      }
    }
    if (first < Number.POSITIVE_INFINITY) this.#arm(first);
    this.#turn();
  }

  #go(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    const end = performance.now() + TURN_MS;
    try {
      // Who has more to do goes to the end, and is met again.
      for (const worker of this.#busy) {
        this.#busy.delete(worker);
        if (worker.work()) this.#busy.add(worker);
        if (performance.now() > end) break;
      }
    } finally {
      if (this.#busy.size > 0) this.#go();
    }
  }
}

/** Those of this process. */
export const turns = new Turns();
