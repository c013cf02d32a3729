/** A user's home of its own for stint: nothing of the machine's is touched, and nothing of it is left behind. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = dirname(dirname(import.meta.dir));

/** The executable as a user has it, the one that fails on request, and the sources under Bun and Deno. */
export const stint = {
  executable: [join(root, "dist/stint")],
  faults: [join(root, "dist/stint-faults")],
  source: [process.execPath, join(root, "src/main.ts")],
  deno: [join(root, "node_modules/.bin/deno"), "run", "-A", join(root, "src/main.ts")],
} as const;

export type Line = Record<string, unknown>;
/** What a command came to. `lines` are its stdout as NDJSON; reading them throws when it isn't. */
export type Ran = { code: number; out: string; err: string; readonly lines: Line[] };

export type RunOptions = {
  env?: Record<string, string>;
  cwd?: string;
  /** Given on stdin, else it is closed. */
  input?: string;
};

/** Makes one; dispose it (`await using`) and whatever it started is killed and its folder removed. */
export class Sandbox implements AsyncDisposable {
  readonly home = mkdtempSync(join(tmpdir(), "stint-test-home-"));
  /** An empty folder to stand in. */
  readonly work = join(this.home, "work");
  readonly env: Record<string, string>;
  readonly command: readonly string[];

  constructor(command: readonly string[] = stint.executable, env: Record<string, string> = {}) {
    this.command = command;
    mkdirSync(this.work);
    const kept = Object.entries(process.env).filter(
      ([name]) => !/^(STINT_(?!COVERAGE)|XDG_|NO_COLOR|FORCE_COLOR|CI$)/.test(name),
    );
    this.env = {
      ...(Object.fromEntries(kept) as Record<string, string>),
      HOME: this.home,
      XDG_DATA_HOME: join(this.home, "data"),
      XDG_STATE_HOME: join(this.home, "state"),
      XDG_CONFIG_HOME: join(this.home, "config"),
      XDG_CACHE_HOME: join(this.home, "cache"),
      XDG_RUNTIME_DIR: join(this.home, "run"),
      ...env,
    };
    mkdirSync(join(this.home, "run"), { mode: 0o700 });
  }

  /** Starts a command and leaves it running. */
  start(args: readonly string[], options: RunOptions = {}) {
    return Bun.spawn([...this.command, ...args], {
      cwd: options.cwd ?? this.work,
      env: { ...this.env, ...options.env },
      stdin: options.input === undefined ? "ignore" : new Blob([options.input]),
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const child = this.start(args, options);
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return {
      code,
      out,
      err,
      get lines() {
        return out
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Line);
      },
    };
  }

  /** The lines of a log, oldest first; none while there is no such log. */
  log(name: string): Line[] {
    const path = join(this.home, "state/stint", `${name}.log`);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line);
  }

  /** Processes that have this home in their environment: hosts in the background among them. */
  processes(): number[] {
    return readdirSync("/proc").flatMap((name) => {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) return [];
      try {
        const mine = readFileSync(`/proc/${pid}/environ`, "utf8").includes(`HOME=${this.home}\0`);
        return mine ? [pid] : [];
      } catch {
        return [];
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended meanwhile.
      }
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Asks again and again until the answer holds: for what another process does and can't tell. */
export async function until<T>(
  ask: () => T | Promise<T>,
  holds: (answer: T) => boolean = Boolean,
  ms = 10_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (performance.now() > end) throw new Error(`not within ${ms} ms; last: ${Bun.inspect(answer)}`);
    await Bun.sleep(10);
  }
}
