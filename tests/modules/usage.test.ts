/** CPU and memory of process groups. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { measure, type Sample } from "../../src/modules/adapters/usage.ts";
import { type ProcessStat, parseStat, type Scan, usageOf } from "../../src/modules/core/usage.ts";
import { until } from "../support/sandbox.ts";

/** A process group of its own, killed when disposed. */
function group(script: string) {
  const child = Bun.spawn(["sh", "-c", script], { detached: true, stdout: "ignore", stderr: "ignore" });
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      process.kill(-child.pid, "SIGKILL");
      await child.exited;
    },
  };
}

const members = (sample: Sample | null, of: number) =>
  sample?.scan.processes.filter(({ group }) => group === of).length ?? 0;

describe("a group of processes", () => {
  test("has the CPU time and the memory of all its members", async () => {
    await using busy = group("sleep 60 & while :; do :; done");
    await using idle = group("sleep 60 & sleep 60");
    const groups = new Map([
      ["busy", busy.pid],
      ["idle", idle.pid],
      ["gone", 4_194_303],
    ]);
    const first = await until(
      () => measure(groups, null),
      (sample) => members(sample, busy.pid) === 2 && members(sample, idle.pid) >= 2,
    );
    expect(first?.usage.get("busy")?.cpu).toBeNull();
    // The clocks of a CPU that many want differ: what was used is compared with what the system says was.
    const ticks = () => parseStat(readFileSync(`/proc/${busy.pid}/stat`, "latin1"))?.ticks ?? 0;
    const before = { ticks: ticks(), at: performance.now() };
    const began = measure(groups, first);
    await until(() => ticks() >= before.ticks + 30);
    const sample = measure(groups, began);
    const passed = performance.now() - before.at;
    const wanted = ((ticks() - before.ticks) * 10 * 100) / passed;
    expect(Math.abs((sample?.usage.get("busy")?.cpu ?? 0) - wanted)).toBeLessThan(15);
    expect(sample?.usage.get("idle")?.cpu).toBe(0);
    expect(sample?.usage.get("gone")).toEqual({ cpu: null, rss: 0 });

    const resident = [...(sample?.scan.processes ?? [])].filter(({ group }) => group === idle.pid);
    const kilobytes = resident.map(({ pid }) =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
    );
    const sum = kilobytes.reduce((all, each) => all + each * 1024, 0);
    // The kernel counts the two in different ways: they differ by some pages a thread.
    expect(Math.abs((sample?.usage.get("idle")?.rss ?? 0) - sum)).toBeLessThan(resident.length * 512 * 1024);
  });

  test("that many processes are looked through for is measured in a few ms", async () => {
    const children = Array.from({ length: 200 }, () => Bun.spawn(["sleep", "60"]));
    try {
      const groups = new Map([["self", process.pid]]);
      const times = Array.from({ length: 20 }, () => {
        const began = performance.now();
        measure(groups, null);
        return performance.now() - began;
      });
      // The machine may be busy with something else.
      expect(Math.min(...times)).toBeLessThan(10);
    } finally {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map(({ exited }) => exited));
    }
  });
});

describe("usage between two looks", () => {
  const process = (pid: number, ticks: number, began = 100, pages = 10): ProcessStat => ({
    pid,
    group: 7,
    ticks,
    began,
    pages,
  });
  const at = (at: number, ...processes: ProcessStat[]): Scan => ({ at, processes });
  const cpu = (before: Scan, now: Scan) => usageOf(7, 4096, now, before).cpu;

  test("is what its members used of the time that passed", () => {
    expect(cpu(at(1_000, process(7, 50)), at(1_100, process(7, 75)))).toBe(25);
    expect(cpu(at(1_000, process(7, 50), process(8, 0)), at(1_100, process(7, 150), process(8, 100)))).toBe(
      200,
    );
    expect(usageOf(7, 4096, at(1_100, process(7, 0), process(8, 0)), undefined)).toEqual({
      cpu: null,
      rss: 81_920,
    });
  });

  test("has all of a member that began in between", () => {
    expect(cpu(at(1_000, process(7, 0)), at(1_100, process(7, 0), process(8, 40, 1_050)))).toBe(40);
  });

  test("has nothing of one that joined with time of its own", () => {
    expect(cpu(at(1_000, process(7, 0)), at(1_100, process(7, 10), process(8, 5_000, 200)))).toBe(10);
  });

  test("isn't negative when a member ended, or its pid is another's by now", () => {
    expect(cpu(at(1_000, process(7, 50), process(8, 5_000)), at(1_100, process(7, 50)))).toBe(0);
    expect(
      cpu(at(1_000, process(7, 50), process(8, 5_000)), at(1_100, process(7, 50), process(8, 3, 1_040))),
    ).toBe(3);
  });

  test("isn't known when no time has passed, or the whole group is new", () => {
    expect(cpu(at(1_000, process(7, 50)), at(1_000, process(7, 50)))).toBeNull();
    expect(cpu(at(1_000), at(1_100, process(7, 50)))).toBeNull();
  });
});

test("a process may be called anything", () => {
  const stat =
    "7 (a b) c) R 1) S 1 7 7 0 -1 4194560 97 0 0 0 12 3 0 0 20 0 1 0 4711 2560000 381 18446744073709551615";
  expect(parseStat(stat)).toEqual({ pid: 7, group: 7, ticks: 15, began: 4_711, pages: 381 });
  expect(parseStat("")).toBeUndefined();
});
