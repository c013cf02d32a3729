import { listSessions, type SessionRow } from "../../kernel/checkpoint.ts";
import type { Context } from "../../kernel/command.ts";
import { Exit, Expected } from "../../kernel/errors.ts";
import { findHosts, type Seat } from "../../kernel/seat.ts";
import { readStore } from "../../kernel/store.ts";
import type { Result } from "../core/run-state.ts";
import { findRun, type Run, schema } from "./journal.ts";

/** Which run is meant by an id, a part of one, or none. */

/** Live runs of the profile, or the one whose id begins or ends so. */
export function liveRuns({ profile }: Context, id: string | undefined): Seat[] {
  const hosts = findHosts({ kind: "backtest", profile });
  return id === undefined ? hosts : hosts.filter(({ session }) => matches(session, id));
}

const matches = (session: string, id: string): boolean =>
  session === id || (id.length >= 4 && (session.startsWith(id) || session.endsWith(id)));

/** The live run that is meant. @throws Expected 1 when there is none, 2 when it could be several */
export function oneLive(context: Context, id: string | undefined): Seat {
  const [run, another] = liveRuns(context, id);
  if (run && !another) return run;
  if (another) {
    const ids = liveRuns(context, id).map(({ session }) => session);
    throw new Expected(Exit.usage, `several runs are live: say which`, ids.join(" "));
  }
  const which = id === undefined ? "no backtest is live" : `no live backtest has the id ${id}`;
  throw new Expected(Exit.no, `${which} in profile ${context.profile}`, "stint sessions");
}

/** A run as the store has it. */
export type Stored = { row: SessionRow; run: Run; result: Result | null; failure: string | null };

/** A run from the store: the one with this id, or the newest of the profile that fits. @throws Expected 1 */
export async function storedRun(
  { profile }: Context,
  id: string | undefined,
  fits: (found: Omit<Stored, "row">) => boolean,
): Promise<Stored> {
  const found = await readStore([schema], (db): Stored[] => {
    const rows = listSessions(db, { kind: "backtest", profile });
    const meant = id === undefined ? rows : rows.filter((row) => matches(row.id, id));
    return meant.flatMap((row) => {
      const run = findRun(db, row.id);
      return run && (id !== undefined || fits(run)) ? [{ row, ...run }] : [];
    });
  });
  const [run, another] = found ?? [];
  if (id !== undefined && another) {
    throw new Expected(
      Exit.usage,
      `${found?.length} backtests have an id with ${id} at one end`,
      "give more of it",
    );
  }
  if (run) return run;
  const which = id === undefined ? "there is no such backtest" : `there is no backtest with the id ${id}`;
  throw new Expected(Exit.no, `${which} in profile ${profile}`, "stint sessions; stint backtest run");
}
