// Start-up of the executable against an empty compiled Bun program: bun tests/bench/startup.bench.ts
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pty } from "../support/pty.ts";
import { Sandbox } from "../support/sandbox.ts";
import { median, row } from "./table.ts";

const ROUNDS = 40;
const scratch = mkdtempSync(join(tmpdir(), "stint-bench-"));
const empty = join(scratch, "empty");
writeFileSync(join(scratch, "empty.ts"), "export {};\n");
const built = await Bun.build({
  entrypoints: [join(scratch, "empty.ts")],
  compile: { outfile: empty },
  bytecode: true,
  format: "esm",
  minify: true,
});
if (!built.success) throw new Error("the empty program wasn't built");

await using box = new Sandbox();
await box.run(["backtest", "run"]);

function once(argv: string[]): number {
  const begin = performance.now();
  Bun.spawnSync(argv, { cwd: box.work, env: box.env, stdout: "pipe" });
  return performance.now() - begin;
}
const [stint = ""] = box.command;
const commands: Record<string, string[]> = {
  empty: [empty],
  version: [stint, "--version"],
  sessions: [stint, "sessions"],
};
const times: Record<string, number[]> = { empty: [], version: [], sessions: [] };
// One after the other in each round, so that what else the machine does falls on all of them.
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, argv] of Object.entries(commands)) times[name]?.push(once(argv));
}
const baseline = median(times["empty"] ?? []);
console.log(`an empty compiled program takes ${baseline.toFixed(1)} ms (median of ${ROUNDS})`);
row("stint --version, against it", median(times["version"] ?? []) / baseline, "×", "≤ 3");
row("stint sessions, against it", median(times["sessions"] ?? []) / baseline, "×", "≤ 5");

const frames: number[] = [];
for (let round = 0; round < 10; round++) {
  const begin = performance.now();
  await using terminal = pty([stint, "backtest", "run", "--paused"], { cwd: box.work, env: box.env });
  await terminal.until("stint backtest");
  frames.push(performance.now() - begin);
  terminal.press("q");
  await terminal.exited;
}
row("first frame of stint backtest run --paused", median(frames), "ms", "≤ 300");
rmSync(scratch, { recursive: true });
