import { momentOf } from "../../kernel/arguments.ts";
import { attach, changes, followLines } from "../../kernel/attach.ts";
import { showBar } from "../../kernel/bar.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { timeText } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { inBackground, takeRequest } from "../../kernel/launch.ts";
import { bar } from "../core/bar.ts";
import { lineOf, outwardState, timesAt } from "../core/line.ts";
import type { InputChoice, TrackerName } from "../core/trackers.ts";
import type { Pushed } from "../core/view.ts";
import { effortFrom, noteFrom } from "./edits.ts";
import type { Request } from "./host.ts";
import { dateOf } from "./journal.ts";
import { type Hosted, REQUEST_VARIABLE, reachOf, type TrackReach } from "./reach.ts";
import { view } from "./screen.ts";
import { tellSession } from "./sessions.ts";
import { settings } from "./settings.ts";

/** The commands of the session itself. */

/** `stint track start` */
export async function start(
  context: Context,
  project: string | undefined,
  options: Options,
): Promise<number> {
  const [detach, foreground, anew] = [
    options["detach"] === true,
    options["foreground"] === true,
    options["new"] === true,
  ];
  if (detach && foreground) {
    throw new Expected(
      Exit.usage,
      "--detach and --foreground exclude each other",
      "stint track start --help",
    );
  }
  const reach = reachOf(context);
  const named = options["project"] as string | undefined;
  if (project !== undefined && named !== undefined) {
    throw new Expected(Exit.usage, "the project is given twice", "stint track start PROJECT");
  }
  const request = await requestOf({ ...options, project: project ?? named });
  if (foreground) {
    const left = anew ? undefined : await reach.left();
    if (left) context.output.note("what was left here goes on under its id; --new begins anew");
    return hostHere(context, left ?? (await reach.prepare(request, anew)));
  }
  await reach.begin(request, anew);
  if (!detach) return show(context, reach);
  emitState(context, await reach.state());
  return Exit.ok;
}

/** A new session as flags and configuration say. @throws Expected 2 */
async function requestOf(options: Options): Promise<Request & { kind: "start" }> {
  const { track } = await settings();
  const given = options["project"] as string | undefined;
  const project = given ?? (track.project === "" ? null : track.project);
  const at = options["at"] as string | undefined;
  const now = systemClock.wall();
  return {
    kind: "start",
    effort: effortFrom({
      project: project === null || project.trim() === "" || project.trim() === "none" ? null : project,
      tags: (options["tag"] as string[] | undefined) ?? track.tags,
    }),
    note: noteFrom(options["note"] ?? null),
    trackers: (options["only"] as TrackerName[] | undefined) ?? track.trackers,
    input: (options["input"] as InputChoice | undefined) ?? track.input,
    at: at === undefined ? null : momentOf(at, dateOf(now, localOffset(now))).wall,
    paused: options["paused"] === true,
  };
}

/** `stint track pause`, `toggle`: tells the host and prints the state after it. */
export async function act(context: Context, name: string): Promise<number> {
  const state = await reachOf(context).command(name);
  emitState(context, state);
  if (typeof state["unsaved"] === "string") context.output.note(`not saved yet: ${state["unsaved"]}`);
  return Exit.ok;
}

/** `stint track resume [ID]` */
export async function resume(context: Context, id: string | undefined): Promise<number> {
  if (id !== undefined && id !== "last") {
    const { session_id } = await reachOf(context).state();
    if (id.length < 4 || !String(session_id).endsWith(id)) {
      const hint = "only the session that was tracked last can be; stint track start begins another";
      throw new Expected(Exit.no, `session '${id.slice(0, 40)}' can't be resumed`, hint);
    }
  }
  return act(context, "resume");
}

/** `stint track stop` */
export async function stop(context: Context): Promise<number> {
  const reach = reachOf(context);
  const { question } = (await reach.state().catch(() => ({}))) as Partial<Pushed>;
  const code = await tellSession(context, await reach.stop());
  if (question) {
    const others = question.more > 0 ? `, and ${question.more} more` : "";
    context.output.note(
      `nobody has said what the time away of span ${question.span} was${others}: it doesn't count; stint track away keep --span ${question.span}`,
    );
  }
  return code;
}

/** `stint track watch` */
export const watch = (context: Context): Promise<number> => show(context, reachOf(context));

/** `stint track status` */
export async function status(context: Context, { format, follow }: Options): Promise<number> {
  const reach = reachOf(context);
  if (typeof format === "string") {
    const ticking = {
      ...bar,
      at: (state: State, since: number) => timesAt(state as Pushed, since),
      // Times read in minutes.
      changesIn: ({ going }: Pushed) => (going === null ? undefined : 15_000),
    };
    return showBar(context, reach, ticking, { name: format, follow: follow === true });
  }
  if (follow === true) return followLines(context, reach, lines(context));
  emitState(context, await reach.state());
  return Exit.ok;
}

/** Full screen on a terminal, a line at each change on a pipe; until it is left, or the session is over. */
function show(context: Context, reach: TrackReach): Promise<number> {
  const isOver = (state: State) => outwardState(state as Pushed) === "stopped";
  return attach(context, reach, { view: view(context.profile), tell: lines(context), isOver });
}

/** Prints states, each once: what only says how time goes on is no change. */
const lines = (context: Context): ((state: State) => void) =>
  changes(keyOf, (state) => emitState(context, state));

function keyOf(state: State): string {
  const {
    worked_ms: _,
    paused_ms: __,
    afk_ms: ___,
    today_worked_ms: ____,
    ...facts
  } = lineOf(state as Pushed);
  return JSON.stringify(facts);
}

/** `stint track __host`: runs what its environment asks for, in the background. */
export const host = (context: Context): Promise<number> =>
  hostHere(context, takeRequest(REQUEST_VARIABLE, "stint track start") as Hosted);

/** Hosts a session in this process. */
async function hostHere(context: Context, hosted: Hosted): Promise<number> {
  const { hostTrack } = await import("./hosting.ts");
  const tell = lines(context);
  await hostTrack(context, hosted, (state) => {
    if (!inBackground()) tell(state);
  });
  return Exit.ok;
}

function emitState({ output }: Context, state: State): void {
  output.emit(lineOf(state as Pushed), () => people(state as Pushed));
}

/** A state in a line for people. */
function people(state: Pushed): string {
  const word = outwardState(state);
  const { session_id, worked_ms, paused_ms, afk_ms, project, app, title, going_since, crashed, today } =
    state;
  const time = (at: number) => timeText(at, localOffset(at));
  if (word === "stopped" && session_id === null) {
    return `nothing is tracked; ${spokenDuration(today.worked_ms)} worked today`;
  }
  const parts = [
    word === "stopped"
      ? `${crashed ? "its host died" : "left"} at ${time(going_since ?? 0)}: stint track resume goes on`
      : state.going === "away" && word !== "paused"
        ? "away"
        : word,
    `worked ${spokenDuration(worked_ms)}`,
    ...(paused_ms > 0 ? [`paused ${spokenDuration(paused_ms)}`] : []),
    ...(afk_ms > 0 ? [`away ${spokenDuration(afk_ms)}`] : []),
    ...(project === null ? [] : [project]),
    ...(app === null ? [] : [title === null || title === "" ? app : `${app}: ${title}`]),
    ...Object.entries(state.trackers).flatMap(([name, { state, reason }]) =>
      state === "failed" || state === "hung" ? [`${name} ${state} (${reason})`] : [],
    ),
  ];
  return parts.join(" · ");
}
