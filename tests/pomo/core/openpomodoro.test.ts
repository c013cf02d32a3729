import { describe, expect, test } from "bun:test";
import type { Interval } from "../../../src/pomo/core/history.ts";
import { readPomodoro, writePomodoro } from "../../../src/pomo/core/openpomodoro.ts";

const MIN = 60_000;
const UTC_NOON = Date.UTC(2016, 5, 14, 12);
const NEW_YORK = Date.UTC(2026, 5, 14, 16, 34, 56);

const interval = (given: Partial<Interval>): Interval => ({
  type: "WORK",
  round: 1,
  task: null,
  task_id: null,
  tags: [],
  started_at: NEW_YORK,
  utc_offset_min: -240,
  ended_at: NEW_YORK + 25 * MIN,
  duration_ms: 25 * MIN,
  elapsed_ms: 25 * MIN,
  outcome: "completed",
  ...given,
});

describe("the published cases of go-openpomodoro", () => {
  test.each<[string, Partial<Interval>]>([
    [
      '2016-06-14T12:00:00Z description="A description" duration=25 tags=a,b',
      { started_at: UTC_NOON, utc_offset_min: 0, task: "A description", tags: ["a", "b"] },
    ],
    ["2026-06-14T12:34:56-04:00 duration=25", {}],
    [
      '2026-06-14T12:34:56-04:00 description="working on stuff" duration=25 tags=work,stuff',
      { task: "working on stuff", tags: ["work", "stuff"] },
    ],
  ])("%s is written and read", (line, given) => {
    const row = interval(given);
    expect(writePomodoro(row)).toBe(line);
    const { task, tags, started_at, utc_offset_min, duration_ms } = row;
    expect(readPomodoro(line)).toEqual({ task, tags: [...tags], started_at, utc_offset_min, duration_ms });
  });

  test.each([
    ["a time alone", "2026-06-14T12:34:56-04:00"],
    ["a time and a newline", "2026-06-14T12:34:56-04:00\n"],
  ])("%s is 25 minutes of nothing in particular", (_, line) => {
    expect(readPomodoro(line)).toEqual({
      task: null,
      tags: [],
      started_at: NEW_YORK,
      utc_offset_min: -240,
      duration_ms: 25 * MIN,
    });
  });

  test.each([
    [30 * MIN, 30],
    [29 * MIN + 30_000, 30],
    [29 * MIN + 29_000, 29],
  ])("%d ms are written as %d minutes", (elapsed_ms, minutes) => {
    expect(writePomodoro(interval({ elapsed_ms }))).toEndWith(` duration=${minutes}`);
  });

  test("two lines at once are refused", () => {
    const line = '2026-06-14T12:34:56-04:00 description="working on stuff" duration=25 tags=work,stuff';
    expect(readPomodoro(`${line}\n${line}`)).toBeString();
  });
});

test("what took a few seconds is a minute: 0 would be left out, and read as 25", () => {
  expect(writePomodoro(interval({ elapsed_ms: 3_000 }))).toBe("2026-06-14T12:34:56-04:00 duration=1");
});

test("one that was finished early is written with the time it took", () => {
  expect(writePomodoro(interval({ elapsed_ms: 10 * MIN }))).toEndWith(" duration=10");
});

test("a start is cut off to its second, in its own offset", () => {
  const line = writePomodoro(interval({ started_at: NEW_YORK + 999, utc_offset_min: 345 }));
  expect(line).toStartWith("2026-06-14T22:19:56+05:45 ");
});

test.each([
  ["review", "description=review"],
  ["a=b", 'description="a=b"'],
  ['say "hi"', String.raw`description="say \"hi\""`],
  [String.raw`a\b`, String.raw`description=a\b`],
  [String.raw`a \b`, String.raw`description="a \\b"`],
  ["two\nlines", String.raw`description="two\nlines"`],
  ["null", 'description="null"'],
  ["für 🍅", 'description="für 🍅"'],
])("the task %j is written so that it is read again", (task, attribute) => {
  const line = writePomodoro(interval({ task }));
  expect(line).toContain(` ${attribute} duration=25`);
  expect(readPomodoro(line)).toMatchObject({ task });
});

test("tags with spaces are read again", () => {
  const line = writePomodoro(interval({ tags: ["orange", "sky blue"] }));
  expect(line).toEndWith('tags="orange,sky blue"');
  expect(readPomodoro(line)).toMatchObject({ tags: ["orange", "sky blue"] });
});

test("attributes come in any order, with others among them, some without a value, and Windows' line ends", () => {
  const line = '2016-06-03T17:01:31.25-04:00\ttags=,a,, mood="so so" flag duration=22.5  description=x\r\n';
  expect(readPomodoro(line)).toEqual({
    task: "x",
    tags: ["a"],
    started_at: Date.UTC(2016, 5, 3, 21, 1, 31, 250),
    utc_offset_min: -240,
    duration_ms: 22.5 * MIN,
  });
});

test.each([
  ["banana duration=25", "'banana'"],
  ["2026-06-14 duration=25", "'2026-06-14'"],
  ["2026-06-14T12:34:56 duration=25", "with its offset"],
  ["2026-06-31T12:34:56Z duration=25", "RFC 3339"],
  ["2026-06-14T12:34:56+25:00", "RFC 3339"],
  ["2026-06-14T12:34:56Z duration=long", "'long'"],
  ["2026-06-14T12:34:56Z duration=-5", "'-5'"],
  ["2026-06-14T12:34:56Z duration=.", "'.'"],
  ['2026-06-14T12:34:56Z description="open', "a quote"],
  ['2026-06-14T12:34:56Z description=a"b"', "a quote"],
  [String.raw`2026-06-14T12:34:56Z description="\x"`, "escape"],
  ["2026-06-14T12:34:56Z =5", "'='"],
])("%s is refused", (line, why) => {
  expect(readPomodoro(line)).toBeString();
  expect(readPomodoro(line)).toContain(why);
});
