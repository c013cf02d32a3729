// What a timer costs while nobody does anything, by default for a minute: bun tests/bench/pomo-idle.bench.ts [SECONDS]
import { pty } from "../support/pty.ts";
import { Sandbox } from "../support/sandbox.ts";
import { cpuMs, memory, seated, TICK_MS } from "./processes.ts";
import { row } from "./table.ts";

const seconds = Number(process.argv[2] ?? 60);
/** While it starts, its code is compiled and its pages are touched. */
const SETTLED_MS = 5_000;

await using plain = new Sandbox();
await using counting = new Sandbox(undefined, { STINT_POMO_SUSPEND: "count" });
await using watched = new Sandbox();
await using drawing = new Sandbox();
const hosts: number[] = [];
for (const box of [plain, counting, watched]) {
  await box.run(["pomo", "start", "write", "--detach"]);
  hosts.push((await seated(box, "pomo")).host.pid);
}
const [detached = 0, counted = 0, attached = 0] = hosts;
const screen = (box: Sandbox, ...args: string[]) =>
  pty([...box.command, "pomo", ...args], { cwd: box.work, env: box.env, columns: 100, rows: 30 });
await using watching = screen(watched, "watch");
await using foreground = screen(drawing, "start", "write", "--foreground");
await Promise.all([watching, foreground].map((terminal) => terminal.until("write")));

type Measured = { name: string; pids: readonly number[]; share: number; mostMb?: number };
const all: readonly Measured[] = [
  { name: "detached host", pids: [detached], share: 0.5, mostMb: 80 },
  { name: "detached host, suspend: count", pids: [counted], share: 0.5, mostMb: 80 },
  { name: "host and TUI in one process", pids: [foreground.pid], share: 3 },
  { name: "host and TUI in two processes", pids: [attached, watching.pid], share: 3 },
  { name: "  of these the host", pids: [attached], share: 0.5, mostMb: 80 },
];
const spent = () => all.map(({ pids }) => pids.reduce((sum, pid) => sum + cpuMs(pid), 0));
await Bun.sleep(SETTLED_MS);
// All at once: what is measured is their own time, not what passes meanwhile.
const [begin, before, drawn] = [performance.now(), spent(), watching.output().length];
await Bun.sleep(seconds * 1000);
const [after, passed] = [spent(), performance.now() - begin];
// The user's and the system's time of a process are each cut off to a tick.
console.log(`over ${seconds} s; the grain is ${((200 * TICK_MS) / passed).toPrecision(1)} % of a core`);
row("what the TUI of watch wrote, a second", (watching.output().length - drawn) / seconds, "B", "no goal");
all.forEach(({ name, pids, share, mostMb }, i) => {
  const used = (100 * ((after[i] ?? 0) - (before[i] ?? 0))) / passed;
  row(`${name}: share of a core`, used, "%", `≤ ${share}`);
  const kept = pids.map(memory);
  const sum = (of: "rss" | "pss") => kept.reduce((total, each) => total + each[of], 0);
  row(`${name}: RSS`, sum("rss"), "MB", mostMb === undefined ? "no goal" : `≤ ${mostMb}`);
  row(`${name}: PSS`, sum("pss"), "MB", "no goal");
});
