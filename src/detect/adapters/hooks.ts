import type { Log } from "../../kernel/log.ts";
import { Errands, run } from "../../kernel/programs.ts";
import type { EventRow } from "../core/event.ts";
import type { Hooks } from "../core/installation.ts";

/** What a hook is there for. */
export type HookKind = Exclude<keyof Hooks, "timeout_ms">;

const KINDS: readonly HookKind[] = ["trip", "camera_lost", "guard_dead"];

/** How many hooks of a kind may wait for those before them. */
const WAITING = 32;

/**
 * Runs the user's commands, those of a kind one after another in the order of what happened: one kind never waits for
 * another. A command gets the event as JSON, in STINT_EVENT and as a line on its stdin. One that fails is a warning.
 */
export class HookRunner implements AsyncDisposable {
  readonly #hooks: () => Hooks;
  readonly #log: Log;
  readonly #errands: Readonly<Record<HookKind, Errands>>;
  /** How the last run of a kind failed, and which command it was. */
  readonly #failed = new Map<HookKind, { command: readonly string[]; why: string }>();

  /** @param hooks what is to be run, asked each time */
  constructor(hooks: () => Hooks, log: Log) {
    this.#hooks = hooks;
    this.#log = log;
    const errands = (kind: HookKind) =>
      new Errands(WAITING, (why) => log.warn(`${kind} hooks are left out: ${why}`));
    this.#errands = {
      trip: errands("trip"),
      camera_lost: errands("camera_lost"),
      guard_dead: errands("guard_dead"),
    };
  }

  /** How the last run of a hook that is still configured failed; null when each was well. */
  get failure(): string | null {
    const hooks = this.#hooks();
    const same = (kind: HookKind, command: readonly string[]) =>
      JSON.stringify(hooks[kind]) === JSON.stringify(command);
    const [failed] = [...this.#failed].filter(([kind, { command }]) => same(kind, command));
    return failed?.[1].why ?? null;
  }

  /** Runs the hook of a kind, if there is one. Never throws, never waits. */
  fire(kind: HookKind, row: EventRow): void {
    const { [kind]: command, timeout_ms: ms } = this.#hooks();
    if (command === null) return;
    const event = JSON.stringify({ v: 1, type: "event", ...row });
    this.#errands[kind].give(async (signal) => {
      const { failure, errors } = await run({
        command,
        env: { STINT_EVENT: event },
        input: `${event}\n`,
        ms,
        signal,
      });
      this.#failed.delete(kind);
      if (failure === undefined) return;
      const why = `the hook ${kind} failed: ${failure}`;
      this.#failed.set(kind, { command, why });
      this.#log.warn(why, {
        command,
        event: row.id,
        stderr: errors.trim(),
      });
    });
  }

  /** What was fired has 2 s to be done; then it is ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(KINDS.map((kind) => this.#errands[kind][Symbol.asyncDispose]()));
  }
}
