import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { errnoText } from "../../kernel/errno.ts";
import { Exit, Expected, errno } from "../../kernel/errors.ts";
import { environment } from "../../kernel/programs.ts";
import { identityOf, isAlive, ownIdentity, processStat, spawnSession } from "../../kernel/runtime.ts";
import { within } from "../../kernel/stack.ts";
import type { ExitStatus } from "../core/module.ts";
import { cgroupMembers, findCgroup, killCgroup, makeCgroup, removeCgroup } from "./cgroup.ts";
import { watchEnd } from "./exits.ts";
import { carriers, Group, NAME_VARIABLE, OWNER_VARIABLE, RUN_VARIABLE, send } from "./group.ts";
import { soon } from "./soon.ts";
import { Commands } from "./stdin.ts";

/** What is to be run, and where it is to read and write. */
export type ProcessSpec = {
  /** The module's. */
  readonly name: string;
  /** The program, found by its PATH or from its folder, and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** Beside the variables of this process, which go without STINT_*. */
  readonly env: Readonly<Record<string, string>>;
  /** The id of this run: a UUID. */
  readonly run: string;
  /** Whose it is: what a supervisor after this one can tell its own by. */
  readonly owner: string;
  /** The file that stdout and stderr are appended to. */
  readonly raw: string;
  /** Where the named pipe of its stdin is made. */
  readonly stdin: string;
};

/** What has to be remembered of a run, so that a later supervisor can take it over. */
export type ProcessRecord = {
  readonly run: string;
  /** Of the leader, whose group has that number too. */
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
  /** The folder of the run's own cgroup, where it has one. */
  readonly cgroup: string | null;
};

/** The processes of a run: a leader, and what it has made. */
export interface ModuleProcess extends Disposable {
  readonly record: ProcessRecord;
  /** Whether it was started by another process than this. */
  readonly adopted: boolean;
  /** How the leader has ended: within a few ms, or 50 ms when it was adopted. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal to all of it. @returns false when nobody is left */
  signal(signal: NodeJS.Signals): boolean;
  /** SIGKILL for all of it. */
  kill(): void;
  /** The pids of what lives of it; zombies don't. */
  members(): number[];
  /** Resolves once nothing of it lives: true; or when the signal is aborted before: false. */
  gone(signal: AbortSignal): Promise<boolean>;
  /**
   * Writes a line to its stdin, whole or not at all.
   * @returns false when it doesn't read for a second and the pipe is full, when nobody reads, or the line is too long
   */
  tell(line: string): Promise<boolean>;
  /** Gives back what we hold of it; it goes on. An adopted one's end isn't told any more. */
  [Symbol.dispose](): void;
}

/** What was sent SIGKILL is gone within this, or can't be ended, ms. */
const KILLED_MS = 1_000;

class Running implements ModuleProcess {
  readonly record: ProcessRecord;
  readonly adopted: boolean;
  readonly exited: Promise<ExitStatus>;
  readonly #group: Group;
  readonly #commands: Commands | undefined;
  readonly #watch: Disposable | undefined;
  /** Whether its end isn't waited for any more: it was told, or won't be. */
  #over = false;

  constructor(record: ProcessRecord, commands: Commands | undefined, child?: Promise<ExitStatus>) {
    this.record = record;
    this.adopted = child === undefined;
    this.#commands = commands;
    this.#group = new Group(record, record.run, record.cgroup);
    if (child) {
      this.exited = child.then((status) => {
        this.#over = true;
        this.#group.leaderEnded();
        return status;
      });
    } else {
      const { promise, resolve } = Promise.withResolvers<ExitStatus>();
      this.exited = promise;
      this.#watch = watchEnd(record, () => {
        this.#over = true;
        resolve({ code: null, signal: null });
      });
    }
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.#group.signal(signal);
  }

  kill(): void {
    this.#group.kill();
  }

  members(): number[] {
    return this.#group.members();
  }

  async gone(signal: AbortSignal): Promise<boolean> {
    if (!this.#over) await within(this.exited, { signal });
    const gone = await soon(
      () => this.#group.isEmpty(),
      () => signal.aborted,
    );
    if (gone && this.record.cgroup !== null) removeCgroup(this.record.cgroup);
    return gone;
  }

  async tell(line: string): Promise<boolean> {
    return !this.#over && this.#commands !== undefined && (await this.#commands.tell(line));
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#watch?.[Symbol.dispose]();
    this.#commands?.[Symbol.dispose]();
    if (this.record.cgroup !== null) removeCgroup(this.record.cgroup);
  }
}

/**
 * Starts a module: the leader of a session and a group of its own, in a cgroup of its own where one can be made. Nothing
 * of it hangs on this process.
 * @throws Expected 1 with the system's words when it can't be started
 */
export async function spawnModule(spec: ProcessSpec): Promise<ModuleProcess> {
  const { name, command, cwd, run, raw, stdin } = spec;
  const env = {
    ...environment(),
    ...spec.env,
    [NAME_VARIABLE]: name,
    [OWNER_VARIABLE]: spec.owner,
    [RUN_VARIABLE]: run,
  };
  const opened: number[] = [];
  let commands: Commands | undefined;
  let cgroup: string | null = null;
  try {
    const pipe = Commands.make(stdin);
    commands = pipe.commands;
    opened.push(pipe.stdin);
    mkdirSync(dirname(raw), { recursive: true, mode: 0o700 });
    const output = openSync(raw, "a", 0o600);
    opened.push(output);
    const start = (cgroup?: string) =>
      spawnSession(command, { env, cwd, stdio: [pipe.stdin, output, output], cgroup });
    cgroup = makeCgroup(run);
    let child: Awaited<ReturnType<typeof start>>;
    try {
      child = await start(cgroup ?? undefined);
    } catch (error) {
      if (cgroup === null) throw error;
      // It may be the cgroup that doesn't let it in: the next try tells.
      removeCgroup(cgroup);
      cgroup = null;
      child = await start();
    }
    const record = { run, ...identityOf(child.pid), cgroup };
    return new Running(record, commands, child.exited);
  } catch (error) {
    commands?.[Symbol.dispose]();
    throw new Expected(Exit.no, `it can't be started: ${whyNot(error, spec)}`);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** What the system says, and of what: the program, its folder, or a file of ours. */
function whyNot(error: unknown, { command: [program], cwd, raw, stdin }: ProcessSpec): string {
  const words = errnoText(error);
  const { path } = error as { path?: unknown };
  if (path === raw || path === stdin || path === dirname(raw)) return `${path}: ${words}`;
  // The system names the program whatever it was that it didn't find.
  const folder = statSync(cwd, { throwIfNoEntry: false });
  if (!folder?.isDirectory()) {
    return `its folder ${cwd}: ${folder ? "not a directory" : "no such file or directory"}`;
  }
  if (errno(error) !== "ENOENT") return `${program}: ${words}`;
  if (!program.includes("/")) return `${program}: ${words} in the PATH`;
  // It is there: a script's interpreter isn't, or a binary's loader.
  const there = existsSync(resolve(cwd, program));
  return `${program}: ${words}${there ? ": the interpreter that it names" : ""}`;
}

/** Whether a record is of a process that could be there still. Whoever wrote it, no signal may go to 0, 1 or all. */
const isUsable = ({ run, pid, start, boot }: Partial<ProcessRecord>): boolean =>
  run !== "" && pid !== undefined && pid > 1 && Number.isSafeInteger(pid) && start !== "" && boot !== "";

/**
 * Takes over what a dead supervisor started.
 * @param places where the named pipe of its stdin was made
 * @returns undefined when exactly that process doesn't live any more
 */
export function adoptModule(record: ProcessRecord, places: { stdin: string }): ModuleProcess | undefined {
  if (!isUsable(record) || !isAlive(record)) return undefined;
  const { run, pid, start, boot } = record;
  const cgroup = findCgroup(run, record.cgroup);
  return new Running({ run, pid, start, boot, cgroup }, Commands.open(pid, places.stdin));
}

/**
 * The leader of a run whose supervisor died before it could remember more than the run's id: the first that was started
 * with it, if that leads a session.
 */
export function findRun(run: string): ProcessRecord | undefined {
  if (run === "") return undefined;
  const [first] = [...carriers(run)].sort(([, a], [, b]) => Number(a) - Number(b));
  if (!first || processStat(first[0])?.session !== first[0]) return undefined;
  return { run, ...identityOf(first[0]), cgroup: findCgroup(run) };
}

/** What there is of the leader's file: as much as is written into it, so that a full disk takes it too. */
const LEADER_BYTES = 512;

/**
 * Writes down which process leads a run. It is written over what is there and grows no file: it goes on a full disk too,
 * once there was room for it. Never throws: it is the second place that says so.
 */
export function writeLeader(path: string, record: ProcessRecord): void {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      writeSync(fd, JSON.stringify(record).padEnd(LEADER_BYTES), 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    // What lives of it is ended by the next supervisor then, and started anew.
  }
}

/** The leader of a run, if it is the one written down and lives. */
export function readLeader(path: string, run: string): ProcessRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as ProcessRecord;
    const { pid, start, boot } = record;
    if (record.run !== run || !isUsable(record) || !isAlive({ pid, start, boot })) return undefined;
    return { run, pid, start, boot, cgroup: findCgroup(run) };
  } catch {
    return undefined;
  }
}

/**
 * Ends what is left of a run whose leader is gone: by the stop signal and, what still lives after `ms`, by SIGKILL. Only
 * what is certainly of the run is signalled. Never rejects.
 * @param record what is known of the run, its id at least
 * @returns whether nothing of it is left
 */
export async function endLeftovers(
  record: { readonly run: string } & Partial<ProcessRecord>,
  stopSignal: NodeJS.Signals,
  ms: number,
): Promise<boolean> {
  const { run, pid, start, boot } = record;
  if (run === "" || (boot !== undefined && boot !== ownIdentity().boot)) return true;
  const cgroup = findCgroup(run, record.cgroup);
  const known = isUsable(record) && pid !== undefined && start !== undefined && boot !== undefined;
  const group = known ? new Group({ pid, start, boot }, run, cgroup) : undefined;
  const look = () => [
    ...new Set([
      ...carriers(run).keys(),
      ...(group?.members() ?? []),
      ...(cgroup === null ? [] : cgroupMembers(cgroup)),
    ]),
  ];
  const end = async (signal: NodeJS.Signals, withinMs: number): Promise<boolean> => {
    const until = performance.now() + withinMs;
    for (;;) {
      const left = look();
      if (left.length === 0) return true;
      if (performance.now() >= until) return false;
      for (const pid of left) send(pid, signal);
      if (signal === "SIGKILL" && cgroup !== null) killCgroup(cgroup);
      await soon(
        () => left.every((pid) => processStat(pid)?.zombie !== false),
        () => performance.now() >= until,
      );
    }
  };
  const ended = (await end(stopSignal, ms)) || (await end("SIGKILL", KILLED_MS));
  if (ended && cgroup !== null) removeCgroup(cgroup);
  return ended;
}
