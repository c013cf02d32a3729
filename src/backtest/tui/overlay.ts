/** Two equity curves in one chart. Pure. */
import { brailleLine } from "../../kernel/tui/charts.ts";
import type { Tone } from "../../kernel/tui/theme.ts";
import type { PaintedRow } from "./painted.tsx";

/** What the curves are drawn in, and both where they meet. */
export const OVERLAY = { a: "selected", b: "waiting", both: "plain" } as const satisfies Record<string, Tone>;

/** Beside the chart: the letters at the ends of the curves. */
const LETTERS = 3;

/** The chart, and the values at its edges. */
export type Overlay = { readonly rows: readonly PaintedRow[]; readonly min: number; readonly max: number };

/** Each value in per cent more or less than the first. */
export const returnsOf = (equity: readonly number[]): number[] => {
  const [start = Number.NaN] = equity;
  return equity.map((value) => (value / start - 1) * 100);
};

/**
 * The curves in `height` rows of `width` cells, each drawn over its part of the width; a letter stands where each ends.
 * @param shares how much of the width each takes, 0 … 1: what a run under way has come to
 */
export function overlay(
  curves: { readonly a: readonly number[]; readonly b: readonly number[] },
  shares: { readonly a: number; readonly b: number },
  width: number,
  height: number,
): Overlay {
  const finite = [...curves.a, ...curves.b].filter(Number.isFinite);
  const min = finite.length > 0 ? finite.reduce((least, value) => Math.min(least, value)) : 0;
  const max = finite.length > 0 ? finite.reduce((most, value) => Math.max(most, value)) : 0;
  const columns = Math.max(1, width - LETTERS);
  const draw = (curve: readonly number[], share: number) =>
    brailleLine(curve, Math.max(1, Math.round(columns * share)), height, { min, max }).map((row) =>
      row.padEnd(columns),
    );
  const [a, b] = [draw(curves.a, shares.a), draw(curves.b, shares.b)];
  const endRow = (curve: readonly number[]) => {
    const last = curve.findLast(Number.isFinite);
    if (last === undefined) return -1;
    return Math.round((max > min ? (max - last) / (max - min) : 0.5) * (height * 4 - 1)) >> 2;
  };
  const [endA, endB] = [endRow(curves.a), endRow(curves.b)];
  const rows = Array.from({ length: height }, (_, row) => {
    const tones: Tone[] = [];
    let text = "";
    for (let column = 0; column < columns; column++) {
      const [ofA, ofB] = [a[row]?.[column] ?? " ", b[row]?.[column] ?? " "];
      text += joined(ofA, ofB);
      tones.push(ofB === " " ? OVERLAY.a : ofA === " " ? OVERLAY.b : OVERLAY.both);
    }
    const letters = ` ${row === endA ? "A" : " "}${row === endB ? "B" : " "}`;
    return { text: text + letters, tones: [...tones, "plain" as const, OVERLAY.a, OVERLAY.b] };
  });
  return { rows, min, max };
}

/** The dots of two cells of braille (Unicode's chart U2800). */
const joined = (a: string, b: string): string =>
  a === " " ? b : b === " " ? a : String.fromCharCode(a.charCodeAt(0) | (b.charCodeAt(0) - 0x2800));
