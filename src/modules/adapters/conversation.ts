import type { Clock } from "../../kernel/clock.ts";
import { commandLine, type Said } from "../core/protocol.ts";
import type { ModuleOutput } from "./output.ts";
import type { ModuleProcess } from "./process.ts";

/** What a module is told, and what it answers. */
export class Conversation {
  readonly #clock: Clock;
  readonly #output: ModuleOutput;
  readonly #answers = new Map<number, (said: Said | undefined) => void>();
  /** Those of another supervisor before or after this one are others. */
  #id: number;

  constructor(clock: Clock, output: ModuleOutput) {
    this.#clock = clock;
    this.#output = output;
    this.#id = clock.wall();
  }

  /** An id for a command that no other has. */
  nextId(): number {
    return ++this.#id;
  }

  /** @returns the answer; undefined when there is none in time, or it can't be told */
  async tell(
    process: ModuleProcess | undefined,
    command: Readonly<Record<string, unknown>>,
    withinMs: number,
    id: number = this.nextId(),
  ): Promise<Said | undefined> {
    const line = commandLine({ ...command, id });
    if (!process || line === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<Said | undefined>();
    const answered = new AbortController();
    this.#answers.set(id, resolve);
    this.#output.expect();
    try {
      if (!(await process.tell(line))) return undefined;
      void this.#clock.sleep(withinMs, answered.signal).then(() => resolve(undefined));
      return await promise;
    } finally {
      answered.abort();
      this.#answers.delete(id);
    }
  }

  /** It has said something, which may be an answer. */
  heard(said: Said): void {
    if (said.id !== undefined) this.#answers.get(said.id)?.(said);
  }

  /** Nobody is there any more who could answer. */
  hangUp(): void {
    for (const answer of this.#answers.values()) answer(undefined);
  }
}
