// A whole run of a million bars in the executable: bun tests/bench/backtest-run.bench.ts
import { existsSync, readFileSync } from "node:fs";
import { Sandbox } from "../support/sandbox.ts";
import { barsFile } from "./bars.ts";
import { median, row } from "./table.ts";

const file = barsFile();
await using box = new Sandbox();
const [stint = ""] = box.command;
const args = ["backtest", "run", "--data", file, "--param", "fast=50", "--param", "slow=200"];
const times: number[] = [];
const resident: number[] = [];
const reading: number[] = [];
for (let round = 0; round < 7; round++) {
  const begin = performance.now();
  const child = Bun.spawn([stint, ...args, "--commission", "0.0002", "--cash", "1000000"], {
    cwd: box.work,
    env: box.env,
    stdout: "ignore",
  });
  // The peak as the kernel keeps it. Not the child's rusage: that begins with what this process has.
  let peak = 0;
  const watching = setInterval(() => {
    const status = existsSync(`/proc/${child.pid}/status`)
      ? readFileSync(`/proc/${child.pid}/status`, "utf8")
      : "";
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }, 5);
  const code = await child.exited;
  times.push(performance.now() - begin);
  clearInterval(watching);
  resident.push(peak / 1000);
  if (code !== 0) throw new Error(`it ended with ${code}`);
  const before = performance.now();
  readFileSync(file).reduce((sum) => sum, 0);
  reading.push(performance.now() - before);
}
row("whole process, 1 M bars from CSV, median", median(times), "ms", "≤ 800");
row(
  "the same against merely touching each byte of the file",
  median(times) / median(reading),
  "×",
  "no goal",
);
row("resident memory, largest of seven", Math.max(...resident), "MB", "≤ 250");
