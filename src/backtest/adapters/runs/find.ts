import { listSessions, type SessionRow } from "../../../kernel/checkpoint.ts";
import type { Context } from "../../../kernel/command.ts";
import { Exit, Expected } from "../../../kernel/errors.ts";
import { findHosts, type Seat } from "../../../kernel/seat.ts";
import { readStore } from "../../../kernel/store.ts";
import { type Found, findRun, reachedBar, schema } from "./journal.ts";

/** Which run is meant by an id, the beginning or end of one, or none. */

/** Too few characters of an id say nothing. */
const LEAST = 4;
const matches = (session: string, id: string): boolean =>
  session === id || (id.length >= LEAST && (session.startsWith(id) || session.endsWith(id)));

function checkLength(id: string | undefined): void {
  if (id === undefined || id.length >= LEAST) return;
  const what = `'${id}' is too short for an id: at least ${LEAST} characters of its beginning or end are needed`;
  throw new Expected(Exit.usage, what, "stint backtest list");
}

/** Live runs of the profile, or those whose id begins or ends so. @throws Expected 2 when that is too short */
export function liveRuns({ profile }: Context, id: string | undefined): Seat[] {
  checkLength(id);
  const hosts = findHosts({ kind: "backtest", profile });
  return id === undefined ? hosts : hosts.filter(({ session }) => matches(session, id));
}

/** The live run that is meant. @throws Expected 1 when there is none, 2 when it could be several */
export function oneLive(context: Context, id: string | undefined): Seat {
  const runs = liveRuns(context, id);
  const [run, another] = runs;
  if (another) {
    const ids = runs.map(({ session }) => session).join(" ");
    throw new Expected(
      Exit.usage,
      "several runs are live: say which, by the beginning or end of its id",
      ids,
    );
  }
  if (run) return run;
  const which = id === undefined ? "no backtest is live" : `no live backtest has the id ${id}`;
  throw new Expected(Exit.no, `${which} in profile ${context.profile}`, "stint sessions");
}

/** A run as the store has it; `bar` is the next one by its newest checkpoint. */
export type Stored = Found & { readonly row: SessionRow; readonly bar: number };

/**
 * A run from the store: the one with this id, or the newest of the profile that fits.
 * @throws Expected 1 when there is none, 2 when it could be several or the id is too short
 */
export async function storedRun(
  { profile }: Context,
  id: string | undefined,
  fits: (found: Pick<Stored, "result" | "failure">) => boolean,
): Promise<Stored> {
  checkLength(id);
  const found = await readStore([schema], (db): Stored[] => {
    const rows = listSessions(db, { kind: "backtest", profile });
    const meant = id === undefined ? rows : rows.filter((row) => matches(row.id, id));
    return meant.flatMap((row) => {
      const run = findRun(db, row.id);
      return run && (id !== undefined || fits(run)) ? [{ row, ...run, bar: reachedBar(db, row.id) }] : [];
    });
  });
  const [run, another] = found ?? [];
  if (id !== undefined && another) {
    const message = `${found?.length} backtests have an id that begins or ends with ${id}`;
    throw new Expected(Exit.usage, message, "give more of it");
  }
  if (run) return run;
  const which = id === undefined ? "there is no such backtest" : `there is no backtest with the id ${id}`;
  throw new Expected(Exit.no, `${which} in profile ${profile}`, "stint sessions; stint backtest run");
}
