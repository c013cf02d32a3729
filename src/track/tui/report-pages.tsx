import { Text } from "ink";
import { useEffect, useState } from "react";
import { bars, sparkline } from "../../kernel/tui/charts.ts";
import { useBody } from "../../kernel/tui/screen.tsx";
import { cut, fit } from "../../kernel/tui/text.ts";
import { tones } from "../../kernel/tui/theme.ts";
import type { ReportOf, ReportView } from "../core/report-view.ts";
import { dayLine, stretchOfDay, stretchOfPieces } from "./day-line.ts";
import { Blank, labelled, ROOMY, Rows, timeBars, WEEK_ROWS, WIDEST_BARS } from "./pages.tsx";
import {
  daysText,
  dotted,
  effortText,
  grouped,
  hourMinute,
  stopwatch,
  timesTexts,
  weekDays,
} from "./words.ts";

/** Reads a report of the store. */
export type ReadReport = (of: ReportOf) => Promise<ReportView>;

/** What was read, or why it couldn't be; neither until then. */
export type Read = { readonly report?: ReportView; readonly failed?: string };

/** A report, read anew when another is wanted or `again` has changed; until it is there, the one before is shown. */
export function useReport(read: ReadReport, of: ReportOf | undefined, again: unknown): Read {
  const [last, setLast] = useState<Read>({});
  const wanted = of === undefined ? undefined : JSON.stringify(of);
  // biome-ignore lint/correctness/useExhaustiveDependencies: that it has changed is why it is read
  useEffect(() => {
    if (wanted === undefined) return setLast({});
    let over = false;
    const show = (next: Read) => {
      if (!over) setLast(next);
    };
    read(JSON.parse(wanted) as ReportOf).then(
      (report) => show({ report }),
      (error: Error) => show({ failed: error.message }),
    );
    return () => {
      over = true;
    };
  }, [read, wanted, again]);
  return last;
}

/** What stands in place of a report that isn't there. */
const Missing = ({ failed }: Read) => {
  const { width } = useBody();
  return failed === undefined ? (
    <Text {...tones.secondary}>reading…</Text>
  ) : (
    <Text {...tones.failed}>{cut(`no report: ${failed}`, width)}</Text>
  );
};

/** `4:12:07 worked · 31 min paused · …` */
const totals = (report: ReportView, width: number): string => {
  const { keys, clicks, screenshots } = report;
  const shots = screenshots > 0 ? [`${grouped(screenshots)} screenshots`] : [];
  return dotted(
    [...timesTexts(report), `${grouped(keys)} keys`, `${grouped(clicks)} clicks`, ...shots],
    width,
  );
};

/** Two tables beside each other, a heading over each. */
function beside(left: Column, right: Column, rows: number, width: number): string[] {
  const half = Math.min(WIDEST_BARS, Math.floor((width - COLUMN_GAP) / 2));
  const columns = [left, right].map(({ heading, times }) => {
    const drawn = timeBars(times, rows - 1, half);
    return [heading, ...(drawn.length === 0 ? ["nothing"] : drawn)];
  });
  const [first = [], second = []] = columns;
  return Array.from({ length: Math.max(first.length, second.length) }, (_, row) =>
    (fit(first[row] ?? "", half) + " ".repeat(COLUMN_GAP) + (second[row] ?? "")).trimEnd(),
  );
}

type Column = { readonly heading: string; readonly times: readonly { name: string; ms: number }[] };
const COLUMN_GAP = 3;

const appsOf = ({ apps }: ReportView): Column => ({
  heading: "by app",
  times: apps.map(({ app, ms }) => ({ name: app, ms })),
});
const projectsOf = ({ projects }: ReportView): Column => ({
  heading: "by project",
  times: projects.map(({ project, ms }) => ({ name: project ?? "no project", ms })),
});

/** `hours  00 ▁▃▅██▂ 24` and the hours below it; two cells an hour. */
function hourRows({ hours }: ReportView): string[] {
  const drawn = hours.flatMap((ms) => (ms > 0 ? [ms, ms] : [Number.NaN, Number.NaN]));
  const marks = [0, 3, 6, 9, 12, 15, 18, 21].map((hour) => String(hour).padStart(2, "0").padEnd(6)).join("");
  return labelled("by hour", [sparkline(drawn, 48, { min: 0 }), marks.trimEnd()]);
}

/** A day with its line, or a week with its bars: where the time went. */
export function ReportPage({ report, failed, today }: Read & { today: string }) {
  const { width, height } = useBody();
  if (!report) return <Missing {...(failed === undefined ? {} : { failed })} />;
  const { from, to, line, week, apps } = report;
  const isWeek = from !== to;
  const weekBars = labelled(
    isWeek ? "" : "week",
    bars(weekDays(week, from, today), Math.min(WIDEST_BARS, width - 11)),
  );
  const dayRows = dayLine(line, stretchOfDay(from, line), apps, width, height >= 20);
  const drawn = isWeek ? weekBars : dayRows;
  const roomy = height >= ROOMY;
  // Heading and totals, what is drawn and, where there is room, the hours, and a free row before each of these.
  const used = 2 + drawn.length + (roomy ? 2 + 3 : 0);
  const withWeek = !isWeek && height - used >= WEEK_ROWS + 8;
  const forTables = height - used - (withWeek ? WEEK_ROWS + 1 : 0);
  return (
    <>
      <Text bold>{cut(daysText(from, to), width)}</Text>
      <Rows rows={[totals(report, width)]} />
      {roomy && <Blank />}
      <Rows rows={drawn} />
      {roomy && <Blank />}
      <Rows rows={beside(appsOf(report), projectsOf(report), forTables, width)} />
      {roomy && <Blank />}
      {roomy && <Rows rows={hourRows(report)} />}
      {withWeek && <Blank />}
      {withWeek && <Rows rows={weekBars} />}
    </>
  );
}

/** `09:00–11:30  2:30:00  work    web +billable  fixing the shutdown` */
function spanText(span: ReportView["spans"][number], width: number): string {
  const { started_at, ended_at, kind, note } = span;
  const when = `${hourMinute(started_at)}–${hourMinute(ended_at)}`;
  const what = [effortText(span), note ?? ""].filter((text) => text !== "").join("  ");
  return cut(
    `${when}  ${fit(stopwatch(ended_at - started_at), 8, "right")}  ${fit(kind, 5)}  ${kind === "work" ? what : ""}`.trimEnd(),
    width,
  );
}

/** Rows for the tables and for the spans of a session, in a body of that height. */
function outcomeRoom(height: number, spans: number): { tables: number; spans: number } {
  // Heading, totals, the line with its legend, the heading of the spans, and three free rows where there is room.
  const rest = height - 5 - (height >= ROOMY ? 3 : 0);
  const shown = Math.min(spans, rest - Math.max(4, Math.floor(rest / 3)));
  return { tables: rest - shown, spans: shown };
}

/** What a session came to, once it is over. @param from the first span that is shown */
export function OutcomePage({ report, failed, from }: Read & { from: number }) {
  const { width, height } = useBody();
  if (!report) return <Missing {...(failed === undefined ? {} : { failed })} />;
  const { line, apps, spans } = report;
  const stretch = stretchOfPieces(line);
  const drawn = stretch ? dayLine(line, stretch, apps, width, false) : ["nothing was tracked", ""];
  const room = outcomeRoom(height, spans.length);
  const roomy = height >= ROOMY;
  const first = Math.min(from, Math.max(0, spans.length - 1));
  const shown = spans.slice(first, first + room.spans);
  const which =
    shown.length < spans.length ? ` ${first + 1}–${first + shown.length} of ${spans.length} (↑ ↓)` : "";
  return (
    <>
      <Text bold>{cut(`This session: ${daysText(report.from, report.to)}`, width)}</Text>
      <Rows rows={[totals(report, width)]} />
      {roomy && <Blank />}
      <Rows rows={drawn} />
      {roomy && <Blank />}
      <Rows rows={beside(appsOf(report), projectsOf(report), room.tables, width)} />
      {roomy && <Blank />}
      <Text>{`spans${which}`}</Text>
      <Rows rows={shown.map((span) => spanText(span, width))} />
    </>
  );
}
