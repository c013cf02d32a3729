import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { nanodet } from "../../build/nanodet.ts";
import type { Port } from "../../build/onnx.ts";
import { type Constant, constantsOf, type GraphModel, pickChannels, toOnnx } from "../../build/tfjs.ts";
import { Folder } from "../support/folder.ts";

describe("NanoDet", () => {
  let folder: Folder;
  beforeEach(() => {
    folder = new Folder();
  });
  afterEach(() => folder[Symbol.dispose]());

  test("is converted once, and to the same bytes wherever it is", () => {
    const path = nanodet(folder.file("models"));
    const { ino, mtimeMs } = statSync(path);
    expect(nanodet(folder.file("models"))).toBe(path);
    expect(statSync(path)).toMatchObject({ ino, mtimeMs });
    expect(readFileSync(nanodet(folder.file("others")))).toEqual(readFileSync(path));
  });

  test("takes the place of what was converted from something else", () => {
    const path = nanodet(folder.path);
    writeFileSync(folder.file("nanodet-0123456789abcdef.onnx"), "old");
    const content = readFileSync(path);
    writeFileSync(folder.file("other.onnx"), "not ours");
    expect(readdirSync(folder.path)).toHaveLength(3);
    Bun.spawnSync(["rm", path]);
    expect(readFileSync(nanodet(folder.path))).toEqual(content);
    expect(readdirSync(folder.path).sort()).toEqual([path.split("/").at(-1) ?? "", "other.onnx"].sort());
  });
});

describe("a model of TensorFlow.js", () => {
  const input: Port = { name: "x", type: "float32", dims: [1, 3, "height", "width"] };
  const wanted = (tensor: string) => ({
    input,
    size: [8, 8] as const,
    outputs: [{ tensor, port: { ...input, name: "y" } }],
  });
  const integers = (...values: number[]): Constant => ({
    type: "int32",
    shape: [values.length],
    data: new Uint8Array(Int32Array.from(values).buffer),
  });
  const halves = (shape: readonly number[], ...values: number[]): Constant => ({
    type: "float16",
    shape,
    data: new Uint8Array(Float16Array.from(values).buffer),
  });
  const model = (...node: GraphModel["modelTopology"]["node"][number][]): GraphModel => ({
    modelTopology: { node: [{ name: "x", op: "Placeholder" }, ...node] },
    weightsManifest: [],
  });

  test("with an operation that isn't known is refused with its name", () => {
    const unknown = model({ name: "head/Einsum", op: "Einsum", input: ["x"] });
    expect(() => toOnnx(unknown, new Map(), wanted("head/Einsum"))).toThrow(
      "can't convert Einsum (head/Einsum)",
    );
  });

  test.each<[what: string, node: GraphModel["modelTopology"]["node"][number], why: string]>([
    [
      "an order of axes that isn't known",
      { name: "t", op: "Transpose", input: ["x", "order"] },
      "can't convert the order 3,2,1,0 for NCHW of t (Transpose)",
    ],
    [
      "weights that are computed",
      { name: "c", op: "Conv2D", input: ["x", "x"] },
      "can't convert the computed input x of c (Conv2D)",
    ],
    [
      "pictures whose channels come first where they must come last",
      { name: "r", op: "ResizeBilinear", input: ["x", "order"] },
      "can't convert the layout of r (ResizeBilinear)",
    ],
    ["a tensor that isn't there", { name: "l", op: "LeakyRelu", input: ["gone"] }, "no tensor gone"],
  ])("with %s is refused", (_, node, why) => {
    const constants = new Map([["order", integers(3, 2, 1, 0)]]);
    expect(() => toOnnx(model(node), constants, wanted(node.name))).toThrow(why);
  });

  test("keeps of its weights the channels that are asked for", () => {
    const picked = pickChannels(halves([2, 3], 1, 2, 3, 4, 5, 6), [0, 2]);
    expect(picked).toEqual(halves([2, 2], 1, 3, 4, 6));
  });

  test("whose weights are not of the length that it says is refused, and so are those of another type", () => {
    const weight = (dtype: string) => ({
      modelTopology: { node: [] },
      weightsManifest: [{ weights: [{ name: "w", shape: [2, 2], dtype }] }],
    });
    expect(constantsOf(weight("int32"), new Uint8Array(16)).get("w")?.shape).toEqual([2, 2]);
    expect(() => constantsOf(weight("int32"), new Uint8Array(17))).toThrow(
      "the weights take 16 bytes, and there are 17",
    );
    expect(() => constantsOf(weight("complex64"), new Uint8Array(32))).toThrow(
      "w: can't convert weights of type complex64",
    );
  });
});
