import { listSessions as list, type SessionRow } from "./checkpoint.ts";
import type { Context } from "./command.ts";
import { Exit } from "./errors.ts";
import { checkStore as check, readStore } from "./store.ts";

/** How many that are over a person is shown. */
const SHOWN = 20;

/**
 * `stint sessions`: the sessions of every kind, newest first; of every profile, unless one is asked for. A person is shown
 * those that live and the newest others, unless all are asked for.
 */
export async function listSessions(
  { output }: Context,
  profile: string | undefined,
  all: boolean,
): Promise<number> {
  const sessions = (await readStore([], (db) => list(db, profile === undefined ? {} : { profile }))) ?? [];
  if (output.json) {
    for (const session of sessions) {
      const { id, kind, profile, state, started_at, last_active } = session;
      const pid = isOver(session) ? null : session.host.pid;
      output.emit({ type: "session", id, kind, profile, state, pid, started_at, last_active });
    }
  } else if (sessions.length === 0) {
    output.note("no sessions yet: stint backtest run makes one");
  } else {
    let over = 0;
    const shown = all ? sessions : sessions.filter((session) => !isOver(session) || ++over <= SHOWN);
    const [head = "", ...rows] = table([HEAD, ...shown.map(people)]);
    output.text(`${output.paint(2, head)}\n${rows.map((row) => `${row}\n`).join("")}`);
    const older = sessions.length - shown.length;
    if (older > 0) output.note(`${older} older: stint sessions --all`);
  }
  return Exit.ok;
}

const HEAD = ["ID", "KIND", "PROFILE", "STATE", "PID", "STARTED", "LAST ACTIVE"];

const isOver = ({ state }: SessionRow): boolean => state === "stopped" || state === "crashed";

/** Rows of cells as lines, each column as wide as its widest cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

const local = (wall: number): string => {
  const at = new Date(wall - new Date(wall).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 16).replace("T", " ");
};

function people(session: SessionRow): string[] {
  const { id, kind, profile, state, host, started_at, last_active } = session;
  const pid = isOver(session) ? "" : String(host.pid);
  // The end of an id is enough to name it by, and a whole one would break the line of most terminals.
  return [id.slice(-8), kind, profile, state, pid, local(started_at), local(last_active)];
}

/** What a host asks another process to do after it has found an unclean end. */
export async function checkStore(context: Context): Promise<number> {
  const wrong = await check();
  using log = context.log("store");
  if (wrong === undefined) log.info("quick_check: the store is sound");
  else log.error(`quick_check: ${wrong}; the next start that has the store alone sets it aside`);
  return wrong === undefined ? Exit.ok : Exit.no;
}
