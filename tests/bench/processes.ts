/** What the machine says of the processes that a bench measures. Linux. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Kind } from "../../src/kernel/checkpoint.ts";
import { type Seat, seatName } from "../../src/kernel/seat.ts";
import { type Sandbox, until } from "../support/sandbox.ts";

/** What clock ticks of proc(5) are, in ms: the grain of {@link cpuMs}. */
export const TICK_MS = 10;

/** The time that a process has spent on a core so far, its threads that have ended among it. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in field 2 may hold spaces and parentheses: count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return (user + system) * TICK_MS;
}

/** What a process has in memory, in MB: all it touches, and with what it shares divided among those who do. */
export function memory(pid: number): { rss: number; pss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const of = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) * 1024) / 1e6;
  return { rss: of("Rss"), pss: of("Pss") };
}

/** How many descriptors and threads a process has. */
export function holds(pid: number): { descriptors: number; threads: number } {
  const count = (folder: string) => readdirSync(`/proc/${pid}/${folder}`).length;
  return { descriptors: count("fd"), threads: count("task") };
}

/** Waits for the host of the default profile and says where it sits. */
export async function seated(box: Sandbox, kind: Kind): Promise<Seat> {
  const seat = seatName(kind, "default", "");
  const path = join(box.home, "state/stint", `${seat}.host`);
  const text = await until(() => existsSync(path) && readFileSync(path, "utf8"));
  return JSON.parse(text as string) as Seat;
}

/** Makes an executable that does nothing, as ours is made: what a process costs at least. @returns its path */
export async function emptyProgram(folder: string): Promise<string> {
  const outfile = join(folder, "empty");
  writeFileSync(join(folder, "empty.ts"), "export {};\n");
  const built = await Bun.build({
    entrypoints: [join(folder, "empty.ts")],
    compile: { outfile },
    bytecode: true,
    format: "esm",
    minify: true,
  });
  if (!built.success) throw new Error("the empty program wasn't built");
  return outfile;
}
