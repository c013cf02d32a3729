import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Expected } from "../../src/kernel/errors.ts";
import type { Database } from "../../src/kernel/runtime.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { applyEdit, undoEdit } from "../../src/track/adapters/edits.ts";
import { findings, findingsIn } from "../../src/track/adapters/findings.ts";
import { changeSpan, extendWindow, removeSpan, schema, spanOf } from "../../src/track/adapters/journal.ts";
import { rangeOf } from "../../src/track/adapters/range.ts";
import { rollDays, rollUp } from "../../src/track/adapters/rollup.ts";
import { todayOf } from "../../src/track/adapters/today.ts";
import type { Edit } from "../../src/track/core/edits.ts";
import { type By, type Filter, type Findings, groupsOf, totalsOf } from "../../src/track/core/groups.ts";
import type { Span, SpanKind } from "../../src/track/core/span.ts";
import type { Today } from "../../src/track/core/view.ts";
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
    "a pause that is removed": (db) => db.exec("DELETE FROM track_span WHERE kind = 'pause'"),
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
    "input that is written anew, and ends before midnight": (db, session) => {
      typed(db, session, MONDAY + DAY - 3 * S, MONDAY + DAY - S, { presses: 1 });
    },
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

  test("a time away before the work of its project is removed", async () => {
    await store.write((db) => {
      for (let day = 0; day < 6; day++) {
        const at = MONDAY + day * DAY + 8 * H;
        const session = addSession(db, `day ${day}`, at);
        const acme = { session, project: "acme" };
        span(db, { ...acme, kind: "away", started_at: at, ended_at: at + H });
        span(db, { ...acme, started_at: at + H, ended_at: at + 4 * H });
        seen(db, session, ["code", "x"], at, at + 4 * H);
      }
    });
    await rollAll();
    await store.write((db) => removeSpan(db, first(db).id));
    const { rolled } = await bothWays({ from: 0, to: NOW });
    expect(rolled).toMatchObject({ app: [{ key: "code", ms: 18 * H, share: 1 }] });
  });

  test("also by a connection that keeps no foreign keys", async () => {
    await week();
    await rollAll();
    store.db.exec("PRAGMA foreign_keys = OFF");
    await store.write((db) => changeSpan(db, { ...first(db), project: "z" }));
    const range = { from: 0, to: NOW };
    const cached = said(findingsIn(store.db, { profile: "default", range, filter: {} }));
    await rollAll();
    await rollDays(store, [MONDAY / DAY]);
    const { rolled, raw } = await bothWays(range);
    expect(cached).toEqual(raw);
    expect(rolled).toEqual(raw);
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

/** Spans of a session one after another, with holes, of every kind, and what was seen meanwhile. */
const lived = fc.record({
  spans: fc.array(
    fc.record({
      kind: fc.constantFrom<SpanKind>("work", "work", "pause", "away"),
      project: fc.constantFrom("a", "a", null),
      tags: fc.constantFrom([], [], ["x"]),
      offset: fc.constantFrom(0, 345, -600),
      minutes: fc.integer({ min: 0, max: 600 }),
      hole: fc.constantFrom(0, 0, 0, 50),
    }),
    { minLength: 4, maxLength: 10 },
  ),
  windows: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 5, maxLength: 15 }),
  input: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 15 }),
});

const moment = fc.integer({ min: 0, max: 3 * 24 * 60 }).map((minutes) => MONDAY + minutes * MIN);
const some = fc.nat({ max: 99 });
const perhaps = fc.option(moment, { nil: undefined });
/** A correction; its span is one of those that there are then. */
const correction: fc.Arbitrary<Edit | "undo"> = fc.oneof(
  fc.record({
    do: fc.constant("modify" as const),
    span: some,
    from: perhaps,
    to: perhaps,
    replace: fc.boolean(),
  }),
  fc.record({
    do: fc.constant("modify" as const),
    span: some,
    kind: fc.constantFrom<SpanKind>("work", "pause", "away"),
    project: fc.constantFrom("a", "c", null),
    replace: fc.constant(false),
  }),
  fc.record({ do: fc.constant("split" as const), span: some, at: moment }),
  fc.record({ do: fc.constant("remove" as const), span: some }),
  fc.record({
    do: fc.constant("away" as const),
    span: some,
    decision: fc.constantFrom("keep" as const, "drop" as const, { project: "b" }),
  }),
  fc.record({
    do: fc.constant("add" as const),
    from: moment,
    to: moment,
    project: fc.constantFrom("a", null),
    tags: fc.constant([]),
    note: fc.constant(null),
    replace: fc.constant(true),
  }),
  fc.constant("undo" as const),
);

/** @returns whether it could be done */
async function correct(edit: Edit | "undo"): Promise<boolean> {
  const ids = store.db.prepare("SELECT id FROM track_span ORDER BY started_at, id").all();
  const given =
    edit === "undo" || !("span" in edit) || ids.length === 0
      ? edit
      : { ...edit, span: Number(ids[edit.span % ids.length]?.["id"]) };
  const where = { profile: "default", now: { wall: NOW, offset: 0 } };
  try {
    await store.write((db) =>
      given === "undo" ? undoEdit(db, where) : applyEdit(db, { ...where, edit: given }),
    );
    return true;
  } catch (error) {
    // It doesn't fit what is there.
    if (error instanceof Expected) return false;
    throw error;
  }
}

test("however it was lived and corrected, both ways say the same after each correction", async () => {
  let sessions = 0;
  let corrected = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(lived, { minLength: 1, maxLength: 2 }),
      fc.array(correction, { minLength: 6, maxLength: 8 }),
      moment,
      async (lives, corrections, from) => {
        await store.write((db) => {
          db.exec("DELETE FROM session");
          db.exec("DELETE FROM track_change");
          let at = MONDAY + 18 * H;
          for (const { spans, windows, input } of lives) {
            const session = addSession(db, `s${sessions++}`, at);
            let [looked, counted] = [at, at];
            for (const { kind, project, tags, offset, minutes, hole } of spans) {
              const zone = { session, utc_offset_min: offset };
              span(db, { ...zone, kind, project, tags, started_at: at, ended_at: at + minutes * MIN });
              at += (minutes + hole) * MIN;
            }
            for (const [n, minutes] of windows.entries()) {
              seen(
                db,
                session,
                [`app ${n % 3}`, n % 4 > 0 ? `t ${n % 5}` : null],
                looked,
                looked + minutes * MIN + n,
              );
              looked += (minutes - (n % 5 === 0 ? 1 : 0)) * MIN + n;
            }
            for (const [n, minutes] of input.entries()) {
              typed(db, session, counted, counted + minutes * MIN, { presses: n * 7 });
              counted += minutes * MIN + 1;
            }
          }
        });
        const all = () =>
          [
            { from: 0, to: NOW },
            { from, to: from + 2 * DAY },
          ].flatMap((range) =>
            [{}, { project: "a" }].map((filter) =>
              said(findingsIn(store.db, { profile: "default", range, filter })),
            ),
          );
        for (const edit of corrections) {
          await rollAll();
          if (!(await correct(edit))) continue;
          corrected++;
          const kept = all();
          await store.write((db) => db.exec("DELETE FROM cache_track_day"));
          const raw = all();
          expect(kept).toEqual(raw);
          await rollAll();
          expect(all()).toEqual(raw);
        }
      },
    ),
    { numRuns: 50 },
  );
  expect(corrected).toBeGreaterThan(60);
});

describe("today", () => {
  let zone: string | undefined;
  beforeEach(() => {
    zone = process.env["TZ"];
  });
  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  /** What is said of the local day of an instant, here, as a report says it. */
  function reported(wall: number) {
    const range = rangeOf({}, "today", wall);
    const found = findingsIn(store.db, { profile: "default", range, filter: {} });
    const { worked_ms, paused_ms, afk_ms, keys, clicks } = totalsOf(found);
    const apps = groupsOf(found, "app", () => "").flatMap(({ key, ms }) => (key ? [{ app: key, ms }] : []));
    return { worked_ms, paused_ms, afk_ms, keys, clicks, apps };
  }
  const length = ({ line }: Today) => line.reduce((sum, { from, to }) => sum + to - from, 0);

  test("is what a report of the local day says, and the days of its week", async () => {
    process.env["TZ"] = "UTC";
    await week();
    const wall = MONDAY + DAY + 3 * H;
    const today = todayOf(store.db, "default", wall);
    expect(today).toMatchObject({ date: "2026-11-17", ...reported(wall) });
    expect(today.week).toEqual([3 * H, 5 * H + 7, 5 * H + 7, 5 * H + 7, 5 * H + 7, 2 * H + 7, 0]);
    expect(length(today)).toBe(today.worked_ms + today.paused_ms + today.afk_ms);
  });

  test("is that of the zone we are in now, where it was tracked in another", async () => {
    await store.write((db) => {
      // Tokyo, Tuesday 05:00 to 11:00: Monday 21:00 to Tuesday 03:00 in Berlin.
      const at = MONDAY + 20 * H;
      const session = addSession(db, "far away", at);
      span(db, { session, started_at: at, ended_at: at + 6 * H, utc_offset_min: 540 });
      seen(db, session, ["code", "x"], at + H, at + 5 * H);
      typed(db, session, at + 150 * MIN, at + 210 * MIN, { presses: 60, left: 6 });
    });
    process.env["TZ"] = "Europe/Berlin";
    const tuesday = MONDAY + DAY + 9 * H;
    const today = todayOf(store.db, "default", tuesday);
    expect(today).toMatchObject({ date: "2026-11-17", ...reported(tuesday) });
    expect([today.worked_ms, today.keys]).toEqual([3 * H, 30]);
    expect(today.week).toEqual([3 * H, 3 * H, 0, 0, 0, 0, 0]);
    expect(length(today)).toBe(3 * H);
    process.env["TZ"] = "Asia/Tokyo";
    const there = todayOf(store.db, "default", tuesday);
    expect(there).toMatchObject(reported(tuesday));
    expect(there.worked_ms).toBe(6 * H);
  });

  test("has 25 hours where clocks are set back", async () => {
    process.env["TZ"] = "Europe/Berlin";
    const change = Date.UTC(2026, 9, 25, 1);
    await store.write((db) => {
      const session = addSession(db, "night", change - 10 * H);
      span(db, { session, started_at: change - 10 * H, ended_at: change, utc_offset_min: 120 });
      span(db, { session, started_at: change, ended_at: change + 30 * H, utc_offset_min: 60 });
    });
    const wall = change + 12 * H;
    const today = todayOf(store.db, "default", wall);
    expect(today).toMatchObject({ date: "2026-10-25", ...reported(wall) });
    expect(today.week).toEqual([0, 0, 0, 0, 0, 7 * H, 25 * H]);
  });
});
