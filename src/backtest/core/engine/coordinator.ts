import type { Breakpoint } from "../run.ts";
import type { AnalysisEngine } from "./analysis.ts";
import type { LagMeter } from "./lag.ts";
import type { Stream } from "./stream.ts";
import type { StreamSubscription } from "./subscription.ts";
import type { Sampling } from "./timing.ts";

/**
 * Where the control block (an Int32Array, usually on shared memory) holds the first step that must not be worked
 * yet. Written by the host: 0 pauses, 2 ** 31 - 1 runs, `NEXT` + n steps n bars.
 */
export const LIMIT = 0;

/** Where the control block holds the next step to be worked. Written by the engine at each step. */
export const NEXT = 1;

/** Where it holds what the host wants to know at the next park; 0 is nothing. By the clock it is looked at at each step. */
export const WANT = 3;

/** In {@link WANT}: how far it is and what it holds. */
export const LOOK = 1;

/** Why an engine returned: it reached the limit or a breakpoint, worked the last bar, or the account went bust. */
export type Stop = "limit" | "break" | "end" | "bust";

/** What the coordinator moves along. */
export type Coordinated = {
  readonly streams: readonly Stream[];
  readonly analysis: AnalysisEngine;
  readonly sampling: Sampling;
  readonly toProcessor: StreamSubscription;
  /** By the clock and live: told each step that is done. */
  readonly lag: LagMeter | null;
  /** Called after each step, when somebody looks on. */
  readonly seen: (() => void) | null;
};

/**
 * Merges the symbols' bars in the order of time, advances time, and holds the gate that pauses it: at each step, before
 * anything of it is done. Data-driven, time advances when all stages are done with the step before. By the clock another
 * thread publishes the steps, and time advances here as far as they are published; live, as far as there are bars.
 */
export class SessionCoordinator {
  readonly #streams: readonly Stream[];
  readonly #analysis: AnalysisEngine;
  readonly #sampling: Sampling;
  readonly #toProcessor: StreamSubscription;
  readonly #clocked: boolean;
  readonly #lag: LagMeter | null;
  readonly #seen: (() => void) | null;
  #time: Float64Array;
  #length: number;
  #next = 0;
  /** By the clock: the step that was next when the clock began to publish. */
  #origin = 0;
  #bust = false;
  #workedMs = 0;
  #breakpoints: readonly Breakpoint[] = [];
  #hit: Breakpoint | undefined;

  constructor(
    { streams, analysis, sampling, toProcessor, lag, seen }: Coordinated,
    time: Float64Array,
    length: number,
  ) {
    this.#streams = streams;
    this.#analysis = analysis;
    this.#sampling = sampling;
    this.#toProcessor = toProcessor;
    this.#clocked = toProcessor.mode !== "data-driven";
    this.#lag = lag;
    this.#seen = seen;
    this.#time = time;
    this.#length = length;
  }

  /** Whether the clock has published the next step. */
  get published(): boolean {
    return this.#next - this.#origin < this.#toProcessor.signals;
  }

  /** The next step to be worked; while one is being worked, the one after it. */
  get next(): number {
    return this.#next;
  }

  get bust(): boolean {
    return this.#bust;
  }

  /** The breakpoint at which it stopped last. */
  get hit(): Breakpoint | undefined {
    return this.#hit;
  }

  /** Where it stops by itself. A breakpoint that is hit isn't one any more. */
  set breakpoints(breakpoints: readonly Breakpoint[]) {
    this.#breakpoints = breakpoints;
  }

  /** Goes on from another step; what follows it must stand at the one before. */
  moveTo(next: number, bust: boolean): void {
    this.#next = next;
    this.#origin = next;
    this.#bust = bust;
  }

  /** Other steps from the next one on: a symbol joined, or bars came. */
  replan(time: Float64Array, length: number): void {
    this.#time = time;
    this.#length = length;
  }

  /** How long it worked steps in all, ms. */
  get workedMs(): number {
    return this.#workedMs;
  }

  /** Works steps until the gate's limit, a breakpoint, the end or bust; with no control block there is no gate. */
  advance(control: Int32Array | null): Stop {
    const { now } = this.#sampling;
    const began = now();
    try {
      return this.#advance(control);
    } finally {
      this.#workedMs += now() - began;
    }
  }

  #advance(control: Int32Array | null): Stop {
    if (this.#bust) return "bust";
    const length = this.#length;
    const time = this.#time;
    const streams = this.#streams;
    const toProcessor = this.#toProcessor;
    const analysis = this.#analysis;
    const sampling = this.#sampling;
    const breaks = this.#breakpoints.length > 0;
    for (let step = this.#next; step < length; step++) {
      if (control !== null) {
        control[NEXT] = step;
        // JavaScriptCore's Atomics.load costs a tenth of a bar's work, a plain read nothing. A plain one may by the
        // letter be kept in a register; the atomic one bounds that to 64 bars.
        const limit = (step & 63) === 0 ? Atomics.load(control, LIMIT) : (control[LIMIT] as number);
        if (step >= limit) return "limit";
      }
      if (this.#clocked && (!this.published || (control !== null && Atomics.load(control, WANT) === LOOK))) {
        return "limit";
      }
      const now = time[step] as number;
      if (breaks && this.#breaksBefore(now)) return "break";
      for (let k = 0; k < streams.length; k++) (streams[k] as Stream).advance(now);
      sampling.step(step);
      this.#next = step + 1;
      if (this.#clocked) toProcessor.follow(step);
      else {
        toProcessor.publish(step);
        // Its own reading and the six of the stages.
        if (sampling.on) toProcessor.waitTimed(sampling.now, 7 * sampling.reading);
        else toProcessor.wait();
      }
      if (this.#lag !== null) this.#lag.done(step, toProcessor.behind);
      if (this.#seen !== null) this.#seen();
      if (analysis.bust) {
        this.#bust = true;
        break;
      }
      if (breaks && this.#breaksAfter()) {
        if (control !== null) control[NEXT] = this.#next;
        return "break";
      }
    }
    if (control !== null) control[NEXT] = this.#next;
    return this.#bust ? "bust" : "end";
  }

  #breaksBefore(time: number): boolean {
    const breakpoints = this.#breakpoints;
    for (let k = 0; k < breakpoints.length; k++) {
      const breakpoint = breakpoints[k] as Breakpoint;
      if (breakpoint.kind === "time" && time >= breakpoint.at) return this.#stopAt(breakpoint);
    }
    return false;
  }

  #breaksAfter(): boolean {
    const breakpoints = this.#breakpoints;
    for (let k = 0; k < breakpoints.length; k++) {
      const breakpoint = breakpoints[k] as Breakpoint;
      if (this.#isMet(breakpoint)) return this.#stopAt(breakpoint);
    }
    return false;
  }

  #isMet(breakpoint: Breakpoint): boolean {
    switch (breakpoint.kind) {
      case "trades":
        return this.#analysis.trades >= breakpoint.count;
      case "drawdown":
        return this.#analysis.drawdown >= breakpoint.fraction;
      case "fill":
        return this.#analysis.filled;
      case "time":
        return false;
    }
  }

  #stopAt(hit: Breakpoint): true {
    this.#hit = hit;
    this.#breakpoints = this.#breakpoints.filter((breakpoint) => breakpoint !== hit);
    return true;
  }
}
