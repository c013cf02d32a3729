/**
 * How checkpointed state is written: JSON that carries every plain value exactly, unlike JSON alone (which loses NaN,
 * −0, infinities, typed arrays, 64-bit integers, undefined) and structured clone (which quietly strips classes).
 * What it can't carry it refuses, naming the path.
 */

/** A value that can't be checkpointed. `path` leads to it from the root: `state.history[3].at`. */
export class Unserialisable extends Error {
  override readonly name = "Unserialisable";
  readonly path: string;
  constructor(path: string, what: string) {
    super(`${path} is ${what}, which a checkpoint can't carry`);
    this.path = path;
  }
}

const TYPED = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;
type TypedName = keyof typeof TYPED;

/** Marks what JSON has no word for; a plain key that begins with it gets a second one. */
const MARK = "$";

const isIdentifier = (key: string): boolean => /^[A-Za-z_]\w*$/.test(key);
const member = (path: string, key: string): string =>
  isIdentifier(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

/**
 * @param seen every object so far and where it stands: one that stands in two places would come back as two, and what
 * is changed through one would no longer be seen through the other
 */
function pack(value: unknown, path: string, seen: Map<object, string>): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "undefined":
      return { $undefined: true };
    case "bigint":
      return { $bigint: String(value) };
    case "number":
      if (Number.isFinite(value)) return Object.is(value, -0) ? { $number: "-0" } : value;
      return { $number: String(value) };
    case "object":
      break;
    default:
      throw new Unserialisable(path, typeof value === "function" ? "a function" : `a ${typeof value}`);
  }
  if (value === null) return null;
  const first = seen.get(value);
  if (first !== undefined) throw new Unserialisable(path, `the same object as ${first}`);
  seen.set(value, path);
  if (ArrayBuffer.isView(value)) return packBytes(value, path);
  return Array.isArray(value) ? packArray(value, path, seen) : packObject(value, path, seen);
}

function packBytes(view: ArrayBufferView, path: string): unknown {
  const name = view.constructor.name;
  if (!(name in TYPED) || Object.getPrototypeOf(view) !== TYPED[name as TypedName].prototype) {
    throw new Unserialisable(path, `a ${name}`);
  }
  return {
    $typed: name,
    bytes: Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64"),
  };
}

function packArray(array: readonly unknown[], path: string, seen: Map<object, string>): unknown {
  if (Object.getPrototypeOf(array) !== Array.prototype) {
    throw new Unserialisable(path, `a ${array.constructor.name}`);
  }
  const out: unknown[] = [];
  // By index, not map(): a hole would be skipped, and come back as something else.
  for (let at = 0; at < array.length; at++) {
    if (!(at in array)) throw new Unserialisable(`${path}[${at}]`, "a hole in an array");
    out.push(pack(array[at], `${path}[${at}]`, seen));
  }
  // Its length is one of them: what is beyond would be lost, as in the result of a regular expression.
  if (Reflect.ownKeys(array).length !== array.length + 1) {
    throw new Unserialisable(path, "an array with properties of its own");
  }
  return out;
}

function packObject(object: object, path: string, seen: Map<object, string>): unknown {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Unserialisable(path, `a ${object.constructor?.name || "class instance"}`);
  }
  const entries = Object.entries(object);
  if (Object.getOwnPropertySymbols(object).length > 0) throw new Unserialisable(path, "keyed by a symbol");
  if (Object.getOwnPropertyNames(object).length !== entries.length) {
    throw new Unserialisable(path, "an object with hidden properties");
  }
  return Object.fromEntries(
    entries.map(([key, held]) => [
      key.startsWith(MARK) ? MARK + key : key,
      pack(held, member(path, key), seen),
    ]),
  );
}

function unpack(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(unpack);
  const held = value as Record<string, unknown>;
  if ("$undefined" in held) return undefined;
  if ("$bigint" in held) return BigInt(held["$bigint"] as string);
  if ("$number" in held) return Number(held["$number"]);
  if ("$typed" in held) {
    const bytes = Buffer.from(held["bytes"] as string, "base64");
    const Typed = TYPED[held["$typed"] as TypedName];
    // A copy of its own: Buffer's memory is a slice of a shared pool, aligned anyhow.
    return new Typed(new Uint8Array(bytes).buffer);
  }
  const out: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(held)) {
    const name = key.startsWith(MARK) ? key.slice(1) : key;
    // Defined, not assigned: `__proto__` is a key like any other here.
    Object.defineProperty(out, name, {
      value: unpack(inner),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return out;
}

/**
 * Writes plain data as text that {@link decode} turns into the same data, bit for bit (a NaN's payload aside).
 * @param name what the path in an error begins with
 * @throws Unserialisable
 */
export const encode = (value: unknown, name = "state"): string =>
  JSON.stringify(pack(value, name, new Map()));

/** What {@link encode} wrote. @throws when the text isn't its */
export const decode = (text: string): unknown => unpack(JSON.parse(text));
