import type { Box, Detection, Tracked } from "./frame.ts";

/**
 * Who is who from picture to picture, for people who look: nothing is switched by it. Association in two steps as in
 * ByteTrack (Zhang et al., 2022): sure detections find their tracks first, then unsure ones keep alive what is left of
 * those that were seen in the picture before. In place of its Kalman filter a box goes on as it last moved. Pure.
 */

/** A detection so sure begins a track; one that isn't can only go on with one. */
const SURE = 0.5;
/** Boxes belong together from this intersection over union on; of unsure detections more is asked. */
const LEAST_OVERLAP = 0.2;
const LEAST_OVERLAP_UNSURE = 0.4;
/** A track that wasn't seen in so many pictures is forgotten. */
const FORGOTTEN_AFTER = 15;
/** The most tracks that are kept: those seen last. */
const MOST = 64;

type Track = {
  readonly id: number;
  readonly box: Box;
  /** How far its box moves from picture to picture. */
  readonly step: readonly [x: number, y: number];
  /** Pictures since it was seen. */
  readonly missed: number;
};

/** What is kept between pictures. `next` is the id of the next track, from 1. */
export type Tracker = { readonly next: number; readonly tracks: readonly Track[] };

export const freshTracker: Tracker = { next: 1, tracks: [] };

const sizeOf = ([left, top, right, bottom]: Box): number =>
  Math.max(0, right - left) * Math.max(0, bottom - top);

/** Intersection over union of two boxes, 0 to 1. */
function iou(a: Box, b: Box): number {
  const shared = sizeOf([
    Math.max(a[0], b[0]),
    Math.max(a[1], b[1]),
    Math.min(a[2], b[2]),
    Math.min(a[3], b[3]),
  ]);
  const union = sizeOf(a) + sizeOf(b) - shared;
  return union > 0 ? shared / union : 0;
}

const moved = ([left, top, right, bottom]: Box, [x, y]: Track["step"]): Box => [
  left + x,
  top + y,
  right + x,
  bottom + y,
];

const middle = ([left, top, right, bottom]: Box): [number, number] => [
  (left + right) / 2,
  (top + bottom) / 2,
];

/** Pairs detections with tracks, those that overlap most first, each at most once. */
function pair(
  detections: readonly Detection[],
  tracks: readonly Track[],
  least: number,
): Map<Detection, Track> {
  const near = detections
    .flatMap((detection) =>
      tracks.map((track) => ({
        detection,
        track,
        overlap: iou(detection.box, moved(track.box, track.step)),
      })),
    )
    .filter(({ overlap }) => overlap >= least)
    .sort((a, b) => b.overlap - a.overlap);
  const pairs = new Map<Detection, Track>();
  const taken = new Set<Track>();
  for (const { detection, track } of near) {
    if (pairs.has(detection) || taken.has(track)) continue;
    pairs.set(detection, track);
    taken.add(track);
  }
  return pairs;
}

/** The track with what was seen of it. Its step is half what it was and half what it is: boxes jitter. */
function seen(track: Track, box: Box): Track {
  const [before, now] = [middle(track.box), middle(box)];
  const half = (axis: 0 | 1) => (track.step[axis] + now[axis] - before[axis]) / 2;
  return { id: track.id, box, step: [half(0), half(1)], missed: 0 };
}

/**
 * The people of the next picture, in the order of its detections. One that is too unsure to be somebody new and goes on
 * with nobody has no track.
 */
export function track(
  { next, tracks }: Tracker,
  detections: readonly Detection[],
): { tracker: Tracker; tracked: Tracked[] } {
  const isSure = ({ score }: Detection) => score >= SURE;
  const pairs = pair(detections.filter(isSure), tracks, LEAST_OVERLAP);
  const taken = new Set(pairs.values());
  const left = tracks.filter((track) => track.missed === 0 && !taken.has(track));
  const unsure = detections.filter((detection) => !isSure(detection));
  for (const [detection, track] of pair(unsure, left, LEAST_OVERLAP_UNSURE)) {
    pairs.set(detection, track);
    taken.add(track);
  }
  let id = next;
  const now: Track[] = [];
  const tracked = detections.map((detection): Tracked => {
    const known = pairs.get(detection);
    if (!known && !isSure(detection)) return { ...detection, track: null };
    const one: Track = known
      ? seen(known, detection.box)
      : { id: id++, box: detection.box, step: [0, 0], missed: 0 };
    now.push(one);
    return { ...detection, track: one.id };
  });
  const unseen = tracks
    .filter((track) => !taken.has(track) && track.missed + 1 < FORGOTTEN_AFTER)
    // It goes on as it went.
    .map((track) => ({ ...track, box: moved(track.box, track.step), missed: track.missed + 1 }))
    .sort((a, b) => a.missed - b.missed);
  return { tracker: { next: id, tracks: [...now, ...unseen].slice(0, MOST) }, tracked };
}
