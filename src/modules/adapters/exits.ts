import { closeSync } from "node:fs";
import { isAlive, openPidfd, type ProcessIdentity, readable } from "../../kernel/runtime.ts";

/** The ends of processes that aren't our children, which nobody tells us: one look at all of them, again and again. */

/** How often, ms: an end is to be known within 50. */
const LOOK_MS = 20;

type Watch = {
  readonly who: ProcessIdentity;
  readonly pidfd: number | undefined;
  readonly ended: () => void;
};

const watches = new Set<Watch>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls back once, soon after a process has ended, unless it is disposed before. Doesn't keep this process from ending. */
export function watchEnd(who: ProcessIdentity, ended: () => void): Disposable {
  let pidfd = openPidfd(who.pid);
  // It is of the right process if that lives still, now that its pid can't become another's unnoticed.
  if (pidfd !== undefined && !isAlive(who)) {
    closeSync(pidfd);
    pidfd = undefined;
  }
  const watch: Watch = { who, pidfd, ended };
  watches.add(watch);
  timer ??= setInterval(look, LOOK_MS);
  timer.unref();
  return { [Symbol.dispose]: () => forget(watch) };
}

function look(): void {
  const all = [...watches];
  const over = new Set(readable(all.flatMap(({ pidfd }) => pidfd ?? [])));
  for (const watch of all) {
    const { who, pidfd, ended } = watch;
    if (pidfd === undefined ? isAlive(who) : !over.has(pidfd)) continue;
    if (!watches.has(watch)) continue;
    forget(watch);
    ended();
  }
}

function forget(watch: Watch): void {
  if (!watches.delete(watch)) return;
  if (watch.pidfd !== undefined) closeSync(watch.pidfd);
  if (watches.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
