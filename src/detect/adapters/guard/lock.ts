import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { message } from "../../../kernel/errors.ts";
import { talk } from "../../../kernel/output.ts";
import { stateFolder } from "../../../kernel/paths.ts";
import {
  type FileLock,
  isAlive,
  lockFile,
  ownIdentity,
  type ProcessIdentity,
} from "../../../kernel/runtime.ts";
import { type Holder, readHolder, SILENCE_MS } from "../../core/guard.ts";
import { CALL_MS } from "../relay/board.ts";

/** How often a lock that another guard has is tried, and how long while its host lives, ms. */
const TRY_MS = { every: 50, within: 1_500 } as const;
/** A guard whose host has been gone for so long has switched off and left, or is stuck, ms. */
const ORPHAN_MS = SILENCE_MS + CALL_MS;
/** How long one that is killed may take to end, ms. */
const KILLED_MS = 1_000;

/** Another guard has it. */
export class BoardBusy extends Error {}

/**
 * Takes a board for this guard alone. The guard of a host that was killed has a moment to switch off; one that is still
 * there after is killed, so that whoever comes next can.
 * @throws BoardBusy while another guard has it
 */
export async function lockBoard(board: string, host: ProcessIdentity): Promise<Disposable> {
  const file = `relay${board.replaceAll(/[^\w.]+/g, "-")}.lock`;
  const since = performance.now();
  let orphan: { guard: string; since: number } | undefined;
  for (;;) {
    let lock: FileLock | undefined;
    let path: string;
    try {
      path = join(stateFolder(), file);
      lock = lockFile(path, "exclusive");
    } catch (error) {
      // A full disk, or one that can't be written, is no reason to leave a relay on.
      talk(`${message(error)}: another guard isn't kept from ${board}\n`);
      return { [Symbol.dispose]: () => {} };
    }
    if (lock) return named(lock, path, { guard: ownIdentity(), host });
    const holder = holderOf(path);
    const now = performance.now();
    if (!holder || isAlive(holder.host)) {
      orphan = undefined;
      const by = holder ? `pid ${holder.host.pid}` : "another process";
      if (now - since >= TRY_MS.within) throw new BoardBusy(`it is in use by ${by}`);
    } else {
      const guard = JSON.stringify(holder.guard);
      if (orphan?.guard !== guard) orphan = { guard, since: now };
      const aloneMs = now - orphan.since;
      if (aloneMs >= ORPHAN_MS) kill(holder.guard);
      if (aloneMs >= ORPHAN_MS + KILLED_MS) {
        throw new BoardBusy(`it is in use by the guard ${holder.guard.pid}, which can't be ended`);
      }
    }
    await sleep(TRY_MS.every);
  }
}

function kill(guard: ProcessIdentity): void {
  if (!isAlive(guard)) return;
  try {
    process.kill(guard.pid, "SIGKILL");
  } catch {
    // It has just ended, or isn't ours: whether it is gone shows in its lock.
  }
}

/** Says who has it, and removes the file when it is given back. */
function named(lock: FileLock, path: string, holder: Holder): Disposable {
  try {
    lock.write(JSON.stringify(holder));
  } catch {
    // A full disk: it is locked all the same.
  }
  return {
    [Symbol.dispose]() {
      // While it is still held: whoever has opened it meanwhile sees that it has lost its name.
      if (lock.inPlace) rmSync(path, { force: true });
      lock[Symbol.dispose]();
    },
  };
}

function holderOf(path: string): Holder | undefined {
  try {
    return readHolder(readFileSync(path, "utf8"));
  } catch {
    return undefined; // it has just been given back
  }
}
