import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { encodeOnnx, type Initializer, type OnnxGraph, type Port } from "../../../build/onnx.ts";
import { Detector, type Found } from "../../../src/detect/adapters/detector/detector.ts";
import { type Model, openModel } from "../../../src/detect/adapters/detector/model.ts";
import type { Box, Picture } from "../../../src/detect/core/frame.ts";
import type { DetectorConfig } from "../../../src/detect/core/installation.ts";
import { Expected } from "../../../src/kernel/errors.ts";
import { Folder } from "../../support/folder.ts";
import { until } from "../../support/sandbox.ts";
import { matches, vtestDetected, vtestPictures } from "../../support/vtest.ts";

let folder: Folder;
beforeAll(() => {
  folder = new Folder();
});
afterAll(() => folder[Symbol.dispose]());

const config: DetectorConfig = { model: "builtin", layout: "auto", score: 0.4, threads: 1 };

const floats = (name: string, dims: readonly number[], values: ArrayLike<number>): Initializer => ({
  name,
  type: "float32",
  dims,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

/** The path of a model. */
function file(graph: Partial<OnnxGraph>): string {
  const path = folder.file(`${Bun.randomUUIDv7()}.onnx`);
  const input: Port = { name: "images", type: "float32", dims: [1, 3, 64, 64] };
  writeFileSync(path, encodeOnnx({ inputs: [input], outputs: [], nodes: [], initializers: [], ...graph }));
  return path;
}

/** A model that gives the same whatever it sees. */
const giving = (dims: readonly number[], values: ArrayLike<number>, inputs?: readonly Port[]): string =>
  file({
    ...(inputs ? { inputs } : {}),
    outputs: [{ name: "output0", type: "float32", dims }],
    nodes: [{ op: "Identity", inputs: ["values"], outputs: ["output0"] }],
    initializers: [floats("values", dims, values)],
  });

const opened = (model: string, own: Partial<DetectorConfig> = {}): Promise<Model> =>
  openModel({ ...config, model, ...own });
const blank = (width: number, height: number, level = 0): Picture => ({
  data: new Uint8Array(width * height * 3).fill(level),
  width,
  height,
});
const rounded = (box: Box | undefined) => box?.map((side) => Math.round(side * 1000) / 1000);

describe("the model that stint brings", () => {
  test("finds those people on vtest.avi that another detector is sure of", async () => {
    const model = await openModel(config);
    const reference = vtestDetected();
    let [wanted, right] = [0, 0];
    for (const [number, picture] of vtestPictures(416, 30, 12)) {
      const boxes = reference.get(number) ?? [];
      wanted += boxes.length;
      right += matches(boxes, await model.detect(picture)).filter(Boolean).length;
    }
    expect(wanted).toBeGreaterThan(40);
    expect(right / wanted).toBeGreaterThanOrEqual(0.9);
  });

  test("takes a picture of any size, and finds nobody where nobody is", async () => {
    const model = await openModel(config);
    for (const [width, height] of [
      [1, 1],
      [33, 500],
      [416, 234],
      [1920, 1080],
    ] as const) {
      expect(await model.detect(blank(width, height, 90))).toEqual([]);
    }
  });

  test("finds the same people whatever the scale of the picture", async () => {
    const model = await openModel(config);
    const counts: number[] = [];
    for (const width of [416, 640, 1600]) {
      const [picture] = vtestPictures(width, 10, 1).values();
      const boxes = vtestDetected().get(10) ?? [];
      if (!picture) throw new Error("no picture");
      counts.push(matches(boxes, await model.detect(picture)).filter(Boolean).length - boxes.length);
    }
    for (const missed of counts) expect(missed).toBeGreaterThanOrEqual(-1);
  });
});

describe("a model of the user's", () => {
  /** Of a picture of 64 × 32, which lies in the middle of 64 × 64. */
  const person = { middle: [32, 32, 16, 16], sides: [24, 24, 40, 40], box: [0.375, 0.25, 0.625, 0.75] };

  /** A person's class, and what a score is made to lie beside it. */
  const shaped: Initializer[] = [
    floats("person", [1, 1, 1], [0]),
    { name: "cell", type: "int64", dims: [3], data: new Uint8Array(BigInt64Array.of(1n, 1n, 1n).buffer) },
  ];

  test("in the layout of YOLOv8 has a column for each box", async () => {
    const dims = [1, 84, 84];
    const values = new Float32Array(84 * 84);
    const put = (column: number, box: readonly number[], kind: number, score: number) => {
      box.forEach((each, row) => {
        values[row * 84 + column] = each;
      });
      values[(4 + kind) * 84 + column] = score;
    };
    put(3, person.middle, 0, 0.9);
    put(4, [33, 32, 16, 16], 0, 0.8); // the same person
    put(5, [10, 32, 8, 8], 0, 0.39); // not sure enough
    put(6, [50, 32, 8, 8], 2, 0.95); // a car
    const found = await (await opened(giving(dims, values))).detect(blank(64, 32));
    expect(found.map(({ score }) => score)).toEqual([Math.fround(0.9)]);
    expect(rounded(found[0]?.box)).toEqual(person.box);
  });

  test("in the layout of YOLOv5 has a row for each box, with how sure it is that something is there", async () => {
    const values = new Float32Array(252 * 85);
    values.set([...person.middle, 0.9, 0.8], 85);
    values.set([10, 32, 8, 8, 0.5, 0.7], 3 * 85);
    const found = await (await opened(giving([1, 252, 85], values))).detect(blank(64, 32));
    expect(found.map(({ score }) => score.toFixed(3))).toEqual(["0.720"]);
    expect(rounded(found[0]?.box)).toEqual(person.box);
  });

  test("that needs no suppression has the sides of each box, the score and the class", async () => {
    const values = [...person.sides, 0.9, 0, ...person.sides, 0.95, 2, 0, 0, 0, 0, 0, 0];
    const found = await (await opened(giving([1, 3, 6], values))).detect(blank(64, 32));
    expect(found.map(({ score }) => score)).toEqual([Math.fround(0.9)]);
    expect(rounded(found[0]?.box)).toEqual(person.box);
  });

  test("with one class in the layout of YOLOv5 isn't taken for one that needs no suppression", async () => {
    const values = new Float32Array(25200 * 6);
    values.set([320, 320, 160, 160, 0.96, 0.96], 6 * 7);
    const path = giving([1, 25200, 6], values, [{ name: "x", type: "float32", dims: [1, 3, 640, 640] }]);
    for (const layout of ["auto", "yolov5"] as const) {
      const found = await (await opened(path, { layout })).detect(blank(64, 32));
      expect(found.map(({ score }) => score.toFixed(2))).toEqual(["0.92"]);
      expect(rounded(found[0]?.box)).toEqual(person.box);
    }
  });

  test("sees the picture in the middle of grey, from 0 to 1, at 640 × 640 when it takes any size", async () => {
    // It sees one person, as surely as the picture is bright.
    const path = file({
      inputs: [{ name: "images", type: "float32", dims: ["batch", 3, "height", "width"] }],
      outputs: [{ name: "output0", type: "float32", dims: [1, 1, 6] }],
      nodes: [
        {
          op: "ReduceMean",
          inputs: ["images"],
          outputs: ["mean"],
          attributes: { axes: [1, 2, 3], keepdims: 0 },
        },
        { op: "Reshape", inputs: ["mean", "cell"], outputs: ["score"] },
        {
          op: "Concat",
          inputs: ["sides", "score", "person"],
          outputs: ["output0"],
          attributes: { axis: 2 },
        },
      ],
      initializers: [floats("sides", [1, 1, 4], [0, 160, 320, 480]), ...shaped],
    });
    const model = await opened(path, { score: 0 });
    const [white] = await model.detect(blank(320, 160, 255));
    expect(rounded(white?.box)).toEqual([0, 0, 0.5, 1]);
    expect(white?.score).toBeCloseTo((1 + 114 / 255) / 2, 2);
    const [black] = await model.detect(blank(1280, 640, 0));
    expect(black?.score).toBeCloseTo(114 / 255 / 2, 2);
  });

  test("that gives numbers at first, and later none, loses the detector", async () => {
    // As sure as the picture is dark, by a root that a bright one has not.
    const path = file({
      outputs: [{ name: "output0", type: "float32", dims: [1, 1, 6] }],
      nodes: [
        { op: "ReduceMean", inputs: ["images"], outputs: ["mean"], attributes: { keepdims: 1 } },
        { op: "Sub", inputs: ["half", "mean"], outputs: ["rest"] },
        { op: "Sqrt", inputs: ["rest"], outputs: ["root"] },
        { op: "Reshape", inputs: ["root", "cell"], outputs: ["score"] },
        { op: "Concat", inputs: ["sides", "score", "person"], outputs: ["output0"], attributes: { axis: 2 } },
      ],
      initializers: [floats("half", [1], [0.5]), floats("sides", [1, 1, 4], person.sides), ...shaped],
    });
    const told: string[] = [];
    const seen: number[] = [];
    const events = {
      found: ({ detections }: Found) => void seen.push(detections.length),
      lost: (why: string) => void told.push(why),
      back: () => void told.push("back"),
    };
    const own = { ...config, model: path };
    await using detector = await Detector.open(own, events, new AbortController().signal, {
      waitMs: () => 10,
    });
    detector.offer(0, { ...blank(64, 64), at: performance.now() });
    await until(() => seen.length === 1);
    detector.offer(0, { ...blank(64, 64, 255), at: performance.now() });
    await until(() => told.length === 2);
    expect(seen).toEqual([1]);
    expect(told).toEqual(["the model gave NaN instead of a number", "back"]);
  });

  const refusals: [what: string, () => string, Partial<DetectorConfig>, message: string, hint: string][] = [
    [
      "isn't there",
      () => "/nowhere/model.onnx",
      {},
      "the model /nowhere/model.onnx can't be read: there is no such file",
      "set detector.model to",
    ],
    ["is empty", () => bytes(""), {}, "isn't one that ONNX Runtime can run", "set detector.model to"],
    ["is a picture", () => bytes("\x89PNG\r\n\x1a\n"), {}, "isn't one that ONNX Runtime can run", "set"],
    [
      "sorts pictures",
      () => giving([1, 1000], new Float32Array(1000)),
      {},
      "has the output float32[1, 1000]",
      "[1, 252, 5 + classes] (yolov5), [1, 4 + classes, 84] (yolov8), [1, N, 6] (nms-free) is expected of 64 × 64; detector.layout",
    ],
    [
      "has another layout than the configuration says",
      () => giving([1, 84, 84], new Float32Array(84 * 84)),
      { layout: "nms-free" },
      "has the output float32[1, 84, 84]",
      "[1, N, 6] is expected of 64 × 64: detector.layout is nms-free",
    ],
    [
      "gives another number of boxes than its input has places",
      () => giving([1, 84, 50], new Float32Array(84 * 50)),
      {},
      "has the output float32[1, 84, 50]",
      "[1, 4 + classes, 84] (yolov8)",
    ],
    [
      "has one class and boxes for another input",
      () => giving([1, 25200, 6], new Float32Array(25200 * 6)),
      {},
      "has the output float32[1, 25200, 6]",
      "detector.layout says which",
    ],
    [
      "gives no number for how sure it is",
      () => giving([1, 84, 84], new Float32Array(84 * 84).fill(Number.NaN)),
      {},
      "can't be used: the model gave NaN instead of a number",
      "",
    ],
    [
      "gives no number for where somebody is",
      () => giving([1, 84, 84], new Float32Array(84 * 84).fill(Number.NaN).fill(0.9, 4 * 84, 5 * 84)),
      {},
      "can't be used: the model gave a box of NaN, NaN, NaN, NaN",
      "",
    ],
    [
      "takes grey pictures",
      () => giving([1, 1, 6], new Float32Array(6), [{ name: "x", type: "float32", dims: [1, 1, 28, 28] }]),
      {},
      "has the input float32[1, 1, 28, 28]",
      "float32[1, 3, height, width] is expected",
    ],
    [
      "takes numbers of half the size",
      () => giving([1, 1, 6], new Float32Array(6), [{ name: "x", type: "float16", dims: [1, 3, 64, 64] }]),
      {},
      "has the input float16[1, 3, 64, 64]",
      "float32[1, 3, height, width] is expected",
    ],
    [
      "takes two pictures",
      () =>
        giving(
          [1, 1, 6],
          new Float32Array(6),
          ["x", "y"].map((name) => ({ name, type: "float32", dims: [1, 3, 8, 8] })),
        ),
      {},
      "has the input float32[1, 3, 8, 8] and float32[1, 3, 8, 8]",
      "float32[1, 3, height, width] is expected",
    ],
  ];
  test.each(refusals)("that %s is refused", async (_, path, own, message, hint) => {
    const error = (await opened(path(), own).catch((thrown: unknown) => thrown)) as Expected;
    expect(error).toBeInstanceOf(Expected);
    expect(error.exit).toBe(78);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain("\n");
    expect(error.hint ?? "").toContain(hint);
  });

  function bytes(content: string): string {
    const path = folder.file(`${Bun.randomUUIDv7()}.onnx`);
    writeFileSync(path, content, "latin1");
    return path;
  }
});
