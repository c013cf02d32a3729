import { Exit, Expected, message } from "../../../kernel/errors.ts";
import type { Part } from "../../../kernel/stack.ts";
import type { Bars } from "../../core/bars.ts";
import type { Faults } from "../../core/data/bar-builder.ts";
import type { DataSource, Dialect } from "../../core/data/data-source.ts";
import { isTimezone, likeTimezone } from "../../core/time/timezone.ts";
import { left, WorkerThread } from "../engine/worker-thread.ts";
import { cacheFolder } from "./cache.ts";
import { findSample, SAMPLES } from "./sample.ts";

/** Loaded bars, on shared memory. */
export type LoadedBars = AsyncDisposable & {
  readonly bars: Bars;
  /** SHA-256 of the file they came from. */
  readonly hash: string;
  readonly dialect: Dialect;
  /** Why they couldn't be kept in the cache, or looked for there; null when nothing was in the way. */
  readonly uncached: string | null;
};

/** What the thread that reads a data file is told. */
export type Load = {
  readonly from: { readonly path: string } | { readonly bytes: Uint8Array };
  readonly source: Pick<DataSource, "format" | "columns" | "timezone" | "stamp">;
  /** Keeps bars from and before these times, UTC ms. */
  readonly range: { readonly from: number; readonly to: number };
  /** Leaves out rows that can't be used, and says which, instead of ending at the first. */
  readonly tolerant: boolean;
  /** The folder of parsed bars; null not to use it. */
  readonly cache: string | null;
  /** The share that is read, 0 … 1. */
  readonly progress: Float64Array;
};

/** What it answers. `row` is missing when it is not a row that is wrong. */
export type Loaded =
  | {
      readonly type: "loaded";
      readonly bars: Bars;
      readonly hash: string;
      readonly dialect: Dialect;
      readonly faults: Faults;
      readonly uncached: string | null;
    }
  | {
      readonly type: "failed";
      readonly message: string;
      readonly row?: number;
      readonly hint?: string;
      readonly code?: string;
    };

const READING: Record<string, string> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read",
  EISDIR: "it is a folder, not a file",
};

/**
 * The part that holds a symbol's bars: reads a file of them in a thread of its own, or a sample.
 * @param request.name what the file is called in messages
 * @param request.from, request.to keep bars from and before these times, UTC ms
 * @param request.progress told the share that is read, 0 … 1
 */
export const loadBars =
  (request: {
    source: DataSource;
    name: string;
    from?: number;
    to?: number;
    progress: Float64Array;
  }): Part<LoadedBars> =>
  async (signal) => {
    const { source, name, from = -Infinity, to = Infinity, progress } = request;
    const { folder, trouble } = cache();
    const load = { range: { from, to }, tolerant: false, cache: folder, progress };
    const loaded = await read(source, load, signal);
    if (loaded.type === "failed") throw failure(loaded, name);
    const { bars, hash, dialect, uncached } = loaded;
    return { bars, hash, dialect, uncached: uncached ?? trouble, async [Symbol.asyncDispose]() {} };
  };

/**
 * Reads a file to its end, leaving out rows that can't be used.
 * @returns what is wrong instead, as `row: what`, and perhaps what helps, when it can't be read for bars at all
 * @throws Expected 74 when there is no such file, or it may not be read
 */
export async function inspectBars(
  source: DataSource,
  name: string,
): Promise<
  | { bars: Bars; dialect: Dialect; faults: Faults; problem?: never }
  | { problem: string; hint?: string | undefined }
> {
  const range = { from: -Infinity, to: Infinity };
  const load = { range, tolerant: true, cache: null, progress: new Float64Array(1) };
  const loaded = await read(source, load, new AbortController().signal);
  if (loaded.type === "loaded") return loaded;
  if (loaded.code !== undefined) throw failure(loaded, name);
  const { row, hint } = loaded;
  return { problem: row === undefined ? loaded.message : `row ${row}: ${loaded.message}`, hint };
}

/** A run can do without. */
function cache(): { folder: string | null; trouble: string | null } {
  try {
    return { folder: cacheFolder(), trouble: null };
  } catch (error) {
    return { folder: null, trouble: message(error) };
  }
}

async function read(
  source: DataSource,
  load: Omit<Load, "from" | "source">,
  signal: AbortSignal,
): Promise<Loaded> {
  if (!isTimezone(source.timezone)) {
    throw new Expected(Exit.usage, `there is no time zone ${source.timezone}`, likeTimezone(source.timezone));
  }
  const { format, columns, timezone, stamp } = source;
  const answer = Promise.withResolvers<Loaded>();
  await using thread = new WorkerThread<Load, Loaded>(
    new Worker(new URL("./bars.worker.ts", import.meta.url).href, { type: "module" }),
    answer.resolve,
    answer.reject,
  );
  const leave = () => answer.reject(left());
  signal.addEventListener("abort", leave, { once: true });
  thread.post({ ...load, from: await placeOf(source), source: { format, columns, timezone, stamp } });
  return await answer.promise.finally(() => signal.removeEventListener("abort", leave));
}

function failure({ message, row, hint, code }: Loaded & { type: "failed" }, name: string): Expected {
  const help = hint ?? `stint backtest data check ${name}`;
  if (row !== undefined) return new Expected(Exit.io, `${name}:${row}: ${message}`, help);
  return new Expected(Exit.io, `${name} can't be read: ${READING[code ?? ""] ?? message}`);
}

async function placeOf({ from }: DataSource): Promise<Load["from"]> {
  if ("file" in from) return { path: from.file };
  const sample = findSample(from.sample);
  if (sample) return sample.open();
  const names = SAMPLES.map(({ name }) => name).join(", ");
  throw new Expected(Exit.usage, `there is no sample ${from.sample}`, `the samples are ${names}`);
}
