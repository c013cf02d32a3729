import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "./clock.ts";
import { errno, message } from "./errors.ts";
import { talk } from "./output.ts";
import { stateFolder } from "./paths.ts";
import { lockFile } from "./runtime.ts";

export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

/** Facts beside the words of a line. An Error is written with its stack and cause. */
export type Facts = Record<string, unknown>;

/** Writes lines that each name the component they come from. Never throws: a log that can't be written is no reason to stop. */
export interface Log extends Disposable {
  debug(text: string, facts?: Facts): void;
  info(text: string, facts?: Facts): void;
  warn(text: string, facts?: Facts): void;
  error(text: string, facts?: Facts): void;
  /** The same log, speaking for a component. */
  for(component: string): Log;
}

const WORD = "(?:token|secret|passw|passphrase|pwd|(?:api|private|access)[-_]?key)";
const SECRET_KEY = new RegExp(`${WORD}|authorization|cookie|credential`, "i");
const NAME = `[\\w-]*${WORD}[\\w-]*`;
const IS_SECRET_FLAG = new RegExp(`^--?${NAME}$`, "i");
const VALUE = `(?:"[^"]*"|'[^']*'|[^\\s"'&,;]+)`;
/** user:password@ in an address, secrets given as name=value or --name value, and the Authorization header's two. */
const SECRETS_IN_TEXT: readonly [RegExp, string][] = [
  [/(\w[\w+.-]*:\/\/)[^/\s]*@/g, "$1[redacted]@"],
  [new RegExp(`(${NAME}["']?\\s*[=:]\\s*)${VALUE}`, "gi"), "$1[redacted]"],
  [new RegExp(`(--${NAME}\\s+)${VALUE}`, "gi"), "$1[redacted]"],
  [/(authorization["']?\s*[=:]\s*(?:\w+\s+)?)[^\s"',;]+/gi, "$1[redacted]"],
  [/\b((?:Bearer|Basic)\s+)[\w.~+/=-]{8,}/gi, "$1[redacted]"],
];

/** Text without the secrets that are known to turn up in addresses, headers and queries. */
export function redact(text: string): string {
  return SECRETS_IN_TEXT.reduce((left, [pattern, put]) => left.replace(pattern, put), text);
}

function plain(key: string, value: unknown): unknown {
  if (SECRET_KEY.test(key)) return "[redacted]";
  if (typeof value === "string") return redact(value);
  if (typeof value === "bigint") return String(value);
  // A command line: what follows --token.
  if (Array.isArray(value)) {
    return value.map((item, at) => (IS_SECRET_FLAG.test(String(value[at - 1])) ? "[redacted]" : item));
  }
  if (value instanceof Error) {
    // What it holds goes through here as well, when JSON comes to it.
    const { cause, errors } = value as { cause?: unknown; errors?: unknown };
    return { stack: redact(value.stack ?? value.message), cause, errors };
  }
  return value;
}

/** One NDJSON line of a log. */
export function logLine(entry: {
  at: number;
  level: Level;
  component: string;
  text: string;
  facts?: Facts | undefined;
}): string {
  const { at, level, component, text, facts } = entry;
  const pid = process.pid;
  const line = {
    v: 1,
    type: "log",
    at: new Date(at).toISOString(),
    level,
    component,
    pid,
    text: redact(text),
  };
  try {
    // Facts come last and don't take the place of what every line has.
    return `${JSON.stringify({ ...line, ...facts, ...line }, plain)}\n`;
  } catch (error) {
    return `${JSON.stringify({ ...line, facts_lost: message(error) })}\n`;
  }
}

/**
 * A file that lines are appended to, at once, so that they are there after a crash; several processes may share it.
 * Past `maxBytes` it is renamed to `.1`, `.1` to `.2` and so on, `keep` of them. Its folder is made again when it was
 * removed.
 */
export class RotatingFile implements Disposable {
  readonly path: string;
  readonly maxBytes: number;
  readonly keep: number;
  /** Undefined until the first line, and once disposed. */
  #fd: number | undefined;
  #disposed = false;
  /** Whether the last line has no end: the disk was full, or who wrote it was killed. */
  #torn = false;
  readonly #alone: boolean;

  /**
   * @param alone whether this process alone writes it: then a last line without an end was left by one that was killed,
   * and isn't another's that is just being written
   */
  constructor(path: string, maxBytes: number, keep: number, { alone = false } = {}) {
    this.#alone = alone;
    this.path = path;
    this.maxBytes = maxBytes;
    this.keep = keep;
  }

  /** @throws when it can't be written */
  append(line: string): void {
    // The number of a closed descriptor may be another file's by now.
    if (this.#disposed) return;
    let bytes = Buffer.from(line);
    let fd = this.#current();
    const { size } = fstatSync(fd);
    if (size > 0 && size + bytes.length > this.maxBytes) {
      this.#rotate();
      fd = this.#current();
    }
    if (this.#torn) bytes = Buffer.concat([Buffer.from("\n"), bytes]);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(fd, bytes, written);
    } finally {
      if (written > 0) this.#torn = written < bytes.length;
    }
  }

  /** The file that has the name now: another process may have rotated it. */
  #current(): number {
    if (this.#fd !== undefined && this.#isCurrent(this.#fd)) return this.#fd;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    try {
      this.#fd = openSync(this.path, "a+", 0o600);
    } catch (error) {
      if (errno(error) !== "ENOENT") throw error;
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      this.#fd = openSync(this.path, "a+", 0o600);
    }
    this.#torn = this.#alone && !endsWithLine(this.#fd);
    return this.#fd;
  }

  #isCurrent(fd: number): boolean {
    return fstatSync(fd).ino === statSync(this.path, { throwIfNoEntry: false })?.ino;
  }

  #rotate(): void {
    // While another process does it, this line still goes where the last one went.
    using lock = lockFile(`${this.path}.lock`, "exclusive");
    if (!lock || this.#fd === undefined || !this.#isCurrent(this.#fd)) return;
    rmSync(`${this.path}.${this.keep}`, { force: true });
    for (let n = this.keep - 1; n > 0; n--) {
      if (existsSync(`${this.path}.${n}`)) renameSync(`${this.path}.${n}`, `${this.path}.${n + 1}`);
    }
    renameSync(this.path, `${this.path}.1`);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Whether a file is empty, or its last line has an end. */
function endsWithLine(fd: number): boolean {
  const last = Buffer.from("\n");
  readSync(fd, last, 0, 1, Math.max(0, fstatSync(fd).size - 1));
  return last.toString() === "\n";
}

/** Where the log with this name is: `$XDG_STATE_HOME/stint/NAME.log`. */
export const logPath = (name: string): string => join(stateFolder(), `${name}.log`);

export type LogOptions = {
  level?: Level;
  /** Copy each line to stderr in people's format: `--verbose`. */
  verbose?: boolean;
  maxBytes?: number;
  keep?: number;
  clock?: Clock;
};

/** Opens the log with this name. @throws Expected when its folder can't be made */
export function openLog(name: string, options: LogOptions = {}): Log {
  const { level = "info", verbose = false, maxBytes = 8 << 20, keep = 3, clock = systemClock } = options;
  const file = new RotatingFile(logPath(name), maxBytes, keep);
  const floor = LEVELS.indexOf(verbose ? "debug" : level);
  const speakFor = (component: string): Log => {
    const write = (at: Level) => (text: string, facts?: Facts) => {
      if (LEVELS.indexOf(at) < floor) return;
      try {
        file.append(logLine({ at: clock.wall(), level: at, component, text, facts }));
      } catch {
        // A full disk: the work goes on.
      }
      if (verbose) talk(`${at} ${component}: ${redact(text)}\n`);
    };
    return {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      for: speakFor,
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  };
  return speakFor("stint");
}
