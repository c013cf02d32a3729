// From a SIGKILL to the OFF: bun tests/bench/detect-guard.bench.ts [KILLS]
//
// Half of them are of the host, half of its guard, each while a relay is on. The board is a process of its own, that
// stamps each write on a clock that it shares with whoever kills; the guard and the board are the executable.
import { join } from "node:path";
import { monotonicMicros } from "../../src/detect/adapters/relay/monotonic.ts";
import { processStat } from "../../src/kernel/runtime.ts";
import { BoardProcess } from "../support/board.ts";
import { enterHome, Other } from "../support/home.ts";
import { stint, until } from "../support/sandbox.ts";
import { holds } from "./processes.ts";
import { median, quantile, row } from "./table.ts";

const kills = Number(process.argv[2] ?? 100);
const half = Math.ceil(kills / 2);
/** An OFF that comes later is one that was missed. */
const MISSED_MS = 3_000;
const host = join(import.meta.dirname, "../detect/guard/fixture-host.ts");

using home = enterHome();
await using board = await BoardProcess.start(home.path, "board", stint.executable);

type Said = Record<string, unknown>;

class HostProcess extends Other {
  constructor() {
    super([process.execPath, host, "executable", `board=${board.socket}`]);
  }

  /** What it says next that has this in it. */
  async said(key: string, value?: string): Promise<Said> {
    for (;;) {
      const line = JSON.parse(await this.line()) as Said;
      if (key in line && (value === undefined || line[key] === value)) return line;
    }
  }

  async on(): Promise<void> {
    this.tell("on board 1");
    await this.said("did");
    if (board.bits !== 1) throw new Error("the relay isn't on");
  }
}

const isGone = (pid: number) => processStat(pid)?.zombie !== false;

/** Kills a process while a relay is on. @returns from then to the OFF, ms; undefined when there was none in time */
async function kill(pid: number): Promise<number | undefined> {
  // At any moment between two beats, not always right after a write.
  await Bun.sleep(Math.random() * 150);
  const at = monotonicMicros();
  process.kill(pid, "SIGKILL");
  const off = () => board.writes.find(({ at_us, bits }) => at_us > at && bits === 0);
  const found = await until(off, Boolean, MISSED_MS).catch(() => undefined);
  return found && (found.at_us - at) / 1000;
}

function tell(what: string, all: readonly (number | undefined)[]): void {
  const times = all.filter((each) => each !== undefined);
  row(`${what} killed, to OFF: p50`, median(times), "ms", "≤ 100");
  row(`${what} killed, to OFF: p99`, quantile(times, 0.99), "ms", "≤ 100");
  row(`${what} killed, to OFF: longest`, Math.max(...times), "ms", "≤ 100");
  row(`${what} killed: missed`, all.length - times.length, "", `0 of ${all.length}`);
}

const hosts: (number | undefined)[] = [];
for (let n = 0; n < half; n++) {
  await using one = new HostProcess();
  const { guard } = await one.said("guard");
  await one.on();
  hosts.push(await kill(one.pid));
  await until(() => isGone(guard as number));
}
tell("the host", hosts);

const guards: (number | undefined)[] = [];
{
  await using one = new HostProcess();
  let pid = (await one.said("guard"))["guard"] as number;
  let before: { descriptors: number } | undefined;
  for (let n = 0; n < half; n++) {
    await one.on();
    guards.push(await kill(pid));
    pid = (await one.said("event", "ready"))["pid"] as number;
    before ??= holds(one.pid);
  }
  tell("the guard", guards);
  row(
    "descriptors more after so many guards",
    holds(one.pid).descriptors - (before?.descriptors ?? 0),
    "",
    "0",
  );
  one.tell("end");
  await one.said("event", "ended");
}
