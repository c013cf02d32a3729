/** States of a tracked session as a host would push them, and reports, for the tests of what shows them. */
import type { ReportOf, ReportView } from "../../src/track/core/report-view.ts";
import type { TrackerView } from "../../src/track/core/trackers.ts";
import type { Piece, Pushed, Today } from "../../src/track/core/view.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** An instant of Friday, the twentieth of November 2026, where the tests run. */
export const at = (hour: number, minute = 0): number => new Date(2026, 10, 20, hour, minute).getTime();

const piece = (from: number, to: number, kind: Piece["kind"], app: string | null): Piece => ({
  from,
  to,
  kind,
  app,
  project: kind === "work" ? "web" : null,
});

const line: readonly Piece[] = [
  piece(at(8, 59), at(10, 30), "work", "code"),
  piece(at(10, 30), at(11), "work", "firefox"),
  piece(at(11), at(11, 31), "pause", null),
  piece(at(11, 31), at(12, 3), "work", "code"),
  piece(at(12, 3), at(12, 41), "away", null),
  piece(at(12, 41), at(13, 20), "work", "terminal"),
  piece(at(13, 20), at(13, 40), "work", "gimp"),
  piece(at(13, 40), at(14, 5), "work", "code"),
];

const apps = [
  { app: "code", ms: 161 * MINUTE },
  { app: "firefox", ms: 58 * MINUTE },
  { app: "terminal", ms: 33 * MINUTE },
  { app: "slack", ms: 12 * MINUTE },
  { app: "gimp", ms: 9 * MINUTE },
  { app: "libreoffice-writer", ms: 4 * MINUTE },
  { app: "evince", ms: 40_000 },
];

export const today: Today = {
  date: "2026-11-20",
  worked_ms: 6 * HOUR + 2 * MINUTE,
  paused_ms: 31 * MINUTE,
  afk_ms: 38 * MINUTE,
  keys: 18_204,
  clicks: 2_611,
  apps,
  line,
  week: [7.5 * HOUR, 6 * HOUR, 8.2 * HOUR, 5 * HOUR, 6 * HOUR + 2 * MINUTE, 0, 0],
};

const tracker = (state: TrackerView["state"], reason: string | null = null): TrackerView => ({
  state,
  reason,
  via: state === "off" ? null : "x11",
});

const wave = (most: number) =>
  Array.from({ length: 60 }, (_, minute) => Math.round(((Math.sin(minute / 5) + 1) * most) / 2));

export const running: Pushed = {
  v: 1,
  state: "running",
  session_id: "01a2",
  profile: "acme",
  host: true,
  degraded: [],
  as_of: at(14, 5),
  going: "work",
  going_since: at(12, 41),
  started_at: at(8, 59),
  worked_ms: 4 * HOUR + 12 * MINUTE + 7_000,
  paused_ms: 31 * MINUTE,
  afk_ms: 38 * MINUTE,
  project: "web",
  tags: ["billable"],
  note: null,
  keys: 14_001,
  clicks: 1_920,
  scrolls: 4_000,
  distance_px: 120_000,
  screenshots: 0,
  mouse_idle: false,
  app: "code",
  title: "shutdown.ts – stint",
  app_since: at(13, 58),
  trackers: {
    keyboard: tracker("ok"),
    mouse: tracker("ok"),
    apps: tracker("ok"),
    screenshots: tracker("off"),
  },
  idle: tracker("ok"),
  minutes: { keys: [...wave(120), 62], clicks: [...wave(20), 9] },
  question: null,
  shot: null,
  today,
  notice: null,
  unsaved: null,
};

export const paused: Pushed = {
  ...running,
  state: "paused",
  going: "pause",
  going_since: at(14, 5),
  app: null,
  title: null,
  app_since: null,
  trackers: {
    keyboard: tracker("off"),
    mouse: tracker("off"),
    apps: tracker("off"),
    screenshots: tracker("off"),
  },
};

/** Somebody came back from lunch, and hasn't said what it was. */
export const asking: Pushed = { ...running, question: { span: 7, from: at(12, 3), to: at(12, 41), more: 0 } };

/** What is shown of a session that ended, when no host is alive. */
export const stopped: Pushed = {
  ...paused,
  state: "stopped",
  host: false,
  going: null,
  going_since: null,
};

/** Its host was killed. */
export const crashed: Pushed = { ...stopped, going_since: at(13, 52), crashed: true, resumable: true };

/** Of a screenshot, so many cells. */
export const picture = async (id: number, width: number, height: number): Promise<readonly string[]> =>
  Array.from({ length: height }, () => String(id).repeat(width).slice(0, width));

const hours = Array.from({ length: 24 }, (_, hour) =>
  hour >= 9 && hour < 15 && hour !== 12 ? 50 * MINUTE : 0,
);

const day: ReportView = {
  from: "2026-11-20",
  to: "2026-11-20",
  worked_ms: today.worked_ms,
  paused_ms: today.paused_ms,
  afk_ms: today.afk_ms,
  keys: today.keys,
  clicks: today.clicks,
  screenshots: 12,
  line,
  week: today.week,
  apps,
  projects: [
    { project: "web", ms: 5 * HOUR },
    { project: null, ms: HOUR + 2 * MINUTE },
  ],
  hours,
  spans: [],
};

/** A report of any day, week or session. */
export function reportOf(of: ReportOf): ReportView {
  if ("session" in of) {
    const span = { project: "web", tags: ["billable"], note: null };
    const spans = line.map(({ kind, from, to }) => ({ ...span, kind, started_at: from, ended_at: to }));
    return { ...day, worked_ms: running.worked_ms, spans };
  }
  if ("day" in of) return { ...day, from: of.day, to: of.day, line: of.day === day.from ? line : [] };
  const date = Temporal.PlainDate.from(of.week);
  const monday = date.subtract({ days: date.dayOfWeek - 1 });
  return {
    ...day,
    from: monday.toString(),
    to: monday.add({ days: 6 }).toString(),
    line: [],
    hours: hours.map((ms) => 4 * ms),
  };
}
