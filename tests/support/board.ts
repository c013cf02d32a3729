/** Simulated relay boards for tests: a process that stamps each write, and one in this process that lies. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Frame, Frames, frame } from "../../src/detect/adapters/relay/simulator.ts";
import { type BoardWrite, bitsAfter, decodeWrite, encodeStatus } from "../../src/detect/core/dcttech.ts";
import type { BoardConfig } from "../../src/detect/core/installation.ts";
import { stint, until } from "./sandbox.ts";

/** The command that starts stint from source, as {@link Guard} takes it. */
export const fromSource = [...stint.source] as [string, ...string[]];

/** A board's configuration. */
export const simulated = (
  name: string,
  socket: string | null,
  more: Partial<BoardConfig> = {},
): BoardConfig => ({
  name,
  kind: "simulator",
  serial: null,
  path: null,
  socket,
  channels: 8,
  ...more,
});

/** A write as a board has logged it. `at_us` is CLOCK_MONOTONIC. */
export type BoardLine = {
  readonly at_us: number;
  readonly pid: number;
  readonly do: string;
  readonly channel?: number;
  readonly before: number;
  readonly bits: number;
};

/** A simulated board that is a process of its own. */
export class BoardProcess implements AsyncDisposable {
  readonly name: string;
  readonly socket: string;
  readonly #log: string;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;

  private constructor(folder: string, name: string, command: readonly string[]) {
    this.name = name;
    this.socket = join(folder, `${name}.sock`);
    this.#log = join(folder, `${name}.log`);
    this.#child = Bun.spawn([...command, "detect", "__board", this.socket, "--log", this.#log], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
  }

  /** Starts one. Resolves once it is plugged in. */
  static async start(
    folder: string,
    name = "board",
    command: readonly string[] = fromSource,
  ): Promise<BoardProcess> {
    const board = new BoardProcess(folder, name, command);
    const { value } = await board.#child.stdout.getReader().read();
    if (!value) throw new Error("the board says nothing");
    return board;
  }

  get config(): BoardConfig {
    return simulated(this.name, this.socket);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What was written to it, the oldest first. */
  get writes(): BoardLine[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as BoardLine);
  }

  /** Its relays, by what was written last. */
  get bits(): number {
    return this.writes.at(-1)?.bits ?? 0;
  }

  async unplug(): Promise<void> {
    this.#child.kill("SIGUSR1");
    await until(() => !existsSync(this.socket));
  }

  async plugIn(): Promise<void> {
    this.#child.kill("SIGUSR2");
    await until(() => existsSync(this.socket));
  }

  /** Calls to it hang. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

/** A board in this process whose relays may be stuck. */
export class FaultyBoard implements AsyncDisposable {
  readonly socket: string;
  /** Relays that can't be switched on, and off, as bits. */
  deaf = 0;
  welded = 0;
  bits = 0;
  readonly writes: BoardWrite[] = [];
  /** Answers nothing while it is set. */
  mute = false;
  readonly #clients = new Set<Socket>();
  readonly #server: Server;
  readonly #serial: string;

  private constructor(socket: string, serial: string) {
    this.socket = socket;
    this.#serial = serial;
    this.#server = createServer((client) => {
      this.#clients.add(client);
      const frames = new Frames();
      client.on("error", () => {});
      client.on("close", () => this.#clients.delete(client));
      client.on("data", (piece: Uint8Array) => {
        for (const each of frames.push(piece)) this.#take(client, each);
      });
    });
  }

  static async start(folder: string, name = "faulty", serial = "LYING"): Promise<FaultyBoard> {
    const board = new FaultyBoard(join(folder, `${name}.sock`), serial);
    await new Promise<void>((resolve) => board.#server.listen(board.socket, resolve));
    return board;
  }

  #take(client: Socket, [kind = 0, ...report]: Uint8Array): void {
    const bytes = Uint8Array.from(report);
    const write = kind === Frame.set ? decodeWrite(bytes) : undefined;
    if (write) {
      this.writes.push(write);
      this.bits = (bitsAfter(this.bits, write, 8) & ~(this.deaf & ~this.bits)) | (this.welded & this.bits);
    }
    if (this.mute || kind === Frame.hello) return;
    client.write(
      frame(kind, kind === Frame.get ? encodeStatus({ serial: this.#serial, bits: this.bits }) : bytes),
    );
  }

  /** How many speak to it. */
  get clients(): number {
    return this.#clients.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
