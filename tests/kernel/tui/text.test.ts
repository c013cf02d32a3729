import { expect, test } from "bun:test";
import { cells, cut, fit, oneRow } from "../../../src/kernel/tui/text.ts";

test("counts the cells a terminal gives a text", () => {
  for (const text of [
    "",
    "abc",
    "é",
    "e\u0301",
    "端末",
    "한국어",
    "👩‍👩‍👧",
    "🇩🇪",
    "☎️",
    "━╸─",
    "⡠⠊",
    "▁█",
    "●○",
    "…",
  ])
    expect(cells(text)).toBe(Bun.stringWidth(text));
});

test("cuts at the width with an ellipsis, never through a wide character", () => {
  expect(cut("shutdown", 8)).toBe("shutdown");
  expect(cut("shutdown", 5)).toBe("shut…");
  expect(cut("端末端末", 5)).toBe("端末…");
  expect(cut("端末端末", 4)).toBe("端…");
  expect(cut("ab", 1)).toBe("…");
  for (const width of [0, -1, Number.NaN]) expect(cut("ab", width)).toBe("");
});

test("fits a text into exactly so many cells", () => {
  expect(fit("ab", 4)).toBe("ab  ");
  expect(fit("ab", 4, "right")).toBe("  ab");
  expect(fit("端末端末", 6)).toBe("端末… ");
  expect(fit("ab", 0)).toBe("");
});

test("lets nothing through that a terminal would obey", () => {
  expect(oneRow("a\x1b[31mb\x1b]0;title\x07c")).toBe("abc");
  expect(oneRow("one\ntwo\tthree\x9b")).toBe("one two three ");
  expect(oneRow("abc\u202edef")).toBe("abc def");
});
