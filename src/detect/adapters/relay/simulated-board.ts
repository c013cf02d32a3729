import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { Context, Options } from "../../../kernel/command.ts";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import { bitsAfter, decodeWrite, encodeStatus } from "../../core/dcttech.ts";
import { monotonicMicros } from "./monotonic.ts";
import { Frame, Frames, frame } from "./simulator.ts";

/** Whoever started it has gone, and nobody has spoken to it for so long: it ends, ms. */
const ALONE_MS = 1_000;

/**
 * `stint detect __board`: a relay board that is a process. SIGUSR1 pulls its plug, SIGUSR2 plugs it in again; its relays
 * stay as they are meanwhile. When its stdin is a pipe, it ends once that has and the last client has left: after a
 * `kill -9` of the host somebody still has to switch it off.
 */
export async function simulate(context: Context, socket: string, options: Options): Promise<number> {
  const { serial, channels, log } = options;
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  using board = new SimulatedBoard(
    socket,
    typeof serial === "string" ? serial : "BITFT",
    typeof channels === "number" ? channels : 8,
    typeof log === "string" ? log : undefined,
    () => end(),
  );
  using _ = context.life.own({ end: () => end(), hurry: async () => {} });
  const unplug = () => board.unplug();
  const plugIn = () => board.plugIn();
  await refuseOther(socket);
  await board.listen();
  process.on("SIGUSR1", unplug).on("SIGUSR2", plugIn);
  const input = fstatSync(0);
  if (input.isFIFO() || input.isSocket()) {
    process.stdin.on("end", () => board.left()).on("error", () => board.left());
    process.stdin.resume();
  }
  context.output.emit({ type: "board", socket, pid: process.pid }, () => `a relay board at ${socket}`);
  await over;
  process.off("SIGUSR1", unplug).off("SIGUSR2", plugIn);
  return Exit.ok;
}

/** What a dead board has left is removed. @throws Expected 75 when a board is there that lives */
async function refuseOther(socket: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createConnection(socket);
  probe.once("connect", () => resolve(true)).on("error", () => resolve(false));
  const lives = await promise;
  probe.destroy();
  if (lives) throw new Expected(Exit.again, `there is a board at ${socket} already`);
  rmSync(socket, { force: true });
}

class SimulatedBoard implements Disposable {
  readonly #socket: string;
  readonly #serial: string;
  readonly #channels: number;
  readonly #log: number | undefined;
  readonly #end: () => void;
  readonly #clients = new Set<Socket>();
  #bits = 0;
  #server: Server | undefined;
  #isPlugged = true;
  /** Whether whoever started it has gone. */
  #isLeft = false;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  /** Where the socket is while it is unplugged. */
  get #hidden(): string {
    return `${this.#socket}.out`;
  }

  constructor(socket: string, serial: string, channels: number, log: string | undefined, end: () => void) {
    this.#socket = socket;
    this.#serial = serial;
    this.#channels = channels;
    this.#log = log === undefined ? undefined : openSync(log, "a", 0o600);
    this.#end = end;
  }

  /** Begins to listen, plugged in. @throws Expected 74 when it can't */
  async listen(): Promise<void> {
    const server = createServer((client) => (this.#isPlugged ? this.#serve(client) : client.destroy()));
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The socket is this user's alone from its first moment.
    const mask = process.umask(0o177);
    server.once("error", reject).listen(this.#socket, resolve);
    try {
      await promise;
    } catch (error) {
      throw new Expected(Exit.io, `${this.#socket} can't be a board: ${errno(error) ?? message(error)}`);
    } finally {
      process.umask(mask);
    }
  }

  /** Nobody finds it, and those who had are cut off. */
  unplug(): void {
    if (!this.#isPlugged) return;
    this.#isPlugged = false;
    renameSync(this.#socket, this.#hidden);
    for (const client of this.#clients) client.destroy();
  }

  plugIn(): void {
    if (this.#isPlugged) return;
    this.#isPlugged = true;
    renameSync(this.#hidden, this.#socket);
  }

  /** Whoever started it has gone. */
  left(): void {
    this.#isLeft = true;
    this.#maybeEnd();
  }

  #maybeEnd(): void {
    clearTimeout(this.#leaving);
    if (this.#isLeft && this.#clients.size === 0) this.#leaving = setTimeout(this.#end, ALONE_MS);
  }

  #serve(client: Socket): void {
    this.#clients.add(client);
    clearTimeout(this.#leaving);
    const frames = new Frames();
    let pid = 0;
    client.on("error", () => {}); // it closes next
    client.on("close", () => {
      this.#clients.delete(client);
      this.#maybeEnd();
    });
    client.on("data", (piece: Uint8Array) => {
      for (const [kind = 0, ...report] of frames.push(piece)) {
        const bytes = Uint8Array.from(report);
        if (kind === Frame.hello) pid = new DataView(bytes.buffer).getUint32(0, true);
        else if (kind === Frame.get) {
          client.write(frame(kind, encodeStatus({ serial: this.#serial, bits: this.#bits })));
        } else if (kind === Frame.set) {
          this.#write(bytes, pid);
          client.write(frame(kind, bytes));
        } else {
          client.destroy();
          return;
        }
      }
    });
  }

  #write(report: Uint8Array, pid: number): void {
    const at = monotonicMicros();
    const before = this.#bits;
    const write = decodeWrite(report);
    if (write) this.#bits = bitsAfter(before, write, this.#channels);
    if (this.#log === undefined) return;
    const line = { at_us: at, pid, ...(write ?? { do: "nothing" }), before, bits: this.#bits };
    writeSync(this.#log, `${JSON.stringify(line)}\n`);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#leaving);
    for (const client of this.#clients) client.destroy();
    this.#server?.close();
    for (const path of [this.#socket, this.#hidden]) rmSync(path, { force: true });
    if (this.#log !== undefined) closeSync(this.#log);
  }
}
