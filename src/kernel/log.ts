import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "./clock.ts";
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

const SECRET_KEY = /token|secret|passw|authorization|api[-_]?key|cookie|credential/i;
/** user:password@ in an address, and secrets given as name=value. */
const SECRETS_IN_TEXT: readonly [RegExp, string][] = [
  [/(\w[\w+.-]*:\/\/)[^/\s@]+@/g, "$1[redacted]@"],
  [/((?:token|secret|passw(?:or)?d|api[-_]?key)["']?\s*[=:]\s*["']?)[^\s"'&,;]+/gi, "$1[redacted]"],
  [/(Bearer\s+)\S+/gi, "$1[redacted]"],
];

/** Text without the secrets that are known to turn up in addresses, headers and queries. */
export function redact(text: string): string {
  return SECRETS_IN_TEXT.reduce((left, [pattern, put]) => left.replace(pattern, put), text);
}

function plain(key: string, value: unknown): unknown {
  if (SECRET_KEY.test(key)) return "[redacted]";
  if (typeof value === "string") return redact(value);
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) {
    const stack = redact(value.stack ?? value.message);
    return value.cause === undefined ? { stack } : { stack, cause: plain("cause", value.cause) };
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
  const line = { v: 1, type: "log", at: new Date(at).toISOString(), level, component, pid: process.pid };
  return `${JSON.stringify({ ...line, text: redact(text), ...facts }, plain)}\n`;
}

/**
 * A file that lines are appended to, at once, so that they are there after a crash; several processes may share it.
 * Past `maxBytes` it is renamed to `.1`, `.1` to `.2` and so on, `keep` of them.
 */
class RotatingFile implements Disposable {
  readonly path: string;
  readonly maxBytes: number;
  readonly keep: number;
  #fd: number;
  #size: number;

  constructor(path: string, maxBytes: number, keep: number) {
    this.path = path;
    this.maxBytes = maxBytes;
    this.keep = keep;
    this.#fd = openSync(path, "a", 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  append(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#size + bytes.length > this.maxBytes && this.#size > 0) this.#rotate();
    writeSync(this.#fd, bytes);
    this.#size += bytes.length;
  }

  #rotate(): void {
    const lock = lockFile(`${this.path}.lock`, "exclusive");
    try {
      // Unless another process has just done it: then its new file is ours as well.
      const mine = fstatSync(this.#fd).ino === statSync(this.path, { throwIfNoEntry: false })?.ino;
      if (lock && mine) {
        rmSync(`${this.path}.${this.keep}`, { force: true });
        for (let n = this.keep - 1; n >= 0; n--) {
          const from = n === 0 ? this.path : `${this.path}.${n}`;
          if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${this.path}.${n + 1}`);
        }
      }
    } finally {
      lock?.[Symbol.dispose]();
    }
    closeSync(this.#fd);
    this.#fd = openSync(this.path, "a", 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
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
        if (verbose) appendFileSync(2, `${at} ${component}: ${redact(text)}\n`);
      } catch {
        // A full disk or a closed stderr: the work goes on.
      }
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
