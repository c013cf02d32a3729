import { isAbsolute, join } from "node:path";
import type { SlotPart } from "../../../../kernel/slot.ts";
import { LATE, within } from "../../../../kernel/stack.ts";
import type { Presence } from "../sense.ts";
import { connectUnix } from "./ipc.ts";

/**
 * Idle time by the compositor, in Wayland's wire protocol (https://wayland.freedesktop.org/docs/html/ch04.html). It is
 * asked to tell when nobody has touched anything for a second, and when somebody does again, by one of
 * - ext_idle_notifier_v1 (wayland-protocols, staging/ext-idle-notify), of its version 2 on by input alone,
 * - org_kde_kwin_idle (plasma-wayland-protocols, idle.xml), which sway 1.7 has instead.
 * But for the first's version 2, a program that inhibits idling (a player of films) counts as somebody who is there.
 */

/** Without input for so long somebody is idle, ms. */
const IDLE_MS = 1_000;
/** How long the compositor may take to say what it has, ms. */
const ANSWER_MS = 2_000;

/** Somebody's keyboard and mouse. Since when, on a clock that never jumps, nobody has touched them. */
type Seat = { idleSince: number | undefined };

export const waylandPresence =
  (env: NodeJS.ProcessEnv): (() => SlotPart<Presence>) =>
  () =>
  async (signal, lost) => {
    const socket = await connectUnix(displayPath(env), signal);
    const display = new Display((bytes) => socket.write(bytes));
    let gone: Error | undefined;
    let closing = false;
    const { promise: failed, reject } = Promise.withResolvers<never>();
    failed.catch(() => {});
    const end = (error: Error) => {
      gone ??= error;
      socket.destroy();
      reject(gone);
    };
    socket.on("data", (chunk: Buffer) => {
      try {
        display.read(chunk);
      } catch (error) {
        end(error as Error);
      }
    });
    socket.on("error", end);
    socket.on("close", () => {
      end(new Error("the compositor is gone"));
      if (!closing) lost(gone);
    });
    const dispose = async () => {
      closing = true;
      end(new Error("closed"));
    };
    const answered = async (): Promise<void> => {
      const got = await within(Promise.race([display.sync(), failed]), { ms: ANSWER_MS, signal });
      if (got === LATE) throw new Error("the compositor doesn't answer");
    };

    try {
      const seats = new Map<number, Seat>();
      let watch: ((seat: number) => Seat) | undefined;
      const notifiers: Global[] = [];
      display.registry({
        added(global) {
          if (global.interface === "wl_seat")
            seats.set(global.name, watch?.(global.name) ?? { idleSince: undefined });
          else notifiers.push(global);
        },
        removed: (name) => seats.delete(name),
      });
      await answered();
      watch = display.idleWatch(notifiers);
      if (!watch) throw new Error("this compositor tells nobody who is idle");
      for (const name of seats.keys()) seats.set(name, watch(name));
      // An error would come before the answer.
      await answered();
      return {
        async idleMs() {
          if (gone) throw gone;
          const now = performance.now();
          const idle = [...seats.values()].map(({ idleSince }) =>
            idleSince === undefined ? 0 : now - idleSince,
          );
          return idle.length === 0 ? 0 : Math.min(...idle);
        },
        [Symbol.asyncDispose]: dispose,
      };
    } catch (error) {
      await dispose();
      throw error;
    }
  };

/** Where the compositor listens. */
function displayPath(env: NodeJS.ProcessEnv): string {
  const name = env["WAYLAND_DISPLAY"] || "wayland-0";
  return isAbsolute(name) ? name : join(env["XDG_RUNTIME_DIR"] ?? "", name);
}

/** Something the compositor offers, by its number. */
type Global = { readonly name: number; readonly interface: string; readonly version: number };

/** What an object of ours is told: the number of the event, and what comes with it. */
type Told = (event: number, args: Args) => void;

/** Objects and messages. An id of ours is never used twice: there are but a few. */
class Display {
  readonly #write: (bytes: Buffer) => void;
  readonly #objects = new Map<number, Told>();
  #last = 1;
  #registry = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
    // wl_display is object 1. error: object, code, message
    this.#objects.set(1, (event, args) => {
      if (event !== 0) return;
      args.uint();
      args.uint();
      throw new Error(`the compositor refuses: ${args.string()}`);
    });
  }

  /** Resolves when all that was asked for before is done: wl_display.sync, wl_callback.done. */
  sync(): Promise<void> {
    return new Promise((resolve) => this.#send(1, 0, [this.#object(() => resolve())]));
  }

  /** wl_display.get_registry; wl_registry.global and global_remove. */
  registry(told: { added(global: Global): void; removed(name: number): void }): void {
    this.#registry = this.#object((event, args) => {
      const name = args.uint();
      if (event === 1) told.removed(name);
      if (event !== 0) return;
      const global = { name, interface: args.string(), version: args.uint() };
      if (global.interface === "wl_seat" || global.interface in NOTIFIERS) told.added(global);
    });
    this.#send(1, 1, [this.#registry]);
  }

  /** How a seat is watched, by the best of these; undefined when there is none. */
  idleWatch(globals: readonly Global[]): ((seat: number) => Seat) | undefined {
    const best = Object.keys(NOTIFIERS).flatMap((name) =>
      globals.filter((each) => each.interface === name),
    )[0];
    const notifier = best && NOTIFIERS[best.interface];
    if (!notifier) return undefined;
    const version = Math.min(best.version, notifier.version);
    const manager = this.#bind(best.name, best.interface, version);
    return (name) => {
      const seat: Seat = { idleSince: undefined };
      const proxy = this.#bind(name, "wl_seat", 1);
      // Both tell idled with event 0, resumed with 1.
      const id = this.#object((event) => {
        seat.idleSince = event === 0 ? performance.now() - IDLE_MS : undefined;
      });
      this.#send(manager, ...notifier.request(version, { id, seat: proxy, ms: IDLE_MS }));
      return seat;
    };
  }

  /** wl_registry.bind: what it says of itself isn't listened to. */
  #bind(name: number, what: string, version: number): number {
    const id = this.#object(() => {});
    this.#send(this.#registry, 0, [name, what, version, id]);
    return id;
  }

  #object(told: Told): number {
    this.#objects.set(++this.#last, told);
    return this.#last;
  }

  /** A message: the object, its size and the number of the request, and the arguments, in words of 32 bits. */
  #send(object: number, request: number, args: readonly (number | string)[]): void {
    const body = Buffer.concat(args.map((arg) => (typeof arg === "number" ? word(arg) : words(arg))));
    this.#write(Buffer.concat([word(object), word(((8 + body.length) << 16) | request), body]));
  }

  read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 8) {
      const head = this.#bytes.readUInt32LE(4);
      const size = head >>> 16;
      if (size < 8) throw new Error("the compositor said what makes no sense");
      if (this.#bytes.length < size) return;
      const message = this.#bytes.subarray(0, size);
      this.#bytes = this.#bytes.subarray(size);
      this.#objects.get(message.readUInt32LE(0))?.(head & 0xffff, new Args(message.subarray(8)));
    }
  }
}

type Asked = { readonly id: number; readonly seat: number; readonly ms: number };

/** What tells who is idle, the best first: the newest version known, and the request for a seat. */
const NOTIFIERS: Readonly<
  Record<string, { version: number; request(version: number, asked: Asked): [number, readonly number[]] }>
> = {
  // get_idle_notification is 1, get_input_idle_notification 2
  ext_idle_notifier_v1: {
    version: 2,
    request: (version, { id, seat, ms }) => [version >= 2 ? 2 : 1, [id, ms, seat]],
  },
  // get_idle_timeout
  org_kde_kwin_idle: { version: 1, request: (_, { id, seat, ms }) => [0, [id, seat, ms]] },
};

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** A string: its length with the zero at its end, and its bytes, filled up to a word. */
function words(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([word(bytes.length), bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** Reads the arguments of an event. @throws RangeError when there are fewer */
class Args {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  string(): string {
    const length = this.uint();
    const text = this.#bytes.toString("utf8", this.#at, this.#at + Math.max(0, length - 1));
    this.#at += length + (-length & 3);
    return text;
  }
}
