import { openSync, read, writeSync } from "node:fs";

/**
 * A relay board as dcttech makes them, made in the kernel through /dev/uhid: to whoever opens its hidraw device it is one
 * that is plugged in. Numbers and layouts are those of linux/uhid.h (struct uhid_event, packed). Needs root.
 */

/** As the boards' own: one feature report of 8 bytes, without an id. */
const DESCRIPTOR = Uint8Array.from([
  0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x08, 0x09, 0x00,
  0xb2, 0x02, 0x01, 0xc0,
]);
const UHID = {
  destroy: 1,
  start: 2,
  output: 6,
  getReport: 9,
  getReportReply: 10,
  create: 11,
  setReport: 13,
  setReportReply: 14,
};
const EVENT_BYTES = 4 + 4372;
const BUS_USB = 3;

/** A write that the board took, and what its relays were after it: bits, 1 << (channel - 1). */
export type Write = {
  /** Ms of a clock that all processes share. */
  readonly at: number;
  /** How it came: `output` by write(2), as usbrelay does it. */
  readonly via: "feature" | "output";
  readonly code: number;
  readonly channel: number;
  readonly bits: number;
};

/** Ms of a clock that all processes of the machine share, as long as nobody sets it. */
export const now = (): number => performance.timeOrigin + performance.now();

export class UhidBoard {
  readonly #fd = openSync("/dev/uhid", "r+");
  readonly #serial: string;
  readonly #channels: number;
  readonly #told: (write: Write) => void;
  #bits = 0;
  /** Whether what is read now was asked of it since it was plugged in last. */
  #isStarted = false;

  /** @param serial five characters @param told called after each write */
  constructor(serial: string, channels: number, told: (write: Write) => void) {
    this.#serial = serial;
    this.#channels = channels;
    this.#told = told;
    this.#listen();
  }

  /** Its relays are off then: they have had no power. */
  plug(): void {
    this.#bits = 0;
    this.#event(UHID.create, (body) => {
      body.write(`USBRelay${this.#channels}`, 0, "latin1");
      body.write("virtual/input0", 128, "latin1");
      const at = 128 + 64 + 64;
      body.writeUInt16LE(DESCRIPTOR.length, at);
      body.writeUInt16LE(BUS_USB, at + 2);
      body.writeUInt32LE(0x16c0, at + 4);
      body.writeUInt32LE(0x05df, at + 8);
      body.writeUInt32LE(0x0100, at + 12);
      body.set(DESCRIPTOR, at + 20);
    });
  }

  unplug(): void {
    this.#isStarted = false;
    this.#event(UHID.destroy, () => {});
  }

  #event(type: number, fill: (body: Buffer) => void): void {
    const event = Buffer.alloc(EVENT_BYTES);
    event.writeUInt32LE(type, 0);
    fill(event.subarray(4));
    writeSync(this.#fd, event);
  }

  #listen(): void {
    const event = Buffer.alloc(EVENT_BYTES);
    read(this.#fd, event, 0, EVENT_BYTES, null, (error) => {
      if (error) throw error;
      this.#answer(event.readUInt32LE(0), event.subarray(4));
      this.#listen();
    });
  }

  #answer(type: number, body: Buffer): void {
    if (type === UHID.start) this.#isStarted = true;
    // Asked before it was pulled, read after, maybe when it is back: nobody waits for the answer, and while it is away
    // the kernel refuses that with EINVAL. The kernel says `start` before it asks anything of a board that is plugged in.
    if (!this.#isStarted) return;
    if (type === UHID.output) {
      this.#take(body.subarray(0, body.readUInt16LE(4096)), "output");
    } else if (type === UHID.setReport) {
      const id = body.readUInt32LE(0);
      this.#take(body.subarray(8, 8 + body.readUInt16LE(6)), "feature");
      this.#event(UHID.setReportReply, (reply) => reply.writeUInt32LE(id, 0));
    } else if (type === UHID.getReport) {
      const id = body.readUInt32LE(0);
      const status = Buffer.alloc(8);
      status.write(this.#serial, 0, "latin1");
      status[7] = this.#bits;
      // The kernel's driver for USB puts the id before the report where that is 0, and here stands in its place.
      const report = body[4] === 0 ? Buffer.concat([Buffer.alloc(1), status]) : status;
      this.#event(UHID.getReportReply, (reply) => {
        reply.writeUInt32LE(id, 0);
        reply.writeUInt16LE(report.length, 6);
        reply.set(report, 8);
      });
    }
  }

  #take(report: Buffer, via: Write["via"]): void {
    const [code = 0, channel = 0] = report.length === 9 ? report.subarray(1) : report;
    const all = (1 << this.#channels) - 1;
    const bit = channel >= 1 ? (1 << (channel - 1)) & all : 0;
    if (code === 0xff) this.#bits |= bit;
    else if (code === 0xfd) this.#bits &= ~bit;
    else if (code === 0xfe) this.#bits = all;
    else if (code === 0xfc) this.#bits = 0;
    this.#told({ at: now(), via, code, channel, bits: this.#bits });
  }
}
