import { closeSync, type FSWatcher, fstatSync, openSync, readSync, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { setImmediate as aTurn } from "node:timers/promises";
import type { Context } from "../../kernel/command.ts";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";
import { type LogLine, parseLogLine } from "../core/log-line.ts";

/**
 * Reads a file that is rotated as {@link RotatingFile} does (`log.1` is younger than `log.2`), from its last lines on,
 * while it is written and over its rotations.
 */

/** How much is read at once, bytes; more for a line that is longer. */
const PIECE = 64 << 10;
/** A line that is longer is cut in pieces, bytes: nobody here writes one. */
const LONGEST_LINE = 1 << 20;

/** Reading is synchronous: all readers share it. */
let piece = Buffer.allocUnsafe(PIECE);

/** Bytes of a file, valid until the next are read; fewer where it ends. */
function bytesAt(fd: number, from: number, length: number): Buffer {
  if (piece.length < length) piece = Buffer.allocUnsafe(length);
  return piece.subarray(0, readSync(fd, piece, 0, length, from));
}

const LINE_FEED = 0x0a;

/**
 * Where the last `n` whole lines of a file begin, or those after the last one that is `tooOld`.
 * @returns how many they are too, where the file ended, and whether it was stopped before its beginning
 */
function tail(fd: number, n: number, tooOld: ((line: string) => boolean) | undefined) {
  const end = fstatSync(fd).size;
  let from = end;
  let bytes: Buffer = piece.subarray(0, 0);
  /** Where the last line feed before an offset is, or -1; all between them is in `bytes` then. */
  const feedBefore = (offset: number): number => {
    let found = offset > from ? bytes.lastIndexOf(LINE_FEED, offset - from - 1) : -1;
    for (let length = PIECE; found < 0 && from > 0; length *= 2) {
      from = Math.max(0, offset - length);
      bytes = bytesAt(fd, from, offset - from);
      found = bytes.lastIndexOf(LINE_FEED);
    }
    return found < 0 ? -1 : from + found;
  };
  let start = feedBefore(from) + 1;
  let lines = 0;
  while (start > 0 && lines < n) {
    const begin = feedBefore(start - 1) + 1;
    if (tooOld?.(bytes.toString("utf8", begin - from, start - 1 - from)))
      return { start, end, lines, stopped: true };
    start = begin;
    lines++;
  }
  return { start, end, lines, stopped: lines >= n };
}

/** One of the files under the name, open: it is there to its end, whatever becomes of its name. Read up to `end`. */
type Open = { readonly fd: number; readonly inode: number; offset: number; end: number; afterGap: boolean };

/** Opens the files that have the name, the youngest first. While they are rotated one may be met twice. */
function* openAll(path: string): Generator<Open, void> {
  // A rotation under way leaves one number out.
  for (let n = 0, missing = 0; missing < 2; n++) {
    try {
      const fd = openSync(n === 0 ? path : `${path}.${n}`, "r");
      missing = 0;
      yield { fd, inode: fstatSync(fd).ino, offset: 0, end: Number.POSITIVE_INFINITY, afterGap: false };
    } catch (error) {
      if (errno(error) !== "ENOENT" && errno(error) !== "ENOTDIR") throw error;
      missing++;
    }
  }
}

/** Lines in order. `afterGap`: some before them may have been rotated away before they could be read. */
export type Lines = { readonly lines: readonly string[]; readonly afterGap: boolean };

/** Reads the lines of a rotated file, at its own pace, while it is written or before there is one. */
export class LineReader implements Disposable {
  readonly path: string;
  readonly #follows: boolean;
  /** What is still to be read, the oldest first: each but the last to its end. */
  readonly #files: Open[] = [];

  /**
   * Begins with the first line that there is.
   * @param follows whether it gives what is written after its {@link seek} too
   */
  constructor(path: string, follows = true) {
    this.path = path;
    this.#follows = follows;
  }

  /**
   * Begins with the last `n` lines instead, and with none up to the last that is `tooOld`. Reads no more than it takes.
   * @returns how many lines those are
   * @throws Expected 74 when the file can't be read
   */
  seek(n: number, tooOld?: (line: string) => boolean): number {
    this[Symbol.dispose]();
    let found = 0;
    this.#reading(() => {
      for (const file of openAll(this.path)) {
        if (this.#files.some(({ inode }) => inode === file.inode)) {
          closeSync(file.fd);
          continue;
        }
        this.#files.unshift(file);
        const { start, end, lines, stopped } = tail(file.fd, n - found, tooOld);
        file.offset = start;
        if (!this.#follows) file.end = end;
        found += lines;
        if (stopped) break;
      }
    });
    return found;
  }

  /**
   * What comes next, about 64 KiB of it; undefined when there is nothing more now. Half a line waits for its end.
   * @throws Expected 74 when the file can't be read
   */
  next(): Lines | undefined {
    return this.#reading(() => {
      for (;;) {
        const [file] = this.#files;
        const lines = file && linesOf(file);
        if (lines) return this.#given(file, lines);
        if (!file || this.#files.length === 1) {
          // What was written before it was rotated is read before it is left.
          if (!this.#follows || !this.#openYounger(file)) return undefined;
          continue;
        }
        // Nothing can come after half a line that the disk didn't take.
        const rest = bytesAt(file.fd, file.offset, fstatSync(file.fd).size - file.offset).toString();
        closeSync(file.fd);
        this.#files.shift();
        if (rest !== "") return this.#given(file, [rest]);
      }
    });
  }

  /** How much there is that wasn't read, bytes, as far as it is known. */
  get left(): number {
    return this.#files.reduce((sum, { fd, offset }) => sum + fstatSync(fd).size - offset, 0);
  }

  #given(file: Open, lines: string[]): Lines {
    const { afterGap } = file;
    file.afterGap = false;
    return { lines: lines.filter((line) => line !== ""), afterGap };
  }

  /** Opens the files that are younger than the one that is read. @returns whether there are any */
  #openYounger(than: Open | undefined): boolean {
    if (than && statSync(this.path, { throwIfNoEntry: false })?.ino === than.inode) return false;
    const younger: Open[] = [];
    let found = false;
    for (const file of openAll(this.path)) {
      found = file.inode === than?.inode;
      if (found || younger.some(({ inode }) => inode === file.inode)) closeSync(file.fd);
      else younger.unshift(file);
      if (found) break;
    }
    // The one that is read has no name any more: others may have come and gone after it.
    if (than && !found && younger.length > 1 && younger[0]) younger[0].afterGap = true;
    this.#files.push(...younger);
    return younger.length > 0;
  }

  #reading<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new Expected(Exit.io, `${this.path} can't be read: ${errno(error) ?? message(error)}`);
    }
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }
}

/** The next whole lines of a file; undefined at its end. */
function linesOf(file: Open): string[] | undefined {
  for (let length = PIECE; ; length *= 2) {
    const bytes = bytesAt(file.fd, file.offset, Math.min(length, file.end - file.offset));
    const feed = bytes.lastIndexOf(LINE_FEED);
    if (feed >= 0) {
      file.offset += feed + 1;
      return bytes.toString("utf8", 0, feed).split("\n");
    }
    if (bytes.length >= LONGEST_LINE) {
      file.offset += bytes.length;
      return [bytes.toString()];
    }
    if (bytes.length === length) continue;
    // Half a line, unless somebody emptied the file.
    if (bytes.length > 0 || fstatSync(file.fd).size >= file.offset) return undefined;
    file.offset = 0;
  }
}

/** What isn't told is found so late, ms. */
const POLL_MS = 250;

/** Calls `changed` when a rotated file was written, `soonMs` after it. Not every change is told: it is to be polled too. */
class Watch implements Disposable {
  readonly #folder: string;
  readonly #name: string;
  readonly #soonMs: number;
  readonly #changed: () => void;
  #watcher: { of: FSWatcher; inode: number } | undefined;
  #soon: NodeJS.Timeout | undefined;
  #again = false;

  constructor(path: string, soonMs: number, changed: () => void) {
    this.#folder = dirname(path);
    this.#name = basename(path);
    this.#soonMs = soonMs;
    this.#changed = changed;
    this.renew();
  }

  /** Sees to it that the folder is watched that has the name now. */
  renew(): void {
    const inode = statSync(this.#folder, { throwIfNoEntry: false })?.ino;
    if (inode === this.#watcher?.inode) return;
    this.#watcher?.of.close();
    this.#watcher = undefined;
    if (inode === undefined) return;
    try {
      const of = watch(this.#folder, (_, file) => {
        if (file === this.#name || file?.startsWith(`${this.#name}.`)) this.#told();
      });
      of.on("error", () => {});
      this.#watcher = { of, inode };
    } catch {
      // Too much is watched on this machine.
    }
  }

  /** A change isn't told that comes within 1 ms of another one: it is looked a while after each. */
  #told(): void {
    this.#again = this.#soon !== undefined;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      if (this.#again) this.#told();
      this.#changed();
    }, this.#soonMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#soon);
    this.#watcher?.of.close();
  }
}

/** Longer than what {@link Watch} may not be told in. */
const AT_ONCE_MS = 3;

/**
 * Prints what rotated files have, and with `follow` whatever comes after it, until a signal or the reader's leaving.
 * @param print called again and again: prints some of what there is, and returns whether there may be more of it.
 * `watch` has it called soon after a file is written, and not only every 250 ms.
 * @throws what `print` throws
 */
export async function printLines(
  { output, life }: Context,
  follow: boolean,
  print: (watch: (path: string) => void) => boolean,
): Promise<number> {
  let over = false;
  let news = Promise.withResolvers<void>();
  const end = () => {
    over = true;
    news.resolve();
  };
  using _ = life.own({ end, hurry: async () => {} });
  output.onClosed(end);
  using watching = new DisposableStack();
  const watches = new Map<string, Watch>();
  const poll = setInterval(() => {
    for (const watch of watches.values()) watch.renew();
    news.resolve();
  }, POLL_MS);
  watching.defer(() => clearInterval(poll));
  const watch = (path: string) => {
    if (!follow || watches.has(path)) return;
    watches.set(path, watching.use(new Watch(path, AT_ONCE_MS, () => news.resolve())));
  };
  while (!over) {
    news = Promise.withResolvers();
    // Signals have their turn while there is a lot.
    if (print(watch)) await aTurn();
    else if (follow) await news.promise;
    else break;
  }
  return Exit.ok;
}

/**
 * Makes lines of a module's log of what is read of it. Half a line that the disk didn't take is given as it is, as of the
 * time of the line before it; where lines are missing, that is said.
 */
export function logLines(): (read: Lines) => LogLine[] {
  let at = 0;
  return ({ lines, afterGap }) => {
    const parsed = lines.map((line) => [line, parseLogLine(line)] as const);
    at ||= parsed.find(([, known]) => known)?.[1]?.at ?? 0;
    const gap = afterGap ? [{ at, text: "lines may be missing here", mark: true }] : [];
    const found = parsed.map(([text, known]) => {
      at = known?.at ?? at;
      return known ?? { at, text, mark: false };
    });
    return [...gap, ...found];
  };
}

/** What a screen shows of a log at first, lines. */
const SHOWN = 200;
/** So much may come while it is read, bytes: nobody can look at more. */
const MOST_BEHIND = 256 << 10;
const SCREEN_MS = 50;

/** Leaves lines out when more are added than can be looked at: its reader sees the end of a file. */
class EndReader extends LineReader {
  #most = MOST_BEHIND;

  override seek(n: number): number {
    const found = super.seek(n);
    this.#most = this.left + MOST_BEHIND;
    return found;
  }

  override next(): Lines | undefined {
    if (this.left <= this.#most) return super.next();
    this.seek(SHOWN);
    const lines = super.next();
    return lines && { ...lines, afterGap: true };
  }
}

/** Shows the end of a module's log: its last lines, then whatever is added. Where it left lines out, a mark says so. */
export function followLog(path: string, shown: (batch: readonly LogLine[]) => void): Disposable {
  const reader = new EndReader(path);
  const parse = logLines();
  let more: NodeJS.Immediate | undefined;
  let over = false;
  const read = (work: () => Lines | undefined) => {
    more = undefined;
    let lines: Lines | undefined;
    try {
      lines = work();
    } catch {
      // What can't be read is waited for.
    }
    if (lines) shown(parse(lines));
    // Others have a turn between two pieces.
    if (lines && !over) more = setImmediate(read, next);
  };
  const next = () => reader.next();
  const first = () => {
    reader.seek(SHOWN);
    return reader.next();
  };
  more = setImmediate(read, first);
  const look = () => more ?? read(next);
  const watching = new Watch(path, SCREEN_MS, look);
  const poll = setInterval(() => {
    watching.renew();
    look();
  }, POLL_MS);
  return {
    [Symbol.dispose]() {
      over = true;
      clearInterval(poll);
      clearImmediate(more);
      watching[Symbol.dispose]();
      reader[Symbol.dispose]();
    },
  };
}
