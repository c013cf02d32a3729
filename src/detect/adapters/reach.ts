import { findSession, newestCheckpoint, newSessionId } from "../../kernel/checkpoint.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { Context } from "../../kernel/command.ts";
import type { State } from "../../kernel/control.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { launch } from "../../kernel/launch.ts";
import { Reach } from "../../kernel/reach.ts";
import { readSound } from "../../kernel/store.ts";
import { nothingSaved, readSaved, type Saved } from "../core/saved.ts";
import { schema } from "./journal.ts";

/** A profile's detection, whether a host lives or not. */

/** In its environment: what a host in the background is to run. */
export const REQUEST_VARIABLE = "STINT_DETECT_REQUEST";

/** What a host is to run, under which session; `recreated` when a dead one's goes on. */
export type Hosted = {
  session: string;
  saved: Saved;
  recreated: boolean;
  /** The one before it died without a word. */
  crashed: boolean;
};

const notRunning = (): Expected => new Expected(Exit.unavailable, "detect isn't running", "stint detect run");

/** What is shown while there is none. */
const nothing = (profile: string): State => ({
  v: 1,
  type: "detect",
  session_id: null,
  profile,
  state: "stopped",
  host: false,
  degraded: [],
});

/** The control of a profile's detection. */
export const reachOf = ({ profile, output }: Pick<Context, "profile" | "output">): Reach =>
  new Reach({
    kind: "detect",
    profile,
    called: "detect",
    isWhole: (state) => "cameras" in state,
    stored: async () => nothing(profile),
    command: async () => Promise.reject(notRunning()),
    tell: (text) => output.note(text),
  });

/** @throws Expected 69 where it doesn't run */
export function runningReach(context: Pick<Context, "profile" | "output">): Reach {
  const reach = reachOf(context);
  if (!reach.host) throw notRunning();
  return reach;
}

/** The configuration has changed: a host that lives takes it in. @throws Expected as the host does, which then goes on as it was */
export async function applyLive(context: Pick<Context, "profile" | "output">): Promise<void> {
  const reach = reachOf(context);
  if (reach.host) await reach.command("reload", {}, RELOAD_MS);
}

/** Relays are switched off, cameras closed and all of it opened again. */
const RELOAD_MS = 60_000;

/**
 * What a new host is to run. What a crash or a signal ended goes on under its session, as it was, paused too: somebody may
 * count on that. What a person has stopped is over; but a latch still waits for its acknowledgement, and what was disarmed is.
 */
export async function prepare(
  { profile, output }: Pick<Context, "profile" | "output">,
  dryRun: boolean,
): Promise<Hosted> {
  const left = await readSound({ schemas: [schema], warn: (text) => output.note(text) }, (db) => {
    const newest = newestCheckpoint(db, { kind: "detect", profile }, readSaved);
    return (
      newest?.checkpoint && {
        session: newest.session,
        saved: newest.checkpoint.state,
        row: findSession(db, newest.session),
      }
    );
  });
  if (left && !left.saved.over && left.saved.dry_run === dryRun && left.row) {
    return {
      session: left.session,
      saved: left.saved,
      recreated: true,
      crashed: left.row.state === "crashed",
    };
  }
  const session = newSessionId(systemClock.wall(), crypto.getRandomValues(new Uint8Array(16)));
  const { over: _, paused: __, dry_run: before, overrides, ...kept } = left?.saved ?? nothingSaved(dryRun);
  const saved = {
    ...nothingSaved(dryRun),
    ...kept,
    // What was disarmed for a walk test is armed for what follows.
    overrides: before === dryRun ? overrides : {},
  };
  return { session, saved, recreated: false, crashed: false };
}

/** What wasn't known to be off when the last host ended; null when all was. */
export const leftOn = async (profile: string): Promise<string | null> =>
  (
    await readSound({ schemas: [schema] }, (db) =>
      newestCheckpoint(db, { kind: "detect", profile }, readSaved),
    )
  )?.checkpoint?.state.not_off ?? null;

/** Starts a host in the background. @throws Expected 75 when there is one */
export async function launchHost(profile: string, hosted: Hosted): Promise<void> {
  await launch(["detect", "__host", "--profile", profile], { [REQUEST_VARIABLE]: JSON.stringify(hosted) });
}
