/** Modules end unasked, don't start, or say nothing more. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { alive, ModulesBox, readSamples } from "../support/modules.ts";
import { until } from "../support/sandbox.ts";

for (const signal of ["SIGKILL", "SIGSEGV"] as const) {
  test.concurrent(`a death by ${signal} is CRASHED with its name, at once`, async () => {
    await using box = new ModulesBox();
    box.plain("module", "exec sleep 1000");
    await box.up();
    const { pid } = await box.until("module", ({ actual }) => actual === "IDLE");
    const at = Date.now();
    process.kill(Number(pid), signal);
    const row = await box.until("module", ({ actual }) => actual === "CRASHED");
    expect(row).toMatchObject({ pid: null, last_exit: signal, reason: signal, restarts: 0, desired: "on" });
    // The supervisor's own word on when it saw it; a wall clock of the same machine.
    const [crash] = await box.events("crash_detected");
    expect(crash).toMatchObject({ name: "module", pid, last_exit: signal });
    expect(Number(crash?.["at"]) - at).toBeLessThan(500);
    expect((await box.run(["modules", "status"])).code).toBe(1);
  });
}

test.concurrent("by default a crash is shown, not hidden; reset starts it again", async () => {
  await using box = new ModulesBox();
  box.plain("module", "echo no device >&2; sleep 3; exit 3");
  await box.up();
  const row = await box.until("module", ({ actual, reason }) => actual === "CRASHED" && reason !== "exit 3");
  expect(row).toMatchObject({ last_exit: "exit 3", reason: "exit 3: no device", restarts: 0 });
  await box.modules("reset", "module");
  await box.until("module", ({ actual }) => actual === "IDLE");
});

test.concurrent("it is started again with a backoff that doubles, and given up on after five failures", async () => {
  await using box = new ModulesBox();
  box.plain("faller", "exit 1", { restart: "on-failure", ready: "5s" });
  await box.up();
  const given = await box.until("faller", ({ reason }) => /^given up/.test(reason ?? ""), 40_000);
  expect(given).toMatchObject({ actual: "ERROR", desired: "on", last_exit: "exit 1", restarts: 4 });
  const starts = (await box.events("start_requested")).map(({ at }) => Number(at));
  expect(starts).toHaveLength(5);
  const waits = starts.slice(1).map((at, n) => at - (starts[n] ?? 0));
  waits.forEach((ms, n) => {
    expect(ms).toBeGreaterThan(0.75 * 1_000 * 2 ** n);
  });
  // The next supervisor doesn't begin to count anew.
  await box.kill();
  await box.up();
  expect(await box.row("faller")).toMatchObject({ actual: "ERROR", desired: "on", restarts: 4 });
});

test.concurrent("how often it fell outlives the supervisor", async () => {
  await using box = new ModulesBox();
  box.plain("faller", "sleep 0.2; exit 1", { restart: "on-failure" });
  await box.up();
  await box.until("faller", ({ restarts, actual }) => restarts === 2 && actual === "IDLE", 20_000);
  await box.kill();
  await box.up();
  const { restarts } = await box.row("faller");
  expect(restarts).toBeGreaterThanOrEqual(2);
  await box.until("faller", ({ actual, restarts }) => actual === "ERROR" && restarts === 4, 40_000);
});

test.concurrent("a recording that a crash cut goes on in a new segment, and the gap is told", async () => {
  await using box = new ModulesBox();
  box.sampler("keeps", { restart: "on-failure", resume_recording: "true" });
  box.sampler("stays", { restart: "on-failure" });
  await box.up();
  for (const name of ["keeps", "stays"]) await box.until(name, ({ actual }) => actual === "IDLE");
  const session = join(box.home, "recording");
  await box.modules("record", "--all", "--session", session);
  for (const name of ["keeps", "stays"]) {
    await until(() => existsSync(join(session, `${name}-trial1-segment1.txt`)));
    process.kill(Number((await box.row(name)).pid), "SIGKILL");
  }
  const keeps = await box.until("keeps", ({ actual }) => actual === "RECORDING");
  expect(keeps.recording).toMatchObject({ session, trial: 1, segment: 2 });
  const stays = await box.until("stays", ({ actual }) => actual === "IDLE");
  expect(stays.recording).toBe(null);
  await until(() => readSamples(join(session, "keeps-trial1-segment2.txt")).count > 10);
  const cut = await box.events("recording_cut");
  expect(cut.map(({ name }) => name).sort()).toEqual(["keeps", "stays"]);
  const [resumed, ...more] = await until(
    () => box.events("recording_resumed"),
    (all) => all.length > 0,
  );
  expect(more).toEqual([]);
  expect(resumed).toMatchObject({ name: "keeps", recording: { segment: 2 } });
  expect(Number(resumed?.["gap_ms"])).toBeGreaterThan(750);
});

test.concurrent("a module that says nothing of its status any more is wedged, and killed", async () => {
  await using box = new ModulesBox();
  box.sampler("sampler", { watchdog: "2s" });
  await box.up();
  const { pid } = await box.until("sampler", ({ actual }) => actual === "IDLE");
  await box.run(["modules", "send", "sampler", '{"command":"wedge"}', "--timeout", "1s"]);
  const row = await box.until("sampler", ({ actual }) => actual === "CRASHED", 20_000);
  expect(row).toMatchObject({
    // It was asked to end before it would have been killed: what it recorded is whole.
    last_exit: "exit 0",
    reason: expect.stringMatching(/^wedged: no status for \d/),
  });
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test.concurrent("a module killed while it crashes leaves no child: the rest of its group goes before it is started again", async () => {
  await using box = new ModulesBox();
  const folder = box.plain("parent", "sleep 1000 & echo $! >> children.txt; wait", { restart: "on-failure" });
  await box.up();
  const { pid } = await box.until("parent", ({ actual }) => actual === "IDLE");
  process.kill(Number(pid), "SIGKILL");
  await box.until("parent", ({ actual, restarts }) => actual === "IDLE" && restarts === 1);
  const children = (await Bun.file(join(folder, "children.txt")).text()).trim().split("\n");
  expect(children).toHaveLength(2);
  expect(children.map((child) => alive(Number(child)))).toEqual([false, true]);
});
