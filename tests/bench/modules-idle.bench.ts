// What idle modules cost, by default for half a minute: bun tests/bench/modules-idle.bench.ts [SECONDS] [MODULES]
import { connect } from "../../src/kernel/client.ts";
import type { ModuleRow } from "../../src/modules/core/module.ts";
import { ModulesBox } from "../support/modules.ts";
import { Sandbox, until } from "../support/sandbox.ts";
import { cpuMs, emptyProgram, holds, memory, seated, TICK_MS } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const seconds = Number(process.argv[2] ?? 30);
const modules = Number(process.argv[3] ?? 100);
const STARTS = 5;
const QUESTIONS = 40;
/** So long after somebody looked what is measured of the modules for them isn't any more. */
const SETTLED_MS = 12_000;

/** Runs `up --detach` and waits until all modules are as they are to be. @returns ms, from before its start */
async function up(box: ModulesBox, holds: (row: ModuleRow) => boolean): Promise<number> {
  const begin = performance.now();
  await box.up();
  const control = connect(await seated(box, "modules"));
  await until(
    async () => {
      const { modules: rows = [] } = (await control.state()) as { modules?: ModuleRow[] };
      // How many of which: what they are in all is too much to be read when it isn't what it should be.
      const count = (found: Record<string, number>, is: string) => ({ ...found, [is]: (found[is] ?? 0) + 1 });
      return rows
        .map((row) => (holds(row) ? "right" : `${row.actual} ${row.reason}`))
        .reduce(count, {} as Record<string, number>);
    },
    ({ right }) => right === modules,
    60_000,
  );
  return performance.now() - begin;
}

const starts: number[] = [];
const adoptions: number[] = [];
for (let round = 0; round < STARTS; round++) {
  await using fresh = new ModulesBox();
  for (let i = 0; i < modules; i++) fresh.tiny(`m${i}`);
  starts.push(await up(fresh, ({ actual }) => actual === "IDLE"));
  await fresh.kill();
  adoptions.push(await up(fresh, ({ actual, adopted }) => actual === "IDLE" && adopted));
}

await using box = new ModulesBox();
for (let i = 0; i < modules; i++) box.tiny(`m${i}`);
await up(box, ({ actual }) => actual === "IDLE");
const { host } = box;
await Bun.sleep(SETTLED_MS);
const [begin, before] = [performance.now(), cpuMs(host)];
await Bun.sleep(seconds * 1000);
const [used, passed] = [cpuMs(host) - before, performance.now() - begin];
const kept = { ...memory(host), ...holds(host) };

await using nothing = new Sandbox();
const empty = await emptyProgram(nothing.work);
const [stint = ""] = box.command;
const asked: Record<string, number[]> = { empty: [], status: [] };
// One after the other in each round, so that what else the machine does falls on both.
for (let round = 0; round < QUESTIONS; round++) {
  for (const [name, argv] of Object.entries({ empty: [empty], status: [stint, "modules", "status"] })) {
    const since = performance.now();
    const { exitCode } = Bun.spawnSync(argv, { cwd: box.work, env: box.env, stdout: "pipe" });
    asked[name]?.push(performance.now() - since);
    if (exitCode !== 0) throw new Error(`${name}: it ended with ${exitCode}`);
  }
}
const least = median(asked["empty"] ?? []);

console.log(`${modules} modules; an empty compiled program takes ${least.toFixed(1)} ms (median)`);
row("up --detach until all are ready, median", median(starts), "ms", "< 2000");
row("up --detach until all are ready, longest", Math.max(...starts), "ms", "< 2000");
row("up after kill -9 until all are adopted, median", median(adoptions), "ms", "≤ 1000");
row("up after kill -9 until all are adopted, longest", Math.max(...adoptions), "ms", "≤ 1000");
row("idle: RSS of the supervisor", kept.rss, "MB", "≤ 60");
row("idle: PSS of the supervisor", kept.pss, "MB", "no goal");
row("idle: descriptors of the supervisor", kept.descriptors, "", "no goal");
console.log(`over ${seconds} s; the grain is ${((200 * TICK_MS) / passed).toPrecision(1)} % of a core`);
row("idle: share of a core", (100 * used) / passed, "%", "≤ 1");
row("status of all, against an empty program", median(asked["status"] ?? []) / least, "×", "≤ 5");
row("status of all, p90", quantile(asked["status"] ?? [], 0.9), "ms", "no goal");
