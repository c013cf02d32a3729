import type { Attribute, Initializer, OnnxGraph, OnnxNode, Port } from "./onnx.ts";

/**
 * TensorFlow.js graph models, as far as a plain convolutional network needs, into ONNX.
 *
 * TensorFlow convolves pictures whose channels come last (NHWC), ONNX those whose channels come first (NCHW). Here
 * every tensor lies in the second way; the `Transpose`s between the two only change what an axis is called.
 */

/** The `.json` of a model: https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts (ModelJSON). */
export type GraphModel = {
  readonly modelTopology: { readonly node: readonly GraphNode[] };
  readonly weightsManifest: readonly { readonly weights: readonly Weight[] }[];
};

type GraphNode = {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, Value | undefined>>;
};

/** An attribute; strings are in base64, whole numbers are strings. */
type Value = {
  readonly s?: string;
  readonly f?: number;
  readonly b?: boolean;
  readonly list?: { readonly i?: readonly string[] };
};

type Weight = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string };
};

/** A tensor of the model's `.bin`; numbers with a fraction have 16 bits there. */
export type Constant = {
  readonly type: "float16" | "int32";
  readonly shape: readonly number[];
  readonly data: Uint8Array;
};

/**
 * The tensors of a model, by name.
 * @param bin the content of its `.bin`, in which they lie one after the other
 */
export function constantsOf(model: GraphModel, bin: Uint8Array): Map<string, Constant> {
  const found = new Map<string, Constant>();
  let at = 0;
  for (const { name, shape, dtype, quantization } of model.weightsManifest.flatMap((each) => each.weights)) {
    const type = quantization?.dtype ?? dtype;
    if (type !== "float16" && type !== "int32")
      throw new Error(`${name}: can't convert weights of type ${type}`);
    const length = shape.reduce((product, dim) => product * dim, type === "float16" ? 2 : 4);
    // A copy, because an array of numbers must begin at a multiple of their size.
    found.set(name, { type, shape, data: Uint8Array.from(bin.subarray(at, at + length)) });
    at += length;
  }
  if (at !== bin.length) throw new Error(`the weights take ${at} bytes, and there are ${bin.length}`);
  return found;
}

/** Some of the channels, the last axis, of a tensor. */
export function pickChannels({ type, shape, data }: Constant, channels: readonly number[]): Constant {
  if (type !== "float16") throw new Error(`can't pick channels of ${type}`);
  const all = shape.at(-1) ?? 1;
  const from = new Uint16Array(data.buffer);
  const rows = from.length / all;
  const picked = new Uint16Array(rows * channels.length);
  for (let row = 0; row < rows; row++) {
    channels.forEach((channel, i) => {
      picked[row * channels.length + i] = from[row * all + channel] ?? 0;
    });
  }
  return { type, shape: [...shape.slice(0, -1), channels.length], data: new Uint8Array(picked.buffer) };
}

/** A tensor on its way through the network. */
type Tensor = {
  /** Its name in ONNX, where its axes are [batch, channel, row, column]. */
  readonly name: string;
  /** How TensorFlow has its axes here. */
  readonly layout: "NCHW" | "NHWC";
  /** Its height and width for a picture of the size that the model was exported with. */
  readonly size: readonly [height: number, width: number];
};

/** Where TensorFlow's axes are in ONNX. */
const axes = { NCHW: [0, 1, 2, 3], NHWC: [0, 2, 3, 1] } as const;

/** From `input`, one picture, to tensors of the model, each under a name of its own. Any height and width will do. */
export type Wanted = {
  readonly input: Port;
  readonly size: readonly [height: number, width: number];
  readonly outputs: readonly { readonly tensor: string; readonly port: Port }[];
};

/**
 * The part of a model that leads to the outputs.
 * @throws when there is something in it that can't be converted, named with its node
 */
export function toOnnx(
  model: GraphModel,
  constants: ReadonlyMap<string, Constant>,
  { input, size, outputs }: Wanted,
): OnnxGraph {
  const graph = new Map(model.modelTopology.node.map((node) => [node.name, node]));
  const nodes: OnnxNode[] = [];
  const initializers: Initializer[] = [];
  const tensors = new Map<string, Tensor>();

  /** Adds a node; its output has the name that the tensor has in the model. */
  function emit(
    name: string,
    op: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): string {
    nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  }

  /** Adds numbers of 16 bits as they are; they are widened when the model is loaded. */
  function weights(name: string, dims: readonly number[], data: Uint8Array): string {
    initializers.push({ name: `${name}/16`, type: "float16", dims, data });
    return emit(name, "Cast", [`${name}/16`], { to: 1 });
  }

  function numbers(
    name: string,
    type: "float32" | "int64",
    values: readonly number[],
    dims = [values.length],
  ) {
    const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
    initializers.push({ name, type, dims, data: new Uint8Array(data.buffer) });
    return name;
  }

  function tensor(name: string): Tensor {
    const known = tensors.get(name);
    if (known) return known;
    const node = graph.get(name);
    if (!node) throw new Error(`the model has no tensor ${name}`);
    const made = convert(node);
    tensors.set(name, made);
    return made;
  }

  function convert(node: GraphNode): Tensor {
    const { name, op, input: from = [], attr = {} } = node;
    const [first = "", second = ""] = from;
    const refuse = (what: string) => new Error(`can't convert ${what} of ${name} (${op})`);
    const constant = (of: string): Constant => {
      const found = constants.get(of);
      if (!found) throw refuse(`the computed input ${of}`);
      return found;
    };
    const integers = (of: string): number[] => [...new Int32Array(constant(of).data.buffer)];
    const list = (attribute: string) => (attr[attribute]?.list?.i ?? []).map(Number);
    /** What convolves and pools has its channels last and is given its margin by a Pad before it. */
    const windowed = (kernel: readonly number[]) => {
      const on = tensor(first);
      const strides = list("strides");
      const [batch, rows = 1, columns = 1, channels] = strides;
      if (on.layout !== "NHWC" || batch !== 1 || channels !== 1) throw refuse("the layout");
      if (atob(attr["padding"]?.s ?? "") !== "VALID") throw refuse("the padding");
      if (list("dilations").some((dilation) => dilation !== 1)) throw refuse("the dilations");
      const step = [rows, columns];
      const [height = 0, width = 0] = on.size.map(
        (length, i) => Math.floor((length - (kernel[i] ?? 1)) / (step[i] ?? 1)) + 1,
      );
      return {
        on,
        attributes: { kernel_shape: kernel, strides: step },
        to: { name, layout: on.layout, size: [height, width] } as const,
      };
    };

    switch (op) {
      case "Placeholder":
        return { name: input.name, layout: "NCHW", size };

      case "Transpose": {
        const on = tensor(first);
        const order = integers(second).join();
        if (on.layout === "NCHW" && order === "0,2,3,1") return { ...on, layout: "NHWC" };
        if (on.layout === "NHWC" && order === "0,3,1,2") return { ...on, layout: "NCHW" };
        throw refuse(`the order ${order} for ${on.layout}`);
      }

      case "Pad":
      case "PadV2": {
        const on = tensor(first);
        const pairs = integers(second);
        const [before, after] = [0, 1].map((side) => {
          const lengths = [0, 0, 0, 0];
          for (const [axis, to] of axes[on.layout].entries()) lengths[to] = pairs[2 * axis + side] ?? 0;
          return lengths as [number, number, number, number];
        });
        if (!before || !after) throw refuse("the margins");
        const inputs = [on.name, numbers(`${name}/pads`, "int64", [...before, ...after])];
        const value = from[2] === undefined ? 0 : half(constant(from[2]));
        if (value !== 0) inputs.push(numbers(`${name}/value`, "float32", [value], []));
        emit(name, "Pad", inputs);
        const [height, width] = on.size;
        const bigger = [height + before[2] + after[2], width + before[3] + after[3]] as const;
        return { name, layout: on.layout, size: bigger };
      }

      case "Conv2D": {
        const { type, shape, data } = constant(second);
        const [height = 1, width = 1, channels = 1, filters = 1] = shape;
        const { on, attributes, to } = windowed([height, width]);
        if (type !== "float16") throw refuse("the weights");
        const filter = weights(second, [filters, channels, height, width], filtersFirst(shape, data));
        emit(name, "Conv", [on.name, filter], attributes);
        return to;
      }

      case "MaxPool": {
        const [, height = 1, width = 1] = list("ksize");
        const { on, attributes, to } = windowed([height, width]);
        emit(name, "MaxPool", [on.name], attributes);
        return to;
      }

      case "Add": {
        const on = tensor(first);
        const bias = constants.get(second);
        if (!bias) {
          const other = tensor(second);
          if (other.layout !== on.layout || other.size.join() !== on.size.join()) throw refuse("the layout");
          emit(name, op, [on.name, other.name]);
        } else {
          // A number a channel, which come last.
          if (on.layout !== "NHWC" || bias.shape.length !== 1) throw refuse("the layout");
          emit(name, op, [on.name, weights(second, [...bias.shape, 1, 1], bias.data)]);
        }
        return { ...on, name };
      }

      case "LeakyRelu": {
        const on = tensor(first);
        emit(name, op, [on.name], { alpha: { float: attr["alpha"]?.f ?? 0.2 } });
        return { ...on, name };
      }

      case "ConcatV2": {
        const [on, ...others] = from.slice(0, -1).map(tensor);
        const axis = on && axes[on.layout][integers(from.at(-1) ?? "")[0] ?? 0];
        if (!on || axis !== 1 || others.some(({ layout }) => layout !== on.layout))
          throw refuse("the layout");
        emit(
          name,
          "Concat",
          [on, ...others].map((each) => each.name),
          { axis },
        );
        return { ...on, name };
      }

      case "ResizeBilinear": {
        const on = tensor(first);
        const [height = 1, width = 1] = integers(second);
        if (on.layout !== "NHWC") throw refuse("the layout");
        if (!attr["half_pixel_centers"]?.b || attr["align_corners"]?.b) throw refuse("the corners");
        // By how much, rather than to what size: so it fits a picture of any.
        const scales = [1, 1, height / on.size[0], width / on.size[1]];
        emit(name, "Resize", [on.name, "", numbers(`${name}/scales`, "float32", scales)], {
          mode: "linear",
          coordinate_transformation_mode: "half_pixel",
        });
        return { name, layout: on.layout, size: [height, width] };
      }

      default:
        throw new Error(`can't convert ${op} (${name})`);
    }
  }

  for (const { tensor: wanted, port } of outputs) {
    const { name, layout } = tensor(wanted);
    if (layout !== "NCHW") throw new Error(`the channels of ${wanted} come last`);
    emit(port.name, "Identity", [name]);
  }
  return { inputs: [input], outputs: outputs.map(({ port }) => port), nodes, initializers };
}

/** A single number of 16 bits. */
const half = ({ data }: Constant): number => new Float16Array(data.buffer)[0] ?? 0;

/** Weights of a convolution from [row, column, channel, filter] to [filter, channel, row, column]. */
function filtersFirst(shape: readonly number[], data: Uint8Array): Uint8Array {
  const [rows = 1, columns = 1, channels = 1, filters = 1] = shape;
  const from = new Uint16Array(data.buffer);
  const to = new Uint16Array(from.length);
  const places = rows * columns;
  for (let place = 0, at = 0; place < places; place++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let filter = 0; filter < filters; filter++) {
        to[(filter * channels + channel) * places + place] = from[at++] ?? 0;
      }
    }
  }
  return new Uint8Array(to.buffer);
}
