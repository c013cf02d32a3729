import type { Database } from "../../kernel/runtime.ts";
import type { Store } from "../../kernel/store.ts";
import {
  addActivity,
  cutSpan,
  DAY_MS,
  HOUR_MS,
  type Look,
  looks,
  type Share,
  shares,
} from "../core/report.ts";
import type { Span } from "../core/span.ts";
import { spansBetween } from "./journal.ts";
import { bySession, inputIn, windowsIn } from "./usage.ts";

/**
 * What was seen while working, of whole UTC days that are over, rolled up by effort, app and title, and input by effort
 * and local hour, so that a report of a year needn't read every event. Triggers of the tables forget a day in which
 * anything is changed, and it is rolled up anew.
 */

/** Looks at all that was seen while working in a time. @param spans uncut: all of a profile's within an hour of it */
export function see(
  db: Database,
  spans: readonly Span[],
  time: { from: number; to: number },
  seen: { look(look: Look): void; share(share: Share): void },
): void {
  const { from, to } = time;
  const near = (span: Span) => span.kind === "work" && span.ended_at >= from && span.started_at < to;
  for (const [session, all] of bySession(spans.filter(({ kind }) => kind === "work"))) {
    const [first, last] = [all.find(near), all.findLast(near)];
    if (!first || !last) continue;
    const work = all.flatMap((span) => cutSpan(span, from, to) ?? []);
    const [begins, ends] = [Math.max(from, first.started_at), Math.min(to, last.ended_at)];
    for (const look of looks(work, windowsIn(db, session, begins, ends))) seen.look(look);
    for (const share of shares(all, inputIn(db, session, begins, ends + 1), from, to)) seen.share(share);
  }
}

/** The spans of a profile in a time, and those so near that they share an interval of input with them. */
export const spansNear = (db: Database, profile: string, from: number, to: number): Span[] =>
  spansBetween(db, profile, from - HOUR_MS, to + HOUR_MS);

/** Whole UTC days of a time, as counts from 1970-01-01: `first`, and `end`, which isn't one of them. */
export function wholeDays({ from, to }: { from: number; to: number }): { first: number; end: number } {
  const first = Math.ceil(from / DAY_MS);
  return { first, end: Math.max(first, Math.floor(to / DAY_MS)) };
}

/** The whole UTC days of a time that have work and aren't rolled up, in order. */
export function unrolledDays(
  db: Database,
  work: Iterable<Pick<Span, "started_at" | "ended_at">>,
  time: { from: number; to: number },
): number[] {
  const { first, end } = wholeDays(time);
  const days = new Set<number>();
  for (const { started_at, ended_at } of work) {
    const last = Math.min(end - 1, Math.floor(ended_at / DAY_MS));
    for (let day = Math.max(first, Math.floor(started_at / DAY_MS)); day <= last; day++) days.add(day);
  }
  const rolled = db.prepare("SELECT day FROM cache_track_day WHERE day >= ? AND day < ?").all(first, end);
  for (const { day } of rolled) days.delete(Number(day));
  return [...days].sort((a, b) => a - b);
}

/** Whether nothing can come to a UTC day by what goes on: the input of an hour ago may still be growing. */
export const isOver = (day: number, now: number): boolean => (day + 1) * DAY_MS + HOUR_MS <= now;

/** Rolls up a day, of all profiles. Call it in a transaction. */
function rollDay(db: Database, day: number): void {
  const [from, to] = [day * DAY_MS, (day + 1) * DAY_MS];
  db.prepare("DELETE FROM cache_track_day WHERE day = ?").run(day);
  db.prepare("INSERT INTO cache_track_day (day) VALUES (?)").run(day);
  const putWindow = db.prepare(
    "INSERT INTO cache_track_window (day, span, app, title, ms) VALUES (?, ?, ?, ?, ?)",
  );
  const putInput = db.prepare(
    `INSERT INTO cache_track_input (day, span, hour, keys, clicks, scrolls, distance_px, typing_ms, moving_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const { profile } of db.prepare("SELECT DISTINCT profile FROM track_session").all()) {
    // What isn't work may change without a trigger's notice: nothing here may depend on it.
    const work = spansNear(db, String(profile), from, to).filter(({ kind }) => kind === "work");
    const efforts = new Map<string, number>();
    const effortOf = new Map<number, number>();
    for (const { id, project, tags } of work) {
      const effort = JSON.stringify([project, tags]);
      const first = efforts.get(effort) ?? id;
      efforts.set(effort, first);
      effortOf.set(id, first);
    }
    const effort = (span: Span) => effortOf.get(span.id) ?? span.id;
    const windows = new Map<string, { span: number; app: number; title: number; ms: number }>();
    const input = new Map<string, { span: number; hour: number; activity: Share["activity"] }>();
    see(
      db,
      work,
      { from, to },
      {
        look({ app, title, from: begins, to: ends, ...look }) {
          const span = effort(look.span);
          const key = `${span} ${app} ${title}`;
          const sum = windows.get(key);
          if (sum) sum.ms += ends - begins;
          else windows.set(key, { span, app, title, ms: ends - begins });
        },
        share({ hour, activity, ...share }) {
          const span = effort(share.span);
          const key = `${span} ${hour}`;
          const sum = input.get(key);
          if (sum) addActivity(sum.activity, activity);
          else input.set(key, { span, hour, activity });
        },
      },
    );
    for (const { span, app, title, ms } of windows.values()) putWindow.run(day, span, app, title, ms);
    for (const { span, hour, activity } of input.values()) {
      const { keys, clicks, scrolls, distance_px, typing_ms, moving_ms } = activity;
      putInput.run(day, span, hour, keys, clicks, scrolls, distance_px, typing_ms, moving_ms);
    }
  }
}

/** How many days a host rolls up at a time: each holds everything else up for some 10 ms. */
const DAYS_AT_A_TIME = 8;

/**
 * Rolls up days that are over, a transaction each, the newest first: what a report asks for is most often of late.
 * @param now UTC ms
 * @returns how many are left to do
 */
export async function rollUp(store: Store, now: number, most = DAYS_AT_A_TIME): Promise<number> {
  const work = store.db
    .prepare("SELECT started_at, ended_at FROM track_span WHERE kind = 'work'")
    .all() as unknown as Pick<Span, "started_at" | "ended_at">[];
  const days = unrolledDays(store.db, work, { from: 0, to: now })
    .filter((day) => isOver(day, now))
    .toReversed();
  await rollDays(store, days.slice(0, most));
  return Math.max(0, days.length - most);
}

/** Rolls up these days, a transaction each. */
export async function rollDays(store: Store, days: Iterable<number>): Promise<void> {
  for (const day of days) await store.write((db) => rollDay(db, day));
}

/** What was rolled up of whole days from `first` to `last`, of these spans: by app and title. */
export const rolledWindows = (db: Database, first: number, last: number, spans: readonly number[]) =>
  db
    .prepare(
      `SELECT app, title, SUM(ms) AS ms FROM cache_track_window
       WHERE day BETWEEN ? AND ? AND span IN (SELECT value FROM json_each(?)) GROUP BY app, title`,
    )
    .all(first, last, JSON.stringify(spans)) as unknown as { app: number; title: number; ms: number }[];

/** The same of input: by span and local hour. */
export const rolledInput = (db: Database, first: number, last: number, spans: readonly number[]) =>
  db
    .prepare(
      `SELECT span, hour, keys, clicks, scrolls, distance_px, typing_ms, moving_ms FROM cache_track_input
       WHERE day BETWEEN ? AND ? AND span IN (SELECT value FROM json_each(?))`,
    )
    .all(first, last, JSON.stringify(spans)) as unknown as ({
    span: number;
    hour: number;
  } & Share["activity"])[];
