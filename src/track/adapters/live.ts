import { checkpoint } from "../../kernel/checkpoint.ts";
import { localOffset } from "../../kernel/clock.ts";
import { message } from "../../kernel/errors.ts";
import type { Host } from "../../kernel/host.ts";
import type { Database } from "../../kernel/runtime.ts";
import { addCounts, clicksOf, type InputCounts, NO_INPUT, scrollsOf } from "../core/counts.ts";
import { Course, type Living } from "../core/course.ts";
import type { CheckpointType, Saved } from "../core/saved.ts";
import { type Reading, SessionClock } from "../core/session-clock.ts";
import { type Effort, NO_TIMES, type Times } from "../core/span.ts";
import { Minutes } from "../core/timings.ts";
import type { TrackerStates } from "../core/tracker-states.ts";
import type { TrackView } from "../core/view.ts";
import { applyEdit } from "./edits.ts";
import {
  addSpan,
  changeSpan,
  inputByMinute,
  inputOfSession,
  putReport,
  sessionFacts,
  setNote,
  spansOfSession,
} from "./journal.ts";
import { lengthOf, type TrackSettings } from "./settings.ts";
import { type Put, Sightings } from "./sightings.ts";
import { Sink } from "./sink.ts";
import { todayOf } from "./today.ts";

/** How long a host that ends tries to write what it holds to a disk that takes nothing, ms. */
const LAST_CHANCE_MS = 5_000;
/** Minutes that the sparklines go back. */
const MINUTES = 60;
/** The figures of the day are read anew so often, ms. */
const TODAY_MS = 5_000;
/** Clients are told of what only counts on no more often than this, ms. */
const TOLD_MS = 1_000;
/** What a transaction has taken, and the ids that it gave. */
type Written = {
  spans: readonly Living[];
  ids: readonly number[];
  /** Of the span that is going on. */
  open: number | undefined;
  seen: Put;
  checkpoints: readonly { type: CheckpointType; saved: Saved }[];
};

/** How a session begins under a host. */
export type Beginning = {
  /** Its number in the store. */
  session: number;
  effort: Effort;
  /** When it began, UTC ms, if that was before now. */
  at?: number;
  paused: boolean;
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
  #note: string | null;
  /** Of the whole session. */
  readonly #sums: InputCounts;
  #screenshots: number;
  #shot: TrackView["shot"];
  readonly #sightings: Sightings;
  readonly #minutes = { keys: new Minutes(MINUTES), clicks: new Minutes(MINUTES) };
  #question: Living | undefined;
  #notice: string | null;
  #unsaved: string | null = null;
  /** A change of state that is to be in the store as a checkpoint of its own. */
  #checkpoints: { type: CheckpointType; saved: Saved }[] = [];
  #writing: Promise<void> = Promise.resolve();
  /** The figures of the day when they were last read, and what the course had come to then. */
  #today: TrackView["today"];
  #todayAt = 0;
  #then: Times & { keys: number; clicks: number } = { ...NO_TIMES, keys: 0, clicks: 0 };
  #toldAt = 0;
  #told = "";
  /** When the pause that is on its way was asked for. */
  #asked: number | undefined;
  /** What kept the last write from the disk. */
  #failure: unknown;
  /** The time when that was last looked at. */
  #at = 0;

  constructor(host: Host, settings: TrackSettings, states: TrackerStates, beginning: Beginning) {
    const { session, effort, at, paused, saved, notice } = beginning;
    this.#host = host;
    this.#settings = settings;
    this.#session = session;
    this.#states = states;
    this.#saved = saved;
    this.#notice = notice ?? null;
    this.#sightings = new Sightings(session, lengthOf(settings.pulse), lengthOf(settings.save_interval));
    const { db } = host.store;
    const before = spansOfSession(db, session);
    const last = before.at(-1);
    this.#clock = new SessionClock(this.#reading, last?.ended_at);
    const now = this.#clock.read(this.#reading).at;
    this.#at = now;
    this.#course = new Course(session, localOffset(now), before);
    this.#startedAt = before[0]?.started_at ?? at ?? now;
    this.#course.begin("work", effort, at ?? now);
    this.#course.extend(now);
    if (paused) this.#course.pause(now);
    this.#sums = inputOfSession(db, session);
    const { screenshots, newest, note } = sessionFacts(db, session);
    this.#screenshots = screenshots;
    this.#shot = newest;
    this.#note = note;
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

  get effort(): Effort {
    const { project = null, tags = [] } = this.#course.open ?? {};
    return { project, tags };
  }

  get #reading(): Reading {
    const { clock } = this.#host;
    return { wall: clock.wall(), monotonic: clock.monotonic(), boot: () => clock.boot() };
  }

  /** The time now by the session's clock; what happened to that since it was last looked at is taken in first. */
  #now(): number {
    const { at, slept, skipped } = this.#clock.read(this.#reading);
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
    this.#at = at;
    return at;
  }

  /** Takes in what has been counted up to now. */
  tick(): void {
    const at = this.#now();
    this.#course.extend(at);
    this.#drain(at);
    if (at - this.#todayAt >= TODAY_MS) this.#today = this.#readToday(at);
    if (this.#clock.ahead > 60_000 && this.#notice === null) {
      this.tell("the clock was set back: times run ahead of it until it has caught up");
    }
  }

  #drain(at: number): void {
    const counts = this.#sink?.take() ?? NO_INPUT;
    this.#sightings.count(counts, at, this.#course.open?.started_at ?? at);
    addCounts(this.#sums, counts);
    this.#minutes.keys.add(counts.presses, at);
    this.#minutes.clicks.add(clicksOf(counts), at);
  }

  #idle(idleMs: number): void {
    const at = this.#now();
    this.#course.extend(at);
    if (idleMs >= lengthOf(this.#settings.afk_after)) {
      if (this.#course.isAbsent("idle")) return;
      this.#course.leave("idle", at - idleMs);
      this.#tellSoon(at);
    } else if (this.#course.isAbsent("idle")) {
      // What a backend tells of the last input is as exact as its own clock: away has a second of its own at least.
      const since = this.#course.open?.started_at ?? at;
      const back = at - idleMs;
      if (back > since) this.#returned(this.#course.comeBack("idle", back));
    }
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
    if (this.#settings.away === "ask") this.#question = away;
    if (this.#settings.away === "keep") {
      this.#keep(away).catch((error: unknown) => this.#host.log.error(message(error), { error }));
    }
    this.#host.changed();
  }

  async #keep(away: Living): Promise<void> {
    await this.flush();
    const { profile, clock } = this.#host;
    await this.correct((db, open) => {
      if (away.id === null) return;
      const edit = { do: "away", span: away.id, decision: "keep" } as const;
      const wall = clock.wall();
      applyEdit(db, {
        profile,
        edit,
        now: { wall, offset: localOffset(wall) },
        ...(open === undefined ? {} : { open }),
      });
    });
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

  /** A pause was asked for, and what comes after it is no work; or it wasn't after all. */
  pausing(is: boolean): void {
    this.#asked = is ? this.#now() : undefined;
  }

  /** Trackers are gone; what they told is taken in. */
  async paused(): Promise<void> {
    const at = this.#now();
    this.#leaveOff(at);
    this.#course.pause(this.#asked ?? at);
    this.#asked = undefined;
    this.#course.extend(at);
    await this.change("PAUSED", { paused: true });
  }

  async resumed(): Promise<void> {
    const at = this.#now();
    this.#course.extend(at);
    this.#course.resume(at);
    await this.change("RESUMED", { paused: false });
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
    this.#course.end(this.#asked ?? at);
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
    this.#saved = { ...this.#saved, ...saved };
    this.#checkpoints.push({ type, saved: this.#saved });
    await this.flush();
  }

  tell(notice: string): void {
    this.#notice = notice;
    this.#host.changed();
  }

  async note(text: string | null): Promise<void> {
    await this.#host.store.write((db) => setNote(db, this.#session, text));
    this.#note = text;
    this.#host.changed();
  }

  /**
   * Corrects what the store has of this profile: in one transaction with what isn't written yet, after which the session
   * goes on with what it then is.
   */
  async correct<T>(work: (db: Database, open: number | undefined) => T): Promise<T> {
    this.tick();
    const [result, spans, course] = await this.#host.store.write((db) => {
      const written = this.#put(db);
      const done = work(db, written.open);
      return [done, spansOfSession(db, this.#session), written] as const;
    });
    this.#written(course);
    this.#course.reload(spans);
    this.#startedAt = spans[0]?.started_at ?? this.#startedAt;
    if (this.#question && !spans.some(({ id, kind }) => id === this.#question?.id && kind === "away")) {
      this.#question = undefined;
    }
    this.#today = this.#readToday(this.#at);
    this.#host.changed();
    return result;
  }

  /** Nobody is to be asked any more about the last time away. */
  answered(): void {
    this.#question = undefined;
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
    await this.flush();
    this.#tellSoon(this.#at);
  }

  async #flush(): Promise<void> {
    try {
      const written = await this.#host.store.write((db) => this.#put(db));
      this.#written(written);
      this.#failure = undefined;
      if (this.#unsaved !== null) {
        this.#unsaved = null;
        this.#host.changed();
      }
    } catch (error) {
      this.unwritten(error);
      this.#sightings.waits();
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
      changeSpan(db, { ...span, id: span.id });
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
    return { spans, ids, open, seen: this.#sightings.put(db), checkpoints };
  }

  #written(done: Written): void {
    this.#course.written(done.spans, done.ids);
    this.#sightings.written(done.seen);
    this.#checkpoints = this.#checkpoints.filter((each) => !done.checkpoints.includes(each));
  }

  #readToday(at: number): TrackView["today"] {
    this.#todayAt = at;
    this.#then = { ...this.#course.times, keys: this.#sums.presses, clicks: clicksOf(this.#sums) };
    const { store, profile } = this.#host;
    return todayOf(store.db, profile, { wall: at, offset: localOffset(at) });
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

  view(): TrackView {
    const { open } = this.#course;
    const as_of = this.#at;
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
      ...this.effort,
      note: this.#note,
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
      question:
        this.#question?.id == null
          ? null
          : { span: this.#question.id, from: this.#question.started_at, to: this.#question.ended_at },
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
