/** Counts of each of the last minutes. */
export class Minutes {
  readonly #length: number;
  #minute = Number.NEGATIVE_INFINITY;
  #counts: number[];

  constructor(length: number) {
    this.#length = length;
    this.#counts = Array.from({ length }, () => 0);
  }

  /** @param at UTC ms; one before the last that was told counts as that */
  add(count: number, at: number): void {
    this.#turnTo(at);
    const last = this.#length - 1;
    this.#counts[last] = (this.#counts[last] ?? 0) + count;
  }

  /** The oldest first; the last one is the minute of `at`. */
  upTo(at: number): readonly number[] {
    this.#turnTo(at);
    return [...this.#counts];
  }

  #turnTo(at: number): void {
    const minute = Math.floor(at / 60_000);
    if (minute <= this.#minute) return;
    const passed = Math.min(this.#length, minute - this.#minute);
    this.#counts = [...this.#counts.slice(passed), ...Array.from({ length: passed }, () => 0)];
    this.#minute = minute;
  }
}
