/**
 * Reads a day, a time or an instant: `2017-06-01`, `2017-06-01 14:30`, `2017-06-01T14:30:00+02:00`. Without an offset it
 * is UTC, as times in data files are.
 * @returns UTC ms, undefined when there is no such time
 */
export function parseInstant(text: string): number | undefined {
  const [, day, time = "00:00", offset = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text.trim()) ??
    [];
  if (day === undefined || time.endsWith(":60")) return undefined;
  try {
    return Temporal.Instant.from(`${day}T${time}${offset}`).epochMilliseconds;
  } catch {
    return undefined;
  }
}
