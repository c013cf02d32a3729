import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../../kernel/clock.ts";
import { errno, message } from "../../../kernel/errors.ts";
import { ownIdentity } from "../../../kernel/runtime.ts";
import { LATE, within } from "../../../kernel/stack.ts";
import {
  BEAT_MS,
  type BoardReport,
  type GuardReport,
  type GuardRequest,
  GuardWatch,
  Lines,
  readReport,
} from "../../core/guard.ts";
import type { BoardConfig } from "../../core/installation.ts";

/** How long a guard may take from its start until it holds the boards, ms. */
const START_MS = 20_000;
/** Each board may have a call that hangs, and each of those has a thread to itself. */
const THREADS = "32";

/** What a guard has to say. */
type Hearer = {
  boards(reports: readonly BoardReport[]): void;
  fired(why: string): void;
  /** On stderr: what went wrong. */
  said(text: string): void;
  /** It is dead, or is to be taken for it: called once, and not after {@link Link.close}. */
  over(why: string): void;
};

/** What became of a request. */
type Done = Extract<GuardReport, { type: "done" }>;

/** One guard process, from its start to its end. */
export class Link {
  readonly pid: number;
  /** Resolves once it holds the boards. Rejects when it is over before. */
  readonly ready: Promise<void>;
  /** Resolves, with how, once the process has ended. */
  readonly exited: Promise<string>;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #clock: Clock;
  readonly #hearer: Hearer;
  readonly #pending = new Map<number, { resolve(done: Done): void; reject(error: Error): void }>();
  readonly #beating: ReturnType<typeof setInterval>;
  #watch: GuardWatch | undefined;
  #lastId = 0;
  #why: string | undefined;
  #isClosing = false;

  constructor(
    [file, ...args]: readonly [string, ...string[]],
    boards: readonly BoardConfig[],
    clock: Clock,
    hearer: Hearer,
  ) {
    this.#clock = clock;
    this.#hearer = hearer;
    // A session of its own: no signal to this one's group or terminal comes to it.
    const child = spawn(file, [...args, "detect", "__guard"], {
      detached: true,
      env: { ...process.env, UV_THREADPOOL_SIZE: THREADS },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process = child;
    this.pid = child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      child.once("error", (error) => resolve(`it can't be started: ${errno(error) ?? message(error)}`));
      child.once("exit", (code, by) => resolve(by ? `it was ended by ${by}` : `it ended with ${code}`));
    });
    void this.exited.then((how) => this.#over(how));
    child.stdin.on("error", () => {}); // it has ended, which is seen otherwise
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#hearer.said(text.trim());
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    promise.catch(() => {}); // whoever wants to know awaits it
    this.#rejectReady = reject;
    const lines = new Lines();
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      for (const report of this.#read(lines, text)) this.#take(report, resolve);
    });
    const late = clock.monotonic() + START_MS;
    this.#beating = setInterval(() => this.#beat(late), BEAT_MS);
    this.#say({ ask: "hold", host: ownIdentity(), boards });
    this.#say({ ask: "beat", at: clock.boot() });
  }

  readonly #rejectReady: (error: Error) => void;

  /** Why it is dead, or to be taken for it; undefined while it isn't. */
  get over(): string | undefined {
    return this.#why;
  }

  /** @throws when it isn't done, or can't be: at once when the guard dies */
  async set(board: string, channel: number, on: boolean, epoch: number): Promise<void> {
    const at = this.#clock.boot();
    const { failed } = await this.#ask((id) => ({ ask: "set", id, board, channel, on, epoch, at }));
    const [failure] = failed;
    if (failure) throw new Error(failure.why);
  }

  /** Switches all off. @returns the boards that don't say so, and why; throws when the guard dies */
  async off(): Promise<ReadonlyMap<string, string>> {
    const { failed } = await this.#ask((id) => ({ ask: "off", id }));
    return new Map(failed.map(({ board, why }) => [board, why]));
  }

  /** Has it switch off and end. @returns whether it has, within `ms` */
  async close(ms: number): Promise<boolean> {
    this.#isClosing = true;
    this.#process.stdin.end();
    return (await within(this.exited, { ms })) !== LATE;
  }

  /** Ends it at once. */
  kill(): void {
    this.#isClosing = true;
    this.#process.kill("SIGKILL");
    this.#over("it was ended");
  }

  #ask(request: (id: number) => GuardRequest): Promise<Done> {
    if (this.#why !== undefined) return Promise.reject(new Error(`the guard is dead: ${this.#why}`));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#say(request(id));
    });
  }

  #say(request: GuardRequest): void {
    if (this.#process.stdin.writable) this.#process.stdin.write(`${JSON.stringify(request)}\n`);
  }

  #beat(late: number): void {
    const now = this.#clock.monotonic();
    const why = this.#watch ? this.#watch.look(now) : now > late ? "it doesn't get ready" : undefined;
    if (why === undefined) this.#say({ ask: "beat", at: this.#clock.boot() });
    else this.#over(why);
  }

  /** What it says; one that says what makes no sense is over. */
  #read(lines: Lines, text: string): GuardReport[] {
    try {
      return lines.push(text).map((line) => {
        const report = readReport(line);
        if (!report) throw new Error(line.slice(0, 100));
        return report;
      });
    } catch (error) {
      this.#over(`it said what makes no sense: ${message(error)}`);
      return [];
    }
  }

  #take(report: GuardReport, ready: () => void): void {
    // Whatever one says that was taken for dead: it isn't so any more.
    if (this.#why !== undefined) return;
    this.#watch?.heard(this.#clock.monotonic());
    if ("boards" in report) this.#hearer.boards(report.boards);
    switch (report.type) {
      case "ready":
        this.#watch = new GuardWatch(this.#clock.monotonic());
        ready();
        break;
      case "fired":
        // What it was asked before it won't answer any more: nobody knew whether this process still reads.
        this.#rejectAll(`all was switched off: ${report.why}`);
        this.#hearer.fired(report.why);
        break;
      case "done":
        this.#pending.get(report.id)?.resolve(report);
        this.#pending.delete(report.id);
    }
  }

  #rejectAll(why: string): void {
    for (const { reject } of this.#pending.values()) reject(new Error(why));
    this.#pending.clear();
  }

  #over(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    clearInterval(this.#beating);
    this.#rejectReady(new Error(why));
    this.#rejectAll(`the guard is dead: ${why}`);
    void this.exited.then(() => {
      for (const stream of this.#process.stdio) stream?.destroy();
    });
    if (!this.#isClosing) this.#hearer.over(why);
  }
}
