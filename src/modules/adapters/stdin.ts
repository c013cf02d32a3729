import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { errno } from "../../kernel/errors.ts";
import { makeFifo } from "../../kernel/runtime.ts";
import { LONGEST_COMMAND } from "../core/protocol.ts";
import { soon } from "./soon.ts";

/**
 * The stdin of a module: a named pipe, which the module has open for reading and writing, so that it never comes to an
 * end, whatever becomes of us.
 */

/** How long a full pipe is waited for, ms. */
const FULL_MS = 1_000;

/** The writing end of a module's stdin. */
export class Commands implements Disposable {
  #fd: number | undefined;
  /** How many wait for a full pipe, one after another. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Makes the pipe of a new run, in which no command to an earlier one can be.
   * @returns the descriptor for the module, which the caller closes, and ours
   * @throws what the system says
   */
  static make(path: string): { stdin: number; commands: Commands } {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    rmSync(path, { force: true });
    makeFifo(path);
    const stdin = openSync(path, constants.O_RDWR);
    try {
      return { stdin, commands: new Commands(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)) };
    } catch (error) {
      closeSync(stdin);
      throw error;
    }
  }

  /** Opens the stdin of a module that runs; undefined when nobody reads it. @param path where it was made */
  static open(pid: number, path: string): Commands | undefined {
    const its = `/proc/${pid}/fd/0`;
    // What the module has is right even if the name is gone, or another's by now; but it may have put something else in its
    // place since, and then the name is what is left.
    const fd = (isNamed(its) ? openPipe(its) : undefined) ?? openPipe(path);
    return fd === undefined ? undefined : new Commands(fd);
  }

  /** Writes a line of at most {@link LONGEST_COMMAND} bytes, whole or not at all. @returns whether it could be */
  async tell(line: string): Promise<boolean> {
    const bytes = new TextEncoder().encode(line);
    if (bytes.length > LONGEST_COMMAND) return false;
    if (this.#waiting === 0) {
      const written = this.#write(bytes);
      if (written !== undefined) return written;
    }
    // The pipe is full. Those that wait go in the order they came.
    const end = performance.now() + FULL_MS;
    this.#waiting++;
    const before = this.#last;
    const done = before.then(async () => {
      let written: boolean | undefined;
      const tried = () => {
        written = this.#write(bytes);
        return written !== undefined;
      };
      await soon(tried, () => performance.now() >= end);
      this.#waiting--;
      return written ?? false;
    });
    this.#last = done.then(() => {});
    return done;
  }

  /** @returns undefined when the pipe is full */
  #write(bytes: Uint8Array): boolean | undefined {
    if (this.#fd === undefined) return false;
    try {
      // So little goes into a pipe at once or not at all: pipe(7).
      return writeSync(this.#fd, bytes) === bytes.length;
    } catch (error) {
      return errno(error) === "EAGAIN" ? undefined : false;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Whether a descriptor in /proc is of something that has, or had, a name. */
function isNamed(descriptor: string): boolean {
  try {
    return readlinkSync(descriptor).startsWith("/");
  } catch {
    return false;
  }
}

/** Opens a named pipe that somebody reads; undefined for anything else. */
function openPipe(path: string): number | undefined {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    if (fstatSync(fd).isFIFO()) return fd;
    closeSync(fd);
  } catch {
    // Nobody reads it, or it isn't there.
  }
  return undefined;
}
