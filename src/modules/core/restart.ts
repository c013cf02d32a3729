import { backoffMs } from "../../kernel/core/backoff.ts";
import type { ModuleConfig } from "./module.ts";

/** Whether a module that ended is started again, and when. */

/** What is remembered of how a module has ended; it survives its supervisor. */
export type RestartState = {
  /** When it failed within the last {@link WINDOW_MS}, UTC ms, the oldest first. */
  readonly failures: readonly number[];
  /** How often it was started again by itself since a person started it. */
  readonly restarts: number;
  /** How many restarts in a row came before it stayed up: each doubles the wait. */
  readonly backoff: number;
};

export const NO_FAILURES: RestartState = { failures: [], restarts: 0, backoff: 0 };

/** How a process ended. */
export type Ended = {
  /** UTC ms. */
  readonly at: number;
  /** For how long it had been up. */
  readonly upMs: number;
  /** It ended with another code than 0, by a signal, or in a way that nobody knows. */
  readonly failed: boolean;
};

/** What is to be done about it. */
export type Next =
  | { readonly do: "rest" }
  | { readonly do: "restart"; readonly afterMs: number }
  /** It failed so many times in {@link WINDOW_MS}. */
  | { readonly do: "giveUp"; readonly failures: number };

/** What stayed up for so long is well again: the wait begins anew. */
const STEADY_MS = 60_000;
const WINDOW_MS = 5 * 60_000;
/** With so many failures within the window it is given up on. */
const TOO_MANY = 5;

/**
 * What follows the unasked end of a process. The window is of wall time, so that it holds across supervisors; a failure
 * that a clock set back has put into the future counts as one of now.
 * @param random in [0, 1)
 */
export function afterExit(
  state: RestartState,
  ended: Ended,
  policy: ModuleConfig["restart"],
  random: number,
): { readonly state: RestartState; readonly next: Next } {
  if (policy === "no" || (policy === "on-failure" && !ended.failed)) return { state, next: { do: "rest" } };
  const before = state.failures.map((at) => Math.min(at, ended.at)).filter((at) => ended.at - at < WINDOW_MS);
  const failures = (ended.failed ? [...before, ended.at] : before).slice(-TOO_MANY);
  const backoff = ended.upMs >= STEADY_MS ? 0 : state.backoff;
  if (ended.failed && failures.length >= TOO_MANY) {
    const given = { failures, restarts: state.restarts, backoff };
    return { state: given, next: { do: "giveUp", failures: failures.length } };
  }
  return {
    state: { failures, restarts: state.restarts + 1, backoff: backoff + 1 },
    next: { do: "restart", afterMs: backoffMs(backoff, random) },
  };
}
