import { NO_TIMES, type Times } from "./span.ts";
import type { Trackers, TrackerView } from "./trackers.ts";

/** What clients are shown of a tracked session, beside the session's own fields. Times are UTC ms, lengths ms. */
export type TrackView = Times & {
  /** When this was true: of what goes on, time has passed since. */
  as_of: number;
  /** What goes on: the kind of the span that is open, null once it is over. */
  going: "work" | "pause" | "away" | null;
  /** Since when. */
  going_since: number | null;
  started_at: number | null;
  project: string | null;
  tags: readonly string[];
  /** What is done now. */
  note: string | null;
  /** Of the whole session. */
  keys: number;
  clicks: number;
  scrolls: number;
  distance_px: number;
  screenshots: number;
  /** Whether the mouse has been still for longer than the idle threshold, or isn't watched. */
  mouse_idle: boolean;
  /** What the user looks at, and since when. */
  app: string | null;
  title: string | null;
  app_since: number | null;
  trackers: Trackers;
  /** What tells whether anybody is there. */
  idle: Trackers[keyof Trackers];
  /** Keys and clicks of each of the last minutes, the oldest first; the last one is going on. */
  minutes: { keys: readonly number[]; clicks: readonly number[] };
  /** The first time away of which nobody has said yet what it was, and how many more there are. */
  question: { span: number; from: number; to: number; more: number } | null;
  /** The newest screenshot. */
  shot: { id: number; at: number } | null;
  today: Today;
  /** Something to be told once: a restore, a suspend, a clock that was set. */
  notice: string | null;
  /** Why what was last counted isn't on the disk yet. */
  unsaved: string | null;
};

/** The local day up to now, over all sessions of the profile. */
export type Today = Times & {
  /** `2026-11-22` */
  date: string;
  keys: number;
  clicks: number;
  apps: readonly { app: string; ms: number }[];
  /** What was when, for a line of the day; the app that was looked at most in that piece, or what else it was. */
  line: readonly Piece[];
  /** Worked on each day of this week, Monday first, ms. */
  week: readonly number[];
};

/** A piece of a day's line. */
export type Piece = {
  from: number;
  to: number;
  kind: "work" | "pause" | "away";
  app: string | null;
  project: string | null;
};

/** A state as it is pushed: what is shown, and the session's own fields. */
export type Pushed = TrackView & {
  v: number;
  state: string;
  pending?: string;
  session_id: string | null;
  profile: string;
  degraded: readonly string[];
  /** Whether a host is alive; where none is, whether the last has died without a word, and can be resumed. */
  host?: boolean;
  crashed?: boolean;
  resumable?: boolean;
};

/** A day of which nothing is known. @param date `2026-11-22` */
export const emptyDay = (date: string): Today => ({
  date,
  ...NO_TIMES,
  keys: 0,
  clicks: 0,
  apps: [],
  line: [],
  week: [0, 0, 0, 0, 0, 0, 0],
});

const OFF: TrackerView = { state: "off", reason: null, via: null };

/** What is shown where there is no session. @param as_of UTC ms */
export const emptyView = (today: Today, as_of: number): TrackView => ({
  as_of,
  going: null,
  going_since: null,
  started_at: null,
  ...NO_TIMES,
  project: null,
  tags: [],
  note: null,
  keys: 0,
  clicks: 0,
  scrolls: 0,
  distance_px: 0,
  screenshots: 0,
  mouse_idle: true,
  app: null,
  title: null,
  app_since: null,
  trackers: { keyboard: OFF, mouse: OFF, apps: OFF, screenshots: OFF },
  idle: OFF,
  minutes: { keys: [], clicks: [] },
  question: null,
  shot: null,
  today,
  notice: null,
  unsaved: null,
});
