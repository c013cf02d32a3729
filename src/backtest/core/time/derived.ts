import type { Bars, ColumnName } from "../bars.ts";
import { GrowingBars } from "../growing-bars.ts";
import type { DerivedBars, Series } from "../strategy.ts";
import type { Timeframe } from "./timeframe.ts";
import type { TradingCalendar } from "./trading-calendar.ts";

/** Bars of a longer timeframe, made of shorter ones. */

/** Closes the running bar before its right edge. Not a method: the engine must not be able to. */
let closeEarly: (derived: Derived) => void;

/**
 * Joins bars to longer ones as they come. A longer bar shows once it has come to its right edge: on the first of the
 * shorter bars stamped at or after that (a bar stamped at the edge has nothing in it of before). A shorter bar belongs to
 * the longer one in which its own open lies; outside the hours of trading it belongs to none.
 */
export class Derived {
  readonly timeframe: Timeframe;
  readonly #calendar: TradingCalendar;
  readonly #growing = new GrowingBars(undefined);
  /** Up to this time the running bar, or the lack of one, stays as it is. */
  #until = Number.NEGATIVE_INFINITY;
  /** Whether the bars up to then belong to the running one. Within a week's there are nights. */
  #joining = false;
  /** The running bar. It has an end only while there is one. */
  #end = Number.NaN;
  #time = 0;
  #open = 0;
  #high = 0;
  #low = 0;
  #close = 0;
  #volume = 0;

  constructor(base: Bars, timeframe: Timeframe, calendar: TradingCalendar) {
    this.timeframe = timeframe;
    this.#calendar = calendar;
    this.#growing.bars.decimals = base.decimals;
  }

  /** Those that have come to their edge. The object stays; its columns are replaced as they grow. */
  get bars(): Bars {
    return this.#growing.bars;
  }

  /** Takes in bar `index` of the shorter bars, after the one before. @returns whether it made a longer bar show */
  update(base: Bars, index: number): boolean {
    const time = base.time[index] as number;
    const shown = time >= this.#until && this.#turn(base, index, time);
    if (this.#joining) {
      const high = base.high[index] as number;
      const low = base.low[index] as number;
      if (high > this.#high) this.#high = high;
      if (low < this.#low) this.#low = low;
      this.#close = base.close[index] as number;
      this.#volume += base.volume[index] as number;
    }
    return shown;
  }

  /** Closes the running bar if its edge has come, and begins another if there is trading. */
  #turn(base: Bars, index: number, time: number): boolean {
    const shown = time >= this.#end;
    if (shown) this.#show(base.decimals);
    const { end, trading } = this.#calendar.stretchAt(time);
    this.#joining = trading;
    if (trading && Number.isNaN(this.#end)) this.#begin(time, base.open[index] as number);
    this.#until = trading && this.#end < end ? this.#end : end;
    return shown;
  }

  #begin(time: number, open: number): void {
    const bin = this.#calendar.binOf(this.timeframe, time);
    if (bin === null) return;
    this.#time = bin.start;
    this.#end = bin.end;
    this.#open = open;
    this.#high = Number.NEGATIVE_INFINITY;
    this.#low = Number.POSITIVE_INFINITY;
    this.#volume = 0;
  }

  #show(decimals: number): void {
    this.#growing.push({
      time: this.#time,
      open: this.#open,
      high: this.#high,
      low: this.#low,
      close: this.#close,
      volume: this.#volume,
    });
    this.#growing.bars.decimals = decimals;
    this.#end = Number.NaN;
  }

  static {
    closeEarly = (derived) => {
      if (!Number.isNaN(derived.#end)) derived.#show(derived.bars.decimals);
    };
  }
}

/**
 * All of some bars joined to longer ones, each stamped with its left edge. The last is kept, though its edge may not have
 * come: no data is lost on the way, and the first may be as incomplete.
 * @param allocate makes a column of so many rows
 */
export function resample(
  bars: Bars,
  timeframe: Timeframe,
  calendar: TradingCalendar,
  allocate: (rows: number) => Float64Array,
): Bars {
  const derived = new Derived(bars, timeframe, calendar);
  for (let i = 0; i < bars.length; i++) derived.update(bars, i);
  closeEarly(derived);
  const joined = derived.bars;
  const column = (name: ColumnName): Float64Array => {
    const rows = allocate(joined.length);
    rows.set(joined[name].subarray(0, joined.length));
    return rows;
  };
  return {
    length: joined.length,
    time: column("time"),
    open: column("open"),
    high: column("high"),
    low: column("low"),
    close: column("close"),
    volume: column("volume"),
    decimals: bars.decimals,
  };
}

const shownToStrategies = new WeakSet<object>();

/** Derived bars as a strategy sees them. `series` declares indicators of `derived.bars`, by methods that use no `this`. */
export function derivedBars(derived: Derived, series: Series): DerivedBars {
  const { bars } = derived;
  const timeframe = derived.timeframe.text;
  const at = (ago: number): number => {
    const index = bars.length - 1 - ago;
    if (ago >= 0 && index >= 0 && Number.isInteger(index)) return index;
    if (ago < 0) throw new RangeError(`asked for a ${timeframe} bar of the future: ${-ago} after the newest`);
    if (index < 0)
      throw new RangeError(
        `asked for ${timeframe} bar ${ago} back from the newest, but there are ${bars.length}`,
      );
    throw new RangeError(`bars ago must be a whole number, not ${ago}`);
  };
  const view: DerivedBars = Object.freeze({
    ...series,
    timeframe,
    get length() {
      return bars.length;
    },
    time: (ago = 0) => bars.time[at(ago)] as number,
    open: (ago = 0) => bars.open[at(ago)] as number,
    high: (ago = 0) => bars.high[at(ago)] as number,
    low: (ago = 0) => bars.low[at(ago)] as number,
    close: (ago = 0) => bars.close[at(ago)] as number,
    volume: (ago = 0) => bars.volume[at(ago)] as number,
  });
  shownToStrategies.add(view);
  return view;
}

/** Whether a declared indicator is derived bars. */
export function isDerived(value: unknown): value is DerivedBars {
  return typeof value === "object" && value !== null && shownToStrategies.has(value);
}
