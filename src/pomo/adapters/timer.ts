import { attach, changes, followLines } from "../../kernel/attach.ts";
import { localOffset } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { clockText } from "../../kernel/core/duration.ts";
import { timeText } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { takeRequest } from "../../kernel/launch.ts";
import { readStore } from "../../kernel/store.ts";
import { lineOf, outwardState, type Pushed } from "../core/view.ts";
import { outcomeOf, schema } from "./journal.ts";
import { type Hosted, type PomoReach, REQUEST_VARIABLE, reachOf, type Wanted } from "./reach.ts";
import { view } from "./screen.ts";

/** The commands of the timer itself. */

/** `stint pomo start` */
export async function start(context: Context, task: string | undefined, options: Options): Promise<number> {
  const wanted: Wanted = {
    preset: options["preset"] as string | undefined,
    work_ms: options["work"] as number | undefined,
    break_ms: options["break"] as number | undefined,
    long_break_ms: options["longBreak"] as number | undefined,
    rounds: options["rounds"] as number | undefined,
    tags: options["tag"] as string[] | undefined,
    paused: options["paused"] === true ? true : undefined,
  };
  const replace = options["replace"] === true;
  const [detach, wait, foreground] = [
    options["detach"] === true,
    options["wait"] === true,
    options["foreground"] === true,
  ];
  if ([detach, wait, foreground].filter(Boolean).length > 1) {
    throw new Expected(
      Exit.usage,
      "--detach, --wait and --foreground exclude each other",
      "stint pomo start --help",
    );
  }
  const reach = reachOf(context);
  if (foreground) return hostHere(context, await foregroundOf(reach, task, wanted, replace, context));
  let state: State | undefined;
  // Without a word of what is wanted anew, what a dead host left is what is wanted; what to wait for is work.
  const plain = task === undefined && !replace && Object.values(wanted).every((value) => value === undefined);
  if (plain && !reach.host) {
    const left = await reach.state();
    const unfinished = left["session_id"] !== null && left["completed"] !== true;
    const works = left["session_type"] === "WORK" && left["ticking"] === true;
    if (unfinished && (!wait || works) && (await reach.revive())) state = await reach.state();
  }
  // The first, unless it was taken up later: one of a second may be over by the time that its host has answered.
  const interval = state ? Number(state["interval"]) : 1;
  state ??= await reach.begin(task, wanted, replace);
  if (wait) return waitFor(context, reach, state, interval);
  if (detach) {
    emitState(context, state);
    return Exit.ok;
  }
  return show(context, reach);
}

/** What a host in the foreground is to run: what was left there comes first, so that a service can be restarted. */
async function foregroundOf(
  reach: PomoReach,
  task: string | undefined,
  wanted: Wanted,
  replace: boolean,
  { output }: Context,
): Promise<Hosted> {
  const seen = await reach.state();
  const same = task === undefined || task === seen["task"];
  const left = replace || !same || isStanding(seen) ? undefined : await reach.left();
  if (!left) return reach.prepare(task, wanted, replace);
  output.note("what was left here is taken up again, as it was; --replace starts anew");
  return left;
}

const isStanding = (state: State): boolean =>
  state["completed"] === true || state["finished_away_at"] !== null;

/** `stint pomo watch` */
export async function watch(context: Context): Promise<number> {
  const reach = reachOf(context);
  await reach.revive();
  return show(context, reach);
}

/** `stint pomo pause`, `skip` and the like: tells the timer and prints the state after it. */
export async function act(context: Context, name: string, args: object = {}): Promise<number> {
  const { output } = context;
  const reach = reachOf(context);
  const before = await reach.state();
  // Meant for the interval that is there now: two who finish it at once don't finish the next as well.
  const which = (name === "skip" || name === "finish") && Number(before["interval"]) > 0;
  const state = await reach.command(name, which ? { ...args, interval: before["interval"] } : args);
  emitState(context, state);
  if (name === "undo") output.note(`took back: ${before["undo"] ?? "the last change"}`);
  if (typeof state["unsaved"] === "string") output.note(`not saved yet: ${state["unsaved"]}`);
  return Exit.ok;
}

/** `stint pomo extend` */
export const extend = (context: Context, ms: number): Promise<number> => act(context, "extend", { ms });

/** `stint pomo status` */
export async function status(context: Context, { format, follow }: Options): Promise<number> {
  const reach = reachOf(context, { revives: false });
  if (typeof format === "string") {
    const { showFormat } = await import("./bar.ts");
    return showFormat(context, reach, { name: format, follow: follow === true });
  }
  if (follow === true) return followLines(context, reach, lines(context));
  emitState(context, await reach.state());
  return Exit.ok;
}

/** Full screen on a terminal, a line at each change on a pipe; until it is left, or the session is over. */
function show(context: Context, reach: PomoReach): Promise<number> {
  const isOver = (state: State) => outwardState(state as Pushed) === "stopped";
  return attach(context, reach, { view: view(context.profile), tell: lines(context), isOver });
}

/** Prints states, each once: what only says how time goes on is no change. */
const lines = (context: Context): ((state: State) => void) =>
  changes(keyOf, (state) => emitState(context, state));

function keyOf(state: State): string {
  const { remaining_ms: _, last_active: __, ...facts } = lineOf(state as Pushed);
  // What is taken off grows while no host is alive.
  if (!facts.host) facts.taken_off_ms = 0;
  // A host that was made anew counts from 0.
  const { events: ___, pending: ____, ...lasting } = facts as typeof facts & { pending?: unknown };
  return JSON.stringify([lasting, state["host"] === false ? null : state["events"]]);
}

/** `start --wait`: 0 once the work is done, 1 when it was interrupted. */
async function waitFor(context: Context, reach: PomoReach, begun: State, n: number): Promise<number> {
  const { output, life } = context;
  const session = String(begun["session_id"]);
  const over = Promise.withResolvers<number>();
  using _ = life.own({ end: () => over.resolve(Exit.no), hurry: async () => {} });
  output.onClosed(() => over.resolve(Exit.ok));
  const tell = lines(context);
  const goesOn = (state: State): boolean =>
    state["session_id"] === session &&
    state["interval"] === n &&
    state["completed"] !== true &&
    state["over"] !== true;
  const look = async () => {
    // History is the one that knows; a skip may have been undone by now, a row deleted.
    const outcome = await readStore([schema], (db) => outcomeOf(db, { session, n }));
    if (outcome) over.resolve(outcome === "completed" ? Exit.ok : Exit.no);
    else if (!goesOn(await reach.state())) over.resolve(Exit.no);
  };
  await using _watching = reach.watch((state) => {
    if (!state) return;
    if (output.json) tell(state);
    if (!goesOn(state)) look().catch(over.reject);
  });
  if (!output.json) emitState(context, begun);
  const code = await over.promise;
  output.note(life.cause ? "the timer goes on" : code === Exit.ok ? "done" : "interrupted");
  return code;
}

/** `stint pomo stop` */
export async function stop(context: Context): Promise<number> {
  const reach = reachOf(context);
  const before = await reach.state();
  const state = await reach.command("stop");
  context.output.emit({ ...lineOf(state as Pushed), session_id: before["session_id"] }, () => {
    const { today } = (state as Pushed).overview;
    return `stopped; ${today.completed} done today`;
  });
  return Exit.ok;
}

/** `stint pomo __host`: runs what its environment asks for, in the background. */
export const host = (context: Context): Promise<number> =>
  hostHere(context, takeRequest(REQUEST_VARIABLE, "stint pomo start") as Hosted);

/** Hosts a session in this process. */
async function hostHere(context: Context, hosted: Hosted): Promise<number> {
  const { hostPomo } = await import("./hosting.ts");
  await hostPomo(context, hosted, lines(context));
  return Exit.ok;
}

function emitState({ output }: Context, state: State): void {
  output.emit(lineOf(state as Pushed), () => people(state as Pushed));
}

const TYPES = { WORK: "work", SHORT_BREAK: "short break", LONG_BREAK: "long break" } as const;

/** A state in a line for people. */
function people(state: Pushed): string {
  const word = outwardState(state);
  if (word === "stopped" || !state.session_type) {
    const notice = state.notice === null ? "" : ` (${state.notice})`;
    return `nothing is running${notice}; ${state.overview.today.completed} done today`;
  }
  const { session_type, round, rounds, task, completed, finished_away_at, next_type } = state;
  const over = completed
    ? `done; ${next_type ? TYPES[next_type] : ""} is next`
    : finished_away_at === null
      ? `${clockText(state.remaining_ms)} left`
      : `finished while away at ${timeText(finished_away_at, localOffset(finished_away_at))}, not counted: stint pomo finish counts it`;
  const paused = word === "paused" && !completed && finished_away_at === null ? ["paused"] : [];
  const alone = state.host === false ? ["no host is alive: stint pomo resume goes on"] : [];
  const parts = [over, ...paused, ...alone, `round ${round} of ${rounds}`, ...(task === null ? [] : [task])];
  return `${TYPES[session_type]}: ${parts.join(" · ")}`;
}
