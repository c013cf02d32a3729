import { detection, finite, suppress } from "./boxes.ts";
import type { Detection } from "./frame.ts";
import { type Colours, levels, type Placement, type Size } from "./letterbox.ts";

/** What NanoDet takes and gives; build/nanodet.ts says how it is laid out. Pure. */

/** Blue, green and red, less their means and divided by their deviations, as it was taught; the margin is the mean. */
export const nanodetColours: Colours = {
  planes: [
    { colour: 2, levels: levels((level) => (level - 103.53) / 57.375) },
    { colour: 1, levels: levels((level) => (level - 116.28) / 57.12) },
    { colour: 0, levels: levels((level) => (level - 123.675) / 58.395) },
  ],
  margin: [104, 116, 124],
};

const STRIDES = [8, 16, 32] as const;
/** The distance to each side of a box is told as how likely each of 0 … 10 strides is. */
const STEPS = 11;
/** The largest box it can tell, pixels: a picture that is larger is made smaller. */
const LARGEST = 2 * (STEPS - 1) * 32;
/** Two boxes that overlap so far are of one person: as it was published. */
const SAME = 0.6;

/** The size of its input for a picture, and where in it the picture lies: as it is, if it isn't too large. */
export function nanodetInput({ width, height }: Size): { size: Size; at: Placement } {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const at = { left: 0, top: 0, width: scaled(width, scale), height: scaled(height, scale) };
  return { size: { width: whole(at.width), height: whole(at.height) }, at };
}

const scaled = (length: number, scale: number): number => Math.max(1, Math.round(length * scale));
/** It halves its input five times. */
const whole = (length: number): number => Math.ceil(length / 32) * 32;

/**
 * The people in what it gives, each once.
 * @param outputs for strides of 8, 16 and 32 in turn
 * @param least the score from which one counts
 * @throws when a score, or the box of one that counts, isn't finite
 */
export function decodeNanodet(
  outputs: readonly Float32Array[],
  size: Size,
  at: Placement,
  least: number,
): Detection[] {
  // Sigmoid grows with its argument: only what counts needs it.
  const logit = Math.log(least / (1 - least));
  const found: Detection[] = [];
  STRIDES.forEach((stride, n) => {
    const output = outputs[n] ?? new Float32Array();
    const columns = size.width / stride;
    const places = columns * (size.height / stride);
    for (let place = 0; place < places; place++) {
      const value = finite(output[place] ?? Number.NaN);
      if (value < logit) continue;
      const x = (place % columns) * stride + (stride - 1) / 2;
      const y = Math.floor(place / columns) * stride + (stride - 1) / 2;
      const distance = (side: number) =>
        stride * expected(output, (1 + side * STEPS) * places + place, places);
      const box = [x - distance(0), y - distance(1), x + distance(2), y + distance(3)] as const;
      found.push(detection(1 / (1 + Math.exp(-value)), box, at));
    }
  });
  return suppress(found, SAME);
}

/** The mean of a distribution that is given by logits (generalized focal loss, arXiv 2006.04388, equation 5). */
function expected(logits: Float32Array, from: number, step: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < STEPS; i++) highest = Math.max(highest, logits[from + i * step] as number);
  let total = 0;
  let mean = 0;
  for (let i = 0; i < STEPS; i++) {
    const weight = Math.exp((logits[from + i * step] as number) - highest);
    total += weight;
    mean += weight * i;
  }
  return mean / total;
}
