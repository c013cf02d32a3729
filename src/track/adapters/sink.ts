import { type InputCounts, KeyCounter, MouseCounter } from "../core/counts.ts";
import type { RunningApp, SeenWindow } from "../core/window.ts";

/** What is done with what trackers tell. */
export interface Heard {
  window(seen: SeenWindow | undefined): void;
  running(apps: readonly RunningApp[]): void;
  idle(ms: number): void;
  shot(shot: Shot): void;
  isPresent(): boolean;
}

/** Screenshots that were taken and stored at once: how many, and the first of them. */
export type Shot = { id: number; at: number; count: number };

/**
 * What the trackers of one generation feed. Once that is over it takes nothing in: a tracker that hangs on can't count
 * for the next.
 */
export class Sink {
  readonly keys: KeyCounter;
  readonly mouse: MouseCounter;
  #heard: Heard | undefined;

  constructor(idleMs: number, heard: Heard) {
    this.keys = new KeyCounter(idleMs);
    this.mouse = new MouseCounter(idleMs);
    this.#heard = heard;
  }

  /** What the user looks at now; undefined when that is no window. */
  window(seen: SeenWindow | undefined): void {
    this.#heard?.window(seen);
  }

  /** The programs that run now. */
  running(apps: readonly RunningApp[]): void {
    this.#heard?.running(apps);
  }

  /** Somebody last touched anything so long ago, ms. */
  idle(ms: number): void {
    this.#heard?.idle(ms);
  }

  shot(shot: Shot): void {
    this.#heard?.shot(shot);
  }

  /** Whether somebody is there and at work. */
  get isPresent(): boolean {
    return this.#heard?.isPresent() ?? false;
  }

  /** @returns what was counted since it was last asked */
  take(): InputCounts {
    return { ...this.keys.take(), ...this.mouse.take() };
  }

  close(): void {
    this.#heard = undefined;
  }
}
