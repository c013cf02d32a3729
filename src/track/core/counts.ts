/**
 * Counting of keys and the mouse. Nothing here knows which key it was: a listener only says that one was pressed, so
 * that no key's identity can get any further than the listener's callback.
 */

/** What a keyboard did in a while. */
export type KeyCounts = {
  presses: number;
  releases: number;
  /** Time between presses that follow each other closely, ms. */
  typing_ms: number;
};

/** What a mouse did in a while. */
export type MouseCounts = {
  left: number;
  middle: number;
  right: number;
  /** Clicks of any other button. */
  other: number;
  /** Notches of the wheel, whichever way. */
  scroll_x: number;
  scroll_y: number;
  /** Way of the pointer along each axis, whichever way, px. */
  delta_x: number;
  delta_y: number;
  /** Length of the pointer's way, px. */
  distance_px: number;
  /** Time in which it moved, pauses up to the idle threshold included, ms. */
  moving_ms: number;
};

export const NO_KEYS: Readonly<KeyCounts> = { presses: 0, releases: 0, typing_ms: 0 };
export const NO_MOUSE: Readonly<MouseCounts> = {
  left: 0,
  middle: 0,
  right: 0,
  other: 0,
  scroll_x: 0,
  scroll_y: 0,
  delta_x: 0,
  delta_y: 0,
  distance_px: 0,
  moving_ms: 0,
};

export type Button = "left" | "middle" | "right" | "other";

/** Both together: a row of the store. */
export type InputCounts = KeyCounts & MouseCounts;
export const NO_INPUT: Readonly<InputCounts> = { ...NO_KEYS, ...NO_MOUSE };

export const clicksOf = ({ left, middle, right, other }: MouseCounts): number =>
  left + middle + right + other;
export const scrollsOf = ({ scroll_x, scroll_y }: MouseCounts): number => scroll_x + scroll_y;

/** Adds `more` to `sum`, in place. */
export function addCounts<T extends Record<string, number>>(sum: T, more: Readonly<Partial<T>>): void {
  for (const [name, value] of Object.entries(more))
    (sum as Record<string, number>)[name] = (sum[name] ?? 0) + value;
}

/** Counts what a keyboard's listener tells, until it is taken. Times are ms of a clock that never jumps. */
export class KeyCounter {
  readonly #idleMs: number;
  #counts: KeyCounts = { ...NO_KEYS };
  #last = Number.NEGATIVE_INFINITY;

  /** @param idleMs a press so long after the one before isn't typing */
  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** A key went down; not told of auto-repeat. */
  press(at: number): void {
    this.#counts.presses++;
    const since = at - this.#last;
    if (since > 0 && since <= this.#idleMs) this.#counts.typing_ms += since;
    this.#last = Math.max(this.#last, at);
  }

  release(): void {
    this.#counts.releases++;
  }

  /** Adds what another process has counted, which told of it at `at`. */
  add(counts: KeyCounts, at: number): void {
    addCounts(this.#counts, counts);
    if (counts.presses > 0) this.#last = Math.max(this.#last, at);
  }

  /** What was counted since the last call, in whole ms. */
  take(): KeyCounts {
    const taken = { ...this.#counts, typing_ms: Math.floor(this.#counts.typing_ms) };
    this.#counts = { ...NO_KEYS, typing_ms: this.#counts.typing_ms - taken.typing_ms };
    return taken;
  }
}

/** Counts what a mouse's listener tells, until it is taken. Times are ms of a clock that never jumps. */
export class MouseCounter {
  readonly #idleMs: number;
  #counts: MouseCounts = { ...NO_MOUSE };
  #last = Number.NEGATIVE_INFINITY;
  #moved = Number.NEGATIVE_INFINITY;
  #at: { x: number; y: number } | undefined;

  /** @param idleMs a mouse that was still for so long is idle */
  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  click(button: Button, at: number): void {
    this.#counts[button]++;
    this.#last = Math.max(this.#last, at);
  }

  /** A notch of the wheel. */
  scroll(axis: "x" | "y", at: number): void {
    this.#counts[axis === "x" ? "scroll_x" : "scroll_y"]++;
    this.#last = Math.max(this.#last, at);
  }

  /** The pointer is here now, in px; the first time that is told it has gone no way. */
  move(x: number, y: number, at: number): void {
    const from = this.#at ?? { x, y };
    const [dx, dy] = [Math.abs(x - from.x), Math.abs(y - from.y)];
    this.#counts.delta_x += dx;
    this.#counts.delta_y += dy;
    this.#counts.distance_px += Math.hypot(dx, dy);
    const since = at - this.#moved;
    if (since > 0 && since <= this.#idleMs) this.#counts.moving_ms += since;
    this.#at = { x, y };
    this.#moved = Math.max(this.#moved, at);
    this.#last = Math.max(this.#last, at);
  }

  /** Adds what another process has counted, which told of it at `at`. */
  add(counts: MouseCounts, at: number): void {
    addCounts(this.#counts, counts);
    if (Object.values(counts).some((count) => count > 0)) this.#last = Math.max(this.#last, at);
  }

  /** Whether it has been still for longer than the idle threshold. */
  isIdle(at: number): boolean {
    return at - this.#last > this.#idleMs;
  }

  /** What was counted since the last call, in whole px and ms. */
  take(): MouseCounts {
    const { distance_px, moving_ms } = this.#counts;
    const taken = {
      ...this.#counts,
      delta_x: Math.floor(this.#counts.delta_x),
      delta_y: Math.floor(this.#counts.delta_y),
      distance_px: Math.floor(distance_px),
      moving_ms: Math.floor(moving_ms),
    };
    const left = {
      delta_x: this.#counts.delta_x - taken.delta_x,
      delta_y: this.#counts.delta_y - taken.delta_y,
      distance_px: distance_px - taken.distance_px,
      moving_ms: moving_ms - taken.moving_ms,
    };
    this.#counts = { ...NO_MOUSE, ...left };
    return taken;
  }
}

/** The beginning of the interval that a time lies in: a multiple of its length since 1970, so that rows line up. */
export const intervalOf = (at: number, lengthMs: number): number => Math.floor(at / lengthMs) * lengthMs;
