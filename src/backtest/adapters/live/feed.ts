import { spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import { Exit, Expected, message } from "../../../kernel/errors.ts";
import { findProgram } from "../../../kernel/programs.ts";
import type { Part } from "../../../kernel/stack.ts";
import { tied } from "../../../kernel/tied.ts";
import type { SymbolBar } from "../../core/engine/live-feed.ts";
import type { Feed } from "../session-file.ts";

/** Where the bars of a live run come from: lines of JSON on stdin, or on the stdout of a program. */

/** How long a program that is told to end may take before it is killed, ms. */
const END_MS = 2_000;

/** A feed that is open. Its lines end when it does. @throws Expected 69 from the lines, when its program fails */
export interface OpenFeed extends AsyncDisposable {
  lines(): AsyncIterable<string>;
}

/** The part that reads a feed. */
export const feedOf = (feed: Feed): Part<OpenFeed> =>
  "stdin" in feed ? async () => standardInput() : async () => programOutput(feed.command);

/** So many lines at most wait to be asked for; the stream is left to wait then. */
const MOST_LINES = 4_096;

/** The lines of a stream, read from now on: what ends before anybody asks for them has them still. */
class Lines implements Disposable {
  readonly #reader: Interface;
  #waiting: string[] = [];
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(input: Readable) {
    this.#reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    this.#reader.on("line", (line) => {
      this.#waiting.push(line);
      if (this.#waiting.length >= MOST_LINES) this.#reader.pause();
      this.#wake?.();
    });
    this.#reader.once("close", () => this.end());
    input.once("close", () => this.end());
    input.once("error", (error) => {
      this.#error = error;
      this.end();
    });
  }

  /** No more will come. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** @throws Expected 74 when it can't be read any more */
  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      const lines = this.#waiting;
      this.#waiting = [];
      yield* lines;
      if (this.#waiting.length > 0) continue;
      if (this.#error) throw new Expected(Exit.io, `the feed can't be read: ${this.#error.message}`);
      if (this.#ended) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#reader.resume();
      await promise;
    }
  }

  [Symbol.dispose](): void {
    this.#reader.close();
  }
}

function standardInput(): OpenFeed {
  const { stdin } = process;
  const lines = new Lines(stdin);
  return {
    lines: () => lines,
    async [Symbol.asyncDispose]() {
      lines[Symbol.dispose]();
      stdin.destroy();
    },
  };
}

function programOutput([program = "", ...args]: readonly string[]): OpenFeed {
  if (findProgram(program) === undefined) {
    throw new Expected(Exit.unavailable, `the feed ${program} can't be started: there is no such program`);
  }
  // It ends with this process, however that ends: a resumed run starts another.
  const [first = program, ...rest] = tied([program, ...args]);
  const child = spawn(first, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = new Lines(child.stdout);
  const ended = new Promise<{ code: number | null; error?: Error }>((resolve) => {
    child.once("error", (error) => {
      // It has no output that would end.
      lines.end();
      resolve({ code: null, error });
    });
    // Not its close: what it has started may hold its output open when it is gone.
    child.once("exit", (code) => resolve({ code }));
  });
  let disposed = false;
  return {
    async *lines() {
      yield* lines;
      const { code, error } = await ended;
      if (disposed || code === 0) return;
      const why = error ? message(error) : `it ended with ${code ?? child.signalCode}`;
      throw new Expected(Exit.unavailable, `the feed ${program} failed: ${why}`);
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), END_MS);
      await ended;
      clearTimeout(kill);
      lines[Symbol.dispose]();
      child.stdout.destroy();
    },
  };
}

/**
 * Reads a line of a feed: `{"symbol":"EURUSD","time":…,"open":…,"high":…,"low":…,"close":…,"volume":…}`. `time` is that of
 * the bar's open: Unix time in ms or s, or RFC 3339. @param only the symbol of lines that name none
 * @returns the bar, or what is wrong with the line
 */
export function readFedBar(line: string, only: string | undefined): SymbolBar | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "it isn't JSON";
  }
  if (typeof value !== "object" || value === null) return "it isn't an object";
  const { symbol = only, time, volume = 0 } = value as Record<string, unknown>;
  if (typeof symbol !== "string") return "it names no symbol";
  const at = instant(time);
  if (Number.isNaN(at)) return `its time isn't one: ${JSON.stringify(time)}`;
  const prices: number[] = [];
  for (const name of ["open", "high", "low", "close"]) {
    const price = (value as Record<string, unknown>)[name];
    if (typeof price !== "number" || !(price > 0) || !Number.isFinite(price))
      return `its ${name} isn't a price`;
    prices.push(price);
  }
  if (typeof volume !== "number" || !(volume >= 0)) return "its volume isn't a number";
  const [open = 0, high = 0, low = 0, close = 0] = prices;
  if (high < low) return "its high is below its low";
  return { symbol, time: at, open, high, low, close, volume };
}

/** Seconds since 1970 are below this until the year 5138, ms above it since 1973. */
const SECONDS_BELOW = 1e11;

function instant(time: unknown): number {
  if (typeof time === "number" && Number.isFinite(time)) return time < SECONDS_BELOW ? time * 1000 : time;
  return typeof time === "string" && /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:?\d\d)$/.test(time)
    ? Date.parse(time)
    : Number.NaN;
}
