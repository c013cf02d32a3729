import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { listSessions } from "../../src/kernel/checkpoint.ts";
import { runHost } from "../../src/kernel/host.ts";
import { Life } from "../../src/kernel/life.ts";
import { openLog } from "../../src/kernel/log.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { applyEdit, editFrom, lastChange, undoEdit } from "../../src/track/adapters/edits.ts";
import {
  addSpan,
  schema,
  spansBetween,
  spansOfSession,
  trackSession,
} from "../../src/track/adapters/journal.ts";
import { enterHome, type Home } from "../support/home.ts";
import { type Line, type Ran, Sandbox, stint } from "../support/sandbox.ts";

const NOON = Date.UTC(2026, 10, 20, 12);
const HOUR = 3_600_000;
const now = { wall: NOON, offset: 0 };

/** What a command said of spans: number, kind, project, and from when to when in UTC. */
const told = ({ lines }: Ran): string[] =>
  lines.map(({ id, kind, project, started_at, ended_at, removed }: Line) => {
    const [from, to] = [started_at, ended_at].map((at) => new Date(Number(at)).toISOString().slice(11, 16));
    return `${removed ? "-" : ""}#${id} ${kind} ${project} ${from}–${to}`;
  });

describe("on the command line", () => {
  const box = (env: Record<string, string> = {}) => new Sandbox(stint.source, { TZ: "UTC", ...env });
  const day = "2026-11-20";

  test("what wasn't tracked is added, corrected, split, removed, and all of it taken back", async () => {
    await using home = box();
    const track = (...args: string[]) => home.run(["track", ...args]);
    expect(
      told(await track("add", "--from", `${day} 09:00`, "--to", `${day} 12:00`, "--project", "a")),
    ).toEqual(["#1 work a 09:00–12:00"]);
    const blocked = await track("add", "--from", `${day} 10:00`, "--to", `${day} 13:00`);
    expect([blocked.code, blocked.err]).toEqual([
      1,
      "stint: it overlaps #1 2026-11-20 09:00–12:00 work on a\n  --replace cuts what is in the way\n",
    ]);
    expect(told(await track("add", "--from", `${day} 10:00`, "--to", `${day} 11:00`, "--replace"))).toEqual([
      "#1 work a 09:00–10:00",
      "#3 work null 10:00–11:00",
      "#2 work a 11:00–12:00",
    ]);
    expect(told(await track("modify", "#3", "--project", "b", "--kind", "away", "--to", "10:30"))).toEqual([
      "#3 away b 10:00–10:30",
    ]);
    expect(told(await track("away", "project:c", "--span", "3"))).toEqual(["#3 work c 10:00–10:30"]);
    expect(told(await track("split", "last", "11:15"))).toEqual([
      "#2 work a 11:00–11:15",
      "#4 work a 11:15–12:00",
    ]);
    expect(told(await track("remove", "4"))).toEqual(["-#4 work a 11:15–12:00"]);
    expect(told(await track("undo"))).toEqual(["#4 work a 11:15–12:00"]);
    expect(told(await track("undo"))).toEqual(["#2 work a 11:00–12:00", "-#4 work a 11:15–12:00"]);
    expect(told(await track("undo"))).toEqual(["#3 away b 10:00–10:30"]);
    await track("undo");
    expect(told(await track("undo"))).toEqual([
      "#1 work a 09:00–12:00",
      "-#3 work null 10:00–11:00",
      "-#2 work a 11:00–12:00",
    ]);
    await track("undo");
    const nothing = await track("undo");
    expect([nothing.code, nothing.err.split("\n")[0]]).toEqual([1, "stint: there is nothing to take back"]);
    expect((await track("sessions")).out).toBe("");
  }, 30_000);

  test("times are local, of the day of the span, and past midnight where it goes on past that", async () => {
    await using home = box({ TZ: "Europe/Berlin" });
    const track = (...args: string[]) => home.run(["track", ...args]);
    await track("add", "--from", `${day} 23:00`, "--to", "2026-11-21 02:00");
    expect(told(await track("modify", "last", "--to", "01:30"))).toEqual(["#1 work null 22:00–00:30"]);
    expect(told(await track("modify", "last", "--from", "22:00"))).toEqual(["#1 work null 21:00–00:30"]);
    expect(told(await track("split", "1", "01:00"))).toEqual([
      "#1 work null 21:00–00:00",
      "#2 work null 00:00–00:30",
    ]);
    // Of a span that was elsewhere, times are of there.
    await using tokyo = new Sandbox(stint.source, { ...home.env, TZ: "Asia/Tokyo" });
    expect(told(await tokyo.run(["track", "modify", "1", "--from", "22:30"], { env: home.env }))).toEqual([
      "#1 work null 21:30–00:00",
    ]);
    expect(
      told(await home.run(["track", "modify", "1", "--from", "22:40"], { env: { TZ: "Asia/Tokyo" } })),
    ).toEqual(["#1 work null 21:40–00:00"]);
  }, 30_000);

  test("a time alone is of the day on which it is nearest to the span", async () => {
    await using home = box({ TZ: "Europe/Berlin" });
    const track = (...args: string[]) => home.run(["track", ...args]);
    await track("add", "--from", `${day} 23:00`, "--to", "2026-11-21 01:00");
    expect(told(await track("modify", "last", "--from", "00:30"))).toEqual(["#1 work null 23:30–00:00"]);
    expect(told(await track("modify", "last", "--from", "23:50"))).toEqual(["#1 work null 22:50–00:00"]);
    expect(told(await track("modify", "last", "--to", "23:55"))).toEqual(["#1 work null 22:50–22:55"]);
    expect(told(await track("modify", "last", "--to", "00:10"))).toEqual(["#1 work null 22:50–23:10"]);
    expect(told(await track("split", "last", "00:05"))).toEqual([
      "#1 work null 22:50–23:05",
      "#2 work null 23:05–23:10",
    ]);
    // Of a span of days, what is nearest to the end that is corrected.
    await track("add", "--from", "2026-11-10 09:00", "--to", "2026-11-13 12:00", "--project", "b");
    expect(told(await track("modify", "3", "--to", "11:00"))).toEqual(["#3 work b 08:00–10:00"]);
    expect((await track("modify", "3", "--from", "10:00")).lines[0]).toMatchObject({
      started_at: Date.UTC(2026, 10, 10, 9),
      ended_at: Date.UTC(2026, 10, 13, 10),
    });
  }, 30_000);

  test("in an hour that is repeated a time is the one in the span, or else the nearest", async () => {
    await using home = box({ TZ: "Europe/Berlin" });
    const track = (...args: string[]) => home.run(["track", ...args]);
    await track("add", "--from", "2026-10-25T02:10+01:00", "--to", "2026-10-25T02:50+01:00");
    expect(told(await track("modify", "1", "--from", "02:05"))).toEqual(["#1 work null 01:05–01:50"]);
    expect(told(await track("modify", "1", "--to", "2026-10-25 02:45"))).toEqual([
      "#1 work null 01:05–01:45",
    ]);
    expect(told(await track("split", "1", "02:30"))).toEqual([
      "#1 work null 01:05–01:30",
      "#2 work null 01:30–01:45",
    ]);
    await track("add", "--from", "2026-10-25T02:10+02:00", "--to", "2026-10-25T02:50+02:00");
    expect(told(await track("modify", "3", "--to", "02:45", "--from", "02:05"))).toEqual([
      "#3 work null 00:05–00:45",
    ]);
    // And one that the clock left out is none, however near another day's is.
    await track("add", "--from", "2026-03-29 01:00", "--to", "2026-03-29 04:00");
    const left = await track("modify", "4", "--from", "02:30");
    expect([left.code, left.err.split("\n")[0]]).toEqual([2, "stint: there is no such time as '02:30'"]);
  }, 30_000);

  test("what can't be meant is a usage error with a hint", async () => {
    await using home = box();
    const code = async (...args: string[]) => {
      const { code, err } = await home.run(["track", ...args]);
      return [code, err.split("\n")[0]];
    };
    expect(await code("switch", "b")).toEqual([1, "stint: nothing is tracked"]);
    expect(await code("modify", "1")).toEqual([2, "stint: nothing to change"]);
    expect(await code("modify", "x", "--project", "b")).toEqual([2, "stint: 'x' is no span's number"]);
    expect(await code("modify", "7", "--project", "b")).toEqual([1, "stint: there is no span #7"]);
    expect(await code("away", "perhaps")).toEqual([2, "stint: 'perhaps' says nothing of a time away"]);
    expect(await code("away", "keep")).toEqual([1, "stint: nothing is asked about a time away"]);
    expect(await code("add", "--from", "2126-01-01 09:00")).toEqual([
      2,
      expect.stringContaining("it would begin at 2126-01-01 09:00"),
    ]);
    expect(await code("add", "--from", `${day} 09:00`, "--to", "2126-01-01 09:00")).toEqual([
      2,
      "stint: 2126-01-01 09:00 is in the future",
    ]);
    expect(await code("add", "--from", `${day} 09:00`, "--project", "a\nb")).toEqual([
      2,
      "stint: a project must be one line of 1 to 200 characters",
    ]);
  }, 30_000);
});

describe("on the store", () => {
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
  const edit = (args: unknown, profile = "default") =>
    store.write((db) => applyEdit(db, { profile, now, edit: editFrom(args) }));
  const undo = (profile = "default") => store.write((db) => undoEdit(db, { profile, now }));
  const spans = (profile = "default") => spansBetween(store.db, profile, 0, NOON);
  const added = { do: "add", from: NOON - 3 * HOUR, to: NOON - 2 * HOUR };

  test("what is added is a session that is over, with its place in the order of time and a report", async () => {
    await edit(added);
    await edit({ ...added, from: NOON - 6 * HOUR, to: NOON - 5 * HOUR, project: "b" });
    const sessions = listSessions(store.db);
    expect(sessions.map(({ state, started_at, ended_at }) => [state, started_at, ended_at])).toEqual([
      ["stopped", NOON - 3 * HOUR, NOON - 2 * HOUR],
      ["stopped", NOON - 6 * HOUR, NOON - 5 * HOUR],
    ]);
    await edit({ do: "modify", span: 1, to: NOON - HOUR });
    expect(
      store.db.prepare("SELECT worked_ms, origin, reported_at FROM track_session WHERE n = 1").get(),
    ).toEqual({
      worked_ms: 2 * HOUR,
      origin: "added",
      reported_at: NOON,
    });
    expect(listSessions(store.db)[0]?.ended_at).toBe(NOON - HOUR);
  });

  test("profiles have spans of their own, and their own way back", async () => {
    await edit(added);
    await edit(added, "other");
    expect(() =>
      applyEdit(store.db, { profile: "other", now, edit: editFrom({ do: "remove", span: 1 }) }),
    ).toThrow("there is no span #1");
    await undo();
    expect([spans(), spans("other").length]).toEqual([[], 1]);
  });

  test("a hundred changes can be taken back", async () => {
    const taken = await store.write((db) => {
      const where = { profile: "default", now };
      applyEdit(db, { ...where, edit: editFrom(added) });
      for (let n = 0; n < 101; n++)
        applyEdit(db, { ...where, edit: editFrom({ do: "modify", span: 1, note: `note ${n}` }) });
      let count = 0;
      for (; lastChange(db, "default"); count++) undoEdit(db, where);
      return count;
    });
    expect([taken, spans()[0]?.note]).toEqual([100, "note 0"]);
  });

  test("whoever asks is told what is there now and what isn't, oldest first", async () => {
    await edit({ ...added, project: "a" });
    const { id } = listSessions(store.db)[0] ?? {};
    const cut = await edit({
      do: "add",
      from: NOON - 4 * HOUR,
      to: NOON - 2.5 * HOUR,
      project: "b",
      replace: true,
    });
    expect(cut.change).toBe(lastChange(store.db, "default")?.id ?? Number.NaN);
    expect(cut.answer).toEqual({ said: cut.said, there: [2, 3, 1], gone: [] });
    const gone = await edit({ do: "remove", span: 3 });
    expect(gone.answer).toMatchObject({ there: [], gone: [{ id: 3, session_id: id, project: "b" }] });
    const taken = gone.change;
    expect(await undo()).toMatchObject({ change: taken, answer: { there: [3], gone: [] } });
    expect(await undo()).toMatchObject({ answer: { there: [1], gone: [{ id: 2 }, { id: 3 }] } });
    const same = await edit({ do: "modify", span: 1, project: "a" });
    expect(same).toMatchObject({ change: null, answer: { there: [1], gone: [] } });
  });

  test("an edit that is refused leaves nothing behind", async () => {
    await edit(added);
    await expect(edit(added)).rejects.toThrow("it overlaps #1");
    expect([listSessions(store.db).length, spans().length]).toEqual([1, 1]);
  });

  test("a night in which the clocks change is cut in two and taken back as one", async () => {
    process.env["TZ"] = "America/New_York";
    try {
      const { said } = await edit({
        do: "add",
        from: Date.UTC(2026, 10, 1, 4),
        to: Date.UTC(2026, 10, 1, 8),
      });
      expect(said).toBe(
        "added #1 2026-11-01 00:00–02:00 work on no project, #2 2026-11-01 01:00–03:00 work on no project",
      );
    } finally {
      process.env["TZ"] = "UTC";
    }
    expect(listSessions(store.db)).toHaveLength(1);
    await undo();
    expect([listSessions(store.db), spans()]).toEqual([[], []]);
  });

  test("the live session is corrected up to the span that goes on", async () => {
    const n = trackedSession(store, NOON - HOUR);
    const open = addSpan(store.db, { ...SPAN, session: n, started_at: NOON - HOUR, ended_at: NOON });
    const done = await store.write((db) => {
      const edit = editFrom({ do: "switch", project: "b" });
      return applyEdit(db, { profile: "default", edit, now, open });
    });
    expect([done.open, done.sessions]).toEqual([open + 1, [n]]);
    // The host goes on, pauses, and then it is taken back.
    store.db.prepare("UPDATE track_span SET ended_at = ? WHERE id = ?").run(NOON + 5, open + 1);
    const pause = addSpan(store.db, {
      ...SPAN,
      session: n,
      kind: "pause",
      project: "b",
      started_at: NOON + 5,
      ended_at: NOON + 9,
    });
    const back = await store.write((db) =>
      undoEdit(db, { profile: "default", now: { wall: NOON + 9, offset: 0 }, open: pause }),
    );
    expect(back.open).toBe(pause);
    expect(spansOfSession(store.db, n).map(({ id, project, ended_at }) => [id, project, ended_at])).toEqual([
      [open, "a", NOON + 5],
      [pause, "a", NOON + 9],
    ]);
  });
});

const SPAN = {
  kind: "work",
  project: "a",
  tags: [],
  note: null,
  utc_offset_min: 0,
} as const;

/** A session that this very process hosts. */
function trackedSession({ db }: Store, started_at: number): number {
  const id = "01a1f8a0-0000-7000-8000-00000000abcd";
  db.prepare(
    `INSERT INTO session (id, kind, profile, state, pid, pid_start, boot_id, started_at, utc_offset_min, last_active)
     VALUES (?, 'track', 'default', 'stopped', 0, '', '', ?, 0, ?)`,
  ).run(id, started_at, started_at);
  return trackSession(db, { id, profile: "default", origin: "tracked" });
}

describe("what comes from outside", () => {
  test.each([
    [null, "there is no such correction"],
    [{ do: "drop" }, "there is no such correction"],
    [{ do: "split", span: 1 }, "at must be a whole number"],
    [{ do: "split", span: -1, at: 5 }, "span must be a whole number"],
    [{ do: "split", span: 1, at: 1e300 }, "at must be a whole number"],
    [{ do: "add", from: 1, to: 2, tags: "x" }, "tags must be a list"],
    [{ do: "add", from: 1, to: 2, tags: [""] }, "a tag must be one line of 1 to 100 characters"],
    [{ do: "add", from: 1, to: 2, replace: 1 }, "replace must be true or false"],
    [{ do: "modify", span: 1, kind: "nap" }, "kind must be work, pause, away"],
    [{ do: "away", span: 1, decision: "ask" }, "decision must be keep, drop or a project"],
    [{ do: "switch", project: 7 }, "a project must be one line of 1 to 200 characters"],
    [{ do: "modify", span: 1, note: "a\u0007" }, "a note must be one line of 1 to 2000 characters"],
  ])("%p is refused", (args, why) => {
    expect(() => editFrom(args)).toThrow(why);
  });

  test("tags are taken once, and what is left out has its default", () => {
    expect(editFrom({ do: "add", from: 1, to: 2, tags: ["a", " a", "b"] })).toEqual({
      do: "add",
      from: 1,
      to: 2,
      project: null,
      tags: ["a", "b"],
      note: null,
      replace: false,
    });
  });
});

describe("while a host is alive", () => {
  test("it makes the correction, and the command tells what became of the spans", async () => {
    using _ = enterHome({ TZ: "UTC" });
    const wall = Math.floor(Date.now());
    const asked: string[] = [];
    const ready = Promise.withResolvers<() => Promise<unknown>>();
    const options = {
      kind: "track",
      profile: "default",
      session: "01a1f8a0-0000-7000-8000-00000000abcd",
      schemas: [schema],
      life: new Life(() => {}),
      log: openLog("host"),
    } as const;
    const ran = runHost(options, async (host) => {
      const { store } = host;
      const n = await store.write((db) =>
        trackSession(db, { id: host.session, profile: "default", origin: "tracked" }),
      );
      let open: number | undefined = addSpan(store.db, {
        ...SPAN,
        session: n,
        started_at: wall - HOUR,
        ended_at: wall,
      });
      const correct = async (
        work: (where: { profile: string; now: typeof now; open?: number }) => ReturnType<typeof undoEdit>,
      ) => {
        const done = await store.write(() =>
          work({ profile: "default", now: { wall, offset: 0 }, ...(open === undefined ? {} : { open }) }),
        );
        open = done.open;
        return done.answer;
      };
      const note = (text: string) => editFrom({ do: "modify", span: 1, note: text });
      host.show(() => ({}));
      ready.resolve(() => host.control.command("stop"));
      return {
        given: {},
        generation: { steps: [] },
        commands: {
          correct(args) {
            const edit = editFrom((args as { edit: unknown }).edit);
            asked.push(edit.do);
            return correct((where) => {
              const done = applyEdit(store.db, { ...where, edit });
              // Somebody else is quick.
              if (edit.do === "modify") applyEdit(store.db, { ...where, edit: note("of another") });
              return done;
            });
          },
          undo() {
            asked.push("undo");
            return correct((where) => undoEdit(store.db, where));
          },
        },
      };
    });
    const stop = await ready.promise;
    const track = async (...args: string[]): Promise<Ran> => {
      const child = Bun.spawn([...stint.source, "track", ...args], {
        env: { ...process.env },
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return {
        code,
        out,
        err,
        lines:
          out.trim() === ""
            ? []
            : out
                .trim()
                .split("\n")
                .map((line) => JSON.parse(line)),
      };
    };
    const switched = await track("switch", "b", "--tag", "x");
    expect([switched.err, switched.lines.map(({ id, project }) => [id, project])]).toEqual([
      "",
      [
        [1, "a"],
        [2, "b"],
      ],
    ]);
    const refused = await track("remove", "last");
    expect([refused.code, refused.err.split("\n")[0]]).toEqual([1, "stint: #2 is going on"]);
    expect((await track("undo")).lines.map(({ id, removed }) => [id, removed ?? false])).toEqual([
      [1, false],
      [2, true],
    ]);
    await track("switch", "b");
    const changed = await track("modify", "3", "--note", "mine");
    expect([changed.err, changed.lines.map(({ id, note }) => [id, note])]).toEqual(["", [[3, "mine"]]]);
    expect(asked).toEqual(["switch", "remove", "undo", "switch", "modify"]);
    await stop();
    await ran;
  }, 30_000);
});
