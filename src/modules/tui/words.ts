/** What the screen says, as text. */
import { cells, characters, cut, oneRow } from "../../kernel/tui/text.ts";
import { sessionTone, type Tone } from "../../kernel/tui/theme.ts";
import type { ModuleRow } from "../core/module.ts";
import { hasProcess, type ModuleState } from "../core/states.ts";
import { type Pushed, summaryTexts } from "../core/view.ts";
import type { Verb } from "./asks.ts";

/** What is shown before anything is known. */
export const unknownView = (profile: string): Pushed => ({
  v: 1,
  session_id: null,
  profile,
  state: "starting",
  degraded: [],
  dir: "",
  notice: null,
  trial: 0,
  as_of: 0,
});

/** Whether a supervisor is alive, and hasn't come to its end. */
export const isLive = ({ state, host }: Pushed): boolean => host !== false && state !== "stopped";

const two = (n: number): string => String(n).padStart(2, "0");

/** The hour and minute of an instant (UTC ms) where the terminal is. */
export function hourMinute(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `14:05:01`, and with its day where that isn't the day of `now`: `11-20 14:05:01`. */
export function lineTime(at: number, now: number): string {
  const date = new Date(at);
  const time = `${hourMinute(at)}:${two(date.getSeconds())}`;
  const sameDay = date.toDateString() === new Date(now).toDateString();
  return sameDay ? time : `${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** The first parts that fit in `width` cells, with a dot between each two. */
export function dotted(parts: readonly string[], width: number): string {
  let row = parts[0] ?? "";
  for (const part of parts.slice(1)) {
    const longer = `${row} · ${part}`;
    if (cells(longer) > width) break;
    row = longer;
  }
  return cut(row, width);
}

/** The end of a text, in at most `width` cells. */
function cutBefore(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = "";
  for (const character of [...characters(text)].reverse()) {
    if (cells(character + kept) >= width) break;
    kept = character + kept;
  }
  return `…${kept}`;
}

/** The least that a folder is told by, in cells: `…k/modules`. */
const LEAST_FOLDER = 10;
const BEFORE_FOLDER = 2;

/** `4 on · 1 failed  …/rack/modules`, in at most `width` cells: the end of a folder is what tells it from others. */
export function titleText(summary: readonly string[], dir: string, width: number): string {
  const folder = oneRow(dir);
  const least = BEFORE_FOLDER + Math.min(cells(folder), LEAST_FOLDER);
  // What went wrong comes before it; what else there is comes after it.
  const texts = [dotted(summary, width - least), dotted(summary.slice(0, 2), width)];
  const text = texts.reduce((one, other) => (cells(other) > cells(one) ? other : one));
  const room = width - cells(text);
  if (dir === "" || room < least) return dotted(summary, width);
  return `${text}${" ".repeat(BEFORE_FOLDER)}${cutBefore(folder, room - BEFORE_FOLDER)}`;
}

/** What the title says of the session: a word. */
export function stateWord({ pending, host, state, degraded }: Pushed): string {
  if (host === false) return "no supervisor";
  if (pending) return `${pending}…`;
  return state === "running" && degraded.length > 0 ? "degraded" : state;
}

/** The tone of that. */
export function stateTone(view: Pushed): Tone {
  if (view.host === false) return "failed";
  return view.pending ? "waiting" : sessionTone(stateWord(view));
}

const moduleTones = {
  DISABLED: "secondary",
  ENABLED: "waiting",
  STARTING: "waiting",
  STOPPING: "waiting",
  IDLE: "running",
  RECORDING: "running",
  ERROR: "failed",
  CRASHED: "failed",
} as const satisfies Record<ModuleState, Tone>;

const asking: Readonly<Partial<Record<Verb, string>>> = {
  enable: "starting…",
  disable: "stopping…",
  restart: "restarting…",
  reset: "resetting…",
};

/** A module as it is shown. */
export type ShownModule = {
  readonly row: ModuleRow;
  /** What was asked for last and hasn't shown yet. */
  readonly asked?: Verb | undefined;
  /** `unknown`: no supervisor says so any more. `over`: its supervisor has stopped it. */
  readonly told: "alive" | "unknown" | "over";
};

/** Its state, and the tone of that. What is only thought to be so is in small letters. */
export function moduleState({ row: { actual }, asked, told }: ShownModule): { text: string; tone: Tone } {
  if (told !== "alive") {
    const text = told === "over" && hasProcess(actual) ? "stopped" : `${actual.toLowerCase()}`;
    return { text: told === "unknown" && hasProcess(actual) ? `${text}?` : text, tone: "secondary" };
  }
  const going = asked && asking[asked];
  return going === undefined ? { text: actual, tone: moduleTones[actual] } : { text: going, tone: "waiting" };
}

/** Whether it is to run, by the last wish. */
export const isWanted = ({ row, asked }: Pick<ShownModule, "row" | "asked">): boolean =>
  asked === "enable" ? true : asked === "disable" ? false : row.desired === "on";

/** What else there is to say of a module, the most telling first. */
export function detailTexts({ reason, recording, adopted, desired, enabled }: ModuleRow): string[] {
  return [
    ...(reason === null ? [] : [reason]),
    ...(recording === null
      ? []
      : [`trial ${recording.trial}, segment ${recording.segment} in ${recording.session}`]),
    ...(adopted ? ["taken over from a supervisor that died"] : []),
    ...((desired === "on") === enabled ? [] : [`${desired} for this run only`]),
  ];
}

/** `running 5 on · 1 failed · 12 restarts`: all of it in a row. */
export const rowText = (view: Pushed): string =>
  [stateWord(view), ...(view.modules ? [summaryTexts(view.modules).join(" · ")] : [])].join(" ");
