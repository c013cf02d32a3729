import { describe, expect, test } from "bun:test";
import type { Frame } from "../../../src/detect/core/frame.ts";
import { MotionGate } from "../../../src/detect/core/motion.ts";

const [WIDTH, HEIGHT] = [416, 234];

type Rect = readonly [left: number, top: number, width: number, height: number];

/** A grey picture with some noise, the same for the same seed, and perhaps something bright in it. */
function frame(at: number, thing?: Rect, [width, height] = [WIDTH, HEIGHT]): Frame {
  const data = new Uint8Array(width * height * 3);
  let seed = at + 1;
  for (let i = 0; i < data.length; i++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    data[i] = 80 + ((seed >>> 16) % 25);
  }
  if (thing) {
    const [left, top, across, down] = thing;
    for (let y = top; y < top + down; y++) {
      data.fill(200, (y * width + left) * 3, (y * width + left + across) * 3);
    }
  }
  return { data, width, height, at };
}

/** A gate that has seen an empty room, up to a time. */
function watching(until = 400): MotionGate {
  const gate = new MotionGate();
  for (let at = 0; at <= until; at += 200) if (gate.moved(frame(at))) gate.found(at, false);
  return gate;
}

describe("a picture is looked at", () => {
  test("when it is the first, or of another size", () => {
    const gate = new MotionGate();
    expect(gate.moved(frame(0))).toBe(true);
    gate.found(0, false);
    expect(gate.moved(frame(200))).toBe(false);
    expect(gate.moved(frame(400, undefined, [640, 360]))).toBe(true);
  });

  test("when a person far away comes in, and not for noise", () => {
    const gate = watching();
    expect(gate.moved(frame(600))).toBe(false);
    expect(gate.moved(frame(800, [200, 100, 10, 25]))).toBe(true);
  });

  test("as long as there is someone, though he stands still", () => {
    const gate = watching();
    for (let at = 600; at < 20_000; at += 200) {
      expect(gate.moved(frame(at, [200, 100, 20, 50]))).toBe(true);
      gate.found(at, true);
    }
    gate.found(20_000, false);
    expect(gate.moved(frame(20_200, [200, 100, 20, 50]))).toBe(false);
  });

  test("as long as it isn't known who was in one that moved", () => {
    const gate = watching();
    expect(gate.moved(frame(600, [200, 100, 20, 50]))).toBe(true);
    expect(gate.moved(frame(800))).toBe(true);
    gate.found(600, false);
    expect(gate.moved(frame(1_000))).toBe(true);
    gate.found(1_000, false);
    expect(gate.moved(frame(1_200))).toBe(false);
  });

  test("every two seconds in any case", () => {
    const gate = watching(0);
    const looked: number[] = [];
    for (let at = 200; at <= 6_000; at += 200) {
      if (!gate.moved(frame(at))) continue;
      looked.push(at);
      gate.found(at, false);
    }
    expect(looked).toEqual([2_000, 4_000, 6_000]);
  });

  test("anew when light changes, and not for ever after", () => {
    const gate = watching();
    const bright = (at: number) => frame(at, [0, 0, WIDTH, HEIGHT]);
    expect(gate.moved(bright(600))).toBe(true);
    let at = 600;
    for (; at < 20_000; at += 200) if (gate.moved(bright(at))) gate.found(at, false);
    expect(gate.moved(bright(at))).toBe(false);
  });
});
