import { expect, test } from "bun:test";
import { heatMap } from "../../../src/pomo/core/heat-map.ts";

/** 52 weeks and the days of this one: Friday, 2026-11-20. */
const DAYS = 52 * 7 + 5;
const year = (counts: Record<number, number> = {}) =>
  Array.from({ length: DAYS }, (_, day) => counts[day] ?? 0);

test("a week is a column, two cells wide, and days to come are left open", () => {
  const rows = heatMap(year({ 0: 8, [DAYS - 1]: 4 }), "2026-11-20", 120);
  expect(rows).toHaveLength(8);
  expect(rows[1]).toBe(`Mon █ ${"· ".repeat(51)}·`);
  expect(rows[5]).toBe(`Fri ${"· ".repeat(52)}▒`);
  expect(rows[6]).toBe(`Sat ${"· ".repeat(51)}·`);
  for (const row of rows) expect(row.length).toBeLessThanOrEqual(4 + 2 * 53);
});

test("with less room a week is one cell wide, and with still less the oldest are left out", () => {
  const counts = year({ 0: 8, [DAYS - 5]: 8 });
  expect(heatMap(counts, "2026-11-20", 109)[1]).toBe(`Mon █${"·".repeat(51)}█`);
  expect(heatMap(counts, "2026-11-20", 57)[1]).toBe(`Mon █${"·".repeat(51)}█`);
  expect(heatMap(counts, "2026-11-20", 24)[1]).toBe(`Mon ${"·".repeat(19)}█`);
  expect(heatMap(counts, "2026-11-20", 3)[1]).toBe("Mon");
});

test("a month stands over the week it begins in", () => {
  // The first week is that of 2025-11-17; the first of December is a Monday, of January a Thursday, of March a Sunday.
  const [narrow, wide] = [60, 120].map((width) => heatMap(year(), "2026-11-20", width)[0]);
  expect(narrow).toBe("      Dec Jan Feb Mar  Apr May  Jun Jul Aug  Sep Oct Nov");
  expect(wide?.slice(0, 40)).toBe("        Dec     Jan     Feb     Mar     ");
  // One that would touch the one before isn't named: of November 2025 there is only the end.
  expect(heatMap(Array(19).fill(0), "2026-03-20", 60)[0]).toBe("");
});

test("five levels are shared out up to the most, of which there are at least four", () => {
  const levels = (most: number) => {
    const counts = Array.from({ length: most + 1 }, (_, n) => n).flatMap((n) => [n, 0, 0, 0, 0, 0, 0]);
    return heatMap(counts.slice(0, -6), "2026-11-16", 100)[1]?.replaceAll(" ", "").slice(3);
  };
  expect(levels(8)).toBe("·░░▒▒▓▓██");
  expect(levels(4)).toBe("·░▒▓█");
  expect(levels(2)).toBe("·░▒");
  expect(levels(12)).toBe("·░░░▒▒▒▓▓▓███");
});

test("a year of nothing is a map of nothing", () => {
  expect(heatMap([], "2026-11-20", 80)).toEqual(["", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
  expect(heatMap(year(), "2026-11-20", 80)[7]).toBe(`Sun ${"·".repeat(52)}`);
});
