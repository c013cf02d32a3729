import type { Kind, SessionState } from "./checkpoint.ts";
import { Exit, Expected } from "./errors.ts";
import { type Generation, openGeneration } from "./generation.ts";
import type { Stack } from "./stack.ts";

/** Where each state may lead. */
const NEXT: Record<SessionState, readonly SessionState[]> = {
  starting: ["running", "paused", "stopping"],
  running: ["paused", "stopping"],
  paused: ["running", "stopping"],
  stopping: ["stopped"],
  stopped: [],
};

/** What a session is made of; a feature gives it to the kernel. */
export type Work<Given extends object = never> = {
  /** Opened at start and at each resume, disposed at each pause and at the stop. */
  generation: { readonly steps: Generation<Given>["steps"]; readonly given?: (given: Given) => void };
  /** What the generation builds on, opened below it. */
  given: Given;
  /**
   * Present when a pause parks the generation instead of disposing it: it holds nothing outside the process.
   * `park` resolves once it stands still, or with nothing done when the signal aborts first.
   */
  park?: { park(signal: AbortSignal): Promise<void>; unpark(): Promise<void> };
  /** Called once a state is reached and before anybody is told: the checkpoint is written here. */
  reached?(state: "running" | "paused" | "stopping"): Promise<void>;
};

/** What everybody is shown: the state, and what is under way. */
export type SessionView = {
  id: string;
  kind: Kind;
  profile: string;
  state: SessionState;
  pending?: "starting" | "pausing" | "resuming" | "stopping";
};

/** How long a stop waits for a generation to park and leave its last checkpoint, in ms. */
const PARK_TO_STOP_MS = 500;

type Wanted = "running" | "paused" | "stopped";

/**
 * A live session: one state machine, moved by one loop towards what was last asked for. Commands only say what is
 * wanted, so two clients pressing at once can't make two generations, and asking twice is asking once.
 */
export class Session<Given extends object> {
  readonly id: string;
  readonly kind: Kind;
  readonly profile: string;
  readonly #stack: Stack;
  readonly #work: Work<Given>;
  readonly #changed: (view: SessionView) => void;
  #state: SessionState = "starting";
  #wanted: Wanted = "running";
  #moving: Promise<void> | undefined;
  /** Counts generations given up; one that was opened under an older count is gone. */
  #givenUp = 0;
  #openedAt = -1;
  /** Aborted when something else is wanted than what is being waited for. */
  #waiting = new AbortController();

  constructor(options: {
    id: string;
    kind: Kind;
    profile: string;
    stack: Stack;
    work: Work<Given>;
    /** Told of every change; the last state it hears is the state. */
    changed(view: SessionView): void;
  }) {
    this.id = options.id;
    this.kind = options.kind;
    this.profile = options.profile;
    this.#stack = options.stack;
    this.#work = options.work;
    this.#changed = options.changed;
  }

  get view(): SessionView {
    const { id, kind, profile } = this;
    const pending = this.#pending;
    return { id, kind, profile, state: this.#state, ...(pending ? { pending } : {}) };
  }

  /** Whether it runs or is on its way there: what a toggle turns around. */
  get wantsToRun(): boolean {
    return this.#wanted === "running";
  }

  get #pending(): SessionView["pending"] {
    if (!this.#moving) return undefined;
    if (this.#wanted === "stopped") return this.#state === "stopped" ? undefined : "stopping";
    if (this.#state === "starting") return "starting";
    if (this.#wanted === this.#state) return undefined;
    return this.#wanted === "paused" ? "pausing" : "resuming";
  }

  /**
   * Opens the first generation.
   * @param paused to begin paused
   * @throws what a part threw while opening; then everything of the generation is disposed and the session is stopped
   */
  start(paused = false): Promise<void> {
    return this.#want(paused ? "paused" : "running");
  }

  /** Ends the generation and keeps the session. Resolves when the session has come to rest. */
  pause(): Promise<void> {
    return this.#want("paused");
  }

  /** A new generation. @throws what a part threw while opening; then the session is paused as before */
  resume(): Promise<void> {
    return this.#want("running");
  }

  /** Disposes the generation for good. What stands below it is the host's to dispose. Never rejects twice. */
  stop(): Promise<void> {
    return this.#want("stopped");
  }

  #want(wanted: Wanted): Promise<void> {
    if (this.#wanted === "stopped" && wanted !== "stopped") {
      const hint = `stint ${this.kind} resume ${this.id}`;
      return Promise.reject(new Expected(Exit.no, "the session is stopping", hint));
    }
    const before = this.#wanted;
    this.#wanted = wanted;
    if (this.#moving) {
      if (wanted !== before) this.#waiting.abort();
      // What is still opening for a generation nobody wants any more is told to leave.
      const unwanted = wanted === "stopped" || (wanted === "paused" && !this.#work.park);
      if (unwanted && !this.#isOpen) void this.#giveUp();
      this.#changed(this.view);
      return this.#moving;
    }
    if (this.#atRest) return Promise.resolve();
    this.#moving = this.#move().finally(() => {
      this.#moving = undefined;
      this.#changed(this.view);
    });
    this.#changed(this.view);
    return this.#moving;
  }

  get #atRest(): boolean {
    return this.#state === this.#wanted;
  }

  async #move(): Promise<void> {
    let failure: { error: unknown } | undefined;
    while (!this.#atRest) {
      const from = this.#state;
      const wanted = this.#wanted;
      this.#waiting = new AbortController();
      try {
        if (wanted === "running") await this.#toRunning();
        else if (wanted === "paused") await this.#toPaused(this.#waiting.signal);
        else await this.#toStopped();
      } catch (error) {
        await this.#giveUp();
        // Its failure is no answer to anybody when something else was asked for meanwhile.
        if (this.#wanted === wanted) failure = { error };
        if (this.#wanted === "running") this.#wanted = from === "starting" ? "stopped" : "paused";
        // A generation that is gone is paused, and a stopped session stopped, whatever their last words failed with.
        if (wanted === "paused" && from === "running") this.#enter("paused");
        if (wanted === "paused" && from === "starting") this.#wanted = "stopped";
        if (wanted === "stopped") this.#enter("stopped");
      }
    }
    if (failure) throw failure.error;
  }

  async #toRunning(): Promise<void> {
    await this.#openGeneration();
    await this.#work.park?.unpark();
    await this.#work.reached?.("running");
    if (this.#isOpen) this.#enter("running");
  }

  async #toPaused(signal: AbortSignal): Promise<void> {
    if (this.#work.park) {
      await this.#openGeneration();
      await this.#work.park.park(signal);
      if (signal.aborted) return;
    } else {
      await this.#giveUp();
    }
    await this.#work.reached?.("paused");
    this.#enter("paused");
  }

  async #toStopped(): Promise<void> {
    this.#enter("stopping");
    try {
      if (this.#work.park && this.#isOpen) await this.#work.park.park(AbortSignal.timeout(PARK_TO_STOP_MS));
      else await this.#giveUp();
      await this.#work.reached?.("stopping");
    } finally {
      await this.#giveUp();
    }
    this.#enter("stopped");
  }

  get #isOpen(): boolean {
    return this.#openedAt === this.#givenUp;
  }

  async #openGeneration(): Promise<void> {
    if (this.#isOpen) return;
    const count = this.#givenUp;
    await openGeneration(this.#stack, this.#work.generation, this.#work.given);
    if (count !== this.#givenUp) throw new Error("given up while it was opening");
    this.#openedAt = count;
  }

  #giveUp(): Promise<void> {
    this.#givenUp++;
    return this.#stack.disposeDownTo("state");
  }

  #enter(state: SessionState): void {
    if (state === this.#state) return;
    if (!NEXT[this.#state].includes(state) && state !== "stopped") {
      throw new Error(`a session can't go from ${this.#state} to ${state}`);
    }
    this.#state = state;
    this.#changed(this.view);
  }
}
