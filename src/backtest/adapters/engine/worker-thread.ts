import { Exit, Expected } from "../../../kernel/errors.ts";

/**
 * A Worker as something to be disposed: it is only done ending when its thread is.
 * Terminating interrupts any JavaScript within milliseconds; native code (a sleep, a long regular expression) goes on
 * until it returns.
 */
export class WorkerThread<In, Out> implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #closed: Promise<void>;
  #ending = false;

  /**
   * @param heard called with every message
   * @param failed called when the thread dies of something that it didn't say
   */
  constructor(worker: Worker, heard: (message: Out) => void, failed: (error: Error) => void) {
    this.#worker = worker;
    const closed = Promise.withResolvers<void>();
    this.#closed = closed.promise;
    worker.onmessage = (event) => heard(event.data as Out);
    worker.onerror = (event) => {
      event.preventDefault();
      failed(new Error(event.message));
    };
    // Deno's workers say nothing when they end, and end at once.
    if (!("Bun" in globalThis)) closed.resolve();
    worker.addEventListener("close", () => {
      closed.resolve();
      if (!this.#ending) failed(new Error("it ended its own thread"));
    });
  }

  post(message: In): void {
    this.#worker.postMessage(message);
  }

  /** Ends the thread wherever it is. Doesn't resolve while native code holds it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    this.#worker.terminate();
    await this.#closed;
  }
}

/** What a part rejects with when it is told to leave while it opens. */
export const left = (): Expected => new Expected(Exit.no, "stopped before it had begun");
