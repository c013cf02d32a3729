import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { type ProcessStat, parseStat, type Scan, type Usage, usageOf } from "../core/usage.ts";

/** What each module used, by its name; and from what, for the next {@link measure}. */
export type Sample = { readonly usage: ReadonlyMap<string, Usage>; readonly scan: Scan };

/** A line of /proc/PID/stat is shorter. */
const bytes = Buffer.alloc(1024);

function statOf(pid: string): ProcessStat | undefined {
  try {
    const fd = openSync(`/proc/${pid}/stat`, "r");
    try {
      return parseStat(bytes.toString("latin1", 0, readSync(fd, bytes)));
    } finally {
      closeSync(fd);
    }
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}

/** The entries of the auxiliary vector that are needed here, see getauxval(3). */
const AT_PAGESZ = 6;
const AT_CLKTCK = 17;

/** Bytes of a page, and clock ticks a second. */
function readUnits(): { page: number; hertz: number } {
  // Pairs of a key and a value, as long as a pointer each: Bun and Deno run on 64 bits.
  const vector = new BigUint64Array(new Uint8Array(readFileSync("/proc/self/auxv")).buffer);
  const entry = (key: number) => {
    const at = vector.findIndex((word, index) => index % 2 === 0 && word === BigInt(key));
    if (at < 0) throw new Error(`the auxiliary vector has no entry ${key}`);
    return Number(vector[at + 1]);
  };
  return { page: entry(AT_PAGESZ), hertz: entry(AT_CLKTCK) };
}

let units: { page: number; hertz: number } | undefined;

/**
 * Measures the CPU and the memory of process groups, by a look at every process of the system.
 * @param groups the number of each group, by its module's name
 * @param before the last sample: CPU is measured since then
 * @returns null on systems without /proc
 */
export function measure(groups: ReadonlyMap<string, number>, before: Sample | null): Sample | null {
  let uptime: number;
  let pids: string[];
  try {
    units ??= readUnits();
    uptime = Number.parseFloat(readFileSync("/proc/uptime", "latin1"));
    pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
  const wanted = new Set(groups.values());
  const processes = pids.flatMap((pid) => {
    const stat = statOf(pid);
    return stat && wanted.has(stat.group) ? [stat] : [];
  });
  const { page, hertz } = units;
  const scan = { at: Math.round(uptime * hertz), processes };
  const usage = new Map([...groups].map(([name, group]) => [name, usageOf(group, page, scan, before?.scan)]));
  return { usage, scan };
}
