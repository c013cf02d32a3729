// What 10 M bars take in the executable: bun tests/bench/backtest-memory.bench.ts [millions of bars]
// The first time they are read from CSV (made once, 0.6 GB, below the temporary folder), then from the cache.
import { readFileSync } from "node:fs";
import { Sandbox } from "../support/sandbox.ts";
import { barsFile } from "./bars.ts";
import { row } from "./table.ts";

const SAMPLE_MS = 50;
/** So long a run that is watched for growth lasts. */
const WATCHED_SECONDS = 15;

const length = Number(process.argv[2] ?? "10") * 1_000_000;
const file = barsFile(length);
await using box = new Sandbox();
const args = [
  "backtest",
  "run",
  "--data",
  file,
  "--param",
  "fast=50",
  "--param",
  "slow=200",
  "--cash",
  "1e9",
  "--json",
];

type Sample = { at: number; mb: number };
type Ran = { peak: number; samples: Sample[]; ms: number; began: number; ended: number; trades: number };

/** Runs it, and watches what it has in memory: as the kernel counts, its threads' and what it shares among them once. */
async function watched(more: readonly string[] = []): Promise<Ran> {
  const from = performance.now();
  const child = Bun.spawn([...box.command, ...args, ...more], {
    cwd: box.work,
    env: box.env,
    stdout: "pipe",
    stderr: "inherit",
  });
  const samples: Sample[] = [];
  let peak = 0;
  const watching = setInterval(() => {
    let status: string;
    try {
      status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    } catch {
      return; // It has ended.
    }
    const of = (name: string) =>
      (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024) / 1e6;
    peak = Math.max(peak, of("VmHWM"));
    samples.push({ at: performance.now(), mb: of("VmRSS") });
  }, SAMPLE_MS);
  let began = Number.NaN;
  let ended = Number.NaN;
  let trades = 0;
  let rest = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const said = JSON.parse(line) as { type: string; bar: number; trades: number };
      if (said.type !== "progress") continue;
      if (said.bar > 0 && Number.isNaN(began)) began = performance.now();
      if (said.bar < length) ended = performance.now();
      trades = said.trades;
    }
  }
  const code = await child.exited;
  clearInterval(watching);
  if (code !== 0) throw new Error(`it ended with ${code}`);
  return { peak, samples, ms: performance.now() - from, began, ended, trades };
}

for (const what of ["read from CSV", "read from the cache"]) {
  const { peak, ms } = await watched();
  row(`${length / 1e6} M bars ${what}: whole process`, ms / 1000, "s", "no goal");
  row(`${length / 1e6} M bars ${what}: peak RSS`, peak, "MB", "≤ 900");
}
const { samples, began, ended, trades } = await watched(["--pace", `${length / WATCHED_SECONDS}`]);
const running = samples.filter(({ at }) => at >= began && at <= ended);
const [first, last] = [running[0], running.at(-1)];
if (!first || !last) throw new Error("it wasn't seen running");
const part = (last.at - first.at) / 1000 / WATCHED_SECONDS;
const grown = last.mb - first.mb;
// The column of the equity is touched as it is written, 8 bytes a bar; all the rest is to stand still.
const equity = (part * length * 8) / 1e6;
row(`growth in ${((last.at - first.at) / 1000).toFixed(0)} s of running`, grown, "MB", "no goal");
row(`the same less the equity written meanwhile`, grown - equity, "MB", "≤ 100");
console.log(`${trades} trades`);
