// What four cameras cost: bun tests/bench/detect-load.bench.ts [--seconds N] [--cameras N] [--fps N] [--executable PATH]
//
// Over RTSP, with the detector, zones, a guard and a simulated board. First nobody watches, then somebody does for a third
// of the time: how many pictures were looked at can only be told by what is pushed then. The model alone, in this process
// and at the same time, tells how much a busy machine makes of a picture.
import { parseArgs } from "node:util";
import { openModel } from "../../src/detect/adapters/detector/model.ts";
import type { DetectView } from "../../src/detect/core/view.ts";
import { connect } from "../../src/kernel/client.ts";
import { type Config, DetectBox, EVERYWHERE } from "../support/detect.ts";
import { RtspServer, street } from "../support/rtsp.ts";
import { stint } from "../support/sandbox.ts";
import { vtestPictures } from "../support/vtest.ts";
import { cpuMs, memory, seated } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    cameras: { type: "string", default: "4" },
    fps: { type: "string", default: "5" },
    executable: { type: "string", default: stint.executable[0] },
  },
});
const [seconds, count, fps] = [Number(values.seconds), Number(values.cameras), Number(values.fps)];
const WIDTH = 416;
/** What is only done once is over by then. */
const SETTLED_MS = 8_000;
/** So often the model is given a picture here, and the cameras are asked for their pace. */
const SAMPLE_MS = 500;
const detector = { model: "builtin", layout: "auto", score: 0.4, threads: 1 } as const;

await using rig = new AsyncDisposableStack();
const box = rig.use(new DetectBox([values.executable]));
const board = await box.board();
const cameras: Config[] = [];
for (let i = 0; i < count; i++) {
  // The street lasts 80 s.
  const from = (i * 20) % 60;
  const server = rig.use(
    await RtspServer.start({ video: await street(`from-${from}.h264`, { from, seconds: 20 }) }),
  );
  const left = [
    [0, 0],
    [0.5, 0],
    [0.5, 1],
    [0, 1],
  ];
  const zones = [
    { name: "all", points: EVERYWHERE, relays: ["lamp"] },
    { name: "left", points: left, hit: "overlap", relays: ["machine"], mode: "permit" },
  ];
  cameras.push({ name: `camera${i + 1}`, url: server.url, fps, width: WIDTH, zones });
}
box.install({
  cameras,
  boards: [{ name: "main", kind: "simulator", socket: board.socket }],
  relays: [
    { id: "lamp", channel: 1, max_on: "never" },
    { id: "machine", channel: 2 },
  ],
  detector,
});

const [picture] = vtestPictures(WIDTH, 1, 1).values();
if (!picture) throw new Error("no picture");
const model = await openModel(detector);
for (let i = 0; i < 20; i++) await model.detect(picture);

await box.do("run", "--detach");
await box.until(
  ({ cameras, guard }) => guard.state === "ok" && cameras.every(({ state }) => state === "live"),
);
await Bun.sleep(SETTLED_MS);
const { host, parts } = box;
const [guard = 0] = parts.guard;
if (parts.other.length > 0) throw new Error(`there are processes that nobody measures: ${parts.other}`);
const control = connect(await seated(box, "detect"));

type Measured = { host: number; guard: number; board: number; ffmpeg: number; bare: number; fps: number[][] };
/** Percent of a core, over so long. `bare`: CPU ms that the model alone takes for a picture, median. */
async function measured(ms: number): Promise<Measured> {
  const spent = () => ({
    at: performance.now(),
    host: cpuMs(host),
    guard: cpuMs(guard),
    board: cpuMs(board.pid),
    ffmpeg: parts.ffmpeg.reduce((sum, pid) => sum + cpuMs(pid), 0),
  });
  const bare: number[] = [];
  const paces: number[][] = [];
  const before = spent();
  while (performance.now() - before.at < ms) {
    await Bun.sleep(SAMPLE_MS);
    const begun = process.cpuUsage();
    await model.detect(picture as NonNullable<typeof picture>);
    const { user, system } = process.cpuUsage(begun);
    bare.push((user + system) / 1000);
    const { cameras: rows = [] } = (await control.state()) as DetectView;
    paces.push(rows.map((camera) => camera.fps));
  }
  const after = spent();
  const share = (of: "host" | "guard" | "board" | "ffmpeg") =>
    (100 * (after[of] - before[of])) / (after.at - before.at);
  return {
    host: share("host"),
    guard: share("guard"),
    board: share("board"),
    ffmpeg: share("ffmpeg"),
    bare: median(bare),
    fps: paces,
  };
}

const alone = await measured(seconds * 1000);
const kept = { host: memory(host).rss, guard: memory(guard).rss };

// A picture that was looked at shows in who is there and in how long it took.
const shown = new Map<string, { last: string; looked: number; latencies: number[] }>();
const watching = control.watch((state) => {
  for (const { name, people, latency_ms } of (state as DetectView | undefined)?.cameras ?? []) {
    const camera = shown.get(name) ?? { last: "", looked: -1, latencies: [] };
    shown.set(name, camera);
    const now = JSON.stringify([latency_ms, people]);
    if (now === camera.last) continue;
    camera.last = now;
    camera.looked++;
    if (latency_ms !== null) camera.latencies.push(latency_ms);
  }
});
const begun = performance.now();
const watched = await measured((seconds * 1000) / 3);
const passed = (performance.now() - begun) / 1000;
await watching[Symbol.asyncDispose]();
await box.do("stop");

const looked = [...shown.values()].reduce((sum, each) => sum + each.looked, 0) / passed;
const latencies = [...shown.values()].flatMap((each) => each.latencies);
const arrived = (of: Measured) =>
  cameras.reduce((sum, _, i) => sum + median(of.fps.map((paces) => paces[i] ?? 0)), 0);
const ours = alone.host + alone.guard;
const inference = (alone.bare * arrived(alone)) / 10;

console.log(`${count} cameras, ${fps} pictures a second of each, for ${seconds} s; % are of one core`);
for (const [i, { name }] of cameras.entries()) {
  row(
    `pictures a second of ${name}, median`,
    median(alone.fps.map((paces) => paces[i] ?? 0)),
    "/s",
    `${fps}`,
  );
}
row("host with all its threads, and guard", ours, "%", "< 60");
row("of it the guard", alone.guard, "%", "no goal");
row("the simulated board", alone.board, "%", "no goal");
row("all ffmpeg", alone.ffmpeg, "%", "no goal");
row("the model alone, CPU a picture, median", alone.bare, "ms", "no goal");
row("the model alone, for as many pictures", inference, "%", "no goal");
row("host and guard, against the model alone", ours / inference, "×", "no goal");
row("RSS of the host", kept.host, "MB", "no goal");
row("RSS of the guard", kept.guard, "MB", "no goal");
console.log(`while somebody watches, for ${passed.toFixed(0)} s`);
row("host and guard", watched.host + watched.guard, "%", "no goal");
row("pictures a second that arrived", arrived(watched), "/s", `${count * fps}`);
row("pictures a second that were looked at, at least", looked, "/s", "as many");
row("dropped, of those that arrived, at most", 100 * Math.max(0, 1 - looked / arrived(watched)), "%", "0");
row("from a picture's arrival to what is seen, p50", median(latencies), "ms", "no goal");
row("from a picture's arrival to what is seen, p95", quantile(latencies, 0.95), "ms", "no goal");
