// What pauses and resumes leave behind in a host: bun tests/bench/pomo-cycles.bench.ts [CYCLES]
import { connect } from "../../src/kernel/client.ts";
import { Sandbox } from "../support/sandbox.ts";
import { cpuMs, holds, memory, seated } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const cycles = Number(process.argv[2] ?? 10_000);
const WARM_UP = 400;
/** How long nothing is asked before memory is looked at: the collector of an idle host has run by then. */
const SETTLED_MS = 20_000;

await using box = new Sandbox();
await box.run(["pomo", "start", "write", "--work", "24h", "--detach"]);
const seat = await seated(box, "pomo");
const control = connect(seat);
const { pid } = seat.host;

const times: number[] = [];
async function cycle(): Promise<void> {
  const begin = performance.now();
  await control.command("pause");
  await control.command("resume");
  times.push(performance.now() - begin);
}
async function settled() {
  await Bun.sleep(SETTLED_MS);
  return { ...memory(pid), ...holds(pid) };
}

for (let i = 0; i < WARM_UP; i++) await cycle();
const before = await settled();
times.length = 0;
let spent = 0;
let most = 0;
const quarters: (typeof before)[] = [];
for (let quarter = 1; quarter <= 4; quarter++) {
  const spentBefore = cpuMs(pid);
  for (let i = 0; i < cycles / 4; i++) {
    await cycle();
    if (i % 100 === 0) most = Math.max(most, memory(pid).rss);
  }
  spent += cpuMs(pid) - spentBefore;
  quarters.push(await settled());
  console.error(`${quarter} of 4 quarters`);
}
const { events, state } = await control.state();
// Each of them happened, and is in the store.
if (events !== 1 + 2 * (WARM_UP + times.length)) throw new Error(`${events} events`);
if (state !== "running") throw new Error(`it is ${state}`);

const after = quarters.at(-1) ?? before;
row("a pause and a resume, each acknowledged, median", median(times), "ms", "no goal");
row("the same, p99", quantile(times, 0.99), "ms", "no goal");
row("the same, time of the host on a core", spent / times.length, "ms", "no goal");
row(`RSS after ${WARM_UP} cycles, ${SETTLED_MS / 1000} s later`, before.rss, "MB", "≤ 80");
quarters.forEach(({ rss }, i) => {
  row(
    `RSS after ${((i + 1) * times.length) / 4} more, ${SETTLED_MS / 1000} s later`,
    rss,
    "MB",
    "≤ 80, flat",
  );
});
row("growth of RSS over all of them", after.rss - before.rss, "MB", "flat");
row("growth of PSS over all of them", after.pss - before.pss, "MB", "flat");
row("the most it was in between, without a rest", most, "MB", "no goal");
row("growth of descriptors", after.descriptors - before.descriptors, "", "≤ 0");
row("growth of threads", after.threads - before.threads, "", "≤ 0");
