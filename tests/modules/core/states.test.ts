import { expect, test } from "bun:test";
import { ModuleStateManager } from "../../../src/modules/core/manager.ts";
import {
  EVENTS,
  hasProcess,
  isAsDesired,
  isUp,
  type ModuleEvent,
  type ModuleState,
  STATES,
} from "../../../src/modules/core/states.ts";

/** Written out a second time, by hand: what the table is to say. Everything else is refused. */
const LEGAL: readonly [ModuleState, ModuleEvent, ModuleState][] = [
  ["DISABLED", "want", "ENABLED"],
  ["ENABLED", "unwant", "DISABLED"],
  ["ENABLED", "start", "STARTING"],
  ["ENABLED", "fail", "ERROR"],
  ["STARTING", "ready", "IDLE"],
  ["STARTING", "fail", "ERROR"],
  ["STARTING", "crash", "CRASHED"],
  ["STARTING", "stop", "STOPPING"],
  ["STOPPING", "gone", "DISABLED"],
  ["STOPPING", "fail", "ERROR"],
  ["IDLE", "record", "RECORDING"],
  ["IDLE", "stop", "STOPPING"],
  ["IDLE", "crash", "CRASHED"],
  ["RECORDING", "pause", "IDLE"],
  ["RECORDING", "stop", "STOPPING"],
  ["RECORDING", "crash", "CRASHED"],
  ["ERROR", "want", "ENABLED"],
  ["ERROR", "reset", "DISABLED"],
  ["CRASHED", "want", "ENABLED"],
  ["CRASHED", "fail", "ERROR"],
  ["CRASHED", "reset", "DISABLED"],
];

for (const state of STATES) {
  for (const event of EVENTS) {
    const to = LEGAL.find(([from, by]) => from === state && by === event)?.[2];
    test(`${state} + ${event}: ${to ?? "refused"}`, () => {
      const told: unknown[] = [];
      const manager = new ModuleStateManager(
        () => 7,
        () => {},
      );
      manager.add("m", { desired: "on", enabled: true, actual: state, reason: "before", since: 1 });
      manager.observe("test", (happening) => told.push(happening));
      expect(manager.apply("m", event, "why")).toBe(to !== undefined);
      if (to === undefined) {
        expect(manager.get("m")).toMatchObject({ actual: state, reason: "before", since: 1 });
        expect(told).toEqual([]);
      } else {
        expect(manager.get("m")).toMatchObject({ actual: to, reason: "why", since: 7 });
        expect(told).toEqual([
          { type: "actual_changed", at: 7, name: "m", actual: to, before: state, event, reason: "why" },
        ]);
      }
    });
  }
}

test("from every state a module can be brought to run, and to rest", () => {
  const reach = (from: ModuleState): Set<ModuleState> => {
    const seen = new Set<ModuleState>([from]);
    for (const state of seen) for (const [a, , b] of LEGAL) if (a === state) seen.add(b);
    return seen;
  };
  for (const state of STATES) {
    expect(reach(state).has("IDLE")).toBe(true);
    expect(reach(state).has("DISABLED")).toBe(true);
  }
});

test("what is as desired runs where it is wanted, and has no process where it isn't", () => {
  for (const actual of STATES) {
    expect(isAsDesired({ desired: "on", actual })).toBe(isUp(actual));
    expect(isAsDesired({ desired: "off", actual })).toBe(!hasProcess(actual));
  }
  expect(STATES.filter(hasProcess)).toEqual(["STARTING", "STOPPING", "IDLE", "RECORDING"]);
});
