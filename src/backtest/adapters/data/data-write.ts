import { randomBytes } from "node:crypto";
import { createWriteStream, existsSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import type { Bars } from "../../core/bars.ts";
import { csvText, ndjsonText } from "../../core/data/bar-text.ts";

/** How bars are written, as a file's endings say. */
export type WrittenForm = { readonly format: "csv" | "ndjson"; readonly packed: "gzip" | "zstd" | null };

const PACKINGS: Readonly<Record<string, WrittenForm["packed"]>> = { ".gz": "gzip", ".zst": "zstd" };
const FORMATS: Readonly<Record<string, WrittenForm["format"]>> = {
  ".csv": "csv",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
};

/** @throws Expected 2 for a name that says none */
export function formOf(path: string): WrittenForm {
  const last = extname(path).toLowerCase();
  const packed = PACKINGS[last] ?? null;
  const ending = packed === null ? last : extname(path.slice(0, -last.length)).toLowerCase();
  const format = FORMATS[ending];
  if (format) return { format, packed };
  const what = ending === ".parquet" ? "Parquet is only read, not written" : `${path} doesn't say its format`;
  throw new Expected(Exit.usage, what, "end it in .csv or .ndjson, and .gz or .zst to pack it");
}

/**
 * Writes bars; whoever reads the file sees the old one or the new one, whole.
 * @throws Expected 74 when it can't be written; an AbortError when the signal ends it
 */
export async function writeBars(
  path: string,
  bars: Bars,
  { format, packed }: WrittenForm,
  signal: AbortSignal,
): Promise<void> {
  const text = Readable.from(format === "csv" ? csvText(bars) : ndjsonText(bars));
  // A device or a pipe is written to as it stands.
  const old = statSync(path, { throwIfNoEntry: false });
  const apart = !old || old.isFile();
  const place = old ? realpathSync(path) : path;
  const target = apart ? join(dirname(place), `.${basename(place)}.${randomBytes(8).toString("hex")}`) : path;
  const file = createWriteStream(target, apart ? { flags: "wx", mode: (old?.mode ?? 0o600) & 0o777 } : {});
  try {
    if (packed === null) await pipeline(text, file, { signal });
    else await pipeline(text, packed === "gzip" ? createGzip() : createZstdCompress(), file, { signal });
    if (apart) renameSync(target, place);
  } catch (error) {
    if (apart && existsSync(target)) rmSync(target);
    if (signal.aborted) throw error;
    throw new Expected(Exit.io, `${path} can't be written: ${errno(error) ?? message(error)}`);
  }
}
