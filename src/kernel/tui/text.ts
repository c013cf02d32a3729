import { stripVTControlCharacters } from "node:util";

const plain = /^[\x20-\x7e]*$/;
/** Controls would move the cursor; direction overrides would turn round the row after the text. */
const unsafe = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
/** East Asian Wide and Fullwidth (Unicode's UAX #11), and what is drawn as a picture. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

let segmenter: Intl.Segmenter | undefined;

/** The characters of a text as a reader counts them. */
export function* characters(text: string): Generator<string> {
  if (plain.test(text)) yield* text;
  else {
    segmenter ??= new Intl.Segmenter();
    for (const { segment } of segmenter.segment(text)) yield segment;
  }
}

const cellsOf = (character: string): number => (wide.test(character) ? 2 : invisible.test(character) ? 0 : 1);

/** How many cells of a terminal row a text takes. */
export function cells(text: string): number {
  if (plain.test(text)) return text.length;
  let sum = 0;
  for (const character of characters(text)) sum += cellsOf(character);
  return sum;
}

/** The text on one row and with nothing in it that a terminal would obey: window titles come from anywhere. */
export const oneRow = (text: string): string =>
  plain.test(text) ? text : stripVTControlCharacters(text).replace(unsafe, " ");

/** The text, made one row, in at most `width` cells; what doesn't fit ends in `…`. */
export function cut(text: string, width: number): string {
  const row = oneRow(text);
  if (cells(row) <= width) return row;
  if (!(width >= 1)) return "";
  let kept = "";
  let room = Math.floor(width) - 1;
  for (const character of characters(row)) {
    room -= cellsOf(character);
    if (room < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The text, made one row, in exactly `width` cells: cut or padded. */
export function fit(text: string, width: number, align: "left" | "right" = "left"): string {
  const row = cut(text, width);
  const space = " ".repeat(Math.max(0, Math.floor(width) - cells(row)));
  return align === "left" ? row + space : space + row;
}
