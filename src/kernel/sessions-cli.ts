import { listSessions as list, type SessionRow } from "./checkpoint.ts";
import type { Context } from "./command.ts";
import { Exit } from "./errors.ts";
import { checkStore as check, readStore } from "./store.ts";

/** `stint sessions`: every session of every kind and profile, newest first. */
export async function listSessions({ output }: Context): Promise<number> {
  const sessions = (await readStore([], (db) => list(db))) ?? [];
  if (!output.json && sessions.length > 0) {
    const head = ["ID", "KIND", "PROFILE", "STATE", "PID", "STARTED", "LAST ACTIVE"];
    const rows = sessions.map((session) => people(session));
    const widths = head.map((title, at) =>
      Math.max(title.length, ...rows.map((row) => (row[at] ?? "").length)),
    );
    const line = (cells: readonly string[]) =>
      cells
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd();
    output.text(`${output.paint(2, line(head))}\n${rows.map((row) => `${line(row)}\n`).join("")}`);
  } else if (!output.json) {
    output.note("no sessions yet: stint backtest run makes one");
  }
  if (!output.json) return Exit.ok;
  for (const { id, kind, profile, state, host, started_at, last_active } of sessions) {
    const over = state === "stopped" || state === "crashed";
    output.emit({
      type: "session",
      id,
      kind,
      profile,
      state,
      pid: over ? null : host.pid,
      started_at,
      last_active,
    });
  }
  return Exit.ok;
}

const local = (wall: number): string => {
  const at = new Date(wall - new Date(wall).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 19).replace("T", " ");
};

function people({ id, kind, profile, state, host, started_at, last_active }: SessionRow): string[] {
  const over = state === "stopped" || state === "crashed";
  return [id, kind, profile, state, over ? "" : String(host.pid), local(started_at), local(last_active)];
}

/** What a host asks another process to do after it has found an unclean end. */
export async function checkStore(context: Context): Promise<number> {
  const wrong = await check();
  using log = context.log("store");
  if (wrong === undefined) log.info("quick_check: the store is sound");
  else log.error(`quick_check: ${wrong}; the next start that has the store alone sets it aside`);
  return wrong === undefined ? Exit.ok : Exit.no;
}
