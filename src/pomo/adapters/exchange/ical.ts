import { LONGEST_MS } from "../../../kernel/core/duration.ts";
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
import type { Interval, SessionType } from "../../core/history.ts";
import type { Draft, Format } from "./format.ts";

/**
 * iCalendar, RFC 5545: an event for each interval. What events have no place for (types, lengths without pauses,
 * milliseconds) is in X- properties, so that nothing is lost on the way there and back; events of other programs are
 * taken for work that was done.
 */

const LABELS: Readonly<Record<SessionType, string>> = {
  WORK: "Pomodoro",
  SHORT_BREAK: "Short break",
  LONG_BREAK: "Long break",
};

function event(row: Interval): JCal[] {
  const { type, task, tags } = row;
  const label = LABELS[type];
  const summary = type === "WORK" ? (task ?? label) : label;
  const { start, end } = wholeSeconds(row);
  const x = (name: string, value: string | number): JCal => [`x-stint-${name}`, {}, "unknown", String(value)];
  return [
    ["uid", {}, "text", eventId(type, row.started_at, task)],
    // When what it says became so, not when it was written: an export of the same history is the same.
    ["dtstamp", {}, "date-time", dateTime(end)],
    ["dtstart", {}, "date-time", dateTime(start)],
    ["dtend", {}, "date-time", dateTime(end)],
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
  write: (rows) => writeCalendar("pomo", rows, event),
  *read(text) {
    for (const each of readCalendar(text, "x-stint-type")) yield "skip" in each ? each : read(each);
  },
};

/** What an event says; of another program's it is work on what it is about. */
function read(event: CalendarEvent): Draft {
  const { line, categories, started_at, ended_at, utc_offset_min } = event;
  const x = (name: string): string | undefined => event.text(`x-stint-${name}`);
  const summary = event.text("summary") ?? "";
  const theirs = { task: summary, tags: categories, started_at, utc_offset_min, ended_at };
  if (x("type") === undefined) {
    if (ended_at - started_at > LONGEST_MS) return { line, skip: "events longer than a day" };
    return { line, fields: theirs, exact: false };
  }

  const number = (name: string): number | undefined => {
    const value = x(name);
    return value === undefined ? undefined : Number(value);
  };
  const label = LABELS[x("type") as SessionType];
  const tags = [...categories];
  const own = tags.indexOf(label);
  if (own >= 0) tags.splice(own, 1);
  const exact = { started_at: number("started-at") ?? started_at, ended_at: number("ended-at") ?? ended_at };
  // Moved or made longer in a calendar, it is as it stands there.
  const untouched = isUntouched(event, exact);
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
