import { Exit, Expected } from "../../kernel/errors.ts";
import type { Part } from "../../kernel/stack.ts";
import { LIMIT, NEXT } from "../core/coordinator.ts";
import {
  type Begin,
  CONTROL_WORDS,
  type Failure,
  NO_LIMIT,
  PARKED,
  type Said,
  SEQUENCE,
  type Snapshot,
  type StrategySource,
  WANT,
} from "./protocol.ts";
import { left, WorkerThread } from "./worker-thread.ts";

/** A strategy's file may import a lot; one that isn't loaded after this never will be, ms. */
const LOAD_MS = 20_000;

/** What an engine has come to. */
export type Finished = Omit<Extract<Said, { type: "done" }>, "type">;

/** An engine in a thread of its own, parked until it is let go. */
export interface EngineThread extends AsyncDisposable {
  readonly name: string;
  readonly params: Readonly<Record<string, number>>;
  readonly warmup: number;
  /** Resolves with the result. Rejects with what ended it before: Expected for the strategy's own failures. */
  readonly finished: Promise<Finished>;
  /** The next bar to be worked. */
  readonly next: number;
  /** Whether it stands still. */
  readonly parked: boolean;
  /** Lets it work all bars before this index; {@link NO_LIMIT} for all there are. Takes effect at the next bar. */
  allow(limit: number): void;
  /**
   * Works the bars before `limit` (0: none more), stands still there and gives what is wanted, {@link LOOK} or
   * {@link SNAPSHOT}; undefined when it has finished meanwhile. One at a time; {@link hold} cuts it short.
   */
  standAt(limit: number, want: number): Promise<Snapshot | undefined>;
  /** Stands still at the next bar. */
  hold(): void;
}

function expected(name: string, source: StrategySource, failure: Failure): Error {
  switch (failure.kind) {
    case "usage":
      return new Expected(Exit.usage, failure.message);
    case "strategy":
      return new Expected(
        Exit.config,
        `strategy ${name}: ${failure.message}`,
        ownFrame(failure.stack, source),
      );
    case "bug": {
      const error = new Error(failure.message);
      if (failure.stack) error.stack = failure.stack;
      return error;
    }
  }
}

/** The innermost place in the strategy's own file, for the hint. */
function ownFrame(stack: string | undefined, source: StrategySource): string | undefined {
  if ("builtin" in source) return undefined;
  return stack
    ?.split("\n")
    .find((line) => /^\s*at /.test(line) && line.includes(source.file))
    ?.trim();
}

/** The part that runs an engine. It opens parked at its first bar. */
export const engine =
  (begin: Omit<Begin, "control">, strategyName: string, print: (text: string) => void): Part<EngineThread> =>
  async (signal) => {
    const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
    const ready = Promise.withResolvers<Extract<Said, { type: "ready" }>>();
    const finished = Promise.withResolvers<Finished>();
    // Whoever awaits the result hears of its failure; before anybody does, it is no unhandled rejection.
    finished.promise.catch(() => undefined);
    let parked: ((snapshot: Snapshot | undefined) => void) | undefined;
    let over = false;
    const fail = (error: Error) => {
      over = true;
      ready.reject(error);
      finished.reject(error);
      parked?.(undefined);
    };
    const thread = new WorkerThread<Begin, Said>(
      new Worker(new URL("./engine.worker.ts", import.meta.url).href, { type: "module" }),
      (said) => {
        switch (said.type) {
          case "ready":
            return ready.resolve(said);
          case "log":
            return print(said.text);
          case "parked":
            return parked?.(said.snapshot);
          case "failed":
            return fail(expected(strategyName, begin.strategy, said.failure));
          case "done":
            over = true;
            finished.resolve(said);
            return parked?.(undefined);
        }
      },
      // Our own code says what it fails of: this is a strategy that left something unawaited, or ended its thread.
      (error) => fail(new Expected(Exit.config, `strategy ${strategyName}: ${error.message}`)),
    );
    const late = setTimeout(() => {
      fail(new Expected(Exit.config, `strategy ${strategyName}: not loaded after ${LOAD_MS / 1000} s`));
    }, LOAD_MS);
    const leave = () => ready.reject(left());
    signal.addEventListener("abort", leave, { once: true });
    const wake = () => {
      Atomics.add(control, SEQUENCE, 1);
      Atomics.notify(control, SEQUENCE);
    };
    try {
      if (signal.aborted) throw left();
      thread.post({ ...begin, control });
      const { name, params, warmup } = await ready.promise;
      return {
        name,
        params,
        warmup,
        finished: finished.promise,
        get next() {
          return Atomics.load(control, NEXT);
        },
        get parked() {
          return Atomics.load(control, PARKED) === 1;
        },
        allow(limit) {
          Atomics.store(control, LIMIT, Math.min(limit, NO_LIMIT));
          wake();
        },
        async standAt(limit, want) {
          if (over) return undefined;
          const answer = Promise.withResolvers<Snapshot | undefined>();
          parked = answer.resolve;
          Atomics.store(control, WANT, want);
          Atomics.store(control, LIMIT, limit);
          wake();
          return answer.promise;
        },
        hold() {
          Atomics.store(control, LIMIT, 0);
          wake();
        },
        [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
      };
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", leave);
    }
  };
