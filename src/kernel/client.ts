import type { Kind } from "./checkpoint.ts";
import type { Clock } from "./clock.ts";
import type { Control, State } from "./control.ts";
import { Exit, Expected, errno } from "./errors.ts";
import { statePath } from "./paths.ts";
import { requestUnix, watchUnix } from "./runtime.ts";
import { findHosts, isFree, type Seat } from "./seat.ts";

/** A command may take as long as an ordered dispose; a state comes at once. */
const COMMAND_MS = 15_000;
const STATE_MS = 2_000;
const RECONNECT_MS = 100;
/** How long a host may take to be gone after it has closed its control. */
const GONE_MS = 5_000;

/** Nobody took the call: nothing of it was done. */
export class Unreached extends Expected {}
/** What the runtimes call that. */
const REFUSED = ["ENOENT", "ECONNREFUSED", "ConnectionRefused", "FailedToOpenSocket"];

/** The control of a host in another process. */
export function connect(seat: Seat): Control {
  async function ask(method: "GET" | "POST", path: string, timeoutMs: number, body?: string): Promise<State> {
    let status: number;
    let said: State & { error?: string; hint?: string; exit?: number };
    try {
      const answer = await requestUnix(seat.socket, method, path, {
        timeoutMs,
        ...(body === undefined ? {} : { body }),
      });
      status = answer.status;
      said = JSON.parse(answer.body) as typeof said;
    } catch (error) {
      if ((error as Error).name === "TimeoutError") {
        const message = `the ${seat.kind} host of session ${seat.session} hasn't answered for ${timeoutMs / 1000} s`;
        throw new Expected(
          Exit.again,
          message,
          `it may be at work on this still; stint ${seat.kind} stop ends it`,
        );
      }
      const hint = `its pid is ${seat.host.pid}; see the log in ${statePath()}`;
      const failure = REFUSED.includes(errno(error) ?? "") ? Unreached : Expected;
      throw new failure(
        Exit.unavailable,
        `the ${seat.kind} host of session ${seat.session} doesn't answer`,
        hint,
      );
    }
    if (status === 200) return said;
    throw new Expected(said.exit ?? Exit.unavailable, said.error ?? `HTTP ${status}`, said.hint);
  }
  return {
    state: () => ask("GET", "/state", STATE_MS),
    command: (name, args = {}, withinMs = COMMAND_MS) =>
      ask("POST", `/command/${name}`, withinMs, JSON.stringify(args)),
    watch(changed) {
      let socket: WebSocket | undefined;
      let again: ReturnType<typeof setTimeout> | undefined;
      let over = false;
      const open = () => {
        socket = watchUnix(seat.socket);
        if (!socket) throw new Expected(Exit.unavailable, "watching needs the stint executable");
        socket.onmessage = (event) => {
          if (!over) changed(JSON.parse(String(event.data)) as State);
        };
        socket.onclose = () => {
          if (over) return;
          changed(undefined);
          // Whoever was told may have had enough.
          if (!over) again = setTimeout(open, RECONNECT_MS);
        };
      };
      open();
      return {
        async [Symbol.asyncDispose]() {
          over = true;
          clearTimeout(again);
          socket?.close();
        },
      };
    },
  };
}

/**
 * Watches whichever host of a kind and profile sits there, now or later: a host that was killed and made anew, or
 * replaced by another, is followed.
 * @param changed told each state; `undefined` at once when there is no host, when one doesn't answer any more, and once
 * that one is gone
 */
export function watchSeat(
  of: { kind: Kind; profile: string },
  changed: (state: State | undefined) => void,
): AsyncDisposable {
  let watching: AsyncDisposable | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let over = false;
  let taken = true;
  // Whoever was told may have had enough.
  const later = () => {
    if (!over) again = setTimeout(look, RECONNECT_MS);
  };
  const look = () => {
    const [seat] = findHosts(of);
    const left = taken && !seat;
    taken = seat !== undefined;
    if (left) changed(undefined);
    if (!seat) return later();
    watching = connect(seat).watch((state) => {
      if (over) return;
      changed(state);
      if (state) return;
      // Its socket closed: it may be gone for good, or another sits there by now, perhaps at another address.
      void watching?.[Symbol.asyncDispose]();
      later();
    });
  };
  look();
  return {
    async [Symbol.asyncDispose]() {
      over = true;
      clearTimeout(again);
      await watching?.[Symbol.asyncDispose]();
    },
  };
}

/** Asks a host to stop and waits until its seat is free. @throws Expected 75 when it isn't within `ms` */
export async function stopHost(seat: Seat, clock: Clock, ms = 30_000): Promise<void> {
  const refused = await connect(seat)
    .command("stop")
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  // One that doesn't answer may be leaving already, on somebody else's word.
  const giveUp = clock.monotonic() + (refused === undefined ? ms : GONE_MS);
  while (!isFree(seat)) {
    if (clock.monotonic() > giveUp) {
      const hint = `kill -9 ${seat.host.pid} ends it; its last checkpoint stays`;
      throw refused ?? new Expected(Exit.again, `pid ${seat.host.pid} is still shutting down`, hint);
    }
    await clock.sleep(10);
  }
}
