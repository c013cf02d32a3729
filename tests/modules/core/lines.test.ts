import { describe, expect, test } from "bun:test";
import { LineSplitter, LONGEST_LINE, type Piece } from "../../../src/modules/core/lines.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What becomes of bytes that come in chunks of so many, and then no more. */
function split(all: Uint8Array, size = all.length, splitter = new LineSplitter()): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < all.length; at += size) pieces.push(...splitter.feed(all.subarray(at, at + size)));
  pieces.push(...splitter.flush());
  return pieces;
}

describe("the lines of what a module prints", () => {
  test("end with a line feed, with or without a return before it, or with a return alone", () => {
    expect(split(bytes("a\r\nb\n\nc\rd\n\r\ne"))).toEqual(["a", "b", "", "c", "d", "", "e"]);
    expect(split(bytes("\r 10 %\r\r 20 %\r 30 %\r\ndone"))).toEqual([" 10 %", " 20 %", " 30 %", "done"]);
  });

  test("are given at their return, which may be the first half of an end", () => {
    const splitter = new LineSplitter();
    expect(splitter.feed(bytes("10 %\r"))).toEqual(["10 %"]);
    expect(splitter.held).toBe(0);
    expect(splitter.feed(bytes("20 %\r"))).toEqual(["20 %"]);
    expect(splitter.feed(bytes("\nnext\r"))).toEqual(["next"]);
    // Nothing more of this run; the other one begins with an empty line.
    expect(splitter.flush()).toEqual([]);
    expect(splitter.feed(bytes("\n"))).toEqual([""]);
  });

  test("are the same however their ends come", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 24 }, () => ["a", "b", "\r", "\n"][random(4)]).join("");
      const lines = [...text.matchAll(/([^\r\n]*)(\r*\n|\r+|$)/g)];
      const expected = lines.flatMap(([, line = "", end = ""]) =>
        line !== "" || end.endsWith("\n") ? [line] : [],
      );
      for (const size of [1, 2, 3, 5, 24]) expect([text, split(bytes(text), size)]).toEqual([text, expected]);
    }
  });

  test("are the same however the bytes come", () => {
    const text = `żółw\r\n\n🐢 ${"long ".repeat(20_000)}end\nNUL \0 here\r\n${"y\n".repeat(400)}${"z\r".repeat(100)}half`;
    const whole = split(bytes(text));
    expect(whole.filter((piece) => typeof piece === "string")).toHaveLength(505);
    for (const size of [1, 2, 3, 7, 4096, 65_535, 65_536, 65_537]) {
      expect(split(bytes(text), size)).toEqual(whole);
    }
  });

  test("that aren't UTF-8 are given with replaced characters", () => {
    expect(split(new Uint8Array([0x61, 0xff, 0xc3, 0x0a, 0xe2, 0x82, 0x0a, 0xef, 0xbb, 0xbf, 0x62]))).toEqual(
      ["a\ufffd\ufffd", "\ufffd", "\ufeffb"],
    );
  });

  test("are kept whole up to 64 KiB; of a longer one only so much, and how much more it was", () => {
    const just = "x".repeat(LONGEST_LINE);
    expect(split(bytes(`${just}\nshort\n`))).toEqual([just, "short"]);
    expect(split(bytes(`before\n${just}yz\nafter\n`))).toEqual([
      "before",
      just,
      { cut: "begun" },
      { cut: 2 },
      "after",
    ]);
    expect(split(bytes(`${just}\r\n${just}y\r\nafter\r`))).toEqual([
      just,
      just,
      { cut: "begun" },
      { cut: 1 },
      "after",
    ]);
  });

  test("aren't cut within a character", () => {
    const [first, ...rest] = split(bytes(`${"x".repeat(LONGEST_LINE - 2)}🐢🐢\n`));
    expect(first).toBe("x".repeat(LONGEST_LINE - 2));
    expect(rest).toEqual([{ cut: "begun" }, { cut: 8 }]);
  });

  test("that never end cost no more than 64 KiB, and are given as soon as they are too long", () => {
    const splitter = new LineSplitter();
    const chunk = new Uint8Array(40_000).fill(0x78);
    const pieces: Piece[] = [];
    for (let n = 0; n < 1000; n++) {
      pieces.push(...splitter.feed(chunk));
      expect(splitter.held).toBeLessThanOrEqual(LONGEST_LINE);
    }
    expect(pieces).toEqual(["x".repeat(LONGEST_LINE), { cut: "begun" }]);
    expect(splitter.cut).toBe(40_000_000 - LONGEST_LINE);
    expect(splitter.feed(bytes("x\nnext\n"))).toEqual([{ cut: 40_000_001 - LONGEST_LINE }, "next"]);
  });

  test("go on from within a line that was too long", () => {
    expect(split(bytes("rest\nnext\n"), 3, new LineSplitter(100))).toEqual([{ cut: 104 }, "next"]);
  });

  test("are found fast, also in a long line that comes byte by byte, or without anything in them", () => {
    const began = performance.now();
    const text = bytes("x".repeat(LONGEST_LINE - 1));
    expect(split(text, 1)).toHaveLength(1);
    expect(split(new Uint8Array(4 << 20).fill(0x0d))).toEqual([]);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
