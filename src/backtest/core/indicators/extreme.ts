/**
 * The highest (`sign` 1) or lowest (-1) of the last `length` values. It keeps only those that can still become the answer,
 * each better than all after it, so a bar costs the same on average however long the window is.
 */
export class Extreme {
  readonly #length: number;
  readonly #sign: 1 | -1;
  readonly #mask: number;
  readonly #values: Float64Array;
  readonly #indexes: Float64Array;
  // Places in the ring; both only grow.
  #first = 0;
  #end = 0;

  constructor(length: number, sign: 1 | -1) {
    this.#length = length;
    this.#sign = sign;
    const room = 2 ** Math.ceil(Math.log2(length));
    this.#mask = room - 1;
    this.#values = new Float64Array(room);
    this.#indexes = new Float64Array(room);
  }

  /** Takes the value at bar `index`. @returns the extreme of it and those before it in the window */
  next(value: number, index: number): number {
    const values = this.#values;
    const mask = this.#mask;
    const signed = value * this.#sign;
    if (this.#first < this.#end && (this.#indexes[this.#first & mask] as number) <= index - this.#length) {
      this.#first++;
    }
    while (this.#first < this.#end && (values[(this.#end - 1) & mask] as number) <= signed) this.#end--;
    values[this.#end & mask] = signed;
    this.#indexes[this.#end & mask] = index;
    this.#end++;
    return (values[this.#first & mask] as number) * this.#sign;
  }
}
