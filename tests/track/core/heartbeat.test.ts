import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { merge, type WindowEvent } from "../../../src/track/core/heartbeat.ts";
import type { SeenWindow } from "../../../src/track/core/window.ts";

const A: SeenWindow = { app: "code", title: "main.ts", pid: 1, process: "code" };
const B: SeenWindow = { app: "xterm", title: null, pid: 2, process: null };
const event = (data: SeenWindow, started_at: number, ended_at = started_at): WindowEvent => ({
  data,
  started_at,
  ended_at,
});
const PULSE = 5_000;

describe("a heartbeat", () => {
  test("of the same window within the pulse extends the last event", () => {
    const last = event(A, 0, 10_000);
    expect(merge(last, event({ ...A }, 15_000), PULSE)).toEqual(event(A, 0, 15_000));
    expect(merge(last, event(A, 12_000, 20_000), PULSE)).toEqual(event(A, 0, 20_000));
  });

  test("that lies within the last event changes nothing", () => {
    expect(merge(event(A, 0, 10_000), event(A, 4_000, 6_000), PULSE)).toEqual(event(A, 0, 10_000));
  });

  test.each<[string, WindowEvent, WindowEvent]>([
    ["comes later than the pulse", event(A, 0, 10_000), event(A, 15_001)],
    ["is of another window", event(A, 0, 10_000), event(B, 10_000)],
    ["is of another title", event(A, 0, 10_000), event({ ...A, title: null }, 10_000)],
    ["is of another process", event(A, 0, 10_000), event({ ...A, pid: 7 }, 10_000)],
    ["comes before the last began: the clock was set back", event(A, 10_000, 20_000), event(A, 9_999)],
  ])("is an event of its own when it %s", (_, last, next) => {
    expect(merge(last, next, PULSE)).toBeUndefined();
  });
});

/** Heartbeats as a poll gives them: one after the other, none reaching into the next. */
const heartbeats = fc
  .array(
    fc.record({
      wait: fc.integer({ min: 0, max: 12_000 }),
      lasts: fc.integer({ min: 0, max: 3_000 }),
      window: fc.constantFrom(A, B),
    }),
    { maxLength: 60 },
  )
  .map((all) => {
    let now = 1_000_000;
    return all.map(({ wait, lasts, window }) => {
      const started_at = now + wait;
      now = started_at + lasts;
      return event(window, started_at, now);
    });
  });

function mergeAll(all: readonly WindowEvent[], pulse: number): WindowEvent[] {
  const merged: WindowEvent[] = [];
  for (const next of all) {
    const last = merged.at(-1);
    const longer = last && merge(last, next, pulse);
    if (longer) merged[merged.length - 1] = longer;
    else merged.push(next);
  }
  return merged;
}

const length = (all: readonly WindowEvent[]) =>
  all.reduce((sum, { started_at, ended_at }) => sum + ended_at - started_at, 0);

describe("however heartbeats come", () => {
  test("merged events never overlap, and none ends before it begins", () => {
    fc.assert(
      fc.property(heartbeats, fc.integer({ min: 0, max: 10_000 }), (all, pulse) => {
        let end = 0;
        for (const { started_at, ended_at } of mergeAll(all, pulse)) {
          expect(started_at).toBeGreaterThanOrEqual(end);
          expect(ended_at).toBeGreaterThanOrEqual(started_at);
          end = ended_at;
        }
      }),
    );
  });

  test("they hold what was seen and the gaps that were bridged, no more than from the first to the last", () => {
    fc.assert(
      fc.property(heartbeats, fc.integer({ min: 0, max: 10_000 }), (all, pulse) => {
        const merged = mergeAll(all, pulse);
        const bridged = all.length - merged.length;
        expect(length(merged)).toBeGreaterThanOrEqual(length(all));
        expect(length(merged)).toBeLessThanOrEqual(length(all) + bridged * pulse);
        const [first, last] = [all[0], all.at(-1)];
        if (first && last) expect(length(merged)).toBeLessThanOrEqual(last.ended_at - first.started_at);
      }),
    );
  });

  test("merging what is merged changes nothing", () => {
    fc.assert(
      fc.property(heartbeats, (all) => {
        const merged = mergeAll(all, PULSE);
        expect(mergeAll(merged, PULSE)).toEqual(merged);
      }),
    );
  });
});
