/**
 * The last of an MPEG transport stream (ISO/IEC 13818-1) with one video in it, in memory, to be cut at keyframes. Pure.
 */

const PACKET = 188;
const SYNC = 0x47;
const PAT = 0;

/** Bytes, and when they arrived, monotonic ms. */
type Piece = { readonly at: number; readonly bytes: Uint8Array };
/** A keyframe and all up to the next. */
type Group = { readonly at: number; readonly tables: Uint8Array; readonly pieces: Piece[]; size: number };

export class StreamTail {
  readonly #keepMs: number;
  readonly #largest: number;
  /** What has come of a packet that isn't whole. */
  #rest: Uint8Array = new Uint8Array();
  /** The newest program association and program map, which whoever reads on from a keyframe needs before it. */
  #pat: Uint8Array = new Uint8Array();
  #pmt: Uint8Array = new Uint8Array();
  #pmtPid: number | undefined;
  /** The oldest first. */
  #groups: Group[] = [];
  #size = 0;
  /** Where cuts that are still to be made begin. */
  readonly #wanted = new Set<{ readonly from: number }>();

  /** @param largest what is kept at most, bytes */
  constructor(keepMs: number, largest: number) {
    this.#keepMs = keepMs;
    this.#largest = largest;
  }

  /** Bytes that are held. */
  get size(): number {
    return this.#size;
  }

  /** Keeps what a cut from then on needs, as far as there is room, until it is disposed. */
  want(from: number): Disposable {
    const wanted = { from };
    this.#wanted.add(wanted);
    return { [Symbol.dispose]: () => void this.#wanted.delete(wanted) };
  }

  /** @param at when they arrived, monotonic ms @throws Error when that is no transport stream */
  add(bytes: Uint8Array, at: number): void {
    const all = this.#rest.length === 0 ? bytes : joined([this.#rest, bytes]);
    const whole = all.length - (all.length % PACKET);
    this.#rest = all.slice(whole);
    let from = 0;
    for (let packet = 0; packet < whole; packet += PACKET) {
      if (all[packet] !== SYNC) throw new Error("what ffmpeg copies is no transport stream");
      this.#note(all.subarray(packet, packet + PACKET));
      if (!isKeyframe(all, packet)) continue;
      this.#append(all.slice(from, packet), at);
      from = packet;
      this.#groups.push({ at, tables: joined([this.#pat, this.#pmt]), pieces: [], size: 0 });
    }
    this.#append(all.slice(from, whole), at);
    this.#trim(at);
  }

  /** From the last keyframe at or before `from`, else the first there is, to `to`; undefined when there is nothing of it. */
  cut(from: number, to: number): Uint8Array | undefined {
    const before = this.#groups.findLastIndex(({ at }) => at <= from);
    const groups = this.#groups.slice(Math.max(0, before));
    const [first] = groups;
    if (!first || first.at > to) return undefined;
    const pieces = groups.flatMap((group) => group.pieces).filter(({ at }) => at <= to);
    return joined([first.tables, ...pieces.map(({ bytes }) => bytes)]);
  }

  /** Remembers a table. */
  #note(packet: Uint8Array): void {
    const pid = (((packet[1] as number) & 0x1f) << 8) | (packet[2] as number);
    if (pid === PAT) {
      this.#pat = packet.slice();
      // After the packet's header, the pointer, the section's header and the program's number.
      this.#pmtPid = (((packet[15] as number) & 0x1f) << 8) | (packet[16] as number);
    } else if (pid === this.#pmtPid) this.#pmt = packet.slice();
  }

  /** What comes before the first keyframe can't be decoded. */
  #append(bytes: Uint8Array, at: number): void {
    const group = this.#groups.at(-1);
    if (!group || bytes.length === 0) return;
    group.pieces.push({ at, bytes });
    group.size += bytes.length;
    this.#size += bytes.length;
  }

  #trim(now: number): void {
    const oldest = Math.min(now - this.#keepMs, ...[...this.#wanted].map(({ from }) => from));
    const isOver = () =>
      this.#size > this.#largest || (this.#groups[1]?.at ?? Number.POSITIVE_INFINITY) <= oldest;
    while (isOver()) this.#size -= this.#groups.shift()?.size ?? 0;
  }
}

/** Whether a frame that can be decoded alone begins here: `random_access_indicator` of the adaptation field. */
function isKeyframe(bytes: Uint8Array, at: number): boolean {
  const begins = ((bytes[at + 1] as number) & 0x40) !== 0;
  const adapted = ((bytes[at + 3] as number) & 0x20) !== 0 && (bytes[at + 4] as number) > 0;
  return begins && adapted && ((bytes[at + 5] as number) & 0x40) !== 0;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
