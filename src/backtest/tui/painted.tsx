import type { WriteStream } from "node:tty";
import { Transform, useStdout } from "ink";
import { type Tone, tones } from "../../kernel/tui/theme.ts";

/** A row of which each cell has a tone of its own; one character a cell, and as many tones. */
export type PaintedRow = { readonly text: string; readonly tones: readonly Tone[] };

/** SGR of the colours that tones have. */
const CODES = { green: 32, yellow: 33, red: 31, cyan: 36 } as const;

function sgr(tone: Tone): string {
  const style = tones[tone];
  const code = "color" in style ? CODES[style.color] : "dimColor" in style ? 2 : undefined;
  return code === undefined ? "" : `\x1b[${code}m`;
}

/** The row with its colours written into it. */
function paint({ text, tones: of }: PaintedRow): string {
  let row = "";
  let last = "plain" as Tone;
  for (let at = 0; at < text.length; at++) {
    // Nothing is seen of a space's colour.
    const tone: Tone = text[at] === " " ? last : (of[at] ?? "plain");
    if (tone !== last) row += (last === "plain" ? "" : "\x1b[0m") + sgr(tone);
    last = tone;
    row += text[at];
  }
  return last === "plain" ? row : `${row}\x1b[0m`;
}

/** Rows of equal width in the tones of their cells. */
export function Painted({ rows }: { rows: readonly PaintedRow[] }) {
  const { stdout } = useStdout();
  // What decides on all colours of a screen decides on these: see prepareColour.
  const coloured = ((stdout as Partial<WriteStream>).getColorDepth?.() ?? 1) > 1;
  if (rows.length === 0) return null;
  // Ink lays out and remembers what it is given as text: these dots. An element for each run of one colour would cost
  // many times as much.
  const place = rows.map(({ text }) => "·".repeat(text.length)).join("\n");
  const drawn = (row: PaintedRow) => (coloured ? paint(row) : row.text);
  return <Transform transform={(_line, at) => drawn(rows[at] as PaintedRow)}>{place}</Transform>;
}
