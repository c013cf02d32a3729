import { describe, expect, test } from "bun:test";
import { Wrong } from "../../src/kernel/exchange.ts";
import {
  type CalendarEvent,
  dateTime,
  eventId,
  isUntouched,
  type JCal,
  readCalendar,
  wholeSeconds,
  writeCalendar,
} from "../../src/kernel/ical.ts";

type Walk = { started_at: number; ended_at: number; title: string };
const T0 = Date.UTC(2026, 2, 3, 9, 30, 15, 250);
const walk: Walk = { started_at: T0, ended_at: T0 + 90_000, title: "a\\n, b; c\nd" };

function event(row: Walk): JCal[] {
  const { start, end } = wholeSeconds(row);
  return [
    ["uid", {}, "text", eventId("walk", row.started_at)],
    ["dtstart", {}, "date-time", dateTime(start)],
    ["dtend", {}, "date-time", dateTime(end)],
    ["summary", {}, "text", row.title],
    ["categories", {}, "text", "walk", "with, comma"],
    ["status", {}, "text", "CANCELLED"],
    ["x-stint-walk", {}, "unknown", "yes"],
  ];
}
const written = (...rows: Walk[]): string => [...writeCalendar("walk", rows, event)].join("");
const events = (text: string): (CalendarEvent | { skip: string })[] => [
  ...readCalendar(text, "x-stint-walk"),
];

test("an event comes back as it was, and its id is the same each time", () => {
  const text = written(walk);
  expect(text).toStartWith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//stint//walk//EN\r\nBEGIN:VEVENT\r\n");
  expect(text).toMatch(/UID:[0-9a-f]{32}@stint\r\n/);
  expect(written(walk)).toBe(text);
  const [found] = events(text) as CalendarEvent[];
  expect(found).toMatchObject({
    line: 4,
    started_at: T0 - 250,
    ended_at: T0 - 250 + 90_000,
    utc_offset_min: undefined,
    categories: ["walk", "with, comma"],
  });
  expect(found?.text("summary")).toBe(walk.title);
  expect(found?.text("x-stint-walk")).toBe("yes");
  expect(found?.text("description")).toBeUndefined();
  expect(isUntouched(found as CalendarEvent, walk)).toBe(true);
  expect(isUntouched(found as CalendarEvent, { ...walk, ended_at: walk.ended_at + 1000 })).toBe(false);
});

test("an event ends after it starts, however short what it stands for", () => {
  expect(wholeSeconds({ started_at: T0, ended_at: T0 + 1 })).toEqual({
    start: Math.floor(T0 / 1000),
    end: Math.floor(T0 / 1000) + 1,
  });
});

const calendar = (...body: string[]): string =>
  ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", ...body, "END:VEVENT", "END:VCALENDAR", ""].join("\r\n");

describe("of another program's", () => {
  test.each([
    ["repeating events", ["DTSTART:20260303T093000Z", "DTEND:20260303T100000Z", "RRULE:FREQ=DAILY"]],
    ["cancelled events", ["DTSTART:20260303T093000Z", "DTEND:20260303T100000Z", "STATUS:CANCELLED"]],
    ["events of whole days", ["DTSTART;VALUE=DATE:20260303"]],
    ["events without a length", ["DTSTART:20260303T093000Z"]],
  ])("%s are left out", (skip, body) => {
    expect(events(calendar(...body))).toEqual([{ line: 3, skip } as never]);
  });

  test("a length instead of an end, a zone by its name", () => {
    const [found] = events(calendar("DTSTART;TZID=Asia/Kathmandu:20250610T090000", "DURATION:PT30M"));
    expect(found).toMatchObject({
      started_at: Date.UTC(2025, 5, 10, 3, 15),
      ended_at: Date.UTC(2025, 5, 10, 3, 45),
      utc_offset_min: 345,
      categories: [],
    });
  });
});

describe("what is wrong is told with its line:", () => {
  test.each([
    [1, "doesn't begin with BEGIN:VCALENDAR", "hello"],
    [3, "has no DTSTART", calendar("SUMMARY:x")],
    [
      3,
      "isn't a time in the time zone 'Nowhere'",
      calendar("DTSTART;TZID=Nowhere:20260303T093000", "DURATION:PT1M"),
    ],
    [3, "has no END", calendar("SUMMARY:x").replace("END:VEVENT\r\n", "")],
    [5, "", calendar("DTSTART:20260303T093000Z", "nonsense")],
  ])("%i: %s", (line, words, text) => {
    let error: unknown;
    try {
      events(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Wrong);
    expect(error).toMatchObject({ line, message: expect.stringContaining(words) });
  });
});
