import { readdirSync, statSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { message } from "../../../../kernel/errors.ts";
import { LATE, within } from "../../../../kernel/stack.ts";

/**
 * The IPC of sway, which is i3's: a unix socket with messages of `i3-ipc`, the length and the type of the payload, and
 * JSON (sway-ipc(7), https://i3wm.org/docs/ipc.html). Replies come in the order of the requests, events in between.
 */

/** Types of requests. */
export const Ask = { subscribe: 2, outputs: 3, tree: 4 } as const;
/** The bit that the types of events have. */
const EVENT = 0x8000_0000;
const MAGIC = Buffer.from("i3-ipc");
const HEADER = MAGIC.length + 8;
/** The numbers in a header are in the machine's order. All that stint is built for have the low byte first. */
const header = (type: number, length: number): Buffer => {
  const bytes = Buffer.alloc(HEADER);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(length, MAGIC.length);
  bytes.writeUInt32LE(type, MAGIC.length + 4);
  return bytes;
};
/** Nothing that sway says is longer. */
const LONGEST = 64 << 20;
/** How long sway may take to answer, ms. */
const ANSWER_MS = 2_000;

/**
 * Where sway may be listening, the likeliest first: it may have been started anew since this process was, under another
 * name. Empty where there is none.
 */
export function swaySockets(env: NodeJS.ProcessEnv): string[] {
  const given = env["SWAYSOCK"];
  return [...new Set([...(given ? [given] : []), ...running(env["XDG_RUNTIME_DIR"] ?? "")])];
}

/** Those in the run folder, the newest first. */
function running(folder: string): string[] {
  try {
    const paths = readdirSync(folder)
      .filter((name) => /^sway-ipc\..+\.sock$/.test(name))
      .map((name) => join(folder, name));
    const made = new Map(paths.map((path) => [path, statSync(path).mtimeMs]));
    return paths.sort((a, b) => (made.get(b) ?? 0) - (made.get(a) ?? 0));
  } catch {
    return [];
  }
}

type Waiting = { resolve(reply: unknown): void; reject(error: Error): void };

/** A connection to sway. */
export class Ipc implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  readonly #waiting: Waiting[] = [];
  readonly #heard: () => void;
  #bytes: Buffer = Buffer.alloc(0);
  #gone: Error | undefined;
  #closing = false;

  private constructor(socket: Socket, signal: AbortSignal, told: Told) {
    this.#socket = socket;
    this.#signal = signal;
    this.#heard = told.event ?? (() => {});
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => {
      const expected = this.#closing;
      this.#end(new Error("sway is gone"));
      if (!expected) told.lost(this.#gone);
    });
  }

  /** @param signal nothing is waited for any more when it aborts @throws Error when no sway listens */
  static async connect(env: NodeJS.ProcessEnv, signal: AbortSignal, told: Told): Promise<Ipc> {
    let failure: unknown = new Error("sway isn't running: SWAYSOCK isn't set");
    for (const path of swaySockets(env)) {
      try {
        return new Ipc(await connectUnix(path, signal), signal, told);
      } catch (error) {
        failure = error;
        if (signal.aborted) break;
      }
    }
    throw new Error(`sway can't be reached: ${message(failure)}`);
  }

  /** What sway answers: JSON, unchecked. @throws Error when it doesn't, or is gone */
  async ask(type: number, payload = ""): Promise<unknown> {
    if (this.#gone) throw this.#gone;
    const reply = new Promise<unknown>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    const bytes = Buffer.from(payload);
    this.#socket.write(Buffer.concat([header(type, bytes.length), bytes]));
    const got = await within(reply, { ms: ANSWER_MS, signal: this.#signal });
    if (got !== LATE) return got;
    // What comes later would be taken for the answer to another question.
    reply.catch(() => {});
    const error = new Error(this.#signal.aborted ? "told to leave" : "sway doesn't answer");
    this.#end(error);
    throw error;
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= HEADER) {
      const length = this.#bytes.readUInt32LE(MAGIC.length);
      const type = this.#bytes.readUInt32LE(MAGIC.length + 4);
      if (!this.#bytes.subarray(0, MAGIC.length).equals(MAGIC) || length > LONGEST) {
        this.#end(new Error("what listens at SWAYSOCK isn't sway"));
        return;
      }
      if (this.#bytes.length < HEADER + length) return;
      const payload = this.#bytes.subarray(HEADER, HEADER + length);
      this.#bytes = this.#bytes.subarray(HEADER + length);
      if (type >= EVENT) this.#heard();
      else this.#answer(payload.toString());
    }
  }

  #answer(text: string): void {
    const waiting = this.#waiting.shift();
    try {
      waiting?.resolve(JSON.parse(text));
    } catch {
      waiting?.reject(new Error("sway answered with what isn't JSON"));
    }
  }

  #end(error: Error): void {
    this.#gone ??= error;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#gone);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#end(new Error("closed"));
  }
}

/** What a connection tells: that something it subscribed to has happened, and that it is no more. */
type Told = { event?: () => void; lost(error: unknown): void };

/** A connected socket. @throws Error when nobody listens there, or the signal aborts */
export async function connectUnix(path: string, signal: AbortSignal): Promise<Socket> {
  const socket = createConnection(path);
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  try {
    if ((await within(connected, { ms: ANSWER_MS, signal })) === LATE)
      throw new Error(`${path} doesn't answer`);
    return socket;
  } catch (error) {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  }
}
