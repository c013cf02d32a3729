import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Change,
  type Edit,
  edited,
  type Images,
  imagesOf,
  isRefusal,
  type Scene,
  undone,
} from "../../../src/track/core/edits.ts";
import type { Span, SpanKind } from "../../../src/track/core/span.ts";

const MIN = 60_000;
const DAY = Date.UTC(2026, 10, 22);
const at = (hour: number, minute = 0): number => DAY + (hour * 60 + minute) * MIN;

const LIVE = 1;
/** What a profile has: its live session is number 1, and its last span is open. */
class Past {
  spans: Span[];
  now: number;
  open: number | undefined;
  next: number;
  sessions = 10;
  zone = "UTC";
  readonly log: { images: Images; what: string }[] = [];

  constructor(spans: Span[], now: number, open?: number) {
    this.spans = spans;
    this.now = now;
    this.open = open;
    this.next = Math.max(0, ...spans.map(({ id }) => id)) + 1;
  }

  /** @returns what was said, of a refusal too */
  edit(edit: Edit): string {
    const scene: Scene = {
      spans: edit.do === "switch" ? this.spans.filter(({ session }) => session === LIVE) : this.spans,
      now: this.now,
      zone: this.zone,
      open: this.open,
      nextSpan: this.next,
      nextSession: this.sessions,
    };
    const outcome = edited(edit, scene);
    if (isRefusal(outcome)) return outcome.refused;
    const { removed, added, updated } = outcome;
    if (removed.length + added.length + updated.length > 0) {
      this.log.push({ images: JSON.parse(JSON.stringify(imagesOf(outcome, this.open))), what: outcome.what });
    }
    if (edit.do === "add") this.sessions++;
    this.#apply(outcome);
    return outcome.what;
  }

  undo(): string {
    const last = this.log.at(-1);
    if (!last) return "nothing";
    const outcome = undone(last.images, last.what, this);
    if (isRefusal(outcome)) return outcome.refused;
    this.log.pop();
    this.#apply(outcome);
    return outcome.what;
  }

  #apply({ removed, added, updated, open }: Change): void {
    const gone = new Set(removed.map(({ id }) => id));
    const after = new Map(updated.map((pair) => [pair.after.id, pair.after]));
    this.spans = [
      ...this.spans.filter(({ id }) => !gone.has(id)).map((span) => after.get(span.id) ?? span),
      ...added,
    ];
    this.spans.sort((a, b) => a.started_at - b.started_at || a.id - b.id);
    this.next = Math.max(this.next, ...added.map(({ id }) => id + 1));
    this.open = open;
  }

  /** Time passes, and the host writes it. */
  grow(ms: number): void {
    this.now += ms;
    this.spans = this.spans.map((span) => (span.id === this.open ? { ...span, ended_at: this.now } : span));
  }

  /** Somebody pauses, resumes or leaves. */
  turn(kind: SpanKind): void {
    const open = this.spans.find(({ id }) => id === this.open);
    if (!open || open.kind === kind) return;
    this.open = this.next++;
    this.spans.push({ ...open, id: this.open, kind, note: null, started_at: this.now, ended_at: this.now });
  }

  copy(): Past {
    return new Past([...this.spans], this.now, this.open);
  }

  get rows(): string[] {
    const time = (wall: number) => new Date(wall).toISOString().slice(11, 16);
    return this.spans.map(
      ({ id, kind, project, tags, started_at, ended_at }) =>
        `#${id} ${time(started_at)}–${time(ended_at)} ${[kind, project ?? "none", ...tags].join(" ")}`,
    );
  }
}

const span = (id: number, from: number, to: number, more: Partial<Span> = {}): Span => ({
  id,
  session: LIVE,
  kind: "work",
  project: "a",
  tags: [],
  note: null,
  started_at: from,
  ended_at: to,
  utc_offset_min: 0,
  ...more,
});

const add = (from: number, to: number, more: Partial<Edit & { do: "add" }> = {}): Edit => ({
  do: "add",
  from,
  to,
  project: "x",
  tags: [],
  note: null,
  replace: false,
  ...more,
});

/** Worked since nine, a pause at noon, and it is two o'clock. */
const day = () =>
  new Past(
    [span(1, at(9), at(12)), span(2, at(12), at(13), { kind: "pause" }), span(3, at(13), at(14))],
    at(14),
    3,
  );
/** The same, and over. */
const over = () => new Past(day().spans, at(14));

describe("switch", () => {
  test("begins a new span now, which goes on", () => {
    const past = day();
    past.edit({ do: "switch", project: "b", tags: ["x"] });
    past.grow(30 * MIN);
    expect(past.rows.slice(2)).toEqual(["#3 13:00–14:00 work a", "#4 14:00–14:30 work b x"]);
  });

  test("of an earlier time cuts the span there, and all that follows is that", () => {
    const past = day();
    past.edit({ do: "switch", project: "b", tags: [], at: at(11) });
    expect(past.rows).toEqual([
      "#1 09:00–11:00 work a",
      "#4 11:00–12:00 work b",
      "#2 12:00–13:00 pause b",
      "#3 13:00–14:00 work b",
    ]);
    expect(past.open).toBe(3);
  });

  test("while paused changes what the pause is followed by", () => {
    const past = day();
    past.turn("pause");
    past.grow(10 * MIN);
    past.edit({ do: "switch", project: "b", tags: [] });
    past.turn("work");
    past.grow(MIN);
    expect(past.rows.slice(3)).toEqual(["#4 14:00–14:10 pause b", "#5 14:10–14:11 work b"]);
  });

  test("to what it is already changes nothing", () => {
    const past = day();
    expect(past.edit({ do: "switch", project: "a", tags: [] })).toBe("it is a already");
    expect(past.log).toEqual([]);
  });

  test("needs a session that is tracked, and a time of it", () => {
    expect(over().edit({ do: "switch", project: "b", tags: [] })).toBe("nothing is tracked");
    expect(day().edit({ do: "switch", project: "b", tags: [], at: at(8) })).toContain(
      "only at 2026-11-22 09:00",
    );
    expect(day().edit({ do: "switch", project: "b", tags: [], at: at(15) })).toContain("in the future");
  });
});

describe("add", () => {
  test("makes a span of a session of its own", () => {
    const past = over();
    expect(past.edit(add(at(7), at(8)))).toBe("added #4 2026-11-22 07:00–08:00 work on x");
    expect(past.spans[0]?.session).toBe(10);
  });

  test("is refused where there is something, and says what", () => {
    expect(over().edit(add(at(8), at(10)))).toBe("it overlaps #1 2026-11-22 09:00–12:00 work on a");
    expect(over().edit(add(at(8), at(9)))).toStartWith("added");
    expect(over().edit(add(at(8), at(15)))).toContain("in the future");
    expect(over().edit(add(at(8), at(8)))).toContain("begin at 2026-11-22 08:00 and end at 2026-11-22 08:00");
  });

  test("with replace shortens, splits and removes what is in the way", () => {
    const past = over();
    past.edit(add(at(10), at(11), { replace: true }));
    past.edit(add(at(11, 30), at(13, 30), { replace: true, project: "y" }));
    expect(past.rows).toEqual([
      "#1 09:00–10:00 work a",
      "#5 10:00–11:00 work x",
      "#4 11:00–11:30 work a",
      "#6 11:30–13:30 work y",
      "#3 13:30–14:00 work a",
    ]);
    past.undo();
    past.undo();
    expect(past.spans).toEqual(over().spans);
  });

  test("with replace leaves a session its time, gaps in it too; the rest is of a new one", () => {
    const past = new Past(
      [
        span(1, at(9), at(10), { session: 2 }),
        span(2, at(10, 30), at(11), { session: 2, kind: "away" }),
        span(3, at(12), at(13)),
      ],
      at(14),
    );
    past.edit(add(at(8), at(12, 30), { replace: true }));
    const told = () => past.spans.map(({ session }, n) => `${past.rows[n]} of ${session}`);
    expect(told()).toEqual([
      "#4 08:00–09:00 work x of 10",
      "#5 09:00–11:00 work x of 2",
      "#6 11:00–12:00 work x of 10",
      "#7 12:00–12:30 work x of 1",
      "#3 12:30–13:00 work a of 1",
    ]);
    past.undo();
    expect(told()).toEqual([
      "#1 09:00–10:00 work a of 2",
      "#2 10:30–11:00 away a of 2",
      "#3 12:00–13:00 work a of 1",
    ]);
  });

  test("of what goes on leaves no rest of a new session, however long ago that was written", () => {
    const past = day();
    past.now += 5;
    past.edit(add(at(13), past.now, { replace: true }));
    expect(past.spans.map(({ session }) => session)).toEqual([LIVE, LIVE, LIVE, LIVE]);
  });

  test("up to now leaves the live session with a span that goes on", () => {
    const past = day();
    past.edit(add(at(12, 30), at(14), { replace: true }));
    expect(past.open).toBe(3);
    past.grow(5 * MIN);
    expect(past.rows.slice(1)).toEqual([
      "#2 12:00–12:30 pause a",
      "#4 12:30–14:00 work x",
      "#3 14:00–14:05 work a",
    ]);
    past.undo();
    expect(past.rows).toEqual(["#1 09:00–12:00 work a", "#2 12:00–13:00 pause a", "#3 13:00–14:05 work a"]);
  });

  test("over the night in which the clocks change is cut there, and is one change", () => {
    const past = new Past([], Date.UTC(2026, 9, 26));
    past.zone = "Europe/Berlin";
    past.edit(add(Date.UTC(2026, 9, 24, 22), Date.UTC(2026, 9, 25, 23)));
    expect(
      past.spans.map(({ utc_offset_min, ended_at, started_at }) => [utc_offset_min, ended_at - started_at]),
    ).toEqual([
      [120, 3 * 60 * MIN],
      [60, 22 * 60 * MIN],
    ]);
    past.undo();
    expect(past.spans).toEqual([]);
  });
});

describe("modify", () => {
  test("changes what is given and leaves the rest", () => {
    const past = over();
    past.edit({ do: "modify", span: 1, replace: false, to: at(11), project: null, tags: ["t"], note: "n" });
    expect(past.rows[0]).toBe("#1 09:00–11:00 work none t");
    expect(past.spans[0]?.note).toBe("n");
    past.edit({ do: "modify", span: 2, replace: false, kind: "work" });
    expect(past.rows[1]).toBe("#2 12:00–13:00 work a");
  });

  test("doesn't reach into a neighbour unless that is to be cut", () => {
    const past = over();
    const edit = { do: "modify", span: 3, from: at(11, 30) } as const;
    expect(past.edit({ ...edit, replace: false })).toBe("it overlaps #1 2026-11-22 09:00–12:00 work on a");
    past.edit({ ...edit, replace: true });
    expect(past.rows).toEqual(["#1 09:00–11:30 work a", "#3 11:30–14:00 work a"]);
  });

  test("leaves the end and the kind of what is going on alone", () => {
    const past = day();
    expect(past.edit({ do: "modify", span: 3, to: at(13, 30), replace: false })).toContain("going on");
    expect(past.edit({ do: "modify", span: 3, kind: "away", replace: false })).toContain("going on");
    past.edit({ do: "modify", span: 3, from: at(13, 30), replace: false });
    expect(past.rows[2]).toBe("#3 13:30–14:00 work a");
  });

  test("a span of another time zone keeps its offset", () => {
    const past = new Past([span(1, at(9), at(10), { utc_offset_min: 540 })], at(14));
    past.edit({ do: "modify", span: 1, to: at(11), replace: false });
    expect(past.spans[0]).toMatchObject({ ended_at: at(11), utc_offset_min: 540 });
  });

  test("of a span that there isn't is refused", () => {
    expect(over().edit({ do: "modify", span: 9, project: "b", replace: false })).toBe("there is no span #9");
  });
});

describe("split, remove, away", () => {
  test("a split span is two of the same effort", () => {
    const past = day();
    past.edit({ do: "split", span: 1, at: at(10) });
    past.edit({ do: "split", span: 3, at: at(13, 30) });
    expect(past.rows).toEqual([
      "#1 09:00–10:00 work a",
      "#4 10:00–12:00 work a",
      "#2 12:00–13:00 pause a",
      "#3 13:00–13:30 work a",
      "#5 13:30–14:00 work a",
    ]);
    expect(past.open).toBe(5);
    expect(past.edit({ do: "split", span: 1, at: at(10) })).toContain("isn't within");
  });

  test("what goes on can't be removed", () => {
    const past = day();
    expect(past.edit({ do: "remove", span: 3 })).toBe("#3 is going on");
    past.edit({ do: "remove", span: 1 });
    expect(past.rows).toHaveLength(2);
  });

  test("time away is kept, dropped, or given to another project without the tags of the first", () => {
    const past = new Past([span(1, at(9), at(10), { kind: "away", tags: ["t"] })], at(14));
    past.edit({ do: "away", span: 1, decision: "drop" });
    expect([past.rows[0], past.log.length]).toEqual(["#1 09:00–10:00 away a t", 0]);
    past.edit({ do: "away", span: 1, decision: "keep" });
    expect(past.rows[0]).toBe("#1 09:00–10:00 work a t");
    past.undo();
    past.edit({ do: "away", span: 1, decision: { project: "m" } });
    expect(past.rows[0]).toBe("#1 09:00–10:00 work m");
    expect(past.edit({ do: "away", span: 1, decision: "keep" })).toContain("is no time away");
  });
});

describe("undo", () => {
  test("of a switch, after which somebody paused and resumed, gives all of it back to what was before", () => {
    const past = day();
    past.edit({ do: "switch", project: "b", tags: [] });
    past.grow(10 * MIN);
    past.turn("pause");
    past.grow(10 * MIN);
    past.turn("work");
    past.grow(10 * MIN);
    expect(past.undo()).toBe("took back: switched to b, since 2026-11-22 14:00");
    expect(past.rows.slice(2)).toEqual([
      "#3 13:00–14:10 work a",
      "#5 14:10–14:20 pause a",
      "#6 14:20–14:30 work a",
    ]);
  });

  test("goes back one change after another", () => {
    const past = over();
    past.edit({ do: "split", span: 1, at: at(10) });
    past.edit({ do: "modify", span: 4, project: "b", replace: false });
    past.undo();
    expect(past.rows[1]).toBe("#4 10:00–12:00 work a");
    past.undo();
    expect(past.spans).toEqual(over().spans);
    expect(past.undo()).toBe("nothing");
  });

  test("is refused when what it would change has changed by itself, or something has taken its place", () => {
    const past = day();
    past.edit({ do: "switch", project: "b", tags: [] });
    past.spans = past.spans.map((each) => (each.id === 3 ? { ...each, ended_at: at(13, 59) } : each));
    expect(past.undo()).toBe("#3 isn't any more as that change has left it");
    const other = over();
    other.edit({ do: "remove", span: 1 });
    other.spans.push(span(9, at(9, 30), at(9, 40)));
    expect(other.undo()).toContain("overlaps #9");
  });
});

describe("whatever is edited", () => {
  const minute = fc.integer({ min: 0, max: 40 });
  const name = fc.constantFrom("a", "b", null);
  const tags = fc.constantFrom([], ["t"]);
  const id = fc.integer({ min: 1, max: 12 });
  const replace = fc.boolean();
  const kind = fc.constantFrom("work", "pause", "away") as fc.Arbitrary<SpanKind>;
  const wall = minute.map((n) => DAY + n * MIN);
  const anEdit: fc.Arbitrary<Edit> = fc.oneof(
    fc.record({
      do: fc.constant("add" as const),
      from: wall,
      to: wall,
      project: name,
      tags,
      note: fc.constant(null),
      replace,
    }),
    fc.record(
      {
        do: fc.constant("modify" as const),
        span: id,
        from: wall,
        to: wall,
        kind,
        project: name,
        tags,
        replace,
      },
      { requiredKeys: ["do", "span", "replace"] },
    ),
    fc.record({ do: fc.constant("split" as const), span: id, at: wall }),
    fc.record({ do: fc.constant("remove" as const), span: id }),
    fc.record(
      { do: fc.constant("switch" as const), project: name, tags, at: wall },
      { requiredKeys: ["do", "project", "tags"] },
    ),
    fc.record({
      do: fc.constant("away" as const),
      span: id,
      decision: fc.constantFrom("keep" as const, "drop" as const, { project: "m" }),
    }),
  );
  const anEvent = fc.oneof(fc.record({ grow: fc.integer({ min: 0, max: 5 }) }), fc.record({ turn: kind }));
  type Event = { grow: number } | { turn: SpanKind };
  const happen = (past: Past, event: Event) =>
    "grow" in event ? past.grow(event.grow * MIN) : past.turn(event.turn);

  /** Spans of two sessions with gaps; the first lives. */
  const aPast = fc
    .record({
      lengths: fc.array(
        fc.record({ gap: fc.integer({ min: 0, max: 4 }), length: fc.integer({ min: 1, max: 9 }), kind }),
        {
          minLength: 2,
          maxLength: 7,
        },
      ),
      older: fc.integer({ min: 0, max: 3 }),
      live: fc.boolean(),
    })
    .map(({ lengths, older, live }) => {
      let now = DAY;
      const spans = lengths.map(({ gap, length, kind }, n) => {
        const from = now + gap * MIN;
        now = from + length * MIN;
        return span(n + 1, from, now, { kind, session: n < older && n < lengths.length - 1 ? 2 : LIVE });
      });
      return new Past(spans, now, live ? spans.length : undefined);
    });

  /** What each minute is of. */
  const minutes = (past: Past): string[] =>
    Array.from({ length: (past.now - DAY) / MIN }, (_, n) => {
      const from = DAY + n * MIN;
      const there = past.spans.filter(({ started_at, ended_at }) => started_at <= from && ended_at > from);
      return there.map(({ kind, project, tags }) => [kind, project, ...tags].join(" ")).join(" and ");
    });

  /** The session that each minute is of. */
  const sessions = (past: Past): (number | undefined)[] =>
    minutes(past).map((_, n) => {
      const from = DAY + n * MIN;
      return past.spans.find(({ started_at, ended_at }) => started_at <= from && ended_at > from)?.session;
    });

  /** What each minute should be of after an edit that was made. */
  function expected(past: Past, edit: Edit): string[] {
    const cells = minutes(past);
    const fill = (from: number, to: number, what: string) =>
      cells.fill(what, Math.max(0, (from - DAY) / MIN), Math.max(0, (to - DAY) / MIN));
    const words = (kind: SpanKind, project: string | null, tags: readonly string[]) =>
      [kind, project, ...tags].join(" ");
    const one = "span" in edit ? past.spans.find((each) => each.id === edit.span) : undefined;
    if (edit.do === "add") fill(edit.from, edit.to, words("work", edit.project, edit.tags));
    if (edit.do === "switch") {
      const last = past.spans.findLast(({ session }) => session === LIVE) as Span;
      const from = edit.at ?? (last.kind === "work" ? past.now : last.started_at);
      for (const each of past.spans) {
        if (each.session !== LIVE || each.ended_at <= from) continue;
        fill(Math.max(from, each.started_at), each.ended_at, words(each.kind, edit.project, edit.tags));
      }
    }
    if (!one) return cells;
    if (edit.do === "remove") fill(one.started_at, one.ended_at, "");
    if (edit.do === "modify") {
      const { kind = one.kind, project = one.project, tags = one.tags } = edit;
      const { from = one.started_at, to = one.ended_at } = edit;
      fill(one.started_at, one.ended_at, "");
      fill(from, to, words(kind, project, tags));
    }
    if (edit.do === "away" && edit.decision !== "drop") {
      const { project } = edit.decision === "keep" ? one : edit.decision;
      fill(one.started_at, one.ended_at, words("work", project, project === one.project ? one.tags : []));
    }
    return cells;
  }

  const sound = (past: Past) => {
    past.spans.forEach((each, n) => {
      expect(each.ended_at).toBeGreaterThanOrEqual(each.started_at);
      expect(each.ended_at).toBeLessThanOrEqual(past.now);
      const before = past.spans[n - 1];
      if (before) expect(before.ended_at).toBeLessThanOrEqual(each.started_at);
    });
    const last = past.spans.findLast(({ session }) => session === LIVE);
    if (past.open !== undefined) expect(last?.id).toBe(past.open);
  };

  test("each minute is of what the edits say, no two spans overlap, and what goes on is the last", () => {
    fc.assert(
      fc.property(aPast, fc.array(fc.oneof(anEdit, anEvent), { maxLength: 12 }), (begun, steps) => {
        const past = begun.copy();
        for (const step of steps) {
          if (!("do" in step)) happen(past, step);
          else {
            const before = past.copy();
            const changes = past.log.length;
            past.edit(step);
            const wanted = past.log.length > changes ? expected(before, step) : minutes(before);
            expect(minutes(past)).toEqual(wanted);
            if (step.do === "add") {
              const [was, is] = [sessions(before), sessions(past)];
              expect(is.map((session, n) => was[n] ?? session)).toEqual(is);
            }
          }
          sound(past);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test("taking all of it back gives what would have been without, however the session has gone on meanwhile", () => {
    const plain = (past: Past) =>
      past.spans.filter((each) => each.ended_at > each.started_at).map(({ id: _, ...rest }) => rest);
    fc.assert(
      fc.property(aPast, fc.array(fc.oneof(anEdit, anEvent), { maxLength: 12 }), (begun, steps) => {
        const past = begun.copy();
        const first = past.copy();
        for (const step of steps) {
          if ("do" in step) past.edit(step);
          else {
            happen(past, step);
            happen(first, step);
          }
        }
        while (past.log.length > 0) {
          expect(past.undo()).toStartWith("took back");
          sound(past);
        }
        expect(plain(past)).toEqual(plain(first));
        if (!steps.some((step) => "turn" in step)) expect(past.spans).toEqual(first.spans);
      }),
      { numRuns: 1500 },
    );
  });
});
