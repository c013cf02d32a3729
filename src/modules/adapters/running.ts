import { access, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Exit, Expected, errno, message } from "../../kernel/errors.ts";
import { saveFile, syncFolder } from "../../kernel/save.ts";
import {
  type Head,
  type Left,
  mergeRecovery,
  parseRunning,
  type Recovered,
  type Running,
  type RunningModule,
  renderRunning,
} from "../core/running.ts";

/** What couldn't be written is tried again so often, ms. */
const RETRY_MS = 1_000;

/** The files beside `running_modules.json`. */
const previousOf = (path: string): string => `${path}.previous`;
const recoveryOf = (path: string): string => path.replace(/(\.json)?$/, ".recovery.json");

/**
 * Reads what a dead supervisor left; undefined when nothing was. What can't be read isn't there: the copy before it is
 * taken then.
 * @param path of `running_modules.json`
 * @param warn told of what can't be read
 */
export async function readLeft(path: string, warn: (text: string) => void): Promise<Left | undefined> {
  const [recovery, newest] = await Promise.all([readCopy(recoveryOf(path), warn), readCopy(path, warn)]);
  const live = newest ?? (await readCopy(previousOf(path), warn));
  if (live && !newest) warn(`${previousOf(path)} is taken instead of ${path}`);
  return mergeRecovery(recovery, live);
}

async function readCopy(path: string, warn: (text: string) => void): Promise<Running | undefined> {
  try {
    const text = await readFile(path, "utf8");
    const running = parseRunning(text, (what) =>
      warn(`${path}: ${what} can't be made out, and is passed over`),
    );
    if (!running) warn(`${path} is damaged`);
    return running;
  } catch (error) {
    if (errno(error) !== "ENOENT") warn(`${path} can't be read: ${errno(error) ?? message(error)}`);
    return undefined;
  }
}

/** Who is told how the writing goes. */
export type Told = {
  /** It can't be written. Said once; it is tried again until it can. */
  failed(error: Expected): void;
  /** It could be written again. */
  mended(): void;
};

/**
 * `running_modules.json`: what runs now. Each state of it, in the order of the calls, is found by the next start
 * whenever this process is killed. One process writes it: the holder of the seat.
 *
 * What a dead supervisor left is put aside as the recovery copy before this one writes its own, and stays as it is; what
 * has become of the modules in it stands in the live file, so that one rename settles a module and says what runs. Once
 * all are settled, and the live file and its previous copy both know it, the recovery copy goes.
 *
 * Nothing here is thrown for a disk that fails: modules run on without being remembered. It is said, and tried again.
 */
export class RunningFile implements AsyncDisposable {
  readonly #path: string;
  readonly #head: Head;
  readonly #left: Left | undefined;
  readonly #told: Told;
  readonly #modules = new Map<string, RunningModule>();
  /** What the recovery copy has; empty once that is gone. */
  readonly #recovery: Map<string, RunningModule>;
  readonly #settled = new Map<string, Recovered>();
  /** Whether the recovery copy is complete, and the live file ours. */
  #begun = false;
  #writing: Promise<boolean> = Promise.resolve(true);
  /** The write that takes all that is changed until it begins. */
  #next: Promise<boolean> | undefined;
  /** Whether there is more to come before anything is written. */
  #held = true;
  #failing = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  private constructor(path: string, head: Head, left: Left | undefined, told: Told) {
    this.#path = path;
    this.#head = head;
    this.#left = left;
    this.#told = told;
    this.#recovery = new Map(left?.modules.map((module) => [module.name, module]));
  }

  /**
   * Makes what was left the recovery copy, and begins a live file of ours.
   * @param left what {@link readLeft} found
   */
  static async open(path: string, head: Head, left: Left | undefined, told: Told): Promise<RunningFile> {
    const file = new RunningFile(path, head, left, told);
    if (left) await file.complete();
    return file;
  }

  /**
   * What was {@link put} so far is all there is to begin with. Before that nothing is written where nothing was left: a
   * start after a crash would take some of it for all.
   */
  complete(): Promise<boolean> {
    this.#held = false;
    return this.#changed();
  }

  /**
   * What is true of a module now. Changes that come together are written as one.
   * @returns whether this, or what is newer, is on the disk; false when it couldn't be written so far
   */
  put(module: RunningModule): Promise<boolean> {
    this.#modules.set(module.name, module);
    return this.#changed();
  }

  /** It neither runs nor is wanted any more; if a dead supervisor left it, it is given up on. @returns as {@link put} */
  drop(name: string): Promise<boolean> {
    this.#modules.delete(name);
    return this.resolve(name, "given up");
  }

  /**
   * What has become of a module that a dead supervisor left; the first word on it counts. One that runs is as it was
   * left unless it was {@link put} since. @returns as {@link put}
   */
  resolve(name: string, how: Recovered["how"]): Promise<boolean> {
    const left = this.#recovery.get(name);
    if (left && !this.#settled.has(name)) {
      this.#settled.set(name, { name, how });
      if (how === "running" && !this.#modules.has(name)) this.#modules.set(name, left);
    }
    return this.#changed();
  }

  /** Writes it again if somebody has removed it. */
  async refresh(): Promise<void> {
    try {
      await access(this.#path);
    } catch {
      await this.#changed();
    }
  }

  /** Nothing runs any more: the files go. @throws Expected 74 when one stays */
  async clear(): Promise<void> {
    await this.#close();
    try {
      // The live file last: without it, what is older would be found.
      await this.#remove(previousOf(this.#path), recoveryOf(this.#path));
      await this.#remove(this.#path);
    } catch (error) {
      throw new Expected(Exit.io, `${this.#path} can't be removed: ${errno(error) ?? message(error)}`);
    }
  }

  /** Writes what is unwritten, and leaves the files to the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    if (this.#failing) await this.#turn();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await (this.#next ?? this.#writing);
  }

  #changed(): Promise<boolean> {
    if (this.#closed || this.#held) return Promise.resolve(false);
    this.#next ??= this.#turn();
    return this.#next;
  }

  async #turn(): Promise<boolean> {
    await this.#writing;
    this.#next = undefined;
    this.#writing = this.#write();
    return this.#writing;
  }

  async #write(): Promise<boolean> {
    clearTimeout(this.#retry);
    try {
      await this.#save();
    } catch (error) {
      if (!this.#failing) this.#told.failed(expected(error));
      this.#failing = true;
      if (!this.#closed) this.#retry = setTimeout(() => void this.#changed(), RETRY_MS);
      return false;
    }
    if (this.#failing) this.#told.mended();
    this.#failing = false;
    return true;
  }

  async #save(): Promise<void> {
    const recovered = this.#recovery.size > 0 && this.#settled.size === this.#recovery.size;
    const text = renderRunning({
      v: 1,
      ...this.#head,
      modules: [...this.#modules.values()],
      recovered: [...this.#settled.values()],
    });
    if (!this.#begun) await this.#begin();
    await saveFile(this.#path, text, this.#begun ? previousOf(this.#path) : undefined);
    this.#begun = true;
    if (!recovered) return;
    await saveFile(this.#path, text, previousOf(this.#path));
    await this.#remove(recoveryOf(this.#path));
    this.#recovery.clear();
    this.#settled.clear();
  }

  /** From here on the recovery copy alone says what was left: the previous copy is of the dead one, and older. */
  async #begin(): Promise<void> {
    const path = recoveryOf(this.#path);
    if (this.#left && this.#recovery.size > 0) {
      const { session, dir } = this.#left;
      const { supervisor } = this.#head;
      const modules = [...this.#recovery.values()];
      await saveFile(path, renderRunning({ v: 1, session, dir, supervisor, modules, recovered: [] }));
      await this.#remove(previousOf(this.#path));
    } else {
      await this.#remove(previousOf(this.#path), path);
    }
  }

  async #remove(...paths: string[]): Promise<void> {
    for (const path of paths) await rm(path, { force: true });
    await syncFolder(dirname(this.#path)).catch((error: unknown) => {
      // Without the folder they are gone all the more.
      if (errno(error) !== "ENOENT") throw error;
    });
  }
}

const expected = (error: unknown): Expected =>
  error instanceof Expected ? error : new Expected(Exit.io, errno(error) ?? message(error));
