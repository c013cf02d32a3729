import { describe, expect, test } from "bun:test";
import { decodeYolo, yoloInput, yoloLayout } from "../../../src/detect/core/yolo.ts";

const square = (side: number) => ({ width: side, height: side });

describe("the output", () => {
  test.each([
    ["YOLOv8 of COCO", [1, 84, 8400], 640, "auto", "yolov8"],
    ["YOLOv8 with one class", [1, 5, 8400], 640, "auto", "yolov8"],
    ["YOLOv8 with two classes", [1, 6, 8400], 640, "auto", "yolov8"],
    ["YOLOv8 with more classes than boxes", [1, 1004, 84], 64, "auto", "yolov8"],
    ["YOLOv8 for large pictures", [1, 84, 34000], 1280, "auto", "yolov8"],
    ["YOLOv8 for small things", [1, 84, 34000], 640, "auto", "yolov8"],
    ["YOLOv8 with boxes for another input", [1, 84, 8400], 320, "auto", undefined],
    ["something with few boxes", [1, 84, 50], 64, "auto", undefined],
    ["YOLOv5 of COCO", [1, 25200, 85], 640, "auto", "yolov5"],
    ["YOLOv5 for large pictures", [1, 102000, 85], 1280, "auto", "yolov5"],
    ["YOLOv5 with one class", [1, 25200, 6], 640, "auto", "yolov5"],
    ["YOLOv5 with one class, of a small input", [1, 252, 6], 64, "auto", "yolov5"],
    ["YOLOv5 with one class, when that is said", [1, 25200, 6], 640, "yolov5", "yolov5"],
    ["YOLOv5 with boxes for another input", [1, 25200, 6], 320, "auto", undefined],
    ["YOLOv5 with boxes for another input, when that is said", [1, 25200, 85], 320, "yolov5", undefined],
    ["one without suppression", [1, 300, 6], 640, "auto", "nms-free"],
    ["one without suppression that has few boxes", [1, 4, 6], 640, "auto", "nms-free"],
    ["one without suppression that has many, when that is said", [1, 5000, 6], 640, "nms-free", "nms-free"],
    ["one that sorts pictures", [1, 1000], 640, "auto", undefined],
    ["two pictures at once", [2, 84, 8400], 640, "auto", undefined],
    ["too few numbers for a box", [1, 4, 8400], 640, "auto", undefined],
    ["nothing", [1, 0, 6], 640, "auto", undefined],
    ["YOLOv8, when something else is said", [1, 84, 8400], 640, "nms-free", undefined],
  ] as const)("of %s is told by its shape", (_, dims, side, asked, layout) => {
    expect(yoloLayout(dims, square(side), asked)).toBe(layout as typeof layout & string);
  });

  test("has as many boxes as a wide input has places", () => {
    expect(yoloLayout([1, 84, 60 * 80 + 30 * 40 + 15 * 20], { width: 640, height: 480 })).toBe("yolov8");
  });
});

describe("a number that is none", () => {
  const at = { ...square(64), left: 0, top: 0 };
  /** Two boxes, and in the second this number at this place. */
  const given = (layout: "yolov5" | "yolov8" | "nms-free", place: number, value: number) => {
    const boxes = [
      [8, 8, 16, 16, 0.9, layout === "yolov5" ? 0.9 : 0],
      [8, 8, 16, 16, 0.9, layout === "yolov5" ? 0.9 : 0].with(place, value),
    ];
    const rows = layout === "yolov8" ? boxes[0]?.map((_, n) => boxes.map((box) => box[n] as number)) : boxes;
    return () =>
      decodeYolo(
        layout,
        Float32Array.from((rows ?? []).flat()),
        layout === "yolov8" ? [1, 6, 2] : [1, 2, 6],
        at,
        0.4,
      );
  };

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    test.each(["yolov5", "yolov8", "nms-free"] as const)(
      `is refused as a score and in a box of %s: ${value}`,
      (layout) => {
        expect(given(layout, 4, 0.8)).not.toThrow();
        expect(given(layout, 4, value)).toThrow("instead of a number");
        for (const place of [0, 1, 2, 3])
          expect(given(layout, place, value)).toThrow("the model gave a box of");
      },
    );
  }

  test("is refused as a class", () => {
    expect(given("nms-free", 5, Number.NaN)).toThrow("instead of a number");
    expect(given("yolov5", 5, Number.NaN)).toThrow("instead of a number");
  });
});

test.each([
  ["a wide one", [416, 234], { width: 640, height: 360, left: 0, top: 140 }],
  ["a high one", [300, 600], { width: 320, height: 640, left: 160, top: 0 }],
  ["a line", [10_000, 1], { width: 640, height: 1, left: 0, top: 319 }],
] as const)("a picture lies in the middle of the input: %s", (_, [width, height], at) => {
  expect(yoloInput({ width, height }, square(640))).toEqual(at);
});
