import { readFileSync } from "node:fs";

/** Where time comes from. Everything that waits or stamps takes one, so that a test can hold it still. */
export interface Clock {
  /** UTC, ms since 1970. Jumps when somebody sets it. */
  wall(): number;
  /** ms from an arbitrary origin. Never jumps; stands still while the machine is suspended. */
  monotonic(): number;
  /** ms since boot with the time suspended counted in: what {@link monotonic} lacks is time asleep. */
  boot(): number;
  /** Resolves after `ms` of monotonic time, or at once (never rejects) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** setTimeout fires at once for anything longer: 2³¹ − 1 ms. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

function uptime(): number | undefined {
  try {
    return Number.parseFloat(readFileSync("/proc/uptime", "utf8")) * 1000;
  } catch {
    return undefined;
  }
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  boot: () => uptime() ?? performance.now(),
  sleep(ms, signal) {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const left = Math.min(Math.max(0, ms), LONGEST_TIMEOUT);
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve(ms > LONGEST_TIMEOUT && !signal?.aborted ? systemClock.sleep(ms - left, signal) : undefined);
      };
      const timer = setTimeout(done, left);
      signal?.addEventListener("abort", done, { once: true });
    });
  },
};

/**
 * How long the machine was suspended since the last call: boot time minus monotonic time grows only then.
 * Differences under 100 ms are the grain of /proc/uptime (10 ms) and the time between the two readings.
 */
export function suspendMeter(clock: Clock): () => number {
  let before = clock.boot() - clock.monotonic();
  return () => {
    const now = clock.boot() - clock.monotonic();
    const gap = now - before;
    if (gap < 100) return 0;
    before = now;
    return gap;
  };
}

/** The offset of local time from UTC at an instant, in minutes east: kept where a day boundary matters. */
export const localOffset = (wall: number): number => -new Date(wall).getTimezoneOffset() || 0;
