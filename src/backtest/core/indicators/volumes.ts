import type { Bars } from "../bars.ts";
import { move, PlainLine, settle } from "./line.ts";
import type { Streaming } from "./streaming.ts";

/**
 * Volume-weighted average of the typical price, `(high + low + close) / 3`, since the day began. It is there from the
 * first bar; until something is traded in a day it is the bar's typical price.
 */
export class Vwap implements Streaming {
  readonly line = new PlainLine();
  readonly warmup = 0;
  readonly #dayOf: (time: number) => number;
  #day = Number.NaN;
  #value = 0;
  #volume = 0;

  constructor(dayOf: (time: number) => number) {
    this.#dayOf = dayOf;
  }

  update(bars: Bars, index: number): void {
    const day = this.#dayOf(bars.time[index] as number);
    if (day !== this.#day) {
      this.#day = day;
      this.#value = this.#volume = 0;
    }
    const typical =
      ((bars.high[index] as number) + (bars.low[index] as number) + (bars.close[index] as number)) / 3;
    const volume = bars.volume[index] as number;
    this.#value += typical * volume;
    this.#volume += volume;
    move(this.line, this.#volume === 0 ? typical : this.#value / this.#volume);
  }

  settle(): void {
    settle(this.line);
  }
}

/**
 * Granville's on-balance volume: the volumes of bars that closed higher than the one before, less those of bars that
 * closed lower. It begins with the first bar's volume, as TA-Lib's.
 */
export class Obv implements Streaming {
  readonly line = new PlainLine();
  readonly warmup = 0;
  #balance = 0;

  update(bars: Bars, index: number): void {
    const volume = bars.volume[index] as number;
    const change = index === 0 ? 1 : (bars.close[index] as number) - (bars.close[index - 1] as number);
    if (change > 0) this.#balance += volume;
    else if (change < 0) this.#balance -= volume;
    move(this.line, this.#balance);
  }

  settle(): void {
    settle(this.line);
  }
}
