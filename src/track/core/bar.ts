import { type Bar, type Reading, shortTitle } from "../../kernel/core/bar.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { lineOf, outwardState } from "./line.ts";
import type { Pushed } from "./view.ts";

/** How a tracked session reads in bars and prompts. */

/** `4 h 12 min acme`; nothing without a session. */
function read(shown: Pushed): Reading {
  const state = outwardState(shown);
  const { worked_ms, project, app, today, question } = shown;
  const worked = spokenDuration(worked_ms);
  const away = shown.going === "away" && state !== "stopped" && state !== "paused";
  const left = shown.host === false && shown.resumable === true;
  const mood = left ? "left" : away ? "away" : state;
  const what = project === null ? "" : ` ${shortTitle(project)}`;
  const word = left || away || state === "paused" ? ` ${mood}` : "";
  const unavailable = Object.entries(shown.trackers).flatMap(([name, { state, reason }]) =>
    state === "failed" || state === "hung" ? [`${name} ${state}: ${reason ?? ""}`] : [],
  );
  return {
    text: mood === "stopped" ? "" : `${worked}${what}${word}`,
    short: worked,
    mood,
    colour: state === "running" && !away ? "green" : mood === "left" ? "grey" : "yellow",
    tooltip: [
      mood === "stopped" ? "nothing is tracked" : `worked ${worked}${what}${word}`,
      left ? "no host is alive: stint track resume goes on" : "",
      app === null ? "" : app,
      `today ${spokenDuration(today.worked_ms)}`,
      question ? "stint track away says what the last time away was" : "",
      ...unavailable,
    ],
    // Of a day of eight hours.
    percentage: Math.min(100, Math.floor((today.worked_ms / EIGHT_HOURS_MS) * 100)),
  };
}

const EIGHT_HOURS_MS = 8 * 3_600_000;

/** The fields of a line of --json that are no lists of their own, and times in words. */
const LINE = [
  "state",
  "session_id",
  "profile",
  "worked_ms",
  "paused_ms",
  "afk_ms",
  "project",
  "note",
  "keys",
  "clicks",
  "scrolls",
  "distance_px",
  "screenshots",
  "app",
  "title",
  "notice",
  "unsaved",
] as const;

const total = (days: readonly number[]): number => days.reduce((sum, ms) => sum + ms, 0);

/** How a state reads. */
export const bar: Bar<Pushed> = {
  read,
  example: "{worked} {project}",
  fields: {
    worked: ({ worked_ms }) => spokenDuration(worked_ms),
    project: ({ project }) => project,
    paused: ({ paused_ms }) => spokenDuration(paused_ms),
    away: ({ afk_ms }) => spokenDuration(afk_ms),
    today: ({ today }) => spokenDuration(today.worked_ms),
    week: ({ today }) => spokenDuration(total(today.week)),
    tags: ({ tags }) => tags.join(" "),
    ...Object.fromEntries(LINE.map((name) => [name, (shown: Pushed) => lineOf(shown)[name]])),
  },
};
