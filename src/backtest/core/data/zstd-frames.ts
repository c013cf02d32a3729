/**
 * Follows the frames of a zstd file, without unpacking them, to know whether it ends where one does: the runtime's decoder
 * takes a file that is cut short for one that ends there. Source: RFC 8878, sections 3.1.1 and 3.1.2.
 */
export class ZstdFrames {
  /** What stands next, and how many bytes it has. */
  #next: "magic" | "descriptor" | "block" | "skippable" = "magic";
  #needed = 4;
  /** Bytes of it, the lowest first. */
  #value = 0;
  #have = 0;
  /** Bytes that are passed over before it. */
  #skip = 0;
  #checksum = false;

  /** Whether all so far is whole frames. */
  get complete(): boolean {
    return this.#next === "magic" && this.#have === 0 && this.#skip === 0;
  }

  /** Takes the next bytes of the file. @returns false when they can't be zstd */
  feed(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (at === bytes.length) break;
      this.#value += (bytes[at++] as number) * 256 ** this.#have++;
      if (this.#have < this.#needed) continue;
      const value = this.#value;
      this.#value = 0;
      this.#have = 0;
      if (!this.#take(value)) return false;
    }
    return true;
  }

  #take(value: number): boolean {
    switch (this.#next) {
      case "magic":
        if (value === 0xfd2fb528) this.#expect("descriptor", 1);
        else if (value >>> 4 === 0x184d2a5) this.#expect("skippable", 4);
        else return false;
        return true;
      case "skippable":
        this.#expect("magic", 4, value);
        return true;
      case "descriptor": {
        const single = (value & 0x20) !== 0;
        const dictionary = [0, 1, 2, 4][value & 3] as number;
        const size = [single ? 1 : 0, 2, 4, 8][value >> 6] as number;
        this.#checksum = (value & 4) !== 0;
        this.#expect("block", 3, (single ? 0 : 1) + dictionary + size);
        return true;
      }
      case "block": {
        const type = (value >> 1) & 3;
        if (type === 3) return false;
        // A block of one byte repeated holds that byte alone.
        const size = type === 1 ? 1 : value >> 3;
        if ((value & 1) === 0) this.#expect("block", 3, size);
        else this.#expect("magic", 4, size + (this.#checksum ? 4 : 0));
        return true;
      }
    }
  }

  #expect(next: "magic" | "descriptor" | "block" | "skippable", bytes: number, after = 0): void {
    this.#next = next;
    this.#needed = bytes;
    this.#skip = after;
  }
}
