import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { freeStart } from "../../kernel/runtime.ts";

/** How much is read at once, bytes. */
export const LARGEST_PIECE = 256 << 10;
/** So many bytes before an offset are remembered: by them it is known that the file still is what it was. */
const WITNESS = 32;
const NOTHING = Buffer.alloc(0);
/** Reading is synchronous: all files share the room for it. */
const room = Buffer.allocUnsafe(WITNESS + LARGEST_PIECE);
const LINE_FEED = 0x0a;

/** File systems give back whole blocks: of 4 KiB nearly everywhere. */
const BLOCK = 4096;
/** So much is taken before it is given back, bytes. */
const WORTH_FREEING = 256 << 10;
/** So much is taken before a file is emptied that nothing can be given back of, bytes: that may cost a line. */
const WORTH_EMPTYING = 1 << 20;
/** To shorten a file is to move what comes after it: no more than that, bytes. */
const MOVABLE = 1 << 20;
/** Unless the file seems to be so long, bytes: ext4 ends at 16 TiB. */
const TOO_LONG = 2 ** 40;
/** As much is given back at once as takes about so long, ms. Kernels before 6.14 write it to the disk first. */
const FREEING_MS = 1;

/** A place in the file. */
type Place = {
  /** Bytes from its beginning. */
  readonly at: number;
  /** The last bytes before it. */
  readonly witness: Buffer;
};

/** What whoever goes on from a place has to know of what came before it. */
export type Unfinished = {
  /** As {@link LineSplitter.cut}. */
  readonly cut: number | undefined;
  /** How many bytes were passed over, which the log doesn't say yet. */
  readonly skipped: number;
};
const NOTHING_UNFINISHED: Unfinished = { cut: undefined, skipped: 0 };

/** What is remembered beside the file, in `raw.at`. */
type Remembered = Unfinished & {
  readonly at: number;
  /** In base64. */
  readonly witness: string;
  readonly inode: number;
  /**
   * By how many bytes the file is about to be shortened, or was already. They were made a hole before: while they are
   * there its first byte is zero; it was made sure that the first byte after them isn't.
   */
  readonly shorter: number;
};

/**
 * The file that a module writes itself, and how far that was taken in. What was taken is given back to the disk while
 * the module goes on writing.
 *
 * How far is remembered in `raw.at` beside it, which is written (not synced) once a piece is in the log: after a kill -9
 * nothing is missing, and one piece at most is taken twice. A power loss may bring back an older state of either file:
 * then the witness doesn't fit, and all that is there is taken.
 */
export class RawFile {
  readonly #path: string;
  readonly #held: string | undefined;
  /** Told in words when what follows isn't the continuation of what was read. */
  readonly #torn: (text: string) => void;
  readonly #failed: (error: unknown) => void;
  #fd: number | undefined;
  #inode = 0;
  #reached: string;
  /** What is read next. */
  #next: Place = { at: 0, witness: NOTHING };
  /** All before it is in the log. */
  #taken: Place = this.#next;
  #unfinished = NOTHING_UNFINISHED;
  /** Bytes that {@link position} counts before the file's first one. */
  #before = 0;
  /** Whether all that was read since it was opened was a hole: what somebody freed. */
  #inHole = false;
  /** How many bytes are a hole now. */
  #freed = 0;
  /** How many are made one at once. */
  #slice = 1 << 20;
  #canShorten = true;
  #shortening = false;
  /** What `raw.at` says. */
  #saved = "";
  #saves = true;

  /**
   * @param held where in /proc the stdout of a module is found that runs already: the file may have lost its name
   * @param failed told when `raw.at` can't be written, once until it can again
   */
  constructor(
    path: string,
    held: string | undefined,
    torn: (text: string) => void,
    failed: (error: unknown) => void,
  ) {
    this.#path = path;
    this.#reached = path;
    this.#held = held;
    this.#torn = torn;
    this.#failed = failed;
  }

  /**
   * Opens the file, made when missing, at where it was left; the first time the removed one that the module
   * still writes, where there is one. @throws when it can't be opened
   */
  open(): Unfinished {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const another = this.#fd !== undefined;
    const held = another ? undefined : this.#openHeld();
    const fd = held ?? openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.close();
    this.#fd = fd;
    this.#reached = held === undefined ? this.#path : (this.#held as string);
    this.#canShorten = true;
    const stat = fstatSync(fd);
    this.#inode = stat.ino;
    const left = readRemembered(`${this.#path}.at`);
    const place = left && this.#find(left, stat);
    if (place) {
      this.#goTo(place);
      this.#unfinished = { cut: left.cut, skipped: left.skipped };
      // What it says of shortening is settled before anything is freed.
      this.#save();
    } else this.#startOver(stat, another || held !== undefined || left !== undefined);
    return this.#unfinished;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** How many bytes were read, whatever has become of the file since. */
  get position(): number {
    return this.#before + this.#next.at;
  }

  /** The path through which it was opened. */
  get reached(): string {
    return this.#reached;
  }

  /**
   * Whose the name is now: this file's, another's (or none is open), or nobody's. A file that was removed may still be
   * written: it is read on, and while the module has it, it doesn't matter who has the name.
   */
  get name(): "its" | "another's" | "nobody's" {
    if (this.#fd === undefined) return "another's";
    const inode = statSync(this.#path, { throwIfNoEntry: false })?.ino;
    if (inode === undefined) return "nobody's";
    return inode === this.#inode || this.#isHeld() ? "its" : "another's";
  }

  /** How many bytes there are that weren't read. */
  look(): number {
    if (this.#fd === undefined) return 0;
    const stat = fstatSync(this.#fd);
    if (stat.size < this.#next.at) this.#startOver(stat, true);
    return stat.size - this.#next.at;
  }

  /** The next bytes, valid until anything is read again. */
  read(most: number): Uint8Array {
    if (this.#fd === undefined) return NOTHING;
    const { at, witness } = this.#next;
    const known = witness.length;
    const end = readSync(this.#fd, room, 0, known + Math.min(most, LARGEST_PIECE), at - known);
    if (end < known || !room.subarray(0, known).equals(witness)) {
      this.#startOver(fstatSync(this.#fd), true);
      return NOTHING;
    }
    const last = room.subarray(Math.max(0, end - WITNESS), end);
    this.#next = { at: at + end - known, witness: Buffer.from(last) };
    const bytes = room.subarray(known, end);
    if (!this.#inHole) return bytes;
    const first = bytes.findIndex((byte) => byte !== 0);
    this.#inHole = first < 0;
    return first < 0 ? NOTHING : bytes.subarray(first);
  }

  /** What was read is in the log, but for the last `held` bytes. */
  keep(held: number, unfinished: Unfinished): void {
    const at = this.#next.at - held;
    if (at > this.#taken.at) this.#taken = held === 0 ? this.#next : this.#placeAt(at);
    this.#unfinished = unfinished;
    this.#save();
  }

  /**
   * Passes over all that isn't taken but for about the last `leave` bytes, which begin with a line if there is one.
   * @returns how many bytes those were, and whether what comes is in the midst of a line
   */
  skip(leave: number): { bytes: number; inLine: boolean } {
    const fd = this.#fd;
    if (fd === undefined) return { bytes: 0, inLine: false };
    const { size } = fstatSync(fd);
    const { at: from } = this.#taken;
    const near = Math.max(this.#next.at, size - leave);
    if (near >= BLOCK && !freeStart(fd, BLOCK, "hole")) {
      // A disk that doesn't fill up comes before lines.
      this.#empty(fd, size);
      return { bytes: size - from, inLine: true };
    }
    // Where a line may begin already.
    const before = Math.min(near, 1);
    const feed = room.subarray(0, readSync(fd, room, 0, LARGEST_PIECE, near - before)).indexOf(LINE_FEED);
    const to = feed < 0 ? near : near - before + feed + 1;
    this.#next = this.#placeAt(to);
    this.#taken = this.#next;
    return { bytes: to - from, inLine: feed < 0 };
  }

  /** Gives back some of what was taken, once that is worth it; `all` whatever there is. @returns whether there is more */
  free(all = false): boolean {
    const start = Math.floor((this.#taken.at - WITNESS) / BLOCK) * BLOCK;
    if (this.#fd === undefined || start - this.#freed < (all ? BLOCK : WORTH_FREEING)) return false;
    const to = Math.min(start, this.#freed + this.#slice);
    const began = performance.now();
    if (!freeStart(this.#fd, to, "hole")) {
      const { size } = fstatSync(this.#fd);
      if (this.#taken.at !== size || size < WORTH_EMPTYING) return false;
      this.#empty(this.#fd, size);
      this.#torn("raw was emptied, as its file system can't give back a part of it: a line may be missing");
      return false;
    }
    const took = performance.now() - began;
    if (took < FREEING_MS / 2) this.#slice = Math.min(this.#slice * 2, 256 << 20);
    if (took > FREEING_MS * 2) this.#slice = Math.max(this.#slice / 2, WORTH_FREEING);
    this.#freed = to;
    return to < start;
  }

  /** Takes the hole out of the file, so that it doesn't seem long, where that can be done. */
  shorten(): void {
    const fd = this.#fd;
    if (fd === undefined || this.#shortening || !this.#canShorten || this.#freed < WORTH_FREEING) return;
    this.#shortening = true;
    // What is moved is written to the disk first. Nobody here waits for that.
    fdatasync(fd, () => {
      this.#shortening = false;
      if (this.#fd === fd) this.#shortenNow(fd, this.#freed);
    });
  }

  #shortenNow(fd: number, by: number): void {
    const { size } = fstatSync(fd);
    if (by === 0 || size - by > (by > TOO_LONG ? Number.POSITIVE_INFINITY : MOVABLE)) return;
    if (byteAt(fd, by) === 0 || !this.#save(by)) return;
    this.#canShorten = freeStart(fd, by, "shorter");
    if (this.#canShorten) {
      const { at, witness } = this.#next;
      this.#taken = { at: this.#taken.at - by, witness: this.#taken.witness };
      this.#next = { at: at - by, witness };
      this.#before += by;
      this.#freed = 0;
    }
    this.#save();
  }

  /** Opens what the module writes, if that was removed. What it has put in its place itself is none of our business. */
  #openHeld(): number | undefined {
    if (this.#held === undefined) return undefined;
    try {
      const { nlink } = statSync(this.#held);
      // Wherever its folder was moved before it was removed.
      const removed = basename(readlinkSync(this.#held)) === `${basename(this.#path)} (deleted)`;
      return nlink === 0 && removed ? openSync(this.#held, constants.O_RDWR) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Whether the module that was there already writes this file still. */
  #isHeld(): boolean {
    try {
      return this.#held !== undefined && statSync(this.#held).ino === this.#inode;
    } catch {
      return false;
    }
  }

  /** Where it was left; undefined when this isn't the file that it was. */
  #find(left: Remembered, { ino, size }: Stats): Place | undefined {
    const fd = this.#fd as number;
    const at = left.shorter > 0 && byteAt(fd, 0) !== 0 ? left.at - left.shorter : left.at;
    if (ino !== left.inode || at < 0 || at > size) return undefined;
    const place = this.#placeAt(at);
    return place.witness.toString("base64") === left.witness ? place : undefined;
  }

  #placeAt(at: number): Place {
    const witness = Buffer.alloc(Math.min(at, WITNESS));
    readSync(this.#fd as number, witness, 0, witness.length, at - witness.length);
    return { at, witness };
  }

  /** Goes to a place of the file that is open now. {@link position} stays as it was. */
  #goTo(place: Place): void {
    this.#before = this.position - place.at;
    this.#next = place;
    this.#taken = place;
    this.#freed = 0;
  }

  /** Takes the file as it is now from its beginning on. */
  #startOver({ size, blocks }: Stats, torn: boolean): void {
    this.#goTo({ at: 0, witness: NOTHING });
    this.#inHole = blocks * 512 < size;
    this.#unfinished = NOTHING_UNFINISHED;
    if (torn) this.#torn("raw isn't the file that it was: lines may be missing, or here twice");
    this.#save();
  }

  #empty(fd: number, size: number): void {
    ftruncateSync(fd, 0);
    this.#next = { at: size, witness: NOTHING };
    this.#goTo({ at: 0, witness: NOTHING });
    this.#save();
  }

  /** @returns whether `raw.at` says how things are */
  #save(shorter = 0): boolean {
    const { at, witness } = this.#taken;
    const now: Remembered = {
      at,
      witness: witness.toString("base64"),
      inode: this.#inode,
      ...this.#unfinished,
      shorter,
    };
    // Always as long as it can be: it is written in place, which a full disk allows.
    const text = JSON.stringify(now).padEnd(255).concat("\n");
    if (text === this.#saved) return true;
    try {
      const fd = openSync(`${this.#path}.at`, constants.O_WRONLY | constants.O_CREAT, 0o600);
      try {
        writeSync(fd, text, 0);
      } finally {
        closeSync(fd);
      }
      this.#saved = text;
      this.#saves = true;
    } catch (error) {
      this.#saved = "";
      if (this.#saves) this.#failed(error);
      this.#saves = false;
    }
    return this.#saves;
  }
}

function byteAt(fd: number, at: number): number | undefined {
  const byte = Buffer.alloc(1);
  return readSync(fd, byte, 0, 1, at) === 1 ? byte[0] : undefined;
}

/** What was remembered; undefined when nothing was, or nothing that makes sense. */
function readRemembered(path: string): Remembered | undefined {
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  try {
    const { at, witness, inode, cut, skipped, shorter } = JSON.parse(readFileSync(path, "utf8"));
    const fits = [at, inode, skipped, shorter, cut ?? 0].every(isCount) && typeof witness === "string";
    return fits ? { at, witness, inode, cut: cut ?? undefined, skipped, shorter } : undefined;
  } catch {
    return undefined;
  }
}
