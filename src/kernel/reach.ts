import type { Kind } from "./checkpoint.ts";
import { connect, Unreached, watchSeat } from "./client.ts";
import { systemClock } from "./clock.ts";
import { type Control, STARTING, STOPPING, type State } from "./control.ts";
import { Exit, Expected, message } from "./errors.ts";
import { findHosts, isFree, type Seat } from "./seat.ts";

/** What a feature says of its sessions while no host is alive. */
export type Alone = {
  kind: Kind;
  profile: string;
  /** What its host is called: `the timer`. */
  called: string;
  /** Whether a host has said all there is to say: one that is still opening hasn't. */
  isWhole(state: State): boolean;
  /** The state while no host is alive; writes nothing and starts nothing. */
  stored(): Promise<State>;
  /**
   * Carries out a command while no host is alive.
   * @returns the state after it; undefined when a host has been made that is to be asked
   * @throws Expected when nothing is there for it: {@link nothingRuns}
   */
  command(name: string, args: unknown): Promise<State | undefined>;
  /**
   * Called with each stored state that a watcher was told.
   * @param came whether the watcher has just come to look
   * @returns in how many ms it is no longer true by itself
   */
  watched?(state: State, came: boolean): Promise<number>;
  /** Told what went wrong while nobody waits for an answer. */
  tell(text: string): void;
};

/** What a command is answered where there is nothing for it. */
export const nothingRuns = (kind: Kind): Expected =>
  new Expected(Exit.no, "nothing is running", `stint ${kind} start`);

const OPENING_MS = 20;
const OPENED_WITHIN_MS = 5_000;

/** How long a host may take to be gone once it takes no more commands, ms. */
const LEAVING_MS = 10_000;

/** How long until what is shown without a host is computed anew, or what failed is tried again, ms. */
const LOOK_AGAIN_MS = { least: 1_000, most: 30_000 };

/** The control of a kind and profile, whether a host is alive or not. States say which: `host`. */
export class Reach implements Control {
  readonly #alone: Alone;

  constructor(alone: Alone) {
    this.#alone = alone;
  }

  /** The host that is alive, if one is. */
  get host(): Seat | undefined {
    const { kind, profile } = this.#alone;
    return findHosts({ kind, profile })[0];
  }

  async state(): Promise<State> {
    const giveUp = systemClock.monotonic() + OPENED_WITHIN_MS;
    for (;;) {
      const seat = this.host;
      if (!seat) return this.#alone.stored();
      try {
        const state = await connect(seat).state();
        if (this.#alone.isWhole(state)) return { ...state, host: true };
      } catch (error) {
        // One that closes its control has no more to say, and is there for a moment longer.
        const mute = error instanceof Expected && error.exit === Exit.unavailable;
        if (this.host && (!mute || systemClock.monotonic() > giveUp)) throw error;
      }
      if (systemClock.monotonic() > giveUp) {
        throw new Expected(Exit.again, `${this.#alone.called} is still starting`, "try again in a moment");
      }
      await systemClock.sleep(OPENING_MS);
    }
  }

  async command(name: string, args: unknown = {}, withinMs?: number): Promise<State> {
    for (;;) {
      const seat = this.host;
      const state = await (seat ? this.#ask(seat, name, args, withinMs) : this.#alone.command(name, args));
      if (state) return state;
    }
  }

  /** @returns undefined when the host has done nothing of it, and is by now open, or gone */
  async #ask(
    seat: Seat,
    name: string,
    args: unknown,
    withinMs: number | undefined,
  ): Promise<State | undefined> {
    try {
      return { ...(await connect(seat).command(name, args, withinMs)), host: true };
    } catch (error) {
      if (!(await this.#notYet(seat, error))) throw error;
      return undefined;
    }
  }

  /** Whether a command may be given again. */
  async #notYet(seat: Seat, error: unknown): Promise<boolean> {
    if (!(error instanceof Expected)) return false;
    if (error.message === STARTING) {
      await systemClock.sleep(OPENING_MS);
      return true;
    }
    if (error.message !== STOPPING && !(error instanceof Unreached)) return false;
    const giveUp = systemClock.monotonic() + LEAVING_MS;
    while (!isFree(seat) && systemClock.monotonic() < giveUp) await systemClock.sleep(OPENING_MS);
    return isFree(seat);
  }

  watch(changed: (state: State | undefined) => void): AsyncDisposable {
    const { kind, profile, isWhole } = this.#alone;
    const over = new AbortController();
    /** Aborted when there is news of a host. */
    let news = new AbortController();
    let first = true;
    const watching = watchSeat({ kind, profile }, (state) => {
      news.abort();
      news = new AbortController();
      if (!state) void this.#watchAlone(changed, AbortSignal.any([over.signal, news.signal]), first);
      else if (isWhole(state)) changed({ ...state, host: true });
      first = false;
    });
    return {
      [Symbol.asyncDispose]: async () => {
        over.abort();
        await watching[Symbol.asyncDispose]();
      },
    };
  }

  /** While there is no host: tells what would be. @param came whether somebody just came to look */
  async #watchAlone(
    changed: (state: State | undefined) => void,
    signal: AbortSignal,
    came: boolean,
  ): Promise<void> {
    const { stored, watched, tell } = this.#alone;
    for (let wait = LOOK_AGAIN_MS.least; !signal.aborted; wait = Math.min(2 * wait, LOOK_AGAIN_MS.most)) {
      let until = LOOK_AGAIN_MS.most;
      try {
        const state = await stored();
        if (signal.aborted) return;
        changed(state);
        until = Math.min(until, (await watched?.(state, came)) ?? until);
      } catch (error) {
        tell(message(error));
        until = wait;
      }
      await systemClock.sleep(until, signal);
    }
  }
}
