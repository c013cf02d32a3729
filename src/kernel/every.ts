import { message } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Part } from "./stack.ts";

/**
 * A part that does something every `ms`; what takes longer is not done twice at once, nor made up for. Its dispose waits
 * for what is under way: that may need what stands below it.
 */
export const every =
  (ms: number, work: () => Promise<void>, log: Log): Part =>
  async () => {
    let working: Promise<void> | undefined;
    const round = async () => {
      try {
        await work();
      } catch (error) {
        log.warn(message(error), { error });
      }
    };
    const timer = setInterval(() => {
      working ??= round().then(() => {
        working = undefined;
      });
    }, ms);
    return {
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
        await working;
      },
    };
  };
