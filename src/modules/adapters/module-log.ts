import type { Clock } from "../../kernel/clock.ts";
import { errno, message } from "../../kernel/errors.ts";
import { RotatingFile } from "../../kernel/log.ts";
import { formatMark, lineHead } from "../core/log-line.ts";

/** How much is appended at once, characters. */
const BATCH = 256 << 10;

/** The log of a module: the lines that are said in it, with the time. Never throws; what it can't write it counts. */
export class ModuleLog implements Disposable {
  readonly #file: RotatingFile;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  /** Lines that couldn't be written since one could. */
  #lost = 0;
  #why = "";

  /** @param failed told when it can't be written, once until it can again */
  constructor(
    { log, maxBytes, keep }: { log: string; maxBytes: number; keep: number },
    clock: Clock,
    failed: (error: unknown) => void,
  ) {
    this.#file = new RotatingFile(log, maxBytes, keep, { alone: true });
    this.#clock = clock;
    this.#failed = failed;
  }

  /** Appends what the module said. */
  say(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const head = lineHead(this.#clock.wall());
    const most = Math.min(BATCH, this.#file.maxBytes);
    let batch = "";
    let count = 0;
    for (const line of lines) {
      if (count > 0 && batch.length + line.length > most) {
        this.#append(batch, count);
        batch = "";
        count = 0;
      }
      batch += `${head}${line}\n`;
      count++;
    }
    if (count > 0) this.#append(batch, count);
  }

  /** Appends a line of stint's own. */
  mark(text: string): void {
    this.#append(`${formatMark(this.#clock.wall(), text)}\n`, 1);
  }

  #append(text: string, count: number): void {
    const lost =
      this.#lost > 0 &&
      formatMark(this.#clock.wall(), `${this.#lost} lines could not be written: ${this.#why}`);
    try {
      this.#file.append(lost ? `${lost}\n${text}` : text);
      this.#lost = 0;
    } catch (error) {
      const before = this.#lost;
      this.#lost += count;
      this.#why = errno(error) ?? message(error);
      if (before === 0) this.#failed(error);
    }
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
