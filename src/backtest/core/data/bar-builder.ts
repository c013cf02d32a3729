import { type Bars, COLUMN_NAMES, closeDecimals, DataError } from "../bars.ts";
import { formatTime } from "../time/calendar.ts";
import { guessTimeframe, parseTimeframe, type Timeframe } from "../time/timeframe.ts";
import { LocalTimes } from "./local-times.ts";

/** How bars are made of what a file says, whatever its format. */
export type BuildOptions = {
  /** The IANA zone of times that say none; UTC if left out. */
  readonly timezone?: string;
  /** Whether times are those of a bar's open, which is usual, or of its close. */
  readonly stamp?: "open" | "close";
  /** Makes the memory of a column; ordinary memory if left out. `bytes => new SharedArrayBuffer(bytes)` shares it. */
  readonly allocate?: (bytes: number) => ArrayBufferLike;
  /** Told of rows that can't be used; they are left out then. Without it the first of them ends the reading. */
  readonly faults?: Faults;
};

/** What a row that reads well can still be wrong in. */
export const FAULTS = [
  "doubled",
  "out_of_order",
  "high_below_low",
  "missing",
  "no_price",
  "no_such_time",
] as const;
export type Fault = (typeof FAULTS)[number];

/** How many rows of each fault there are, and what the first is. */
export type Faults = Partial<Record<Fault, { count: number; row: number; message: string }>>;

/**
 * Collects bars row by row. Times must rise, or fall from the first row to the last: such a file, newest first, is
 * turned round. Prices are above 0 and the high is not below the low. The open and close may lie outside of them, as they
 * do in some vendors' data: no rule of the engine needs them inside.
 */
export class BarBuilder {
  readonly #options: BuildOptions;
  readonly #localTimes: LocalTimes | null;
  /** 1 while times rise, -1 in a file that begins newest first. */
  #direction = 1;
  #last = -Infinity;
  #count = 0;
  #capacity = 0;
  #time: Float64Array = new Float64Array(0);
  #open: Float64Array = new Float64Array(0);
  #high: Float64Array = new Float64Array(0);
  #low: Float64Array = new Float64Array(0);
  #close: Float64Array = new Float64Array(0);
  #volume: Float64Array = new Float64Array(0);

  constructor(options: BuildOptions) {
    this.#options = options;
    const timezone = options.timezone ?? "UTC";
    this.#localTimes = timezone === "UTC" ? null : new LocalTimes(timezone);
  }

  /** Makes room for so many bars, so that the columns needn't grow. */
  reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#time = this.#grown(this.#time, capacity);
    this.#open = this.#grown(this.#open, capacity);
    this.#high = this.#grown(this.#high, capacity);
    this.#low = this.#grown(this.#low, capacity);
    this.#close = this.#grown(this.#close, capacity);
    this.#volume = this.#grown(this.#volume, capacity);
    this.#capacity = capacity;
  }

  #grown(column: Float64Array, capacity: number): Float64Array {
    const { allocate } = this.#options;
    const grown = allocate ? new Float64Array(allocate(capacity * 8)) : new Float64Array(capacity);
    grown.set(column.subarray(0, this.#count));
    return grown;
  }

  /**
   * Adds a bar whose time, as UTC ms, is that of the file's zone where `zoned` is false. A value that is missing is NaN.
   * @throws DataError
   */
  add(
    row: number,
    written: number,
    zoned: boolean,
    open: number,
    high: number,
    low: number,
    close: number,
    volume: number,
  ): void {
    const time =
      zoned || this.#localTimes === null
        ? written
        : this.#localTimes.utc(written, this.#last, this.#direction);
    // NaN fails each of these.
    const good =
      (time - this.#last) * this.#direction > 0 &&
      high >= low &&
      low > 0 &&
      open > 0 &&
      close > 0 &&
      volume >= 0 &&
      high < Infinity &&
      open < Infinity &&
      close < Infinity &&
      volume < Infinity;
    if (!good && !this.#turns(row, written, [time, open, high, low, close, volume])) return;
    if (this.#count === this.#capacity) this.reserve(Math.max(4096, this.#capacity * 2));
    const at = this.#count++;
    this.#last = time;
    this.#time[at] = time;
    this.#open[at] = open;
    this.#high[at] = high;
    this.#low[at] = low;
    this.#close[at] = close;
    this.#volume[at] = volume;
  }

  /** Of a row that isn't good: whether it is the second of a file that begins newest first. */
  #turns(row: number, written: number, values: readonly number[]): boolean {
    const fault = this.#faultOf(written, values);
    if (fault === null) {
      this.#direction = -1;
      return true;
    }
    const { faults } = this.#options;
    if (!faults) throw new DataError(row, fault.message);
    const known = faults[fault.kind];
    if (known) known.count++;
    else faults[fault.kind] = { count: 1, row, message: fault.message };
    return false;
  }

  #faultOf(written: number, values: readonly number[]): { kind: Fault; message: string } | null {
    const [time = 0, open = 0, high = 0, low = 0, close = 0, volume = 0] = values;
    const last = this.#last;
    const told = formatTime(time);
    if (Number.isNaN(time)) {
      const zone = this.#options.timezone;
      return { kind: "no_such_time", message: `${formatTime(written)} is left out by the clocks of ${zone}` };
    }
    if (time === last) return { kind: "doubled", message: `the time ${told} is that of the bar before` };
    for (const [name, price] of Object.entries({ open, high, low, close })) {
      if (Number.isFinite(price) && price > 0) continue;
      if (Number.isNaN(price)) return { kind: "missing", message: `${name} is missing` };
      const message = Number.isFinite(price) ? `${price}; a price is above 0` : "not a number";
      return { kind: "no_price", message: `${name} is ${message}` };
    }
    if (high < low) return { kind: "high_below_low", message: `high ${high} is below low ${low}` };
    if (Number.isNaN(volume)) return { kind: "missing", message: "volume is missing" };
    if (!(volume >= 0 && volume < Infinity)) {
      return { kind: "no_price", message: `volume is ${volume < 0 ? `below 0: ${volume}` : "not a number"}` };
    }
    if (this.#direction === 1 && time < last && this.#count === 1) return null;
    const message =
      this.#direction === 1
        ? `the time ${told} is before that of the bar above, ${formatTime(last)}`
        : `the time ${told} is after that of the bar above, ${formatTime(last)}, in a file that begins newest first`;
    return { kind: "out_of_order", message };
  }

  /** The bars, oldest first. @param row the last of the file @throws DataError when there are none */
  finish(row: number): Bars {
    const length = this.#count;
    const { faults } = this.#options;
    const [fault] = faults ? Object.values(faults) : [];
    if (length === 0)
      throw new DataError(fault?.row ?? Math.max(1, row), fault?.message ?? "the file has no bars");
    const columns = {
      time: this.#time.subarray(0, length),
      open: this.#open.subarray(0, length),
      high: this.#high.subarray(0, length),
      low: this.#low.subarray(0, length),
      close: this.#close.subarray(0, length),
      volume: this.#volume.subarray(0, length),
    };
    if (this.#direction < 0) for (const name of COLUMN_NAMES) columns[name].reverse();
    if (this.#options.stamp === "close") backToOpen(columns.time, this.#options.timezone ?? "UTC");
    return { length, ...columns, decimals: closeDecimals(columns.close) };
  }
}

/** Takes the usual length of a bar off its time: days, weeks and months by the calendar of the data's zone. */
function backToOpen(time: Float64Array, timezone: string): void {
  const usual = parseTimeframe(guessTimeframe({ time, length: time.length }) ?? "");
  if (usual === undefined) {
    throw new DataError(
      1,
      "no usual length of a bar can be seen, so that its open can't be told from its close",
    );
  }
  let last = -Infinity;
  for (let i = 0; i < time.length; i++) {
    const close = time[i] as number;
    const open = usual.unit === "intraday" ? close - usual.ms : openOf(close, usual, timezone);
    if (open <= last) {
      throw new DataError(1, `two bars of ${usual.text} close by ${formatTime(close)} that open at one time`);
    }
    time[i] = open;
    last = open;
  }
}

/** When the day, week or month began that closes at a time, both UTC ms. */
function openOf(close: number, { unit }: Timeframe, timezone: string): number {
  // Months are stamped with their last day or with the next one's first.
  const within = unit === "month" ? close - 1 : close;
  const local = Temporal.Instant.fromEpochMilliseconds(within).toZonedDateTimeISO(timezone);
  if (unit === "month") return local.with({ day: 1 }).startOfDay().epochMilliseconds;
  return local.subtract({ days: unit === "week" ? 7 : 1 }).epochMilliseconds;
}
