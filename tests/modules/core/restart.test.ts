import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { afterExit, type Ended, NO_FAILURES, type RestartState } from "../../../src/modules/core/restart.ts";

const MIN = 60_000;
const WALL = Date.UTC(2026, 10, 22, 14, 0);
const MIDDLE = 0.5;

const crash = (at: number, upMs = 100): Ended => ({ at, upMs, failed: true });
const clean = (at: number, upMs = 100): Ended => ({ at, upMs, failed: false });

/** What is done about one end after another. */
function after(
  ends: readonly Ended[],
  policy: "no" | "on-failure" | "always" = "on-failure",
  random = MIDDLE,
  from: RestartState = NO_FAILURES,
) {
  let state = from;
  const next = ends.map((ended) => {
    const step = afterExit(state, ended, policy, random);
    state = step.state;
    return step.next;
  });
  return { state, next, last: next.at(-1) };
}
const waits = (found: ReturnType<typeof after>) =>
  found.next.map((next) => (next.do === "restart" ? next.afterMs : next.do));

describe("whether it is started again", () => {
  test("by default a crash is left as it is", () => {
    expect(afterExit(NO_FAILURES, crash(WALL), "no", MIDDLE)).toEqual({
      state: NO_FAILURES,
      next: { do: "rest" },
    });
  });
  test("on-failure leaves one that ended well", () => {
    expect(after([clean(WALL)]).last).toEqual({ do: "rest" });
    expect(after([crash(WALL)]).last).toMatchObject({ do: "restart" });
  });
  test("always starts it again too, which is no failure, however often", () => {
    const found = after(
      Array.from({ length: 20 }, (_, n) => clean(WALL + n)),
      "always",
    );
    expect(waits(found).slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 27_000, 27_000]);
    expect(found.state).toEqual({ failures: [], restarts: 20, backoff: 20 });
  });
});

describe("how long it waits", () => {
  const often = (count: number, upMs = 100) =>
    Array.from({ length: count }, (_, n) => crash(WALL + n * 2 * MIN, upMs));

  test("twice as long each time, to 30 s", () => {
    expect(waits(after(often(9)))).toEqual([1000, 2000, 4000, 8000, 16_000, 27_000, 27_000, 27_000, 27_000]);
  });
  test("a fifth sooner or later, never longer than 30 s", () => {
    expect(waits(after(often(6), "on-failure", 0))).toEqual([800, 1600, 3200, 6400, 12_800, 24_000]);
    expect(waits(after(often(6), "on-failure", 0.999_999))).toEqual([1200, 2400, 4800, 9600, 19_200, 30_000]);
  });
  test("from the beginning once it has stayed up for 60 s", () => {
    const { state } = after(often(4));
    expect(state.backoff).toBe(4);
    const short = afterExit(state, crash(WALL + 10 * MIN, 59_999), "on-failure", MIDDLE);
    expect(short.next).toEqual({ do: "restart", afterMs: 16_000 });
    const long = afterExit(state, crash(WALL + 10 * MIN, 60_000), "on-failure", MIDDLE);
    expect(long).toMatchObject({
      next: { do: "restart", afterMs: 1000 },
      state: { backoff: 1, restarts: 5 },
    });
  });
});

describe("when it is given up on", () => {
  test("at the fifth failure within 5 minutes, wherever they begin", () => {
    const early = crash(WALL - 5 * MIN);
    const ends = [early, ...[0, 1, 2, 3, 4.9].map((minutes) => crash(WALL + minutes * MIN))];
    const found = after(ends);
    expect(found.next.slice(0, -1).every((next) => next.do === "restart")).toBe(true);
    expect(found.last).toEqual({ do: "giveUp", failures: 5 });
    expect(found.state.restarts).toBe(5);
  });
  test("not at five in a longer time, and not when it ends well", () => {
    const four = [0, 1, 2, 3].map((minutes) => crash(WALL + minutes * MIN));
    expect(after([...four, crash(WALL + 5 * MIN)]).last).toMatchObject({ do: "restart" });
    expect(after([...four, clean(WALL + 4 * MIN)], "always").last).toMatchObject({ do: "restart" });
  });
  test("staying up for a minute in between doesn't excuse it", () => {
    expect(after([0, 1, 2, 3, 4].map((minutes) => crash(WALL + minutes * MIN, MIN))).last).toEqual({
      do: "giveUp",
      failures: 5,
    });
  });
  test("the count survives the supervisor", () => {
    const { state } = after([0, 1, 2, 3].map((n) => crash(WALL + n)));
    const read = JSON.parse(JSON.stringify(state)) as RestartState;
    expect(after([crash(WALL + 4)], "on-failure", MIDDLE, read).last).toEqual({ do: "giveUp", failures: 5 });
  });
});

/** Ends of a module with the time that passed before each, ms. */
const life = fc.array(
  fc.record({
    passed: fc.integer({ min: 0, max: 3 * MIN }),
    upMs: fc.integer({ min: 0, max: 2 * MIN }),
    failed: fc.boolean(),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    /** By how much the clock was set back before it. */
    back: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 * MIN })),
  }),
  { maxLength: 30 },
);
const policies = fc.constantFrom("on-failure" as const, "always" as const);

test("whatever happens: waits of 0.8 to 30 s, and it is given up on exactly when it failed too often", () => {
  fc.assert(
    fc.property(life, policies, (ends, policy) => {
      let [state, now]: [RestartState, number] = [NO_FAILURES, WALL];
      const failedAt: number[] = [];
      for (const { passed, random, ...ended } of ends) {
        now += passed;
        if (ended.failed) failedAt.push(now);
        const step = afterExit(state, { at: now, ...ended }, policy, random);
        const recent = failedAt.filter((at) => now - at < 5 * MIN).length;
        if (!ended.failed && policy === "on-failure") expect(step.next.do).toBe("rest");
        else expect(step.next.do).toBe(ended.failed && recent >= 5 ? "giveUp" : "restart");
        if (step.next.do === "restart") {
          expect(step.next.afterMs).toBeGreaterThanOrEqual(800);
          expect(step.next.afterMs).toBeLessThanOrEqual(30_000);
          expect(step.state.restarts).toBe(state.restarts + 1);
        }
        expect(step.state.failures.length).toBeLessThanOrEqual(5);
        state = step.state;
      }
    }),
  );
});

test("a clock that is set back neither loses a failure nor makes one of it", () => {
  fc.assert(
    fc.property(life, (ends) => {
      let [state, now, ahead]: [RestartState, number, number] = [NO_FAILURES, WALL, 0];
      const failedAt: number[] = [];
      for (const { passed, back, random, ...ended } of ends) {
        now += passed;
        ahead -= back;
        if (ended.failed) failedAt.push(now);
        const step = afterExit(state, { at: now + ahead, ...ended }, "always", random);
        const recent = failedAt.filter((at) => now - at < 5 * MIN).length;
        expect(step.state.failures.length).toBeGreaterThanOrEqual(Math.min(5, recent));
        expect(step.state.failures.length).toBeLessThanOrEqual(failedAt.length);
        if (ended.failed && recent >= 5) expect(step.next.do).toBe("giveUp");
        expect(step.state.failures.every((at) => at <= now + ahead)).toBe(true);
        state = step.state;
      }
    }),
  );
});
