import type { Clock } from "../../kernel/clock.ts";
import type { ModuleConfig } from "../core/module.ts";
import type { ModuleProcess } from "./process.ts";
import { matches, whenReady } from "./readiness.ts";

/** What has been sent SIGKILL is gone within this, or can't be ended, ms. */
const KILLED_MS = 5_000;

/** Why a run is killed by us: for what it did, or didn't do. */
export type Verdict = { readonly event: "fail" | "crash"; readonly reason: string };

/** One run of a module: from before the making of its process to the end of all that it has made. */
export class Run {
  /** Its processes have it in their environment. */
  readonly id: string;
  /** UTC ms. */
  readonly startedAt: number;
  process: ModuleProcess | undefined;
  verdict: Verdict | undefined;
  /** When it last said how it is, on the monotonic clock, ms. */
  statusAt: number;
  /** Whether its process was found to be gone without a word. */
  missed = false;
  /** Ends what is left of it, where its leader went before we came. */
  leftovers: Promise<unknown> | undefined;
  readonly #clock: Clock;
  /** When it was started, on the monotonic clock, which nobody sets, ms. */
  readonly #since: number;
  /** When its start takes too long, on the monotonic clock, ms. */
  #deadline = 0;
  readonly #over = new AbortController();
  readonly #released = Promise.withResolvers<void>();
  /** Aborted when it is ready, or over. */
  readonly #settled = new AbortController();
  #matches: ((line: string) => boolean) | undefined;

  constructor(id: string, startedAt: number, clock: Clock) {
    this.id = id;
    this.startedAt = startedAt;
    this.#clock = clock;
    this.#since = clock.monotonic() - Math.max(0, clock.wall() - startedAt);
    this.statusAt = clock.monotonic();
  }

  /** How long it has been up, ms. */
  get upMs(): number {
    return this.#clock.monotonic() - this.#since;
  }

  /** How long it has said nothing of how it is, ms. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.statusAt;
  }

  /** Its leader is gone, or it never had one: nothing more is waited for. */
  end(): void {
    this.#over.abort();
    this.#settled.abort();
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** It is ready, or isn't to be any more: how it comes up isn't looked after any further. */
  settle(): void {
    this.#settled.abort();
  }

  /** It has so long from now to be ready. */
  allow(ms: number): void {
    this.#deadline = this.#clock.monotonic() + ms;
  }

  /**
   * Waits until it is ready, or {@link allow} is over, whichever comes first and once.
   * @param heard resolves once all that it has said by now is heard
   * @param ready told that it is, where that doesn't come from its output
   */
  awaitReady(
    { ready: by }: ModuleConfig,
    heard: () => Promise<void>,
    ready: () => void,
    late: () => void,
  ): void {
    const { signal } = this.#settled;
    void this.#late(signal, heard).then((is) => is && late());
    if (by.by === "pattern") this.#matches = matches(by.pattern);
    if (by.by === "event" || by.by === "pattern") return;
    const left = by.by === "time" ? { ...by, ms: by.ms - this.upMs } : by;
    void whenReady(left, { signal }).then((is) => is && ready());
  }

  /** Whether a line says that it is ready, by the pattern that its configuration has for that. */
  saysReady(line: string): boolean {
    return !this.#settled.signal.aborted && this.#matches?.(line) === true;
  }

  async #late(signal: AbortSignal, heard: () => Promise<void>): Promise<boolean> {
    for (;;) {
      const left = this.#deadline - this.#clock.monotonic();
      if (left > 0) await this.#clock.sleep(left, signal);
      // We may have been held up ourselves: what it has said meanwhile counts.
      else if (!signal.aborted) await heard();
      if (signal.aborted) return false;
      if (left <= 0 && this.#deadline <= this.#clock.monotonic()) return true;
    }
  }

  /** Ends it, by the signal and SIGKILL after `ms`; that is told with this reason. */
  condemn(verdict: Verdict, signal: NodeJS.Signals, ms: number): void {
    if (this.verdict) return;
    this.verdict = verdict;
    void this.endGroup(signal, ms);
  }

  /** Ends all of its processes: by the signal and, after `ms`, by SIGKILL. @returns whether nothing is left */
  async endGroup(signal: NodeJS.Signals, ms: number): Promise<boolean> {
    const { process } = this;
    if (!process) return true;
    if (process.signal(signal) && (await this.#gone(process, ms))) return true;
    process.kill();
    return this.#gone(process, KILLED_MS);
  }

  /** @returns whether nothing is left of it within `ms`; once its leader is gone those it left aren't waited for */
  async leaves(ms: number): Promise<boolean> {
    return this.process ? this.#gone(this.process, ms, this.#over.signal) : true;
  }

  async #gone(process: ModuleProcess, ms: number, hurry?: AbortSignal): Promise<boolean> {
    const done = new AbortController();
    const late = new AbortController();
    const waited = hurry ? AbortSignal.any([done.signal, hurry]) : done.signal;
    void this.#clock.sleep(ms, waited).then(() => late.abort());
    try {
      return await process.gone(late.signal);
    } finally {
      done.abort();
    }
  }

  /** Gives back what we hold of it. */
  release(): void {
    this.process?.[Symbol.dispose]();
    this.#released.resolve();
  }

  /** Resolves once nothing of it is held any more: it is gone, or left to itself. */
  get released(): Promise<void> {
    return this.#released.promise;
  }
}
