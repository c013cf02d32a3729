import { systemClock } from "../../../kernel/clock.ts";
import { backoffMs } from "../../../kernel/core/backoff.ts";
import { message } from "../../../kernel/errors.ts";
import type { Detection, Frame } from "../../core/frame.ts";
import type { DetectorConfig } from "../../core/installation.ts";
import { Thread } from "./thread.ts";

/** What is seen in a picture of a camera. */
export type Found = {
  readonly camera: number;
  readonly frame: Frame;
  /** The surest first. */
  readonly detections: readonly Detection[];
  /** How long it took to look, without waiting for the turn. */
  readonly ms: number;
};

export type DetectorEvents = {
  found(found: Found): void;
  /** It sees nothing until {@link back}; told again when it can't come back for another reason. */
  lost(why: string): void;
  back(): void;
};

/** A picture that is older when its turn comes says nothing of what is there now. */
const STALE_MS = 1_000;
/** After a thread has gone well for so long, the next is begun as soon as after a first failure. */
const STEADY_MS = 60_000;

/** How long things take, and what does the work; tests have their own. */
type Means = {
  readonly worker: () => Worker;
  /** How long it may take to look at a picture. */
  readonly answerMs: number;
  /** How long to wait before another thread is begun, after so many that came to nothing. */
  readonly waitMs: (failures: number) => number;
};

const means: Means = {
  worker: () => new Worker(new URL("./detector.worker.ts", import.meta.url).href, { type: "module" }),
  answerMs: 5_000,
  waitMs: (failures) => backoffMs(failures, Math.random()),
};

/**
 * Looks for people in the pictures of all cameras, in a thread of its own, a picture at a time. Of each camera the
 * latest picture waits, and the cameras take turns. A thread that dies, or doesn't answer, is replaced.
 */
export class Detector implements AsyncDisposable {
  readonly #config: DetectorConfig;
  readonly #events: DetectorEvents;
  readonly #means: Means;
  readonly #end = new AbortController();
  /** By camera; the one that has waited longest comes first. */
  readonly #waiting = new Map<number, Frame>();
  #looking: { readonly camera: number; readonly frame: Frame } | undefined;
  #thread: Thread | undefined;
  #replacing: Promise<void> | undefined;
  #since = 0;
  #failures = 0;
  #ms: number | null = null;
  #dropped = 0;

  private constructor(config: DetectorConfig, events: DetectorEvents, own: Means) {
    this.#config = config;
    this.#events = events;
    this.#means = own;
  }

  /**
   * Resolves once the model is loaded.
   * @param signal ends it while it opens
   * @throws Expected 78 when the model isn't one that finds people, 69 when ONNX Runtime can't be loaded
   */
  static async open(
    config: DetectorConfig,
    events: DetectorEvents,
    signal: AbortSignal,
    own: Partial<Means> = {},
  ): Promise<Detector> {
    const detector = new Detector(config, events, { ...means, ...own });
    await detector.#begin(signal);
    return detector;
  }

  get state(): "ok" | "lost" {
    return this.#thread ? "ok" : "lost";
  }

  /** How long it took to look at the last picture. */
  get ms(): number | null {
    return this.#ms;
  }

  /** Pictures that were never looked at: a later one took their place, or they got too old. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Has the latest picture of a camera looked at; an older one that still waits is dropped. The picture's bytes may
   * not be changed after.
   */
  offer(camera: number, frame: Frame): void {
    if (this.#end.signal.aborted) return;
    if (this.#waiting.has(camera)) this.#dropped++;
    // A camera that waits already keeps its turn.
    this.#waiting.set(camera, frame);
    this.#next();
  }

  /** Drops what waits of a camera. What is being looked at is still told. */
  forget(camera: number): void {
    this.#waiting.delete(camera);
  }

  #next(): void {
    if (!this.#thread || this.#looking) return;
    const oldest = performance.now() - STALE_MS;
    for (const [camera, frame] of this.#waiting) {
      this.#waiting.delete(camera);
      if (frame.at < oldest) {
        this.#dropped++;
        continue;
      }
      this.#looking = { camera, frame };
      this.#thread.look(frame);
      return;
    }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { worker, answerMs } = this.#means;
    const told = {
      found: (found: { readonly detections: readonly Detection[]; readonly ms: number }) => {
        const looked = this.#looking;
        this.#looking = undefined;
        this.#ms = found.ms;
        // The thread goes on while the host thinks about what it has found.
        this.#next();
        if (looked) this.#events.found({ ...looked, detections: found.detections, ms: found.ms });
      },
      broken: (why: string) => {
        this.#replacing = this.#replace(why);
      },
    };
    this.#thread = await Thread.open(worker(), this.#config, told, answerMs, signal);
    this.#since = performance.now();
  }

  async #replace(why: string): Promise<void> {
    const { signal } = this.#end;
    const broken = this.#thread;
    this.#thread = undefined;
    this.#looking = undefined;
    if (performance.now() - this.#since >= STEADY_MS) this.#failures = 0;
    this.#events.lost(why);
    await broken?.[Symbol.asyncDispose]();
    let last = why;
    while (!signal.aborted) {
      await systemClock.sleep(this.#means.waitMs(this.#failures++), signal);
      if (signal.aborted) return;
      try {
        await this.#begin(signal);
        if (signal.aborted) return;
        this.#events.back();
        this.#next();
        return;
      } catch (error) {
        if (signal.aborted) return;
        const now = message(error);
        if (now !== last) this.#events.lost(now);
        last = now;
      }
    }
  }

  /** Ends the thread; nothing is told after. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#waiting.clear();
    await this.#replacing;
    await this.#thread?.[Symbol.asyncDispose]();
    this.#thread = undefined;
  }
}
