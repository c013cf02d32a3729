import { localTime } from "./local-time.ts";

/** The last instant that RFC 3339 has a text for at any offset: the end of 9998, UTC ms. */
export const LATEST_MS = 253_370_764_799_999;

/** A time as files of other programs have it. */
export type OffsetTime = {
  /** UTC ms. */
  wall: number;
  /** Minutes east of UTC. */
  offset: number;
  /** Whether it was given with a fraction of its second. */
  exact: boolean;
};

/** `2026-06-14T12:34:56.000-04:00`: an instant in local time with its offset; cut off after what is finer. */
export function rfc3339(wall: number, offsetMin: number, unit: "second" | "millisecond"): string {
  const text = localTime(wall, offsetMin).toString({ timeZoneName: "never", smallestUnit: unit });
  return offsetMin === 0 ? text.replace("+00:00", "Z") : text;
}

/** Reads RFC 3339, whose offset isn't left out; undefined for anything else. */
export function parseRfc3339(text: string): OffsetTime | undefined {
  const parts =
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/i.exec(text.trim()) ?? undefined;
  if (!parts) return undefined;
  const [whole, fraction, sign, hours = "0", minutes = "0"] = parts;
  try {
    const wall = Temporal.Instant.from(whole).epochMilliseconds;
    const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
    return { wall, offset: offset || 0, exact: fraction !== undefined };
  } catch {
    return undefined;
  }
}
