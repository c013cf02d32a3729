import { nap } from "../../../kernel/runtime.ts";
import { LIMIT } from "../../core/engine/coordinator.ts";
import { addLateness } from "../../core/engine/lateness.ts";
import { StreamSubscription } from "../../core/engine/subscription.ts";
import type { ClockBegin, ClockWord } from "./clock.ts";
import { HELD, HURRY, monotonic, SEQUENCE, SHUT } from "./protocol.ts";

/**
 * The thread that owns the time of a clock-driven run: it publishes each step when it is due, on an absolute schedule, so
 * that what one timer is late isn't added to the next. It never waits for the engine.
 */

/** Sooner than this it doesn't trust a timer, which fires up to a ms early or late: it sleeps in small pieces. */
const NEAR_MS = 2.5;
/** One of those pieces: so long at most a pause can go unseen here. */
const PIECE_MS = 0.25;
/** The last of it isn't slept: that lasts up to so much longer than it is asked to. */
const SPIN_MS = 0.15;
/** In a hurry it looks so often whether the step before is done, ms. */
const HURRIED_MS = 0.05;
/** It goes back to its messages at least so often. */
const TURN_MS = 20;

class Clock {
  readonly #begin: ClockBegin;
  readonly #subscription: StreamSubscription;
  #time: Float64Array;
  #length: number;
  #step: number;
  /** ms of {@link monotonic} at which the schedule began, and ms of it up to the last step published. */
  #origin: number;
  #elapsed = 0;
  /** How long until the next step when it was held; undefined while it goes. */
  #left: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: ReturnType<typeof setImmediate> | undefined;

  constructor(begin: ClockBegin) {
    this.#begin = begin;
    this.#time = begin.time;
    this.#length = begin.length;
    this.#step = begin.next;
    const { words } = begin.clocked;
    this.#subscription = new StreamSubscription("coordinator → processor", "clock-driven", null, words);
    this.#origin = monotonic();
    this.#left = this.#gap();
  }

  hear(word: ClockWord): void {
    if (word.type === "go") this.#go();
    else if (word.type === "hold") this.#hold();
    else {
      this.#time = word.time;
      this.#length = word.length;
    }
  }

  /** Goes on as far from the next step as it was when it was held. */
  #go(): void {
    if (this.#left !== undefined) this.#origin = monotonic() + this.#left - this.#elapsed - this.#gap();
    this.#left = undefined;
    this.#run();
  }

  #hold(): void {
    this.#cancel();
    this.#left ??= Math.max(0, this.#due - monotonic());
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    if (this.#turn !== undefined) clearImmediate(this.#turn);
  }

  /** When the next step is due, ms of {@link monotonic}. */
  get #due(): number {
    return this.#origin + this.#elapsed + this.#gap();
  }

  /** How long after the step before the next one comes, in ms of this clock. Where the market was shut, it isn't waited for. */
  #gap(): number {
    const { frameMs, speed } = this.#begin;
    if (this.#step >= this.#length) return 0;
    const time = this.#time[this.#step] as number;
    const before = this.#step === 0 ? time - frameMs : (this.#time[this.#step - 1] as number);
    return Math.min(frameMs, time - before) / speed;
  }

  get #shut(): boolean {
    const { control } = this.#begin;
    if (Atomics.load(control, HELD) === 1) return true;
    if (Atomics.load(control, SHUT) === 0) return false;
    // A step by hand lets so many through the shut gate.
    return Atomics.load(control, HURRY) === 0 || this.#step >= Atomics.load(control, LIMIT);
  }

  #run(): void {
    this.#cancel();
    const began = monotonic();
    const { control } = this.#begin;
    while (this.#step < this.#length) {
      if (this.#shut) {
        this.#hold();
        return;
      }
      const hurried = Atomics.load(control, HURRY) === 1;
      const now = monotonic();
      const wait = this.#wait(hurried, now);
      if (wait <= 0) this.#publish(hurried, now);
      else if (wait > NEAR_MS) {
        this.#timer = setTimeout(() => this.#run(), Math.min(wait - NEAR_MS + 1, 2 ** 30));
        return;
      } else if (now - began > TURN_MS) {
        // Not a timer, of which none fires within a ms.
        this.#turn = setImmediate(() => this.#run());
        return;
      } else if (hurried) nap(wait);
      else if (wait > SPIN_MS) nap(Math.min(wait - SPIN_MS, PIECE_MS));
    }
  }

  /** How long until the next step, ms. In a hurry it comes when the one before is done: nothing is to run ahead of it. */
  #wait(hurried: boolean, now: number): number {
    if (hurried) return this.#subscription.behind > 0 ? HURRIED_MS : 0;
    return this.#due - now;
  }

  #publish(hurried: boolean, now: number): void {
    const { control, clocked } = this.#begin;
    const step = this.#step;
    // The schedule of what comes after a step by hand begins with that.
    if (hurried) this.#origin += now - this.#due;
    else addLateness(clocked.lateness, now - this.#due);
    this.#elapsed += this.#gap();
    this.#step = step + 1;
    clocked.stamps[step % clocked.stamps.length] = now;
    this.#subscription.publish(step);
    Atomics.add(control, SEQUENCE, 1);
    Atomics.notify(control, SEQUENCE);
  }
}

let clock: Clock | undefined;
addEventListener("message", (event) => {
  const { data } = event as MessageEvent<ClockBegin | ClockWord>;
  if (clock) clock.hear(data as ClockWord);
  else clock = new Clock(data as ClockBegin);
});
