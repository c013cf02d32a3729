import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decode, encode } from "../../../src/kernel/encoding.ts";
import type { Interval } from "../../../src/pomo/core/history.ts";
import {
  type Change,
  type CheckpointType,
  expire,
  extend,
  finish,
  left,
  type Now,
  type Pomodoro,
  pause,
  type Refusal,
  resume,
  type Settings,
  skip,
  slept,
  start,
  stop,
  undo,
} from "../../../src/pomo/core/pomodoro.ts";
import { readSaved, restore, type Saved, save, unsave } from "../../../src/pomo/core/saved.ts";

const MIN = 60_000;
const HOUR = 60 * MIN;
const settings: Settings = {
  work_ms: 25 * MIN,
  break_ms: 5 * MIN,
  long_break_ms: 15 * MIN,
  rounds: 4,
  auto_start_breaks: true,
  auto_start_work: true,
  count_away: false,
  suspend: "pause",
};
const WALL = Date.UTC(2026, 10, 22, 14, 0);
const at = (ms: number): Now => ({ mono: 5_000 + ms, wall: WALL + ms, offset: 60 });
const begin = (how: Partial<Settings> = {}, paused = false): Pomodoro => {
  const task = { id: 7, title: "write the report", tags: ["work"] };
  return start({ preset: "short", settings: { ...settings, ...how }, task, paused }, at(0)).state;
};

/** As it comes back from the store. */
const stored = (state: Pomodoro, now: Now): Saved => {
  const saved = readSaved(decode(encode(save(state, now))));
  if (!saved) throw new Error("not sound");
  return saved;
};

/** On another host, whose clock has another origin. */
const later = (ms: number): Now => ({ mono: 77 + ms, wall: WALL + ms, offset: 60 });

describe("a session whose host died", () => {
  test("ran: the time since it was last alive is taken off", () => {
    const found = restore(stored(begin(), at(20 * MIN)), WALL + 20 * MIN, later(22 * MIN));
    expect(found).toMatchObject({ how: "restored", takenOff: 2 * MIN });
    expect(left(found.change.state, later(22 * MIN))).toBe(3 * MIN);
    expect(left(found.change.state, later(23 * MIN))).toBe(2 * MIN);
  });

  test("was paused: it is paused, with the same left, round, task, preset and settings", () => {
    const paused = pause(begin(), at(10 * MIN)).state;
    const found = restore(stored(paused, at(11 * MIN)), WALL + 11 * MIN, later(10 * HOUR));
    const { state } = found.change;
    expect(found).toMatchObject({ how: "restored", takenOff: 0 });
    expect(left(state, later(11 * HOUR))).toBe(15 * MIN);
    expect(state).toMatchObject({ preset: "short", settings, task: { id: 7, title: "write the report" } });
    expect(state.current).toMatchObject({ round: 1, n: 1, type: "WORK" });
  });

  test("came to its end meanwhile: it stands at 0 and isn't counted", () => {
    const found = restore(stored(begin(), at(20 * MIN)), WALL + 20 * MIN, later(5 * HOUR));
    expect(left(found.change.state, later(5 * HOUR))).toBe(0);
    expect(found.change.happened).toEqual([]);
    expect(found.change.state.current).toMatchObject({ completed: false, awayAt: WALL + 25 * MIN });
  });

  test("came to its end meanwhile and that counts: as of then, once", () => {
    const saved = stored(begin({ count_away: true }), at(20 * MIN));
    const { change } = restore(saved, WALL + 20 * MIN, later(5 * HOUR));
    expect(change.happened.map(({ type }) => type)).toEqual(["WORK_COMPLETED"]);
    expect(change.happened[0]?.ended).toMatchObject({
      n: 1,
      ended_at: WALL + 25 * MIN,
      elapsed_ms: 25 * MIN,
    });
    const again = restore(stored(change.state, later(5 * HOUR)), WALL + 5 * HOUR, later(6 * HOUR));
    expect(again.change.happened).toEqual([]);
  });

  test("was last alive more than a day ago: it is over, as interrupted then", () => {
    const saved = stored(begin(), at(20 * MIN));
    expect(restore(saved, WALL + 20 * MIN, later(24 * HOUR + 20 * MIN)).how).toBe("restored");
    const found = restore(saved, WALL + 20 * MIN, later(24 * HOUR + 20 * MIN + 1));
    expect(found.how).toBe("expired");
    expect(found.change.state.over).toBe(true);
    expect(found.change.happened[0]).toMatchObject({
      type: "WORK_INTERRUPTED",
      ended: { outcome: "interrupted", elapsed_ms: 20 * MIN, ended_at: WALL + 20 * MIN },
    });
  });

  test("is taken up with nothing taken off when the clock was set back meanwhile", () => {
    const found = restore(stored(begin(), at(20 * MIN)), WALL + 20 * MIN, later(-3 * HOUR));
    expect(found).toMatchObject({ how: "restored", takenOff: 0 });
    expect(left(found.change.state, later(-3 * HOUR))).toBe(5 * MIN);
  });

  test("can undo its stop: it goes on where it was", () => {
    const stopped = stop(begin(), at(10 * MIN)).state;
    const saved = stored(stopped, at(10 * MIN));
    expect(restore(saved, WALL + 10 * MIN, later(HOUR)).how).toBe("over");
    const change = undo(unsave(saved, later(HOUR)), later(HOUR)) as Change;
    expect(left(change.state, later(HOUR))).toBe(15 * MIN);
  });
});

describe("a checkpoint", () => {
  const sound = () => JSON.parse(JSON.stringify(save(begin(), at(0)))) as Record<string, unknown>;

  test("of a newer version isn't read", () => {
    expect(readSaved(sound())).toBeDefined();
    expect(readSaved({ ...sound(), version: 2 })).toBeUndefined();
  });

  test.each([
    ["is nothing", null],
    ["is a list", []],
    ["lacks its interval", { ...sound(), interval: undefined }],
    [
      "has more left than there was",
      { ...sound(), interval: { ...(sound()["interval"] as object), remaining_ms: 9e9 } },
    ],
    [
      "has a type that there isn't",
      { ...sound(), interval: { ...(sound()["interval"] as object), type: "NAP" } },
    ],
    ["has settings of text", { ...sound(), settings: { ...settings, work_ms: "25m" } }],
    ["has a task without a title", { ...sound(), task: { id: 1 } }],
    ["has half of an undo", { ...sound(), undo: { act: "skip" } }],
    ["doesn't say whether it is over", { ...sound(), over: null }],
  ])("that %s isn't read", (_why, value) => {
    expect(readSaved(value)).toBeUndefined();
  });
});

/** Everything that can happen to a session. */
type Step =
  | { do: "pause" | "resume" | "skip" | "finish" | "stop" | "undo" }
  | { do: "extend" | "pass" | "sleep" | "die"; ms: number }
  | { do: "jump"; to: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom("pass" as const),
        ms: fc.integer({ min: 0, max: 40 * MIN }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom(
          "pause" as const,
          "resume" as const,
          "skip" as const,
          "finish" as const,
          "undo" as const,
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("extend" as const),
        ms: fc.integer({ min: 1_000, max: 20 * MIN }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("sleep" as const), ms: fc.integer({ min: 0, max: 10 * HOUR }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("die" as const), ms: fc.integer({ min: 0, max: 30 * HOUR }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("jump" as const), to: fc.integer({ min: -HOUR, max: HOUR }) }),
    },
  ),
  { maxLength: 40 },
);

const sessions = fc.record({
  steps,
  paused: fc.boolean(),
  settings: fc.record({
    work_ms: fc.integer({ min: 1_000, max: HOUR }),
    break_ms: fc.integer({ min: 1_000, max: HOUR }),
    long_break_ms: fc.integer({ min: 1_000, max: HOUR }),
    rounds: fc.integer({ min: 1, max: 5 }),
    auto_start_breaks: fc.boolean(),
    auto_start_work: fc.boolean(),
    count_away: fc.boolean(),
    suspend: fc.constantFrom("pause" as const, "count" as const),
  }),
});

/** A session and the world around it: what a host, the store and time would do. */
class World {
  /** Time that really passed, of which no clock of ours knows everything. */
  real = 0;
  mono = 0;
  wall = WALL;
  state: Pomodoro;
  /** Rows of history by interval. */
  readonly rows = new Map<number, Interval>();
  readonly written: { type: CheckpointType; n: number }[] = [];
  /** What could be restored, from the last write on. */
  saved: { state: Saved; at: number };

  constructor(settings: Settings, paused: boolean) {
    const { state } = start({ preset: "own", settings, task: null, paused }, this.now());
    this.state = state;
    this.saved = { state: stored(state, this.now()), at: this.wall };
  }

  now(): Now {
    return { mono: this.mono, wall: this.wall, offset: 0 };
  }

  take(change: Change | Refusal): void {
    if ("refused" in change) return;
    if (change.undone !== undefined) {
      expect(this.rows.delete(change.undone)).toBe(true);
    }
    for (const { type, ended, state } of change.happened) {
      this.written.push({ type, n: state.current.n });
      if (!ended) continue;
      expect(this.rows.has(ended.n)).toBe(false);
      this.rows.set(ended.n, ended);
    }
    this.state = change.state;
    this.keep();
  }

  keep(): void {
    this.saved = { state: stored(this.state, this.now()), at: this.wall };
  }

  /** Time passes on a living host: each end is noticed when it comes. */
  pass(ms: number): void {
    let rest = ms;
    for (;;) {
      const { timer } = this.state.current;
      const ticking = !this.state.over && timer.pausedAt === null && timer.finishedAt === null;
      const step = ticking ? Math.min(rest, left(this.state, this.now())) : rest;
      this.real += step;
      this.mono += step;
      this.wall += step;
      rest -= step;
      const change = expire(this.state, this.now());
      if (change.happened.length > 0) this.take(change);
      else if (rest <= 0) return;
    }
  }

  step(step: Step): void {
    const now = this.now();
    switch (step.do) {
      case "pause":
        this.take(pause(this.state, now));
        break;
      case "resume":
        this.take(resume(this.state, now));
        break;
      case "skip":
        this.take(skip(this.state, now));
        break;
      case "finish":
        this.take(finish(this.state, now));
        break;
      case "stop":
        this.take(stop(this.state, now));
        break;
      case "undo":
        this.take(undo(this.state, now));
        break;
      case "extend":
        this.take(extend(this.state, step.ms, 24 * HOUR, now));
        break;
      case "pass":
        this.pass(step.ms);
        break;
      case "sleep":
        this.real += step.ms;
        this.wall += step.ms;
        this.state = slept(this.state, step.ms);
        this.pass(0);
        break;
      case "jump": {
        const before = left(this.state, now);
        this.wall += step.to;
        expect(left(this.state, this.now())).toBe(before);
        break;
      }
      case "die": {
        this.keep();
        this.real += step.ms;
        this.wall += step.ms;
        this.mono += 12_345;
        // However often it is tried, it comes to the same.
        const once = restore(this.saved.state, this.saved.at, this.now());
        expect(restore(this.saved.state, this.saved.at, this.now())).toEqual(once);
        this.take(once.change);
        break;
      }
    }
  }
}

describe("whatever happens to a session", () => {
  test("its time stays within its length, its work within the time there was, and each end is written once", () => {
    fc.assert(
      fc.property(sessions, ({ steps: all, settings: how, paused }) => {
        const world = new World(how, paused);
        for (const step of all) {
          world.step(step);
          const { timer } = world.state.current;
          const rest = left(world.state, world.now());
          expect(rest).toBeGreaterThanOrEqual(0);
          expect(rest).toBeLessThanOrEqual(timer.duration);
          // What is restored at once is what was saved.
          const back = unsave(stored(world.state, world.now()), world.now());
          expect(left(back, world.now())).toBeCloseTo(rest, 6);
          expect(save(back, world.now())).toEqual(save(world.state, world.now()));
        }
        let worked = 0;
        for (const row of world.rows.values()) {
          worked += row.elapsed_ms;
          expect(row.elapsed_ms).toBeLessThanOrEqual(row.duration_ms);
          expect(row.elapsed_ms).toBeLessThanOrEqual(row.ended_at - row.started_at);
        }
        const completed = [...world.rows.values()].filter(({ outcome }) => outcome === "completed").length;
        expect(completed).toBeLessThanOrEqual(
          world.written.filter(({ type }) => type.endsWith("_COMPLETED")).length,
        );
        // Rounded to whole ms, each.
        expect(worked).toBeLessThanOrEqual(world.real + world.rows.size + jumps(all));
      }),
      { numRuns: 500 },
    );
  });
});

/** A clock that was set forward before its host died takes that off too. */
const jumps = (all: readonly Step[]): number =>
  all.reduce((sum, step) => sum + (step.do === "jump" ? Math.max(0, step.to) : 0), 0);
