import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Course, type Living } from "../../../src/track/core/course.ts";
import { timesOf } from "../../../src/track/core/span.ts";

const acme = { project: "acme", tags: ["billable"] };

/** Collects what a course would have written, as the store would. */
function lived(work: (course: Course, write: () => void) => void): Living[] {
  const course = new Course(1, 60);
  const rows = new Map<number, Living>();
  let next = 1;
  const write = () => {
    const unwritten = [...course.unwritten];
    const ids = unwritten.map(({ id }) => id ?? next++);
    course.written(unwritten, ids);
    for (const span of unwritten) if (span.id !== null) rows.set(span.id, { ...span });
  };
  work(course, write);
  write();
  return [...rows.values()].filter((span) => span.ended_at > span.started_at);
}

const brief = (spans: readonly Living[]) =>
  spans.map(({ kind, project, started_at, ended_at }) => [kind, project, started_at, ended_at]);

describe("the course of a session", () => {
  test("is work, pauses and work again", () => {
    const spans = lived((course) => {
      course.begin("work", acme, 0);
      course.extend(100);
      course.pause(100);
      course.extend(150);
      course.resume(150);
      course.extend(300);
      expect(course.times).toEqual({ worked_ms: 250, paused_ms: 50, afk_ms: 0 });
      course.end(300);
      expect(course.times).toEqual({ worked_ms: 250, paused_ms: 50, afk_ms: 0 });
    });
    expect(brief(spans)).toEqual([
      ["work", "acme", 0, 100],
      ["pause", "acme", 100, 150],
      ["work", "acme", 150, 300],
    ]);
  });

  test("away begins with the last input, not when it is noticed", () => {
    const spans = lived((course, write) => {
      course.begin("work", acme, 0);
      course.extend(500);
      write();
      course.leave("idle", 320);
      expect(course.times).toEqual({ worked_ms: 320, paused_ms: 0, afk_ms: 180 });
      course.extend(900);
      const away = course.comeBack("idle", 880);
      expect(away?.started_at).toBe(320);
      expect(away?.ended_at).toBe(880);
      course.extend(1_000);
    });
    expect(brief(spans)).toEqual([
      ["work", "acme", 0, 320],
      ["away", "acme", 320, 880],
      ["work", "acme", 880, 1_000],
    ]);
  });

  test("away that would begin before the span does begins with it", () => {
    const spans = lived((course) => {
      course.begin("work", acme, 1_000);
      course.extend(1_200);
      course.leave("idle", 400);
      course.extend(1_300);
    });
    expect(brief(spans)).toEqual([["away", "acme", 1_000, 1_300]]);
  });

  test("ends a time away when the last reason for it is gone", () => {
    const spans = lived((course) => {
      course.begin("work", acme, 0);
      course.extend(100);
      course.leave("idle", 50);
      course.leave("lock", 100);
      course.extend(200);
      expect(course.comeBack("idle", 200)).toBeUndefined();
      course.extend(300);
      expect(course.comeBack("lock", 300)?.started_at).toBe(50);
      expect(course.comeBack("lock", 310)).toBeUndefined();
      course.extend(400);
    });
    expect(brief(spans)).toEqual([
      ["work", "acme", 0, 50],
      ["away", "acme", 50, 300],
      ["work", "acme", 300, 400],
    ]);
  });

  test("who pauses while away is paused, and resumes to work", () => {
    const spans = lived((course) => {
      course.begin("work", acme, 0);
      course.extend(100);
      course.leave("idle", 50);
      course.pause(150);
      course.leave("idle", 160);
      course.extend(200);
      course.resume(200);
      course.extend(250);
    });
    expect(brief(spans)).toEqual([
      ["work", "acme", 0, 50],
      ["away", "acme", 50, 150],
      ["pause", "acme", 150, 200],
      ["work", "acme", 200, 250],
    ]);
  });

  test("a pause counts from when it was asked for, though it was lived through further", () => {
    const spans = lived((course) => {
      course.begin("work", acme, 0);
      course.extend(2_000);
      course.pause(1_000);
      course.extend(2_500);
    });
    expect(brief(spans)).toEqual([
      ["work", "acme", 0, 1_000],
      ["pause", "acme", 1_000, 2_500],
    ]);
  });

  test("a gap of the clock is of no span", () => {
    const spans = lived((course) => {
      course.begin("work", acme, 0);
      course.extend(100);
      course.skip(100, 5_000);
      course.extend(5_100);
      expect(course.times.worked_ms).toBe(200);
    });
    expect(brief(spans)).toEqual([
      ["work", "acme", 0, 100],
      ["work", "acme", 5_000, 5_100],
    ]);
  });

  test("is cut where local time changes its offset", () => {
    const spans = lived((course) => {
      course.begin("work", acme, 0);
      course.extend(100);
      course.moveTo(120, 100);
      course.moveTo(120, 150);
      course.extend(200);
    });
    expect(spans.map(({ utc_offset_min, started_at }) => [utc_offset_min, started_at])).toEqual([
      [60, 0],
      [120, 100],
    ]);
  });

  test("goes on with what the store has after a correction", () => {
    const course = new Course(1, 0);
    course.begin("work", acme, 0);
    course.extend(500);
    course.written(course.unwritten, [7]);
    const row = { session: 1, note: null, utc_offset_min: 0, tags: [], kind: "work" } as const;
    course.reload([
      { ...row, id: 7, project: "acme", started_at: 0, ended_at: 200 },
      { ...row, id: 8, project: "other", started_at: 200, ended_at: 500 },
    ]);
    expect(course.open?.project).toBe("other");
    course.extend(600);
    expect(course.times.worked_ms).toBe(600);
  });

  test("whatever is told: spans follow each other, none is negative, and they cover what was lived", () => {
    const act = fc.record({
      what: fc.constantFrom("extend", "pause", "resume", "leave", "back", "lock", "unlock", "write"),
      after: fc.nat(1_000),
      ago: fc.nat(2_000),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        let at = 0;
        const spans = lived((course, write) => {
          course.begin("work", acme, 0);
          for (const { what, after, ago } of acts) {
            at += after;
            course.extend(at);
            if (what === "pause") course.pause(at);
            else if (what === "resume") course.resume(at);
            else if (what === "leave") course.leave("idle", at - ago);
            else if (what === "back") course.comeBack("idle", at - ago);
            else if (what === "lock") course.leave("lock", at);
            else if (what === "unlock") course.comeBack("lock", at);
            else if (what === "write") write();
            course.extend(at);
            const { worked_ms, paused_ms, afk_ms } = course.times;
            expect(worked_ms + paused_ms + afk_ms).toBe(at);
          }
          course.end(at);
        });
        const sorted = [...spans].sort((a, b) => a.started_at - b.started_at);
        for (const [n, span] of sorted.entries()) {
          expect(span.ended_at).toBeGreaterThan(span.started_at);
          if (n > 0) expect(span.started_at).toBe(sorted[n - 1]?.ended_at ?? Number.NaN);
        }
        const { worked_ms, paused_ms, afk_ms } = timesOf(sorted);
        expect(worked_ms + paused_ms + afk_ms).toBe(at);
      }),
    );
  });
});
