// A bar's question, as a whole process, against an empty compiled Bun program: bun tests/bench/pomo-status.bench.ts
import { Sandbox } from "../support/sandbox.ts";
import { emptyProgram, seated } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const ROUNDS = 60;
await using nothing = new Sandbox();
await using live = new Sandbox();
await live.run(["pomo", "start", "write", "--detach"]);
await using stored = new Sandbox();
await stored.run(["pomo", "start", "write", "--detach"]);
process.kill((await seated(stored, "pomo")).host.pid, "SIGKILL");

const empty = await emptyProgram(nothing.work);
const [stint = ""] = nothing.command;
const waybar = [stint, "pomo", "status", "--format", "waybar"];
const commands: Record<string, { box: Sandbox; argv: string[] }> = {
  empty: { box: nothing, argv: [empty] },
  version: { box: nothing, argv: [stint, "--version"] },
  "with a host": { box: live, argv: waybar },
  "with what a dead host left": { box: stored, argv: waybar },
  "with nothing ever started": { box: nothing, argv: waybar },
};
const times: Record<string, number[]> = {};
// One after the other in each round, so that what else the machine does falls on all of them.
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, { box, argv }] of Object.entries(commands)) {
    const begin = performance.now();
    const { exitCode } = Bun.spawnSync(argv, { cwd: box.work, env: box.env, stdout: "pipe" });
    times[name] = [...(times[name] ?? []), performance.now() - begin];
    if (exitCode !== 0) throw new Error(`${name}: it ended with ${exitCode}`);
  }
}
const { empty: baseline = [], version = [], ...measured } = times;
const least = median(baseline);
console.log(`an empty compiled program takes ${least.toFixed(1)} ms (median of ${ROUNDS})`);
row("stint --version, against it", median(version) / least, "×", "no goal");
for (const [name, all] of Object.entries(measured)) {
  row(`pomo status, ${name}, against it`, median(all) / least, "×", "≤ 5");
  row(`pomo status, ${name}, p90`, quantile(all, 0.9), "ms", "no goal");
}
