import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isArmed, parseSpan, spanText } from "../../../src/detect/core/schedule.ts";

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];
const [MON, TUE, FRI, SAT, SUN] = [1, 2, 5, 6, 7];

/** Minutes after midnight. */
const at = (hours: number, minutes = 0) => hours * 60 + minutes;

/** A schedule, as it is written. */
const schedule = (...texts: string[]) =>
  texts.map((text) => parseSpan(text) ?? expect.unreachable(`${text} isn't a span`));

describe("a span", () => {
  test.each([
    ["mon-fri 06:00-18:00", [1, 2, 3, 4, 5], at(6), at(18)],
    ["sat,sun 00:00-24:00", [6, 7], 0, at(24)],
    ["22:00-06:00", EVERY_DAY, at(22), at(6)],
    [" Fri-Mon  6:30-7:05 ", [1, 5, 6, 7], at(6, 30), at(7, 5)],
    ["mon,wed-fri,sun 12:00-12:00", [1, 3, 4, 5, 7], at(12), at(12)],
  ])("is read: %s", (text, days, from, to) => {
    expect(parseSpan(text)).toEqual({ days, from, to });
  });

  test.each([
    "",
    "mon",
    "mon-fri",
    "06:00",
    "06:00-",
    "-06:00",
    "6-18",
    "06:00-18:60",
    "06:00-24:01",
    "24:00-06:00",
    "06:00-12:00-18:00",
    "mon-wed-fri 06:00-18:00",
    "mon- 06:00-18:00",
    ",mon 06:00-18:00",
    "noday 06:00-18:00",
    "mon fri 06:00-18:00",
    "mon 06:00 - 18:00",
    "-1:00-06:00",
  ])("isn't: '%s'", (text) => {
    expect(parseSpan(text)).toBeUndefined();
  });

  test("is written as it is read", () => {
    const texts = [
      "mon-fri 06:00-18:00",
      "sat,sun 00:00-24:00",
      "22:00-06:00",
      "mon,wed-fri,sun 12:00-12:00",
    ];
    expect(schedule(...texts).map(spanText)).toEqual(texts);
    const days = fc.subarray(EVERY_DAY, { minLength: 1 });
    fc.assert(
      fc.property(days, fc.nat(1_439), fc.nat(1_440), (days, from, to) => {
        expect(parseSpan(spanText({ days, from, to }))).toEqual({ days, from, to });
      }),
    );
  });
});

describe("a zone is armed", () => {
  test("always without a schedule", () => {
    expect(isArmed([], { day: SUN, minute: at(3) })).toBe(true);
  });

  test("from a span's begin on and up to its end, on its days alone", () => {
    const spans = schedule("mon-fri 06:00-18:00");
    const minutes = [at(5, 59), at(6), at(17, 59), at(18)];
    expect(minutes.map((minute) => isArmed(spans, { day: FRI, minute }))).toEqual([false, true, true, false]);
    expect(isArmed(spans, { day: SAT, minute: at(12) })).toBe(false);
  });

  test("over midnight into the day after, also from Sunday into Monday", () => {
    const spans = schedule("sun 22:00-06:00");
    expect(isArmed(spans, { day: SUN, minute: at(21, 59) })).toBe(false);
    expect(isArmed(spans, { day: SUN, minute: at(22) })).toBe(true);
    expect(isArmed(spans, { day: MON, minute: at(5, 59) })).toBe(true);
    expect(isArmed(spans, { day: MON, minute: at(6) })).toBe(false);
    expect(isArmed(spans, { day: SUN, minute: at(3) })).toBe(false);
  });

  test("for a whole day when its span ends when it begins", () => {
    const spans = schedule("mon 12:00-12:00");
    expect(isArmed(spans, { day: MON, minute: at(11, 59) })).toBe(false);
    expect(isArmed(spans, { day: MON, minute: at(12) })).toBe(true);
    expect(isArmed(spans, { day: TUE, minute: at(11, 59) })).toBe(true);
    expect(isArmed(spans, { day: TUE, minute: at(12) })).toBe(false);
  });

  test("in as many minutes of a week as its span is long", () => {
    const days = fc.subarray(EVERY_DAY, { minLength: 1 });
    fc.assert(
      fc.property(days, fc.nat(1_439), fc.nat(1_440), (days, from, to) => {
        let armed = 0;
        for (let minute = 0; minute < 7 * 1_440; minute++) {
          const time = { day: Math.floor(minute / 1_440) + 1, minute: minute % 1_440 };
          if (isArmed([{ days, from, to }], time)) armed++;
        }
        const long = to > from ? to - from : 1_440 - from + to;
        expect(armed).toBe(days.length * long);
      }),
      { numRuns: 20 },
    );
  });
});
