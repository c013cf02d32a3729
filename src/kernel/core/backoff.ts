/** How long to wait before something that failed is tried again. Pure. */

/** The first wait; each in a row is twice as long as the one before. */
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** What went down together, with a hub or a disk, needn't come back all at once: so much sooner or later. */
const JITTER = 0.2;

/**
 * @param failures how many waits in a row came before this one
 * @param random in [0, 1)
 * @returns ms
 */
export function backoffMs(failures: number, random: number): number {
  const middle = Math.min(FIRST_MS * 2 ** failures, LONGEST_MS);
  const least = middle * (1 - JITTER);
  // The longest waits are spread below the limit: cut off at it, half of them would be the same.
  const most = Math.min(middle * (1 + JITTER), LONGEST_MS);
  return Math.round(least + (most - least) * random);
}
