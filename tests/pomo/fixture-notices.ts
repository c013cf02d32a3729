/** What the tests of hooks and notices tell. */
import { fstatSync, readFileSync } from "node:fs";
import { type HookSettings, hooks } from "../../src/pomo/adapters/notices/hooks.ts";
import type { PomoSettings } from "../../src/pomo/adapters/settings.ts";
import type { Moment } from "../../src/pomo/core/notices.ts";
import { emptyOverview } from "../../src/pomo/core/stats.ts";
import { lineOf, NOTHING_TOLD, viewOf } from "../../src/pomo/core/view.ts";
import { KeptLog } from "../support/kept-log.ts";

/** Fourteen minutes into the second round. */
export const moment: Moment = lineOf({
  ...viewOf(
    undefined,
    { mono: 0, wall: 0, offset: 0 },
    NOTHING_TOLD,
    emptyOverview({ goal: 8, wall: 0, offset: 0 }),
  ),
  v: 1,
  state: "running",
  session_id: "0199-a",
  profile: "acme",
  degraded: [],
  over: false,
  session_type: "WORK",
  interval: 3,
  ticking: true,
  remaining_ms: 660_000,
  duration_ms: 1_500_000,
  round: 2,
  rounds: 4,
  task: "write the report",
  preset: "short",
  work_ms: 1_500_000,
  break_ms: 300_000,
  long_break_ms: 900_000,
  next_type: "SHORT_BREAK",
});

/** Settings under which nothing is told. */
export const silent: HookSettings & Pick<PomoSettings, "notify" | "sound"> = {
  on_start: [],
  on_pause: [],
  on_resume: [],
  on_complete: [],
  on_interrupt: [],
  on_break_start: [],
  on_break_end: [],
  hook_seconds: 20,
  notify: false,
  sound: "off",
};

/** Whether a process of this number is alive. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

// As a program: a host with one hook, that was started with a descriptor 3.
if (import.meta.main) {
  fstatSync(3);
  const log = new KeptLog();
  const teller = hooks({ ...silent, on_start: process.argv.slice(2) }, log);
  teller.tell("WORK_STARTED", moment);
  await teller[Symbol.asyncDispose]();
  process.exitCode = log.warnings.length;
}
