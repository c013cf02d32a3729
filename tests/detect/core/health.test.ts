import { expect, test } from "bun:test";
import { problems } from "../../../src/detect/core/health.ts";
import type { CameraRow, DetectView, Health, RelayRow } from "../../../src/detect/core/view.ts";

const camera: CameraRow = {
  name: "gate",
  state: "live",
  fps: 5,
  reconnects: 0,
  last_frame_age_ms: 100,
  error: null,
  retry_at: null,
  latency_ms: 40,
  size: [640, 360],
  people: [],
};
const relay: RelayRow = {
  id: "lamp",
  state: "off",
  cause: null,
  mode: "alarm",
  board: "usb",
  channel: 1,
  latched: false,
  until: null,
  cycles: 3,
};
const measured: Health = {
  rss: 171 << 20,
  cpu: 21.5,
  disk: 61,
  reconnects: 0,
  latency_p95_ms: 84,
  cycles: 3,
  self_test: { at: 0, ok: true },
  storage: null,
  hooks: null,
  mqtt: null,
  config: null,
};
const well: DetectView = {
  v: 1,
  type: "detect",
  session_id: "s",
  profile: "default",
  state: "running",
  degraded: [],
  dry_run: false,
  cameras: [camera],
  relays: [relay],
  zones: [],
  guard: { pid: 4119, state: "ok" },
  detector: { state: "ok", ms: 40 },
  health: measured,
  host: true,
};
const found = (view: Partial<DetectView>) => problems({ ...well, ...view }).map(({ what }) => what);

test("nothing is wrong when all is well", () => {
  expect(found({})).toEqual([]);
});

test("what has just begun isn't wrong", () => {
  const opening = { cameras: [{ ...camera, state: "connecting" as const }] };
  expect(found({ ...opening, guard: { pid: null, state: "starting" } })).toEqual([]);
  expect(found({ ...opening, detector: { state: "starting", ms: null } })).toEqual([]);
  const { cameras: _, ...unknown } = well;
  expect(problems(unknown)).toEqual([]);
});

test.each<[string, Partial<DetectView>, string]>([
  ["no host", { host: false }, "detect isn't running"],
  ["a pause", { state: "paused" }, "it is paused: no camera is looked at"],
  ["a missing part", { degraded: ["mqtt"] }, "it runs without mqtt"],
  [
    "a lost camera",
    { cameras: [{ ...camera, state: "lost", error: "no frame for 3 s" }] },
    "camera gate is lost: no frame for 3 s",
  ],
  ["a dead guard", { guard: { pid: null, state: "dead" } }, "the guard is dead: no relay can be switched on"],
  ["a lost detector", { detector: { state: "lost", ms: null } }, "the detector is lost: nobody is seen"],
  ["nobody to look", { cameras: [] }, "there is no camera: nobody is seen"],
  [
    "a detector that isn't there while cameras are",
    { detector: { state: "starting", ms: null } },
    "the detector isn't ready: nobody is seen",
  ],
  [
    "a hook that failed",
    { health: { ...measured, hooks: "the hook trip failed: exit 3" } },
    "the hook trip failed: exit 3",
  ],
  [
    "a broker that is away",
    { health: { ...measured, mqtt: "the broker b:1883 is not there: ECONNREFUSED" } },
    "the broker b:1883 is not there: ECONNREFUSED",
  ],
  [
    "an unplugged board",
    { relays: [{ ...relay, state: "unknown" }] },
    "relay lamp is unknown: board usb isn't there, or doesn't say what it was told",
  ],
  [
    "a full disk",
    { health: { ...measured, storage: "events can't be kept: full" } },
    "events can't be kept: full",
  ],
  ["a disk that is nearly full", { health: { ...measured, disk: 95.2 } }, "the disk is 95 % full"],
  [
    "a failed relay test",
    { health: { ...measured, self_test: { at: 0, ok: false } } },
    "the last relay test failed",
  ],
])("%s is told of", (_, view, what) => {
  expect(found(view)).toEqual([what]);
});

test("several are all told of, each on one line", () => {
  const lost = { ...camera, state: "lost" as const, error: "a\nb" };
  expect(found({ cameras: [lost], guard: { pid: null, state: "dead" } })).toEqual([
    "camera gate is lost: a b",
    "the guard is dead: no relay can be switched on",
  ]);
});

test("in a dry run no relay is missed", () => {
  expect(
    found({ dry_run: true, relays: [{ ...relay, state: "unknown" }], guard: { pid: null, state: "none" } }),
  ).toEqual([]);
});
