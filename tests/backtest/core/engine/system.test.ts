import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SystemManager, TransitionError } from "../../../../src/backtest/core/engine/system.ts";
import type { Mode } from "../../../../src/backtest/core/run.ts";
import { TestClock } from "../../../support/clock.ts";

/** A manager on a clock that a test moves, and a gate that notes what is done to it. */
function managed() {
  const clock = new TestClock(1_000_000);
  const system = new SystemManager(clock);
  const calls: string[] = [];
  let shut = true;
  const coordinator = {
    pauseBacktest() {
      calls.push("pause");
      shut = true;
    },
    resumeBacktest() {
      calls.push("resume");
      shut = false;
    },
    isPaused: () => shut,
  };
  const start = (mode: Mode = "backtest", paused = false) =>
    system.start({ coordinator, mode, timezone: "America/New_York", paused });
  return { clock, system, coordinator, calls, start };
}

describe("the states", () => {
  test("go from stopped to running, to paused and back, to stopped, and the gate with them", () => {
    const { system, coordinator, calls, start } = managed();
    const now = () => [system.isStopped(), system.isRunning(), system.isPaused(), coordinator.isPaused()];
    expect(now()).toEqual([true, false, false, true]);
    start();
    expect(now()).toEqual([false, true, false, false]);
    expect(system.pause()).toBe(true);
    expect(now()).toEqual([false, false, true, true]);
    system.resume();
    expect(now()).toEqual([false, true, false, false]);
    system.stop();
    expect(now()).toEqual([true, false, false, true]);
    expect(calls).toEqual(["resume", "pause", "resume", "pause"]);
  });

  test("are told with the mode, the zone, and when each transition was made", async () => {
    const { clock, system, start } = managed();
    expect(system.getState()).toMatchObject({ _state: "stopped", transitions: [] });
    start();
    await clock.advance(50);
    system.pause();
    await clock.advance(20);
    system.stop();
    expect(system.getState()).toEqual({
      _state: "stopped",
      _mode: "backtest",
      timezone: "America/New_York",
      transitions: [
        { at: 1_000_000, from: "stopped", to: "running" },
        { at: 1_000_050, from: "running", to: "paused" },
        { at: 1_000_070, from: "paused", to: "stopped" },
      ],
    });
  });

  test.each<[from: string, to: "start" | "pause" | "resume" | "stop", message: string]>([
    ["stopped", "pause", "it can't be paused: it is stopped"],
    ["stopped", "resume", "it can't be resumed: it is stopped"],
    ["stopped", "stop", "it can't be stopped: it is stopped"],
    ["running", "start", "it can't be started: it is running"],
    ["running", "resume", "it can't be resumed: it is running"],
    ["paused", "start", "it can't be started: it is paused"],
    ["paused", "pause", "it can't be paused: it is paused"],
  ])("from %s, %s is refused and changes nothing", (from, to, message) => {
    const { system, calls, start } = managed();
    if (from !== "stopped") start();
    if (from === "paused") system.pause();
    const before = [system.getState(), [...calls]];
    const illegal = () => (to === "start" ? start() : system[to]());
    expect(illegal).toThrow(TransitionError);
    expect(illegal).toThrow(message);
    expect([system.getState(), calls]).toEqual(before as never);
  });

  test("started paused, the gate is never opened before it is resumed", () => {
    const { system, calls, start } = managed();
    start("backtest", true);
    expect(system.isPaused()).toBe(true);
    expect(calls).toEqual(["pause"]);
    system.resume();
    expect(calls).toEqual(["pause", "resume"]);
    expect(system.getState().transitions.map(({ to }) => to)).toEqual(["running", "paused", "running"]);
  });

  test("stopped, it can be started again, with transitions and times of its own", async () => {
    const { clock, system, start } = managed();
    start();
    await clock.advance(30);
    system.stop();
    await clock.advance(1000);
    start();
    await clock.advance(7);
    expect(system.getState().transitions).toHaveLength(1);
    expect(system.durations()).toEqual({ running: 7, paused: 0 });
  });

  test("its coordinator is the one it was started with, and none before", () => {
    const { system, coordinator, start } = managed();
    expect(() => system.getCoordinator()).toThrow("it was never started");
    start();
    expect(system.getCoordinator()).toBe(coordinator);
  });
});

describe("live", () => {
  test("a pause does nothing, and says so", () => {
    const { system, calls, start } = managed();
    start("live");
    expect(system.pause()).toBe(false);
    expect([system.isRunning(), system.getState()._mode, calls]).toEqual([true, "live", ["resume"]]);
  });

  test("started paused, it runs all the same", () => {
    const { system, calls, start } = managed();
    start("live", true);
    expect([system.isRunning(), calls]).toEqual([true, ["resume"]]);
  });
});

describe("the times", () => {
  test("leave pauses out, and stand still once it is stopped", async () => {
    const { clock, system, start } = managed();
    await clock.advance(500);
    start();
    await clock.advance(100);
    expect(system.durations()).toEqual({ running: 100, paused: 0 });
    system.pause();
    await clock.advance(40);
    expect(system.durations()).toEqual({ running: 100, paused: 40 });
    system.resume();
    await clock.advance(5);
    system.stop();
    await clock.advance(900);
    expect(system.durations()).toEqual({ running: 105, paused: 40 });
  });

  test("come to all the time since the start, however it is paused and resumed", async () => {
    const turns = fc.array(fc.record({ ms: fc.integer({ min: 0, max: 1000 }), turn: fc.boolean() }), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(turns, async (steps) => {
        const { clock, system, start } = managed();
        start();
        const wanted = { running: 0, paused: 0 };
        for (const { ms, turn } of steps) {
          if (turn && system.isRunning()) system.pause();
          else if (turn) system.resume();
          wanted[system.isRunning() ? "running" : "paused"] += ms;
          await clock.advance(ms);
        }
        expect(system.durations()).toEqual(wanted);
      }),
      { numRuns: 20 },
    );
  });

  test("of a run stepped by a script, the newest thousand transitions are kept", () => {
    const { system, start } = managed();
    start("backtest", true);
    for (let step = 0; step < 600; step++) {
      system.resume();
      system.pause();
    }
    const { transitions } = system.getState();
    expect(transitions).toHaveLength(1000);
    expect(transitions.at(-1)).toMatchObject({ from: "running", to: "paused" });
  });
});
