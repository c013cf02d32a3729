import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kind } from "./checkpoint.ts";
import { selfCommand } from "./runtime.ts";

/** One thing that a tour shows: it is done for real, and either held or not. */
export type Scene = {
  readonly title: string;
  /** What this machine lacks for it, if anything; then it isn't played, and counted apart. */
  lacks?(): Promise<string | undefined>;
  /** @returns what was seen and measured, in words and in numbers @throws Error when it didn't hold */
  play(stage: SceneStage): Promise<{ words: string; measured: Record<string, number | string> }>;
};

/** What a run of the executable came to. */
export type Ran = { code: number | null; out: string; lines: Record<string, unknown>[]; ms: number };

/** A place of its own to play in: the executable in other processes, with folders that are gone afterwards. */
export class SceneStage implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "stint-demo-"));
  readonly #env: NodeJS.ProcessEnv;
  /** Hosts that were put in the background: none may outlive the stage. */
  readonly #hosts = new Set<number>();

  constructor() {
    const inside = (name: string) => join(this.folder, name);
    const folders = {
      XDG_DATA_HOME: "data",
      XDG_STATE_HOME: "state",
      XDG_CONFIG_HOME: "config",
      XDG_RUNTIME_DIR: "run",
    };
    const own = Object.fromEntries(Object.entries(folders).map(([name, folder]) => [name, inside(folder)]));
    // STINT_* would change what is shown.
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("STINT_"));
    this.#env = { ...Object.fromEntries(kept), ...own };
  }

  /** Runs the executable in the folder and reads its NDJSON. */
  async run(...args: string[]): Promise<Ran> {
    const begin = performance.now();
    const [file, ...before] = selfCommand();
    const child = spawn(file, [...before, ...args], {
      cwd: this.folder,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const code = await new Promise<number | null>((resolve, reject) =>
      child.on("close", resolve).on("error", reject),
    );
    const lines = out
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const { type, pid } of lines)
      if (type === "session" && typeof pid === "number") this.#hosts.add(pid);
    if (code !== 0 && code !== null && err) lines.push({ type: "stderr", text: err.trim() });
    return { code, out, lines, ms: performance.now() - begin };
  }

  /** Runs a command that must end well. @returns its last line, and how long the whole process took */
  async ask(...args: string[]): Promise<{ line: Record<string, unknown>; ms: number }> {
    const ran = await this.run(...args);
    const line = ran.lines.at(-1);
    expectThat(
      ran.code === 0 && line !== undefined,
      `stint ${args.join(" ")} ended with ${ran.code}: ${line?.["text"] ?? ran.out}`,
    );
    return { line, ms: ran.ms };
  }

  /** Kills the live host of a kind as nothing can handle. */
  async kill(kind: Kind): Promise<void> {
    const { lines } = await this.run("sessions");
    const pid = lines.find((line) => line["kind"] === kind && typeof line["pid"] === "number")?.["pid"];
    expectThat(typeof pid === "number", `no ${kind} has a live host`);
    process.kill(pid, "SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#hosts) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended as it should.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** @throws Error with these words unless it holds */
export function expectThat(holds: boolean, words: string): asserts holds {
  if (!holds) throw new Error(words);
}

/** A time in a scene's words. */
export const inMs = (time: number): string => `${time.toFixed(time < 10 ? 1 : 0)} ms`;
