import { createConnection, type Socket } from "node:net";
import { Exit, Expected, errno, message } from "../../../kernel/errors.ts";
import { LATE, within } from "../../../kernel/stack.ts";
import { decodeStatus, REPORT_BYTES } from "../../core/dcttech.ts";
import type { BoardConfig } from "../../core/installation.ts";
import { CALL_MS, ReportBoard } from "./board.ts";

/**
 * A simulated board is a process that is spoken to over a unix socket. Frames are of 9 bytes, both ways: what it is,
 * then 8 bytes. The board answers `SET` with the report that it took, and `GET` with its status; `HELLO`, with the pid of
 * whoever speaks, isn't answered.
 */
export const Frame = { hello: 0x01, set: 0x02, get: 0x03 } as const;
const FRAME_BYTES = 1 + REPORT_BYTES;

export function frame(kind: number, payload: Uint8Array = new Uint8Array(REPORT_BYTES)): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES);
  bytes[0] = kind;
  bytes.set(payload, 1);
  return bytes;
}

/** Makes frames of what comes in pieces. */
export class Frames {
  #rest = new Uint8Array();

  push(piece: Uint8Array): Uint8Array[] {
    const bytes = new Uint8Array(this.#rest.length + piece.length);
    bytes.set(this.#rest);
    bytes.set(piece, this.#rest.length);
    const whole = Math.floor(bytes.length / FRAME_BYTES);
    this.#rest = bytes.slice(whole * FRAME_BYTES);
    return Array.from({ length: whole }, (_, at) => bytes.subarray(at * FRAME_BYTES, (at + 1) * FRAME_BYTES));
  }
}

/** One connection to it. Answers come in the order of the questions. */
class Connection {
  readonly #socket: Socket;
  readonly #waiting: { resolve(report: Uint8Array): void; reject(error: Error): void }[] = [];
  #gone: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const frames = new Frames();
    socket.on("data", (piece: Uint8Array) => {
      for (const answer of frames.push(piece)) this.#waiting.shift()?.resolve(answer.subarray(1));
    });
    const over = (why: string) => {
      this.#gone ??= new Error(why);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#gone);
    };
    socket.on("error", (error) => over(`it is gone: ${errno(error) ?? message(error)}`));
    socket.on("close", () => over("it is gone"));
    const hello = new Uint8Array(REPORT_BYTES);
    new DataView(hello.buffer).setUint32(0, process.pid, true);
    socket.write(frame(Frame.hello, hello));
  }

  /** @throws what the system says when nobody listens there */
  static async to(path: string): Promise<Connection> {
    const socket = createConnection(path);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("connect", resolve);
    socket.once("error", reject);
    try {
      if ((await within(promise, { ms: CALL_MS })) === LATE) throw new Error("it doesn't answer");
    } catch (error) {
      // What else it may say is of no interest.
      socket.on("error", () => {});
      socket.destroy();
      throw error;
    }
    socket.removeListener("error", reject);
    return new Connection(socket);
  }

  ask(kind: number, report?: Uint8Array): Promise<Uint8Array> {
    if (this.#gone) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(frame(kind, report));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

class RelaySimulator extends ReportBoard {
  readonly #connection: Connection;

  constructor(connection: Connection, serial: string, path: string, channels: number) {
    super(serial, path, channels);
    this.#connection = connection;
  }

  protected async send(report: Uint8Array): Promise<void> {
    await this.#connection.ask(Frame.set, report);
  }

  protected receive(): Promise<Uint8Array> {
    return this.#connection.ask(Frame.get);
  }

  protected async close(): Promise<void> {
    this.#connection.close();
  }
}

/** @throws Expected 69 when it isn't there or is another; Error when it doesn't answer */
export async function openSimulator({ name, socket, serial, channels }: BoardConfig): Promise<ReportBoard> {
  if (socket === null) throw new Expected(Exit.unavailable, `the simulated board ${name} isn't running`);
  const connection = await Connection.to(socket).catch((error: unknown) => {
    const code = errno(error);
    if (code === undefined) throw error;
    throw new Expected(Exit.unavailable, `there is no simulated board at ${socket} (${code})`);
  });
  try {
    const answer = await within(connection.ask(Frame.get), { ms: CALL_MS });
    if (answer === LATE) throw new Error(`it doesn't answer within ${CALL_MS / 1000} s`);
    const status = decodeStatus(answer);
    if (!status) throw new Error("it answers as no relay board does");
    if (serial !== null && status.serial !== serial) {
      const what = `the serial of the board at ${socket} is ${status.serial}, not ${serial}`;
      throw new Expected(Exit.unavailable, what);
    }
    return new RelaySimulator(connection, status.serial, socket, channels);
  } catch (error) {
    connection.close();
    throw error;
  }
}
