import { Exit, Expected } from "../../../kernel/errors.ts";
import type { Part } from "../../../kernel/stack.ts";
import { LIMIT, LOOK, NEXT, WANT } from "../../core/engine/coordinator.ts";
import type { Breakpoint, StrategySource } from "../../core/run.ts";
import type { Inspected } from "../../core/run-state.ts";
import type { Params } from "../../core/strategy.ts";
import {
  type Begin,
  type Failure,
  HEAR,
  HELD,
  NO_LIMIT,
  PARKED,
  type Question,
  type Said,
  SEQUENCE,
  type Snapshot,
} from "./protocol.ts";
import { left, WorkerThread } from "./worker-thread.ts";

/** A strategy's file may import a lot; one that isn't loaded after this never will be, ms. */
const LOAD_MS = 20_000;

type Ready = Extract<Said, { type: "ready" }>;

/** What an engine has come to. */
export type Finished = Omit<Extract<Said, { type: "done" }>, "type">;

/**
 * What a strategy's thread says once it is loaded; else the thread is ended.
 * @throws Expected when it isn't in time, or is told to leave
 */
export async function opened(
  thread: AsyncDisposable,
  { promise, reject }: PromiseWithResolvers<Ready>,
  signal: AbortSignal,
  strategyName: string,
): Promise<Ready> {
  const late = setTimeout(() => {
    reject(new Expected(Exit.config, `strategy ${strategyName}: not loaded after ${LOAD_MS / 1000} s`));
  }, LOAD_MS);
  const leave = () => reject(left());
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await promise;
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    throw error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener("abort", leave);
  }
}

/** An engine in a thread of its own, parked until it is let go. */
export interface EngineThread extends AsyncDisposable {
  readonly name: string;
  readonly params: Readonly<Params>;
  /** Resolves with the result. Rejects with what ended it before: Expected for the strategy's own failures. */
  readonly finished: Promise<Finished>;
  /** The next bar to be worked. */
  readonly next: number;
  /** Whether it stands still. */
  readonly parked: boolean;
  /** Lets it leave the breakpoint that it was heard to stand at, once it may work on. */
  release(): void;
  /** Lets it work all steps before this one; {@link NO_LIMIT} for all there are. Takes effect at the next step. */
  allow(limit: number): void;
  /**
   * Works the steps before `limit` (0: none more), stands still there and gives what is wanted, {@link LOOK} or
   * {@link SNAPSHOT}; undefined when it has finished meanwhile. One at a time; {@link hold} cuts it short.
   */
  standAt(limit: number, want: number): Promise<Snapshot | undefined>;
  /** Stands still, and takes this in. Of a look at its inside, {@link inspected} is then the answer. */
  hear(question: Question): Promise<Snapshot | undefined>;
  readonly inspected: readonly Inspected[];
  /** Stands still at the next step. */
  hold(): void;
}

/** What a strategy's thread failed of, as it is told. */
export function strategyFailure(name: string, source: StrategySource, failure: Failure): Error {
  switch (failure.kind) {
    case "usage":
      return new Expected(Exit.usage, failure.message, failure.hint);
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

/** Who is told what an engine says by itself. */
export type EngineTold = {
  /** What the strategy prints. */
  print(text: string): void;
  /** It came to a breakpoint, and stands there until it is let go. */
  hit(breakpoint: Breakpoint): void;
};

/** The part that runs an engine. It opens parked at its first step. */
export const engine =
  (begin: Begin, strategyName: string, told: EngineTold): Part<EngineThread> =>
  async (signal) => {
    const { control } = begin;
    const ready = Promise.withResolvers<Ready>();
    const finished = Promise.withResolvers<Finished>();
    // Whoever awaits the result hears of its failure; before anybody does, it is no unhandled rejection.
    finished.promise.catch(() => undefined);
    let parked: ((snapshot: Snapshot | undefined) => void) | undefined;
    let inspected: readonly Inspected[] = [];
    let over = false;
    /** Whether it was heard of a breakpoint that it stands at. */
    let hit = false;
    const fail = (error: Error) => {
      over = true;
      ready.reject(error);
      finished.reject(error);
      parked?.(undefined);
    };
    const thread = new WorkerThread<Begin | Question, Said>(
      new Worker(new URL("./engine.worker.ts", import.meta.url).href, { type: "module" }),
      (said) => {
        switch (said.type) {
          case "ready":
            return ready.resolve(said);
          case "log":
            return told.print(said.text);
          case "hit":
            hit = true;
            return told.hit(said.breakpoint);
          case "answer":
            inspected = said.inspected;
            return;
          case "parked":
            return parked?.(said.snapshot);
          case "failed":
            return fail(strategyFailure(strategyName, begin.strategy, said.failure));
          case "done":
            over = true;
            finished.resolve(said);
            return parked?.(undefined);
        }
      },
      // Our own code says what it fails of: this is a strategy that left something unawaited, or ended its thread.
      (error) => fail(new Expected(Exit.config, `strategy ${strategyName}: ${error.message}`)),
    );
    const wake = () => {
      Atomics.add(control, SEQUENCE, 1);
      Atomics.notify(control, SEQUENCE);
    };
    thread.post(begin);
    const { name, params } = await opened(thread, ready, signal, strategyName);
    const standAt = async (limit: number, want: number) => {
      if (over) return undefined;
      const answer = Promise.withResolvers<Snapshot | undefined>();
      parked = answer.resolve;
      // By the clock an engine is looked at in passing: to stand still for it would be an overrun.
      if (!begin.clocked || want !== LOOK) Atomics.store(control, LIMIT, limit);
      // After the limit, or it would be given where it stood before.
      Atomics.store(control, WANT, want);
      wake();
      return answer.promise;
    };
    return {
      name,
      params,
      finished: finished.promise,
      get next() {
        return Atomics.load(control, NEXT);
      },
      get parked() {
        return Atomics.load(control, PARKED) === 1;
      },
      release() {
        // One that nobody has heard of yet is to be answered, not passed over.
        if (hit) Atomics.store(control, HELD, 0);
        hit = false;
      },
      allow(limit) {
        Atomics.store(control, LIMIT, Math.min(limit, NO_LIMIT));
        wake();
      },
      standAt,
      hear(question) {
        if (!over) thread.post(question);
        return standAt(0, HEAR);
      },
      get inspected() {
        return inspected;
      },
      hold() {
        Atomics.store(control, LIMIT, 0);
        wake();
      },
      [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
    };
  };
