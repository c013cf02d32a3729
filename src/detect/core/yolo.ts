import { detection, finite, suppress } from "./boxes.ts";
import type { Detection } from "./frame.ts";
import type { DetectorConfig } from "./installation.ts";
import { type Colours, levels, type Placement, type Size } from "./letterbox.ts";

/** Models of the user's: the layouts of Ultralytics' YOLO, in which a person is the first class. Pure. */

/** Red, green and blue from 0 to 1; the margin is the grey they are taught with. */
export const yoloColours: Colours = {
  planes: ([0, 1, 2] as const).map((colour) => ({ colour, levels: levels((level) => level / 255) })),
  margin: [114, 114, 114],
};

/** Two boxes that overlap so far are of one person. */
const SAME = 0.6;

/** Where a picture lies in the input: as large as it fits, in the middle. */
export function yoloInput({ width, height }: Size, size: Size): Placement {
  const scale = Math.min(size.width / width, size.height / height);
  const [wide, high] = [width, height].map((length) => Math.max(1, Math.round(length * scale))) as [
    number,
    number,
  ];
  return {
    width: wide,
    height: high,
    left: (size.width - wide) >> 1,
    top: (size.height - high) >> 1,
  };
}

export type YoloLayout = Exclude<DetectorConfig["layout"], "auto">;

/** At which strides boxes are looked for; models for large pictures, or for small things, have one more. */
const STRIDES = [
  [8, 16, 32],
  [8, 16, 32, 64],
  [4, 8, 16, 32],
] as const;
/** YOLOv5 gives three boxes for each place. */
const ANCHORS = 3;
/** No model that needs no suppression gives more boxes, unless the configuration says that it is one. */
const FEW = 1_000;

const places = ({ width, height }: Size, strides: readonly number[]): number =>
  strides.reduce((sum, stride) => sum + Math.ceil(width / stride) * Math.ceil(height / stride), 0);

/** What an output must be like for an input of this size, for those who read of one that isn't. */
export function yoloShapes(size: Size): Record<YoloLayout, string> {
  const boxes = places(size, STRIDES[0]);
  return {
    yolov5: `[1, ${ANCHORS * boxes}, 5 + classes]`,
    yolov8: `[1, 4 + classes, ${boxes}]`,
    "nms-free": "[1, N, 6]",
  };
}

/**
 * How an output of these dimensions is laid out: a row each for many boxes, or a column each for many. How many there
 * are follows from the size of the input, but for those that need no suppression.
 * @param size of the input
 * @param asked by the configuration
 * @returns undefined when it can't be so
 */
export function yoloLayout(
  dims: readonly number[],
  size: Size,
  asked: DetectorConfig["layout"] = "auto",
): YoloLayout | undefined {
  const [batch, rows = 0, columns = 0] = dims;
  if (dims.length !== 3 || batch !== 1 || rows < 1 || columns < 1) return undefined;
  const isBoxes = (count: number) => STRIDES.some((strides) => count === places(size, strides));
  const fits: Record<YoloLayout, boolean> = {
    yolov5: columns >= 6 && isBoxes(rows / ANCHORS),
    yolov8: rows >= 5 && isBoxes(columns),
    "nms-free": columns === 6 && (rows <= FEW || asked === "nms-free"),
  };
  if (asked !== "auto") return fits[asked] ? asked : undefined;
  return (["yolov5", "yolov8", "nms-free"] as const).find((layout) => fits[layout]);
}

/**
 * The people in an output, each once.
 * @param least the score from which one counts
 * @throws when a score, or the box of one that counts, isn't finite
 */
export function decodeYolo(
  layout: YoloLayout,
  output: Float32Array,
  dims: readonly number[],
  at: Placement,
  least: number,
): Detection[] {
  const [, rows = 0, columns = 0] = dims;
  const found: Detection[] = [];
  const add = (score: number, box: readonly [number, number, number, number]) => {
    found.push(detection(Math.min(1, score), box, at));
  };
  /** A box that is given by its middle and its size. */
  const around = (x = 0, y = 0, width = 0, height = 0) =>
    [x - width / 2, y - height / 2, x + width / 2, y + height / 2] as const;

  if (layout === "nms-free") {
    for (let row = 0; row < rows; row++) {
      const [left = 0, top = 0, right = 0, bottom = 0, score = 0, kind = 0] = output.subarray(
        row * 6,
        row * 6 + 6,
      );
      // One of no class could be a person.
      if (finite(score) >= least && finite(kind) === 0) add(score, [left, top, right, bottom]);
    }
    return found.sort((a, b) => b.score - a.score);
  }
  if (layout === "yolov8") {
    for (let i = 0; i < columns; i++) {
      const score = finite(output[4 * columns + i] as number);
      if (score < least) continue;
      add(score, around(output[i], output[columns + i], output[2 * columns + i], output[3 * columns + i]));
    }
  } else {
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      // That there is something, times that it is a person.
      const score = finite((output[start + 4] as number) * (output[start + 5] as number));
      if (score < least) continue;
      add(score, around(output[start], output[start + 1], output[start + 2], output[start + 3]));
    }
  }
  return suppress(found, SAME);
}
