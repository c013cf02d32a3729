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

const isIndex = (key: string): boolean => /^[A-Za-z_][\w]*$/.test(key);
const member = (path: string, key: string): string =>
  isIndex(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;

function pack(value: unknown, path: string, within: ReadonlySet<object>): unknown {
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
  if (within.has(value)) throw new Unserialisable(path, "a reference to something it is inside of");
  const inside = new Set(within).add(value);
  if (Array.isArray(value)) {
    const out: unknown[] = [];
    // By index, not map(): a hole would be skipped, and come back as something else.
    for (let at = 0; at < value.length; at++) {
      if (!(at in value)) throw new Unserialisable(`${path}[${at}]`, "a hole in an array");
      out.push(pack(value[at], `${path}[${at}]`, inside));
    }
    return out;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (ArrayBuffer.isView(value)) {
    const name = value.constructor.name;
    if (!(name in TYPED) || prototype !== TYPED[name as TypedName].prototype) {
      throw new Unserialisable(path, `a ${name}`);
    }
    return {
      $typed: name,
      bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"),
    };
  }
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Unserialisable(path, `a ${value.constructor?.name || "class instance"}`);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw new Unserialisable(path, "keyed by a symbol");
  return Object.fromEntries(
    Object.entries(value).map(([key, held]) => [
      key.startsWith(MARK) ? MARK + key : key,
      pack(held, member(path, key), inside),
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
  JSON.stringify(pack(value, name, new Set()));

/** What {@link encode} wrote. @throws SyntaxError when the text isn't its */
export const decode = (text: string): unknown => unpack(JSON.parse(text));
