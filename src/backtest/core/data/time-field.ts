import { DAY_MS, daysFromCivil, daysInMonth } from "../time/calendar.ts";

const NEWLINE = 10;
const RETURN = 13;
const ZERO = 48;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const CLOCK =
  "(?<hour>\\d\\d?)(?<colon>:?)(?<minute>\\d\\d)(?:\\k<colon>(?<second>\\d\\d)(?:[.,](?<fraction>\\d{1,9}))?)?(?:\\s*(?<half>[ap]m))?";
const ZONE =
  "(?:\\s*(?<zone>Z|UTC|GMT|(?:UTC|GMT)?(?<sign>[+-])(?<zoneHour>\\d\\d):?(?<zoneMinute>\\d\\d)?))?";
const pattern = (text: string) => new RegExp(`^${text}$`, "di");

const YEAR_FIRST = pattern(
  `(?<year>\\d{4})(?<sep>[-/.])(?<month>\\d\\d?)\\k<sep>(?<day>\\d\\d?)(?:[ T]+${CLOCK})?${ZONE}`,
);
const WITHOUT_SIGNS = pattern(`(?<year>\\d{4})(?<month>\\d\\d)(?<day>\\d\\d)(?:[ T]*${CLOCK})?${ZONE}`);
const DAY_FIRST = pattern(
  `(?<day>\\d\\d?)(?<sep>[-/.])(?<month>\\d\\d?)\\k<sep>(?<year>\\d{4})(?:[ T,]+${CLOCK})?${ZONE}`,
);
const MONTH_FIRST = pattern(
  `(?<month>\\d\\d?)(?<sep>[-/.])(?<day>\\d\\d?)\\k<sep>(?<year>\\d{4})(?:[ T,]+${CLOCK})?${ZONE}`,
);
const CLOCK_ALONE = pattern(CLOCK);

/** Which comes first where a year comes last, `01/02/2018`. */
export type DateOrder = "day" | "month";

/** Where the parts of a time stand in a field of fixed width, and what else stands there. */
type Shape = {
  readonly length: number;
  /** Of their first digits; -1 for what isn't there. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** The places that are no digits of these, and their bytes. */
  readonly places: Int32Array;
  readonly bytes: Uint8Array;
  /** What is taken off for its offset from UTC, ms. */
  readonly offset: number;
  readonly zoned: boolean;
};

/**
 * Reads the times of a column:
 * - `2018-01-31`, `2018/1/31` or `2018.01.31`, or without signs, `20180131`;
 * - `31.01.2018`, `1/31/2018`: which of the two, {@link DateOrder} says;
 * - after one of these perhaps a time of day, `09:30`, `9:30:00.5 PM`, `093000`, and `Z` or an offset, `GMT+0100`;
 * - or whole seconds since 1970 (9 or 10 digits, perhaps with a fraction), or milliseconds (12 or 13), microseconds (15 or
 *   16) or nanoseconds (18 or 19). Twelve or fourteen digits that begin like a year of today are a date and a time.
 *
 * A column of its own may hold the time of day, which is then added to the date's.
 */
export class TimeField {
  readonly #order: DateOrder;
  readonly #clock: boolean;
  #shape: Shape | null = null;
  #unix = false;
  #yearLast = false;
  #dayAfter12 = false;
  /** The day that times were last in, as YYYYMMDD, and its start. */
  #day = 0;
  #dayStart = 0;
  /** Where the field that was read last ends. */
  end = 0;
  /** Whether the time that was read last is UTC, and not what the clocks of a place show. */
  zoned = false;
  /** How the times are written, by the first: `YYYY-MM-DD HH:MM:SS`, `unix ms`. "" before. */
  form = "";

  /** @param clock whether it holds times of day, without a date */
  constructor(order: DateOrder, clock = false) {
    this.#order = order;
    this.#clock = clock;
  }

  /** Whether the dates could be read the other way round as well. */
  get ambiguous(): boolean {
    return this.#yearLast && !this.#dayAfter12;
  }

  /**
   * Reads a field that is written as those before it, the usual one, without making a text of it. Sets {@link end}.
   * @returns ms since 1970 (of a clock: since midnight), NaN when {@link text} has to read it
   */
  fast(bytes: Uint8Array, at: number, delimiter: number): number {
    const shape = this.#shape;
    if (shape === null) return this.#unix ? this.#fastUnix(bytes, at, delimiter) : Number.NaN;
    const end = at + shape.length;
    const next = bytes[end];
    if (next !== delimiter && next !== NEWLINE && next !== RETURN) return Number.NaN;
    const { places, bytes: wanted } = shape;
    for (let k = 0; k < places.length; k++) {
      if (bytes[at + (places[k] as number)] !== wanted[k]) return Number.NaN;
    }
    let ms = 0;
    if (shape.year >= 0) {
      const from = at + shape.year;
      const year = twoDigits(bytes, from) * 100 + twoDigits(bytes, from + 2);
      const month = twoDigits(bytes, at + shape.month);
      const day = twoDigits(bytes, at + shape.day);
      const date = year * 10_000 + month * 100 + day;
      if (date !== this.#day && !this.#moveTo(year, month, day)) return Number.NaN;
      ms = this.#dayStart - shape.offset;
    }
    if (shape.hour >= 0) {
      const hour = twoDigits(bytes, at + shape.hour);
      const minute = twoDigits(bytes, at + shape.minute);
      const second = shape.second < 0 ? 0 : twoDigits(bytes, at + shape.second);
      // Whatever isn't two digits is at least 1000.
      if (hour > 23 || minute > 59 || second > 59) return Number.NaN;
      ms += hour * HOUR_MS + minute * MINUTE_MS + second * 1000;
    }
    this.end = end;
    this.zoned = shape.zoned;
    return ms;
  }

  #moveTo(year: number, month: number, day: number): boolean {
    if (year > 9999 || !isDate(year, month, day)) return false;
    if (day > 12) this.#dayAfter12 = true;
    this.#day = year * 10_000 + month * 100 + day;
    this.#dayStart = daysFromCivil(year, month, day) * DAY_MS;
    return true;
  }

  #fastUnix(bytes: Uint8Array, start: number, delimiter: number): number {
    let at = start;
    let value = 0;
    let digit = (bytes[at] as number) - ZERO;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = (bytes[++at] as number) - ZERO;
    }
    const next = bytes[at];
    if (next !== delimiter && next !== NEWLINE && next !== RETURN) return Number.NaN;
    this.end = at;
    this.zoned = true;
    const digits = at - start;
    if (digits === 10) return value * 1000;
    if (digits === 13) return value;
    return digits === 16 ? Math.floor(value / 1000) : Number.NaN;
  }

  /** Reads any field from its text. @returns as {@link fast}; NaN for what is no time */
  text(text: string): number {
    const unix = this.#clock ? null : unixTime(text);
    if (unix) {
      this.#unix = true;
      this.#shape = null;
      this.zoned = true;
      this.form ||= `unix ${unix.unit}`;
      return unix.ms;
    }
    const found = this.#match(text);
    if (!found) return Number.NaN;
    const parts = found.groups as Parts;
    const clock = clockMs(parts);
    const offset = offsetMs(parts);
    if (Number.isNaN(clock)) return Number.NaN;
    let start = 0;
    if (!this.#clock) {
      const [year, month, day] = [Number(parts.year), Number(parts.month), Number(parts.day)];
      if (!isDate(year, month, day)) return Number.NaN;
      if (day > 12) this.#dayAfter12 = true;
      start = daysFromCivil(year, month, day) * DAY_MS;
    }
    this.zoned = parts.zone !== undefined;
    this.#shape = shapeOf(text, found, offset);
    this.form ||= formOf(text, found);
    return start + clock - offset;
  }

  #match(text: string): RegExpExecArray | null {
    if (this.#clock) return CLOCK_ALONE.exec(text);
    const yearFirst = YEAR_FIRST.exec(text) ?? WITHOUT_SIGNS.exec(text);
    if (yearFirst) return yearFirst;
    const yearLast = (this.#order === "day" ? DAY_FIRST : MONTH_FIRST).exec(text);
    if (yearLast) this.#yearLast = true;
    return yearLast;
  }
}

/** Whether a text is a time of day and nothing else. */
export const isClock = (text: string): boolean =>
  !/^\d{1,3}$|^\d{5}$|^\d{7,}$/.test(text) && !Number.isNaN(new TimeField("day", true).text(text));

/** Whether a text is a time with a date. */
export const isTime = (text: string): boolean =>
  !Number.isNaN(new TimeField("day").text(text)) || !Number.isNaN(new TimeField("month").text(text));

/** Ms since 1970 of a number, by its size, as the digits of one in a text tell; NaN for what is too small or too large. */
export function unixNumber(value: number | bigint): number {
  const size = Number(value);
  if (!(size >= 1e8 && size < 1e19)) return Number.NaN;
  if (size < 1e11) return Math.floor(size * 1000);
  if (size < 1e14) return Math.floor(size);
  return Number(BigInt(value) / (size < 1e17 ? 1_000n : 1_000_000n));
}

/** What {@link unixNumber} takes a number for: `unix s`. */
export function unixUnit(value: number | bigint): string {
  const size = Number(value);
  if (size < 1e11) return "unix s";
  if (size < 1e14) return "unix ms";
  return size < 1e17 ? "unix us" : "unix ns";
}

type Parts = Partial<
  Record<
    | "year"
    | "month"
    | "day"
    | "hour"
    | "colon"
    | "minute"
    | "second"
    | "fraction"
    | "half"
    | "zone"
    | "sign"
    | "zoneHour"
    | "zoneMinute",
    string
  >
>;

function unixTime(text: string): { ms: number; unit: string } | null {
  if (/^\d{9,10}(\.\d{1,9})?$/.test(text)) return { ms: Math.floor(Number(text) * 1000), unit: "s" };
  if (!/^\d{12,19}$/.test(text) || /^(19|20)(\d{10}|\d{12})$/.test(text)) return null;
  if (text.length <= 13) return { ms: Number(text), unit: "ms" };
  if (text.length === 15 || text.length === 16) return { ms: Number(text.slice(0, -3)), unit: "us" };
  return text.length >= 18 ? { ms: Number(text.slice(0, -6)), unit: "ns" } : null;
}

const isDate = (year: number, month: number, day: number): boolean =>
  month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);

/** The time of day; 0 without one, NaN for one that no clock shows. */
function clockMs({ hour, colon, minute, second, fraction, half }: Parts): number {
  if (hour === undefined) return 0;
  // Without a colon the digits count: 930 may be anything.
  if (colon === "" && hour.length === 1) return Number.NaN;
  let hours = Number(hour);
  if (half !== undefined) {
    if (hours < 1 || hours > 12) return Number.NaN;
    hours = (hours % 12) + (half.toLowerCase() === "pm" ? 12 : 0);
  }
  if (hours > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return Number.NaN;
  const ms = Number((fraction ?? "").padEnd(3, "0").slice(0, 3));
  return hours * HOUR_MS + Number(minute) * MINUTE_MS + Number(second ?? 0) * 1000 + ms;
}

const offsetMs = ({ sign, zoneHour, zoneMinute }: Parts): number =>
  (Number(zoneHour ?? 0) * HOUR_MS + Number(zoneMinute ?? 0) * MINUTE_MS) * (sign === "-" ? -1 : 1);

const WIDTHS = { year: 4, month: 2, day: 2, hour: 2, minute: 2, second: 2 } as const;

/** How a text is laid out, for others of the same layout; null when parts of it have no fixed width. */
function shapeOf(text: string, { groups, indices }: RegExpExecArray, offset: number): Shape | null {
  const parts = groups as Parts;
  if (parts.half !== undefined) return null;
  const at = { year: -1, month: -1, day: -1, hour: -1, minute: -1, second: -1 };
  const digits = new Set<number>();
  for (const name of Object.keys(WIDTHS) as (keyof typeof WIDTHS)[]) {
    const [from, to] = indices?.groups?.[name] ?? [-1, -1];
    if (from < 0) continue;
    if (to - from !== WIDTHS[name]) return null;
    at[name] = from;
    for (let k = from; k < to; k++) digits.add(k);
  }
  // A fraction of 0 stands there like any sign; others are read from their text.
  if (Number(parts.fraction ?? 0) !== 0) return null;
  const places = Array.from({ length: text.length }, (_, k) => k).filter((k) => !digits.has(k));
  return {
    length: text.length,
    ...at,
    places: Int32Array.from(places),
    bytes: Uint8Array.from(places, (k) => text.charCodeAt(k)),
    offset,
    zoned: parts.zone !== undefined,
  };
}

const LETTERS = {
  year: "Y",
  month: "M",
  day: "D",
  hour: "H",
  minute: "M",
  second: "S",
  fraction: "f",
} as const;

function formOf(text: string, { indices }: RegExpExecArray): string {
  const form = [...text];
  for (const name of Object.keys(LETTERS) as (keyof typeof LETTERS)[]) {
    const [from, to] = indices?.groups?.[name] ?? [0, 0];
    form.fill(LETTERS[name], from, to);
  }
  return form.join("");
}

/** The number that two digits stand for; at least 1000 if they aren't digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - ZERO;
  const ones = (bytes[at + 1] as number) - ZERO;
  // A difference below 0 or above 9 sets the sign bit of one of these.
  return (tens | (9 - tens) | ones | (9 - ones)) < 0 ? 1000 : tens * 10 + ones;
}
