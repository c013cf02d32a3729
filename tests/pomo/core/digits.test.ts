import { expect, test } from "bun:test";
import { blockDigits } from "../../../src/pomo/core/digits.ts";

test("digits are five dots high, each two cells wide, with a free dot between two", () => {
  expect(blockDigits("25:08", 40, 5)).toEqual([
    "██████  ██████      ██████  ██████",
    "    ██  ██      ██  ██  ██  ██  ██",
    "██████  ██████      ██  ██  ██████",
    "██          ██  ██  ██  ██  ██  ██",
    "██████  ██████      ██████  ██████",
  ]);
});

test("they grow as soon as there is room for the next size in both directions", () => {
  const size = (width: number, height: number) => {
    const rows = blockDigits("25:00", width, height);
    return [rows[0]?.length, rows.length];
  };
  expect(size(34, 5)).toEqual([34, 5]);
  expect(size(67, 10)).toEqual([34, 5]);
  expect(size(68, 9)).toEqual([34, 5]);
  expect(size(68, 10)).toEqual([68, 10]);
  expect(size(200, 15)).toEqual([102, 15]);
});

test("with less room they are half as large, and with none there are none", () => {
  expect(blockDigits("1:30:00", 30, 5)).toEqual([
    "▀█  ▄ ▀▀█ █▀█ ▄ █▀█ █▀█",
    " █  ▄ ▀▀█ █ █ ▄ █ █ █ █",
    "▀▀▀   ▀▀▀ ▀▀▀   ▀▀▀ ▀▀▀",
  ]);
  expect(blockDigits("25:00", 16, 5)).toEqual([]);
  expect(blockDigits("25:00", 80, 2)).toEqual([]);
});

test("every digit is told from every other, in both sizes, and all rows are equally long", () => {
  for (const [width, height] of [
    [6, 5],
    [3, 3],
  ] as const) {
    const drawn = [..."0123456789"].map((digit) => blockDigits(digit, width, height));
    expect(new Set(drawn.map(String)).size).toBe(10);
    for (const row of drawn.flat()) expect(row).toHaveLength(width);
  }
});
