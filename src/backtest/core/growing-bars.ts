import { type Bars, COLUMN_NAMES, type ColumnName } from "./bars.ts";

/** One bar, as a feed brings it. `time` is its open, UTC ms. */
export type FedBar = {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
};

const FIRST_CAPACITY = 1_024;

/** Closes of a feed are compared at so many decimals: which ones will come isn't known. */
export const LIVE_DECIMALS = 8;

/** Bars that come one by one. The object stays; its columns are replaced by longer ones as they fill. */
export class GrowingBars {
  readonly bars: { -readonly [K in keyof Bars]: Bars[K] };

  /** @param before bars that are there already */
  constructor(before: Bars | undefined) {
    const length = before?.length ?? 0;
    const column = (name: ColumnName) => {
      const made = new Float64Array(Math.max(FIRST_CAPACITY, length * 2));
      if (before) made.set(before[name].subarray(0, length));
      return made;
    };
    this.bars = {
      length,
      time: column("time"),
      open: column("open"),
      high: column("high"),
      low: column("low"),
      close: column("close"),
      volume: column("volume"),
      decimals: Math.max(LIVE_DECIMALS, before?.decimals ?? 0),
    };
  }

  push(bar: FedBar): void {
    const { bars } = this;
    if (bars.length === bars.time.length) {
      for (const name of COLUMN_NAMES) {
        const longer = new Float64Array(bars.length * 2);
        longer.set(bars[name]);
        bars[name] = longer;
      }
    }
    for (const name of COLUMN_NAMES) bars[name][bars.length] = bar[name];
    bars.length++;
  }
}
