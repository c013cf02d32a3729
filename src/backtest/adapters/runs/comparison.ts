import type { Output } from "../../../kernel/output.ts";
import { printTable } from "../../../kernel/table.ts";
import { brailleLine } from "../../../kernel/tui/charts.ts";
import { factsOf } from "../../core/results/run-facts.ts";
import type { Figure } from "../../core/results/statistics.ts";
import { FIGURES, figureText, type Unit } from "../../core/results/summary.ts";
import type { Run } from "../../core/run.ts";
import type { Result } from "../../core/run-state.ts";

/** Two finished runs side by side. Differences are the second's less the first's. */

/** A run as it is compared. */
export type Compared = {
  readonly id: string;
  readonly title: string;
  readonly run: Run;
  readonly result: Result;
  readonly equity: Float64Array;
};

/** What two runs differ in; null where one has nothing of it. */
export type Comparison = {
  readonly a: string;
  readonly b: string;
  /** Whether trades and equity are the same, every bit of them. */
  readonly same: boolean;
  readonly settings: readonly {
    readonly name: string;
    readonly a: string | null;
    readonly b: string | null;
  }[];
  readonly statistics: Readonly<
    Record<
      Figure,
      { readonly a: number | null; readonly b: number | null; readonly difference: number | null }
    >
  >;
  readonly months: readonly {
    readonly year: number;
    readonly month: number;
    readonly a: number | null;
    readonly b: number | null;
  }[];
};

/** Compares what is known of two finished runs. */
export function comparison(a: Compared, b: Compared): Comparison {
  const difference = (x: number | null, y: number | null) => (x === null || y === null ? null : y - x);
  const statistics = FIGURES.map(({ key }) => {
    const [x, y] = [a.result.stats[key], b.result.stats[key]];
    return [key, { a: x, b: y, difference: difference(x, y) }];
  });
  return {
    a: a.id,
    b: b.id,
    same: a.result.hash === b.result.hash,
    settings: differing(a.run, b.run),
    statistics: Object.fromEntries(statistics) as Comparison["statistics"],
    months: monthsOf(a.result, b.result),
  };
}

function differing(a: Run, b: Run): Comparison["settings"] {
  const [ofA, ofB] = [a, b].map((run) => new Map(factsOf(run).map(({ name, value }) => [name, value])));
  const names = new Set([...(ofA?.keys() ?? []), ...(ofB?.keys() ?? [])]);
  return [...names].flatMap((name) => {
    const [x = null, y = null] = [ofA?.get(name), ofB?.get(name)];
    return x === y ? [] : [{ name, a: x, b: y }];
  });
}

function monthsOf(a: Result, b: Result): Comparison["months"] {
  const key = ({ year, month }: { year: number; month: number }) => year * 12 + month - 1;
  const [ofA, ofB] = [a, b].map(
    ({ stats }) => new Map(stats.monthly_returns.map((of) => [key(of), of.return_pct])),
  );
  const keys = [...new Set([...(ofA?.keys() ?? []), ...(ofB?.keys() ?? [])])].toSorted((x, y) => x - y);
  return keys.map((at) => ({
    year: Math.floor(at / 12),
    month: (at % 12) + 1,
    a: ofA?.get(at) ?? null,
    b: ofB?.get(at) ?? null,
  }));
}

/** The colours of the two, which always have their letters beside them. */
const A = 36;
const B = 33;

/** Prints a comparison for people. */
export function printComparison(output: Output, a: Compared, b: Compared, both: Comparison): void {
  const paint = output.paint.bind(output);
  output.text(`${paint(A, "A")}  ${a.title}  ${a.id}\n${paint(B, "B")}  ${b.title}  ${b.id}\n`);
  if (both.same) output.text("Trades and equity are the same, to the bit.\n");
  const gap = () => output.text("\n");
  if (both.settings.length > 0) {
    gap();
    const rows = both.settings.map(({ name, a, b }) => ({ cells: [name, a ?? "–", b ?? "–"] }));
    printTable(output, ["DIFFERS", "A", "B"], rows, 2);
  }
  gap();
  const figures = FIGURES.flatMap(({ key, label, unit }) => {
    const { a, b, difference } = both.statistics[key];
    if (a === null && b === null) return [];
    const cells = [label, figureText(a, unit), figureText(b, unit), differenceText(difference, unit)];
    return { cells, colour: difference === 0 ? 2 : undefined };
  });
  printTable(output, ["STATISTIC", "A", "B", "DIFFERENCE"], figures, 0);
  gap();
  output.text(`${overlay(a, b, paint).join("\n")}\n`);
  gap();
  const months = both.months.map(({ year, month, a, b }) => {
    const difference = a === null || b === null ? null : b - a;
    const name = `${year}-${String(month).padStart(2, "0")}`;
    return { cells: [name, figureText(a, "%"), figureText(b, "%"), differenceText(difference, "%")] };
  });
  printTable(output, ["MONTH", "A", "B", "DIFFERENCE"], months, 0);
}

function differenceText(value: number | null, unit: Unit): string {
  if (value === null || unit === "time") return "";
  return `${value < 0 ? "-" : "+"}${figureText(Math.abs(value), unit)}`;
}

const CHART = { columns: 64, rows: 8 };

/** Both equity curves on one scale of time and of per cent of the start; a letter stands where each ends. */
function overlay(a: Compared, b: Compared, paint: (code: number, text: string) => string): string[] {
  const from = Math.min(a.result.stats.start ?? 0, b.result.stats.start ?? 0);
  const to = Math.max(a.result.stats.end ?? 0, b.result.stats.end ?? 0);
  const curves = [a, b].map((run) => curveOf(run, from, to));
  const values = curves.flat().filter(Number.isFinite);
  const min = Math.min(0, ...values);
  const max = Math.max(0, ...values);
  const [ofA = [], ofB = []] = curves.map((curve) =>
    brailleLine(curve, CHART.columns, CHART.rows, { min, max }),
  );
  const [endA, endB] = curves.map((curve) => {
    const last = curve.findLast(Number.isFinite) ?? 0;
    return Math.round((max > min ? (max - last) / (max - min) : 0.5) * (CHART.rows * 4 - 1)) >> 2;
  });
  return ofA.map((line, row) => {
    const cells = Array.from(line, (cell, at) => joined(cell, ofB[row]?.[at] ?? " ", paint)).join("");
    const ends = `${row === endA ? paint(A, "A") : " "}${row === endB ? paint(B, "B") : " "}`;
    const scale = row === 0 ? `${max.toFixed(1)} %` : row === CHART.rows - 1 ? `${min.toFixed(1)} %` : "";
    return `  ${cells} ${ends} ${scale}`.trimEnd();
  });
}

const EMPTY = 0x2800;

/** The dots of both. */
function joined(a: string, b: string, paint: (code: number, text: string) => string): string {
  if (a === " ") return b === " " ? b : paint(B, b);
  if (b === " ") return paint(A, a);
  return String.fromCharCode(a.charCodeAt(0) | (b.charCodeAt(0) - EMPTY));
}

/** Equity in per cent of its start, a value for each column of dots; steps are taken as evenly spread over the run's time. */
function curveOf({ equity, result: { stats } }: Compared, from: number, to: number): number[] {
  const columns = CHART.columns * 2;
  const start = stats.start ?? from;
  const span = (stats.end ?? to) - start;
  const first = equity[0] ?? Number.NaN;
  return Array.from({ length: columns }, (_, column) => {
    const at = (from + ((to - from) * column) / (columns - 1) - start) / span;
    if (!(at >= 0 && at <= 1)) return Number.NaN;
    return ((equity[Math.round(at * (equity.length - 1))] ?? Number.NaN) / first - 1) * 100;
  });
}
