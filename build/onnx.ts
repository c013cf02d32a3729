/**
 * Writes ONNX models: just what is needed of the protocol buffers in
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, whose field numbers stand beside each use.
 */

/** Types of a tensor's elements, by their number in TensorProto.DataType. */
const elements = { float32: 1, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof elements;

/** A tensor whose values are in the model: row by row, little endian. */
export type Initializer = {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: Uint8Array;
};

/** A tensor that goes in or comes out. A dimension that isn't fixed has a name. */
export type Port = {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
};

export type Attribute = number | string | readonly number[] | { readonly float: number };

export type OnnxNode = {
  readonly op: string;
  /** An empty name stands for an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
};

export type OnnxGraph = {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Each after those it takes from. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
};

/** The file of a model, with the operators of version 13. The same graph gives the same bytes. */
export function encodeOnnx({ inputs, outputs, nodes, initializers }: OnnxGraph): Uint8Array {
  const graph = new Message();
  for (const node of nodes) graph.message(1, nodeProto(node));
  graph.text(2, "stint");
  for (const initializer of initializers) graph.message(5, tensorProto(initializer));
  for (const port of inputs) graph.message(11, valueInfoProto(port));
  for (const port of outputs) graph.message(12, valueInfoProto(port));
  return new Message()
    .integer(1, 8) // ir_version
    .text(2, "stint") // producer_name
    .message(7, graph)
    .message(8, new Message().text(1, "").integer(2, 13)) // opset_import
    .bytes();
}

function nodeProto({ op, inputs, outputs, attributes = {} }: OnnxNode): Message {
  const node = new Message();
  for (const name of inputs) node.text(1, name);
  for (const name of outputs) node.text(2, name);
  node.text(4, op);
  for (const [name, value] of Object.entries(attributes)) node.message(5, attributeProto(name, value));
  return node;
}

/** Its type, field 20, says which of its fields holds the value. */
function attributeProto(name: string, value: Attribute): Message {
  const attribute = new Message().text(1, name);
  if (typeof value === "number") return attribute.integer(3, value).integer(20, 2);
  if (typeof value === "string") return attribute.text(4, value).integer(20, 3);
  if ("float" in value) return attribute.float(2, value.float).integer(20, 1);
  for (const each of value) attribute.integer(8, each);
  return attribute.integer(20, 7);
}

function tensorProto({ name, type, dims, data }: Initializer): Message {
  const tensor = new Message();
  for (const dim of dims) tensor.integer(1, dim);
  return tensor.integer(2, elements[type]).text(8, name).raw(9, data);
}

function valueInfoProto({ name, type, dims }: Port): Message {
  const shape = new Message();
  for (const dim of dims) {
    shape.message(1, typeof dim === "number" ? new Message().integer(1, dim) : new Message().text(2, dim));
  }
  const tensor = new Message().integer(1, elements[type]).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** A protocol buffer message being written: https://protobuf.dev/programming-guides/encoding */
class Message {
  readonly #parts: Uint8Array[] = [];

  integer(field: number, value: number): this {
    return this.#varint(field << 3).#varint(value);
  }

  float(field: number, value: number): this {
    this.#varint((field << 3) | 5);
    this.#parts.push(new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }

  raw(field: number, data: Uint8Array): this {
    this.#varint((field << 3) | 2).#varint(data.length);
    this.#parts.push(data);
    return this;
  }

  text(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value));
  }

  message(field: number, value: Message): this {
    return this.raw(field, value.bytes());
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  /** Seven bits a byte, the lowest first; a negative one as 64 bits. */
  #varint(value: number): this {
    const bytes: number[] = [];
    let left = BigInt.asUintN(64, BigInt(value));
    for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
    this.#parts.push(Uint8Array.of(...bytes, Number(left)));
    return this;
  }
}
