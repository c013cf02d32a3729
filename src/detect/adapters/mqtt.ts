import type { MqttClient, MqttProtocol } from "mqtt";
import { systemClock } from "../../kernel/clock.ts";
import { errno, message } from "../../kernel/errors.ts";
import { type Log, redact } from "../../kernel/log.ts";
import { within } from "../../kernel/stack.ts";
import type { EventRow } from "../core/event.ts";
import type { MqttConfig } from "../core/installation.ts";
import {
  baseTopic,
  DISCOVERY_TOPICS,
  discoveryTopics,
  eventsTopic,
  isOurDiscovery,
  OFFLINE,
  stateTopics,
  statusTopic,
  unknownTopics,
} from "../core/topics.ts";
import type { DetectView } from "../core/view.ts";

/** How long until a broker that was lost is tried again, ms; doubled each time. */
const RETRY_MS = { least: 1_000, most: 30_000 };
/** A broker that doesn't answer is given up after this, ms. */
const CONNECT_MS = 10_000;
/** What the broker hears at least so often, s: it tells our last will after 1.5 times of it. */
const KEEPALIVE_S = 15;
/** So many messages are under way at once: a slow broker is told the latest state, not all that was between. */
const UNDER_WAY = 32;
/** Events that wait for a broker; past that the oldest is left out. */
const MOST_EVENTS = 100;
/** What a broker has kept comes at once when it is asked for, ms. */
const KEPT_MS = 5_000;
/** Topics that a broker says it has kept, and are forgotten past that: anybody can write there. */
const MOST_KEPT = 10_000;
/** At the end what waits has this to be sent, ms; and then the last word. */
const LAST_WORDS_MS = 700;

export type MqttOptions = { log: Log; profile: string };

/** Connects in the background, for ever. */
export const openMqtt = async (config: MqttConfig, { log, profile }: MqttOptions): Promise<Mqtt> =>
  new Mqtt(config, profile, log);

/**
 * Tells a broker what goes on: retained topics for the state, with a last will; events; and what Home Assistant needs to
 * find them. It listens to nothing but what the broker has kept of ours, to clear away what is gone.
 */
export class Mqtt implements AsyncDisposable {
  readonly #config: MqttConfig;
  readonly #base: string;
  readonly #log: Log;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  /** What retained topics are to say. */
  #wanted: ReadonlyMap<string, string> = new Map();
  /** What discovery says, and of which sensors. */
  #discovery = { of: "", topics: new Map<string, string>() as ReadonlyMap<string, string> };
  /** What the broker has kept of ours, as far as we know since it was connected; undefined for something else than we want. */
  #kept = new Map<string, string | undefined>();
  #events: { readonly text: string; underWay: boolean }[] = [];
  /** While it is connected. */
  #client: MqttClient | undefined;
  #underWay = 0;
  /** Resolved when nothing is under way. */
  #drained = Promise.withResolvers<void>();
  /** Why it isn't connected, as it was last told. */
  #told: string | undefined;

  constructor(config: MqttConfig, profile: string, log: Log) {
    this.#config = config;
    this.#base = baseTopic(config.topic, profile);
    this.#log = log;
    this.#running = this.#connectAgainAndAgain();
  }

  /** Why the broker isn't told; null while it is, and until the first try has failed. */
  get problem(): string | null {
    return this.#told === undefined ? null : `the broker ${this.#where} is not there: ${this.#told}`;
  }

  /** The state has changed, or not: only what differs is sent. */
  update(view: DetectView): void {
    const state = stateTopics(view, this.#base);
    // While it opens, or is paused, it lists nothing: what there was isn't gone, but unknown.
    const listsNothing = state.size === 1;
    this.#wanted = listsNothing
      ? unknownTopics(this.#wanted, this.#base)
      : new Map([...this.#discoveryOf(view, state), ...state]);
    this.#flush();
  }

  /** Something has happened. */
  event(row: EventRow): void {
    this.#events.push({ text: JSON.stringify({ v: 1, type: "event", ...row }), underWay: false });
    if (this.#events.length > MOST_EVENTS) this.#events.shift();
    this.#flush();
  }

  #discoveryOf(view: DetectView, state: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    if (!this.#config.discovery) return new Map();
    const of = [...state.keys()].join("\n");
    if (this.#discovery.of !== of) this.#discovery = { of, topics: discoveryTopics(view, this.#base) };
    return this.#discovery.topics;
  }

  async #connectAgainAndAgain(): Promise<void> {
    const { signal } = this.#over;
    let wait = RETRY_MS.least;
    while (!signal.aborted) {
      const began = systemClock.monotonic();
      const why = await this.#connection();
      if (signal.aborted) break;
      const again = why === this.#told;
      this.#told = why;
      if (!again) this.#log.warn(`${this.problem}`);
      // One that takes us and throws us out at once is no better than one that isn't there.
      if (systemClock.monotonic() - began > RETRY_MS.most) wait = RETRY_MS.least;
      // Not all at once, where many have lost the same broker.
      await systemClock.sleep(wait * (0.75 + Math.random() / 2), signal);
      wait = Math.min(2 * wait, RETRY_MS.most);
    }
  }

  get #where(): string {
    return new URL(this.#config.url).host;
  }

  /** One connection, from its beginning to its end. Never rejects. @returns why it ended */
  async #connection(): Promise<string> {
    let client: MqttClient | undefined;
    let asking: NodeJS.Timeout | undefined;
    const ended = Promise.withResolvers<string>();
    const leave = () => ended.resolve("");
    this.#over.signal.addEventListener("abort", leave, { once: true });
    try {
      client = await this.#open();
      const current = client;
      current.on("error", (error) => ended.resolve(redact(errno(error) ?? message(error))));
      current.on("close", () => ended.resolve("it has closed the connection"));
      current.on("message", (topic, payload, { retain }) => {
        if (retain && payload.length > 0) this.#hasKept(topic, payload.toString());
      });
      current.on("connect", () => {
        this.#told = undefined;
        this.#log.info(`connected to the broker ${this.#where}`);
        this.#begin(current);
        const topics = [`${this.#base}/#`, DISCOVERY_TOPICS];
        current.subscribe(topics);
        asking = setTimeout(() => current.unsubscribe(topics), KEPT_MS);
      });
      return await ended.promise;
    } catch (error) {
      return redact(message(error));
    } finally {
      clearTimeout(asking);
      this.#over.signal.removeEventListener("abort", leave);
      if (client) await this.#close(client);
    }
  }

  /** A client that connects once: what it had under way is not sent again by the next, which sends what is true then. */
  async #open(): Promise<MqttClient> {
    const { default: mqtt } = await import("mqtt");
    const { url, username, password } = this.#config;
    const address = new URL(url);
    const user = username ?? decodeURIComponent(address.username);
    const secret = password ?? decodeURIComponent(address.password);
    const secure = /^(mqtts|wss):/.test(address.protocol);
    // In parts: of a whole address the library's parser makes the runtime warn on stderr.
    return mqtt.connect({
      protocol: address.protocol.slice(0, -1) as MqttProtocol,
      hostname: address.hostname.replace(/^\[(.*)\]$/, address.protocol.startsWith("ws") ? "$&" : "$1"),
      ...(address.port === "" ? {} : { port: Number(address.port) }),
      path: `${address.pathname || "/"}${address.search}`,
      ...(user === "" ? {} : { username: user }),
      ...(secret === "" ? {} : { password: secret }),
      ...(secure ? { ca: await authorities() } : {}),
      reconnectPeriod: 0,
      connectTimeout: CONNECT_MS,
      keepalive: KEEPALIVE_S,
      will: { topic: statusTopic(this.#base), payload: Buffer.from(OFFLINE), qos: 1, retain: true },
      // What it says of itself goes to stderr where DEBUG is set, the user's name with it.
      log: () => {},
    });
  }

  /** In order where that is still possible: a broker tells the last will of one that just goes away. */
  async #close(client: MqttClient): Promise<void> {
    if (client === this.#client && client.connected) {
      if (this.#underWay > 0) await within(this.#drained.promise, { ms: LAST_WORDS_MS });
      const said = client.publishAsync(statusTopic(this.#base), OFFLINE, { qos: 1, retain: true });
      this.#client = undefined;
      await within(
        said.then(() => client.endAsync()).catch(() => {}),
        { ms: LAST_WORDS_MS },
      );
    }
    this.#client = undefined;
    client.end(true);
    client.stream?.destroy();
  }

  /** A broker knows nothing of us until it says so. */
  #begin(client: MqttClient): void {
    this.#client = client;
    this.#kept = new Map();
    this.#underWay = 0;
    this.#drained = Promise.withResolvers();
    for (const event of this.#events) event.underWay = false;
    this.#flush();
  }

  /** The broker has kept something below our topics, or of Home Assistant's. */
  #hasKept(topic: string, payload: string): void {
    const ours = topic.startsWith(`${this.#base}/`) || isOurDiscovery(payload, this.#base);
    if (!ours || this.#kept.has(topic) || this.#kept.size >= MOST_KEPT) return;
    this.#kept.set(topic, undefined);
    this.#flush();
  }

  #flush(): void {
    const client = this.#client;
    // Before the first state nobody knows what is gone.
    if (!client || this.#wanted.size === 0) return;
    for (const [topic, payload] of this.#wanted) {
      if (this.#underWay >= UNDER_WAY) return;
      if (this.#kept.get(topic) === payload) continue;
      this.#kept.set(topic, payload);
      this.#send(client, topic, payload, true);
    }
    for (const topic of this.#kept.keys()) {
      if (this.#underWay >= UNDER_WAY) return;
      if (this.#wanted.has(topic)) continue;
      this.#kept.delete(topic);
      // Nothing retained: it is gone.
      this.#send(client, topic, "", true);
    }
    for (const event of this.#events) {
      if (this.#underWay >= UNDER_WAY) return;
      if (event.underWay) continue;
      event.underWay = true;
      this.#send(client, eventsTopic(this.#base), event.text, false, () => {
        this.#events = this.#events.filter((other) => other !== event);
      });
    }
  }

  #send(client: MqttClient, topic: string, payload: string, retain: boolean, sent = () => {}): void {
    this.#underWay++;
    client.publish(topic, payload, { qos: 1, retain }, (error) => {
      // Of a connection that is over nothing counts any more.
      if (error || client !== this.#client) return;
      sent();
      this.#underWay--;
      this.#flush();
      if (this.#underWay === 0) {
        this.#drained.resolve();
        this.#drained = Promise.withResolvers();
      }
    });
  }

  /** What waits is sent, and that we are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#running;
  }
}

/** Whom a broker's certificate may be of: those that the runtime knows, and those that this machine trusts beside them. */
async function authorities(): Promise<string[]> {
  const { getCACertificates } = await import("node:tls");
  return [...getCACertificates("default"), ...getCACertificates("system")];
}
