// Whether a run's time grows with its bars and no faster: bun tests/bench/backtest-scale.bench.ts [millions of bars …]
import { LIMIT } from "../../src/backtest/core/engine/coordinator.ts";
import { smaCross } from "../../src/backtest/core/engine/strategies.ts";
import { makeBars } from "./bars.ts";
import { CROSS, engineOver, planOf } from "./engine.ts";
import { row } from "./table.ts";

const [child, ...given] = process.argv.slice(2);
if (child === "--child") {
  const bars = [makeBars(Number(given[0]) * 1_000_000)];
  const plan = planOf(bars);
  const control = new Int32Array(new SharedArrayBuffer(32));
  control[LIMIT] = 2 ** 31 - 1;
  let best = Number.POSITIVE_INFINITY;
  // The first round is the compiler's as well.
  for (let round = 0; round < 4; round++) {
    const engine = engineOver(bars, smaCross, CROSS, { plan });
    Bun.gc(true);
    const began = performance.now();
    engine.advance(control);
    best = Math.min(best, performance.now() - began);
  }
  console.log(best);
} else {
  const sizes = (child === undefined ? ["1", "10", "50"] : [child, ...given]).map(Number);
  let least = Number.NaN;
  for (const millions of sizes) {
    const ran = Bun.spawnSync([process.execPath, import.meta.path, "--child", `${millions}`], {
      stderr: "inherit",
    });
    if (!ran.success) throw new Error(`${millions} M bars: it ended with ${ran.exitCode}`);
    const perBar = Number(ran.stdout.toString()) / millions;
    if (Number.isNaN(least)) least = perBar;
    row(`${millions} M bars, one of them`, perBar, "ns", "no goal");
    row(`the same against ${sizes[0]} M bars`, perBar / least, "×", "≤ 1.2");
  }
}
