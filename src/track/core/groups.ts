import { dayText } from "../../kernel/core/local-time.ts";
import { type Activity, addActivity, calendar, dayOfHour, NO_ACTIVITY, type Share } from "./report.ts";
import { type Span, type Times, timesOf } from "./span.ts";

/** What a report can be by. */
export type By = "app" | "title" | "category" | "project" | "tag" | "hour" | "day";

/** What is said of a group without a key. */
export const WITHOUT: Readonly<Record<By, string>> = {
  app: "no app",
  title: "no title",
  category: "no app",
  project: "no project",
  tag: "no tag",
  hour: "",
  day: "",
};

/** Of what was looked at while working; a title that wasn't kept is null. */
export type Looked = { app: string; title: string | null; ms: number };

/** A time and what was in it. */
export type Findings = {
  /** UTC ms, `to` excluded. */
  from: number;
  to: number;
  /** Cut to the time, of every kind, in order. */
  spans: readonly Span[];
  windows: readonly Looked[];
  input: readonly Share[];
};

/**
 * What belongs together. `key` is the name of the app, project, …, of an hour `09`, of a day `2026-11-22`; null is what
 * has none. Keys and clicks are known of what spans say; which app they went to is not.
 */
export type Group = {
  key: string | null;
  ms: number;
  /** Of the work, 0 to 1. A span has any number of tags: by tag these may come to more or less than 1. */
  share: number;
  keys?: number;
  clicks?: number;
};

export type Totals = Times & Activity;

/** What all of it comes to. */
export function totalsOf({ spans, input }: Findings): Totals {
  const activity = { ...NO_ACTIVITY };
  for (const share of input) addActivity(activity, share.activity);
  return { ...timesOf(spans), ...activity };
}

type Sum = { ms: number; keys?: number; clicks?: number };

/**
 * Work by something; the longest first, hours and days in their order.
 * @param category sorts windows; see {@link categories}
 */
export function groupsOf(
  findings: Findings,
  by: By,
  category: (app: string, title: string | null) => string,
): Group[] {
  const worked = timesOf(findings.spans).worked_ms;
  const sums =
    by === "app" || by === "title" || by === "category"
      ? ofWindows(findings, worked, ({ app, title }) =>
          by === "app" ? app : by === "title" ? title : category(app, title),
        )
      : ofSpans(findings, by);
  const groups = [...sums]
    .map(([key, { ms, ...counts }]) => ({ key, ms, share: worked > 0 ? ms / worked : 0, ...counts }))
    .filter(({ ms, keys = 0, clicks = 0 }) => ms > 0 || keys > 0 || clicks > 0);
  const name = ({ key }: Group) => key ?? "";
  return by === "hour" || by === "day"
    ? groups.sort((a, b) => (name(a) < name(b) ? -1 : 1))
    : groups.sort((a, b) => b.ms - a.ms || (name(a) < name(b) ? -1 : 1));
}

function ofWindows(
  { windows }: Findings,
  worked: number,
  keyOf: (looked: Looked) => string | null,
): Map<string | null, Sum> {
  const sums = new Map<string | null, Sum>();
  let without = worked;
  for (const looked of windows) {
    add(sums, keyOf(looked), { ms: looked.ms });
    without -= looked.ms;
  }
  // Work during which no window was seen.
  add(sums, null, { ms: without });
  return sums;
}

function ofSpans({ spans, input }: Findings, by: "project" | "tag" | "hour" | "day") {
  const sums = new Map<string | null, Sum>();
  const keysOf = (span: Span, hour: number): (string | null)[] => {
    if (by === "project") return [span.project];
    if (by === "tag") return span.tags.length > 0 ? [...new Set(span.tags)] : [null];
    return [by === "day" ? dayText(dayOfHour(hour)) : String(hour - 24 * dayOfHour(hour)).padStart(2, "0")];
  };
  for (const span of spans) {
    if (span.kind !== "work") continue;
    for (const { n, from, to } of calendar(span, "hour")) {
      for (const key of keysOf(span, n)) add(sums, key, { ms: to - from });
    }
  }
  for (const { span, hour, activity } of input) {
    const { keys, clicks } = activity;
    for (const key of keysOf(span, hour)) add(sums, key, { ms: 0, keys, clicks });
  }
  return new Map([...sums].map(([key, sum]) => [key, { keys: 0, clicks: 0, ...sum }]));
}

function add(sums: Map<string | null, Sum>, key: string | null, more: Sum): void {
  const sum = sums.get(key);
  if (!sum) sums.set(key, { ...more });
  else {
    sum.ms += more.ms;
    if (more.keys !== undefined) sum.keys = (sum.keys ?? 0) + more.keys;
    if (more.clicks !== undefined) sum.clicks = (sum.clicks ?? 0) + more.clicks;
  }
}

/** What of a report is asked for: a project by its name, `none` for what has none, and one of some tags. */
export type Filter = { project?: string | undefined; tags?: readonly string[] | undefined };

/** Whether a span is asked for; names in any case. */
export function isWanted({ project, tags }: Span, { project: asked, tags: oneOf }: Filter): boolean {
  const plain = (text: string): string => text.trim().toLowerCase();
  if (oneOf !== undefined && !tags.some((tag) => oneOf.some((each) => plain(each) === plain(tag))))
    return false;
  return asked === undefined || plain(project ?? "none") === plain(asked);
}
