import { createHash } from "node:crypto";
import ICAL from "ical.js";
import { Wrong } from "./exchange.ts";

/** iCalendar, RFC 5545: a calendar of events, written and read. */

// ical.js counts the octets of a line without the space that a folded one begins with.
ICAL.foldLength = 74;

/** A property as jCal (RFC 7265) has it: name, parameters, type, values. */
export type JCal = [name: string, parameters: object, type: string, ...values: string[]];
type Component = InstanceType<typeof ICAL.Component>;
type Property = InstanceType<typeof ICAL.Property>;

/** A time that events have: whole seconds of UTC. */
export const dateTime = (seconds: number): string =>
  Temporal.Instant.fromEpochMilliseconds(seconds * 1000).toString({ smallestUnit: "second" });

/** The times of an event for a stretch of time, UTC seconds: its end must be later than its start. */
export function wholeSeconds({ started_at, ended_at }: { started_at: number; ended_at: number }) {
  const start = Math.floor(started_at / 1000);
  return { start, end: Math.max(Math.floor(ended_at / 1000), start + 1) };
}

/** The id of what these facts tell apart from all else: the same in every export, so that calendars don't show it twice. */
export const eventId = (...facts: readonly unknown[]): string =>
  `${createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 32)}@stint`;

/** A calendar, piece by piece: an event for each row. @param feature whose they are: `pomo` */
export function* writeCalendar<Row>(
  feature: string,
  rows: Iterable<Row>,
  event: (row: Row) => readonly JCal[],
): Generator<string> {
  yield `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//stint//${feature}//EN\r\n`;
  for (const row of rows) yield ICAL.stringify(["vevent", event(row), []]);
  yield "END:VCALENDAR\r\n";
}

/** An event that is over or planned, once. Times are UTC ms. */
export type CalendarEvent = {
  /** Where it begins in the file, from 1. */
  line: number;
  started_at: number;
  ended_at: number;
  /** Minutes east of UTC, where it names a zone. */
  utc_offset_min: number | undefined;
  categories: readonly string[];
  /** The value of a property that is text: `summary`, `x-stint-type`. */
  text(property: string): string | undefined;
};

/** Whether nobody has moved it, or changed its length, since it was written for this stretch of time. */
export function isUntouched(
  { started_at, ended_at }: CalendarEvent,
  stretch: { started_at: number; ended_at: number },
): boolean {
  const { start, end } = wholeSeconds(stretch);
  return start * 1000 === started_at && end * 1000 === ended_at;
}

/**
 * The events of a calendar; of those that aren't one stretch of time why they are left out, in the plural.
 * @param ours a property that only events of our own have: one of these that is cancelled isn't left out
 * @throws Wrong
 */
export function* readCalendar(
  text: string,
  ours: string,
): Generator<CalendarEvent | { line: number; skip: string }> {
  if (!/^\s*BEGIN:VCALENDAR\s/i.test(text)) throw new Wrong(1, "it doesn't begin with BEGIN:VCALENDAR");
  const { events, rest } = split(text);
  const roots = parse(rest, 1).map((each) => new ICAL.Component(each));
  const zones: Zones = (name) => roots.map((root) => root.getTimeZoneByID(name)).find((zone) => zone);
  for (const { line, text } of events) {
    for (const each of parse(text, line)) yield read(new ICAL.Component(each), zones, line, ours);
  }
}

/** The zone that the file says a name is for. */
type Zones = (name: string) => InstanceType<typeof ICAL.Timezone> | null | undefined;

/**
 * The events of a file, and it without them, with empty lines in their place: parsed one by one they need half the
 * memory, and it is known where they are.
 */
function split(text: string): { events: { line: number; text: string }[]; rest: string } {
  const events: { line: number; text: string }[] = [];
  const rest: string[] = [];
  let begun: number | undefined;
  const all = text.split(/\r?\n/);
  for (const [i, line] of all.entries()) {
    const [, edge] = /^(BEGIN|END):VEVENT\s*$/i.exec(line) ?? [];
    if (edge?.toUpperCase() === "BEGIN") {
      if (begun !== undefined) throw new Wrong(begun + 1, "the event has no END");
      begun = i;
    }
    rest.push(begun === undefined ? line : "");
    if (edge?.toUpperCase() === "END" && begun !== undefined) {
      events.push({ line: begun + 1, text: all.slice(begun, i + 1).join("\n") });
      begun = undefined;
    }
  }
  if (begun !== undefined) throw new Wrong(begun + 1, "the event has no END");
  return { events, rest: rest.join("\n") };
}

/** The components of a text that begins at a line of the file, as jCal. @throws Wrong */
function parse(text: string, line: number): unknown[][] {
  try {
    const parsed = ICAL.parse(text) as unknown[];
    return (typeof parsed[0] === "string" ? [parsed] : parsed) as unknown[][];
  } catch (error) {
    const known = error instanceof ICAL.parse.ParserError;
    throw new Wrong(line - 1 + brokenLine(text), known ? error.message : "it isn't a line of iCalendar");
  }
}

function read(
  event: Component,
  zones: Zones,
  line: number,
  ours: string,
): CalendarEvent | { line: number; skip: string } {
  if (event.hasProperty("rrule") || event.hasProperty("rdate")) return { line, skip: "repeating events" };
  if (!event.hasProperty(ours) && event.getFirstPropertyValue("status") === "CANCELLED")
    return { line, skip: "cancelled events" };
  const start = event.getFirstProperty("dtstart");
  if (!start) throw new Wrong(line, "the event has no DTSTART");
  if (start.type === "date") return { line, skip: "events of whole days" };
  const { wall, offset } = timeOf(start, zones, line);
  const ended = endOf(event, wall, zones, line);
  if (ended <= wall) return { line, skip: "events without a length" };
  return {
    line,
    started_at: wall,
    ended_at: ended,
    utc_offset_min: offset,
    categories: event.getAllProperties("categories").flatMap((each) => each.getValues() as string[]),
    text: (property) => (event.getFirstPropertyValue(property) ?? undefined) as string | undefined,
  };
}

/** UTC ms. Without an end or a length it ends where it begins. */
function endOf(event: Component, start: number, zones: Zones, line: number): number {
  const end = event.getFirstProperty("dtend");
  if (end) return timeOf(end, zones, line).wall;
  const duration = event.getFirstProperty("duration");
  if (!duration) return start;
  const text = String(duration.toJSON()[3]);
  if (!ICAL.Duration.isValueString(text)) throw new Wrong(line, `the event's DURATION is '${text}'`);
  return start + ICAL.Duration.fromString(text).toSeconds() * 1000;
}

/**
 * UTC ms of a property, and minutes east of UTC where it names a zone: that of the file's VTIMEZONE, else the one this
 * machine knows by that name. A time without a zone is of this machine's.
 */
function timeOf(
  property: Property,
  zones: Zones,
  line: number,
): { wall: number; offset: number | undefined } {
  const text = String(property.toJSON()[3]);
  const zone = property.getParameter("tzid") as string | undefined;
  try {
    if (text.endsWith("Z")) return { wall: Temporal.Instant.from(text).epochMilliseconds, offset: undefined };
    const local = Temporal.PlainDateTime.from(text);
    const told = zone === undefined ? undefined : zones(zone);
    if (told) {
      const seconds = told.utcOffset(ICAL.Time.fromDateTimeString(text));
      const wall = local.toZonedDateTime("UTC").epochMilliseconds - seconds * 1000;
      return { wall, offset: Math.round(seconds / 60) };
    }
    const there = local.toZonedDateTime(zone ?? Temporal.Now.timeZoneId());
    return { wall: there.epochMilliseconds, offset: Math.round(there.offsetNanoseconds / 6e10) };
  } catch {
    const where = zone === undefined ? "" : ` in the time zone '${zone}'`;
    throw new Wrong(
      line,
      `the event's ${property.name.toUpperCase()} isn't a time${where} that is known here`,
    );
  }
}

/** The first line that the parser can't read, which doesn't say so itself; the last when something isn't closed. */
function brokenLine(text: string): number {
  const all = text.trimEnd().split(/\r?\n/);
  for (let at = 0; at < all.length; ) {
    const begins = at;
    let line = all[at++] ?? "";
    while (/^[ \t]/.test(all[at] ?? "")) line += all[at++]?.slice(1);
    if (line.trim() === "" || /^(BEGIN|END):/i.test(line)) continue;
    try {
      ICAL.parse.property(line);
    } catch {
      return begins + 1;
    }
  }
  return all.length;
}
