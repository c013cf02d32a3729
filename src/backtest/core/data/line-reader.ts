import { DataError } from "../bars.ts";

const NEWLINE = 10;

/** No line of a bar file is this long; a file of another kind may have no line ends at all. */
const LONGEST_LINE = 1 << 20;

/** Takes a file in pieces and gives on whole lines, as many at a time as there are. */
export class LineReader {
  readonly #read: (lines: Uint8Array) => void;
  readonly #row: () => number;
  /** The end of the last piece: a line not complete yet. */
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * @param read given lines, the last byte is a line end; they may be overwritten afterwards
   * @param row how many lines have been read
   */
  constructor(read: (lines: Uint8Array) => void, row: () => number) {
    this.#read = read;
    this.#row = row;
  }

  /** Takes the next bytes of the file; they may be reused afterwards. @throws DataError for a line without an end */
  feed(bytes: Uint8Array): void {
    let from = 0;
    if (this.#rest.length > 0) {
      const lineEnd = bytes.indexOf(NEWLINE) + 1;
      this.#keepRest(joinBytes(this.#rest, lineEnd > 0 ? bytes.subarray(0, lineEnd) : bytes));
      if (lineEnd === 0) return;
      const line = this.#rest;
      this.#rest = new Uint8Array(0);
      this.#read(line);
      from = lineEnd;
    }
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > from) this.#read(bytes.subarray(from, end));
    this.#keepRest(bytes.slice(Math.max(from, end)));
  }

  /** Gives on the last line, if it has no end of its own. */
  end(): void {
    if (this.#rest.length > 0) this.#read(joinBytes(this.#rest, Uint8Array.of(NEWLINE)));
    this.#rest = new Uint8Array(0);
  }

  #keepRest(rest: Uint8Array): void {
    if (rest.length > LONGEST_LINE) {
      throw new DataError(this.#row() + 1, "not a file of bars: the line has no end");
    }
    this.#rest = rest;
  }
}

export function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
