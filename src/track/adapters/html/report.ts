import { localOffset } from "../../../kernel/clock.ts";
import { dayText, localDay, localTime, mondayOf, timeText } from "../../../kernel/core/local-time.ts";
import type { Database } from "../../../kernel/runtime.ts";
import { categories } from "../../core/categories.ts";
import { piecesOf } from "../../core/day-line.ts";
import { type By, type Findings, groupsOf, totalsOf, WITHOUT } from "../../core/groups.ts";
import {
  calendar,
  cutToDay,
  DAY_MS,
  dayName,
  dayOfHour,
  HOUR_MS,
  type Look,
  WEEKDAYS,
} from "../../core/report.ts";
import { type Span, timesOf } from "../../core/span.ts";
import type { Piece } from "../../core/view.ts";
import { findings, type Question } from "../findings.ts";
import { rangeText, timeOf } from "../range-text.ts";
import { settings } from "../settings.ts";
import { bySession, looksOf, textOf } from "../usage.ts";
import { COLOURS, type DayClock, type PageFacts, page } from "./page.ts";

/** For more days than these the lines don't tell apps: it would take all that was seen to be read. */
const DAYS_WITH_APPS = 31;
/** Screenshots on a page, chosen evenly from all there are. */
const MOST_SHOTS = 120;

/** The report as a page, and what it is of. @param now UTC ms */
export async function htmlReport(
  question: Question,
  now: number,
): Promise<{ text: string; found: Findings }> {
  const rules = (await settings()).track.categories;
  const category = categories(rules);
  const label = rules.length > 0 ? category : (app: string) => app;
  const read = await findings(question, now, (db, found) => seen(db, found, label));
  const found = read?.found ?? { ...question.range, spans: [], windows: [], input: [] };
  const { lines = [], sessions = [], shots = [], screenshots = 0 } = read?.more ?? {};

  const groups = (by: By) => groupsOf(found, by, category);
  const projects = groups("project");
  const hasProjects = projects.some(({ key }) => key !== null);
  const hasTags = found.spans.some(({ tags }) => tags.length > 0);
  const sorted: readonly { by: By; heading: string }[] = [
    ...(hasProjects ? [{ by: "project" as const, heading: "Projects" }] : []),
    { by: "app", heading: "Apps" },
    ...(rules.length > 0 ? [{ by: "category" as const, heading: "Categories" }] : []),
    ...(hasTags ? [{ by: "tag" as const, heading: "Tags" }] : []),
  ];
  const bars = sorted.map(({ by, heading }) => ({ heading, without: WITHOUT[by], groups: groups(by) }));
  // What most people want to tell apart: what it was for, else what it was done with.
  const coloured = hasProjects ? "Projects" : rules.length > 0 ? "Categories" : "Apps";
  const names = bars.find(({ heading }) => heading === coloured)?.groups ?? [];
  const { project, tags } = question.filter;
  const text = page({
    when: rangeText(timeOf(found)),
    of: [
      "stint track",
      ...(question.profile === "default" ? [] : [`profile ${question.profile}`]),
      ...(project === undefined ? [] : [`project ${project}`]),
      ...(tags === undefined ? [] : [`tag ${tags.join(", ")}`]),
    ],
    made: `${dayText(localDay(now, localOffset(now)))} ${timeText(now, localOffset(now))}`,
    totals: totalsOf(found),
    colours: {
      by: coloured,
      names: names.flatMap(({ key }) => (key === null ? [] : [key])).slice(0, COLOURS),
      without: hasProjects ? WITHOUT.project : "no app seen",
    },
    days: lines.map(({ day, begins, worked_ms, clock, pieces }) => ({
      day: dayName(day),
      worked_ms,
      clock,
      line: pieces.map(({ piece, offset }) => stretchOf(piece, begins, offset, hasProjects)),
    })),
    bars,
    heat: heatOf(found),
    sessions,
    shots,
    screenshots,
  });
  return { text, found };
}

/** A piece of the line of a day that began at a time, which is as long as the day was; its times by its local clock. */
function stretchOf(
  { from, to, kind, app, project }: Piece,
  begins: number,
  offset: number,
  hasProjects: boolean,
) {
  const what = kind === "work" ? [project, app].filter((name) => name !== null).join(", ") : "";
  const said = { work: "work", pause: "paused", away: "away" }[kind];
  return {
    from: (from - begins) / HOUR_MS,
    to: (to - begins) / HOUR_MS,
    kind,
    name: hasProjects ? project : app,
    said: `${timeText(from, offset)} to ${timeText(to, offset)}: ${what || said}`,
  };
}

function heatOf({ spans }: Findings): number[][] {
  const heat = WEEKDAYS.map(() => Array.from({ length: 24 }, () => 0));
  for (const span of spans) {
    if (span.kind !== "work") continue;
    for (const { n, from, to } of calendar(span, "hour")) {
      const day = dayOfHour(n);
      const row = heat[day - mondayOf(day)];
      if (row) row[n - 24 * day] = (row[n - 24 * day] ?? 0) + to - from;
    }
  }
  return heat;
}

type Line = {
  day: number;
  /** UTC ms. */
  begins: number;
  worked_ms: number;
  clock: DayClock;
  pieces: { piece: Piece; offset: number }[];
};

/** What the page shows beside what is found for every report. */
function seen(db: Database, found: Findings, label: (app: string, title: string | null) => string) {
  const { shots, screenshots } = shotsIn(db, found);
  return { lines: linesOf(db, found, label), sessions: sessionsOf(db, found.spans), shots, screenshots };
}

/** A line for each local day, also where nothing was between two. */
function linesOf(
  db: Database,
  { spans }: Findings,
  label: (app: string, title: string | null) => string,
): Line[] {
  const days = new Map<number, Span[]>();
  for (const span of spans) {
    for (const { n } of calendar(span, "day")) {
      const all = days.get(n) ?? [];
      days.set(n, all);
      const cut = cutToDay(span, n);
      if (cut) all.push(cut);
    }
  }
  const text = textOf(db);
  const withApps = days.size <= DAYS_WITH_APPS;
  const lines: Line[] = [];
  const [first, last] = [Math.min(...days.keys()), Math.max(...days.keys())];
  for (let day = first; day <= last; day++) {
    const all = days.get(day) ?? [];
    // A long time is a list of the days that have something on them.
    if (all.length === 0 && last - first >= DAYS_WITH_APPS) continue;
    const looked = withApps ? looksOf(db, all) : new Map<Span, Look[]>();
    const named = (span: Span) =>
      (looked.get(span) ?? []).map(({ app, title, from, to }) => ({
        app: label(text(app), title === 0 ? null : text(title)),
        from,
        to,
      }));
    const pieces = [...Map.groupBy(all, ({ utc_offset_min }) => utc_offset_min)].flatMap(([offset, some]) =>
      piecesOf(some, named).map((piece) => ({ piece, offset })),
    );
    const begins = day * DAY_MS - (all[0]?.utc_offset_min ?? 0) * 60_000;
    lines.push({ day, begins, worked_ms: timesOf(all).worked_ms, clock: clockOf(all, begins), pieces });
  }
  return lines;
}

/** How the clock ran where the spans of a day were, in order. @param begins midnight, by the first of them */
function clockOf(spans: readonly Span[], begins: number): DayClock {
  const clock = [{ from: 0, ahead: 0 }];
  for (const [n, { started_at, utc_offset_min }] of spans.entries()) {
    const before = spans[n - 1];
    if (!before || before.utc_offset_min === utc_offset_min) continue;
    const changed = changeBetween(before.ended_at, started_at);
    const ahead = (utc_offset_min - (spans[0]?.utc_offset_min ?? 0)) / 60;
    clock.push({ from: (changed - begins) / HOUR_MS, ahead });
  }
  return clock;
}

/** When the offset of local time has changed between two spans: where no clock was changed, with the second of them. */
function changeBetween(from: number, to: number): number {
  const zoned = Temporal.Instant.fromEpochMilliseconds(from - 1).toZonedDateTimeISO(
    Temporal.Now.timeZoneId(),
  );
  const change = zoned.getTimeZoneTransition("next")?.epochMilliseconds;
  return change !== undefined && change <= to ? change : to;
}

function sessionsOf(db: Database, spans: readonly Span[]): PageFacts["sessions"] {
  const note = db.prepare("SELECT note FROM track_session WHERE n = ?");
  return [...bySession(spans)].map(([session, all]) => {
    const { started_at = 0, utc_offset_min = 0 } = all[0] ?? {};
    const work = all.filter(({ kind }) => kind === "work");
    return {
      ...timesOf(all),
      began: localTime(started_at, utc_offset_min)
        .toPlainDateTime()
        .toString({ smallestUnit: "minute" })
        .replace("T", " "),
      projects: [...new Set(work.flatMap(({ project }) => project ?? []))].join(", "),
      note: [...new Set([note.get(session)?.["note"], ...work.map(({ note }) => note)])]
        .filter((text) => typeof text === "string")
        .join("; "),
    };
  });
}

/** Screenshots that were taken in these spans, some of them where there are many. */
function shotsIn(db: Database, { spans }: Findings): { shots: PageFacts["shots"]; screenshots: number } {
  const listed = [...bySession(spans)]
    .flatMap(([session, all]) =>
      db
        .prepare(
          `SELECT id, taken_at FROM track_screenshot WHERE session = ? AND taken_at BETWEEN ? AND ? ORDER BY taken_at`,
        )
        .all(session, all[0]?.started_at ?? 0, all.at(-1)?.ended_at ?? 0)
        .map(({ id, taken_at }) => ({ id: Number(id), at: Number(taken_at) }))
        .filter(({ at }) => all.some((span) => at >= span.started_at && at <= span.ended_at)),
    )
    .sort((a, b) => a.at - b.at);
  const count = Math.min(MOST_SHOTS, listed.length);
  const chosen = Array.from(
    { length: count },
    (_, n) => listed[Math.floor((n * listed.length) / count)]?.id ?? 0,
  );
  const find = db.prepare(
    `SELECT taken_at, utc_offset_min, width, height, thumbnail, text FROM track_screenshot
     LEFT JOIN track_text ON track_text.id = app WHERE track_screenshot.id = ?`,
  );
  const shots = chosen.flatMap((id) => {
    const row = find.get(id);
    if (!row) return [];
    const [at, offset] = [Number(row["taken_at"]), Number(row["utc_offset_min"])];
    const app = row["text"] === null ? "" : `, ${row["text"]}`;
    return {
      said: `${dayText(localDay(at, offset))} ${timeText(at, offset)}${app}`,
      width: Number(row["width"]),
      height: Number(row["height"]),
      webp: row["thumbnail"] as Uint8Array,
    };
  });
  return { shots, screenshots: listed.length };
}
