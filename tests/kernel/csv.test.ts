import { describe, expect, test } from "bun:test";
import { csvLine, csvRecords, guarded } from "../../src/kernel/csv.ts";

const NASTY = [
  "=1+1",
  "'=1+1",
  "''@cmd",
  "-5 °C",
  "＋1",
  "'quoted'",
  'say "hi", then; go',
  "a\tb",
  "two\nlines",
  "a,b",
  "\t=1+1",
  "\ttab",
  "\nline",
  "  =1+1",
  "\u00a0@cmd",
  "' =1+1",
  "'\ttab",
  "' '=1",
];

test("whatever is in a cell comes back as it was, and no cell is a formula", () => {
  const text = csvLine(["Name ", "n"]) + NASTY.map((each, n) => csvLine([guarded(each), String(n)])).join("");
  const records = [...csvRecords(text)];
  expect(records.map((record) => record.text("name"))).toEqual(NASTY);
  expect(records.map((record) => record.number("n"))).toEqual(NASTY.map((_, n) => n));
  for (const each of [...NASTY, "\rline"])
    expect(guarded(each)).not.toMatch(/^(?:\s*[=+\-@＝＋－＠]|[\t\r\n])/);
});

test.each([",", ";", "\t"])(
  "cells may be parted by %p, lines end as they like, blank ones are passed over",
  (sign) => {
    const text = ["", ["A", "b"], ["1", ""], [" ", ""], ['"x\r\ny"', "2"], ["3", "4"]]
      .map((cells) => (typeof cells === "string" ? cells : cells.join(sign)))
      .join("\r\n");
    const records = [...csvRecords(text)].map((each) => [each.line, each.text("a"), each.text("b")]);
    expect(records).toEqual([
      [3, "1", undefined],
      [5, "x\ny", "2"],
      [7, "3", "4"],
    ]);
  },
);

describe("what is wrong is told with its line:", () => {
  const wrong = (text: string, read: "time" | "number" = "number") => {
    try {
      for (const record of csvRecords(text)) record[read]("a");
    } catch (error) {
      const { line, message } = error as { line: number; message: string };
      return `${line}: ${message}`;
    }
    return undefined;
  };

  test("a number", () => {
    expect(wrong("a,b\n1,\n2.5,\n-3,")).toBe("4: a is '-3', which isn't a number");
  });

  test("a time", () => {
    expect(wrong("a\n2026-01-01T00:00:00Z\n2026-01-01", "time")).toBe(
      "3: a is '2026-01-01', which isn't an RFC 3339 time with its offset",
    );
  });

  test("a header that isn't there", () => {
    expect([...csvRecords("a,At\n", "at")]).toEqual([]);
    expect([...csvRecords("", "at")]).toEqual([]);
    expect(() => [...csvRecords("\nwork,2026-01-01T00:00:00Z\n", "at")]).toThrow(
      expect.objectContaining({ line: 2, message: "it isn't a header with the column at" }),
    );
  });

  test("a line with too many cells, a quote that isn't closed", () => {
    expect(wrong("a,b\n1,2\n1,2,3")).toMatch(/^3: Invalid Record Length/);
    expect(wrong('a,b\n"1,2')).toMatch(/^\d: Quote Not Closed/);
  });
});

test("a time has its offset", () => {
  const [record] = csvRecords("at\n2026-06-14T12:34:56.5-04:00\n");
  expect(record?.time("at")).toEqual({
    wall: Date.UTC(2026, 5, 14, 16, 34, 56, 500),
    offset: -240,
    exact: true,
  });
  expect(record?.time("until")).toBeUndefined();
});
