import { attach, changes, followLines } from "../../kernel/attach.ts";
import { stopHost } from "../../kernel/client.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { spokenDuration } from "../../kernel/core/duration.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { oneLine } from "../../kernel/core/plain.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { inBackground, takeRequest } from "../../kernel/launch.ts";
import { shownPath } from "../../kernel/paths.ts";
import { isAlive } from "../../kernel/runtime.ts";
import type { Seat } from "../../kernel/seat.ts";
import { printTable } from "../../kernel/table.ts";
import type { CameraRow, DetectView, RelayRow, ZoneRow } from "../core/view.ts";
import { loadInstallation } from "./installation.ts";
import {
  type Hosted,
  launchHost,
  leftOn,
  prepare,
  REQUEST_VARIABLE,
  reachOf,
  runningReach,
} from "./reach.ts";
import { view } from "./screen.ts";

/** The commands that make a host, speak to it and end it. */

/** `stint detect run` */
export async function run(context: Context, options: Options): Promise<number> {
  const { output, profile } = context;
  const [detach, dryRun] = [options["detach"] === true, options["dryRun"] === true];
  const isScreen = output.terminal && !output.json;
  const { host: lives, dry_run: dry = false } = await reachOf(context).state();
  if (lives === true) {
    if (isScreen && !detach && dry === dryRun) return watch(context);
    const what = `detect is running already${dry ? ", as a dry run: no relay is switched" : ""}`;
    throw new Expected(Exit.again, what, "stint detect watch shows it, stint detect stop ends it");
  }
  const { installation, path } = await loadInstallation(profile);
  if (installation.cameras.length === 0 && !(isScreen && !detach)) {
    throw new Expected(
      Exit.config,
      `there is no camera in ${shownPath(path)}`,
      "stint detect cameras add NAME URL",
    );
  }
  const hosted = await prepare(context, dryRun);
  if (!detach) return hostHere(context, hosted);
  await launchHost(profile, hosted);
  const state = (await reachOf(context).state()) as DetectView;
  const { cameras = [], zones = [] } = state;
  output.emit(statusLine(state), () => {
    if (state.state === "paused") return "it goes on as it was left, paused: stint detect resume";
    const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
    return `${count(cameras.length, "camera")} and ${count(zones.length, "zone")} are watched${dryRun ? ", and no relay is switched" : ""}: stint detect status`;
  });
  return Exit.ok;
}

/** Its generation is opened and disposed: cameras and the guard have deadlines of their own, ms. */
const TELL_MS = 60_000;
/** One that is well ends within the deadlines of all its parts, ms. */
const STOP_MS = 30_000;

/** `stint detect pause|resume|stop` */
export async function tell(context: Context, name: "pause" | "resume" | "stop"): Promise<number> {
  const { output, profile } = context;
  const reach = runningReach(context);
  if (name === "stop") {
    const seat = reach.host;
    // Whoever was killed has left nothing that says so: the boards themselves are asked.
    if (seat && (await end(context, seat)) === "killed") {
      return (await import("./relays-cli.ts")).off(context, []);
    }
    const not_off = await leftOn(profile);
    output.emit({ type: "detect", session_id: seat?.session ?? null, state: "stopped", not_off }, () =>
      not_off === null ? "stopped: all relays are off" : `stopped, but ${not_off}`,
    );
    return not_off === null ? Exit.ok : Exit.no;
  }
  const state = (await reach.command(name, {}, TELL_MS)) as DetectView & {
    answer?: { not_off?: string | null };
  };
  const not_off = state.answer?.not_off ?? null;
  output.emit({ ...statusLine(state), not_off }, () => {
    if (not_off !== null) return `paused, but ${not_off}`;
    return name === "pause" ? "paused: all relays are off" : "it runs again";
  });
  return not_off === null ? Exit.ok : Exit.no;
}

/** Ends a host in order. One that is stuck is killed: its guard has switched all off, and does so again. */
async function end({ output }: Context, seat: Seat): Promise<"ended" | "killed"> {
  try {
    await stopHost(seat, systemClock, STOP_MS);
    return "ended";
  } catch (error) {
    if (!(error instanceof Expected) || error.exit !== Exit.again || !isAlive(seat.host)) throw error;
    output.note(
      `the host (pid ${seat.host.pid}) doesn't answer: it is killed, and its guard switches all off`,
    );
    process.kill(seat.host.pid, "SIGKILL");
    const gone = systemClock.monotonic() + TELL_MS;
    while (isAlive(seat.host) && systemClock.monotonic() < gone) await systemClock.sleep(20);
    return "killed";
  }
}

/** `stint detect watch` */
export async function watch(context: Context): Promise<number> {
  const shown = {
    view: view(context),
    tell: tellLines(context),
    isOver: (state: State) => state["host"] === false,
  };
  return attach(context, runningReach(context), shown);
}

/** `stint detect status` */
export async function status(context: Context, { follow }: Options): Promise<number> {
  const reach = runningReach(context);
  if (follow === true) {
    return followLines(context, reach, tellLines(context), (state) => state["host"] === false);
  }
  const state = (await reach.state()) as DetectView;
  const { output } = context;
  if (output.json) output.emit(statusLine(state), () => "");
  else printStatus(context, state);
  return Exit.ok;
}

/** `stint detect arm|disarm`. @param patterns `camera/zone`, with * and ? */
export async function arm(context: Context, patterns: readonly string[], armed: boolean): Promise<number> {
  const reach = runningReach(context);
  const state = (await reach.command("arm", { zones: patterns, armed })) as DetectView & {
    answer?: { unknown: string[]; zones: string[] };
  };
  const ids = (state.zones ?? []).map(({ camera, name }) => `${camera}/${name}`);
  const [unknown] = state.answer?.unknown ?? [];
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, ids) ?? (ids.length > 0 ? `there are ${ids.join(", ")}` : undefined);
    throw new Expected(Exit.usage, `there is no zone '${unknown}'`, hint);
  }
  const meant = state.answer?.zones ?? [];
  for (const { camera, name, armed, occupied, tripped } of state.zones ?? []) {
    const zone = `${camera}/${name}`;
    if (!meant.includes(zone)) continue;
    context.output.emit(
      { type: "zone", camera, name, armed, occupied, tripped },
      () => `${zone}: ${armed ? "armed" : "disarmed"}`,
    );
  }
  return Exit.ok;
}

/** `stint detect __host`: runs what its environment asks for, in the background. */
export const host = (context: Context): Promise<number> =>
  hostHere(context, takeRequest(REQUEST_VARIABLE, "stint detect run") as Hosted);

async function hostHere(context: Context, hosted: Hosted): Promise<number> {
  const { hostDetect } = await import("./hosting.ts");
  const { eventText } = await import("../core/event-text.ts");
  await hostDetect(context, hosted, (row) => {
    if (!inBackground()) {
      context.output.emit(
        { type: "event", ...row },
        () => `${new Date(row.at).toTimeString().slice(0, 8)} ${eventText(row)}`,
      );
    }
  });
  return Exit.ok;
}

// ——— how it reads

/** The one line of `status --json`. */
function statusLine({
  cameras = [],
  zones = [],
  relays = [],
  events: _,
  as_of: __,
  v: ___,
  ...facts
}: DetectView) {
  return {
    ...facts,
    cameras: cameras.map(({ people, ...camera }) => ({ ...camera, people: people.length })),
    relays: relays.map((relay) => ({ ...relay })),
    zones: zones.map((zone) => ({ ...zone })),
    type: "detect",
  };
}

/** A line at each change of what is seen and switched: what changes with every picture isn't news. */
const tellLines = (context: Context): ((state: State) => void) =>
  changes(
    (state) => {
      const { state: is, cameras = [], relays = [], zones = [], guard } = state as DetectView;
      return JSON.stringify([
        is,
        cameras.map(({ name, state, reconnects }) => [name, state, reconnects]),
        relays.map(({ until: _, ...relay }) => relay),
        zones,
        guard,
      ]);
    },
    (state) => context.output.emit(statusLine(state as DetectView), () => summaryText(state as DetectView)),
  );

function summaryText({ state, cameras = [], relays = [], zones = [] }: DetectView): string {
  const live = cameras.filter((camera) => camera.state === "live").length;
  const taken = zones.filter(({ tripped }) => tripped).map(({ camera, name }) => `${camera}/${name}`);
  const on = relays.filter((relay) => relay.state === "on").map(({ id }) => id);
  return [
    state,
    `${live} of ${cameras.length} cameras live`,
    taken.length > 0 ? `tripped: ${taken.join(", ")}` : "nothing tripped",
    on.length > 0 ? `on: ${on.join(", ")}` : "no relay on",
  ].join(" · ");
}

function printStatus({ output }: Context, state: DetectView): void {
  const { cameras = [], relays = [], zones = [], guard, health } = state;
  const facts = [
    state.state + (state.dry_run ? " (dry run: no relay is switched)" : ""),
    ...(guard ? [`guard ${guard.state}${guard.pid === null ? "" : ` (pid ${guard.pid})`}`] : []),
    ...(health?.latency_p95_ms == null ? [] : [`latency ${Math.round(health.latency_p95_ms)} ms (p95)`]),
    ...state.degraded.map((name) => `without ${name}`),
  ];
  output.text(`${facts.join(" · ")}\n`);
  if (cameras.length > 0) {
    output.text("\n");
    printTable(
      output,
      ["CAMERA", "STATE", "FPS", "PICTURE", "RECONNECTS", "PEOPLE", "WHY"],
      cameras.map((camera) => ({ cells: cameraCells(camera), colour: CAMERA_COLOURS[camera.state] })),
      6,
    );
  }
  if (zones.length > 0) {
    output.text("\n");
    printTable(
      output,
      ["ZONE", "MODE", "IS", "RELAYS"],
      zones.map((zone) => ({
        cells: [`${zone.camera}/${zone.name}`, zone.mode, zoneText(zone), zone.relays.join(" ")],
        colour: zone.tripped && zone.armed ? 31 : undefined,
      })),
      3,
    );
  }
  if (relays.length > 0) {
    output.text("\n");
    printTable(
      output,
      ["RELAY", "MODE", "STATE", "WHY", "CYCLES"],
      relays.map((relay) => ({ cells: relayCells(relay), colour: RELAY_COLOURS[relay.state] })),
      3,
    );
  }
}

const CAMERA_COLOURS: Partial<Record<CameraRow["state"], number>> = { connecting: 33, lost: 31 };
const RELAY_COLOURS: Partial<Record<RelayRow["state"], number>> = { on: 32, unknown: 31 };

const cameraCells = (camera: CameraRow): string[] => [
  camera.name,
  camera.state,
  camera.state === "live" ? camera.fps.toFixed(1) : "",
  camera.last_frame_age_ms === null ? "" : `${spokenDuration(camera.last_frame_age_ms)} ago`,
  String(camera.reconnects),
  camera.state === "live" ? String(camera.people.length) : "",
  oneLine(camera.error ?? ""),
];

/** `free` or `clear`, `occupied`, `unknown`; with what it means where that isn't the same. */
function zoneText({ mode, occupied, tripped, armed }: ZoneRow): string {
  if (!armed) return "disarmed";
  const free = mode === "permit" && !tripped ? "clear" : "free";
  const is = occupied === null ? "unknown" : occupied ? "occupied" : free;
  return tripped ? `${is}, tripped` : is;
}

const relayCells = ({ id, mode, state, cause, latched, cycles }: RelayRow): string[] => [
  id,
  mode,
  state,
  [...(cause === null ? [] : [cause]), ...(latched && cause !== "latched" ? ["latched"] : [])].join(", "),
  String(cycles),
];
