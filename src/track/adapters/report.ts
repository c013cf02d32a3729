import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { dayText, localDay, mondayOf } from "../../kernel/core/local-time.ts";
import { csvLine, guarded } from "../../kernel/csv.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { writeText } from "../../kernel/exchange.ts";
import type { Output } from "../../kernel/output.ts";
import type { Database } from "../../kernel/runtime.ts";
import { terminalWidth } from "../../kernel/table.ts";
import { type Bar, bars } from "../../kernel/tui/charts.ts";
import { categories } from "../core/categories.ts";
import { piecesOf } from "../core/day-line.ts";
import {
  type By,
  type Findings,
  type Group,
  groupsOf,
  type Totals,
  totalsOf,
  WITHOUT,
} from "../core/groups.ts";
import { dayName } from "../core/report.ts";
import type { Piece } from "../core/view.ts";
import { dayLine, stretchOfDay } from "../tui/day-line.ts";
import { findings } from "./findings.ts";
import { type Range, rangeOf } from "./range.ts";
import { rangeText, timeOf } from "./range-text.ts";
import { settings } from "./settings.ts";
import { looksOf, textOf } from "./usage.ts";

/** Groups that a person is shown: of titles there may be thousands. */
const MOST_GROUPS = 20;
/** Days that a person is shown one by one. */
const MOST_DAYS = 60;
const WIDEST = 100;

/**
 * `stint track report`
 * @throws Expected 2 for a time or flags that contradict each other, 74 for a file that can't be written
 */
export async function report(context: Context, options: Options): Promise<number> {
  const { output, profile } = context;
  checkApart(options);
  const now = systemClock.wall();
  const range = rangeOf(options, "today", now);
  const { html, csv, by, project, tag } = options as {
    html?: string;
    csv?: boolean;
    by?: By;
    project?: string;
    tag?: readonly string[];
  };
  const question = { profile, range, filter: { project, tags: tag } };
  if (html !== undefined) {
    const { htmlReport } = await import("./html/report.ts");
    const { text, found } = await htmlReport(question, now);
    if (writeText(output, html, [text])) {
      output.emit({ type: "report", profile, ...timeOf(found), html }, () => `written to ${html}`);
    }
    return Exit.ok;
  }

  // Reading the configuration loads its parser: only where something is to be sorted.
  const category = by === "category" ? categories((await settings()).track.categories) : () => "";
  const drawn = !output.json && !csv;
  const read = await findings(question, now, (db, found) => (drawn ? lineOf(db, found) : undefined));
  const found = read?.found ?? { ...range, spans: [], windows: [], input: [] };
  const lists = (by === undefined ? (["project", "app"] as const) : [by]).map((each) => ({
    by: each,
    groups: groupsOf(found, each, category),
  }));
  if (csv) {
    for (const line of csvOf(lists)) output.text(line);
    return Exit.ok;
  }
  const totals = totalsOf(found);
  const named =
    by === undefined
      ? Object.fromEntries(lists.map((list) => [`by_${list.by}`, list.groups]))
      : { by, groups: lists[0]?.groups };
  output.emit({ type: "report", profile, ...timeOf(found), totals, ...named }, () =>
    people(output, { found, totals, lists, line: read?.more }),
  );
  return Exit.ok;
}

/** The page has work by all that there is, and stdout takes one format. */
function checkApart(options: Options): void {
  const apart = [
    ["html", "csv"],
    ["html", "by"],
    ["csv", "json"],
    ...(options["html"] === "-" ? [["html", "json"]] : []),
  ];
  const both = apart.find((names) => names.every((name) => options[name] !== undefined));
  if (!both) return;
  const [one, other] = both.map((name) => `--${name}`);
  throw new Expected(Exit.usage, `${one} and ${other} contradict each other`, "give one of them");
}

/** The first and the last local day of a time. */
function daysOf(range: Range): { first: number; last: number } {
  const last = range.to - 1;
  return { first: localDay(range.from, localOffset(range.from)), last: localDay(last, localOffset(last)) };
}

/** What was when on the one day of a report; nothing where there are more. */
function lineOf(db: Database, found: Findings): Piece[] | undefined {
  const { first, last } = daysOf(timeOf(found));
  if (first !== last) return undefined;
  const text = textOf(db);
  const looked = looksOf(db, found.spans);
  return piecesOf(found.spans, (span) =>
    (looked.get(span) ?? []).map(({ app, from, to }) => ({ app: text(app), from, to })),
  );
}

type List = { by: By; groups: readonly Group[] };

function* csvOf(lists: readonly List[]): Generator<string> {
  yield csvLine(["by", "name", "hours", "ms", "share", "keys", "clicks"]);
  for (const { by, groups } of lists) {
    for (const { key, ms, share, keys, clicks } of groups) {
      const hours = (ms / 3_600_000).toFixed(4);
      const count = (value: number | undefined) => (value === undefined ? "" : String(value));
      const name = guarded(key ?? "");
      yield csvLine([by, name, hours, String(ms), share.toFixed(4), count(keys), count(clicks)]);
    }
  }
}

const WHOLE = new Intl.NumberFormat("en-US");

function people(
  output: Output,
  given: { found: Findings; totals: Totals; lists: readonly List[]; line: readonly Piece[] | undefined },
): string {
  const { found, totals, lists, line } = given;
  const width = Math.min(terminalWidth(), WIDEST);
  const heading = (text: string) => output.paint(2, text);
  const range = timeOf(found);
  const { first, last } = daysOf(range);
  const said = [
    `${spokenDuration(totals.worked_ms)} worked`,
    `${spokenDuration(totals.paused_ms)} paused`,
    `${spokenDuration(totals.afk_ms)} away`,
    `${WHOLE.format(totals.keys)} keys`,
    `${WHOLE.format(totals.clicks)} ${totals.clicks === 1 ? "click" : "clicks"}`,
  ];
  const sections: string[][] = [[`${heading(rangeText(range))}  ${said.join("  ")}`]];
  if (line && line.length > 0) {
    const apps = groupsOf(found, "app", () => "").flatMap(({ key }) => (key === null ? [] : [{ app: key }]));
    const day = dayText(first);
    sections.push(dayLine(line, stretchOfDay(day, line), apps, width, true));
  }
  const byDay = lists.some(({ by }) => by === "day");
  if ((first < last && lists.length > 1) || byDay) {
    const days = dayBars(
      groupsOf(found, "day", () => ""),
      { first, last },
      width,
      heading,
    );
    if (days.length > 0) sections.push(days);
  }
  for (const { by, groups } of lists) {
    if (by === "day" || groups.length === 0) continue;
    const shown = by === "hour" ? groups : groups.slice(0, MOST_GROUPS);
    const left = groups.length - shown.length;
    const rows = bars(
      shown.map((group) => barOf(by, group)),
      width,
    );
    const more = left > 0 ? [heading(`and ${WHOLE.format(left)} more: --json or --csv has all`)] : [];
    sections.push([heading(`by ${by}`), ...rows, ...more]);
  }
  if (totals.worked_ms === 0) sections.push(["no work in this time"]);
  return sections.map((rows) => rows.map((row) => row.trimEnd()).join("\n")).join("\n\n");
}

const barOf = (by: By, { key, ms, share }: Group): Bar => ({
  label: key === null ? WITHOUT[by] : by === "hour" ? `${key}:00` : key,
  value: ms,
  text: `${spokenDuration(ms)}  ${Math.round(share * 100)} %`,
});

/**
 * A bar for each day of a time, or each week with work and those between where these are too many. What was tracked
 * far away may lie in a day before or after.
 */
function dayBars(
  groups: readonly Group[],
  { first, last }: { first: number; last: number },
  width: number,
  heading: (text: string) => string,
): string[] {
  const worked = new Map(groups.map(({ key, ms }) => [localDay(Date.parse(key ?? ""), 0), ms]));
  const weekly = last - first >= MOST_DAYS;
  const days = [...worked.keys(), ...(weekly ? [] : [first, last])];
  if (days.length === 0) return [];
  const rows = new Map<number, number>();
  for (let day = Math.min(...days); day <= Math.max(...days); day++) {
    const row = weekly ? mondayOf(day) : day;
    rows.set(row, (rows.get(row) ?? 0) + (worked.get(day) ?? 0));
  }
  const items = [...rows].map(([day, ms]) => ({
    label: weekly ? `week of ${dayText(day)}` : dayName(day),
    value: ms,
    text: ms > 0 ? spokenDuration(ms) : "",
  }));
  return [heading(weekly ? "by week" : "by day"), ...bars(items, width)];
}
