import type { Pushed } from "./view.ts";

/** What it is called outside: one that does without a tracker is degraded; what is under way is `pending`'s to say. */
export function outwardState({
  state,
  degraded,
  host,
  going,
}: Pick<Pushed, "state" | "degraded" | "host" | "going">) {
  if (host === false || state === "stopped") return "stopped";
  if (state === "paused" || (state !== "running" && going === "pause")) return "paused";
  return degraded.length > 0 ? "degraded" : "running";
}

/** The times of a state brought up to now. @param since ms since it was true */
export function timesAt<V extends Pick<Pushed, "going" | "worked_ms" | "paused_ms" | "afk_ms" | "today">>(
  view: V,
  since: number,
): V {
  if (view.going === null || since <= 0) return view;
  const field = ({ work: "worked_ms", pause: "paused_ms", away: "afk_ms" } as const)[view.going];
  const grown = { [field]: view[field] + since };
  return { ...view, ...grown, today: { ...view.today, [field]: view.today[field] + since } };
}

/** A state as a line of output: without what only screens want. */
export function lineOf(pushed: Pushed) {
  const { v, session_id, profile, host = true, going, going_since, question, notice, unsaved } = pushed;
  const {
    worked_ms,
    paused_ms,
    afk_ms,
    keys,
    clicks,
    scrolls,
    distance_px,
    screenshots,
    mouse_idle,
    app,
    title,
  } = pushed;
  const { project, tags, note, started_at, trackers, idle, degraded, pending, today, crashed, resumable } =
    pushed;
  return {
    v,
    type: "track" as const,
    state: outwardState(pushed),
    ...(pending === undefined ? {} : { pending }),
    session_id,
    profile,
    host,
    crashed: crashed ?? false,
    resumable: resumable ?? false,
    started_at,
    worked_ms,
    paused_ms,
    afk_ms,
    going,
    going_since,
    project,
    tags,
    note,
    keys,
    clicks,
    scrolls,
    distance_px,
    screenshots,
    mouse_idle,
    app,
    title,
    trackers,
    idle,
    degraded,
    away_question: question,
    today_worked_ms: today.worked_ms,
    notice,
    unsaved,
  };
}
