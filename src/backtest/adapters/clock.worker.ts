import { LIMIT } from "../core/coordinator.ts";
import { addLateness } from "../core/lateness.ts";
import { StreamSubscription } from "../core/subscription.ts";
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
/** It goes back to its messages at least so often. */
const TURN_MS = 20;

class Clock {
  readonly #begin: ClockBegin;
  readonly #subscription: StreamSubscription;
  #time: Float64Array;
  #length: number;
  #step: number;
  /** When the next step is due: ms of {@link monotonic} at which the schedule began, and ms of it up to the step. */
  #origin: number;
  #elapsed = 0;
  /** How long until the next step when it was held; undefined while it goes. */
  #left: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(begin: ClockBegin) {
    this.#begin = begin;
    this.#time = begin.time;
    this.#length = begin.length;
    this.#step = begin.next;
    const { words } = begin.clocked;
    this.#subscription = new StreamSubscription("coordinator → processor", "clock-driven", null, words);
    this.#elapsed = this.#gap();
    this.#origin = monotonic();
    this.#left = this.#elapsed;
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
    if (this.#left !== undefined) this.#origin = monotonic() + this.#left - this.#elapsed;
    this.#left = undefined;
    this.#run();
  }

  #hold(): void {
    clearTimeout(this.#timer);
    this.#left ??= Math.max(0, this.#origin + this.#elapsed - monotonic());
  }

  /** How long after the step before a step comes, in ms of this clock. Where the market was shut, it isn't waited for. */
  #gap(): number {
    const { frameMs, speed } = this.#begin;
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
    clearTimeout(this.#timer);
    const began = monotonic();
    const { control } = this.#begin;
    while (this.#step < this.#length) {
      if (this.#shut) return this.#hold();
      const now = monotonic();
      const wait = this.#wait(Atomics.load(control, HURRY) === 1, now);
      if (wait <= 0) this.#publish(now);
      else if (wait > NEAR_MS) {
        this.#timer = setTimeout(() => this.#run(), Math.min(wait - NEAR_MS + 1, 2 ** 30));
        return;
      } else if (now - began > TURN_MS) {
        this.#timer = setTimeout(() => this.#run(), 0);
        return;
      } else Bun.sleepSync(Math.min(wait, PIECE_MS));
    }
  }

  /** How long until the next step, ms. In a hurry it comes when the one before is done: nothing is to run ahead of it. */
  #wait(hurried: boolean, now: number): number {
    if (hurried) return this.#subscription.behind > 0 ? PIECE_MS / 5 : 0;
    return this.#origin + this.#elapsed - now;
  }

  #publish(now: number): void {
    const { control, clocked } = this.#begin;
    const step = this.#step;
    const hurried = Atomics.load(control, HURRY) === 1;
    if (hurried) this.#origin = now - this.#elapsed;
    else addLateness(clocked.lateness, now - this.#origin - this.#elapsed);
    clocked.stamps[step % clocked.stamps.length] = now;
    this.#subscription.publish(step);
    Atomics.add(control, SEQUENCE, 1);
    Atomics.notify(control, SEQUENCE);
    this.#step = step + 1;
    if (this.#step < this.#length) this.#elapsed += this.#gap();
  }
}

let clock: Clock | undefined;
addEventListener("message", (event) => {
  const { data } = event as MessageEvent<ClockBegin | ClockWord>;
  if (clock) clock.hear(data as ClockWord);
  else clock = new Clock(data as ClockBegin);
});
