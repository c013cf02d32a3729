import { message } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Part } from "./stack.ts";

/** A part that does something every `ms`; what takes longer is not done twice at once, nor made up for. */
export const every =
  (ms: number, work: () => Promise<void>, log: Log): Part =>
  async () => {
    let busy = false;
    const timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      try {
        await work();
      } catch (error) {
        log.warn(message(error), { error });
      }
      busy = false;
    }, ms);
    return {
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
      },
    };
  };
