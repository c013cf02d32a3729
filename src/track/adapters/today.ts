import type { Database } from "../../kernel/runtime.ts";
import { piecesOf } from "../core/day-line.ts";
import { type Activity, addActivity, cutSpan, NO_ACTIVITY } from "../core/report.ts";
import { type Span, timesOf } from "../core/span.ts";
import type { Today } from "../core/view.ts";
import { dateHere, daysFrom, mondayOn, type Range } from "./range.ts";
import { see, spansNear } from "./rollup.ts";
import { textOf } from "./usage.ts";

/** A day has many apps that were looked at for a moment. */
const TOP_APPS = 12;

const cutAll = (spans: readonly Span[], { from, to }: Range): Span[] =>
  spans.flatMap((span) => cutSpan(span, from, to) ?? []);

/**
 * The local day of an instant and the days of its week, over all sessions of a profile: what a report of that day says.
 * Where it was tracked in another zone, the day is that of the zone we are in now.
 * @param wall UTC ms
 */
export function todayOf(db: Database, profile: string, wall: number): Today {
  const date = dateHere(wall);
  const monday = mondayOn(date);
  const [day, week] = [daysFrom(date, 1), daysFrom(monday, 7)];
  const near = spansNear(db, profile, week.from, week.to);
  const spans = cutAll(near, day);

  const text = textOf(db);
  const apps = new Map<string, number>();
  const looked = new Map<number, { app: string; from: number; to: number }[]>();
  const activity: Activity = { ...NO_ACTIVITY };
  see(db, near, day, {
    look({ span, app: id, from, to }) {
      const app = text(id);
      apps.set(app, (apps.get(app) ?? 0) + to - from);
      const looks = looked.get(span.id);
      if (looks) looks.push({ app, from, to });
      else looked.set(span.id, [{ app, from, to }]);
    },
    share({ activity: more }) {
      addActivity(activity, more);
    },
  });
  return {
    ...timesOf(spans),
    date: date.toString(),
    keys: activity.keys,
    clicks: activity.clicks,
    apps: [...apps]
      .map(([app, ms]) => ({ app, ms }))
      .sort((a, b) => b.ms - a.ms)
      .slice(0, TOP_APPS),
    line: piecesOf(spans, ({ id }) => looked.get(id) ?? []),
    week: Array.from(
      { length: 7 },
      (_, n) => timesOf(cutAll(near, daysFrom(monday.add({ days: n }), 1))).worked_ms,
    ),
  };
}
