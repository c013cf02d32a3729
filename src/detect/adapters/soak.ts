import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stopHost } from "../../kernel/client.ts";
import { type Clock, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { run } from "../../kernel/programs.ts";
import type { Reach } from "../../kernel/reach.ts";
import { grown, type SoakSample } from "../core/soak.ts";
import type { DetectView } from "../core/view.ts";
import { changeInstallation, installationPath, loadInstallation } from "./installation.ts";
import { launchHost, prepare, reachOf } from "./reach.ts";

/** `stint detect soak`: everything fails again and again, and what is left must be what was there. */

const MINUTE_MS = 60_000;
/** Between two faults, ms. */
const FAULT_MS = 15_000;
/** How long it may take until all is well again after a fault, ms: the longest wait of a camera, and a start. */
const WELL_MS = 60_000;
/** How often timers are counted for a sample, and what lies between, ms. */
const TIMER_LOOKS = 6;
const TIMER_LOOK_MS = 2_000;
/** What is kept in it at most, MB. */
const KEPT_MB = 50;
/** The store and the logs have their own limits, beside what is kept. */
const KEPT_BYTES = (KEPT_MB + 100) * 1e6;

/** What is done to it, in turn; cameras fail more often than all else. */
const FAULTS = [
  "cut",
  "freeze",
  "cut",
  "guard",
  "cut",
  "freeze",
  "unplug",
  "cut",
  "pause",
  "freeze",
] as const;
type Fault = (typeof FAULTS)[number];

export async function soak(context: Context, options: Options): Promise<number> {
  const minutes = Number(options["minutes"] ?? 30);
  const file = options["output"] as string | undefined;
  const { output, life, profile } = context;
  const over = new AbortController();
  using _ = life.own({ end: () => over.abort(), hurry: async () => {} });
  const home = mkdtempSync(join(tmpdir(), "stint-soak-"));
  const tell = (line: { type: string; [key: string]: unknown }, text: string) => {
    if (file === undefined) output.emit(line, () => text);
    else {
      appendFileSync(file, `${JSON.stringify({ v: 1, ...line })}\n`);
      output.note(text);
    }
  };
  try {
    await settle(home, profile, over.signal);
    await launchHost(profile, await prepare(context, false));
    const reach = reachOf(context);
    try {
      const soaking = new Soaking(reach, home, systemClock, over.signal);
      const samples = await soaking.go(minutes, (sample) =>
        tell({ type: "soak", ...sample }, sampleText(sample)),
      );
      if (over.signal.aborted) return Exit.ok;
      const grew = [...soaking.unwell, ...grown(samples, KEPT_BYTES)];
      const ok = grew.length === 0;
      tell(
        { type: "soak_result", ok, minutes, faults: soaking.faults, grew },
        ok ? `nothing grew in ${minutes} minutes, through ${soaking.faults} faults` : grew.join("\n"),
      );
      return ok ? Exit.ok : Exit.no;
    } finally {
      const { host } = reach;
      if (host) await stopHost(host, systemClock);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** A home of its own for the host: what is installed, on boards that are simulated, telling nobody. */
async function settle(home: string, profile: string, signal: AbortSignal): Promise<void> {
  const { path } = await loadInstallation(profile);
  for (const name of ["DATA", "STATE", "CONFIG"])
    process.env[`XDG_${name}_HOME`] = join(home, name.toLowerCase());
  process.env["XDG_RUNTIME_DIR"] = join(home, "run");
  mkdirSync(join(home, "run"), { mode: 0o700 });
  const own = installationPath(profile);
  mkdirSync(dirname(own), { recursive: true, mode: 0o700 });
  if (existsSync(path)) copyFileSync(path, own);
  const video = join(home, "camera.mp4");
  await changeInstallation(profile, (raw) => {
    raw.hooks = {};
    raw.mqtt = null;
    raw.retention = { megabytes: KEPT_MB };
    raw.boards = (raw.boards?.length ? raw.boards : [{ name: "main" }]).map(({ name, channels }) => ({
      name,
      kind: "simulator",
      ...(channels === undefined ? {} : { channels }),
    }));
    if (!raw.relays?.length) raw.relays = [{ id: "relay", channel: 1 }];
    if (!raw.cameras?.length) {
      raw.cameras = [1, 2].map((n) => ({
        name: `camera${n}`,
        url: video,
        zones: [
          {
            name: "all",
            points: [
              [0, 0],
              [1, 0],
              [1, 1],
              [0, 1],
            ],
            relays: [raw.relays?.[0]?.id ?? ""],
          },
        ],
      }));
    }
  });
  const { installation } = await loadInstallation(profile);
  if (installation.cameras.some(({ url }) => url === video)) await testVideo(video, signal);
}

/** A picture that moves, for where no camera is configured. */
async function testVideo(path: string, signal: AbortSignal): Promise<void> {
  const source = ["-f", "lavfi", "-i", "testsrc=size=640x360:rate=10:duration=10"];
  const { failure } = await run({
    command: ["ffmpeg", "-nostdin", "-v", "error", ...source, "-pix_fmt", "yuv420p", path],
    ms: 60_000,
    signal,
  });
  if (failure !== undefined) {
    throw new Expected(
      Exit.unavailable,
      `no test picture can be made: ffmpeg: ${failure}`,
      "apt install ffmpeg",
    );
  }
}

class Soaking {
  readonly #reach: Reach;
  readonly #home: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  /** What was still not well a while after a fault. */
  readonly unwell: string[] = [];
  faults = 0;

  constructor(reach: Reach, home: string, clock: Clock, signal: AbortSignal) {
    this.#reach = reach;
    this.#home = home;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** @param told told each sample */
  async go(minutes: number, told: (sample: SoakSample) => void): Promise<SoakSample[]> {
    const samples: SoakSample[] = [];
    const begin = this.#clock.monotonic();
    await this.#well("the start");
    let cpu = cpuMs(this.#pid);
    let at = this.#clock.monotonic();
    let next = begin + FAULT_MS;
    while (samples.length < minutes && !this.#signal.aborted) {
      const due = begin + (samples.length + 1) * MINUTE_MS;
      await this.#clock.sleep(Math.min(next, due) - this.#clock.monotonic(), this.#signal);
      if (this.#signal.aborted) break;
      if (this.#clock.monotonic() >= next) {
        next += FAULT_MS;
        await this.#fail(FAULTS[this.faults++ % FAULTS.length] as Fault);
      }
      if (this.#clock.monotonic() < due) continue;
      await this.#well(`minute ${samples.length + 1}`);
      const [now, used] = [this.#clock.monotonic(), cpuMs(this.#pid)];
      const sample = {
        minute: samples.length + 1,
        cpu: round((100 * (used - cpu)) / (now - at)),
        ...(await this.#sample()),
      };
      [cpu, at] = [used, now];
      samples.push(sample);
      told(sample);
    }
    return samples;
  }

  get #pid(): number {
    const { host } = this.#reach;
    if (!host) throw new Expected(Exit.no, "the host has died", "see its log");
    return host.host.pid;
  }

  async #fail(fault: Fault): Promise<void> {
    const children = childrenOf(this.#pid);
    const cameras = children.filter(({ words }) => words.includes("ffmpeg"));
    const camera = cameras[this.faults % Math.max(1, cameras.length)];
    const find = (word: string) => children.find(({ words }) => words.includes(word));
    if (fault === "cut") signal(camera, "SIGKILL");
    else if (fault === "freeze") signal(camera, "SIGSTOP");
    else if (fault === "guard") signal(find("__guard"), "SIGKILL");
    else if (fault === "unplug") {
      const board = find("__board");
      signal(board, "SIGUSR1");
      await this.#clock.sleep(2_000, this.#signal);
      signal(board, "SIGUSR2");
    } else {
      await this.#reach.command("pause", {}, WELL_MS);
      await this.#reach.command("resume", {}, WELL_MS);
    }
    // A relay is used meanwhile, as a trip would.
    await this.#reach.command("relay", { do: "test", ids: [] }).catch(() => {});
  }

  /** Waits until all is well; what isn't in time is remembered. */
  async #well(after: string): Promise<void> {
    const end = this.#clock.monotonic() + WELL_MS;
    for (;;) {
      const { state, cameras = [], relays = [], guard, detector } = (await this.#reach.state()) as DetectView;
      const ill = [
        ...(state === "running" ? [] : [state]),
        ...cameras
          .filter((camera) => camera.state !== "live")
          .map(({ name, error }) => `camera ${name}: ${error}`),
        ...relays.filter((relay) => relay.state === "unknown").map(({ id }) => `relay ${id}`),
        ...(guard?.state === "ok" ? [] : ["guard"]),
        ...(detector?.state === "ok" ? [] : ["detector"]),
      ];
      if (ill.length === 0 || this.#signal.aborted) return;
      if (this.#clock.monotonic() > end) {
        this.unwell.push(`${after}: not well after ${WELL_MS / 1000} s: ${ill.join(", ")}`);
        return;
      }
      await this.#clock.sleep(200, this.#signal);
    }
  }

  /** The least of a few looks: some wait for a moment only, for a clip's end or a camera to be steady again. */
  async #timers(): Promise<number | null> {
    let least: number | null = null;
    for (let look = 0; look < TIMER_LOOKS && !this.#signal.aborted; look++) {
      const { answer } = (await this.#reach.command("measure")) as { answer?: { timers: number | null } };
      if (answer?.timers != null) least = Math.min(least ?? Number.POSITIVE_INFINITY, answer.timers);
      await this.#clock.sleep(TIMER_LOOK_MS, this.#signal);
    }
    return least;
  }

  async #sample(): Promise<Omit<SoakSample, "minute" | "cpu">> {
    const pid = this.#pid;
    const timers = await this.#timers();
    const { health } = (await this.#reach.state()) as DetectView;
    return {
      rss: rssOf(pid),
      disk: await bytesBelow(this.#home),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      children: childrenOf(pid).length,
      timers,
      reconnects: health?.reconnects ?? 0,
      cycles: health?.cycles ?? 0,
      faults: this.faults,
    };
  }
}

const round = (value: number): number => Math.round(value * 10) / 10;

type Child = { pid: number; words: string };

function childrenOf(parent: number): Child[] {
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    try {
      const text = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, ppid] = text.slice(text.lastIndexOf(")") + 2).split(" ");
      if (Number(ppid) !== parent || state === "Z") return [];
      return [{ pid, words: readFileSync(`/proc/${pid}/cmdline`, "utf8") }];
    } catch {
      return []; // it has just ended
    }
  });
}

function signal(child: Child | undefined, name: NodeJS.Signals): void {
  try {
    if (child) process.kill(child.pid, name);
  } catch {
    // It has just ended by itself, which is a fault too.
  }
}

/** Of all threads; a clock tick is 10 ms on every Linux there is. */
function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    try {
      bytes += (await stat(join(entry.parentPath, entry.name))).size;
    } catch (error) {
      // What was just removed takes no room.
      if (!/ENOENT/.test(message(error))) throw error;
    }
  }
  return bytes;
}

function sampleText(sample: SoakSample): string {
  const { minute, cpu, rss, disk, descriptors, children, timers, reconnects, cycles, faults } = sample;
  return [
    `minute ${minute}`,
    `CPU ${cpu} %`,
    `RSS ${(rss / 1e6).toFixed(1)} MB`,
    `disk ${(disk / 1e6).toFixed(1)} MB`,
    `${descriptors} descriptors`,
    `${children} children`,
    ...(timers === null ? [] : [`${timers} timers`]),
    `${reconnects} reconnects`,
    `${cycles} relay cycles`,
    `${faults} faults`,
  ].join(" · ");
}
