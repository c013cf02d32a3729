import { describe, expect, test } from "bun:test";
import { cpuText, lastText, memoryText, summaryTexts, upText } from "../../../src/modules/core/view.ts";
import { audio, camera, gps, lamp, module } from "../views.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

describe("how long something has been up", () => {
  test.each([
    [0, "00:00"],
    [999, "00:00"],
    [192_000, "03:12"],
    [HOUR - 1, "59:59"],
    [HOUR, "1h00m"],
    [62 * 60 * SECOND, "1h02m"],
    [DAY - 1, "23h59m"],
    [DAY, "1d00h"],
    [10 * DAY - 1, "9d23h"],
    [10 * DAY, "10d"],
    [9_999 * DAY, "9999d"],
    // A clock that was set back.
    [-5 * SECOND, "00:00"],
  ])("%i ms: %s", (ms, text) => expect(upText(ms)).toBe(text));
});

describe("what it takes", () => {
  test.each([
    [null, ""],
    [0, "0.0 %"],
    [2.14, "2.1 %"],
    [99.94, "99.9 %"],
    [99.96, "100 %"],
    [250.4, "250 %"],
  ])("of a processor: %p", (percent, text) => expect(cpuText(percent)).toBe(text));
  test.each([
    [null, ""],
    [0, "0 K"],
    [999 * 1024, "999 K"],
    [1_000 * 1024, "1 M"],
    [58 << 20, "58 M"],
    [999 * 2 ** 20, "999 M"],
    [1.24 * 2 ** 30, "1.2 G"],
    [9.96 * 2 ** 30, "10 G"],
    [512 * 2 ** 30, "512 G"],
  ])("of memory: %p", (bytes, text) => expect(memoryText(bytes)).toBe(text));
  test("never more than there is room for in a column", () => {
    for (let ms = 1; ms < 5_000 * DAY; ms *= 1.7) expect(upText(ms).length).toBeLessThanOrEqual(6);
    for (let bytes = 1; bytes < 2 ** 43; bytes *= 1.3)
      expect(memoryText(bytes).length).toBeLessThanOrEqual(6);
    for (let percent = 0.1; percent < 9_999; percent *= 1.3)
      expect(cpuText(percent).length).toBeLessThanOrEqual(6);
  });
});

describe("all of them in a row", () => {
  test("how many are to run, and what there is to know of them", () => {
    expect(summaryTexts([camera, gps, audio, lamp])).toEqual([
      "3 on",
      "1 failed",
      "1 recording",
      "5 restarts",
    ]);
    expect(summaryTexts([])).toEqual(["0 on"]);
    expect(summaryTexts([module("a", { actual: "CRASHED", restarts: 1 })])).toEqual([
      "1 on",
      "1 failed",
      "1 restart",
    ]);
  });
});

test("why a module is as it is comes before how it ended last", () => {
  expect(lastText({ reason: "exit 1: no device", last_exit: "exit 1" })).toBe("exit 1: no device");
  expect(lastText({ reason: null, last_exit: "SIGSEGV" })).toBe("SIGSEGV");
  expect(lastText({ reason: null, last_exit: null })).toBe("");
});
