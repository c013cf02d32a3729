import { existsSync } from "node:fs";
import { message } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { sessionBus } from "../../kernel/notify.ts";
import type { SlotPart } from "../../kernel/slot.ts";
import { LATE, within } from "../../kernel/stack.ts";

/**
 * Whether the screen is locked, as the desktop tells it over D-Bus:
 * - its screen saver on the session's bus: `ActiveChanged` and `GetActive` of org.freedesktop.ScreenSaver (Idle
 *   Inhibition Service Draft) and of the names that desktops have had for the same,
 * - logind on the system's bus: `LockedHint` of this user's sessions (org.freedesktop.login1(5)).
 *
 * logind's `Lock` and `Unlock` aren't heeded: they ask a screen locker to act and don't say that it has, and one that
 * leaves the hint alone (swaylock) would never be seen to unlock.
 */

/** Interfaces of screen savers, each also the name it has on the bus, and the paths it may be at. */
const SAVERS: Readonly<Record<string, readonly string[]>> = {
  "org.freedesktop.ScreenSaver": ["/org/freedesktop/ScreenSaver", "/ScreenSaver"],
  "org.gnome.ScreenSaver": ["/org/gnome/ScreenSaver"],
  "org.cinnamon.ScreenSaver": ["/org/cinnamon/ScreenSaver"],
  "org.mate.ScreenSaver": ["/org/mate/ScreenSaver"],
  "org.xfce.ScreenSaver": ["/org/xfce/ScreenSaver"],
};
const LOGIND = "org.freedesktop.login1";
const SESSION = `${LOGIND}.Session`;
const PROPERTIES = "org.freedesktop.DBus.Properties";
const DBUS = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};
/** How long a bus or a service on it may take to answer, ms. */
const ANSWER_MS = 2_000;

/**
 * Tells whether the screen is locked: once at the beginning, then at each change. Where nothing can tell it isn't.
 * @throws Error when there is a bus, and none that is there answers
 */
export const lockWatch =
  (told: (locked: boolean) => void, log: Log): SlotPart<AsyncDisposable> =>
  async (signal, lost) => {
    /** Who says that it is locked. */
    const locked = new Set<string>();
    let last: boolean | undefined;
    let begun = false;
    const tell: Tell = (who, is) => {
      if (is) locked.add(who);
      else locked.delete(who);
      if (!begun || last === locked.size > 0) return;
      last = locked.size > 0;
      told(last);
    };
    const buses = BUSES.map((each) => ({ ...each, where: each.address() })).filter(({ where }) => where);
    const failures: unknown[] = [];
    const open: Bus[] = [];
    const watchBus = async ({ name, where = "", watch }: (typeof buses)[number]): Promise<void> => {
      try {
        const bus = await Bus.open(where, signal, lost);
        open.push(bus);
        await watch(bus, tell);
      } catch (error) {
        failures.push(error);
        if (buses.length > 1) log.warn(`the ${name} bus doesn't tell of a locked screen: ${message(error)}`);
      }
    };
    await Promise.all(buses.map(watchBus));
    const dispose = () => {
      for (const bus of open) bus.close();
    };
    if (signal.aborted || (failures.length > 0 && failures.length === buses.length)) {
      dispose();
      throw failures[0] ?? new Error("told to leave");
    }
    begun = true;
    last = locked.size > 0;
    told(last);
    return { [Symbol.asyncDispose]: async () => dispose() };
  };

/** Why nothing on this machine tells whether the screen is locked; undefined when something does. */
export async function lockSeen(): Promise<string | undefined> {
  const reasons: string[] = [];
  for (const { name, address, missing } of BUSES) {
    const where = address();
    if (where === undefined) {
      reasons.push(`there is no ${name} bus`);
      continue;
    }
    let bus: Bus | undefined;
    try {
      bus = await Bus.open(where, new AbortController().signal, () => {});
      const why = await missing(bus);
      if (why === undefined) return undefined;
      reasons.push(why);
    } catch (error) {
      reasons.push(`the ${name} bus can't be reached: ${message(error)}`);
    } finally {
      bus?.close();
    }
  }
  return reasons.join(", and ");
}

/** Takes what one who knows says. */
type Tell = (who: string, locked: boolean) => void;

/** The buses, and what is asked on each. */
const BUSES: readonly {
  name: string;
  /** Where it is; undefined when there is none. */
  address(): string | undefined;
  watch(bus: Bus, tell: Tell): Promise<void>;
  /** Why nobody on it knows. */
  missing(bus: Bus): Promise<string | undefined>;
}[] = [
  { name: "session", address: sessionBus, watch: watchSavers, missing: saverMissing },
  { name: "system", address: systemBus, watch: watchLogind, missing: logindMissing },
];

function systemBus(): string | undefined {
  const socket = "/run/dbus/system_bus_socket";
  return process.env["DBUS_SYSTEM_BUS_ADDRESS"] || (existsSync(socket) ? `unix:path=${socket}` : undefined);
}

async function watchSavers(bus: Bus, tell: Tell): Promise<void> {
  const ask = async (name: string) => {
    for (const path of SAVERS[name] ?? []) {
      const active = await bus.call({ destination: name, path, interface: name, member: "GetActive" });
      if (typeof active !== "boolean") continue;
      tell(name, active);
      return;
    }
  };
  bus.onSignal(({ interface: from, member, body }) => {
    const [first, , owner] = body;
    if (member === "ActiveChanged" && from in SAVERS && typeof first === "boolean") tell(from, first);
    if (member !== "NameOwnerChanged" || typeof first !== "string" || !(first in SAVERS)) return;
    // One that has ended locks nothing; one that came may have been told to lock before it was heard.
    if (owner === "") tell(first, false);
    else void ask(first);
  });
  const names = Object.keys(SAVERS);
  for (const name of names) {
    await bus.match(`sender='${name}',interface='${name}',member='ActiveChanged'`);
    await bus.match(`sender='${DBUS.destination}',member='NameOwnerChanged',arg0='${name}'`);
  }
  await Promise.all(names.map(ask));
}

async function saverMissing(bus: Bus): Promise<string | undefined> {
  for (const name of Object.keys(SAVERS)) {
    const owned = await bus.call({ ...DBUS, member: "NameHasOwner", signature: "s", body: [name] });
    if (owned === true) return undefined;
  }
  return "no screen saver is on the session bus";
}

async function watchLogind(bus: Bus, tell: Tell): Promise<void> {
  let mine: readonly string[] = [];
  const refresh = async () => {
    const before = mine;
    mine = await ownSessions(bus);
    for (const gone of before.filter((path) => !mine.includes(path))) tell(gone, false);
    await Promise.all(
      mine.map(async (path) => {
        const call = { destination: LOGIND, path, interface: PROPERTIES, member: "Get", signature: "ss" };
        const hint = inVariant(await bus.call({ ...call, body: [SESSION, "LockedHint"] }));
        if (typeof hint === "boolean") tell(path, hint);
      }),
    );
  };
  bus.onSignal(({ interface: from, member, path, body }) => {
    if (from === `${LOGIND}.Manager`) void refresh();
    if (member === "NameOwnerChanged" && body[0] === LOGIND) void refresh();
    if (member !== "PropertiesChanged" || body[0] !== SESSION || !mine.includes(path)) return;
    const changed = Array.isArray(body[1]) ? (body[1] as unknown[]) : [];
    const found = changed.find((entry) => Array.isArray(entry) && entry[0] === "LockedHint");
    const hint = Array.isArray(found) ? inVariant(found[1]) : undefined;
    if (typeof hint === "boolean") tell(path, hint);
  });
  const sessions = `path_namespace='/org/freedesktop/login1/session'`;
  await bus.match(`sender='${LOGIND}',interface='${PROPERTIES}',member='PropertiesChanged',${sessions}`);
  for (const member of ["SessionNew", "SessionRemoved"])
    await bus.match(`sender='${LOGIND}',interface='${LOGIND}.Manager',member='${member}'`);
  await bus.match(`sender='${DBUS.destination}',member='NameOwnerChanged',arg0='${LOGIND}'`);
  await refresh();
}

async function logindMissing(bus: Bus): Promise<string | undefined> {
  return (await ownSessions(bus)).length > 0 ? undefined : "logind knows no session of this user";
}

/** The paths of this user's sessions; none without logind. */
async function ownSessions(bus: Bus): Promise<string[]> {
  const manager = { path: "/org/freedesktop/login1", interface: `${LOGIND}.Manager` };
  const sessions = await bus.call({ destination: LOGIND, ...manager, member: "ListSessions" });
  if (!Array.isArray(sessions)) return [];
  // Of each: id, uid, name of the user, seat, path.
  return (sessions as unknown[]).flatMap((session) => {
    const [, uid, , , path] = Array.isArray(session) ? (session as unknown[]) : [];
    return uid === process.getuid?.() && typeof path === "string" ? [path] : [];
  });
}

/** What is in a variant, as dbus-native gives one: its signature's tree, and the values. */
const inVariant = (variant: unknown): unknown =>
  Array.isArray(variant) && Array.isArray(variant[1]) ? (variant[1] as unknown[])[0] : undefined;

type Call = {
  destination: string;
  path: string;
  interface: string;
  member: string;
  signature?: string;
  body?: readonly unknown[];
};
type Signal = { interface: string; member: string; path: string; body: readonly unknown[] };

/** What is called of dbus-native, whose own types leave it out. */
type Native = {
  invoke(call: object, answered: (error: unknown, first: unknown) => void): void;
  connection: NodeJS.EventEmitter & { stream: NodeJS.EventEmitter & { destroy(): void } };
};

/** The flag of a call that doesn't start the service it is for, and the type of a signal (D-Bus specification). */
const NO_AUTO_START = 2;
const SIGNAL = 4;

/** A connection to a bus. */
class Bus {
  readonly #native: Native;
  readonly #signal: AbortSignal;
  #closed = false;

  private constructor(native: Native, signal: AbortSignal) {
    this.#native = native;
    this.#signal = signal;
  }

  /** @param lost told when it is no more, though it wasn't closed @throws Error when no bus is there */
  static async open(address: string, signal: AbortSignal, lost: (error: unknown) => void): Promise<Bus> {
    const { default: dbus } = (await import("@homebridge/dbus-native")) as unknown as {
      default: { sessionBus(options: { busAddress: string }): Native };
    };
    const native = dbus.sessionBus({ busAddress: address });
    const bus = new Bus(native, signal);
    const failed = new Promise<never>((_, reject) => {
      let opened = false;
      const gone = (error: unknown) => {
        reject(error);
        if (opened && !bus.#closed) lost(error);
        bus.close();
      };
      native.connection.on("error", gone);
      native.connection.stream.on("close", () => gone(new Error("the bus is gone")));
      native.connection.once("connect", () => {
        opened = true;
      });
    });
    failed.catch(() => {});
    try {
      const answered = bus.#invoke({ ...DBUS, member: "GetId" });
      const got = await within(Promise.race([answered, failed]), { ms: ANSWER_MS, signal });
      if (got === LATE) throw new Error("it doesn't answer");
      return bus;
    } catch (error) {
      bus.close();
      throw error;
    }
  }

  /** Calls a method. @returns the first of what it answers, unchecked; undefined when it fails or isn't there */
  async call(call: Call): Promise<unknown> {
    try {
      const got = await within(this.#invoke(call), { ms: ANSWER_MS, signal: this.#signal });
      return got === LATE ? undefined : got;
    } catch {
      return undefined;
    }
  }

  /** Has signals that fit a rule sent here. @throws Error when the bus refuses */
  async match(rule: string): Promise<void> {
    const call = { ...DBUS, member: "AddMatch", signature: "s", body: [`type='signal',${rule}`] };
    const got = await within(this.#invoke(call), { ms: ANSWER_MS, signal: this.#signal });
    if (got === LATE) throw new Error("it doesn't answer");
  }

  onSignal(heard: (signal: Signal) => void): void {
    this.#native.connection.on("message", (given: Partial<Signal> & { type: number }) => {
      if (given.type !== SIGNAL || this.#closed) return;
      const { interface: from = "", member = "", path = "", body } = given;
      heard({ interface: from, member, path, body: Array.isArray(body) ? body : [] });
    });
  }

  close(): void {
    this.#closed = true;
    this.#native.connection.stream.destroy();
  }

  #invoke(call: Call): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Error("the bus is gone"));
    return new Promise((resolve, reject) => {
      this.#native.invoke({ ...call, flags: NO_AUTO_START }, (error, first) =>
        error ? reject(new Error((error as { name?: string }).name ?? "refused")) : resolve(first),
      );
    });
  }
}
