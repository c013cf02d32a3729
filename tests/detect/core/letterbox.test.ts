import { describe, expect, test } from "bun:test";
import type { Picture } from "../../../src/detect/core/frame.ts";
import { type Colours, levels, type Placement, paint, unplace } from "../../../src/detect/core/letterbox.ts";

const plain: Colours = {
  planes: ([0, 1, 2] as const).map((colour) => ({ colour, levels: levels((level) => level) })),
  margin: [7, 8, 9],
};

/** A picture of grey levels, a row each. */
function grey(...rows: number[][]): Picture {
  const data = Uint8Array.from(rows.flat().flatMap((level) => [level, level, level]));
  return { data, width: rows[0]?.length ?? 0, height: rows.length };
}

/** The planes, as rows. */
function painted(width: number, height: number, picture: Picture, at: Placement, colours = plain) {
  const input = new Float32Array(3 * width * height).fill(Number.NaN);
  paint(input, { width, height }, picture, at, colours);
  return [0, 1, 2].map((plane) =>
    Array.from({ length: height }, (_, y) => [
      ...input.subarray((plane * height + y) * width, (plane * height + y + 1) * width),
    ]),
  );
}

describe("a picture in the input of a network", () => {
  test("has each colour in a plane of its own, and the margin around it", () => {
    const picture = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1 };
    expect(painted(4, 3, picture, { left: 1, top: 1, width: 2, height: 1 })).toEqual([
      [
        [7, 7, 7, 7],
        [7, 1, 4, 7],
        [7, 7, 7, 7],
      ],
      [
        [8, 8, 8, 8],
        [8, 2, 5, 8],
        [8, 8, 8, 8],
      ],
      [
        [9, 9, 9, 9],
        [9, 3, 6, 9],
        [9, 9, 9, 9],
      ],
    ]);
  });

  test("has the numbers and the order of colours that the network knows", () => {
    const colours: Colours = {
      planes: ([2, 1, 0] as const).map((colour) => ({
        colour,
        levels: levels((level) => level / 255 - 0.5),
      })),
      margin: [0, 0, 0],
    };
    const picture = { data: Uint8Array.of(255, 0, 51), width: 1, height: 1 };
    const planes = painted(1, 1, picture, { left: 0, top: 0, width: 1, height: 1 }, colours);
    expect(planes.flat(2)).toEqual([-0.3, -0.5, 0.5].map(Math.fround));
  });

  test("is scaled between its pixels, up and down", () => {
    const at = (width: number, height: number) => ({ left: 0, top: 0, width, height });
    expect(painted(4, 1, grey([0, 100]), at(4, 1))[0]).toEqual([[0, 25, 75, 100]]);
    expect(painted(2, 2, grey([0, 40, 80], [0, 40, 80], [90, 130, 170]), at(2, 2))[0]).toEqual([
      [10, 70],
      [78, 138],
    ]);
  });

  test("loses no pixel when it gets much smaller", () => {
    const rows = Array.from({ length: 8 }, (_, y) => Array.from({ length: 8 }, (_, x) => (x + y) % 2 && 200));
    const [plane] = painted(2, 2, grey(...rows), { left: 0, top: 0, width: 2, height: 2 });
    expect(plane).toEqual([
      [100, 100],
      [100, 100],
    ]);
  });
});

test("a box of the input is one of the picture, without what lies in the margin", () => {
  const at = { left: 10, top: 0, width: 100, height: 50 };
  expect(unplace([35, 10, 60, 40], at)).toEqual([0.25, 0.2, 0.5, 0.8]);
  expect(unplace([0, -5, 200, 60], at)).toEqual([0, 0, 1, 1]);
});
