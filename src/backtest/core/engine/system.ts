import type { Mode } from "../run.ts";

export type SystemWord = "stopped" | "running" | "paused";

/** What `status` says of the system manager. */
export type SystemState = {
  readonly _state: SystemWord;
  readonly _mode: Mode;
  readonly timezone: string;
  /** Each with when it was made, UTC ms. */
  readonly transitions: readonly {
    readonly at: number;
    readonly from: SystemWord;
    readonly to: SystemWord;
  }[];
};

/** What holds the engine's time: closed, its gate lets nothing advance. */
export interface Gate {
  pauseBacktest(): void;
  resumeBacktest(): void;
  isPaused(): boolean;
}

/** A transition that isn't one: from a state that doesn't lead there. */
export class TransitionError extends Error {
  override readonly name = "TransitionError";
}

/** What a system is started with. */
export type SystemStart = {
  readonly coordinator: Gate;
  readonly mode: Mode;
  /** The IANA zone of the session. */
  readonly timezone: string;
  readonly paused?: boolean;
};

/** Of the transitions so many are kept: a run stepped by a script makes two a step. */
const KEPT = 1_000;

/**
 * The single source of truth for the engine's state: `stopped → running ⇄ paused → stopped`. What opens and closes the
 * coordinator's gate goes through it, and how long it ran and stood still is counted here.
 */
export class SystemManager {
  readonly #clock: { wall(): number; monotonic(): number };
  #state: SystemWord = "stopped";
  #mode: Mode = "backtest";
  #timezone = "UTC";
  #coordinator: Gate | undefined;
  #transitions: SystemState["transitions"][number][] = [];
  /** How long it was in each state until `#since`, ms of the monotonic clock. */
  readonly #spent = { running: 0, paused: 0, stopped: 0 };
  #since: number;

  constructor(clock: { wall(): number; monotonic(): number }) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  /** @throws TransitionError unless it is stopped */
  start({ coordinator, mode, timezone, paused = false }: SystemStart): void {
    if (this.#state !== "stopped") throw new TransitionError(`it can't be started: it is ${this.#state}`);
    this.#coordinator = coordinator;
    this.#mode = mode;
    this.#timezone = timezone;
    this.#transitions = [];
    this.#spent.running = this.#spent.paused = this.#spent.stopped = 0;
    this.#since = this.#clock.monotonic();
    this.#to("running");
    if (!(paused && this.pause())) coordinator.resumeBacktest();
  }

  /**
   * Closes the gate. Live it does nothing: the market doesn't wait.
   * @returns whether it is paused
   * @throws TransitionError unless it runs
   */
  pause(): boolean {
    if (this.#state !== "running") throw new TransitionError(`it can't be paused: it is ${this.#state}`);
    if (this.#mode === "live") return false;
    this.getCoordinator().pauseBacktest();
    this.#to("paused");
    return true;
  }

  /** @throws TransitionError unless it is paused */
  resume(): void {
    if (this.#state !== "paused") throw new TransitionError(`it can't be resumed: it is ${this.#state}`);
    this.#to("running");
    this.getCoordinator().resumeBacktest();
  }

  /** @throws TransitionError when it is stopped already */
  stop(): void {
    if (this.#state === "stopped") throw new TransitionError("it can't be stopped: it is stopped");
    this.getCoordinator().pauseBacktest();
    this.#to("stopped");
  }

  isRunning(): boolean {
    return this.#state === "running";
  }

  isPaused(): boolean {
    return this.#state === "paused";
  }

  isStopped(): boolean {
    return this.#state === "stopped";
  }

  getState(): SystemState {
    return {
      _state: this.#state,
      _mode: this.#mode,
      timezone: this.#timezone,
      transitions: [...this.#transitions],
    };
  }

  /** @throws TransitionError before it was started */
  getCoordinator(): Gate {
    if (!this.#coordinator) throw new TransitionError("it was never started");
    return this.#coordinator;
  }

  /** How long it ran and how long it was paused since its start, in ms. */
  durations(): { running: number; paused: number } {
    const { running, paused } = this.#spent;
    const now = this.#clock.monotonic() - this.#since;
    return {
      running: running + (this.#state === "running" ? now : 0),
      paused: paused + (this.#state === "paused" ? now : 0),
    };
  }

  #to(to: SystemWord): void {
    const now = this.#clock.monotonic();
    this.#spent[this.#state] += now - this.#since;
    this.#since = now;
    this.#transitions.push({ at: this.#clock.wall(), from: this.#state, to });
    if (this.#transitions.length > KEPT) this.#transitions.shift();
    this.#state = to;
  }
}
