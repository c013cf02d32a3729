import { dayText, localDay, localTime } from "../../kernel/core/local-time.ts";

/** The local times before lines that come in order: a day is said where it isn't that of the line before. */
export class TimeColumn {
  #day: number;

  /** @param today as {@link localDay}: it needn't be said */
  constructor(today: number) {
    this.#day = today;
  }

  /** `14:05:01` of an instant, and the day where another one has begun: `2026-11-22`. */
  next(at: number, offsetMin: number): { day: string | undefined; time: string } {
    const day = localDay(at, offsetMin);
    const said = day === this.#day ? undefined : dayText(day);
    this.#day = day;
    const time = localTime(at, offsetMin).toPlainTime().toString({ smallestUnit: "second" });
    // What is finer is cut off.
    return { day: said, time };
  }
}
