import { describe, expect, test } from "bun:test";
import { AgeClock, DAY_MS, expired } from "../../../src/detect/core/retention.ts";
import { TestClock } from "../../support/clock.ts";

const NOW = Date.UTC(2026, 10, 22);
const MB = 1_000_000;
/** A file of so many MB that was made so many days ago. */
const file = (name: string, days: number, megabytes: number) => ({
  name,
  at: NOW - days * DAY_MS,
  bytes: megabytes * MB,
});
const gone = (files: ReturnType<typeof file>[], days: number, megabytes: number) =>
  expired(files, { days, megabytes }, NOW).map(({ name }) => name);

test("what is older than it is to be kept goes", () => {
  expect(gone([file("a", 31, 1), file("b", 30, 1), file("c", 0, 1)], 30, 100)).toEqual(["a"]);
});

test("the oldest go until the rest takes no more than it may", () => {
  const files = [file("a", 3, 4), file("b", 2, 4), file("c", 1, 4)];
  expect(gone(files, 30, 12)).toEqual([]);
  expect(gone(files, 30, 11)).toEqual(["a"]);
  expect(gone(files, 30, 5)).toEqual(["a", "b"]);
  expect(gone(files, 30, 0)).toEqual(["a", "b", "c"]);
});

test("what goes for its age makes room for the others", () => {
  expect(gone([file("a", 40, 50), file("b", 2, 50)], 30, 60)).toEqual(["a"]);
});

test("a picture of the future, since the clock was set back, is kept", () => {
  expect(gone([file("a", -400, 1)], 30, 100)).toEqual([]);
});

describe("the time by which ages are told", () => {
  const day = (n: number) => NOW + n * DAY_MS;
  /** Runs for so long, and looks each minute. */
  async function runs(ages: AgeClock, clock: TestClock, ms: number): Promise<string[]> {
    const said: string[] = [];
    for (const end = clock.monotonic() + ms; clock.monotonic() < end; ) {
      await clock.advance(Math.min(3_600_000, end - clock.monotonic()));
      said.push(ages.look() ?? "");
    }
    return said.filter((text) => text !== "");
  }

  test("is the wall clock's, also after days without anything, a sleep, or a step that sets it right", async () => {
    const clock = new TestClock(day(6));
    const ages = new AgeClock(clock, NOW);
    expect(ages.now).toBe(day(6));
    clock.suspend(3 * DAY_MS);
    clock.setWall(clock.wall() + 500);
    expect(await runs(ages, clock, DAY_MS)).toEqual([]);
    expect(ages.now).toBe(day(10) + 500);
    expect(new AgeClock(clock, undefined).now).toBe(clock.wall());
  });

  test("goes on from what it was while a clock that was set forward hasn't held for a day", async () => {
    const clock = new TestClock(NOW);
    const ages = new AgeClock(clock, undefined);
    clock.setWall(day(40));
    expect(await runs(ages, clock, DAY_MS)).toHaveLength(1);
    expect(ages.now).toBe(day(1));
    expect(await runs(ages, clock, 3_600_000)).toEqual([]);
    expect(ages.now).toBe(clock.wall());
  });

  test("a clock that is set again must hold from then on", async () => {
    const clock = new TestClock(NOW);
    const ages = new AgeClock(clock, undefined);
    clock.setWall(day(40));
    await runs(ages, clock, 0.7 * DAY_MS);
    clock.setWall(day(80));
    await runs(ages, clock, 0.7 * DAY_MS);
    expect(ages.now).toBe(day(1.4));
  });

  test("is the wall clock's at once when that is set back, and when it is set to where it was", async () => {
    const clock = new TestClock(NOW);
    const ages = new AgeClock(clock, undefined);
    clock.setWall(NOW - DAY_MS / 2);
    expect(ages.look()).toBe("the clock was set back by 12 h 0 min");
    expect(ages.now).toBe(clock.wall());
    clock.setWall(NOW);
    expect(ages.look()).toBe("the clock was set forward by 12 h 0 min");
    expect(ages.now).toBe(NOW);
  });

  test("is that of the newest that is kept where the clock is far past it at the beginning", async () => {
    const clock = new TestClock(day(31));
    const ages = new AgeClock(clock, NOW);
    expect(ages.now).toBe(NOW);
    expect(ages.look()).toStartWith("the clock is 31 days past what was kept last: ");
    expect(await runs(ages, clock, DAY_MS - 1)).toEqual([]);
    expect(ages.now).toBe(day(1) - 1);
    await runs(ages, clock, 1);
    expect(ages.now).toBe(day(32));
  });
});
