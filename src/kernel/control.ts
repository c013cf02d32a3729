import { chmodSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Exit, Expected, message } from "./errors.ts";
import type { Log } from "./log.ts";
import { privateFolder } from "./paths.ts";
import { type Server, serveUnix, type Watcher } from "./runtime.ts";

/** What a host answers to commands (with 75) before it can carry them out, and once it no longer can. */
export const STARTING = "the session is still starting";
export const STOPPING = "the session is stopping";

/** A state as it is pushed: plain JSON. */
export type State = { [key: string]: unknown };

/**
 * How anybody speaks to a host: the TUI in its own process, or a client through the socket. The same for both.
 */
export interface Control {
  /** The state now. */
  state(): Promise<State>;
  /**
   * @param withinMs how long the answer may take, where that is long: a client gives up after it
   * @throws Expected, as the host threw it
   */
  command(name: string, args?: unknown, withinMs?: number): Promise<State>;
  /** Called with the state at once and at every change; `undefined` while the host can't be reached. */
  watch(changed: (state: State | undefined) => void): AsyncDisposable;
}

/** What a host answers with. */
export interface Served {
  state(): State;
  command(name: string, args: unknown): Promise<State>;
}

/** A watcher with this much unread is closed; it reconnects and is in sync with its first message. */
const FALLEN_BEHIND_BYTES = 1 << 20;

/** The control of a host, served in its own process and, once bound, on a socket. */
export class ControlServer implements Control {
  readonly #served: Served;
  readonly #log: Log;
  readonly #local = new Set<(state: State) => void>();
  readonly #watchers = new Set<Watcher>();
  #path: string | undefined;
  #bound: { server: Server; inode: number } | undefined;

  constructor(served: Served, log: Log) {
    this.#served = served;
    this.#log = log;
  }

  async state(): Promise<State> {
    return this.#served.state();
  }

  command(name: string, args: unknown = {}): Promise<State> {
    return this.#served.command(name, args);
  }

  watch(changed: (state: State) => void): AsyncDisposable {
    this.#local.add(changed);
    changed(this.#served.state());
    return {
      [Symbol.asyncDispose]: async () => {
        this.#local.delete(changed);
      },
    };
  }

  /** Tells every watcher the state as it is now. */
  push(): void {
    if (this.#local.size === 0 && this.#watchers.size === 0) return;
    const state = this.#served.state();
    for (const changed of this.#local) changed(state);
    if (this.#watchers.size === 0) return;
    const text = JSON.stringify(state);
    for (const watcher of this.#watchers) {
      if (watcher.buffered() > FALLEN_BEHIND_BYTES) watcher.close();
      else watcher.send(text);
    }
  }

  /** Serves the socket; the caller holds the host's lock, so a socket that is there is a dead host's. */
  async bind(path: string): Promise<void> {
    this.#path = path;
    // The run folder goes with the last logout, and comes back with the next login.
    privateFolder(dirname(path), "XDG_RUNTIME_DIR");
    rmSync(path, { force: true });
    const server = await serveUnix(path, {
      request: (method, url, body) => this.#answer(method, url, body),
      opened: (watcher) => {
        this.#watchers.add(watcher);
        watcher.send(JSON.stringify(this.#served.state()));
      },
      closed: (watcher) => void this.#watchers.delete(watcher),
    });
    chmodSync(path, 0o600);
    this.#bound = { server, inode: statSync(path).ino };
  }

  /** Binds the socket again if somebody removed or replaced its file. @returns whether that was so */
  async rebind(): Promise<boolean> {
    if (this.#path === undefined || (this.#bound && this.#inode() === this.#bound.inode)) return false;
    await this.#unbind();
    await this.bind(this.#path);
    return true;
  }

  /** What file has the socket's name now. */
  #inode(): number | undefined {
    try {
      return this.#path === undefined ? undefined : statSync(this.#path).ino;
    } catch {
      return undefined;
    }
  }

  async #unbind(): Promise<void> {
    const [path, bound, inode] = [this.#path, this.#bound, this.#inode()];
    if (path === undefined || !bound) return;
    this.#bound = undefined;
    // Stopping unlinks whatever has the name: what isn't ours steps aside meanwhile.
    const foreign = inode !== undefined && inode !== bound.inode;
    if (foreign) renameSync(path, `${path}.aside`);
    await bound.server.stop();
    if (foreign) renameSync(`${path}.aside`, path);
    else if (this.#inode() === bound.inode) rmSync(path);
  }

  async #answer(method: string, path: string, body: string): Promise<{ status: number; body: string }> {
    const name = /^\/command\/([a-z-]+)$/.exec(path)?.[1];
    try {
      if (method === "GET" && path === "/state") {
        return { status: 200, body: JSON.stringify(this.#served.state()) };
      }
      if (method !== "POST" || name === undefined) {
        return { status: 404, body: JSON.stringify({ v: 1, error: `there is no ${method} ${path}` }) };
      }
      let args: unknown;
      try {
        args = body === "" ? {} : JSON.parse(body);
      } catch {
        throw new Expected(Exit.usage, "the body isn't JSON");
      }
      return { status: 200, body: JSON.stringify(await this.#served.command(name, args)) };
    } catch (error) {
      if (error instanceof Expected) {
        const { exit, hint } = error;
        return { status: 409, body: JSON.stringify({ v: 1, error: error.message, hint, exit }) };
      }
      this.#log.error(`${method} ${path} failed`, { error });
      return { status: 500, body: JSON.stringify({ v: 1, error: message(error), exit: Exit.internal }) };
    }
  }

  async close(): Promise<void> {
    this.#local.clear();
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers.clear();
    await this.#unbind();
    this.#path = undefined;
  }
}
