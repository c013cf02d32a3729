// From a person's picture to the relay: bun tests/bench/detect-latency.bench.ts [--trips N] [--cameras N] [--executable PATH]
//
// From the arrival of the picture that completes N of M to the write at a simulated board, which is a process of its own
// and stamps each write; and to its read-back, as `tripped` tells. Each camera sees people come and go every other second,
// and has a relay of its own. Their videos aren't equally long, so that at times all pictures come at the same moment, and
// at times none do.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { monotonicMicros } from "../../src/detect/adapters/relay/monotonic.ts";
import type { EventRow } from "../../src/detect/core/event.ts";
import type { DetectView } from "../../src/detect/core/view.ts";
import { connect } from "../../src/kernel/client.ts";
import { camera, DetectBox } from "../support/detect.ts";
import { ffmpeg, STREET } from "../support/rtsp.ts";
import { stint } from "../support/sandbox.ts";
import { seated } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const { values } = parseArgs({
  options: {
    trips: { type: "string", default: "120" },
    cameras: { type: "string", default: "4" },
    executable: { type: "string", default: stint.executable[0] },
  },
});
const [wanted, count] = [Number(values.trips), Number(values.cameras)];
/** So long all of it may take for each trip that is wanted of a camera. */
const PATIENCE_MS = 10_000;
/** What a short sleep is late by tells how busy the machine is, as does how long the host waits for a core. */
const NAP_MS = 10;

await using rig = new AsyncDisposableStack();
const scratch = mkdtempSync(join(tmpdir(), "stint-bench-"));
rig.defer(() => rmSync(scratch, { recursive: true, force: true }));

/** A grey place for so many tenths of a second, then people in it for one. */
async function video(tenths: number): Promise<string> {
  const path = join(scratch, `${tenths}.mp4`);
  const grey = `color=c=gray:s=640x480:r=10:d=${tenths / 10},format=yuv420p[grey]`;
  const people = "[0:v]scale=640:480,fps=10,format=yuv420p[people]";
  const both = `${grey};${people};[grey][people]concat=n=2:v=1[out]`;
  const coded = ["-map", "[out]", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", path];
  await ffmpeg("-ss", "2", "-t", "1", "-i", STREET, "-filter_complex", both, ...coded);
  return path;
}

const box = rig.use(new DetectBox([values.executable]));
const board = await box.board();
const cameras = [];
for (let i = 0; i < count; i++) {
  const zone = { relays: [`lamp${i + 1}`], frames: "2 of 3", hold: "200ms" };
  cameras.push(camera(`camera${i + 1}`, await video(10 + i), zone, { fps: 5 }));
}
box.install({
  cameras,
  boards: [{ name: "main", kind: "simulator", socket: board.socket }],
  relays: cameras.map((_, i) => ({ id: `lamp${i + 1}`, channel: i + 1 })),
});

type Trip = EventRow & { event: "tripped" };
const trips = new Map<number, Trip>();
const looks: number[] = [];
await box.do("run", "--detach");
const control = connect(await seated(box, "detect"));
// The last 50 are told each time.
const watching = rig.use(
  control.watch((state) => {
    const { events = [], detector } = (state ?? {}) as Partial<DetectView>;
    if (detector?.ms != null) looks.push(detector.ms);
    for (const event of events) if (event.event === "tripped") trips.set(event.id, event);
  }),
);
/** How long the threads of a process have been on a core, and have waited for one while they could have gone on, ms. */
function onCore(pid: number): { ran: number; waited: number } {
  const sum = { ran: 0, waited: 0 };
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8")
        .split(" ")
        .map(Number);
      sum.ran += ran / 1e6;
      sum.waited += waited / 1e6;
    } catch {
      // It has just ended.
    }
  }
  return sum;
}

const { host } = box;
const before = onCore(host);
const lates: number[] = [];
const end = performance.now() + (PATIENCE_MS * wanted) / count;
while (trips.size < wanted) {
  if (performance.now() > end) throw new Error(`${trips.size} trips of ${wanted}`);
  const from = performance.now();
  await Bun.sleep(NAP_MS);
  lates.push(performance.now() - from - NAP_MS);
}
const after = onCore(host);
await watching[Symbol.asyncDispose]();
const writes = board.writes.filter(({ do: what }) => what === "on");
await box.do("stop");

/** What is to be added to the board's clock, ms, for the wall's: taken where the wall's goes on to its next ms. */
function ahead(): number {
  const from = Date.now();
  for (;;) {
    const now = Date.now();
    if (now !== from) return now - monotonicMicros() / 1000;
  }
}

const offset = ahead();
const toReadBack: number[] = [];
const toWrite: number[] = [];
let [unread, unpaired] = [0, 0];
for (const { at, latency_ms, camera: name } of trips.values()) {
  if (latency_ms === null) {
    unread++;
    continue;
  }
  toReadBack.push(latency_ms);
  const channel = cameras.findIndex((each) => each["name"] === name) + 1;
  // Of its relay the last that was made when it was told; it is told in whole ms.
  const written = writes
    .filter((write) => write.channel === channel)
    .map(({ at_us }) => at_us / 1000 + offset)
    .findLast((moment) => moment <= at + 1);
  const ms = written === undefined ? Number.NaN : written - (at - latency_ms);
  if (ms > -1 && ms < latency_ms + 1) toWrite.push(ms);
  else unpaired++;
}

console.log(`${trips.size} trips of ${count} cameras, 5 pictures a second of each, 2 of 3 pictures`);
row("to the write, by the board's stamp, p50", median(toWrite), "ms", "no goal");
row("to the write, by the board's stamp, p95", quantile(toWrite, 0.95), "ms", "≤ 150");
row("to the write, by the board's stamp, longest", Math.max(...toWrite), "ms", "no goal");
row("to the read-back, as tripped tells, p50", median(toReadBack), "ms", "no goal");
row("to the read-back, as tripped tells, p95", quantile(toReadBack, 0.95), "ms", "≤ 150");
row("to the read-back, as tripped tells, longest", Math.max(...toReadBack), "ms", "no goal");
row("trips without a read-back", unread, "", "0");
row("trips whose write the board didn't stamp in time", unpaired, "", "0");
row(
  "to the write, p95, against a look's p95",
  quantile(toWrite, 0.95) / quantile(looks, 0.95),
  "×",
  "no goal",
);
row("a look of the detector, p50", median(looks), "ms", "no goal");
row("a look of the detector, p95", quantile(looks, 0.95), "ms", "no goal");
row(
  "the host's wait for a core, against its time on one",
  (after.waited - before.waited) / (after.ran - before.ran),
  "×",
  "no goal",
);
row(`how late ${NAP_MS} ms are in this process, p95`, quantile(lates, 0.95), "ms", "no goal");
row("how late, longest", Math.max(...lates), "ms", "no goal");
