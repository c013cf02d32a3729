import { oneLine } from "../../kernel/core/plain.ts";
import type { Box, Picture, Point } from "./frame.ts";

/**
 * A picture as rows of a terminal, two pixels a cell, with what is drawn on it: the upper half block in the colour of
 * the upper pixel, on the colour of the lower one. Without colours a cell is a sign as light as its two pixels. Pure.
 */

/** What a mark says: the words of the screens' theme. */
export type MarkTone = "running" | "waiting" | "failed" | "selected" | "secondary" | "plain";

type Rgb = readonly [red: number, green: number, blue: number];

const TONES: Readonly<Record<MarkTone, Rgb>> = {
  running: [64, 224, 96],
  waiting: [240, 208, 48],
  failed: [255, 72, 72],
  selected: [64, 224, 240],
  secondary: [144, 144, 144],
  plain: [255, 255, 255],
};

/** What is drawn and how. All places are those of a picture: 0 to 1. */
export type Drawing = {
  /** Cells it may take at most. */
  readonly columns: number;
  readonly rows: number;
  readonly colour: "truecolor" | "256" | "none";
  readonly boxes: readonly { readonly box: Box; readonly label: string; readonly tone: MarkTone }[];
  /** `closed`: its last point is joined with its first. A label stands where it begins. */
  readonly polygons: readonly {
    readonly points: readonly Point[];
    readonly tone: MarkTone;
    readonly closed: boolean;
    readonly label?: string;
  }[];
  readonly cursor?: Point;
};

/**
 * How many cells a picture takes of those it may take. A cell is taken to be twice as high as wide, so that each half of
 * it is a square; the ratio is kept to within a cell.
 */
export function drawnSize(
  { width, height }: Pick<Picture, "width" | "height">,
  columns: number,
  rows: number,
): { columns: number; rows: number } {
  const scale = Math.min(columns / width, (2 * rows) / height);
  const within = (cells: number, most: number) => Math.max(1, Math.min(Math.round(cells), Math.floor(most)));
  if (!(width >= 1 && height >= 1 && columns >= 1 && rows >= 1)) return { columns: 0, rows: 0 };
  return { columns: within(width * scale, columns), rows: within((height * scale) / 2, rows) };
}

/** Pixels that are drawn on, two rows of them a row of cells, and the signs that stand in cells in place of them. */
type Canvas = {
  readonly columns: number;
  readonly rows: number;
  readonly pixels: Uint8Array;
  /** Of each pixel, the sign of the line on it where there are no colours; 0 for none. */
  readonly lines: Uint8Array;
  readonly signs: Map<number, { readonly sign: string; readonly tone: MarkTone }>;
};

/** The picture in so many pixels, each the mean of those it stands for. */
function shrunk({ data, width, height }: Picture, columns: number, rows: number): Uint8Array {
  const pixels = new Uint8Array(columns * rows * 3);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    const top = Math.floor((row * height) / rows);
    const bottom = Math.max(top + 1, Math.floor(((row + 1) * height) / rows));
    for (let column = 0; column < columns; column++) {
      const left = Math.floor((column * width) / columns);
      const right = Math.max(left + 1, Math.floor(((column + 1) * width) / columns));
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let y = top; y < bottom; y++) {
        const end = (y * width + right) * 3;
        for (let at = (y * width + left) * 3; at < end; at += 3) {
          red += data[at] as number;
          green += data[at + 1] as number;
          blue += data[at + 2] as number;
        }
      }
      const count = (bottom - top) * (right - left);
      pixels[to++] = red / count;
      pixels[to++] = green / count;
      pixels[to++] = blue / count;
    }
  }
  return pixels;
}

/** The pixel or cell a place is in, of so many side by side; the far edge is in the last. */
const indexOf = (share: number, count: number): number =>
  Math.max(0, Math.min(count - 1, Math.floor(share * count)));

function dot({ columns, rows, pixels, lines }: Canvas, x: number, y: number, tone: MarkTone, sign: string) {
  if (x < 0 || y < 0 || x >= columns || y >= rows * 2) return;
  pixels.set(TONES[tone], (y * columns + x) * 3);
  lines[y * columns + x] = sign.charCodeAt(0);
}

/** A straight line, a dot a step along its longer side. */
function line(canvas: Canvas, from: Point, to: Point, tone: MarkTone, sign: string): void {
  const place = ([x, y]: Point) => [indexOf(x, canvas.columns), indexOf(y, canvas.rows * 2)] as const;
  const [[x0, y0], [x1, y1]] = [place(from), place(to)];
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
  for (let step = 0; step <= steps; step++) {
    const along = step / steps;
    dot(canvas, Math.round(x0 + along * (x1 - x0)), Math.round(y0 + along * (y1 - y0)), tone, sign);
  }
}

/** What is known to take one cell; other letters would move the rest of the row. */
const NARROW = /[\x20-\x7e\u00a1-\u02ff\u0370-\u0482\u048a-\u052f]/;

/** A text on one row of cells, from a cell on or, where it would go beyond the edge, further left. */
function write({ columns, rows, signs }: Canvas, [x, y]: Point, text: string, tone: MarkTone): void {
  const letters = [...oneLine(text)].map((letter) => (NARROW.test(letter) ? letter : "?")).slice(0, columns);
  const row = indexOf(y, rows);
  const first = Math.min(indexOf(x, columns), columns - letters.length);
  for (const [at, sign] of letters.entries()) signs.set(row * columns + first + at, { sign, tone });
}

/** @returns the rows, each as wide as {@link drawnSize} says; none when there is no room or no picture */
export function drawPicture(picture: Picture, drawing: Drawing): string[] {
  const { columns, rows } = drawnSize(picture, drawing.columns, drawing.rows);
  const pixels = shrunk(picture, columns, rows * 2);
  const canvas: Canvas = {
    columns,
    rows,
    pixels,
    lines: new Uint8Array(columns * rows * 2),
    signs: new Map(),
  };
  for (const { points, tone, closed, label = "" } of drawing.polygons) {
    for (const [at, point] of points.entries()) {
      const next = points[at + 1] ?? (closed ? points[0] : point);
      if (next) line(canvas, point, next, tone, "o");
    }
    if (points[0]) write(canvas, points[0], label, tone);
  }
  for (const { box, label, tone } of drawing.boxes) {
    const [left, top, right, bottom] = box;
    for (const y of [top, bottom]) line(canvas, [left, y], [right, y], tone, "-");
    for (const x of [left, right]) line(canvas, [x, top], [x, bottom], tone, "|");
    write(canvas, [left, top], label, tone);
  }
  if (drawing.cursor) {
    const [x, y] = drawing.cursor;
    const cell = indexOf(y, rows) * columns + indexOf(x, columns);
    canvas.signs.set(cell, { sign: drawing.colour === "none" ? "X" : "┼", tone: "selected" });
  }
  const row = drawing.colour === "none" ? signRow : colourRow(drawing.colour === "256" ? by256 : by24Bits);
  return Array.from({ length: rows }, (_, at) => row(canvas, at));
}

/** A colour as SGR 38 and 48 take it alike. */
type Colours = (red: number, green: number, blue: number) => string;

const by24Bits: Colours = (red, green, blue) => `2;${red};${green};${blue}`;

/** Of six steps: 0, 95, 135, 175, 215, 255. */
const cubeStep = (value: number): number =>
  value < 48 ? 0 : value < 115 ? 1 : Math.floor((value - 35) / 40);

/** xterm's palette: a cube of 6×6×6 colours from 16 on, and 24 greys from 232 on. */
function by256(red: number, green: number, blue: number): string {
  const light = (red + green + blue) / 3;
  const isGrey = Math.max(red, green, blue) - Math.min(red, green, blue) < 16;
  // The greys go from 8 to 238; beyond them is black and white of the cube.
  if (isGrey && light >= 4 && light < 244) return `5;${232 + Math.min(23, Math.round((light - 8) / 10))}`;
  return `5;${16 + 36 * cubeStep(red) + 6 * cubeStep(green) + cubeStep(blue)}`;
}

/** Neighbours whose colours are no further apart share the first one's, 0 to 255: nobody sees it, and half is to be written. */
const ALIKE = 8;

/** Whether two pixels look the same. */
function areAlike(pixels: Uint8Array, a: number, b: number): boolean {
  for (let of = 0; of < 3; of++) {
    if (Math.abs((pixels[a + of] as number) - (pixels[b + of] as number)) > ALIKE) return false;
  }
  return true;
}

const colourRow =
  (words: Colours) =>
  ({ columns, pixels, signs }: Canvas, row: number): string => {
    const below = columns * 3;
    const colourAt = (at: number) =>
      words(pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number);
    let text = "";
    let last = "";
    /** The cell whose colours are drawn with. */
    let drawn = row * 2 * below;
    for (let column = 0; column < columns; column++) {
      const written = signs.get(row * columns + column);
      const upper = row * 2 * below + column * 3;
      if (!areAlike(pixels, upper, drawn) || !areAlike(pixels, upper + below, drawn + below)) drawn = upper;
      const colours = written
        ? `38;${words(0, 0, 0)};48;${words(...TONES[written.tone])}`
        : `38;${colourAt(drawn)};48;${colourAt(drawn + below)}`;
      if (colours !== last) text += `\x1b[${colours}m`;
      text += written?.sign ?? "▀";
      last = colours;
    }
    return `${text}\x1b[0m`;
  };

/** From dark to light, on a dark screen; without the signs of lines. */
const SHADES = " .:;=*%@";

function signRow({ columns, pixels, lines, signs }: Canvas, row: number): string {
  let text = "";
  for (let column = 0; column < columns; column++) {
    const upper = 2 * row * columns + column;
    const drawn = lines[upper] || lines[upper + columns];
    const light = (lightOf(pixels, upper * 3) + lightOf(pixels, (upper + columns) * 3)) / 2;
    text +=
      signs.get(row * columns + column)?.sign ??
      (drawn ? String.fromCharCode(drawn) : SHADES[Math.floor((light / 256) * SHADES.length)]);
  }
  return text;
}

/** Luma by ITU-R BT.601, 0 to 255. */
const lightOf = (pixels: Uint8Array, at: number): number =>
  0.299 * (pixels[at] as number) + 0.587 * (pixels[at + 1] as number) + 0.114 * (pixels[at + 2] as number);
