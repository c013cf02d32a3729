import { spokenDuration } from "../../kernel/core/duration.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import type { EventRow } from "./event.ts";
import { zoneId } from "./installation.ts";

/** What has happened, for people, on one line: `hall/press entered (score 0.81)`. */
export const eventText = (row: EventRow): string => oneLine(what(row));

function what(row: EventRow): string {
  switch (row.event) {
    case "session":
      return `detection ${row.is === "taken_up" ? TAKEN_UP : row.is}`;
    case "entered":
      return `${zoneId(row.camera, row.zone)} entered (score ${row.score.toFixed(2)})`;
    case "left":
      return `${zoneId(row.camera, row.zone)} left after ${timeText(row.for_ms)}`;
    case "tripped":
      return trippedText(row);
    case "cleared":
      return `${zoneId(row.camera, row.zone)} cleared`;
    case "relay":
      return `relay ${row.relay} ${row.on ? "on" : "off"} (${row.cause})`;
    case "relay_failed":
      return `relay ${row.relay} failed: ${row.why}`;
    case "acknowledged":
      return `relay ${row.relay} acknowledged`;
    case "armed":
    case "disarmed":
      return `${zoneId(row.camera, row.zone)} ${row.event} by ${row.by === "person" ? "hand" : "its schedule"}`;
    case "camera_lost":
      return `${row.camera} lost (${row.why})`;
    case "camera_back":
      return `${row.camera} back after ${timeText(row.after_ms)}`;
    case "board_lost":
      return `board ${row.board} lost (${row.why})`;
    case "board_back":
      return `board ${row.board} back`;
    case "guard_dead":
      return `guard dead (${row.why})`;
    case "guard_ready":
      return `guard ready (pid ${row.pid})`;
    case "detector_lost":
      return `detector lost (${row.why})`;
    case "detector_back":
      return "detector back";
    default:
      // A newer stint has written it.
      return (row as { event: string }).event.replaceAll("_", " ");
  }
}

const TAKEN_UP = "taken up again: the host had died, and its guard switched all off";

/** `hall/press tripped (person, 84 ms) → lamp, horn` */
function trippedText(row: Extract<EventRow, { event: "tripped" }>): string {
  const { camera, zone, cause, relays, latency_ms, dry_run } = row;
  const facts = [cause, ...(latency_ms === null ? [] : [`${Math.round(latency_ms)} ms`])].join(", ");
  const named = relays.join(", ");
  const then = dry_run ? ` → dry run${named && `, not switched: ${named}`}` : named && ` → ${named}`;
  return `${zoneId(camera, zone)} tripped (${facts})${then}`;
}

/** With a fraction where it is short: `0.7 s`, `30 s`, `12 min`. */
const timeText = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : spokenDuration(ms));

const BAD: ReadonlySet<EventRow["event"]> = new Set([
  "relay_failed",
  "camera_lost",
  "board_lost",
  "guard_dead",
  "detector_lost",
] as const);

/** Whether something has gone wrong. */
export const isBad = ({ event }: Pick<EventRow, "event">): boolean => BAD.has(event);
