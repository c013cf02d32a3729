import { civilFromDays, DAY_MS } from "../time/calendar.ts";

/** Equity by calendar days, weeks, months and years of a timezone. Times are UTC ms, ascending, one for each equity. */

/** The return of a calendar month. */
export type MonthReturn = {
  readonly year: number;
  /** 1 … 12. */
  readonly month: number;
  /** In per cent of the last equity of the month before; the first month's of the first equity. */
  readonly return_pct: number;
};

/** The days of a zone between two changes of its offset from UTC. */
type Stretch = { readonly from: number; readonly until: number; readonly offset: number };

function stretchAt(time: number, timezone: string): Stretch {
  const zoned = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timezone);
  const until = zoned.getTimeZoneTransition("next")?.epochMilliseconds ?? Number.POSITIVE_INFINITY;
  return { from: time, until, offset: zoned.offsetNanoseconds / 1e6 };
}

/**
 * Calls `each` for every stretch of steps that lie on one local day, in order. A zone is asked only where its offset
 * changes, so that a million steps cost a compare each.
 * @param day days from 1970-01-01 to the local date @param end the step after its last
 */
function eachDay(
  time: Float64Array,
  length: number,
  timezone: string,
  each: (day: number, begin: number, end: number) => void,
): void {
  let stretch: Stretch = { from: 0, until: Number.NEGATIVE_INFINITY, offset: 0 };
  let day = Number.NaN;
  let begin = 0;
  let next = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) {
    const at = time[i] as number;
    if (at < next) continue;
    if (at >= stretch.until) stretch = stretchAt(at, timezone);
    const found = Math.floor((at + stretch.offset) / DAY_MS);
    next = Math.min((found + 1) * DAY_MS - stretch.offset, stretch.until);
    if (found === day) continue;
    if (i > 0) each(day, begin, i);
    day = found;
    begin = i;
  }
  if (length > 0) each(day, begin, length);
}

/** What the annual figures are made of. */
export type Returns = {
  /** The return of each period over the one before, as a fraction: one fewer than periods. */
  readonly returns: Float64Array;
  /** Periods in a year. */
  readonly perYear: number;
};

/**
 * Returns over calendar days, or with weekly, monthly and yearly steps over weeks (to Sunday), months and years; a period
 * without a step is none. A year has 252 days, or 365 where more than 0.6 of two days in seven's share of the steps lie on
 * Saturdays and Sundays; 52 weeks, 12 months.
 */
export function periodReturns(
  time: Float64Array,
  equity: Float64Array,
  length: number,
  timezone: string,
): Returns {
  const group = GROUPS[Math.floor(usualStep(time, length) / DAY_MS)];
  const last: number[] = [];
  let weekend = 0;
  let key = Number.NaN;
  eachDay(time, length, timezone, (day, begin, end) => {
    if (isWeekend(day)) weekend += end - begin;
    const period = group ? group.key(day) : day;
    if (period === key) last.pop();
    key = period;
    last.push(end - 1);
  });
  const returns = new Float64Array(Math.max(0, last.length - 1));
  for (let k = 0; k < returns.length; k++) {
    returns[k] = change(equity[last[k] as number] as number, equity[last[k + 1] as number] as number);
  }
  return { returns, perYear: group?.perYear ?? (weekend / length > (2 / 7) * 0.6 ? 365 : 252) };
}

/** The return of each calendar month that has a step. */
export function monthlyReturns(
  time: Float64Array,
  equity: Float64Array,
  length: number,
  timezone: string,
): MonthReturn[] {
  const months: MonthReturn[] = [];
  let before = equity[0] as number;
  let last = before;
  let current: { year: number; month: number } | undefined;
  const close = () => {
    if (current) months.push({ ...current, return_pct: change(before, last) * 100 });
    before = last;
  };
  eachDay(time, length, timezone, (day, _begin, end) => {
    const { year, month } = civilFromDays(day);
    if (current?.year !== year || current.month !== month) {
      close();
      current = { year, month };
    }
    last = equity[end - 1] as number;
  });
  close();
  return months;
}

/** 1970-01-01 was a Thursday. */
const isWeekend = (day: number): boolean => (((day + 3) % 7) + 7) % 7 >= 5;

/** An account that went bust stays at 0 from then on. */
const change = (before: number, after: number): number => (before === 0 ? 0 : after / before - 1);

/** Periods longer than a day, by the usual days from step to step. */
const GROUPS: Record<number, { perYear: number; key(day: number): number }> = {
  7: { perYear: 52, key: (day) => Math.floor((day + 3) / 7) },
  31: {
    perYear: 12,
    key: (day) => {
      const { year, month } = civilFromDays(day);
      return year * 12 + month;
    },
  },
  365: { perYear: 1, key: (day) => civilFromDays(day).year },
};

/** The median time between the last hundred steps, ms; NaN when there are fewer than two. */
export function usualStep(time: Float64Array, length: number): number {
  const from = Math.max(0, length - 100);
  const steps = new Float64Array(Math.max(0, length - from - 1));
  for (let k = 0; k < steps.length; k++)
    steps[k] = (time[from + k + 1] as number) - (time[from + k] as number);
  steps.sort();
  const middle = steps.length >> 1;
  if (steps.length % 2 === 1) return steps[middle] as number;
  return ((steps[middle - 1] ?? Number.NaN) + (steps[middle] ?? Number.NaN)) / 2;
}
