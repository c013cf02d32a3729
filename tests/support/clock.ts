/** Time that stands still until a test moves it. */
import type { Clock } from "../../src/kernel/clock.ts";

type Sleeper = { due: number; wake: () => void };

export class TestClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #suspended = 0;
  #sleepers: Sleeper[] = [];

  /** @param wall UTC ms */
  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wall = wall;
  }

  wall(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  boot(): number {
    return this.#monotonic + this.#suspended;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { due: this.#monotonic + Math.max(0, ms), wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /** How many are asleep. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Lets time pass. Sleepers wake one by one in the order they are due, and run until they wait for something else. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settled();
    for (;;) {
      const next = this.#sleepers
        .filter(({ due }) => due <= end)
        .reduce<Sleeper | undefined>(
          (first, each) => (first && first.due <= each.due ? first : each),
          undefined,
        );
      this.#pass((next?.due ?? end) - this.#monotonic);
      if (!next) return;
      next.wake();
      await settled();
    }
  }

  /** The machine sleeps: the wall and boot clocks go on, the monotonic one stands still. */
  suspend(ms: number): void {
    this.#wall += ms;
    this.#suspended += ms;
  }

  /** Somebody sets the clock. */
  setWall(wall: number): void {
    this.#wall = wall;
  }

  #pass(ms: number): void {
    this.#monotonic += ms;
    this.#wall += ms;
  }
}

/** Promises that are ready have run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Takes the place of setInterval until it is disposed: what repeats does so when a test says so. Whoever clears an
 * interval is heard.
 */
export class Intervals implements Disposable {
  readonly #set = globalThis.setInterval;
  readonly #clear = globalThis.clearInterval;
  readonly #repeating = new Map<unknown, { ms: number; work: () => unknown }>();

  constructor() {
    globalThis.setInterval = ((work: () => unknown, ms: number) => {
      // A real one, for whoever wants to do more with it than clear it; it never comes round.
      const timer = this.#set(() => {}, 2 ** 31 - 1);
      this.#repeating.set(timer, { ms, work });
      return timer;
    }) as typeof setInterval;
    globalThis.clearInterval = ((timer: ReturnType<typeof setInterval>) => {
      this.#repeating.delete(timer);
      this.#clear(timer);
    }) as typeof clearInterval;
  }

  /** How often each of them is to repeat, ms. */
  get periods(): number[] {
    return [...this.#repeating.values()].map(({ ms }) => ms);
  }

  /** What repeats every `ms` does so once, and runs until it waits for something else. */
  async round(ms: number): Promise<void> {
    for (const each of [...this.#repeating.values()]) if (each.ms === ms) each.work();
    await settled();
  }

  [Symbol.dispose](): void {
    globalThis.setInterval = this.#set;
    globalThis.clearInterval = this.#clear;
    for (const timer of this.#repeating.keys()) this.#clear(timer as ReturnType<typeof setInterval>);
  }
}
