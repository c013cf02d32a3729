import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { KINDS, type Kind } from "./checkpoint.ts";
import { Exit, Expected, errno, message } from "./errors.ts";
import { stateFolder, statePath } from "./paths.ts";
import {
  type FileLock,
  isAlive,
  lockFile,
  ownIdentity,
  type ProcessIdentity,
  sleepThread,
} from "./runtime.ts";

/**
 * The seat of a host: one locked file per kind and profile (per session for backtests, one alone for track) beside the
 * logs, not in the run folder, which goes with the last logout. It says who sits there and where to reach them.
 */
export type Seat = { kind: Kind; profile: string; session: string; socket: string; host: ProcessIdentity };

/** @throws Expected 2 for a name that can't be part of a file's name */
export function checkProfile(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(name)) return name;
  throw new Expected(Exit.usage, `'${name}' can't be a profile`, "use letters, digits, - and _, at most 40");
}

/**
 * Several backtests run side by side; of every other kind one a profile. But one keyboard is in one place: of those that
 * track there is one, whatever the profile.
 */
export function seatName(kind: Kind, profile: string, session: string): string {
  if (kind === "track") return kind;
  return kind === "backtest" ? `${kind}.${profile}.${session}` : `${kind}.${profile}`;
}

const path = (name: string): string => join(statePath(), `${name}.host`);

/** A seat that this process has taken; freed by the kernel however it dies. */
export interface TakenSeat extends Disposable {
  /** Says where this host is reached. @throws Expected 74 when it can't be written, as on a full disk */
  announce(seat: Omit<Seat, "host">): void;
  /**
   * Sees to it that the seat is still this process's: when its file was removed, it is taken again and announced.
   * Another process that was quicker has it: lost. @throws Expected 74 when the file can't be made or written again
   */
  keep(): "kept" | "taken again" | "lost";
}

/** How long a lock that no living host has announced is asked for again, ms: somebody may be clearing a dead seat. */
const CLEARED_MS = 100;

/**
 * Takes the seat of a host.
 * @param profile for whom; one who sits there for another is named with it
 * @throws Expected 75 while another process sits on it
 */
export const takeSeat = (name: string, profile?: string): TakenSeat => seated(name, lockSeat(name, profile));

function lockSeat(name: string, profile?: string): FileLock {
  stateFolder();
  for (let waited = 0; ; waited += 5) {
    const lock = lockFile(path(name), "exclusive");
    if (lock) return lock;
    const seat = readSeat(name);
    if (seat && isAlive(seat.host)) {
      const { kind, session, host } = seat;
      const other = profile !== undefined && seat.profile !== profile ? seat.profile : undefined;
      const what = `${other ? `profile ${other}, ` : ""}session ${session}, pid ${host.pid}`;
      const hint = `stint ${kind} status${other ? ` --profile ${other}` : ""}`;
      throw new Expected(Exit.again, `${kind} is already running (${what})`, hint);
    }
    if (waited >= CLEARED_MS) {
      const kind = name.split(".")[0];
      throw new Expected(Exit.again, `${kind} is just being started`, "try again in a moment");
    }
    sleepThread(5);
  }
}

function seated(name: string, first: FileLock): TakenSeat {
  let lock = first;
  let said = "";
  let left = false;
  const say = () => {
    try {
      lock.write(said);
    } catch (error) {
      const what = `${path(name)} can't be written: ${errno(error) ?? message(error)}`;
      throw new Expected(Exit.io, what, "is its disk full?");
    }
  };
  say();
  return {
    announce(seat) {
      said = JSON.stringify({ ...seat, host: ownIdentity() });
      say();
    },
    keep() {
      if (lock.inPlace) return "kept";
      let again: FileLock;
      try {
        again = lockSeat(name);
      } catch (error) {
        if ((error as Expected).exit === Exit.again) return "lost";
        throw error;
      }
      lock[Symbol.dispose]();
      lock = again;
      say();
      return "taken again";
    },
    [Symbol.dispose]() {
      if (left) return;
      left = true;
      // Removed while it is still held: whoever opened it meanwhile sees that it has lost its name.
      if (lock.inPlace) rmSync(path(name), { force: true });
      lock[Symbol.dispose]();
    },
  };
}

function readSeat(name: string): Seat | undefined {
  try {
    const seat = JSON.parse(readFileSync(path(name), "utf8")) as Seat;
    return KINDS.includes(seat.kind) && typeof seat.host?.pid === "number" ? seat : undefined;
  } catch {
    return undefined;
  }
}

/** The hosts that are alive. */
export function findHosts(only: { kind?: Kind; profile?: string; session?: string } = {}): Seat[] {
  let files: string[];
  try {
    files = readdirSync(statePath()).filter((file) => file.endsWith(".host"));
  } catch {
    return [];
  }
  return files.flatMap((file) => {
    const seat = readSeat(file.slice(0, -".host".length));
    if (!seat || !isAlive(seat.host)) return [];
    const fits = Object.entries(only).every(([key, value]) => seat[key as keyof typeof only] === value);
    return fits ? [seat] : [];
  });
}

/** Whether this host sits there no more: it is gone, or has cleared its seat as the last thing before. */
export function isFree(seat: Seat): boolean {
  const now = readSeat(seatName(seat.kind, seat.profile, seat.session));
  return !isAlive(seat.host) || now?.host.pid !== seat.host.pid;
}

/** Removes the seats of hosts that were killed. */
export function clearDeadSeats(): void {
  for (const file of readdirSync(stateFolder())) {
    if (!file.endsWith(".host")) continue;
    const name = file.slice(0, -".host".length);
    const seat = readSeat(name);
    if (seat && isAlive(seat.host)) continue;
    // One that nobody has announced is a host's that is starting, and locked, or of one that died at that.
    const lock = lockFile(path(name), "exclusive");
    if (lock) seated(name, lock)[Symbol.dispose]();
  }
}
