import { expect, test } from "bun:test";
import { stripVTControlCharacters } from "node:util";
import { halfBlocks } from "../../../src/track/core/half-blocks.ts";

const RED = [255, 0, 0];
const BLUE = [0, 0, 255];
const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];
const picture = (width: number, ...pixels: number[][]) => ({
  width,
  height: pixels.length / width,
  pixels: Uint8Array.from(pixels.flat()),
});

test("a cell shows a pixel above another, neighbours of the same colours in one run", () => {
  expect(halfBlocks(picture(3, RED, RED, BLUE, BLUE, BLUE, RED), true)).toEqual([
    "\x1b[38;2;255;0;0;48;2;0;0;255m▀▀\x1b[38;2;0;0;255;48;2;255;0;0m▀\x1b[0m",
  ]);
});

test("a last row that has none below it is drawn twice", () => {
  const rows = halfBlocks(picture(1, RED, RED, BLUE), true);
  expect(rows[1]).toBe("\x1b[38;2;0;0;255;48;2;0;0;255m▀\x1b[0m");
  expect(rows.map(stripVTControlCharacters)).toEqual(["▀", "▀"]);
});

test("without colours a cell is as light as its pixels", () => {
  expect(halfBlocks(picture(3, WHITE, BLACK, WHITE, WHITE, BLACK, BLACK), false)).toEqual(["@ ="]);
});

test("a picture without pixels has no rows", () => {
  expect(halfBlocks(picture(1), true)).toEqual([]);
});
