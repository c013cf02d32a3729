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
  test("end with a line feed, with or without a return before it", () => {
    expect(split(bytes("a\r\nb\n\nc\rd\n\r\ne"))).toEqual(["a", "b", "", "c\rd", "", "e"]);
  });

  test("are the same however the bytes come", () => {
    const text = `żółw\r\n\n🐢 ${"long ".repeat(20_000)}end\nNUL \0 here\r\n${"y\n".repeat(500)}half`;
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

  test("are found fast, also in a long line that comes byte by byte", () => {
    const began = performance.now();
    const text = bytes("x".repeat(LONGEST_LINE - 1));
    expect(split(text, 1)).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
