import { type Clock, localOffset } from "./clock.ts";
import { decode, encode } from "./encoding.ts";
import {
  type Database,
  isAlive,
  ownIdentity,
  type ProcessIdentity,
  type Row,
  type SqlValue,
} from "./runtime.ts";

/** Sessions and checkpoints as rows of the store. */

export const KINDS = ["track", "pomo", "detect", "modules", "backtest"] as const;
export type Kind = (typeof KINDS)[number];

/** The states a host moves its session through; a row may also be found `crashed`. */
export type SessionState = "starting" | "running" | "paused" | "stopping" | "stopped";

/** A row of `session`. Times are UTC ms. */
export type SessionRow = {
  id: string;
  kind: Kind;
  profile: string;
  /** `crashed` when the row says the session lives and its host doesn't. */
  state: SessionState | "crashed";
  host: ProcessIdentity;
  started_at: number;
  /** Minutes east of UTC where and when it was started. */
  utc_offset_min: number;
  last_active: number;
  ended_at: number | null;
};

/** A row of `checkpoint`; `state` as it was given to {@link checkpoint}. */
export type Checkpoint = {
  n: number;
  session: string;
  type: string;
  state: unknown;
  made_at: number;
  last_active: number;
};

function sessionOf(row: Row): SessionRow {
  const host = { pid: Number(row["pid"]), start: String(row["pid_start"]), boot: String(row["boot_id"]) };
  const state = String(row["state"]) as SessionRow["state"];
  const over = state === "stopped" || state === "crashed";
  return {
    id: String(row["id"]),
    kind: String(row["kind"]) as Kind,
    profile: String(row["profile"]),
    state: over || isAlive(host) ? state : "crashed",
    host,
    started_at: Number(row["started_at"]),
    utc_offset_min: Number(row["utc_offset_min"]),
    last_active: Number(row["last_active"]),
    ended_at: row["ended_at"] === null ? null : Number(row["ended_at"]),
  };
}

/** Newest first; ids are UUIDv7, so their order is the order of their making. */
export function listSessions(db: Database, only: { kind?: Kind; profile?: string } = {}): SessionRow[] {
  const where = Object.entries(only);
  const condition = where.map(([column]) => `${column} = ?`).join(" AND ") || "1";
  return db
    .prepare(`SELECT * FROM session WHERE ${condition} ORDER BY id DESC`)
    .all(...where.map(([, value]) => value))
    .map(sessionOf);
}

/** The session with this id. */
export function findSession(db: Database, id: string): SessionRow | undefined {
  const row = db.prepare("SELECT * FROM session WHERE id = ?").get(id);
  return row && sessionOf(row);
}

/** Adds the row of a new session, or takes over the row of one that is recreated, with this process as its host. */
export function claimSession(
  db: Database,
  session: { id: string; kind: Kind; profile: string },
  clock: Clock,
): void {
  const { pid, start, boot } = ownIdentity();
  const now = clock.wall();
  db.prepare(
    `INSERT INTO session (id, kind, profile, state, pid, pid_start, boot_id, started_at, utc_offset_min, last_active)
     VALUES (?, ?, ?, 'starting', ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET state = 'starting', pid = excluded.pid, pid_start = excluded.pid_start,
       boot_id = excluded.boot_id, last_active = excluded.last_active, ended_at = NULL`,
  ).run(session.id, session.kind, session.profile, pid, start, boot, now, localOffset(now), now);
}

/** Records the state of a session and that it was alive now. */
export function recordState(db: Database, id: string, state: SessionState, clock: Clock): void {
  const now = clock.wall();
  db.prepare("UPDATE session SET state = ?, last_active = ?, ended_at = ? WHERE id = ?").run(
    state,
    now,
    state === "stopped" ? now : null,
    id,
  );
}

/**
 * Records that a session has ended in order. One that never got to run has nothing to show: it leaves no row.
 * @param begun whether it ever ran, now or before it was recreated
 */
export function endSession(db: Database, id: string, begun: boolean, clock: Clock): void {
  if (begun) recordState(db, id, "stopped", clock);
  else db.prepare("DELETE FROM session WHERE id = ?").run(id);
}

/** Records that a session was alive now. */
export function recordAlive(db: Database, id: string, clock: Clock): void {
  db.prepare("UPDATE session SET last_active = ? WHERE id = ?").run(clock.wall(), id);
}

/** Marks every session whose host is gone without having said `stopped`. @returns those newly found */
export function recordCrashed(db: Database): SessionRow[] {
  const gone = db
    .prepare("SELECT * FROM session WHERE state NOT IN ('stopped', 'crashed')")
    .all()
    .map(sessionOf)
    .filter((session) => session.state === "crashed");
  const mark = db.prepare("UPDATE session SET state = 'crashed' WHERE id = ?");
  for (const session of gone) mark.run(session.id);
  return gone;
}

/**
 * Adds a checkpoint and drops all but the newest `keep` of its session; without `keep` it drops none, which is for those
 * who drop them by age.
 * @param state plain data, or bytes which are kept as they are
 * @throws Unserialisable naming the path of what can't be written
 */
export function checkpoint(
  db: Database,
  entry: { session: string; type: string; state: unknown; keep?: number },
  clock: Clock,
): void {
  const { session, type, state, keep } = entry;
  const now = clock.wall();
  db.prepare(
    "INSERT INTO checkpoint (session_id, type, state, made_at, last_active) VALUES (?, ?, ?, ?, ?)",
  ).run(session, type, written(state), now, now);
  if (keep !== undefined) {
    db.prepare(
      `DELETE FROM checkpoint WHERE session_id = ?
       AND n <= (SELECT n FROM checkpoint WHERE session_id = ? ORDER BY n DESC LIMIT 1 OFFSET ?)`,
    ).run(session, session, keep);
  }
  recordAlive(db, session, clock);
}

const written = (state: unknown): SqlValue => (state instanceof Uint8Array ? state : encode(state));

/** Brings the newest checkpoint of a session up to date: the state and when it was last alive, in one. */
export function refreshCheckpoint(db: Database, session: string, state: unknown, clock: Clock): void {
  db.prepare(
    `UPDATE checkpoint SET state = ?, last_active = ?
     WHERE n = (SELECT n FROM checkpoint WHERE session_id = ? ORDER BY n DESC LIMIT 1)`,
  ).run(written(state), clock.wall(), session);
  recordAlive(db, session, clock);
}

/**
 * Drops the checkpoints of a kind and profile last alive before a time, but never the newest of a session that hasn't
 * stopped, nor the newest of all: a signal leaves a row that says stopped, and it can be taken up all the same.
 */
export function dropCheckpoints(
  db: Database,
  { kind, profile }: { kind: Kind; profile: string },
  before: number,
): void {
  db.prepare(
    `WITH own AS (SELECT n, session_id, session.state FROM checkpoint JOIN session ON session.id = session_id
                  WHERE kind = ? AND profile = ?)
     DELETE FROM checkpoint WHERE last_active < ? AND n IN (SELECT n FROM own)
     AND n NOT IN (SELECT max(n) FROM own WHERE state != 'stopped' GROUP BY session_id)
     AND n < (SELECT max(n) FROM own)`,
  ).run(kind, profile, before);
}

/** The newest checkpoints of a session, newest first; one whose state can't be read back is passed over. */
export function checkpoints(db: Database, session: string, limit = -1): Checkpoint[] {
  const rows = db
    .prepare("SELECT * FROM checkpoint WHERE session_id = ? ORDER BY n DESC LIMIT ?")
    .all(session, limit);
  return rows.flatMap((row) => readable(row) ?? []);
}

/**
 * The newest checkpoint of a kind and profile that can be used. Only the session that wrote last is looked at: what came
 * before it is past, whatever became of this one.
 * @param read what a state means; undefined for one that isn't sound, then the one before it is asked for
 * @returns with it, how many newer ones had to be passed over; undefined when no session has any
 */
export function newestCheckpoint<T>(
  db: Database,
  { kind, profile }: { kind: Kind; profile: string },
  read: (state: unknown) => T | undefined,
): { session: string; passedOver: number; checkpoint?: Checkpoint & { state: T } } | undefined {
  const last = db
    .prepare(
      `SELECT session_id FROM checkpoint JOIN session ON session.id = session_id
       WHERE kind = ? AND profile = ? ORDER BY n DESC LIMIT 1`,
    )
    .get(kind, profile);
  if (!last) return undefined;
  const session = String(last["session_id"]);
  const next = db.prepare("SELECT * FROM checkpoint WHERE session_id = ? AND n < ? ORDER BY n DESC LIMIT 1");
  let below = Number.MAX_SAFE_INTEGER;
  for (let passedOver = 0; ; passedOver++) {
    const row = next.get(session, below);
    if (!row) return { session, passedOver };
    const found = readable(row);
    const state = found && read(found.state);
    if (found && state !== undefined) return { session, passedOver, checkpoint: { ...found, state } };
    below = Number(row["n"]);
  }
}

function readable(row: Row): Checkpoint | undefined {
  let { state }: { state?: unknown } = row;
  try {
    if (typeof state === "string") state = decode(state);
  } catch {
    return undefined;
  }
  const times = { made_at: Number(row["made_at"]), last_active: Number(row["last_active"]) };
  const session = String(row["session_id"]);
  return { n: Number(row["n"]), session, type: String(row["type"]), state, ...times };
}

/** A new session id: UUIDv7, the time in its first 48 bits (RFC 9562 section 5.7). */
export function newSessionId(wall: number, random: Uint8Array): string {
  const bytes = Uint8Array.from(random.subarray(0, 16));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(wall / 2 ** 16));
  view.setUint16(4, wall % 2 ** 16);
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
