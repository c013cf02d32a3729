import { spokenDuration } from "../../kernel/core/duration.ts";
import type { Retention } from "./installation.ts";

/** Of a file that is kept, what is decided by: when it was made, UTC ms, and what it takes. */
export type KeptFile = { readonly name: string; readonly at: number; readonly bytes: number };

export const DAY_MS = 86_400_000;
const MB = 1_000_000;

/**
 * Which files have to go: those that are too old, and of the others the oldest until the rest takes no more than it may.
 * One of the future (the clock was set back) is as good as new.
 * @param files the oldest first
 * @param now UTC ms by which ages are told: {@link AgeClock}
 */
export function expired(
  files: readonly KeptFile[],
  { days, megabytes }: Pick<Retention, "days" | "megabytes">,
  now: number,
): KeptFile[] {
  const oldest = now - days * DAY_MS;
  let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return files.filter((file) => {
    const goes = file.at < oldest || bytes > megabytes * MB;
    if (goes) bytes -= file.bytes;
    return goes;
  });
}

/** Where time comes from, ms: the kernel's Clock. */
type Clocks = { wall(): number; monotonic(): number; boot(): number };

/** A wall clock that is set by less is set right. */
const STEP_MS = 60_000;
/** So long before a start it is believed that nothing has happened. */
const QUIET_MS = 7 * DAY_MS;
/** A clock that has held for so long is right. */
const HOLDS_MS = DAY_MS;

/**
 * By which time it is told how old something is. What is removed is gone, and a wall clock that is set wrong is set right
 * again: so one that was set forward, or is far past all that is kept when it begins, counts only once it has held for a
 * day. Until then time goes on from what it was, or at a start from the newest that is kept.
 */
export class AgeClock {
  readonly #clocks: Clocks;
  /** How far the wall clock is past the boot clock, which nobody sets: as it is, and at most what is believed, ms. */
  #offset: number;
  #believed: number;
  /** Since when it has held, monotonic. */
  #since: number;
  #toSay: string | undefined;

  /**
   * @param newest of what is kept from more than a day ago, UTC ms; undefined for none. What is younger says nothing: a
   * clock that was wrong at the last start has stamped it.
   */
  constructor(clocks: Clocks, newest: number | undefined) {
    this.#clocks = clocks;
    const [wall, boot] = [clocks.wall(), clocks.boot()];
    this.#offset = wall - boot;
    this.#believed = this.#offset;
    this.#since = clocks.monotonic();
    if (newest === undefined || wall - newest <= QUIET_MS) return;
    this.#believed = newest - boot;
    this.#toSay = `the clock is ${ageText(wall - newest)} past what was kept last: ${UNTIL}`;
  }

  /** UTC ms. */
  get now(): number {
    return this.#clocks.boot() + Math.min(this.#offset, this.#believed);
  }

  /** Sees whether somebody has set the clock since the last look. @returns what people are to be told of it */
  look(): string | undefined {
    const [offset, now] = [this.#clocks.wall() - this.#clocks.boot(), this.#clocks.monotonic()];
    const step = offset - this.#offset;
    const wasRight = this.#offset <= this.#believed;
    this.#offset = offset;
    if (Math.abs(step) > STEP_MS) {
      this.#since = now;
      const set = `the clock was set ${step > 0 ? "forward" : "back"} by ${ageText(Math.abs(step))}`;
      this.#toSay = offset > this.#believed ? `${set}: ${UNTIL}` : set;
    } else if (wasRight) this.#believed = Math.max(this.#believed, offset);
    if (now - this.#since >= HOLDS_MS) this.#believed = offset;
    const said = this.#toSay;
    this.#toSay = undefined;
    return said;
  }
}

const UNTIL = "until it has held for a day, nothing is removed for being old by it";

const ageText = (ms: number): string =>
  ms < 2 * DAY_MS ? spokenDuration(ms) : `${Math.round(ms / DAY_MS)} days`;
