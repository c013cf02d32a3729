import { writeSync } from "node:fs";
import { clearInterval, setInterval } from "node:timers";
import { isatty } from "node:tty";
import { Exit, Expected, errno, message } from "./errors.ts";
import { PatientWriter } from "./patient.ts";
import { isHungUp, sleepThread } from "./runtime.ts";

/** One line of NDJSON on stdout; `v` is added. */
export type Line = { type: string } & { [key: string]: unknown };

/** How often it is looked whether the reader is still there, ms. */
const LOOK_MS = 1_000;

/**
 * stdout is data, stderr is talk; this is the only writer of both. People's format on a terminal, NDJSON on a pipe or
 * with `--json`, and of talk only errors with `--quiet`.
 */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly colour: boolean;
  /** Whether stdout is a terminal that may be drawn on. */
  readonly terminal: boolean;
  #closed = false;
  #onClosed: () => void = () => {};
  #looking: NodeJS.Timeout | undefined;

  constructor(options: { json?: boolean; quiet?: boolean; colour?: boolean } = {}) {
    const tty = isatty(1);
    this.terminal = tty && process.env["TERM"] !== "dumb";
    this.json = options.json ?? !tty;
    this.quiet = options.quiet ?? false;
    this.colour = this.terminal && (options.colour ?? !process.env["NO_COLOR"]);
  }

  /** The reader left (`| head -1`): nothing more will be written, and what is running may as well end. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Called once when the reader leaves, at once if it has left. It is noticed without a write too: what follows a timer
   * may have nothing to say for an hour.
   */
  onClosed(callback: () => void): void {
    this.#onClosed = callback;
    if (this.#closed) callback();
    else this.#looking ??= setInterval(() => isHungUp(1) && this.#close(), LOOK_MS).unref();
  }

  #close(): void {
    this.#closed = true;
    clearInterval(this.#looking);
    this.#onClosed();
  }

  /** A record as NDJSON, or in people's words. `people` may be left out for what only programs want. */
  emit(record: Line, people?: () => string): void {
    if (this.json) this.text(`${JSON.stringify({ v: 1, ...record })}\n`);
    else if (people) this.text(`${people()}\n`);
  }

  /** Text that is data as it stands: help, completions, logs, schemas. @throws Expected 74 when it can't be written */
  text(text: string): void {
    if (this.#closed) return;
    try {
      writeAll(1, text);
    } catch (error) {
      // EIO: the terminal hung up.
      if (errno(error) !== "EPIPE" && errno(error) !== "EIO") {
        throw new Expected(Exit.io, `stdout can't be written: ${errno(error)}`);
      }
      this.#close();
    }
  }

  /**
   * From now on nobody waits for whoever reads stdout and stderr: of what they don't take some is left out, and told. For
   * a host whose work mustn't stand still, and whose words are kept elsewhere too. Disposing it lets them catch up for a
   * moment.
   */
  neverWait(): AsyncDisposable {
    for (const fd of [1, 2] as const) {
      const behind = (leftOut: number) => talk(`${leftOut} lines were left out: they weren't read in time\n`);
      const failed = () => fd === 1 && this.#close();
      const writer = PatientWriter.to(fd, behind, failed);
      if (writer) patient.set(fd, writer);
    }
    return {
      async [Symbol.asyncDispose]() {
        const writers = [...patient.values()];
        await Promise.all(writers.map((writer) => writer.drain(LAST_WORDS_MS)));
        patient.clear();
        for (const writer of writers) writer.close();
      },
    };
  }

  /** Talk for a person: progress, notes. */
  note(text: string): void {
    if (!this.quiet) talk(`${text}\n`);
  }

  /** Expected: one line and a hint. Anything else is a bug of ours, with its trace. */
  failure(error: unknown): void {
    if (error instanceof Expected) {
      say(`stint: ${oneLine(error.message)}\n${error.hint ? `  ${oneLine(error.hint)}\n` : ""}`);
    } else {
      const trace = error instanceof Error ? (error.stack ?? error.message) : message(error);
      say(`stint: internal error, a bug in stint: ${message(error)}\n${trace}\n`);
    }
  }

  /** Text in an SGR colour (31 red, 32 green, 33 yellow, 36 cyan, 2 dim, 1 bold), plain where colour is off. */
  paint(code: number, text: string): string {
    return this.colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
}

/** Names that came from outside may hold anything: a terminal isn't given its control characters. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, " ");

/** What is held back of the talk, the newest of it. */
let held: string[] | undefined;
const MOST_HELD = 100;

/**
 * Holds talk back while a full screen has the terminal, over which it would be written; disposing it writes what came
 * meanwhile. A failure is told all the same: nothing comes after it.
 */
export function holdTalk(): Disposable {
  held = [];
  return {
    [Symbol.dispose]() {
      const texts = held ?? [];
      held = undefined;
      talk(texts.join(""));
    },
  };
}

/** Text on stderr. Never throws: with nobody to tell it to, the work goes on. */
export function talk(text: string): void {
  if (!held) say(text);
  else if (held.push(text) > MOST_HELD) held.shift();
}

function say(text: string): void {
  try {
    writeAll(2, text);
  } catch {
    // Closed, or a full disk.
  }
}

/** What a reader that is slow has for the last words, ms. */
const LAST_WORDS_MS = 500;

/** Where nobody waits for a reader, see {@link Output.neverWait}. */
const patient = new Map<number, PatientWriter>();

/** Writes all of it, waiting for a reader that is slow unless nobody is to. */
function writeAll(fd: number, text: string): void {
  const writer = patient.get(fd);
  if (writer) {
    writer.write(text);
    return;
  }
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      // A pipe that somebody made non-blocking is full: nothing waits for that but asking again.
      if (errno(error) !== "EAGAIN") throw error;
      sleepThread(1);
    }
  }
}
