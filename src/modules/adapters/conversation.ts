import type { Clock } from "../../kernel/clock.ts";
import { commandLine, LONGEST_COMMAND, type Said } from "../core/protocol.ts";
import { spokenTime } from "../core/spoken.ts";
import type { ModuleOutput } from "./output.ts";
import type { ModuleProcess } from "./process.ts";

/** What a command came to: what it was answered, or why there is no answer. */
export type Answer = { readonly said: Said } | { readonly silent: string };

/** What a module is told, and what it answers. */
export class Conversation {
  readonly #clock: Clock;
  readonly #output: ModuleOutput;
  readonly #answers = new Map<number, (answer: Answer) => void>();
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

  /** Tells it something and waits for the answer. */
  async tell(
    process: ModuleProcess | undefined,
    command: Readonly<Record<string, unknown>>,
    withinMs: number,
    id: number = this.nextId(),
  ): Promise<Answer> {
    const line = commandLine({ ...command, id });
    if (line === undefined) return { silent: `a command has at most ${LONGEST_COMMAND} bytes` };
    if (!process) return { silent: "it doesn't run" };
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const answered = new AbortController();
    this.#answers.set(id, resolve);
    this.#output.expect();
    try {
      if (!(await process.tell(line))) return { silent: "it doesn't read its commands" };
      const silent = `no answer within ${spokenTime(withinMs)}`;
      void this.#clock.sleep(withinMs, answered.signal).then(() => resolve({ silent }));
      return await promise;
    } finally {
      answered.abort();
      this.#answers.delete(id);
    }
  }

  /** It has said something, which may be an answer. */
  heard(said: Said): void {
    if (said.id !== undefined) this.#answers.get(said.id)?.({ said });
  }

  /** Nobody is there any more who could answer. */
  hangUp(): void {
    for (const answer of this.#answers.values()) answer({ silent: "it ended before it had answered" });
  }
}
