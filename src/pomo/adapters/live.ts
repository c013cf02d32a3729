import { checkpoint, dropCheckpoints, refreshCheckpoint } from "../../kernel/checkpoint.ts";
import { localDay } from "../../kernel/core/local-time.ts";
import { message } from "../../kernel/errors.ts";
import type { Host } from "../../kernel/host.ts";
import type { Database } from "../../kernel/runtime.ts";
import {
  type Change,
  expire,
  type Happened,
  isRunning,
  left,
  type Now,
  type Pomodoro,
  slept,
} from "../core/pomodoro.ts";
import { type Saved, save } from "../core/saved.ts";
import type { Overview } from "../core/stats.ts";
import { NOTHING_TOLD, type PomoView, type Told, viewOf } from "../core/view.ts";
import { addInterval, readOverview, removeInterval } from "./journal.ts";
import { nowOf } from "./now.ts";

/** Checkpoints last alive longer ago are dropped, ms. */
const KEPT_MS = 48 * 3_600_000;

/** A change as it is to be written: the happenings, or without any the state as it is now. */
type Entry = {
  happened: readonly (Omit<Happened, "state"> & { saved: Saved })[];
  undone?: number;
  saved: Saved;
  /** The type of a checkpoint of its own, where nothing happened and the newest isn't to be touched. */
  anew?: string;
};

const changesHistory = ({ happened, undone }: Entry): boolean =>
  undone !== undefined || happened.some(({ ended }) => ended);

/** The pomodoro of a host: takes changes in, writes them, and tells everybody. */
export class Live {
  readonly #host: Host;
  readonly #goal: number;
  #state: Pomodoro;
  /** What is on the disk, or known not to be: a state is shown once it can't be lost, with what led to it. */
  #shown: Pomodoro;
  #told: Told = NOTHING_TOLD;
  #overview: Overview;
  /** The local day that the overview is for. */
  #day: number;
  #pending: Entry[] = [];
  #writing: Promise<void> = Promise.resolve();
  /** What kept the last write from the disk. */
  #failure: { error: unknown } | undefined;
  /** Told each happening once clients can see it. */
  #heard: (happened: Happened) => void = () => {};
  #moved: () => void = () => {};

  constructor(host: Host, state: Pomodoro, goal: number, told: Partial<Told> = {}) {
    this.#host = host;
    this.#state = state;
    this.#shown = state;
    this.#goal = goal;
    this.#told = { ...NOTHING_TOLD, ...told };
    const now = nowOf(this.#host.clock);
    this.#day = localDay(now.wall, now.offset);
    this.#overview = this.#readOverview(now);
  }

  get state(): Pomodoro {
    return this.#state;
  }

  /** Calls back for each happening, after it was written and told to clients. */
  onHappened(heard: (happened: Happened) => void): void {
    this.#heard = heard;
  }

  /** Calls back when the end of the interval may have moved. */
  onMoved(moved: () => void): void {
    this.#moved = moved;
  }

  view(): PomoView {
    const now = nowOf(this.#host.clock);
    return viewOf(this.#shown, now, { ...this.#told, last_active: now.wall }, this.#overview);
  }

  /** What is left of the interval, in ms; for ever while no time passes. */
  get left(): number {
    return isRunning(this.#state) ? left(this.#state, nowOf(this.#host.clock)) : Number.POSITIVE_INFINITY;
  }

  /**
   * Takes a change in and writes it; then everybody is told. Resolves once it is on the disk, or is known not to be:
   * then the state says so, and the next write tries again.
   */
  async take(change: Change, now: Now): Promise<void> {
    if (change.state === this.#state && change.happened.length === 0) return;
    // What was to be told of how it came here is past.
    if (change.happened.length > 0) this.#told = { ...this.#told, notice: null };
    await this.#take(change, now);
  }

  /**
   * Writes what it begins with: in place of the newest checkpoint, or `anew` with this type.
   * @throws what keeps it from being written: then nothing has begun
   */
  async begin(change: Change, now: Now, anew?: string): Promise<void> {
    await this.#take(change, now, anew);
    if (this.#failure) throw this.#failure.error;
  }

  async #take(change: Change, now: Now, anew?: string): Promise<void> {
    this.#state = change.state;
    this.#moved();
    const happened = change.happened.map(({ type, state, ended }) => {
      return { type, saved: save(state, now), ...(ended ? { ended } : {}) };
    });
    const { undone } = change;
    await this.#write({
      happened,
      saved: save(change.state, now),
      ...(undone === undefined ? {} : { undone }),
      ...(anew === undefined ? {} : { anew }),
    });
    for (const each of change.happened) {
      this.#shown = each.state;
      this.#told = { ...this.#told, event: each.type, events: this.#told.events + 1 };
      this.#host.changed();
      this.#heard(each);
    }
    this.#shown = change.state;
    if (change.happened.length !== 1) this.#host.changed();
  }

  /** Tells everybody something, until the next thing happens. */
  tell(notice: string): void {
    this.#told = { ...this.#told, notice };
    this.#host.changed();
  }

  /** The last change isn't on the disk yet; the next write tries again. */
  unwritten(error: unknown): void {
    this.#told = { ...this.#told, unsaved: message(error) };
    this.#host.changed();
  }

  /** Completes the interval if its time is up. */
  async expire(): Promise<void> {
    const now = nowOf(this.#host.clock);
    await this.take(expire(this.#state, now), now);
  }

  /** The machine slept: whether that counts is the session's setting; whoever looks is told. */
  async slept(ms: number, notice: string): Promise<void> {
    this.#state = slept(this.#state, ms);
    this.#moved();
    const state = this.#state;
    await this.#write({ happened: [], saved: save(state, nowOf(this.#host.clock)) });
    if (this.#state === state) this.#shown = state;
    // Last: where the sleep passed the end of the interval, what happened by that doesn't take it back.
    this.tell(notice);
  }

  /** What is left and when it was last alive, in one write; a new day has its own figures. */
  async beat(): Promise<void> {
    const now = nowOf(this.#host.clock);
    const before = this.#told.unsaved;
    await this.#write({ happened: [], saved: save(this.#state, now) });
    const day = localDay(now.wall, now.offset);
    if (day !== this.#day) this.refresh();
    else if (before !== this.#told.unsaved) this.#host.changed();
  }

  /** Reads anew what the profile has come to. */
  refresh(): void {
    const now = nowOf(this.#host.clock);
    this.#day = localDay(now.wall, now.offset);
    this.#overview = this.#readOverview(now);
    this.#host.changed();
  }

  /** Drops checkpoints of the past; history stays. */
  async cleanUp(): Promise<void> {
    const before = this.#host.clock.wall() - KEPT_MS;
    const { store, profile } = this.#host;
    await store.write((db) => dropCheckpoints(db, { kind: "pomo", profile }, before));
  }

  #readOverview({ wall, offset }: Now): Overview {
    const { store, profile } = this.#host;
    return readOverview(store.db, profile, { goal: this.#goal, wall, offset });
  }

  #write(entry: Entry): Promise<void> {
    this.#pending.push(entry);
    this.#writing = this.#writing.then(() => this.#flush());
    return this.#writing;
  }

  async #flush(): Promise<void> {
    const batch = [...this.#pending];
    if (batch.length === 0) return;
    try {
      await this.#host.store.write((db) => {
        for (const entry of batch) this.#put(db, entry);
      });
      this.#pending.splice(0, batch.length);
      if (batch.some(changesHistory)) this.#overview = this.#readOverview(nowOf(this.#host.clock));
      this.#failure = undefined;
      this.#told = { ...this.#told, unsaved: null };
    } catch (error) {
      if (!this.#failure) this.#host.log.error("a change can't be saved: it is tried again", { error });
      this.#failure = { error };
      this.#told = { ...this.#told, unsaved: message(error) };
      // However long it lasts: what history needs is kept, and of the rest what happened last and what is true now.
      const last = this.#pending.at(-1);
      const latest = this.#pending.findLast(({ happened }) => happened.length > 0);
      this.#pending = this.#pending.filter(
        (each) => each === last || each === latest || changesHistory(each),
      );
    }
  }

  #put(db: Database, { happened, undone, saved, anew }: Entry): void {
    const { session, profile, clock } = this.#host;
    if (undone !== undefined) removeInterval(db, { session, n: undone });
    for (const { type, saved: state, ended } of happened) {
      checkpoint(db, { session, type, state }, clock);
      if (ended) addInterval(db, profile, ended, { session, n: ended.n });
    }
    if (happened.length > 0) return;
    if (anew === undefined) refreshCheckpoint(db, session, saved, clock);
    else checkpoint(db, { session, type: anew, state: saved }, clock);
  }
}
