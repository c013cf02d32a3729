import { type Bar, fieldsOf, type Reading, shortTitle } from "../../kernel/core/bar.ts";
import { clockText, spokenDuration } from "../../kernel/core/duration.ts";
import type { SessionType } from "./history.ts";
import { lineOf, outwardState, type Pushed } from "./view.ts";

/** What bars and prompts show of a pomodoro. It is made once a second in many a bar, so it imports next to nothing. */

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
  const work = task === null ? WORDS.WORK : shortTitle(task);
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

/** Green runs, cyan is a break, yellow waits for the user, grey is alive no more. */
const COLOURS = {
  work: "green",
  short_break: "cyan",
  long_break: "cyan",
  paused: "yellow",
  waiting: "yellow",
  away: "grey",
  stopped: "grey",
} as const satisfies Record<Mood, Reading["colour"]>;

function tooltip(shown: Shown, mood: Mood): string[] {
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
  return [
    mood === "stopped" ? "no pomodoro" : `${wordOf(session_type)}, round ${round} of ${rounds}${state}`,
    mood === "away" ? away : "",
    mood === "stopped" || task === null ? "" : task,
    `today ${completed}${goal > 0 ? ` of ${goal}` : ""}`,
    overview.streak_days > 1 ? `${overview.streak_days} days in a row` : "",
  ];
}

/** A pomodoro as bars and prompts show it. */
export const bar: Bar<Shown> = {
  read(shown) {
    const mood = moodOf(shown);
    return {
      text: textOf(shown),
      short: clockText(shown.remaining_ms),
      mood,
      colour: COLOURS[mood],
      tooltip: tooltip(shown, mood),
      percentage: mood === "stopped" ? 0 : percentOf(shown),
    };
  },
  fields: {
    ...WORDED,
    ...fieldsOf(LINE, (shown) => lineOf(shown)),
    ...fieldsOf(TODAY, (shown) => lineOf(shown).today, "today."),
  },
  example: "{remaining} {task}",
};
