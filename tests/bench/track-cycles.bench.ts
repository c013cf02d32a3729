// What pauses and resumes leave behind with four trackers on a display: bun tests/bench/track-cycles.bench.ts [CYCLES]
import { connect } from "../../src/kernel/client.ts";
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";
import { cpuMs, holds, memory, seated } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const cycles = Number(process.argv[2] ?? 1_000);
const WARM_UP = 400;
/** How long nothing is asked before memory is looked at: the collector of an idle host has run by then. */
const SETTLED_MS = 20_000;

await using display = await X11.open();
await using box = new TrackBox(display.env);
await display.xterm("cycles");
await box.track("start", "--detach", "--only", "keyboard,mouse,apps,screenshots");
const seat = await seated(box, "track");
const control = connect(seat);
const { pid } = seat.host;
const { trackers } = (await control.state()) as { trackers?: Record<string, { state: string }> };
const working = Object.entries(trackers ?? {}).filter(([, { state }]) => state === "ok");
if (working.length !== 4) throw new Error(`only ${working.map(([name]) => name)} watch`);

const times = { pause: [] as number[], resume: [] as number[] };
async function timed(name: "pause" | "resume"): Promise<void> {
  const begin = performance.now();
  const { state, degraded } = await control.command(name);
  times[name].push(performance.now() - begin);
  const wanted = name === "pause" ? "paused" : "running";
  if (state !== wanted || (degraded as string[]).length > 0) throw new Error(`${state}, without ${degraded}`);
}
async function cycle(): Promise<void> {
  await timed("pause");
  await timed("resume");
}
async function settled() {
  await Bun.sleep(SETTLED_MS);
  return { ...memory(pid), ...holds(pid) };
}

for (let i = 0; i < WARM_UP; i++) await cycle();
const before = await settled();
times.pause.length = 0;
times.resume.length = 0;
const spentBefore = cpuMs(pid);
for (let i = WARM_UP; i < cycles; i++) await cycle();
const spent = cpuMs(pid) - spentBefore;
const after = await settled();
const count = times.pause.length;

row(
  `growth of RSS a cycle, over ${count} after ${WARM_UP}`,
  ((after.rss - before.rss) * 1e3) / count,
  "KB",
  "≤ 2",
);
row("growth of PSS a cycle", ((after.pss - before.pss) * 1e3) / count, "KB", "no goal");
row("growth of descriptors", after.descriptors - before.descriptors, "", "0");
row("growth of threads", after.threads - before.threads, "", "0");
row("RSS, with screenshots", after.rss, "MB", "no goal");
for (const name of ["pause", "resume"] as const) {
  row(`${name}, acknowledged, median`, median(times[name]), "ms", "no goal");
  row(`${name}, acknowledged, p99`, quantile(times[name], 0.99), "ms", "≤ 150");
}
row("a cycle, time of the host on a core", spent / count, "ms", "no goal");
