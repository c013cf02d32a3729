import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import type {
  UiohookKeyboardEvent,
  UiohookMouseEvent,
  UiohookWheelEvent,
  WheelDirection,
} from "uiohook-napi";
import type { Context } from "../../../../kernel/command.ts";
import { Exit, message } from "../../../../kernel/errors.ts";
import {
  type Button,
  KeyCounter,
  type KeyCounts,
  MouseCounter,
  type MouseCounts,
} from "../../../core/counts.ts";
import { loadUiohook } from "./addon.ts";

/**
 * Counts input by uiohook-napi, in a process of its own, since that one ends its process when the X server dies or a
 * listener throws. It is asked on stdin and answers on stdout, a line of JSON each.
 */

/** First `start`, then `counts` whenever they are wanted at once. The end of stdin ends it. */
export type Request = { readonly ask: "start"; readonly idle_ms: number } | { readonly ask: "counts" };

/** `counts` are those since the last; `asked` when they answer a request. After `failed` it ends. */
export type Answer =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly reason: string }
  | {
      readonly type: "counts";
      readonly keys: KeyCounts;
      readonly mouse: MouseCounts;
      readonly asked: boolean;
    };

/** How often it tells what it has counted, ms, if there is something. */
const TELL_MS = 200;

/** What the addon exports. */
type Addon = { start(heard: (event: Heard) => void): void };
type Heard = UiohookKeyboardEvent | UiohookMouseEvent | UiohookWheelEvent;

/** Its EventType: the package's own is in the module that loads what is published. */
const Type = { keyDown: 4, keyUp: 5, buttonDown: 7, moved: 9, wheel: 11 } as const;
const HORIZONTAL: WheelDirection = 4;
/** By libuiohook's numbers, which are the same on every system. */
const BUTTONS: readonly (Button | undefined)[] = [undefined, "left", "right", "middle"];
/** libuiohook gives a key of the number pad these bits while Num Lock is off. */
const KEYPAD_BITS = 0xee00;

/** The body of `stint track __uiohook`. */
export async function countInput({ output }: Context): Promise<number> {
  const tell = (answer: Answer) => output.emit(answer);
  let counting: ({ tell(asked: boolean): void } & Disposable) | undefined;
  try {
    for await (const line of createInterface({ input: process.stdin })) {
      const request = JSON.parse(line) as Request;
      if (request.ask === "counts") counting?.tell(true);
      else {
        counting = count(request.idle_ms, tell);
        tell({ type: "ready" });
      }
    }
  } catch (error) {
    tell({ type: "failed", reason: message(error) });
    return Exit.unavailable;
  }
  // What has been heard and not been told of yet.
  await setImmediate();
  counting?.tell(false);
  counting?.[Symbol.dispose]();
  return Exit.ok;
}

/** Counts from now on. @throws Error when nothing can be heard */
function count(idleMs: number, tell: (answer: Answer) => void) {
  const keyboard = new KeyCounter(idleMs);
  const mouse = new MouseCounter(idleMs);
  (loadUiohook() as Addon).start(listener(keyboard, mouse));
  const counts = (asked: boolean) => {
    const answer: Answer = { type: "counts", keys: keyboard.take(), mouse: mouse.take(), asked };
    const some = [answer.keys, answer.mouse].some((each) => Object.values(each).some((n) => n > 0));
    if (some || asked) tell(answer);
  };
  const timer = setInterval(counts, TELL_MS, false);
  return { tell: counts, [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * What hears. Which key it was is known here alone, and no longer than it is held, to tell its repetition from a
 * press. It never throws: that would end the process.
 */
function listener(keyboard: KeyCounter, mouse: MouseCounter): (event: Heard) => void {
  const held = new Set<number>();
  return (event) => {
    try {
      const now = performance.now();
      switch (event.type) {
        case Type.keyDown: {
          const key = keyOf(event.keycode);
          if (!held.has(key)) keyboard.press(now);
          held.add(key);
          break;
        }
        case Type.keyUp:
          held.delete(keyOf(event.keycode));
          keyboard.release();
          break;
        case Type.buttonDown:
          mouse.click(BUTTONS[Number(event.button)] ?? "other", now);
          break;
        case Type.moved:
          mouse.move(event.x, event.y, now);
          break;
        case Type.wheel:
          mouse.scroll(event.direction === HORIZONTAL ? "x" : "y", now);
          break;
      }
    } catch {
      // One that isn't understood isn't counted.
    }
  };
}

/** The same for a key's press and its release, though Num Lock changed in between. */
const keyOf = (code: number): number => ((code & KEYPAD_BITS) === KEYPAD_BITS ? code & 0xff : code);
