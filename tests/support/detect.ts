/** A home with cameras and relay boards, in which `stint detect` is run. Real ffmpeg, a real detector, real processes. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { BoardProcess } from "./board.ts";
import { HostBox } from "./hosted.ts";
import { ffmpeg, STREET } from "./rtsp.ts";
import { type Line, stint, until } from "./sandbox.ts";

/** A zone over the whole picture. */
export const EVERYWHERE = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

let made: Promise<string> | undefined;

/** Eight seconds that repeat: four of an empty grey place, four with people in it. Made once, gone with the run. */
export function comesAndGoes(): Promise<string> {
  made ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), "stint-test-detect-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "comes-and-goes.mp4");
    const grey = "color=c=gray:s=640x480:r=10:d=4,format=yuv420p[grey]";
    const people = "[0:v]scale=640:480,fps=10,format=yuv420p[people]";
    const both = `${grey};${people};[grey][people]concat=n=2:v=1[out]`;
    const coded = ["-map", "[out]", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", path];
    await ffmpeg("-ss", "2", "-t", "4", "-i", STREET, "-filter_complex", both, ...coded);
    return path;
  })();
  return made;
}

export type Config = Record<string, unknown>;

export class DetectBox extends HostBox {
  readonly #boards: BoardProcess[] = [];

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
  async board(name = "main"): Promise<BoardProcess> {
    const board = await BoardProcess.start(this.home, name, this.command);
    this.#boards.push(board);
    return board;
  }

  async state(): Promise<Line> {
    const { code, lines, err } = await this.run(["detect", "status"]);
    if (code !== 0) throw new Error(`status: ${code} ${err}`);
    return lines[0] ?? {};
  }

  /** Asks again and again until a state holds; one that can't be had yet (75, on a busy machine) is no answer. */
  async until(holds: (state: Line & DetectLine) => boolean, ms = 15_000): Promise<Line & DetectLine> {
    const state = await until(
      async () => {
        const { code, lines, err } = await this.run(["detect", "status"]);
        if (code !== 0 && code !== 75) throw new Error(`status: ${code} ${err}`);
        return lines[0] as (Line & DetectLine) | undefined;
      },
      (state) => state?.cameras !== undefined && holds(state),
      ms,
    );
    if (!state) throw new Error("there is a state that holds");
    return state;
  }

  async events(): Promise<Line[]> {
    return (await this.run(["detect", "events"])).lines;
  }

  /** The processes of this home by what they are. */
  get parts(): { host: number[]; guard: number[]; ffmpeg: number[]; board: number[]; other: number[] } {
    const parts = {
      host: [] as number[],
      guard: [] as number[],
      ffmpeg: [] as number[],
      board: [] as number[],
      other: [] as number[],
    };
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
