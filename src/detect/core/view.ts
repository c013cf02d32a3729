import type { EventRow } from "./event.ts";
import type { Tracked } from "./frame.ts";
import { type Installation, relayMode, zoneId } from "./installation.ts";
import type { Saved } from "./saved.ts";

/** What a host says of itself to whoever watches it, and what `status --json` prints. Times in ms. Pure. */

/**
 * Whether a camera gives pictures. `connecting`: none yet since it was opened; `lost`: it had been live, or failed;
 * `closed`: nobody looks, as in a pause.
 */
export type CameraState = "connecting" | "live" | "lost" | "closed";

export type CameraRow = {
  readonly name: string;
  readonly state: CameraState;
  /** Pictures a second of the last seconds. */
  readonly fps: number;
  readonly reconnects: number;
  /** Null before the first. */
  readonly last_frame_age_ms: number | null;
  /** Why there is no picture; null while there is. */
  readonly error: string | null;
  /** While it waits for its next try: when that is, UTC ms. */
  readonly retry_at: number | null;
  /** From a picture's arrival to what is seen in it; null before the first. */
  readonly latency_ms: number | null;
  /** Pixels of its pictures; null before the first. */
  readonly size: readonly [width: number, height: number] | null;
  readonly people: readonly Tracked[];
};

/** `unknown`: its board isn't there, or doesn't say what it was told. */
export type RelayState = "on" | "off" | "unknown";

export type RelayRow = {
  readonly id: string;
  readonly state: RelayState;
  /** Why it is as it is: `hall/press`, `manual`, `max_on`, `latched`… ; null when there is no reason. */
  readonly cause: string | null;
  readonly mode: "alarm" | "permit";
  readonly board: string;
  readonly channel: number;
  readonly latched: boolean;
  /** When what is timed for it comes, UTC ms; null for nothing. */
  readonly until: number | null;
  /** How often it was switched on. */
  readonly cycles: number;
};

export type ZoneRow = {
  readonly camera: string;
  readonly name: string;
  readonly mode: "alarm" | "permit";
  readonly armed: boolean;
  /** Null while nobody knows: no picture, no detector. */
  readonly occupied: boolean | null;
  /** Whether it asks its relays for what they are there for (a permit zone: to be off). */
  readonly tripped: boolean;
  readonly relays: readonly string[];
};

/** `none`: there is nothing to guard (a dry run, no board). `dead`: no relay can be switched on. */
export type GuardState = "starting" | "ok" | "dead" | "none";

export type Health = {
  readonly rss: number;
  /** Percent of one core, of this process, over the last seconds. */
  readonly cpu: number;
  /** Percent of the disk that snapshots are on; null when it can't be asked. */
  readonly disk: number | null;
  readonly reconnects: number;
  /** From a picture's arrival to the relay's read-back, over the last trips; null before the first. */
  readonly latency_p95_ms: number | null;
  /** How often any relay was switched on. */
  readonly cycles: number;
  /** The last `relay test`, UTC ms and whether all was well; null when there was none. */
  readonly self_test: { readonly at: number; readonly ok: boolean } | null;
  /** What can't be kept for now, as on a full disk; null when all can. */
  readonly storage: string | null;
  /** Why the last hook that was run failed, and why the broker isn't told; null where that is well, or there is none. */
  readonly hooks: string | null;
  readonly mqtt: string | null;
  /** Why the file of what is installed isn't taken in as it is now; null when it is. */
  readonly config: string | null;
};

/** The state as it is pushed. */
export type DetectView = {
  readonly v: 1;
  readonly type: "detect";
  readonly session_id: string | null;
  readonly profile: string;
  readonly state: string;
  readonly pending?: string;
  readonly degraded: readonly string[];
  readonly dry_run: boolean;
  /** Not there while the host is still opening. */
  readonly cameras?: readonly CameraRow[];
  readonly relays?: readonly RelayRow[];
  readonly zones?: readonly ZoneRow[];
  readonly guard?: { readonly pid: number | null; readonly state: GuardState };
  /** `closed`: nobody looks, as in a pause. */
  readonly detector?: {
    readonly state: "starting" | "ok" | "lost" | "closed";
    readonly ms: number | null;
    /** Pictures that were never looked at, since a later one took their place. */
    readonly dropped?: number;
  };
  readonly health?: Health;
  /** The last of them, the newest first. */
  readonly events?: readonly EventRow[];
  readonly as_of?: number;
  /** `false`: no host is alive. */
  readonly host?: boolean;
};

/** What there is while nobody looks: all that is installed, nothing known of any of it, and all relays off. */
export function atRest(
  installation: Installation,
  saved: Pick<Saved, "latched" | "cycles" | "not_off" | "overrides">,
): Required<Pick<DetectView, "cameras" | "zones" | "relays">> {
  const { cameras, relays } = installation;
  return {
    cameras: cameras.map(({ name }) => ({
      name,
      state: "closed",
      fps: 0,
      reconnects: 0,
      last_frame_age_ms: null,
      error: null,
      retry_at: null,
      latency_ms: null,
      size: null,
      people: [],
    })),
    zones: cameras.flatMap(({ name: camera, zones }) =>
      zones.map(({ name, mode, relays }) => ({
        camera,
        name,
        mode,
        armed: saved.overrides[zoneId(camera, name)]?.armed ?? true,
        occupied: null,
        tripped: false,
        relays,
      })),
    ),
    relays: relays.map(({ id, board, channel }) => ({
      id,
      state: saved.not_off === null ? "off" : "unknown",
      cause: saved.not_off,
      mode: relayMode(installation, id),
      board,
      channel,
      latched: saved.latched.includes(id),
      until: null,
      cycles: saved.cycles[id] ?? 0,
    })),
  };
}
