/** A real display for tests: Xvfb with a window manager, driven by xdotool. Nothing of it is left behind. */
import { until } from "./sandbox.ts";

type DisplayOptions = {
  /** Of the screen, as Xvfb has it. */
  size?: string;
  /** Further arguments of the server: `-extension RECORD` takes one away. */
  server?: readonly string[];
  /** Without one, nothing tells the active window. */
  manager?: boolean;
};

/** A display of its own; dispose it (`await using`) and the server and all that ran on it are gone. */
export class X11 implements AsyncDisposable {
  /** `:87`, for DISPLAY; the same after a restart. */
  name = "";
  readonly #options: DisplayOptions;
  #server: Bun.Subprocess | undefined;
  readonly #clients = new Set<Bun.Subprocess>();

  private constructor(options: DisplayOptions) {
    this.#options = options;
  }

  static async open(options: DisplayOptions = {}): Promise<X11> {
    const display = new X11(options);
    try {
      await display.start();
    } catch (error) {
      await display[Symbol.asyncDispose]();
      throw error;
    }
    return display;
  }

  /** The variables of a session on it, and of no other desktop. */
  get env(): Record<string, string> {
    return {
      DISPLAY: this.name,
      WAYLAND_DISPLAY: "",
      SWAYSOCK: "",
      XAUTHORITY: "/nonexistent",
      LC_ALL: "C.UTF-8",
    };
  }

  /** Starts the server, on the same display when there was one, and the window manager. */
  async start(): Promise<void> {
    const { size = "1280x800x24", server = [], manager = true } = this.#options;
    const child = Bun.spawn(
      [
        "Xvfb",
        ...(this.name === "" ? [] : [this.name]),
        ...["-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp", "-noreset", ...server],
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
    );
    this.#server = child;
    let said = "";
    // It says its number, then ends the line, and may not survive that nobody reads that.
    for await (const chunk of child.stdout) {
      said += Buffer.from(chunk).toString();
      if (said.endsWith("\n")) break;
    }
    if (!said.endsWith("\n")) throw new Error(`Xvfb ended with ${await child.exited}`);
    this.name = `:${said.trim()}`;
    if (!manager) return;
    this.run(["openbox", "--sm-disable"]);
    await until(async () => (await this.output(["xprop", "-root", "_NET_CLIENT_LIST"])).includes("#"));
  }

  /** Kills the server as a crash does, and waits until it is gone; what ran on it goes as well. */
  async kill(): Promise<void> {
    this.#server?.kill("SIGKILL");
    await this.#server?.exited;
    for (const client of this.#clients) client.kill("SIGKILL");
    await Promise.all([...this.#clients].map((client) => client.exited));
    this.#clients.clear();
  }

  /** Leaves a program running on it. */
  run(command: readonly string[]): Bun.Subprocess<"ignore", "ignore", "ignore"> {
    const env = { ...process.env, ...this.env };
    const child = Bun.spawn([...command], { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    this.#clients.add(child);
    void child.exited.then(() => this.#clients.delete(child));
    return child;
  }

  /** What a program says on it. */
  async output(command: readonly string[]): Promise<string> {
    const env = { ...process.env, ...this.env };
    const child = Bun.spawn([...command], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    // xprop asked for what isn't there, and xdotool searching for it, end with 1 and say so on stdout or not at all.
    if (code > 1) throw new Error(`${command.join(" ")}: ${code} ${err}`);
    return out;
  }

  /** Runs xdotool to its end: `xdotool("key", "a", "click", "1")`; commands follow each other. */
  async xdotool(...args: string[]): Promise<string> {
    const env = { ...process.env, ...this.env };
    const child = Bun.spawn(["xdotool", ...args], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (code !== 0) throw new Error(`xdotool ${args.slice(0, 5).join(" ")}: ${code} ${err}`);
    return out.trim();
  }

  /**
   * Opens a terminal with this title, which gets the focus as new windows do, and waits for that.
   * @returns its process, and the number of its window
   */
  async xterm(title: string, ...args: string[]): Promise<{ pid: number; window: number }> {
    const { pid } = this.run(["xterm", "-T", title, ...args, "-e", "sleep", "3600"]);
    await this.activeTitle(title);
    return { pid, window: Number(await this.xdotool("getactivewindow")) };
  }

  /** Gives a window a title. */
  async retitle(window: number, title: string): Promise<void> {
    await this.xdotool("set_window", "--name", title, String(window));
  }

  /** Waits until the active window has this title. */
  async activeTitle(title: string): Promise<void> {
    const names = async () => {
      const window = await this.output(["xdotool", "getactivewindow"]);
      return window && this.output(["xprop", "-id", window.trim(), "_NET_WM_NAME", "WM_NAME"]);
    };
    await until(names, (out) => out.includes(` = "${title}"\n`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
