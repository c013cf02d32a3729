/** How late things were, counted in an Int32Array that threads may share: buckets of 0.05 ms, the last for all above. */
export const LATENESS_WORDS = 2_048;
const BUCKET_MS = 0.05;
/** The most, in units of 1 µs. */
const MAX = 0;

/** Counts one that was `ms` late (0 and below: in time). */
export function addLateness(words: Int32Array, ms: number): void {
  const late = Math.max(0, ms);
  const bucket = Math.min(LATENESS_WORDS - 1, 1 + Math.floor(late / BUCKET_MS));
  Atomics.add(words, bucket, 1);
  const micros = Math.min(2 ** 31 - 1, Math.ceil(late * 1000));
  if (micros > Atomics.load(words, MAX)) Atomics.store(words, MAX, micros);
}

/** The most that any was late, in ms; null before the first. */
export function maxLateness(words: Int32Array): number | null {
  return total(words) === 0 ? null : Atomics.load(words, MAX) / 1000;
}

/** What so large a part of them was not later than, in ms: the upper edge of its bucket. Null before the first. */
export function latenessQuantile(words: Int32Array, part: number): number | null {
  const rank = Math.ceil(total(words) * part);
  if (rank === 0) return null;
  let seen = 0;
  for (let bucket = 1; bucket < LATENESS_WORDS - 1; bucket++) {
    seen += words[bucket] as number;
    if (seen >= rank) return Math.min(bucket * BUCKET_MS, Atomics.load(words, MAX) / 1000);
  }
  return maxLateness(words);
}

function total(words: Int32Array): number {
  let sum = 0;
  for (let bucket = 1; bucket < LATENESS_WORDS; bucket++) sum += words[bucket] as number;
  return sum;
}
