/** What was asked of modules and isn't done yet: shown at once, and the last wish holds. */
import type { Control, State } from "../../kernel/control.ts";
import { message } from "../../kernel/errors.ts";
import type { ModuleRow } from "../core/module.ts";

export type Verb = "enable" | "disable" | "restart" | "reset" | "record" | "pause";

/** A start may take as long as the module's deadline, and longer while it says that it is still starting. */
export const LONGEST_MS = 600_000;

/** Names all modules. */
export const ALL = "*";

type Asked = {
  readonly verb: Verb;
  /** The module when it was asked for. */
  readonly from: ModuleRow | undefined;
};

/** Wishes that take the place of each other: whether a module runs, and whether it records. */
type Lane = {
  last: Asked;
  /** What was sent last, until the host has heard it. */
  sent: Asked | undefined;
  /** The module when that was sent. */
  from: ModuleRow | undefined;
  /** Told when it has. */
  heard: () => void;
};

const laneOf = (verb: Verb): string => (verb === "record" || verb === "pause" ? "record" : "run");

type Outcome = { name: string; ok: boolean; text: string | null };

/** What went wrong of a command; undefined where nothing did, since what went well is seen. */
function failureOf(answer: unknown): string | undefined {
  const outcomes = (answer as { outcomes?: readonly Outcome[] } | undefined)?.outcomes ?? [];
  const failures = outcomes
    .filter(({ ok }) => !ok)
    .map(({ name, text }) => (text?.startsWith(`${name} `) ? text : `${name}: ${text ?? "it failed"}`));
  return failures.join(" · ") || undefined;
}

/** Whether a module has moved on since; then what it says of itself is the answer. */
const hasMoved = (from: ModuleRow | undefined, now: ModuleRow | undefined): boolean =>
  from?.since !== now?.since || from?.actual !== now?.actual;

/** Asks a host about modules, and knows what of that is still to be done. */
export class Asks {
  readonly #control: Control;
  readonly #rowOf: (name: string) => ModuleRow | undefined;
  readonly #heard: (state: State) => void;
  readonly #say: (failure: string | undefined) => void;
  readonly #lanes = new Map<string, Lane>();

  /**
   * @param rowOf a module as it was heard of last
   * @param heard told the state that a command was answered with
   * @param say told what went wrong of it
   */
  constructor(
    control: Control,
    rowOf: (name: string) => ModuleRow | undefined,
    heard: (state: State) => void,
    say: (failure: string | undefined) => void,
  ) {
    this.#control = control;
    this.#rowOf = rowOf;
    this.#heard = heard;
    this.#say = say;
  }

  /** What was wished for last of a module and isn't done yet, by what it concerns. */
  last(name: string, lane: "run" | "record"): Verb | undefined {
    return this.#lanes.get(`${lane} ${name}`)?.last.verb;
  }

  /** What is shown of it: nothing from when the module has moved on. */
  shown(row: ModuleRow): Verb | undefined {
    const last = this.#lanes.get(`run ${row.name}`)?.last;
    return last && !hasMoved(last.from, row) ? last.verb : undefined;
  }

  /**
   * Asks the host; what is wished for before the host has heard the one before waits until it has, since two that
   * are sent at the same time may come in any order. Of several that wait, the last holds.
   */
  ask(verb: Verb, name: string): void {
    const key = `${laneOf(verb)} ${name}`;
    const asked: Asked = { verb, from: this.#rowOf(name) };
    const lane = this.#lanes.get(key);
    if (!lane) {
      const made: Lane = { last: asked, sent: undefined, from: asked.from, heard: () => {} };
      this.#lanes.set(key, made);
      void this.#work(key, name, made);
    } else if (lane.sent) lane.last = lane.sent.verb === verb ? lane.sent : asked;
    else {
      lane.last = asked;
      void this.#work(key, name, lane);
    }
  }

  /** A state was heard: what was sent may have arrived. */
  look(): void {
    for (const [key, lane] of this.#lanes) {
      if (!lane.sent) continue;
      const now = this.#rowOf(key.slice(key.indexOf(" ") + 1));
      if (hasMoved(lane.from, now) || lane.from?.desired !== now?.desired) lane.heard();
    }
  }

  async #work(key: string, name: string, lane: Lane): Promise<void> {
    while (lane.sent !== lane.last) {
      const asked = lane.last;
      lane.sent = asked;
      lane.from = this.#rowOf(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      lane.heard = resolve;
      await Promise.race([this.#send(key, name, lane, asked), promise]);
    }
    lane.sent = undefined;
  }

  async #send(key: string, name: string, lane: Lane, asked: Asked): Promise<void> {
    const { state, failure } = await this.#command(asked.verb, name);
    // When something else was wished for meanwhile, what became of this one is no news.
    const isLast = lane.last === asked;
    if (isLast) this.#lanes.delete(key);
    if (state) this.#heard(state);
    if (isLast) this.#say(failure);
  }

  async #command(verb: Verb, name: string): Promise<{ state?: State; failure: string | undefined }> {
    // Where all are meant, those that can't are passed over.
    const args = { names: [name], ...(name === ALL ? { all: true } : {}) };
    try {
      const { answer, ...state } = await this.#control.command(verb, args, LONGEST_MS);
      return { state, failure: failureOf(answer) };
    } catch (error) {
      return { failure: message(error) };
    }
  }
}
