import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { dayText, localDay } from "../../kernel/core/local-time.ts";
import { Exit } from "../../kernel/errors.ts";
import type { Output } from "../../kernel/output.ts";
import { readStore } from "../../kernel/store.ts";
import { terminalWidth } from "../../kernel/table.ts";
import { type Bar, bars } from "../../kernel/tui/charts.ts";
import { HEAT_LEVELS, heatMap } from "../core/heat-map.ts";
import { isWanted, overview, type Stats, sinceDay, stats, type Tally } from "../core/stats.ts";
import { history, schema } from "./journal.ts";
import { filterOf } from "./log.ts";

/** `stint pomo stats` */
export async function showStats({ output, profile }: Context, options: Options): Promise<number> {
  const wall = systemClock.wall();
  const offset = localOffset(wall);
  const today = localDay(wall, offset);
  const span = (options["since"] as { days: number } | { date: string } | undefined) ?? { days: 30 };
  const since = sinceDay(span, today);
  const filter = filterOf(options);
  const all = (await readStore([schema], (db) => history(db, profile))) ?? [];
  const rows = all.filter((row) => isWanted(row, filter));
  const found = stats(rows, since, today);
  const { totals, ...rest } = found;
  output.emit({ type: "stats", profile, since: dayText(since), ...totals, ...rest }, () => {
    const { year, date } = overview({ rows, tasks: [], goal: 0, wall, offset });
    const map = year.some((count) => count > 0) ? heatMap(year, date, terminalWidth()) : [];
    return people(output, found, map, dayText(since));
  });
  return Exit.ok;
}

const said = ({ completed, interrupted, focus_ms }: Tally): string =>
  `${completed} done, ${interrupted} interrupted, ${spokenDuration(focus_ms)} of focus`;

const days = (count: number): string => `${count} ${count === 1 ? "day" : "days"}`;

/** What the words above count. */
const NOTES = ["focus: all work, also interrupted", "streak: days in a row with at least one completed"];

function people(output: Output, found: Stats, map: readonly string[], since: string): string {
  const width = Math.min(terminalWidth(), 100);
  const heading = (text: string) => output.paint(2, text);
  const weekly = found.days.length > LONGEST_DAILY;
  const perTask = found.tasks.map(({ task, completed, focus_ms }) => ({
    label: task ?? "no task",
    value: focus_ms,
    text: `${completed}  ${spokenDuration(focus_ms)}`,
  }));
  return [
    `today   ${said(found.today)}`,
    `streak  ${days(found.streak_days)}, the longest ${days(found.longest_streak_days)}`,
    `total   ${said(found.totals)} since ${since}`,
    "",
    heading(`completed a ${weekly ? "week" : "day"}`),
    ...bars(weekly ? weeks(found.days) : found.days.map(dayBar), width),
    ...(perTask.length > 0 ? ["", heading("by task"), ...bars(perTask, width)] : []),
    ...(map.length > 0
      ? ["", heading("the year: a column a week"), ...map, `    less ${HEAT_LEVELS.join(" ")} more`]
      : []),
    "",
    ...NOTES.map(heading),
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
