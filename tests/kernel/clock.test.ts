import { describe, expect, spyOn, test } from "bun:test";
import { type Clock, localOffset, suspendMeter, suspendWatch, systemClock } from "../../src/kernel/clock.ts";
import { Intervals, TestClock } from "../support/clock.ts";

describe("sleep", () => {
  test("ends at once when it is aborted, and leaves no listener behind", async () => {
    const abort = new AbortController();
    let listening = 0;
    const { signal } = abort;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listening++;
      add(...args);
    }) as typeof add;
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listening--;
      remove(...args);
    }) as typeof remove;
    const naps = [systemClock.sleep(3_600_000, signal), systemClock.sleep(2 ** 40, signal)];
    await systemClock.sleep(1, signal);
    expect(listening).toBe(2);
    abort.abort();
    await Promise.all(naps);
    expect(listening).toBe(0);
    await systemClock.sleep(3_600_000, signal);
  });

  test("of more than 2^31 ms lasts, where setTimeout alone would end at once", async () => {
    const abort = new AbortController();
    let over = false;
    const nap = systemClock.sleep(2 ** 33, abort.signal).then(() => {
      over = true;
    });
    await Bun.sleep(5);
    expect(over).toBe(false);
    abort.abort();
    await nap;
  });

  test("of months is made of as many of the longest timers as it takes", async () => {
    const asked: unknown[] = [];
    const timers = spyOn(globalThis, "setTimeout").mockImplementation(((done: () => void, ms: number) => {
      asked.push(ms);
      queueMicrotask(done);
    }) as unknown as typeof setTimeout);
    await systemClock.sleep(2 ** 32 + 5);
    timers.mockRestore();
    expect(asked).toEqual([2 ** 31 - 1, 2 ** 31 - 1, 7]);
  });

  test("of less than nothing is over at once", () => systemClock.sleep(-5));
});

test("the clocks agree on how long something took", async () => {
  const before = [systemClock.wall(), systemClock.monotonic(), systemClock.boot()];
  await systemClock.sleep(30);
  const after = [systemClock.wall(), systemClock.monotonic(), systemClock.boot()];
  for (const [at, now] of after.entries()) expect(now - (before[at] ?? 0)).toBeGreaterThanOrEqual(19);
});

describe("the suspend meter", () => {
  test("measures what the machine slept, once", () => {
    const clock = new TestClock();
    const slept = suspendMeter(clock);
    expect(slept()).toBe(0);
    clock.suspend(8 * 3_600_000);
    expect(slept()).toBe(8 * 3_600_000);
    expect(slept()).toBe(0);
  });

  test("isn't taken in by time that passes or a clock that is set", async () => {
    const clock = new TestClock();
    const slept = suspendMeter(clock);
    await clock.advance(86_400_000);
    clock.setWall(0);
    expect(slept()).toBe(0);
  });

  test("adds up short sleeps until they count", () => {
    const clock = new TestClock();
    const slept = suspendMeter(clock);
    clock.suspend(60);
    expect(slept()).toBe(0);
    clock.suspend(60);
    expect(slept()).toBe(120);
  });

  test("takes no busy moment between its two readings for sleep", () => {
    const clock = new TestClock();
    let reading = 0;
    // Held up between boot() and monotonic() of the first look, which makes the two seem closer than they are.
    const stumbling: Clock = {
      wall: () => 0,
      sleep: async () => {},
      boot: () => 100_000 + clock.monotonic(),
      monotonic: () => clock.monotonic() + (++reading === 2 ? 5_000 : 0),
    };
    const slept = suspendMeter(stumbling);
    expect(slept()).toBe(0);
  });
});

describe("the suspend watch", () => {
  const signal = new AbortController().signal;

  test("tells once how long the machine slept, when it next looks", async () => {
    using intervals = new Intervals();
    const clock = new TestClock();
    const slept: number[] = [];
    await using _ = await suspendWatch(clock, (ms) => slept.push(ms), 40)(signal);
    clock.suspend(60_000);
    expect(slept).toEqual([]);
    await intervals.round(40);
    await intervals.round(40);
    expect(slept).toEqual([60_000]);
    clock.suspend(1_000);
    await clock.advance(5_000);
    await intervals.round(40);
    expect(slept).toEqual([60_000, 1_000]);
  });

  test("asks the boot clock once a second, and at once when the wall clock jumps: one that was set is no sleep", async () => {
    using intervals = new Intervals();
    const clock = new TestClock();
    let asked = 0;
    const counting: Clock = {
      wall: () => clock.wall(),
      monotonic: () => clock.monotonic(),
      sleep: async () => {},
      boot: () => {
        asked++;
        return clock.boot();
      },
    };
    const slept: number[] = [];
    await using _ = await suspendWatch(counting, (ms) => slept.push(ms), 40)(signal);
    asked = 0;
    for (let round = 0; round < 25; round++) {
      await clock.advance(40);
      await intervals.round(40);
    }
    expect(asked).toBe(1);
    for (const ahead of [3_600_000, -7_200_000]) {
      clock.setWall(clock.wall() + ahead);
      await intervals.round(40);
    }
    expect([asked, slept]).toEqual([3, []]);
    // Set back by just as much as it slept: the wall clock shows nothing.
    clock.suspend(60_000);
    clock.setWall(clock.wall() - 60_000);
    for (let round = 0; round < 25; round++) await intervals.round(40);
    expect(slept).toEqual([60_000]);
  });

  test("counts no sleep from before it was opened, and tells none after it was disposed", async () => {
    using intervals = new Intervals();
    const clock = new TestClock();
    const slept: number[] = [];
    clock.suspend(60_000);
    const watch = await suspendWatch(clock, (ms) => slept.push(ms))(signal);
    await intervals.round(1_000);
    await watch[Symbol.asyncDispose]();
    expect(intervals.periods).toEqual([]);
    expect(slept).toEqual([]);
  });
});

test("local time east of UTC is ahead of it", () => {
  const before = process.env["TZ"];
  process.env["TZ"] = "Asia/Kolkata";
  expect(localOffset(0)).toBe(330);
  process.env["TZ"] = "America/New_York";
  expect(localOffset(Date.UTC(2026, 6, 1))).toBe(-240);
  process.env["TZ"] = before ?? "UTC";
  if (before === undefined) delete process.env["TZ"];
});

describe("the test clock", () => {
  test("wakes sleepers in the order they are due, at their time", async () => {
    const clock = new TestClock(1000);
    const woken: [string, number][] = [];
    const nap = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push([name, clock.wall()]);
    };
    void nap("late", 30);
    void nap("early", 10).then(() => nap("again", 10));
    await clock.advance(25);
    expect(woken).toEqual([
      ["early", 1010],
      ["again", 1020],
    ]);
    expect([clock.wall(), clock.monotonic(), clock.sleeping]).toEqual([1025, 25, 1]);
  });

  test("wakes a sleeper whose signal aborts", async () => {
    const clock = new TestClock();
    const abort = new AbortController();
    const nap = clock.sleep(1000, abort.signal);
    abort.abort();
    await nap;
    expect([clock.sleeping, clock.monotonic()]).toEqual([0, 0]);
  });
});
