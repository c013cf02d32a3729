import { existsSync } from "node:fs";
import {
  type Checkpoint,
  checkpoint,
  endSession,
  findSession,
  newestCheckpoint,
  refreshCheckpoint,
} from "../../kernel/checkpoint.ts";
import { localOffset, systemClock } from "../../kernel/clock.ts";
import { configFiles } from "../../kernel/config/file.ts";
import type { State } from "../../kernel/control.ts";
import { localTime } from "../../kernel/core/local-time.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Database } from "../../kernel/runtime.ts";
import { openStore, readStore } from "../../kernel/store.ts";
import { type Change, isStanding, type Now } from "../core/pomodoro.ts";
import { DAILY_GOAL } from "../core/presets.ts";
import { passedOverText, type Restorable, readSaved, restore, type Saved, save } from "../core/saved.ts";
import { emptyOverview } from "../core/stats.ts";
import { NOTHING_TOLD, outwardState, type Pushed, viewOf } from "../core/view.ts";
import { addInterval, readOverview, schema } from "./journal.ts";
import { nowOf } from "./now.ts";
import { settings } from "./settings.ts";

/** The session that came last in a profile, while no host runs it: shown, and ended, from what the store has of it. */

/** What the store has of the session that came last. */
export type Left = Omit<Checkpoint, "state"> & {
  saved: Saved;
  found: Restorable;
  crashed: boolean;
  /** Whether its host is alive after all, though it can't be found: its seat was removed. */
  alive: boolean;
};

/** A stop of longer ago isn't undone, ms. */
export const UNDO_STOP_MS = 24 * 3_600_000;

export const HOST_IS_HIDDEN = () =>
  new Expected(Exit.again, "its host is alive and can't be reached yet", "try again in a moment");

/** @returns how many of its checkpoints can't be read, and what it is by the newest that can */
function findLeft(db: Database, profile: string, at: Now): { passedOver: number; left?: Left } {
  const newest = newestCheckpoint(db, { kind: "pomo", profile }, readSaved);
  const passedOver = newest?.passedOver ?? 0;
  if (!newest?.checkpoint) return { passedOver };
  const { state: saved, ...row } = newest.checkpoint;
  const state = findSession(db, newest.session)?.state;
  const crashed = state === "crashed";
  const alive = !crashed && state !== "stopped";
  return { passedOver, left: { ...row, saved, found: restore(saved, row.last_active, at), crashed, alive } };
}

export const readLeft = async (profile: string): Promise<Left | undefined> =>
  (await readStore([schema], (db) => findLeft(db, profile, nowOf(systemClock))))?.left;

/** The goal without a session; reading a configuration takes long, and mostly there is none. */
async function dailyGoal(): Promise<number> {
  const isConfigured =
    configFiles().some(({ path }) => existsSync(path)) ||
    Object.keys(process.env).some((name) => name.startsWith("STINT_POMO_"));
  return isConfigured ? (await settings()).pomo.daily_goal : DAILY_GOAL;
}

/** What is shown while no host is alive; writes nothing and starts nothing. */
export async function storedState(profile: string): Promise<State & Pushed & { crashed: boolean }> {
  const at = nowOf(systemClock);
  const empty = { goal: await dailyGoal(), wall: at.wall, offset: at.offset };
  const read = await readStore([schema], (db) => ({
    ...findLeft(db, profile, at),
    overview: readOverview(db, profile, empty),
  }));
  const overview = read?.overview ?? emptyOverview(empty);
  const left = read?.left;
  const facts = { v: 1, type: "pomo", profile, host: false, degraded: [] };
  const passedOver = passedOverText(read?.passedOver ?? 0);
  if (left?.found.how !== "restored") {
    const recent = left !== undefined && at.wall - left.last_active <= UNDO_STOP_MS;
    const undo = recent && left.found.how === "over" ? (left.saved.undo?.act ?? null) : null;
    const notice = left?.found.how === "expired" ? expiredText(left, "will be kept") : passedOver || null;
    const told = { ...NOTHING_TOLD, last_active: left?.last_active ?? null, notice };
    const session = { session_id: null, state: "stopped", crashed: false };
    return { ...viewOf(undefined, at, told, overview), undo, ...facts, ...session };
  }
  const { change, from, takenOff } = left.found;
  const told = {
    ...NOTHING_TOLD,
    restored: true,
    restored_from: from,
    taken_off_ms: takenOff,
    last_active: left.last_active,
    notice: passedOver || null,
  };
  const view = viewOf(change.state, at, told, overview);
  const session = { session_id: left.session, state: outwardState(view), crashed: left.crashed };
  return { ...view, ...facts, ...session };
}

/** Whether it ran when its host died, and has come to its end since. */
export const endedAway = ({ saved, found }: Left): boolean =>
  saved.interval.timer === "running" && found.how === "restored" && isStanding(found.change.state);

export function expiredText({ last_active, found }: Left, kept: "is kept" | "will be kept"): string {
  const then = localTime(last_active, localOffset(last_active)).toPlainDateTime();
  const at = then.toString({ smallestUnit: "minute" }).replace("T", " ");
  const history = found.change.happened.length > 0 ? `: it ${kept} in history as interrupted` : "";
  return `the last session was left at ${at}, more than a day ago${history}`;
}

/**
 * Ends a session that no host runs, in one write: with its row of history when there is one to come.
 * @param isLive whether a host has taken it up meanwhile
 */
export async function endLeft(
  profile: string,
  which: Restorable["how"],
  isLive: () => boolean,
  end: (left: Left) => Change,
): Promise<void> {
  await using store = await openStore({ schemas: [schema] });
  const at = nowOf(systemClock);
  await store.write((db) => {
    const { left } = findLeft(db, profile, at);
    // Somebody else may have done it, or taken it up.
    if (left?.found.how !== which || isLive()) return;
    if (left.alive) throw HOST_IS_HIDDEN();
    const { session } = left;
    const change = end(left);
    for (const { type, state, ended } of change.happened) {
      checkpoint(db, { session, type, state: save(state, at) }, systemClock);
      if (ended) addInterval(db, profile, ended, { session, n: ended.n });
    }
    refreshCheckpoint(db, session, save(change.state, at), systemClock);
    endSession(db, session, true, systemClock);
  });
}
