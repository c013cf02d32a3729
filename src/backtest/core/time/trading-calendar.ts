import { mondayOf } from "../../../kernel/core/local-time.ts";
import { civilFromDays, daysFromCivil, daysInMonth } from "./calendar.ts";
import type { Hours, Timeframe } from "./timeframe.ts";

/** From `start` up to but not at `end`, UTC ms. */
export type Span = { readonly start: number; readonly end: number };

/** A span in which all times lie in trading of one day, or all in the pause before that day. */
export type Stretch = Span & {
  /** The trading day, as days since 1970-01-01 of its date. */
  readonly day: number;
  /** False in the pause before it. */
  readonly trading: boolean;
};

/**
 * The trading days of a place, and the bars that they are divided in. Without hours each local date is a trading day,
 * from midnight to midnight: 23 or 25 hours long when the clock changes. With hours a day is what lies between open and
 * close; what is outside (nights, weekends, holidays) belongs to no bar, and is counted to the day that follows.
 */
export class TradingCalendar {
  readonly #timezone: string;
  readonly #hours: Clock | null;
  /** The one found last: bars come in order, so that the next one mostly lies in it too. */
  #last: Stretch = { start: Number.POSITIVE_INFINITY, end: Number.NEGATIVE_INFINITY, day: 0, trading: false };

  /** @throws RangeError for hours that aren't such, or have no day; for an unknown timezone when it is first asked. */
  constructor({ timezone, hours }: { readonly timezone: string; readonly hours: Hours | null }) {
    this.#timezone = timezone;
    this.#hours = hours === null ? null : clockOf(hours);
  }

  /** The trading day that a time belongs to, as days since 1970-01-01 of its date; it never falls as time goes on. */
  dayOf(time: number): number {
    return this.stretchAt(time).day;
  }

  /** The stretch around a time. One of a pause may begin later than the pause does. */
  stretchAt(time: number): Stretch {
    const last = this.#last;
    if (time >= last.start && time < last.end) return last;
    this.#last = this.#find(time);
    return this.#last;
  }

  /**
   * The bar of a length that a time lies in, null outside the hours of trading. Within a day they are counted from its
   * start, and the last is cut short at its end. A week or month is that of the days' dates, Monday to Sunday, from the
   * start of its first trading day to the end of its last.
   */
  binOf(timeframe: Timeframe, time: number): Span | null {
    const { start, end, day, trading } = this.stretchAt(time);
    if (!trading) return null;
    if (timeframe.unit === "intraday") {
      const left = start + Math.floor((time - start) / timeframe.ms) * timeframe.ms;
      return { start: left, end: Math.min(left + timeframe.ms, end) };
    }
    if (timeframe.unit === "day") return { start, end };
    if (timeframe.unit === "week") return this.#spanOf(mondayOf(day), 7);
    const date = civilFromDays(day);
    return this.#spanOf(daysFromCivil(date.year, date.month, 1), daysInMonth(date.year, date.month));
  }

  /** From the first to the last trading of some days, one of which has any. */
  #spanOf(first: number, days: number): Span {
    let from = first;
    let to = first + days - 1;
    let opening = this.#tradingOn(from);
    while (opening === null) opening = this.#tradingOn(++from);
    let closing = this.#tradingOn(to);
    while (closing === null) closing = this.#tradingOn(--to);
    return { start: opening.start, end: closing.end };
  }

  #find(time: number): Stretch {
    const at = Temporal.Instant.fromEpochMilliseconds(Math.floor(time)).toZonedDateTimeISO(this.#timezone);
    for (let day = daysFromCivil(at.year, at.month, at.day); ; day++) {
      const trading = this.#tradingOn(day);
      if (trading === null || trading.end <= time) continue;
      if (trading.start <= time) return { ...trading, day, trading: true };
      return { start: time, end: trading.start, day, trading: false };
    }
  }

  /** When there is trading on a day; null for none. A date that a place left out has none either (Samoa, 2011-12-30). */
  #tradingOn(day: number): Span | null {
    const hours = this.#hours;
    if (hours === null) return nonEmpty(this.#midnight(day), this.#midnight(day + 1));
    if (hours.closed.has(day) || !hours.weekdays.has(((((day + 3) % 7) + 7) % 7) + 1)) return null;
    const close = hours.early.get(day) ?? hours.close;
    const start = this.#at(hours.overnight ? day - 1 : day, hours.open);
    return nonEmpty(start, isMidnight(close) ? this.#midnight(day + 1) : this.#at(day, close));
  }

  /** The first moment of a date, whatever the clock then shows. */
  #midnight(day: number): number {
    return dateOf(day).toZonedDateTime(this.#timezone).epochMilliseconds;
  }

  /** A time that the clock skips is taken as much later, one that it shows twice as the first. */
  #at(day: number, clock: Temporal.PlainTime): number {
    return dateOf(day).toZonedDateTime({ timeZone: this.#timezone, plainTime: clock }).epochMilliseconds;
  }
}

/**
 * The calendar for bars of a length. The times of bars of a day and longer stand for dates, those of the data's zone: the
 * run's own zone and hours would put a Monday stamped 00:00 UTC into New York's Sunday, and outside any hours.
 */
export function calendarOf(
  trading: { readonly timezone: string; readonly hours: Hours | null },
  timeframe: Timeframe | null,
  dataTimezone: string,
): TradingCalendar {
  const dates = timeframe !== null && timeframe.unit !== "intraday";
  return new TradingCalendar(dates ? { timezone: dataTimezone, hours: null } : trading);
}

/** {@link Hours}, read. Days are counted since 1970-01-01. */
type Clock = {
  readonly open: Temporal.PlainTime;
  readonly close: Temporal.PlainTime;
  /** Whether a day begins on the evening before. */
  readonly overnight: boolean;
  readonly weekdays: ReadonlySet<number>;
  readonly closed: ReadonlySet<number>;
  readonly early: ReadonlyMap<number, Temporal.PlainTime>;
};

function clockOf(hours: Hours): Clock {
  // Without one the search for the next trading day would never end.
  if (!hours.days.some((day) => day >= 1 && day <= 7)) throw new RangeError("hours of trading need a day");
  const open = Temporal.PlainTime.from(hours.open);
  const close = Temporal.PlainTime.from(hours.close);
  return {
    open,
    close,
    overnight: !isMidnight(close) && Temporal.PlainTime.compare(open, close) >= 0,
    weekdays: new Set(hours.days),
    closed: new Set(hours.holidays.map(dayOfDate)),
    early: new Map(
      Object.entries(hours.early).map(([date, time]) => [dayOfDate(date), Temporal.PlainTime.from(time)]),
    ),
  };
}

const isMidnight = (time: Temporal.PlainTime): boolean => time.hour === 0 && time.minute === 0;

function dayOfDate(text: string): number {
  const { year, month, day } = Temporal.PlainDate.from(text);
  return daysFromCivil(year, month, day);
}

function dateOf(days: number): Temporal.PlainDate {
  const { year, month, day } = civilFromDays(days);
  return new Temporal.PlainDate(year, month, day);
}

const nonEmpty = (start: number, end: number): Span | null => (start < end ? { start, end } : null);
