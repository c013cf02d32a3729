import { closeSync } from "node:fs";
import { isAlive, openPidfd, openReadySet, type ProcessIdentity, readable } from "../../kernel/runtime.ts";

/** The ends of processes that aren't our children, which nobody tells us: one look at all of them, again and again. */

/** How often, ms: an end is to be known within 50. */
const LOOK_MS = 20;

type Watch = {
  readonly who: ProcessIdentity;
  readonly pidfd: number | undefined;
  readonly ended: () => void;
};

const watches = new Set<Watch>();
/** There while there is something to watch. */
let timer: ReturnType<typeof setInterval> | undefined;
let together: ReturnType<typeof openReadySet>;

/** Calls back once, soon after a process has ended, unless it is disposed before. Doesn't keep this process from ending. */
export function watchEnd(who: ProcessIdentity, ended: () => void): Disposable {
  let pidfd = openPidfd(who.pid);
  // It is of the right process if that lives still, now that its pid can't become another's unnoticed.
  if (pidfd !== undefined && !isAlive(who)) {
    closeSync(pidfd);
    pidfd = undefined;
  }
  const watch: Watch = { who, pidfd, ended };
  if (watches.size === 0) {
    together = openReadySet();
    timer = setInterval(look, LOOK_MS);
    timer.unref();
  }
  watches.add(watch);
  if (pidfd !== undefined) together?.add(pidfd);
  return { [Symbol.dispose]: () => forget(watch) };
}

function look(): void {
  const any = together === undefined || readable([together.fd]).length > 0;
  const over = new Set(any ? readable([...watches].flatMap(({ pidfd }) => pidfd ?? [])) : []);
  for (const watch of [...watches]) {
    const { who, pidfd, ended } = watch;
    if (pidfd === undefined ? isAlive(who) : !over.has(pidfd)) continue;
    // Whoever was told before it may have let it go.
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
  if (together) closeSync(together.fd);
  together = undefined;
}
