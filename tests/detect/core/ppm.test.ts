import { expect, test } from "bun:test";
import fc from "fast-check";
import { PictureReader } from "../../../src/detect/core/ppm.ts";

const ppm = (width: number, height: number, fill: number): Uint8Array =>
  Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.alloc(width * height * 3, fill)]);

test("pictures are read whole, wherever they are cut on their way", () => {
  const all = Buffer.concat([ppm(4, 3, 1), ppm(4, 3, 10), ppm(4, 3, 255)]);
  fc.assert(
    fc.property(fc.array(fc.nat(all.length), { maxLength: 12 }), (cuts) => {
      const reader = new PictureReader();
      const ends = [...cuts.toSorted((a, b) => a - b), all.length];
      const found = ends.flatMap(
        (end, at) => reader.take(all.subarray(at === 0 ? 0 : ends[at - 1], end)) ?? [],
      );
      for (const { width, height, data } of found) {
        expect([width, height, data.length, new Set(data).size]).toEqual([4, 3, 36, 1]);
      }
      expect(found.at(-1)?.data[0]).toBe(255);
    }),
  );
});

test("of pictures that come at once the last is given", () => {
  expect(new PictureReader().take(Buffer.concat([ppm(1, 1, 1), ppm(1, 1, 2)]))?.data).toEqual(
    new Uint8Array(3).fill(2),
  );
});

test("what is no picture, is too large or has changed its size is refused", () => {
  for (const bytes of [
    "P5\n1 1\n255\n",
    "P6\n0 0\n255\n",
    "P6\n65535 65535\n255\n",
    "<html><body>no picture",
  ]) {
    expect(() => new PictureReader().take(Buffer.from(bytes))).toThrow();
  }
  const reader = new PictureReader();
  reader.take(ppm(4, 3, 1));
  expect(() => reader.take(ppm(3, 4, 1))).toThrow("have changed their size");
});
