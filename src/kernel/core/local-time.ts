/** Local time, by the offset from UTC that was kept with an instant. */

/** A time with the offset that was kept with it. */
export function localTime(wall: number, offsetMin: number): Temporal.ZonedDateTime {
  const sign = offsetMin < 0 ? "-" : "+";
  const two = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
  return Temporal.Instant.fromEpochMilliseconds(Math.round(wall)).toZonedDateTimeISO(
    `${sign}${two(offsetMin / 60)}:${two(offsetMin % 60)}`,
  );
}

/** `14:05`, by the offset that was kept with it. */
export const timeText = (wall: number, offsetMin: number): string =>
  localTime(wall, offsetMin).toPlainTime().toString({ smallestUnit: "minute" });

/** The local day of an instant as a count from 1970-01-01, a Thursday: neighbours differ by one. */
export const localDay = (wall: number, offsetMin: number): number =>
  Math.floor((wall + offsetMin * 60_000) / 86_400_000);

/** `2026-03-29` of such a count. */
export const dayText = (day: number): string =>
  Temporal.Instant.fromEpochMilliseconds(day * 86_400_000)
    .toString()
    .slice(0, 10);

/** The Monday on or before a day, as such a count; 1970-01-01 was a Thursday. */
export const mondayOf = (day: number): number => day - ((((day + 3) % 7) + 7) % 7);
