/** A real sway for tests, without a screen: nothing of it is left behind. */
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./sandbox.ts";

/** Whom sway is run as by root, as whom it refuses to: nobody. */
const NOBODY = 65_534;

/** A compositor of its own; dispose it (`await using`) and it and all that ran on it are gone. */
export class Sway implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "stint-test-sway-"));
  readonly #clients = new Set<Bun.Subprocess>();
  #server: Bun.Subprocess | undefined;
  /** The variables of a session on it as it was first started, and of no other desktop. */
  env: Record<string, string> = {};

  private constructor() {}

  static async open(): Promise<Sway> {
    const sway = new Sway();
    try {
      await sway.start();
      sway.env = sway.#now;
      return sway;
    } catch (error) {
      await sway[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it, with another socket for its IPC than the last time. */
  async start(): Promise<void> {
    const config = join(this.#folder, "config");
    writeFileSync(config, "xwayland disable\n");
    const root = process.getuid?.() === 0;
    mkdirSync(this.#run, { recursive: true, mode: 0o700 });
    if (root) for (const path of [this.#folder, this.#run]) chownSync(path, NOBODY, NOBODY);
    const who = root ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
    this.#server = Bun.spawn([...who, "sway", "-c", config], {
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: this.#folder,
        XDG_RUNTIME_DIR: this.#run,
        WLR_BACKENDS: "headless",
        WLR_LIBINPUT_NO_DEVICES: "1",
        WLR_RENDERER: "pixman",
      },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await until(async () => (await this.#ran(["swaymsg", "-t", "get_outputs"])).includes("HEADLESS-1"));
  }

  /** Kills it as a crash does, and waits until it is gone; what ran on it goes as well. */
  async kill(): Promise<void> {
    const all = [...this.#clients, ...(this.#server ? [this.#server] : [])];
    for (const each of all) each.kill("SIGKILL");
    await Promise.all(all.map((each) => each.exited));
    this.#clients.clear();
  }

  /** Opens a terminal, and waits until its window is there. @returns its process id */
  async window(app: string, title: string): Promise<number> {
    const command = ["foot", `--app-id=${app}`, `--title=${title}`, "sleep", "1000"];
    const options = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    const client = Bun.spawn(command, { env: { ...process.env, ...this.#now }, ...options });
    this.#clients.add(client);
    await until(async () => (await this.#ran(["swaymsg", "-t", "get_tree"])).includes(title));
    return client.pid;
  }

  /** Tells it something, as its configuration does: `workspace 2`. */
  async tell(command: string): Promise<void> {
    await this.#ran(["swaymsg", "--", command], true);
  }

  /** Types by a virtual keyboard. */
  async type(text: string): Promise<void> {
    await this.#ran(["wtype", text], true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #run(): string {
    return join(this.#folder, "run");
  }

  /** Its sockets are the newest there are: one that is killed leaves its own behind. */
  get #now(): Record<string, string> {
    const made = (name: string) => statSync(join(this.#run, name)).mtimeMs;
    const newest = (pattern: RegExp) =>
      readdirSync(this.#run)
        .filter((name) => pattern.test(name))
        .sort((a, b) => made(b) - made(a))[0] ?? "";
    return {
      DISPLAY: "",
      XDG_RUNTIME_DIR: this.#run,
      SWAYSOCK: join(this.#run, newest(/^sway-ipc\./)),
      WAYLAND_DISPLAY: newest(/^wayland-\d+$/),
    };
  }

  /** What a program says that speaks to it. @throws when it fails and mustn't */
  async #ran(command: string[], must = false): Promise<string> {
    const env = { ...process.env, ...this.#now };
    const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (must && code !== 0) throw new Error(`${command.join(" ")}: ${errors.trim() || out.trim()}`);
    return out;
  }
}
