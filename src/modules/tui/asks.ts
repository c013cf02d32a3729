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
  /** Told when it has. */
  heard: () => void;
};

const laneOf = (verb: Verb): string => (verb === "record" || verb === "pause" ? "record" : "run");

/** What is said of a command's end. */
export type Said = { readonly text: string; readonly failed: boolean };

type Outcome = { name: string; ok: boolean; text: string | null };

/** What became of a command, of those that failed where some did; undefined where there is nothing to say. */
function saidOf(answer: unknown): Said | undefined {
  const outcomes = (answer as { outcomes?: readonly Outcome[] } | undefined)?.outcomes ?? [];
  const failures = outcomes.filter(({ ok }) => !ok);
  const texts = (failures.length > 0 ? failures : outcomes).flatMap(({ name, ok, text }) =>
    text === null ? (ok ? [] : [`${name}: it failed`]) : [`${name}: ${text}`],
  );
  return texts.length === 0 ? undefined : { text: texts.join(" · "), failed: failures.length > 0 };
}

/** Whether a module has moved on since; then what it says of itself is the answer. */
const hasMoved = (from: ModuleRow | undefined, now: ModuleRow | undefined): boolean =>
  from?.since !== now?.since || from?.actual !== now?.actual;

/** Asks a host about modules, and knows what of that is still to be done. */
export class Asks {
  readonly #control: Control;
  readonly #rowOf: (name: string) => ModuleRow | undefined;
  readonly #heard: (state: State) => void;
  readonly #say: (said: Said | undefined) => void;
  readonly #lanes = new Map<string, Lane>();

  /**
   * @param rowOf a module as it was heard of last
   * @param heard told the state that a command was answered with
   * @param say told what there is to say of its end
   */
  constructor(
    control: Control,
    rowOf: (name: string) => ModuleRow | undefined,
    heard: (state: State) => void,
    say: (said: Said | undefined) => void,
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
      const made: Lane = { last: asked, sent: undefined, heard: () => {} };
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
      if (hasMoved(lane.sent.from, now) || lane.sent.from?.desired !== now?.desired) lane.heard();
    }
  }

  async #work(key: string, name: string, lane: Lane): Promise<void> {
    while (lane.sent !== lane.last) {
      const asked = lane.last;
      lane.sent = asked;
      const { promise, resolve } = Promise.withResolvers<void>();
      lane.heard = resolve;
      await Promise.race([this.#send(key, name, lane, asked), promise]);
    }
    lane.sent = undefined;
  }

  async #send(key: string, name: string, lane: Lane, asked: Asked): Promise<void> {
    const { state, said } = await this.#command(asked.verb, name);
    // When something else was wished for meanwhile, what became of this one is no news.
    const isLast = lane.last === asked;
    if (isLast) this.#lanes.delete(key);
    if (state) this.#heard(state);
    if (isLast) this.#say(said);
  }

  async #command(verb: Verb, name: string): Promise<{ state?: State; said: Said | undefined }> {
    try {
      const { answer, ...state } = await this.#control.command(verb, { names: [name] }, LONGEST_MS);
      return { state, said: saidOf(answer) };
    } catch (error) {
      return { said: { text: message(error), failed: true } };
    }
  }
}
