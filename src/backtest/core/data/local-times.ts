/**
 * Times of a place's clocks as instants. A time that the clocks show twice (an hour in autumn) is taken by the order of
 * the rows: as the first of the two, unless the row before is there already. One that they leave out is none.
 */
export class LocalTimes {
  readonly #timezone: string;
  /** Local times from and before which the offset is that of last time. */
  #from = Infinity;
  #to = -Infinity;
  #offset = 0;

  /** @throws RangeError for an unknown zone, when the first time is asked for */
  constructor(timezone: string) {
    this.#timezone = timezone;
  }

  /**
   * @param local what the clocks show, as ms since 1970 as if they showed UTC
   * @param last the instant of the row before, UTC ms
   * @param direction -1 when rows are newest first, else 1
   * @returns UTC ms; NaN for a time that is left out
   */
  utc(local: number, last: number, direction: number): number {
    if (local >= this.#from && local < this.#to) return local - this.#offset;
    const plain = Temporal.Instant.fromEpochMilliseconds(local).toZonedDateTimeISO("UTC").toPlainDateTime();
    const first = plain.toZonedDateTime(this.#timezone, { disambiguation: "earlier" });
    const second = plain.toZonedDateTime(this.#timezone, { disambiguation: "later" });
    if (!first.toPlainDateTime().equals(plain)) return Number.NaN;
    const [early, late] = [first.epochMilliseconds, second.epochMilliseconds];
    if (early === late) {
      this.#remember(first);
      return early;
    }
    if (direction > 0) return early > last ? early : late;
    return late < last ? late : early;
  }

  /** The local times around one that the clocks show once and with the same offset. */
  #remember(time: Temporal.ZonedDateTime): void {
    const offset = offsetOf(time);
    // "previous" is before, and a change at this very moment counts.
    const before = time.add({ milliseconds: 1 }).getTimeZoneTransition("previous");
    const after = time.getTimeZoneTransition("next");
    const earlier = before ? offsetOf(before.subtract({ milliseconds: 1 })) : offset;
    this.#from = before ? before.epochMilliseconds + Math.max(earlier, offset) : -Infinity;
    this.#to = after ? after.epochMilliseconds + Math.min(offset, offsetOf(after)) : Infinity;
    this.#offset = offset;
  }
}

const offsetOf = (time: Temporal.ZonedDateTime): number => time.offsetNanoseconds / 1e6;
