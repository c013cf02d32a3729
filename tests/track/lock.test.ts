import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { lockSeen, lockWatch } from "../../src/track/adapters/lock.ts";
import { Folder } from "../support/folder.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";

/** What is used of dbus-native to be a service: its own types leave it out. */
type Bus = {
  requestName(name: string, flags: number, done: (error: unknown) => void): void;
  setMethodCallHandler(path: string, from: string, member: string, handler: [Handler, string]): void;
  exportInterface(object: object, path: string, description: object): void;
  sendSignal(path: string, from: string, member: string, signature: string, body: unknown[]): void;
  connection: NodeJS.EventEmitter & { stream: NodeJS.EventEmitter & { destroy(): void } };
};
type Handler = (...args: unknown[]) => unknown;

/** A bus of its own. */
class Daemon implements AsyncDisposable {
  readonly #folder = new Folder();
  readonly address = `unix:path=${this.#folder.file("bus")}`;
  #child: Bun.Subprocess | undefined;

  async start(): Promise<this> {
    const config = this.#folder.file("bus.conf");
    writeFileSync(
      config,
      `<busconfig>
         <type>session</type><listen>${this.address}</listen>
         <policy context="default">
           <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
         </policy>
       </busconfig>`,
    );
    const child = Bun.spawn(["dbus-daemon", `--config-file=${config}`, "--nofork", "--print-address"], {
      stdout: "pipe",
      stderr: "ignore",
    });
    this.#child = child;
    for await (const _ of child.stdout) break;
    return this;
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** A service on it, with a name. */
  async service(name: string): Promise<Service> {
    const { default: dbus } = (await import("@homebridge/dbus-native")) as unknown as {
      default: { sessionBus(options: { busAddress: string }): Bus };
    };
    const bus = dbus.sessionBus({ busAddress: this.address });
    bus.connection.on("error", () => {});
    return new Service(bus, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.#folder[Symbol.dispose]();
  }
}

class Service {
  readonly bus: Bus;
  readonly name: string;

  constructor(bus: Bus, name: string) {
    this.bus = bus;
    this.name = name;
  }

  answers(path: string, from: string, member: string, signature: string, handler: Handler): this {
    this.bus.setMethodCallHandler(path, from, member, [handler, signature]);
    return this;
  }

  /** Takes its name: whoever asks from now on is answered. */
  async begin(): Promise<this> {
    await new Promise<void>((resolve, reject) =>
      this.bus.requestName(this.name, 0, (error) => (error ? reject(error) : resolve())),
    );
    return this;
  }

  end(): void {
    this.bus.connection.stream.destroy();
  }
}

/** A screen saver that says whether it is active. */
class Saver {
  readonly #service: Service;
  readonly #path: string;
  active = false;

  private constructor(service: Service, path: string) {
    this.#service = service;
    this.#path = path;
  }

  static async open(daemon: Daemon, name: string, path: string, active = false): Promise<Saver> {
    const saver = new Saver(await daemon.service(name), path);
    saver.active = active;
    await saver.#service.answers(path, name, "GetActive", "b", () => saver.active).begin();
    return saver;
  }

  set(active: boolean): void {
    this.active = active;
    const { bus, name } = this.#service;
    bus.sendSignal(this.#path, name, "ActiveChanged", "b", [active]);
  }

  end(): void {
    this.#service.end();
  }
}

const LOGIND = "org.freedesktop.login1";
const MANAGER = "/org/freedesktop/login1";
const sessionPath = (id: string) => `${MANAGER}/session/${id}`;

/** logind, with sessions that have a hint. */
class Logind {
  readonly #service: Service;
  readonly #sessions = new Map<string, number>();

  private constructor(service: Service) {
    this.#service = service;
  }

  static async open(daemon: Daemon): Promise<Logind> {
    const logind = new Logind(await daemon.service(LOGIND));
    await logind.#service
      .answers(MANAGER, `${LOGIND}.Manager`, "ListSessions", "a(susso)", () =>
        [...logind.#sessions].map(([id, uid]) => [id, uid, "somebody", "seat0", sessionPath(id)]),
      )
      .begin();
    return logind;
  }

  add(id: string, uid = process.getuid?.() ?? 0, locked = false): void {
    this.#sessions.set(id, uid);
    const properties = {
      name: `${LOGIND}.Session`,
      methods: {},
      signals: {},
      properties: { LockedHint: "b" },
    };
    this.#service.bus.exportInterface({ LockedHint: locked }, sessionPath(id), properties);
    this.#service.bus.sendSignal(MANAGER, `${LOGIND}.Manager`, "SessionNew", "so", [id, sessionPath(id)]);
  }

  remove(id: string): void {
    this.#sessions.delete(id);
    this.#service.bus.sendSignal(MANAGER, `${LOGIND}.Manager`, "SessionRemoved", "so", [id, sessionPath(id)]);
  }

  lock(id: string, locked: boolean): void {
    this.#service.bus.sendSignal(
      sessionPath(id),
      "org.freedesktop.DBus.Properties",
      "PropertiesChanged",
      "sa{sv}as",
      [
        `${LOGIND}.Session`,
        [
          ["IdleHint", ["b", locked]],
          ["LockedHint", ["b", locked]],
        ],
        [],
      ],
    );
  }

  /** Asks the screen's locker to lock, as `loginctl lock-session` does. */
  ask(id: string): void {
    this.#service.bus.sendSignal(sessionPath(id), `${LOGIND}.Session`, "Lock", "", []);
  }
}

let session: Daemon;
let system: Daemon;
let home: Home;
let log: KeptLog;
let told: boolean[];
let losses: unknown[];
beforeEach(async () => {
  [session, system] = await Promise.all([new Daemon().start(), new Daemon().start()]);
  home = enterHome({
    DBUS_SESSION_BUS_ADDRESS: session.address,
    DBUS_SYSTEM_BUS_ADDRESS: system.address,
  });
  log = new KeptLog();
  told = [];
  losses = [];
});
afterEach(async () => {
  home[Symbol.dispose]();
  await Promise.all([session[Symbol.asyncDispose](), system[Symbol.asyncDispose]()]);
});

const watch = (signal: AbortSignal = new AbortController().signal) =>
  lockWatch((locked) => told.push(locked), log)(signal, (error) => losses.push(error));
const toldOf = (...wanted: boolean[]) => until(() => told.join() === wanted.join());

describe("a screen saver", () => {
  test.each([
    ["org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"],
    ["org.freedesktop.ScreenSaver", "/ScreenSaver"],
    ["org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"],
    ["org.cinnamon.ScreenSaver", "/org/cinnamon/ScreenSaver"],
    ["org.mate.ScreenSaver", "/org/mate/ScreenSaver"],
    ["org.xfce.ScreenSaver", "/org/xfce/ScreenSaver"],
  ])("%s at %s tells of locking and unlocking, and how it is at the beginning", async (name, path) => {
    const saver = await Saver.open(session, name, path, true);
    await using _ = await watch();
    expect(told).toEqual([true]);
    saver.set(false);
    await toldOf(true, false);
    saver.set(true);
    await toldOf(true, false, true);
    expect(await lockSeen()).toBeUndefined();
    expect(log.lines).toEqual([]);
  });

  test("one that comes later is heard, and one that dies while it is locked locks nothing", async () => {
    await using _ = await watch();
    expect(told).toEqual([false]);
    const saver = await Saver.open(session, "org.gnome.ScreenSaver", "/org/gnome/ScreenSaver", true);
    await toldOf(false, true);
    saver.end();
    await toldOf(false, true, false);
  });

  test("two that say the same are one lock", async () => {
    const one = await Saver.open(session, "org.gnome.ScreenSaver", "/org/gnome/ScreenSaver");
    const other = await Saver.open(session, "org.freedesktop.ScreenSaver", "/ScreenSaver");
    await using _ = await watch();
    one.set(true);
    await toldOf(false, true);
    other.set(true);
    one.set(false);
    other.set(false);
    await toldOf(false, true, false);
  });

  test("another program can't pretend to be it", async () => {
    const saver = await Saver.open(session, "org.gnome.ScreenSaver", "/org/gnome/ScreenSaver");
    await using _ = await watch();
    const args = ["--type=signal", "/org/gnome/ScreenSaver", "org.gnome.ScreenSaver.ActiveChanged"];
    Bun.spawnSync(["dbus-send", `--bus=${session.address}`, ...args, "boolean:true"]);
    saver.set(false);
    saver.set(true);
    await toldOf(false, true);
  });
});

describe("logind", () => {
  test("tells by the hint of this user's sessions alone", async () => {
    const logind = await Logind.open(system);
    logind.add("_31");
    logind.add("_32", 54_321, true);
    await using _ = await watch();
    expect(told).toEqual([false]);
    logind.lock("_32", true);
    logind.ask("_31");
    logind.lock("_31", true);
    await toldOf(false, true);
    logind.lock("_31", false);
    await toldOf(false, true, false);
    expect(await lockSeen()).toBeUndefined();
  });

  test("a session that begins later counts, and one that ends locked no longer does", async () => {
    const logind = await Logind.open(system);
    await using _ = await watch();
    logind.add("c1", undefined, true);
    await toldOf(false, true);
    logind.remove("c1");
    await toldOf(false, true, false);
  });
});

describe("without somebody to tell", () => {
  test("no bus: it opens, says that nothing is locked, and why", async () => {
    using _ = enterHome({
      DBUS_SESSION_BUS_ADDRESS: undefined,
      DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${home.path}/none`,
      XDG_RUNTIME_DIR: home.path,
    });
    await expect(watch()).rejects.toThrow("ENOENT");
    expect(await lockSeen()).toMatch(
      /^there is no session bus, and the system bus can't be reached: .*ENOENT/,
    );
  });

  test("buses on which nobody knows are named", async () => {
    await using _ = await watch();
    expect(told).toEqual([false]);
    expect(await lockSeen()).toBe(
      "no screen saver is on the session bus, and logind knows no session of this user",
    );
  });

  test("one bus that is gone doesn't keep the other from telling", async () => {
    await system.kill();
    const saver = await Saver.open(session, "org.gnome.ScreenSaver", "/org/gnome/ScreenSaver");
    await using _ = await watch();
    expect(log.warnings).toEqual([
      expect.stringMatching(/^the system bus doesn't tell of a locked screen: .*ECONNREFUSED/),
    ]);
    saver.set(true);
    await toldOf(false, true);
  });

  test("a bus that says nothing isn't waited for when told to leave", async () => {
    using folder = new Folder();
    const leave = new AbortController();
    const silence = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => leave.abort());
    });
    await new Promise<void>((resolve) => silence.listen(folder.file("bus"), resolve));
    process.env["DBUS_SESSION_BUS_ADDRESS"] = `unix:path=${folder.file("bus")}`;
    await expect(watch(leave.signal)).rejects.toThrow();
    expect(told).toEqual([]);
    silence.close();
  });
});

test("a bus that dies is told, and what was closed tells nothing", async () => {
  const part = await watch();
  await session.kill();
  await until(() => losses.length > 0);
  await part[Symbol.asyncDispose]();
  losses = [];
  await session.start();
  const again = await watch();
  await again[Symbol.asyncDispose]();
  await session.kill();
  expect(losses).toEqual([]);
});
