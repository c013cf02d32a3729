import type { Point } from "./frame.ts";

/** What is installed: cameras with their zones, relay boards, and what is kept and told. Times in ms. Pure. */
export type Installation = {
  readonly version: 2;
  readonly detector: DetectorConfig;
  readonly cameras: readonly CameraConfig[];
  readonly boards: readonly BoardConfig[];
  readonly relays: readonly RelayConfig[];
  readonly retention: Retention;
  readonly hooks: Hooks;
  readonly mqtt: MqttConfig | null;
};

export type DetectorConfig = {
  /** `builtin`, or the absolute path of an ONNX file. */
  readonly model: string;
  /** How its output is laid out; `auto` tells by its shape. Only for a model of the user's. */
  readonly layout: "auto" | "yolov5" | "yolov8" | "nms-free";
  /** Detections below it are left out, 0 to 1. */
  readonly score: number;
  /** Threads of one inference. */
  readonly threads: number;
};

export type CameraConfig = {
  readonly name: string;
  /** rtsp://, rtsps://, http://, https://, file:// or a path, v4l2:///dev/video0. It may hold a password. */
  readonly url: string;
  /** Pictures a second that are looked at. */
  readonly fps: number;
  /** Pixels that a picture is scaled to, its height by its ratio: what the detector sees and the screen shows. */
  readonly width: number;
  /** The detector is spared pictures in which nothing moves. */
  readonly motion: boolean;
  /** Where nothing is looked for: polygons. */
  readonly masks: readonly (readonly Point[])[];
  readonly zones: readonly ZoneConfig[];
};

/** What a camera's loss does to the relays of a zone. */
export type OnLoss = "trip" | "hold" | "ignore";

export type ZoneConfig = {
  /** Unique in its camera; `camera/zone` names it in whole. */
  readonly name: string;
  readonly points: readonly Point[];
  /** `alarm`: its relays are on while someone is in. `permit`: on only while it is known that nobody is. */
  readonly mode: "alarm" | "permit";
  /** Ids of relays; a relay serves zones of one mode. */
  readonly relays: readonly string[];
  /** A permit zone always trips. */
  readonly on_camera_loss: OnLoss;
  /** `foot`: a person is in when the middle of the box's lower edge is. `overlap`: when so much of the box is. */
  readonly hit: "foot" | "overlap";
  /** The share of a box that must be in, 0 to 1; for `overlap`. */
  readonly overlap: number;
  /** Of a detection that counts here, 0 to 1. */
  readonly min_score: number;
  /** Of its box, as a share of the picture, 0 to 1. */
  readonly min_area: number;
  readonly max_area: number;
  /** Of its box, width by height in pixels. */
  readonly min_ratio: number;
  readonly max_ratio: number;
  /** Someone is in once `n` of the last `m` pictures say so. */
  readonly enter: { readonly n: number; readonly m: number };
  /** How long someone must have been in before it trips. */
  readonly dwell_ms: number;
  /** How long it stays occupied after nobody has been seen in it. */
  readonly hold_ms: number;
  /** When it is armed; empty for always. */
  readonly armed: readonly Span[];
};

/** A weekly span of local time. One whose end isn't after its begin goes on into the next day. */
export type Span = {
  /** ISO days of the week on which it begins: 1 is Monday. */
  readonly days: readonly number[];
  /** Minutes after midnight. */
  readonly from: number;
  readonly to: number;
};

/** A relay board: found by `serial`, by `path`, or by `socket` (simulated); by none of them where there is only one. */
export type BoardConfig = {
  readonly name: string;
  readonly kind: "usb-hid" | "simulator";
  readonly serial: string | null;
  readonly path: string | null;
  /** Where a simulated board of somebody else's listens; null for one of our own. */
  readonly socket: string | null;
  readonly channels: number;
};

export type RelayConfig = {
  readonly id: string;
  readonly board: string;
  /** From 1. */
  readonly channel: number;
  /** It is switched off after so long, whatever the reason it is on; null for never. Of an alarm alone. */
  readonly max_on_ms: number | null;
  /** It isn't switched on again so soon. */
  readonly cooldown_ms: number;
  /** It stays tripped until a person acknowledges. */
  readonly latch: boolean;
};

export type Retention = {
  /** Snapshots and clips older than this are removed. */
  readonly days: number;
  /** The oldest go while they take more, MB (10⁶ bytes). */
  readonly megabytes: number;
  /** Seconds of a clip before and after a trip; both 0 for none. */
  readonly clip_before_ms: number;
  readonly clip_after_ms: number;
};

/** A command, its words; no shell reads them. */
type Command = readonly string[];

export type Hooks = {
  readonly trip: Command | null;
  readonly camera_lost: Command | null;
  readonly guard_dead: Command | null;
  readonly timeout_ms: number;
};

export type MqttConfig = {
  readonly url: string;
  readonly username: string | null;
  readonly password: string | null;
  /** What all topics begin with. */
  readonly topic: string;
  /** Home Assistant is told what there is. */
  readonly discovery: boolean;
};

/** `hall/press`: a zone's name in whole. */
export const zoneId = (camera: string, zone: string): string => `${camera}/${zone}`;

/** The mode of a relay: that of the zones it serves, `alarm` when it serves none. */
export function relayMode({ cameras }: Pick<Installation, "cameras">, id: string): "alarm" | "permit" {
  const permits = cameras.some(({ zones }) =>
    zones.some(({ mode, relays }) => mode === "permit" && relays.includes(id)),
  );
  return permits ? "permit" : "alarm";
}
