import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Reading, SessionClock } from "../../../src/track/core/session-clock.ts";

const START = 1_700_000_000_000;

/** A machine whose clocks are moved by hand. */
class Machine {
  wall = START;
  monotonic = 1_000;
  uptime = 5_000;
  asked = 0;

  read(): Reading {
    return {
      wall: this.wall,
      monotonic: this.monotonic,
      boot: () => {
        this.asked++;
        return this.uptime;
      },
    };
  }

  runs(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
    this.uptime += ms;
  }

  sleeps(ms: number): void {
    this.wall += ms;
    this.uptime += ms;
  }
}

const begin = () => {
  const machine = new Machine();
  return { machine, clock: new SessionClock(machine.read()) };
};

describe("the time of a session", () => {
  test("goes with the clock, and asks for the boot clock only when the others disagree", () => {
    const { machine, clock } = begin();
    const before = machine.asked;
    machine.runs(1_000);
    expect(clock.read(machine.read())).toEqual({ at: START + 1_000, slept: 0, skipped: 0 });
    expect(machine.asked).toBe(before);
  });

  test("goes on over a sleep, which it tells", () => {
    const { machine, clock } = begin();
    machine.runs(500);
    machine.sleeps(3_600_000);
    machine.runs(500);
    expect(clock.read(machine.read())).toEqual({ at: START + 3_601_000, slept: 3_600_000, skipped: 0 });
  });

  test("leaves out what a clock that is set forward skips", () => {
    const { machine, clock } = begin();
    machine.runs(1_000);
    machine.wall += 7_200_000;
    expect(clock.read(machine.read())).toEqual({ at: START + 7_201_000, slept: 0, skipped: 7_200_000 });
    machine.runs(1_000);
    expect(clock.read(machine.read())).toEqual({ at: START + 7_202_000, slept: 0, skipped: 0 });
  });

  test("goes on by itself while a clock that was set back hasn't caught up", () => {
    const { machine, clock } = begin();
    machine.runs(1_000);
    machine.wall -= 3_600_000;
    expect(clock.read(machine.read()).at).toBe(START + 1_000);
    expect(clock.ahead).toBe(3_600_000);
    machine.runs(60_000);
    expect(clock.read(machine.read())).toEqual({ at: START + 61_000, slept: 0, skipped: 0 });
    // Somebody sets it right again: no time is counted twice.
    machine.wall += 3_600_000;
    expect(clock.read(machine.read())).toEqual({ at: START + 61_000, slept: 0, skipped: 0 });
    expect(clock.ahead).toBe(0);
  });

  test("takes small steps of the clock for what they are", () => {
    const { machine, clock } = begin();
    machine.wall += 300;
    machine.runs(1_000);
    expect(clock.read(machine.read())).toEqual({ at: START + 1_300, slept: 0, skipped: 0 });
  });

  test("does not begin before what was", () => {
    const machine = new Machine();
    expect(new SessionClock(machine.read(), START + 5_000).read(machine.read()).at).toBe(START + 5_000);
  });

  test("tells a sleep and a clock that was set in it apart", () => {
    const { machine, clock } = begin();
    machine.sleeps(60_000);
    machine.wall += 600_000;
    expect(clock.read(machine.read())).toEqual({ at: START + 660_000, slept: 60_000, skipped: 600_000 });
  });

  test("never runs back, and never counts more than was lived or slept through", () => {
    const step = fc.record({
      kind: fc.constantFrom("runs", "sleeps", "set"),
      ms: fc.integer({ min: 0, max: 10_000_000 }),
      back: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { machine, clock } = begin();
        let last = START;
        let counted = 0;
        let real = 0;
        let sets = 0;
        for (const { kind, ms, back } of steps) {
          if (kind === "runs") machine.runs(ms);
          else if (kind === "sleeps") machine.sleeps(ms);
          else {
            machine.wall += back ? -ms : ms;
            sets++;
          }
          if (kind !== "set") real += ms;
          const { at, skipped, slept } = clock.read(machine.read());
          expect(at).toBeGreaterThanOrEqual(last);
          expect(slept).toBeGreaterThanOrEqual(0);
          counted += at - last - skipped;
          last = at;
        }
        // A step of the clock below the tolerance is taken along.
        expect(counted).toBeLessThanOrEqual(real + sets * 2_000 + steps.length);
      }),
    );
  });
});
