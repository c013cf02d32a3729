/** The longest line that is kept, bytes; of a longer one only so much. */
export const LONGEST_LINE = 64 << 10;

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
/** What goes on is a byte of 10xxxxxx in UTF-8. */
const goesOn = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/**
 * What comes of the bytes: the text of a line, or what became of a line that is too long. Its beginning is given at once
 * and followed by `cut: "begun"`; when it ends, by how many bytes of it were left out.
 */
export type Piece = string | { readonly cut: "begun" | number };

const text = (bytes: Uint8Array): string => decoder.decode(bytes);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function withoutReturns(line: string): string {
  let end = line.length;
  while (line[end - 1] === "\r") end--;
  return line.slice(0, end);
}

/** Where the first end of a line is, -1 when there is none. */
function firstEnd(chunk: Uint8Array, from: number): number {
  const feed = chunk.indexOf(LINE_FEED, from);
  const found = chunk.subarray(from, feed < 0 ? undefined : feed).indexOf(RETURN);
  return found < 0 ? feed : from + found;
}

/** Where the last end of a line is up to `to`; less than `from` when there is none. */
function lastEnd(chunk: Uint8Array, from: number, to: number): number {
  const feed = Math.max(from - 1, chunk.lastIndexOf(LINE_FEED, to));
  const found = chunk.subarray(feed + 1, to + 1).lastIndexOf(RETURN);
  return found < 0 ? feed : feed + 1 + found;
}

/**
 * Makes lines of bytes, however they are cut into chunks. A line ends with `\n`, with `\r\n`, or with `\r` alone, as
 * progress that is printed over itself does; an empty one that ends with `\r` alone is none. What isn't UTF-8 is
 * replaced (U+FFFD). It holds half a line at most, of at most {@link LONGEST_LINE}.
 */
export class LineSplitter {
  #half = new Uint8Array(0);
  #held = 0;
  #cut: number | undefined;
  /** What the last byte was, if it was `\r`: the end of a line that was given, or it stood alone. `\n` may follow. */
  #return: "end" | "alone" | undefined;

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
    let from = 0;
    while (from < chunk.length) {
      if (this.#return) from = this.#afterReturn(chunk, from, pieces);
      else if (this.#cut !== undefined || this.#held > 0) from = this.#goOn(chunk, from, pieces);
      else {
        // All lines that end within this reach are short enough: they are decoded as one.
        const end = lastEnd(chunk, from, from + LONGEST_LINE);
        if (end >= from) this.#split(text(chunk.subarray(from, end + 1)), pieces);
        from = end >= from ? end + 1 : this.#begin(chunk, from, pieces);
      }
    }
    return pieces;
  }

  /** What it holds, as a line; to be asked for when nothing comes after it that belongs to it. */
  flush(): Piece[] {
    const pieces: Piece[] = [];
    if (this.#cut !== undefined) pieces.push({ cut: this.#cut });
    else if (this.#held > 0) pieces.push(text(this.#half.subarray(0, this.#held)));
    this.#cut = undefined;
    this.#return = undefined;
    this.#release();
    return pieces;
  }

  /** Gives the lines of a text that ends where a line does. */
  #split(whole: string, pieces: Piece[]): void {
    const lines = whole.split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.includes("\r")) pieces.push(line);
      else {
        const kept = withoutReturns(line);
        // `\r\n` after an end is a line without anything in it.
        if (kept === "") pieces.push(kept);
        for (const part of kept.split("\r")) if (part !== "") pieces.push(part);
      }
    }
    if (last === "") return;
    const parts = last.split("\r").filter((part) => part !== "");
    for (const part of parts) pieces.push(part);
    this.#return = parts.length > 0 ? "end" : "alone";
  }

  /** Takes what belongs to a `\r`. @returns where what comes after it begins */
  #afterReturn(chunk: Uint8Array, from: number, pieces: Piece[]): number {
    let next = from;
    while (chunk[next] === RETURN) next++;
    if (next === chunk.length) return next;
    const isEnd = chunk[next] === LINE_FEED;
    if (isEnd && this.#return === "alone") pieces.push("");
    this.#return = undefined;
    return isEnd ? next + 1 : next;
  }

  /** Takes the rest of the line that it is in. @returns where the next one begins */
  #goOn(chunk: Uint8Array, from: number, pieces: Piece[]): number {
    const end = firstEnd(chunk, from);
    const rest = chunk.subarray(from, end < 0 ? undefined : end);
    if (this.#cut === undefined && this.#held + rest.length <= LONGEST_LINE) {
      this.#hold(rest);
    } else if (this.#cut === undefined) {
      const room = LONGEST_LINE - this.#held;
      this.#hold(rest.subarray(0, room));
      this.#shorten(rest[room], rest.length - room, pieces);
    } else this.#cut += rest.length;
    if (end < 0) return chunk.length;
    for (const piece of this.flush()) pieces.push(piece);
    if (chunk[end] === RETURN) this.#return = "end";
    return end + 1;
  }

  /** Begins with a line that doesn't end in this chunk, or is too long. @returns where there is more to look at */
  #begin(chunk: Uint8Array, from: number, pieces: Piece[]): number {
    const reach = from + LONGEST_LINE;
    this.#hold(chunk.subarray(from, reach));
    if (chunk.length <= reach) return chunk.length;
    this.#shorten(chunk[reach], 0, pieces);
    return reach;
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
