import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { Exit } from "../../kernel/errors.ts";
import type { Output } from "../../kernel/output.ts";
import { readStore } from "../../kernel/store.ts";
import { type Bar, bars } from "../../kernel/tui/charts.ts";
import { spokenDuration } from "../core/duration.ts";
import { dayText, localDay } from "../core/history.ts";
import { overview, type Stats, sinceDay, stats, type Tally } from "../core/stats.ts";
import { history, schema } from "./journal.ts";
import { terminalWidth } from "./table.ts";

/** `stint pomo stats` */
export async function showStats({ output, profile }: Context, options: Options): Promise<number> {
  const wall = systemClock.wall();
  const offset = localOffset(wall);
  const today = localDay(wall, offset);
  const span = (options["since"] as { days: number } | { date: string } | undefined) ?? { days: 30 };
  const since = sinceDay(span, today);
  const rows = (await readStore([schema], (db) => history(db, profile))) ?? [];
  const found = stats(rows, since, today);
  const { totals, ...rest } = found;
  output.emit({ type: "stats", profile, since: dayText(since), ...totals, ...rest }, () => {
    const { year } = overview({ rows, tasks: [], goal: 0, wall, offset });
    return people(output, found, year, dayText(since));
  });
  return Exit.ok;
}

const said = ({ completed, interrupted, focus_ms }: Tally): string =>
  `${completed} done, ${interrupted} interrupted, ${spokenDuration(focus_ms)} of focus`;

const days = (count: number): string => `${count} ${count === 1 ? "day" : "days"}`;

function people(output: Output, found: Stats, year: readonly number[], since: string): string {
  const width = Math.min(terminalWidth(), 100);
  const heading = (text: string) => output.paint(2, text);
  const weekly = found.days.length > LONGEST_DAILY;
  const perTask = found.tasks.map(({ task, completed, focus_ms }) => ({
    label: task ?? "no task",
    value: focus_ms,
    text: `${completed}  ${spokenDuration(focus_ms)}`,
  }));
  const map = heatMap(year);
  const wide = terminalWidth() >= cellsWide(map);
  return [
    `today   ${said(found.today)}`,
    `streak  ${days(found.streak_days)}, the longest ${days(found.longest_streak_days)}`,
    `total   ${said(found.totals)} since ${since}`,
    "",
    heading(`completed a ${weekly ? "week" : "day"}`),
    ...bars(weekly ? weeks(found.days) : found.days.map(dayBar), width),
    ...(perTask.length > 0 ? ["", heading("by task"), ...bars(perTask, width)] : []),
    ...(wide && year.some((count) => count > 0)
      ? ["", heading("the year: a column a week, █ for the most"), ...map]
      : []),
  ]
    .map((line) => line.trimEnd())
    .join("\n");
}

/** More days than this are shown by the week. */
const LONGEST_DAILY = 60;

const dayBar = ({ date, completed }: Stats["days"][number]): Bar => ({
  label: `${weekday(date)} ${date}`,
  value: completed,
});

function weeks(days: Stats["days"]): Bar[] {
  const all: { label: string; value: number }[] = [];
  for (const { date, completed } of days) {
    if (all.length === 0 || weekday(date) === "Mon") all.push({ label: `week of ${date}`, value: 0 });
    const week = all.at(-1);
    if (week) week.value += completed;
  }
  return all;
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const weekday = (date: string): string => WEEKDAYS[Temporal.PlainDate.from(date).dayOfWeek - 1] ?? "";

const SHADES = "·░▒▓█";

/** A row a day of the week, a column a week; the more was completed, the darker. */
function heatMap(year: readonly number[]): string[] {
  const most = Math.max(1, ...year);
  const shade = (count: number) => SHADES[Math.ceil((count / most) * (SHADES.length - 1))];
  return WEEKDAYS.map((name, row) => {
    const column = year.filter((_, day) => day % 7 === row).map(shade);
    return `${name}  ${column.join("")}`;
  });
}

const cellsWide = (lines: readonly string[]): number => Math.max(...lines.map((line) => line.length));
