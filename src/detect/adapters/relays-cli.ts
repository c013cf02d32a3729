import { dirname } from "node:path";
import { systemClock } from "../../kernel/clock.ts";
import type { Context, Options } from "../../kernel/command.ts";
import { preciseText } from "../../kernel/core/duration.ts";
import { didYouMean } from "../../kernel/core/nearest.ts";
import { Exit, Expected, message } from "../../kernel/errors.ts";
import { socketPath } from "../../kernel/paths.ts";
import { printTable } from "../../kernel/table.ts";
import { applyEdit } from "../core/edit.ts";
import {
  type BoardConfig,
  type Installation,
  type RelayConfig,
  relayMode,
  zoneId,
} from "../core/installation.ts";
import type { DetectView, RelayRow, RelayState } from "../core/view.ts";
import { Guard, type GuardEvents } from "./guard/client.ts";
import { changeInstallation, loadInstallation, type Raw } from "./installation.ts";
import { applyLive, reachOf } from "./reach.ts";
import { openBoard } from "./relay/open.ts";
import { ownBoard } from "./relay/own-board.ts";
import { type FoundBoard, listBoards, UDEV_RULE } from "./relay/usb-hid.ts";

/** `stint detect relay`. Where detect runs its host does it; else this process, with a guard of its own. */

/** How long a relay is on that is pulsed, or tested, ms. */
const PULSE_MS = 500;
const TEST_MS = 300;
/** A test is of one relay after another. */
const ANSWER_MS = 60_000;
/** What a board is called that nobody has named. */
const FIRST_BOARD = "board";
const SIMULATED_BOARD = "simulated";

type Outcome = { readonly relay: string; readonly ok: boolean; readonly text: string };

/** `stint detect relay list` */
export async function list(context: Context): Promise<number> {
  const { output } = context;
  const relays = await knownRelays(context);
  const found = await listBoards().catch((error: unknown): FoundBoard[] => {
    output.note(message(error));
    return [];
  });
  if (output.json) {
    for (const board of found) output.emit({ type: "board", ...board });
    for (const relay of relays) output.emit({ type: "relay", ...relay });
    return Exit.ok;
  }
  if (found.length === 0) output.note("no relay board is plugged in");
  else {
    const rows = found.map(({ serial, path, channels, permitted }) => {
      const why = permitted ? (serial === null ? "doesn't answer" : "") : "not permitted: relay udev-rule";
      const cells = [serial ?? "?", path, String(channels), why];
      return { cells, colour: why === "" ? undefined : 33 };
    });
    printTable(output, ["BOARD", "PATH", "RELAYS", ""], rows, 1);
  }
  if (relays.length === 0) output.note("no relay is configured: stint detect relay add NAME");
  else {
    output.text("\n");
    const rows = relays.map(({ id, board, channel, mode, state }) => {
      return { cells: [id, board, String(channel), mode, state ?? ""] };
    });
    printTable(output, ["RELAY", "BOARD", "CHANNEL", "MODE", "STATE"], rows, 0);
  }
  return Exit.ok;
}

type Listed = Pick<RelayRow, "id" | "board" | "channel" | "mode"> & { readonly state: RelayState | null };

/** Those of the host that lives, whatever has become of the file meanwhile; else those of the file. @throws Expected 78 */
async function knownRelays(context: Context): Promise<readonly Listed[]> {
  const { relays } = (await reachOf(context).state()) as DetectView;
  try {
    const { installation } = await loadInstallation(context.profile);
    if (!relays) {
      return installation.relays.map(({ id, board, channel }) => {
        return { id, board, channel, mode: relayMode(installation, id), state: null };
      });
    }
  } catch (error) {
    if (!relays || !(error instanceof Expected)) throw error;
    context.output.note(`${error.message}: detect goes on with what it had`);
  }
  return relays.map(({ id, board, channel, mode, state }) => ({ id, board, channel, mode, state }));
}

/** `stint detect relay add`. @throws Expected 2 when it isn't plain which board is meant, 69 when there is none */
export async function add(context: Context, id: string, options: Options): Promise<number> {
  const { board, channel = 1, simulated = false } = options as AddOptions;
  const { installation } = await loadInstallation(context.profile);
  const wanted = await boardFor(installation, board, simulated);
  const most = "channels" in wanted ? wanted.channels : undefined;
  if (most !== undefined && channel > most) {
    throw new Expected(Exit.usage, `board ${wanted.name} has no relay ${channel}: there are ${most}`);
  }
  const { path } = await changeInstallation(context.profile, (raw) => {
    addBoard(raw, wanted);
    applyEdit(raw, { do: "add_relay", relay: id, board: wanted.name, channel });
  });
  await applyLive(context);
  context.output.emit(
    { type: "relay_added", id, board: wanted.name, channel, file: path },
    () => `${id} added: relay ${channel} of board ${wanted.name}`,
  );
  return Exit.ok;
}

type AddOptions = { board?: string; channel?: number; simulated?: boolean };
/** A board that is configured, or one that is to be. */
type Wanted = Pick<BoardConfig, "name"> & Partial<BoardConfig>;

function addBoard(raw: Raw, { name, ...board }: Wanted): void {
  raw.boards ??= [];
  if (!raw.boards.some((each) => each.name === name)) raw.boards.push({ name, ...board });
}

async function boardFor(
  { boards }: Installation,
  named: string | undefined,
  simulated: boolean,
): Promise<Wanted> {
  const known = boards.find(
    ({ name, serial }) => named !== undefined && (name === named || serial === named),
  );
  if (simulated) {
    const name = named ?? SIMULATED_BOARD;
    const there = boards.find((board) => board.name === name);
    if (there && there.kind !== "simulator") {
      throw new Expected(Exit.usage, `board ${name} isn't simulated`, "give another name by --board");
    }
    return there ?? { name, kind: "simulator" };
  }
  if (known) return known;
  const [only, ...others] = boards;
  if (named === undefined && only) {
    if (others.length === 0) return only;
    const names = boards.map(({ name }) => name).join(", ");
    throw new Expected(Exit.usage, "which board?", `--board: there are ${names}`);
  }
  return plugged(await listBoards(), named);
}

function plugged(found: readonly FoundBoard[], serial: string | undefined): Wanted {
  const serials = found.map((board) => board.serial ?? `one at ${board.path} that can't be asked`).join(", ");
  if (serial !== undefined) {
    const board = found.find((each) => each.serial === serial);
    const hint = found.length === 0 ? "none is plugged in" : `plugged in: ${serials}`;
    if (!board) throw new Expected(Exit.usage, `there is no board '${serial}'`, hint);
    const name = /^[a-z0-9][a-z0-9_-]*$/i.test(serial) ? serial : FIRST_BOARD;
    return { name, serial, channels: board.channels };
  }
  const [only, ...others] = found;
  if (!only) {
    const hint = "--simulated takes a board that isn't real, to try things out";
    throw new Expected(Exit.unavailable, "no relay board is plugged in", hint);
  }
  if (others.length > 0) throw new Expected(Exit.usage, "which board?", `--board: plugged in: ${serials}`);
  const known = only.serial ? { serial: only.serial } : {};
  return { name: FIRST_BOARD, channels: only.channels, ...known };
}

/** `stint detect relay remove` */
export async function remove(context: Context, id: string): Promise<number> {
  const { installation: before } = await loadInstallation(context.profile);
  named(before, [id]);
  const { installation: after } = await changeInstallation(context.profile, (raw) =>
    applyEdit(raw, { do: "remove_relay", relay: id }),
  );
  await applyLive(context);
  const zones = zonesWith(before, (relays) => relays.includes(id));
  const without = zonesWith(after, (relays) => relays.length === 0);
  context.output.emit({ type: "relay_removed", id, zones }, () =>
    zones.length === 0 ? `${id} removed` : `${id} removed, from ${zones.join(", ")} as well`,
  );
  for (const zone of zones.filter((each) => without.includes(each))) {
    context.output.note(`${zone} switches no relay now`);
  }
  return Exit.ok;
}

const zonesWith = ({ cameras }: Installation, are: (relays: readonly string[]) => boolean): string[] =>
  cameras.flatMap(({ name: camera, zones }) =>
    zones.filter(({ relays }) => are(relays)).map(({ name }) => zoneId(camera, name)),
  );

/** @returns the relays with these ids, all without. @throws Expected 2 for one that there isn't */
function named({ relays }: Installation, ids: readonly string[]): readonly RelayConfig[] {
  if (ids.length === 0) return relays;
  return ids.map((id) => {
    const relay = relays.find((each) => each.id === id);
    if (relay) return relay;
    const known = relays.map((each) => each.id);
    const others = known.length === 0 ? "there are none yet" : `there are ${known.join(", ")}`;
    throw new Expected(Exit.usage, `there is no relay '${id}'`, didYouMean(id, known) ?? others);
  });
}

/** `stint detect relay on` */
export function on(context: Context, id: string, { for: forMs }: Options): Promise<number> {
  return act(context, "on", [id], forMs as number | undefined);
}

/** `stint detect relay off` */
export const off = (context: Context, ids: readonly string[]): Promise<number> => act(context, "off", ids);

/** `stint detect relay pulse` */
export function pulse(context: Context, id: string, { for: forMs }: Options): Promise<number> {
  return act(context, "pulse", [id], (forMs as number | undefined) ?? PULSE_MS);
}

/** `stint detect relay test` */
export const test = (context: Context, ids: readonly string[]): Promise<number> => act(context, "test", ids);

/** `stint detect relay ack` */
export const ack = (context: Context, ids: readonly string[]): Promise<number> => act(context, "ack", ids);

/** `stint detect relay udev-rule` */
export async function udevRule({ output }: Context): Promise<number> {
  output.text(UDEV_RULE);
  return Exit.ok;
}

type Act = "on" | "off" | "pulse" | "test" | "ack";

/**
 * A host that lives is asked whatever the file says by now: nobody mends a file first who wants a relay off.
 * @returns 1 when a relay didn't do as it was told
 */
async function act(context: Context, what: Act, ids: readonly string[], forMs?: number): Promise<number> {
  const reach = reachOf(context);
  if (!reach.host && what !== "ack") {
    const { installation } = await loadInstallation(context.profile);
    return actAlone(context, installation, named(installation, ids), what, forMs);
  }
  const asked = { do: what, ids, ...(forMs === undefined ? {} : { for_ms: forMs }) };
  const { answer } = (await reach.command("relay", asked, ANSWER_MS)) as DetectView & {
    answer?: { outcomes: Outcome[] };
  };
  return told(context, answer?.outcomes ?? []);
}

function told({ output }: Context, outcomes: readonly Outcome[]): number {
  for (const { relay, ok, text } of outcomes) {
    output.emit({ type: "relay", id: relay, ok, text }, () => output.paint(ok ? 0 : 31, `${relay}: ${text}`));
  }
  return outcomes.every(({ ok }) => ok) ? Exit.ok : Exit.no;
}

/** Where detect doesn't run: with a guard of this process's own, for as long as it takes. All is off before and after. */
async function actAlone(
  context: Context,
  installation: Installation,
  relays: readonly RelayConfig[],
  what: Exclude<Act, "ack">,
  forMs: number | undefined,
): Promise<number> {
  const permits = relays.filter(({ id }) => relayMode(installation, id) === "permit");
  const [permit] = permits;
  if ((what === "on" || what === "pulse") && permit) {
    const text = "it is on only while its zones are known to be clear";
    return told(context, [{ relay: permit.id, ok: false, text }]);
  }
  const boards = installation.boards.filter(({ name }) => relays.some(({ board }) => board === name));
  const over = new AbortController();
  const lost: string[] = [];
  const events: GuardEvents = {
    fired: (why) => void lost.push(why),
    dead: (why) => void lost.push(why),
    ready: () => {},
    board: (name, present, why) => void (present || lost.push(`board ${name}: ${why}`)),
  };
  await using held = new AsyncDisposableStack();
  const end = () => over.abort();
  using _ = context.life.own({ end, hurry: () => held.disposeAsync() });
  context.output.onClosed(end);
  const log = held.adopt(context.log(`detect.${context.profile}`), async (each) => each[Symbol.dispose]());
  const sockets: BoardConfig[] = [];
  for (const board of boards) {
    if (board.kind !== "simulator" || board.socket !== null) sockets.push(board);
    else {
      const own = held.use(await ownBoard(board, dirname(socketPath("detect"))));
      sockets.push({ ...board, socket: own.socket });
    }
  }
  const options = { log: log.for("guard"), clock: systemClock, events };
  // The guard waits for a board that is away: here somebody waits for an answer, with a hint.
  for (const board of sockets) await (await openBoard(board))[Symbol.asyncDispose]();
  let unsure: string | undefined;
  const guard = held.adopt(await Guard.open(sockets, options, over.signal), async (each) => {
    try {
      await each[Symbol.asyncDispose]();
    } catch (error) {
      unsure = message(error);
    }
  });
  const task = { context, guard, signal: over.signal, lost };
  const outcomes: Outcome[] = [];
  for (const relay of relays) {
    if (over.signal.aborted) break;
    outcomes.push(await tried(relay, () => deeds[what](task, relay, forMs)));
  }
  await held.disposeAsync();
  const code = told(context, outcomes);
  if (unsure !== undefined) throw new Expected(Exit.no, unsure, "look at the board itself");
  return code;
}

type Task = { context: Context; guard: Guard; signal: AbortSignal; lost: readonly string[] };

async function tried({ id }: RelayConfig, work: () => Promise<string>): Promise<Outcome> {
  try {
    return { relay: id, ok: true, text: await work() };
  } catch (error) {
    return { relay: id, ok: false, text: message(error) };
  }
}

/** What is done with one relay; resolves with what there is to say, throws when it didn't do as it was told. */
const deeds: Record<
  Exclude<Act, "ack">,
  (task: Task, relay: RelayConfig, forMs: number | undefined) => Promise<string>
> = {
  async on(task, relay, forMs) {
    const { context } = task;
    const limit = Math.min(forMs ?? Number.POSITIVE_INFINITY, relay.max_on_ms ?? Number.POSITIVE_INFINITY);
    await task.guard.set(relay.board, relay.channel, true);
    const text = Number.isFinite(limit) ? `on for ${preciseText(limit)}` : "on until interrupted";
    context.output.emit({ type: "relay", id: relay.id, ok: true, text }, () => `${relay.id}: ${text}`);
    await hold(task, relay, limit);
    return "off";
  },
  async off({ guard }, { board, channel }) {
    await guard.set(board, channel, false);
    return "off";
  },
  async pulse(task, relay, forMs = PULSE_MS) {
    await task.guard.set(relay.board, relay.channel, true);
    await hold(task, relay, forMs);
    return `on for ${preciseText(forMs)}, then off`;
  },
  async test(task, relay) {
    await task.guard.set(relay.board, relay.channel, true);
    await hold(task, relay, TEST_MS);
    return "switched on and off, and read back";
  },
};

/** How often it is looked whether what is held is still on, ms. */
const LOOK_MS = 100;

/** Holds a relay on and switches it off. @throws when it went off meanwhile */
async function hold({ guard, signal, lost }: Task, relay: RelayConfig, ms: number): Promise<void> {
  const ends = performance.now() + ms;
  while (performance.now() < ends && !signal.aborted && lost.length === 0) {
    await systemClock.sleep(Math.min(LOOK_MS, ends - performance.now()), signal);
  }
  await guard.set(relay.board, relay.channel, false);
  const [why] = lost;
  if (why !== undefined) throw new Error(`it was switched off: ${why}`);
}
