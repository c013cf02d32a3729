import { readdirSync, readFileSync, statSync } from "node:fs";
import type { RunningApp } from "../../../core/window.ts";

/** The processes are looked through no more often than this, ms: that takes some milliseconds with hundreds of them. */
const SCAN_MS = 5_000;
/** They fill a terminal, and have what is looked at in terminals of their own. */
const MULTIPLEXER = /^(tmux|screen|zellij|dtach|abduco)\b/;

/** A process of this user that has a terminal. */
type Process = RunningApp & { readonly terminal: number };
/** A terminal that is in use, and when it was last typed into, UTC ms to 8 s. */
type Terminal = { readonly number: number; readonly typedAt: number };

/** The terminals that processes of this user run on, from `/proc` (proc(5)). */
export class Terminals {
  readonly #uid = process.getuid?.();
  #processes: readonly Process[] = [];
  #scanned = Number.NEGATIVE_INFINITY;

  /** The user's processes that have a terminal. */
  get processes(): readonly Process[] {
    if (performance.now() - this.#scanned >= SCAN_MS) {
      this.#processes = readdirSync("/proc").flatMap((name) => this.#process(Number(name)) ?? []);
      this.#scanned = performance.now();
    }
    return this.#processes;
  }

  /**
   * Those of them that are still there, the last used first. The kernel keeps the time of the last read only in steps of
   * 8 s, so that nobody learns the rhythm of what is typed.
   */
  used(): Terminal[] {
    const numbers = new Set(this.processes.map(({ terminal }) => terminal));
    return [...numbers]
      .flatMap((number) => {
        const typedAt = statSync(pathOf(number), { throwIfNoEntry: false })?.atimeMs;
        return typedAt === undefined ? [] : [{ number, typedAt }];
      })
      .sort((a, b) => b.typedAt - a.typedAt);
  }

  /** What has the terminal that was used last: the leader of its foreground group. */
  foreground(): RunningApp | undefined {
    for (const { number } of this.used()) {
      for (const { pid, terminal } of this.#processes) {
        if (terminal !== number) continue;
        const now = statusOf(pid);
        if (now?.terminal !== number) continue; // it has ended since it was found
        const leader = statusOf(now.foreground);
        if (leader && !MULTIPLEXER.test(leader.process))
          return { pid: now.foreground, process: leader.process };
        break;
      }
    }
    return undefined;
  }

  #process(pid: number): Process | undefined {
    if (!Number.isInteger(pid)) return undefined;
    const status = statusOf(pid);
    if (!status || status.terminal === 0) return undefined;
    const owner = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
    return owner === this.#uid ? { pid, process: status.process, terminal: status.terminal } : undefined;
  }
}

/** What `/proc/PID/stat` says: the name, the terminal (0 for none) and the foreground group of that. */
function statusOf(pid: number): { process: string; terminal: number; foreground: number } | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold some itself.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  return {
    process: stat.slice(stat.indexOf("(") + 1, end),
    terminal: Number(fields[4]),
    foreground: Number(fields[5]),
  };
}

/** Where a terminal is, by its device number as the kernel packs it: twelve bits of major between two parts of minor. */
function pathOf(number: number): string {
  const major = (number >> 8) & 0xfff;
  const minor = (number & 0xff) | ((number >> 12) & 0xfff00);
  if (major === 136) return `/dev/pts/${minor}`;
  if (major === 4) return minor < 64 ? `/dev/tty${minor}` : `/dev/ttyS${minor - 64}`;
  return `/dev/char/${major}:${minor}`;
}
