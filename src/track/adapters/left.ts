import { checkpoint, endSession, findSession, newestCheckpoint } from "../../kernel/checkpoint.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import type { Database } from "../../kernel/runtime.ts";
import { openStore, readSound, readStore } from "../../kernel/store.ts";
import { clicksOf, scrollsOf } from "../core/counts.ts";
import { readSaved, type Saved } from "../core/saved.ts";
import { type Span, type Times, timesOf } from "../core/span.ts";
import { emptyDay, emptyView, type Pushed } from "../core/view.ts";
import { inputOfSession, putReport, schema, sessionFacts, spansOfSession } from "./journal.ts";
import { todayOf } from "./today.ts";

/** The session that came last in a profile, while no host runs it: shown, and closed, from what the store has of it. */

export type Left = {
  session: string;
  /** Its number in the store. */
  n: number;
  saved: Saved;
  /** Its last sign of life, UTC ms. */
  lastAlive: number;
  spans: readonly Span[];
  times: Times;
  /** Whether its host died without a word. */
  crashed: boolean;
  /** Whether its host is alive after all, though it can't be found: its seat was removed. */
  alive: boolean;
};

/** The session that was tracked last, unless it was ended for good. */
function findLeft(db: Database, profile: string): Left | undefined {
  const newest = newestCheckpoint(db, { kind: "track", profile }, readSaved);
  if (!newest?.checkpoint || newest.checkpoint.state.over) return undefined;
  const { session, checkpoint } = newest;
  const n = Number(db.prepare("SELECT n FROM track_session WHERE id = ?").get(session)?.["n"]);
  const state = findSession(db, session)?.state;
  const spans = spansOfSession(db, n);
  const crashed = state === "crashed";
  return {
    session,
    n,
    saved: checkpoint.state,
    lastAlive: spans.at(-1)?.ended_at ?? checkpoint.last_active,
    spans,
    times: timesOf(spans),
    crashed,
    alive: !crashed && state !== "stopped",
  };
}

/** @param warn told when the store was damaged, and had to be set aside first */
export const readLeft = (
  profile: string,
  warn: (text: string) => void = () => {},
): Promise<Left | undefined> => readSound({ schemas: [schema], warn }, (db) => findLeft(db, profile));

export const HOST_IS_HIDDEN = () =>
  new Expected(Exit.again, "its host is alive and can't be reached yet", "try again in a moment");

/** Closes for good what a dead host left, at its last sign of life. @param isLive whether a host has taken it up */
export async function closeLeft(profile: string, isLive: () => boolean): Promise<void> {
  await using store = await openStore({ schemas: [schema] });
  await store.write((db) => {
    const left = findLeft(db, profile);
    if (!left || isLive()) return;
    if (left.alive) throw HOST_IS_HIDDEN();
    checkpoint(
      db,
      { session: left.session, type: "STOPPED", state: { ...left.saved, over: true } },
      systemClock,
    );
    putReport(db, left.n, systemClock.wall());
    // It ended when its host did, not now that somebody says so.
    endSession(db, left.session, true, { ...systemClock, wall: () => left.lastAlive });
  });
}

/** What is shown while no host is alive; writes nothing and starts nothing. */
export async function storedState(profile: string): Promise<State & Pushed> {
  const wall = systemClock.wall();
  const date = Temporal.Now.plainDateISO().toString();
  const read = await readStore([schema], (db) => {
    const today = todayOf(db, profile, wall);
    const left = findLeft(db, profile);
    if (!left) return { today };
    return { today, left, input: inputOfSession(db, left.n), facts: sessionFacts(db, left.n) };
  });
  const facts = { v: 1, type: "track", profile, host: false, degraded: [], state: "stopped" };
  const view = emptyView(read?.today ?? emptyDay(date), wall);
  if (!read?.left) return { ...view, ...facts, session_id: null, crashed: false, resumable: false };
  const { left, input, facts: found } = read;
  const last = left.spans.at(-1);
  return {
    ...view,
    started_at: left.spans[0]?.started_at ?? null,
    going_since: left.lastAlive,
    ...left.times,
    project: last?.project ?? null,
    tags: last?.tags ?? [],
    note: left.saved.note,
    keys: input.presses,
    clicks: clicksOf(input),
    scrolls: scrollsOf(input),
    distance_px: input.distance_px,
    screenshots: found.screenshots,
    shot: found.newest,
    ...facts,
    session_id: left.session,
    crashed: left.crashed,
    resumable: true,
  };
}
