import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { momentOf, momentsOf } from "../../src/kernel/arguments.ts";
import { Exit } from "../../src/kernel/errors.ts";
import { enterHome, type Home } from "../support/home.ts";

let home: Home;
beforeEach(() => {
  home = enterHome({ TZ: "Europe/Berlin" });
});
afterEach(() => home[Symbol.dispose]());

describe("a time as it was typed", () => {
  const told = (text: string, day = "2026-11-22") =>
    momentsOf(text, day).map(({ wall, offset }) => [new Date(wall).toISOString(), offset]);

  test("is local, of the day that is meant, or as it says itself", () => {
    expect(told("9:05")).toEqual([["2026-11-22T08:05:00.000Z", 60]]);
    expect(told("2026-07-01 09:05:30")).toEqual([["2026-07-01T07:05:30.000Z", 120]]);
    expect(told("2026-07-01T09:05-03:30")).toEqual([["2026-07-01T12:35:00.000Z", -210]]);
    expect(told("2026-07-01T09:05Z")).toEqual([["2026-07-01T09:05:00.000Z", 0]]);
  });

  test("is twice in an hour that is repeated, of which the first is meant", () => {
    const both = [
      ["2026-10-25T00:30:00.000Z", 120],
      ["2026-10-25T01:30:00.000Z", 60],
    ];
    expect(told("02:30", "2026-10-25")).toEqual(both);
    expect(momentOf("2026-10-25 02:30", "")).toEqual({ wall: Date.UTC(2026, 9, 25, 0, 30), offset: 120 });
    expect(told("2026-10-25 02:30+01:00")).toEqual([["2026-10-25T01:30:00.000Z", 60]]);
    expect([told("2026-10-25 01:59").length, told("2026-10-25 03:00").length]).toEqual([1, 1]);
  });

  test.each([
    "2026-03-29 02:00",
    "2026-03-29 02:30",
    "2026-03-29 02:59:59",
    "2026-02-30 10:00",
    "25:00",
    "noon",
  ])("%p is none", (text) => {
    const refusal = expect.objectContaining({
      exit: Exit.usage,
      message: `there is no such time as '${text}'`,
    });
    expect(() => momentOf(text, "2026-11-22")).toThrow(refusal);
  });

  test("is there right before and right after the clocks are set forward", () => {
    expect(told("2026-03-29 01:59")).toEqual([["2026-03-29T00:59:00.000Z", 60]]);
    expect(told("2026-03-29 03:00")).toEqual([["2026-03-29T01:00:00.000Z", 120]]);
  });
});
