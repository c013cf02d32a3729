import { describe, expect, test } from "bun:test";
import { decode, encode, Unserialisable } from "../../src/kernel/encoding.ts";

/** A small generator of its own, so that a failing case can be run again (mulberry32). */
function generator(seed: number) {
  let a = seed;
  const next = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  return { next, below, pick };
}

const NUMBERS = [
  0,
  -0,
  1,
  -1.5,
  Number.NaN,
  Infinity,
  -Infinity,
  5e-324,
  Number.MAX_VALUE,
  2 ** 53 + 2,
  0.1 + 0.2,
];
const STRINGS = ["", "a", "\0", "\ud800", "é\u{1F600}", '"\\', "$undefined", "__proto__", "\u2028"];
const KEYS = [
  "a",
  "b c",
  "",
  "$",
  "$$",
  "$undefined",
  "$number",
  "$bigint",
  "$typed",
  "__proto__",
  "constructor",
  "toJSON",
  "0",
];
const TYPES = [
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
];

function anything(random: ReturnType<typeof generator>, depth: number): unknown {
  const { below, pick, next } = random;
  switch (below(depth > 0 ? 9 : 6)) {
    case 0:
      return pick(NUMBERS);
    case 1:
      return (next() - 0.5) * 10 ** below(40);
    case 2:
      return pick(STRINGS);
    case 3:
      return pick([null, undefined, true, false]);
    case 4:
      return BigInt(Math.floor(next() * 2 ** 50)) ** BigInt(below(4)) * pick([1n, -1n]);
    case 5: {
      const bytes = Uint8Array.from({ length: 16 + 8 * below(4) }, () => below(256));
      // Off the beginning of its buffer, as a view into a larger one is.
      return new (pick(TYPES))(bytes.buffer, 8, 1 + below(1));
    }
    case 6:
      return Array.from({ length: below(5) }, () => anything(random, depth - 1));
    default: {
      const entries = Array.from({ length: below(5) }, () => [pick(KEYS), anything(random, depth - 1)]);
      return Object.fromEntries(entries);
    }
  }
}

/** Equal to the bit, unlike toEqual, to which 0 is −0 in some places and undefined is nothing. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    const [x, y] = [a, b].map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength));
    return (x as Buffer).equals(y as Buffer);
  }
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length &&
    left.every(([key, value], at) => key === right[at]?.[0] && same(value, right[at]?.[1]))
  );
}

test("any plain data comes back the same to the bit", () => {
  for (let seed = 0; seed < 5000; seed++) {
    const value = anything(generator(seed), 5);
    if (!same(decode(encode(value)), value)) {
      expect({ seed, came: decode(encode(value)) }).toEqual({ seed, came: value });
      throw new Error(`seed ${seed}: ${Bun.inspect(value)}`);
    }
  }
});

test("nested as deep as state ever is, and deeper", () => {
  let value: unknown = "the bottom";
  for (let depth = 0; depth < 1000; depth++) value = depth % 2 ? [value] : { in: value };
  expect(same(decode(encode(value)), value)).toBe(true);
});

test("what is written is JSON that a person can read", () => {
  expect(encode({ bar: 7, equity: Number.NaN, $note: 1n })).toBe(
    '{"bar":7,"equity":{"$number":"NaN"},"$$note":{"$bigint":"1"}}',
  );
});

test("a typed array is its own afterwards", () => {
  const back = decode(encode({ a: new Float64Array([1, 2]) })) as { a: Float64Array };
  expect(back.a.buffer.byteLength).toBe(16);
});

class Position {
  size = 1;
}
class Prices extends Array<number> {}
const circle: { inside: unknown[] } = { inside: [] };
circle.inside.push([circle]);
const once = { a: 1 };

describe("names what it can't carry, by its path:", () => {
  const cases: [string, unknown, string][] = [
    ["a function", { history: [1, { at: () => 1 }] }, "state.history[1].at is a function"],
    ["a class", { open: [new Position()] }, "state.open[0] is a Position"],
    ["a class that extends Array", { a: Prices.of(1, 2) }, "state.a is a Prices"],
    ["a Date", { "opened at": new Date(0) }, 'state["opened at"] is a Date'],
    ["a Map", new Map(), "state is a Map"],
    ["a Set", [new Set()], "state[0] is a Set"],
    ["a regular expression", { a: /x/ }, "state.a is a RegExp"],
    ["a promise", { a: Promise.resolve() }, "state.a is a Promise"],
    ["a symbol", { a: Symbol("x") }, "state.a is a symbol"],
    ["a symbol as a key", { a: { [Symbol("x")]: 1 } }, "state.a is keyed by a symbol"],
    ["a circle", circle, "state.inside[0][0] is the same object as state"],
    ["an object in two places", { now: once, all: [once] }, "state.all[0] is the same object as state.now"],
    // biome-ignore lint/suspicious/noSparseArray: that is the case.
    ["a hole", { a: [1, , 3] }, "state.a[1] is a hole in an array"],
    ["a property of an array", { a: /(x)/.exec("x") }, "state.a is an array with properties of its own"],
    [
      "a hidden property",
      { a: Object.defineProperty({}, "x", { value: 1 }) },
      "state.a is an object with hidden",
    ],
    ["a buffer", { a: Buffer.from("x") }, "state.a is a Buffer"],
    ["a DataView", { a: new DataView(new ArrayBuffer(8)) }, "state.a is a DataView"],
    ["an ArrayBuffer", { a: new ArrayBuffer(8) }, "state.a is a ArrayBuffer"],
  ];
  test.each(cases)("%s", (_, value, said) => {
    let error: unknown;
    try {
      encode(value);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Unserialisable);
    const { message, path } = error as Unserialisable;
    expect(message).toStartWith(said);
    expect(message).toStartWith(path);
  });

  test("under the name it was given", () => {
    expect(() => encode({ a: Symbol() }, "strategy")).toThrow(
      "strategy.a is a symbol, which a checkpoint can't carry",
    );
  });
});

test("text that is cut short is refused", () => {
  expect(() => decode('{"a":')).toThrow();
});
