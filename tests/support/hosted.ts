/** A home in which sessions of one kind are run in the background, by the executable or by the source. */
import { Database } from "bun:sqlite";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processStat } from "../../src/kernel/runtime.ts";
import { type Line, Sandbox, stint, until } from "./sandbox.ts";

export class HostBox extends Sandbox {
  readonly #kind: string;

  constructor(kind: string, env: Record<string, string> = {}, command: readonly string[] = stint.executable) {
    super(command, env);
    this.#kind = kind;
  }

  /** Runs `stint KIND …`, which must end well, and gives its last line. */
  async do(...args: string[]): Promise<Line> {
    const { code, err, lines } = await this.run([this.#kind, ...args]);
    if (code !== 0) throw new Error(`${this.#kind} ${args.join(" ")}: ${code} ${err}`);
    return lines.at(-1) ?? {};
  }

  /** The pid of the live host, 0 without one. */
  get host(): number {
    const folder = join(this.home, "state/stint");
    const seats = existsSync(folder)
      ? readdirSync(folder).filter((name) => new RegExp(`^${this.#kind}(\\..*)?\\.host$`).test(name))
      : [];
    for (const name of seats) {
      try {
        const { host } = JSON.parse(readFileSync(join(folder, name), "utf8")) as { host: { pid: number } };
        if (existsSync(`/proc/${host.pid}`)) return host.pid;
      } catch {
        // It is just being written.
      }
    }
    return 0;
  }

  /** Kills the host as nothing can handle, and waits until it is gone. */
  async kill(pid = this.host): Promise<void> {
    process.kill(pid, "SIGKILL");
    // The first thread is gone before the others are, and what they hold with them.
    await until(() => processStat(pid)?.zombie !== false);
  }

  /** The store itself. */
  get db(): Database {
    return new Database(join(this.home, "data/stint/stint.db"));
  }
}
