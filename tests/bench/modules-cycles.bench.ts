// What crashes and restarts leave behind: bun tests/bench/modules-cycles.bench.ts [CYCLES]
//
// The supervisor's own modules, in this process and with real ones, on a clock that is moved by hand: in real time the
// backoffs of so many crashes take days, and a module that crashes so often is given up on.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLog } from "../../src/kernel/log.ts";
import { ownIdentity } from "../../src/kernel/runtime.ts";
import { openStore } from "../../src/kernel/store.ts";
import { EventLog } from "../../src/modules/adapters/event-log.ts";
import { Places } from "../../src/modules/adapters/places.ts";
import { Preferences } from "../../src/modules/adapters/preferences.ts";
import { Rack } from "../../src/modules/adapters/rack.ts";
import { RunningFile } from "../../src/modules/adapters/running.ts";
import { schema, Trials } from "../../src/modules/adapters/trials.ts";
import type { ModuleState } from "../../src/modules/core/states.ts";
import { TestClock } from "../support/clock.ts";
import { enterHome } from "../support/home.ts";
import { holds, memory } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const cycles = Number(process.argv[2] ?? 10_000);
const WARM_UP = 400;
/** So many crash at the same moment. */
const MODULES = 10;
/** What has been up for so long crashes as if for the first time. */
const STEADY_MS = 10 * 60_000;
/** Longer than the first backoff, with its jitter. */
const BACKOFF_MS = 1_500;
/** How long nothing happens before memory is looked at: what is to be freed has been by then. */
const SETTLED_MS = 5_000;

using home = enterHome();
const dir = join(home.path, "modules");
const names = Array.from({ length: MODULES }, (_, i) => `m${i}`);
for (const name of names) {
  mkdirSync(join(dir, name), { recursive: true });
  const script = `printf '{"event":"ready"}\\n'; read -r line`;
  writeFileSync(
    join(dir, name, "config.txt"),
    `command = sh -c '${script.replaceAll("'", `'\\''`)}'\nrestart = always\n`,
  );
}

using log = openLog("modules.default", { level: "error" });
const clock = new TestClock(Date.now());
const places = new Places("default");
places.prepare();
const failed = (error: unknown) => log.error("the bench", { error });
const session = crypto.randomUUID();
await using store = await openStore({ schemas: [schema] });
await using running = await RunningFile.open(
  places.running,
  { session, dir, supervisor: ownIdentity() },
  undefined,
  { failed, mended: () => {} },
);
const rack = await Rack.open({
  dir,
  profile: "default",
  places,
  clock,
  random: () => 0.5,
  log,
  logs: { maxBytes: 1 << 20, keep: 1 },
  running,
  preferences: new Preferences(dir, log),
  events: new EventLog(places, failed),
  trials: new Trials(store, "default", clock),
  left: undefined,
  changed: () => {},
});

/** Resolves as soon as all are in one state; what they were in before doesn't matter. */
function all(state: ModuleState): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    if (rack.manager.all.every(({ actual }) => actual === state)) resolve();
  };
  const observing = rack.manager.observe("bench", look);
  look();
  return promise.finally(() => observing[Symbol.dispose]());
}

/** Our children by what proc(5) says of them. */
function children(): { alive: number; zombies: number } {
  const states = readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state = "", parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(parent) === process.pid ? [state] : [];
    } catch {
      return [];
    }
  });
  const zombies = states.filter((state) => state === "Z").length;
  return { alive: states.length - zombies, zombies };
}

const noticed: number[] = [];
const restarted: number[] = [];
/** All of them crash once, and are started again. */
async function round(): Promise<void> {
  await clock.advance(STEADY_MS);
  const begin = performance.now();
  for (const { pid } of rack.view().modules) if (pid !== null) process.kill(pid, "SIGKILL");
  await all("ENABLED");
  noticed.push(performance.now() - begin);
  const again = performance.now();
  const back = all("IDLE");
  await clock.advance(BACKOFF_MS);
  await back;
  restarted.push(performance.now() - again);
}
async function settled() {
  rack.look();
  await Bun.sleep(SETTLED_MS);
  Bun.gc(true);
  return { ...memory(process.pid), ...holds(process.pid), ...children() };
}

rack.go();
await all("IDLE");
let done = 0;
for (; done < WARM_UP; done += MODULES) await round();
const before = await settled();
/** MB, after how many crashes. */
const measured: { crashes: number; rss: number }[] = [];
while (done < cycles) {
  for (let i = 0; i < 20 && done < cycles; i++, done += MODULES) await round();
  measured.push({ crashes: done, rss: memory(process.pid).rss });
}
const after = await settled();
await rack.end();
const left = children();

/** Of the line that fits what was measured best, by the least squares: MB a crash. */
function trend(): number {
  const mean = (of: "crashes" | "rss") => measured.reduce((sum, each) => sum + each[of], 0) / measured.length;
  const [x, y] = [mean("crashes"), mean("rss")];
  const [above, below] = measured.reduce(
    ([above, below], { crashes, rss }) => [above + (crashes - x) * (rss - y), below + (crashes - x) ** 2],
    [0, 0],
  );
  return above / below;
}

const count = done - WARM_UP;
const tenth = Math.ceil(measured.length / 10);
const means = Array.from({ length: Math.ceil(measured.length / tenth) }, (_, i) =>
  median(measured.slice(i * tenth, (i + 1) * tenth).map(({ rss }) => rss)).toFixed(1),
);
console.log(`${count} crashes after ${WARM_UP}; RSS of each tenth of them, MB: ${means.join(" ")}`);
row("trend of RSS, a crash", trend() * 1e3, "KB", "≤ 1");
row(
  "RSS at rest against that after the warm-up, a crash",
  ((after.rss - before.rss) * 1e3) / count,
  "KB",
  "≤ 2",
);
row("growth of descriptors", after.descriptors - before.descriptors, "", "0");
row("growth of threads", after.threads - before.threads, "", "≤ 0");
row("growth of children", after.alive - before.alive, "", "0");
row("zombies", after.zombies, "", "0");
row("children and zombies once it has ended", left.alive + left.zombies, "", "0");
row(`${MODULES} killed at once: all exits noticed, median`, median(noticed), "ms", "< 50");
row(`${MODULES} killed at once: all exits noticed, p99`, quantile(noticed, 0.99), "ms", "< 50");
row(`${MODULES} started at once: all ready, median`, median(restarted), "ms", "no goal");
