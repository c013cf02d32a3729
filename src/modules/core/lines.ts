/** The longest line that is kept, bytes; of a longer one only so much. */
export const LONGEST_LINE = 64 << 10;

const LINE_FEED = 0x0a;
/** What goes on is a byte of 10xxxxxx in UTF-8. */
const goesOn = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/**
 * What comes of the bytes: the text of a line, or what became of a line that is too long. Its beginning is given at once
 * and followed by `cut: "begun"`; when it ends, by how many bytes of it were left out.
 */
export type Piece = string | { readonly cut: "begun" | number };

const text = (bytes: Uint8Array): string => decoder.decode(bytes);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const withoutReturn = (line: string): string => (line.endsWith("\r") ? line.slice(0, -1) : line);

/**
 * Makes lines of bytes, however they are cut into chunks; a line ends with `\n` or `\r\n`. What isn't UTF-8 is replaced
 * (U+FFFD). It holds half a line at most, of at most {@link LONGEST_LINE}.
 */
export class LineSplitter {
  #half = new Uint8Array(0);
  #held = 0;
  #cut: number | undefined;

  /** @param cut as {@link LineSplitter.cut} was, to go on where another one ended that held nothing */
  constructor(cut?: number) {
    this.#cut = cut;
  }

  /** How many bytes it holds: half a line, nothing of which was given. */
  get held(): number {
    return this.#held;
  }

  /** How many bytes were left out of the line that it is in; undefined unless it is in one that is too long. */
  get cut(): number | undefined {
    return this.#cut;
  }

  /** The lines that end in a chunk, in order. The chunk isn't kept. */
  feed(chunk: Uint8Array): Piece[] {
    const pieces: Piece[] = [];
    let from = this.#cut === undefined && this.#held === 0 ? 0 : this.#goOn(chunk, pieces);
    while (from < chunk.length) {
      // All lines that end within this reach are short enough: they are decoded as one.
      const end = chunk.lastIndexOf(LINE_FEED, from + LONGEST_LINE);
      if (end >= from) {
        const lines = text(chunk.subarray(from, end));
        const ended = lines.includes("\r") ? lines.split("\n").map(withoutReturn) : lines.split("\n");
        for (const line of ended) pieces.push(line);
        from = end + 1;
      } else from = this.#begin(chunk, from, pieces);
    }
    return pieces;
  }

  /** What it holds, as a line; to be asked for when nothing comes after it. */
  flush(): Piece[] {
    const pieces: Piece[] = [];
    if (this.#cut !== undefined) pieces.push({ cut: this.#cut });
    else if (this.#held > 0) pieces.push(withoutReturn(text(this.#half.subarray(0, this.#held))));
    this.#cut = undefined;
    this.#release();
    return pieces;
  }

  /** Takes the rest of the line that it is in. @returns where the next one begins */
  #goOn(chunk: Uint8Array, pieces: Piece[]): number {
    const end = chunk.indexOf(LINE_FEED);
    const rest = end < 0 ? chunk : chunk.subarray(0, end);
    if (this.#cut === undefined && this.#held + rest.length <= LONGEST_LINE) {
      this.#hold(rest);
    } else if (this.#cut === undefined) {
      const room = LONGEST_LINE - this.#held;
      this.#hold(rest.subarray(0, room));
      this.#shorten(rest[room], rest.length - room, pieces);
    } else this.#cut += rest.length;
    if (end < 0) return chunk.length;
    for (const piece of this.flush()) pieces.push(piece);
    return end + 1;
  }

  /** Begins with a line that doesn't end in this chunk, or is too long. @returns where there is more to look at */
  #begin(chunk: Uint8Array, from: number, pieces: Piece[]): number {
    const reach = from + LONGEST_LINE;
    this.#hold(chunk.subarray(from, reach));
    if (chunk.length <= reach) return chunk.length;
    this.#shorten(chunk[reach], 0, pieces);
    return reach + this.#goOn(chunk.subarray(reach), pieces);
  }

  /** Gives what is held of a line that turns out too long, up to a whole character; `more` bytes of it came after. */
  #shorten(next: number | undefined, more: number, pieces: Piece[]): void {
    let end = this.#held;
    if (goesOn(next)) {
      // A character has 4 bytes at most; what goes on longer isn't UTF-8.
      while (end > this.#held - 3 && goesOn(this.#half[end - 1])) end--;
      end--;
    }
    pieces.push(text(this.#half.subarray(0, end)), { cut: "begun" });
    this.#cut = this.#held - end + more;
    this.#release();
  }

  #hold(bytes: Uint8Array): void {
    const length = this.#held + bytes.length;
    if (length > this.#half.length) {
      const larger = new Uint8Array(Math.min(LONGEST_LINE, Math.max(length, 2 * this.#half.length, 256)));
      larger.set(this.#half.subarray(0, this.#held));
      this.#half = larger;
    }
    this.#half.set(bytes, this.#held);
    this.#held = length;
  }

  /** One long line is no reason to keep so much memory. */
  #release(): void {
    this.#held = 0;
    if (this.#half.length > 4096) this.#half = new Uint8Array(0);
  }
}
