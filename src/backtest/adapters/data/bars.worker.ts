import { createHash, type Hash } from "node:crypto";
import { errno, message } from "../../../kernel/errors.ts";
import { type Bars, COLUMN_NAMES, DataError } from "../../core/bars.ts";
import type { BuildOptions, Faults } from "../../core/data/bar-builder.ts";
import { ColumnError } from "../../core/data/column-names.ts";
import { CsvParser, type TextOptions, type TextReader } from "../../core/data/csv.ts";
import type { Dialect } from "../../core/data/data-source.ts";
import { NdjsonParser } from "../../core/data/ndjson.ts";
import type { DateOrder } from "../../core/data/time-field.ts";
import { firstAtLeast } from "../../core/engine/timeline.ts";
import { formatTime } from "../../core/time/calendar.ts";
import type { Load, Loaded } from "./bars.ts";
import { BarCache, type Kept } from "./cache.ts";
import { type DataFile, openData, PackingError, unpacked } from "./data-file.ts";

/** The thread that reads a data file, so that the host answers while it does. */

/** A smaller file is parsed as fast as it is found in the cache. */
const WORTH_KEEPING_BYTES = 4 << 20;
/** What packed text of bars grows to at most, mostly, where the file doesn't say. */
const PACKED_RATIO = 6;

const shared = (bytes: number) => new SharedArrayBuffer(bytes);

/** A file, read in one way. */
type Reading = { bars: Bars; dialect: Dialect; hash: string; faults: Faults };

/** What is wrong with a file, and not with one of its rows. */
class Refused extends Error {}

async function read({ from, source, range, tolerant, cache, progress }: Load): Promise<Loaded> {
  const data = openData(from);
  const kept = cache === null || data.size < WORTH_KEEPING_BYTES ? null : new BarCache(cache, source);
  const { found, trouble } = lookedFor(data, kept, progress);
  if (found) return { type: "loaded", ...found, bars: cut(found.bars, range), faults: {}, uncached: null };
  const { bars, hash, dialect, faults } = await parsed(data, source, tolerant, progress);
  let uncached = trouble;
  try {
    kept?.write(data.size, hash, { bars, dialect });
  } catch (error) {
    uncached ??= `bars can't be kept in the cache: ${errno(error) ?? message(error)}`;
  }
  return { type: "loaded", bars: cut(bars, range), hash, dialect, faults, uncached };
}

/** What the cache has of a file. A cache that can't be read is no reason not to go on. */
function lookedFor(
  data: DataFile,
  kept: BarCache | null,
  progress: Float64Array,
): { found?: Kept & { hash: string }; trouble: string | null } {
  try {
    if (!kept?.mayHave(data.size)) return { trouble: null };
    const hash = hashOf(data, progress);
    const found = kept.read(data.size, hash, shared);
    return found ? { found: { ...found, hash }, trouble: null } : { trouble: null };
  } catch (error) {
    return { trouble: `bars can't be looked for in the cache: ${errno(error) ?? message(error)}` };
  }
}

function hashOf(data: DataFile, progress: Float64Array): string {
  const hash = createHash("sha256");
  for (const _ of observed(data, hash, progress));
  return hash.digest("hex");
}

/** The chunks of a file, hashed and counted on their way. */
function* observed(data: DataFile, hash: Hash, progress: Float64Array): Generator<Uint8Array> {
  let done = 0;
  for (const chunk of data.chunks()) {
    hash.update(chunk);
    yield chunk;
    done += chunk.length;
    progress[0] = done / data.size;
  }
}

/**
 * Reads it with the day first where a date's year comes last, and with the month first where that may be meant: it is the
 * one that fits all rows.
 */
async function parsed(
  data: DataFile,
  source: Load["source"],
  tolerant: boolean,
  progress: Float64Array,
): Promise<Reading> {
  const attempt = (order: DateOrder) => attempted(data, source, tolerant, progress, order);
  const day = await attempt("day");
  if (!day.ambiguous) return day.reading ?? Promise.reject(day.error);
  const month = await attempt("month");
  if (!day.reading && !month.reading) throw month.error.row > day.error.row ? month.error : day.error;
  if (!day.reading || !month.reading) return (day.reading ?? month.reading) as Reading;
  const [wrongDay, wrongMonth] = [count(day.reading.faults), count(month.reading.faults)];
  if (wrongDay !== wrongMonth) return wrongDay < wrongMonth ? day.reading : month.reading;
  const { time } = day.reading.bars;
  if (month.reading.bars.time.every((each, i) => each === time[i])) return day.reading;
  throw new Refused("its dates may have the day or the month first, and both fit; write them as 2018-01-31");
}

const count = (faults: Faults): number => Object.values(faults).reduce((sum, { count }) => sum + count, 0);

type Attempt =
  | { ambiguous: boolean; reading: Reading; error?: never }
  | { ambiguous: boolean; reading?: never; error: DataError };

async function attempted(
  data: DataFile,
  { format, columns, timezone, stamp }: Load["source"],
  tolerant: boolean,
  progress: Float64Array,
  order: DateOrder,
): Promise<Attempt> {
  const faults: Faults = {};
  const build: BuildOptions = { timezone, stamp, allocate: shared, ...(tolerant ? { faults } : {}) };
  if (data.parquet && (format ?? "parquet") === "parquet") {
    // Loading what reads it takes longer than most text files.
    const { readParquet } = await import("./parquet.ts");
    const { ambiguous, ...read } = await readParquet(data, { ...build, columns, order }, progress);
    const hash = hashOf(data, progress);
    const dialect = { ...read.dialect, packed: null };
    return { ambiguous, reading: { bars: read.bars, dialect, hash, faults } };
  }
  if (format === "parquet") throw new Refused("it isn't Parquet");
  const hash = createHash("sha256");
  const text: TextOptions = { ...build, columns, order, totalBytes: unpackedBytes(data) };
  let reader: TextReader | undefined;
  try {
    for await (const chunk of unpacked(observed(data, hash, progress), data.packed)) {
      reader ??= (format ?? formatOf(chunk)) === "ndjson" ? new NdjsonParser(text) : new CsvParser(text);
      reader.feed(chunk);
    }
    reader ??= new CsvParser(text);
    const bars = reader.finish();
    const dialect = { ...reader.dialect, packed: data.packed };
    const { ambiguous } = reader;
    return { ambiguous, reading: { bars, dialect, hash: hash.digest("hex"), faults } };
  } catch (error) {
    const damaged = error instanceof PackingError;
    const wrong = damaged ? new DataError((reader?.row ?? 0) + 1, `${data.packed}: ${error.message}`) : error;
    if (wrong instanceof DataError) return { ambiguous: reader?.ambiguous ?? false, error: wrong };
    throw error;
  }
}

/** NDJSON begins with an object or an array. */
function formatOf(chunk: Uint8Array): "csv" | "ndjson" {
  const text = new TextDecoder().decode(chunk.subarray(0, 1024));
  return /^\s*(\{\s*"|\[\s*["{[\d])/.test(text) ? "ndjson" : "csv";
}

/** About how long the text is. gzip says at its end, modulo 2 ** 32, how long the last of its parts is: RFC 1952. */
function unpackedBytes(data: DataFile): number {
  if (data.packed === null) return data.size;
  const least = data.size * PACKED_RATIO;
  if (data.packed === "zstd" || data.size < 4) return least;
  const tail = data.slice(data.size - 4, data.size);
  const said = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  return said > data.size ? said : least;
}

/** The bars of a time range; of a small part a copy, so that the rest can go. */
function cut(bars: Bars, { from, to }: Load["range"]): Bars {
  const first = firstAtLeast(bars.time, bars.length, from);
  const end = firstAtLeast(bars.time, bars.length, to);
  if (first === 0 && end === bars.length) return bars;
  if (first >= end) {
    const last = formatTime(bars.time[bars.length - 1] as number);
    throw new Refused(`no bars in the range asked for; the last is at ${last}`);
  }
  const columns = COLUMN_NAMES.map((name) => {
    const part = bars[name].subarray(first, end);
    if (part.length * 2 > bars.length) return part;
    const copy = new Float64Array(shared(part.byteLength));
    copy.set(part);
    return copy;
  });
  const named = Object.fromEntries(COLUMN_NAMES.map((name, k) => [name, columns[k]]));
  return { ...bars, ...named, length: end - first };
}

addEventListener("message", async (event) => {
  let loaded: Loaded;
  try {
    loaded = await read((event as MessageEvent<Load>).data);
  } catch (error) {
    const code = errno(error);
    const help = error instanceof ColumnError ? { hint: error.hint } : {};
    if (error instanceof DataError)
      loaded = { type: "failed", message: error.message, row: error.row, ...help };
    else if (error instanceof Refused) loaded = { type: "failed", message: error.message };
    else if (code) loaded = { type: "failed", message: message(error), code };
    else throw error;
  }
  postMessage(loaded);
});
