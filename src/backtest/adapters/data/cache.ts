import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { crc32 } from "node:zlib";
import { errno } from "../../../kernel/errors.ts";
import { privateFolder } from "../../../kernel/paths.ts";
import type { Bars } from "../../core/bars.ts";
import { COLUMN_NAMES } from "../../core/bars.ts";
import type { Dialect } from "../../core/data/data-source.ts";

/**
 * Parsed bars, kept in the cache folder so that a file is only parsed once. Each is a file of its own: a magic word, the
 * length and the sum of a header in JSON, the header, and the six columns as they lie in memory. It is found by the
 * SHA-256 of the file that the bars came from, and by how that was read.
 */

/** Goes up whenever the same file may be read into other bars, or the format changes. */
const VERSION = 2;
const MAGIC = 0x53_42_41_52; // "RABS" on the disk
const PRELUDE_BYTES = 16;
/** What all of them may take. */
const MOST_BYTES = 4 * 2 ** 30;
/** A file that was being written so long ago never was finished, ms. */
const UNFINISHED_MS = 3_600_000;

/** The folder of parsed bars, made when missing. @throws Expected 74, 78 */
export function cacheFolder(): string {
  const value = process.env["XDG_CACHE_HOME"] ?? "";
  const base = isAbsolute(value) ? value : join(homedir(), ".cache");
  return privateFolder(join(privateFolder(join(base, "stint"), "XDG_CACHE_HOME"), "bars"), "XDG_CACHE_HOME");
}

/** Bars and how they were read. */
export type Kept = { readonly bars: Bars; readonly dialect: Dialect };

type Header = {
  readonly version: number;
  readonly length: number;
  readonly decimals: number;
  readonly dialect: Dialect;
  /** CRC-32 of each column. */
  readonly sums: readonly number[];
};

export class BarCache {
  readonly #folder: string;
  readonly #how: string;

  /** @param how what, beside the file itself, decides the bars */
  constructor(folder: string, how: unknown) {
    this.#folder = folder;
    this.#how = createHash("sha256")
      .update(JSON.stringify([VERSION, how]))
      .digest("hex")
      .slice(0, 16);
  }

  /** Whether any file of this size is there: if not, there is no need to look for its hash first. */
  mayHave(size: number): boolean {
    return readdirSync(this.#folder).some((name) => name.startsWith(`${size}-`) && name.endsWith(".bars"));
  }

  #path(size: number, hash: string): string {
    return join(this.#folder, `${size}-${hash}-${this.#how}.bars`);
  }

  /**
   * The bars of a file with this size and hash. What is damaged is removed.
   * @param allocate makes the memory of a column of so many bytes
   */
  read(size: number, hash: string, allocate: (bytes: number) => ArrayBufferLike): Kept | undefined {
    const path = this.#path(size, hash);
    let fd: number;
    try {
      fd = openSync(path, "r");
    } catch (error) {
      if (errno(error) === "ENOENT") return undefined;
      throw error;
    }
    try {
      const kept = readKept(fd, allocate);
      const now = new Date();
      if (kept) utimesSync(path, now, now);
      else rmSync(path, { force: true });
      return kept;
    } finally {
      closeSync(fd);
    }
  }

  /** Keeps bars, and drops what was used longest ago where there is too much. @throws a system error */
  write(size: number, hash: string, { bars, dialect }: Kept): void {
    const columns = COLUMN_NAMES.map((name) => bytesOf(bars[name]));
    const { length, decimals } = bars;
    const header: Header = {
      version: VERSION,
      length,
      decimals,
      dialect,
      sums: columns.map((each) => crc32(each)),
    };
    const text = Buffer.from(JSON.stringify(header));
    const prelude = new DataView(new ArrayBuffer(PRELUDE_BYTES));
    prelude.setUint32(0, MAGIC);
    prelude.setUint32(4, text.length);
    prelude.setUint32(8, crc32(text));
    const unfinished = join(this.#folder, `${randomBytes(8).toString("hex")}.unfinished`);
    const fd = openSync(unfinished, "wx", 0o600);
    try {
      for (const bytes of [new Uint8Array(prelude.buffer), text, ...columns]) writeAll(fd, bytes);
      closeSync(fd);
      renameSync(unfinished, this.#path(size, hash));
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
    this.#prune();
  }

  #prune(): void {
    const files = readdirSync(this.#folder).flatMap((name) => {
      const path = join(this.#folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat
        ? [{ path, bytes: stat.size, used: stat.mtimeMs, unfinished: name.endsWith(".unfinished") }]
        : [];
    });
    files.sort((a, b) => b.used - a.used);
    let total = 0;
    for (const { path, bytes, used, unfinished } of files) {
      total += bytes;
      const late = unfinished && used < Date.now() - UNFINISHED_MS;
      if (late || total > MOST_BYTES) rmSync(path, { force: true });
    }
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

function readAll(fd: number, bytes: Uint8Array, position: number): boolean {
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(fd, bytes, at, bytes.length - at, position + at);
    if (read === 0) return false;
    at += read;
  }
  return true;
}

/** What a file of the cache holds; undefined when a byte of it isn't as it was written. */
function readKept(fd: number, allocate: (bytes: number) => ArrayBufferLike): Kept | undefined {
  const prelude = new DataView(new ArrayBuffer(PRELUDE_BYTES));
  if (!readAll(fd, new Uint8Array(prelude.buffer), 0) || prelude.getUint32(0) !== MAGIC) return undefined;
  const headerBytes = prelude.getUint32(4);
  const { size } = fstatSync(fd);
  if (PRELUDE_BYTES + headerBytes > size) return undefined;
  const text = Buffer.alloc(headerBytes);
  if (!readAll(fd, text, PRELUDE_BYTES) || crc32(text) !== prelude.getUint32(8)) return undefined;
  // Its sum says that it is what was written here.
  const { version, length, decimals, dialect, sums } = JSON.parse(text.toString()) as Header;
  const start = PRELUDE_BYTES + headerBytes;
  if (version !== VERSION || size !== start + COLUMN_NAMES.length * length * 8) return undefined;
  const columns = COLUMN_NAMES.map(() => new Float64Array(allocate(length * 8)));
  for (const [k, column] of columns.entries()) {
    const bytes = bytesOf(column);
    if (!readAll(fd, bytes, start + k * bytes.length) || crc32(bytes) !== sums[k]) return undefined;
  }
  const [time, open, high, low, close, volume] = columns as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return { bars: { length, time, open, high, low, close, volume, decimals }, dialect };
}
