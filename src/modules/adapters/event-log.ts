import { RotatingFile } from "../../kernel/log.ts";
import type { EventRecord } from "../core/event-text.ts";
import type { Observer } from "../core/manager.ts";
import type { Places } from "./places.ts";

const MAX_BYTES = 8 << 20;
const KEEP = 3;

/** The history of a profile's modules: NDJSON, a line an event, rotated. It outlives the supervisor. */
export class EventLog implements Disposable {
  readonly #file: RotatingFile;
  readonly #failed: (error: unknown) => void;
  #failing = false;

  /** @param failed told when it can't be written, and not again before it could be */
  constructor(places: Places, failed: (error: unknown) => void) {
    this.#file = new RotatingFile(places.events, MAX_BYTES, KEEP, { alone: true });
    this.#failed = failed;
  }

  /** Writes an event down at once. Never throws: the work goes on without its history. */
  write(record: EventRecord): void {
    try {
      this.#file.append(`${JSON.stringify({ v: 1, ...record })}\n`);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#failed(error);
      this.#failing = true;
    }
  }

  /** Writes down what the manager tells. */
  readonly observe: Observer = (happening) => this.write(happening);

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
