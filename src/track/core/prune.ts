/** What is kept of screenshots; 0: there is no such limit. */
export type Retention = { readonly days: number; readonly mb: number };

/** Of a screenshot, what is decided by: when it was taken, UTC ms, and what its file takes. */
export type Kept = { readonly id: number; readonly taken_at: number; readonly bytes: number };

const DAY_MS = 86_400_000;
const MB = 1_000_000;

/**
 * Which of the screenshots have to go: those that are too old, and of the others the oldest until the rest takes no
 * more than it may. One of the future (the clock was set back) is as good as new.
 */
export function expired<T extends Kept>(shots: readonly T[], { days, mb }: Retention, now: number): T[] {
  const oldest = days === 0 ? Number.NEGATIVE_INFINITY : now - days * DAY_MS;
  const most = mb === 0 ? Number.POSITIVE_INFINITY : mb * MB;
  const newestFirst = shots.toSorted((a, b) => b.taken_at - a.taken_at || b.id - a.id);
  let sum = 0;
  // Once one doesn't fit, nothing older is kept in its place.
  return newestFirst.filter(({ taken_at, bytes }) => {
    sum += bytes;
    return taken_at < oldest || sum > most;
  });
}
