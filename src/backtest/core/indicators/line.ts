import type { Line } from "../strategy.ts";

/** Moves a line to its value at the next bar. Not a method: a strategy must not be able to. */
export let move: (line: PlainLine, value: number) => void;

/** Makes a line's `previous` what its `value` is. */
export let settle: (line: PlainLine) => void;

/** A line of doubles. */
export class PlainLine implements Line {
  #value = Number.NaN;
  #previous = Number.NaN;

  constructor() {
    if (new.target === PlainLine) Object.freeze(this);
  }

  get value(): number {
    return this.#value;
  }

  get previous(): number {
    return this.#previous;
  }

  static {
    move = (line, value) => {
      line.#previous = line.#value;
      line.#value = value;
    };
    settle = (line) => {
      line.#previous = line.#value;
    };
  }
}
