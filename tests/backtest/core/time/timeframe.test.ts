import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  guessTimeframe,
  isMadeOf,
  parseTimeframe,
  type Timeframe,
} from "../../../../src/backtest/core/time/timeframe.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const of = (text: string): Timeframe => parseTimeframe(text) as Timeframe;

describe("a timeframe is read", () => {
  test.each([
    ["1s", 1_000],
    ["90s", 90_000],
    ["1m", MINUTE],
    ["5m", 5 * MINUTE],
    ["15m", 15 * MINUTE],
    ["30m", 30 * MINUTE],
    ["1h", HOUR],
    ["2h", 2 * HOUR],
    ["4h", 4 * HOUR],
    ["1d", 24 * HOUR],
    ["1w", 7 * 24 * HOUR],
    ["1mo", 30 * 24 * HOUR],
  ])("%s", (text, ms) => {
    expect(parseTimeframe(text)).toMatchObject({ text, ms });
  });

  test("the same length has one text", () => {
    expect(of("60m")).toEqual(of("1h"));
    expect(of("300s")).toEqual(of("5m"));
  });

  test.each(["", "h", "0m", "1.5h", "-1h", "24h", "2d", "1M", "1y", "1H", "4 h", "1mo2"])(
    "%p is none",
    (text) => {
      expect(parseTimeframe(text)).toBeUndefined();
    },
  );
});

test("longer bars are made of whole shorter ones", () => {
  const yes = ["5m 1m", "4h 1h", "1d 7m", "1w 1d", "1mo 1h", "1mo 1d"];
  const no = ["1h 1h", "1m 5m", "4h 3h", "1d 1d", "1mo 1w", "1d 1w"];
  for (const pair of [...yes, ...no]) {
    const [longer = "", shorter = ""] = pair.split(" ");
    expect([pair, isMadeOf(of(longer), of(shorter))]).toEqual([pair, yes.includes(pair)]);
  }
});

describe("the length of a file's bars is guessed", () => {
  const guess = (times: readonly (string | number)[]) =>
    guessTimeframe({ length: times.length, time: Float64Array.from(times, (t) => +new Date(t)) });
  const stamps = (name: string) =>
    readFileSync(new URL(name, import.meta.url), "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => Date.parse(`${line.slice(0, 19)}Z`));

  test("hours with weekends between them", () => {
    expect(guess(stamps("../../../../src/backtest/sample/EURUSD.csv"))).toBe("1h");
  });

  test("the last days of months", () => {
    expect(guess(["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"])).toBe("1mo");
  });

  test("working days, and weeks that the clock's change makes an hour shorter", () => {
    expect(guess(["2024-03-06", "2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12"])).toBe("1d");
    expect(guess(["2024-03-10T05:00Z", "2024-03-11T04:00Z"])).toBe("1d");
    expect(guess(["2024-11-03T04:00Z", "2024-11-04T05:00Z"])).toBe("1d");
    expect(guess(["2024-03-03T05:00Z", "2024-03-10T05:00Z", "2024-03-17T04:00Z"])).toBe("1w");
  });

  test("two bars of four hours a trading day", () => {
    const days = ["2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"];
    expect(guess(days.flatMap((day) => [`${day}T14:30Z`, `${day}T18:30Z`]))).toBe("4h");
  });

  test("minutes of something seldom traded", () => {
    expect(guess([0, 1, 2, 5, 7, 8, 12, 15, 16].map((minute) => minute * MINUTE))).toBe("1m");
    expect(guess([0, 1, 2, 5, 7, 8, 12, 15].map((minute) => minute * MINUTE))).toBe("1m");
  });

  test("bars of ticks have none, and neither has a single bar", () => {
    expect(guess([0, 1_300, 2_900, 7_100, 7_800, 12_050])).toBeNull();
    expect(guess([0, 1_000, 3_000, 6_000, 10_000, 15_000])).toBeNull();
    expect(guess([0])).toBeNull();
    expect(guess([])).toBeNull();
  });
});
