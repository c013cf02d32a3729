/** The history of detection: written behind, whatever the disk does. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  Journal,
  type JournalOptions,
  readPage,
  schema,
  seekEvents,
} from "../../src/detect/adapters/journal.ts";
import type { EventRow, Happening } from "../../src/detect/core/event.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { TestClock } from "../support/clock.ts";
import { readEvents } from "../support/events.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";

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

const entered = (zone: string): Happening => ({
  event: "entered",
  camera: "hall",
  zone,
  score: 0.81,
  box: [0.1, 0.2, 0.3, 0.9],
});

/** A journal, and what it tells. */
async function opened(options: Partial<JournalOptions> & { on?: Store; profile?: string } = {}) {
  const told: EventRow[] = [];
  const problems: (string | null)[] = [];
  const log = new KeptLog();
  const { on = store, profile = "default", ...rest } = options;
  const journal = await Journal.open(on, profile, "session", {
    clock: systemClock,
    log,
    retention: () => ({ days: 30 }),
    told: (row) => told.push(row),
    storage: (problem) => problems.push(problem),
    ...rest,
  });
  return { journal, told, problems, log };
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const zones = (rows: readonly EventRow[]) => rows.map((row) => ("zone" in row ? row.zone : ""));

test("what happens is told at once and kept in order, with its files", async () => {
  const { journal, told } = await opened();
  const rows = ["a", "b", "c"].map((zone) => journal.add(entered(zone)));
  expect(rows.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(told).toEqual(rows);
  journal.attach(2, { snapshot: "2.jpg" });
  journal.attach(2, { clip: "2.ts" });
  expect(zones(journal.last)).toEqual(["c", "b", "a"]);
  expect(journal.last[1]).toMatchObject({ id: 2, snapshot: "2.jpg", clip: "2.ts" });
  expect(await readEvents("default", 10)).toEqual([]);
  await journal[Symbol.asyncDispose]();
  expect(await readEvents("default", 10)).toEqual([...journal.last]);
  expect(zones(await readEvents("default", 2))).toEqual(["c", "b"]);
});

test("it is in the store soon, without anybody's doing", async () => {
  const { journal } = await opened();
  await using _ = journal;
  journal.add(entered("a"));
  await until(async () => (await readEvents("default", 1)).length === 1);
});

test("numbers go on after a restart, and no profile counts another's", async () => {
  const first = await opened();
  first.journal.add(entered("a"));
  await first.journal[Symbol.asyncDispose]();
  const again = await opened();
  expect(zones(again.journal.last)).toEqual(["a"]);
  expect(again.journal.add(entered("b")).id).toBe(2);
  await again.journal[Symbol.asyncDispose]();
  const other = await opened({ profile: "other" });
  expect(other.journal.last).toEqual([]);
  expect(other.journal.add(entered("c")).id).toBe(1);
  await other.journal[Symbol.asyncDispose]();
});

test("the last 50 are at hand", async () => {
  const { journal } = await opened();
  for (let n = 0; n < 60; n++) journal.add(entered(String(n)));
  expect(journal.last.length).toBe(50);
  expect(journal.last[0]?.id).toBe(60);
  await journal[Symbol.asyncDispose]();
  expect((await readEvents("default", 1_000)).length).toBe(60);
});

test("a password in what a camera says is kept nowhere", async () => {
  const { journal } = await opened();
  const why = "rtsp://me:s3cret@10.0.0.7/1 answers 401";
  expect(journal.add({ event: "camera_lost", camera: "hall", why })).toMatchObject({
    why: "rtsp://[redacted]@10.0.0.7/1 answers 401",
  });
  await journal[Symbol.asyncDispose]();
  expect(JSON.stringify(await readEvents("default", 1))).not.toContain("s3cret");
});

/** A store that takes nothing for a while. */
function refusing(): { store: Store; refuses: boolean } {
  const is: { store: Store; refuses: boolean } = {
    refuses: true,
    store: {
      db: store.db,
      write: <T>(work: Parameters<typeof store.write<T>>[0]) =>
        is.refuses
          ? Promise.reject(new Expected(Exit.io, "the disk that holds it is full"))
          : store.write(work),
      [Symbol.asyncDispose]: async () => {},
    },
  };
  return is;
}

test("a disk that takes nothing stops nothing: it is told once, tried each 5 s, and then all is written", async () => {
  const clock = new TestClock();
  const disk = refusing();
  const { journal, told, problems, log } = await opened({ clock, on: disk.store });
  journal.add(entered("a"));
  await clock.advance(50);
  expect(problems).toEqual(["events can't be kept: the disk that holds it is full"]);
  journal.add(entered("b"));
  await clock.advance(12_000);
  expect(problems.length).toBe(1);
  expect(log.warnings.filter((text) => text.startsWith("events"))).toHaveLength(1);
  disk.refuses = false;
  await clock.advance(5_000);
  await until(() => problems.length === 2);
  expect(problems[1]).toBeNull();
  expect(zones(await readEvents("default", 9))).toEqual(["b", "a"]);
  expect(told.length).toBe(2);
  await journal[Symbol.asyncDispose]();
  expect(clock.sleeping).toBe(0);
});

test("no more waits for such a disk than there is room for: the oldest are left out", async () => {
  const clock = new TestClock();
  const disk = refusing();
  const { journal, log } = await opened({ clock, on: disk.store });
  for (let n = 0; n < 10_100; n++) journal.add(entered(String(n)));
  await clock.advance(50);
  disk.refuses = false;
  await clock.advance(5_000);
  await journal[Symbol.asyncDispose]();
  const kept = await readEvents("default", 20_000);
  expect(kept.length).toBe(10_000);
  expect(kept[0]?.id).toBe(10_100);
  expect(log.lines.find(({ text }) => text === "events are kept again")?.facts).toEqual({ left_out: 100 });
});

test("at the end on such a disk it says what is lost, and ends", async () => {
  const disk = refusing();
  const { journal, log } = await opened({ on: disk.store });
  journal.add(entered("a"));
  await journal[Symbol.asyncDispose]();
  expect(log.warnings.at(-1)).toBe("1 events are lost: events can't be kept: the disk that holds it is full");
});

test("one who can't be told keeps nothing from being kept", async () => {
  const { journal, log } = await opened({
    told: () => {
      throw new Error("no ears");
    },
  });
  journal.add(entered("a"));
  await journal[Symbol.asyncDispose]();
  expect((await readEvents("default", 1)).length).toBe(1);
  expect(log.lines.map(({ text }) => text)).toContain("an event can't be told");
});

test("old events are removed, the newest never, and what is kept can be changed while it runs", async () => {
  const clock = new TestClock(Date.UTC(2026, 0, 1));
  let days = 30;
  const { journal } = await opened({ clock, retention: () => ({ days }) });
  for (let n = 0; n < 1_200; n++) journal.add(entered("old"));
  await clock.advance(50);
  await until(async () => (await readEvents("default", 9_999)).length === 1_200);
  await clock.advance(19 * DAY);
  journal.add(entered("new"));
  await clock.advance(HOUR);
  const count = async () => (await readEvents("default", 9_999)).length;
  expect(await count()).toBe(1_201);
  days = 10;
  await clock.advance(HOUR);
  await until(async () => {
    await clock.advance(50);
    return (await count()) === 1;
  });
  await clock.advance(300 * DAY);
  expect(zones(await readEvents("default", 9))).toEqual(["new"]);
  await journal[Symbol.asyncDispose]();
});

/** What is in the store already: an event of so many days ago each. */
const put = (clock: TestClock, ...daysAgo: number[]) =>
  store.write((db) => {
    for (const [n, days] of daysAgo.entries()) {
      db.prepare("INSERT INTO detect_event VALUES ('default', ?, 's', ?, ?, NULL, NULL)").run(
        n + 1,
        clock.wall() - days * DAY,
        JSON.stringify(entered(`${days} days`)),
      );
    }
  });
/** What is kept once everything that is due has been done. */
async function kept(clock: TestClock): Promise<string[]> {
  for (let n = 0; n < 3; n++) {
    await store.write(() => {});
    await clock.advance(50);
  }
  return zones(await readEvents("default", 99)).toReversed();
}

test("a clock that is set forward while it runs removes nothing for a day, and is told of", async () => {
  const clock = new TestClock(Date.UTC(2026, 0, 1));
  await put(clock, 29.9, 2);
  const { journal, log } = await opened({ clock });
  clock.setWall(clock.wall() + 4_000 * DAY);
  journal.add(entered("wrong"));
  await clock.advance(60_000);
  const said =
    "the clock was set forward by 4000 days: until it has held for a day, nothing is removed for being old by it";
  expect(log.warnings).toEqual([said]);
  await clock.advance(HOUR);
  expect(await kept(clock)).toEqual(["29.9 days", "2 days", "wrong"]);
  // What grows too old by the time that goes on without it goes all the same.
  await clock.advance(12 * HOUR);
  expect(await kept(clock)).toEqual(["2 days", "wrong"]);
  await clock.advance(DAY);
  expect(await kept(clock)).toEqual(["wrong"]);
  expect(log.warnings).toEqual([said]);
  await journal[Symbol.asyncDispose]();
});

test("a clock that is set right again removes nothing either", async () => {
  const clock = new TestClock(Date.UTC(2026, 0, 1));
  await put(clock, 2);
  const { journal, log } = await opened({ clock });
  clock.setWall(clock.wall() + 4_000 * DAY);
  await clock.advance(5 * HOUR);
  clock.setWall(clock.wall() - 4_000 * DAY);
  await clock.advance(2 * DAY);
  expect(await kept(clock)).toEqual(["2 days"]);
  expect(log.warnings.at(-1)).toBe("the clock was set back by 4000 days");
  expect(log.warnings.length).toBe(2);
  await journal[Symbol.asyncDispose]();
});

test("a clock that is far ahead at a start, and at the next, removes nothing until it has held for a day", async () => {
  const clock = new TestClock(Date.UTC(2036, 11, 14));
  await put(clock, 4_010, 4_002, 4_000);
  for (let start = 0; start < 2; start++) {
    const { journal, log } = await opened({ clock });
    journal.add(entered("wrong"));
    await clock.advance(5 * HOUR);
    expect(await kept(clock)).toEqual([
      "4010 days",
      "4002 days",
      "4000 days",
      ...Array(start + 1).fill("wrong"),
    ]);
    expect(log.warnings).toEqual([
      "the clock is 4000 days past what was kept last: until it has held for a day, nothing is removed for being old by it",
    ]);
    await journal[Symbol.asyncDispose]();
  }
  const { journal } = await opened({ clock });
  await clock.advance(DAY + HOUR);
  expect(await kept(clock)).toEqual(["wrong", "wrong"]);
  await journal[Symbol.asyncDispose]();
});

test("a machine that was asleep has no wrong clock", async () => {
  const clock = new TestClock(Date.UTC(2026, 0, 1));
  await put(clock, 25, 2);
  const { journal, log } = await opened({ clock });
  clock.suspend(10 * DAY);
  await clock.advance(HOUR);
  expect(await kept(clock)).toEqual(["2 days"]);
  expect(log.warnings).toEqual([]);
  await journal[Symbol.asyncDispose]();
});

test("no more than a million are kept", async () => {
  await store.write((db) =>
    db
      .prepare(
        "INSERT INTO detect_event VALUES ('default', ?, 's', ?, '{\"event\":\"detector_back\"}', NULL, NULL)",
      )
      .run(1, systemClock.wall()),
  );
  await store.write((db) =>
    db
      .prepare(
        "INSERT INTO detect_event VALUES ('default', ?, 's', ?, '{\"event\":\"detector_back\"}', NULL, NULL)",
      )
      .run(1_000_001, systemClock.wall()),
  );
  const { journal } = await opened();
  await until(async () => (await readEvents("default", 9)).length === 1);
  expect(journal.add(entered("a")).id).toBe(1_000_002);
  await journal[Symbol.asyncDispose]();
});

test("history is read in pieces; what somebody else has written into it is passed over", async () => {
  const { journal } = await opened();
  for (const zone of ["a", "b", "c", "d"]) journal.add(entered(zone));
  await journal[Symbol.asyncDispose]();
  await store.write((db) => db.prepare("UPDATE detect_event SET facts = 'no JSON' WHERE id = ?").run(2));
  expect(zones(await readEvents("default", 9))).toEqual(["d", "c", "a"]);
  expect(await seekEvents("default", 2)).toBe(3);
  expect(await seekEvents("default", 99)).toBe(1);
  expect(await seekEvents("default", 0)).toBe(5);
  expect(await seekEvents("nobody", 9)).toBe(1);
  const page = await readPage("default", 1, 3);
  expect([zones(page.events), page.next]).toEqual([["a", "c"], 4]);
  const rest = await readPage("default", page.next, 3);
  expect([zones(rest.events), rest.next]).toEqual([["d"], 5]);
  // Of a store that has lost its newest, it goes on from what there is.
  expect(await readPage("default", 9, 3)).toEqual({ events: [], next: 5 });
});

test("adding never waits, and doesn't keep the loop from turning", async () => {
  const { journal } = await opened();
  const began = performance.now();
  for (let n = 0; n < 1_000; n++) journal.add(entered("a"));
  expect(performance.now() - began).toBeLessThan(200);
  await journal[Symbol.asyncDispose]();
});
