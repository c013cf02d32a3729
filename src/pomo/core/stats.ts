import { dayText, localDay, mondayOf } from "../../kernel/core/local-time.ts";
import type { Interval } from "./history.ts";

/** What a profile's history comes to today: sent with every state, so it is small. */
export type Overview = {
  /** The local date that it is for. */
  date: string;
  today: { completed: number; interrupted: number; focus_ms: number; goal: number };
  /** Days in a row, up to today or yesterday, with a completed WORK. */
  streak_days: number;
  /** Completed WORK of this week's days, Monday first. */
  week: readonly number[];
  /** Completed WORK of the days up to today, oldest first: 53 weeks, from a Monday on. */
  year: readonly number[];
  /** Open tasks, the newest last. */
  tasks: readonly { id: number; title: string; estimate: number | null; completed: number }[];
};

/** What counting needs of a row of history. */
export type Counted = Pick<Interval, "type" | "started_at" | "utc_offset_min" | "elapsed_ms" | "outcome">;

/** What WORK came to; `focus_ms` is how long its timers ran, interrupted ones too. */
export type Tally = { completed: number; interrupted: number; focus_ms: number };

const nothing = (): Tally => ({ completed: 0, interrupted: 0, focus_ms: 0 });

function count(tally: Tally, { elapsed_ms, outcome }: Counted): void {
  tally[outcome]++;
  tally.focus_ms += elapsed_ms;
}

/** WORK by its local day, a count from 1970-01-01; days without any have no entry. */
function byDay(rows: Iterable<Counted>): Map<number, Tally> {
  const days = new Map<number, Tally>();
  for (const row of rows) {
    if (row.type !== "WORK") continue;
    const day = localDay(row.started_at, row.utc_offset_min);
    const tally = days.get(day) ?? nothing();
    days.set(day, tally);
    count(tally, row);
  }
  return days;
}

/** The first day of the year that {@link Overview} shows. */
export const yearBegins = (today: number): number => mondayOf(today) - 52 * 7;

/** Days in a row on which `worked` holds, up to today, or to yesterday while today has none. */
function streakTo(today: number, worked: (day: number) => boolean): number {
  const last = worked(today) ? today : today - 1;
  let day = last;
  while (worked(day)) day--;
  return last - day;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

/**
 * @param given.rows history from {@link yearBegins} on, in any order; what is older or of breaks isn't counted
 * @param given.earlier whether a day before that has a completed WORK: a streak may be longer than the year
 * @param given.wall UTC ms; `offset` is that of local time, in minutes east
 */
export function overview(given: {
  rows: readonly Counted[];
  earlier?: (day: number) => boolean;
  tasks: Overview["tasks"];
  goal: number;
  wall: number;
  offset: number;
}): Overview {
  const { rows, earlier = () => false, tasks, goal, wall, offset } = given;
  const today = localDay(wall, offset);
  const first = yearBegins(today);
  const monday = mondayOf(today);
  const days = byDay(rows);
  const completed = (day: number): number => days.get(day)?.completed ?? 0;
  return {
    date: dayText(today),
    today: { ...(days.get(today) ?? nothing()), goal },
    streak_days: streakTo(today, (day) => (day < first ? earlier(day) : completed(day) > 0)),
    week: range(monday, monday + 6).map(completed),
    year: range(first, today).map(completed),
    tasks,
  };
}

/** That of a profile with nothing in it yet. */
export const emptyOverview = (now: { goal: number; wall: number; offset: number }): Overview =>
  overview({ rows: [], tasks: [], ...now });

/** What a span of history comes to. */
export type Stats = {
  totals: Tally;
  today: Tally;
  streak_days: number;
  longest_streak_days: number;
  /** Every day of the span, oldest first, from the first that has something on. */
  days: readonly (Tally & { date: string })[];
  /** By what was worked on, the longest first; `null` is WORK on nothing in particular. */
  tasks: readonly (Tally & { task_id: number | null; task: string | null })[];
};

/** A row of history with what it was on. */
type OnTask = Counted & Pick<Interval, "task" | "task_id">;

/** What of a history is asked for: nothing, or a task by its number (`#7`) or title, and one of some tags. */
export type Filter = { task?: string | undefined; tags?: readonly string[] | undefined };

/** Whether a row is asked for; titles and tags in any case, the task `none` for what was on none. */
export function isWanted({ task, task_id, tags }: Interval, { task: asked, tags: oneOf }: Filter): boolean {
  const lower = (text: string): string => text.trim().toLowerCase();
  const has = (tag: string): boolean => tags.some((each) => lower(each) === lower(tag));
  if (oneOf !== undefined && !oneOf.some(has)) return false;
  if (asked === undefined) return true;
  if (task === null) return lower(asked) === "none";
  return lower(task) === lower(asked) || (task_id !== null && asked.trim() === `#${task_id}`);
}

/**
 * @param rows the whole history, oldest first: streaks don't end where the span begins
 * @param since the first day of the span
 */
export function stats(rows: readonly OnTask[], since: number, today: number): Stats {
  const days = byDay(rows);
  const worked = (day: number): boolean => (days.get(day)?.completed ?? 0) > 0;
  const inSpan = (day: number): boolean => day >= since && day <= today;
  const span = [...days.keys()].filter(inSpan);
  const totals = nothing();
  for (const row of rows) {
    if (row.type === "WORK" && inSpan(localDay(row.started_at, row.utc_offset_min))) count(totals, row);
  }
  return {
    totals,
    today: days.get(today) ?? nothing(),
    streak_days: streakTo(today, worked),
    longest_streak_days: longestStreak([...days.keys()].filter(worked)),
    days: range(Math.min(...span, Math.max(since, today)), today).map((day) => ({
      date: dayText(day),
      ...(days.get(day) ?? nothing()),
    })),
    tasks: byTask(rows.filter((row) => inSpan(localDay(row.started_at, row.utc_offset_min)))),
  };
}

/** The most days in a row among these. */
function longestStreak(days: readonly number[]): number {
  let longest = 0;
  let length = 0;
  let before = Number.NaN;
  for (const day of days.toSorted((a, b) => a - b)) {
    length = day === before + 1 ? length + 1 : 1;
    longest = Math.max(longest, length);
    before = day;
  }
  return longest;
}

/** A task is known by its id, whatever it was called at the time; what has none, by its title. */
function byTask(rows: readonly OnTask[]): Stats["tasks"] {
  const tasks = new Map<string, Tally & { task_id: number | null; task: string | null }>();
  for (const row of rows) {
    if (row.type !== "WORK") continue;
    const { task_id, task } = row;
    const key = task_id === null ? `title ${task?.toLowerCase() ?? ""}` : `id ${task_id}`;
    const tally = tasks.get(key) ?? { task_id, task, ...nothing() };
    tasks.set(key, tally);
    tally.task = task;
    count(tally, row);
  }
  return [...tasks.values()].sort((a, b) => b.focus_ms - a.focus_ms);
}

/** The first day of a span that was asked for: so many days up to today, or from a date on. */
export function sinceDay(span: { days: number } | { date: string }, today: number): number {
  if ("days" in span) return today - span.days + 1;
  return Temporal.PlainDate.from("1970-01-01").until(span.date).days;
}
