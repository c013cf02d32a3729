import type { Kind, SessionState } from "./checkpoint.ts";
import { Exit, Expected } from "./errors.ts";
import { type Generation, openGeneration } from "./generation.ts";
import { LATE, type Stack, within } from "./stack.ts";

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
   * Present when a pause parks the generation instead of disposing it: it holds nothing outside the process, and
   * opens parked. `park` resolves once it stands still; it is left alone when the signal aborts first, and `unpark`
   * follows if it is to run on.
   */
  park?: { park(signal: AbortSignal): Promise<void>; unpark(): void };
  /**
   * Called once a state is reached and before anybody is told: the checkpoint is written here. When it can't be, the
   * session is paused or stopped all the same, but runs only when `running` could be written.
   */
  reached?(state: "running" | "paused" | "stopping"): Promise<void>;
};

/** What everybody is shown: the state, and what is under way. */
export type SessionView = {
  id: string;
  kind: Kind;
  profile: string;
  state: SessionState;
  pending?: "starting" | "pausing" | "resuming" | "stopping";
  /** Names of the parts that it has to do without for now. */
  degraded: string[];
};

/** How long a stop waits for a generation to park and leave its last checkpoint, in ms. */
const PARK_TO_STOP_MS = 500;
/** How long a state's checkpoint may take, in ms. */
const REACHED_MS = 10_000;

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
  /** Aborted when the generation that is open or opening is given up. */
  #generation = new AbortController();
  #isOpen = false;
  /** Whether what is open, or opening, is to be replaced. */
  #isOld = false;
  readonly #degraded = new Set<string>();
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
    const degraded = [...this.#degraded];
    return { id, kind, profile, state: this.#state, ...(pending ? { pending } : {}), degraded };
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

  /**
   * Ends the generation and keeps the session. Resolves when the session has come to rest.
   * @throws what kept the checkpoint from being written; it is paused all the same
   */
  pause(): Promise<void> {
    return this.#want("paused");
  }

  /** Opens a new generation. @throws what a part threw while opening; then the session is paused as before */
  resume(): Promise<void> {
    return this.#want("running");
  }

  /**
   * Puts a new generation in the place of the one that is open or opening: as a pause and a resume, in one move, so that
   * whoever pauses or stops it meanwhile has his way. One that is paused stays so.
   * @throws what a part threw while opening; then the session is paused
   */
  renew(): Promise<void> {
    if (this.#wanted !== "running") return this.#moving ?? Promise.resolve();
    this.#isOld = true;
    return this.#begin();
  }

  /**
   * Disposes the generation for good. What stands below it is the host's to dispose.
   * @throws what kept the last checkpoint from being written; it is stopped all the same
   */
  stop(): Promise<void> {
    return this.#want("stopped");
  }

  #want(wanted: Wanted): Promise<void> {
    if (this.#wanted === "stopped" && wanted !== "stopped") {
      const hint = `stint ${this.kind} resume`;
      return Promise.reject(new Expected(Exit.no, "the session is stopping", hint));
    }
    const before = this.#wanted;
    this.#wanted = wanted;
    if (this.#moving) {
      if (wanted !== before) this.#turnAround();
      return this.#moving;
    }
    return this.#begin();
  }

  #begin(): Promise<void> {
    if (this.#moving) return this.#moving;
    if (this.#atRest) return Promise.resolve();
    // It begins once `#moving` is set: whatever it tells sees that it is under way.
    this.#moving = Promise.resolve().then(() => this.#move());
    this.#changed(this.view);
    return this.#moving;
  }

  /** Something else is wanted than what is under way. */
  #turnAround(): void {
    this.#waiting.abort();
    const keep = this.#wanted === "running" || (this.#wanted === "paused" && this.#work.park);
    // What is still opening for a generation nobody wants any more is told to leave.
    if (!keep && !this.#isOpen) void this.#giveUp();
    this.#changed(this.view);
  }

  get #atRest(): boolean {
    return this.#state === this.#wanted && !(this.#isOld && this.#wanted === "running");
  }

  async #move(): Promise<void> {
    let failure: { error: unknown } | undefined;
    while (!this.#atRest) {
      this.#waiting = new AbortController();
      const { signal } = this.#waiting;
      try {
        if (this.#wanted === "running") await this.#toRunning();
        else if (this.#wanted === "paused") await this.#toPaused(signal);
        else await this.#toStopped();
      } catch (error) {
        // A generation that stands parked can stay; any other was on its way and goes.
        if (!this.#work.park || !this.#isOpen) await this.#giveUp();
        // Its failure is no answer to anybody when something else was asked for meanwhile.
        if (signal.aborted) continue;
        failure ??= { error };
        this.#wanted = this.#state === "running" || this.#state === "paused" ? this.#state : "stopped";
      }
    }
    // At once: whoever asks for something after this begins a new move.
    this.#moving = undefined;
    this.#changed(this.view);
    if (failure) throw failure.error;
  }

  async #toRunning(): Promise<void> {
    if (this.#isOld && this.#state === "running") {
      await this.#giveUp();
      this.#enter("paused");
      // Somebody may have asked for something else meanwhile.
      return;
    }
    await this.#openGeneration();
    await this.#reached("running");
    this.#work.park?.unpark();
    this.#enter("running");
  }

  async #toPaused(signal: AbortSignal): Promise<void> {
    if (!this.#work.park) {
      await this.#giveUp();
    } else {
      await this.#openGeneration();
      if (!(await this.#park(signal))) return;
    }
    try {
      await this.#reached("paused");
    } finally {
      this.#enter("paused");
    }
  }

  async #toStopped(): Promise<void> {
    this.#enter("stopping");
    try {
      if (this.#work.park && this.#isOpen) await this.#park(AbortSignal.timeout(PARK_TO_STOP_MS));
      else await this.#giveUp();
      await this.#reached("stopping");
    } finally {
      await this.#giveUp();
      this.#enter("stopped");
    }
  }

  /** @returns whether it stands still; one that a pause could not park runs on */
  async #park(signal: AbortSignal): Promise<boolean> {
    let parked = false;
    try {
      const done = await within(this.#work.park?.park(signal) ?? Promise.resolve(), { signal });
      parked = done !== LATE && !signal.aborted;
    } finally {
      if (!parked && this.#state === "running") this.#work.park?.unpark();
    }
    return parked;
  }

  async #reached(state: "running" | "paused" | "stopping"): Promise<void> {
    const done = await within(this.#work.reached?.(state) ?? Promise.resolve(), { ms: REACHED_MS });
    if (done === LATE) throw new Error(`${state}: not written after ${REACHED_MS} ms`);
  }

  async #openGeneration(): Promise<void> {
    if (this.#isOpen) return;
    this.#generation = new AbortController();
    const { signal } = this.#generation;
    // Nothing is inherited: one that was given up has gone first.
    await this.#stack.disposeDownTo("state");
    this.#isOld = false;
    await openGeneration(this.#stack, this.#work.generation, this.#work.given, signal, (name, missing) => {
      if (signal.aborted) return;
      if (missing) this.#degraded.add(name);
      else this.#degraded.delete(name);
      this.#changed(this.view);
    });
    // Whoever gives it up in this very moment is heard too.
    signal.throwIfAborted();
    this.#isOpen = true;
  }

  #giveUp(): Promise<void> {
    this.#generation.abort();
    this.#isOpen = false;
    this.#degraded.clear();
    return this.#stack.disposeDownTo("state");
  }

  #enter(state: SessionState): void {
    if (!NEXT[this.#state].includes(state)) {
      throw new Error(`a session can't go from ${this.#state} to ${state}`);
    }
    this.#state = state;
    this.#changed(this.view);
  }
}
