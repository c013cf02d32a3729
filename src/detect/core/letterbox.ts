import type { Box, Picture } from "./frame.ts";

/** Pictures as the input of a network: scaled, with a margin, each colour in a plane of numbers. Pure. */

export type Size = { readonly width: number; readonly height: number };

/** Where a picture lies in the input: its size there and its distance from the left and the top, in pixels. */
export type Placement = Size & { readonly left: number; readonly top: number };

/** A plane of the input: which of red, green and blue (0, 1, 2) it shows, and the number for each of its levels. */
export type Plane = { readonly colour: 0 | 1 | 2; readonly levels: Float32Array };

/** What a network sees: its planes, in order, and the level of the margin, 0 to 255 for each. */
export type Colours = { readonly planes: readonly Plane[]; readonly margin: readonly number[] };

/** The number for each level of a colour. */
export const levels = (of: (level: number) => number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, level) => of(level));

/** Fills the input, its planes one after the other, with a picture and the margin around it. */
export function paint(
  input: Float32Array,
  size: Size,
  picture: Picture,
  at: Placement,
  { planes, margin }: Colours,
): void {
  const scaled = at.width === picture.width && at.height === picture.height ? picture : resize(picture, at);
  const { data } = scaled;
  planes.forEach(({ colour, levels }, n) => {
    const start = n * size.width * size.height;
    const end = start + size.width * size.height;
    const empty = levels[margin[n] ?? 0] ?? 0;
    let to = start + at.top * size.width;
    input.fill(empty, start, to);
    let from: number = colour;
    for (let y = 0; y < at.height; y++) {
      input.fill(empty, to, to + at.left);
      to += at.left;
      for (let x = 0; x < at.width; x++, from += 3) input[to++] = levels[data[from] as number] as number;
      const right = size.width - at.left - at.width;
      input.fill(empty, to, to + right);
      to += right;
    }
    input.fill(empty, to, end);
  });
}

/** A box of the input, in pixels, as a box of the picture; what lies in the margin is cut off. */
export const unplace = (
  [left, top, right, bottom]: readonly [number, number, number, number],
  at: Placement,
): Box => [
  clamp((left - at.left) / at.width),
  clamp((top - at.top) / at.height),
  clamp((right - at.left) / at.width),
  clamp((bottom - at.top) / at.height),
];

const clamp = (share: number): number => Math.min(1, Math.max(0, share));

/** A picture in another size: bilinear, and by halves before that where it gets smaller, so that no pixel is lost. */
function resize(picture: Picture, { width, height }: Size): Picture {
  let from = picture;
  while (from.width >= 2 * width && from.height >= 2 * height) from = halve(from);
  if (from.width === width && from.height === height) return from;
  const data = new Uint8Array(width * height * 3);
  const columns = neighbours(from.width, width, 3);
  const rows = neighbours(from.height, height, from.width * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const [above, below, down] = [rows.first[y] ?? 0, rows.second[y] ?? 0, rows.share[y] ?? 0];
    for (let x = 0; x < width; x++) {
      const left = columns.first[x] as number;
      const right = columns.second[x] as number;
      const across = columns.share[x] as number;
      for (let colour = 0; colour < 3; colour++) {
        const a = from.data[above + left + colour] as number;
        const b = from.data[above + right + colour] as number;
        const c = from.data[below + left + colour] as number;
        const d = from.data[below + right + colour] as number;
        const upper = a + (b - a) * across;
        data[to++] = upper + (c + (d - c) * across - upper) * down + 0.5;
      }
    }
  }
  return { data, width, height };
}

/** For each pixel of a line the two it lies between in another, as offsets, and how far it is towards the second. */
function neighbours(from: number, to: number, step: number) {
  const first = new Int32Array(to);
  const second = new Int32Array(to);
  const share = new Float32Array(to);
  for (let i = 0; i < to; i++) {
    const middle = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const before = Math.floor(middle);
    first[i] = before * step;
    second[i] = Math.min(before + 1, from - 1) * step;
    share[i] = middle - before;
  }
  return { first, second, share };
}

/** A picture of half the width and height; an odd last row or column is left out. */
function halve({ data: from, width: wide, height: high }: Picture): Picture {
  const [width, height] = [wide >> 1, high >> 1];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    let above = 2 * y * wide * 3;
    for (let x = 0; x < width; x++, above += 3) {
      for (let colour = 0; colour < 3; colour++, above++) {
        const below = above + wide * 3;
        const upper = (from[above] as number) + (from[above + 3] as number);
        data[to++] = (upper + (from[below] as number) + (from[below + 3] as number) + 2) >> 2;
      }
    }
  }
  return { data, width, height };
}
