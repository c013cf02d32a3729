import {
  type CalendarEvent,
  dateTime,
  eventId,
  isUntouched,
  type JCal,
  readCalendar,
  wholeSeconds,
  writeCalendar,
} from "../../../kernel/ical.ts";
import type { Draft, Format, SpanRecord } from "./format.ts";

/**
 * iCalendar, RFC 5545: an event for each span of work. SUMMARY is the project, CATEGORIES are the tags, DESCRIPTION is
 * the note; what events have no place for is in X- properties, so that nothing is lost on the way there and back. Events
 * of other programs are read the same way, as work that was done.
 */

/** What an event without a project is called. */
const LABEL = "Work";
const DAY_MS = 86_400_000;

function event(span: SpanRecord): JCal[] {
  const { session, project, tags, note, started_at, ended_at, utc_offset_min } = span;
  const { start, end } = wholeSeconds(span);
  const text = (name: string, ...values: readonly string[]): JCal[] =>
    values.length === 0 ? [] : [[name, {}, "text", ...values]];
  const x = (name: string, value: string | number): JCal => [`x-stint-${name}`, {}, "unknown", String(value)];
  return [
    // The same when its end, its project or its note is corrected.
    ...text("uid", eventId("track", session, started_at)),
    // When what it says became so, not when it was written: an export of the same spans is the same.
    ["dtstamp", {}, "date-time", dateTime(end)],
    ["dtstart", {}, "date-time", dateTime(start)],
    ["dtend", {}, "date-time", dateTime(end)],
    ...text("summary", project ?? LABEL),
    ...text("categories", ...tags),
    ...text("description", ...(note === null ? [] : [note])),
    x("kind", span.kind),
    ...(project === LABEL ? [x("project", project)] : []),
    ...(session === null ? [] : [x("session", session)]),
    x("started-at", started_at),
    x("ended-at", ended_at),
    x("utc-offset-min", utc_offset_min),
  ];
}

export const ical: Format = {
  holds: ({ kind }) => kind === "work",
  lacks: "iCalendar has work alone",
  write: ({ spans }) => writeCalendar("track", spans, event),
  *read(text) {
    for (const each of readCalendar(text, "x-stint-kind")) {
      yield "skip" in each ? { at: each.line, skip: each.skip } : read(each);
    }
  },
};

function read(event: CalendarEvent): Draft {
  const { line: at, started_at, ended_at, utc_offset_min } = event;
  const x = (name: string): string | undefined => event.text(`x-stint-${name}`);
  const ours = x("kind") !== undefined;
  if (!ours && ended_at - started_at > DAY_MS) return { at, skip: "events longer than a day" };
  const summary = event.text("summary");
  const theirs = {
    project: summary,
    tags: event.categories,
    note: event.text("description"),
    started_at,
    ended_at,
    utc_offset_min,
  };
  if (!ours) return { at, type: "span", fields: theirs, coarse: true };

  const number = <T>(name: string, otherwise: T): number | T => {
    const value = x(name);
    return value === undefined ? otherwise : Number(value);
  };
  const exact = { started_at: number("started-at", started_at), ended_at: number("ended-at", ended_at) };
  // Moved or made longer in a calendar, it is as it stands there.
  const untouched = isUntouched(event, exact);
  const fields = {
    ...theirs,
    kind: x("kind"),
    session: x("session"),
    project: x("project") ?? (summary === LABEL ? null : summary),
    utc_offset_min: number("utc-offset-min", utc_offset_min),
    ...(untouched ? exact : {}),
  };
  return { at, type: "span", fields, coarse: !untouched };
}
