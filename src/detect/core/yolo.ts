import { suppress } from "./boxes.ts";
import type { Detection } from "./frame.ts";
import type { DetectorConfig } from "./installation.ts";
import { type Colours, levels, type Placement, type Size, unplace } from "./letterbox.ts";

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

/** What an output must be like, for those who read of one that isn't. */
export const yoloShapes: Record<YoloLayout, string> = {
  yolov5: "[1, N, 5 + classes]",
  yolov8: "[1, 4 + classes, N]",
  "nms-free": "[1, N, 6]",
};

/**
 * How an output of these dimensions is laid out: a row each for many boxes, or a column each for many.
 * @param asked by the configuration; [1, N, 6] may also be yolov5 with one class
 * @returns undefined when it can't be so
 */
export function yoloLayout(
  dims: readonly number[],
  asked: DetectorConfig["layout"] = "auto",
): YoloLayout | undefined {
  const [batch, rows = 0, columns = 0] = dims;
  if (dims.length !== 3 || batch !== 1 || rows < 1 || columns < 1) return undefined;
  const fits: Record<YoloLayout, boolean> = {
    "nms-free": columns === 6,
    yolov5: columns >= 6 && rows > columns,
    yolov8: rows >= 5 && columns > rows,
  };
  if (asked !== "auto") return fits[asked] ? asked : undefined;
  return (["nms-free", "yolov8", "yolov5"] as const).find((layout) => fits[layout]);
}

/**
 * The people in an output, each once.
 * @param least the score from which one counts
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
    if (score >= least) found.push({ box: unplace(box, at), score: Math.min(1, score) });
  };
  /** A box that is given by its middle and its size. */
  const around = (x = 0, y = 0, width = 0, height = 0) =>
    [x - width / 2, y - height / 2, x + width / 2, y + height / 2] as const;

  if (layout === "nms-free") {
    for (let row = 0; row < rows; row++) {
      const [left = 0, top = 0, right = 0, bottom = 0, score = 0, kind] = output.subarray(
        row * 6,
        row * 6 + 6,
      );
      if (kind === 0) add(score, [left, top, right, bottom]);
    }
    return found.sort((a, b) => b.score - a.score);
  }
  if (layout === "yolov8") {
    for (let i = 0; i < columns; i++) {
      const score = output[4 * columns + i] as number;
      if (!(score >= least)) continue;
      add(score, around(output[i], output[columns + i], output[2 * columns + i], output[3 * columns + i]));
    }
  } else {
    for (let row = 0; row < rows; row++) {
      const start = row * columns;
      // That there is something, times that it is a person.
      const score = (output[start + 4] as number) * (output[start + 5] as number);
      if (!(score >= least)) continue;
      add(score, around(output[start], output[start + 1], output[start + 2], output[start + 3]));
    }
  }
  return suppress(found, SAME);
}
