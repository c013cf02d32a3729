import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Hours, parseTimeframe, type Timeframe } from "../../../../src/backtest/core/time/timeframe.ts";
import { calendarOf, TradingCalendar } from "../../../../src/backtest/core/time/trading-calendar.ts";

const HOUR = 3_600_000;
const of = (text: string): Timeframe => parseTimeframe(text) as Timeframe;
const at = (text: string) => Date.parse(text);
const dateText = (day: number) => new Date(day * 24 * HOUR).toISOString().slice(0, 10);

/** Of the New York Stock Exchange (nyse.com/markets/hours-calendars, 2024). */
const stocks: Hours = {
  open: "09:30",
  close: "16:00",
  days: [1, 2, 3, 4, 5],
  holidays: ["2024-11-28", "2024-12-25"],
  early: { "2024-11-29": "13:00" },
};
/** Of CME Globex: 18:00 on the evening before to 17:00, New York's time. */
const futures: Hours = { open: "18:00", close: "17:00", days: [1, 2, 3, 4, 5], holidays: [], early: {} };

const around = (timezone: string) => new TradingCalendar({ timezone, hours: null });
const newYork = (hours: Hours | null) => new TradingCalendar({ timezone: "America/New_York", hours });

/** The bar that a time lies in, as text. */
function bar(calendar: TradingCalendar, timeframe: string, time: string): string | null {
  const bin = calendar.binOf(of(timeframe), at(time));
  if (bin === null) return null;
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 16);
  return `${text(bin.start)} ${text(bin.end)}`;
}

describe("around the clock", () => {
  test.each([
    // The days on which clocks changed are those of the IANA time zone database.
    ["America/New_York", "2024-03-10T12:00Z", "2024-03-10T05:00 2024-03-11T04:00", 23],
    ["America/New_York", "2024-11-03T12:00Z", "2024-11-03T04:00 2024-11-04T05:00", 25],
    ["Europe/London", "2024-03-31T12:00Z", "2024-03-31T00:00 2024-03-31T23:00", 23],
    ["Europe/London", "2024-10-27T12:00Z", "2024-10-26T23:00 2024-10-28T00:00", 25],
    ["Asia/Tokyo", "2024-03-31T12:00Z", "2024-03-30T15:00 2024-03-31T15:00", 24],
    ["Asia/Kolkata", "2024-03-31T12:00Z", "2024-03-30T18:30 2024-03-31T18:30", 24],
    // Half an hour of summer time.
    ["Australia/Lord_Howe", "2024-04-06T20:00Z", "2024-04-06T13:00 2024-04-07T13:30", 24.5],
    // Midnight is skipped.
    ["Africa/Cairo", "2024-04-26T12:00Z", "2024-04-25T22:00 2024-04-26T21:00", 23],
    // The 30th was left out: the day after the 29th is the 31st.
    ["Pacific/Apia", "2011-12-30T10:00Z", "2011-12-30T10:00 2011-12-31T10:00", 24],
  ])("a day in %s is that of the clock there: %s", (timezone, time, wanted, hours) => {
    const calendar = around(timezone);
    expect(bar(calendar, "1d", time)).toBe(wanted);
    const { start, end } = calendar.stretchAt(at(time));
    expect((end - start) / HOUR).toBe(hours);
  });

  test("the last bar of a day is cut short at its end", () => {
    expect(bar(around("America/New_York"), "4h", "2024-03-10T05:30Z")).toBe(
      "2024-03-10T05:00 2024-03-10T09:00",
    );
    expect(bar(around("America/New_York"), "4h", "2024-03-11T03:30Z")).toBe(
      "2024-03-11T01:00 2024-03-11T04:00",
    );
    expect(bar(around("America/New_York"), "4h", "2024-03-11T04:00Z")).toBe(
      "2024-03-11T04:00 2024-03-11T08:00",
    );
    expect(bar(around("America/New_York"), "4h", "2024-11-04T04:59Z")).toBe(
      "2024-11-04T04:00 2024-11-04T05:00",
    );
    expect(bar(around("UTC"), "5h", "2024-01-01T23:00Z")).toBe("2024-01-01T20:00 2024-01-02T00:00");
  });

  test("hours of a half-hour zone begin at its half hours", () => {
    expect(bar(around("Asia/Kolkata"), "4h", "2024-01-02T00:00Z")).toBe("2024-01-01T22:30 2024-01-02T02:30");
  });

  test("a week begins on Monday, a month on its first, by the clock there", () => {
    expect(bar(around("America/New_York"), "1w", "2024-03-10T23:00Z")).toBe(
      "2024-03-04T05:00 2024-03-11T04:00",
    );
    expect(bar(around("UTC"), "1w", "2024-01-01T00:00Z")).toBe("2024-01-01T00:00 2024-01-08T00:00");
    expect(bar(around("Europe/London"), "1mo", "2024-03-05T00:00Z")).toBe(
      "2024-03-01T00:00 2024-03-31T23:00",
    );
    expect(bar(around("UTC"), "1mo", "2024-02-29T23:59Z")).toBe("2024-02-01T00:00 2024-03-01T00:00");
  });

  test("before 1970 too", () => {
    expect(bar(around("UTC"), "1w", "1969-12-31T12:00Z")).toBe("1969-12-29T00:00 1970-01-05T00:00");
    expect(around("UTC").dayOf(-1)).toBe(-1);
  });
});

describe("hours of stocks", () => {
  test("a day is from open to close, summer and winter", () => {
    expect(bar(newYork(stocks), "1d", "2024-07-10T13:30Z")).toBe("2024-07-10T13:30 2024-07-10T20:00");
    expect(bar(newYork(stocks), "1d", "2024-12-10T20:59Z")).toBe("2024-12-10T14:30 2024-12-10T21:00");
  });

  test("its bars are counted from the open", () => {
    expect(bar(newYork(stocks), "1h", "2024-07-10T14:29Z")).toBe("2024-07-10T13:30 2024-07-10T14:30");
    expect(bar(newYork(stocks), "1h", "2024-07-10T19:45Z")).toBe("2024-07-10T19:30 2024-07-10T20:00");
  });

  test("a day ends at an early close, and a holiday has none", () => {
    expect(bar(newYork(stocks), "1d", "2024-11-29T15:00Z")).toBe("2024-11-29T14:30 2024-11-29T18:00");
    expect(bar(newYork(stocks), "4h", "2024-11-29T17:59Z")).toBe("2024-11-29T14:30 2024-11-29T18:00");
    expect(bar(newYork(stocks), "1h", "2024-11-29T18:00Z")).toBeNull();
    expect(bar(newYork(stocks), "1d", "2024-11-28T15:00Z")).toBeNull();
  });

  test("a week ends with its last trading, a month begins with its first", () => {
    expect(bar(newYork(stocks), "1w", "2024-11-26T15:00Z")).toBe("2024-11-25T14:30 2024-11-29T18:00");
    expect(bar(newYork(stocks), "1mo", "2024-06-20T15:00Z")).toBe("2024-06-03T13:30 2024-06-28T20:00");
  });

  test("a day that ends before it opens has no trading: the week begins with the next", () => {
    const calendar = newYork({ ...stocks, early: { "2024-07-08": "09:00" } });
    expect(bar(calendar, "1d", "2024-07-08T15:00Z")).toBeNull();
    expect(bar(calendar, "1w", "2024-07-10T15:00Z")).toBe("2024-07-09T13:30 2024-07-12T20:00");
  });

  test("what is outside belongs to no bar, and counts to the day that follows", () => {
    const calendar = newYork(stocks);
    for (const time of ["2024-11-27T21:00Z", "2024-11-28T15:00Z", "2024-11-29T14:29Z"]) {
      expect([time, dateText(calendar.dayOf(at(time)))]).toEqual([time, "2024-11-29"]);
      for (const timeframe of ["1m", "1d", "1w", "1mo"]) expect(bar(calendar, timeframe, time)).toBeNull();
    }
    expect(dateText(calendar.dayOf(at("2024-11-29T18:00Z")))).toBe("2024-12-02");
  });
});

describe("hours of futures", () => {
  test("the evening belongs to the next day, Sunday's to Monday", () => {
    const calendar = newYork(futures);
    expect(dateText(calendar.dayOf(at("2024-07-09T20:59Z")))).toBe("2024-07-09");
    expect(dateText(calendar.dayOf(at("2024-07-09T22:00Z")))).toBe("2024-07-10");
    expect(bar(calendar, "1d", "2024-07-07T22:00Z")).toBe("2024-07-07T22:00 2024-07-08T21:00");
    expect(bar(calendar, "1w", "2024-07-07T22:00Z")).toBe("2024-07-07T22:00 2024-07-12T21:00");
    expect(bar(calendar, "4h", "2024-07-08T20:59Z")).toBe("2024-07-08T18:00 2024-07-08T21:00");
    expect(bar(calendar, "4h", "2024-07-08T21:30Z")).toBeNull();
  });

  test("the day after the clock changed begins an hour earlier in UTC", () => {
    expect(bar(newYork(futures), "1d", "2024-03-08T12:00Z")).toBe("2024-03-07T23:00 2024-03-08T22:00");
    expect(bar(newYork(futures), "1d", "2024-03-11T12:00Z")).toBe("2024-03-10T22:00 2024-03-11T21:00");
  });

  test("open and close at the same time are a day around the clock, as that of currencies", () => {
    const calendar = newYork({ ...futures, open: "17:00" });
    expect(bar(calendar, "1d", "2024-07-08T21:00Z")).toBe("2024-07-08T21:00 2024-07-09T21:00");
    expect(calendar.dayOf(at("2024-07-13T00:00Z"))).toBe(calendar.dayOf(at("2024-07-15T00:00Z")));
  });
});

test("a close at 00:00 is the midnight at the day's end", () => {
  const weekdays = new TradingCalendar({
    timezone: "UTC",
    hours: { ...futures, open: "00:00", close: "00:00" },
  });
  expect(bar(weekdays, "1d", "2024-07-08T12:00Z")).toBe("2024-07-08T00:00 2024-07-09T00:00");
  expect(bar(weekdays, "1d", "2024-07-07T12:00Z")).toBeNull();
});

test("hours without a day of trading are refused", () => {
  expect(() => newYork({ ...stocks, days: [] })).toThrow("hours of trading need a day");
});

test("bars of a day stand for dates, whatever the zone and the hours of trading", () => {
  const calendar = calendarOf({ timezone: "America/New_York", hours: stocks }, of("1d"), "UTC");
  expect(bar(calendar, "1w", "2024-07-08T00:00Z")).toBe("2024-07-08T00:00 2024-07-15T00:00");
  const hourly = calendarOf({ timezone: "America/New_York", hours: stocks }, of("1h"), "UTC");
  expect(bar(hourly, "1w", "2024-07-08T00:00Z")).toBeNull();
});

const zones = [
  "UTC",
  "America/New_York",
  "Europe/London",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "America/Havana",
];
const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom("00", "30"))
  .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${minute}`);
const date = fc.integer({ min: 19_650, max: 19_820 }).map(dateText);
const someHours: fc.Arbitrary<Hours | null> = fc.option(
  fc.record({
    open: clock,
    close: clock,
    days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
    holidays: fc.array(date, { maxLength: 5 }),
    early: fc.dictionary(date, clock, { maxKeys: 3 }),
  }),
);

test("property: bars tile the trading of a day, days only rise, and no question changes another's answer", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      someHours,
      fc.constantFrom("7m", "30m", "1h", "4h", "5h").map(of),
      // From October 2023 to April 2024: the clocks of all these zones that change do so twice.
      fc.integer({ min: 19_650 * 24 * 60, max: 19_820 * 24 * 60 }).map((minute) => minute * 60_000),
      (timezone, hours, timeframe, from) => {
        const calendar = new TradingCalendar({ timezone, hours });
        let time = from;
        for (let k = 0; k < 12; k++) {
          const stretch = calendar.stretchAt(time);
          expect(stretch.start <= time && time < stretch.end).toBe(true);
          if (stretch.trading) {
            let next = stretch.start;
            let bars = 0;
            while (next < stretch.end) {
              const bin = calendar.binOf(timeframe, next);
              expect(bin).toEqual({ start: next, end: Math.min(next + timeframe.ms, stretch.end) });
              expect(calendar.binOf(timeframe, (bin?.end ?? 0) - 1)).toEqual(bin);
              next = bin?.end ?? Number.POSITIVE_INFINITY;
              bars++;
            }
            expect(bars).toBe(Math.ceil((stretch.end - stretch.start) / timeframe.ms));
            const week = calendar.binOf(of("1w"), time);
            expect(week !== null && week.start <= stretch.start && stretch.end <= week.end).toBe(true);
          } else {
            expect(calendar.binOf(timeframe, stretch.end - 1)).toBeNull();
          }
          expect(new TradingCalendar({ timezone, hours }).stretchAt(time)).toEqual(
            stretch.trading ? stretch : { ...stretch, start: time },
          );
          expect(calendar.dayOf(stretch.end)).toBeGreaterThanOrEqual(stretch.day);
          time = stretch.end;
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a year of minutes is asked for in a moment: a zone's clock is looked at once a day", () => {
  const calendar = newYork(null);
  const from = at("2024-01-01T05:00Z");
  let zoned = 0;
  const { toZonedDateTimeISO } = Temporal.Instant.prototype;
  Temporal.Instant.prototype.toZonedDateTimeISO = function (...zone) {
    zoned++;
    return toZonedDateTimeISO.apply(this, zone);
  };
  try {
    for (let minute = 0; minute < 366 * 24 * 60; minute++) calendar.dayOf(from + minute * 60_000);
  } finally {
    Temporal.Instant.prototype.toZonedDateTimeISO = toZonedDateTimeISO;
  }
  expect(zoned).toBe(366);
});
