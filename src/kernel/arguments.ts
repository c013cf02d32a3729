import { parseDuration } from "./core/duration.ts";
import { Exit, Expected } from "./errors.ts";

/** How the words of a command line become values, the same in every feature. */

/** `25m`, as ms. @throws Expected 2 */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new Expected(Exit.usage, `'${text}' isn't a duration`, "from 1s to 24h, as in 25m, 90s or 1h30m");
}

/** A span of history: `30d`, `12w`, `yesterday`, or a date. Gives the number of days, or the date's text as it stands. */
export function since(text: string): { days: number } | { date: string } {
  const upToToday = { today: 1, yesterday: 2 }[text.trim().toLowerCase()];
  if (upToToday !== undefined) return { days: upToToday };
  const [, number, unit = ""] = /^(\d{1,5})([dwy])$/.exec(text.trim()) ?? [];
  if (number !== undefined && Number(number) > 0) {
    return { days: Number(number) * ({ d: 1, w: 7, y: 365 }[unit] ?? 1) };
  }
  try {
    return { date: Temporal.PlainDate.from(text.trim()).toString() };
  } catch {
    throw new Expected(
      Exit.usage,
      `'${text}' isn't a span of time`,
      "today, yesterday, 30d, 12w, 1y or 2026-01-31",
    );
  }
}

/** A time of the past: `14:05` today, `2026-11-22 14:05`, or an RFC 3339 time. @returns its text, trimmed and sound */
export function pastTime(text: string): string {
  const trimmed = text.trim();
  const known =
    /^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(trimmed) ||
    /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.test(trimmed);
  if (known) return trimmed;
  throw new Expected(Exit.usage, `'${text}' isn't a time`, "14:05, or 2026-11-22 14:05");
}

/** A whole number. */
export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text.trim()) && value >= least && value <= most) return value;
    throw new Expected(Exit.usage, `must be a whole number from ${least} to ${most}, not '${text}'`);
  };
}

/** An option that is repeated, or has commas: `--tag a --tag b,c` */
export function list(text: string, before: unknown): string[] {
  const all = text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
  return [...((before as string[] | undefined) ?? []), ...all];
}

/** No place on Earth is further from UTC. */
const FURTHEST_OFFSET_MIN = 14 * 60;

/** An instant with the offset of local time there and then, in minutes east. */
export type Moment = { wall: number; offset: number };

/**
 * A time as it was typed: one without an offset is local time here, one without a date is of `day`. Of an hour that is
 * repeated when clocks are set back it is the first.
 * @throws Expected 2 for a time that there isn't, also because clocks were set forward over it
 */
export const momentOf = (text: string, day: string): Moment => momentsOf(text, day)[0];

/** All that a time as it was typed can mean, in order: two in an hour that is repeated. Else as {@link momentOf}. */
export function momentsOf(text: string, day: string): [Moment, ...Moment[]] {
  const [, date = day, clock = "", offset] =
    /^(?:(\d{4}-\d\d-\d\d)[ T])?(\d?\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const local = `${date}T${clock.replace(/^\d:/, "0$&")}`;
  try {
    const zone = offset === undefined ? Temporal.Now.timeZoneId() : offset === "Z" ? "UTC" : offset;
    const typed = Temporal.PlainDateTime.from(local);
    const [first, second] = (["earlier", "later"] as const)
      .map((disambiguation) => typed.toZonedDateTime(zone, { disambiguation }))
      // Where clocks are set forward both are times beside it.
      .filter((at) => at.toPlainDateTime().equals(typed))
      .map((at) => ({ wall: at.epochMilliseconds, offset: Math.round(at.offsetNanoseconds / 60e9) }));
    if (first && second && Math.abs(first.offset) <= FURTHEST_OFFSET_MIN) {
      return first.wall === second.wall ? [first] : [first, second];
    }
  } catch {
    // No day, hour or zone of that name.
  }
  throw new Expected(Exit.usage, `there is no such time as '${text}'`, "14:05, or 2026-11-22 14:05");
}
