import { readFileSync } from "node:fs";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import type { Detection, Picture } from "../../core/frame.ts";
import type { DetectorConfig } from "../../core/installation.ts";
import { type Colours, type Placement, paint, type Size } from "../../core/letterbox.ts";
import { decodeNanodet, nanodetColours, nanodetInput } from "../../core/nanodet.ts";
import {
  decodeYolo,
  type YoloLayout,
  yoloColours,
  yoloInput,
  yoloLayout,
  yoloShapes,
} from "../../core/yolo.ts";
import { builtinModel } from "./builtin.ts";

/** A network that finds people. It computes where it is called: in a thread of its own. */
export type Model = {
  /** The people in a picture. */
  detect(picture: Picture): Promise<Detection[]>;
};

/** What ONNX Runtime knows of an input, as far as it is a tensor. */
type Shape = { readonly type: string; readonly shape: readonly (number | string)[] };

/**
 * Loads the model of the configuration and lets it run once.
 * @throws Expected 78 when it isn't one that finds people, 69 when ONNX Runtime can't be loaded
 */
export async function openModel(config: DetectorConfig): Promise<Model> {
  const runtime = await loadRuntime();
  const network = new Network(runtime, await openSession(runtime, config));
  const model = config.model === "builtin" ? nanodet(network, config) : yolo(network, config);
  try {
    await model.detect(BLANK);
  } catch (error) {
    if (error instanceof Expected) throw error;
    throw new Expected(Exit.config, `the model ${config.model} can't be used: ${oneLine(message(error))}`);
  }
  return model;
}

/** A picture that shows nothing. */
const BLANK: Picture = { data: new Uint8Array(3 * 32 * 32), width: 32, height: 32 };

type Runtime = typeof import("onnxruntime-node");

async function loadRuntime(): Promise<Runtime> {
  try {
    const runtime = await import("onnxruntime-node");
    // It would say on stderr that it has found no graphics card.
    runtime.env.logLevel = "fatal";
    return runtime;
  } catch (error) {
    if (error instanceof Expected) throw error;
    throw new Expected(Exit.unavailable, `ONNX Runtime can't be loaded: ${message(error)}`);
  }
}

async function openSession(runtime: Runtime, { model, threads }: DetectorConfig): Promise<InferenceSession> {
  let bytes: Uint8Array;
  try {
    bytes = model === "builtin" ? await builtinModel() : readFileSync(model);
  } catch (error) {
    if (model === "builtin") throw error;
    const why = errno(error) === "ENOENT" ? "there is no such file" : (errno(error) ?? message(error));
    throw new Expected(Exit.config, `the model ${model} can't be read: ${why}`, MODEL_HINT);
  }
  try {
    return await runtime.InferenceSession.create(bytes, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 4,
      // Its threads would burn a core each while they wait for each other.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    });
  } catch (error) {
    if (model === "builtin") throw error;
    throw new Expected(
      Exit.config,
      `the model ${model} isn't one that ONNX Runtime can run: ${oneLine(message(error))}`,
      MODEL_HINT,
    );
  }
}

const MODEL_HINT = "set detector.model to builtin or to the path of an ONNX file";
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

/** A session, with one input that is used again for every picture. */
class Network {
  readonly #runtime: Runtime;
  readonly #session: InferenceSession;
  #input: Tensor | undefined;

  constructor(runtime: Runtime, session: InferenceSession) {
    this.#runtime = runtime;
    this.#session = session;
  }

  /** Its inputs and outputs; one that isn't a tensor has no shape. */
  get inputs(): readonly Shape[] {
    return this.#session.inputMetadata.map(shapeOf);
  }

  /** What it gives for a picture, in the order of its outputs. */
  async run(picture: Picture, size: Size, at: Placement, colours: Colours): Promise<Tensor[]> {
    const dims = [1, colours.planes.length, size.height, size.width];
    if (this.#input?.dims.join() !== dims.join()) {
      const numbers = new Float32Array(dims.reduce((product, dim) => product * dim));
      this.#input = new this.#runtime.Tensor("float32", numbers, dims);
    }
    paint(this.#input.data as Float32Array, size, picture, at, colours);
    const outputs = await this.#session.run({ [this.#session.inputNames[0] ?? ""]: this.#input });
    return this.#session.outputNames.map((name) => outputs[name] as Tensor);
  }
}

const shapeOf = (value: InferenceSession.ValueMetadata): Shape =>
  value.isTensor ? { type: value.type, shape: value.shape } : { type: "no tensor", shape: [] };

function nanodet(network: Network, { score }: DetectorConfig): Model {
  return {
    async detect(picture) {
      const { size, at } = nanodetInput(picture);
      const outputs = await network.run(picture, size, at, nanodetColours);
      return decodeNanodet(
        outputs.map(({ data }) => data as Float32Array),
        size,
        at,
        score,
      );
    },
  };
}

function yolo(network: Network, config: DetectorConfig): Model {
  const refuse = (found: string, wanted: string) =>
    new Expected(Exit.config, `the model ${config.model} has ${found}`, wanted);
  const [input, ...others] = network.inputs;
  const [batch, planes, high, wide] = input?.shape ?? [];
  // A dimension that isn't fixed has a name, or none.
  const free = (dim: number | string | undefined): boolean => typeof dim !== "number";
  if (
    input?.type !== "float32" ||
    others.length > 0 ||
    input.shape.length !== 4 ||
    !(batch === 1 || free(batch)) ||
    planes !== 3
  ) {
    const found = network.inputs.map(shown).join(" and ") || "none";
    throw refuse(`the input ${found}`, "float32[1, 3, height, width] is expected");
  }
  const size = {
    width: free(wide) ? FREE_SIDE : Number(wide),
    height: free(high) ? FREE_SIDE : Number(high),
  };
  const shapes = yoloShapes(size);
  const wanted =
    config.layout === "auto"
      ? `${Object.entries(shapes)
          .map(([name, shape]) => `${shape} (${name})`)
          .join(", ")} is expected of ${size.width} × ${size.height}; detector.layout says which`
      : `${shapes[config.layout]} is expected of ${size.width} × ${size.height}: detector.layout is ${config.layout}`;

  // Often only what it gives says how it is laid out.
  let layout: YoloLayout | undefined;
  return {
    async detect(picture) {
      const at = yoloInput(picture, size);
      const [output] = await network.run(picture, size, at, yoloColours);
      if (output?.type === "float32") layout ??= yoloLayout(output.dims, size, config.layout);
      if (!output || !layout) {
        const found = output ? shown({ type: output.type, shape: output.dims }) : "none";
        throw refuse(`the output ${found}`, wanted);
      }
      return decodeYolo(layout, output.data as Float32Array, output.dims, at, config.score);
    },
  };
}

/** The width and height of an input that takes any: what the YOLO models were taught with. */
const FREE_SIDE = 640;

const shown = ({ type, shape }: Shape): string => `${type}[${shape.join(", ")}]`;
