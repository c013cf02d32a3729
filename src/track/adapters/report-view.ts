import { Exit, Expected } from "../../kernel/errors.ts";
import type { Database } from "../../kernel/runtime.ts";
import { readStore } from "../../kernel/store.ts";
import { piecesOf } from "../core/day-line.ts";
import { groupsOf, totalsOf } from "../core/groups.ts";
import { looks } from "../core/report.ts";
import type { ReportOf, ReportView } from "../core/report-view.ts";
import { NO_TIMES, type Span } from "../core/span.ts";
import type { Piece } from "../core/view.ts";
import { findingsIn } from "./findings.ts";
import { schema, sessionFacts, spansOfSession } from "./journal.ts";
import { dateHere, daysFrom, mondayOn, type Range } from "./range.ts";
import { todayOf } from "./today.ts";
import { textOf, windowsIn } from "./usage.ts";

/** What a report is of, as a time; of a session with its number and spans. */
type Meant = { range: Range; session?: { n: number; spans: readonly Span[] } };

function meant(db: Database, profile: string, which: ReportOf): Meant {
  if ("day" in which) return { range: daysFrom(Temporal.PlainDate.from(which.day), 1) };
  if ("week" in which) return { range: daysFrom(mondayOn(Temporal.PlainDate.from(which.week)), 7) };
  const row = db
    .prepare("SELECT n FROM track_session WHERE id = ? AND profile = ?")
    .get(which.session, profile);
  const n = Number(row?.["n"] ?? 0);
  const spans = spansOfSession(db, n);
  const [first, last] = [spans[0], spans.at(-1)];
  if (!first || !last) throw new Expected(Exit.no, "that session has no time", "stint track sessions");
  return { range: { from: first.started_at, to: last.ended_at }, session: { n, spans } };
}

/** A report as the screen shows it, read from the store. @throws Expected 1 for a session that there isn't */
export async function reportView(profile: string, which: ReportOf): Promise<ReportView> {
  const read = await readStore([schema], (db) => {
    const { range, session } = meant(db, profile, which);
    const found = findingsIn(db, { profile, range, filter: {} });
    const totals = totalsOf(found);
    const by = (what: "app" | "project" | "hour") => groupsOf(found, what, () => "");
    const hours = Array.from({ length: 24 }, () => 0);
    for (const { key, ms } of by("hour")) hours[Number(key)] = ms;
    // The middle of a day lies in it, whatever clocks were changed.
    const wall = session ? range.from : range.from + (range.to - range.from) / 2;
    const day = todayOf(db, profile, wall);
    const line = session ? sessionLine(db, session) : "week" in which ? [] : day.line;
    return {
      from: dateHere(range.from).toString(),
      to: dateHere(range.to - 1).toString(),
      worked_ms: totals.worked_ms,
      paused_ms: totals.paused_ms,
      afk_ms: totals.afk_ms,
      keys: totals.keys,
      clicks: totals.clicks,
      screenshots: session ? sessionFacts(db, session.n).screenshots : screenshotsIn(db, profile, range),
      line,
      week: day.week,
      apps: by("app").flatMap(({ key, ms }) => (key === null ? [] : [{ app: key, ms }])),
      projects: by("project").map(({ key, ms }) => ({ project: key, ms })),
      hours,
      spans: session?.spans ?? [],
    };
  });
  return read ?? nothing(which);
}

/** What was when in a session, which may be of several days. */
function sessionLine(db: Database, { n, spans }: { n: number; spans: readonly Span[] }): Piece[] {
  const text = textOf(db);
  const windows = windowsIn(db, n, spans[0]?.started_at ?? 0, spans.at(-1)?.ended_at ?? 0);
  const looked = new Map<number, { app: string; from: number; to: number }[]>();
  for (const { span, app, from, to } of looks(
    spans.filter(({ kind }) => kind === "work"),
    windows,
  )) {
    const seen = looked.get(span.id) ?? [];
    looked.set(span.id, seen);
    seen.push({ app: text(app), from, to });
  }
  return piecesOf(spans, ({ id }) => looked.get(id) ?? []);
}

const screenshotsIn = (db: Database, profile: string, { from, to }: Range): number =>
  Number(
    db
      .prepare(
        `SELECT COUNT(*) AS count FROM track_screenshot JOIN track_session ON n = session
         WHERE profile = ? AND taken_at >= ? AND taken_at < ?`,
      )
      .get(profile, from, to)?.["count"],
  );

function nothing(which: ReportOf): ReportView {
  const day = "day" in which ? which.day : "week" in which ? which.week : "";
  return {
    from: day,
    to: day,
    ...NO_TIMES,
    keys: 0,
    clicks: 0,
    screenshots: 0,
    line: [],
    week: [0, 0, 0, 0, 0, 0, 0],
    apps: [],
    projects: [],
    hours: Array.from({ length: 24 }, () => 0),
    spans: [],
  };
}
