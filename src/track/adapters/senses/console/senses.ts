import { existsSync } from "node:fs";
import type { SlotPart } from "../../../../kernel/slot.ts";
import type { Window } from "../../../core/window.ts";
import type { Offer, Presence, Senses, Windows } from "../sense.ts";
import { Terminals } from "./terminals.ts";

/** Nothing is held open. */
const nothing = async (): Promise<void> => {};

/**
 * Tells how long ago a terminal was typed into: the time of its last read, to 8 s. What is read from the wall clock is
 * taken only when it changes, and only as far back as it was last looked at: a clock that is set makes nobody idle.
 * Where the user never had a terminal it is 0.
 */
const presence = (): SlotPart<Presence> => async () => {
  const terminals = new Terminals();
  const typedAt = () => terminals.used()[0]?.typedAt;
  let last = typedAt();
  let idleMs = last === undefined ? 0 : Math.max(0, Date.now() - last);
  let asked = performance.now();
  return {
    async idleMs() {
      const now = performance.now();
      const newest = typedAt();
      // Without a terminal, as in a service, nothing tells: nobody is taken to be away.
      if (newest === undefined && last === undefined) return 0;
      const since = now - asked;
      const typed = newest !== undefined && newest !== last;
      idleMs = typed ? Math.min(since, Math.max(0, Date.now() - newest)) : idleMs + since;
      last = newest ?? last;
      asked = now;
      return idleMs;
    },
    [Symbol.asyncDispose]: nothing,
  };
};

/** Tells the program in the foreground of the terminal that was used last. What it shows has no title. */
const windows = (): SlotPart<Windows> => async () => {
  const terminals = new Terminals();
  async function active(): Promise<Window | undefined> {
    const found = terminals.foreground();
    return found && { app: found.process.toLowerCase(), title: "", pid: found.pid, process: found.process };
  }
  return {
    active,
    async visible() {
      const window = await active();
      return window ? [window] : [];
    },
    running: async () => terminals.processes.map(({ pid, process }) => ({ pid, process })),
    [Symbol.asyncDispose]: nothing,
  };
};

/** What can be told without a display, by the user's terminals and `/proc`. */
export function consoleSenses(): Senses {
  const blind = (what: string) => ({ unavailable: `without a display ${what}` });
  const byProc = <Open>(open: Open): Offer<Open> =>
    existsSync("/proc/self/stat")
      ? { via: "console", open }
      : { unavailable: "there is no /proc to look in" };
  return {
    keyboard: blind("keys can't be counted"),
    mouse: blind("there is no mouse to count"),
    presence: byProc(presence),
    windows: byProc(windows),
    screen: blind("there is nothing to take a picture of"),
  };
}
