import { resolve } from "node:path";
import { attach, changes, followLines } from "../../kernel/attach.ts";
import { stopHost } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { inBackground } from "../../kernel/launch.ts";
import { findHosts } from "../../kernel/seat.ts";
import { printTable } from "../../kernel/table.ts";
import { eventText } from "../core/event-text.ts";
import { pick } from "../core/glob.ts";
import type { ModuleRow } from "../core/module.ts";
import { isAsDesired } from "../core/states.ts";
import { dirOf } from "./check.ts";
import { type Hosted, launchHost, noSupervisor, prepare, REQUEST_VARIABLE, reachOf } from "./reach.ts";
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
  if (findHosts({ kind: "modules", profile })[0] && !detach && output.terminal && !output.json)
    return watch(context);
  const hosted = await prepare(context, { dir: await dirOf(options), given: options["dir"] !== undefined });
  if (!detach) return hostHere(context, hosted);
  await launchHost(profile, hosted);
  const { session_id, modules, dir, notice } = (await reachOf(context).state()) as State & {
    modules: ModuleRow[];
  };
  if (typeof notice === "string") output.note(notice);
  output.emit({ type: "modules", session_id, dir, modules: modules.length }, () => {
    const on = modules.filter(({ desired }) => desired === "on").length;
    return `${on} of ${modules.length} modules of ${String(dir)} are wanted: stint modules status`;
  });
  return Exit.ok;
}

/** `stint modules down` */
export async function down({ output, profile }: Context): Promise<number> {
  const seat = findHosts({ kind: "modules", profile })[0];
  if (!seat) throw noSupervisor();
  await stopHost(seat, systemClock, DOWN_MS);
  output.emit(
    { type: "modules", session_id: seat.session, state: "stopped" },
    () => "all modules are stopped",
  );
  return Exit.ok;
}

/** `stint modules watch` */
export async function watch(context: Context): Promise<number> {
  const reach = reachOf(context);
  if (!reach.host) throw noSupervisor();
  const { output } = context;
  const tell = changed((row) => emitRow(context, row));
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
  const meant = (state: State): ModuleRow[] => {
    if (state["host"] === false) throw noSupervisor();
    const { modules } = state as { modules: ModuleRow[] };
    if (patterns.length === 0) return modules;
    const names = modules.map(({ name }) => name);
    const { picked, unknown } = pick(patterns, names);
    if (unknown[0] === undefined) return modules.filter(({ name }) => picked.includes(name));
    throw new Expected(Exit.usage, `there is no module '${unknown[0]}'`, `there are ${names.join(", ")}`);
  };
  const first = meant(await reach.state());
  if (follow === true) {
    const tell = changed((row) => emitRow(context, row));
    const known = new Set(first.map(({ name }) => name));
    let gone = false;
    await followLines(
      context,
      reach,
      (state) => {
        gone = state["host"] === false;
        const { modules = [] } = state as { modules?: ModuleRow[] };
        const wanted = modules.filter(({ name }) => patterns.length === 0 || known.has(name));
        tell({ ...state, modules: wanted });
      },
      (state) => state["host"] === false,
    );
    if (gone) throw noSupervisor();
    return Exit.ok;
  }
  printRows(context, first);
  return first.every(isAsDesired) ? Exit.ok : Exit.no;
}

/** `stint modules enable`, `stop`, `record`, …: tells the supervisor and says what became of each. */
export async function act(
  context: Context,
  name: string,
  names: readonly string[],
  options: Options,
): Promise<number> {
  const session = options["session"] as string | undefined;
  const args = {
    names,
    all: options["all"] === true,
    ...(session === undefined ? {} : { session: resolve(session) }),
    ...(options["trial"] === undefined ? {} : { trial: options["trial"] }),
  };
  return tellOutcomes(context, await ask(context, name === "stop" ? "halt" : name, args));
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
    context.output.emit({ type: "answer", name, ...said }, () => JSON.stringify(said));
  }
  if (!answer.ok) throw new Expected(Exit.no, `${name}: ${answer.text ?? "refused"}`);
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
      return `${mark} ${name}: ${text === null ? is : ok ? `${is}, ${text}` : `${text} (${is})`}`;
    });
  }
  return answer.outcomes.every(({ ok }) => ok) ? Exit.ok : Exit.no;
}

/** `stint modules __host`: runs what its environment asks for, in the background. */
export async function host(context: Context): Promise<number> {
  const text = process.env[REQUEST_VARIABLE];
  delete process.env[REQUEST_VARIABLE];
  let hosted: Hosted;
  try {
    hosted = JSON.parse(text ?? "") as Hosted;
  } catch {
    throw new Expected(Exit.usage, "this is for stint itself", "stint modules up");
  }
  return hostHere(context, hosted);
}

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

/** Tells each module whose line reads otherwise than before. */
function changed(tell: (row: ModuleRow) => void): (state: State) => void {
  const tellers = new Map<string, (state: State) => void>();
  const key = (state: State) => {
    const { cpu: _, rss: __, status: ___, ...facts } = state as unknown as ModuleRow;
    return JSON.stringify(facts);
  };
  return (state) => {
    const { modules = [] } = state as { modules?: ModuleRow[] };
    for (const row of modules) {
      const teller = tellers.get(row.name) ?? changes(key, (state) => tell(state as unknown as ModuleRow));
      tellers.set(row.name, teller);
      teller(row as unknown as State);
    }
  };
}

function stateText({ actual, pid, reason }: ModuleRow): string {
  const what = [...(pid === null ? [] : [`pid ${pid}`]), ...(reason === null ? [] : [oneLine(reason)])];
  return `${actual}${what.length > 0 ? ` (${what.join(", ")})` : ""}`;
}

function printRows(context: Context, rows: readonly ModuleRow[]): void {
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
