import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * The control group of a run (cgroups(7), version 2): it holds every process that the run has made, those too that left
 * its process group and its session. Where none can be made the run goes without.
 */

const PREFIX = "stint-module-";
const nameOf = (run: string): string => PREFIX + run;

/** Where the cgroup of a run is, or would be, if this process made it; undefined where there is no cgroup2. */
function placeOf(run: string): string | undefined {
  try {
    // proc(5): id, parent, device, root, mount point, …, a dash, type
    const mount = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((line) => line.includes(" - cgroup2 "));
    const [, , , root = "", point = ""] = mount?.split(" ") ?? [];
    const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
    // A place above the root of the mount, or beside it, can't be reached.
    const within = own === undefined || root === "/" ? own : inside(root, own);
    if (point === "" || within === undefined || within.startsWith("/..")) return undefined;
    return join(unescaped(point), within, nameOf(run));
  } catch {
    return undefined;
  }
}

const inside = (root: string, path: string): string | undefined =>
  path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : undefined;

/** A space in a mount point is written as `\040`. */
const unescaped = (path: string): string =>
  path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

let swept = false;

/** Removes the cgroups of runs that have ended while nobody was there to see it. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const cgroup = join(folder, name);
    if (name.startsWith(PREFIX) && !isPopulated(cgroup)) removeCgroup(cgroup);
  }
}

/** Makes the cgroup of a run. @returns its folder, or null where none can be made */
export function makeCgroup(run: string): string | null {
  const place = placeOf(run);
  if (place === undefined) return null;
  try {
    if (!swept) sweep(dirname(place));
    swept = true;
    mkdirSync(place);
    return place;
  } catch {
    return null;
  }
}

/** The cgroup of a run that was made before, by whomever. @param remembered where it was; undefined when that isn't known */
export function findCgroup(run: string, remembered?: string | null): string | null {
  const place = remembered === undefined ? placeOf(run) : remembered;
  // What a file says is believed as far as the name bears it out: everything in a cgroup may be killed.
  if (typeof place !== "string" || basename(place) !== nameOf(run)) return null;
  return isCgroup(place) ? place : null;
}

function isCgroup(folder: string): boolean {
  try {
    readFileSync(join(folder, "cgroup.events"));
    return true;
  } catch {
    return false;
  }
}

/** Whether anything lives in a cgroup; zombies don't. */
export function isPopulated(folder: string): boolean {
  try {
    return /^populated 1$/m.test(readFileSync(join(folder, "cgroup.events"), "utf8"));
  } catch {
    return false;
  }
}

/** The cgroups that were made in one. */
const inner = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));

/** The pids of what lives in a cgroup. */
export function cgroupMembers(folder: string): number[] {
  try {
    const own = readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").slice(0, -1).map(Number);
    return [...own, ...inner(folder).flatMap(cgroupMembers)];
  } catch {
    return [];
  }
}

/** Kills all that lives in a cgroup, also what is being forked meanwhile; before Linux 5.14 that can't be asked. */
export function killCgroup(folder: string): void {
  try {
    writeFileSync(join(folder, "cgroup.kill"), "1");
  } catch {
    // Its members were, or will be, killed one by one.
  }
}

/** Removes a cgroup in which nothing lives any more. */
export function removeCgroup(folder: string): void {
  try {
    for (const each of inner(folder)) removeCgroup(each);
    rmdirSync(folder);
  } catch {
    // Something lives in it, or it is gone.
  }
}
