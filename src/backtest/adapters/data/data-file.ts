import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { errno, message } from "../../../kernel/errors.ts";
import { isEmbedded } from "../../../kernel/runtime.ts";
import { ZstdFrames } from "../../core/data/zstd-frames.ts";

const CHUNK_BYTES = 1 << 20;

/** A file of bars, or what stands for one, that can be read more than once. */
export type DataFile = {
  /** In bytes. */
  readonly size: number;
  /** What it is packed with. */
  readonly packed: "gzip" | "zstd" | null;
  readonly parquet: boolean;
  /** All of it from the start; a chunk may be overwritten once the next is asked for. */
  chunks(): Iterable<Uint8Array>;
  /** Some of it. */
  slice(from: number, to: number): Uint8Array<ArrayBuffer>;
};

/** What is packed is damaged or cut short. */
export class PackingError extends Error {}

/** Opens a path, or bytes that are there already. @throws a system error */
export function openData(from: { readonly path: string } | { readonly bytes: Uint8Array }): DataFile {
  if ("bytes" in from) return inMemory(from.bytes);
  // What is embedded in the executable can't be opened, only read as a whole; a pipe is read once.
  if (isEmbedded(from.path) || !statSync(from.path).isFile()) return inMemory(readFileSync(from.path));
  return onDisk(from.path);
}

function inMemory(bytes: Uint8Array): DataFile {
  return {
    size: bytes.length,
    ...kindOf(bytes.subarray(0, 4)),
    chunks: () => [bytes],
    slice: (from, to) => bytes.slice(from, to) as Uint8Array<ArrayBuffer>,
  };
}

function onDisk(path: string): DataFile {
  function* chunks(): Generator<Uint8Array> {
    const fd = openSync(path, "r");
    try {
      const chunk = new Uint8Array(CHUNK_BYTES);
      for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk))
        yield chunk.subarray(0, read);
    } finally {
      closeSync(fd);
    }
  }
  const slice = (from: number, to: number) => {
    const fd = openSync(path, "r");
    try {
      const bytes = new Uint8Array(to - from);
      let have = 0;
      for (let read = 1; read > 0 && have < bytes.length; have += read) {
        read = readSync(fd, bytes, have, bytes.length - have, from + have);
      }
      return bytes.subarray(0, have);
    } finally {
      closeSync(fd);
    }
  };
  return { size: statSync(path).size, ...kindOf(slice(0, 4)), chunks, slice };
}

/** By the first bytes: RFC 1952, RFC 8878, and Parquet's `PAR1`. */
function kindOf(head: Uint8Array): Pick<DataFile, "packed" | "parquet"> {
  const begins = (...bytes: number[]) => bytes.every((byte, at) => head[at] === byte);
  const packed = begins(0x1f, 0x8b) ? "gzip" : begins(0x28, 0xb5, 0x2f, 0xfd) ? "zstd" : null;
  return { packed, parquet: begins(0x50, 0x41, 0x52, 0x31) };
}

/**
 * The bytes of a file, unpacked.
 * @param raw its bytes as they are
 * @throws PackingError
 */
export async function* unpacked(
  raw: Iterable<Uint8Array>,
  packed: "gzip" | "zstd" | null,
): AsyncGenerator<Uint8Array> {
  if (packed === null) {
    yield* raw;
    return;
  }
  const frames = new ZstdFrames();
  let sound = true;
  function* copies(): Generator<Uint8Array> {
    for (const chunk of raw) {
      if (packed === "zstd" && sound) sound = frames.feed(chunk);
      yield chunk.slice();
    }
  }
  const source = Readable.from(copies());
  const unpack = packed === "gzip" ? createGunzip() : createZstdDecompress();
  source.on("error", (error) => unpack.destroy(error));
  try {
    for await (const chunk of source.pipe(unpack)) yield chunk as Uint8Array;
    if (!sound) throw new PackingError("it isn't zstd all through");
    if (!frames.complete) throw new PackingError("it is cut short");
  } catch (error) {
    const code = errno(error) ?? "";
    if (code === "Z_BUF_ERROR") throw new PackingError("it is cut short");
    throw /^(Z_|ZSTD_|ERR_)/.test(code) ? new PackingError(message(error)) : error;
  } finally {
    // Ends the reading of the file, too.
    source.destroy();
    unpack.destroy();
  }
}
