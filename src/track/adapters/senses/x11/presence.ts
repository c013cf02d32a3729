import type { SlotPart } from "../../../../kernel/slot.ts";
import type { Presence } from "../sense.ts";
import { connected } from "./connection.ts";

/** Tells the idle time as the screen saver extension has it, which any key, button or motion sets back. */
export const presence = (display: string) => (): SlotPart<Presence> => (signal, lost) =>
  connected(display, signal, lost, async ({ screen, ask, extension }) => {
    const { QueryInfo } = await extension("screen-saver");
    return {
      idleMs: async () => (await ask<{ readonly idle: number }>((done) => QueryInfo(screen.root, done))).idle,
    };
  });
