import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { EventRow, Happening } from "../core/event.ts";
import type { Detection, Frame, Tracked } from "../core/frame.ts";
import type { CameraConfig, Installation, ZoneConfig } from "../core/installation.ts";
import { zoneId } from "../core/installation.ts";
import { MotionGate } from "../core/motion.ts";
import type { Override } from "../core/saved.ts";
import { isArmed } from "../core/schedule.ts";
import { freshTracker, type Tracker, track } from "../core/tracker.ts";
import type { CameraRow, ZoneRow } from "../core/view.ts";
import { freshZone, type Link, looked, readZone, type ZoneReading, type ZoneState } from "../core/zone.ts";
import type { CameraLink } from "./camera/camera.ts";
import type { RelayManager } from "./relays.ts";

/** Where what is seen becomes what is switched: one generation's cameras, zones and what they have come to. */

export type LiveOptions = {
  readonly installation: Installation;
  readonly dryRun: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly overrides: Map<string, Override>;
  happened(happening: Happening): EventRow;
  /** A zone has tripped, or a camera was lost: what is to be kept of it, and whom to tell. */
  tripped(row: EventRow, seen: Seen): void;
  changed(): void;
};

/** What there was to see when something happened. `at`: monotonic ms. */
export type Seen = {
  readonly camera: number;
  readonly zone: ZoneConfig;
  readonly at: number;
  readonly frame: Frame | null;
  readonly people: readonly Tracked[];
};

/** The detector, as the cameras' pictures are given to it. */
export interface Looks {
  offer(camera: number, frame: Frame): void;
  readonly state: "ok" | "lost";
}

type Zone = {
  readonly config: ZoneConfig;
  readonly id: string;
  state: ZoneState;
  reading: ZoneReading;
  armed: boolean;
  /** When someone came in, monotonic ms; null while nobody is. */
  occupiedSince: number | null;
  /** Whether its trip was told of, and its clearing wasn't. */
  tripTold: boolean;
};

type Watched = {
  readonly config: CameraConfig;
  link: CameraLink | undefined;
  readonly gate: MotionGate;
  tracker: Tracker;
  /** The newest picture, looked at or not. */
  newest: Frame | undefined;
  /** The last that was looked at, and what was seen in it. */
  seen: Frame | undefined;
  people: readonly Tracked[];
  detections: readonly Detection[];
  latencyMs: number | null;
  /** Whether it was told as lost. */
  lostAt: number | null;
  zones: Zone[];
};

/** A zone of which nothing is known yet. */
const freshly = (camera: CameraConfig, config: ZoneConfig): Zone => ({
  config,
  id: zoneId(camera.name, config.name),
  state: freshZone,
  reading: NOTHING_READ,
  armed: true,
  occupiedSince: null,
  tripTold: false,
});

/** A trip whose relays haven't been read back yet. */
type Pending = {
  readonly watched: Watched;
  readonly zone: Zone;
  readonly cause: NonNullable<ZoneReading["cause"]>;
  readonly frameAt: number | null;
  readonly since: number;
  seen: Seen;
};

/** A relay that isn't read back within this is told without a latency, ms. */
const SETTLED_MS = 1_000;
/** So many trips are what the latency is told of. */
const LATENCIES = 200;

const NOTHING_READ: ZoneReading = {
  occupied: null,
  tripped: false,
  cause: null,
  since: null,
  by: null,
  until: null,
};

export class Live {
  readonly #options: LiveOptions;
  readonly #cameras: Watched[];
  readonly #pending = new Set<Pending>();
  readonly #latencies: number[] = [];
  #sources: readonly { readonly link: CameraLink }[] = [];
  #relays: RelayManager | undefined;
  #looks: Looks | undefined;
  #closed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#cameras = options.installation.cameras.map((config) => ({
      config,
      link: undefined,
      gate: new MotionGate(),
      tracker: freshTracker,
      newest: undefined,
      seen: undefined,
      people: [],
      detections: [],
      latencyMs: null,
      lostAt: null,
      zones: config.zones.map((zone) => freshly(config, zone)),
    }));
  }

  /** The cameras themselves, in the order of the installation: they know best how they are. */
  watch(cameras: readonly { readonly link: CameraLink }[]): void {
    this.#sources = cameras;
  }

  /** What zones ask goes there from now on. */
  drive(relays: RelayManager): void {
    this.#relays = relays;
    this.evaluate();
  }

  /** Pictures go there from now on. */
  look(detector: Looks): void {
    this.#looks = detector;
  }

  /** Nothing that comes after this has any effect. */
  close(): void {
    this.#closed = true;
  }

  /** A camera has given a picture. */
  frame(camera: number, frame: Frame): void {
    const watched = this.#cameras[camera];
    if (this.#closed || !watched) return;
    watched.newest = frame;
    if (!this.#looks) return;
    // Where nobody was and nothing moves nobody is.
    if (isGated(watched.config) && !watched.gate.moved(frame)) this.#see(watched, frame, []);
    else this.#looks.offer(camera, frame);
  }

  /** A picture has been looked at. */
  found(camera: number, frame: Frame, detections: readonly Detection[]): void {
    const watched = this.#cameras[camera];
    if (this.#closed || !watched) return;
    watched.gate.found(frame.at, detections.length > 0);
    this.#see(watched, frame, detections);
  }

  #see(watched: Watched, frame: Frame, detections: readonly Detection[]): void {
    const { clock } = this.#options;
    if (watched.seen && frame.at <= watched.seen.at) return;
    watched.seen = frame;
    watched.detections = detections;
    const { tracker, tracked } = track(watched.tracker, detections);
    watched.tracker = tracker;
    watched.people = tracked;
    watched.latencyMs = clock.monotonic() - frame.at;
    const { masks } = watched.config;
    const picture = { at: frame.at, detections, aspect: frame.width / frame.height, masks };
    for (const zone of watched.zones) zone.state = looked(zone.state, zone.config, picture);
    this.evaluate(watched, frame);
    this.#options.changed();
  }

  /** A camera's connection has changed. */
  link(camera: number, link: CameraLink): void {
    const watched = this.#cameras[camera];
    if (this.#closed || !watched) return;
    const before = watched.link?.state;
    watched.link = link;
    const { happened, clock, changed } = this.#options;
    if (link.state === "lost" && before !== "lost" && watched.lostAt === null) {
      watched.lostAt = clock.monotonic();
      happened({ event: "camera_lost", camera: watched.config.name, why: link.error ?? "no picture" });
    }
    if (link.state === "live" && watched.lostAt !== null) {
      const after_ms = Math.round(clock.monotonic() - watched.lostAt);
      watched.lostAt = null;
      happened({ event: "camera_back", camera: watched.config.name, after_ms });
    }
    this.evaluate();
    changed();
  }

  /**
   * Reads every zone as it is now, and has the relays told. Called at each picture, at each change, and by the clock:
   * what nobody has seen lately isn't known any more.
   */
  evaluate(by?: Watched, frame?: Frame): void {
    if (this.#closed) return;
    const { clock, installation } = this.#options;
    const now = clock.monotonic();
    const here = localMinute();
    const tripped = new Map<string, string[]>();
    for (const watched of this.#cameras) {
      const link = this.#linkOf(watched);
      for (const zone of watched.zones) {
        this.#arm(watched, zone, isArmed(zone.config.armed, here));
        const { state, reading } = readZone(zone.state, zone.config, now, link, zone.armed);
        zone.state = state;
        this.#read(watched, zone, reading, watched === by ? frame : undefined, now);
        if (!reading.tripped) continue;
        for (const relay of zone.config.relays) {
          const zones = tripped.get(relay) ?? [];
          tripped.set(relay, [...zones, zone.id]);
        }
      }
    }
    // A permit relay that no zone speaks for is never on.
    for (const { id } of installation.relays) {
      if (!tripped.has(id)) tripped.set(id, []);
    }
    this.#relays?.tell(tripped, (relay, at) => this.#settled(relay, at));
    for (const pending of this.#pending) {
      if (now - pending.since > SETTLED_MS) this.#told(pending, null);
    }
  }

  #linkOf({ link }: Watched): Link {
    if (link?.state === "lost" || this.#looks?.state === "lost") return "lost";
    return link?.state === "live" && this.#looks ? "live" : "starting";
  }

  /** @param asked a person has said so just now */
  #arm({ config }: Watched, zone: Zone, scheduled: boolean, asked = false): void {
    const { overrides, happened } = this.#options;
    const override = overrides.get(zone.id);
    if (override && override.scheduled !== scheduled) overrides.delete(zone.id);
    const armed = overrides.get(zone.id)?.armed ?? scheduled;
    if (armed === zone.armed) return;
    zone.armed = armed;
    happened({
      event: armed ? "armed" : "disarmed",
      camera: config.name,
      zone: zone.config.name,
      by: asked || overrides.has(zone.id) ? "person" : "schedule",
    });
    this.#options.changed();
  }

  /** What a zone reads now becomes what has happened. */
  #read(watched: Watched, zone: Zone, reading: ZoneReading, frame: Frame | undefined, now: number): void {
    const before = zone.reading;
    zone.reading = reading;
    const { happened, changed } = this.#options;
    const [camera, name] = [watched.config.name, zone.config.name];
    if (reading.occupied === true && zone.occupiedSince === null) {
      zone.occupiedSince = now;
      const { score, box } = reading.by ?? { score: 0, box: [0, 0, 0, 0] as const };
      happened({ event: "entered", camera, zone: name, score, box });
    } else if (reading.occupied === false && zone.occupiedSince !== null) {
      happened({ event: "left", camera, zone: name, for_ms: Math.round(now - zone.occupiedSince) });
      zone.occupiedSince = null;
    }
    // What isn't known yet, as at every start, and what nobody wants to know, is no news.
    const trips = reading.cause === "person" || reading.cause === "camera_lost";
    // Who stands there when the picture is back is news, though it has tripped all the while.
    const comes = reading.cause === "person" && before.cause === "camera_lost";
    if (trips && (!zone.tripTold || comes)) {
      zone.tripTold = true;
      const seen: Seen = {
        camera: this.#cameras.indexOf(watched),
        zone: zone.config,
        at: frame?.at ?? now,
        frame: frame ?? watched.newest ?? null,
        people: watched.people,
      };
      const pending: Pending = {
        watched,
        zone,
        cause: reading.cause,
        frameAt: reading.cause === "person" ? (frame?.at ?? null) : null,
        since: now,
        seen,
      };
      this.#pending.add(pending);
      // Nothing will be read back for it.
      if (zone.config.relays.length === 0) this.#told(pending, frame ? now : null);
    } else if (!reading.tripped && zone.tripTold) {
      zone.tripTold = false;
      happened({ event: "cleared", camera, zone: name });
    }
    if (reading.occupied !== before.occupied || reading.tripped !== before.tripped) changed();
  }

  /** A relay is as the zones that have tripped want it. */
  #settled(relay: string, at: number): void {
    for (const pending of this.#pending) {
      if (pending.zone.config.relays.includes(relay)) this.#told(pending, at);
    }
  }

  #told(pending: Pending, at: number | null): void {
    this.#pending.delete(pending);
    const { watched, zone, cause, frameAt, seen } = pending;
    const latency_ms = at === null || frameAt === null ? null : Math.round((at - frameAt) * 10) / 10;
    if (latency_ms !== null) {
      this.#latencies.push(latency_ms);
      if (this.#latencies.length > LATENCIES) this.#latencies.shift();
    }
    const row = this.#options.happened({
      event: "tripped",
      camera: watched.config.name,
      zone: zone.config.name,
      cause,
      relays: zone.config.relays,
      latency_ms,
      dry_run: this.#options.dryRun,
    });
    this.#options.tripped(row, seen);
  }

  /** The zones that a person has armed or disarmed, by {@link override}. */
  armed(ids: readonly string[]): void {
    for (const watched of this.#cameras) {
      for (const zone of watched.zones) {
        if (ids.includes(zone.id)) this.#arm(watched, zone, isArmed(zone.config.armed, localMinute()), true);
      }
    }
    this.evaluate();
  }

  /** Zones and masks that were drawn anew, of the same cameras: each begins afresh unless it is as it was. */
  redraw(cameras: readonly CameraConfig[]): void {
    for (const [at, config] of cameras.entries()) {
      const watched = this.#cameras[at];
      if (!watched) continue;
      const before = new Map(watched.zones.map((zone) => [JSON.stringify(zone.config), zone]));
      const zones = config.zones.map((zone) => before.get(JSON.stringify(zone)) ?? freshly(config, zone));
      this.#cameras[at] = { ...watched, config, zones };
    }
    this.evaluate();
    this.#options.changed();
  }

  /** The newest picture of a camera. */
  newest(name: string): Frame | undefined {
    return this.#cameras.find(({ config }) => config.name === name)?.newest;
  }

  get reconnects(): number {
    return this.#sources.reduce((sum, { link }) => sum + link.reconnects, 0);
  }

  /** From a picture's arrival to the relay's read-back, of 95 % of the last trips; null before the first. */
  get latencyP95(): number | null {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.95) - 1)] ?? null;
  }

  cameraRows(): CameraRow[] {
    const { clock } = this.#options;
    const [now, ahead] = [clock.monotonic(), clock.wall() - clock.monotonic()];
    return this.#cameras.map(({ config, latencyMs, people }, at) => {
      const link = this.#sources[at]?.link;
      return {
        name: config.name,
        state: link?.state ?? "connecting",
        fps: link?.state === "live" ? link.fps : 0,
        reconnects: link?.reconnects ?? 0,
        last_frame_age_ms: link?.lastFrameAt == null ? null : Math.round(now - link.lastFrameAt),
        error: link?.error ?? null,
        retry_at: link?.retryAt == null ? null : Math.round(link.retryAt + ahead),
        latency_ms: latencyMs === null ? null : Math.round(latencyMs),
        size: link?.size ?? null,
        people: link?.state === "live" ? people : [],
      };
    });
  }

  zoneRows(): ZoneRow[] {
    return this.#cameras.flatMap(({ config, zones }) =>
      zones.map(({ config: zone, armed, reading }) => ({
        camera: config.name,
        name: zone.name,
        mode: zone.mode,
        armed,
        occupied: reading.occupied,
        tripped: reading.tripped,
        relays: zone.relays,
      })),
    );
  }
}

/** Has zones armed or disarmed until their schedule says something else than now, whether they are watched or not. */
export function override(
  { cameras }: Installation,
  overrides: Map<string, Override>,
  ids: readonly string[],
  armed: boolean,
): void {
  for (const camera of cameras) {
    for (const zone of camera.zones) {
      const id = zoneId(camera.name, zone.name);
      if (!ids.includes(id)) continue;
      const scheduled = isArmed(zone.armed, localMinute());
      if (scheduled === armed) overrides.delete(id);
      else overrides.set(id, { armed, scheduled });
    }
  }
}

/** Whether it may be left to what moves which pictures are looked at: a permission stands on those that were. */
const isGated = ({ motion, zones }: CameraConfig): boolean =>
  motion && zones.every(({ mode }) => mode === "alarm");

/** Day of the week (1 is Monday) and minutes after midnight, as the clock on the wall says. */
function localMinute(): { day: number; minute: number } {
  const now = new Date();
  return { day: ((now.getDay() + 6) % 7) + 1, minute: now.getHours() * 60 + now.getMinutes() };
}
