/** What the tests of hooks and notices tell, and where they look. */
import { chmodSync, fstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Facts, Level, Log } from "../../src/kernel/log.ts";
import { type HookSettings, hooks } from "../../src/pomo/adapters/notices/hooks.ts";
import type { PomoSettings } from "../../src/pomo/adapters/settings.ts";
import type { Moment } from "../../src/pomo/core/notices.ts";
import { emptyOverview } from "../../src/pomo/core/stats.ts";
import { lineOf, NOTHING_TOLD, viewOf } from "../../src/pomo/core/view.ts";
import { until } from "../support/sandbox.ts";

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

/** A log that is kept. */
export class KeptLog implements Log {
  readonly lines: { level: Level; text: string; facts: Facts | undefined }[] = [];
  readonly #write = (level: Level) => (text: string, facts?: Facts) => {
    this.lines.push({ level, text, facts });
  };
  readonly debug = this.#write("debug");
  readonly info = this.#write("info");
  readonly warn = this.#write("warn");
  readonly error = this.#write("error");
  for(): Log {
    return this;
  }
  [Symbol.dispose](): void {}

  /** What was warned of. */
  get warnings(): string[] {
    return this.lines.filter(({ level }) => level === "warn").map(({ text }) => text);
  }
}

/** A folder for the programs of a test and what they write. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "stint-test-notices-"));

  file(name: string): string {
    return join(this.path, name);
  }

  /** Writes a program of `sh`, that finds this folder in $HERE. */
  program(name: string, script: string): string {
    const path = this.file(name);
    writeFileSync(path, `#!/bin/sh\nHERE='${this.path}'\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** The lines that programs have written to a file so far. */
  lines(name: string): string[] {
    try {
      return readFileSync(this.file(name), "utf8").split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  /** The lines of a file once there are so many. */
  written(name: string, count = 1): Promise<string[]> {
    return until(
      () => this.lines(name),
      (lines) => lines.length >= count,
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

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
