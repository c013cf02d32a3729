import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Notice } from "./core/notice.ts";
import { message } from "./errors.ts";
import type { Log } from "./log.ts";
import { Errands, findProgram, run } from "./programs.ts";
import { LATE, within } from "./stack.ts";

const APP = "stint";
/** How long the desktop may take to accept one, ms: where there is none, it is waited for. */
const ACCEPT_MS = 5_000;

/**
 * Shows a notification in the place of the one with this number (0: of none).
 * @returns its number, 0 where the desktop doesn't say @throws Error when it couldn't be shown
 */
type Route = (notice: Notice, replaces: number, signal: AbortSignal) => Promise<number>;

/** Shows notifications on the desktop. Returns at once: what it takes is done meanwhile. */
export type Notifier = AsyncDisposable & {
  /** @param key puts it in the place of the last one of this key */
  show(notice: Notice, key?: string): void;
};

/**
 * While one is on its way only the newest waits. Where there is no desktop nothing is tried; one that doesn't answer is
 * one warning. At the end the last has a moment to be shown.
 */
export function notifier(log: Log): Notifier {
  const show = route();
  const errands = new Errands(1);
  /** The numbers that the desktop has given to the last of each key. */
  const shown = new Map<string, number>();
  let failing = false;
  return {
    show(notice, key) {
      if (!show) return;
      errands.give(async (signal) => {
        try {
          const number = await show(notice, key === undefined ? 0 : (shown.get(key) ?? 0), signal);
          if (key !== undefined) shown.set(key, number);
          failing = false;
        } catch (error) {
          if (!failing) log.warn(`notifications aren't shown: ${message(error)}`);
          failing = true;
        }
      });
    },
    [Symbol.asyncDispose]: () => errands[Symbol.asyncDispose](),
  };
}

/** How this desktop is told: by a program, else by the session's bus; undefined where there is none. */
export function notifiedBy(): { program: string } | { address: string } | undefined {
  const has = (name: string) => (process.env[name] ?? "") !== "";
  if (!["DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"].some(has)) return undefined;
  const program = findProgram("notify-send");
  if (program !== undefined) return { program };
  const address = sessionBus();
  return address === undefined ? undefined : { address };
}

function route(): Route | undefined {
  const by = notifiedBy();
  return by && ("program" in by ? byProgram(by.program) : byBus(by.address));
}

function byProgram(program: string): Route {
  // Before 0.8 (2022) it can't replace one.
  let numbered = true;
  const show: Route = async ({ title, body }, replaces, signal) => {
    const options = numbered ? ["--print-id", ...(replaces > 0 ? [`--replace-id=${replaces}`] : [])] : [];
    // It reads backslashes in the body as C does.
    const text = body.replaceAll("\\", "\\\\");
    const command = [program, `--app-name=${APP}`, ...options, "--", title, text];
    const { failure, out, errors } = await run({ command, ms: ACCEPT_MS, signal, listen: true });
    if (failure === undefined) return Number.parseInt(out, 10) || 0;
    if (numbered && /unknown option/i.test(errors)) {
      numbered = false;
      return show({ title, body }, 0, signal);
    }
    throw new Error(`notify-send: ${errors.trim() || failure}`);
  };
  return show;
}

/** The address of the session's bus: given, or where systemd has it. */
export function sessionBus(): string | undefined {
  const given = process.env["DBUS_SESSION_BUS_ADDRESS"];
  if (given) return given;
  const folder = process.env["XDG_RUNTIME_DIR"];
  return folder && existsSync(join(folder, "bus")) ? `unix:path=${join(folder, "bus")}` : undefined;
}

/** What is called of dbus-native, whose own types leave it out. */
type Bus = {
  invoke(call: object, answered: (error: unknown, number: unknown) => void): void;
  connection: NodeJS.EventEmitter & { stream: { destroy(): void } };
};

/** Without a program: a connection for each, so that none is held by a bus that went away. */
const byBus =
  (address: string): Route =>
  async ({ title, body }, replaces, signal) => {
    const { default: dbus } = (await import("@homebridge/dbus-native")) as unknown as {
      default: { sessionBus(options: { busAddress: string }): Bus };
    };
    const bus = dbus.sessionBus({ busAddress: address });
    try {
      const answer = new Promise<number>((resolve, reject) => {
        bus.connection.on("error", reject);
        const call = {
          destination: "org.freedesktop.Notifications",
          path: "/org/freedesktop/Notifications",
          interface: "org.freedesktop.Notifications",
          member: "Notify",
          signature: "susssasa{sv}i",
          body: [APP, replaces, "", title, body, [], [], -1],
        };
        bus.invoke(call, (error, number) => (error ? reject(told(error)) : resolve(Number(number))));
      });
      const number = await within(answer, { ms: ACCEPT_MS, signal });
      if (number === LATE) throw new Error("the session's bus doesn't answer");
      return number;
    } finally {
      bus.connection.stream.destroy();
    }
  };

/** Its errors are what the bus said: a name and words. */
const told = (error: unknown): Error => {
  const { message: words } = error as { message?: unknown };
  return new Error(Array.isArray(words) ? words.join(" ") : String(words ?? error));
};
