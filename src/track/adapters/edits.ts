import { claimSession, newSessionId, recordState } from "../../kernel/checkpoint.ts";
import { systemClock } from "../../kernel/clock.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Database } from "../../kernel/runtime.ts";
import {
  type Change,
  type Edit,
  edited,
  type Images,
  imagesOf,
  isRefusal,
  type Refusal,
  undone,
} from "../core/edits.ts";
import { type Effort, SPAN_KINDS, type Span } from "../core/span.ts";
import {
  addSpan,
  changeSpan,
  putReport,
  removeSpan,
  spanOf,
  spansBetween,
  spansOfSession,
  trackSession,
} from "./journal.ts";

/** Edits of the past on the store. To be called in a write: each is one transaction with what its caller does there. */

/** Where and when an edit is made. */
type Where = {
  readonly profile: string;
  readonly now: { readonly wall: number; readonly offset: number };
  /** The span that is going on, when a host is alive that has just written it. */
  readonly open?: number;
};

type Corrected = {
  readonly answer: Answer;
  /** What was done, for people. */
  readonly said: string;
  /** The row of the log of changes that was written, or taken back; null when nothing has changed. */
  readonly change: number | null;
  /** Numbers of the sessions whose spans have changed. */
  readonly sessions: readonly number[];
  /** The span that is going on afterwards. */
  readonly open: number | undefined;
};

/** What whoever asked for a correction is told, as plain JSON: oldest first. */
export type Answer = {
  readonly said: string;
  /** The ids of spans that it was about, and that are there. Of an undo that took nothing back there are none. */
  readonly there: readonly number[];
  /** Those that aren't there any more, as they were. */
  readonly gone: readonly (Span & { readonly session_id: string })[];
};

/** Changes that can be taken back, per profile. */
const KEPT = 100;

/**
 * Makes an edit and keeps what it changed, to be taken back.
 * @throws Expected 1 when it doesn't fit what is there, 2 when it can't be meant so; then nothing has changed
 */
export function applyEdit(db: Database, { profile, edit, ...where }: Where & { edit: Edit }): Corrected {
  const { now, open } = where;
  const going = open === undefined ? undefined : findSpan(db, profile, open);
  const nextSession = nextId(db, "SELECT MAX(n) AS last FROM track_session");
  const change = done(
    edited(edit, {
      spans: spansFor(db, profile, edit, going),
      // A session may be ahead of a clock that was set back.
      now: Math.max(Math.floor(now.wall), going?.ended_at ?? 0),
      zone: Temporal.Now.timeZoneId(),
      open: going?.id,
      nextSpan: nextId(db, "SELECT seq AS last FROM sqlite_sequence WHERE name = 'track_span'"),
      nextSession,
    }),
  );
  const first = change.added.find(({ session }) => session === nextSession);
  if (first) addSession(db, profile, first);
  const told = answer(db, change);
  const sessions = write(db, change, now.wall);
  if (sessions.length === 0) {
    const same = "span" in edit ? edit.span : going?.id;
    const there = same === undefined ? [] : [same];
    return { answer: { ...told, there }, said: told.said, change: null, sessions, open: change.open };
  }
  const images = imagesOf(change, going?.id);
  const id = keep(db, { profile, what: change.what, images, session: first?.session ?? null, now });
  return { answer: told, said: told.said, change: id, sessions, open: change.open };
}

/** To be called before the change is written: what goes may take its session with it. */
function answer(db: Database, { what, removed, added, updated }: Change): Answer {
  const session = db.prepare("SELECT id FROM track_session WHERE n = ?");
  return {
    said: what,
    there: [...added, ...updated.map(({ after }) => after)].toSorted(byTime).map(({ id }) => id),
    gone: removed
      .toSorted(byTime)
      .map((span) => ({ ...span, session_id: String(session.get(span.session)?.["id"]) })),
  };
}

const byTime = (a: Span, b: Span): number => a.started_at - b.started_at || a.id - b.id;

/**
 * Takes the last change of the profile back. Right after a delete it takes nothing back and says why: whoever asks again
 * means what was changed before.
 * @throws Expected 1 when there is none, or the spans aren't as it has left them
 */
export function undoEdit(db: Database, { profile, now, open }: Where): Corrected {
  const last = lastChange(db, profile);
  if (!last)
    throw new Expected(Exit.no, "there is nothing to take back", "stint track modify corrects a span");
  const { images, session } = last;
  const forget = () => db.prepare("DELETE FROM track_change WHERE id = ?").run(last.id);
  if (last.what === DELETED) {
    forget();
    const before = lastChange(db, profile);
    const next = before ? `; undo again takes back: ${before.what}` : "";
    const said = `a delete can't be undone${next}`;
    return { answer: { said, there: [], gone: [] }, said, change: null, sessions: [], open };
  }
  const rows = [...images.removed, ...images.added, ...images.updated.flatMap((pair) => Object.values(pair))];
  const from = Math.min(...rows.map(({ started_at }) => started_at));
  const to = Math.max(...rows.map(({ ended_at }) => ended_at ?? Number.MAX_SAFE_INTEGER));
  const spans = [
    ...new Set(rows.map((row) => row.session)).values().flatMap((n) => spansOfSession(db, n)),
    ...spansBetween(db, profile, from, to),
  ];
  const change = done(undone(images, last.what, { spans: unique(spans), open }));
  const told = answer(db, change);
  const sessions = write(db, change, now.wall);
  if (session !== null && spansOfSession(db, session).length === 0) {
    db.prepare("DELETE FROM session WHERE id = (SELECT id FROM track_session WHERE n = ?)").run(session);
  }
  forget();
  return { answer: told, said: told.said, change: last.id, sessions, open: change.open };
}

/** What stands in the log of changes for a delete, which has no images. */
const DELETED = "deleted";

/** Marks in the log of changes that something was deleted, so that nobody takes back what was before by mistake. */
export function markDelete(db: Database, profile: string, now: Where["now"]): void {
  if (lastChange(db, profile)?.what === DELETED) return;
  const images = { removed: [], added: [], updated: [] };
  keep(db, { profile, what: DELETED, images, session: null, now });
}

/** A change as it is kept. */
export type Kept = {
  readonly id: number;
  readonly what: string;
  readonly images: Images;
  /** The session that it made. */
  readonly session: number | null;
};

/** The newest change of a profile that can be taken back. */
export function lastChange(db: Database, profile: string): Kept | undefined {
  const row = db
    .prepare("SELECT id, what, images FROM track_change WHERE profile = ? ORDER BY id DESC LIMIT 1")
    .get(profile);
  if (!row) return undefined;
  const { session, ...images } = JSON.parse(String(row["images"])) as Images & { session: number | null };
  return { id: Number(row["id"]), what: String(row["what"]), images, session };
}

/** The spans of a profile that somebody has corrected, as far back as that is kept. */
export function correctedSpans(db: Database, profile: string): Set<number> {
  const rows = db.prepare("SELECT images FROM track_change WHERE profile = ?").all(profile);
  return new Set(
    rows.flatMap((row) => {
      const { removed, added, updated } = JSON.parse(String(row["images"])) as Images;
      return [...removed, ...added, ...updated.map(({ after }) => after)].map(({ id }) => id);
    }),
  );
}

/** @returns its id */
function keep(db: Database, change: Omit<Kept, "id"> & Pick<Where, "profile" | "now">): number {
  const { profile, what, images, session, now } = change;
  db.prepare("INSERT INTO track_change (profile, made_at, what, images) VALUES (?, ?, ?, ?)").run(
    profile,
    Math.floor(now.wall),
    what,
    JSON.stringify({ ...images, session }),
  );
  const id = Number(db.prepare("SELECT last_insert_rowid() AS id").get()?.["id"]);
  db.prepare(
    `DELETE FROM track_change WHERE profile = ?1 AND id <=
       (SELECT id FROM track_change WHERE profile = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
  ).run(profile, KEPT);
  return id;
}

/** @throws Expected for a refusal */
function done(outcome: Change | Refusal): Change {
  if (!isRefusal(outcome)) return outcome;
  throw new Expected(Exit[outcome.because], outcome.refused, outcome.hint);
}

/** @param sql gives the last one as `last` */
const nextId = (db: Database, sql: string): number => Number(db.prepare(sql).get()?.["last"] ?? 0) + 1;

export function findSpan(db: Database, profile: string, id: number): Span | undefined {
  const row = db
    .prepare(
      "SELECT track_span.* FROM track_span JOIN track_session ON n = session WHERE track_span.id = ? AND profile = ?",
    )
    .get(id, profile);
  return row && spanOf(row);
}

const unique = (spans: readonly Span[]): Span[] => [
  ...new Map(spans.map((span) => [span.id, span])).values(),
];

/** The spans that an edit is made on. */
function spansFor(db: Database, profile: string, edit: Edit, open: Span | undefined): Span[] {
  if (edit.do === "switch") return open ? spansOfSession(db, open.session) : [];
  if (edit.do === "add") return spansBetween(db, profile, edit.from, edit.to);
  const span = findSpan(db, profile, edit.span);
  if (!span || edit.do !== "modify") return span ? [span] : [];
  const { from = span.started_at, to = span.ended_at } = edit;
  return unique([span, ...spansBetween(db, profile, from, to)]);
}

/** A session that no host has ever run. Its id has its place in the order of time. */
function addSession(db: Database, profile: string, { started_at }: Span): void {
  const id = newSessionId(started_at, crypto.getRandomValues(new Uint8Array(16)));
  const then = { ...systemClock, wall: () => started_at };
  claimSession(db, { id, kind: "track", profile }, then);
  recordState(db, id, "stopped", then);
  trackSession(db, { id, profile, origin: "added" });
}

/** @returns the sessions whose spans have changed */
function write(db: Database, { removed, added, updated }: Change, wall: number): number[] {
  for (const { id } of removed) removeSpan(db, id);
  for (const { after } of updated) changeSpan(db, after);
  for (const span of added) addSpan(db, span);
  const spans = [...removed, ...added, ...updated.map(({ after }) => after)];
  const sessions = [...new Set(spans.map(({ session }) => session))];
  for (const session of sessions) settle(db, session, wall);
  return sessions;
}

/** What else is kept of a session that is over follows from its spans. */
export function settle(db: Database, session: number, wall: number): void {
  db.prepare(
    `UPDATE session SET started_at = span.first, last_active = span.last, ended_at = span.last
     FROM (SELECT MIN(started_at) AS first, MAX(ended_at) AS last FROM track_span WHERE session = ?1) AS span
     WHERE span.first IS NOT NULL AND id = (SELECT id FROM track_session WHERE n = ?1 AND origin != 'tracked')`,
  ).run(session);
  const state = db
    .prepare("SELECT state FROM session JOIN track_session USING (id) WHERE n = ?")
    .get(session)?.["state"];
  if (state === "stopped") putReport(db, session, Math.floor(wall));
}

const LONGEST_NAME = 200;
const LONGEST_TAG = 100;
const LONGEST_NOTE = 2_000;
/** What a Date can hold, ms. */
const LAST_TIME = 8.64e15;

const wrong = (name: string, must: string): Expected => new Expected(Exit.usage, `${name} must be ${must}`);

function oneLine(value: unknown, name: string, longest: number): string {
  const text = typeof value === "string" ? value.trim() : "";
  if (text !== "" && [...text].length <= longest && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) return text;
  throw wrong(`a ${name}`, `one line of 1 to ${longest} characters`);
}

/** A note as it was given; without any text it is none. @throws Expected 2 */
export const noteFrom = (value: unknown): string | null =>
  value === null || (typeof value === "string" && value.trim() === "")
    ? null
    : oneLine(value, "note", LONGEST_NOTE);

const named = (value: unknown): string | null =>
  value === null ? null : oneLine(value, "project", LONGEST_NAME);

function tagged(value: unknown): string[] {
  if (!Array.isArray(value)) throw wrong("tags", "a list");
  return [...new Set(value.map((tag) => oneLine(tag, "tag", LONGEST_TAG)))];
}

/** A project and tags as they were given, tags once each; what is left out is none. @throws Expected 2 */
export const effortFrom = ({ project = null, tags = [] }: { project?: unknown; tags?: unknown }): Effort => ({
  project: named(project),
  tags: tagged(tags),
});

/**
 * Reads an edit that comes from outside: typed, or over a host's control. What may be left out gets its default, tags
 * are taken once each.
 * @throws Expected 2 naming what is wrong
 */
export function editFrom(args: unknown): Edit {
  const given = (typeof args === "object" && args !== null ? args : {}) as { [key: string]: unknown };
  const { do: what, kind, replace = false } = given;
  const whole = (name: string, least: number): number => {
    const value = given[name];
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= LAST_TIME)
      return Number(value);
    throw wrong(name, "a whole number");
  };
  /** What isn't given stays out. */
  const maybe = <T>(name: string, read: (value: unknown) => T): T | undefined =>
    given[name] === undefined ? undefined : read(given[name]);
  const time = (name: string) => maybe(name, () => whole(name, 0));

  if (typeof replace !== "boolean") throw wrong("replace", "true or false");
  switch (what) {
    case "add": {
      const note = noteFrom(given["note"] ?? null);
      return { do: what, from: whole("from", 0), to: whole("to", 0), ...effortFrom(given), note, replace };
    }
    case "modify": {
      const known = SPAN_KINDS.find((each) => each === kind);
      if (kind !== undefined && !known) throw wrong("kind", SPAN_KINDS.join(", "));
      return {
        do: what,
        span: whole("span", 1),
        from: time("from"),
        to: time("to"),
        kind: known,
        project: maybe("project", named),
        tags: maybe("tags", tagged),
        note: maybe("note", noteFrom),
        replace,
      };
    }
    case "split":
      return { do: what, span: whole("span", 1), at: whole("at", 0) };
    case "remove":
      return { do: what, span: whole("span", 1) };
    case "switch":
      return { do: what, ...effortFrom(given), at: time("at") };
    case "away": {
      const { decision } = given;
      const span = whole("span", 1);
      if (decision === "keep" || decision === "drop") return { do: what, span, decision };
      if (typeof decision !== "object" || decision === null)
        throw wrong("decision", "keep, drop or a project");
      return {
        do: what,
        span,
        decision: { project: named((decision as { project?: unknown }).project ?? null) },
      };
    }
    default:
      throw new Expected(
        Exit.usage,
        "there is no such correction",
        "add, modify, split, remove, switch or away",
      );
  }
}
