import type { Bars } from "../bars.ts";
import type { Line } from "../strategy.ts";
import { Extreme } from "./extreme.ts";
import { move, PlainLine, settle } from "./line.ts";
import type { Streaming } from "./streaming.ts";

/** How far the price went on bar `index`, at least 1, counting from the close before. */
function trueRange(bars: Bars, index: number): number {
  const high = bars.high[index] as number;
  const low = bars.low[index] as number;
  const before = bars.close[index - 1] as number;
  return Math.max(high - low, Math.abs(high - before), Math.abs(low - before));
}

/**
 * Wilder's average true range, seeded with the simple average of the first `length` true ranges. The first bar has none,
 * so the first value is at bar `length`.
 */
export class Atr implements Streaming {
  readonly line = new PlainLine();
  readonly warmup: number;
  readonly #length: number;
  #average = 0;

  constructor(length: number) {
    this.#length = length;
    this.warmup = length;
  }

  update(bars: Bars, index: number): void {
    if (index === 0) return;
    const length = this.#length;
    if (index > length) this.#average *= length - 1;
    this.#average += trueRange(bars, index);
    if (index < length) return;
    this.#average /= length;
    move(this.line, this.#average);
  }

  settle(): void {
    settle(this.line);
  }
}

/** The average directional index, with the two indicators that it is made of. */
class AdxLine extends PlainLine {
  readonly plus: Line;
  readonly minus: Line;

  constructor(plus: Line, minus: Line) {
    super();
    this.plus = plus;
    this.minus = minus;
    Object.freeze(this);
  }
}

/**
 * Wilder's directional movement. Movements and true ranges are sums that lose a `length`th of themselves at each bar,
 * seeded with those of the first `length - 1` bars after the first; +DI and -DI, there from bar `length`, are the movements
 * in per cent of the ranges. ADX is Wilder's average of `100 · |+DI - -DI| / (+DI + -DI)`, seeded with the simple average
 * of the first `length`: it is there from bar `2 · length - 1`. As in TA-Lib it stays where it was at a bar without any
 * movement.
 */
export class AdxLines implements Streaming {
  readonly plus = new PlainLine();
  readonly minus = new PlainLine();
  readonly line = new AdxLine(this.plus, this.minus);
  readonly warmup: number;
  readonly #length: number;
  #up = 0;
  #down = 0;
  #range = 0;
  #adx = 0;

  constructor(length: number) {
    this.#length = length;
    this.warmup = 2 * length - 1;
  }

  update(bars: Bars, index: number): void {
    if (index === 0) return;
    const length = this.#length;
    const up = (bars.high[index] as number) - (bars.high[index - 1] as number);
    const down = (bars.low[index - 1] as number) - (bars.low[index] as number);
    if (index >= length) {
      this.#up -= this.#up / length;
      this.#down -= this.#down / length;
      this.#range -= this.#range / length;
    }
    // Only the larger of the two movements counts.
    if (down > 0 && up < down) this.#down += down;
    else if (up > 0 && up > down) this.#up += up;
    this.#range += trueRange(bars, index);
    if (index < length) return;
    const plus = this.#range === 0 ? 0 : 100 * (this.#up / this.#range);
    const minus = this.#range === 0 ? 0 : 100 * (this.#down / this.#range);
    move(this.plus, plus);
    move(this.minus, minus);
    const both = plus + minus;
    if (index <= this.warmup) {
      if (both !== 0) this.#adx += 100 * (Math.abs(minus - plus) / both);
      if (index < this.warmup) return;
      this.#adx /= length;
    } else if (both !== 0) {
      this.#adx = (this.#adx * (length - 1) + 100 * (Math.abs(minus - plus) / both)) / length;
    }
    move(this.line, this.#adx);
  }

  settle(): void {
    settle(this.line);
    settle(this.plus);
    settle(this.minus);
  }
}

/**
 * Donchian's channel: the highest high and the lowest low of the last `length` bars, this one included, and the middle of
 * the two; the first are at bar `length - 1`.
 */
export class DonchianLines implements Streaming {
  readonly upper = new PlainLine();
  readonly middle = new PlainLine();
  readonly lower = new PlainLine();
  readonly warmup: number;
  readonly #highest: Extreme;
  readonly #lowest: Extreme;

  constructor(length: number) {
    this.#highest = new Extreme(length, 1);
    this.#lowest = new Extreme(length, -1);
    this.warmup = length - 1;
  }

  update(bars: Bars, index: number): void {
    const upper = this.#highest.next(bars.high[index] as number, index);
    const lower = this.#lowest.next(bars.low[index] as number, index);
    if (index < this.warmup) return;
    move(this.upper, upper);
    move(this.middle, (upper + lower) / 2);
    move(this.lower, lower);
  }

  settle(): void {
    settle(this.upper);
    settle(this.middle);
    settle(this.lower);
  }
}
