import type { Analysis } from "./analysis.ts";
import type { Processor } from "./processor.ts";

/**
 * Where the control block (an Int32Array, usually on shared memory) holds the first bar that must not be worked
 * yet. Written by the host: 0 pauses, 2 ** 31 - 1 runs, `NEXT` + n steps n bars.
 */
export const LIMIT = 0;

/** Where the control block holds the next bar to be worked. Written by the engine at each bar. */
export const NEXT = 1;

/** Why an engine returned: it reached the limit, worked the last bar, or the account went bust. */
export type Stop = "limit" | "end" | "bust";

/** Advances time, and holds the gate that pauses it: at each bar boundary, before anything of that bar is done. */
export class Coordinator {
  readonly #length: number;
  readonly #processor: Processor;
  readonly #analysis: Analysis;
  #next: number;
  #bust = false;

  constructor(length: number, next: number, processor: Processor, analysis: Analysis) {
    this.#length = length;
    this.#next = next;
    this.#processor = processor;
    this.#analysis = analysis;
  }

  /** The next bar to be worked. */
  get next(): number {
    return this.#next;
  }

  get bust(): boolean {
    return this.#bust;
  }

  /** Goes on from another bar; the processor must stand at the one before. */
  moveTo(next: number, bust: boolean): void {
    this.#next = next;
    this.#bust = bust;
  }

  /** Works bars until the gate's limit, the end or bust; with no control block there is no gate. */
  advance(control: Int32Array | null): Stop {
    if (this.#bust) return "bust";
    const length = this.#length;
    const processor = this.#processor;
    const analysis = this.#analysis;
    for (let index = this.#next; index < length; index++) {
      if (control !== null) {
        control[NEXT] = index;
        // JavaScriptCore's Atomics.load costs a tenth of a bar's work, a plain read nothing. A plain one may by the
        // letter be kept in a register; the atomic one bounds that to 64 bars.
        const limit = (index & 63) === 0 ? Atomics.load(control, LIMIT) : (control[LIMIT] as number);
        if (index >= limit) return "limit";
      }
      processor.update(index);
      const alive = analysis.work(index);
      this.#next = index + 1;
      if (!alive) {
        this.#bust = true;
        break;
      }
    }
    if (control !== null) control[NEXT] = this.#next;
    return this.#bust ? "bust" : "end";
  }
}
