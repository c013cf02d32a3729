import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { localDay } from "../../kernel/core/local-time.ts";
import type { Output } from "../../kernel/output.ts";
import { type EventRecord, eventText } from "../core/event-text.ts";
import { TimeColumn } from "../core/time-column.ts";
import { LineReader, printLines } from "./follow.ts";
import { Places } from "./places.ts";

const DEFAULT_LINES = 100;

/** `stint modules events`: what there is of the history, whether a supervisor lives or not. */
export async function events(context: Context, options: Options): Promise<number> {
  const { output, profile } = context;
  const { lines = DEFAULT_LINES, follow = false } = options as { lines?: number; follow?: boolean };
  const path = new Places(profile).events;
  using reader = new LineReader(path, follow);
  const found = reader.seek(lines);
  if (found === 0 && lines > 0 && !follow) output.note("nothing has happened yet");
  const tell = teller(output);
  // The reader is needed as long as it prints.
  return await printLines(context, follow, (watch) => {
    watch(path);
    const read = reader.next();
    read?.lines.forEach(tell);
    return read !== undefined;
  });
}

/** Prints a line of the history: as it is, or for people. */
function teller(output: Output): (line: string) => void {
  const now = systemClock.wall();
  const column = new TimeColumn(localDay(now, localOffset(now)));
  return (line) => {
    const record = recordOf(line);
    if (!record) return;
    if (output.json) {
      output.text(`${line}\n`);
      return;
    }
    const { day, time } = column.next(record.at, localOffset(record.at));
    if (day !== undefined) output.text(`${output.paint(2, day)}\n`);
    const text = eventText(record);
    output.text(`${output.paint(2, time)} ${isBad(record) ? output.paint(31, text) : text}\n`);
  };
}

/** No time is further from 1970, ms: Temporal.Instant ends there. */
const LAST_TIME = 8.64e15;

/** Undefined for half a line that the disk didn't take, and what somebody else has written. */
function recordOf(line: string): EventRecord | undefined {
  try {
    const record = JSON.parse(line) as Partial<EventRecord> | null;
    const at = record?.at;
    const isTime = Number.isSafeInteger(at) && Math.abs(at as number) <= LAST_TIME;
    return isTime && typeof record?.type === "string" ? (record as EventRecord) : undefined;
  } catch {
    return undefined;
  }
}

const BAD: ReadonlySet<string> = new Set([
  "crash_detected",
  "given_up",
  "recording_cut",
  "recording_lost",
  "config_problem",
]);

const isBad = ({ type, actual, how }: EventRecord): boolean =>
  BAD.has(type) || actual === "ERROR" || actual === "CRASHED" || (type === "recovered" && how !== "running");
