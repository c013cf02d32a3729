/** Columns of numbers in few bytes, for a page that carries all of a run. */

/** A column as it is packed: value = n / scale, where the ns are read back from the bytes. */
export type PackedColumn = { readonly bytes: Uint8Array; readonly length: number; readonly scale: number };

const MOST_DECIMALS = 8;
/** Above it, not all whole numbers are numbers, and differences of two of them needn't be. */
const LARGEST = 2 ** 51;

/**
 * Packs a column: each value times the scale is rounded to a whole number, and the difference to the one before (the
 * last that was any; 0 at first) written as `0` for none, else `1 + zigzag(difference)`, in LEB128 (seven bits a
 * byte, least first, the eighth set on all but the last). Prices and times come to one to three bytes, and what
 * repeats packs well afterwards. Decimal fractions of up to eight digits come back as they were.
 * @param values NaN for none, as which what is infinite comes back
 * @param digits significant ones of the largest value, to which all are kept that are no short decimal fractions
 */
export function packColumn(values: Float64Array, digits = 9): PackedColumn {
  const scale = scaleOf(values, digits);
  // Ten bytes are the most that a difference takes; what is used is cut off.
  let bytes = new Uint8Array(values.length * 3 + 16);
  let at = 0;
  let before = 0;
  for (let i = 0; i < values.length; i++) {
    if (at + 10 > bytes.length) {
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes);
      bytes = larger;
    }
    const value = values[i] as number;
    if (!Number.isFinite(value)) {
      bytes[at++] = 0;
      continue;
    }
    const n = Math.round(value * scale);
    const difference = n - before;
    before = n;
    let code = difference >= 0 ? 2 * difference + 1 : -2 * difference;
    while (code >= 2 ** 31) {
      bytes[at++] = (code % 128) + 128;
      code = Math.floor(code / 128);
    }
    while (code >= 128) {
      bytes[at++] = (code & 127) | 128;
      code >>>= 7;
    }
    bytes[at++] = code;
  }
  return { bytes: bytes.slice(0, at), length: values.length, scale };
}

/** The least power of ten that makes all values whole; else that which keeps these digits of the largest. */
function scaleOf(values: Float64Array, digits: number): number {
  let largest = 0;
  let decimals = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number);
    if (!Number.isFinite(size)) continue;
    if (size > largest) largest = size;
    while (decimals <= MOST_DECIMALS) {
      const scale = 10 ** decimals;
      if (Math.round(size * scale) / scale === size) break;
      decimals++;
    }
  }
  if (largest === 0) return 1;
  if (decimals <= MOST_DECIMALS && largest * 10 ** decimals < LARGEST) return 10 ** decimals;
  return 10 ** Math.min(digits - 1 - Math.floor(Math.log10(largest)), 300);
}
