import type { DetectView } from "./view.ts";

/**
 * What an MQTT broker is told: retained topics below `TOPIC/PROFILE`, and what Home Assistant needs to find them.
 * Nothing here is to be written to by others: a relay is never switched by the network. Pure.
 */

const ONLINE = "online";
/** Also the last will: what the broker says of us when we are gone. */
export const OFFLINE = "offline";

/** What all topics of a profile begin with. */
export const baseTopic = (topic: string, profile: string): string => `${topic}/${level(profile)}`;
/** `online` or {@link OFFLINE}. */
export const statusTopic = (base: string): string => `${base}/status`;
/** A line of JSON each; not retained. */
export const eventsTopic = (base: string): string => `${base}/events`;

/** Of a discovery message: what Home Assistant listens to, by its default. */
export const DISCOVERY_TOPICS = "homeassistant/binary_sensor/+/config";

/** A name as one level of a topic: these mean something there. */
const level = (name: string): string => name.replace(/[+#/\0]/g, "_");

/** A thing that is on, off, or unknown. */
type Sensor = {
  readonly topic: string;
  readonly name: string;
  /** Null for unknown. */
  readonly on: boolean | null;
  /** One of Home Assistant's device classes of binary sensors. */
  readonly deviceClass?: "occupancy" | "safety" | "connectivity";
  readonly diagnostic?: boolean;
};

function sensors({ cameras = [], zones = [], relays = [] }: DetectView, base: string): Sensor[] {
  return [
    ...cameras.map(({ name, state }): Sensor => {
      const topic = `${base}/${level(name)}/connected`;
      return {
        topic,
        name: `${name} connected`,
        on: state === "live",
        deviceClass: "connectivity",
        diagnostic: true,
      };
    }),
    ...zones.flatMap(({ camera, name, occupied, tripped }): Sensor[] => {
      const topic = `${base}/${level(camera)}/${level(name)}`;
      const zone = `${camera} ${name}`;
      return [
        { topic: `${topic}/occupied`, name: `${zone} occupied`, on: occupied, deviceClass: "occupancy" },
        // On means unsafe.
        { topic: `${topic}/tripped`, name: `${zone} tripped`, on: tripped, deviceClass: "safety" },
      ];
    }),
    ...relays.map(({ id, state }): Sensor => {
      const on = state === "unknown" ? null : state === "on";
      return { topic: `${base}/relay/${level(id)}/state`, name: `relay ${id}`, on };
    }),
  ];
}

/** The payloads of Home Assistant's MQTT binary sensor; `None` sets it to unknown. */
const payloadOf = (on: boolean | null): string => (on === null ? "None" : on ? "ON" : "OFF");

/** The retained topics of a state and their payloads, with {@link statusTopic} as of whoever is connected. */
export const stateTopics = (view: DetectView, base: string): Map<string, string> =>
  new Map([
    [statusTopic(base), ONLINE],
    ...sensors(view, base).map(({ topic, on }) => [topic, payloadOf(on)] as const),
  ]);

/** The same topics while nothing of what they say is known. */
export const unknownTopics = (topics: ReadonlyMap<string, string>, base: string): Map<string, string> =>
  new Map(
    [...topics].map(([topic, payload]) => {
      const says = topic.startsWith(`${base}/`) && topic !== statusTopic(base);
      return [topic, says ? payloadOf(null) : payload];
    }),
  );

/**
 * A topic as an id of Home Assistant's, of which only these characters may be: letters, digits, hyphen, underscore. Two
 * topics never have one id, as long as no name looks as if it were escaped.
 */
const idOf = (topic: string): string =>
  topic
    .split("/")
    .map((name) => name.replace(/[^A-Za-z0-9_]/gu, (char) => `_${char.codePointAt(0)?.toString(16)}_`))
    .join("-");

/**
 * The retained discovery messages for what a state has, see
 * https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery and …/integrations/binary_sensor.mqtt/: one object for
 * each sensor, all of one device, unavailable while we are offline.
 */
export function discoveryTopics(view: DetectView, base: string): Map<string, string> {
  const device = {
    identifiers: [idOf(base)],
    name: `stint detect (${view.profile})`,
    manufacturer: "stint",
    model: "detect",
  };
  return new Map(
    sensors(view, base).map(({ topic, name, deviceClass, diagnostic }) => {
      const id = idOf(topic);
      const config = {
        name,
        unique_id: id,
        state_topic: topic,
        payload_on: payloadOf(true),
        payload_off: payloadOf(false),
        ...(deviceClass === undefined ? {} : { device_class: deviceClass }),
        ...(diagnostic ? { entity_category: "diagnostic" } : {}),
        availability_topic: statusTopic(base),
        payload_available: ONLINE,
        payload_not_available: OFFLINE,
        qos: 1,
        device,
        origin: { name: "stint" },
      };
      return [`homeassistant/binary_sensor/${id}/config`, JSON.stringify(config)];
    }),
  );
}

/** Whether a discovery message was ours: it is told by the topic that says whether we are there. */
export function isOurDiscovery(payload: string, base: string): boolean {
  try {
    const config = JSON.parse(payload) as { availability_topic?: unknown } | null;
    return config?.availability_topic === statusTopic(base);
  } catch {
    return false;
  }
}
