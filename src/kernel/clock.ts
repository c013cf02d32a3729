import { readFileSync } from "node:fs";
import type { Part } from "./stack.ts";

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
 * Less than 100 ms is the grain of the clocks (10 ms for /proc/uptime).
 */
export function suspendMeter(clock: Clock): () => number {
  // A busy machine may hold us between two readings: what passed there isn't taken for sleep.
  const ahead = () => {
    const earlier = clock.monotonic();
    const boot = clock.boot();
    return { most: boot - earlier, least: boot - clock.monotonic() };
  };
  let before = ahead();
  return () => {
    const now = ahead();
    const gap = now.least - before.most;
    if (gap < 100) return 0;
    before = now;
    return gap;
  };
}

/** The boot clock is asked at least this often, ms. */
const LOOK_MS = 1_000;
/** Or once the wall clock has moved by so much against the monotonic one, ms: a suspend, or somebody set it. */
const JUMP_MS = 50;

/** Notices suspends by itself; asked to, at once: what comes after a waking isn't taken for what came before it. */
export type SuspendWatch = AsyncDisposable & { look(): void };

/**
 * The part that notices when the machine was suspended.
 * @param slept told for how long, in ms, within `everyMs` of its waking
 */
export const suspendWatch =
  (clock: Clock, slept: (ms: number) => void, everyMs = LOOK_MS): Part<SuspendWatch> =>
  async () => {
    const suspended = suspendMeter(clock);
    // The boot clock is a file: reading it many times a second would be most of what an idle host does.
    const ahead = () => clock.wall() - clock.monotonic();
    const looks = Math.ceil(LOOK_MS / everyMs);
    let before = ahead();
    let rounds = 0;
    const look = () => {
      rounds = 0;
      before = ahead();
      const gap = suspended();
      if (gap > 0) slept(gap);
    };
    const timer = setInterval(() => {
      if (++rounds >= looks || Math.abs(ahead() - before) >= JUMP_MS) look();
    }, everyMs);
    return {
      look,
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
      },
    };
  };

/** The offset of local time from UTC at an instant, in minutes east: kept where a day boundary matters. */
export const localOffset = (wall: number): number => -new Date(wall).getTimezoneOffset() || 0;
