import { findProgram } from "./programs.ts";

/** Run by sh with this process's pid as $0: its parent may have died before it was tied. */
const IF_STILL_MINE = '[ "$PPID" = "$0" ] && exec "$@"';
/** What makes it so, before this process's pid and the program; empty where it can't be had. Looked for once. */
let tie: readonly string[] | undefined;

/**
 * The command line of a program that is killed when this process ends, however that happens, even if it is stopped
 * itself: PR_SET_PDEATHSIG of prctl(2), which setpriv(1) sets before the program takes its place, so that its pid and
 * descriptors are those of what is started. It holds for what the main thread starts: the signal comes at the end of the
 * thread that started it. Without setpriv (Debian's util-linux), as elsewhere than on Linux, it is the program's own.
 */
export function tied(command: readonly string[]): readonly string[] {
  tie ??= findTie();
  return tie.length === 0 ? command : [...tie, String(process.pid), ...command];
}

function findTie(): readonly string[] {
  const [setpriv, sh] = [findProgram("setpriv"), findProgram("sh")];
  if (process.platform !== "linux" || setpriv === undefined || sh === undefined) return [];
  return [setpriv, "--pdeathsig", "KILL", "--", sh, "-c", IF_STILL_MINE];
}
