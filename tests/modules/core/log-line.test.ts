import { expect, test } from "bun:test";
import { formatMark, lineHead, parseLogLine } from "../../../src/modules/core/log-line.ts";

const at = Date.UTC(2026, 10, 22, 14, 5, 1, 123);

test("a line of a log has the time it was taken in, and is read as it was written", () => {
  expect(`${lineHead(at)}hello`).toBe("2026-11-22T14:05:01.123Z hello");
  for (const text of ["hello", "", " ", "\u001b[31mred\r", "-- not ours", "a\u2028b"]) {
    expect(parseLogLine(lineHead(at) + text)).toEqual({ at, text, mark: false });
  }
});

test("a mark can't be taken for what a module says, nor the other way round", () => {
  expect(formatMark(at, "exit 1")).toBe("2026-11-22T14:05:01.123Z-- exit 1");
  expect(parseLogLine(formatMark(at, "exit 1"))).toEqual({ at, text: "exit 1", mark: true });
  expect(parseLogLine(`${lineHead(at)}${formatMark(at, "exit 1")}`)?.mark).toBe(false);
});

test("a mark is one line, whatever it says", () => {
  expect(formatMark(at, "a\nb\r\nc")).toBe("2026-11-22T14:05:01.123Z-- a b c");
});

test("what isn't a line of ours isn't read", () => {
  for (const line of [
    "",
    "hello",
    "2026-11-22T14:05:01.123Z",
    "2026-11-22T14:05",
    "2026-99-22T14:05:01.123Z x",
  ]) {
    expect(parseLogLine(line)).toBeUndefined();
  }
});
