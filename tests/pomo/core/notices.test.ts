import { describe, expect, test } from "bun:test";
import {
  awayNotice,
  hookOf,
  hookVariables,
  isAudible,
  type Moment,
  noticeOf,
} from "../../../src/pomo/core/notices.ts";
import type { CheckpointType } from "../../../src/pomo/core/pomodoro.ts";
import { moment } from "../fixture-notices.ts";

const work: Moment = { ...moment, long_break_ms: 5_400_000 };
const rest: Moment = { ...work, session_type: "SHORT_BREAK", duration_ms: 300_000, next_type: "WORK" };
const standing = { state: "paused", remaining_ms: 0 } as const;

test.each([
  ["WORK_STARTED", "on_start"],
  ["WORK_PAUSED", "on_pause"],
  ["WORK_RESUMED", "on_resume"],
  ["WORK_COMPLETED", "on_complete"],
  ["WORK_INTERRUPTED", "on_interrupt"],
  ["SHORT_BREAK_STARTED", "on_break_start"],
  ["SHORT_BREAK_PAUSED", "on_pause"],
  ["SHORT_BREAK_RESUMED", "on_resume"],
  ["SHORT_BREAK_COMPLETED", "on_break_end"],
  ["SHORT_BREAK_INTERRUPTED", "on_break_end"],
  ["LONG_BREAK_STARTED", "on_break_start"],
  ["LONG_BREAK_PAUSED", "on_pause"],
  ["LONG_BREAK_RESUMED", "on_resume"],
  ["LONG_BREAK_COMPLETED", "on_break_end"],
  ["LONG_BREAK_INTERRUPTED", "on_break_end"],
] as const)("%s runs %s", (event, hook) => {
  expect(hookOf(event)).toBe(hook);
});

test.each([
  ["WORK_COMPLETED", true],
  ["SHORT_BREAK_COMPLETED", true],
  ["LONG_BREAK_COMPLETED", true],
  ["WORK_STARTED", false],
  ["WORK_INTERRUPTED", false],
  ["LONG_BREAK_PAUSED", false],
] as const)("whether %s is heard: %p", (event, heard) => {
  expect(isAudible(event)).toBe(heard);
});

describe("the variables of a hook", () => {
  test("tell what happened and where the timer is", () => {
    expect(hookVariables("WORK_RESUMED", work)).toEqual({
      STINT_POMO_EVENT: "WORK_RESUMED",
      STINT_POMO_STATE: "running",
      STINT_POMO_SESSION_TYPE: "WORK",
      STINT_POMO_TASK: "write the report",
      STINT_POMO_REMAINING_MS: "660000",
      STINT_POMO_DURATION_MS: "1500000",
      STINT_POMO_ROUND: "2",
      STINT_POMO_ROUNDS: "4",
      STINT_POMO_PROFILE: "acme",
      STINT_POMO_SESSION_ID: "0199-a",
      STINT_PROFILE: "acme",
    });
  });

  test("are empty for what there isn't", () => {
    const { STINT_POMO_TASK } = hookVariables("WORK_STARTED", {
      ...work,
      task: null,
      preset: null,
    });
    expect(STINT_POMO_TASK).toBe("");
  });
});

describe("what the desktop shows", () => {
  const cases: [what: string, event: CheckpointType, at: Moment, title: string, body: string][] = [
    ["work starts", "WORK_STARTED", work, "Work: 25 min", "write the report\nRound 2 of 4"],
    ["work without a task", "WORK_STARTED", { ...work, task: null }, "Work: 25 min", "Round 2 of 4"],
    [
      "work is done",
      "WORK_COMPLETED",
      { ...work, ...standing },
      "Work done",
      "write the report\nRound 2 of 4\nNext: short break, 5 min",
    ],
    [
      "the last round is done",
      "WORK_COMPLETED",
      { ...work, ...standing, round: 4, next_type: "LONG_BREAK" },
      "Work done",
      "write the report\nRound 4 of 4\nNext: long break, 1 h 30 min",
    ],
    ["a break starts", "SHORT_BREAK_STARTED", rest, "Short break: 5 min", "After round 2 of 4"],
    [
      "a long break starts",
      "LONG_BREAK_STARTED",
      { ...rest, session_type: "LONG_BREAK", duration_ms: 5_400_000, round: 4 },
      "Long break: 1 h 30 min",
      "After round 4 of 4",
    ],
    [
      "a break is over",
      "SHORT_BREAK_COMPLETED",
      { ...rest, ...standing },
      "Short break done",
      "Next: work, 25 min",
    ],
  ];
  test.each(cases)("%s", (_, event, at, title, body) => {
    expect(noticeOf(event, at)).toEqual({ title, body });
  });

  test.each([
    ["WORK_PAUSED", { ...work, state: "paused" }],
    ["WORK_RESUMED", work],
    ["WORK_INTERRUPTED", { ...work, state: "paused" }],
    ["SHORT_BREAK_INTERRUPTED", { ...rest, state: "paused" }],
    // Made with --paused: nothing runs yet.
    ["WORK_STARTED", { ...work, state: "paused" }],
  ] as const)("nothing at %s, which its user has just done", (event, at) => {
    expect(noticeOf(event, at)).toBeUndefined();
  });

  test("a task as it is called, whatever markup it looks like", () => {
    const task = 'a < b && <b onclick="x">c</b> &amp;\u0000\n\u001b[31md';
    expect(noticeOf("WORK_STARTED", { ...work, task })?.body).toBe(
      'a &lt; b &amp;&amp; &lt;b onclick="x"&gt;c&lt;/b&gt; &amp;amp; [31md\nRound 2 of 4',
    );
  });
});

describe("what happened while nobody was there", () => {
  test("is told in the words of the state", () => {
    const at = { ...work, notice: "suspended for 12 min, which were a pause" };
    expect(awayNotice(at)).toEqual({
      title: "While you were away",
      body: "Suspended for 12 min, which were a pause\nwrite the report",
    });
  });

  test("says that work came to its end", () => {
    const at = { ...work, ...standing, finished_away_at: 1_000, notice: "finished while away at 14:05" };
    expect(awayNotice(at)).toEqual({
      title: "Work ended while you were away",
      body: "Finished while away at 14:05\nwrite the report",
    });
  });

  test("is nothing without a notice", () => {
    expect(awayNotice(work)).toBeUndefined();
  });
});
