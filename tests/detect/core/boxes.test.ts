import { expect, test } from "bun:test";
import { iou, suppress } from "../../../src/detect/core/boxes.ts";
import type { Box } from "../../../src/detect/core/frame.ts";

test.each<[what: string, a: Box, b: Box, share: number]>([
  ["the same", [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], 1],
  ["apart", [0, 0, 0.2, 0.2], [0.5, 0.5, 1, 1], 0],
  ["side by side", [0, 0, 0.5, 1], [0.5, 0, 1, 1], 0],
  ["half of each other", [0, 0, 0.5, 1], [0.25, 0, 0.75, 1], 1 / 3],
  ["one in the other", [0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75], 0.25],
  ["a line and itself", [0.5, 0, 0.5, 1], [0.5, 0, 0.5, 1], 0],
])("boxes that are %s", (_, a, b, share) => {
  expect(iou(a, b)).toBeCloseTo(share, 12);
  expect(iou(b, a)).toBeCloseTo(share, 12);
});

test("of boxes that are the same thing the surest is kept, and people side by side are", () => {
  const box = (left: number): Box => [left, 0, left + 0.2, 1];
  const detections = [
    { box: box(0.02), score: 0.6 },
    { box: box(0.01), score: 0.9 },
    { box: box(0.11), score: 0.5 },
    { box: box(0.5), score: 0.7 },
  ];
  expect(suppress(detections, 0.6)).toEqual([
    detections[1],
    detections[3],
    detections[2],
  ] as typeof detections);
});
