// stint beside supervisord and pm2, with the same idle programs: bun tests/bench/modules-peers.bench.ts [PROGRAMS]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/sandbox.ts";
import { cpuMs, memory } from "./processes.ts";
import { Stint, type Supervisor, supervisors } from "./supervisors.ts";
import { median, quantile } from "./table.ts";

const programs = Number(process.argv[2] ?? 100);
const STARTS = 3;
const QUESTIONS = 20;
const CRASHES = 20;
const IDLE_MS = 20_000;
/** So long after somebody looked what is measured of the modules for them isn't any more. */
const SETTLED_MS = 12_000;

const scratch = mkdtempSync(join(tmpdir(), "stint-bench-"));
await using rig = new AsyncDisposableStack();
rig.defer(() => rmSync(scratch, { recursive: true, force: true }));
const { makers, missing } = await supervisors(scratch);
for (const why of missing) console.log(`not measured, it couldn't be installed here: ${why}`);

/** What was measured of one of them, by what it is called and its unit. */
const measured = new Map<string, Map<string, number>>();
function note(what: string, who: Supervisor, value: number): void {
  const row = measured.get(what) ?? new Map<string, number>();
  measured.set(what, row.set(who.name, value));
}
/** What stint alone says of itself. */
const own: string[] = [];

const timesOf = (all: readonly Supervisor[]) => new Map<string, number[]>(all.map(({ name }) => [name, []]));

// Started again and again, one after the other in each round; those of the last round are kept.
const all: Supervisor[] = [];
const ran = new Map<string, number[]>();
const said = new Map<string, number[]>();
for (let round = 0; round < STARTS; round++) {
  for (const make of makers) {
    const supervisor = make(programs);
    const begin = performance.now();
    const starting = supervisor.start();
    await until(
      () => supervisor.started.length,
      (count) => count === programs,
      120_000,
    );
    ran.set(supervisor.name, [...(ran.get(supervisor.name) ?? []), performance.now() - begin]);
    await starting;
    await supervisor.settled();
    said.set(supervisor.name, [...(said.get(supervisor.name) ?? []), performance.now() - begin]);
    if (round === STARTS - 1) all.push(rig.use(supervisor));
    else await supervisor[Symbol.asyncDispose]();
  }
}
for (const supervisor of all) {
  console.log(`${supervisor.name}: ${supervisor.configured}`);
  note(
    `start: all ${programs} programs run (ms, median)`,
    supervisor,
    median(ran.get(supervisor.name) ?? []),
  );
  note("start: and its status says so (ms, median)", supervisor, median(said.get(supervisor.name) ?? []));
}

// One after the other in each round, so that what else the machine does falls on all of them.
const asked = timesOf(all);
for (let round = 0; round < QUESTIONS; round++) {
  for (const supervisor of all) {
    const begin = performance.now();
    await supervisor.run(...supervisor.status);
    asked.get(supervisor.name)?.push(performance.now() - begin);
  }
}
for (const supervisor of all) {
  note(`status of ${programs} (ms, median)`, supervisor, median(asked.get(supervisor.name) ?? []));
}

await Bun.sleep(SETTLED_MS);
// All at once: what is measured is their own time, not what passes meanwhile.
const spent = () => all.map(({ pid }) => cpuMs(pid));
const [begin, before] = [performance.now(), spent()];
await Bun.sleep(IDLE_MS);
const [after, passed] = [spent(), performance.now() - begin];
all.forEach((supervisor, i) => {
  note("idle: RSS (MB)", supervisor, memory(supervisor.pid).rss);
  note("idle: share of a core (%)", supervisor, (100 * ((after[i] ?? 0) - (before[i] ?? 0))) / passed);
});

/** Kills a program as nothing can handle. @returns the ms until another runs, and when that began, UTC ms */
async function crash(supervisor: Supervisor, name: string): Promise<{ took: number; killed: number }> {
  const [pid = 0] = supervisor.alive().get(name) ?? [];
  const [from, begun, killed] = [supervisor.started.length, performance.now(), Date.now()];
  process.kill(pid, "SIGKILL");
  for (;;) {
    if (supervisor.started.slice(from).some((each) => each.name === name)) break;
    if (performance.now() - begun > 60_000) throw new Error(`${supervisor.name} left ${name} down`);
    await Bun.sleep(1);
  }
  return { took: performance.now() - begun, killed };
}
for (const supervisor of all) {
  const crashes: { name: string; took: number; killed: number }[] = [];
  for (const name of supervisor.names.slice(0, CRASHES)) {
    crashes.push({ name, ...(await crash(supervisor, name)) });
  }
  const took = crashes.map((each) => each.took);
  note("kill -9 of a program to the next one (ms, median)", supervisor, median(took));
  note("kill -9 of a program to the next one (ms, longest)", supervisor, Math.max(...took));
  if (supervisor instanceof Stint) await ownWait(supervisor, crashes);
}

/** How much of a restart is the backoff that is wanted, and how much what it takes. */
async function ownWait(
  stint: Stint,
  crashes: readonly { name: string; took: number; killed: number }[],
): Promise<void> {
  const events = (await stint.box.events()) as { type: string; name: string; at: number; actual?: string }[];
  const noticed: number[] = [];
  const net: number[] = [];
  for (const { name, took, killed } of crashes) {
    const later = events.filter((event) => event.name === name && event.at >= killed);
    const crashed = later.find(({ type }) => type === "crash_detected")?.at ?? Number.NaN;
    const starting = later.find(({ actual }) => actual === "STARTING")?.at ?? Number.NaN;
    noticed.push(crashed - killed);
    net.push(took - (starting - crashed));
  }
  own.push(`stint noticed the exit after ${median(noticed)} ms, at most ${Math.max(...noticed)} ms`);
  own.push(
    `stint's restart without its backoff: ${median(net).toFixed(1)} ms (p90 ${quantile(net, 0.9).toFixed(1)} ms)`,
  );
}

for (const supervisor of all) {
  const pids = supervisor.alive();
  process.kill(supervisor.pid, "SIGKILL");
  await Bun.sleep(1_000);
  const left = [...supervisor.alive().values()].flat();
  await supervisor.start();
  await supervisor.settled();
  await Bun.sleep(3_000);
  const now = supervisor.alive();
  const doubled = [...now.values()].reduce((sum, each) => sum + Math.max(0, each.length - 1), 0);
  // Those that go on as the only ones of their name, as before.
  const kept = [...pids].filter(([name, was]) => String(now.get(name)) === String(was)).length;
  note("kill -9 of the supervisor: programs that live on", supervisor, left.length);
  note("  after its next start: go on, the same process, alone", supervisor, kept);
  note("  after its next start: duplicates", supervisor, doubled);
}

const ratio = (of: number): string => (Number.isFinite(of) ? `${of.toFixed(2)}×` : "–").padStart(8);
const [stint, ...peers] = all.map(({ name }) => name);
const WIDTH = 54;
console.log(
  `\n${"".padEnd(WIDTH)} ${[stint, ...peers].map((name) => name?.padStart(12)).join("")}  stint to each`,
);
for (const [what, row] of measured) {
  const values = all.map(({ name }) => (row.get(name) ?? Number.NaN).toPrecision(3).padStart(12)).join("");
  const mine = row.get(stint ?? "") ?? Number.NaN;
  const ratios = peers.map((name) => ratio(mine / (row.get(name) ?? Number.NaN))).join(" ");
  console.log(`${what.padEnd(WIDTH)} ${values}  ${ratios}`);
}
for (const line of own) console.log(line);
