import type { Span } from "./installation.ts";

/** When zones are armed: weekly spans of local time, as they are written and what they mean. Pure. */

/** By their ISO number, from 1. */
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MINUTES = 24 * 60;

const dayOf = (word: string): number => DAYS.indexOf(word) + 1;

/** `mon-fri`, `sat,sun`, `fri-mon`, in order; undefined for what is none. */
function parseDays(text: string): number[] | undefined {
  const days = new Set<number>();
  for (const part of text.split(",")) {
    const [first = 0, last = first, ...rest] = part.split("-").map(dayOf);
    if (first === 0 || last === 0 || rest.length > 0) return undefined;
    for (let day = first; ; day = (day % 7) + 1) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

/** Minutes after midnight of `06:00`; 24:00 is the end of a day. */
function parseMinutes(text: string): number | undefined {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const sum = Number(hours) * 60 + Number(minutes);
  return Number(minutes) < 60 && sum <= DAY_MINUTES ? sum : undefined;
}

/**
 * `mon-fri 06:00-18:00`, `sat,sun 00:00-24:00`; without days it is every day's: `22:00-06:00`, which goes on over
 * midnight and belongs to the day on which it begins.
 * @returns undefined for what is none
 */
export function parseSpan(text: string): Span | undefined {
  const words = text.trim().toLowerCase().split(/\s+/);
  const days = words.length > 1 ? parseDays(words[0] as string) : DAYS.map(dayOf);
  const [from, to, ...rest] = (words.at(-1) as string).split("-").map(parseMinutes);
  if (words.length > 2 || rest.length > 0 || !days || to === undefined) return undefined;
  return from === undefined || from === DAY_MINUTES ? undefined : { days, from, to };
}

const two = (n: number): string => String(n).padStart(2, "0");
const timeText = (minutes: number): string => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;

/** `mon-fri,sun` */
function daysText(days: readonly number[]): string {
  const runs: number[][] = [];
  for (const day of days) {
    const run = runs.at(-1);
    if (run?.at(-1) === day - 1) run.push(day);
    else runs.push([day]);
  }
  const name = (day: number | undefined) => DAYS[(day ?? 0) - 1];
  return runs
    .map((run) => (run.length > 2 ? `${name(run[0])}-${name(run.at(-1))}` : run.map(name).join(",")))
    .join(",");
}

/** A span as {@link parseSpan} reads it. */
export function spanText({ days, from, to }: Span): string {
  const times = `${timeText(from)}-${timeText(to)}`;
  return days.length === DAYS.length ? times : `${daysText(days)} ${times}`;
}

/** A local time in its week. */
export type WeekTime = {
  /** ISO: 1 is Monday. */
  readonly day: number;
  /** Minutes after midnight. */
  readonly minute: number;
};

/** Whether one of the spans goes on at that time; none of them is always. */
export const isArmed = (spans: readonly Span[], { day, minute }: WeekTime): boolean =>
  spans.length === 0 ||
  spans.some(({ days, from, to }) => {
    if (to > from) return days.includes(day) && minute >= from && minute < to;
    const dayBefore = day === 1 ? 7 : day - 1;
    return (days.includes(day) && minute >= from) || (days.includes(dayBefore) && minute < to);
  });
