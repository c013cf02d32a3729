/** The small texts of command lines and session files. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseSlippage } from "../../../src/backtest/core/broker/slippage.ts";
import { parseBreakpoint } from "../../../src/backtest/core/engine/breakpoint.ts";
import { parseInstant } from "../../../src/backtest/core/time/instant.ts";
import { isTimezone, likeTimezone } from "../../../src/backtest/core/time/timezone.ts";
import { splitWords } from "../../../src/backtest/core/words.ts";

test.each([
  ["2017-06-01", Date.UTC(2017, 5, 1)],
  ["2017-06-01T14:30", Date.UTC(2017, 5, 1, 14, 30)],
  [" 2017-06-01 14:30:05 ", Date.UTC(2017, 5, 1, 14, 30, 5)],
  ["2017-06-01T14:30Z", Date.UTC(2017, 5, 1, 14, 30)],
  ["2017-06-01T14:30+02:00", Date.UTC(2017, 5, 1, 12, 30)],
])("the time %s is UTC unless it says otherwise", (text, ms) => {
  expect(parseInstant(text)).toBe(ms);
});

test.each(["", "2017", "2017-02-29", "2017-06-01T25:00", "2017-06-01T14", "14:30", "2017-06-01Z", "now"])(
  "'%s' is no time",
  (text) => {
    expect(parseInstant(text)).toBeUndefined();
  },
);

test.each([
  ["trade 20", { kind: "trades", count: 20 }],
  ["drawdown 5%", { kind: "drawdown", fraction: 0.05 }],
  ["drawdown 2.5 %", { kind: "drawdown", fraction: 0.025 }],
  ["2017-06-01T14:30", { kind: "time", at: Date.UTC(2017, 5, 1, 14, 30) }],
] as const)("a run pauses at %s", (text, breakpoint) => {
  expect(parseBreakpoint(text)).toEqual(breakpoint);
});

test.each([
  "",
  "trade",
  "trade 0",
  "trade -1",
  "trade 1.5",
  "drawdown 5",
  "drawdown 0%",
  "drawdown 100%",
  "soon",
])("a run can't pause at '%s'", (text) => {
  expect(parseBreakpoint(text)).toBeUndefined();
});

test.each([
  ["0", { kind: "none" }],
  ["0.0002", { kind: "fixed", amount: 0.0002 }],
  ["0.01%", { kind: "rate", rate: 0.0001 }],
  ["volume 0.1", { kind: "volume_share", impact: 0.1 }],
] as const)("slippage of %s is read", (text, slippage) => {
  expect(parseSlippage(text)).toEqual(slippage);
});

test.each(["", "-1", "100%", "volume", "volume 1%", "Infinity", "0x1", "1 2"])(
  "slippage of '%s' is refused",
  (text) => {
    expect(parseSlippage(text)).toBeUndefined();
  },
);

test("a zone that isn't one gets the near one", () => {
  expect(["UTC", "America/New_York", "+02:00", "Mars", ""].map(isTimezone)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(likeTimezone("Europe/Lodnon")).toBe("did you mean Europe/London?");
});

test.each([
  ["start a.yaml --pause-at 'trade 20'", ["start", "a.yaml", "--pause-at", "trade 20"]],
  ['  a"b c"d  \\ e ', ["ab cd", " e"]],
  [`"it's \\"it\\"" ''`, [`it's "it"`, ""]],
  ["", []],
])("the line %p is parted into words as a shell does", (line, words) => {
  expect(splitWords(line)).toEqual(words);
});

test("quoted, any words come back; with an open quote there are none", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      const line = words.map((word) => `'${word.replaceAll("'", `'"'"'`)}'`).join(" ");
      expect(splitWords(line)).toEqual(words);
    }),
  );
  expect(splitWords("step 'x")).toBeUndefined();
  expect(splitWords("step \\")).toBeUndefined();
});
