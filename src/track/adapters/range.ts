import { momentOf } from "../../kernel/arguments.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Options } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";

/** A stretch of time, UTC ms; `to` isn't in it. */
export type Range = { from: number; to: number };

/** The local date of an instant, here. @param wall UTC ms */
export const dateHere = (wall: number): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(Math.floor(wall))
    .toZonedDateTimeISO(Temporal.Now.timeZoneId())
    .toPlainDate();

const startOf = (date: Temporal.PlainDate): number =>
  date.toZonedDateTime(Temporal.Now.timeZoneId()).epochMilliseconds;

/** So many local days, by the calendar of the zone we are in now: one may have 23 or 25 hours. */
export const daysFrom = (first: Temporal.PlainDate, count: number): Range => ({
  from: startOf(first),
  to: startOf(first.add({ days: count })),
});

/** The Monday of the week that a date lies in. */
export const mondayOn = (date: Temporal.PlainDate): Temporal.PlainDate =>
  date.subtract({ days: date.dayOfWeek - 1 });

/** Nothing was tracked earlier, and a longer year is a slip. */
const [FIRST_YEAR, LAST_YEAR] = [1970, 9999];

/** @throws Expected 2 for a date that nobody can mean. @param text as it was typed */
function checked(date: Temporal.PlainDate, text: string): void {
  if (date.year >= FIRST_YEAR && date.year <= LAST_YEAR) return;
  const years = `from ${FIRST_YEAR} to ${LAST_YEAR}`;
  throw new Expected(Exit.usage, `'${text}' is out of range`, `a date of the years ${years}`);
}

/** Of these a command line may have one; `--from` and `--to` go together. */
const WAYS = [["day"], ["week"], ["since"], ["from", "to"]] as const;

/**
 * The time that `--day`, `--week`, `--since` or `--from` and `--to` mean. Days and weeks are local
 * ones here, wherever it was tracked; see {@link daysFrom}.
 * @param fallback what is meant by none of them: the local day, or all that there is
 * @throws Expected 2 for flags that contradict each other, dates out of range, and what ends before it begins
 */
export function rangeOf(options: Options, fallback: "today" | "all", now = systemClock.wall()): Range {
  const ways = WAYS.filter((names) => names.some((name) => options[name] !== undefined));
  if (ways.length > 1) {
    const flags = ways.map((names) => `--${names.find((name) => options[name] !== undefined)}`);
    throw new Expected(Exit.usage, `${flags.join(" and ")} contradict each other`, "give one of them");
  }
  const { day, week, since, from, to } = options as {
    day?: string;
    week?: boolean;
    since?: { days: number } | { date: string };
    from?: string;
    to?: string;
  };
  const today = dateHere(now);
  const dateOf = (text: string): Temporal.PlainDate => {
    if (text === "today") return today;
    if (text === "yesterday") return today.subtract({ days: 1 });
    const date = Temporal.PlainDate.from(text);
    checked(date, text);
    return date;
  };
  /** A date is its first instant, or after all of it. */
  const boundOf = (text: string, after: number): number => {
    if (!text.includes(":")) return startOf(dateOf(text).add({ days: after }));
    const { wall } = momentOf(text, today.toString());
    checked(dateHere(wall), text);
    return wall;
  };

  if (day !== undefined) return daysFrom(dateOf(day), 1);
  if (week) return daysFrom(mondayOn(today), 7);
  if (since === undefined && from === undefined && to === undefined) {
    return fallback === "today" ? daysFrom(today, 1) : { from: 0, to: now };
  }
  const first = since && ("date" in since ? dateOf(since.date) : today.subtract({ days: since.days - 1 }));
  const range = {
    from: first ? Math.max(0, startOf(first)) : from === undefined ? 0 : boundOf(from, 0),
    to: to === undefined ? now : boundOf(to, 1),
  };
  if (range.from < range.to) return range;
  const begins = from ?? first ?? `the first of ${FIRST_YEAR}`;
  const ends = to === undefined ? "before it has begun" : `at ${to}, which isn't later`;
  throw new Expected(
    Exit.usage,
    `it would begin at ${begins} and end ${ends}`,
    "--from comes before --to, and neither lies in the future",
  );
}
