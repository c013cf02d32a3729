/** The times of one interval, in ms on one clock that never jumps. */
export type Timer = {
  readonly duration: number;
  readonly started: number;
  /** What all pauses that are over came to. */
  readonly pausedTotal: number;
  readonly pausedAt: number | null;
  readonly finishedAt: number | null;
};

/** A timer that has `elapsed` behind it. */
export const beginTimer = (duration: number, now: number, elapsed = 0): Timer => ({
  duration,
  started: now - elapsed,
  pausedTotal: 0,
  pausedAt: null,
  finishedAt: null,
});

/** duration − (min(now, paused at, finished at) − started − total paused), within 0…duration. */
export function remaining(timer: Timer, now: number): number {
  const { duration, started, pausedTotal, pausedAt, finishedAt } = timer;
  const until = Math.min(now, pausedAt ?? Number.POSITIVE_INFINITY, finishedAt ?? Number.POSITIVE_INFINITY);
  return Math.min(duration, Math.max(0, duration - (until - started - pausedTotal)));
}

/** How long it ran, pauses taken out. */
export const elapsed = (timer: Timer, now: number): number => timer.duration - remaining(timer, now);

/** Whether time passes on it. */
export const isTicking = ({ pausedAt, finishedAt }: Timer): boolean =>
  pausedAt === null && finishedAt === null;

export const pauseTimer = (timer: Timer, now: number): Timer =>
  isTicking(timer) ? { ...timer, pausedAt: now } : timer;

export const resumeTimer = (timer: Timer, now: number): Timer =>
  timer.pausedAt === null
    ? timer
    : { ...timer, pausedAt: null, pausedTotal: timer.pausedTotal + Math.max(0, now - timer.pausedAt) };

export const finishTimer = (timer: Timer, now: number): Timer => ({ ...timer, finishedAt: now });
