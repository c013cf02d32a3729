import type { Box, Detection } from "./frame.ts";
import { type Placement, unplace } from "./letterbox.ts";

/** Boxes of detections against each other. Pure. */

/** Intersection over union: how far two boxes are the same one, from 0 (apart) to 1. */
export function iou(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (area(a) + area(b) - both);
}

const area = ([left, top, right, bottom]: Box): number => (right - left) * (bottom - top);

/**
 * A score, or the number of a class. NaN is less than no score that counts, nor more: a model that gives it would be
 * taken for one that sees nobody.
 * @throws when it isn't finite
 */
export function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Error(`the model gave ${value} instead of a number`);
  return value;
}

/**
 * A person in the picture, whose box is given in pixels of the input.
 * @throws when the box isn't finite
 */
export function detection(
  score: number,
  sides: readonly [number, number, number, number],
  at: Placement,
): Detection {
  if (!sides.every(Number.isFinite)) throw new Error(`the model gave a box of ${sides.join(", ")}`);
  return { box: unplace(sides, at), score };
}

/**
 * Non-maximum suppression: of boxes that are the same thing seen several times the surest, surest first.
 * @param most the IoU from which two are the same
 */
export function suppress(detections: readonly Detection[], most: number): Detection[] {
  const kept: Detection[] = [];
  for (const each of detections.toSorted((a, b) => b.score - a.score)) {
    if (kept.every(({ box }) => iou(box, each.box) < most)) kept.push(each);
  }
  return kept;
}
