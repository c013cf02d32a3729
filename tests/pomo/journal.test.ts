import { describe, expect, test } from "bun:test";
import { localDay } from "../../src/kernel/core/local-time.ts";
import { type Database, openDatabase } from "../../src/kernel/runtime.ts";
import {
  activeTask,
  addInterval,
  addTask,
  changeInterval,
  deleteInterval,
  findInterval,
  finishTask,
  history,
  historyFrom,
  openTasks,
  readOverview,
  removeInterval,
  removeTask,
  schema,
  setActiveTask,
  tasks,
} from "../../src/pomo/adapters/journal.ts";
import type { Interval } from "../../src/pomo/core/history.ts";

async function tables(): Promise<Database> {
  const db = await openDatabase(":memory:");
  for (const sql of schema.migrations) db.exec(sql);
  return db;
}

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 10, 22, 12);
const now = { goal: 8, wall: NOON, offset: 0 };

const work = (started_at: number, more: Partial<Interval> = {}): Interval => ({
  type: "WORK",
  round: 1,
  task: "t",
  task_id: null,
  tags: ["a", "b"],
  started_at,
  utc_offset_min: 0,
  ended_at: started_at + 1_500_000,
  duration_ms: 1_500_000,
  elapsed_ms: 1_500_000,
  outcome: "completed",
  ...more,
});

describe("history", () => {
  test("an interval comes back as it went in, corrected, and not once deleted", async () => {
    const db = await tables();
    const interval = work(NOON, { utc_offset_min: -210, task: "täsk", tags: [] });
    const id = addInterval(db, "default", interval) ?? 0;
    expect(findInterval(db, "default", id)).toEqual({ id, ...interval });
    const corrected = { id, ...interval, task: null, outcome: "interrupted" as const, started_at: NOON - 1 };
    changeInterval(db, "default", corrected);
    expect(history(db, "default")).toEqual([corrected]);
    deleteInterval(db, id);
    expect(findInterval(db, "default", id)).toBeUndefined();
  });

  test("what a session wrote already isn't written again, and is found by it to be taken back", async () => {
    const db = await tables();
    const from = { session: "s", n: 1 };
    const first = addInterval(db, "default", work(NOON), from) ?? 0;
    expect(addInterval(db, "default", work(NOON + 1), from)).toBeUndefined();
    const second = addInterval(db, "default", work(NOON), { session: "s", n: 2 }) ?? 0;
    const ids = () => history(db, "default").map(({ id }) => id);
    expect(ids()).toEqual([first, second]);
    removeInterval(db, from);
    expect(ids()).toEqual([second]);
  });

  test("profiles are apart", async () => {
    const db = await tables();
    const id = addInterval(db, "acme", work(NOON)) ?? 0;
    expect(history(db, "default")).toEqual([]);
    expect(findInterval(db, "default", id)).toBeUndefined();
    expect(readOverview(db, "default", now).today.completed).toBe(0);
    expect(readOverview(db, "acme", now).today.completed).toBe(1);
  });

  test("from a local day on: by the date where it was, at the furthest offsets too", async () => {
    const db = await tables();
    const day = localDay(NOON, 0);
    const midnight = day * DAY_MS;
    for (const offset of [-720, -210, 0, 345, 840]) {
      addInterval(db, "default", work(midnight - offset * 60_000, { utc_offset_min: offset, task: "on it" }));
      addInterval(
        db,
        "default",
        work(midnight - offset * 60_000 - 1, { utc_offset_min: offset, task: "before" }),
      );
    }
    expect(historyFrom(db, "default", day).map(({ task }) => task)).toEqual(Array(5).fill("on it"));
  });
});

describe("tasks", () => {
  const task = (title: string) => ({ title, tags: ["x"], estimate: 2 });

  test("each has the number of completed work on it", async () => {
    const db = await tables();
    const id = addTask(db, "default", task("report"), NOON);
    addInterval(db, "default", work(NOON, { task_id: id }));
    addInterval(db, "default", work(NOON, { task_id: id, outcome: "interrupted" }));
    addInterval(db, "default", work(NOON, { task_id: id, type: "SHORT_BREAK" }));
    expect(tasks(db, "default")).toEqual([
      { id, ...task("report"), created_at: NOON, done_at: null, completed: 1 },
    ]);
  });

  test("done ones aren't open, removed ones are gone, and neither is active; history keeps its title", async () => {
    const db = await tables();
    const [done, removed, open] = ["a", "b", "c"].map((title) => addTask(db, "default", task(title), NOON));
    for (const id of [done ?? 0, removed ?? 0]) {
      setActiveTask(db, "default", id);
      expect(activeTask(db, "default")?.id).toBe(id);
      addInterval(db, "default", work(NOON, { task_id: id }));
      (id === done ? finishTask : removeTask)(db, id, NOON);
      expect(activeTask(db, "default")).toBeNull();
    }
    expect(tasks(db, "default").map(({ id }) => id)).toEqual([done ?? 0, open ?? 0]);
    expect(openTasks(db, "default").map(({ id }) => id)).toEqual([open ?? 0]);
    expect(history(db, "default").map((row) => row.task)).toEqual(["t", "t"]);
  });
});

describe("overview", () => {
  test("is of the local day now, and names the open tasks", async () => {
    const db = await tables();
    const id = addTask(db, "default", { title: "report", tags: [], estimate: 3 }, NOON);
    finishTask(db, addTask(db, "default", { title: "old", tags: [], estimate: null }, NOON), NOON);
    addInterval(db, "default", work(NOON, { task_id: id }));
    addInterval(db, "default", work(NOON - DAY_MS, { outcome: "interrupted" }));
    expect(readOverview(db, "default", now)).toMatchObject({
      date: "2026-11-22",
      today: { completed: 1, interrupted: 0, focus_ms: 1_500_000, goal: 8 },
      streak_days: 1,
      week: [0, 0, 0, 0, 0, 0, 1],
      tasks: [{ id, title: "report", estimate: 3, completed: 1 }],
    });
    // Two hours east it is still the 22nd at noon, and thirteen hours east the 23rd.
    expect(readOverview(db, "default", { ...now, offset: 780 })).toMatchObject({
      date: "2026-11-23",
      today: { completed: 0 },
      streak_days: 1,
    });
  });

  test("a streak of years is counted to its beginning, over changing offsets", async () => {
    const db = await tables();
    db.exec("BEGIN");
    for (let back = 0; back < 1000; back++) {
      // At 00:10 local time: in UTC the day before, and every other month an hour apart.
      const offset = Math.floor(back / 30) % 2 === 0 ? 60 : 120;
      const began = NOON - 12 * 3_600_000 + 600_000 - back * DAY_MS - offset * 60_000;
      addInterval(db, "default", work(began, { utc_offset_min: offset }));
    }
    addInterval(db, "default", work(NOON - 1001 * DAY_MS));
    db.exec("COMMIT");
    expect(readOverview(db, "default", { ...now, offset: 60 }).streak_days).toBe(1000);
  });

  test("its queries read indexes alone", async () => {
    const db = await tables();
    const seen: string[] = [];
    const spy: Database = {
      ...db,
      prepare: (sql) => {
        seen.push(sql);
        return db.prepare(sql);
      },
    };
    readOverview(spy, "default", now);
    const plans = seen.map((sql) => {
      const marks = sql.match(/\?/g) ?? [];
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...marks.map(() => 0));
      return plan.map((row) => String(row["detail"])).filter((detail) => detail.includes("pomo_interval"));
    });
    expect(plans.flat().length).toBeGreaterThanOrEqual(3);
    for (const detail of plans.flat()) expect(detail).toContain("USING COVERING INDEX");
  });
});
