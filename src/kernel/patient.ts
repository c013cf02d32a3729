import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { errno } from "./errors.ts";
import { canSendNow, sendNow } from "./runtime.ts";

/** How often it is looked whether a reader that is slow has read something, ms. */
const AGAIN_MS = 20;
/** So much waits for it, bytes; past that what is written is left out, until it has caught up. */
const MOST = 1 << 20;

/**
 * Writes to a terminal, a pipe or a socket without ever waiting for whoever reads it: a host on a terminal that was stopped with
 * Ctrl+S, or in a pipe to a program that hangs, goes on. What is written is whole texts, each of which comes or doesn't.
 */
export class PatientWriter {
  readonly #fd: number;
  /** Writes what is taken at once. @returns how many bytes; 0 for none */
  readonly #put: (fd: number, bytes: Uint8Array) => number;
  /** Told once it has caught up after something was left out: how many texts. */
  readonly #behind: (leftOut: number) => void;
  readonly #failed: (error: unknown) => void;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #leftOut = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  private constructor(
    fd: number,
    put: (fd: number, bytes: Uint8Array) => number,
    behind: (leftOut: number) => void,
    failed: (error: unknown) => void,
  ) {
    this.#fd = fd;
    this.#put = put;
    this.#behind = behind;
    this.#failed = failed;
  }

  /**
   * @param fd a descriptor of this process; it stays as it is: others share it, and wait where they write
   * @param behind told once the reader has caught up after something was left out: how many texts
   * @param failed told once why nothing more can be written
   * @returns undefined where no write would ever wait (a file), or the system has no way not to
   */
  static to(
    fd: number,
    behind: (leftOut: number) => void,
    failed: (error: unknown) => void,
  ): PatientWriter | undefined {
    if (process.platform !== "linux") return undefined;
    try {
      const is = fstatSync(fd);
      // A socket can't be opened anew, but be told for each write: stdout of a service, say.
      if (is.isSocket() && canSendNow) return new PatientWriter(fd, sendNow, behind, failed);
      if (!is.isFIFO() && !is.isCharacterDevice()) return undefined;
      // Opened anew, it is a description of its own, and not waiting is its own affair.
      const own = openSync(
        `/proc/self/fd/${fd}`,
        constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
      );
      return new PatientWriter(own, writeNow, behind, failed);
    } catch {
      return undefined; // another user's terminal, as after `su`
    }
  }

  /** Whether there is something that the reader hasn't taken yet. */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  write(text: string | Uint8Array): void {
    if (this.#closed) return;
    if (this.#leftOut > 0 || this.#bytes > MOST) {
      this.#leftOut++;
      return;
    }
    const bytes = Buffer.from(text);
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#timer === undefined) this.#go();
  }

  #go(): void {
    try {
      for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
        const written = this.#put(this.#fd, first);
        if (written === 0 && first.length > 0) {
          this.#timer ??= setInterval(() => this.#go(), AGAIN_MS).unref();
          return;
        }
        this.#bytes -= written;
        if (written < first.length) this.#waiting[0] = first.subarray(written);
        else this.#waiting.shift();
      }
    } catch (error) {
      this.close();
      this.#failed(error);
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    if (leftOut > 0) this.#behind(leftOut);
  }

  /** Lets the reader take what waits, for at most so long. */
  async drain(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (this.waits && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS / 2));
    }
  }

  /** What still waits is left out. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#waiting = [];
    if (this.#put === writeNow) closeSync(this.#fd);
  }
}

/** To a description that doesn't wait. */
function writeNow(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (errno(error) === "EAGAIN") return 0;
    throw error;
  }
}
