import { momentOf } from "../../kernel/arguments.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Options } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";

/** A stretch of time, UTC ms; `to` isn't in it. */
export type Range = { from: number; to: number };

/** Of these a command line may have one; `--from` and `--to` go together. */
const WAYS = [["day"], ["week"], ["since"], ["from", "to"]] as const;

/**
 * The time that `--day`, `--week`, `--since` or `--from` and `--to` mean. Days and weeks are those of the local
 * calendar: one may have 23 or 25 hours.
 * @param fallback what is meant by none of them: the local day, or all that there is
 * @throws Expected 2 for flags that contradict each other, and for what ends before it begins
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
  const zone = Temporal.Now.timeZoneId();
  const today = Temporal.Instant.fromEpochMilliseconds(Math.floor(now))
    .toZonedDateTimeISO(zone)
    .toPlainDate();
  const starts = (date: Temporal.PlainDate): number => date.toZonedDateTime(zone).epochMilliseconds;
  const dateOf = (text: string): Temporal.PlainDate => {
    if (text === "today") return today;
    return text === "yesterday" ? today.subtract({ days: 1 }) : Temporal.PlainDate.from(text);
  };
  const days = (first: Temporal.PlainDate, count: number): Range => ({
    from: starts(first),
    to: starts(first.add({ days: count })),
  });
  /** A date is its first instant, or after all of it. */
  const boundOf = (text: string, after: number): number =>
    text.includes(":") ? momentOf(text, today.toString()).wall : starts(dateOf(text).add({ days: after }));

  if (day !== undefined) return days(dateOf(day), 1);
  if (week) return days(today.subtract({ days: today.dayOfWeek - 1 }), 7);
  if (since === undefined && from === undefined && to === undefined) {
    return fallback === "today" ? days(today, 1) : { from: 0, to: now };
  }
  const first = since && ("date" in since ? dateOf(since.date) : today.subtract({ days: since.days - 1 }));
  const range = {
    from: first ? starts(first) : from === undefined ? 0 : boundOf(from, 0),
    to: to === undefined ? now : boundOf(to, 1),
  };
  if (range.from < range.to) return range;
  const ends = to === undefined ? "before it has begun" : `at ${to}, which isn't later`;
  throw new Expected(
    Exit.usage,
    `it would begin at ${from ?? first} and end ${ends}`,
    "--from comes before --to, and neither lies in the future",
  );
}
