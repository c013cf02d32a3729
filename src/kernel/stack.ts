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
const OPEN_MS = 10_000;
const DISPOSE_MS = 2_000;

/** What the stack did, for the log. Times in ms. */
export type StackEvent =
  | { act: "open" | "dispose"; stage: Stage; part: string; ms: number; error?: unknown }
  | { act: "stage"; stage: Stage; parts: string[]; ms: number };

type Entry = {
  stage: Stage;
  name: string;
  part: AsyncDisposable;
  disposeMs: number;
  disposing?: Promise<void>;
};

const rank = (stage: Stage): number => STAGES.indexOf(stage);
const LATE = Symbol("late");

/** The work, or LATE after `ms`; with a signal also `graceMs` after its abort. */
async function within<T>(
  ms: number,
  work: Promise<T>,
  aborted?: { signal: AbortSignal; graceMs: number },
): Promise<T | typeof LATE> {
  const { promise: late, resolve } = Promise.withResolvers<typeof LATE>();
  const timers = [setTimeout(resolve, ms, LATE)];
  const hurry = () => void timers.push(setTimeout(resolve, aborted?.graceMs, LATE));
  aborted?.signal.addEventListener("abort", hurry, { once: true });
  try {
    return await Promise.race([work, late]);
  } finally {
    aborted?.signal.removeEventListener("abort", hurry);
    for (const timer of timers) clearTimeout(timer);
  }
}

/**
 * The parts of a host, in the order they were opened. Disposes from the top, each part within its own deadline: one
 * that fails or hangs never keeps the next from being disposed. `AsyncDisposableStack` waits for ever on one that
 * hangs and can't dispose in part, which a pause needs.
 */
export class Stack implements AsyncDisposable {
  readonly #report: (event: StackEvent) => void;
  readonly #entries: Entry[] = [];
  /** Being disposed right now: out of `#entries`, still in reach of {@link disposeOnly}. */
  readonly #leaving = new Set<Entry>();
  #generation = new AbortController();
  #opening: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #ended = false;

  constructor(report: (event: StackEvent) => void = () => {}) {
    this.#report = report;
  }

  /** How many parts are open. */
  get size(): number {
    return this.#entries.length;
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
    limits: Limits,
  ): Promise<T> {
    const top = this.#entries.at(-1);
    if (this.#ended || this.#closing) throw new Error(`${name}: not opened, the stack is closing`);
    if (top && rank(stage) < rank(top.stage)) {
      throw new Error(`${name}: ${stage} can't open above ${top.stage} (${top.name})`);
    }
    const { openMs = OPEN_MS, disposeMs = DISPOSE_MS } = limits;
    const { signal } = this.#generation;
    const begin = performance.now();
    const coming = (async () => part(signal))();
    try {
      const got = await within(openMs, coming, { signal, graceMs: disposeMs });
      if (got === LATE) {
        // When it arrives after all, it goes.
        void coming
          .then((late) => late[Symbol.asyncDispose]())
          .catch((error: unknown) =>
            this.#report({ act: "dispose", stage, part: name, ms: performance.now() - begin, error }),
          );
        const waited = signal.aborted ? `${disposeMs} ms after being told to leave` : `${openMs} ms`;
        throw new Error(`${name}: not open after ${waited}`);
      }
      // Kept even when the signal was aborted meanwhile: whoever aborted disposes it next.
      this.#entries.push({ stage, name, part: got, disposeMs });
      this.#report({ act: "open", stage, part: name, ms: performance.now() - begin });
      if (signal.aborted) throw new Error(`${name}: closed while it was opening`);
      return got;
    } catch (error) {
      this.#report({ act: "open", stage, part: name, ms: performance.now() - begin, error });
      throw error;
    }
  }

  /**
   * Pause: disposes all that stands above `keep`; what opens next belongs to a new generation with a signal of its
   * own. Serialised and idempotent; never rejects.
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
    this.#generation.abort();
    const before = this.#closing ?? Promise.resolve();
    const closing: Promise<void> = before.then(async () => {
      this.#generation.abort();
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
        this.#report({ act: "stage", stage: STAGES[at] as Stage, parts, ms: performance.now() - begin });
      }
      this.#generation = new AbortController();
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
    const begin = performance.now();
    this.#leaving.add(entry);
    entry.disposing ??= (async () => entry.part[Symbol.asyncDispose]())();
    const event = { act: "dispose", stage: entry.stage, part: entry.name } as const;
    try {
      const done = await within(entry.disposeMs, entry.disposing);
      const ms = performance.now() - begin;
      if (done === LATE) {
        entry.disposing.catch(() => undefined); // its failure has nobody left to hear it
        this.#report({ ...event, ms, error: new Error(`dropped: not disposed after ${entry.disposeMs} ms`) });
      } else {
        this.#report({ ...event, ms });
      }
    } catch (error) {
      this.#report({ ...event, ms: performance.now() - begin, error });
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
