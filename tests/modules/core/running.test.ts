import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  mergeRecovery,
  parseRunning,
  type Recovered,
  type Running,
  type RunningModule,
  renderRunning,
} from "../../../src/modules/core/running.ts";
import { head, running, short } from "../running-model.ts";

const file = (modules: RunningModule[], recovered: Recovered[] = [], session = "live"): Running => ({
  v: 1,
  ...head(session),
  modules,
  recovered,
});
const nothing = () => {};

describe("what stands in the file", () => {
  const full = running("camera-1", {
    state: "RECORDING",
    reason: "ünïcode \u2028 \0",
    recording: { session: "/data/s1", trial: 3, timestamp: 1_795_356_000_123, segment: 2 },
    restart: { failures: [1_795_355_000_000, 1_795_355_100_000], restarts: 7, backoff: 2 },
    lastExit: "SIGSEGV",
  });
  const before = running("gps", { state: "STARTING", pid: null, start: null, boot: null, startedAt: null });

  test("comes back as it was", () => {
    const whole = file([full, before], [{ name: "audio", how: "given up" }]);
    expect(parseRunning(renderRunning(whole), nothing)).toEqual(whole);
  });

  test("a module that can't be made out doesn't take the others with it", () => {
    const bad = [
      null,
      7,
      [],
      {},
      { ...full, pid: "12" },
      // Signalling these would reach every process there is.
      { ...full, pid: 1 },
      { ...full, pid: 0 },
      { ...full, pid: -1 },
      { ...full, pid: 12.5 },
      { ...full, name: "../../etc" },
      { ...full, name: "" },
      { ...full, state: "FLYING" },
      { ...full, state: "constructor" },
      { ...full, desired: true },
      { ...full, since: "now" },
      { ...full, restart: { failures: ["x"], restarts: 0, backoff: 0 } },
      { ...full, recording: {} },
      { ...full, quitAsked: undefined },
    ];
    for (const one of bad) {
      const told: string[] = [];
      const text = JSON.stringify({ ...file([]), modules: [full, one, before] });
      const found = parseRunning(text, (what) => void told.push(what));
      expect(found?.modules).toEqual([full, before]);
      expect(told).toEqual(["module 2"]);
    }
  });

  test("anything else isn't one", () => {
    const whole = file([full]);
    const bad: unknown[] = [
      null,
      [],
      "",
      5,
      { ...whole, v: 2 },
      { ...whole, v: undefined },
      { ...whole, modules: {} },
      { ...whole, session: 5 },
      { ...whole, dir: null },
      { ...whole, supervisor: null },
      { ...whole, recovered: [{ name: "x", how: "?" }] },
    ];
    for (const one of bad) expect(parseRunning(JSON.stringify(one) ?? "", nothing)).toBeUndefined();
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseRunning(text, nothing)).toBeUndefined();
      }),
    );
  });

  test("of a file that was cut short nothing is believed", () => {
    const text = renderRunning(file([full, before], [{ name: "audio", how: "running" }]));
    // Without its last line feed it is still whole.
    for (let length = 0; length < text.length - 1; length++) {
      expect(parseRunning(text.slice(0, length), nothing)).toBeUndefined();
    }
  });
});

describe("what two supervisors left, one after the other", () => {
  const old = (name: string) => running(name, { reason: "old" });
  const newer = (name: string) => running(name, { reason: "new" });
  const recovery = file([old("camera-1"), old("gps"), old("audio")], [], "recovery");

  test("nothing of nothing, and one alone as it is", () => {
    expect(mergeRecovery(undefined, undefined)).toBeUndefined();
    expect(mergeRecovery(recovery, undefined)).toEqual({
      session: "recovery",
      dir: recovery.dir,
      modules: recovery.modules,
    });
    expect(mergeRecovery(undefined, file([]))).toEqual({
      session: "live",
      dir: recovery.dir,
      modules: [],
    });
  });

  test("the newer word on a module counts, and what neither settled nor took over is still to be found", () => {
    const live = file([newer("gps"), newer("eye")], [{ name: "audio", how: "given up" }]);
    expect(short(mergeRecovery(recovery, live)?.modules ?? [])).toBe("camera-1=old eye=new gps=new");
    expect(mergeRecovery(recovery, live)?.session).toBe("live");
  });

  test("one that was settled, ran and was stopped doesn't come back", () => {
    const settled: Recovered[] = ["camera-1", "gps", "audio"].map((name) => ({ name, how: "running" }));
    expect(mergeRecovery(recovery, file([newer("gps")], settled))?.modules).toEqual([newer("gps")]);
  });
});
