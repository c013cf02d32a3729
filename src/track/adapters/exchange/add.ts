import { randomBytes } from "node:crypto";
import { claimSession, findSession, newSessionId } from "../../../kernel/checkpoint.ts";
import { localOffset, systemClock } from "../../../kernel/clock.ts";
import { localTime } from "../../../kernel/core/local-time.ts";
import { plain, plainTags } from "../../../kernel/core/plain.ts";
import type { Database } from "../../../kernel/runtime.ts";
import type { Span } from "../../core/span.ts";
import { correctedSpans, settle } from "../edits.ts";
import {
  addRunning,
  addSpan,
  addWindow,
  changeSpan,
  putInput,
  setNote,
  spansBetween,
  spansOfSession,
  trackSession,
} from "../journal.ts";
import { type FoundSpan, runsOf } from "./arrange.ts";
import type { InputRecord, Place, RunningRecord, SessionRecord, SpanRecord, WindowRecord } from "./format.ts";
import { inputOf, runningOf, windowsOf } from "./kept.ts";

/** What a file has, checked. */
export type Import = {
  readonly sessions: readonly SessionRecord[];
  readonly spans: readonly FoundSpan[];
  readonly windows: readonly WindowRecord[];
  readonly running: readonly RunningRecord[];
  readonly input: readonly InputRecord[];
};

/** What became of all its records but the sessions. */
export type Outcome = {
  added: number;
  /** Those that were there already. */
  known: number;
  /** Those of a session that isn't over. */
  going: number;
  /** What was seen at a time that is of no imported session. */
  outside: number;
};

/** A span that can't be, since there is another at that time. */
export class Overlap extends Error {
  readonly at: Place;

  constructor(at: Place, what: string) {
    super(what);
    this.at = at;
  }
}

type Times = { readonly started_at: number; readonly ended_at: number };
type Seen = Times & { readonly session: string | null };

/**
 * Adds what a profile hasn't got yet; within a transaction. What is there already is known by what it says, and what
 * belongs with it in the file goes to its session.
 * @param told at each record that is done
 * @throws Overlap at the first span that overlaps another, of the profile or the file
 */
export function addRecords(
  db: Database,
  profile: string,
  found: Import,
  now: number,
  told: () => void,
): Outcome {
  const outcome: Outcome = { added: 0, known: 0, going: 0, outside: 0 };
  const count = (what: keyof Outcome) => {
    outcome[what]++;
    told();
  };
  const stored = storedSessions(db, profile);
  const unfinished = stored.filter(({ over }) => !over);
  const ids = new Set(unfinished.map(({ id }) => id));
  const isGoing = (session: string | null): boolean => session !== null && ids.has(session);

  const spans = found.spans
    .filter(({ span }) => !isGoing(span.session))
    .sort((a, b) => a.span.started_at - b.span.started_at);
  for (let left = found.spans.length - spans.length; left > 0; left--) count("going");
  const there = spansNear(db, profile, spans);
  const known = knownAmong(there, spans);
  const corrected = correctedSpans(db, profile);
  const over = new Set(stored.flatMap((each) => (each.over ? each.n : [])));
  const settled = (span: Span) => over.has(span.session) && !corrected.has(span.id);
  const grown = grownAmong(db, known, settled);
  // One that ends later in the file, but can't have gone on, is another.
  for (const [each, span] of known) {
    if (isLonger(each, span) && settled(span) && !grown.has(span)) known.delete(each);
  }
  const isGrown = new Set(grown.values());
  // What has gone on since takes the place of what it was.
  const fresh = placed(
    there.filter((span) => !grown.has(span)),
    spans.filter((each) => !known.has(each) || isGrown.has(each)),
  );

  const sessions = new Sessions(db, profile, stored, found.sessions);
  for (const [each, { session }] of known) {
    if (each.span.session !== null) sessions.isKnownAs(each.span.session, session);
    if (!fresh.has(each)) count("known");
  }
  const add = (session: number, each: FoundSpan, span: SpanRecord) => {
    const before = known.get(each);
    if (before) changeSpan(db, { ...before, ended_at: span.ended_at });
    else addSpan(db, { ...span, session });
    sessions.touched.add(session);
    count("added");
  };
  for (const run of runsOf(spans.filter(({ span }) => span.session === null))) {
    let session: number | undefined;
    for (const each of run) {
      const span = fresh.get(each);
      session = known.get(each)?.session ?? session ?? sessions.anew(span ?? each.span);
      if (span) add(session, each, span);
    }
  }
  for (const [each, span] of fresh) {
    if (span.session !== null) {
      add(known.get(each)?.session ?? sessions.of(span.session, span), each, span);
    }
  }
  for (const each of found.sessions) if (!isGoing(each.id)) sessions.of(each.id, each);

  const homes = new Homes(db, profile);
  /**
   * Adds records of what was seen, unless they are there; one that is there and went on for longer is made so.
   * @param key what tells one apart within its session, however long it is
   */
  const addSeen = <T extends Seen>(
    records: readonly T[],
    stored: (session: number) => T[],
    key: (record: T) => string,
    put: (session: number, record: T, isThere: boolean) => void,
  ) => {
    const before = once((session) => new Map(stored(session).map((each) => [key(each), each.ended_at])));
    for (const record of records) {
      if (isGoing(record.session)) {
        count("going");
        continue;
      }
      const places: [number, T][] =
        record.session === null ? homes.of(record) : [[sessions.of(record.session, record), record]];
      if (places.length === 0) count("outside");
      for (const [session, each] of places) {
        const known = sessions.isNew(session) ? undefined : before(session);
        const until = known?.get(key(each));
        if (until !== undefined && until >= each.ended_at) {
          count("known");
          continue;
        }
        put(session, each, until !== undefined);
        known?.set(key(each), each.ended_at);
        sessions.touched.add(session);
        count("added");
      }
    }
  };
  addSeen(
    found.windows,
    (session) => windowsOf(db, session),
    // The rules for titles may be others than when it was taken in.
    ({ started_at, app, process, pid }) => JSON.stringify([started_at, app, process, pid]),
    (session, { app, title, process, pid, started_at, ended_at }, isThere) =>
      isThere
        ? lengthenWindow(db, session, app, { started_at, ended_at })
        : addWindow(db, { session, window: { app, title, process, pid }, started_at, ended_at }),
  );
  addSeen(
    found.running,
    (session) => runningOf(db, session),
    ({ started_at, process, pid }) => JSON.stringify([started_at, process, pid]),
    (session, { process, pid, started_at, ended_at }, isThere) =>
      isThere
        ? lengthenRunning(db, session, pid, { started_at, ended_at })
        : addRunning(db, { session, app: { process, pid }, started_at, ended_at }),
  );
  addSeen(
    found.input,
    (session) => inputOf(db, session),
    ({ started_at }) => String(started_at),
    (session, { started_at, ended_at, session: _, ...counts }) =>
      putInput(db, { session, started_at, ended_at, counts }),
  );
  for (const session of sessions.touched) settle(db, session, now);
  return outcome;
}

function lengthenWindow(db: Database, session: number, app: string, { started_at, ended_at }: Times): void {
  db.prepare(
    `UPDATE track_window SET ended_at = ?1 WHERE session = ?2 AND started_at = ?3 AND ended_at < ?1
       AND app = (SELECT id FROM track_text WHERE text = ?4)`,
  ).run(ended_at, session, started_at, app);
}

function lengthenRunning(db: Database, session: number, pid: number, { started_at, ended_at }: Times): void {
  db.prepare(
    "UPDATE track_running SET ended_at = ?1 WHERE session = ?2 AND started_at = ?3 AND ended_at < ?1 AND pid = ?4",
  ).run(ended_at, session, started_at, pid);
}

type Stored = Times & { n: number; id: string; over: boolean };

const storedSessions = (db: Database, profile: string): Stored[] =>
  db
    .prepare(
      `SELECT n, id, state, COALESCE(first, started_at) AS started_at, COALESCE(last, ended_at) AS ended_at
       FROM track_session JOIN session USING (id) LEFT JOIN (
         SELECT session, MIN(started_at) AS first, MAX(ended_at) AS last FROM track_span GROUP BY session
       ) ON session = n
       WHERE track_session.profile = ?`,
    )
    .all(profile)
    .map((row) => ({
      n: Number(row["n"]),
      id: String(row["id"]),
      over: row["state"] === "stopped",
      started_at: Number(row["started_at"]),
      ended_at: Number(row["ended_at"]),
    }));

/** The profile's spans where those of a file are, and a second further. */
function spansNear(db: Database, profile: string, spans: readonly FoundSpan[]): Span[] {
  const first = spans[0]?.span.started_at;
  if (first === undefined) return [];
  const last = spans.reduce((latest, { span }) => Math.max(latest, span.ended_at), first);
  return spansBetween(db, profile, first - 1000, last + 1000);
}

type Unit = 1 | 1000;

/** What makes two spans the same, to the millisecond or to the second; `begun`: whenever they end. */
function spanKey(span: SpanRecord | Span, unit: Unit, begun = false): string {
  const { kind, project, tags, note, started_at, ended_at } = span;
  const times = (begun ? [started_at] : [started_at, ended_at]).map((at) => Math.floor(at / unit));
  return JSON.stringify([kind, times, plain(project ?? ""), plainTags(tags).sort(), plain(note ?? "")]);
}

const isWhole = ({ started_at, ended_at }: Times): boolean =>
  started_at % 1000 === 0 && ended_at % 1000 === 0;

/**
 * Those that are there already, as they are there: a session may have been exported while it went on, so that its last
 * span is known by its beginning.
 */
function knownAmong(there: readonly Span[], spans: readonly FoundSpan[]): Map<FoundSpan, Span> {
  const ways = [false, true].flatMap((begun) =>
    ([1, 1000] as const).map((unit) => {
      const spans = new Map(there.map((span) => [spanKey(span, unit, begun), span]));
      return (each: FoundSpan): Span | undefined => {
        const alike = spans.get(spanKey(each.span, unit, begun));
        // To the second where one of the two has lost its milliseconds.
        return alike && (unit === 1 || each.coarse || isWhole(alike)) ? alike : undefined;
      };
    }),
  );
  const known = new Map<FoundSpan, Span>();
  for (const each of spans) {
    for (const find of ways) {
      const alike = known.has(each) ? undefined : find(each);
      if (alike) known.set(each, alike);
    }
  }
  return known;
}

/** Whether the file has a span that ends later than it is known to. */
function isLonger({ coarse, span }: FoundSpan, known: Span): boolean {
  const unit: Unit = coarse || isWhole(known) ? 1000 : 1;
  return Math.floor(span.ended_at / unit) > Math.floor(known.ended_at / unit);
}

/**
 * The spans of the profile that have gone on since they were taken in, and what of the file says so. Only the last one of
 * a session can have.
 * @param may whether one can have gone on elsewhere: it doesn't here, and nobody has said that it ended earlier
 */
function grownAmong(
  db: Database,
  known: ReadonlyMap<FoundSpan, Span>,
  may: (span: Span) => boolean,
): Map<Span, FoundSpan> {
  const last = once((session) => spansOfSession(db, session).at(-1)?.id);
  const grown = new Map<Span, FoundSpan>();
  for (const [each, span] of known) {
    if (isLonger(each, span) && last(span.session) === span.id && may(span)) grown.set(span, each);
  }
  return grown;
}

/**
 * Spans as they can be added to those that are there. One of whole seconds may in truth have begun up to a second later,
 * when what it overlaps ended.
 * @throws Overlap
 */
function placed(there: readonly Span[], fresh: readonly FoundSpan[]): Map<FoundSpan, SpanRecord> {
  type Each = { span: Span | SpanRecord; found?: FoundSpan };
  const all: Each[] = [
    ...there.map((span) => ({ span })),
    ...fresh.map((found) => ({ span: found.span, found })),
  ];
  all.sort((a, b) => a.span.started_at - b.span.started_at || a.span.ended_at - b.span.ended_at);
  const result = new Map<FoundSpan, SpanRecord>();
  let last: Each | undefined;
  for (const each of all) {
    const { found } = each;
    const until = last?.span.ended_at ?? 0;
    let { started_at } = each.span;
    if (last && started_at < until && (found ?? last.found)) {
      const isRounding = found?.coarse && until - started_at < 1000 && until < found.span.ended_at;
      if (!isRounding) throw overlap(each, last);
      started_at = until;
    }
    if (found) result.set(found, { ...found.span, started_at });
    if (each.span.ended_at >= until) last = each;
  }
  return result;
}

function overlap(
  one: { span: Span | SpanRecord; found?: FoundSpan },
  other: { span: Span | SpanRecord; found?: FoundSpan },
): Overlap {
  const [ours, theirs] = one.found ? [one, other] : [other, one];
  const where = theirs.found ? "is in the file too" : "is tracked already";
  return new Overlap(
    ours.found?.at ?? 0,
    `${words(ours.span)} overlaps ${words(theirs.span)}, which ${where}`,
  );
}

/** `work on acme from 2026-06-14 08:00 to 09:30` */
function words({ kind, project, started_at, ended_at, utc_offset_min }: Span | SpanRecord): string {
  const [from, to] = [started_at, ended_at].map((at) => localTime(at, utc_offset_min).toPlainDateTime());
  const text = (time: Temporal.PlainDateTime | undefined) =>
    time?.toString({ smallestUnit: "second" }).replace("T", " ").replace(/:00$/, "") ?? "";
  const end = from?.toPlainDate().equals(to?.toPlainDate() ?? "") ? text(to).slice(11) : text(to);
  return `${kind}${project === null ? "" : ` on ${project}`} from ${text(from)} to ${end}`;
}

const isUuid = (id: string): boolean => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id);

/** Which session of the store is which of the file's; those that aren't there are made when they are asked for. */
class Sessions {
  readonly #db: Database;
  readonly #profile: string;
  readonly #records: ReadonlyMap<string, SessionRecord>;
  /** Numbers by the file's ids. */
  readonly #numbers: Map<string, number>;
  /** Numbers by times: a profile has no two sessions at once. */
  readonly #byTimes: ReadonlyMap<string, number>;
  readonly #new = new Set<number>();
  /** Those that something was added to. */
  readonly touched = new Set<number>();

  constructor(db: Database, profile: string, stored: readonly Stored[], records: readonly SessionRecord[]) {
    this.#db = db;
    this.#profile = profile;
    this.#records = new Map(records.map((each) => [each.id, each]));
    this.#numbers = new Map(stored.map(({ id, n }) => [id, n]));
    this.#byTimes = new Map(stored.map((each) => [timesKey(each), each.n]));
  }

  /** A session of the file is one that is there, unless one of its id is. */
  isKnownAs(id: string, n: number): void {
    if (!this.#numbers.has(id)) this.#numbers.set(id, n);
  }

  /** @param first what is to be in it: it begins with that, where the file doesn't say */
  of(id: string, first: Times & { utc_offset_min?: number }): number {
    const record = this.#records.get(id);
    const known = this.#numbers.get(id) ?? (record && this.#byTimes.get(timesKey(record)));
    const n = known ?? this.#make(record ?? first, record, id);
    this.#numbers.set(id, n);
    return n;
  }

  /** A new one, of which the file knows nothing. */
  anew(first: Times & { utc_offset_min?: number }): number {
    return this.#make(first);
  }

  isNew(n: number): boolean {
    return this.#new.has(n);
  }

  #make(times: Times & { utc_offset_min?: number }, record?: SessionRecord, wanted = ""): number {
    const { started_at, ended_at, utc_offset_min = localOffset(started_at) } = times;
    const isFree = isUuid(wanted) && !findSession(this.#db, wanted);
    const id = isFree ? wanted : newSessionId(started_at, randomBytes(16));
    const profile = this.#profile;
    claimSession(this.#db, { id, kind: "track", profile }, systemClock);
    this.#db
      .prepare(
        `UPDATE session SET state = 'stopped', started_at = ?, utc_offset_min = ?, last_active = ?, ended_at = ?
         WHERE id = ?`,
      )
      .run(started_at, utc_offset_min, ended_at, ended_at, id);
    const n = trackSession(this.#db, { id, profile, origin: record?.origin ?? "imported" });
    if (record) setNote(this.#db, n, record.note);
    this.#new.add(n);
    this.touched.add(n);
    return n;
  }
}

const timesKey = ({ started_at, ended_at }: Times): string => `${started_at} ${ended_at}`;

type Home = { n: number; from: number; to: number };

/** The imported sessions by their times: where what was seen belongs, when a file doesn't say. */
class Homes {
  readonly #all: Home[] = [];

  constructor(db: Database, profile: string) {
    const rows = db
      .prepare(
        `SELECT n, MIN(started_at) AS first, MAX(ended_at) AS last FROM track_session JOIN track_span ON session = n
         WHERE profile = ? AND origin = 'imported' GROUP BY n ORDER BY first`,
      )
      .all(profile);
    for (const row of rows) {
      const from = Math.max(Number(row["first"]), this.#all.at(-1)?.to ?? 0);
      const to = Number(row["last"]);
      if (from < to) this.#all.push({ n: Number(row["n"]), from, to });
    }
  }

  /** Those that end after a time. */
  *#from(time: number): Generator<Home> {
    let [low, high] = [0, this.#all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#all[middle]?.to ?? 0) > time) high = middle;
      else low = middle + 1;
    }
    for (let home = this.#all[low]; home; home = this.#all[++low]) yield home;
  }

  /** The sessions that a record is of, and what of it is of each. An interval of counts can't be cut. */
  of<T extends Seen>(record: T): [number, T][] {
    const { started_at, ended_at } = record;
    const pieces: [number, T][] = [];
    for (const { n, from, to } of this.#from(started_at)) {
      if (from >= ended_at) break;
      if ("presses" in record) return [[n, record]];
      pieces.push([
        n,
        { ...record, started_at: Math.max(from, started_at), ended_at: Math.min(to, ended_at) },
      ]);
    }
    return pieces;
  }
}

function once<T>(make: (n: number) => T): (n: number) => T {
  const made = new Map<number, T>();
  return (n) => {
    const known = made.get(n) ?? make(n);
    made.set(n, known);
    return known;
  };
}
