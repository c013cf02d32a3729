import { Exit, Expected } from "../../kernel/errors.ts";
import type { Part } from "../../kernel/stack.ts";
import type { Bars } from "../core/bars.ts";
import type { Load, Loaded } from "./protocol.ts";
import { left, WorkerThread } from "./worker-thread.ts";

/** Loaded bars, on shared memory, and the SHA-256 of the file they came from. */
export type LoadedBars = AsyncDisposable & { bars: Bars; hash: string };

const READING: Record<string, string> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read",
  EISDIR: "it is a folder, not a file",
};

/**
 * The part that holds a run's bars: reads a CSV file in a thread of its own.
 * @param request.from, request.to keep bars from and before these times, UTC ms
 * @param request.progress told the share that is read, 0 … 1
 */
export const loadBars =
  (request: {
    path: string;
    name: string;
    from?: number;
    to?: number;
    progress: Float64Array;
  }): Part<LoadedBars> =>
  async (signal) => {
    const { path, name, from, to, progress } = request;
    const answer = Promise.withResolvers<Loaded>();
    await using thread = new WorkerThread<Load, Loaded>(
      new Worker(new URL("./bars.worker.ts", import.meta.url).href, { type: "module" }),
      answer.resolve,
      answer.reject,
    );
    const leave = () => answer.reject(left());
    signal.addEventListener("abort", leave, { once: true });
    thread.post({
      path,
      progress,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    });
    const loaded = await answer.promise.finally(() => signal.removeEventListener("abort", leave));
    if (loaded.type === "failed") {
      if (loaded.row !== undefined) throw new Expected(Exit.io, `${name}:${loaded.row}: ${loaded.message}`);
      const why = READING[loaded.code ?? ""] ?? loaded.message;
      throw new Expected(Exit.io, `${name} can't be read: ${why}`);
    }
    return { ...loaded, async [Symbol.asyncDispose]() {} };
  };
