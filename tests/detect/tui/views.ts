/** States of a detection as its host would push them, and what is installed with it, for the tests of what shows them. */
import type { Picture } from "../../../src/detect/core/frame.ts";
import type {
  CameraConfig,
  Installation,
  RelayConfig,
  ZoneConfig,
} from "../../../src/detect/core/installation.ts";
import type { CameraRow, DetectView, RelayRow, ZoneRow } from "../../../src/detect/core/view.ts";

/** When all of this was true, UTC ms. */
const AS_OF = Date.UTC(2026, 10, 20, 14, 5);

export const camera = (name: string, more: Partial<CameraRow> = {}): CameraRow => ({
  name,
  state: "live",
  fps: 5,
  reconnects: 0,
  last_frame_age_ms: 40,
  error: null,
  retry_at: null,
  latency_ms: 84,
  size: [416, 234],
  people: [{ box: [0.3, 0.2, 0.5, 0.9], score: 0.81, track: 1 }],
  ...more,
});

export const lost = (name: string): CameraRow =>
  camera(name, {
    state: "lost",
    fps: 0,
    reconnects: 3,
    last_frame_age_ms: 7_000,
    error: "connection refused",
    retry_at: Date.now() + 4_000,
    people: [],
  });

export const zone = (camera: string, name: string, more: Partial<ZoneRow> = {}): ZoneRow => ({
  camera,
  name,
  mode: "alarm",
  armed: true,
  occupied: false,
  tripped: false,
  relays: ["lamp"],
  ...more,
});

export const relay = (id: string, more: Partial<RelayRow> = {}): RelayRow => ({
  id,
  state: "off",
  cause: null,
  mode: "alarm",
  board: "board",
  channel: 1,
  latched: false,
  until: null,
  cycles: 0,
  ...more,
});

/** Two cameras, one of them lost; somebody stands in a zone. */
export const running: DetectView = {
  v: 1,
  type: "detect",
  session_id: "0192-anna",
  profile: "acme",
  state: "running",
  degraded: [],
  dry_run: false,
  cameras: [camera("hall"), lost("gate")],
  zones: [
    zone("hall", "press", { occupied: true, tripped: true }),
    zone("hall", "aisle"),
    zone("gate", "dock", { occupied: null, tripped: true, relays: ["horn"] }),
  ],
  relays: [relay("lamp", { state: "on", cause: "hall/press" }), relay("horn", { channel: 2 })],
  guard: { pid: 4119, state: "ok" },
  detector: { state: "ok", ms: 60 },
  health: {
    rss: 171e6,
    cpu: 12,
    disk: 61,
    reconnects: 3,
    latency_p95_ms: 84,
    cycles: 7,
    self_test: null,
    storage: null,
    hooks: null,
    mqtt: null,
    config: null,
  },
  events: [
    {
      id: 2,
      at: AS_OF - 1_000,
      snapshot: null,
      clip: null,
      event: "entered",
      camera: "hall",
      zone: "press",
      score: 0.81,
      box: [0, 0, 1, 1],
    },
    {
      id: 1,
      at: AS_OF - 8_000,
      snapshot: null,
      clip: null,
      event: "camera_lost",
      camera: "gate",
      why: "no frame for 3 s",
    },
  ],
  as_of: AS_OF,
};

const zoneConfig = (name: string, more: Partial<ZoneConfig> = {}): ZoneConfig => ({
  name,
  points: [
    [0.1, 0.2],
    [0.6, 0.2],
    [0.6, 0.9],
    [0.1, 0.9],
  ],
  mode: "alarm",
  relays: ["lamp"],
  on_camera_loss: "trip",
  hit: "foot",
  overlap: 0.3,
  min_score: 0.5,
  min_area: 0,
  max_area: 1,
  min_ratio: 0,
  max_ratio: 100,
  enter: { n: 3, m: 5 },
  dwell_ms: 0,
  hold_ms: 1_000,
  armed: [],
  ...more,
});

export const cameraConfig = (name: string, more: Partial<CameraConfig> = {}): CameraConfig => ({
  name,
  url: `rtsp://anna:secret@10.0.0.7/${name}`,
  fps: 5,
  width: 416,
  motion: false,
  masks: [],
  zones: [],
  ...more,
});

const relayConfig = (id: string, channel: number): RelayConfig => ({
  id,
  board: "board",
  channel,
  max_on_ms: 600_000,
  cooldown_ms: 0,
  latch: false,
});

/** What is installed where {@link running} runs. */
export const installed: Installation = {
  version: 2,
  detector: { model: "builtin", layout: "auto", score: 0.4, threads: 1 },
  cameras: [
    cameraConfig("hall", {
      zones: [
        zoneConfig("press"),
        zoneConfig("aisle", {
          points: [
            [0.7, 0.5],
            [0.95, 0.5],
            [0.8, 0.95],
          ],
        }),
      ],
    }),
    cameraConfig("gate", { url: "/srv/gate.mp4", zones: [zoneConfig("dock", { relays: ["horn"] })] }),
  ],
  boards: [{ name: "board", kind: "usb-hid", serial: null, path: null, socket: null, channels: 8 }],
  relays: [relayConfig("lamp", 1), relayConfig("horn", 2)],
  retention: { days: 30, megabytes: 2_000, clip_before_ms: 5_000, clip_after_ms: 5_000 },
  hooks: { trip: null, camera_lost: null, guard_dead: null, timeout_ms: 10_000 },
  mqtt: null,
};

/** A picture whose every pixel differs from its neighbours. @param turn another picture */
export function picture(width = 160, turn = 0): Picture {
  const height = Math.round((width * 9) / 16);
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7 + turn * 31 + ((i * i) >> 7)) & 0xff;
  return { data, width, height };
}
