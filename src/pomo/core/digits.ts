/** Digits of blocks, large enough to be read across a room. */

/** Three by five dots each, a row after the other; the colon is one dot wide. */
const GLYPHS: Readonly<Record<string, string>> = {
  "0": "### # # # # # # ###",
  "1": "##   #   #   #  ###",
  "2": "###   # ### #   ###",
  "3": "###   # ###   # ###",
  "4": "# # # # ###   #   #",
  "5": "### #   ###   # ###",
  "6": "### #   ### # # ###",
  "7": "###   #   #   #   #",
  "8": "### # # ### # # ###",
  "9": "### # # ###   # ###",
  ":": "  #   #  ",
};
const DOTS_DOWN = 5;

/** The dots of one row of a glyph. */
function dots(character: string, row: number): string {
  const glyph = GLYPHS[character] ?? "";
  const width = character === ":" ? 1 : 3;
  return glyph.slice(row * (width + 1), row * (width + 1) + width).padEnd(width);
}

/** The rows of dots of a text, a free dot between two characters. */
const matrix = (text: string): string[] =>
  Array.from({ length: DOTS_DOWN }, (_, row) => Array.from(text, (each) => dots(each, row)).join(" "));

/** Two rows of dots in one of cells, for where there is little room. */
function halved(rows: readonly string[]): string[] {
  return Array.from({ length: Math.ceil(rows.length / 2) }, (_, y) => {
    const [upper = "", lower = ""] = [rows[2 * y], rows[2 * y + 1]];
    return Array.from(upper, (dot, x) => {
      const below = lower[x] === "#";
      return dot === "#" ? (below ? "█" : "▀") : below ? "▄" : " ";
    }).join("");
  });
}

/**
 * `12:34` in blocks, as large as fits in `width` × `height` cells: dots of 2×1, 4×2, 6×3 … cells, and half as large
 * where that is too much. All rows have the same length.
 * @returns no rows when it doesn't fit at all
 */
export function blockDigits(text: string, width: number, height: number): string[] {
  const rows = matrix(text);
  const across = rows[0]?.length ?? 0;
  const scale = Math.min(Math.floor(width / (2 * across)), Math.floor(height / DOTS_DOWN));
  if (scale >= 1) {
    return rows.flatMap((row) => {
      const line = Array.from(row, (dot) => (dot === "#" ? "█" : " ").repeat(2 * scale)).join("");
      return Array<string>(scale).fill(line);
    });
  }
  const small = halved(rows);
  return across <= width && small.length <= height ? small : [];
}
