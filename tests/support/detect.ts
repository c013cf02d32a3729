/** A home with cameras and relay boards, in which `stint detect` is run. Real ffmpeg, a real detector, real processes. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { type Line, stint, until } from "./sandbox.ts";
import { HostBox } from "./hosted.ts";
import { type TestBoard, testBoard } from "./board.ts";

/** Debian's opencv-doc: a fixed camera over pedestrians, 768×576, 10 pictures a second. */
export const VTEST = "/usr/share/doc/opencv-doc/examples/data/vtest.avi";

/** Someone is nearly always in this part of it. */
export const EVERYWHERE = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

/** Runs ffmpeg to its end. */
async function ffmpeg(...args: string[]): Promise<void> {
  const child = Bun.spawn(["ffmpeg", "-nostdin", "-v", "error", "-y", ...args], { stdin: "ignore", stderr: "pipe" });
  const errors = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`ffmpeg: ${errors}`);
}

/**
 * Eight seconds that repeat: four of an empty grey place, four with people in it. Made once for a run of the tests.
 * @returns its path
 */
export async function comesAndGoes(): Promise<string> {
  const path = join(tmpdir(), `stint-test-comes-and-goes-${process.ppid}.mp4`);
  if (existsSync(path)) return path;
  const part = `${path}.${process.pid}.mp4`;
  const look = "scale=640:480,fps=10,format=yuv420p";
  const [grey, people] = [`color=c=gray:s=640x480:r=10:d=4,format=yuv420p[grey]`, `[0:v]${look}[people]`];
  await ffmpeg(
    ...["-ss", "2", "-t", "4", "-i", VTEST, "-filter_complex"],
    `${grey};${people};[grey][people]concat=n=2:v=1[out]`,
    ...["-map", "[out]", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", part],
  );
  const { renameSync } = await import("node:fs");
  renameSync(part, path);
  return path;
}

export type Config = Record<string, unknown>;

export class DetectBox extends HostBox {
  readonly #boards: TestBoard[] = [];

  constructor(command: readonly string[] = stint.executable, env: Record<string, string> = {}) {
    super("detect", env, command);
  }

  get file(): string {
    return join(this.home, "config/stint/detect.yaml");
  }

  /** What is installed. */
  install(config: Config): void {
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, stringify({ version: 2, ...config }));
    chmodSync(this.file, 0o600);
  }

  /** A simulated board, a process of its own that stamps each write. */
  async board(options: { serial?: string; channels?: number } = {}): Promise<TestBoard> {
    const board = await testBoard(this, options);
    this.#boards.push(board);
    return board;
  }

  async state(): Promise<Line> {
    const { code, lines, err } = await this.run(["detect", "status"]);
    if (code !== 0) throw new Error(`status: ${code} ${err}`);
    return lines[0] ?? {};
  }

  /** Asks again and again until a state holds. */
  until(holds: (state: Line & DetectLine) => boolean, ms = 15_000): Promise<Line & DetectLine> {
    return until(
      async () => (await this.state()) as Line & DetectLine,
      (state) => holds(state),
      ms,
    );
  }

  async events(): Promise<Line[]> {
    return (await this.run(["detect", "events"])).lines;
  }

  /** The processes of this home by what they are. */
  get parts(): { host: number[]; guard: number[]; ffmpeg: number[]; board: number[]; other: number[] } {
    const parts = { host: [] as number[], guard: [] as number[], ffmpeg: [] as number[], board: [] as number[], other: [] as number[] };
    for (const pid of this.processes()) {
      let words: string;
      try {
        words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        continue;
      }
      if (words === "") continue;
      if (words.includes("__guard")) parts.guard.push(pid);
      else if (words.includes("__board")) parts.board.push(pid);
      else if (words.includes("ffmpeg")) parts.ffmpeg.push(pid);
      else if (/detect (run|__host)/.test(words)) parts.host.push(pid);
      else parts.other.push(pid);
    }
    return parts;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    for (const board of this.#boards) await board[Symbol.asyncDispose]();
  }
}

/** The shape of `status --json`, as far as the tests ask for it. */
export type DetectLine = {
  state: string;
  cameras: { name: string; state: string; reconnects: number; fps: number; error: string | null }[];
  relays: { id: string; state: string; cause: string | null; mode: string; latched: boolean }[];
  zones: { camera: string; name: string; occupied: boolean | null; tripped: boolean; armed: boolean }[];
  guard: { pid: number | null; state: string };
};

/** A camera with one zone over the whole picture. */
export const camera = (name: string, url: string, zone: Config, more: Config = {}): Config => ({
  name,
  url,
  zones: [{ name: "all", points: EVERYWHERE, ...zone }],
  ...more,
});
