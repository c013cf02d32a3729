import type { Clock } from "../../kernel/clock.ts";
import type { SlotPart } from "../../kernel/slot.ts";
import { LATE, within } from "../../kernel/stack.ts";
import type { Presence } from "./senses/sense.ts";

/** How often it is asked whether anybody is there, ms. */
const ASK_MS = 1_000;
/** A display that doesn't answer for so long is lost, ms. */
const ANSWER_MS = 3_000;

/** Asks again and again how long nobody has touched anything. @param told each time, in ms */
export const idleWatch =
  (presence: SlotPart<Presence>, told: (idleMs: number) => void, clock: Clock): SlotPart<AsyncDisposable> =>
  async (signal, lost) => {
    const sense = await presence(signal, lost);
    const over = new AbortController();
    signal.addEventListener("abort", () => over.abort(), { once: true });
    const asking = (async () => {
      while (!over.signal.aborted) {
        try {
          const ms = await within(sense.idleMs(), { ms: ANSWER_MS, signal: over.signal });
          if (over.signal.aborted) return;
          if (ms === LATE) throw new Error(`it hasn't answered for ${ANSWER_MS / 1000} s`);
          told(ms);
        } catch (error) {
          return lost(error);
        }
        await clock.sleep(ASK_MS, over.signal);
      }
    })();
    return {
      async [Symbol.asyncDispose]() {
        over.abort();
        await asking;
        await sense[Symbol.asyncDispose]();
      },
    };
  };
