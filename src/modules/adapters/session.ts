import { resolve } from "node:path";
import { attach, followLines } from "../../kernel/attach.ts";
import { stopHost } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { pick } from "../../kernel/core/glob.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { inBackground, takeRequest } from "../../kernel/launch.ts";
import { shownPath } from "../../kernel/paths.ts";
import { findHosts } from "../../kernel/seat.ts";
import { printTable } from "../../kernel/table.ts";
import { eventText } from "../core/event-text.ts";
import type { ModuleRow } from "../core/module.ts";
import { isAsDesired } from "../core/states.ts";
import { dirOf } from "./check.ts";
import {
  type Hosted,
  launchHost,
  leftAlive,
  noSupervisor,
  prepare,
  REQUEST_VARIABLE,
  reachOf,
  takenText,
} from "./reach.ts";
import type { Outcome } from "./runner.ts";
import { view } from "./screen.ts";

/** The commands that speak to the supervisor, and those that make and end it. */

/** A start takes as long as its module says, and those that it depends on before it: who asked may leave, ms. */
const OUTCOME_MS = 24 * 3_600_000;
/** A stop of all modules takes as long as their deadlines, one after another, ms. */
const DOWN_MS = 3_600_000;

/** `stint modules up` */
export async function up(context: Context, options: Options): Promise<number> {
  const { output, profile } = context;
  const detach = options["detach"] === true;
  const dir = await dirOf(options);
  const given = options["dir"] !== undefined;
  const { host: lives, dir: other } = await reachOf(context).state();
  if (lives === true) {
    const isShown = !detach && output.terminal && !output.json;
    if (isShown && (!given || other === dir)) return watch(context);
    const what = `a supervisor is running already, with the modules of ${shownPath(String(other))}`;
    throw new Expected(Exit.again, what, "stint modules status, or stint modules down");
  }
  const hosted = await prepare(context, { dir, given });
  if (!detach) return hostHere(context, hosted);
  await launchHost(profile, hosted);
  if (hosted.taken > 0) output.note(takenText(hosted.taken));
  const { session_id, modules, notice } = (await reachOf(context).state()) as State & {
    modules: ModuleRow[];
  };
  if (typeof notice === "string") output.note(notice);
  output.emit({ type: "modules", session_id, dir: hosted.dir, modules: modules.length }, () => {
    const on = modules.filter(({ desired }) => desired === "on").length;
    return `${on} of ${modules.length} modules of ${shownPath(hosted.dir)} are wanted: stint modules status`;
  });
  return Exit.ok;
}

/** `stint modules down` */
export async function down(context: Context): Promise<number> {
  const { output, profile } = context;
  const seat = findHosts({ kind: "modules", profile })[0];
  if (!seat) throw await noSupervisor(context);
  await stopHost(seat, systemClock, DOWN_MS);
  // One that was told to end before it had taken over what it found has left it: another one ends it.
  if ((await leftAlive(profile)).length > 0) {
    await launchHost(profile, await prepare(context, { dir: "", given: false }));
    const [again] = findHosts({ kind: "modules", profile });
    if (again) await stopHost(again, systemClock, DOWN_MS);
  }
  output.emit(
    { type: "modules", session_id: seat.session, state: "stopped" },
    () => "all modules are stopped",
  );
  return Exit.ok;
}

/** `stint modules watch` */
export async function watch(context: Context): Promise<number> {
  const reach = reachOf(context);
  if (!reach.host) throw await noSupervisor(context);
  const { output } = context;
  const tellRows = changed(context);
  const tell = (state: State) => tellRows((state as { modules?: ModuleRow[] }).modules ?? []);
  if (output.terminal && !output.json) {
    return attach(context, reach, { view: view(context.profile), tell, isOver: () => false });
  }
  return followLines(context, reach, tell, (state) => state["host"] === false);
}

/** `stint modules list|status` */
export async function status(
  context: Context,
  patterns: readonly string[],
  { follow }: Options,
): Promise<number> {
  const reach = reachOf(context);
  const meant = ({ modules = [] }: { modules?: ModuleRow[] }): ModuleRow[] => {
    const names = modules.map(({ name }) => name);
    const { picked } = pick(patterns, names);
    return patterns.length === 0 ? modules : modules.filter(({ name }) => picked.includes(name));
  };
  const first = await reach.state();
  if (first["host"] === false) throw await noSupervisor(context);
  const names = (first as { modules: ModuleRow[] }).modules.map(({ name }) => name);
  const [unknown] = pick(patterns, names).unknown;
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, names) ?? `there are ${names.join(", ")}`;
    throw new Expected(Exit.usage, `there is no module '${unknown}'`, hint);
  }
  if (follow === true) {
    const tell = changed(context);
    let gone = false;
    await followLines(
      context,
      reach,
      (state) => {
        gone = state["host"] === false;
        if (!gone) tell(meant(state as { modules?: ModuleRow[] }));
      },
      (state) => state["host"] === false,
    );
    if (gone) throw await noSupervisor(context);
    return Exit.ok;
  }
  const rows = meant(first as { modules: ModuleRow[] });
  printRows(context, rows, patterns.length > 0);
  return rows.every(isAsDesired) ? Exit.ok : Exit.no;
}

/** `stint modules enable`, `stop`, `record`, …: tells the supervisor and says what became of each. */
export async function act(
  context: Context,
  name: string,
  names: readonly string[],
  options: Options,
): Promise<number> {
  const session = options["session"] as string | undefined;
  if (session?.trim() === "") throw new Expected(Exit.usage, "--session is to be a folder");
  const args = {
    names,
    all: options["all"] === true,
    ...(session === undefined ? {} : { session: resolve(session) }),
    ...(options["trial"] === undefined ? {} : { trial: options["trial"] }),
  };
  const state = await ask(context, name === "stop" ? "halt" : name, args);
  const { answer } = state as State & { answer: { outcomes: Outcome[] } };
  if (answer.outcomes.length === 0) context.output.note("there was nothing to be done");
  return tellOutcomes(context, state);
}

/** `stint modules reload` */
export async function reload(context: Context): Promise<number> {
  const state = await ask(context, "reload", {});
  const { notice, answer } = state as State & { answer: { outcomes: Outcome[] } };
  if (typeof notice === "string") context.output.note(notice);
  if (answer.outcomes.length === 0) context.output.note("nothing has changed");
  return tellOutcomes(context, state);
}

/** `stint modules send NAME COMMAND` */
export async function send(context: Context, name: string, text: string, options: Options): Promise<number> {
  let command: unknown;
  try {
    command = JSON.parse(text);
  } catch {
    throw new Expected(Exit.usage, "the command isn't JSON", `'{"command":"…"}'`);
  }
  const within_ms = options["timeout"] as number | undefined;
  const args = { name, command, ...(within_ms === undefined ? {} : { within_ms }) };
  const { answer } = (await ask(context, "send", args)) as {
    answer?: Outcome & { answer?: Record<string, unknown> };
  };
  if (!answer) throw new Expected(Exit.internal, "the supervisor gave no answer");
  if (answer.answer) {
    const said = answer.answer;
    context.output.emit({ type: "answer", name, answer: said }, () => oneLine(JSON.stringify(said)));
  }
  if (!answer.ok) throw new Expected(Exit.no, `${name}: ${oneLine(answer.text ?? "refused")}`);
  return Exit.ok;
}

/** @throws Expected 69 when there is no supervisor */
const ask = (context: Context, name: string, args: object): Promise<State> =>
  reachOf(context).command(name, args, OUTCOME_MS);

function tellOutcomes(context: Context, state: State): number {
  const { modules, answer } = state as { modules: ModuleRow[]; answer: { outcomes: Outcome[] } };
  const { output } = context;
  for (const { name, ok, text } of answer.outcomes) {
    const row = modules.find((module) => module.name === name);
    output.emit({ type: "outcome", name, ok, text, ...(row ? lineOf(row) : {}) }, () => {
      const is = row ? stateText(row) : "gone";
      const mark = ok ? output.paint(32, "✓") : output.paint(31, "✗");
      const words = text === null ? is : ok ? `${is}, ${text}` : row ? `${text} (${row.actual})` : text;
      return `${mark} ${name}: ${oneLine(words)}`;
    });
  }
  return answer.outcomes.every(({ ok }) => ok) ? Exit.ok : Exit.no;
}

/** `stint modules __host`: runs what its environment asks for, in the background. */
export const host = (context: Context): Promise<number> =>
  hostHere(context, takeRequest(REQUEST_VARIABLE, "stint modules up") as Hosted);

/** Hosts a supervisor in this process. */
async function hostHere(context: Context, hosted: Hosted): Promise<number> {
  const { hostModules } = await import("./hosting.ts");
  await hostModules(context, hosted, (happening) => {
    if (!inBackground()) context.output.emit(happening, () => eventText(happening));
  });
  return Exit.ok;
}

// ——— how a module reads

/** A module's line of `status --json`: without what changes all the time. */
function lineOf(row: ModuleRow) {
  const { name, desired, actual, pid, since, restarts, adopted, last_exit, reason, ...rest } = row;
  return { name, desired, actual, pid, since, restarts, adopted, last_exit, reason, ...rest };
}

const emitRow = ({ output }: Context, row: ModuleRow): void =>
  output.emit({ type: "module", ...lineOf(row) }, () => `${row.name}: ${stateText(row)}`);

/** Tells each module whose line reads otherwise than before, and those that are gone. */
function changed(context: Context): (rows: readonly ModuleRow[]) => void {
  const told = new Map<string, string>();
  const key = ({ cpu: _, rss: __, status: ___, ...facts }: ModuleRow) => JSON.stringify(facts);
  return (rows) => {
    for (const row of rows) {
      if (told.get(row.name) === key(row)) continue;
      told.set(row.name, key(row));
      emitRow(context, row);
    }
    for (const name of told.keys()) {
      if (rows.some((row) => row.name === name)) continue;
      told.delete(name);
      context.output.emit({ type: "module_removed", name }, () => `${name}: removed`);
    }
  };
}

function stateText({ actual, pid, reason }: ModuleRow): string {
  const what = [...(pid === null ? [] : [`pid ${pid}`]), ...(reason === null ? [] : [oneLine(reason)])];
  return `${actual}${what.length > 0 ? ` (${what.join(", ")})` : ""}`;
}

/** @param closely whether there is room for all that there is to say of each */
function printRows(context: Context, rows: readonly ModuleRow[], closely: boolean): void {
  const { output } = context;
  if (output.json) {
    for (const row of rows) emitRow(context, row);
    return;
  }
  if (rows.length === 0) {
    output.note("there are no modules: mkdir -p modules/NAME, with a config.txt");
    return;
  }
  const now = systemClock.wall();
  printTable(
    output,
    ["NAME", "WANTED", "STATE", "PID", "UP", "CPU", "RSS", "RESTARTS", "LAST"],
    rows.map((row) => ({
      cells: [
        row.name,
        row.desired,
        row.actual,
        row.pid === null ? "" : String(row.pid),
        row.started_at === null ? "" : spokenDuration(now - row.started_at),
        row.cpu === null ? "" : `${row.cpu.toFixed(1)} %`,
        row.rss === null ? "" : `${Math.round(row.rss / 2 ** 20)} M`,
        String(row.restarts),
        oneLine(row.reason ?? row.last_exit ?? ""),
      ],
      colour: COLOURS[row.actual],
    })),
    8,
  );
  if (closely) for (const row of rows) output.text(detailText(row));
}

/** What a table has no room for. */
function detailText({ name, enabled, adopted, reason, recording, status }: ModuleRow): string {
  const lines = [
    `a fresh start ${enabled ? "runs" : "doesn't run"} it${adopted ? "; it outlived the supervisor that started it" : ""}`,
    ...(reason === null ? [] : [reason]),
    ...(recording ? [`trial ${recording.trial}, segment ${recording.segment}, in ${recording.session}`] : []),
    ...(status ? [`status ${JSON.stringify(status)}`] : []),
  ];
  return `\n${name}\n${lines.map((line) => `  ${oneLine(line)}\n`).join("")}`;
}

/** What is as it should be has no colour. */
const COLOURS: Partial<Record<ModuleRow["actual"], number>> = {
  DISABLED: 2,
  ENABLED: 33,
  STARTING: 33,
  STOPPING: 33,
  RECORDING: 32,
  ERROR: 31,
  CRASHED: 31,
};
