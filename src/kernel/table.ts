import type { Output } from "./output.ts";
import { cells, fit, oneRow } from "./tui/text.ts";

/** A row of a table, in an SGR colour where it says something that the row says in words as well. */
export type TableRow = { cells: readonly string[]; colour?: number | undefined };

/** How wide the terminal is; 80 where it doesn't say. */
export const terminalWidth = (): number => process.stdout.columns || 80;

/** Prints a table, each column as wide as its widest cell; the column `elastic` is cut where the terminal is narrow. */
export function printTable(
  output: Output,
  head: readonly string[],
  rows: readonly TableRow[],
  elastic: number,
): void {
  const texts = rows.map((row) => row.cells.map(oneRow));
  const widths = head.map((title, at) => Math.max(...[head, ...texts].map((row) => cells(row[at] ?? title))));
  const over = widths.reduce((sum, width) => sum + width + 2, -2) - terminalWidth();
  const least = cells(head[elastic] ?? "");
  if (over > 0) widths[elastic] = Math.max(least, (widths[elastic] ?? 0) - over);
  const line = (row: readonly string[]) =>
    row
      .map((text, at) => fit(text, widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  output.text(`${output.paint(2, line(head))}\n`);
  texts.forEach((row, at) => {
    const colour = rows[at]?.colour;
    output.text(`${colour === undefined ? line(row) : output.paint(colour, line(row))}\n`);
  });
}
