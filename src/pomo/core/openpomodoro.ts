import { parseRfc3339, rfc3339 } from "../../kernel/core/rfc3339.ts";
import type { Interval } from "./history.ts";
import { readLogfmt, writeLogfmt } from "./logfmt.ts";

/**
 * The `history` file of the Open Pomodoro Format: a line for each pomodoro that was done, its start in RFC 3339 and
 * then logfmt. It knows neither breaks nor what was interrupted, whole seconds and whole minutes only.
 */

/** What it is when a line doesn't say how long. */
const DEFAULT_MS = 25 * 60_000;

/** What a line says. */
type Pomodoro = Pick<Interval, "task" | "tags" | "started_at" | "utc_offset_min" | "duration_ms">;

/** Whether the format has a line for it. */
export const isPomodoro = ({ type, outcome }: Interval): boolean =>
  type === "WORK" && outcome === "completed";

/**
 * Its line, without a newline. The minutes are those it took, as the format's own program writes them when one is
 * finished early: rounded, but never to 0, which would be left out and read as 25.
 */
export function writePomodoro(interval: Interval): string {
  const { started_at, utc_offset_min, elapsed_ms, task, tags } = interval;
  const attributes = writeLogfmt({
    description: task ?? "",
    duration: String(Math.max(1, Math.round(elapsed_ms / 60_000))),
    tags: tags.join(","),
  });
  return `${rfc3339(started_at, utc_offset_min, "second")} ${attributes}`;
}

/** By how much a length that was read may be longer than what it stands for, in ms. */
export const roundedUp = ({ duration_ms }: Pick<Pomodoro, "duration_ms">): number =>
  duration_ms === 60_000 ? 60_000 : duration_ms % 60_000 === 0 ? 30_000 : 0;

/** Reads a line; attributes in any order, unknown ones are passed over. @returns what is wrong when it is none */
export function readPomodoro(line: string): Pomodoro | string {
  if (line.trim().includes("\n")) return "it is more than one line";
  const [, time = "", rest = ""] = /^(\S*)(.*)$/s.exec(line.trim()) ?? [];
  const start = parseRfc3339(time);
  if (!start) return `it begins with '${time}', which isn't an RFC 3339 time with its offset`;
  const pairs = readLogfmt(rest);
  if (typeof pairs === "string") return pairs;
  const minutes = pairs.get("duration") || "0";
  if (!/^\d*\.?\d*$/.test(minutes) || Number.isNaN(Number(minutes))) {
    return `duration is '${minutes}', which isn't a number of minutes`;
  }
  return {
    started_at: start.wall,
    utc_offset_min: start.offset,
    duration_ms: Math.round(Number(minutes) * 60_000) || DEFAULT_MS,
    task: pairs.get("description") || null,
    tags: (pairs.get("tags") ?? "").split(",").filter((tag) => tag !== ""),
  };
}
