import { expect, test } from "bun:test";
import { yoloInput, yoloLayout } from "../../../src/detect/core/yolo.ts";

test.each([
  ["YOLOv8 of COCO", [1, 84, 8400], "auto", "yolov8"],
  ["YOLOv8 with one class", [1, 5, 8400], "auto", "yolov8"],
  ["YOLOv8 with two classes", [1, 6, 8400], "auto", "yolov8"],
  ["YOLOv5 of COCO", [1, 25200, 85], "auto", "yolov5"],
  ["one without suppression", [1, 300, 6], "auto", "nms-free"],
  ["one without suppression that has few boxes", [1, 4, 6], "auto", "nms-free"],
  ["YOLOv5 with one class, when that is said", [1, 25200, 6], "yolov5", "yolov5"],
  ["one that sorts pictures", [1, 1000], "auto", undefined],
  ["two pictures at once", [2, 84, 8400], "auto", undefined],
  ["too few numbers for a box", [1, 4, 8400], "auto", undefined],
  ["nothing", [1, 0, 6], "auto", undefined],
  ["YOLOv8, when something else is said", [1, 84, 8400], "nms-free", undefined],
] as const)("the output of %s is told by its shape", (_, dims, asked, layout) => {
  expect(yoloLayout(dims, asked)).toBe(layout as typeof layout & string);
});

test.each([
  ["a wide one", [416, 234], { width: 640, height: 360, left: 0, top: 140 }],
  ["a high one", [300, 600], { width: 320, height: 640, left: 160, top: 0 }],
  ["a line", [10_000, 1], { width: 640, height: 1, left: 0, top: 319 }],
] as const)("a picture lies in the middle of the input: %s", (_, [width, height], at) => {
  expect(yoloInput({ width, height }, { width: 640, height: 640 })).toEqual(at);
});
