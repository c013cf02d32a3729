/** What a broker is told, by a real one on loopback. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Aedes, type AuthenticateError } from "aedes";
import mqtt, { type MqttClient } from "mqtt";
import { type Mqtt, openMqtt } from "../../src/detect/adapters/mqtt.ts";
import type { MqttConfig } from "../../src/detect/core/installation.ts";
import type { CameraRow, DetectView, RelayRow, ZoneRow } from "../../src/detect/core/view.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";

/** A broker, what it keeps, and what was published to it. It can be taken away and come back, having forgotten all. */
class Broker implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly published: { topic: string; payload: string; retain: boolean }[] = [];
  readonly retained = new Map<string, string>();
  port = 0;
  /** The password that is asked for. */
  password: string | undefined;
  refused = 0;
  #server: Server | undefined;
  #aedes: Aedes | undefined;

  async open(): Promise<this> {
    const aedes = await Aedes.createBroker();
    aedes.authenticate = (_client, _name, password, done) => {
      if (this.password === undefined || password?.toString() === this.password) return done(null, true);
      this.refused++;
      done(Object.assign(new Error("no"), { returnCode: 4 }) as AuthenticateError, null);
    };
    aedes.on("publish", ({ topic, payload, retain }, client) => {
      if (topic.startsWith("$SYS")) return;
      const text = payload.toString();
      if (client) this.published.push({ topic, payload: text, retain });
      if (!retain) return;
      if (text === "") this.retained.delete(topic);
      else this.retained.set(topic, text);
    });
    this.#aedes = aedes;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket.once("close", () => this.#sockets.delete(socket)));
      aedes.handle(socket);
    }).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    this.port = address && typeof address === "object" ? address.port : 0;
    return this;
  }

  /** Cuts all connections, as a network does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server?.close();
    await new Promise<void>((resolve) => this.#aedes?.close(() => resolve()) ?? resolve());
    this.retained.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

let broker: Broker;
let log: KeptLog;
const open: AsyncDisposable[] = [];
beforeEach(async () => {
  broker = await new Broker().open();
  log = new KeptLog();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
  await broker.close();
});

async function opened(config: Partial<MqttConfig> = {}): Promise<Mqtt> {
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const all = { url, username: null, password: null, topic: "stint", discovery: true, ...config };
  const told = await openMqtt(all, { log, profile: "default" });
  open.push(told);
  return told;
}

const zone = (name: string, occupied: boolean | null): ZoneRow => ({
  camera: "hall",
  name,
  mode: "alarm",
  armed: true,
  occupied,
  tripped: occupied !== false,
  relays: ["lamp"],
});
const view = (zones: ZoneRow[], more: Partial<DetectView> = {}): DetectView => ({
  v: 1,
  type: "detect",
  session_id: null,
  profile: "default",
  state: "running",
  degraded: [],
  dry_run: false,
  cameras: [{ name: "hall", state: "live" } as CameraRow],
  relays: [{ id: "lamp", state: "off" } as RelayRow],
  zones,
  ...more,
});
const config = (id: string) => `homeassistant/binary_sensor/stint-default-${id}/config`;
const status = () => broker.retained.get("stint/default/status");
const occupied = (name = "press") => broker.retained.get(`stint/default/hall/${name}/occupied`);

test("the broker keeps the state, and is told of changes alone", async () => {
  const told = await opened();
  told.update(view([zone("press", false)]));
  await until(() => broker.retained.size === 9);
  expect(Object.fromEntries([...broker.retained].filter(([topic]) => topic.startsWith("stint/")))).toEqual({
    "stint/default/status": "online",
    "stint/default/hall/connected": "ON",
    "stint/default/hall/press/occupied": "OFF",
    "stint/default/hall/press/tripped": "OFF",
    "stint/default/relay/lamp/state": "OFF",
  });
  expect(JSON.parse(broker.retained.get(config("hall-press-occupied")) ?? "")).toMatchObject({
    unique_id: "stint-default-hall-press-occupied",
    state_topic: "stint/default/hall/press/occupied",
    availability_topic: "stint/default/status",
    device_class: "occupancy",
  });
  broker.published.length = 0;
  told.update(view([zone("press", false)]));
  told.update(view([zone("press", true)]));
  await until(() => occupied() === "ON");
  expect(broker.published.map(({ topic }) => topic)).toEqual([
    "stint/default/hall/press/occupied",
    "stint/default/hall/press/tripped",
  ]);
  told.update(view([zone("press", null)]));
  await until(() => occupied() === "None");
});

test("while nothing is listed, as in a pause, all is unknown, and nothing is gone", async () => {
  const told = await opened();
  // Nor before anything was.
  told.update(view([], { cameras: [], relays: [] }));
  told.update(view([zone("press", false)]));
  await until(() => occupied() === "OFF");
  told.update(view([], { cameras: [], relays: [] }));
  await until(() => broker.retained.get("stint/default/relay/lamp/state") === "None");
  expect(occupied()).toBe("None");
  expect(status()).toBe("online");
  expect(broker.retained.has(config("hall-press-occupied"))).toBe(true);
});

test("events are told as they happen, and kept by nobody", async () => {
  const told = await opened();
  told.update(view([]));
  told.event({ event: "guard_ready", pid: 7, id: 3, at: 1_000, snapshot: null, clip: null });
  const isEvent = ({ topic }: { topic: string }) => topic === "stint/default/events";
  await until(() => broker.published.some(isEvent));
  expect(broker.published.find(isEvent)).toEqual({
    topic: "stint/default/events",
    payload: JSON.stringify({
      v: 1,
      type: "event",
      event: "guard_ready",
      pid: 7,
      id: 3,
      at: 1_000,
      snapshot: null,
      clip: null,
    }),
    retain: false,
  });
  expect(broker.retained.has("stint/default/events")).toBe(false);
});

test("when the connection breaks the broker tells so by itself", async () => {
  const told = await opened();
  expect(told.problem).toBeNull();
  told.update(view([zone("press", false)]));
  await until(() => status() === "online");
  broker.cut();
  // How a connection breaks is for the system to say: it has been closed, or was reset.
  const gone = new RegExp(
    `^the broker 127.0.0.1:${broker.port} is not there: (it has closed the connection|.*RESET)`,
  );
  await until(() => log.warnings.some((text) => gone.test(text)));
  await until(() => status() === "offline");
  // And it comes back by itself.
  await until(() => status() === "online");
  expect(told.problem).toBeNull();
});

test("a broker that comes back having forgotten all is told all, as it is then, and the last events", async () => {
  const told = await opened();
  told.update(view([zone("press", false)]));
  await until(() => broker.retained.size === 9);
  await broker.close();
  for (let n = 1; n <= 150; n++)
    told.event({ event: "guard_ready", pid: n, id: n, at: 0, snapshot: null, clip: null });
  told.update(view([zone("press", true)]));
  told.update(view([zone("press", false)]));
  told.update(view([zone("press", true)]));
  broker.published.length = 0;
  await broker.open();
  await until(() => broker.published.filter(({ topic }) => topic.endsWith("/events")).length === 100);
  expect(broker.retained.size).toBe(9);
  // What was between is no state.
  expect(
    broker.published.filter(({ topic }) => topic.endsWith("press/occupied")).map(({ payload }) => payload),
  ).toEqual(["ON"]);
  const events = broker.published.filter(({ topic }) => topic.endsWith("/events"));
  expect(events.map(({ payload }) => (JSON.parse(payload) as { id: number }).id)).toEqual(
    Array.from({ length: 100 }, (_, n) => n + 51),
  );
});

test("a zone that is gone is gone there too, while it runs or when it comes again", async () => {
  const others = await client();
  const foreign = "homeassistant/binary_sensor/garden/config";
  await others.publishAsync(foreign, '{"state_topic":"garden"}', { retain: true, qos: 1 });
  const first = await opened();
  first.update(view([zone("press", false), zone("dock", false), zone("door", false)]));
  await until(() => broker.retained.has(config("hall-door-tripped")) && occupied("door") === "OFF");
  first.update(view([zone("press", false), zone("dock", false)]));
  await until(() => !broker.retained.has(config("hall-door-tripped")) && occupied("door") === undefined);
  await first[Symbol.asyncDispose]();
  expect(status()).toBe("offline");
  const second = await opened();
  second.update(view([zone("press", true)]));
  await until(() => occupied("dock") === undefined && !broker.retained.has(config("hall-dock-occupied")));
  expect(occupied()).toBe("ON");
  expect(broker.retained.has(config("hall-press-occupied"))).toBe(true);
  expect(broker.retained.has(foreign)).toBe(true);
});

test("without discovery Home Assistant is told nothing, and what it was told before is taken back", async () => {
  const first = await opened();
  first.update(view([zone("press", false)]));
  await until(() => broker.retained.has(config("hall-press-occupied")));
  await first[Symbol.asyncDispose]();
  const second = await opened({ discovery: false });
  second.update(view([zone("press", true)]));
  await until(() => [...broker.retained.keys()].every((topic) => topic.startsWith("stint/")));
  expect(occupied()).toBe("ON");
});

test("a wrong password is told of once, without it, and the right one connects", async () => {
  broker.password = "s3cret";
  const told = await opened({ url: `mqtt://me:wr0ng@127.0.0.1:${broker.port}` });
  told.update(view([]));
  await until(() => broker.refused >= 2);
  expect(told.problem).toContain("is not there: Connection refused");
  expect(told.problem).not.toContain("wr0ng");
  expect(log.warnings).toEqual([
    `the broker 127.0.0.1:${broker.port} is not there: Connection refused: Bad username or password`,
  ]);
  expect(JSON.stringify(log.lines)).not.toContain("wr0ng");
  await told[Symbol.asyncDispose]();
  // What stands beside the address goes before what is in it.
  const right = await opened({ url: `mqtt://me:wr0ng@127.0.0.1:${broker.port}`, password: "s3cret" });
  right.update(view([]));
  await until(() => status() === "online");
  expect(JSON.stringify(log.lines)).not.toContain("s3cret");
});

test("no broker, or one that says nothing, keeps nobody waiting, also at the end", async () => {
  const mute = createServer(() => {}).listen(0, "127.0.0.1");
  await once(mute, "listening");
  const { port } = mute.address() as { port: number };
  for (const url of ["mqtt://127.0.0.1:1", `mqtt://127.0.0.1:${port}`]) {
    const began = performance.now();
    const told = await opened({ url });
    told.update(view([zone("press", true)]));
    told.event({ event: "detector_back", id: 1, at: 0, snapshot: null, clip: null });
    await Bun.sleep(50);
    await told[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(1_000);
  }
  expect(log.warnings).toEqual(["the broker 127.0.0.1:1 is not there: ECONNREFUSED"]);
  mute.close();
});

test("at the end what waits is sent first, and that we are gone", async () => {
  const told = await opened();
  told.update(view([zone("press", true)]));
  await until(() => status() === "online" && broker.retained.size === 9);
  for (let n = 1; n <= 80; n++)
    told.event({ event: "guard_ready", pid: n, id: n, at: 0, snapshot: null, clip: null });
  told.update(view([zone("press", false)]));
  await told[Symbol.asyncDispose]();
  expect(occupied()).toBe("OFF");
  expect(broker.published.filter(({ topic }) => topic.endsWith("/events"))).toHaveLength(80);
  expect(broker.published.at(-1)).toEqual({
    topic: "stint/default/status",
    payload: "offline",
    retain: true,
  });
  await until(() => broker.connections === 0);
});

/** Somebody else at the broker. */
async function client(): Promise<MqttClient> {
  const other = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`);
  open.push({ [Symbol.asyncDispose]: async () => void other.end(true) });
  return other;
}

test("nothing that others write there does anything", async () => {
  const told = await opened();
  told.update(view([zone("press", false)]));
  await until(() => broker.retained.size === 9);
  const others = await client();
  for (const topic of ["relay/lamp/state", "relay/lamp/set", "hall/press/occupied", "status"]) {
    await others.publishAsync(`stint/default/${topic}`, "ON", { qos: 1 });
  }
  broker.published.length = 0;
  told.update(view([zone("press", true)]));
  await until(() => broker.published.filter(({ retain }) => retain).length === 2);
  expect(broker.retained.get("stint/default/relay/lamp/state")).toBe("OFF");
});
