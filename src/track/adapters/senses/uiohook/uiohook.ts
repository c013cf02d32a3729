import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { Exit, Expected, errno, message } from "../../../../kernel/errors.ts";
import { selfCommand } from "../../../../kernel/runtime.ts";
import type { SlotPart } from "../../../../kernel/slot.ts";
import { LATE, within } from "../../../../kernel/stack.ts";
import { NO_KEYS, NO_MOUSE } from "../../../core/counts.ts";
import type { Listener, Offer, Senses } from "../sense.ts";
import { uiohookThere } from "./addon.ts";
import type { Answer, Request } from "./child.ts";

export { uiohookThere } from "./addon.ts";

/** What it has to end by itself, ms; then it is killed, -9. */
const END_MS = 1_000;
/** What it has to answer, ms; whoever waits goes on without. */
const ANSWER_MS = 500;

type Options = {
  /** A mouse still for so long is idle, keys further apart aren't typing, ms. */
  readonly idleMs: number;
  /** Where the display is looked up. */
  readonly env?: NodeJS.ProcessEnv;
  /** What counts: a command that runs {@link import("./child.ts").countInput}. */
  readonly command?: readonly [string, ...string[]];
};

/** The keyboard and the mouse by uiohook-napi. Both are heard by one child, that ends with the last of them. */
export function uiohookSenses({
  idleMs,
  env = process.env,
  command,
}: Options): Pick<Senses, "keyboard" | "mouse"> {
  const missing = whyNot(env);
  if (missing) return { keyboard: missing, mouse: missing };
  const hook = new Hook(() => new Child(command ?? [...selfCommand(), "track", "__uiohook"], env, idleMs));
  return {
    keyboard: {
      via: "uiohook",
      open: (counter) => hook.listen(({ keys }) => counter.add(keys, performance.now())),
    },
    mouse: {
      via: "uiohook",
      open: (counter) => hook.listen(({ mouse }) => counter.add(mouse, performance.now())),
    },
  };
}

function whyNot(env: NodeJS.ProcessEnv): Extract<Offer<never>, { unavailable: string }> | undefined {
  const found = uiohookThere();
  if (!found.there) {
    const hint = found.hint === undefined ? {} : { hint: found.hint };
    return { unavailable: `uiohook-napi is not in this stint: ${found.why}`, ...hint };
  }
  if (process.platform !== "linux") return undefined;
  if (env["WAYLAND_DISPLAY"]) return { unavailable: "under Wayland uiohook-napi hears nothing" };
  return env["DISPLAY"]
    ? undefined
    : { unavailable: "uiohook-napi needs an X display, and DISPLAY isn't set" };
}

type Counts = Extract<Answer, { type: "counts" }>;

/** Who listens to a child. */
type User = { told(counts: Counts): void; lost(error: unknown): void; counting: boolean };

/** The child, for as long as somebody listens. */
class Hook {
  readonly #start: () => Child;
  #child: Child | undefined;

  constructor(start: () => Child) {
    this.#start = start;
  }

  listen(told: (counts: Counts) => void): SlotPart<Listener> {
    return async (signal, lost) => {
      const user: User = { told, lost, counting: false };
      if (this.#child?.ended !== undefined) this.#child = undefined;
      this.#child ??= this.#start();
      const child = this.#child;
      child.users.add(user);
      try {
        const ready = await within(child.ready, { signal });
        if (ready === LATE) throw new Error("told to leave");
        // What it has counted before is of nobody here.
        await child.ask(() => {
          user.counting = true;
        });
        if (child.ended !== undefined) throw new Error(child.ended);
      } catch (error) {
        await this.#leave(child, user);
        throw error;
      }
      return {
        [Symbol.asyncDispose]: async () => {
          if (child.users.size > 1) await child.ask();
          await this.#leave(child, user);
        },
      };
    };
  }

  /** The last to leave ends it, and is told the last of what it counted. */
  async #leave(child: Child, user: User): Promise<void> {
    if (child.users.size === 1 && child.users.has(user)) {
      if (this.#child === child) this.#child = undefined;
      await child.end();
    }
    child.users.delete(user);
  }
}

/** A process that counts. */
class Child {
  readonly users = new Set<User>();
  /** Fails when it can't hear anything. */
  readonly ready: Promise<void>;
  /** Why it is no more. */
  ended: string | undefined;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #closed: Promise<void>;
  #isReady = false;
  #ending = false;
  /** Those who wait for an answer, the oldest first. */
  #asked: (() => void)[] = [];

  constructor([file, ...args]: readonly [string, ...string[]], env: NodeJS.ProcessEnv, idleMs: number) {
    // In a group of its own: the terminal's ^C is for the host, which then ends it.
    const options = { detached: true, env, stdio: ["pipe", "pipe", "ignore"] } as const;
    this.#process = spawn(file, args, { ...options, stdio: [...options.stdio] });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    // Whoever wants to know awaits it.
    promise.catch(() => {});
    let failure: string | undefined;

    this.#process.stdin.on("error", () => {}); // it is no more, which is told otherwise
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      const answer = readAnswer(line);
      if (answer === undefined) failure ??= "the process that counts said what makes no sense";
      if (answer?.type === "failed") failure ??= answer.reason;
      if (answer === undefined || answer.type === "failed") return void this.#kill();
      if (answer.type === "ready") {
        this.#isReady = true;
        return resolve();
      }
      for (const user of this.users) if (user.counting) user.told(answer);
      if (answer.asked) this.#asked.shift()?.();
    });
    this.#closed = new Promise((closed) => {
      const over = (why: string) => {
        if (this.ended !== undefined) return;
        this.ended = failure ?? why;
        const error = new Expected(Exit.unavailable, this.ended);
        reject(error);
        for (const answered of this.#asked.splice(0)) answered();
        if (!this.#ending) for (const user of this.users) if (user.counting) user.lost(error);
        closed();
      };
      this.#process.once("error", (error) => over(`can't start: ${errno(error) ?? message(error)}`));
      this.#process.once("close", (code, by) =>
        over(`the process that counts ended (${by ?? `exit ${code}`}): is its display gone?`),
      );
    });
    this.#say({ ask: "start", idle_ms: idleMs });
  }

  /** Has what it counted so far told. @param then called right behind that, before anything else is told */
  async ask(then: () => void = () => {}): Promise<void> {
    if (this.ended !== undefined) return;
    const answered = new Promise<void>((resolve) => {
      this.#asked.push(() => {
        then();
        resolve();
      });
    });
    this.#say({ ask: "counts" });
    await within(answered, { ms: ANSWER_MS });
  }

  /** Ends it; it tells the last of what it counted. One that doesn't, or hasn't begun to count, is killed. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#process.stdin.end();
    if (!this.#isReady) this.#kill();
    if ((await within(this.#closed, { ms: END_MS })) !== LATE) return;
    this.#kill();
    await this.#closed;
  }

  #say(request: Request): void {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
  }

  #kill(): void {
    this.#process.kill("SIGKILL");
  }
}

/** A line of the child's, undefined when it is none that a child says. */
function readAnswer(line: string): Answer | undefined {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { type, reason, keys, mouse, asked } = (read ?? {}) as Record<string, unknown>;
  if (type === "ready") return { type };
  if (type === "failed") return { type, reason: String(reason).slice(0, 300) };
  const counts = { keys: readCounts(NO_KEYS, keys), mouse: readCounts(NO_MOUSE, mouse) };
  if (type !== "counts" || !counts.keys || !counts.mouse) return undefined;
  return { type, keys: counts.keys, mouse: counts.mouse, asked: asked === true };
}

/** Counts with the names of `none`, and no others. */
function readCounts<T extends Record<string, number>>(none: Readonly<T>, given: unknown): T | undefined {
  const counts = { ...none };
  for (const name of Object.keys(none)) {
    const count = ((given ?? {}) as Record<string, unknown>)[name];
    if (typeof count !== "number" || !Number.isFinite(count) || count < 0) return undefined;
    (counts as Record<string, number>)[name] = count;
  }
  return counts;
}
