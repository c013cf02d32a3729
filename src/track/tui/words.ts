/** What the screen says, as text. */

import { spokenDuration } from "../../kernel/core/duration.ts";
import { type Bar, sparkline } from "../../kernel/tui/charts.ts";
import { cells, cut, fit } from "../../kernel/tui/text.ts";
import type { Tone } from "../../kernel/tui/theme.ts";
import { outwardState } from "../core/line.ts";
import type { Times } from "../core/span.ts";
import { TRACKERS, type TrackerView } from "../core/trackers.ts";
import { emptyDay, emptyView, type Pushed } from "../core/view.ts";

/** Pause or resume: by name and not toggled, so that it does what it says, also when somebody else was quicker. */
export type Wish = "pause" | "resume";

/** What is shown of a session that nothing is known of yet. */
export const unknownView = (): Pushed => ({
  v: 1,
  state: "stopped",
  session_id: null,
  profile: "",
  degraded: [],
  ...emptyView(emptyDay(Temporal.Now.plainDateISO().toString()), 0),
});

const WHOLE = new Intl.NumberFormat("en-US");
/** `18,204` */
export const grouped = (count: number): string => WHOLE.format(Math.round(count));

/** The hour and minute of an instant (UTC ms) where the terminal is. */
export function hourMinute(wall: number): string {
  const date = new Date(wall);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** `4:12:07`: how long it has been by now. */
export function stopwatch(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** The first parts that fit in `width` cells, with a dot between each two. */
export function dotted(parts: readonly string[], width: number): string {
  let row = parts[0] ?? "";
  for (const part of parts.slice(1)) {
    const longer = `${row} · ${part}`;
    if (cells(longer) > width) break;
    row = longer;
  }
  return cut(row, width);
}

/** Whether there is no session that could go on. */
export const isOver = ({ state, host, resumable }: Pushed): boolean =>
  (state === "stopped" || host === false) && !(host === false && resumable);

/** Whether a host is alive, and its session isn't over. */
export const isLive = ({ state, host }: Pushed): boolean => host !== false && state !== "stopped";

/** Whether it runs or is on its way there; without a host nothing does, until somebody asks for it. */
export const wantsToRun = ({ state, pending, host }: Pushed): boolean =>
  host !== false && (pending === "resuming" || (state !== "paused" && pending !== "pausing"));

/** What the title says of it: a word. */
export function stateWord(view: Pushed): string {
  if (view.pending) return `${view.pending}…`;
  if (view.host === false) return view.crashed ? "crashed" : "stopped";
  return view.going === "away" ? "away" : outwardState(view);
}

/** The tone of that. */
export function stateTone(view: Pushed): Tone {
  const word = stateWord(view);
  if (word === "running") return "running";
  return word === "crashed" ? "failed" : word === "stopped" ? "secondary" : "waiting";
}

export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** `web +billable`; nothing where there is neither. */
export const effortText = ({ project, tags }: Pick<Pushed, "project" | "tags">): string =>
  [...(project === null ? [] : [project]), ...tags.map((tag) => `+${tag}`)].join(" ");

/** `web site +billable +urgent`, as it is typed. @returns undefined where nothing was; a name left out stays as it is */
export function parseEffort(
  text: string,
  now: string | null,
): { project: string | null; tags: string[] } | undefined {
  const words = text.split(/\s+/u).filter((word) => word !== "");
  if (words.length === 0) return undefined;
  const isTag = (word: string) => word.length > 1 && word.startsWith("+");
  const tags = [...new Set(words.filter(isTag).map((word) => word.slice(1)))];
  const name = words.filter((word) => !isTag(word)).join(" ");
  return { project: name === "" ? now : name === "none" ? null : name, tags };
}

/** `4:12:07 worked · 31 min paused · 22 min away` */
export const timesTexts = ({ worked_ms, paused_ms, afk_ms }: Times): string[] => [
  `${stopwatch(worked_ms)} worked`,
  `${spokenDuration(paused_ms)} paused`,
  `${spokenDuration(afk_ms)} away`,
];

/** `6 h 2 min worked · 58 min paused · 22 min away`, over all sessions of the day; and the pictures of this one. */
export const todayTexts = ({ today, screenshots }: Pushed): string[] => [
  `${spokenDuration(today.worked_ms)} worked`,
  `${spokenDuration(today.paused_ms)} paused`,
  `${spokenDuration(today.afk_ms)} away`,
  ...(screenshots > 0 ? [`${grouped(screenshots)} screenshots in this session`] : []),
];

/** How long the user has looked at it, ms; undefined while nobody knows. @param passed ms since it was true */
function lookedFor({ app_since, as_of, going }: Pushed, passed: number): number | undefined {
  if (app_since === null) return undefined;
  return Math.max(0, as_of - app_since + (going === "work" ? passed : 0));
}

/** What the user looks at, and why nothing is known where that is so. */
export function nowText(view: Pushed, passed: number, width: number): string {
  const { app, title, going, going_since, trackers } = view;
  if (!isLive(view)) return "nothing is watched";
  const since = going_since === null ? "" : ` since ${hourMinute(going_since)}`;
  if (going === "pause") return cut(`paused${since}: nothing watches`, width);
  if (going === "away") return cut(`nobody is there${since}`, width);
  if (app === null) return trackers.apps.state === "ok" ? "no window" : "the apps aren't watched";
  const looked = lookedFor(view, passed);
  const length = looked === undefined ? "" : `  ${spokenDuration(looked)}`;
  const what = title === null || title === "" ? app : `${app} — ${title}`;
  return fit(what, width - cells(length)) + length;
}

/** `▁▂▃▅▇▆▅▃▂  62 this minute   18,204 today`: the minutes that there is room for. */
export function countText(minutes: readonly number[], today: number, width: number): string {
  const text = `${grouped(minutes.at(-1) ?? 0).padStart(5)} this minute  ${grouped(today).padStart(8)} today`;
  const room = Math.max(0, width - cells(text) - 1);
  const shown = minutes.slice(Math.max(0, minutes.length - room));
  return fit(`${sparkline(shown, shown.length, { min: 0 })} ${text}`, width);
}

/** `away 12:03–12:41 (38 min)` */
export const awayText = ({ from, to }: { from: number; to: number }): string =>
  `away ${hourMinute(from)}–${hourMinute(to)} (${spokenDuration(to - from)})`;

/** A tracker, and what it has come to. */
export type TrackerText = { readonly text: string; readonly tone: Tone };

const trackerTones = {
  ok: "plain",
  off: "secondary",
  unavailable: "waiting",
  failed: "failed",
  hung: "failed",
} as const satisfies Record<TrackerView["state"], Tone>;

/** What watches, by its name: the trackers, and what tells whether anybody is there. */
const watchers = ({ trackers, idle }: Pushed): [string, TrackerView][] => [
  ...TRACKERS.map((name): [string, TrackerView] => [name, trackers[name]]),
  ["idle", idle],
];

/** In the order in which they matter, where not all can be told. */
const TRACKER_STATES = ["failed", "hung", "unavailable", "ok", "off"] as const;

/** The watchers' states for one row: with their reasons in what room is left, or by state where names repeat too much. */
export function trackerTexts(view: Pushed, width: number): TrackerText[] {
  const shown = watchers(view).filter(
    ([name, { state }]) => name !== "idle" || !["ok", "off"].includes(state),
  );
  const words = shown.map(([name, { state }]) => `${name} ${state}`);
  const reasons = shown.filter(([, { reason }]) => reason !== null).length;
  const room = width - cells(words.join(" · ")) - 3 * reasons;
  if (cells(words.join(" · ")) > width) {
    return TRACKER_STATES.flatMap((state) => {
      const names = shown.filter(([, tracker]) => tracker.state === state).map(([name]) => name);
      return names.length === 0 ? [] : [{ text: `${state}: ${names.join(", ")}`, tone: trackerTones[state] }];
    });
  }
  const each = Math.floor(room / Math.max(1, reasons));
  return shown.map(([, { state, reason }], at) => ({
    text: (words[at] ?? "") + (reason === null || each < 8 ? "" : ` (${cut(reason, each)})`),
    tone: trackerTones[state],
  }));
}

/** The same, a row a watcher. */
export const trackerRows = (view: Pushed, width: number): TrackerText[] =>
  watchers(view).map(([name, { state, via, reason }]) => ({
    text: cut(
      `${fit(name, 13)}${fit(state, 13)}${[via === null ? [] : [`by ${via}`], reason ?? []].flat().join(": ")}`,
      width,
    ),
    tone: trackerTones[state],
  }));

/** `keyboard failed: the display has gone`, of those that are in one of these states. */
export const troubles = (view: Pushed, ...states: readonly TrackerView["state"][]): string[] =>
  watchers(view)
    .filter(([, { state }]) => states.includes(state))
    .map(([name, { state, reason }]) => `${name} ${state}${reason === null ? "" : `: ${reason}`}`);

/** What the session does without, beside what is told of the watchers themselves. */
export function missingParts(view: Pushed): string[] {
  const named = watchers(view).map(([name]) => name);
  return view.degraded.filter((part) => !named.includes(part));
}

/** `running 4:12:07 web`: all of it in a row. */
export function rowText(view: Pushed): string {
  if (isOver(view)) return "stopped";
  return [stateWord(view), stopwatch(view.worked_ms), effortText(view)]
    .filter((text) => text !== "")
    .join(" ");
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);
const LONG_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");

/** The days of a week with what was worked on them; those after `today` are empty. @param date a day of that week */
export function weekDays(week: readonly number[], date: string, today: string): Bar[] {
  const day = Temporal.PlainDate.from(date);
  const monday = day.subtract({ days: day.dayOfWeek - 1 });
  return DAYS.map((name, at) => {
    const each = monday.add({ days: at });
    const ms = week[at] ?? 0;
    const to_come = Temporal.PlainDate.compare(each, Temporal.PlainDate.from(today)) > 0;
    return {
      label: name,
      value: ms,
      text: to_come ? "" : ms === 0 ? "-" : spokenDuration(ms),
    };
  });
}

/** `Friday, 20 November 2026`, `16 November – 22 November 2026, week 47` */
export function daysText(from: string, to: string): string {
  const [first, last] = [Temporal.PlainDate.from(from), Temporal.PlainDate.from(to)];
  const of = (day: Temporal.PlainDate) => `${day.day} ${MONTHS[day.month - 1] ?? ""}`;
  if (from === to) return `${LONG_DAYS[first.dayOfWeek - 1] ?? ""}, ${of(first)} ${first.year}`;
  const week =
    first.dayOfWeek === 1 && first.add({ days: 6 }).equals(last) ? `, week ${last.weekOfYear}` : "";
  const year = first.year === last.year ? "" : ` ${first.year}`;
  return `${of(first)}${year} – ${of(last)} ${last.year}${week}`;
}
