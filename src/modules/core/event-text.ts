import { oneLine } from "../../kernel/core/plain.ts";
import { spokenTime } from "./spoken.ts";

/** A line of the history: what the manager tells, or what else was written there. */
export type EventRecord = {
  readonly type: string;
  /** UTC ms. */
  readonly at: number;
  readonly [field: string]: unknown;
};

/** What has happened, for people, on one line: `camera: IDLE → CRASHED: SIGSEGV` */
export function eventText(record: EventRecord): string {
  const { name } = record;
  return oneLine(`${typeof name === "string" ? `${name}: ` : ""}${what(record)}`);
}

/** It may be of another version, or somebody has written into it: no field is sure to be there. */
function what(record: EventRecord): string {
  const { type, reason, before, actual, how, gap_ms } = record;
  switch (type) {
    case "desired_changed":
      return desiredText(record);
    case "actual_changed":
      return because(`${word(before)} → ${word(actual)}`, reason);
    case "crash_detected":
      return crashText(record);
    case "given_up":
      return givenUp("given up", reason);
    case "recovered":
      return recoveredText(how, reason);
    case "recording_cut":
      return because(`recording cut, ${trialText(record)}`, reason);
    case "recording_resumed":
      return `recording goes on${typeof gap_ms === "number" ? ` after ${spokenTime(gap_ms)}` : ""}, ${trialText(record)}`;
    case "recording_lost":
      return because(`recording doesn't go on, ${trialText(record)}`, reason);
    case "config_problem":
      return problemText(record);
    default:
      return because([type.replaceAll("_", " "), ...facts(record)].join(", "), reason);
  }
}

const because = (text: string, reason: unknown): string =>
  typeof reason === "string" ? `${text}: ${reason}` : text;

/** A reason may say itself that it was given up. */
const givenUp = (text: string, reason: unknown): string =>
  typeof reason === "string" && reason.startsWith("given up") ? reason : because(text, reason);

function recoveredText(how: unknown, reason: unknown): string {
  if (how === "running") return because("taken over, it runs", reason);
  if (how === "started again") return because("started again after it had died", reason);
  return givenUp("given up on", reason);
}

function desiredText({ desired, enabled, was_enabled, by }: EventRecord): string {
  const preference = `; a fresh start ${enabled ? "runs" : "doesn't run"} it`;
  return `wanted ${word(desired)}${whoseWord(by)}${enabled === was_enabled ? "" : preference}`;
}

/** What follows from a wish that failed nobody has wished for. */
function whoseWord(by: unknown): string {
  if (by === "rollback") return " again, since its start didn't come about";
  if (by === "unsaved") return ", but its preference can't be saved";
  return `, by ${word(by)}`;
}

function crashText({ last_exit, pid, reason }: EventRecord): string {
  const how =
    last_exit === "unknown" ? "ended while nobody could see how" : `crashed with ${word(last_exit)}`;
  const text = typeof pid === "number" ? `${how}, pid ${pid}` : how;
  // How it ended is said already.
  const repeats = reason === last_exit || (typeof reason === "string" && reason.startsWith("it ended"));
  return repeats ? text : because(text, reason);
}

/** `trial 3, segment 1 in /study/anna` */
function trialText({ recording }: EventRecord): string {
  const { trial, segment, session } = (recording ?? {}) as Readonly<Record<string, unknown>>;
  return `trial ${word(trial)}, segment ${word(segment)} in ${word(session)}`;
}

const problemText = ({ file, line, text }: EventRecord): string =>
  `${word(file)}${line === undefined ? "" : `:${word(line)}`}: ${word(text)}`;

const word = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "unknown");

/** What is said elsewhere. */
const SAID: ReadonlySet<string> = new Set(["v", "type", "at", "name", "reason", "timestamp"]);

function facts(fields: object): string[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    if (SAID.has(key) || value === null || value === undefined) return [];
    return typeof value === "object" ? facts(value) : [`${key.replaceAll("_", " ")} ${word(value)}`];
  });
}
