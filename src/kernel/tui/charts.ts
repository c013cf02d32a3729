/**
 * Charts as strings, a string a row, so that a screen draws few boxes. Pure; any numbers and any size are
 * taken: what is NaN or infinite is a gap, a width or height below 1 gives nothing. Series longer than the
 * chart is wide keep their extremes.
 */
import { cells, fit } from "./text.ts";

/** The values at the lower and upper edge of a chart; an edge left out is the series' own. */
export type Range = { readonly min?: number; readonly max?: number };

const whole = (size: number): number => (size >= 1 && size < 100_000 ? Math.floor(size) : 0);

/** Lowest and highest finite value, both NaN when there is none. */
function extent(values: ArrayLike<number>, range: Range): { lo: number; hi: number } {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    if (value < lo) lo = value;
    if (value > hi) hi = value;
  }
  return { lo: range.min ?? lo, hi: range.max ?? hi };
}

/** Where `value` lies between `lo` (0) and `hi` (1); `flat` when they are the same. */
function unit(value: number, lo: number, hi: number, flat: number): number {
  // Halves, since the distance of two numbers can be more than the largest number.
  const span = hi / 2 - lo / 2;
  if (!(span > 0)) return flat;
  return Math.min(1, Math.max(0, (value / 2 - lo / 2) / span));
}

const blocks = "▁▂▃▄▅▆▇█";

/**
 * One row of `width` cells, a block a value. With more values than cells each cell shows that value of its
 * bin which lies furthest from the middle of the chart; with fewer, the row ends in spaces. A series of equal
 * values is drawn low. Counts want `{ min: 0 }`.
 */
export function sparkline(values: ArrayLike<number>, width: number, range: Range = {}): string {
  const columns = whole(width);
  const used = Math.min(columns, values.length);
  const { lo, hi } = extent(values, range);
  const middle = lo / 2 + hi / 2;
  let row = "";
  for (let column = 0; column < used; column++) {
    const end = Math.floor(((column + 1) * values.length) / used);
    let shown = Number.NaN;
    for (let i = Math.floor((column * values.length) / used); i < end; i++) {
      const value = values[i] as number;
      if (!Number.isFinite(value)) continue;
      const further = Math.abs(value / 2 - middle / 2) - Math.abs(shown / 2 - middle / 2);
      if (Number.isNaN(shown) || further > 0 || (further === 0 && value > shown)) shown = value;
    }
    row += Number.isNaN(shown) ? " " : blocks[Math.min(7, Math.floor(unit(shown, lo, hi, 0) * 8))];
  }
  return row.padEnd(columns);
}

/** The bits of a braille cell's 2×4 dots, by row and column (Unicode's chart U2800). */
const dotBits = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80];

/**
 * A joined line in `height` rows of `width` cells, with 2×4 dots a cell. It always spans the width: fewer
 * values than columns of dots are joined by straight lines, of more, each column shows its bin from lowest to
 * highest. A series of equal values is drawn in the middle.
 */
export function brailleLine(
  values: ArrayLike<number>,
  width: number,
  height: number,
  range: Range = {},
): string[] {
  const columns = whole(width);
  const rows = whole(height);
  const across = columns * 2;
  const down = rows * 4;
  const count = values.length;
  const grid = new Uint8Array(columns * rows);
  const { lo, hi } = extent(values, range);
  const level = (value: number) => Math.round((1 - unit(value, lo, hi, 0.5)) * (down - 1));

  const join = (x0: number, y0: number, x1: number, y1: number) => {
    const steps = Math.max(x1 - x0, Math.abs(y1 - y0), 1);
    for (let step = 0; step <= steps; step++) {
      const x = Math.round(x0 + ((x1 - x0) * step) / steps);
      const y = Math.round(y0 + ((y1 - y0) * step) / steps);
      const cell = (y >> 2) * columns + (x >> 1);
      grid[cell] = (grid[cell] ?? 0) | (dotBits[(y & 3) * 2 + (x & 1)] ?? 0);
    }
  };

  if (across > 0 && down > 0 && count > 0) {
    const used = Math.min(across, count);
    /** Column of the bin: stretched over the width when there are fewer values than columns. */
    const place = (bin: number) => (used === 1 ? 0 : Math.round((bin * (across - 1)) / (used - 1)));
    for (let bin = 0; bin < used; bin++) {
      const start = Math.floor((bin * count) / used);
      const end = Math.floor(((bin + 1) * count) / used);
      let min = Number.POSITIVE_INFINITY;
      let max = Number.NEGATIVE_INFINITY;
      for (let i = start; i < end; i++) {
        const value = values[i] as number;
        if (!Number.isFinite(value)) continue;
        if (value < min) min = value;
        if (value > max) max = value;
      }
      if (min > max) continue;
      const x = place(bin);
      join(x, level(min), x, level(max));
      const before = start > 0 ? (values[start - 1] as number) : Number.NaN;
      const first = values[start] as number;
      if (Number.isFinite(before) && Number.isFinite(first)) {
        join(place(bin - 1), level(before), x, level(first));
      }
    }
  }

  return Array.from({ length: rows }, (_row, row) => {
    let text = "";
    // A space for the empty cell: fonts draw the empty braille pattern in many ways.
    for (const dots of grid.subarray(row * columns, (row + 1) * columns))
      text += dots === 0 ? " " : String.fromCharCode(0x2800 + dots);
    return text;
  });
}

/** One bar; `text` is how its value is written (default: the number as it is). */
export type Bar = { readonly label: string; readonly value: number; readonly text?: string };

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * A row an item, `width` cells each: label, value, and a bar from zero that is full for the largest value.
 * Negative values have no bar, others than zero at least an eighth of a cell.
 */
export function bars(items: readonly Bar[], width: number): string[] {
  const columns = whole(width);
  const texts = items.map((item) => item.text ?? String(item.value));
  const widest = (all: readonly string[]) => all.reduce((most, text) => Math.max(most, cells(text)), 0);
  const forText = Math.min(widest(texts), columns);
  const forLabel = Math.min(
    widest(items.map((item) => item.label)),
    Math.floor(columns / 2),
    Math.max(0, columns - forText - 1),
  );
  const room = Math.max(0, columns - forLabel - forText - 2);
  const top = extent(
    items.map((item) => item.value),
    { min: 0 },
  ).hi;
  return items.map((item, i) => {
    const share = Number.isFinite(item.value) ? unit(item.value, 0, top, 0) : 0;
    const parts = share > 0 ? Math.max(1, Math.round(share * room * 8)) : 0;
    const bar = room > 0 ? "█".repeat(parts >> 3) + eighths[parts & 7] : "";
    return fit(`${fit(item.label, forLabel)} ${fit(texts[i] ?? "", forText, "right")} ${bar}`, columns);
  });
}

/** `━━━━╸─────`: the share done of `width` cells, in half cells and rounded down, so that full means done. */
export function progressBar(fraction: number, width: number): string {
  const columns = whole(width);
  const halves = Math.floor(Math.min(1, Math.max(0, fraction || 0)) * columns * 2);
  const done = "━".repeat(halves >> 1) + "╸".repeat(halves & 1);
  return done.padEnd(columns, "─");
}
