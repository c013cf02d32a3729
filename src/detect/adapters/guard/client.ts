import type { Clock } from "../../../kernel/clock.ts";
import { Exit, Expected, message } from "../../../kernel/errors.ts";
import type { Log } from "../../../kernel/log.ts";
import { selfCommand } from "../../../kernel/runtime.ts";
import { LATE, within } from "../../../kernel/stack.ts";
import type { BoardReport } from "../../core/guard.ts";
import type { BoardConfig } from "../../core/installation.ts";
import type { GuardState } from "../../core/view.ts";
import type { RelayInterface } from "../relay/board.ts";
import { openBoard } from "../relay/open.ts";
import { Link } from "./link.ts";

/** What is told of a guard that is open. */
export type GuardEvents = {
  /** All was switched off unasked, and what each board says now is known: what is to be on is to be asked for anew. */
  fired(why: string): void;
  /** No relay can be switched on any more; all were switched off, as far as that could be. */
  dead(why: string): void;
  /** Another guard holds the boards, and all are off. Not told of the first: that is what {@link Guard.open} resolves for. */
  ready(pid: number): void;
  /**
   * A board is away or doesn't say what it was told, or is back with all off. Told of a board that is away from the start
   * as well.
   */
  board(name: string, present: boolean, why: string | null): void;
};

export type GuardOptions = {
  readonly log: Log;
  readonly clock: Clock;
  readonly events: GuardEvents;
  /** What starts this program again. */
  readonly command?: readonly [string, ...string[]];
};

/** Between two tries to start a guard, ms; and how long one must have been well for the next to be the first again. */
const RESTART_MS = { least: 100, most: 5_000, steady: 10_000 } as const;
/** An OFF of this process's own is tried for so long, and so often, ms. */
const OWN_OFF_MS = { within: 1_000, every: 100 } as const;
/** What a guard has for its last OFF, and for its end, ms. */
const LAST_OFF_MS = 700;
const END_MS = 800;
const KILLED_MS = 1_000;

type Known = {
  readonly config: BoardConfig;
  report: BoardReport /** Open for OFF alone, or being opened. */;
  hand: Promise<RelayInterface> | undefined;
};

const nothingKnown = (board: string): BoardReport => ({
  board,
  present: false,
  bits: null,
  serial: null,
  epoch: 0,
  why: null,
  busy: false,
});

/**
 * The guard, as its host has it: a second process that alone switches relays on, and switches all off when this one dies
 * or is stuck. When it is the guard that dies or is stuck, this process switches all off by itself, ends it and starts
 * another; until that holds the boards no relay can be switched on.
 */
export class Guard implements AsyncDisposable {
  readonly #options: GuardOptions;
  readonly #boards: ReadonlyMap<string, Known>;
  readonly #over = new AbortController();
  #link: Link | undefined;
  #state: GuardState = "starting";
  #restarting: Promise<void> | undefined;
  /** When the guard held the boards last, and how long to wait before the next is started. */
  #readyAt = 0;
  #waitMs: number = RESTART_MS.least;
  #disposing: Promise<void> | undefined;

  private constructor(boards: readonly BoardConfig[], options: GuardOptions) {
    this.#options = options;
    this.#boards = new Map(
      boards.map((config) => [config.name, { config, report: nothingKnown(config.name), hand: undefined }]),
    );
    if (boards.length === 0) this.#state = "none";
  }

  /**
   * Starts the guard. Resolves once it holds the boards and all their relays are off and read back; a board that is away
   * is looked for each second, and switched off when it is back. Without boards there is no process.
   * @throws Expected 75 when another guard has one of the boards, 69 when the guard can't be started
   */
  static async open(
    boards: readonly BoardConfig[],
    options: GuardOptions,
    signal: AbortSignal,
  ): Promise<Guard> {
    const guard = new Guard(boards, options);
    if (boards.length === 0) return guard;
    const leave = () => guard.#link?.kill();
    signal.addEventListener("abort", leave, { once: true });
    try {
      await guard.#start();
      signal.throwIfAborted();
      for (const { report } of guard.#boards.values()) {
        if (report.busy) {
          const hint = "is detect running, or a relay held on by hand, under another profile?";
          throw new Expected(Exit.again, `relay board ${report.board}: ${report.why}`, hint);
        }
      }
    } catch (error) {
      await guard.#abandon();
      if (error instanceof Expected || signal.aborted) throw error;
      throw new Expected(Exit.unavailable, `the guard can't be started: ${message(error)}`);
    } finally {
      signal.removeEventListener("abort", leave);
    }
    return guard;
  }

  /** Of the process; null while there is none. */
  get pid(): number | null {
    return this.#link?.pid ?? null;
  }

  get state(): GuardState {
    return this.#state;
  }

  /** What a board last said; `bits` is null while it is away or nobody knows. One that isn't held is away. */
  boardState(name: string): { present: boolean; bits: number | null; serial: string | null } {
    const { present, bits, serial } = this.#boards.get(name)?.report ?? nothingKnown(name);
    return { present, bits, serial };
  }

  /**
   * Switches a relay and reads it back. ON is refused while the guard isn't well, the board is away, or all was switched
   * off since whoever asks could know; OFF is always tried.
   * @throws when it wasn't done, or the board doesn't say what it was told
   */
  async set(board: string, channel: number, on: boolean): Promise<{ tookMs: number }> {
    const { clock } = this.#options;
    const begin = clock.monotonic();
    const known = this.#known(board);
    if (this.#disposing) throw new Error("it was switched off for good");
    const link = this.#state === "ok" ? this.#link : undefined;
    try {
      if (!link) throw new Error("there is no guard");
      await link.set(board, channel, on, known.report.epoch);
    } catch (error) {
      // The guard that lives has tried it.
      if (on || (link && this.#link === link && this.#state === "ok")) throw error;
      await this.#offByHand(known);
    }
    return { tookMs: clock.monotonic() - begin };
  }

  /** Switches all relays of all boards off. @throws AggregateError that names each board that doesn't say so */
  async allOff(): Promise<void> {
    this.#failing(await this.#allOff());
  }

  /** Switches all off, reads back, and ends the guard. @throws AggregateError that names each board that doesn't say so */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    this.#over.abort();
    if (this.#boards.size === 0) return;
    const link = this.#link;
    const isOff = this.#state === "ok" && link !== undefined && (await this.#lastOff(link));
    const ended = link === undefined || (await link.close(END_MS));
    let failed: ReadonlyMap<string, string> = new Map();
    if (!ended) {
      this.#options.log.warn("the guard doesn't end: it is killed");
      failed = await this.#endByForce(link);
    } else if (!isOff) failed = await this.#allOffByHand();
    await this.#restarting;
    await this.#letGo();
    this.#failing(failed);
  }

  /** @returns whether all boards say that they are off */
  async #lastOff(link: Link): Promise<boolean> {
    try {
      const failed = await within(link.off(), { ms: LAST_OFF_MS });
      return failed !== LATE && failed.size === 0;
    } catch {
      return false; // it has died over it, which is told
    }
  }

  /** Kills a guard and switches all off. @returns the boards that don't say so, and why */
  async #endByForce(link: Link): Promise<ReadonlyMap<string, string>> {
    link.kill();
    await Promise.all([this.#allOffByHand(), within(link.exited, { ms: KILLED_MS })]);
    // What it had begun when it was killed may have come after that.
    return this.#allOffByHand();
  }

  /** Nothing was ever switched on: ends what has been started. */
  async #abandon(): Promise<void> {
    this.#over.abort();
    this.#disposing ??= Promise.resolve();
    const link = this.#link;
    if (link && !(await link.close(END_MS))) {
      link.kill();
      await within(link.exited, { ms: KILLED_MS });
    }
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    this.#link = undefined;
    this.#state = "none";
    await Promise.all([...this.#boards.values()].map((known) => this.#dropHand(known)));
  }

  #failing(failed: ReadonlyMap<string, string>): void {
    if (failed.size === 0) return;
    const errors = [...failed].map(([board, why]) => new Error(`board ${board}: ${why}`));
    throw new AggregateError(errors, `not known to be off: ${errors.map(message).join("; ")}`);
  }

  /** @returns the boards that don't say that they are off, and why */
  async #allOff(): Promise<ReadonlyMap<string, string>> {
    const link = this.#state === "ok" ? this.#link : undefined;
    if (!link) return this.#allOffByHand();
    let failed: ReadonlyMap<string, string>;
    try {
      failed = await link.off();
    } catch {
      // It has died over it, which is told.
      return this.#allOffByHand();
    }
    const boards = [...failed.keys()].map((name) => this.#known(name));
    return this.#allOffByHand(boards);
  }

  async #start(): Promise<void> {
    const { clock, command = selfCommand(), log, events } = this.#options;
    const configs = [...this.#boards.values()].map(({ config }) => config);
    const link: Link = new Link(command, configs, clock, {
      boards: (reports) => this.#told(reports),
      fired: (why) => {
        log.warn(`the guard has switched all relays off: ${why}`);
        events.fired(why);
      },
      said: (text) => log.warn(`the guard says: ${text}`),
      over: (why) => {
        // One that was never ready has nothing that could be on: whoever starts it is told.
        if (this.#link === link && this.#state === "ok") this.#restarting = this.#died(link, why);
      },
    });
    this.#link = link;
    await link.ready;
    if (link.over !== undefined) throw new Error(link.over);
    this.#state = "ok";
    this.#readyAt = clock.monotonic();
    log.info("the guard holds the boards", { guard: link.pid });
  }

  #told(reports: readonly BoardReport[]): void {
    const { log, events } = this.#options;
    for (const report of reports) {
      const known = this.#boards.get(report.board);
      if (!known) continue;
      const before = known.report;
      known.report = report;
      const isNews = before.present !== report.present || before.why !== report.why;
      // A handle of what is away would keep its number from it.
      if (!report.present) void this.#dropHand(known);
      else if (!before.present) void this.#takeHand(known);
      // At the start all are taken to be there.
      if (!isNews || (report.present && before.epoch === 0)) continue;
      if (report.present) log.info(`board ${report.board} is back, all off`);
      else log.warn(`board ${report.board} is away: ${report.why}`);
      events.board(report.board, report.present, report.why);
    }
  }

  /** The guard is dead or to be taken for it: all off at once, and another. */
  async #died(link: Link, why: string): Promise<void> {
    const { clock, log, events } = this.#options;
    const since = clock.monotonic();
    this.#state = "dead";
    if (since - this.#readyAt >= RESTART_MS.steady) this.#waitMs = RESTART_MS.least;
    for (const known of this.#boards.values()) known.report = { ...known.report, bits: null };
    const failed = await this.#endByForce(link);
    this.#link = undefined;
    log.error(`the guard is dead: ${why}`, { guard: link.pid, off_after_ms: clock.monotonic() - since });
    for (const [board, reason] of failed) log.error(`board ${board} isn't known to be off: ${reason}`);
    events.dead(why);
    await this.#restart();
  }

  async #restart(): Promise<void> {
    const { clock, log, events } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      await clock.sleep(this.#waitMs, signal);
      if (signal.aborted) return;
      this.#waitMs = Math.min(2 * this.#waitMs, RESTART_MS.most);
      try {
        await this.#start();
        events.ready(this.#link?.pid ?? 0);
        return;
      } catch (error) {
        if (!signal.aborted) log.error(`the guard can't be started: ${message(error)}`);
        this.#link?.kill();
        this.#link = undefined;
      }
    }
  }

  #known(name: string): Known {
    const known = this.#boards.get(name);
    if (!known) throw new Error(`there is no board ${name}`);
    return known;
  }

  // ——— handles of this process's own, for OFF alone

  async #allOffByHand(boards: readonly Known[] = [...this.#boards.values()]): Promise<Map<string, string>> {
    const tried = await Promise.all(
      boards.map(async (known) => {
        try {
          await this.#offByHand(known);
          return [];
        } catch (error) {
          return [[known.config.name, message(error)] as const];
        }
      }),
    );
    return new Map(tried.flat());
  }

  /** Switches all relays of a board off, until that holds or it is gone. @throws when it doesn't */
  async #offByHand(known: Known): Promise<void> {
    const { clock } = this.#options;
    // Another guard's board isn't ours to switch.
    if (known.report.busy) throw new Expected(Exit.again, known.report.why ?? "it is in use");
    const giveUp = clock.monotonic() + OWN_OFF_MS.within;
    for (;;) {
      known.hand ??= openBoard(known.config);
      const { hand } = known;
      try {
        await (await hand).allOff();
        known.report = { ...known.report, bits: known.report.present ? 0 : null };
        return;
      } catch (error) {
        void this.#dropHand(known, hand);
        if (error instanceof Expected || clock.monotonic() >= giveUp) throw error;
        await clock.sleep(OWN_OFF_MS.every);
      }
    }
  }

  /** So that it needn't be opened once it is needed. */
  async #takeHand(known: Known): Promise<void> {
    known.hand ??= openBoard(known.config);
    const { hand } = known;
    try {
      await hand;
      if (this.#over.signal.aborted && !this.#link) await this.#dropHand(known, hand);
    } catch (error) {
      await this.#dropHand(known, hand);
      const { log } = this.#options;
      log.warn(`board ${known.config.name} has no second way to be switched off: ${message(error)}`);
    }
  }

  async #dropHand(known: Known, hand = known.hand): Promise<void> {
    if (known.hand === hand) known.hand = undefined;
    try {
      await (await hand)?.[Symbol.asyncDispose]();
    } catch {
      // It was never open.
    }
  }
}
