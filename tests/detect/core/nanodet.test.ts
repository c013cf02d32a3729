import { describe, expect, test } from "bun:test";
import { decodeNanodet, nanodetInput } from "../../../src/detect/core/nanodet.ts";

describe("the input for a picture", () => {
  test.each([
    ["as it is, with a margin to a multiple of 32", [416, 234], [416, 256], [416, 234]],
    ["as it is where it is just so", [416, 320], [416, 320], [416, 320]],
    ["as it is where it is small", [30, 1], [32, 32], [30, 1]],
    ["made smaller where a person could be too large", [1920, 1080], [640, 384], [640, 360]],
    ["made smaller by its longer side", [480, 1280], [256, 640], [240, 640]],
  ] as const)("is %s", (_, [width, height], size, at) => {
    expect(nanodetInput({ width, height })).toEqual({
      size: { width: size[0], height: size[1] },
      at: { left: 0, top: 0, width: at[0], height: at[1] },
    });
  });
});

describe("what it gives", () => {
  const size = { width: 64, height: 64 };
  const at = { left: 0, top: 0, ...size };

  /** All sure that nobody is there but at one place, whose box reaches so many strides to each side. */
  function outputs(
    stride: 8 | 16 | 32,
    column: number,
    row: number,
    logit: number,
    reach: readonly number[],
  ) {
    return [8, 16, 32].map((each) => {
      const columns = size.width / each;
      const output = new Float32Array(45 * columns * columns).fill(-20);
      if (each === stride) {
        const place = row * columns + column;
        output[place] = logit;
        reach.forEach((distance, side) => {
          output[(1 + side * 11 + distance) * columns * columns + place] = 20;
        });
      }
      return output;
    });
  }

  test("is a box around the middle of a place, by its stride", () => {
    const [found, ...others] = decodeNanodet(outputs(8, 3, 4, 2, [1, 2, 1, 3]), size, at, 0.4);
    expect(others).toEqual([]);
    expect(found?.score).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
    const sides = [27.5 - 8, 35.5 - 16, 27.5 + 8, 35.5 + 24].map((side) => side / 64);
    found?.box.forEach((side, i) => {
      expect(side).toBeCloseTo(sides[i] ?? 0, 6);
    });
  });

  test("ends at the edge of the picture", () => {
    const [found] = decodeNanodet(outputs(32, 0, 0, 2, [10, 10, 10, 10]), size, at, 0.4);
    expect(found?.box).toEqual([0, 0, 1, 1]);
  });

  test("counts from the score that is asked for", () => {
    const half = outputs(16, 1, 1, 0, [1, 1, 1, 1]);
    expect(decodeNanodet(half, size, at, 0.5)).toHaveLength(1);
    expect(decodeNanodet(half, size, at, 0.51)).toEqual([]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "is refused with a score of %p",
    (logit) => {
      const given = outputs(8, 1, 1, logit, [1, 1, 1, 1]);
      expect(() => decodeNanodet(given, size, at, 0.4)).toThrow("instead of a number");
    },
  );

  test("is refused with a box that is nowhere", () => {
    const given = outputs(8, 1, 1, 2, [1, 1, 1, 1]);
    given[0]?.fill(Number.NaN, 64);
    expect(() => decodeNanodet(given, size, at, 0.4)).toThrow("a box of NaN, NaN, NaN, NaN");
  });

  test("is refused when some of it is missing", () => {
    expect(() => decodeNanodet(outputs(8, 1, 1, 2, [1, 1, 1, 1]).slice(0, 2), size, at, 0.4)).toThrow(
      "instead of a number",
    );
  });
});
