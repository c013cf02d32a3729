const QUOTE = 34;
const NEWLINE = 10;
const decoder = new TextDecoder();

/**
 * A field of any form, quoted or not, without the blanks around it. The bytes must hold the whole line.
 * @returns its text and the index of the delimiter or line end after it; null for a quote that isn't closed on its line
 */
export function readField(
  bytes: Uint8Array,
  start: number,
  delimiter: number,
): { text: string; end: number } | null {
  let at = start;
  if (bytes[at] === QUOTE) {
    for (at++; ; at++) {
      if (bytes[at] === NEWLINE) return null;
      if (bytes[at] !== QUOTE) continue;
      if (bytes[at + 1] !== QUOTE) break;
      at++; // two quotes stand for one
    }
    const text = decoder.decode(bytes.subarray(start + 1, at)).replaceAll('""', '"');
    const end = unquotedEnd(bytes, at + 1, delimiter);
    return { text: (text + decoder.decode(bytes.subarray(at + 1, end))).trim(), end };
  }
  const end = unquotedEnd(bytes, at, delimiter);
  return { text: decoder.decode(bytes.subarray(start, end)).trim(), end };
}

function unquotedEnd(bytes: Uint8Array, start: number, delimiter: number): number {
  let at = start;
  while (bytes[at] !== delimiter && bytes[at] !== NEWLINE) at++;
  // A carriage return belongs to the line end.
  return at > start && bytes[at] === NEWLINE && bytes[at - 1] === 13 ? at - 1 : at;
}

/** The texts of a line's fields; null for a quote that isn't closed. @param line with its line end */
export function readFields(line: Uint8Array, delimiter: number): string[] | null {
  const texts: string[] = [];
  for (let at = 0; ; ) {
    const field = readField(line, at, delimiter);
    if (field === null) return null;
    texts.push(field.text);
    if (line[field.end] !== delimiter) return texts;
    at = field.end + 1;
  }
}

/** The fields of a line, counted by the delimiters that aren't quoted. */
export function countFields(line: Uint8Array, delimiter: number): number {
  let fields = 1;
  let quoted = false;
  for (const byte of line) {
    if (byte === QUOTE) quoted = !quoted;
    else if (byte === delimiter && !quoted) fields++;
  }
  return fields;
}

/** Whether a text stands for a value that isn't there: nothing, `null`, `NaN`, `NA`, `N/A`, `None`. */
export const isMissing = (text: string): boolean => /^(?:null|nan|n\/?a|none)?$/i.test(text);

/** A decimal number, with or without exponent; NaN for anything else, infinities too. */
export function parseNumber(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}
