import { describe, expect, test } from "bun:test";
import { localDay } from "../../../src/kernel/core/local-time.ts";
import {
  type Counted,
  emptyOverview,
  overview,
  sinceDay,
  stats,
  yearBegins,
} from "../../../src/pomo/core/stats.ts";

const MINUTE = 60_000;

/** Work that began at a local time with its offset: `2026-03-29T01:50+01:00`. */
function work(began: string, more: Partial<Counted> = {}): Counted & { task: null; task_id: null } {
  const offset = Temporal.PlainDateTime.from(began.slice(0, 16)).toZonedDateTime(
    began.slice(16),
  ).offsetNanoseconds;
  return {
    type: "WORK",
    started_at: Temporal.Instant.from(began).epochMilliseconds,
    utc_offset_min: offset / 60e9,
    elapsed_ms: 25 * MINUTE,
    outcome: "completed",
    task: null,
    task_id: null,
    ...more,
  };
}

/** The overview at a local time. */
function at(now: string, rows: readonly Counted[], earlier?: (day: number) => boolean) {
  const { started_at: wall, utc_offset_min: offset } = work(now);
  return overview({ rows, tasks: [], goal: 8, wall, offset, ...(earlier ? { earlier } : {}) });
}

/** `count` days with one completed work each at noon UTC, the last of them on this date. */
function daily(last: string, count: number) {
  const end = Temporal.PlainDate.from(last);
  return Array.from({ length: count }, (_, back) => work(`${end.subtract({ days: back })}T12:00+00:00`));
}

describe("today", () => {
  test("counts work alone, and the time of what was interrupted as well", () => {
    const { today, date } = at("2026-11-22T18:00+00:00", [
      work("2026-11-22T09:00+00:00"),
      work("2026-11-22T10:00+00:00", { outcome: "interrupted", elapsed_ms: 7 * MINUTE }),
      work("2026-11-22T11:00+00:00", { type: "SHORT_BREAK" }),
      work("2026-11-21T09:00+00:00"),
    ]);
    expect(today).toEqual({ completed: 1, interrupted: 1, focus_ms: 32 * MINUTE, goal: 8 });
    expect(date).toBe("2026-11-22");
  });

  test("work belongs to the day that it began on", () => {
    const rows = [work("2026-11-21T23:50+01:00"), work("2026-11-22T00:10+01:00")];
    expect(at("2026-11-22T12:00+01:00", rows).today.completed).toBe(1);
    // In UTC both began on the 21st.
    expect(at("2026-11-22T00:30+01:00", rows)).toMatchObject({ date: "2026-11-22", today: { completed: 1 } });
  });

  test("the date of a row is the one where it was, whatever the offset is now", () => {
    // 08:00 in Auckland on the 22nd was still the 21st in Paris.
    const rows = [work("2026-11-22T08:00+13:00")];
    expect(at("2026-11-21T23:00+01:00", rows).today.completed).toBe(0);
    expect(at("2026-11-22T09:00+01:00", rows).today.completed).toBe(1);
  });

  test("half-hour offsets and those west of Greenwich have their own midnight", () => {
    const rows = [
      work("2026-11-22T00:10+05:30"),
      work("2026-11-21T23:50+05:30"),
      work("2026-11-22T23:50-03:30"),
    ];
    expect(at("2026-11-22T12:00+05:30", rows).today.completed).toBe(2);
  });

  test("the day of a clock change is one day, of 23 hours or of 25", () => {
    const spring = [
      work("2026-03-29T01:50+01:00"),
      work("2026-03-29T23:30+02:00"),
      work("2026-03-28T23:59+01:00"),
    ];
    expect(at("2026-03-29T23:59+02:00", spring).today.completed).toBe(2);
    const autumn = [
      work("2026-10-25T00:05+02:00"),
      work("2026-10-25T23:55+01:00"),
      work("2026-10-26T00:01+01:00"),
    ];
    expect(at("2026-10-25T23:59+01:00", autumn).today.completed).toBe(2);
  });
});

describe("streak", () => {
  const now = "2026-11-22T12:00+00:00";
  const streak = (rows: readonly Counted[], earlier?: (day: number) => boolean) =>
    at(now, rows, earlier).streak_days;

  test("ends today, or yesterday while today has nothing yet", () => {
    expect(streak(daily("2026-11-22", 3))).toBe(3);
    expect(streak(daily("2026-11-21", 3))).toBe(3);
    expect(streak(daily("2026-11-20", 3))).toBe(0);
    expect(streak([])).toBe(0);
  });

  test("a day on which all was interrupted breaks it; several on a day are one day", () => {
    const rows = [...daily("2026-11-22", 2), ...daily("2026-11-22", 2), ...daily("2026-11-19", 5)];
    const broken = work("2026-11-20T12:00+00:00", { outcome: "interrupted" });
    expect(streak([...rows, broken])).toBe(2);
  });

  test("goes on over a change of the clock", () => {
    const rows = ["2026-03-28T23:55+01:00", "2026-03-29T23:55+02:00", "2026-03-30T00:05+02:00"].map((began) =>
      work(began),
    );
    expect(at("2026-03-30T12:00+02:00", rows).streak_days).toBe(3);
  });

  test("goes on beyond the year for as long as earlier days have work", () => {
    const today = localDay(work(now).started_at, 0);
    const first = yearBegins(today);
    const rows = daily("2026-11-22", 500);
    expect(streak(rows)).toBe(today - first + 1);
    expect(streak(rows, (day) => day >= first - 100)).toBe(today - first + 101);
  });

  test("earlier days aren't asked about while it ends within the year", () => {
    const asked: number[] = [];
    streak(daily("2026-11-22", 5), (day) => asked.push(day) > 0);
    expect(asked).toEqual([]);
  });
});

describe("week and year", () => {
  test("the week begins on Monday and has its days to come", () => {
    const rows = [...daily("2026-11-18", 4), work("2026-11-18T15:00+00:00")];
    // A Wednesday; the Sunday before is of the week before.
    expect(at("2026-11-18T20:00+00:00", rows).week).toEqual([1, 1, 2, 0, 0, 0, 0]);
    expect(at("2026-11-22T20:00+00:00", rows).week).toEqual([1, 1, 2, 0, 0, 0, 0]);
    expect(at("2026-11-23T00:00+00:00", rows).week).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  test("the year is 53 weeks from a Monday on, ending today", () => {
    for (let back = 0; back < 7; back++) {
      const today = Temporal.PlainDate.from("2026-11-22").subtract({ days: back });
      const { year, date } = at(`${today}T12:00+00:00`, daily(String(today), 1));
      expect(date).toBe(String(today));
      expect(year).toHaveLength(364 + today.dayOfWeek);
      expect(year.at(-1)).toBe(1);
      expect(today.subtract({ days: year.length - 1 }).dayOfWeek).toBe(1);
    }
  });

  test("what is older than the year isn't in it", () => {
    const { year } = at("2026-11-22T12:00+00:00", daily("2026-11-22", 1000));
    expect(year.every((count) => count === 1)).toBe(true);
  });

  test("a profile with nothing in it has an overview", () => {
    const empty = emptyOverview({ goal: 3, wall: Date.UTC(2026, 10, 22), offset: 0 });
    expect(empty).toMatchObject({ date: "2026-11-22", streak_days: 0, tasks: [] });
    expect(empty.today).toEqual({ completed: 0, interrupted: 0, focus_ms: 0, goal: 3 });
  });
});

describe("statistics of a span", () => {
  const today = localDay(work("2026-11-22T12:00+00:00").started_at, 0);
  const since = (days: number) => sinceDay({ days }, today);

  test("a span of days ends today; a date begins one", () => {
    expect(since(1)).toBe(today);
    expect(sinceDay({ date: "2026-11-20" }, today)).toBe(today - 2);
    expect(sinceDay({ date: "1970-01-01" }, today)).toBe(0);
  });

  test("has every day from the first with work on, and none beyond the span", () => {
    const rows = [...daily("2026-11-15", 3), work("2026-11-20T12:00+00:00")];
    expect(stats(rows, since(5), today).days).toEqual([
      { date: "2026-11-20", completed: 1, interrupted: 0, focus_ms: 25 * MINUTE },
      { date: "2026-11-21", completed: 0, interrupted: 0, focus_ms: 0 },
      { date: "2026-11-22", completed: 0, interrupted: 0, focus_ms: 0 },
    ]);
    expect(stats(rows, since(5), today).totals.completed).toBe(1);
    expect(stats(rows, since(30), today).totals.completed).toBe(4);
    expect(stats([], since(30), today).days).toHaveLength(1);
    expect(stats(rows, today + 3, today)).toMatchObject({ days: [], totals: { completed: 0 } });
  });

  test("streaks don't end where the span begins", () => {
    const rows = [...daily("2026-11-22", 10), ...daily("2026-10-01", 40)];
    const found = stats(rows, since(3), today);
    expect(found).toMatchObject({ streak_days: 10, longest_streak_days: 40 });
  });

  test("a task counts under its newest title, one without a number by its title, whatever its case", () => {
    const on = (task: string | null, task_id: number | null, more: Partial<Counted> = {}) => ({
      ...work("2026-11-22T09:00+00:00", more),
      task,
      task_id,
    });
    const { tasks } = stats(
      [
        on("old name", 1),
        on("new name", 1, { outcome: "interrupted", elapsed_ms: MINUTE }),
        on("Hand", null, { elapsed_ms: 2 * MINUTE }),
        on("hand", null, { elapsed_ms: 2 * MINUTE }),
        on(null, null, { elapsed_ms: 3 * MINUTE }),
        on("rest", 2, { type: "LONG_BREAK" }),
      ],
      since(1),
      today,
    );
    expect(tasks).toEqual([
      { task_id: 1, task: "new name", completed: 1, interrupted: 1, focus_ms: 26 * MINUTE },
      { task_id: null, task: "hand", completed: 2, interrupted: 0, focus_ms: 4 * MINUTE },
      { task_id: null, task: null, completed: 1, interrupted: 0, focus_ms: 3 * MINUTE },
    ]);
  });
});
