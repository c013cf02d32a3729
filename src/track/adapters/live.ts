import { checkpoint } from "../../kernel/checkpoint.ts";
import { localOffset } from "../../kernel/clock.ts";
import { message } from "../../kernel/errors.ts";
import type { Host } from "../../kernel/host.ts";
import type { Database } from "../../kernel/runtime.ts";
import { addCounts, clicksOf, type InputCounts, NO_INPUT, scrollsOf } from "../core/counts.ts";
import { Course, type Living } from "../core/course.ts";
import { localPieces } from "../core/edits.ts";
import { Minutes } from "../core/minutes.ts";
import type { CheckpointType, Saved } from "../core/saved.ts";
import { type Reading, SessionClock } from "../core/session-clock.ts";
import { type Effort, NO_TIMES, type Times } from "../core/span.ts";
import type { TrackerStates } from "../core/tracker-states.ts";
import type { TrackView } from "../core/view.ts";
import {
  addSpan,
  changeSpan,
  inputByMinute,
  inputOfSession,
  putReport,
  removeSpan,
  sessionFacts,
  spansOfSession,
} from "./journal.ts";
import { lengthOf, type TrackSettings } from "./settings.ts";
import { type Put, Sightings } from "./sightings.ts";
import { Sink } from "./sink.ts";
import { todayOf } from "./today.ts";

/** How long a host that ends tries to write what it holds to a disk that takes nothing, ms. */
const LAST_CHANCE_MS = 5_000;
/** A notice is news for so long, ms. */
const NEWS_MS = 60_000;
/** Questions that are kept for somebody to answer. */
const MOST_QUESTIONS = 20;
/** A disk that takes nothing is tried so often, ms, once it has refused some times. */
const TRY_AGAIN_MS = 5_000;
const REFUSED_OFTEN = 10;
/** Minutes that the sparklines go back. */
const MINUTES = 60;
/** The figures of the day are read anew so often, ms. */
const TODAY_MS = 5_000;
/** Clients are told of what only counts on no more often than this, ms. */
const TOLD_MS = 1_000;
/** What a session has come to. */
type Counted = Times & { keys: number; clicks: number };

/** What a transaction has taken, and the ids that it gave. */
type Written = {
  spans: readonly Living[];
  ids: readonly number[];
  /** Of the span that is going on. */
  open: number | undefined;
  seen: Put;
  checkpoints: readonly { type: CheckpointType; saved: Saved }[];
  counted: Counted;
};

/** How a session begins under a host. */
export type Beginning = {
  /** Its number in the store. */
  session: number;
  effort: Effort;
  /** When it began, UTC ms, if that was before now. */
  at?: number;
  saved: Saved;
  notice?: string;
};

/**
 * The session of a host: takes in what trackers tell, keeps the course of its spans, and writes all of it so often that
 * a host that is killed loses no more than a moment. What can't be written waits and is written later.
 */
export class Live {
  readonly #host: Host;
  readonly #settings: TrackSettings;
  readonly #session: number;
  readonly #clock: SessionClock;
  readonly #course: Course;
  readonly #states: TrackerStates;
  #sink: Sink | undefined;
  #saved: Saved;
  #startedAt: number;
  /** Of the whole session. */
  readonly #sums: InputCounts;
  #screenshots: number;
  #shot: TrackView["shot"];
  readonly #sightings: Sightings;
  readonly #minutes = { keys: new Minutes(MINUTES), clicks: new Minutes(MINUTES) };
  /** Times away of which nobody has said what they were, the oldest first. */
  #questions: Living[] = [];
  #notice: string | null;
  #noticeAt = 0;
  /** Whether the clock was set back, and hasn't caught up. */
  #isAhead = false;
  /** When somebody last asked something of the session, an input like any other, on the clock that never jumps. */
  #touchedAt: number;
  #unsaved: string | null = null;
  /** A change of state that is to be in the store as a checkpoint of its own. */
  #checkpoints: { type: CheckpointType; saved: Saved }[] = [];
  #writing: Promise<void> = Promise.resolve();
  /** The figures of the day when they were last read, and what the course had come to then. */
  #today: TrackView["today"];
  #todayAt = 0;
  #then: Counted = { ...NO_TIMES, keys: 0, clicks: 0 };
  /** What the session had come to when it was last written: what the store's figures of the day have of it. */
  #writtenThen: Counted = { ...NO_TIMES, keys: 0, clicks: 0 };
  #toldAt = 0;
  #told = "";
  /** When the pause that is on its way was asked for. */
  #asked: number | undefined;
  /** What kept the last write from the disk, how often in a row, and when on the clock that never jumps. */
  #failure: unknown;
  #refused = 0;
  #triedAt = 0;
  /** The time when that was last looked at. */
  #at = 0;

  constructor(host: Host, settings: TrackSettings, states: TrackerStates, beginning: Beginning) {
    const { session, effort, at, saved, notice } = beginning;
    this.#host = host;
    this.#settings = settings;
    this.#session = session;
    this.#states = states;
    this.#saved = saved;
    this.#notice = notice ?? null;
    this.#sightings = new Sightings(session, lengthOf(settings.pulse), lengthOf(settings.save_interval));
    const { db } = host.store;
    const before = spansOfSession(db, session);
    this.#sums = inputOfSession(db, session);
    const last = before.at(-1);
    this.#clock = new SessionClock(this.#reading, last?.ended_at);
    const now = this.#clock.read(this.#reading).at;
    this.#at = now;
    this.#noticeAt = now;
    this.#touchedAt = host.clock.monotonic();
    const pieces = localPieces(at ?? now, now, Temporal.Now.timeZoneId());
    this.#course = new Course(session, pieces[0]?.utc_offset_min ?? localOffset(now), before);
    this.#startedAt = before[0]?.started_at ?? at ?? now;
    this.#writtenThen = this.#counted;
    this.#course.begin("work", effort, at ?? now);
    for (const { started_at, utc_offset_min } of pieces) {
      this.#course.extend(started_at);
      this.#course.moveTo(utc_offset_min, started_at);
    }
    this.#course.extend(now);
    this.#course.setNote(saved.note);
    this.#questions = before
      .filter(({ id, kind }) => kind === "away" && saved.questions.includes(id))
      .map((span) => ({ ...span, dirty: false }));
    if (saved.paused) this.#course.pause(now);
    const { screenshots, newest } = sessionFacts(db, session);
    this.#screenshots = screenshots;
    this.#shot = newest;
    for (const { at: when, keys, clicks } of inputByMinute(db, session, now - MINUTES * 60_000)) {
      this.#minutes.keys.add(keys, when);
      this.#minutes.clicks.add(clicks, when);
    }
    this.#today = this.#readToday(now);
  }

  /** Writes what it begins with. @throws what keeps it from being written: then nothing has begun */
  async begin(type: CheckpointType): Promise<void> {
    await this.change(type, {});
    if (this.#unsaved !== null) throw this.#failure;
  }

  get saved(): Saved {
    return this.#saved;
  }

  get #counted(): Counted {
    return { ...this.#course.times, keys: this.#sums.presses, clicks: clicksOf(this.#sums) };
  }

  get #reading(): Reading {
    const { clock } = this.#host;
    return { wall: clock.wall(), monotonic: clock.monotonic(), boot: () => clock.boot() };
  }

  /** The time now by the session's clock; what happened to that since it was last looked at is taken in first. */
  #now(): number {
    const { at, slept, skipped } = this.#clock.read(this.#reading);
    this.#at = at;
    const { open } = this.#course;
    if (open && slept + skipped > 0) {
      // What is known for sure is how it was when it was last looked at: that is where it is put.
      this.#sightings.close();
      const woke = open.ended_at + slept;
      if (slept > 0 && open.kind === "work" && this.#settings.suspend === "away") {
        this.#course.leave("sleep", open.ended_at);
        this.#course.extend(woke);
        this.#returned(this.#course.comeBack("sleep", woke));
      } else this.#course.extend(woke);
      if (skipped > 0) {
        this.#course.skip(woke, woke + skipped);
        this.tell(`the clock was set forward: ${Math.round(skipped / 1000)} s are of no session`);
      }
    }
    this.#course.moveTo(localOffset(at), at);
    return at;
  }

  /** Takes in what has been counted up to now. */
  tick(): void {
    const at = this.#now();
    this.#course.extend(at);
    this.#drain(at);
    if (at - this.#todayAt >= TODAY_MS) this.#today = this.#readToday(at);
    if (this.#notice !== null && at - this.#noticeAt > NEWS_MS) this.#notice = null;
    const ahead = this.#clock.ahead > 60_000;
    if (ahead && !this.#isAhead)
      this.tell("the clock was set back: times run ahead of it until it has caught up");
    this.#isAhead = ahead;
  }

  #drain(at: number): void {
    const counts = this.#sink?.take() ?? NO_INPUT;
    this.#sightings.count(counts, at, this.#course.open?.started_at ?? at);
    addCounts(this.#sums, counts);
    this.#minutes.keys.add(counts.presses, at);
    this.#minutes.clicks.add(clicksOf(counts), at);
    // Also where what tells of idle time is lost. The pointer may be moved by a program.
    const touched = counts.presses + clicksOf(counts) + scrollsOf(counts) > 0;
    if (touched && this.#course.isAbsent("idle")) this.#returned(this.#course.comeBack("idle", at));
  }

  #idle(ms: number): void {
    const at = this.#now();
    this.#course.extend(at);
    const touched = this.#host.clock.monotonic() - this.#touchedAt;
    const idleMs = Math.round(Math.min(ms, touched));
    if (idleMs >= lengthOf(this.#settings.afk_after)) {
      if (this.#course.isAbsent("idle")) return;
      this.#course.leave("idle", at - idleMs);
      this.#tellSoon(at);
    } else if (this.#course.isAbsent("idle")) {
      const back = at - idleMs;
      // The input that it began with is none that ends it.
      if (back > (this.#course.open?.started_at ?? at)) this.#returned(this.#course.comeBack("idle", back));
    }
  }

  /** Somebody asked something of the session: they are there, whatever a display has heard. */
  touched(): void {
    this.#touchedAt = this.#host.clock.monotonic();
  }

  locked(is: boolean): void {
    if (this.#settings.lock !== "away") return;
    const at = this.#now();
    this.#course.extend(at);
    if (is) this.#course.leave("lock", at);
    else this.#returned(this.#course.comeBack("lock", at));
    this.#host.changed();
  }

  /** A time away has ended: it is kept, dropped, or somebody is asked. */
  #returned(away: Living | undefined): void {
    if (!away) return;
    if (this.#settings.away === "keep") this.#course.keep(away);
    if (this.#settings.away === "ask") this.#questions = [...this.#questions, away].slice(-MOST_QUESTIONS);
    this.#host.changed();
  }

  /** What the trackers of a new generation feed. */
  watch(): Sink {
    this.#leaveOff(this.#now());
    const sink = new Sink(lengthOf(this.#settings.idle_threshold), {
      window: (seen) => {
        const at = this.#now();
        if (this.#sightings.window(seen, at)) this.#tellSoon(at);
      },
      running: (apps) => this.#sightings.running(apps, this.#now()),
      idle: (ms) => this.#idle(ms),
      isPresent: () => this.#course.open?.kind === "work",
      shot: ({ id, at, count }) => {
        this.#screenshots += count;
        this.#shot = { id, at };
        this.#host.changed();
      },
    });
    this.#sink = sink;
    return sink;
  }

  /** The trackers are gone, or to be left behind; what they told is taken in. */
  #leaveOff(at: number): void {
    this.#drain(at);
    this.#sink?.close();
    this.#sink = undefined;
    this.#sightings.close();
  }

  /** A pause or the end was asked for, and what comes after it is no work; or it wasn't after all. */
  leaving(is: boolean): void {
    const at = this.#now();
    if (is && this.#course.open?.kind !== "pause") this.#asked ??= at;
    if (is || this.#asked === undefined) return;
    // A pause that is on its way, and asked back: what passed between is none of work.
    this.#returned(this.#course.pause(this.#asked));
    this.#course.extend(at);
    this.#course.resume(at);
    this.#asked = undefined;
  }

  /** The apps tracker is gone: what is looked at is known no more. */
  unseen(): void {
    this.#sightings.window(undefined, this.#now());
  }

  /** Trackers are gone; what they told is taken in. */
  async paused(): Promise<void> {
    const at = this.#now();
    this.#leaveOff(at);
    this.#returned(this.#course.pause(this.#asked ?? at));
    this.#asked = undefined;
    this.#course.extend(at);
    // What begins paused has been written so.
    await (this.#saved.paused ? this.flush() : this.change("PAUSED", { paused: true }));
  }

  async resumed(): Promise<void> {
    const at = this.#now();
    this.#asked = undefined;
    this.#course.extend(at);
    this.#course.resume(at);
    await (this.#saved.paused ? this.change("RESUMED", { paused: false }) : this.flush());
  }

  /**
   * It ends, for good or because its host does.
   * @throws what keeps what is left from being written, tried for some seconds
   */
  async end(over: boolean): Promise<void> {
    const { clock } = this.#host;
    const at = this.#now();
    this.#leaveOff(at);
    this.#course.extend(at);
    this.#returned(this.#course.end(this.#asked ?? at));
    await this.flush();
    await this.change(over ? "STOPPED" : "CHANGED", { over });
    const giveUp = clock.monotonic() + LAST_CHANCE_MS;
    while (this.#unsaved !== null) {
      if (clock.monotonic() > giveUp) throw this.#failure;
      await clock.sleep(500);
      await this.flush();
    }
  }

  /** Says that it is another state from now on, and writes it with all there is. */
  async change(type: CheckpointType, saved: Partial<Saved>): Promise<void> {
    this.#saved = { ...this.#saved, ...this.#unspanned, ...saved };
    this.#checkpoints.push({ type, saved: this.#saved });
    await this.flush();
  }

  /** What spans don't say of what goes on: it is in the checkpoint. */
  get #unspanned(): Pick<Saved, "note" | "questions"> {
    return { note: this.#course.note, questions: this.#questions.flatMap(({ id }) => id ?? []) };
  }

  /** Writes what there is; what is asked about is known by the ids that spans are given by that. */
  async #remember(): Promise<void> {
    await this.flush();
    const { note, questions } = this.#unspanned;
    const same = note === this.#saved.note && questions.join() === this.#saved.questions.join();
    if (!same) await this.change("CHANGED", {});
  }

  tell(notice: string): void {
    this.#notice = notice;
    this.#noticeAt = this.#at;
    this.#host.changed();
  }

  /** What is done now is this. @param text null for nothing in particular */
  async note(text: string | null): Promise<void> {
    this.#course.setNote(text);
    await this.#remember();
    this.#host.changed();
  }

  /**
   * Corrects what the store has of this profile: in one transaction with what isn't written yet, after which the session
   * goes on with what it then is.
   */
  async correct<T>(work: (db: Database, open: number | undefined) => T): Promise<T> {
    this.tick();
    const { result, spans, facts, written } = await this.#host.store.write((db) => {
      const written = this.#put(db);
      const result = work(db, written.open);
      const facts = sessionFacts(db, this.#session);
      return { result, spans: spansOfSession(db, this.#session), facts, written };
    });
    this.#written(written);
    this.#course.reload(spans);
    this.#screenshots = facts.screenshots;
    this.#shot = facts.newest;
    if (this.#course.note !== this.#saved.note) await this.#remember();
    this.#startedAt = spans[0]?.started_at ?? this.#startedAt;
    const away = new Set(spans.filter(({ kind }) => kind === "away").map(({ id }) => id));
    this.#questions = this.#questions.filter(({ id }) => id === null || away.has(id));
    this.#today = this.#readToday(this.#at);
    this.#host.changed();
    return result;
  }

  /** Somebody has changed the store. */
  reread(): Promise<void> {
    return this.correct(() => {});
  }

  /** Nobody is to be asked any more about a time away. */
  answered(span: number): void {
    this.#questions = this.#questions.filter(({ id }) => id !== span);
    this.#host.changed();
  }

  /** Writes what isn't written yet, and the times up to now. Resolves when it is, or is known not to be. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#flush());
    return this.#writing;
  }

  /** What goes on has gone on until now, and that is written. */
  async beat(): Promise<void> {
    this.tick();
    const { clock } = this.#host;
    if (this.#refused < REFUSED_OFTEN || clock.monotonic() >= this.#triedAt + TRY_AGAIN_MS)
      await this.flush();
    this.#tellSoon(this.#at);
  }

  async #flush(): Promise<void> {
    try {
      const written = await this.#host.store.write((db) => this.#put(db));
      this.#written(written);
      this.#failure = undefined;
      this.#refused = 0;
      if (this.#unsaved !== null) {
        this.#unsaved = null;
        this.#host.changed();
      }
    } catch (error) {
      this.unwritten(error);
      this.#refused++;
      this.#triedAt = this.#host.clock.monotonic();
      if (this.#sightings.waits()) this.tell("the disk takes nothing: the oldest of what was seen is let go");
      this.#checkpoints = this.#checkpoints.slice(-KEPT);
    }
  }

  unwritten(error: unknown): void {
    if (!this.#failure) this.#host.log.error("what is tracked can't be saved: it is tried again", { error });
    this.#failure = error;
    this.#unsaved = message(error);
    this.#host.changed();
  }

  #put(db: Database): Written {
    const spans = this.#course.unwritten;
    const ids = spans.map((span) => {
      if (span.id === null) return addSpan(db, { ...span, id: null });
      const { open } = this.#course;
      // What follows says what the session is for; the last of all stays for that.
      if (open && span !== open && span.ended_at === span.started_at) removeSpan(db, span.id);
      else changeSpan(db, { ...span, id: span.id });
      return span.id;
    });
    const { session, clock } = this.#host;
    const checkpoints = [...this.#checkpoints];
    for (const { type, saved } of checkpoints)
      checkpoint(db, { session, type, state: saved, keep: KEPT }, clock);
    if (this.#saved.over || checkpoints.some(({ type }) => type === "STOPPED"))
      putReport(db, this.#session, clock.wall());
    const { open: going } = this.#course;
    const open = going && (going.id ?? ids[spans.indexOf(going)]);
    return { spans, ids, open, seen: this.#sightings.put(db), checkpoints, counted: this.#counted };
  }

  #written(done: Written): void {
    this.#course.written(done.spans, done.ids);
    this.#sightings.written(done.seen);
    this.#writtenThen = done.counted;
    this.#checkpoints = this.#checkpoints.filter((each) => !done.checkpoints.includes(each));
  }

  #readToday(at: number): TrackView["today"] {
    this.#todayAt = at;
    this.#then = this.#writtenThen;
    const { store, profile } = this.#host;
    return todayOf(store.db, profile, at);
  }

  /** Tells clients when there is something new to be seen. */
  #tellSoon(at: number): void {
    if (at - this.#toldAt < TOLD_MS) return;
    const { as_of: _, worked_ms: __, paused_ms: ___, afk_ms: ____, today, ...facts } = this.view();
    const { worked_ms: _____, paused_ms: ______, afk_ms: _______, line: ________, ...day } = today;
    const now = JSON.stringify([facts, day]);
    if (now === this.#told) return;
    this.#told = now;
    this.#toldAt = at;
    this.#host.changed();
  }

  get #question(): TrackView["question"] {
    const [first] = this.#questions.filter(({ id }) => id !== null);
    const { id, started_at: from, ended_at: to } = first ?? { id: null };
    return id === null || from === undefined
      ? null
      : { span: id, from, to, more: this.#questions.length - 1 };
  }

  /** As it is at this moment. */
  view(): TrackView {
    const as_of = this.#now();
    this.#course.extend(as_of);
    const { open } = this.#course;
    const sums = this.#sums;
    const times = this.#course.times;
    const [today, then] = [this.#today, this.#then];
    const { looked } = this.#sightings;
    return {
      as_of,
      going: this.#saved.over ? null : (open?.kind ?? null),
      going_since: open?.started_at ?? null,
      started_at: this.#startedAt,
      ...times,
      ...this.#course.effort,
      note: this.#course.note,
      keys: sums.presses,
      clicks: clicksOf(sums),
      scrolls: scrollsOf(sums),
      distance_px: sums.distance_px,
      screenshots: this.#screenshots,
      mouse_idle: this.#sink?.mouse.isIdle(this.#host.clock.monotonic()) ?? true,
      app: looked?.window.app ?? null,
      title: looked?.window.title ?? null,
      app_since: looked?.since ?? null,
      trackers: this.#states.trackers(),
      idle: this.#states.idle(),
      minutes: { keys: this.#minutes.keys.upTo(as_of), clicks: this.#minutes.clicks.upTo(as_of) },
      question: this.#question,
      shot: this.#shot,
      today: {
        ...today,
        worked_ms: today.worked_ms + times.worked_ms - then.worked_ms,
        paused_ms: today.paused_ms + times.paused_ms - then.paused_ms,
        afk_ms: today.afk_ms + times.afk_ms - then.afk_ms,
        keys: today.keys + sums.presses - then.keys,
        clicks: today.clicks + clicksOf(sums) - then.clicks,
      },
      notice: this.#notice,
      unsaved: this.#unsaved,
    };
  }
}

/** Checkpoints of a session that are kept: a damaged one is found past. */
const KEPT = 20;
