/** A home in which modules are supervised by the executable, or by the source. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ModuleRow } from "../../src/modules/core/module.ts";
import { HostBox } from "./hosted.ts";
import { type Line, stint, until } from "./sandbox.ts";

const SAMPLER = fileURLToPath(import.meta.resolve("../modules/sampler.ts"));

/** What a config.txt says; what isn't said is left out of it. */
export type Config = Readonly<Record<string, string>>;

export class ModulesBox extends HostBox {
  /** The folder of the modules. */
  readonly dir = join(this.work, "modules");

  constructor(env: Record<string, string> = {}, command: readonly string[] = stint.executable) {
    super("modules", env, command);
    mkdirSync(this.dir);
  }

  /** Makes a module, or gives it another config. @returns its folder */
  module(name: string, config: Config | string): string {
    const folder = join(this.dir, name);
    mkdirSync(folder, { recursive: true });
    const text =
      typeof config === "string"
        ? config
        : Object.entries(config)
            .map(([key, value]) => `${key} = ${value}\n`)
            .join("");
    writeFileSync(join(folder, "config.txt"), text);
    return folder;
  }

  /** A module that speaks, as tests/modules/sampler.ts says. */
  sampler(name: string, extra: Config = {}): string {
    // What bun a test run is told to preload is none of its business.
    const command = `env -u BUN_OPTIONS -u STINT_COVERAGE "${process.execPath}" "${SAMPLER}"`;
    return this.module(name, { enabled: "true", command, ...extra });
  }

  /** A module that is a script of sh in its own folder; ready by staying up for 0.1 s unless it is said otherwise. */
  plain(name: string, script: string, extra: Config = {}): string {
    return this.#script(name, script, { ready: "0.1s", ...extra });
  }

  /** A module that speaks with a process of 1 MB: ready at once, it answers every command with an ack. */
  tiny(name: string, extra: Config = {}): string {
    return this.#script(name, TINY, extra);
  }

  /** A module that knows nothing of us: ffmpeg, which records a test picture. @returns what it records to */
  ffmpeg(name: string, extra: Config = {}): string {
    const picture = "-re -f lavfi -i testsrc=size=64x48:rate=10";
    const folder = this.module(name, {
      enabled: "true",
      command: `ffmpeg -nostdin -y ${picture} -c:v mjpeg -cluster_time_limit 200 -flush_packets 1 out.mkv`,
      ready: "1s",
      ...extra,
    });
    return join(folder, "out.mkv");
  }

  #script(name: string, script: string, extra: Config): string {
    const folder = this.module(name, { enabled: "true", command: "/bin/sh run.sh", ...extra });
    writeFileSync(join(folder, "run.sh"), script);
    return folder;
  }

  /** Starts the supervisor in the background. */
  up(...args: string[]): Promise<Line> {
    return this.do("up", "--detach", "--dir", this.dir, ...args);
  }

  /** Runs `stint modules …`, which must end well, and gives its last line. */
  modules(...args: string[]): Promise<Line> {
    return this.do(...args);
  }

  /** What `status` says of every module, whether or not all is as desired. */
  async rows(): Promise<ModuleRow[]> {
    const { code, err, lines } = await this.run(["modules", "status"]);
    if (code > 1) throw new Error(`modules status: ${code} ${err}`);
    return lines.filter(({ type }) => type === "module") as unknown as ModuleRow[];
  }

  /** What `status` says of one. */
  async row(name: string): Promise<ModuleRow> {
    const row = (await this.rows()).find((each) => each.name === name);
    if (!row) throw new Error(`no ${name}`);
    return row;
  }

  /** Asks for the status of a module until it holds. */
  until(name: string, holds: (row: ModuleRow) => boolean, ms?: number): Promise<ModuleRow> {
    return until(() => this.row(name), holds, ms);
  }

  /** What has happened, the oldest first; of one type if it is said. */
  async events(type?: string): Promise<Line[]> {
    const { code, err, lines } = await this.run(["modules", "events", "-n", "100000"]);
    if (code !== 0) throw new Error(`modules events: ${code} ${err}`);
    return type === undefined ? lines : lines.filter((line) => line["type"] === type);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    // First of all: it starts again what falls.
    const { host } = this;
    if (host > 0) await this.kill(host);
    await super[Symbol.asyncDispose]();
  }
}

/** Whether a process lives; one that nobody has reaped yet doesn't. */
export const alive = (pid: number | null): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

/** The script of a module that speaks, in sh. */
export const TINY = `printf '{"event":"ready"}\\n'
while read -r line; do
  id=\${line##*\\"id\\":}
  id=\${id%%[,\\}]*}
  printf '{"event":"ack","id":%s}\\n' "\${id:-0}"
  case $line in *'"quit"'*) exit 0 ;; esac
done
`;

/**
 * What a sampler has recorded into a file: how many samples, the numbers between 1 and the last that are missing, and
 * the longest time between two that were written one after the other. A line cut off isn't a sample.
 * @throws Error when a line is something else, or the numbers don't rise
 */
export function readSamples(path: string): { count: number; gaps: number[]; largestPauseMs: number } {
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  const gaps: number[] = [];
  let largest = 0;
  let [last, lastUs] = [0, 0];
  for (const line of lines) {
    const [number, us] = line.split(" ").map(Number);
    if (!number || !us || number <= last) throw new Error(`${path}: ${line} after ${last}`);
    for (let missing = last + 1; missing < number; missing++) gaps.push(missing);
    if (lastUs > 0) largest = Math.max(largest, us - lastUs);
    [last, lastUs] = [number, us];
  }
  return { count: lines.length, gaps, largestPauseMs: largest / 1e3 };
}
