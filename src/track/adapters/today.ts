import { dayText, localDay, mondayOf } from "../../kernel/core/local-time.ts";
import type { Database } from "../../kernel/runtime.ts";
import { dayLine } from "../core/day-line.ts";
import {
  type Activity,
  addActivity,
  calendar,
  cutToDay,
  DAY_MS,
  dayOfHour,
  NO_ACTIVITY,
  shares,
} from "../core/report.ts";
import { timesOf } from "../core/span.ts";
import type { Today } from "../core/view.ts";
import { spansBetween } from "./journal.ts";
import { bySession, inputIn, looksOf, textOf } from "./usage.ts";

/** No place on Earth is further from UTC. */
const FURTHEST_MS = 14 * 3_600_000;
/** A day has many apps that were looked at for a moment. */
const TOP_APPS = 12;

/**
 * The local day of an instant, over all sessions of a profile; each span lies in the day that its own offset says.
 * @param now.wall UTC ms; `offset` is that of local time, in minutes east
 */
export function todayOf(db: Database, profile: string, now: { wall: number; offset: number }): Today {
  const today = localDay(now.wall, now.offset);
  const monday = mondayOf(today);
  const near = spansBetween(db, profile, monday * DAY_MS - FURTHEST_MS, (monday + 7) * DAY_MS + FURTHEST_MS);

  const week = [0, 0, 0, 0, 0, 0, 0];
  for (const span of near) {
    if (span.kind !== "work") continue;
    for (const { n, from, to } of calendar(span, "day")) {
      const worked = week[n - monday];
      if (worked !== undefined) week[n - monday] = worked + to - from;
    }
  }

  const spans = near.flatMap((span) => cutToDay(span, today) ?? []);
  const text = textOf(db);
  const looked = looksOf(db, spans);
  const apps = new Map<string, number>();
  for (const { app, from, to } of [...looked.values()].flat()) {
    apps.set(text(app), (apps.get(text(app)) ?? 0) + to - from);
  }

  // Input is shared among all the work that an interval of it lies in, that of the day before too.
  const activity: Activity = { ...NO_ACTIVITY };
  const uncut = bySession(near.filter(({ kind }) => kind === "work"));
  for (const [session, work] of bySession(looked.keys())) {
    const input = inputIn(db, session, work[0]?.started_at ?? 0, (work.at(-1)?.ended_at ?? 0) + 1);
    for (const { hour, activity: more } of shares(uncut.get(session) ?? [], input, -Infinity, Infinity)) {
      if (dayOfHour(hour) === today) addActivity(activity, more);
    }
  }
  return {
    ...timesOf(spans),
    date: dayText(today),
    keys: activity.keys,
    clicks: activity.clicks,
    apps: [...apps]
      .map(([app, ms]) => ({ app, ms }))
      .sort((a, b) => b.ms - a.ms)
      .slice(0, TOP_APPS),
    line: dayLine(spans, (span) =>
      (looked.get(span) ?? []).map(({ app, from, to }) => ({ app: text(app), from, to })),
    ),
    week,
  };
}
