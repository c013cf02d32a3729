import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Box, Detection } from "../../../src/detect/core/frame.ts";
import { freshTracker, type Tracker, track } from "../../../src/detect/core/tracker.ts";

const person = (left: number, score = 0.9, top = 0.3): Detection => ({
  box: [left, top, left + 0.1, top + 0.4],
  score,
});

/** Goes through pictures and gives the ids in each. */
function ids(pictures: readonly (readonly Detection[])[]): (number | null)[][] {
  let tracker: Tracker = freshTracker;
  return pictures.map((detections) => {
    const next = track(tracker, detections);
    tracker = next.tracker;
    return next.tracked.map((each) => each.track);
  });
}

describe("a person", () => {
  test("keeps the id while walking, whatever the order of what is seen", () => {
    const pictures = [0, 1, 2, 3, 4].map((step) => {
      const both = [person(0.1 + 0.05 * step), person(0.8 - 0.02 * step)];
      return step % 2 === 0 ? both : both.toReversed();
    });
    expect(ids(pictures)).toEqual([
      [1, 2],
      [2, 1],
      [1, 2],
      [2, 1],
      [1, 2],
    ]);
  });

  test("who walks on behind something is known again", () => {
    const walk = [0, 1, 2, 3].map((step) => [person(0.1 + 0.04 * step)]);
    expect(ids([...walk, [], [], [person(0.1 + 0.04 * 6)]]).at(-1)).toEqual([1]);
  });

  test("keeps the id when the detector becomes unsure", () => {
    expect(ids([[person(0.1)], [person(0.11, 0.2)], [person(0.12)]])).toEqual([[1], [1], [1]]);
  });

  test("has none until the detector was sure", () => {
    expect(ids([[person(0.1, 0.3)], [person(0.1, 0.3)], [person(0.1, 0.6)]])).toEqual([[null], [null], [1]]);
  });

  test("who has been away for long is another one", () => {
    const away = Array.from({ length: 20 }, () => []);
    expect(ids([[person(0.1)], ...away, [person(0.1)]]).at(-1)).toEqual([2]);
  });
});

test("an unsure detection doesn't take the track of a sure one", () => {
  expect(ids([[person(0.1)], [person(0.1, 0.3), person(0.11)]])).toEqual([[1], [null, 1]]);
});

test("no id comes twice in a picture, nothing is lost of what was detected, and what is kept has a bound", () => {
  const share = fc.double({ min: 0, max: 0.9, noNaN: true });
  const detection = fc
    .tuple(share, share, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([x, y, score]): Detection => ({ box: [x, y, x + 0.1, y + 0.1] satisfies Box, score }));
  fc.assert(
    fc.property(fc.array(fc.array(detection, { maxLength: 30 }), { maxLength: 20 }), (pictures) => {
      let tracker: Tracker = freshTracker;
      for (const detections of pictures) {
        const next = track(tracker, detections);
        const known = next.tracked.flatMap((each) => each.track ?? []);
        expect(new Set(known).size).toBe(known.length);
        expect(next.tracked.map(({ track: _, ...rest }) => rest)).toEqual([...detections]);
        expect(next.tracker.tracks.length).toBeLessThanOrEqual(64);
        tracker = next.tracker;
      }
    }),
    { numRuns: 50 },
  );
});
