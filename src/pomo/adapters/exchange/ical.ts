import { createHash } from "node:crypto";
import ICAL from "ical.js";
import { LONGEST_MS } from "../../../kernel/core/duration.ts";
import type { Interval, SessionType } from "../../core/history.ts";
import { type Draft, type Format, Wrong } from "./format.ts";

/**
 * iCalendar, RFC 5545: an event for each interval. What events have no place for (types, lengths without pauses,
 * milliseconds) is in X- properties, so that nothing is lost on the way there and back; events of other programs are
 * taken for work that was done.
 */

// ical.js counts the octets of a line without the space that a folded one begins with.
ICAL.foldLength = 74;

const LABELS: Readonly<Record<SessionType, string>> = {
  WORK: "Pomodoro",
  SHORT_BREAK: "Short break",
  LONG_BREAK: "Long break",
};

/** A property as jCal (RFC 7265) has it: name, parameters, type, values. */
type JCal = [name: string, parameters: object, type: string, ...values: string[]];
type Component = InstanceType<typeof ICAL.Component>;
type Property = InstanceType<typeof ICAL.Property>;

/** The event's own times, in seconds; its end must be later than its start. */
function span({ started_at, ended_at }: { started_at: number; ended_at: number }) {
  const start = Math.floor(started_at / 1000);
  return { start, end: Math.max(Math.floor(ended_at / 1000), start + 1) };
}

const utc = (seconds: number): string =>
  Temporal.Instant.fromEpochMilliseconds(seconds * 1000).toString({ smallestUnit: "second" });

/** The same interval has the same id in every export, of whatever profile, so that calendars don't show it twice. */
function uid({ type, started_at, task }: Interval): string {
  const hash = createHash("sha256").update(JSON.stringify([type, started_at, task]));
  return `${hash.digest("hex").slice(0, 32)}@stint`;
}

function event(row: Interval): JCal[] {
  const { type, task, tags } = row;
  const label = LABELS[type];
  const summary = type === "WORK" ? (task ?? label) : label;
  const { start, end } = span(row);
  const x = (name: string, value: string | number): JCal => [`x-stint-${name}`, {}, "unknown", String(value)];
  return [
    ["uid", {}, "text", uid(row)],
    // When what it says became so, not when it was written: an export of the same history is the same.
    ["dtstamp", {}, "date-time", utc(end)],
    ["dtstart", {}, "date-time", utc(start)],
    ["dtend", {}, "date-time", utc(end)],
    ["summary", {}, "text", summary],
    ["categories", {}, "text", label, ...tags],
    ["status", {}, "text", row.outcome === "completed" ? "CONFIRMED" : "CANCELLED"],
    x("type", type),
    x("outcome", row.outcome),
    x("round", row.round),
    ...(task !== null && (type !== "WORK" || task === label)
      ? [["x-stint-task", {}, "text", task] satisfies JCal]
      : []),
    ...(row.task_id === null ? [] : [x("task-id", row.task_id)]),
    x("started-at", row.started_at),
    x("ended-at", row.ended_at),
    x("utc-offset-min", row.utc_offset_min),
    x("duration-ms", row.duration_ms),
    x("elapsed-ms", row.elapsed_ms),
  ];
}

export const ical: Format = {
  *write(rows) {
    yield "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//stint//pomo//EN\r\n";
    for (const row of rows) yield ICAL.stringify(["vevent", event(row), []]);
    yield "END:VCALENDAR\r\n";
  },
  *read(text) {
    if (!/^\s*BEGIN:VCALENDAR\s/i.test(text)) throw new Wrong(1, "it doesn't begin with BEGIN:VCALENDAR");
    const { events, rest } = split(text);
    const roots = parse(rest, 1).map((each) => new ICAL.Component(each));
    const zones: Zones = (name) => roots.map((root) => root.getTimeZoneByID(name)).find((zone) => zone);
    for (const { line, text } of events) {
      for (const each of parse(text, line)) yield read(new ICAL.Component(each), zones, line);
    }
  },
};

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

/** What an event says; of another program's it is work on what it is about. */
function read(event: Component, zones: Zones, line: number): Draft {
  const x = (name: string): string | undefined =>
    (event.getFirstPropertyValue(`x-stint-${name}`) ?? undefined) as string | undefined;
  const ours = x("type") !== undefined;
  if (event.hasProperty("rrule") || event.hasProperty("rdate")) return { line, skip: "repeating events" };
  if (!ours && event.getFirstPropertyValue("status") === "CANCELLED")
    return { line, skip: "cancelled events" };
  const start = event.getFirstProperty("dtstart");
  if (!start) throw new Wrong(line, "the event has no DTSTART");
  if (start.type === "date") return { line, skip: "events of whole days" };
  const { wall, offset } = timeOf(start, zones, line);
  const ended = endOf(event, wall, zones, line);
  if (ended <= wall) return { line, skip: "events without a length" };
  if (!ours && ended - wall > LONGEST_MS) return { line, skip: "events longer than a day" };
  const summary = (event.getFirstPropertyValue("summary") as string | null) ?? "";
  const categories = event.getAllProperties("categories").flatMap((each) => each.getValues() as string[]);
  const theirs = {
    task: summary,
    tags: categories,
    started_at: wall,
    utc_offset_min: offset,
    ended_at: ended,
  };
  if (!ours) return { line, fields: theirs, exact: false };

  const number = (name: string): number | undefined => {
    const value = x(name);
    return value === undefined ? undefined : Number(value);
  };
  const label = LABELS[x("type") as SessionType];
  const tags = [...categories];
  const own = tags.indexOf(label);
  if (own >= 0) tags.splice(own, 1);
  const exact = { started_at: number("started-at") ?? wall, ended_at: number("ended-at") ?? ended };
  // Moved or made longer in a calendar, it is as it stands there.
  const { start: startedSecond, end: endedSecond } = span(exact);
  const untouched = startedSecond * 1000 === wall && endedSecond * 1000 === ended;
  const fields = {
    ...theirs,
    type: x("type"),
    outcome: x("outcome"),
    round: number("round"),
    task: x("task") ?? (summary === label ? null : summary),
    task_id: number("task-id"),
    tags,
    utc_offset_min: number("utc-offset-min"),
    ...(untouched ? { ...exact, duration_ms: number("duration-ms"), elapsed_ms: number("elapsed-ms") } : {}),
  };
  return { line, fields, exact: untouched };
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
