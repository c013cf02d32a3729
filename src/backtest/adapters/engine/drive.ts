import { LOOK } from "../../core/engine/coordinator.ts";
import type { Gate } from "../../core/engine/system.ts";
import type { Inspected } from "../../core/run-state.ts";
import type { ClockThread } from "./clock.ts";
import type { EngineThread } from "./engine.ts";
import { HURRY, NO_LIMIT, type Question, SHUT, SNAPSHOT, type Snapshot } from "./protocol.ts";

/**
 * Lets an engine go and holds it: the coordinator's gate. Whoever needs it to stand still for a moment (a look, a
 * checkpoint, a pause, a step) asks here, so that they don't let it go under each other's hands.
 */
export class Drive implements Gate {
  readonly #control: Int32Array;
  readonly #keep: (snapshot: Snapshot) => void;
  #thread: EngineThread | undefined;
  #clock: ClockThread | undefined;
  #held = true;
  /** Whether it stands at a breakpoint that nobody has answered yet. */
  #atBreakpoint = false;
  /** The first step that isn't to be worked yet while nobody holds it. */
  #limit: number;
  /** What is on its way. */
  #taking: { done: Promise<void>; want: number } | undefined;
  #stepTo = 0;

  /**
   * @param control what it shares with the engine and the clock
   * @param keep given each snapshot, in order
   * @param limit where it stops by itself when it is let go
   */
  constructor(control: Int32Array, keep: (snapshot: Snapshot) => void, limit = NO_LIMIT) {
    this.#control = control;
    Atomics.store(control, SHUT, 1);
    this.#keep = keep;
    this.#limit = limit;
  }

  /** The engine to be driven, and the clock that publishes to it if it follows one; they stand still. */
  attach(thread: EngineThread, clock?: ClockThread): void {
    this.#thread = thread;
    this.#clock = clock;
  }

  /** Whether it is held: paused, or not let go yet. */
  isPaused(): boolean {
    return this.#held;
  }

  /** Whether it works bars now: let go, or on a step. */
  get moving(): boolean {
    return !this.#held || this.#stepTo > 0;
  }

  /** Shuts the gate: nothing advances from the next step on, and a step under way is cut short. */
  pauseBacktest(): void {
    this.#held = true;
    this.#stepTo = 0;
    Atomics.store(this.#control, SHUT, 1);
    this.#thread?.hold();
    this.#clock?.tell({ type: "hold" });
  }

  /** Opens it, as far as its limit. What is on its way ends at the next step first: it may rely on where it stands. */
  resumeBacktest(): void {
    this.#held = false;
    this.#atBreakpoint = false;
    this.#stepTo = 0;
    Atomics.store(this.#control, HURRY, 0);
    this.#thread?.release();
    if (this.#taking) this.#thread?.hold();
    else this.#letGo();
  }

  /** It came to a breakpoint: nothing lets it go but a resume or a step. A step under way has come far enough. */
  stopped(): void {
    this.#atBreakpoint = true;
  }

  /** Resolves once it stands still and its state is kept, or when the signal aborts. */
  async still(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const giveUp = () => aborted.resolve();
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    await Promise.race([this.snapshot(), aborted.promise]);
    signal.removeEventListener("abort", giveUp);
  }

  /** Moves the limit; a held engine finds it when it is let go. */
  limit(limit: number): void {
    this.#limit = limit;
    if (this.#mayGo && !this.#taking) this.#thread?.allow(limit);
  }

  #letGo(): void {
    Atomics.store(this.#control, SHUT, 0);
    this.#thread?.allow(this.#limit);
    this.#clock?.tell({ type: "go" });
  }

  /** Sees how far it is, and lets it go on if nobody holds it. */
  async look(): Promise<void> {
    await this.#take(0, LOOK);
  }

  /** The same, with the state to go on from. */
  async snapshot(): Promise<void> {
    await this.#take(0, SNAPSHOT);
  }

  /** Has it take this in where it stands, and lets it go on if nobody holds it. */
  async tell(question: Question): Promise<void> {
    await this.#alone((thread) => thread.hear(question));
  }

  /**
   * Has it take in what is asked once it stands still: the question may depend on where. It stays there meanwhile, and no
   * time passes.
   * @returns whether it took it in: not when it has come to its end, or nothing is asked
   */
  async tellWhere(question: (next: number) => Promise<Question | undefined>): Promise<boolean> {
    let told = false;
    await this.#alone(async (thread) => {
      Atomics.store(this.#control, SHUT, 1);
      this.#clock?.tell({ type: "hold" });
      const snapshot = await thread.standAt(0, SNAPSHOT);
      if (!snapshot) return undefined;
      this.#keep(snapshot);
      const asked = await question(snapshot.next);
      if (!asked) return thread.standAt(0, SNAPSHOT);
      const after = await thread.hear(asked);
      told = after !== undefined;
      return after;
    });
    return told;
  }

  /** What stands behind its newest bars. */
  async inspect(): Promise<readonly Inspected[]> {
    await this.tell({ type: "inspect" });
    return this.#thread?.inspected ?? [];
  }

  /**
   * Works so many steps of a held engine; a hold or a release cuts them short. To be asked for one after another.
   * @returns whether it came that far, or to the end
   */
  async step(steps: number): Promise<boolean> {
    await this.snapshot();
    const to = Math.min(NO_LIMIT, (this.#thread?.next ?? 0) + steps);
    this.#stepTo = to;
    this.#atBreakpoint = false;
    // By hand nobody waits for the clock.
    Atomics.store(this.#control, HURRY, 1);
    this.#thread?.release();
    // A look on the way cuts it in two.
    while (this.#stepTo === to && !this.#atBreakpoint && (this.#thread?.next ?? to) < to) {
      if (!(await this.#take(to, SNAPSHOT))) break;
    }
    Atomics.store(this.#control, HURRY, 0);
    const whole = this.#stepTo === to;
    this.#stepTo = 0;
    return whole;
  }

  get #mayGo(): boolean {
    return !this.#held && !this.#atBreakpoint;
  }

  /** Joins what is on its way if that is as much as is wanted, else waits for it. @returns false once it has finished */
  async #take(limit: number, want: number): Promise<boolean> {
    while (this.#taking) {
      const { done, want: has } = this.#taking;
      // One that is on its way to somewhere further is cut short.
      this.#thread?.hold();
      await done;
      if (limit === 0 && has >= want) return true;
    }
    return this.#begin(want, (thread) => {
      if (limit > 0) this.#clock?.tell({ type: "go" });
      return thread.standAt(limit, want);
    });
  }

  /** Does something that nothing else can be joined to. */
  async #alone(work: (thread: EngineThread) => Promise<Snapshot | undefined>): Promise<void> {
    while (this.#taking) {
      this.#thread?.hold();
      await this.#taking.done;
    }
    await this.#begin(0, work);
  }

  async #begin(
    want: number,
    work: (thread: EngineThread) => Promise<Snapshot | undefined>,
  ): Promise<boolean> {
    const thread = this.#thread;
    if (!thread) return false;
    let went = false;
    const done = work(thread)
      .then((snapshot) => {
        went = snapshot !== undefined;
        if (snapshot) this.#keep(snapshot);
      })
      .finally(() => {
        this.#taking = undefined;
        if (this.#mayGo) this.#letGo();
      });
    this.#taking = { done, want };
    await done;
    return went;
  }
}
