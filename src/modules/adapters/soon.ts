import { setTimeout as sleep } from "node:timers/promises";

/** How often something is asked that is about to become true, at first and at last, ms. */
const SOONEST_MS = 1;
const LATEST_MS = 25;

/** Asks again and again, soon at first, until the answer is yes or it has to leave. @returns the last answer */
export async function soon(holds: () => boolean, leave: () => boolean): Promise<boolean> {
  for (let wait = SOONEST_MS; !holds(); wait = Math.min(2 * wait, LATEST_MS)) {
    if (leave()) return false;
    await sleep(wait);
  }
  return true;
}
