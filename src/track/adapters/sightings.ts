import type { Database } from "../../kernel/runtime.ts";
import { addCounts, type InputCounts, intervalOf, NO_INPUT } from "../core/counts.ts";
import { merge } from "../core/heartbeat.ts";
import type { RunningApp, SeenWindow } from "../core/window.ts";
import { addRunning, addWindow, extendRunning, extendWindow, putInput } from "./journal.ts";

/** Something that was seen from a time to a time: it gets its id when it is first written. */
type Event<T> = {
  readonly what: T;
  readonly started_at: number;
  ended_at: number;
  id: number | null;
  dirty: boolean;
};

/** An interval of input, and what was counted in it so far. */
type Interval = {
  readonly started_at: number;
  ended_at: number;
  readonly counts: InputCounts;
  dirty: boolean;
};

/** Events that wait for a disk that takes nothing; past that the oldest are let go. */
const MOST_WAITING = 50_000;

/** What a transaction has taken, and the ids that it gave. */
export type Put = {
  readonly windows: readonly Event<SeenWindow>[];
  readonly windowIds: readonly number[];
  readonly running: readonly Event<RunningApp>[];
  readonly runningIds: readonly number[];
  readonly intervals: readonly Interval[];
};

/** What was seen in a session and isn't in the store yet: windows, programs, input. Times are UTC ms. */
export class Sightings {
  readonly #session: number;
  readonly #pulseMs: number;
  readonly #intervalMs: number;
  #window: Event<SeenWindow> | undefined;
  #windows: Event<SeenWindow>[] = [];
  readonly #programs = new Map<number, Event<RunningApp>>();
  #ended: Event<RunningApp>[] = [];
  #interval: Interval | undefined;
  #intervals: Interval[] = [];
  /** Where the last interval began: no other begins there. */
  #last = Number.NEGATIVE_INFINITY;

  /**
   * @param session its number in the store
   * @param pulseMs the same window seen again within this is one event
   * @param intervalMs how long the intervals of input are
   */
  constructor(session: number, pulseMs: number, intervalMs: number) {
    this.#session = session;
    this.#pulseMs = pulseMs;
    this.#intervalMs = intervalMs;
  }

  /** What is looked at, and since when. */
  get looked(): { window: SeenWindow; since: number } | undefined {
    return this.#window && { window: this.#window.what, since: this.#window.started_at };
  }

  /** This window is looked at now; undefined when none is. @returns whether it is another */
  window(seen: SeenWindow | undefined, at: number): boolean {
    const last = this.#window;
    if (!seen) {
      this.#closeWindow();
      return last !== undefined;
    }
    const next = { data: seen, started_at: at, ended_at: at };
    const merged = last && merge({ ...last, data: last.what }, next, this.#pulseMs);
    if (last && merged) {
      last.ended_at = merged.ended_at;
      last.dirty = true;
      return false;
    }
    // It changed somewhere between two looks: until the second it is taken to have been what it was.
    if (last && at - last.ended_at <= this.#pulseMs) {
      last.ended_at = at;
      last.dirty = true;
    }
    this.#closeWindow();
    this.#window = { what: seen, started_at: at, ended_at: at, id: null, dirty: true };
    return true;
  }

  #closeWindow(): void {
    if (this.#window?.dirty) this.#windows.push(this.#window);
    this.#window = undefined;
  }

  /** These programs run now, and no others. */
  running(apps: readonly RunningApp[], at: number): void {
    const seen = new Set(apps.map(({ pid }) => pid));
    for (const app of apps) {
      const known = this.#programs.get(app.pid);
      if (known && known.what.process === app.process) {
        known.ended_at = at;
        known.dirty = true;
      } else {
        if (known) this.#closeProgram(known);
        this.#programs.set(app.pid, { what: app, started_at: at, ended_at: at, id: null, dirty: true });
      }
    }
    for (const event of this.#programs.values()) if (!seen.has(event.what.pid)) this.#closeProgram(event);
  }

  #closeProgram(event: Event<RunningApp>): void {
    this.#programs.delete(event.what.pid);
    if (event.dirty) this.#ended.push(event);
  }

  /**
   * So much was counted up to now.
   * @param since when the span that is going on began: an interval begins no earlier
   */
  count(counts: Readonly<InputCounts>, at: number, since: number): void {
    const begin = intervalOf(at, this.#intervalMs);
    if (this.#interval && intervalOf(this.#interval.started_at, this.#intervalMs) !== begin)
      this.#closeInterval();
    if (Object.values(counts).every((count) => count === 0)) return;
    const started_at = Math.max(begin, since, this.#last + 1);
    this.#interval ??= { started_at, ended_at: at, counts: { ...NO_INPUT }, dirty: true };
    this.#interval.ended_at = Math.max(at, this.#interval.started_at);
    this.#interval.dirty = true;
    addCounts(this.#interval.counts, counts);
  }

  #closeInterval(): void {
    if (!this.#interval) return;
    this.#last = this.#interval.started_at;
    if (this.#interval.dirty) this.#intervals.push(this.#interval);
    this.#interval = undefined;
  }

  /** Nothing of it goes on: what is seen next is something new. */
  close(): void {
    this.#closeWindow();
    for (const event of this.#programs.values()) this.#closeProgram(event);
    this.#closeInterval();
  }

  /** Writes what isn't written as it is. @returns to be handed to {@link written} once that is on the disk */
  put(db: Database): Put {
    const session = this.#session;
    const windows = this.#window?.dirty ? [...this.#windows, this.#window] : this.#windows;
    const windowIds = windows.map(({ id, what: window, started_at, ended_at }) => {
      if (id === null) return addWindow(db, { session, window, started_at, ended_at });
      extendWindow(db, id, ended_at);
      return id;
    });
    const running = [...this.#ended, ...[...this.#programs.values()].filter(({ dirty }) => dirty)];
    const runningIds = running.map(({ id, what: app, started_at, ended_at }) => {
      if (id === null) return addRunning(db, { session, app, started_at, ended_at });
      extendRunning(db, id, ended_at);
      return id;
    });
    const intervals = this.#interval?.dirty ? [...this.#intervals, this.#interval] : this.#intervals;
    for (const { started_at, ended_at, counts } of intervals)
      putInput(db, { session, started_at, ended_at, counts });
    return { windows, windowIds, running, runningIds, intervals };
  }

  written({ windows, windowIds, running, runningIds, intervals }: Put): void {
    settle(windows, windowIds);
    settle(running, runningIds);
    for (const interval of intervals) interval.dirty = false;
    this.#windows = this.#windows.filter(({ dirty }) => dirty);
    this.#ended = this.#ended.filter(({ dirty }) => dirty);
    this.#intervals = this.#intervals.filter(({ dirty }) => dirty);
  }

  /**
   * The disk takes nothing: however long that lasts, what waits doesn't grow without end.
   * @returns whether the oldest of it was let go
   */
  waits(): boolean {
    const all = [this.#windows, this.#ended, this.#intervals];
    const full = all.filter(({ length }) => length > MOST_WAITING);
    for (const events of full) events.splice(0, MOST_WAITING / 10);
    return full.length > 0;
  }
}

function settle<T>(events: readonly Event<T>[], ids: readonly number[]): void {
  events.forEach((event, at) => {
    event.id ??= ids[at] ?? null;
    event.dirty = false;
  });
}
