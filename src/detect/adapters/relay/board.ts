import { LATE, within } from "../../../kernel/stack.ts";
import {
  type BoardStatus,
  type BoardWrite,
  bitsAfter,
  bitsText,
  decodeStatus,
  encodeWrite,
} from "../../core/dcttech.ts";

/** One open relay board. Any call that fails leaves it unknown: it is to be disposed, and opened anew. */
export interface RelayInterface extends AsyncDisposable {
  /** As the board says it; empty when it has none. */
  readonly serial: string;
  /** Where it is: a device, or the socket of a simulated one. The same board has the same. */
  readonly path: string;
  readonly channels: number;
  /** Bits: 1 << (channel - 1). @throws when it is gone, or doesn't answer within a second */
  read(): Promise<number>;
  /**
   * Switches one relay and reads back. @returns what the board says of all of them
   * @throws NotAsTold when it doesn't say what it was told; Error when it is gone or doesn't answer within a second
   */
  set(channel: number, on: boolean): Promise<number>;
  /** Switches all off and reads back. @throws as {@link set} */
  allOff(): Promise<void>;
}

/** The board answers, and isn't as it was told to be. */
export class NotAsTold extends Error {
  override readonly name = "NotAsTold";
  /** What it says. */
  readonly bits: number;

  constructor(bits: number, told: string) {
    super(`it was told ${told}, and says ${bitsText(bits)}`);
    this.bits = bits;
  }
}

/** How long one call may take, its read-back with it, ms. */
export const CALL_MS = 1_000;

/**
 * A board that speaks dcttech's reports, however they are carried. Its calls follow one another. After one that hangs
 * none is made: what it was about to do may still happen.
 */
export abstract class ReportBoard implements RelayInterface {
  readonly serial: string;
  readonly path: string;
  readonly channels: number;
  #turn: Promise<void> = Promise.resolve();
  #unusable: string | undefined;

  constructor(serial: string, path: string, channels: number) {
    this.serial = serial;
    this.path = path;
    this.channels = channels;
  }

  /** Has the board take a report. */
  protected abstract send(report: Uint8Array): Promise<void>;
  /** Asks it for its status. */
  protected abstract receive(): Promise<Uint8Array>;
  /** Gives back what is held of it. */
  protected abstract close(): Promise<void>;

  read(): Promise<number> {
    return this.#inTurn(async () => (await this.#status()).bits);
  }

  set(channel: number, on: boolean): Promise<number> {
    // The board ignores it, and says what it said before.
    if (!Number.isInteger(channel) || channel < 1 || channel > this.channels) {
      return Promise.reject(new Error(`it has no relay ${channel}: there are ${this.channels}`));
    }
    const write: BoardWrite = { do: on ? "on" : "off", channel };
    return this.#inTurn(async () => {
      await this.send(encodeWrite(write));
      const { bits } = await this.#status();
      if (bitsAfter(bits, write, this.channels) !== bits) {
        throw new NotAsTold(bits, `relay ${channel} ${write.do}`);
      }
      return bits;
    });
  }

  allOff(): Promise<void> {
    return this.#inTurn(async () => {
      await this.send(encodeWrite({ do: "all_off" }));
      const { bits } = await this.#status();
      if (bits !== 0) throw new NotAsTold(bits, "all off");
    });
  }

  async #status(): Promise<BoardStatus> {
    const status = decodeStatus(await this.receive());
    if (!status) throw new Error("it answers as no relay board does");
    return status;
  }

  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    const made = this.#turn.then(async () => {
      if (this.#unusable !== undefined) throw new Error(this.#unusable);
      const got = await within(call(), { ms: CALL_MS });
      if (got !== LATE) return got;
      this.#unusable = "it doesn't answer";
      throw new Error(`it doesn't answer within ${CALL_MS / 1000} s`);
    });
    this.#turn = made.then(
      () => {},
      () => {},
    );
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    if (this.#unusable === CLOSED) return;
    this.#unusable = CLOSED;
    await this.close();
  }
}

const CLOSED = "it was closed";
