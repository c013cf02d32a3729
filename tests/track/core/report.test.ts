import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { categories } from "../../../src/track/core/categories.ts";
import { piecesOf } from "../../../src/track/core/day-line.ts";
import { type By, type Findings, groupsOf, isWanted, totalsOf } from "../../../src/track/core/groups.ts";
import {
  addActivity,
  calendar,
  cutSpan,
  cutToDay,
  looks,
  NO_ACTIVITY,
  type Seen,
  type Share,
  shares,
  type Typed,
} from "../../../src/track/core/report.ts";
import type { Span, SpanKind } from "../../../src/track/core/span.ts";

const S = 1_000;
const H = 3_600_000;
const DAY = 24 * H;

const span = (given: Partial<Span> & Pick<Span, "started_at" | "ended_at">): Span => ({
  id: given.started_at + 1,
  session: 1,
  kind: "work",
  project: null,
  tags: [],
  note: null,
  utc_offset_min: 0,
  ...given,
});

const typed = (started_at: number, ended_at: number, keys: number): Typed => ({
  ...NO_ACTIVITY,
  keys,
  started_at,
  ended_at,
});

describe("local time", () => {
  test("a day with a change of the clock has 23 or 25 hours, and all of them add up", () => {
    // Berlin, 2026-10-25: clocks go back at 01:00 UTC; a span is cut there.
    const change = Date.UTC(2026, 9, 25, 1);
    const summer = span({ started_at: change - 5 * H, ended_at: change, utc_offset_min: 120 });
    const winter = span({ started_at: change, ended_at: change + 25 * H, utc_offset_min: 60 });
    const day = Temporal.PlainDate.from("1970-01-01").until("2026-10-25").days;
    const ofDay = [summer, winter].flatMap((each) => cutToDay(each, day) ?? []);
    expect(ofDay.reduce((sum, each) => sum + each.ended_at - each.started_at, 0)).toBe(25 * H);
    const findings: Findings = { from: 0, to: 2 * change, spans: ofDay, windows: [], input: [] };
    expect(groupsOf(findings, "day", () => "")).toEqual([
      { key: "2026-10-25", ms: 25 * H, share: 1, keys: 0, clicks: 0 },
    ]);
    const hours = groupsOf(findings, "hour", () => "");
    expect(hours.map(({ key, ms }) => [key, ms / H])).toContainEqual(["02", 2]);
    expect(hours).toHaveLength(24);
  });

  test("what was tracked far away lies in the day and hour that the clock on the wall said there", () => {
    const at = Date.UTC(2026, 10, 22, 23, 30);
    const parts = (utc_offset_min: number) =>
      [...calendar(span({ started_at: at, ended_at: at + H, utc_offset_min }), "hour")].map(
        ({ n, from, to }) => [new Date(n * H).toISOString().slice(0, 13), (to - from) / 60_000],
      );
    expect(parts(0)).toEqual([
      ["2026-11-22T23", 30],
      ["2026-11-23T00", 30],
    ]);
    expect(parts(330)).toEqual([["2026-11-23T05", 60]]);
    expect(parts(-210)).toEqual([["2026-11-22T20", 60]]);
  });
});

describe("input", () => {
  const of = (found: Iterable<Share>) =>
    [...found].map(({ span, activity }) => [span.project, activity.keys]);

  test("that straddles a border is shared in proportion, in whole numbers that add up", () => {
    const work = [
      span({ project: "a", started_at: 0, ended_at: 10 * S }),
      span({ project: "b", started_at: 10 * S, ended_at: 60 * S }),
    ];
    expect(of(shares(work, [typed(0, 30 * S, 100)], 0, DAY))).toEqual([
      ["a", 33],
      ["b", 67],
    ]);
  });

  test("belongs to the work of its interval alone: nobody types while away", () => {
    const work = [span({ project: "a", started_at: 0, ended_at: 5 * S })];
    expect(of(shares(work, [typed(0, 30 * S, 100), typed(30 * S, 60 * S, 7)], 0, DAY))).toEqual([["a", 100]]);
  });

  test("of an interval that has only just begun counts already", () => {
    const work = [span({ started_at: 0, ended_at: 5 * S })];
    expect(of(shares(work, [typed(5 * S, 5 * S, 3)], 0, DAY))).toEqual([[null, 3]]);
    expect(of(shares(work, [typed(6 * S, 6 * S, 3)], 0, DAY))).toEqual([]);
  });
});

test("of windows that overlap the one that began first counts: no time counts twice", () => {
  const windows: Seen[] = [
    { app: 1, title: 0, started_at: 0, ended_at: 10 },
    { app: 2, title: 0, started_at: 5, ended_at: 20 },
    { app: 3, title: 0, started_at: 7, ended_at: 9 },
  ];
  const found = [...looks([span({ started_at: 2, ended_at: 30 })], windows)];
  expect(found.map(({ app, from, to }) => [app, from, to])).toEqual([
    [1, 2, 10],
    [2, 10, 20],
  ]);
});

test("categories: the first rule whose patterns both fit, in any case; a title that wasn't kept fits none", () => {
  const category = categories([
    { name: "Mail", app: "firefox", title: "inbox" },
    { name: "Web", app: "^firefox$" },
    { name: "Secret", title: "secret" },
  ]);
  expect(category("Firefox", "Inbox (3)")).toBe("Mail");
  expect(category("firefox", null)).toBe("Web");
  expect(category("code", "SECRET.ts")).toBe("Secret");
  expect(category("code", null)).toBe("uncategorised");
});

test("a report of one project or of some tags, in any case; none is what has no project", () => {
  const acme = span({ project: "Acme", tags: ["billable", "call"], started_at: 0, ended_at: 1 });
  const none = span({ started_at: 1, ended_at: 2 });
  const wanted = (filter: Parameters<typeof isWanted>[1]) => [isWanted(acme, filter), isWanted(none, filter)];
  expect(wanted({})).toEqual([true, true]);
  expect(wanted({ project: "acme" })).toEqual([true, false]);
  expect(wanted({ project: "none" })).toEqual([false, true]);
  expect(wanted({ tags: ["x", "CALL"] })).toEqual([true, false]);
  expect(wanted({ project: "acme", tags: ["x"] })).toEqual([false, false]);
});

describe("a day's line", () => {
  const looked = { app: "code", from: 0, to: 20 * 60_000 };

  test("has spans to the ms, and the app that was looked at most", () => {
    const spans = [
      span({ project: "a", started_at: 60_000, ended_at: 20 * 60_000 }),
      span({ kind: "pause", started_at: 20 * 60_000, ended_at: 21 * 60_000 }),
      span({ project: "a", started_at: 21 * 60_000, ended_at: 40 * 60_000 }),
    ];
    const line = piecesOf(spans, ({ started_at }) => (started_at === 60_000 ? [looked] : []));
    expect(line.map(({ from, to, kind, app }) => [from / 60_000, to / 60_000, kind, app])).toEqual([
      [1, 20, "work", "code"],
      [20, 21, "pause", null],
      [21, 40, "work", null],
    ]);
  });

  test("of a full day with an app every ten seconds stays short", () => {
    const all = Array.from({ length: 8_640 }, (_, n) => ({
      app: `app ${n % 7}`,
      from: n * 10 * S,
      to: (n + 1) * 10 * S,
    }));
    const line = piecesOf([span({ started_at: 0, ended_at: DAY })], () => all);
    expect(line.length).toBeLessThanOrEqual(192);
    expect(line.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(DAY);
  });
});

/** A session that is made up: spans and windows with holes, of whole seconds, and intervals of input. */
const made = fc
  .record({
    start: fc.integer({ min: 0, max: 90_000 }).map((s) => s * S),
    spans: fc.array(
      fc.record({
        kind: fc.constantFrom<SpanKind>("work", "work", "pause", "away"),
        hole: fc.integer({ min: 0, max: 40 }),
        length: fc.integer({ min: 0, max: 9_000 }),
        project: fc.constantFrom("a", "b", null),
        tags: fc.subarray(["x", "y"]),
        offset: fc.constantFrom(0, 60, -570, 345),
      }),
      { maxLength: 8 },
    ),
    windows: fc.array(
      fc.record({
        hole: fc.integer({ min: -20, max: 60 }),
        length: fc.integer({ min: 0, max: 5_000 }),
        app: fc.integer({ min: 1, max: 3 }),
        title: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 12 },
    ),
    input: fc.array(
      fc.record({ length: fc.integer({ min: 0, max: 3_600 }), keys: fc.integer({ min: 0, max: 500 }) }),
      { maxLength: 12 },
    ),
    from: fc.integer({ min: -5_000, max: 40_000 }),
    length: fc.integer({ min: 1, max: 60_000 }),
  })
  .map(({ start, spans, windows, input, from, length }) => {
    let at = start;
    const all = spans.map(({ kind, hole, length, project, tags, offset }, n) => {
      const started_at = at + hole * S;
      at = started_at + length * S;
      return span({ id: n + 1, kind, project, tags, started_at, ended_at: at, utc_offset_min: offset });
    });
    at = start;
    const seen = windows
      .map(({ hole, length, app, title }) => {
        const started_at = at + hole * S;
        at = Math.max(at, started_at + length * S);
        return { app, title, started_at, ended_at: started_at + length * S };
      })
      .sort((a, b) => a.started_at - b.started_at);
    at = start;
    const rows = input.map(({ length, keys }) => {
      const row = typed(at, at + length * S, keys);
      at += length * S;
      return row;
    });
    return { all, seen, rows, from: start + from * S, to: start + (from + length) * S };
  });

/** What there is in a time. */
function findingsOf(
  { all, seen, rows }: { all: readonly Span[]; seen: readonly Seen[]; rows: readonly Typed[] },
  from: number,
  to: number,
): Findings {
  const spans = all.flatMap((each) => cutSpan(each, from, to) ?? []);
  const work = spans.filter(({ kind }) => kind === "work");
  return {
    from,
    to,
    spans,
    windows: [...looks(work, seen)].map(({ app, title, from, to }) => ({
      app: `app ${app}`,
      title: title === 0 ? null : `title ${title}`,
      ms: to - from,
    })),
    input: [
      ...shares(
        all.filter(({ kind }) => kind === "work"),
        rows,
        from,
        to,
      ),
    ],
  };
}

test("a report is what counting second by second gives, by whatever it is", () => {
  fc.assert(
    fc.property(made, (session) => {
      const { all, seen, from, to } = session;
      const found = findingsOf(session, from, to);
      const counted: Record<Exclude<By, "category">, Map<string | null, number>> = {
        app: new Map(),
        title: new Map(),
        project: new Map(),
        tag: new Map(),
        hour: new Map(),
        day: new Map(),
      };
      const add = (by: keyof typeof counted, key: string | null) =>
        counted[by].set(key, (counted[by].get(key) ?? 0) + S);
      let worked = 0;
      for (let at = from; at < to; at += S) {
        const now = all.find((each) => each.started_at <= at && at < each.ended_at);
        if (now?.kind !== "work") continue;
        worked += S;
        const window = seen.find((each) => each.started_at <= at && at < each.ended_at);
        const local = new Date(at + now.utc_offset_min * 60_000).toISOString();
        add("app", window ? `app ${window.app}` : null);
        add("title", window && window.title > 0 ? `title ${window.title}` : null);
        add("project", now.project);
        for (const tag of now.tags.length > 0 ? now.tags : [null]) add("tag", tag);
        add("day", local.slice(0, 10));
        add("hour", local.slice(11, 13));
      }
      expect(totalsOf(found).worked_ms).toBe(worked);
      for (const [by, expected] of Object.entries(counted)) {
        const groups = groupsOf(found, by as By, () => "");
        const timed = groups.filter(({ ms }) => ms > 0).map(({ key, ms }) => [key, ms] as const);
        expect(new Map(timed)).toEqual(expected);
        // But by tag, where a span counts for each, the parts are the whole.
        if (by !== "tag") expect(groups.reduce((sum, { ms }) => sum + ms, 0)).toBe(worked);
        if (["project", "hour", "day"].includes(by)) {
          expect(groups.reduce((sum, { keys = 0 }) => sum + keys, 0)).toBe(totalsOf(found).keys);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("reports of two parts of a time add up to that of the whole, to the key", () => {
  fc.assert(
    fc.property(made, fc.double({ min: 0, max: 1, noNaN: true }), (session, share) => {
      const { from, to } = session;
      const middle = Math.round(from + share * (to - from));
      const totals = (begins: number, ends: number) => totalsOf(findingsOf(session, begins, ends));
      const { worked_ms, paused_ms, afk_ms, ...sum } = totals(from, middle);
      const second = totals(middle, to);
      addActivity(sum, second);
      expect({
        worked_ms: worked_ms + second.worked_ms,
        paused_ms: paused_ms + second.paused_ms,
        afk_ms: afk_ms + second.afk_ms,
        ...sum,
      }).toEqual(totals(from, to));
    }),
    { numRuns: 200 },
  );
});

test("all keys of an interval that lies in work are counted once, whatever it straddles", () => {
  fc.assert(
    fc.property(made, ({ all, rows }) => {
      const work = all.filter(({ kind }) => kind === "work");
      const touches = (row: Typed) =>
        row.started_at === row.ended_at
          ? work.some((each) => each.started_at <= row.started_at && row.started_at <= each.ended_at)
          : work.some((each) => cutSpan(each, row.started_at, row.ended_at));
      const expected = rows.filter(touches).reduce((sum, { keys }) => sum + keys, 0);
      const found = [...shares(work, rows, -Infinity, Infinity)];
      expect(found.reduce((sum, { activity }) => sum + activity.keys, 0)).toBe(expected);
    }),
    { numRuns: 200 },
  );
});
