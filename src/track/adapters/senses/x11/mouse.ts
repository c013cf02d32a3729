import type { SlotPart } from "../../../../kernel/slot.ts";
import type { Button, MouseCounter } from "../../../core/counts.ts";
import type { Listener } from "../sense.ts";
import { connected } from "./connection.ts";

/** Types of core events: what is recorded begins after KeyRelease, so that no key ever gets here. */
const BUTTON_PRESS = 4;
const MOTION_NOTIFY = 6;

/** Where recorded events begin in what follows a reply's first eight bytes, how long one is, and what is where in it. */
const EVENTS = 24;
const EVENT_BYTES = 32;
const DETAIL = 1;
const ROOT_X = 20;
const ROOT_Y = 22;

const BUTTONS: Readonly<Record<number, Button>> = { 1: "left", 2: "middle", 3: "right" };
/** A notch of the wheel is a press of one of these. */
const WHEEL: Readonly<Record<number, "x" | "y">> = { 4: "y", 5: "y", 6: "x", 7: "x" };

/**
 * Counts the mouse by the RECORD extension, which unlike XInput's raw events tells where the pointer is, warps included.
 * It takes two connections: one that is told the events and can do nothing else, one that holds what is recorded.
 */
export const mouse =
  (display: string) =>
  (counter: MouseCounter): SlotPart<Listener> =>
  (signal, lost) =>
    connected(display, signal, lost, async (holder) => {
      const { CreateContext, DisableContext, CS } = await holder.extension("record");
      const context = holder.client.AllocID();
      const deviceEvents = { first: BUTTON_PRESS, last: MOTION_NOTIFY };
      CreateContext(context, 0, [CS.AllClients], [{ deviceEvents }]);
      await holder.ask((done) => holder.client.GetInputFocus(done));
      return connected(display, signal, lost, async ({ client, ask, extension, unhurried, drain }) => {
        const { EnableContext, Category } = await extension("record");
        const { promise: ended, resolve: end } = Promise.withResolvers<void>();
        await ask<unknown>((done) => {
          EnableContext(context, () => {}, done);
          const unpack = (body: Buffer, category: number): true => {
            if (category === Category.FromServer) count(counter, body);
            else if (category === Category.StartOfData) done(null, undefined);
            else if (category === Category.EndOfData) end();
            return true;
          };
          // The library would keep every reply for the day when the last has come.
          client.replies[client.seq_num] = [unpack, done, true, { push() {} }];
        });
        unhurried();
        return {
          [Symbol.asyncDispose]: () =>
            drain(() => {
              DisableContext(context);
              return ended;
            }),
        };
      });
    });

function count(counter: MouseCounter, body: Buffer): void {
  const at = performance.now();
  for (let event = EVENTS; event + EVENT_BYTES <= body.length; event += EVENT_BYTES) {
    const type = (body[event] ?? 0) & 0x7f;
    if (type === MOTION_NOTIFY) {
      counter.move(body.readInt16LE(event + ROOT_X), body.readInt16LE(event + ROOT_Y), at);
    } else if (type === BUTTON_PRESS) {
      const detail = body[event + DETAIL] ?? 0;
      const axis = WHEEL[detail];
      if (axis) counter.scroll(axis, at);
      else counter.click(BUTTONS[detail] ?? "other", at);
    }
  }
}
