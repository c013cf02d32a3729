import type { Part } from "../../../kernel/stack.ts";
import { latenessQuantile, maxLateness } from "../../core/engine/lateness.ts";
import type { Clocked } from "./protocol.ts";
import { WorkerThread } from "./worker-thread.ts";

/** The first message to a clock's worker. */
export type ClockBegin = {
  readonly time: Float64Array;
  readonly length: number;
  /** The first step to publish. */
  readonly next: number;
  /** The length of a bar, ms. */
  readonly frameMs: number;
  /** How many times as fast as the market. */
  readonly speed: number;
  readonly control: Int32Array;
  readonly clocked: Clocked;
};

/** What it is told later: the gate is open or shut (which it sees by itself, but a timer doesn't), or there are other steps. */
export type ClockWord =
  | { readonly type: "go" }
  | { readonly type: "hold" }
  | { readonly type: "plan"; readonly time: Float64Array; readonly length: number };

/** A clock in a thread of its own; it stands still until it is told to go. */
export interface ClockThread extends AsyncDisposable {
  tell(word: ClockWord): void;
  /** By how much steps were published late, ms; null before the first. */
  readonly lateness: { readonly p99: number | null; readonly max: number | null };
}

/** The part that publishes a clock-driven run's steps. */
export const clockThread =
  (begin: ClockBegin, failed: (error: Error) => void): Part<ClockThread> =>
  async () => {
    const thread = new WorkerThread<ClockBegin | ClockWord, never>(
      new Worker(new URL("./clock.worker.ts", import.meta.url).href, { type: "module" }),
      () => {},
      failed,
    );
    thread.post(begin);
    const { lateness } = begin.clocked;
    return {
      tell: (word) => thread.post(word),
      get lateness() {
        return { p99: latenessQuantile(lateness, 0.99), max: maxLateness(lateness) };
      },
      [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
    };
  };
