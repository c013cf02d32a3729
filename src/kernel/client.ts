import type { Clock } from "./clock.ts";
import type { Control, State } from "./control.ts";
import { Exit, Expected } from "./errors.ts";
import { requestUnix, watchUnix } from "./runtime.ts";
import { isFree, type Seat } from "./seat.ts";

/** A command may take as long as the longest ordered dispose; a state comes at once. */
const COMMAND_MS = 60_000;
const STATE_MS = 2_000;
const RECONNECT_MS = 200;

/** The control of a host in another process. */
export function connect(seat: Seat): Control {
  async function ask(method: "GET" | "POST", path: string, timeoutMs: number, body?: string): Promise<State> {
    let answer: { status: number; body: string };
    try {
      answer = await requestUnix(seat.socket, method, path, {
        timeoutMs,
        ...(body === undefined ? {} : { body }),
      });
    } catch {
      const hint = `its pid is ${seat.host.pid}; see the log in the state folder`;
      throw new Expected(
        Exit.unavailable,
        `the ${seat.kind} host of session ${seat.session} doesn't answer`,
        hint,
      );
    }
    const said = JSON.parse(answer.body) as State & { error?: string; hint?: string; exit?: number };
    if (answer.status === 200) return said;
    throw new Expected(said.exit ?? Exit.unavailable, said.error ?? `HTTP ${answer.status}`, said.hint);
  }
  return {
    state: () => ask("GET", "/state", STATE_MS),
    command: (name, args = {}) => ask("POST", `/command/${name}`, COMMAND_MS, JSON.stringify(args)),
    watch(changed) {
      let socket: WebSocket | undefined;
      let again: ReturnType<typeof setTimeout> | undefined;
      let over = false;
      const open = () => {
        socket = watchUnix(seat.socket);
        if (!socket)
          throw new Expected(Exit.unavailable, "watching needs the stint executable", "use --json");
        socket.onmessage = (event) => changed(JSON.parse(String(event.data)) as State);
        socket.onclose = () => {
          if (over) return;
          changed(undefined);
          again = setTimeout(open, RECONNECT_MS);
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

/** Asks a host to stop and waits until its seat is free. @throws Expected 75 when it isn't within `ms` */
export async function stopHost(seat: Seat, clock: Clock, ms = 30_000): Promise<void> {
  const giveUp = clock.monotonic() + ms;
  await connect(seat).command("stop");
  while (!isFree(seat)) {
    if (clock.monotonic() > giveUp) {
      const hint = `kill -9 ${seat.host.pid} ends it; its last checkpoint stays`;
      throw new Expected(Exit.again, `pid ${seat.host.pid} is still shutting down`, hint);
    }
    await clock.sleep(10);
  }
}
