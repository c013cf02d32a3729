import { describe, expect, test } from "bun:test";
import {
  type Change,
  endAway,
  expire,
  extend,
  finish,
  isRunning,
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

const MIN = 60_000;
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

/** A moment so many ms after the beginning. */
const at = (ms: number): Now => ({ mono: 5_000 + ms, wall: WALL + ms, offset: 60 });

const begin = (how: Partial<Settings> = {}, paused = false): Pomodoro =>
  start({ preset: "short", settings: { ...settings, ...how }, task: null, paused }, at(0)).state;

function done(change: Change | Refusal): Change {
  if ("refused" in change) throw new Error(change.refused);
  return change;
}

const types = ({ happened }: Change): string[] => happened.map(({ type }) => type);

describe("an interval", () => {
  test("runs from the start, or waits when it was made paused", () => {
    expect(left(begin(), at(10 * MIN))).toBe(15 * MIN);
    expect(left(begin({}, true), at(10 * MIN))).toBe(25 * MIN);
  });

  test("stands still while paused, whatever the wall clock does", () => {
    const paused = pause(begin(), at(5 * MIN)).state;
    const resumed = resume(paused, { ...at(65 * MIN), wall: 0 }).state;
    expect(left(paused, at(60 * MIN))).toBe(20 * MIN);
    expect(left(resumed, at(70 * MIN))).toBe(15 * MIN);
  });

  test("is completed once its time is up, and not before", () => {
    const state = begin();
    expect(expire(state, at(25 * MIN - 1)).happened).toEqual([]);
    const change = expire(state, at(25 * MIN));
    expect(types(change)).toEqual(["WORK_COMPLETED", "SHORT_BREAK_STARTED"]);
    expect(change.happened[0]?.ended).toMatchObject({
      n: 1,
      type: "WORK",
      outcome: "completed",
      started_at: WALL,
      ended_at: WALL + 25 * MIN,
      elapsed_ms: 25 * MIN,
      utc_offset_min: 60,
    });
    expect(expire(change.state, at(25 * MIN)).happened).toEqual([]);
  });

  test("that was paused keeps its pauses out of what is written of it", () => {
    const paused = pause(begin(), at(5 * MIN)).state;
    const resumed = resume(paused, at(15 * MIN)).state;
    const [completed] = expire(resumed, at(35 * MIN)).happened;
    expect(completed?.ended).toMatchObject({ elapsed_ms: 25 * MIN, ended_at: WALL + 35 * MIN });
  });

  test("ends no sooner than it lasted, though the wall clock was set back", () => {
    const [completed] = expire(begin(), { ...at(25 * MIN), wall: WALL - 3_600_000 }).happened;
    expect(completed?.ended).toMatchObject({ ended_at: WALL + 25 * MIN, elapsed_ms: 25 * MIN });
  });

  test("can be made longer, but not longer than a day", () => {
    const state = done(extend(begin(), 5 * MIN, 1440 * MIN, at(MIN))).state;
    expect(left(state, at(MIN))).toBe(29 * MIN);
    expect(extend(state, 1440 * MIN, 1440 * MIN, at(MIN))).toMatchObject({ refused: expect.any(String) });
  });
});

describe("the rounds", () => {
  test("lead through a long break after the last back to the first", () => {
    let state = begin({ rounds: 2 });
    const order: string[] = [];
    for (let ms = 0, n = 0; n < 6; n++) {
      order.push(`${state.current.type} ${state.current.round}`);
      ms += state.current.timer.duration;
      state = expire(state, at(ms)).state;
    }
    expect(order).toEqual(["WORK 1", "SHORT_BREAK 1", "WORK 2", "LONG_BREAK 2", "WORK 1", "SHORT_BREAK 1"]);
  });

  test("stand at 0 where the next doesn't start by itself, until somebody goes on", () => {
    const stood = expire(begin({ auto_start_breaks: false }), at(25 * MIN));
    expect(types(stood)).toEqual(["WORK_COMPLETED"]);
    expect(isRunning(stood.state)).toBe(false);
    expect(left(stood.state, at(60 * MIN))).toBe(0);
    const next = resume(stood.state, at(60 * MIN));
    expect(types(next)).toEqual(["SHORT_BREAK_STARTED"]);
    expect(left(next.state, at(61 * MIN))).toBe(4 * MIN);
  });
});

describe("skip", () => {
  test("interrupts and goes on to the next, which runs though this was paused", () => {
    const paused = pause(begin(), at(MIN)).state;
    const change = done(skip(paused, at(2 * MIN)));
    expect(types(change)).toEqual(["WORK_INTERRUPTED", "SHORT_BREAK_STARTED"]);
    expect(change.happened[0]?.ended).toMatchObject({ outcome: "interrupted", elapsed_ms: MIN });
    expect(isRunning(change.state)).toBe(true);
  });

  test("leaves a break out that hasn't begun, but no work", () => {
    const worked = expire(begin({ auto_start_breaks: false }), at(25 * MIN)).state;
    expect(types(done(skip(worked, at(26 * MIN))))).toEqual(["WORK_STARTED"]);
    const rested = expire(begin({ auto_start_work: false }), at(25 * MIN)).state;
    const stood = expire(rested, at(30 * MIN)).state;
    expect(types(done(skip(stood, at(31 * MIN))))).toEqual(["WORK_STARTED"]);
  });
});

describe("finish", () => {
  test("counts the interval as done with what was worked", () => {
    const change = done(finish(begin(), at(20 * MIN)));
    expect(types(change)).toEqual(["WORK_COMPLETED", "SHORT_BREAK_STARTED"]);
    expect(change.happened[0]?.ended).toMatchObject({ outcome: "completed", elapsed_ms: 20 * MIN });
  });

  test("shows nothing left where it stands", () => {
    const { state } = done(finish(begin({ auto_start_breaks: false }), at(20 * MIN)));
    expect(left(state, at(20 * MIN))).toBe(0);
  });

  test("is refused for what is done already", () => {
    const { state } = expire(begin({ auto_start_breaks: false }), at(25 * MIN));
    expect(finish(state, at(26 * MIN))).toMatchObject({ refused: "it is done already" });
  });
});

describe("what came to its end while nobody was there", () => {
  const away = endAway(begin(), WALL + 25 * MIN, at(90 * MIN)).state;

  test("isn't counted until somebody says so, and then as of that time", () => {
    expect(isRunning(away)).toBe(false);
    const change = done(finish(away, at(100 * MIN)));
    expect(types(change)).toEqual(["WORK_COMPLETED", "SHORT_BREAK_STARTED"]);
    expect(change.happened[0]?.ended).toMatchObject({ outcome: "completed", ended_at: WALL + 25 * MIN });
  });

  test("counts as interrupted when it is left behind", () => {
    expect(types(resume(away, at(100 * MIN)))).toEqual(["WORK_INTERRUPTED", "SHORT_BREAK_STARTED"]);
    expect(types(stop(away, at(100 * MIN)))).toEqual(["WORK_INTERRUPTED"]);
  });

  test("is counted where that is asked for, and nothing starts by itself", () => {
    const change = endAway(begin({ count_away: true }), WALL + 25 * MIN, at(90 * MIN));
    expect(types(change)).toEqual(["WORK_COMPLETED"]);
    expect(isRunning(change.state)).toBe(false);
  });
});

describe("stop", () => {
  test("interrupts what isn't done and ends the session once", () => {
    const stopped = stop(begin(), at(MIN));
    expect(types(stopped)).toEqual(["WORK_INTERRUPTED"]);
    expect(stop(stopped.state, at(2 * MIN)).happened).toEqual([]);
    expect(resume(stopped.state, at(2 * MIN)).happened).toEqual([]);
    expect(skip(stopped.state, at(2 * MIN))).toMatchObject({ refused: "nothing is running" });
  });

  test("leaves what is done as it is", () => {
    const stood = expire(begin({ auto_start_breaks: false }), at(25 * MIN)).state;
    const stopped = stop(stood, at(26 * MIN));
    expect(stopped.happened).toEqual([]);
    expect(stopped.state.over).toBe(true);
  });
});

describe("undo", () => {
  test("takes a skip back: the interval goes on where it was, its row goes", () => {
    const skipped = done(skip(begin(), at(10 * MIN))).state;
    const change = done(undo(skipped, at(13 * MIN)));
    expect(change.undone).toBe(1);
    expect(types(change)).toEqual(["WORK_RESUMED"]);
    expect(left(change.state, at(13 * MIN))).toBe(15 * MIN);
    expect(left(change.state, at(14 * MIN))).toBe(14 * MIN);
  });

  test("takes a finish and a stop back, paused if it was", () => {
    const paused = pause(begin(), at(10 * MIN)).state;
    for (const gone of [done(finish(paused, at(20 * MIN))), stop(paused, at(20 * MIN))]) {
      const change = done(undo(gone.state, at(30 * MIN)));
      expect(types(change)).toEqual(["WORK_PAUSED"]);
      expect(change.undone).toBe(1);
      expect(left(change.state, at(40 * MIN))).toBe(15 * MIN);
    }
  });

  test("takes an extension back without touching the time", () => {
    const longer = done(extend(begin(), 5 * MIN, 1440 * MIN, at(MIN))).state;
    const { state } = done(undo(longer, at(2 * MIN)));
    expect(left(state, at(2 * MIN))).toBe(23 * MIN);
  });

  test("has nothing left to take back after it, or after the next interval began by itself", () => {
    const skipped = done(skip(begin(), at(MIN))).state;
    expect(undo(done(undo(skipped, at(2 * MIN))).state, at(2 * MIN))).toHaveProperty("refused");
    expect(undo(expire(skipped, at(6 * MIN)).state, at(6 * MIN))).toHaveProperty("refused");
  });

  test("of a stop between two intervals leaves the row of what was done", () => {
    const stood = expire(begin({ auto_start_breaks: false }), at(25 * MIN)).state;
    const change = done(undo(stop(stood, at(26 * MIN)).state, at(27 * MIN)));
    expect(change.undone).toBeUndefined();
    expect(change.state).toMatchObject({ over: false, current: { completed: true } });
  });
});

describe("a suspend", () => {
  test("is a pause, or counts, as the session began", () => {
    expect(left(slept(begin(), 20 * MIN), at(MIN))).toBe(24 * MIN);
    expect(left(slept(begin({ suspend: "count" }), 20 * MIN), at(MIN))).toBe(4 * MIN);
    const paused = pause(begin({ suspend: "count" }), at(MIN)).state;
    expect(left(slept(paused, 20 * MIN), at(MIN))).toBe(24 * MIN);
  });
});
