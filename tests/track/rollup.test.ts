import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Database } from "../../src/kernel/runtime.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { findings, findingsIn } from "../../src/track/adapters/findings.ts";
import { changeSpan, extendWindow, removeSpan, schema, spanOf } from "../../src/track/adapters/journal.ts";
import { rollUp } from "../../src/track/adapters/rollup.ts";
import { todayOf } from "../../src/track/adapters/today.ts";
import { type By, type Filter, type Findings, groupsOf, totalsOf } from "../../src/track/core/groups.ts";
import type { Span } from "../../src/track/core/span.ts";
import { enterHome, type Home } from "../support/home.ts";
import { addSession, seen, span, typed } from "./worked.ts";

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const DAY = 24 * H;
const MONDAY = Date.UTC(2026, 10, 16);
/** Long after all of it. */
const NOW = MONDAY + 100 * DAY;

let home: Home;
let store: Store;
beforeEach(async () => {
  home = enterHome();
  store = await openStore({ schemas: [schema] });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

const BYS: readonly By[] = ["app", "title", "category", "project", "tag", "hour", "day"];

/** All that a report says. */
const said = (found: Findings) => ({
  totals: totalsOf(found),
  ...Object.fromEntries(BYS.map((by) => [by, groupsOf(found, by, (app) => app.slice(-1))])),
});

const rolledDays = (db: Database): number =>
  Number(db.prepare("SELECT COUNT(*) AS count FROM cache_track_day").get()?.["count"]);

/** What is said of a time from what was seen, and from what was rolled up; both must be the same. */
async function bothWays(range: { from: number; to: number }, filter: Filter = {}, profile = "default") {
  const question = { profile, range, filter };
  const rolled = said(findingsIn(store.db, question));
  await store.write((db) => db.exec("DELETE FROM cache_track_day"));
  const raw = said(findingsIn(store.db, question));
  return { rolled, raw };
}

const rollAll = async () => expect(await rollUp(store, NOW, 1_000)).toBe(0);

/** A working week, each day over midnight UTC, with two projects, three apps and a pause. */
async function week(): Promise<number[]> {
  return await store.write((db) =>
    Array.from({ length: 5 }, (_, day) => {
      const at = MONDAY + day * DAY + 20 * H;
      const session = addSession(db, `day ${day}`, at);
      span(db, { session, project: "a", tags: ["x"], started_at: at, ended_at: at + 2 * H });
      span(db, { session, kind: "pause", started_at: at + 2 * H, ended_at: at + 3 * H });
      span(db, { session, project: "b", started_at: at + 3 * H, ended_at: at + 6 * H + 7 });
      for (let n = 0; n < 36; n++) {
        const app = ["code", "firefox", "foot"][n % 3] ?? "";
        const from = at + n * 10 * MIN - 3 * S;
        seen(db, session, [app, n % 4 === 0 ? null : `title ${n % 5}`], from, from + 9 * MIN);
        typed(db, session, from, from + 10 * MIN, { presses: 100 + n, left: n, distance_px: 777 });
      }
      return session;
    }),
  );
}

test("what was rolled up says the same as what was seen, in any time and of any project", async () => {
  await week();
  const times = [
    { from: 0, to: NOW },
    { from: MONDAY, to: MONDAY + 7 * DAY },
    { from: MONDAY + DAY, to: MONDAY + 2 * DAY },
    { from: MONDAY + 21 * H + 1, to: MONDAY + 3 * DAY + 23 * H + 59 * MIN + 3 },
    { from: MONDAY + 22 * H, to: MONDAY + 25 * H },
  ];
  for (const range of times) {
    for (const filter of [{}, { project: "a" }, { project: "none" }, { tags: ["x"] }]) {
      await rollAll();
      expect(rolledDays(store.db)).toBe(6);
      const { rolled, raw } = await bothWays(range, filter);
      expect(rolled).toEqual(raw);
    }
  }
});

test("profiles are kept apart, though they are rolled up together", async () => {
  await week();
  await store.write((db) => {
    const session = addSession(db, "other", MONDAY, "other");
    span(db, { session, project: "a", started_at: MONDAY + 20 * H, ended_at: MONDAY + 21 * H });
    seen(db, session, ["secret", "title"], MONDAY + 20 * H, MONDAY + 21 * H);
  });
  const range = { from: MONDAY, to: MONDAY + DAY };
  await rollAll();
  const mine = await bothWays(range);
  expect(mine.rolled).toEqual(mine.raw);
  expect(JSON.stringify(mine.rolled)).not.toContain("secret");
  await rollAll();
  const other = await bothWays(range, {}, "other");
  expect(other.rolled).toEqual(other.raw);
  expect(other.rolled).toMatchObject({ app: [{ key: "secret", ms: H, share: 1 }] });
});

test("a report rolls up what it needs, once, and a host so many days at a time", async () => {
  await week();
  const question = { profile: "default", range: { from: MONDAY, to: MONDAY + 7 * DAY }, filter: {} };
  const first = await findings(question, NOW, () => rolledDays(store.db));
  expect(first?.more).toBe(6);
  await store.write((db) => db.exec("DELETE FROM cache_track_day"));
  expect(await rollUp(store, NOW, 4)).toBe(2);
  expect(rolledDays(store.db)).toBe(4);
  expect(await rollUp(store, NOW, 4)).toBe(0);
  const second = await findings(question, NOW, () => undefined);
  expect(said(second?.found as Findings)).toEqual(said(first?.found as Findings));
});

test("a day that isn't over isn't rolled up", async () => {
  await week();
  expect(await rollUp(store, MONDAY + 2 * DAY, 1_000)).toBe(0);
  expect(rolledDays(store.db)).toBe(1);
});

describe("what changes is rolled up anew:", () => {
  const first = (db: Database): Span =>
    spanOf(db.prepare("SELECT * FROM track_span ORDER BY id LIMIT 1").get() ?? {});

  const changes: Record<string, (db: Database, session: number) => void> = {
    "a span that is added": (db, session) =>
      void span(db, { session, project: "c", started_at: MONDAY + 22 * H, ended_at: MONDAY + 23 * H }),
    "a span that is removed": (db) => removeSpan(db, first(db).id),
    "a span that ends later": (db) => {
      const each = first(db);
      changeSpan(db, { ...each, ended_at: each.ended_at + 30 * MIN });
    },
    "a span that begins earlier, on another day": (db) => {
      const each = first(db);
      changeSpan(db, { ...each, started_at: each.started_at - 21 * H });
    },
    "a span that gets another project": (db) => changeSpan(db, { ...first(db), project: "z" }),
    "a span that gets other tags": (db) => changeSpan(db, { ...first(db), tags: ["y"] }),
    "a span that wasn't work": (db) => changeSpan(db, { ...first(db), kind: "away" }),
    "a span of another offset": (db) => changeSpan(db, { ...first(db), utc_offset_min: 345 }),
    "a window that is added": (db, session) =>
      void seen(db, session, ["new", "one"], MONDAY + 20 * H + 9 * MIN, MONDAY + 20 * H + 10 * MIN),
    "a window that goes on": (db) => extendWindow(db, 1, MONDAY + 20 * H + 9 * MIN + 30 * S),
    "a window without its title": (db) => db.exec("UPDATE track_window SET title = NULL"),
    "windows that are deleted": (db) => db.exec("DELETE FROM track_window WHERE id % 3 = 0"),
    "input that is added": (db, session) =>
      typed(db, session, MONDAY + 25 * H + 1, MONDAY + 25 * H + 2, { presses: 5 }),
    "input that is written anew": (db, session) =>
      typed(db, session, MONDAY + 20 * H - 3 * S, MONDAY + 20 * H + 10 * MIN - 3 * S, { presses: 1 }),
    "input that is deleted": (db) => db.exec("DELETE FROM track_input WHERE presses % 2 = 0"),
    "a session that is deleted": (db) => db.exec("DELETE FROM session WHERE id = 'day 0'"),
  };
  test.each(Object.entries(changes))("%s", async (_name, change) => {
    const [session = 0] = await week();
    await rollAll();
    await store.write((db) => change(db, session));
    const { rolled, raw } = await bothWays({ from: 0, to: NOW });
    expect(rolled).toEqual(raw);
    // And once more, of days that were all rolled up after it.
    await rollAll();
    expect((await bothWays({ from: 0, to: NOW })).rolled).toEqual(raw);
  });

  test("a span that shares an interval of input with work after midnight", async () => {
    const midnight = MONDAY + DAY;
    const id = await store.write((db) => {
      const session = addSession(db, "night", midnight);
      span(db, { session, started_at: midnight + 5 * S, ended_at: midnight + H });
      typed(db, session, midnight - 15 * S, midnight + 15 * S, { presses: 100 });
      return span(db, { session, started_at: midnight - 10 * S, ended_at: midnight - 2 * S });
    });
    await rollAll();
    await store.write((db) =>
      db.prepare("UPDATE track_span SET ended_at = ended_at - 4000 WHERE id = ?").run(id),
    );
    const { rolled, raw } = await bothWays({ from: midnight, to: midnight + DAY });
    expect(rolled).toEqual(raw);
    expect(rolled.totals.keys).toBe(72);
  });

  test("a note changes nothing, nor what goes on today", async () => {
    const [session = 0] = await week();
    const noon = MONDAY + 8 * DAY + 12 * H;
    const [going, window] = await store.write((db) => [
      span(db, { session, started_at: noon - 20 * H, ended_at: noon }),
      seen(db, session, ["code", "x"], noon - 20 * H, noon),
    ]);
    await rollUp(store, noon, 1_000);
    const before = rolledDays(store.db);
    expect(before).toBe(7);
    await store.write((db) => {
      const all = db
        .prepare("SELECT * FROM track_span WHERE id IN (?, 1)")
        .all(going ?? 0)
        .map(spanOf);
      for (const each of all) {
        if (each.id === going) changeSpan(db, { ...each, ended_at: noon + S });
        else changeSpan(db, { ...each, note: "a note" });
      }
      extendWindow(db, window ?? 0, noon + S);
      typed(db, session, noon, noon + S, { presses: 5 });
    });
    expect(rolledDays(store.db)).toBe(before);
  });
});

test("however a week was lived and corrected, both ways say the same", async () => {
  const at = fc.integer({ min: 0, max: 3 * 24 * 60 }).map((minutes) => MONDAY + minutes * MIN);
  const step = fc.oneof(
    fc.record({ what: fc.constant("span" as const), at, minutes: fc.integer({ min: 0, max: 900 }) }),
    fc.record({ what: fc.constant("window" as const), at, minutes: fc.integer({ min: 0, max: 300 }) }),
    fc.record({ what: fc.constant("input" as const), at, minutes: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ what: fc.constant("roll" as const), at, minutes: fc.constant(0) }),
    fc.record({ what: fc.constant("cut" as const), at, minutes: fc.constant(0) }),
  );
  let sessions = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), at, at, async (steps, a, b) => {
      await store.write((db) => db.exec("DELETE FROM session"));
      const session = await store.write((db) => addSession(db, `s${sessions++}`, MONDAY));
      for (const [n, { what, at: begins, minutes }] of steps.entries()) {
        const ends = begins + minutes * MIN + n;
        if (what === "roll") await rollUp(store, NOW, 2);
        else {
          await store.write((db) => {
            if (what === "window") seen(db, session, [`app ${n % 3}`, `t ${n % 4}`], begins, ends);
            else if (what === "input")
              typed(db, session, begins, Math.min(ends, begins + H), { presses: n * 7 });
            else if (what === "span") {
              // Spans of a session don't overlap.
              db.prepare("DELETE FROM track_span WHERE started_at < ? AND ended_at > ?").run(ends, begins);
              const offset = [0, 60, -300][n % 3] ?? 0;
              span(db, {
                session,
                project: ["a", null][n % 2] ?? null,
                started_at: begins,
                ended_at: ends,
                utc_offset_min: offset,
              });
            } else {
              db.prepare("UPDATE track_span SET ended_at = ? WHERE started_at < ? AND ended_at > ?").run(
                begins,
                begins,
                begins,
              );
            }
          });
        }
      }
      const range = { from: Math.min(a, b), to: Math.max(a, b) + DAY };
      const { rolled, raw } = await bothWays(range);
      expect(rolled).toEqual(raw);
      await rollAll();
      expect((await bothWays(range)).rolled).toEqual(raw);
    }),
    { numRuns: 40 },
  );
});

test("today is what a report of the local day says, and the days of its week", async () => {
  await week();
  const wall = MONDAY + DAY + 3 * H;
  const range = { from: MONDAY + DAY, to: MONDAY + 2 * DAY };
  const found = findingsIn(store.db, { profile: "default", range, filter: {} });
  const { worked_ms, paused_ms, afk_ms, keys, clicks } = totalsOf(found);
  const today = todayOf(store.db, "default", { wall, offset: 0 });
  expect(today).toMatchObject({ date: "2026-11-17", worked_ms, paused_ms, afk_ms, keys, clicks });
  const apps = groupsOf(found, "app", () => "").flatMap(({ key, ms }) => (key ? [{ app: key, ms }] : []));
  expect(today.apps).toEqual(apps);
  expect(today.week).toEqual([3 * H, 5 * H + 7, 5 * H + 7, 5 * H + 7, 5 * H + 7, 2 * H + 7, 0]);
  expect(today.line.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(worked_ms + paused_ms + afk_ms);
});
