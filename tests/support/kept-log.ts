import type { Facts, Level, Log } from "../../src/kernel/log.ts";

/** A log that is kept. */
export class KeptLog implements Log {
  readonly lines: { level: Level; text: string; facts: Facts | undefined }[] = [];
  readonly #write = (level: Level) => (text: string, facts?: Facts) => {
    this.lines.push({ level, text, facts });
  };
  readonly debug = this.#write("debug");
  readonly info = this.#write("info");
  readonly warn = this.#write("warn");
  readonly error = this.#write("error");
  for(): Log {
    return this;
  }
  [Symbol.dispose](): void {}

  /** What was warned of. */
  get warnings(): string[] {
    return this.lines.filter(({ level }) => level === "warn").map(({ text }) => text);
  }
}
