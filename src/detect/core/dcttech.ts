/**
 * The reports of dcttech's USB relay boards ("USBRelay1" to "USBRelay8"), as their firmware and Debian's usbrelay have
 * them: 8 bytes, feature reports without an id. Bits of a board: 1 << (channel - 1). Pure.
 */

/** The USB ids of the boards. V-USB lends them to any HID device: the product's name tells. */
export const USB_IDS = { vendor: 0x16c0, product: 0x05df } as const;

export const REPORT_BYTES = 8;
const SERIAL_BYTES = 5;
const STATE_BYTE = 7;
const MOST_CHANNELS = 8;

/** What a board can be told. Channels count from 1. */
export type BoardWrite =
  | { readonly do: "on"; readonly channel: number }
  | { readonly do: "off"; readonly channel: number }
  | { readonly do: "all_on" }
  | { readonly do: "all_off" };

/** What a board says of itself. */
export type BoardStatus = { readonly serial: string; readonly bits: number };

const CODES = { on: 0xff, all_on: 0xfe, off: 0xfd, all_off: 0xfc } as const;

/** How many relays a product has by its name, undefined when it is none of these boards. */
export function channelsOf(product: string): number | undefined {
  const [, digit] = /USBRelay([1-8])$/.exec(product.trim()) ?? [];
  return digit === undefined ? undefined : Number(digit);
}

/** The report that tells a board something. */
export function encodeWrite(write: BoardWrite): Uint8Array {
  const report = new Uint8Array(REPORT_BYTES);
  report[0] = CODES[write.do];
  if (write.do === "on" || write.do === "off") report[1] = write.channel;
  return report;
}

/** What a report tells a board; undefined for what a board ignores. */
export function decodeWrite(report: Uint8Array): BoardWrite | undefined {
  const [code, channel = 0] = report;
  const [name] = Object.entries(CODES).find(([, each]) => each === code) ?? [];
  if (report.length !== REPORT_BYTES || name === undefined) return undefined;
  if (name === "all_on" || name === "all_off") return { do: name };
  return channel >= 1 && channel <= MOST_CHANNELS ? { do: name as "on" | "off", channel } : undefined;
}

/** What a board with so many relays comes to by a write. One to a relay that it doesn't have changes nothing. */
export function bitsAfter(bits: number, write: BoardWrite, channels: number): number {
  const all = (1 << channels) - 1;
  if (write.do === "all_on") return all;
  if (write.do === "all_off") return 0;
  const bit = (1 << (write.channel - 1)) & all;
  return write.do === "on" ? bits | bit : bits & ~bit;
}

export function encodeStatus({ serial, bits }: BoardStatus): Uint8Array {
  const report = new Uint8Array(REPORT_BYTES);
  for (let at = 0; at < SERIAL_BYTES; at++) report[at] = at < serial.length ? serial.charCodeAt(at) : 0;
  report[STATE_BYTE] = bits;
  return report;
}

/** @param report as it comes: some systems put the id, 0, before the 8 bytes. @returns undefined when it is no status */
export function decodeStatus(report: Uint8Array): BoardStatus | undefined {
  const bytes = report.length === REPORT_BYTES + 1 && report[0] === 0 ? report.subarray(1) : report;
  const bits = bytes[STATE_BYTE];
  if (bytes.length !== REPORT_BYTES || bits === undefined) return undefined;
  const serial = String.fromCharCode(...bytes.subarray(0, SERIAL_BYTES)).replace(/\0.*$/s, "");
  // Anything printable may have been written there; what isn't is no serial.
  return /^[\x20-\x7e]*$/.test(serial) ? { serial, bits } : undefined;
}

/** `relays 1 and 3 on`, for people. */
export function bitsText(bits: number): string {
  const on = Array.from({ length: MOST_CHANNELS }, (_, at) => at + 1).filter(
    (channel) => bits & (1 << (channel - 1)),
  );
  if (on.length === 0) return "all off";
  return `${on.length === 1 ? "relay" : "relays"} ${on.join(", ")} on`;
}
