import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { claimSession } from "../../src/kernel/checkpoint.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Context, Options } from "../../src/kernel/command.ts";
import { plain } from "../../src/kernel/core/plain.ts";
import { Expected } from "../../src/kernel/errors.ts";
import type { Database } from "../../src/kernel/runtime.ts";
import { openStore, readStore } from "../../src/kernel/store.ts";
import { exportData, importData } from "../../src/track/adapters/exchange/exchange.ts";
import type { FormatName } from "../../src/track/adapters/exchange/formats.ts";
import { schema, trackSession } from "../../src/track/adapters/journal.ts";
import { NO_INPUT } from "../../src/track/core/counts.ts";
import { enterHome, type Home } from "../support/home.ts";
import { Sandbox, stint } from "../support/sandbox.ts";

const FORMATS: readonly FormatName[] = ["json", "csv", "ical", "timewarrior", "activitywatch"];
const MIN = 60_000;
const HOUR = 60 * MIN;
/** 2026-06-14 08:00:00.250 UTC */
const T0 = Date.UTC(2026, 5, 14, 8, 0, 0, 250);
const UUID = (n: number): string => `019ec4b7-2f00-7${String(n).padStart(3, "0")}-8408-c8c640d227d6`;

const fixture = (name: string): string => join(import.meta.dir, "fixtures", name);

let home: Home;
let zone: string | undefined;
beforeAll(() => {
  zone = process.env["TZ"];
  process.env["TZ"] = "UTC";
  home = enterHome();
});
afterAll(() => {
  home[Symbol.dispose]();
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

let stores = 0;
type Record_ = { type: string } & { [name: string]: unknown };

/** A store of its own, and the two commands on it, as the command line calls them. */
class Exchange {
  readonly #data = join(home.path, `data-${stores++}`);
  notes: string[] = [];

  async #with<T>(
    work: (context: Context) => Promise<T>,
    profile: string,
  ): Promise<{ result: T; out: string; records: Record_[] }> {
    process.env["XDG_DATA_HOME"] = this.#data;
    let out = "";
    const records: Record_[] = [];
    this.notes = [];
    const output = {
      closed: false,
      text: (text: string) => {
        out += text;
      },
      emit: (record: Record_) => void records.push(record),
      note: (text: string) => void this.notes.push(text),
    };
    const result = await work({ output, profile } as unknown as Context);
    return { result, out, records };
  }

  async write(format: FormatName, options: Options = {}, profile = "default"): Promise<string> {
    const { out } = await this.#with((context) => exportData(context, { format, ...options }), profile);
    return out;
  }

  /** Imports a text, or a file of the fixtures by `{ file }`. */
  async read(
    format: FormatName | undefined,
    from: string | { file: string },
    profile = "default",
  ): Promise<Record_ | undefined> {
    let path = join(home.path, "import");
    if (typeof from === "string") writeFileSync(path, from);
    else path = fixture(from.file);
    const { records } = await this.#with((context) => importData(context, path, { format }), profile);
    return records[0];
  }

  /** What an import that is refused is refused with. */
  async refusal(
    format: FormatName,
    text: string,
  ): Promise<{ exit: number; message: string; hint: string | undefined }> {
    try {
      await this.read(format, text);
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      const { exit, message, hint } = error;
      return { exit, message: message.replace(join(home.path, "import"), "FILE"), hint };
    }
    throw new Error("it was taken");
  }

  /** The records of a type, without what is the same in all. */
  async records(type: string, profile = "default"): Promise<Record_[]> {
    const lines = (await this.write("json", {}, profile)).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Record_).filter((record) => record.type === type);
  }

  /** Work done by hand in the store. */
  async store<T>(work: (db: Database) => T): Promise<T> {
    process.env["XDG_DATA_HOME"] = this.#data;
    await using store = await openStore({ schemas: [schema] });
    return await store.write(work);
  }
}

const ndjson = (records: readonly object[]): string =>
  records.map((record) => `${JSON.stringify({ v: 1, ...record })}\n`).join("");

const span = (given: object = {}) => ({
  type: "span",
  session: UUID(1),
  kind: "work",
  project: "acme",
  tags: ["billable"],
  note: null,
  started_at: T0,
  ended_at: T0 + 30 * MIN,
  utc_offset_min: 0,
  ...given,
});

const session = (given: object = {}) => ({
  type: "session",
  id: UUID(1),
  origin: "tracked",
  note: null,
  started_at: T0,
  ended_at: T0 + 30 * MIN,
  utc_offset_min: 0,
  ...given,
});

/** Names that a format may trip over. */
const NASTY = [
  'say "hi"; go',
  String.raw`back\slash\n`,
  "=1+1",
  "'=1+1",
  "''@cmd",
  "-5 °C",
  "#",
  "tag:#",
  "project:x",
  "tag:project:x",
  "10h",
  "2026-01-01",
  "inc",
  "Work",
  "BEGIN:VEVENT",
  "'single quoted'",
  `${"x".repeat(70)}é漢字🍅👩‍👩‍👧`,
  "\u00a0no break",
];

const text = fc
  .oneof(fc.constantFrom(...NASTY), fc.string({ unit: "grapheme", maxLength: 30 }))
  .map(plain)
  .filter((it) => it !== "");
const tag = text.map((it) => plain(it.replaceAll(",", ""))).filter((it) => it !== "");
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const count = fc.nat(5_000);
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** Any history that a profile may have, as records in the order in which they are exported. */
const history = fc
  .uniqueArray(
    fc.record({
      id: fc.uuid({ version: 7 }),
      origin: fc.constantFrom("tracked", "added", "imported"),
      note: maybe(text),
      gap: fc.integer({ min: 1_000, max: 3 * HOUR }),
      utc_offset_min: fc.integer({ min: -720, max: 840 }),
      spans: fc.array(
        fc.record({
          kind: fc.constantFrom("work", "pause", "away"),
          project: maybe(text),
          tags: fc.uniqueArray(tag, { maxLength: 3 }),
          note: maybe(text),
          length: fc.integer({ min: 0, max: 2 * HOUR }),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      windows: fc.array(
        fc.record({
          app: text,
          title: maybe(text),
          process: maybe(text),
          pid: maybe(fc.nat(100_000)),
          at: share,
          length: fc.nat(HOUR),
        }),
        { maxLength: 3 },
      ),
      running: fc.array(fc.record({ process: text, pid: fc.nat(100_000), at: share, length: fc.nat(HOUR) }), {
        maxLength: 2,
      }),
      input: fc.array(
        fc.record(
          Object.fromEntries(Object.keys(NO_INPUT).map((name) => [name, count])) as Record<
            keyof typeof NO_INPUT,
            typeof count
          >,
        ),
        { maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 5, selector: ({ id }) => id },
  )
  .map((sessions) => {
    let now = T0;
    const found = {
      sessions: [] as object[],
      spans: [] as object[],
      windows: [] as object[],
      running: [] as object[],
      input: [] as object[],
    };
    for (const { id, origin, note, gap, utc_offset_min, ...rest } of sessions) {
      now += gap;
      const started_at = now;
      for (const { length, kind, project, tags, note } of rest.spans) {
        const times = { started_at: now, ended_at: now + length };
        now += length;
        found.spans.push({ type: "span", session: id, kind, project, tags, note, ...times, utc_offset_min });
      }
      const seen = ({ at, length }: { at: number; length: number }) => {
        const from = started_at + Math.floor(at * (now - started_at));
        return { started_at: from, ended_at: from + length };
      };
      const byStart = (a: { started_at: number }, b: { started_at: number }) => a.started_at - b.started_at;
      found.sessions.push({ type: "session", id, origin, note, started_at, ended_at: now, utc_offset_min });
      found.windows.push(
        ...rest.windows
          .map(({ app, title, process, pid, ...when }) => ({
            type: "window",
            session: id,
            app,
            title,
            process,
            pid,
            ...seen(when),
          }))
          .sort(byStart),
      );
      found.running.push(
        ...rest.running
          .map(({ process, pid, ...when }) => ({ type: "running", session: id, process, pid, ...seen(when) }))
          .sort(byStart),
      );
      found.input.push(
        ...rest.input.map((counts, i) => ({
          type: "input",
          session: id,
          started_at: started_at + i * 30_000,
          ended_at: started_at + i * 30_000 + 30_000,
          ...counts,
        })),
      );
    }
    return Object.values(found).flat();
  });

describe("what was exported", () => {
  test("is the same again after an import elsewhere, in every format, and isn't doubled", async () => {
    await fc.assert(
      fc.asyncProperty(history, async (records) => {
        const here = new Exchange();
        const total = records.filter(({ type }: Record_ | { type?: string }) => type !== "session").length;
        expect(await here.read("json", ndjson(records))).toMatchObject({
          added: total,
          known: 0,
          skipped: 0,
        });
        expect(await here.write("json")).toBe(ndjson(records));
        for (const format of FORMATS) {
          const text = await here.write(format);
          const there = new Exchange();
          await there.read(format, text);
          expect(await there.write(format)).toBe(text);
          expect(await there.read(format, text)).toMatchObject({ added: 0, skipped: 0 });
          expect(await here.read(format, text)).toMatchObject({ added: 0, skipped: 0 });
          expect(await there.write(format)).toBe(text);
        }
        expect(await here.write("json")).toBe(ndjson(records));
      }),
      { numRuns: 6 },
    );
  }, 60_000);

  test("can be taken into another profile of the same store, and not twice", async () => {
    const records = [
      session({ note: "a good day" }),
      session({ id: UUID(2), started_at: T0 + 3 * HOUR, ended_at: T0 + 4 * HOUR }),
      span(),
      {
        type: "window",
        session: UUID(1),
        app: "code",
        title: "a",
        process: null,
        pid: null,
        started_at: T0,
        ended_at: T0 + MIN,
      },
      {
        type: "input",
        session: UUID(2),
        started_at: T0 + 3 * HOUR,
        ended_at: T0 + 3 * HOUR + 30_000,
        ...NO_INPUT,
        presses: 3,
      },
    ];
    const store = new Exchange();
    await store.read("json", ndjson(records));
    expect(await store.read("json", ndjson(records), "there")).toMatchObject({ added: 3, known: 0 });
    expect(await store.read("json", ndjson(records), "there")).toMatchObject({ added: 0, known: 3 });
    const sessions = await store.records("session", "there");
    expect(sessions).toMatchObject([
      { origin: "tracked", note: "a good day", started_at: T0 },
      { started_at: T0 + 3 * HOUR },
    ]);
    for (const { id } of sessions) expect([UUID(1), UUID(2)]).not.toContain(String(id));
    expect(await store.records("window", "there")).toMatchObject([
      { session: sessions[0]?.["id"], app: "code" },
    ]);
    // And back again: it is known by what it says.
    expect(await store.read("json", await store.write("json", {}, "there"))).toMatchObject({
      added: 0,
      known: 3,
    });
    expect((await store.records("session")).length).toBe(2);
  });

  test("is of the time that was asked for: what began in it", async () => {
    const store = new Exchange();
    const day = 24 * HOUR;
    const midnight = Date.UTC(2026, 5, 15);
    const records = [
      session({ started_at: midnight - HOUR, ended_at: midnight + HOUR }),
      session({ id: UUID(2), started_at: midnight + day, ended_at: midnight + day + HOUR }),
      span({ started_at: midnight - HOUR, ended_at: midnight - 1, project: "before" }),
      span({ started_at: midnight - 1, ended_at: midnight + HOUR, project: "over midnight" }),
      span({
        session: UUID(2),
        started_at: midnight + day,
        ended_at: midnight + day + HOUR,
        project: "after",
      }),
    ];
    await store.read("json", ndjson(records));
    const projects = async (options: Options) =>
      (await store.write("csv", options))
        .split("\r\n")
        .slice(1, -1)
        .map((line) => line.split(",")[1]);
    expect(await projects({ from: "2026-06-14", to: "2026-06-14" })).toEqual(["before", "over midnight"]);
    expect(await projects({ day: "2026-06-15" })).toEqual([]);
    expect(await projects({ day: "2026-06-16" })).toEqual(["after"]);
  });

  test("of a time has the sessions that its records are of, by when their spans were", async () => {
    const store = new Exchange();
    const noon = Date.UTC(2026, 5, 15, 12);
    const day = 24 * HOUR;
    const seen = { app: "code", title: null, process: null, pid: null };
    await store.read(
      "json",
      ndjson([
        session({ started_at: noon, ended_at: noon + HOUR }),
        span({ started_at: noon, ended_at: noon + HOUR }),
        { type: "window", session: UUID(1), ...seen, started_at: noon + day, ended_at: noon + day + 1 },
      ]),
    );
    // Begun with start --at, the session's own row is of when that was said.
    await store.store((db) => db.exec(`UPDATE session SET started_at = ${noon + 2 * day}, ended_at = NULL`));
    const of = async (day: string) =>
      (await store.write("json", { day }))
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record_);
    const known = { type: "session", id: UUID(1), started_at: noon, ended_at: noon + HOUR };
    expect(await of("2026-06-15")).toMatchObject([known, { type: "span", session: UUID(1) }]);
    expect(await of("2026-06-16")).toMatchObject([known, { type: "window", session: UUID(1) }]);
    expect(await of("2026-06-17")).toEqual([]);
  });

  test("is an empty file of its format where nothing was tracked, and no store is made", async () => {
    const store = new Exchange();
    expect(await store.write("json")).toBe("");
    expect(await store.write("timewarrior")).toBe("");
    expect(await store.write("csv")).toBe("kind,project,tags,note,started_at,ended_at,minutes,session\r\n");
    expect(JSON.parse(await store.write("activitywatch"))).toEqual({ buckets: {} });
    expect(await readStore([schema], () => true)).toBeUndefined();
  });

  test("says what a format has no place for", async () => {
    const store = new Exchange();
    const at = (n: number) => ({ started_at: T0 + n * HOUR, ended_at: T0 + n * HOUR + HOUR });
    const blink = { started_at: T0 + 3 * HOUR, ended_at: T0 + 3 * HOUR + 700 };
    await store.read(
      "json",
      ndjson([span(at(0)), span({ ...at(1), kind: "pause" }), span({ ...at(2), kind: "away" }), span(blink)]),
    );
    await store.write("timewarrior");
    expect(store.notes).toEqual(["3 spans left out: Timewarrior has work alone, of a second at least"]);
    await store.write("ical");
    expect(store.notes).toEqual(["2 spans left out: iCalendar has work alone"]);
    await store.write("csv");
    expect(store.notes).toEqual([]);
  });
});

describe("Timewarrior", () => {
  /** The real one, on a database of its own. */
  function timew(args: readonly string[], data?: string): string {
    const folder = join(home.path, `timew-${stores++}`);
    mkdirSync(join(folder, "data"), { recursive: true });
    writeFileSync(join(folder, "timewarrior.cfg"), "");
    writeFileSync(join(folder, "data/2026-06.data"), data ?? "");
    // It makes its list of tags anew, and says so on stdout, the first time.
    let out = "";
    for (const command of [["tags"], args]) {
      const ran = Bun.spawnSync(["timew", ...command], { env: { ...process.env, TIMEWARRIORDB: folder } });
      expect(ran.exitCode).toBe(0);
      out = ran.stdout.toString();
    }
    return out;
  }

  test("reads what was exported, and what it exports is known here", async () => {
    const store = new Exchange();
    const spans = NASTY.map((name, i) =>
      span({
        started_at: T0 + i * 20 * MIN,
        ended_at: T0 + i * 20 * MIN + 15 * MIN + 900,
        project: i % 3 === 0 ? null : name,
        tags: i % 2 === 0 ? [] : [name, "zebra", "a b"],
        note: i % 5 === 0 ? null : name,
      }),
    );
    await store.read("json", ndjson(spans));
    const data = await store.write("timewarrior");
    const exported = timew(["export"], data);
    expect(JSON.parse(exported)).toHaveLength(spans.length);
    expect(timew(["summary", "2026-06-14", "-", "2026-06-15"], data)).toContain("zebra");

    expect(await store.read("timewarrior", exported)).toMatchObject({ added: 0, known: spans.length });
    const there = new Exchange();
    expect(await there.read("timewarrior", exported)).toMatchObject({ added: spans.length });
    expect(await there.write("timewarrior")).toBe(data);
  });

  test("writes lines that are read as it means them", async () => {
    const store = new Exchange();
    expect(await store.read(undefined, { file: "2026-06.data" })).toMatchObject({ added: 4, skipped: 2 });
    expect(store.notes).toEqual(["skipped 1: intervals without a length", "skipped 1: what isn't over yet"]);
    expect(await store.records("span")).toMatchObject([
      { project: null, tags: [], note: null },
      {
        project: "acme",
        tags: [
          "#hash",
          "a",
          "b",
          "acme",
          "back\\slash",
          "it's",
          'quo"te',
          "tag with spaces",
          "x # y",
          "é漢🍅",
        ],
        note: 'my "quoted" note # with hash back; é'.replace("hash back", "hash  back"),
        started_at: Date.UTC(2026, 5, 14, 8),
        ended_at: Date.UTC(2026, 5, 14, 9, 30),
      },
      { tags: [], note: "only a note" },
      { tags: ["over"], note: "line1 line2 tab" },
    ]);
    const sessions = await store.records("session");
    // A new one after a gap of more than an hour.
    expect(sessions.map(({ started_at }) => new Date(Number(started_at)).toISOString().slice(0, 16))).toEqual(
      ["2026-06-14T06:00", "2026-06-14T12:00", "2026-06-30T23:00"],
    );
    expect(sessions.every(({ origin }) => origin === "imported")).toBe(true);
  });

  test.each([
    ["timew-export.json", 2],
    ["aw-buckets.json", 10],
  ])("others' JSON is known by its beginning: %s", async (name, added) => {
    await using home = new Sandbox(stint.source, { TZ: "UTC" });
    const { code, lines } = await home.run(["track", "import", fixture(name)]);
    expect({ code, added: lines.at(-1)?.["added"] }).toEqual({ code: 0, added });
  });

  test("export's JSON is read too", async () => {
    const store = new Exchange();
    expect(await store.read("timewarrior", { file: "timew-export.json" })).toMatchObject({
      added: 2,
      skipped: 1,
    });
    expect(await store.records("span")).toMatchObject([
      { project: null, tags: [] },
      { project: "big co", tags: ["a", "project:x"], note: 'my "quoted" note' },
    ]);
  });
});

describe("ActivityWatch", () => {
  const at = (clock: string): number => Date.parse(`2026-06-14T${clock}Z`);

  test("gives its work, times away, windows and input, whichever machines they are of", async () => {
    const store = new Exchange();
    const read = { file: "aw-buckets.json" };
    expect(await store.read("activitywatch", read)).toEqual({
      type: "import",
      added: 10,
      known: 0,
      skipped: 3,
    });
    expect(store.notes.sort()).toEqual([
      "skipped 1: events of web.tab.current",
      "skipped 1: seen outside the times of imported sessions",
      "skipped 1: windows without a length",
    ]);
    const spans = await store.records("span");
    expect(spans.map(({ kind, started_at, ended_at }) => [kind, started_at, ended_at])).toEqual([
      ["work", at("08:00:00"), at("08:30:00")],
      ["away", at("08:30:00"), at("08:35:00")],
      // On the other machine.
      ["work", at("08:35:00"), at("08:40:00")],
      ["away", at("08:40:00"), at("08:50:00")],
      ["work", at("08:50:00"), at("09:00:00.123")],
      ["work", at("11:00:00"), at("11:15:00")],
    ]);
    expect(await store.records("session")).toMatchObject([
      { origin: "imported", started_at: at("08:00:00"), ended_at: at("09:00:00.123") },
      { origin: "imported", started_at: at("11:00:00"), ended_at: at("11:15:00") },
    ]);
    expect(await store.records("window")).toMatchObject([
      // Private: no title. It ends where the next begins, and that with the session.
      { app: "firefox", title: null, started_at: at("08:00:00"), ended_at: at("08:10:00.500") },
      { app: "code", title: "exchange.ts", started_at: at("08:10:00.500"), ended_at: at("09:00:00.123") },
    ]);
    expect(await store.records("input")).toMatchObject([
      {
        started_at: at("08:00:00"),
        ended_at: at("08:00:10"),
        presses: 15,
        other: 2,
        scroll_y: 3,
        distance_px: 50,
      },
      { started_at: at("08:00:35"), ended_at: at("08:00:40"), presses: 1, other: 1, scroll_x: 1 },
    ]);
    expect(await store.read("activitywatch", read)).toMatchObject({ added: 0, known: 10, skipped: 3 });
  });

  test("reads a server's buckets without an object around them, and windows of a time that it knows already", async () => {
    const store = new Exchange();
    const bucket = (type: string, data: object) => ({
      [`x-${type}`]: {
        id: `x-${type}`,
        type,
        events: [{ timestamp: "2026-06-14T08:00:00Z", duration: 60, data }],
      },
    });
    const windows = JSON.stringify(bucket("currentwindow", { app: "Code", title: "a" }));
    expect(await store.read("activitywatch", windows)).toMatchObject({ added: 0, skipped: 1 });
    await store.read("activitywatch", JSON.stringify(bucket("afkstatus", { status: "not-afk" })));
    expect(await store.read("activitywatch", windows)).toMatchObject({ added: 1, skipped: 0 });
  });

  test("gets what it knows of a day, and ours beside it", async () => {
    const store = new Exchange();
    const seen = { session: UUID(1), started_at: T0, ended_at: T0 + 12_345 };
    const records = [
      span({ ended_at: T0 + MIN }),
      span({ kind: "pause", started_at: T0 + MIN, ended_at: T0 + 2 * MIN, utc_offset_min: 120 }),
      { type: "window", app: "code", title: null, process: "code", pid: 7, ...seen },
      { type: "input", ...seen, ...NO_INPUT, presses: 5, left: 2, right: 1, delta_x: 3, typing_ms: 99 },
    ];
    await store.read("json", ndjson(records));
    const { buckets } = JSON.parse(await store.write("activitywatch"));
    const all = Object.values(buckets) as { id: string; hostname: string; type: string; events: object[] }[];
    for (const { id, hostname } of all) expect(id).toEndWith(`_${hostname}`);
    const own = { session: UUID(1), project: "acme", tags: ["billable"], note: null };
    expect(Object.fromEntries(all.map(({ type, events }) => [type, events]))).toEqual({
      afkstatus: [
        {
          timestamp: "2026-06-14T08:00:00.250Z",
          duration: 60,
          data: { status: "not-afk", stint: { ...own, kind: "work", utc_offset_min: 0 } },
        },
        {
          timestamp: "2026-06-14T08:01:00.250Z",
          duration: 60,
          data: { status: "afk", stint: { ...own, kind: "pause", utc_offset_min: 120 } },
        },
      ],
      currentwindow: [
        {
          timestamp: "2026-06-14T08:00:00.250Z",
          duration: 12.345,
          data: { app: "code", title: "", stint: { session: UUID(1), title: null, process: "code", pid: 7 } },
        },
      ],
      "os.hid.input": [
        {
          timestamp: "2026-06-14T08:00:00.250Z",
          duration: 12.345,
          data: expect.objectContaining({
            presses: 5,
            clicks: 3,
            deltaX: 3,
            deltaY: 0,
            scrollX: 0,
            scrollY: 0,
          }),
        },
      ],
    });
  });
});

describe("a session that was exported while it went on", () => {
  const seen = { session: UUID(1), started_at: T0 + 20 * MIN };
  /** What it is after so many minutes. */
  const after = (minutes: number, rest: readonly object[] = []) => {
    const ended_at = T0 + minutes * MIN;
    return ndjson([
      session({ ended_at }),
      span({ ended_at }),
      ...rest,
      { type: "window", app: "code", title: "a", process: "code", pid: 7, ...seen, ended_at },
      { type: "running", process: "code", pid: 7, ...seen, ended_at },
      { type: "input", ...seen, ended_at, ...NO_INPUT, presses: minutes },
    ]);
  };
  const added = (n: number) => ({ added: n, known: 4 - n, skipped: 0 });

  test("goes on in the store when it is imported again, and an older file changes nothing", async () => {
    for (const profile of ["default", "other"]) {
      const store = new Exchange();
      // Its id is taken then.
      if (profile === "other") await store.read("json", ndjson([session()]));
      const read = (minutes: number) => store.read("json", after(minutes), profile);
      expect(await read(30)).toMatchObject(added(4));
      expect(await read(45)).toMatchObject(added(4));
      const whole = await store.write("json", {}, profile);
      expect(await read(45)).toMatchObject(added(0));
      expect(await read(30)).toMatchObject(added(0));
      expect(await store.write("json", {}, profile)).toBe(whole);
      const ended_at = T0 + 45 * MIN;
      for (const type of ["session", "span", "window", "running", "input"]) {
        expect(await store.records(type, profile)).toMatchObject([{ ended_at }]);
      }
      expect(await store.records("input", profile)).toMatchObject([{ presses: 45 }]);
      const rows = await store.store((db) =>
        db.prepare("SELECT worked_ms, presses FROM track_session WHERE profile = ?").all(profile),
      );
      expect(rows).toEqual([{ worked_ms: 45 * MIN, presses: 45 }]);
    }
  });

  test("does so in every format", async () => {
    for (const format of ["csv", "ical", "timewarrior", "activitywatch"] as const) {
      const [early, late, store] = [new Exchange(), new Exchange(), new Exchange()];
      await early.read("json", after(30));
      const next = span({ started_at: T0 + 45 * MIN, ended_at: T0 + 50 * MIN, project: "beta" });
      await late.read("json", after(45, [next]));
      await store.read(format, await early.write(format));
      await store.read(format, await late.write(format));
      expect(await store.write(format)).toBe(await late.write(format));
      expect(await store.read(format, await early.write(format))).toMatchObject({ added: 0, skipped: 0 });
    }
  });

  test("unless somebody has said here that it ended earlier", async () => {
    await using home = new Sandbox(stint.source, { TZ: "UTC" });
    const file = join(home.work, "whole.json");
    await home.run([
      "track",
      "add",
      "--from",
      "2026-06-14 08:00",
      "--to",
      "2026-06-14 17:00",
      "--tag",
      "events",
    ]);
    await home.run(["track", "export", "--output", file]);
    await home.run(["track", "modify", "last", "--to", "2026-06-14 12:00"]);
    const { code, lines } = await home.run(["track", "import", file]);
    expect({ code, ...lines.at(-1) }).toMatchObject({ code: 0, added: 0, known: 1 });
    const report = await home.run(["track", "report", "--day", "2026-06-14"]);
    expect(report.lines[0]).toMatchObject({ totals: { worked_ms: 4 * HOUR } });
  });

  test("unless something followed it already, or is in its way", async () => {
    const store = new Exchange();
    const text = (id: string, from: number, to: number, project = "acme") =>
      ndjson([span({ session: id, project, started_at: T0 + from * MIN, ended_at: T0 + to * MIN })]);
    await store.read("json", text(UUID(1), 0, 30));
    await store.read("json", text(UUID(1), 50, 60, "beta"));
    await store.read("json", text(UUID(2), 90, 120));
    const before = await store.write("json");
    // Something followed it: what is longer is another, and nothing of it is lost without a word.
    expect((await store.refusal("json", text(UUID(1), 0, 45))).message).toEndWith("which is tracked already");
    const { message } = await store.refusal("json", text(UUID(1), 50, 100, "beta"));
    expect(message).toEndWith("which is tracked already");
    expect(await store.write("json")).toBe(before);
  });
});

describe("input that was counted in one go", () => {
  const counts = { ...NO_INPUT, presses: 1001, left: 7, distance_px: 3 };
  const row = (hours: number) => ({ started_at: T0, ended_at: T0 + hours * HOUR, ...counts });

  test("for hours is taken in pieces that reports can find, and none is lost", async () => {
    const store = new Exchange();
    const whole = { started_at: T0, ended_at: T0 + 8 * HOUR };
    await store.read("json", ndjson([span(whole), { type: "input", session: UUID(1), ...row(8) }]));
    const rows = await store.records("input");
    expect(rows).toHaveLength(32);
    for (const each of rows) expect(Number(each["ended_at"]) - Number(each["started_at"])).toBe(15 * MIN);
    const sum = (name: string) => rows.reduce((all, each) => all + Number(each[name]), 0);
    expect({ presses: sum("presses"), left: sum("left"), distance_px: sum("distance_px") }).toEqual({
      presses: 1001,
      left: 7,
      distance_px: 3,
    });
    const buckets = new Exchange();
    const event = (duration: number, data: object) => [{ timestamp: "2026-06-14T08:00:00Z", duration, data }];
    const text = JSON.stringify({
      a: { type: "afkstatus", events: event(28_800, { status: "not-afk" }) },
      b: { type: "os.hid.input", events: event(28_700, { presses: 500 }) },
    });
    expect(await buckets.read("activitywatch", text)).toMatchObject({ added: 33, skipped: 0 });
    expect(await buckets.read("activitywatch", text)).toMatchObject({ added: 0, known: 33 });
  });

  test("for an hour stays whole, for more than a day is left out", async () => {
    const store = new Exchange();
    await store.read("json", ndjson([span(), { type: "input", session: UUID(1), ...row(1) }]));
    expect(await store.records("input")).toMatchObject([row(1)]);
    await store.read("json", ndjson([{ type: "input", session: UUID(1), ...row(25) }]));
    expect(store.notes).toEqual(["skipped 1: intervals of input longer than a day"]);
  });
});

test("nothing of the future is taken", async () => {
  const store = new Exchange();
  const times = { started_at: T0, ended_at: Date.now() + HOUR };
  const seen = { session: UUID(1), ...times, process: "code", pid: 7 };
  const text = ndjson([
    session(times),
    span(times),
    { type: "window", app: "code", title: null, ...seen },
    { type: "running", ...seen },
    { type: "input", session: UUID(1), ...NO_INPUT, ...times },
  ]);
  expect(await store.read("json", text)).toMatchObject({ added: 0, skipped: 5 });
  expect(store.notes).toEqual(["skipped 5: what isn't over yet"]);
  expect(await store.write("json")).toBe("");
});

test("titles go through the rules, whoever has written the file, and a rule of later doubles nothing", async () => {
  const store = new Exchange();
  const at = (n: number) => ({ session: UUID(1), started_at: T0 + n * MIN, ended_at: T0 + (n + 1) * MIN });
  const window = (n: number, app: string, title: string) => ({ type: "window", app, title, ...at(n) });
  const text = ndjson([
    span(),
    window(0, "firefox", "My bank — Mozilla Firefox Private Browsing"),
    window(1, "slack", "the merger"),
    window(2, "code", "a.ts"),
  ]);
  const titles = async () => (await store.records("window")).map(({ title }) => title);
  await store.read("json", text);
  expect(await titles()).toEqual([null, "the merger", "a.ts"]);
  const config = join(home.path, "config/stint");
  mkdirSync(config, { recursive: true });
  try {
    writeFileSync(
      join(config, "config.yaml"),
      "track:\n  redact: [{ app: slack, title: '.*', with: chat }]\n",
    );
    expect(await store.read("json", text)).toMatchObject({ added: 0, known: 4 });
    const there = new Exchange();
    await there.read("activitywatch", await store.write("activitywatch"));
    expect((await there.records("window")).map(({ title }) => title)).toEqual([null, "chat", "a.ts"]);
    writeFileSync(join(config, "config.yaml"), "track:\n  titles: drop\n");
    const none = new Exchange();
    await none.read("json", text);
    expect((await none.records("window")).map(({ title }) => title)).toEqual([null, null, null]);
  } finally {
    rmSync(config, { recursive: true });
  }
});

test("events of a calendar are work: what they are called is the project", async () => {
  const store = new Exchange();
  expect(await store.read(undefined, { file: "calendar.ics" })).toMatchObject({ added: 2, skipped: 5 });
  expect(store.notes.sort()).toEqual([
    "skipped 1: cancelled events",
    "skipped 1: events longer than a day",
    "skipped 1: events of whole days",
    "skipped 1: repeating events",
    "skipped 1: what isn't over yet",
  ]);
  expect(await store.records("span")).toMatchObject([
    {
      kind: "work",
      project: "Planning, with the team",
      tags: ["Meetings", "Internal"],
      note: "Agenda: - last week - next week",
      started_at: Date.UTC(2026, 5, 15, 13),
      ended_at: Date.UTC(2026, 5, 15, 14, 15),
      utc_offset_min: -240,
    },
    { project: null, tags: [], note: null, utc_offset_min: 0 },
  ]);
});

test("a sheet of another program is read by its header, its times with a length", async () => {
  const store = new Exchange();
  const sheet =
    'Note;Project;Minutes;Started_at;Kind\r\n"two\nlines";acme;7.5;2026-06-14T10:00:00+02:00;AWAY\r\n;;25;2026-06-14T11:00:00+02:00;\r\n';
  expect(await store.read("csv", sheet)).toMatchObject({ added: 2 });
  expect(await store.records("span")).toMatchObject([
    {
      kind: "away",
      project: "acme",
      note: "two lines",
      started_at: T0 - 250,
      ended_at: T0 - 250 + 7.5 * MIN,
      utc_offset_min: 120,
    },
    { kind: "work", project: null, note: null, ended_at: Date.UTC(2026, 5, 14, 9, 25) },
  ]);
});

test("a cell that a spreadsheet would take for a formula is text", async () => {
  const store = new Exchange();
  await store.read("json", ndjson([span({ project: "=HYPERLINK(1)", note: "+1", tags: ["@x"] })]));
  expect((await store.write("csv")).split("\r\n")[1]).toStartWith("work,'=HYPERLINK(1),'@x,'+1,");
});

const DATA = (from: string, to: string, rest = ""): string =>
  `inc 20260614T${from}00Z - 20260614T${to}00Z${rest}\n`;
const AW = (...events: object[]): string =>
  JSON.stringify({ buckets: { b: { events, type: "afkstatus" } } }, undefined, 1);

test.each<[format: FormatName, line: number, why: string, input: string]>([
  ["json", 2, "a JSON object", `${ndjson([span()])}{"v":1,`],
  ["json", 1, "its type", '{"v":1,"type":"stats"}'],
  ["json", 1, "version 1", '{"v":2,"type":"span"}'],
  ["json", 2, "started_at", ndjson([span(), span({ started_at: -1 })])],
  ["json", 1, "kind", ndjson([span({ kind: "nap" })])],
  ["json", 1, "ends before", ndjson([span({ ended_at: T0 - 1 })])],
  ["json", 2, "presses", ndjson([span(), { type: "input", started_at: T0, ended_at: T0, presses: -1 }])],
  ["csv", 1, "isn't a header with the column started_at", "a,b\n1,2\n"],
  ["csv", 1, "isn't a header", "work,acme,2026-06-14T10:00:00Z,2026-06-14T11:00:00Z\n"],
  ["csv", 3, "started_at is missing", "minutes,started_at\n5,2026-06-14T10:00:00Z\n5,\n"],
  ["csv", 3, "RFC 3339", "started_at,minutes\n2026-06-14T10:00:00Z,5\n10:00,5\n"],
  ["csv", 2, "neither", "started_at,minutes\n2026-06-14T10:00:00Z,\n"],
  ["csv", 2, "ends before", "started_at,ended_at\n2026-06-14T10:00:00Z,2026-06-14T09:00:00Z\n"],
  ["ical", 1, "BEGIN:VCALENDAR", "hello\n"],
  ["ical", 2, "DTSTART", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\nEND:VEVENT\nEND:VCALENDAR\n"],
  ["timewarrior", 2, "isn't an interval", `${DATA("0800", "0900")}exc monday\n`],
  ["timewarrior", 3, "isn't a time", `${DATA("0800", "0900")}\ninc 20260614T080000 - 20260614T090000Z\n`],
  ["timewarrior", 1, "'20261314T080000Z'", "inc 20261314T080000Z - 20260614T090000Z\n"],
  ["timewarrior", 2, "ends before", `${DATA("0800", "0900")}${DATA("1000", "0930")}`],
  ["timewarrior", 1, "isn't # and tags", DATA("0800", "0900", " acme")],
  [
    "timewarrior",
    3,
    "[1]: it isn't an interval",
    '[\n{"start":"20260614T080000Z","end":"20260614T090000Z"},\n{"tags":[]}]',
  ],
  ["timewarrior", 2, "isn't JSON", '[\n{"start":"20260614T080000Z",}]'],
  ["activitywatch", 2, "isn't JSON", '{"buckets":{"\u0085 \\u00e9 \\"":[1,-2.5e3,true,null,{}],\n"b":"\t"}}'],
  ["activitywatch", 3, "isn't JSON", '{"buckets":\n{"a":{"type":"afkstatus",\n"events":[}}}'],
  ["activitywatch", 1, "object of buckets", "[]"],
  ["activitywatch", 2, "buckets.b: it isn't a bucket", '{"buckets":{"b":\n{"events":[]}}}'],
  [
    "activitywatch",
    12,
    "buckets.b.events[1]: its timestamp is '2026-06-14'",
    AW(
      { timestamp: "2026-06-14T08:00:00Z", duration: 1, data: { status: "afk" } },
      { timestamp: "2026-06-14", duration: 1, data: { status: "afk" } },
    ),
  ],
  [
    "activitywatch",
    5,
    "its duration is -1",
    AW({ timestamp: "2026-06-14T08:00:00Z", duration: -1, data: {} }),
  ],
  ["activitywatch", 5, "no status", AW({ timestamp: "2026-06-14T08:00:00Z", duration: 1, data: {} })],
  [
    "activitywatch",
    5,
    "buckets.b.events[0]: kind",
    AW({ timestamp: "2026-06-14T08:00:00Z", duration: 1, data: { status: "afk", stint: { kind: "nap" } } }),
  ],
])("a wrong record of %s imports nothing, and line %d is named: %s", async (format, line, why, input) => {
  const store = new Exchange();
  const { exit, message, hint } = await store.refusal(format, input);
  expect({ exit, hint }).toEqual({ exit: 74, hint: "nothing was imported" });
  expect(message).toStartWith(`FILE:${line}: `);
  expect(message).toContain(why);
  expect(await store.write("json")).toBe("");
});

describe("what is tracked already", () => {
  test("isn't overlapped: such an import is refused as a whole, naming the first overlap", async () => {
    const store = new Exchange();
    await store.read("json", ndjson([session(), span()]));
    const before = await store.write("json");
    const text = `${DATA("0600", "0700")}${DATA("0815", "0900", " # other")}`;
    expect(await store.refusal("timewarrior", text)).toEqual({
      exit: 1,
      message:
        "FILE:2: work from 2026-06-14 08:15 to 09:00 overlaps work on acme from 2026-06-14 08:00 to 08:30, which is tracked already",
      hint: "nothing was imported: correct or remove one of them first",
    });
    expect(await store.write("json")).toBe(before);
  });

  test("nor do two of a file overlap", async () => {
    const text = `${DATA("0800", "0900")}${DATA("0600", "0700")}${DATA("0830", "1000")}`;
    const { exit, message } = await new Exchange().refusal("timewarrior", text);
    expect({ exit, message }).toEqual({
      exit: 1,
      message:
        "FILE:3: work from 2026-06-14 08:30 to 10:00 overlaps work from 2026-06-14 08:00 to 09:00, which is in the file too",
    });
  });

  test("is known by its times and what it was for; what is new beside it goes to its session", async () => {
    const store = new Exchange();
    const [first, second, third] = [0, 1, 2].map((n) =>
      span({ started_at: T0 + n * 30 * MIN, ended_at: T0 + (n + 1) * 30 * MIN, note: `part ${n}` }),
    );
    await store.read(
      "json",
      ndjson([session({ ended_at: T0 + 90 * MIN }), first as object, third as object]),
    );
    const whole = new Exchange();
    await whole.read(
      "json",
      ndjson([session({ ended_at: T0 + 90 * MIN }), first as object, second as object, third as object]),
    );
    // Its times are of whole seconds: the second part begins in the last one of the first.
    expect(await store.read("timewarrior", await whole.write("timewarrior"))).toMatchObject({
      added: 1,
      known: 2,
    });
    const spans = await store.records("span");
    expect(spans).toMatchObject([
      first as object,
      { note: "part 1", started_at: T0 + 30 * MIN },
      third as object,
    ]);
    expect(new Set(spans.map(({ session }) => session))).toEqual(new Set([UUID(1)]));
    const [row] = await store.store((db) => db.prepare("SELECT worked_ms FROM track_session").all());
    expect(row).toEqual({ worked_ms: 90 * MIN - 250 });
    // The other way round too.
    expect(await whole.read("timewarrior", await store.write("timewarrior"))).toMatchObject({
      added: 0,
      known: 3,
    });
  });

  test("is left to its host while it goes on", async () => {
    const store = new Exchange();
    await store.store((db) => {
      claimSession(db, { id: UUID(1), kind: "track", profile: "default" }, systemClock);
      trackSession(db, { id: UUID(1), profile: "default", origin: "tracked" });
    });
    const window = { type: "window", session: UUID(1), app: "code", started_at: T0, ended_at: T0 + MIN };
    const read = await store.read("json", ndjson([session(), span(), window]));
    expect(read).toEqual({ type: "import", added: 0, known: 0, skipped: 2 });
    expect(store.notes).toEqual(["skipped 2: of the session that isn't over"]);
  });
});

test("an imported session is a session like any other, with its report", async () => {
  const store = new Exchange();
  const counts = { ...NO_INPUT, presses: 12, left: 3, scroll_y: 4, distance_px: 500 };
  await store.read(
    "json",
    ndjson([
      span(),
      span({ kind: "away", started_at: T0 + 30 * MIN, ended_at: T0 + 40 * MIN }),
      { type: "input", session: UUID(1), started_at: T0, ended_at: T0 + 30_000, ...counts },
    ]),
  );
  const [row] = await store.store((db) =>
    db.prepare("SELECT * FROM session JOIN track_session USING (id)").all(),
  );
  expect(row).toMatchObject({
    id: UUID(1),
    kind: "track",
    state: "stopped",
    pid: process.pid,
    started_at: T0,
    ended_at: T0 + 40 * MIN,
    last_active: T0 + 40 * MIN,
    origin: "imported",
    worked_ms: 30 * MIN,
    afk_ms: 10 * MIN,
    presses: 12,
    clicks: 3,
    scrolls: 4,
    distance_px: 500,
  });
  expect(row?.["reported_at"]).not.toBeNull();
});

test("where local time changes its offset, a span without one is cut", async () => {
  process.env["TZ"] = "Europe/Berlin";
  try {
    const store = new Exchange();
    const line = "inc 20260329T000000Z - 20260329T020000Z # night\n";
    expect(await store.read("timewarrior", line)).toMatchObject({ added: 2 });
    const change = Date.UTC(2026, 2, 29, 1);
    expect(await store.records("span")).toMatchObject([
      { started_at: change - HOUR, ended_at: change, utc_offset_min: 60, tags: ["night"] },
      { started_at: change, ended_at: change + HOUR, utc_offset_min: 120, tags: ["night"] },
    ]);
    expect(await store.read("timewarrior", line)).toMatchObject({ added: 0, known: 2 });
  } finally {
    process.env["TZ"] = "UTC";
  }
});

test("texts lose what a terminal would obey, and a comma parts two tags", async () => {
  const store = new Exchange();
  const input = ndjson([
    span({ project: "\x1b[31mred\r\n\u202eleft ", tags: [" a,b", "c\td", ""], note: " " }),
  ]);
  expect(await store.read("json", input)).toMatchObject({ added: 1 });
  expect(await store.records("span")).toMatchObject([
    { project: "[31mred left", tags: ["a", "b", "c d"], note: null },
  ]);
  expect(await store.read("json", input)).toMatchObject({ added: 0, known: 1 });
});

test("an id that is no session's gets another, the same for all that have it", async () => {
  const store = new Exchange();
  const rows = ["monday", "monday", "tuesday"].map((id, n) =>
    span({ session: id, started_at: T0 + n * HOUR, ended_at: T0 + n * HOUR + MIN }),
  );
  await store.read("json", ndjson(rows));
  const ids = (await store.records("span")).map(({ session }) => String(session));
  expect(ids[0]).toBe(String(ids[1]));
  expect(ids[2]).not.toBe(String(ids[1]));
  expect((await store.records("session")).map(({ id }) => id)).toEqual([...new Set(ids)]);
});

test("the command line takes files by their names, and stdin", async () => {
  await using box = new Sandbox(stint.source);
  const input = DATA("0800", "0900", " # acme");
  const { lines } = await box.run(["track", "import", "--format", "timewarrior"], { input });
  expect(lines).toEqual([{ v: 1, type: "import", added: 1, known: 0, skipped: 0 }]);
  const out = await box.run(["track", "export", "--output", "2026-06.data"]);
  expect(out.lines).toEqual([
    { v: 1, type: "export", format: "timewarrior", path: "2026-06.data", written: 1 },
  ]);
  expect((await box.run(["track", "import", "2026-06.data"])).lines).toMatchObject([{ added: 0, known: 1 }]);
  expect((await box.run(["track", "export", "--format", "timewarrior"])).out).toBe(input);
  expect(await box.run(["track", "import", "buckets.txt"])).toMatchObject({ code: 2, out: "" });
});
