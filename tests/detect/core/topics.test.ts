import { expect, test } from "bun:test";
import {
  baseTopic,
  discoveryTopics,
  isOurDiscovery,
  stateTopics,
  unknownTopics,
} from "../../../src/detect/core/topics.ts";
import type { CameraRow, DetectView, RelayRow, ZoneRow } from "../../../src/detect/core/view.ts";

const zone = (camera: string, name: string, occupied: boolean | null, tripped = false): ZoneRow => ({
  camera,
  name,
  mode: "alarm",
  armed: true,
  occupied,
  tripped,
  relays: [],
});
const view = (parts: Pick<DetectView, "cameras" | "zones" | "relays">): DetectView => ({
  v: 1,
  type: "detect",
  session_id: null,
  profile: "default",
  state: "running",
  degraded: [],
  dry_run: false,
  ...parts,
});
const camera = (name: string, state: CameraRow["state"]) => ({ name, state }) as CameraRow;
const relay = (id: string, state: RelayRow["state"]) => ({ id, state }) as RelayRow;
const base = baseTopic("home/stint", "default");

test("each thing has its topic, and what isn't known is said to be unknown, not off", () => {
  const state = stateTopics(
    view({
      cameras: [camera("hall", "live"), camera("gate", "lost")],
      zones: [zone("hall", "press", true, true), zone("gate", "dock", null, true)],
      relays: [relay("lamp", "on"), relay("horn", "off"), relay("door", "unknown")],
    }),
    base,
  );
  expect(Object.fromEntries(state)).toEqual({
    "home/stint/default/status": "online",
    "home/stint/default/hall/connected": "ON",
    "home/stint/default/gate/connected": "OFF",
    "home/stint/default/hall/press/occupied": "ON",
    "home/stint/default/hall/press/tripped": "ON",
    "home/stint/default/gate/dock/occupied": "None",
    "home/stint/default/gate/dock/tripped": "ON",
    "home/stint/default/relay/lamp/state": "ON",
    "home/stint/default/relay/horn/state": "OFF",
    "home/stint/default/relay/door/state": "None",
  });
  expect(unknownTopics(state, base).get("home/stint/default/hall/press/occupied")).toBe("None");
  expect(unknownTopics(state, base).get("home/stint/default/status")).toBe("online");
});

test("Home Assistant is told where to listen, of what kind it is, and when it is not to be believed", () => {
  const found = discoveryTopics(view({ zones: [zone("hall", "press", false)] }), base);
  const topic = "homeassistant/binary_sensor/home-stint-default-hall-press-occupied/config";
  expect(JSON.parse(found.get(topic) ?? "")).toEqual({
    name: "hall press occupied",
    unique_id: "home-stint-default-hall-press-occupied",
    state_topic: "home/stint/default/hall/press/occupied",
    payload_on: "ON",
    payload_off: "OFF",
    device_class: "occupancy",
    availability_topic: "home/stint/default/status",
    payload_available: "online",
    payload_not_available: "offline",
    qos: 1,
    device: {
      identifiers: ["home-stint-default"],
      name: "stint detect (default)",
      manufacturer: "stint",
      model: "detect",
    },
    origin: { name: "stint" },
  });
  expect(isOurDiscovery(found.get(topic) ?? "", base)).toBe(true);
  expect(isOurDiscovery(found.get(topic) ?? "", baseTopic("home/stint", "other"))).toBe(false);
  for (const other of ["", "null", "[]", "not JSON", '{"availability_topic":7}']) {
    expect(isOurDiscovery(other, base)).toBe(false);
  }
});

test("nothing that is told can be written to: no topic takes a command", () => {
  const all = view({
    cameras: [camera("c", "live")],
    zones: [zone("c", "z", true)],
    relays: [relay("r", "on")],
  });
  for (const config of discoveryTopics(all, base).values()) expect(config).not.toContain("command");
});

test("names that mean something in a topic, or none in an id, stay apart", () => {
  const zones = [
    zone("a_b", "c", true),
    zone("a", "b_c", true),
    zone("a-b", "c", true),
    zone("#/+", "ö", true),
  ];
  const state = [...stateTopics(view({ zones }), base).keys()];
  expect(new Set(state).size).toBe(state.length);
  expect(state.filter((topic) => /[+#]/.test(topic))).toEqual([]);
  const ids = [...discoveryTopics(view({ zones }), base).keys()];
  expect(new Set(ids).size).toBe(8);
  for (const id of ids) expect(id).toMatch(/^homeassistant\/binary_sensor\/[a-zA-Z0-9_-]+\/config$/);
});
