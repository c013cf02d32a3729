import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { errno, message } from "../../kernel/errors.ts";
import { isEmbedded } from "../../kernel/runtime.ts";
import { DataError } from "../core/bars.ts";
import { CsvParser } from "../core/csv.ts";
import type { Load, Loaded } from "./protocol.ts";

/** The thread that reads a data file, so that the host answers while it does. */

const CHUNK_BYTES = 1 << 20;

function read({ path, from, to, progress }: Load): Loaded {
  const { size, chunks } = isEmbedded(path) ? whole(path) : pieces(path);
  const parser = new CsvParser({
    totalBytes: size,
    allocate: (bytes) => new SharedArrayBuffer(bytes),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  const hash = createHash("sha256");
  let done = 0;
  for (const bytes of chunks) {
    hash.update(bytes);
    parser.feed(bytes);
    done += bytes.length;
    // A pipe has no size to be measured against.
    if (size > 0) progress[0] = done / size;
  }
  return { type: "loaded", bars: parser.finish(), hash: hash.digest("hex") };
}

type Source = { size: number; chunks: Iterable<Uint8Array> };

/** What is embedded in the executable can't be opened, only read as a whole. */
function whole(path: string): Source {
  const bytes = readFileSync(path);
  return { size: bytes.length, chunks: [bytes] };
}

function pieces(path: string): Source {
  const { size } = statSync(path);
  function* chunks() {
    const fd = openSync(path, "r");
    try {
      const chunk = new Uint8Array(CHUNK_BYTES);
      for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk))
        yield chunk.subarray(0, read);
    } finally {
      closeSync(fd);
    }
  }
  return { size, chunks: chunks() };
}

addEventListener("message", (event) => {
  let loaded: Loaded;
  try {
    loaded = read((event as MessageEvent<Load>).data);
  } catch (error) {
    loaded = { type: "failed", message: message(error) };
    const code = errno(error);
    if (error instanceof DataError) loaded.row = error.row;
    else if (code) loaded.code = code;
    else throw error;
  }
  postMessage(loaded);
});
