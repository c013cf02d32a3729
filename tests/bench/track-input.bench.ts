// What a host costs at rest and under 1,000 events a second, none of which is lost: bun tests/bench/track-input.bench.ts [SECONDS]
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";
import { cpuMs, memory, seated, TICK_MS } from "./processes.ts";
import { row } from "./table.ts";

const seconds = Number(process.argv[2] ?? 60);
const RATE = 1_000;
/** While it starts, its code is compiled and its pages are touched. */
const SETTLED_MS = 10_000;

await using display = await X11.open();
await using box = new TrackBox(display.env);
await display.xterm("input");
await box.track("start", "--detach");
const { pid } = (await seated(box, "track")).host;
await box.until(({ app }) => app === "xterm");
await Bun.sleep(SETTLED_MS);

/** @returns the share of a core that the host had, in percent */
async function share(work: () => Promise<unknown>): Promise<number> {
  const [begin, before] = [performance.now(), cpuMs(pid)];
  await work();
  return (100 * (cpuMs(pid) - before)) / (performance.now() - begin);
}

const rest = await share(() => Bun.sleep(seconds * 1_000));

/** A second of it for xdotool: presses and releases of a key and a button, steps of the pointer and of the wheel. */
const ROUND = 20;
/** What one line of the script is as events: a key's press and release, a click's, a step. */
const script = [
  "key --delay 0 a",
  "mousemove_relative 3 4",
  "click --delay 0 1",
  "mousemove_relative -- -3 -4",
  "click --delay 0 4",
  "mousemove_relative 6 8",
  "mousemove_relative -- -6 -8",
].join(" ");
const EVENTS = 2 + 1 + 2 + 1 + 2 + 1 + 1;
const sent = { keys: 0, clicks: 0, scrolls: 0 };
const before = await box.track("status");
const busy = await share(async () => {
  const begin = performance.now();
  const rounds = Math.round((seconds * RATE) / (EVENTS * ROUND));
  for (let i = 0; i < rounds; i++) {
    await display.xdotool(...Array.from({ length: ROUND }, () => script.split(" ")).flat());
    sent.keys += ROUND;
    sent.clicks += ROUND;
    sent.scrolls += ROUND;
    const due = begin + ((i + 1) * EVENTS * ROUND * 1_000) / RATE;
    await Bun.sleep(Math.max(0, due - performance.now()));
  }
  const rate = (rounds * EVENTS * ROUND * 1_000) / (performance.now() - begin);
  row("events sent a second", rate, "", `about ${RATE}`);
});
const of = (line: Record<string, unknown>, name: string) => Number(line[name]) - Number(before[name]);
await Bun.sleep(2_000);
const after = await box.track("status");

console.log(
  `over ${seconds} s each; the grain is ${((100 * TICK_MS) / (seconds * 1_000)).toPrecision(1)} % of a core`,
);
row("at rest: share of a core", rest, "%", "≤ 1");
row(`under ${RATE} events a second: share of a core`, busy, "%", "≤ 5");
for (const name of ["keys", "clicks", "scrolls"] as const) {
  row(`${name} lost of ${sent[name]} sent`, sent[name] - of(after, name), "", "0");
}
const way = sent.keys * 30;
row(`lost of ${way} px that the pointer went`, way - of(after, "distance_px"), "px", "0");
row("RSS without screenshots", memory(pid).rss, "MB", "≤ 120");
row("PSS without screenshots", memory(pid).pss, "MB", "no goal");
