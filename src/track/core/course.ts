import { type Effort, NO_TIMES, type Span, type SpanKind, type Times, timesOf } from "./span.ts";

/** A span as it is lived: it gets its id when it is first written. */
export type Living = { -readonly [K in keyof Omit<Span, "id">]: Span[K] } & {
  id: number | null;
  /** Whether the store has it otherwise, or not at all. */
  dirty: boolean;
};

/** Why nobody is there. */
export type Absence = "idle" | "lock" | "sleep";

/**
 * The course of a session: its spans in the order in which they are lived, one of which is going on until it is over.
 * Nothing here is undone by time that runs backwards: an event of the past is one of the open span's beginning at most.
 */
export class Course {
  readonly #session: number;
  #offset: number;
  #open: Living | undefined;
  /** Of the spans that are closed. */
  #closed: Times = { ...NO_TIMES };
  /** Closed ones that the store doesn't have as they are. */
  #unwritten: Living[] = [];
  readonly #absent = new Set<Absence>();
  /** What is done, for as long as it is the same effort. */
  #note: string | null = null;

  /** @param offset of local time, in minutes east */
  constructor(session: number, offset: number, before: readonly Span[] = []) {
    this.#session = session;
    this.#offset = offset;
    this.#closed = timesOf(before);
  }

  /** Goes on with what the store has, its last span being the one that is open. */
  reload(spans: readonly Span[]): void {
    const last = spans.at(-1);
    if (last && !sameEffort(last, this.effort)) {
      // Something else is done, or what was done before is again.
      const work = spans.findLast(({ kind }) => kind === "work");
      this.#note = work && sameEffort(work, last) ? work.note : null;
    } else if (last?.kind === "work") this.#note = last.note;
    this.#closed = timesOf(spans.slice(0, -1));
    this.#unwritten = [];
    const open = this.#open;
    if (!last) this.#open = undefined;
    // Ended meanwhile by a hair's breadth: what is open has come further than what was last written.
    else this.#open = { ...last, ended_at: Math.max(last.ended_at, open?.ended_at ?? 0), dirty: true };
    if (this.#open && this.#open.kind !== "away") this.#absent.clear();
  }

  /** What it is for; of what is paused, what it will be for. */
  get effort(): Effort {
    const { project = null, tags = [] } = this.#open ?? {};
    return { project, tags };
  }

  /** What is done; of what is paused, what will be. */
  get note(): string | null {
    return this.#note;
  }

  /** @param text null for none */
  setNote(text: string | null): void {
    this.#note = text;
    if (this.#open?.kind !== "work") return;
    this.#open.note = text;
    this.#open.dirty = true;
  }

  get open(): Readonly<Living> | undefined {
    return this.#open;
  }

  /** What is to be written: closed spans in their order, the open one last. */
  get unwritten(): readonly Living[] {
    return this.#open?.dirty ? [...this.#unwritten, this.#open] : this.#unwritten;
  }

  /** These are on the disk as they were when they were asked for. @param ids those that they were given */
  written(spans: readonly Living[], ids: readonly number[]): void {
    spans.forEach((span, at) => {
      span.id ??= ids[at] ?? null;
      span.dirty = false;
    });
    this.#unwritten = this.#unwritten.filter(({ dirty }) => dirty);
  }

  /** What it comes to, up to the last time that was told. */
  get times(): Times {
    const open = this.#open ? timesOf([this.#open]) : NO_TIMES;
    return {
      worked_ms: this.#closed.worked_ms + open.worked_ms,
      paused_ms: this.#closed.paused_ms + open.paused_ms,
      afk_ms: this.#closed.afk_ms + open.afk_ms,
    };
  }

  /** It begins, or goes on after a time of which nothing is known. */
  begin(kind: SpanKind, effort: Effort, at: number): void {
    this.#close(at);
    this.#start(kind, effort, at);
  }

  /** What goes on has gone on until now. */
  extend(at: number): void {
    if (!this.#open || at <= this.#open.ended_at) return;
    this.#open.ended_at = at;
    this.#open.dirty = true;
  }

  /** @returns a time away that ended by it: whoever pauses is there */
  pause(at: number): Living | undefined {
    this.#absent.clear();
    return this.#away(() => this.#turn("pause", at));
  }

  /** Work goes on. */
  resume(at: number): void {
    this.#absent.clear();
    this.#turn("work", at);
  }

  /** Nobody is there, from a moment on that may lie within the span that is open. */
  leave(why: Absence, since: number): void {
    if (!this.#open || this.#open.kind === "pause") return;
    this.#absent.add(why);
    if (this.#open.kind === "work") this.#turn("away", since);
  }

  /** @returns the time away that is over by what is done */
  #away(work: () => void): Living | undefined {
    const away = this.#open?.kind === "away" ? this.#open : undefined;
    work();
    return away !== this.#open ? away : undefined;
  }

  /** A time away that is over counts as work after all. */
  keep(away: Living): void {
    if (away.kind !== "away" || away === this.#open) return;
    const ms = away.ended_at - away.started_at;
    away.kind = "work";
    away.dirty = true;
    this.#closed.afk_ms -= ms;
    this.#closed.worked_ms += ms;
    if (!this.#unwritten.includes(away)) this.#unwritten.push(away);
  }

  /**
   * Somebody is there again as far as this is concerned. The last to come back ends the time away.
   * @returns that time, when it ended
   */
  comeBack(why: Absence, at: number): Living | undefined {
    if (!this.#absent.delete(why) || this.#absent.size > 0) return undefined;
    const away = this.#open;
    if (away?.kind !== "away") return undefined;
    this.#turn("work", at);
    return away;
  }

  isAbsent(why: Absence): boolean {
    return this.#absent.has(why);
  }

  /** The clock was set forward, or nothing is known of the time between: it goes on after a gap. */
  skip(from: number, to: number): void {
    const open = this.#open;
    if (!open) return;
    this.#close(Math.max(open.started_at, from));
    this.#start(open.kind, open, to);
  }

  /** Local time has another offset from now on: a span has but one. */
  moveTo(offset: number, at: number): void {
    if (offset === this.#offset) return;
    this.#offset = offset;
    const open = this.#open;
    if (!open) return;
    this.#close(at);
    this.#start(open.kind, open, at);
  }

  /** @returns a time away that ended by it */
  end(at: number): Living | undefined {
    return this.#away(() => this.#close(at));
  }

  #turn(kind: SpanKind, at: number): void {
    const open = this.#open;
    if (!open || open.kind === kind) return;
    const since = Math.max(open.started_at, at);
    // What comes after it was lived through by now: it isn't lost with the span that is cut.
    const until = Math.max(open.ended_at, since);
    this.#close(since);
    this.#start(kind, open, since);
    this.extend(until);
  }

  /** @param at may lie before what was told last: then it ended earlier than was thought */
  #close(at: number): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    open.ended_at = Math.max(open.started_at, at);
    open.dirty = true;
    // One without any length has never been; where the store has it, it is taken out.
    if (open.ended_at === open.started_at && open.id === null) return;
    const times = timesOf([open]);
    this.#closed = {
      worked_ms: this.#closed.worked_ms + times.worked_ms,
      paused_ms: this.#closed.paused_ms + times.paused_ms,
      afk_ms: this.#closed.afk_ms + times.afk_ms,
    };
    this.#unwritten.push(open);
  }

  #start(kind: SpanKind, { project, tags }: Effort, at: number): void {
    this.#open = {
      id: null,
      session: this.#session,
      kind,
      project,
      tags,
      note: kind === "work" ? this.#note : null,
      started_at: at,
      ended_at: at,
      utc_offset_min: this.#offset,
      dirty: true,
    };
  }
}

const sameEffort = (one: Effort, other: Effort): boolean =>
  one.project === other.project && one.tags.join("\n") === other.tags.join("\n");
