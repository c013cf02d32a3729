import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Box, Point } from "../../../src/detect/core/frame.ts";
import {
  area,
  contains,
  MOST_POINTS,
  overlapShare,
  polygonProblem,
  selfCrossing,
} from "../../../src/detect/core/geometry.ts";

/** Places of a grid, whose sixteenths are exact numbers: what is asked of them has one right answer. */
const GRID = 16;
const onGrid = fc.integer({ min: 0, max: GRID });
const gridPoint = fc.tuple(onGrid, onGrid);
const gridPolygon = fc.array(gridPoint, { minLength: 3, maxLength: 8 });
type Whole = readonly [number, number];
const shares = (points: readonly Whole[]): Point[] => points.map(([x, y]) => [x / GRID, y / GRID]);

const cross = (a: Whole, b: Whole, c: Whole) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
const edges = (points: readonly Whole[]): [Whole, Whole][] =>
  points.map((from, at) => [from, points[(at + 1) % points.length] as Whole]);
const isOn = (p: Whole, a: Whole, b: Whole) =>
  cross(a, b, p) === 0 &&
  [0, 1].every((axis) => {
    const [from = 0, to = 0, at = 0] = [a[axis], b[axis], p[axis]];
    return Math.min(from, to) <= at && at <= Math.max(from, to);
  });

/** Whether a point is in, in whole numbers: how often the way to a place that is in line with no corner crosses edges. */
function isIn(points: readonly Whole[], p: Whole): boolean {
  if (edges(points).some(([a, b]) => isOn(p, a, b))) return true;
  const far: Whole = [p[0] + 1009, p[1] + 7];
  const crossed = edges(points).filter(
    ([a, b]) =>
      Math.sign(cross(p, far, a)) !== Math.sign(cross(p, far, b)) &&
      Math.sign(cross(a, b, p)) !== Math.sign(cross(a, b, far)),
  );
  return crossed.length % 2 === 1;
}

/** Whether two lines have a point in common, in whole numbers. */
const meet = ([a, b]: [Whole, Whole], [c, d]: [Whole, Whole]) =>
  isOn(a, c, d) ||
  isOn(b, c, d) ||
  isOn(c, a, b) ||
  isOn(d, a, b) ||
  (cross(a, b, c) * cross(a, b, d) < 0 && cross(c, d, a) * cross(c, d, b) < 0);

/** Around a middle point that sees all of it, so that it never crosses itself. */
const simplePolygon = fc
  .tuple(
    fc.array(fc.double({ min: 0.02, max: 0.45, noNaN: true }), { minLength: 3, maxLength: 12 }),
    fc.double({ min: 0, max: 6, noNaN: true }),
  )
  .map(([radii, turned]) =>
    radii.map((radius, at): Point => {
      const angle = turned + (2 * Math.PI * at) / radii.length;
      return [0.5 + radius * Math.cos(angle), 0.5 + radius * Math.sin(angle)];
    }),
  );

/** Added up line by line: how much of each line across the box is between the polygon's edges. */
function shareByLines(polygon: readonly Point[], [left, top, right, bottom]: Box): number {
  const lines = 1_000;
  let sum = 0;
  for (let at = 0; at < lines; at++) {
    const y = top + ((at + 0.5) / lines) * (bottom - top);
    const ends = polygon
      .flatMap(([x0, y0], i) => {
        const [x1, y1] = polygon[(i + 1) % polygon.length] as Point;
        return y0 <= y !== y1 <= y ? [x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)] : [];
      })
      .map((x) => Math.min(right, Math.max(left, x)))
      .sort((a, b) => a - b);
    for (let i = 0; i + 1 < ends.length; i += 2) sum += (ends[i + 1] as number) - (ends[i] as number);
  }
  return sum / lines / (right - left);
}

/** A room with a corner left out. */
const L: Point[] = [
  [0.1, 0.1],
  [0.9, 0.1],
  [0.9, 0.5],
  [0.5, 0.5],
  [0.5, 0.9],
  [0.1, 0.9],
];

describe("a point", () => {
  test("in a concave zone is in, one in the corner that is left out isn't", () => {
    expect([contains(L, [0.3, 0.3]), contains(L, [0.7, 0.7]), contains(L, [0.95, 0.3])]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test("on an edge or a corner is in, however the corners were calculated", () => {
    for (const [at, [ax, ay]] of L.entries()) {
      const [bx, by] = L[(at + 1) % L.length] as Point;
      for (let share = 0; share <= 1; share += 0.1) {
        expect(contains(L, [ax + share * (bx - ax), ay + share * (by - ay)])).toBe(true);
      }
    }
  });

  test("is in or out as whole numbers say, wherever it is and however the polygon crosses itself", () => {
    fc.assert(
      fc.property(gridPolygon, gridPoint, (polygon, point) => {
        expect(contains(shares(polygon), shares([point])[0] as Point)).toBe(isIn(polygon, point));
      }),
      { numRuns: 2_000 },
    );
  });

  test("that isn't a number is nowhere", () => {
    expect(contains(L, [Number.NaN, 0.3])).toBe(false);
  });
});

describe("a polygon", () => {
  test("crosses or touches itself as whole numbers say", () => {
    fc.assert(
      fc.property(gridPolygon, (polygon) => {
        const all = edges(polygon);
        const wrong = all.some((edge, i) =>
          all.some((other, j) => {
            if (j <= i) return false;
            if (j === i + 1) return isOn(other[1], ...edge) || isOn(edge[0], ...other);
            if (i === 0 && j === all.length - 1) return isOn(edge[1], ...other) || isOn(other[0], ...edge);
            return meet(edge, other);
          }),
        );
        expect(selfCrossing(shares(polygon))).toBe(wrong);
      }),
      { numRuns: 3_000 },
    );
  });

  test("that goes round a point never crosses itself, whichever way round and wherever it begins", () => {
    fc.assert(
      fc.property(simplePolygon, fc.nat(11), (polygon, first) => {
        const turned = [...polygon.slice(first), ...polygon.slice(0, first)];
        expect([polygon, turned, turned.toReversed()].map(polygonProblem)).toEqual([
          undefined,
          undefined,
          undefined,
        ]);
      }),
    );
  });

  test("has an area, whichever way round", () => {
    expect(area(L)).toBeCloseTo(0.48, 12);
    expect(area(L.toReversed())).toBeCloseTo(0.48, 12);
    expect(area([])).toBe(0);
  });

  const many = (count: number): Point[] =>
    Array.from({ length: count }, (_, at): Point => {
      const angle = (2 * Math.PI * at) / count;
      return [0.5 + 0.4 * Math.cos(angle), 0.5 + 0.4 * Math.sin(angle)];
    });
  const refused: [what: string, points: Point[], why: string][] = [
    [
      "two points",
      [
        [0, 0],
        [1, 1],
      ],
      "needs three points at least",
    ],
    [
      "a point outside",
      [
        [0, 0],
        [1.01, 0],
        [1, 1],
      ],
      "has a point outside the picture: number 2",
    ],
    [
      "a NaN",
      [
        [0, 0],
        [1, 0],
        [1, Number.NaN],
      ],
      "has a point outside the picture: number 3",
    ],
    [
      "a bow tie",
      [
        [0, 0],
        [1, 1],
        [1, 0],
        [0, 1],
      ],
      "crosses or touches itself",
    ],
    [
      "a corner on an edge",
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0.5, 0],
        [0, 1],
      ],
      "crosses or touches itself",
    ],
    [
      "the same point twice",
      [
        [0, 0],
        [1, 0],
        [1, 0],
        [0, 1],
      ],
      "crosses or touches itself",
    ],
    [
      "an edge back along another",
      [
        [0, 0],
        [1, 0],
        [0.5, 0],
        [0.5, 1],
      ],
      "crosses or touches itself",
    ],
    [
      "three points on a line",
      [
        [0.1, 0.1],
        [0.2, 0.2],
        [0.3, 0.3],
      ],
      "has no area",
    ],
    [
      "the same point three times",
      [
        [0.5, 0.5],
        [0.5, 0.5],
        [0.5, 0.5],
      ],
      "has no area",
    ],
    [
      "less than a pixel",
      [
        [0.5, 0.5],
        [0.501, 0.5],
        [0.5, 0.501],
      ],
      "has no area",
    ],
    ["more points than anybody draws", many(MOST_POINTS + 1), "has more than 64 points"],
  ];
  test.each(refused)("of %s is refused", (_, points, why) => {
    expect(polygonProblem(points)).toBe(why);
  });

  test("of as many points as there may be, or of the whole picture, is taken", () => {
    expect(polygonProblem(many(MOST_POINTS))).toBeUndefined();
    expect(
      polygonProblem([
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
      ]),
    ).toBeUndefined();
  });
});

describe("the share of a box that is in a zone", () => {
  test("is none, all, or the part of it", () => {
    expect(overlapShare(L, [0.6, 0.6, 0.8, 0.8])).toBe(0);
    expect(overlapShare(L, [0.2, 0.2, 0.4, 0.4])).toBeCloseTo(1, 12);
    expect(overlapShare(L, [0.4, 0.4, 0.6, 0.6])).toBeCloseTo(0.75, 12);
    expect(overlapShare(L, [0, 0, 1, 1])).toBeCloseTo(0.48, 12);
  });

  test("of a box that lies against it, or has no area, is none", () => {
    expect(overlapShare(L, [0.9, 0.1, 1, 0.5])).toBe(0);
    expect(overlapShare(L, [0.2, 0.2, 0.2, 0.4])).toBe(0);
    expect(overlapShare(L, [0.4, 0.4, 0.2, 0.2])).toBe(0);
  });

  test("is what its lines add up to, of any concave zone and box", () => {
    const side = fc.double({ min: 0, max: 0.9, noNaN: true });
    const size = fc.double({ min: 0.05, max: 0.6, noNaN: true });
    fc.assert(
      fc.property(simplePolygon, side, side, size, size, (polygon, left, top, width, height) => {
        const box: Box = [left, top, left + width, top + height];
        expect(Math.abs(overlapShare(polygon, box) - shareByLines(polygon, box))).toBeLessThan(0.01);
      }),
      { numRuns: 150 },
    );
  });
});
