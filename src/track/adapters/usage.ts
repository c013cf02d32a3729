import type { Database } from "../../kernel/runtime.ts";
import { type Look, looks, type Seen, type Typed } from "../core/report.ts";
import type { Span } from "../core/span.ts";

/** Reads spans and what was seen in a time, without looking through all that was before it. UTC ms, `to` excluded. */

/** The windows of a session that reach into a time, in order. */
export function windowsIn(db: Database, session: number, from: number, to: number): Seen[] {
  const long = db
    .prepare(
      `SELECT app, COALESCE(title, 0) AS title, started_at, ended_at FROM track_window
       WHERE ended_at - started_at > 7200000 AND session = ? AND ended_at > ? AND +started_at <= ? - 7200000
       ORDER BY started_at`,
    )
    .all(session, from, from);
  // They began before all of these.
  const others = db
    .prepare(
      `SELECT app, COALESCE(title, 0) AS title, started_at, ended_at FROM track_window
       WHERE session = ? AND started_at > ? - 7200000 AND started_at < ? AND +ended_at > ? ORDER BY started_at`,
    )
    .all(session, from, to, from);
  // The tables are strict: what a column says of its type is so.
  return (long.length > 0 ? [...long, ...others] : others) as unknown as Seen[];
}

/** The intervals of a session's input that reach into a time, in order; none is longer than an hour. */
export const inputIn = (db: Database, session: number, from: number, to: number): Typed[] =>
  db
    .prepare(
      `SELECT started_at, ended_at, presses AS keys, "left" + middle + "right" + other AS clicks,
         scroll_x + scroll_y AS scrolls, distance_px, typing_ms, moving_ms
       FROM track_input WHERE session = ? AND started_at > ? - 3600000 AND started_at < ? AND ended_at >= ?
       ORDER BY started_at`,
    )
    .all(session, from, to, from) as unknown as Typed[];

/** The texts of ids. */
export function textOf(db: Database): (id: number) => string {
  const known = new Map<number, string>();
  const find = db.prepare("SELECT text FROM track_text WHERE id = ?");
  return (id) => {
    const text = known.get(id) ?? String(find.get(id)?.["text"] ?? "");
    known.set(id, text);
    return text;
  };
}

/** What was looked at in each of these spans of work. */
export function looksOf(db: Database, spans: readonly Span[]): Map<Span, Look[]> {
  const found = new Map<Span, Look[]>();
  for (const [session, work] of bySession(spans.filter(({ kind }) => kind === "work"))) {
    const [from, to] = [work[0]?.started_at ?? 0, work.at(-1)?.ended_at ?? 0];
    for (const span of work) found.set(span, []);
    for (const look of looks(work, windowsIn(db, session, from, to))) found.get(look.span)?.push(look);
  }
  return found;
}

/** Spans by their session, each in the order they came in. */
export const bySession = (spans: Iterable<Span>): Map<number, Span[]> =>
  Map.groupBy(spans, ({ session }) => session);
