import type { SlotPart } from "../../../../kernel/slot.ts";
import type { KeyCounter } from "../../../core/counts.ts";
import type { Listener } from "../sense.ts";
import { connected } from "./connection.ts";

/**
 * Where fields of a raw event are in what follows its first eight bytes (XI2proto.h, xXIRawEvent). The key's code, at
 * 8, isn't among them.
 */
const EVENT_TYPE = 0;
const FLAGS = 16;

/**
 * Counts keys by XInput 2's raw events, which come whatever window has the focus and whoever has grabbed the keyboard.
 * Which key it was is never read: the event is decoded here instead of in the library, and wiped before the library
 * makes anything of it.
 */
export const keyboard =
  (display: string) =>
  (counter: KeyCounter): SlotPart<Listener> =>
  (signal, lost) =>
    connected(display, signal, lost, async ({ client, screen, ask, extension, unhurried, drain }) => {
      const { xi2, majorOpcode, AllMasterDevices, EventType, KeyEventFlags, XISelectEvents } =
        await extension("xinput");
      // Before 2.1 raw events stay out while another program has grabbed the keyboard.
      if (!xi2 || xi2.majorVersion < 2 || xi2.minorVersion < 1) {
        throw new Error(`the X server ${display} has no XInput 2.1`);
      }
      client.geEventParsers[majorOpcode] = (_type, _seq, _extra, _extension, body) => {
        const type = body.readUInt16LE(EVENT_TYPE);
        const repeated = (body.readUInt32LE(FLAGS) & KeyEventFlags.KeyRepeat) !== 0;
        body.fill(0);
        if (type === EventType.RawKeyRelease) counter.release();
        else if (type === EventType.RawKeyPress && !repeated) counter.press(performance.now());
        return {};
      };
      XISelectEvents(screen.root, { deviceId: AllMasterDevices, mask: ["RawKeyPress", "RawKeyRelease"] });
      const roundTrip = () => ask((done) => client.GetInputFocus(done));
      await roundTrip();
      unhurried();
      return { [Symbol.asyncDispose]: () => drain(roundTrip) };
    });
