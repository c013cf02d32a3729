import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { expired, type Kept } from "../../../src/track/core/prune.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22, 12);
/** One of so many days ago that takes so many MB. */
const shot = (id: number, days: number, mb = 1): Kept => ({
  id,
  taken_at: NOW - days * DAY,
  bytes: mb * 1e6,
});
const ids = (shots: readonly Kept[]) => shots.map(({ id }) => id).sort();

describe("screenshots", () => {
  test("older than so many days go", () => {
    const shots = [shot(1, 31), shot(2, 30), shot(3, 0), shot(4, -2)];
    expect(ids(expired(shots, { days: 30, mb: 0 }, NOW))).toEqual([1]);
  });

  test("go from the oldest on, until the rest takes no more than it may", () => {
    const shots = [shot(3, 1, 4), shot(1, 3, 4), shot(2, 2, 4)];
    expect(ids(expired(shots, { days: 0, mb: 12 }, NOW))).toEqual([]);
    expect(ids(expired(shots, { days: 0, mb: 11 }, NOW))).toEqual([1]);
    expect(ids(expired(shots, { days: 0, mb: 4 }, NOW))).toEqual([1, 2]);
  });

  test("that are small don't stay in the place of larger ones that are newer", () => {
    expect(ids(expired([shot(1, 3, 1), shot(2, 2, 8), shot(3, 1, 4)], { days: 0, mb: 10 }, NOW))).toEqual([
      1, 2,
    ]);
  });

  test("of one moment go in the order they were taken", () => {
    expect(ids(expired([shot(2, 1), shot(1, 1)], { days: 0, mb: 1 }, NOW))).toEqual([1]);
  });

  test("all stay without limits", () => {
    expect(expired([shot(1, 4000, 1e6)], { days: 0, mb: 0 }, NOW)).toEqual([]);
  });

  test("what stays is within both limits, and is newer than what goes", () => {
    const some = fc.array(
      fc.record({ days: fc.integer({ min: -5, max: 60 }), mb: fc.integer({ min: 0, max: 50 }) }),
    );
    fc.assert(
      fc.property(
        some,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 200 }),
        (all, days, mb) => {
          const shots = all.map((each, id) => shot(id, each.days, each.mb));
          const gone = expired(shots, { days, mb }, NOW);
          const stay = shots.filter((each) => !gone.includes(each));
          expect(stay.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(mb * 1e6);
          for (const { taken_at } of stay) expect(taken_at).toBeGreaterThanOrEqual(NOW - days * DAY);
          const oldest = Math.min(...stay.map(({ taken_at }) => taken_at));
          for (const { taken_at } of gone) expect(taken_at).toBeLessThanOrEqual(oldest);
        },
      ),
    );
  });
});
