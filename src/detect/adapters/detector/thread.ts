import { Exit, Expected } from "../../../kernel/errors.ts";
import type { Frame } from "../../core/frame.ts";
import type { DetectorConfig } from "../../core/installation.ts";
import type { Answered, Asked } from "./protocol.ts";

/** How long a model may take to load; a large one from a slow disk takes seconds. */
const LOAD_MS = 30_000;
/** How long native code may hold a thread that is to end, before it is left behind. */
const END_MS = 300;

/** What a thread has to say once it is open. */
export type Told = {
  found(found: Extract<Answered, { type: "found" }>): void;
  /** It will never answer again, and is to be disposed. Called once, and not while it is disposed. */
  broken(why: string): void;
};

/** A Worker with a model in it, which looks at one picture at a time. */
export class Thread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #closed = Promise.withResolvers<void>();
  readonly #answerMs: number;
  /** Where pictures are handed over: copied once, and no garbage for either side. */
  #pixels = new SharedArrayBuffer(0);
  #late: ReturnType<typeof setTimeout> | undefined;
  #heard: (answered: Answered) => void;
  #failed: (why: string) => void;

  private constructor(worker: Worker, answerMs: number) {
    this.#worker = worker;
    this.#answerMs = answerMs;
    this.#heard = () => {};
    this.#failed = () => {};
    worker.onmessage = ({ data }) => this.#heard(data as Answered);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#failed(event.message);
    };
    worker.addEventListener("close", () => {
      this.#closed.resolve();
      this.#failed("its thread ended");
    });
  }

  /**
   * Resolves once the model is loaded.
   * @param answerMs how long it may look at a picture before it is taken for broken
   * @throws Expected what openModel() throws, 69 when it isn't loaded in time, 1 when the signal aborts
   */
  static async open(
    worker: Worker,
    config: DetectorConfig,
    told: Told,
    answerMs: number,
    signal: AbortSignal,
  ): Promise<Thread> {
    const thread = new Thread(worker, answerMs);
    const opened = Promise.withResolvers<void>();
    thread.#heard = (answered) => {
      if (answered.type === "opened") opened.resolve();
      if (answered.type === "failed") {
        const { exit, message, hint } = answered;
        opened.reject(exit === undefined ? new Error(message) : new Expected(exit, message, hint));
      }
    };
    thread.#failed = (why) => opened.reject(new Error(why));
    const left = () => opened.reject(new Expected(Exit.no, "stopped before the detector's model was loaded"));
    if (signal.aborted) left();
    signal.addEventListener("abort", left, { once: true });
    const late = setTimeout(() => {
      const why = `the detector's model isn't loaded after ${LOAD_MS / 1000} s`;
      opened.reject(new Expected(Exit.unavailable, why));
    }, LOAD_MS);
    thread.#ask({ type: "open", config });
    try {
      await opened.promise;
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", left);
    }
    thread.#failed = (why) => {
      clearTimeout(thread.#late);
      thread.#silence();
      told.broken(why);
    };
    thread.#heard = (answered) => {
      clearTimeout(thread.#late);
      if (answered.type === "found") told.found(answered);
      if (answered.type === "failed") thread.#failed(answered.message);
    };
    return thread;
  }

  /** Has it look at a picture, once it has said what it found in the last. */
  look({ data, width, height }: Frame): void {
    if (this.#pixels.byteLength < data.length) this.#pixels = new SharedArrayBuffer(data.length);
    new Uint8Array(this.#pixels).set(data);
    this.#late = setTimeout(
      () => this.#failed(`it doesn't answer for ${this.#answerMs / 1000} s`),
      this.#answerMs,
    );
    this.#ask({ type: "look", pixels: this.#pixels, width, height });
  }

  #ask(asked: Asked): void {
    this.#worker.postMessage(asked);
  }

  #silence(): void {
    this.#heard = () => {};
    this.#failed = () => {};
  }

  /**
   * Resolves when the thread has ended, which terminate() doesn't wait for. Native code that comes back into a thread that
   * was terminated takes the whole process down: one that it holds is left behind, and ended when it is let go.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#late);
    this.#silence();
    this.#heard = ({ type }) => type === "closed" && this.#worker.terminate();
    this.#ask({ type: "close" });
    this.#worker.unref();
    const held = setTimeout(() => this.#closed.resolve(), END_MS);
    await this.#closed.promise;
    clearTimeout(held);
  }
}
