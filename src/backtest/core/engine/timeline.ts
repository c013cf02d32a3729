import type { Bars } from "../bars.ts";

/** A symbol's bars as a run has them: those before `joined` (UTC ms) only warm its indicators. */
export type Joined = { readonly bars: Bars; readonly joined: number };

/** The first index at which an ascending column holds at least `value`; its length when none does. */
export function firstAtLeast(column: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((column[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The steps of a run: the times at which any of its symbols has a bar, ascending, each once. With one symbol, and where
 * all have the same times, it is that very column.
 * @param allocate makes the memory of a column of so many bytes
 */
export function timelineOf(
  joined: readonly Joined[],
  allocate: (bytes: number) => ArrayBufferLike = (bytes) => new ArrayBuffer(bytes),
): Float64Array {
  const from = joined.map(({ bars, joined }) => firstAtLeast(bars.time, bars.length, joined));
  const columns = joined.map(({ bars }, at) => bars.time.subarray(from[at], bars.length));
  const [first = new Float64Array(0)] = columns;
  if (columns.every((column) => sameTimes(column, first))) return first;
  let steps = 0;
  merge(columns, () => steps++);
  const merged = new Float64Array(allocate(steps * 8));
  let at = 0;
  merge(columns, (time) => {
    merged[at++] = time;
  });
  return merged;
}

function sameTimes(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Calls `each` with every time of the ascending columns, in order, once. */
function merge(columns: readonly Float64Array[], each: (time: number) => void): void {
  const cursors = columns.map(() => 0);
  for (;;) {
    let time = Number.POSITIVE_INFINITY;
    for (let k = 0; k < columns.length; k++) {
      const next = (columns[k] as Float64Array)[cursors[k] as number];
      if (next !== undefined && next < time) time = next;
    }
    if (time === Number.POSITIVE_INFINITY) return;
    for (let k = 0; k < columns.length; k++) {
      if ((columns[k] as Float64Array)[cursors[k] as number] === time)
        cursors[k] = (cursors[k] as number) + 1;
    }
    each(time);
  }
}
