import { type FSWatcher, watch } from "node:fs";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import { LineSplitter, LONGEST_LINE, type Piece } from "../core/lines.ts";
import { ModuleLog } from "./module-log.ts";
import { LARGEST_PIECE, RawFile } from "./raw.ts";
import { turns, type Worker } from "./turns.ts";

/** So much of a module's output is taken a second, and at once when it was quiet for a second; bytes. */
const RATE = 16 << 20;
/** Every line is a line of the log, with the time: a short one counts as one of so many bytes. */
const SHORT_LINE = 32;
/** So much may wait in the raw file, bytes: of more the beginning is passed over. */
const MOST_WAITING = RATE;
/** So much is taken after some was passed over, bytes: a few marks a second and not hundreds. */
const WORTH_RESUMING = 4 << 20;
const SMALLEST_PIECE = 4 << 10;
/** As much is taken at once as takes about so long, ms. */
const PIECE_MS = 1;
/** While more waits than may be taken, it is looked so often whether it still may wait, ms. */
const WAITING_MS = 8;
/** fs.watch doesn't tell what is written within about 1 ms of something else: it is looked again so much later, ms. */
const AGAIN_MS = 3;
/** What can't be watched is looked at so often, ms. */
const UNWATCHED_MS = 50;
/** While an answer is expected: for so long, looked for so often; ms. */
const EXPECTING = [
  { forMs: 50, everyMs: 1 },
  { forMs: 1_000, everyMs: 5 },
] as const;
/** Half a line is put into the log once so long nothing came after it, ms: it may be a question. */
const QUIET_MS = 1_000;
/** So long is waited for what there is to be taken in, ms. */
const DRAIN_MS = 1_000;

export type OutputOptions = {
  /** What the module writes itself; made when missing. `raw.at` beside it says how far it was taken in. */
  raw: string;
  /**
   * Where in /proc the stdout of the module is found, when it runs already: if `raw` was removed meanwhile, the file that
   * it writes is reached through that, until the module ends.
   */
  held?: string;
  /** What is kept of it: see core/log-line.ts. Rotated. */
  log: string;
  maxBytes: number;
  keep: number;
  /** Each line, in order, once it is in the log; none before {@link openOutput} has resolved. */
  line(text: string): void;
  /** Told what can't be written or read, or was removed, once until that is mended. */
  failed(error: unknown): void;
  clock?: Clock;
};

/**
 * What a module prints: taken into its log line by line, while the file that it writes is kept small. What stands without
 * an end for 1 s is a line too, and what comes after it the next one.
 */
export interface ModuleOutput extends AsyncDisposable {
  /**
   * Resolves once all that a module that has ended has written is taken in, or after 1 s. Half a line is a line then:
   * what comes next is another run's.
   */
  drain(): Promise<void>;
  /** Resolves once all that was written by now is taken in, or after 1 s. */
  catchUp(): Promise<void>;
  /** An answer is about to come: it is taken in within about 1 ms. */
  expect(): void;
  /** Writes a line of stint's own into the log. */
  mark(text: string): void;
}

/**
 * Opens the output of a module, to be kept over its runs; it goes on where whoever had it before ended. Never fails:
 * what can't be opened is tried again. Its dispose takes in what is there, for at most 1 s; what is left, half a line
 * too, stays for the next who opens it.
 */
export async function openOutput(options: OutputOptions): Promise<ModuleOutput> {
  return new Tail(options);
}

class Tail implements ModuleOutput, Worker {
  readonly #options: OutputOptions;
  readonly #log: ModuleLog;
  readonly #raw: RawFile;
  readonly #budget: Budget;
  #splitter = new LineSplitter();
  #watcher: FSWatcher | undefined;
  #reads = true;
  /** Whether another file has the name: what there is of this one is taken first. */
  #another = false;
  /** Whether no file has the name. */
  #nameless = false;
  /** Whether something was written just now. */
  #fresh = false;
  /** How many bytes were passed over, which the log doesn't say yet. */
  #skipped = 0;
  /** How much is taken at once, bytes. */
  #piece = SMALLEST_PIECE;
  /** The position up to which a run has written that has ended. */
  #runEnd: number | undefined;
  /** Those who wait for all up to a position. */
  readonly #waiting = new Set<{ upTo: number; done(): void }>();
  /** When something was taken last, ms of the monotonic clock. */
  #tookAt = 0;
  /** Since when an answer is expected, ms of the monotonic clock. */
  #expecting: number | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(options: OutputOptions) {
    const { clock = systemClock, failed } = options;
    this.#options = options;
    this.#log = new ModuleLog(options, clock, failed);
    this.#raw = new RawFile(options.raw, options.held, (text) => this.#tear(text), failed);
    this.#budget = new Budget(clock);
    this.#try(() => this.#open());
    turns.add(this);
  }

  async drain(): Promise<void> {
    this.#try(() => {
      this.#runEnd = this.#raw.position + this.#raw.look();
    });
    await this.#takeIn(this.#runEnd ?? 0);
  }

  async catchUp(): Promise<void> {
    await this.#takeIn(this.#try(() => this.#raw.position + this.#raw.look()) ?? 0);
  }

  expect(): void {
    this.#expecting = performance.now();
    turns.wakeIn(EXPECTING[0].everyMs, this);
  }

  mark(text: string): void {
    this.#log.mark(text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  work(): boolean {
    return this.#try(() => this.#advance()) ?? false;
  }

  tick(): void {
    this.#try(() => {
      const { name } = this.#raw;
      this.#another = name === "another's";
      this.#sayRemoved(name === "nobody's");
      if (this.#another || this.#raw.look() > 0) turns.wake(this);
      else this.#raw.free(true);
      this.#raw.shorten();
    });
  }

  #open(): void {
    const { cut, skipped } = this.#raw.open();
    this.#another = false;
    this.#splitter = new LineSplitter(cut);
    this.#skipped = skipped;
    this.#watcher?.close();
    this.#watcher = undefined;
    try {
      this.#watcher = watch(this.#raw.reached, { persistent: false }, () => {
        this.#fresh = true;
        turns.wake(this);
      });
      this.#watcher.on("error", () => {});
    } catch {
      // Too much is watched on this machine, or the file has no name: it is found when it is looked for.
    }
  }

  #sayRemoved(removed: boolean): void {
    if (removed && !this.#nameless) {
      const text = `${this.#options.raw} was removed: what it writes is read on`;
      this.#log.mark(text);
      this.#options.failed(new Error(text));
    }
    this.#nameless = removed;
  }

  /** Takes a piece. @returns whether there is more to do at once */
  #advance(): boolean {
    const freeing = this.#raw.free();
    if (this.#raw.look() > MOST_WAITING) this.#skip();
    const unread = this.#raw.look();
    const may = this.#waiting.size > 0 ? Number.POSITIVE_INFINITY : this.#budget.left;
    const wanted = this.#skipped > 0 ? WORTH_RESUMING : Math.min(unread, LARGEST_PIECE);
    if (unread > 0 && may >= wanted) {
      this.#take();
      this.#settle();
      return true;
    }
    if (unread > 0) turns.wakeIn(WAITING_MS, this);
    else {
      if (this.#another) this.#open();
      if (this.#skipped > 0) this.#write([]);
      this.#settle();
      this.#endHalf();
      this.#lookAgain();
    }
    return freeing;
  }

  #take(): void {
    const began = performance.now();
    const most = Math.min(this.#piece, (this.#runEnd ?? Number.POSITIVE_INFINITY) - this.#raw.position);
    const bytes = this.#raw.read(most);
    const pieces = this.#splitter.feed(bytes);
    this.#budget.spend(Math.max(bytes.length, pieces.length * SHORT_LINE));
    this.#write(pieces);
    this.#fresh = true;
    this.#tookAt = performance.now();
    const took = this.#tookAt - began;
    if (took > PIECE_MS) this.#piece = Math.max(SMALLEST_PIECE, this.#piece / 2);
    else if (took < PIECE_MS / 4) this.#piece = Math.min(LARGEST_PIECE, this.#piece * 2);
  }

  /** Writes what comes of what was read, remembers how far that is, and tells it. */
  #write(pieces: readonly Piece[]): void {
    let lines: string[] = [];
    const wrote = () => {
      this.#log.say(lines);
      lines = [];
    };
    if (this.#skipped > 0) {
      this.#log.mark(`${this.#skipped} bytes were not kept: over 16 MB waited, and 16 MB/s are taken in`);
      this.#skipped = 0;
    }
    for (const piece of pieces) {
      if (typeof piece === "string") lines.push(piece);
      else if (piece.cut === "begun") {
        wrote();
        this.#log.mark(`the line is longer than ${LONGEST_LINE} bytes: its rest is left out`);
      } else if (piece.cut > 0) {
        wrote();
        this.#log.mark(`${piece.cut} bytes of the line were left out`);
      }
    }
    wrote();
    this.#raw.keep(this.#splitter.held, { cut: this.#splitter.cut, skipped: this.#skipped });
    for (const piece of pieces) if (typeof piece === "string") this.#options.line(piece);
  }

  #skip(): void {
    const leave = Math.min(MOST_WAITING, Math.max(LARGEST_PIECE, this.#budget.left));
    const { bytes, inLine } = this.#raw.skip(leave);
    const { cut } = this.#splitter;
    // What was held is among what was passed over.
    this.#splitter = new LineSplitter(inLine ? 0 : undefined);
    this.#skipped += bytes + (cut ?? 0);
    this.#runEnd = undefined;
    this.#raw.keep(0, { cut: this.#splitter.cut, skipped: this.#skipped });
  }

  /** What comes isn't the continuation of what was read. */
  #tear(why: string): void {
    this.#runEnd = undefined;
    const pieces = this.#splitter.flush();
    this.#write(pieces);
    this.#log.mark(why);
  }

  /** Ends a run that has ended, and tells those who wait for what there is. */
  #settle(): void {
    if (this.#runEnd !== undefined && this.#raw.position >= this.#runEnd) {
      this.#runEnd = undefined;
      this.#write(this.#splitter.flush());
    }
    for (const { upTo, done } of this.#waiting) {
      if (this.#raw.position >= upTo || this.#raw.look() === 0) done();
    }
  }

  /** Gives half a line that seems to be all that there will be of it, and looks again when it may be. */
  #endHalf(): void {
    if (this.#splitter.held === 0) return;
    const left = this.#tookAt + QUIET_MS - performance.now();
    if (left > 0) turns.wakeIn(left, this);
    else this.#write(this.#splitter.flush());
  }

  #lookAgain(): void {
    if (this.#fresh) turns.wakeIn(AGAIN_MS, this);
    else if (!this.#watcher) turns.wakeIn(UNWATCHED_MS, this);
    this.#fresh = false;
    if (this.#expecting === undefined) return;
    const since = performance.now() - this.#expecting;
    const pace = EXPECTING.find(({ forMs }) => since < forMs);
    if (pace) turns.wakeIn(pace.everyMs, this);
    else this.#expecting = undefined;
  }

  /** Resolves once all up to a position is taken in, or after 1 s. */
  #takeIn(upTo: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = { upTo, done: () => resolve() };
    const timer = setTimeout(resolve, DRAIN_MS);
    this.#waiting.add(waiting);
    turns.wake(this);
    if (this.#closed) resolve();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
    });
  }

  async #close(): Promise<void> {
    await this.#takeIn(Number.POSITIVE_INFINITY);
    this.#try(() => this.#raw.free(true));
    this.#closed = true;
    turns.remove(this);
    this.#watcher?.close();
    this.#raw.close();
    this.#log[Symbol.dispose]();
    for (const { done } of this.#waiting) done();
  }

  /** Does what needs the raw file. What fails is tried again when it is looked at the next time. */
  #try<T>(attempt: () => T): T | undefined {
    if (this.#closed) return undefined;
    try {
      const done = attempt();
      this.#reads = true;
      return done;
    } catch (error) {
      if (this.#reads) this.#options.failed(error);
      this.#reads = false;
      return undefined;
    }
  }
}

/** How much may be taken: {@link RATE} a second, saved up for a second. Overdrawn by no more than a piece. */
class Budget {
  readonly #clock: Clock;
  #left = RATE;
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /** Whole bytes; fewer than none when it is overdrawn. */
  get left(): number {
    const now = this.#clock.monotonic();
    this.#left = Math.min(RATE, this.#left + ((now - this.#at) / 1000) * RATE);
    this.#at = now;
    return Math.floor(this.#left);
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }
}
