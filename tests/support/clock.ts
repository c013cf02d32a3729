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
