import { clockText, spokenDuration } from "../../kernel/core/duration.ts";
import type { SessionType } from "./history.ts";
import type { Refusal } from "./pomodoro.ts";
import { lineOf, outwardState, type Pushed } from "./view.ts";

/**
 * What `status` prints for bars and prompts: a line of text made from a state. It runs once a second in many a bar, so
 * it imports next to nothing.
 */

/** The formats of `status` that have a name. */
export const FORMATS = ["waybar", "tmux", "polybar", "i3blocks"] as const;

/** A state as a host pushes it, with what is left brought up to now; without a host, what a dead one left. */
export type Shown = Pushed & { pending?: string };

/**
 * In one word, for a stylesheet. `waiting`: the interval is over, and the next is for the user to start. `away`: no host
 * is alive, or the interval came to its end while none was, and isn't counted.
 */
type Mood = "work" | "short_break" | "long_break" | "paused" | "waiting" | "away" | "stopped";

const MOODS = { WORK: "work", SHORT_BREAK: "short_break", LONG_BREAK: "long_break" } as const;
const WORDS = { WORK: "work", SHORT_BREAK: "break", LONG_BREAK: "long break" } as const;

const isStopped = ({ over, session_type }: Shown): boolean => over || session_type === null;

function moodOf(shown: Shown): Mood {
  const { session_type, completed, finished_away_at, host } = shown;
  if (isStopped(shown) || session_type === null) return "stopped";
  if (host === false || finished_away_at !== null) return "away";
  if (completed) return "waiting";
  return outwardState(shown) === "paused" ? "paused" : MOODS[session_type];
}

/** Whether it came to its end while no host was alive, or has by now. */
const isFinishedAway = ({ completed, finished_away_at, remaining_ms, host }: Shown): boolean =>
  finished_away_at !== null || (host === false && !completed && remaining_ms <= 0);

const wordOf = (type: SessionType | null): string => (type === null ? "" : WORDS[type]);

/** On one line, with nothing in it that a terminal or a bar would obey: titles come from anywhere. */
const oneLine = (text: string): string =>
  text.toWellFormed().replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu, " ");

/** A bar is short. */
const LONGEST_TITLE = 40;

function short(text: string): string {
  const characters = [...oneLine(text)];
  return characters.length <= LONGEST_TITLE
    ? characters.join("")
    : `${characters.slice(0, LONGEST_TITLE - 1).join("")}…`;
}

/** What is past, so that it and what is left add up on the screen as well. */
const elapsedText = ({ duration_ms, remaining_ms }: Shown): string =>
  clockText(duration_ms - Math.ceil(remaining_ms / 1000) * 1000);

/** How much of it is past, in whole percent: 100 is over. */
const percentOf = ({ duration_ms, remaining_ms }: Shown): number =>
  duration_ms > 0 ? Math.floor(((duration_ms - remaining_ms) / duration_ms) * 100) : 0;

/** `24:12 write the report`; nothing once it is stopped. */
function textOf(shown: Shown): string {
  const { remaining_ms, session_type, next_type, task, completed } = shown;
  const clock = clockText(remaining_ms);
  const work = task === null ? WORDS.WORK : short(task);
  switch (moodOf(shown)) {
    case "stopped":
      return "";
    case "paused":
      return `${clock} paused`;
    case "waiting":
      return `${clock} ${wordOf(next_type)} is next`;
    case "away":
      if (isFinishedAway(shown)) return `${clock} finished while away`;
      return `${clock} ${completed ? `${wordOf(next_type)} is next` : "away"}`;
    default:
      return `${clock} ${session_type === "WORK" ? work : wordOf(session_type)}`;
  }
}

/** What a template can name beside {@link LINE}: in a word or as on a clock, and nothing where there is nothing to show. */
const WORDED: Readonly<Record<string, (shown: Shown) => unknown>> = {
  remaining: (shown) => (isStopped(shown) ? "" : clockText(shown.remaining_ms)),
  elapsed: (shown) => (isStopped(shown) ? "" : elapsedText(shown)),
  duration: (shown) => (isStopped(shown) ? "" : clockText(shown.duration_ms)),
  percent: (shown) => (isStopped(shown) ? "" : percentOf(shown)),
  type: ({ session_type }) => wordOf(session_type),
  next: ({ next_type }) => wordOf(next_type),
  today: ({ overview }) => overview.today.completed,
  done: ({ overview }) => overview.today.completed,
  goal: ({ overview }) => overview.today.goal,
  interrupted: ({ overview }) => overview.today.interrupted,
  focus: ({ overview }) => spokenDuration(overview.today.focus_ms),
  streak: ({ overview }) => overview.streak_days,
};

type Line = ReturnType<typeof lineOf>;

/** The fields of a line of `status --json`, but for two that are words in a template: `type` and `today`. */
const LINE: Readonly<Record<Exclude<keyof Line, "type" | "today"> | "pending", true>> = {
  v: true,
  state: true,
  pending: true,
  session_id: true,
  profile: true,
  host: true,
  degraded: true,
  session_type: true,
  interval: true,
  remaining_ms: true,
  duration_ms: true,
  round: true,
  rounds: true,
  task: true,
  task_id: true,
  preset: true,
  work_ms: true,
  break_ms: true,
  long_break_ms: true,
  completed: true,
  next_type: true,
  finished_away_at: true,
  undo: true,
  restored: true,
  restored_from: true,
  taken_off_ms: true,
  last_active: true,
  event: true,
  events: true,
  notice: true,
  unsaved: true,
  streak_days: true,
};
/** The fields of its `today`. */
const TODAY: Readonly<Record<keyof Line["today"], true>> = {
  completed: true,
  interrupted: true,
  focus_ms: true,
  goal: true,
};

const FIELDS: readonly string[] = [
  ...Object.keys(WORDED),
  ...Object.keys(LINE),
  ...Object.keys(TODAY).map((name) => `today.${name}`),
];

function fieldOf(field: string, shown: Shown): unknown {
  const worded = WORDED[field];
  if (worded) return worded(shown);
  const line = lineOf(shown);
  const [name = "", part] = field.split(".");
  const value = (line as Readonly<Record<string, unknown>>)[name];
  return part === undefined ? value : line.today[part as keyof Line["today"]];
}

/** A literal brace, a field, or a brace that is neither. */
const PIECES = /\{\{|\}\}|\{([a-z_.]+)\}|[{}]/g;

/** What is wrong with a format that was asked for; undefined when nothing is. */
export function formatProblem(format: string): Refusal | undefined {
  if ((FORMATS as readonly string[]).includes(format)) return undefined;
  const hint = `the fields are ${FIELDS.join(", ")}`;
  for (const [piece, field] of format.matchAll(PIECES)) {
    if (field !== undefined && !FIELDS.includes(field)) {
      return { refused: `there is no field {${field}}`, hint };
    }
    if (piece.length === 1)
      return { refused: `'${format}' has a ${piece} too many: {{ and }} are braces`, hint };
  }
  if (/[{}]/.test(format)) return undefined;
  return {
    refused: `there is no format '${format}'`,
    hint: `${FORMATS.join(", ")}, or a template: '{remaining} {task}'`,
  };
}

const template = (text: string, shown: Shown): string =>
  text.replace(PIECES, (piece, field: string | undefined) =>
    field === undefined ? piece.slice(0, 1) : oneLine(String(fieldOf(field, shown) ?? "")),
  );

/** Green runs, cyan is a break, yellow waits for the user, grey is alive no more; each with its word beside it. */
const COLOURS = {
  work: { name: "green", hex: "#5faf5f" },
  short_break: { name: "cyan", hex: "#5fafaf" },
  long_break: { name: "cyan", hex: "#5fafaf" },
  paused: { name: "yellow", hex: "#d7af5f" },
  waiting: { name: "yellow", hex: "#d7af5f" },
  away: { name: "colour245", hex: "#8a8a8a" },
} as const;

const MARKUP: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as Pango's markup has it. */
const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => MARKUP[character] ?? "");

/** A module with empty text is hidden, unless its own format shows an icon by `alt`. */
function waybar(shown: Shown): string {
  const mood = moodOf(shown);
  return JSON.stringify({
    text: escapeMarkup(textOf(shown)),
    alt: mood,
    tooltip: escapeMarkup(tooltip(shown, mood)),
    class: mood,
    percentage: mood === "stopped" ? 0 : percentOf(shown),
  });
}

function tooltip(shown: Shown, mood: Mood): string {
  const { session_type, next_type, round, rounds, task, overview, completed: counted } = shown;
  const { completed, goal } = overview.today;
  const state = counted
    ? `, over: ${wordOf(next_type)} is next`
    : isFinishedAway(shown)
      ? ", finished while away"
      : outwardState(shown) === "paused"
        ? ", paused"
        : "";
  const away = isFinishedAway(shown)
    ? "not counted: stint pomo finish counts it"
    : "no host is alive: stint pomo resume goes on";
  const lines = [
    mood === "stopped" ? "no pomodoro" : `${wordOf(session_type)}, round ${round} of ${rounds}${state}`,
    mood === "away" ? away : "",
    mood === "stopped" || task === null ? "" : oneLine(task),
    `today ${completed}${goal > 0 ? ` of ${goal}` : ""}`,
    overview.streak_days > 1 ? `${overview.streak_days} days in a row` : "",
  ];
  return lines.filter((line) => line !== "").join("\n");
}

/** For `#(stint pomo status --format tmux)`: a doubled `#` is one. */
function tmux(shown: Shown): string {
  const mood = moodOf(shown);
  if (mood === "stopped") return "";
  return `#[fg=${COLOURS[mood].name}]${textOf(shown).replaceAll("#", "##")}#[default]`;
}

/** It knows no way to write a literal `%{`: a space takes its meaning away. */
function polybar(shown: Shown): string {
  const mood = moodOf(shown);
  if (mood === "stopped") return "";
  return `%{F${COLOURS[mood].hex}}${textOf(shown).replaceAll("%{", "% {")}%{F-}`;
}

/** Three lines: the text, a short one, the colour. A block whose text is empty is hidden. */
function i3blocks(shown: Shown): string {
  const mood = moodOf(shown);
  if (mood === "stopped") return "";
  return [textOf(shown), clockText(shown.remaining_ms), COLOURS[mood].hex].join("\n");
}

/**
 * A state in a format, without the line feed at its end.
 * @param name one of {@link FORMATS} or a template that {@link formatProblem} has nothing against
 */
export function format(name: string, shown: Shown): string {
  switch (name) {
    case "waybar":
      return waybar(shown);
    case "tmux":
      return tmux(shown);
    case "polybar":
      return polybar(shown);
    case "i3blocks":
      return i3blocks(shown);
    default:
      return template(name, shown);
  }
}
