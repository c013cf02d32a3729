import type { Clock } from "../../kernel/clock.ts";
import { message } from "../../kernel/errors.ts";
import { type Log, redact } from "../../kernel/log.ts";
import type { Database, Row } from "../../kernel/runtime.ts";
import { readStore, type Schema, type Store } from "../../kernel/store.ts";
import type { EventRow, Happening } from "../core/event.ts";
import type { Retention } from "../core/installation.ts";
import { AgeClock, DAY_MS } from "../core/retention.ts";

/** What has happened, of each profile. `facts` is the happening as JSON; `at` is UTC ms. */
export const schema: Schema = {
  owner: "detect",
  migrations: [
    `CREATE TABLE detect_event (
       profile TEXT NOT NULL, id INTEGER NOT NULL, session TEXT NOT NULL, at INTEGER NOT NULL, facts TEXT NOT NULL,
       snapshot TEXT, clip TEXT,
       PRIMARY KEY (profile, id)
     ) STRICT;
     CREATE INDEX detect_event_by_time ON detect_event (profile, at);`,
  ],
};

/** Names of files that show an event. */
export type EventFiles = { readonly snapshot?: string; readonly clip?: string };

export type JournalOptions = {
  clock: Clock;
  log: Log;
  /** Old events are removed by its days; asked each time. */
  retention(): Pick<Retention, "days">;
  /** Told each event as it happens. */
  told(row: EventRow): void;
  /** Told once that events can't be written, and why; then null once they can. */
  storage(problem: string | null): void;
};

/** Events that are at hand without the store. */
const LAST = 50;
/** Events go to the store together that come within this, ms: a write waits for the disk. */
const TOGETHER_MS = 50;
/** So many in one write, which nothing else can happen during. */
const BATCH = 500;
/** So many wait for a disk that takes nothing; past that the oldest is left out. */
const MOST_WAITING = 10_000;
/** Such a disk is tried again so often, ms. */
const AGAIN_MS = 5_000;
const MOST_ROWS = 1_000_000;
const PRUNE_MS = 3_600_000;
/** Whether somebody has set the clock is looked at so often, ms. */
const LOOK_MS = 60_000;

/** Something that the store is still to be told. */
type Waiting = { row: EventRow } | { id: number; files: EventFiles };

/** The history of a profile's detection. It is written behind: whoever adds to it never waits, whatever the disk does. */
export class Journal implements AsyncDisposable {
  readonly #store: Store;
  readonly #profile: string;
  readonly #session: string;
  readonly #options: JournalOptions;
  readonly #ages: AgeClock;
  #newest: number;
  #last: EventRow[];
  #waiting: Waiting[] = [];
  #leftOut = 0;
  #problem: string | null = null;
  readonly #over = new AbortController();
  #writing: Promise<void> | undefined;
  #pruning: Promise<void>;

  private constructor(store: Store, profile: string, session: string, options: JournalOptions) {
    this.#store = store;
    this.#profile = profile;
    this.#session = session;
    this.#options = options;
    this.#last = lastEvents(store.db, profile, LAST);
    this.#newest = newestId(store.db, profile);
    this.#ages = new AgeClock(options.clock, lastBefore(store.db, profile, options.clock.wall() - DAY_MS));
    this.#pruning = this.#pruneNowAndThen();
  }

  /** @throws as a read of the store */
  static async open(
    store: Store,
    profile: string,
    session: string,
    options: JournalOptions,
  ): Promise<Journal> {
    return new Journal(store, profile, session, options);
  }

  /** The newest first, at most {@link LAST}. */
  get last(): readonly EventRow[] {
    return this.#last;
  }

  /** Something has happened. It has its id and is told at once. Never throws. */
  add(happening: Happening): EventRow {
    const row: EventRow = {
      // What others say of why something failed may hold the address that they were given.
      ...("why" in happening ? { ...happening, why: redact(happening.why) } : happening),
      id: ++this.#newest,
      at: Math.round(this.#options.clock.wall()),
      snapshot: null,
      clip: null,
    };
    this.#last = [row, ...this.#last].slice(0, LAST);
    this.#give({ row });
    try {
      this.#options.told(row);
    } catch (error) {
      this.#options.log.error("an event can't be told", { error });
    }
    return row;
  }

  /** There are files now that show an event. */
  attach(id: number, files: EventFiles): void {
    this.#last = this.#last.map((row) => (row.id === id ? { ...row, ...files } : row));
    this.#give({ id, files });
  }

  #give(waiting: Waiting): void {
    this.#waiting.push(waiting);
    while (this.#waiting.length > MOST_WAITING) {
      this.#waiting.shift();
      this.#leftOut++;
    }
    this.#writing ??= this.#write();
  }

  /** Writes what waits until nothing does. Never rejects. */
  async #write(): Promise<void> {
    const { clock } = this.#options;
    await clock.sleep(TOGETHER_MS, this.#over.signal);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      const failure = await this.#put(batch);
      if (failure !== undefined) this.#waiting.unshift(...batch);
      this.#tell(failure);
      if (failure === undefined) continue;
      if (this.#over.signal.aborted) break;
      await clock.sleep(AGAIN_MS, this.#over.signal);
    }
    this.#writing = undefined;
  }

  /** @returns why it can't be written */
  async #put(batch: readonly Waiting[]): Promise<string | undefined> {
    try {
      await this.#store.write((db) => {
        for (const each of batch) {
          if ("row" in each) this.#insert(db, each.row);
          else this.#attach(db, each.id, each.files);
        }
      });
      return undefined;
    } catch (error) {
      return message(error);
    }
  }

  #insert(db: Database, { id, at, snapshot, clip, ...happening }: EventRow): void {
    db.prepare(
      `INSERT INTO detect_event (profile, id, session, at, facts, snapshot, clip) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    ).run(this.#profile, id, this.#session, at, JSON.stringify(happening), snapshot, clip);
  }

  #attach(db: Database, id: number, { snapshot, clip }: EventFiles): void {
    db.prepare(
      `UPDATE detect_event SET snapshot = coalesce(?, snapshot), clip = coalesce(?, clip)
       WHERE profile = ? AND id = ?`,
    ).run(snapshot ?? null, clip ?? null, this.#profile, id);
  }

  #tell(failure: string | undefined): void {
    const { log, storage } = this.#options;
    const problem = failure === undefined ? null : `events can't be kept: ${failure}`;
    if ((problem === null) === (this.#problem === null)) return;
    this.#problem = problem;
    if (problem !== null) log.warn(problem);
    else {
      log.info("events are kept again", { left_out: this.#leftOut });
      this.#leftOut = 0;
    }
    storage(problem);
  }

  async #pruneNowAndThen(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#over;
    for (let due = clock.monotonic(); !signal.aborted; await clock.sleep(LOOK_MS, signal)) {
      const set = this.#ages.look();
      if (set !== undefined) log.warn(set);
      if (clock.monotonic() < due) continue;
      due += PRUNE_MS;
      try {
        await this.#prune();
      } catch (error) {
        log.warn(`old events can't be removed: ${message(error)}`);
      }
    }
  }

  /** Removes old events, some at a time. The newest stays: ids go on from it. */
  async #prune(): Promise<void> {
    const { clock, retention } = this.#options;
    for (let removed = BATCH; removed === BATCH && !this.#over.signal.aborted; ) {
      removed = await this.#store.write((db) => {
        const newest = newestId(db, this.#profile);
        const oldest = Math.round(this.#ages.now - retention().days * DAY_MS);
        return db
          .prepare(
            `DELETE FROM detect_event WHERE profile = ?1 AND id IN (
               SELECT id FROM detect_event WHERE profile = ?1 AND at < ?2 AND id < ?3
               UNION ALL SELECT id FROM detect_event WHERE profile = ?1 AND id <= ?3 - ?4
               LIMIT ?5)
             RETURNING id`,
          )
          .all(this.#profile, oldest, newest, MOST_ROWS, BATCH).length;
      });
      if (removed === BATCH) await clock.sleep(TOGETHER_MS, this.#over.signal);
    }
  }

  /** Writes what waits, if the disk takes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.all([this.#writing, this.#pruning]);
    const lost = this.#waiting.length + this.#leftOut;
    if (lost > 0) this.#options.log.warn(`${lost} events are lost: ${this.#problem}`);
  }
}

const newestId = (db: Database, profile: string): number =>
  Number(db.prepare("SELECT max(id) AS id FROM detect_event WHERE profile = ?").get(profile)?.["id"] ?? 0);

/** When the last event before an instant was, UTC ms. */
function lastBefore(db: Database, profile: string, instant: number): number | undefined {
  const at = db
    .prepare("SELECT max(at) AS at FROM detect_event WHERE profile = ? AND at < ?")
    .get(profile, Math.round(instant))?.["at"];
  return at === null || at === undefined ? undefined : Number(at);
}

/** The newest first. */
const lastEvents = (db: Database, profile: string, n: number): EventRow[] =>
  db
    .prepare("SELECT * FROM detect_event WHERE profile = ? ORDER BY id DESC LIMIT ?")
    .all(profile, n)
    .flatMap(eventOf);

/** None for what somebody else has written there. */
function eventOf({ id, at, facts, snapshot, clip }: Row): EventRow[] {
  try {
    const happening = JSON.parse(String(facts)) as Partial<Happening> | null;
    if (typeof happening?.event !== "string") return [];
    return [{ ...happening, id: Number(id), at: Number(at), snapshot, clip } as EventRow];
  } catch {
    return [];
  }
}

/** Of these ids, those that there are. @throws Expected as a read of the store */
export const readEventsOf = async (profile: string, ids: readonly number[]): Promise<EventRow[]> =>
  (await readStore([schema], (db) =>
    db
      .prepare(
        "SELECT * FROM detect_event WHERE profile = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY id DESC",
      )
      .all(profile, JSON.stringify(ids))
      .flatMap(eventOf),
  )) ?? [];

/** Events as they are read in pieces. `next` is where the following piece begins. */
export type Page = { readonly events: readonly EventRow[]; readonly next: number };

/** The id from which on there are the last `n` events; one after the newest for none. @throws Expected as a read of the store */
export const seekEvents = async (profile: string, n: number): Promise<number> =>
  (await readStore([schema], (db) => {
    const newest = newestId(db, profile);
    if (n === 0) return newest + 1;
    const row = db
      .prepare(
        "SELECT min(id) AS id FROM (SELECT id FROM detect_event WHERE profile = ? ORDER BY id DESC LIMIT ?)",
      )
      .get(profile, n);
    return Number(row?.["id"] ?? 1);
  })) ?? 1;

/**
 * Some of the events from an id on, the oldest first.
 * @throws Expected as a read of the store
 */
export const readPage = async (profile: string, from: number, most: number): Promise<Page> =>
  (await readStore([schema], (db) => {
    const rows = db
      .prepare("SELECT * FROM detect_event WHERE profile = ? AND id >= ? ORDER BY id LIMIT ?")
      .all(profile, from, most);
    // A store that was damaged may have lost the newest: ids go on from before them.
    const next = Math.min(Number(rows.at(-1)?.["id"] ?? from - 1), newestId(db, profile)) + 1;
    return { events: rows.flatMap(eventOf), next };
  })) ?? { events: [], next: 1 };
