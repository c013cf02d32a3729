import { message } from "./errors.ts";

/** The stages of a host in the order of opening; shutdown is the other way round. */
export const STAGES = ["terminal", "store", "state", "sources", "actuators", "timers", "workers"] as const;
export type Stage = (typeof STAGES)[number];

/**
 * One live resource: opened by calling it, ended by disposing what it gave. There is nothing to start twice.
 * Long work inside leaves within 100 ms of the signal's abort, which comes before its dispose.
 */
export type Part<T extends AsyncDisposable = AsyncDisposable> = (signal: AbortSignal) => Promise<T>;

/** Deadlines in ms. Past `openMs` a part that arrives is disposed at once; past `disposeMs` it is left behind. */
export type Limits = { openMs?: number; disposeMs?: number };
export const OPEN_MS = 10_000;
export const DISPOSE_MS = 2_000;

/**
 * What the stack and the slots on it did, for the log. Times in ms: how long it took; of a part that was lost how long
 * there was one, of one that is back how long there was none.
 */
export type StackEvent =
  | { act: "open" | "dispose" | "lost" | "back"; stage: Stage; part: string; ms: number; error?: unknown }
  | { act: "stage"; stage: Stage; parts: string[]; ms: number };

/** A part that is open or opening, and what tells it to leave. */
type Entry = {
  stage: Stage;
  name: string;
  disposeMs: number;
  leave: AbortController;
  part?: AsyncDisposable;
  disposing?: Promise<void>;
};

const rank = (stage: Stage): number => STAGES.indexOf(stage);

/** What {@link within} gives instead of a result. */
export const LATE = Symbol("late");

/** The work, or LATE after `ms` or `graceMs` after the signal's abort, whichever comes first. */
export async function within<T>(
  work: Promise<T>,
  { ms, signal, graceMs = 0 }: { ms?: number; signal?: AbortSignal; graceMs?: number },
): Promise<T | typeof LATE> {
  const { promise: late, resolve } = Promise.withResolvers<typeof LATE>();
  const timers: ReturnType<typeof setTimeout>[] = [];
  const wait = (ms: number) => void timers.push(setTimeout(resolve, ms, LATE));
  const hurry = () => wait(graceMs);
  if (ms !== undefined) wait(ms);
  if (signal?.aborted) hurry();
  else signal?.addEventListener("abort", hurry, { once: true });
  try {
    return await Promise.race([work, late]);
  } finally {
    signal?.removeEventListener("abort", hurry);
    for (const timer of timers) clearTimeout(timer);
  }
}

/**
 * The parts of a host, in the order they were opened. Disposes from the top, each part within its own deadline: one
 * that fails or hangs never keeps the next from being disposed. `AsyncDisposableStack` waits for ever on one that
 * hangs and can't dispose in part, which a pause needs.
 */
export class Stack implements AsyncDisposable {
  /** Told what the stack does. */
  readonly report: (event: StackEvent) => void;
  readonly #entries: Entry[] = [];
  /** Being disposed right now: no longer in `#entries`, still in reach of {@link disposeOnly}. */
  readonly #leaving = new Set<Entry>();
  /** Opening right now. */
  #coming: Entry | undefined;
  #opening: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #ended = false;

  constructor(report: (event: StackEvent) => void = () => {}) {
    this.report = report;
  }

  /** Names of the open parts, lowest first. */
  get parts(): string[] {
    return this.#entries.map((entry) => entry.name);
  }

  /**
   * Opens a part on top. Parts open one after another, in the order of the calls.
   * @throws whatever the part throws; Error when it isn't open in time, stands below an open stage, or the stack is closing
   */
  open<T extends AsyncDisposable>(
    stage: Stage,
    name: string,
    part: Part<T>,
    limits: Limits = {},
  ): Promise<T> {
    const opened = this.#opening.then(() => this.#open(stage, name, part, limits));
    // Mapped to void: a chain that kept the value would keep the last part alive after its dispose.
    this.#opening = opened.then(
      () => {},
      () => {},
    );
    return opened;
  }

  async #open<T extends AsyncDisposable>(
    stage: Stage,
    name: string,
    part: Part<T>,
    { openMs = OPEN_MS, disposeMs = DISPOSE_MS }: Limits,
  ): Promise<T> {
    const top = this.#entries.at(-1);
    if (this.#ended || this.#closing) throw new Error(`${name}: not opened, the stack is closing`);
    if (top && rank(stage) < rank(top.stage)) {
      throw new Error(`${name}: ${stage} can't open above ${top.stage} (${top.name})`);
    }
    const entry: Entry = { stage, name, disposeMs, leave: new AbortController() };
    const { signal } = entry.leave;
    const begin = performance.now();
    const event = (error?: unknown): StackEvent => {
      const ms = performance.now() - begin;
      return { act: "open", stage, part: name, ms, ...(error === undefined ? {} : { error }) };
    };
    this.#coming = entry;
    try {
      const coming = (async () => part(signal))();
      const got = await within(coming, { ms: openMs, signal, graceMs: disposeMs });
      if (got === LATE) {
        const waited = signal.aborted ? `${disposeMs} ms after being told to leave` : `${openMs} ms`;
        entry.leave.abort();
        // When it arrives after all, it goes; when it fails instead, there is nothing more to say.
        coming.then(
          (late) => this.#dispose({ ...entry, part: late }),
          () => {},
        );
        throw new Error(`${name}: not open after ${waited}`);
      }
      // Kept even when it was told to leave meanwhile: whoever did so disposes it next.
      this.#entries.push({ ...entry, part: got });
      if (signal.aborted) throw new Error(`${name}: closed while it was opening`);
      this.report(event());
      return got;
    } catch (error) {
      this.report(event(error));
      throw error;
    } finally {
      this.#coming = undefined;
    }
  }

  /** Tells all parts, and the one that is opening, to leave. Disposing them is to follow. */
  abort(): void {
    this.#abortAbove(-1);
  }

  #abortAbove(floor: number): void {
    for (const { stage, leave } of [...this.#entries, ...(this.#coming ? [this.#coming] : [])]) {
      if (rank(stage) > floor) leave.abort();
    }
  }

  /**
   * Pause: disposes all that stands above `keep`; then the stack may be opened on again. Serialised and idempotent;
   * never rejects.
   */
  disposeDownTo(keep: Stage): Promise<void> {
    return this.#disposeAbove(rank(keep));
  }

  /** Shutdown: disposes everything; nothing opens any more. Idempotent; never rejects. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    return this.#disposeAbove(-1);
  }

  #disposeAbove(floor: number): Promise<void> {
    this.#abortAbove(floor);
    const before = this.#closing ?? Promise.resolve();
    const closing: Promise<void> = before.then(async () => {
      await this.#opening;
      for (let at = STAGES.length - 1; at > floor; at--) {
        const begin = performance.now();
        const parts: string[] = [];
        for (;;) {
          const top = this.#entries.at(-1);
          if (!top || rank(top.stage) < at) break;
          this.#entries.pop();
          parts.push(top.name);
          await this.#dispose(top);
        }
        this.report({ act: "stage", stage: STAGES[at] as Stage, parts, ms: performance.now() - begin });
      }
      if (this.#closing === closing) this.#closing = undefined;
    });
    this.#closing = closing;
    return closing;
  }

  /** A second signal: the parts of one stage, now and at once, even while the ordered way hangs above them. */
  async disposeOnly(stage: Stage): Promise<void> {
    const parts = [...this.#entries, ...this.#leaving].filter((entry) => entry.stage === stage);
    await Promise.all(parts.map((entry) => this.#dispose(entry)));
  }

  async #dispose(entry: Entry): Promise<void> {
    const { stage, name, disposeMs } = entry;
    const begin = performance.now();
    const event = { act: "dispose", stage, part: name } as const;
    this.#leaving.add(entry);
    entry.leave.abort();
    entry.disposing ??= (async () => entry.part?.[Symbol.asyncDispose]())();
    try {
      const done = await within(entry.disposing, { ms: disposeMs });
      if (done === LATE) throw new Error(`dropped: not disposed after ${disposeMs} ms`);
      this.report({ ...event, ms: performance.now() - begin });
    } catch (error) {
      this.report({ ...event, ms: performance.now() - begin, error });
    } finally {
      this.#leaving.delete(entry);
    }
  }
}

/** One line for the log: `shutdown 3/7 actuators: relay 2, 12 ms`. @param why what the disposing is part of */
export function describe(event: StackEvent, why: "pause" | "shutdown"): string {
  const ms = `${event.ms < 10 ? event.ms.toFixed(1) : Math.round(event.ms)} ms`;
  if (event.act === "stage") {
    const step = STAGES.length - rank(event.stage);
    return `${why} ${step}/${STAGES.length} ${event.stage}: ${event.parts.join(", ") || "nothing open"}, ${ms}`;
  }
  const failed = event.error === undefined ? "" : `: ${message(event.error)}`;
  return `${event.act} ${event.stage} ${event.part}${failed}, ${ms}`;
}
