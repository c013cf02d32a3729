import type { Picture } from "./frame.ts";

/**
 * Reads pictures that come one after another as PPM (netpbm's P6): a line each for what it is, its size and its
 * brightest value, then packed RGB. Each says its own size: one that isn't as the first can't be taken for it. Pure.
 */

/** `P6\n65535 65535\n255\n` */
const LONGEST_HEADER = 19;
/** Bytes; far more than any camera's. */
const LARGEST = 64 << 20;

export class PictureReader {
  /** As much of a header as was read. */
  #header = "";
  /** The header of all of them. */
  #first: string | undefined;
  /** The picture that is being read, once its header was. */
  #picture: Picture | undefined;
  #filled = 0;

  /**
   * @returns the last picture that is whole now: what came before it in the same bytes is late already. Undefined when
   *   there is none
   * @throws Error for what is no picture, or one of another size than the first
   */
  take(bytes: Uint8Array): Picture | undefined {
    let last: Picture | undefined;
    for (let at = 0; at < bytes.length; ) {
      if (!this.#picture) {
        this.#take(bytes[at++] as number);
        continue;
      }
      const { data } = this.#picture;
      const taken = bytes.subarray(at, at + data.length - this.#filled);
      data.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled < data.length) break;
      last = this.#picture;
      this.#picture = undefined;
    }
    return last;
  }

  /** A byte of a header. */
  #take(byte: number): void {
    this.#header += String.fromCharCode(byte);
    if (this.#header.length > LONGEST_HEADER) throw new Error("what ffmpeg writes is no picture");
    if (!this.#header.endsWith("\n255\n")) return;
    const [, width = 0, height = 0] = /^P6\n(\d+) (\d+)\n255\n$/.exec(this.#header)?.map(Number) ?? [];
    const bytes = width * height * 3;
    if (bytes === 0 || bytes > LARGEST) throw new Error(`there are no pictures of ${width}×${height}`);
    this.#first ??= this.#header;
    if (this.#header !== this.#first) throw new Error("its pictures have changed their size");
    this.#header = "";
    this.#picture = { data: new Uint8Array(bytes), width, height };
    this.#filled = 0;
  }
}
