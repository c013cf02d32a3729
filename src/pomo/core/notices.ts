import { spokenDuration } from "../../kernel/core/duration.ts";
import { bodyOf, type Notice } from "../../kernel/core/notice.ts";
import type { SessionType } from "./history.ts";
import type { CheckpointType, Happening } from "./pomodoro.ts";
import type { lineOf } from "./view.ts";

/** What belongs to a checkpoint: which hook runs, what it is given, and what the desktop shows. */

/** The line of `status --json` at that moment. */
export type Moment = ReturnType<typeof lineOf>;

const HOOKS = {
  work: {
    STARTED: "on_start",
    PAUSED: "on_pause",
    RESUMED: "on_resume",
    COMPLETED: "on_complete",
    INTERRUPTED: "on_interrupt",
  },
  break: {
    STARTED: "on_break_start",
    PAUSED: "on_pause",
    RESUMED: "on_resume",
    COMPLETED: "on_break_end",
    INTERRUPTED: "on_break_end",
  },
} as const;

function partsOf(event: CheckpointType): { type: SessionType; what: Happening } {
  const cut = event.lastIndexOf("_");
  return { type: event.slice(0, cut) as SessionType, what: event.slice(cut + 1) as Happening };
}

/** The setting with the command to run. */
export function hookOf(event: CheckpointType) {
  const { type, what } = partsOf(event);
  return HOOKS[type === "WORK" ? "work" : "break"][what];
}

/** Whether this is the end of an interval that a sound tells of. */
export const isAudible = (event: CheckpointType): boolean => partsOf(event).what === "COMPLETED";

/** The variables that a hook finds in its environment; what there isn't is empty. */
export function hookVariables(event: CheckpointType, at: Moment): Record<string, string> {
  return {
    STINT_POMO_EVENT: event,
    STINT_POMO_STATE: at.state,
    STINT_POMO_SESSION_TYPE: at.session_type ?? "",
    STINT_POMO_TASK: at.task ?? "",
    STINT_POMO_REMAINING_MS: String(at.remaining_ms),
    STINT_POMO_DURATION_MS: String(at.duration_ms),
    STINT_POMO_ROUND: String(at.round),
    STINT_POMO_ROUNDS: String(at.rounds),
    STINT_POMO_PROFILE: at.profile,
    STINT_POMO_SESSION_ID: at.session_id ?? "",
    // A stint that the hook calls speaks to this very session.
    STINT_PROFILE: at.profile,
  };
}

const NAMES: Readonly<Record<SessionType, string>> = {
  WORK: "work",
  SHORT_BREAK: "short break",
  LONG_BREAK: "long break",
};
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What is shown of a start or an end; of what its user does at that moment, nothing. */
export function noticeOf(event: CheckpointType, at: Moment): Notice | undefined {
  const { type, what } = partsOf(event);
  const { task, round, rounds, state, duration_ms } = at;
  const roundText = `round ${round} of ${rounds}`;
  if (what === "STARTED" && state === "running") {
    const title = `${capital(NAMES[type])}: ${spokenDuration(duration_ms)}`;
    return { title, body: type === "WORK" ? bodyOf(task, capital(roundText)) : bodyOf(`After ${roundText}`) };
  }
  if (what === "COMPLETED") {
    const done = type === "WORK" ? bodyOf(task, capital(roundText)) : "";
    return {
      title: `${capital(NAMES[type])} done`,
      body: [done, bodyOf(comingUp(at))].filter(Boolean).join("\n"),
    };
  }
  return undefined;
}

function comingUp({ next_type: next, work_ms, break_ms, long_break_ms }: Moment): string | null {
  if (next === null) return null;
  const ms = { WORK: work_ms, SHORT_BREAK: break_ms, LONG_BREAK: long_break_ms }[next];
  return `Next: ${NAMES[next]}, ${spokenDuration(ms)}`;
}

/** What the timer did while nobody was there: a suspend, a restore. No checkpoint says it. */
export function awayNotice({ notice, session_type, finished_away_at, task }: Moment): Notice | undefined {
  if (notice === null) return undefined;
  const ended = finished_away_at !== null && session_type !== null;
  const title = ended ? `${capital(NAMES[session_type])} ended while you were away` : "While you were away";
  return { title, body: bodyOf(capital(notice), task) };
}
