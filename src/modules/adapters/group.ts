import { readdirSync, readFileSync } from "node:fs";
import { errno } from "../../kernel/errors.ts";
import { isAlive, type ProcessIdentity, processStat } from "../../kernel/runtime.ts";
import { cgroupMembers, isPopulated, killCgroup } from "./cgroup.ts";

/** The processes of a run: those in the group of its leader, and those that its cgroup holds. */

/** The variable that every process of a run inherits, with the run's id. */
export const RUN_VARIABLE = "STINT_MODULE_RUN";

/** Beside it: the name of the module, and whose it is. */
export const NAME_VARIABLE = "STINT_MODULE";
export const OWNER_VARIABLE = "STINT_MODULE_OWNER";

/** Pids, each with the start of its process, which tells it from another with that pid. */
type Found = ReadonlyMap<number, string>;

/** Every pid; none where there is no /proc. */
function everyPid(): number[] {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid));
  } catch {
    return [];
  }
}

/** Those that live. */
function living(pids: readonly number[], group?: number): Found {
  const found = new Map<number, string>();
  for (const pid of pids) {
    const stat = processStat(pid);
    if (stat && !stat.zombie && (group === undefined || stat.group === group)) found.set(pid, stat.start);
  }
  return found;
}

/** Whether a process was started with a run's id in its environment, as far as we may see that. */
function carries(pid: number, run: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`.includes(`\0${RUN_VARIABLE}=${run}\0`);
  } catch {
    return false;
  }
}

/** The runs of which something lives that was started for this owner: the ids of each module's. */
export function runsOf(owner: string): Map<string, Set<string>> {
  const runs = new Map<string, Set<string>>();
  for (const pid of everyPid()) {
    const stat = processStat(pid);
    if (pid === process.pid || !stat || stat.zombie) continue;
    let variables: string[];
    try {
      variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    } catch {
      continue; // another user's, or gone
    }
    const value = (variable: string) =>
      variables.find((each) => each.startsWith(`${variable}=`))?.slice(variable.length + 1) ?? "";
    const [name, run] = [value(NAME_VARIABLE), value(RUN_VARIABLE)];
    if (value(OWNER_VARIABLE) === owner && name !== "" && run !== "") {
      runs.set(name, (runs.get(name) ?? new Set()).add(run));
    }
  }
  return runs;
}

/** All that live and were started with a run's id in their environment, wherever they are. */
export const carriers = (run: string): Found =>
  living(everyPid().filter((pid) => pid !== process.pid && carries(pid, run)));

/** Sends a signal to a process, or, to a negative number, to a group. @returns false when nobody is there */
export function send(to: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(to, signal);
  } catch (error) {
    return errno(error) !== "ESRCH";
  }
}

export class Group {
  readonly #leader: ProcessIdentity;
  readonly #run: string;
  readonly #cgroup: string | null;
  /** Members as they were when the group was certainly the run's. */
  #known: Found = new Map();

  /** @param cgroup the folder of the run's own cgroup */
  constructor(leader: ProcessIdentity, run: string, cgroup: string | null) {
    this.#leader = leader;
    this.#run = run;
    this.#cgroup = cgroup;
  }

  /** The pids of all that live; zombies don't. */
  members(): number[] {
    const held = this.#held();
    return [...new Set([...this.#inGroup(held).keys(), ...held])];
  }

  /** Whether nothing lives. Cheap while the leader does, or when there is no such group. */
  isEmpty(): boolean {
    if (isAlive(this.#leader) || (this.#cgroup !== null && isPopulated(this.#cgroup))) return false;
    const { pid: group } = this.#leader;
    if (!send(-group, 0)) return true;
    for (const known of living([...this.#known.keys()], group)) if (this.#isKnown(known)) return false;
    return this.#inGroup([]).size === 0;
  }

  /** Sends a signal to the group, and to each that left it where a cgroup holds it. @returns false when nobody is left */
  signal(signal: NodeJS.Signals): boolean {
    const held = this.#held();
    const { pid: group } = this.#leader;
    let sent = (isAlive(this.#leader) || this.#inGroup(held).size > 0) && send(-group, signal);
    for (const pid of held) if (processStat(pid)?.group !== group) sent = send(pid, signal) || sent;
    return sent;
  }

  kill(): void {
    this.signal("SIGKILL");
    if (this.#cgroup !== null) killCgroup(this.#cgroup);
  }

  /**
   * To be called at once when the leader was our child and has ended: its number can't be another's yet, so who is in
   * the group belongs to the run, whatever has become of its environment. A cgroup tells that without a look.
   */
  leaderEnded(): void {
    const { pid: group } = this.#leader;
    if (this.#cgroup === null && send(-group, 0)) this.#known = living(everyPid(), group);
  }

  #held(): number[] {
    return this.#cgroup === null ? [] : cgroupMembers(this.#cgroup);
  }

  #isKnown([pid, start]: [number, string]): boolean {
    return this.#known.get(pid) === start;
  }

  /**
   * Those that live in the group; none when it isn't the run's any more. A group keeps its number while it has members,
   * but once it had none that may be another's: so its leader has to be there, be it as a zombie, or a member that is
   * known, is in the cgroup, or has the run's id in its environment.
   */
  #inGroup(held: readonly number[]): Found {
    const { pid: group, start } = this.#leader;
    if (!send(-group, 0)) return new Map();
    let found = living(held, group);
    if (found.size === 0) found = living(everyPid(), group);
    const ours =
      processStat(group)?.start === start ||
      [...found].some((each) => held.includes(each[0]) || this.#isKnown(each) || carries(each[0], this.#run));
    if (!ours) return new Map();
    this.#known = found;
    return found;
  }
}
