/** Pixels row by row, three bytes each: red, green, blue. */
export type Rgb = { readonly width: number; readonly height: number; readonly pixels: Uint8Array };

/** From dark to light, on a dark screen. */
const SHADES = " .:-=+*#%@";

/**
 * A picture as rows of a terminal, two pixels a cell: the upper half block in the colour of the upper pixel, on the
 * colour of the lower one. It takes 24-bit colours; without them a cell is a sign as light as its two pixels.
 */
export function halfBlocks({ width, height, pixels }: Rgb, colour: boolean): string[] {
  const draw = colour ? colourRow : shadeRow;
  return Array.from({ length: Math.ceil(height / 2) }, (_, row) => {
    const upper = pixels.subarray(2 * row * width * 3, (2 * row + 1) * width * 3);
    const lower = pixels.subarray((2 * row + 1) * width * 3, (2 * row + 2) * width * 3);
    // An odd last row is drawn twice.
    return draw(upper, lower.length > 0 ? lower : upper);
  });
}

function colourRow(upper: Uint8Array, lower: Uint8Array): string {
  let row = "";
  let last = "";
  for (let at = 0; at < upper.length; at += 3) {
    const [r, g, b] = upper.subarray(at);
    const [below, beside, beyond] = lower.subarray(at);
    const colours = `\x1b[38;2;${r};${g};${b};48;2;${below};${beside};${beyond}m`;
    // Neighbours of one colour share its words.
    row += colours === last ? "▀" : `${colours}▀`;
    last = colours;
  }
  return `${row}\x1b[0m`;
}

function shadeRow(upper: Uint8Array, lower: Uint8Array): string {
  let row = "";
  for (let at = 0; at < upper.length; at += 3) {
    const light = (lightOf(upper, at) + lightOf(lower, at)) / 2;
    row += SHADES[Math.min(SHADES.length - 1, Math.floor((light / 256) * SHADES.length))];
  }
  return row;
}

/** Luma by ITU-R BT.601, 0 to 255. */
const lightOf = (row: Uint8Array, at: number): number =>
  0.299 * (row[at] ?? 0) + 0.587 * (row[at + 1] ?? 0) + 0.114 * (row[at + 2] ?? 0);
