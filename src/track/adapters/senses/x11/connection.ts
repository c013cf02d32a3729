import { existsSync } from "node:fs";
import { connect as dial, type NetConnectOpts, type Socket } from "node:net";
import { hostname } from "node:os";
import x11, { type Client, type Display, type Done, type Extensions, type XError } from "x11";
import cookieOf from "x11/lib/auth.js";
import { errno, message } from "../../../../kernel/errors.ts";
import { within } from "../../../../kernel/stack.ts";

/** A connection to an X server: {@link https://www.x.org/releases/X11R7.7/doc/xproto/x11protocol.html}. */
export interface Connection extends AsyncDisposable {
  readonly client: Client;
  readonly display: Display;
  readonly screen: Display["screen"][number];
  /**
   * Sends a request and waits for its reply.
   * @throws when the server refuses it or is gone, when the connection is closed, when the signal aborts
   */
  ask<T>(request: (done: Done<T>) => void, signal?: AbortSignal): Promise<T>;
  /**
   * From now on reads at most every 10 ms, so that a thousand events a second cost little more than a hundred. Where
   * nothing comes nothing is done. The socket holds some 250 events meanwhile: at 25,000 a second and more RECORD drops
   * what doesn't fit.
   */
  unhurried(): void;
  /**
   * Reads again as soon as something comes, and waits for what is on its way: for the moment before the end.
   * @param last asks for something that comes after all the rest; it isn't waited for for long
   */
  drain(last: () => Promise<unknown>): Promise<void>;
  /** @throws when the server hasn't got it */
  extension<Name extends keyof Extensions>(name: Name): Promise<Extensions[Name]>;
}

/** What the servers call the extensions that the library has names of its own for. */
const EXTENSION: Readonly<Record<keyof Extensions, string>> = {
  xinput: "XInputExtension",
  record: "RECORD",
  "screen-saver": "MIT-SCREEN-SAVER",
  randr: "RANDR",
};

const REST_MS = 10;
/** What is on its way is waited for so long, ms: a server that hangs doesn't keep a pause waiting. */
const LAST_MS = 200;

/**
 * Connects to a display. The socket is ours, not the library's: it can be closed at any moment, and no other server is
 * tried when this one isn't there. An abort closes it at once, as long as it is opening.
 * @param lost told once when the server goes away by itself
 * @throws when nobody answers there, or refuses
 */
async function connect(
  name: string,
  signal: AbortSignal,
  lost: (error: unknown) => void,
): Promise<Connection> {
  signal.throwIfAborted();
  const target = targetOf(name);
  // With the mark at 1 a paused socket isn't read at all: what comes stays with the server, see unhurried().
  const options: NetConnectOpts & { readableHighWaterMark: number } = {
    ...target.address,
    readableHighWaterMark: 1,
  };
  const socket = dial(options);
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const waiting = new Set<(error: Error) => void>();
  let over: Error | undefined;
  let resting: ReturnType<typeof setTimeout> | undefined;

  function end(error: Error): void {
    if (over) return;
    over = error;
    clearTimeout(resting);
    socket.destroy();
    for (const reject of waiting) reject(error);
    waiting.clear();
  }
  function gone(error: Error): void {
    if (over) return;
    end(error);
    lost(error);
  }
  function leave(): void {
    end(new Error(`${name}: the connection is closed`));
  }
  signal.addEventListener("abort", leave);
  socket.on("error", (error) => {
    const isThere = !["ENOENT", "ECONNREFUSED"].includes(errno(error) ?? "");
    const what = isThere ? `can't be reached: ${errno(error) ?? message(error)}` : "isn't there";
    gone(new Error(`the X server ${name} ${what}`));
  });
  socket.on("end", () => gone(new Error(`the X server ${name} has gone away`)));
  socket.on("close", () => {
    gone(new Error(`the X server ${name} has gone away`));
    close();
  });

  const ask: Connection["ask"] = (request, aborted) =>
    new Promise((resolve, reject) => {
      if (over) return reject(over);
      const settle = () => {
        waiting.delete(fail);
        aborted?.removeEventListener("abort", abandon);
      };
      const fail = (error: Error) => {
        settle();
        reject(error);
      };
      const abandon = () => fail(new Error("told to leave"));
      if (aborted?.aborted) return abandon();
      waiting.add(fail);
      aborted?.addEventListener("abort", abandon);
      request((error, value) => {
        settle();
        if (error) reject(error);
        else resolve(value);
        return true;
      });
    });

  function rest(): void {
    socket.pause();
    resting = setTimeout(() => socket.resume(), REST_MS);
  }

  async function dispose(): Promise<void> {
    leave();
    await closed;
  }

  try {
    await ask<void>((done) => socket.once("connect", () => done(null, undefined)));
    const auth = await ask<{ name: string; data: string }>((done) => cookie(target.number, socket, done));
    const display = await ask<Display>((done) => {
      x11
        .createClient({ stream: socket, auth, disableBigRequests: true }, done)
        // What the server refuses of requests without a reply (a window that has just died) is no failure of ours.
        .on("error", (error: XError) => error.error === undefined && gone(error));
    });
    const { client } = display;
    // The library would keep atoms from one server to the next, where they may mean something else.
    client.atoms = Object.create(client.atoms) as Client["atoms"];
    const screen = display.screen[target.screen] ?? display.screen[0];
    if (!screen) throw new Error(`the X server ${name} has no screen`);
    return {
      client,
      display,
      screen,
      ask,
      unhurried: () => void socket.on("data", rest),
      async drain(last) {
        if (over) return;
        socket.off("data", rest);
        clearTimeout(resting);
        socket.resume();
        await within(
          last().catch(() => {}), // there is no server any more
          { ms: LAST_MS },
        );
      },
      extension: (extension) =>
        ask<Extensions[typeof extension]>((done) => client.require(extension, done)).catch((error) => {
          throw over ?? new Error(`the X server ${name} has no ${EXTENSION[extension]}`, { cause: error });
        }),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Where a display is: `:0`, `unix/:0`, `host:10.0`. */
function targetOf(name: string) {
  let parsed: ReturnType<typeof x11.parseDisplay>;
  try {
    parsed = x11.parseDisplay(name);
  } catch {
    throw new Error(`'${name}' isn't a display: is DISPLAY set to something like :0?`);
  }
  const { protocol, host, displayNum: number, screenNum } = parsed;
  const local = host === "" || host === "unix" || protocol === "unix" || protocol === "local";
  const address = local ? { path: socketOf(number) } : { host, port: 6000 + Number(number) };
  return { address, number, screen: Number(screenNum) };
}

/** The server's socket; where something has cleared /tmp, its name in the abstract namespace (unix(7)). */
function socketOf(display: string): string {
  const path = `/tmp/.X11-unix/X${display}`;
  return existsSync(path) || process.platform !== "linux" ? path : `\0${path}`;
}

/** What proves to the server who we are; a display of this machine goes by its name, whatever it is reached by. */
function cookie(display: string, socket: Socket, done: Done<{ name: string; data: string }>): void {
  const { remoteAddress: address, remoteFamily: family } = socket;
  const remote = address !== undefined && address !== "127.0.0.1" && address !== "::1";
  cookieOf(display, remote ? address : hostname(), remote ? family : undefined, (error, found) => {
    if (error) done(new Error(`the Xauthority file can't be read: ${errno(error)}`), { name: "", data: "" });
    else done(null, { name: found.authName, data: found.authData });
  });
}

/**
 * Opens a connection and what a sense sets up on it, which is disposed with it. When setting up fails, it is closed
 * again.
 * @param lost told when the server goes away once it is open
 */
export async function connected<T extends object>(
  name: string,
  signal: AbortSignal,
  lost: (error: unknown) => void,
  setUp: (connection: Connection) => Promise<T>,
): Promise<T & AsyncDisposable> {
  let open = false;
  const connection = await connect(name, signal, (error) => open && lost(error));
  const leave = () => void connection[Symbol.asyncDispose]();
  signal.addEventListener("abort", leave);
  try {
    signal.throwIfAborted();
    const sense: T & Partial<AsyncDisposable> = await setUp(connection);
    const inner = sense[Symbol.asyncDispose];
    open = true;
    return Object.assign(sense, {
      async [Symbol.asyncDispose]() {
        await inner?.();
        await connection[Symbol.asyncDispose]();
      },
    });
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
