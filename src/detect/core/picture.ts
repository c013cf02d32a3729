import type { Picture } from "./frame.ts";

/** A picture at most `width` pixels wide, its ratio kept, each pixel the mean of those it stands for. Never larger. */
export function scaled(picture: Picture, width: number): Picture {
  const to = Math.max(1, Math.min(Math.floor(width), picture.width));
  if (to === picture.width) return picture;
  const rows = Math.max(1, Math.round((picture.height * to) / picture.width));
  const data = new Uint8Array(to * rows * 3);
  const columnOf = (x: number) => Math.floor((x * picture.width) / to);
  const rowOf = (y: number) => Math.floor((y * picture.height) / rows);
  for (let y = 0; y < rows; y++) {
    const [top, bottom] = [rowOf(y), Math.max(rowOf(y) + 1, rowOf(y + 1))];
    for (let x = 0; x < to; x++) {
      const [left, right] = [columnOf(x), Math.max(columnOf(x) + 1, columnOf(x + 1))];
      let [r, g, b] = [0, 0, 0] as [number, number, number];
      for (let v = top; v < bottom; v++) {
        for (
          let at = (v * picture.width + left) * 3, end = (v * picture.width + right) * 3;
          at < end;
          at += 3
        ) {
          r += picture.data[at] as number;
          g += picture.data[at + 1] as number;
          b += picture.data[at + 2] as number;
        }
      }
      const count = (bottom - top) * (right - left);
      data.set([r / count, g / count, b / count], (y * to + x) * 3);
    }
  }
  return { data, width: to, height: rows };
}
