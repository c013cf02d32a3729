/** A home for code under test in this very process: the XDG variables lead to a folder of its own. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Home = Disposable & { readonly path: string };

/** Enters it; dispose it (`using`) and the variables are as before and the folder is gone. */
export function enterHome(env: Record<string, string | undefined> = {}): Home {
  const path = mkdtempSync(join(tmpdir(), "stint-test-home-"));
  mkdirSync(join(path, "run"), { mode: 0o700 });
  const wanted: Record<string, string | undefined> = {
    HOME: path,
    XDG_DATA_HOME: join(path, "data"),
    XDG_STATE_HOME: join(path, "state"),
    XDG_CONFIG_HOME: join(path, "config"),
    XDG_CACHE_HOME: join(path, "cache"),
    XDG_RUNTIME_DIR: join(path, "run"),
    ...env,
  };
  const before = Object.keys(wanted).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(wanted)) set(name, value);
  return {
    path,
    [Symbol.dispose]() {
      for (const [name, value] of before) set(name, value);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Another process with this one's environment as it is now, spoken to in lines. */
export class Other implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(command: readonly string[], env: Record<string, string> = {}) {
    this.#child = Bun.spawn([...command], {
      env: { ...process.env, ...env },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line it says. @throws when it has ended without one */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (!(await this.#more())) throw new Error(`it ended with ${await this.#child.exited}: ${this.#text}`);
    }
  }

  /** All whole lines until its end. */
  async rest(): Promise<string[]> {
    while (await this.#more());
    return this.#text.split("\n").slice(0, -1);
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
    this.#child.stdin.flush();
  }

  /** Kills it, -9, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (value) this.#text += this.#decoder.decode(value, { stream: true });
    return done !== true;
  }
}
