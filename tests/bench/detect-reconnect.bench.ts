// From a server that is back to a picture: bun tests/bench/detect-reconnect.bench.ts [--losses N] [--freezes N] [--executable PATH]
//
// Three cameras, each with an RTSP server of its own that is killed and brought back after 1 to 8 s, or frozen for 4 to 9 s.
// An attempt's beginning is the `retry_at` that was told before it; its end is `camera_back`, told at the first picture.
// Measured is from the beginning of the first attempt after the server listens, or of the one that was under way then; after
// a freeze, where whoever is under way hangs on, from the thaw at the earliest. Beside it: ffmpeg alone, as a camera starts
// it, on a server of its own.
import { parseArgs } from "node:util";
import type { EventRow } from "../../src/detect/core/event.ts";
import { ffmpegArguments } from "../../src/detect/core/ffmpeg.ts";
import type { DetectView } from "../../src/detect/core/view.ts";
import { connect } from "../../src/kernel/client.ts";
import { camera, DetectBox } from "../support/detect.ts";
import { RtspServer } from "../support/rtsp.ts";
import { stint, until } from "../support/sandbox.ts";
import { random } from "./bars.ts";
import { seated } from "./processes.ts";
import { median, row } from "./table.ts";

const { values } = parseArgs({
  options: {
    losses: { type: "string", default: "15" },
    freezes: { type: "string", default: "6" },
    executable: { type: "string", default: stint.executable[0] },
  },
});
const CAMERAS = 3;
const [losses, freezes] = [Number(values.losses) / CAMERAS, Number(values.freezes) / CAMERAS];
/** A camera that was live for so long begins its waits anew. */
const STEADY_MS = 10_500;
/** The longest wait of a camera, and what an attempt may take. */
const BACK_MS = 45_000;
const next = random(1);
const between = (least: number, most: number) => least + next() * (most - least);

await using rig = new AsyncDisposableStack();
const box = rig.use(new DetectBox([values.executable]));
const board = await box.board();
const servers = new Map<string, RtspServer>();
for (let i = 1; i <= CAMERAS; i++) servers.set(`camera${i}`, rig.use(await RtspServer.start()));
box.install({
  cameras: [...servers].map(([name, { url }]) => camera(name, url, { relays: ["lamp"] }, { fps: 5 })),
  boards: [{ name: "main", kind: "simulator", socket: board.socket }],
  relays: [{ id: "lamp", channel: 1 }],
});
await box.do("run", "--detach");
await box.until(({ cameras }) => cameras.every(({ state }) => state === "live"));

/** When attempts of a camera begin, UTC ms, and when it was live again. */
const attempts = new Map<string, number[]>([...servers.keys()].map((name) => [name, []]));
const backs = new Map<number, EventRow & { event: "camera_back" }>();
const control = connect(await seated(box, "detect"));
rig.use(
  control.watch((state) => {
    const { cameras = [], events = [] } = (state ?? {}) as Partial<DetectView>;
    for (const { name, retry_at } of cameras) {
      const known = attempts.get(name);
      // A wait is a second or so; the same one is told with an ms of difference, as clocks are rounded.
      if (retry_at !== null && known && retry_at - (known.at(-1) ?? 0) > 100) known.push(retry_at);
    }
    for (const event of events) if (event.event === "camera_back") backs.set(event.id, event);
  }),
);

/** Seconds from the attempt's beginning, and since the server is there. */
type Back = { readonly took: number; readonly tries: number; readonly sinceThere: number };

/** @param there when the server could be found again, UTC ms @param under whether an attempt counts only from then */
async function back(name: string, lost: number, there: number, under: boolean): Promise<Back> {
  const event = await until(
    () => [...backs.values()].find((each) => each.camera === name && each.at > there),
    Boolean,
    BACK_MS,
  );
  const at = event?.at ?? Number.NaN;
  const begun = (attempts.get(name) ?? []).filter((moment) => moment > lost && moment <= at);
  const after = begun.filter((moment) => moment >= there);
  const first = after[0] ?? (under ? there : (begun.at(-1) ?? Number.NaN));
  return {
    took: (at - first) / 1000,
    tries: Math.max(1, after.length),
    sinceThere: (at - there) / 1000,
  };
}

async function killed(name: string, server: RtspServer): Promise<Back> {
  const lost = Date.now();
  await server.kill();
  await Bun.sleep(between(1_000, 8_000));
  await server.restart();
  return back(name, lost, Date.now(), false);
}

async function frozen(name: string, server: RtspServer): Promise<Back> {
  const lost = Date.now();
  server.freeze();
  await Bun.sleep(between(4_000, 9_000));
  const there = Date.now();
  server.thaw();
  return back(name, lost, there, true);
}

/** ffmpeg alone on a server that nobody else asks: seconds to its first picture. */
async function alone({ url }: RtspServer): Promise<number> {
  const { args, input } = ffmpegArguments({ url, fps: 5, width: 416 }, false);
  const begin = performance.now();
  const child = Bun.spawn(["ffmpeg", ...args], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "ignore",
  });
  const { done } = await child.stdout.getReader().read();
  const took = (performance.now() - begin) / 1000;
  child.kill("SIGKILL");
  await child.exited;
  if (done) throw new Error("ffmpeg gave nothing");
  return took;
}

const [afterKill, afterFreeze, bare]: [Back[], Back[], number[]] = [[], [], []];
const quiet = rig.use(await RtspServer.start());
await Promise.all(
  [...servers].map(async ([name, server]) => {
    for (let i = 0; i < losses; i++) {
      await Bun.sleep(STEADY_MS);
      afterKill.push(await killed(name, server));
    }
    for (let i = 0; i < freezes; i++) {
      await Bun.sleep(STEADY_MS);
      afterFreeze.push(await frozen(name, server));
    }
  }),
);
for (let i = 0; i < 10; i++) {
  bare.push(await alone(quiet));
  // The server clears away what the last one has left.
  await Bun.sleep(500);
}
await box.do("stop");

function told(what: string, all: readonly Back[]): void {
  const took = all.map((each) => each.took);
  row(`${what}: attempt to live again, p50 of ${all.length}`, median(took), "s", "≤ 2");
  row(`${what}: attempt to live again, longest`, Math.max(...took), "s", "≤ 2");
  row(`${what}: attempts it took, most`, Math.max(...all.map((each) => each.tries)), "", "1");
  const since = all.map((each) => each.sinceThere);
  row(`${what}: since the server is there, longest`, Math.max(...since), "s", "no goal");
}
told("killed", afterKill);
told("frozen", afterFreeze);
row("ffmpeg alone, from its start to a picture, p50", median(bare), "s", "no goal");
row("ffmpeg alone, longest", Math.max(...bare), "s", "no goal");
row(
  "killed, against ffmpeg alone, p50",
  median(afterKill.map(({ took }) => took)) / median(bare),
  "×",
  "no goal",
);
