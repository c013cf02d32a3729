/** What the screen says, as text. */

import { clockText, durationText, spokenDuration } from "../../kernel/core/duration.ts";
import { type Bar, sparkline } from "../../kernel/tui/charts.ts";
import { cells, fit } from "../../kernel/tui/text.ts";
import type { SessionType } from "../core/history.ts";
import type { Overview } from "../core/stats.ts";
import type { PomoView } from "../core/view.ts";

/** What a host pushes: the pomodoro, and the session's own fields. */
export type View = PomoView & {
  state: string;
  pending?: string;
  /** What the host has to do without for now. */
  degraded?: readonly string[];
  /** False while no host is alive and what is shown was read from the store. */
  host?: boolean;
};

const TYPE_NAMES: Readonly<Record<SessionType, string>> = {
  WORK: "work",
  SHORT_BREAK: "break",
  LONG_BREAK: "long break",
};
export const typeName = (type: SessionType | null): string => (type ? TYPE_NAMES[type] : "");

/** The hour and minute of an instant (UTC ms) where the terminal is. */
export function hourMinute(wall: number): string {
  const date = new Date(wall);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** Whether there is no session: none yet, or it was stopped. */
export const isOver = ({ state, session_type }: View): boolean =>
  state === "stopped" || session_type === null;

/** Whether the interval is over and the next hasn't begun. */
export const isStanding = ({ completed, finished_away_at }: View): boolean =>
  completed || finished_away_at !== null;

/** Whether it came to its end while nobody was there, and it is open whether it counts. */
export const isAway = (view: View): boolean => view.finished_away_at !== null && !isOver(view);

/** Whether it runs or is on its way there; without a host nothing does, until somebody asks for it. */
export const wantsToRun = ({ ticking, pending, host }: View): boolean =>
  host !== false && (pending === "resuming" || (ticking && pending !== "pausing"));

/** What the title says of it: never more than a word or two. */
export function stateWord(view: View): string {
  if (view.pending) return `${view.pending}…`;
  if (view.state !== "stopped" && isStanding(view)) return view.completed ? "done" : "finished away";
  return view.state;
}

/** `WORK 24:31 write the report`: all of it in a row. @param remaining ms */
export function rowText(view: View, remaining: number): string {
  if (isOver(view)) return "stopped";
  const word = view.ticking && !view.pending ? [] : [stateWord(view)];
  const type = typeName(view.session_type).toUpperCase();
  return [type, clockText(remaining), ...word, ...(view.task === null ? [] : [view.task])].join(" ");
}

/** `short · 25 / 5 / 15`: in minutes, where they are. */
export function presetText({ preset, work_ms, break_ms, long_break_ms }: View): string {
  const lengths = [work_ms, break_ms, long_break_ms];
  const minutes = lengths.every((ms) => ms % 60_000 === 0);
  const shown = lengths.map((ms) => (minutes ? String(ms / 60_000) : durationText(ms)));
  return `${preset ?? ""} · ${shown.join(" / ")}`;
}

/** More dots than these are not counted at a glance. */
const MOST_DOTS = 16;

/** `●●●○○`: what was done against the goal; nothing where that would be too many. */
function dots({ completed, goal }: Overview["today"]): string {
  if (Math.max(completed, goal) > MOST_DOTS) return "";
  return "●".repeat(completed) + "○".repeat(Math.max(0, goal - completed));
}

/** What was done today, and the streak behind it where there is room for both: else it is a text of its own. */
export function todayTexts(
  { today, streak_days }: Overview,
  width: number,
): { today: string; streak?: string } {
  const { completed, interrupted, goal, focus_ms } = today;
  const done = goal > 0 && dots(today) === "" ? `${completed} of ${goal} done` : `${completed} done`;
  const focus = spokenDuration(focus_ms).replace(/(?<=h \d+) min$/, "");
  const words = `${done} · ${interrupted} interrupted · ${focus} focus`;
  const drawn = dots(today) === "" ? words : `${dots(today)}  ${words}`;
  const text = cells(drawn) <= width ? drawn : words;
  const days = `${streak_days} ${streak_days === 1 ? "day" : "days"}`;
  const streak = `streak ${days}`;
  const room = width - cells(text) - 2;
  return cells(streak) <= room
    ? { today: `${text}  ${fit(streak, room, "right")}` }
    : { today: text, streak: days };
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

/** Of which of this week's days nothing is known yet, from Monday as 0. */
const tomorrow = ({ date }: Overview): number => Temporal.PlainDate.from(date).dayOfWeek;

/** The days of this week with what was completed on them; those to come are empty. */
export const weekDays = (overview: Overview): Bar[] =>
  DAYS.map((label, day) => ({
    label,
    value: overview.week[day] ?? 0,
    ...(day < tomorrow(overview) ? {} : { text: "" }),
  }));

/** `▂▅▇▃█    Mon 4  Tue 7 …`: the week in one row. */
export function weekText(overview: Overview, width: number): string {
  const days = weekDays(overview).slice(0, tomorrow(overview));
  const bars = sparkline(
    days.map(({ value }) => value),
    days.length,
    { min: 0 },
  ).padEnd(DAYS.length);
  const named = (letters: number) =>
    `${bars}   ${days.map(({ label, value }) => `${label.slice(0, letters)} ${value}`).join("  ")}`;
  return cells(named(3)) <= width ? named(3) : named(1);
}
