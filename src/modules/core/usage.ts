/** CPU and memory of process groups, from what /proc says of every process. Pure. */

/** What of `/proc/PID/stat` matters here. Times are clock ticks. */
export type ProcessStat = {
  readonly pid: number;
  /** Its process group. */
  readonly group: number;
  /** CPU time since it began, in the kernel and out of it. */
  readonly ticks: number;
  /** When it began, after the boot. */
  readonly began: number;
  /** Resident memory, pages. */
  readonly pages: number;
};

/** Reads `/proc/PID/stat`, see proc(5); undefined for what isn't one. */
export function parseStat(text: string): ProcessStat | undefined {
  // The name in field 2 may hold spaces and parentheses: fields are counted from its end.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (n: number) => Number(fields[n - 3]);
  const [group, ticks, began, pages] = [field(5), field(14) + field(15), field(22), field(24)];
  const pid = Number.parseInt(text, 10);
  const all = [pid, group, ticks, began, pages];
  return all.every(Number.isFinite) ? { pid, group, ticks, began, pages } : undefined;
}

/** What was found at one moment. */
export type Scan = {
  /** Clock ticks since the boot. */
  readonly at: number;
  /** The members of the process groups that are looked at. */
  readonly processes: readonly ProcessStat[];
};

/** Percent of one CPU since the scan before, to a tenth, null where it has none of the group; and resident bytes. */
export type Usage = { readonly cpu: number | null; readonly rss: number };

/**
 * What a process group used between two scans. Time of members that ended in between isn't known, and left out; of
 * those that joined it, only time after the first scan counts. Memory that members share counts in each of them.
 */
export function usageOf(group: number, pageBytes: number, now: Scan, before: Scan | undefined): Usage {
  const members = now.processes.filter((process) => process.group === group);
  const rss = members.reduce((sum, { pages }) => sum + pages, 0) * pageBytes;
  const passed = before ? now.at - before.at : 0;
  if (!before || passed <= 0 || !before.processes.some((process) => process.group === group)) {
    return { cpu: null, rss };
  }
  const used = members.map(({ pid, began, ticks }) => {
    const then = before.processes.find((process) => process.pid === pid && process.began === began);
    if (then) return Math.max(0, ticks - then.ticks);
    return began >= before.at ? ticks : 0;
  });
  const sum = used.reduce((sum, each) => sum + each, 0);
  return { cpu: Math.round((sum / passed) * 1000) / 10, rss };
}
