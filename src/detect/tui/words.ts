/** What the screen says, as text. Pure but for the time zone. */
import { cells, cut } from "../../kernel/tui/text.ts";
import { sessionTone, type Tone } from "../../kernel/tui/theme.ts";
import type { CameraRow, DetectView, RelayRow, ZoneRow } from "../core/view.ts";

/** What is shown before anything is known. */
export const unknownView = (profile: string): DetectView => ({
  v: 1,
  type: "detect",
  session_id: null,
  profile,
  state: "starting",
  degraded: [],
  dry_run: false,
});

/** Whether a host is alive, and hasn't come to its end. */
export const isLive = ({ state, host }: DetectView): boolean => host !== false && state !== "stopped";

const two = (n: number): string => String(n).padStart(2, "0");

/** The hour and minute of an instant (UTC ms) where the terminal is. */
export function hourMinute(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `14:05:01`, and with its day where that isn't the day of `now`: `11-20 14:05:01`. */
export function eventTime(at: number, now: number): string {
  const date = new Date(at);
  const time = `${hourMinute(at)}:${two(date.getSeconds())}`;
  const sameDay = date.toDateString() === new Date(now).toDateString();
  return sameDay ? time : `${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** The first parts that fit in `width` cells. */
export function fitting(parts: readonly string[], width: number, between = " · "): string {
  let row = parts[0] ?? "";
  for (const part of parts.slice(1)) {
    const longer = `${row}${between}${part}`;
    if (cells(longer) > width) break;
    row = longer;
  }
  return cut(row, width);
}

/** What a camera, a zone or a relay may be called, see the configuration. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/i;

/** What stands against a name for something new; undefined: nothing. @param taken those that there are */
export function nameProblem(name: string, taken: readonly string[]): string | undefined {
  if (taken.includes(name)) return `there is a ${name} already`;
  return NAME.test(name)
    ? undefined
    : `${name} isn't a name: letters, digits, - and _, at most 32, the first no - or _`;
}

/** What the title says of the session: a word. */
export function stateWord({ pending, host, state, degraded }: DetectView): string {
  if (host === false) return "no host";
  if (pending) return `${pending[0]?.toUpperCase()}${pending.slice(1)}…`;
  return (state === "running" && degraded.length > 0 ? "degraded" : state).toUpperCase();
}

/** The tone of that. It is no failure that nobody hosts what was never known. */
export function stateTone(view: DetectView): Tone {
  if (view.host === false) return view.cameras ? "failed" : "secondary";
  return view.pending ? "waiting" : sessionTone(stateWord(view).toLowerCase());
}

/** A few words in a tone. */
export type Toned = { readonly text: string; readonly tone: Tone };

/**
 * A relay as a lamp: `horn ● on hall/press`, `lamp ○ off`, `gate ? unknown`.
 * @param known whether there is a host that says so
 */
export function lamp({ id, state, cause, mode, latched }: RelayRow, known: boolean): Toned {
  const mark = latched ? " latched" : "";
  if (!known || state === "unknown") return { text: `${id} ? unknown${mark}`, tone: "failed" };
  if (state === "off") return { text: `${id} ○ off${mark}`, tone: latched ? "waiting" : "secondary" };
  const why = cause === null || cause === "latched" ? "" : ` ${cause}`;
  return { text: `${id} ● on${mark}${why}`, tone: mode === "permit" ? "running" : "waiting" };
}

/** What a zone is, in a word. */
export type ZoneWord = "free" | "clear" | "occupied" | "tripped" | "unknown" | "disarmed";

export function zoneWord({ mode, armed, occupied, tripped }: ZoneRow, known: boolean): ZoneWord {
  if (!known) return "unknown";
  if (!armed) return "disarmed";
  if (mode === "permit" && occupied !== true) {
    // It is withheld until it is known that nobody is in; nobody has tripped it.
    return tripped || occupied === null ? "unknown" : "clear";
  }
  if (tripped) return "tripped";
  return occupied === null ? "unknown" : occupied ? "occupied" : "free";
}

/** The tone of that. */
export const zoneTones = {
  free: "running",
  clear: "running",
  occupied: "waiting",
  tripped: "failed",
  unknown: "secondary",
  disarmed: "secondary",
} as const satisfies Record<ZoneWord, Tone>;

/** `00:01:07` */
function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(":");
}

/** The parts of a camera's title. @param passed ms since it was told so @param now UTC ms */
export function cameraTexts(camera: CameraRow, passed: number, now: number): string[] {
  const { name, state, fps, latency_ms, last_frame_age_ms, retry_at } = camera;
  if (state === "live") {
    return [name, `${fps.toFixed(1)} fps`, ...(latency_ms === null ? [] : [`${Math.round(latency_ms)} ms`])];
  }
  if (state === "closed") return [name, "closed"];
  const word = state === "lost" ? "LOST" : "connecting";
  const age = last_frame_age_ms === null ? "" : ` ${clock(last_frame_age_ms + passed)}`;
  const wait = retry_at === null ? [] : [`retry in ${Math.max(0, Math.ceil((retry_at - now) / 1000))} s`];
  return [name, `${word}${age}`, ...wait];
}

/** `guard ok 4119`, and what else there is to say of the whole, the most telling first. */
export function healthTexts({ guard, detector, cameras = [], health }: DetectView): string[] {
  const { reconnects = 0, rss = 0, disk = null, latency_p95_ms = null } = health ?? {};
  return [
    ...(guard && guard.state !== "none"
      ? [`guard ${guard.state}${guard.pid === null ? "" : ` ${guard.pid}`}`]
      : []),
    ...(detector && detector.state !== "ok" && detector.state !== "closed"
      ? [`detector ${detector.state}`]
      : []),
    counted(cameras.length, "camera"),
    ...(latency_p95_ms === null ? [] : [`trip to relay ${Math.round(latency_p95_ms)} ms`]),
    counted(reconnects, "reconnect"),
    ...(health ? [`RSS ${Math.round(rss / 1e6)} M`] : []),
    ...(disk === null ? [] : [`disk ${Math.round(disk)} %`]),
  ];
}

export const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** An address without what logs in: all before its last `@`, and the query, which may hold a password. */
export const withoutPassword = (url: string): string =>
  url.replace(/^([a-z0-9+.-]+:\/\/).*@/is, "$1***@").replace(/\?.*$/s, "?***");

/** Relays of which nobody knows that they are off though nobody looks: `lamp, horn not known to be off: board main: gone`. */
export function notKnownOff(view: DetectView): string[] {
  if (!isLive(view) || view.state !== "paused" || view.dry_run) return [];
  const byCause = new Map<string | null, string[]>();
  for (const { id, state, cause } of view.relays ?? []) {
    if (state === "unknown") byCause.set(cause, [...(byCause.get(cause) ?? []), id]);
  }
  return [...byCause].map(
    ([cause, ids]) => `${ids.join(", ")} not known to be off${cause === null ? "" : `: ${cause}`}`,
  );
}

/** All that matters in a row. */
export function rowText(view: DetectView): string {
  const { cameras = [], zones = [], relays = [] } = view;
  const known = isLive(view);
  const on = relays.filter(({ state }) => state === "on").map(({ id }) => `${id} on`);
  const lost = cameras.filter(({ state }) => state === "lost").map(({ name }) => `${name} LOST`);
  const tripped = zones
    .filter((zone) => zoneWord(zone, known) === "tripped")
    .map(({ camera, name }) => `${camera}/${name} tripped`);
  const unknown = notKnownOff(view);
  const facts = [...(view.dry_run ? ["DRY RUN"] : []), ...unknown, ...tripped, ...on, ...lost];
  return [stateWord(view), ...(known ? facts : [])].join(" · ");
}
