import { readFileSync } from "node:fs";
import { join } from "node:path";
import { iou } from "../../src/detect/core/boxes.ts";
import type { Box, Detection, Picture } from "../../src/detect/core/frame.ts";

/** Pedestrians before a fixed camera, from Debian's opencv-doc: 795 pictures of 768 × 576. */
const VTEST = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";
const [WIDTH, HEIGHT] = [768, 576];

/** Each `step`th of its pictures, up to so many, scaled, by its number, from 1. */
export function vtestPictures(width: number, step: number, most: number): Map<number, Picture> {
  const height = Math.round((width * HEIGHT) / WIDTH);
  const ran = Bun.spawnSync([
    ...["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", VTEST],
    ...[
      "-frames:v",
      `${most}`,
      "-vf",
      `select=not(mod(n+1\\,${step})),scale=${width}:${height}:flags=bilinear`,
    ],
    ...["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
  ]);
  if (!ran.success) throw new Error(`${VTEST} can't be read: ${ran.stderr}`);
  const bytes = width * height * 3;
  return new Map(
    Array.from({ length: ran.stdout.length / bytes }, (_, i) => {
      const data = new Uint8Array(ran.stdout.subarray(i * bytes, (i + 1) * bytes));
      return [(i + 1) * step, { data, width, height }];
    }),
  );
}

const reference = join(import.meta.dir, "../detect/detector/reference");

/** Where another detector, which is more than 0.9 sure of it, sees people in it: boxes by the number of the picture. */
export const vtestDetected = (): Map<number, Box[]> => boxes("vtest.detected.csv");

/** Where a person has marked people, in the first picture and in each tenth of the first sixty. */
export const vtestMarked = (): Map<number, Box[]> => boxes("vtest.marked.csv");

function boxes(file: string): Map<number, Box[]> {
  const found = new Map<number, Box[]>();
  const [, ...lines] = readFileSync(join(reference, file), "utf8").trim().split("\n");
  for (const line of lines) {
    const [number = 0, left = 0, top = 0, width = 0, height = 0] = line.split(",").map(Number);
    const list = found.get(number) ?? [];
    found.set(number, list);
    list.push([left / WIDTH, top / HEIGHT, (left + width) / WIDTH, (top + height) / HEIGHT]);
  }
  return found;
}

/** Of each detection, the surest first, whether it is one of the boxes: at an IoU of 0.5 or more, and no other is. */
export function matches(boxes: readonly Box[], detections: readonly Detection[]): boolean[] {
  const left = new Set(boxes);
  return detections
    .toSorted((a, b) => b.score - a.score)
    .map(({ box }) => {
      const [best] = [...left].sort((a, b) => iou(b, box) - iou(a, box));
      if (best === undefined || iou(best, box) < 0.5) return false;
      return left.delete(best);
    });
}
