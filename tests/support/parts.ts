/** Parts made up for the tests of the lifecycle, with a journal of what happens to them. */
import type { Part } from "../../src/kernel/stack.ts";

/** What a made-up part gives: something that can be told apart. */
export type Made = AsyncDisposable & { readonly name: string };

/** Never settles: a part that hangs. */
export const never = (): Promise<never> => new Promise(() => {});

/** Settles once told to leave. */
export const toldToLeave = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** A promise with its handle, for what a test lets happen at a moment of its own. */
export const gate = (): { readonly passed: Promise<void>; pass(): void; fail(error: unknown): void } => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { passed: promise, pass: resolve, fail: reject };
};

/** Makes parts that write `open NAME`, `leave NAME` and `dispose NAME` into the journal. */
export function parts(journal: string[]) {
  return (
    name: string,
    how: { open?: (signal: AbortSignal) => Promise<unknown>; dispose?: () => Promise<unknown> } = {},
  ): Part<Made> =>
    async (signal) => {
      signal.addEventListener("abort", () => journal.push(`leave ${name}`));
      await how.open?.(signal);
      journal.push(`open ${name}`);
      return {
        name,
        async [Symbol.asyncDispose]() {
          journal.push(`dispose ${name}`);
          await how.dispose?.();
        },
      };
    };
}

/** Waits until something holds that nothing announces; lets timers, I/O and microtasks run in between. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5_000; turn++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`never held: ${holds}`);
}

/** Lets everything that is ready run: microtasks and the timers that are due. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
