import { statfs } from "node:fs/promises";
import type { Clock } from "../../kernel/clock.ts";
import { dataPath } from "../../kernel/paths.ts";
import type { Health } from "../core/view.ts";

type Used = Pick<Health, "rss" | "cpu" | "disk">;

/** What this process uses, and how full the disk is that everything is kept on, as of the last measurement. */
export class Usage {
  readonly #clock: Clock;
  #at: number;
  #cpuMs: number;
  #now: Used = { rss: process.memoryUsage.rss(), cpu: 0, disk: null };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
    this.#cpuMs = cpuMs();
  }

  get now(): Used {
    return this.#now;
  }

  /** Measures anew: CPU since the last time, to a tenth of a percent of one core. */
  async measure(): Promise<void> {
    const [at, used] = [this.#clock.monotonic(), cpuMs()];
    const passed = at - this.#at;
    const cpu = passed > 0 ? Math.round((1000 * (used - this.#cpuMs)) / passed) / 10 : this.#now.cpu;
    [this.#at, this.#cpuMs] = [at, used];
    this.#now = { rss: process.memoryUsage.rss(), cpu, disk: await diskPercent(dataPath()) };
  }
}

/** CPU time of this process and all of its threads. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** As `df` has it, which counts blocks that are kept back for root as used up; null when it can't be asked. */
async function diskPercent(path: string): Promise<number | null> {
  try {
    const { blocks, bfree, bavail } = await statfs(path);
    const used = blocks - bfree;
    return used + bavail > 0 ? Math.round((1000 * used) / (used + bavail)) / 10 : null;
  } catch {
    return null;
  }
}
