import { describe, expect, test } from "bun:test";
import { edit, entryRow, type Line, lineOf, paste } from "../../../src/kernel/tui/entry.ts";
import { cells } from "../../../src/kernel/tui/text.ts";

/** A line with its cursor at the `|`, after some keys. */
function after(line: string, ...keys: string[]): string {
  const [before = "", rest = ""] = line.split("|");
  const end = keys.reduce<Line>(edit, { before, after: rest });
  return `${end.before}|${end.after}`;
}

describe("a key", () => {
  test.each([
    ["a|b", ["x", "space", "Ü", "端"], "ax Ü端|b"],
    ["ab|cd", ["backspace"], "a|cd"],
    ["ab|cd", ["delete"], "ab|d"],
    ["ab|cd", ["left", "left", "left"], "|abcd"],
    ["ab|cd", ["right", "right", "right"], "abcd|"],
    ["ab|cd", ["home"], "|abcd"],
    ["ab|cd", ["ctrl+a"], "|abcd"],
    ["ab|cd", ["end"], "abcd|"],
    ["ab|cd", ["ctrl+e"], "abcd|"],
    ["ab|cd", ["ctrl+u"], "|cd"],
    ["one two  |three", ["ctrl+w"], "one |three"],
    ["|", ["backspace", "delete", "left", "right", "ctrl+w", "ctrl+u"], "|"],
    // One character to a reader: a flag, a letter with its accent.
    ["🇩🇪e\u0301|", ["backspace"], "🇩🇪|"],
    ["🇩🇪e\u0301|", ["left", "left"], "|🇩🇪e\u0301"],
    ["a|", ["up", "tab", "ctrl+r", "alt+x", "shift+left", "\u202e", "\x07"], "a|"],
  ])("%s after %j is %s", (line, keys, expected) => {
    expect(after(line, ...keys)).toBe(expected);
  });
});

test("pasted text goes where the cursor is, as one row", () => {
  expect(paste({ before: "a", after: "b" }, "\n1\r\n2\n3\x1b[31m\t4\r\n")).toEqual({
    before: "a1 2 3 4",
    after: "b",
  });
});

test("what stands there already is made one row", () => {
  expect(lineOf("one\ntwo")).toEqual({ before: "one two", after: "" });
});

describe("the row", () => {
  test("shows the label, the text and the cursor", () => {
    expect(entryRow("task", { before: "write ", after: "it" }, 40)).toBe("task: write ▏it");
  });
  test("shows the part around the cursor of a line that is longer, and never more than fits", () => {
    expect(entryRow("t", { before: "abcdefghij", after: "" }, 10)).toBe("t: …fghij▏");
    expect(entryRow("t", { before: "abcdefghij", after: "klmnopqr" }, 13)).toBe("t: …fghij▏kl…");
    expect(entryRow("t", { before: "", after: "abcdefghij" }, 10)).toBe("t: ▏abcde…");
    const text = "端末 and 🇩🇪 and so on and so forth";
    for (let width = 8; width < 60; width++) {
      for (let at = 0; at <= text.length; at++) {
        const row = entryRow("a label", { before: text.slice(0, at), after: text.slice(at) }, width);
        expect(cells(row)).toBeLessThanOrEqual(width);
        expect(row).toContain("▏");
      }
    }
  });
});
