import type { Bars } from "../bars.ts";
import type { Column } from "../strategy.ts";
import { Extreme } from "./extreme.ts";
import { move, PlainLine, settle } from "./line.ts";
import type { Streaming } from "./streaming.ts";

/**
 * Wilder's relative strength index: `100 · gain / (gain + loss)`, where both are the averages of the changes up and down,
 * seeded with the simple average of the first `length` changes, so the first is at bar `length`. 0 if nothing changed,
 * as in TA-Lib.
 */
export class Rsi implements Streaming {
  readonly line = new PlainLine();
  readonly warmup: number;
  readonly #length: number;
  readonly #of: Column;
  #last = 0;
  #gain = 0;
  #loss = 0;

  constructor(length: number, of: Column) {
    this.#length = length;
    this.#of = of;
    this.warmup = length;
  }

  update(bars: Bars, index: number): void {
    const length = this.#length;
    const value = bars[this.#of][index] as number;
    const change = value - this.#last;
    this.#last = value;
    if (index === 0) return;
    if (index > length) {
      this.#gain *= length - 1;
      this.#loss *= length - 1;
    }
    if (change < 0) this.#loss -= change;
    else this.#gain += change;
    if (index < length) return;
    this.#gain /= length;
    this.#loss /= length;
    const both = this.#gain + this.#loss;
    move(this.line, both === 0 ? 0 : 100 * (this.#gain / both));
  }

  settle(): void {
    settle(this.line);
  }
}

/** Rate of change: by how many per cent a value is above the one `length` bars before; the first is at bar `length`. */
export class Roc implements Streaming {
  readonly line = new PlainLine();
  readonly warmup: number;
  readonly #of: Column;

  constructor(length: number, of: Column) {
    this.#of = of;
    this.warmup = length;
  }

  update(bars: Bars, index: number): void {
    if (index < this.warmup) return;
    const values = bars[this.#of];
    const before = values[index - this.warmup] as number;
    // A volume can be 0; TA-Lib's answer to that.
    move(this.line, before === 0 ? 0 : ((values[index] as number) / before - 1) * 100);
  }

  settle(): void {
    settle(this.line);
  }
}

/**
 * Lambert's commodity channel index: how far the typical price, `(high + low + close) / 3`, is from its simple average,
 * in units of 0.015 mean absolute deviations; the first is at bar `length - 1`. 0 where nothing deviates.
 */
export class Cci implements Streaming {
  readonly line = new PlainLine();
  readonly warmup: number;
  readonly #window: Float64Array;

  constructor(length: number) {
    this.#window = new Float64Array(length);
    this.warmup = length - 1;
  }

  update(bars: Bars, index: number): void {
    const window = this.#window;
    const length = window.length;
    const typical =
      ((bars.high[index] as number) + (bars.low[index] as number) + (bars.close[index] as number)) / 3;
    window[index % length] = typical;
    if (index < this.warmup) return;
    let sum = 0;
    for (let i = 0; i < length; i++) sum += window[i] as number;
    const mean = sum / length;
    let deviation = 0;
    for (let i = 0; i < length; i++) deviation += Math.abs((window[i] as number) - mean);
    const distance = typical - mean;
    move(this.line, distance === 0 || deviation === 0 ? 0 : distance / (0.015 * (deviation / length)));
  }

  settle(): void {
    settle(this.line);
  }
}

/** The mean of the last `length` values given, summed anew each time: it doesn't drift. For short lengths. */
class Mean {
  readonly #window: Float64Array;
  #seen = 0;

  constructor(length: number) {
    this.#window = new Float64Array(length);
  }

  /** @returns NaN before `length` values. */
  next(value: number): number {
    const window = this.#window;
    window[this.#seen % window.length] = value;
    if (++this.#seen < window.length) return Number.NaN;
    let sum = 0;
    for (let i = 0; i < window.length; i++) sum += window[i] as number;
    return sum / window.length;
  }
}

/**
 * Lane's slow stochastic oscillator: where the close stands between the lowest low (0) and the highest high (100) of `k`
 * bars, averaged over `smooth` bars (`%K`) and again over `d` (`%D`), both simply. `%D` is there at bar
 * `k + smooth + d - 3`. A window without any range counts as 0, as in TA-Lib.
 */
export class StochasticLines implements Streaming {
  readonly k = new PlainLine();
  readonly d = new PlainLine();
  readonly warmup: number;
  readonly #from: number;
  readonly #highest: Extreme;
  readonly #lowest: Extreme;
  readonly #smooth: Mean;
  readonly #signal: Mean;

  constructor(k: number, smooth: number, d: number) {
    this.#from = k - 1;
    this.#highest = new Extreme(k, 1);
    this.#lowest = new Extreme(k, -1);
    this.#smooth = new Mean(smooth);
    this.#signal = new Mean(d);
    this.warmup = k + smooth + d - 3;
  }

  update(bars: Bars, index: number): void {
    const highest = this.#highest.next(bars.high[index] as number, index);
    const lowest = this.#lowest.next(bars.low[index] as number, index);
    if (index < this.#from) return;
    const range = (highest - lowest) / 100;
    const k = this.#smooth.next(range === 0 ? 0 : ((bars.close[index] as number) - lowest) / range);
    if (Number.isNaN(k)) return;
    move(this.k, k);
    move(this.d, this.#signal.next(k));
  }

  settle(): void {
    settle(this.k);
    settle(this.d);
  }
}
