import type { Box, Point } from "./frame.ts";

/** Polygons in a picture: which points are in them, and which polygons can be zones. Pure. */

/**
 * What is so near to an edge is on it, in a picture's own coordinates: far more than sums of such numbers are rounded
 * by, far less than a pixel.
 */
export const NEAR = 1e-9;

/** A polygon has at most so many points: it is drawn by hand. */
export const MOST_POINTS = 64;
/** A polygon that covers less of the picture is none: a thousandth of its width by a thousandth of its height. */
const LEAST_AREA = 1e-6;

/** Twice the area of the triangle, positive where `a`, `b`, `c` turn from x to y. */
const turn = ([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number =>
  (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

/** From each point to the next, and from the last to the first. */
const edgesOf = (polygon: readonly Point[]): [from: Point, to: Point][] =>
  polygon.map((from, at) => [from, polygon[(at + 1) % polygon.length] as Point]);

/** Whether a point is on the line from `a` to `b`, or within {@link NEAR} of it. */
function isOn([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): boolean {
  const [dx, dy] = [bx - ax, by - ay];
  const long = dx * dx + dy * dy;
  const along = long === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / long));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy) <= NEAR;
}

/** Whether a point is in a polygon; one on an edge or a corner is, within {@link NEAR}. A NaN is nowhere. */
export function contains(polygon: readonly Point[], point: Point): boolean {
  let inside = false;
  for (const [from, to] of edgesOf(polygon)) {
    if (isOn(point, from, to)) return true;
    // A ray to the right crosses the edge. One end of an edge counts and the other doesn't: a corner is crossed once.
    const [high, low] = from[1] < to[1] ? [from, to] : [to, from];
    if (high[1] <= point[1] && point[1] < low[1] && turn(high, low, point) > 0) inside = !inside;
  }
  return inside;
}

/** Whether two lines have a point in common, or come within {@link NEAR} of each other with an end. */
function meet([a, b]: readonly [Point, Point], [c, d]: readonly [Point, Point]): boolean {
  if (isOn(a, c, d) || isOn(b, c, d) || isOn(c, a, b) || isOn(d, a, b)) return true;
  return turn(a, b, c) > 0 !== turn(a, b, d) > 0 && turn(c, d, a) > 0 !== turn(c, d, b) > 0;
}

/**
 * Whether edges of a polygon cross, touch or lie on each other other than where one goes on as the next. A point that
 * comes twice touches, too.
 */
export function selfCrossing(polygon: readonly Point[]): boolean {
  const edges = edgesOf(polygon);
  return edges.some(([a, b], at) => {
    const [, c] = edges[(at + 1) % edges.length] as [Point, Point];
    // The next edge begins where this one ends: it mustn't come back along it.
    if (isOn(c, a, b) || isOn(a, b, c)) return true;
    const isLast = at === 0 ? 1 : 0;
    return edges.slice(at + 2, edges.length - isLast).some((other) => meet([a, b], other));
  });
}

/** With its sign: positive where the points go round from x to y. The shoelace formula. */
function signedArea(polygon: readonly Point[]): number {
  const [origin] = polygon;
  return origin ? edgesOf(polygon).reduce((sum, [from, to]) => sum + turn(origin, from, to), 0) / 2 : 0;
}

/** The area of a simple polygon, as a share of the picture. */
export const area = (polygon: readonly Point[]): number => Math.abs(signedArea(polygon));

/** The part of a polygon on one side of a line along an axis: `side` 1 keeps what is above `bound`, -1 what is below. */
function clip(polygon: readonly Point[], axis: 0 | 1, bound: number, side: 1 | -1): Point[] {
  const beyond = (point: Point) => side * (point[axis] - bound);
  return edgesOf(polygon).flatMap(([from, to]) => {
    const [a, b] = [beyond(from), beyond(to)];
    const kept: Point[] = a >= 0 ? [from] : [];
    if (a > 0 !== b > 0 && a !== 0 && b !== 0) {
      const share = a / (a - b);
      const other = from[1 - axis] as number;
      const across = other + share * ((to[1 - axis] as number) - other);
      kept.push(axis === 0 ? [bound, across] : [across, bound]);
    }
    return kept;
  });
}

/**
 * How much of a box is in a simple polygon, 0 to 1. The polygon is cut along the box's sides one after the other
 * (Sutherland and Hodgman, 1974): what of a concave one falls apart stays joined along a side, by lines without area.
 */
export function overlapShare(polygon: readonly Point[], [left, top, right, bottom]: Box): number {
  const whole = (right - left) * (bottom - top);
  if (!(right > left && bottom > top)) return 0;
  const within = clip(clip(clip(clip(polygon, 0, left, 1), 0, right, -1), 1, top, 1), 1, bottom, -1);
  return Math.min(1, area(within) / whole);
}

/** Whether all points are as good as on one line. */
const isFlat = (points: readonly Point[]): boolean => {
  const [a] = points;
  return a === undefined || points.every((b) => points.every((c) => Math.abs(turn(a, b, c)) <= LEAST_AREA));
};

/** Why points are no polygon that can be a zone or a mask, in words that follow its name; undefined when they are. */
export function polygonProblem(points: readonly Point[]): string | undefined {
  if (points.length < 3) return "needs three points at least";
  if (points.length > MOST_POINTS) return `has more than ${MOST_POINTS} points`;
  const outside = points.findIndex(([x, y]) => !(x >= 0 && x <= 1 && y >= 0 && y <= 1));
  if (outside >= 0) return `has a point outside the picture: number ${outside + 1}`;
  if (isFlat(points)) return "has no area";
  if (selfCrossing(points)) return "crosses or touches itself";
  return area(points) < LEAST_AREA ? "has no area" : undefined;
}
