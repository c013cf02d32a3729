import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { claimSession, listSessions, newSessionId, recordState } from "../../src/kernel/checkpoint.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Options } from "../../src/kernel/command.ts";
import { dataPath } from "../../src/kernel/paths.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { applyEdit, editFrom } from "../../src/track/adapters/edits.ts";
import {
  addRunning,
  addSpan,
  addWindow,
  putInput,
  putReport,
  schema,
  trackSession,
} from "../../src/track/adapters/journal.ts";
import { rangeOf } from "../../src/track/adapters/range.ts";
import { NO_INPUT } from "../../src/track/core/counts.ts";
import type { SpanKind } from "../../src/track/core/span.ts";
import { enterHome, type Home } from "../support/home.ts";
import { type Line, type Ran, stint } from "../support/sandbox.ts";

const MIN = 60_000;
/** A time of a day that is over, UTC. */
const at = (hour: number, minute = 0): number => Date.UTC(2026, 10, 20, hour, minute);

let home: Home;
let store: Store;
beforeEach(async () => {
  home = enterHome({ TZ: "UTC" });
  store = await openStore({ schemas: [schema] });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

/** Runs `stint track …` in this home. */
async function track(...args: string[]): Promise<Ran> {
  const child = Bun.spawn([...stint.source, "track", ...args], {
    env: process.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const lines = out.split("\n").filter((line) => line !== "");
  return { code, out, err, lines: lines.map((line) => JSON.parse(line) as Line) };
}

type Piece = [kind: SpanKind, project: string | null, from: number, to: number];

/** A session that was tracked and is over. @returns its number */
function session(id: string, pieces: readonly Piece[], profile = "default"): number {
  const { db } = store;
  const started = pieces[0]?.[2] ?? at(0);
  const then = { ...systemClock, wall: () => started };
  claimSession(db, { id, kind: "track", profile }, then);
  recordState(db, id, "stopped", then);
  const n = trackSession(db, { id, profile, origin: "tracked" });
  for (const [kind, project, started_at, ended_at] of pieces) {
    addSpan(db, { session: n, kind, project, tags: [], note: null, started_at, ended_at, utc_offset_min: 0 });
  }
  putReport(db, n, at(23));
  return n;
}

const uuid = (hour: number, last: string): string =>
  newSessionId(at(hour), new Uint8Array(16)).slice(0, -6) + last;
const MORNING = uuid(9, "aaaaaa");
const EVENING = uuid(18, "bbbbaa");

/** A morning at two projects with time away and a gap, and what was seen then. */
function morning(): number {
  const n = session(MORNING, [
    ["work", "acme", at(9), at(10)],
    ["away", "acme", at(10), at(10, 30)],
    ["work", "beta", at(11), at(12)],
  ]);
  const { db } = store;
  const window = (app: string, title: string | null, started_at: number, ended_at: number) =>
    addWindow(db, { session: n, window: { app, title, pid: 7, process: app }, started_at, ended_at });
  window("mail", "the merger with initech", at(9), at(9, 30));
  window("code", "shutdown.ts", at(9, 30), at(11, 30));
  window("web", null, at(11, 30), at(12));
  addRunning(db, { session: n, app: { pid: 9, process: "secretd" }, started_at: at(9), ended_at: at(12) });
  for (const minute of [0, 20, 40]) {
    const counts = { ...NO_INPUT, presses: 100 + minute, left: 5 };
    putInput(db, { session: n, started_at: at(9, minute), ended_at: at(9, minute) + 30_000, counts });
  }
  return n;
}

function screenshot(n: number, taken_at: number): string {
  const file = `default/2026-11-20/${taken_at}.webp`;
  const path = join(dataPath(), "screenshots", file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "a picture");
  store.db
    .prepare(
      `INSERT INTO track_screenshot (session, taken_at, utc_offset_min, monitor, file, width, height, bytes, thumbnail)
       VALUES (?, ?, 0, 'one', ?, 1, 1, 9, x'00')`,
    )
    .run(n, taken_at, file);
  return path;
}

const times = (table: string): string[] =>
  store.db
    .prepare(`SELECT started_at, ended_at FROM ${table} ORDER BY started_at`)
    .all()
    .map((row) =>
      [row["started_at"], row["ended_at"]]
        .map((wall) => new Date(Number(wall)).toISOString().slice(11, 16))
        .join("–"),
    );

describe("sessions", () => {
  test("are listed newest first with what they came to", async () => {
    morning();
    session(EVENING, [["work", null, at(18), at(19)]]);
    session(uuid(13, "cccccc"), [["work", "x", at(13), at(14)]], "other");
    const { lines } = await track("sessions");
    expect(lines).toMatchObject([
      { type: "session", session_id: EVENING, state: "stopped", worked_ms: 60 * MIN, projects: [null] },
      {
        session_id: MORNING,
        worked_ms: 120 * MIN,
        afk_ms: 30 * MIN,
        paused_ms: 0,
        projects: ["acme", "beta"],
        keys: 360,
        clicks: 15,
        started_at: at(9),
        ended_at: at(12),
      },
    ]);
    const ids = async (...args: string[]) =>
      (await track("sessions", ...args)).lines.map((line) => line["session_id"]);
    expect(await ids("--project", "none")).toEqual([EVENING]);
    expect(await ids("--project", "Beta")).toEqual([MORNING]);
    expect(await ids("--from", "2026-11-20 10:00", "--to", "2026-11-20 11:00")).toEqual([MORNING]);
    // Within a gap there was none.
    expect(await ids("--from", "2026-11-20 10:35", "--to", "2026-11-20 10:40")).toEqual([]);
    expect(await ids("--day", "2026-11-19")).toEqual([]);
  });

  test("one is shown with its spans, gaps, and what was on the screen while working", async () => {
    morning();
    session(EVENING, [["work", null, at(18), at(19)]]);
    const [line] = (await track("show", "aaaaaa")).lines;
    expect(line).toMatchObject({
      session_id: MORNING,
      spans: [
        { id: 1, kind: "work", project: "acme" },
        { id: 2, kind: "away" },
        { id: 3, kind: "work", project: "beta" },
      ],
      apps: [
        { app: "code", ms: 60 * MIN },
        { app: "mail", ms: 30 * MIN },
        { app: "web", ms: 30 * MIN },
      ],
      gaps: [{ started_at: at(10, 30), ended_at: at(11) }],
    });
    expect((await track("show")).lines[0]).toMatchObject({ session_id: EVENING });
    const refused = async (...args: string[]) => {
      const { code, err } = await track("show", ...args);
      return [code, err.split("\n")[0]];
    };
    expect(await refused("aa")).toEqual([2, "stint: 'aa' is too short"]);
    expect(await refused("abcdef")).toEqual([1, "stint: there is no session abcdef"]);
    session(uuid(20, "9aaaaa"), [["work", null, at(20), at(21)]]);
    expect(await refused("aaaaa")).toEqual([2, "stint: 'aaaaa' could be several sessions"]);
  });

  test("the last one is that with the latest span, though another began later", async () => {
    morning();
    await track("add", "--from", "2026-11-20 10:35", "--to", "2026-11-20 10:55");
    expect((await track("show", "last")).lines[0]).toMatchObject({ session_id: MORNING });
  });

  test("time that is added over it takes what was seen then along", async () => {
    const n = morning();
    await track(
      "add",
      "--from",
      "2026-11-20 08:30",
      "--to",
      "2026-11-20 09:30",
      "--project",
      "x",
      "--replace",
    );
    expect((await track("show", MORNING)).lines[0]).toMatchObject({
      keys: 360,
      worked_ms: 120 * MIN,
      apps: [{ app: "code" }, { app: "mail" }, { app: "web" }],
      projects: ["x", "acme", "beta"],
    });
    const [report] = (await track("report", "--from", "2026-11-20", "--to", "2026-11-20", "--by", "project"))
      .lines;
    expect(report?.["groups"]).toMatchObject([
      { key: "beta", keys: 0 },
      { key: "x", keys: 220 },
      { key: "acme", keys: 140 },
    ]);
    expect((await track("undo")).code).toBe(0);
    expect(times(`(SELECT * FROM track_span WHERE session = ${n})`)).toEqual([
      "09:00–10:00",
      "10:00–10:30",
      "11:00–12:00",
    ]);
  });

  test("a note is given and taken away", async () => {
    morning();
    expect((await track("annotate", "last", " on site ")).lines[0]).toMatchObject({ note: "on site" });
    expect((await track("sessions")).lines[0]).toMatchObject({ note: "on site" });
    await track("annotate", MORNING, "");
    expect((await track("sessions")).lines[0]).toMatchObject({ note: null });
  });
});

/** Everything that the store's files hold. */
const bytes = (): string =>
  readdirSync(dataPath(), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => readFileSync(join(dataPath(), name), "latin1"))
    .join("");

describe("delete", () => {
  test("of a session leaves nothing of it: no row, no file, no title in the store's pages or its log of changes", async () => {
    const n = morning();
    session(EVENING, [["work", "gamma", at(18), at(19)]]);
    const path = screenshot(n, at(9, 15));
    const now = { wall: at(23), offset: 0 };
    await store.write((db) =>
      applyEdit(db, {
        profile: "default",
        now,
        edit: editFrom({ do: "modify", span: 1, note: "initech again" }),
      }),
    );
    await store.write((db) =>
      applyEdit(db, { profile: "default", now, edit: editFrom({ do: "modify", span: 4, note: "kept" }) }),
    );
    expect(bytes().includes("initech")).toBe(true);
    expect((await track("delete", MORNING)).lines).toEqual([
      { v: 1, type: "deleted", sessions: 1, spans: 3, windows: 3, running: 1, input: 3, screenshots: 1 },
    ]);
    expect(listSessions(store.db).map(({ id }) => id)).toEqual([EVENING]);
    expect(existsSync(path)).toBe(false);
    expect(store.db.prepare("SELECT COUNT(*) AS n FROM track_text").get()).toEqual({ n: 0 });
    const changes = store.db.prepare("SELECT what FROM track_change ORDER BY id").all();
    expect(changes.map(({ what }) => what)).toEqual([expect.stringContaining("#4"), "deleted"]);
    const secrets = ["initech", "secretd", "shutdown.ts", MORNING];
    expect(secrets.filter((secret) => bytes().includes(secret))).toEqual([]);
  });

  test("of a time cuts what reaches into it and leaves the rest", async () => {
    const n = morning();
    const [gone, stays] = [screenshot(n, at(9, 50)), screenshot(n, at(9, 10))];
    const other = session(uuid(9, "dddddd"), [["work", "x", at(9), at(12)]], "other");
    const { code, lines } = await track("delete", "--from", "2026-11-20 09:40", "--to", "2026-11-20 11:20");
    expect([code, lines[0]]).toMatchObject([
      0,
      { sessions: 0, spans: 3, windows: 1, running: 1, input: 1, screenshots: 1 },
    ]);
    expect(store.db.prepare("SELECT worked_ms FROM track_session WHERE n = ?").get(n)).toEqual({
      worked_ms: 80 * MIN,
    });
    expect(times(`(SELECT * FROM track_span WHERE session != ${other})`)).toEqual([
      "09:00–09:40",
      "11:20–12:00",
    ]);
    expect(times("track_window")).toEqual(["09:00–09:30", "09:30–09:40", "11:20–11:30", "11:30–12:00"]);
    expect(times("track_running")).toEqual(["09:00–09:40", "11:20–12:00"]);
    expect(times("track_input")).toEqual(["09:00–09:00", "09:20–09:20"]);
    expect([existsSync(gone), existsSync(stays)]).toEqual([false, true]);
  });

  test("can't be undone, and what was corrected before isn't taken back in its place", async () => {
    morning();
    await track("add", "--from", "2026-11-20 18:00", "--to", "2026-11-20 19:00");
    await track("modify", "last", "--note", "kept");
    await track("delete", MORNING);
    const refused = await track("undo");
    expect([refused.code, refused.out, refused.err]).toEqual([
      1,
      "",
      expect.stringMatching(/^stint: a delete can't be undone; undo again takes back: changed to #4 /),
    ]);
    expect((await track("undo")).lines).toMatchObject([{ id: 4, note: null }]);
    await track("delete", "--from", "2026-11-20");
    const last = await track("undo");
    expect([last.code, last.err]).toEqual([1, "stint: a delete can't be undone\n"]);
    expect((await track("undo")).err).toStartWith("stint: there is nothing to take back");
  });

  test("of a whole day takes its sessions with it", async () => {
    morning();
    expect((await track("delete", "--from", "2026-11-20", "--to", "2026-11-20")).lines[0]).toMatchObject({
      sessions: 1,
      spans: 3,
    });
    expect(listSessions(store.db)).toEqual([]);
    const again = await track("delete", "--from", "2026-11-20", "--to", "2026-11-20");
    expect([again.code, again.err.split("\n")[0]]).toEqual([1, "stint: nothing was tracked then"]);
  });

  test("is refused while the session is tracked, and the picture stays", async () => {
    const n = morning();
    const path = screenshot(n, at(9, 15));
    // Its host is this process.
    claimSession(store.db, { id: MORNING, kind: "track", profile: "default" }, systemClock);
    recordState(store.db, MORNING, "running", systemClock);
    const said = async (...args: string[]) => {
      const { code, err } = await track("delete", ...args);
      return [code, err.split("\n")[0]];
    };
    expect(await said("last")).toEqual([75, `stint: session ${MORNING} is being tracked`]);
    expect(await said("--from", "2026-11-20")).toEqual([75, `stint: session ${MORNING} is being tracked`]);
    expect(existsSync(path)).toBe(true);
    // What was before it may go.
    session(uuid(6, "eeeeee"), [["work", "x", at(6), at(7)]]);
    expect((await said("--to", "2026-11-20 08:00"))[0]).toBe(0);
  });

  test("wants a session or a time", async () => {
    expect((await track("delete")).code).toBe(2);
    expect((await track("delete", "last", "--from", "2026-11-20")).code).toBe(2);
  });
});

describe("the time that is meant", () => {
  const HOUR = 3_600_000;
  /** Sunday, 29 March 2026, 15:00 in Berlin, where clocks were set forward that night. */
  const now = Date.UTC(2026, 2, 29, 13);
  const range = (options: Options, fallback: "today" | "all" = "today") => {
    const { from, to } = rangeOf(options, fallback, now);
    return [new Date(from).toISOString().slice(0, 16), (to - from) / HOUR];
  };
  beforeEach(() => {
    process.env["TZ"] = "Europe/Berlin";
  });

  test("a day is that of the local calendar, of 23 hours when clocks are set forward", () => {
    expect(range({})).toEqual(["2026-03-28T23:00", 23]);
    expect(range({ day: "today" })).toEqual(["2026-03-28T23:00", 23]);
    expect(range({ day: "yesterday" })).toEqual(["2026-03-27T23:00", 24]);
    expect(range({ day: "2026-10-25" })).toEqual(["2026-10-24T22:00", 25]);
  });

  test("a week begins on Monday, and a span of days reaches up to now", () => {
    expect(range({ week: true })).toEqual(["2026-03-22T23:00", 7 * 24 - 1]);
    expect(range({ since: { days: 1 } })).toEqual(["2026-03-28T23:00", 14]);
    expect(range({ since: { days: 3 } })).toEqual(["2026-03-26T23:00", 62]);
    expect(range({ since: { date: "2026-03-28" } })).toEqual(["2026-03-27T23:00", 38]);
  });

  test("up to a date is with all of it, up to a time is up to then", () => {
    expect(range({ from: "2026-03-28", to: "2026-03-28" })).toEqual(["2026-03-27T23:00", 24]);
    expect(range({ from: "2026-03-28 12:00", to: "14:00" })).toEqual(["2026-03-28T11:00", 25]);
    expect(range({ from: "yesterday" })).toEqual(["2026-03-27T23:00", 38]);
    expect(range({}, "all")).toEqual(["1970-01-01T00:00", now / HOUR]);
  });

  test.each([
    [{ day: "today", week: true }, "--day and --week contradict each other"],
    [{ since: { days: 3 }, to: "today" }, "--since and --to contradict each other"],
    [{ from: "14:00", to: "13:00" }, "it would begin at 14:00 and end at 13:00, which isn't later"],
    [{ from: "2026-04-01" }, "it would begin at 2026-04-01 and end before it has begun"],
    [{ since: { date: "2026-04-01" } }, "it would begin at 2026-04-01 and end before it has begun"],
  ])("%p is refused", (options, why) => {
    expect(() => rangeOf(options as Options, "today", now)).toThrow(why);
  });
});
