import type { Box, Detection, Point } from "./frame.ts";
import { contains, NEAR, overlapShare } from "./geometry.ts";
import type { ZoneConfig } from "./installation.ts";

/**
 * Whether someone is in a zone, and whether it trips. Pure: what was seen in pictures and the time go in, what is known
 * comes out.
 *
 * All that is known comes from pictures that were looked at: a person has come, has stayed, has left when pictures say
 * so. Time alone only ever makes less known: it turns what was seen into what was seen last. So a picture that stays
 * away is never an empty zone, and a step of the wall clock is nothing at all.
 */

/**
 * A picture says nothing any more of what is, once it is so old, ms. A permission isn't given on what was a while ago; an
 * alarm isn't sounded for a stutter of the network.
 */
export const staleMs = ({ mode }: Pick<ZoneConfig, "mode">): number => (mode === "permit" ? 1_000 : 3_000);

/** Someone is in. Monotonic ms. */
type Presence = {
  /** When the picture arrived that was the nth of m. */
  readonly since: number;
  /** The last picture with someone in it, or the first after a loss: what nobody looked at counts as if he had stayed. */
  readonly seen: number;
  /** He has been seen over the whole of the dwell time. */
  readonly dwelt: boolean;
  /** The surest detection of the last picture with someone in it. */
  readonly by: Detection;
};

/** What a zone remembers. Plain and immutable; {@link freshZone} is that of one that was never looked at. */
export type ZoneState = {
  /** When it was first to be looked at; null before. */
  readonly begun: number | null;
  /** When the last picture arrived that was looked at; null before the first. */
  readonly lookedAt: number | null;
  /** Of the last m pictures looked at since the last loss, the oldest first, whether someone was in. */
  readonly last: readonly boolean[];
  /** The last picture with someone in it, however often; null when there was none. */
  readonly hitAt: number | null;
  readonly presence: Presence | null;
  /** It was out of sight, and hasn't been in sight for m pictures since. */
  readonly lost: boolean;
  /** It is known that nobody is in: what a permit stands on. */
  readonly clear: boolean;
};

export const freshZone: ZoneState = {
  begun: null,
  lookedAt: null,
  last: [],
  hitAt: null,
  presence: null,
  lost: false,
  clear: false,
};

/** A picture that was looked at. */
export type Sighting = {
  /** When it arrived, monotonic ms. */
  readonly at: number;
  readonly detections: readonly Detection[];
  /** Its width by its height. */
  readonly aspect: number;
  /** A detection with its foot point in one of these counts nowhere. */
  readonly masks: readonly (readonly Point[])[];
};

/** Where a person stands: the middle of the box's lower edge, or of the picture's where that cuts the box off. */
function footOf([left, , right, bottom]: Box): Point {
  const within = (share: number) => Math.min(1, Math.max(0, share));
  return [within((left + right) / 2), within(bottom)];
}

/** Whether a detection is one of someone in the zone. */
function hits(config: ZoneConfig, { box, score }: Detection, { aspect, masks }: Sighting): boolean {
  const [left, top, right, bottom] = box;
  const [width, height] = [right - left, bottom - top];
  const size = width * height;
  const ratio = (width * aspect) / height;
  if (!(score >= config.min_score && size >= config.min_area && size <= config.max_area)) return false;
  if (!(ratio >= config.min_ratio && ratio <= config.max_ratio)) return false;
  const foot = footOf(box);
  if (masks.some((mask) => contains(mask, foot))) return false;
  if (config.hit === "foot") return contains(config.points, foot);
  const share = overlapShare(config.points, box);
  return share > 0 && share >= config.overlap - NEAR;
}

/** Nothing is known of now. Who was in isn't gone. */
const lose = (state: ZoneState): ZoneState =>
  state.lost && state.last.length === 0 ? state : { ...state, lost: true, last: [], clear: false };

/**
 * A picture of its camera was looked at. One that is no newer than the last is left out. One that comes {@link staleMs}
 * after the last comes after a loss, whether anybody asked meanwhile or not: hits on both sides of it aren't joined.
 */
export function looked(state: ZoneState, config: ZoneConfig, picture: Sighting): ZoneState {
  const { at } = picture;
  if (!(at > (state.lookedAt ?? Number.NEGATIVE_INFINITY))) return state;
  const before = state.lookedAt !== null && at - state.lookedAt >= staleMs(config) ? lose(state) : state;
  const { n, m } = config.enter;
  const [by] = picture.detections
    .filter((detection) => hits(config, detection, picture))
    .sort((a, b) => b.score - a.score);
  const last = [...before.last, by !== undefined].slice(-m);
  const isIn = last.filter(Boolean).length >= n;
  const presence = stays(before, config, at, by) ?? (by && isIn ? enters(config, at, by) : null);
  const isWhole = last.length >= m;
  const isClear =
    isWhole && !last.includes(true) && at - (before.hitAt ?? Number.NEGATIVE_INFINITY) >= config.hold_ms;
  return {
    ...before,
    lookedAt: at,
    last,
    hitAt: by ? at : before.hitAt,
    presence,
    lost: before.lost && !isWhole,
    // A single hit doesn't end it, and keeps it from beginning.
    clear: !presence && (before.clear || isClear),
  };
}

const enters = (config: ZoneConfig, at: number, by: Detection): Presence => ({
  since: at,
  seen: at,
  dwelt: config.dwell_ms <= 0,
  by,
});

/** Who was in, as the next picture says; undefined when he has left or nobody was. */
function stays(
  { presence, lost, last }: ZoneState,
  { on_camera_loss, hold_ms, dwell_ms }: ZoneConfig,
  at: number,
  by: Detection | undefined,
): Presence | undefined {
  if (!presence) return undefined;
  const isOver = at - presence.seen >= hold_ms;
  if (!lost || last.length > 0) {
    if (by) return { ...presence, seen: at, by, dwelt: presence.dwelt || at - presence.since >= dwell_ms };
    return isOver ? undefined : presence;
  }
  // The first picture after a loss.
  if (on_camera_loss === "ignore" && isOver) return undefined;
  return {
    ...presence,
    seen: at,
    by: by ?? presence.by,
    since: presence.dwelt || !isOver ? presence.since : at,
  };
}

/**
 * Whether its pictures can be looked at. `starting`: its camera or the detector hasn't come up yet, which is no loss
 * unless it was live before; `lost`: one of them failed.
 */
export type Link = "starting" | "live" | "lost";

/** What is known of a zone. Times are monotonic ms. */
export type ZoneReading = {
  /** Null while nobody knows. */
  readonly occupied: boolean | null;
  /** It asks its relays for what they are there for: an alarm's to be on, a permit's to be off. */
  readonly tripped: boolean;
  /** Why it is tripped; null when it isn't. `unknown`: it isn't known yet that nobody is in. */
  readonly cause: "person" | "camera_lost" | "disarmed" | "unknown" | null;
  /** Since when someone is in, and the surest detection of the last picture that showed him. */
  readonly since: number | null;
  readonly by: Detection | null;
  /** When it is to be read again if no picture is looked at before; null for never. It is always yet to come. */
  readonly until: number | null;
};

/**
 * What is known now. It is to be read at each picture that was looked at, when its camera or the detector comes or goes,
 * when it is armed or disarmed, and at `until`.
 *
 * An alarm trips when someone has been in for the dwell time, and as `on_camera_loss` says: `trip` from a loss on until
 * m pictures were looked at again; `hold` leaves it as it is; `ignore` leaves it for the hold time.
 *
 * A permit is tripped unless it is armed and known to be clear: m pictures in a row without anyone, the hold time after
 * the last one with someone. From then on single hits are let pass as they are on entering, n of m trip it, and so does
 * a loss at once.
 *
 * @param now monotonic ms
 */
export function readZone(
  before: ZoneState,
  config: ZoneConfig,
  now: number,
  link: Link,
  armed: boolean,
): { state: ZoneState; reading: ZoneReading } {
  const begun = before.begun ?? (link === "live" ? now : null);
  const from = before.lookedAt ?? begun;
  const isBroken = link === "lost" || (link === "starting" && from !== null);
  const isLost = isBroken || (from !== null && now - from >= staleMs(config));
  const state = { ...(isLost ? lose(before) : before), begun };
  const { presence } = state;
  const ignored = state.lost && config.on_camera_loss === "ignore";
  /** When the trip by someone who was last seen so long ago ends by itself. */
  const over = presence?.dwelt && ignored ? presence.seen + config.hold_ms : null;
  const trip =
    config.mode === "alarm" ? alarmTrip(state, config, over === null || now < over) : permitTrip(state);
  const cause = config.mode === "permit" && !armed ? "disarmed" : armed ? trip : null;
  const stale = isLost || from === null ? null : from + staleMs(config);
  return {
    state,
    reading: {
      occupied: occupied(state, config, ignored),
      tripped: cause !== null,
      cause,
      since: presence?.since ?? null,
      by: presence?.by ?? null,
      until: over !== null && now < over ? Math.min(over, stale ?? over) : stale,
    },
  };
}

function occupied(
  { presence, lost, last }: ZoneState,
  { enter }: ZoneConfig,
  ignored: boolean,
): boolean | null {
  if (presence && !ignored) return true;
  return lost || last.length < enter.m ? null : false;
}

type Trip = "person" | "camera_lost" | "unknown" | null;

function alarmTrip({ presence, lost }: ZoneState, { on_camera_loss }: ZoneConfig, isHeld: boolean): Trip {
  if (presence?.dwelt && isHeld) return "person";
  return lost && on_camera_loss === "trip" ? "camera_lost" : null;
}

function permitTrip({ presence, lost, clear }: ZoneState): Trip {
  if (clear) return null;
  if (presence) return "person";
  return lost ? "camera_lost" : "unknown";
}
