import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { errno, message } from "./errors.ts";
import { LATE, within } from "./stack.ts";

/** Programs of others that a host runs beside its work: hooks, notifications, sounds. */

/** What a program that was told to end has for it, ms; then it is killed. */
const GRACE_MS = 1_000;
/** What is told of its end is read within this, ms: something it left running may hold the pipe for ever. */
const LAST_WORDS_MS = 200;
/** Of what it says, the end of this many characters is kept. */
const KEPT = 2_000;

export type Program = {
  /** The program and its arguments; no shell reads them. */
  command: readonly string[];
  /** How long it may take, ms. */
  ms: number;
  /** Ends it early. */
  signal: AbortSignal;
  /** Variables beside those of this process, which goes without its own STINT_*. */
  env?: Readonly<Record<string, string>>;
  /** Given on its stdin, else that is empty. */
  input?: string;
  /** Whether what it says on stdout is wanted; else nobody reads that, and what it leaves running may go on writing. */
  listen?: boolean;
};

/** How it ended. `failure` says why it isn't a success; `out` and `errors` are the last it said on stdout and stderr. */
export type Ended = { failure?: string; out: string; errors: string };

/** Runs a program in a process group of its own until it ends or its time is up. Never rejects. */
export async function run({ command, ms, signal, env, input, listen }: Program): Promise<Ended> {
  const said = { out: "", errors: "" };
  try {
    const [file = "", ...args] = command;
    const child = spawn(file, args, {
      detached: true,
      env: { ...environment(), ...env },
      stdio: [input === undefined ? "ignore" : "pipe", listen ? "pipe" : "ignore", "pipe"],
    });
    const { stdin, stdout, stderr } = child;
    const ended = new Promise<string | undefined>((resolve) => {
      child.once("error", (error) => resolve(notStarted(error)));
      child.once("exit", (code, by) =>
        resolve(code === 0 ? undefined : by ? `ended by ${by}` : `exit ${code}`),
      );
    });
    const closed = new Promise((resolve) => child.once("close", resolve));
    stdout?.setEncoding("utf8").on("data", (text: string) => {
      said.out = (said.out + text).slice(-KEPT);
    });
    stderr?.setEncoding("utf8").on("data", (text: string) => {
      said.errors = (said.errors + text).slice(-KEPT);
    });
    // It needn't read what it is given.
    stdin?.on("error", () => {}).end(input);
    let failure = await within(ended, { ms, signal });
    if (failure === LATE) {
      failure = signal.aborted ? "ended early, as the host ends" : `not done after ${ms / 1000} s`;
      if (child.pid !== undefined) await endGroup(child.pid);
    }
    await within(closed, { ms: LAST_WORDS_MS });
    for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    return { ...said, ...(failure === undefined ? {} : { failure }) };
  } catch (error) {
    return { ...said, failure: notStarted(error) };
  }
}

const notStarted = (error: unknown): string =>
  errno(error) === "ENOENT"
    ? "there is no such program"
    : `it can't be started: ${errno(error) ?? message(error)}`;

/** What a program finds around it: this process's own variables, which would speak to a stint inside it, left out. */
export const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("STINT_")));

async function endGroup(group: number): Promise<void> {
  const send = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-group, signal);
    } catch {
      return false; // nobody is left
    }
  };
  send("SIGTERM");
  for (const end = performance.now() + GRACE_MS; performance.now() < end && send(0); ) await sleep(10);
  send("SIGKILL");
}

/** Where a program is, by the PATH. */
export function findProgram(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
      } catch {
        return false;
      }
    });
}

/** Something to do in its turn. Leaves soon after the signal. */
type Errand = (signal: AbortSignal) => Promise<void>;

/** What errands have at the end to be done, ms, all together. */
const LEAVING_MS = 2_000;

/**
 * Does one errand after another, in the order they were given, and never in the turn of the caller. At most `waiting`
 * of them wait: past that the oldest is left out, so that what runs last tells how it is.
 */
export class Errands implements AsyncDisposable {
  readonly #most: number;
  readonly #leftOut: (why: string) => void;
  #waiting: Errand[] = [];
  #working: Promise<void> | undefined;
  #behind = false;
  #closed = false;
  readonly #leave = new AbortController();

  /** @param leftOut told once each time it falls behind */
  constructor(waiting: number, leftOut: (why: string) => void = () => {}) {
    this.#most = waiting;
    this.#leftOut = leftOut;
  }

  give(errand: Errand): void {
    if (this.#closed) return;
    this.#waiting.push(errand);
    if (this.#waiting.length > this.#most + (this.#working ? 0 : 1)) {
      this.#waiting.shift();
      if (!this.#behind) this.#leftOut("those before them take too long");
      this.#behind = true;
    }
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    await setImmediate();
    for (;;) {
      const errand = this.#waiting.shift();
      if (!errand) break;
      await errand(this.#leave.signal);
    }
    this.#behind = false;
    this.#working = undefined;
  }

  /** What was given has a moment to be done; then it is ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    if (!this.#working || (await within(this.#working, { ms: LEAVING_MS })) !== LATE) return;
    if (this.#waiting.length > 0) this.#leftOut("the host ends");
    this.#waiting = [];
    this.#leave.abort();
    await this.#working;
  }
}
