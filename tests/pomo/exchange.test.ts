import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { checker } from "../../src/pomo/adapters/exchange/check.ts";
import { type FormatName, loadFormat } from "../../src/pomo/adapters/exchange/formats.ts";
import type { Interval } from "../../src/pomo/core/history.ts";
import { pty } from "../support/pty.ts";
import { type Line, Sandbox, stint } from "../support/sandbox.ts";

const MIN = 60_000;
const T0 = Date.UTC(2026, 2, 3, 9, 30, 15, 250);
const LOSSLESS: readonly FormatName[] = ["json", "csv", "ical"];
const ALL: readonly FormatName[] = ["openpomodoro", ...LOSSLESS];

const interval = (given: Partial<Interval> = {}): Interval => ({
  type: "WORK",
  round: 1,
  task: "write the report",
  task_id: null,
  tags: [],
  started_at: T0,
  utc_offset_min: 60,
  ended_at: T0 + 27 * MIN,
  duration_ms: 25 * MIN,
  elapsed_ms: 25 * MIN,
  outcome: "completed",
  ...given,
});

/** What iCalendar's escapes look like. Readers that undo one escape after the other get it wrong. */
const BACKSLASHES = String.raw`\n \, \; \\`;

/** Titles that a format may trip over. */
const NASTY = [
  'say "hi", then; go',
  String.raw`back\slash`,
  BACKSLASHES,
  "=1+1",
  "'=1+1",
  "''@cmd",
  "+49 30 123",
  "-5 °C",
  "@home",
  "'quoted'",
  "null",
  "Pomodoro",
  "Short break",
  "BEGIN:VEVENT",
  "a:b=c d=e",
  "🍅".repeat(40),
  `${"x".repeat(60)}é漢字🍅👩‍👩‍👧`,
  "#hash % percent, \u00a0 no break",
];

const ndjson = (rows: readonly Interval[]): string =>
  rows
    .map(
      ({ type, ...rest }) => `${JSON.stringify({ v: 1, type: "interval", session_type: type, ...rest })}\n`,
    )
    .join("");

/** A home whose history holds these rows. */
async function homeWith(rows: readonly Interval[]): Promise<Sandbox> {
  const box = new Sandbox(stint.source);
  const { code, lines, err } = await box.run(["pomo", "import", "--format", "json"], { input: ndjson(rows) });
  expect({ code, err, line: lines[0] }).toEqual({
    code: 0,
    err: "",
    line: { v: 1, type: "import", added: rows.length, known: 0, skipped: 0 },
  });
  return box;
}

const exported = async (box: Sandbox, format: string, ...rest: string[]): Promise<string> => {
  const { code, out, err } = await box.run(["pomo", "export", "--format", format, ...rest]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
};

/** What another program makes of a text: its stdout as NDJSON. */
async function consumer(command: readonly string[], input: string): Promise<Line[]> {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: "pipe", stderr: "inherit" });
  const out = await child.stdout.text();
  expect(await child.exited).toBe(0);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}
const fixture = (name: string): string => join(import.meta.dir, "fixtures", name);

const nastyRows = (): Interval[] =>
  NASTY.map((task, i) =>
    interval({
      task,
      tags: [task.replaceAll(",", ""), "b"],
      started_at: T0 + i * 30 * MIN,
      ended_at: T0 + i * 30 * MIN + 25 * MIN,
    }),
  );

/** Rows of every kind, as chance would have them; the same each time. */
function manyRows(count: number): Interval[] {
  let seed = 42;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T;
  const signs = [...`ab ,;:"'\\=+-@|#%&<>é漢🍅\u00a0\u200d`, "\\n", '""', "--"];
  const text = (): string =>
    Array.from({ length: 1 + random(90) }, () => pick(signs))
      .join("")
      .trim();
  return Array.from({ length: count }, (_, i) => {
    const duration_ms = 1 + random(24 * 60 * MIN);
    const elapsed_ms = random(duration_ms + 1);
    const started_at = Date.UTC(2020, 0, 1) + i * 3_600_000 + random(1000);
    return interval({
      type: pick(["WORK", "SHORT_BREAK", "LONG_BREAK"] as const),
      outcome: pick(["completed", "interrupted"] as const),
      round: random(5),
      task: pick([null, text() || null]),
      task_id: pick([null, 1 + random(9)]),
      tags: Array.from({ length: random(4) }, () => text().replaceAll(",", "").trim()).filter(
        (tag) => tag !== "",
      ),
      started_at,
      utc_offset_min: random(27 * 60) - 12 * 60,
      ended_at: started_at + elapsed_ms + random(3) * random(100_000),
      duration_ms,
      elapsed_ms,
    });
  });
}

describe.each(LOSSLESS)("%s", (name) => {
  test("gives back every row as it was, whatever is in it", async () => {
    const format = await loadFormat(name);
    const check = await checker();
    const rows = [...nastyRows(), ...manyRows(500)];
    const text = [...format.write(rows)].join("");
    const back = [...format.read(text)].map((draft) => ("skip" in draft ? draft.skip : check(draft.fields)));
    expect(back).toEqual(rows);
  });

  test("moves a history from one profile to another, and not twice", async () => {
    const rows = nastyRows();
    await using box = await homeWith(rows);
    const input = await exported(box, name);
    const there = ["pomo", "import", "--profile", "there", "--format", name];
    expect((await box.run(there, { input })).lines).toMatchObject([
      { added: rows.length, known: 0, skipped: 0 },
    ]);
    expect((await box.run(there, { input })).lines).toMatchObject([
      { added: 0, known: rows.length, skipped: 0 },
    ]);
    expect(await exported(box, "json", "--profile", "there")).toBe(ndjson(rows));
  });
});

test.each(ALL)("what was exported as %s is known where it came from", async (name) => {
  await using box = await homeWith([
    interval(),
    interval({ started_at: T0 + 60 * MIN, ended_at: T0 + 90 * MIN, task: null }),
  ]);
  const input = await exported(box, name);
  const again = await box.run(["pomo", "import", "--format", name], { input });
  expect(again.lines).toEqual([{ v: 1, type: "import", added: 0, known: 2, skipped: 0 }]);
});

test("Open Pomodoro Format has the completed work, and it is said what was left out", async () => {
  await using box = await homeWith([
    interval({ tags: ["a", "b"] }),
    interval({ started_at: T0 + 30 * MIN, ended_at: T0 + 35 * MIN, outcome: "interrupted" }),
    interval({ started_at: T0 + 40 * MIN, ended_at: T0 + 45 * MIN, type: "SHORT_BREAK" }),
  ]);
  const { out, err } = await box.run(["pomo", "export", "--format", "openpomodoro"]);
  expect(out).toBe('2026-03-03T10:30:15+01:00 description="write the report" duration=25 tags=a,b\n');
  expect(err).toBe("2 intervals left out: openpomodoro has completed work alone\n");
});

test("a history file is taken for Open Pomodoro Format; what still runs is skipped", async () => {
  await using box = new Sandbox(stint.source);
  const running = new Date(Date.now() - MIN).toISOString();
  writeFileSync(
    join(box.work, "history"),
    `2016-06-14T12:00:00Z description="A description" duration=25 tags=a,b\r\n\r\n` +
      `2026-06-14T12:34:56-04:00 tags=work,stuff duration=22.5 mood=good\r\n${running} description=now\r\n`,
  );
  const { lines, err } = await box.run(["pomo", "import", "history"]);
  expect(lines).toEqual([{ v: 1, type: "import", added: 2, known: 0, skipped: 1 }]);
  expect(err).toBe("skipped 1: what isn't over yet\n");
  const rows = (await exported(box, "json"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  expect(rows).toMatchObject([
    {
      session_type: "WORK",
      outcome: "completed",
      task: "A description",
      tags: ["a", "b"],
      utc_offset_min: 0,
    },
    {
      task: null,
      tags: ["work", "stuff"],
      utc_offset_min: -240,
      duration_ms: 22.5 * MIN,
      elapsed_ms: 22.5 * MIN,
    },
  ]);
});

test("what has just ended is taken from its own export, though that rounds its minutes up", async () => {
  await using box = new Sandbox(stint.source);
  const rows = [
    interval({ started_at: Date.now() - 40_000, ended_at: Date.now() - 1_000, elapsed_ms: 39_000 }),
  ];
  const ended = Date.now() - 1_000;
  const long = 24 * MIN + 35_000;
  rows.push(interval({ started_at: ended - long, ended_at: ended, elapsed_ms: long, task: "long" }));
  const { code } = await box.run(["pomo", "import", "--format", "json"], { input: ndjson(rows) });
  expect(code).toBe(0);
  const input = await exported(box, "openpomodoro");
  expect(input.match(/duration=\d+/g)).toEqual(["duration=25", "duration=1"]);
  const running = `${new Date(Date.now() - 10 * MIN).toISOString()} duration=11\n`;
  const coming = `${new Date(Date.now() + 20_000).toISOString()} duration=1\n`;
  const there = ["pomo", "import", "--profile", "there", "--format", "openpomodoro"];
  const ran = await box.run(there, { input: input + running + coming });
  expect(ran.lines).toMatchObject([{ added: 2, known: 0, skipped: 2 }]);
  for (const line of (await box.run(["pomo", "log", "--profile", "there"])).lines) {
    expect(Number(line["ended_at"])).toBeLessThanOrEqual(Date.now());
    expect(Number(line["elapsed_ms"])).toBeLessThanOrEqual(
      Number(line["ended_at"]) - Number(line["started_at"]),
    );
  }
});

test("a row is linked to the open task of its title, else it keeps the title alone", async () => {
  await using box = new Sandbox(stint.source);
  for (const title of ["other", "report", "finished"]) await box.run(["pomo", "task", "add", title]);
  await box.run(["pomo", "task", "done", "finished"]);
  const rows = ["report", "finished", "unknown", null].map((task, i) =>
    // The number that it had where it comes from.
    interval({ task, task_id: 1, started_at: T0 + i * MIN, ended_at: T0 + i * MIN + 25 * MIN }),
  );
  await box.run(["pomo", "import", "--format", "json"], { input: ndjson(rows) });
  const { lines } = await box.run(["pomo", "log", "--all"]);
  expect(lines.map(({ task, task_id }) => [task, task_id])).toEqual([
    ["report", 2],
    ["finished", null],
    ["unknown", null],
    [null, null],
  ]);
});

test("a calendar has the same event for the same interval, whatever profile it is exported from", async () => {
  await using box = await homeWith([interval()]);
  const text = await exported(box, "ical");
  await box.run(["pomo", "import", "--profile", "there", "--format", "ical"], { input: text });
  expect(await exported(box, "ical", "--profile", "there")).toBe(text);
});

describe("other programs read it", () => {
  test("an iCalendar library", async () => {
    const rows = [
      ...nastyRows().filter(({ task }) => task !== BACKSLASHES),
      interval({
        started_at: T0 + 20 * 60 * MIN,
        ended_at: T0 + 20 * 60 * MIN + 400,
        task: null,
        outcome: "interrupted",
      }),
      interval({ started_at: T0 + 21 * 60 * MIN, ended_at: T0 + 22 * 60 * MIN, type: "LONG_BREAK" }),
    ];
    await using box = await homeWith(rows);
    const text = await exported(box, "ical");
    const events = await consumer(["/usr/bin/python3", fixture("read_calendar.py")], text);
    const seconds = (ms: number): number => Math.floor(ms / 1000);
    expect(events).toEqual(
      rows.map(({ type, task, tags, started_at, ended_at, outcome }) => {
        const label = { WORK: "Pomodoro", SHORT_BREAK: "Short break", LONG_BREAK: "Long break" }[type];
        // RFC 5545: an event ends after it starts.
        const end = Math.max(seconds(ended_at), seconds(started_at) + 1);
        return {
          uid: expect.stringMatching(/^[0-9a-f]{32}@stint$/),
          stamped: end,
          start: seconds(started_at),
          end,
          zone: "UTC",
          summary: type === "WORK" ? (task ?? label) : label,
          categories: [label, ...tags],
          status: outcome === "completed" ? "CONFIRMED" : "CANCELLED",
        };
      }),
    );
    expect(new Set(events.map(({ uid }) => uid)).size).toBe(rows.length);
    expect(await exported(box, "ical")).toBe(text);
  });

  test("a spreadsheet, which finds no formula in it", async () => {
    const rows = nastyRows();
    await using box = await homeWith(rows);
    const cells = await consumer(["/usr/bin/python3", fixture("read_csv.py")], await exported(box, "csv"));
    expect(cells.map(({ task }) => String(task).replace(/^'(?='*[=+\-@])/, ""))).toEqual(NASTY);
    expect(
      cells.flatMap((row) => Object.values(row)).filter((cell) => /^[=+\-@]/.test(String(cell))),
    ).toEqual([]);
    expect(cells[0]).toMatchObject({
      type: "WORK",
      outcome: "completed",
      started_at: "2026-03-03T10:30:15.250+01:00",
      duration_min: "25",
      elapsed_min: "25",
      round: "1",
      task_id: "",
    });
  });

  test("jq", async () => {
    const rows = nastyRows();
    await using box = await homeWith(rows);
    const program =
      'map(select(.type == "interval")) | {n: length, ms: (map(.elapsed_ms) | add), tasks: map(.task)}';
    const found = await consumer(["jq", "-sc", program], await exported(box, "json"));
    expect(found).toEqual([{ n: rows.length, ms: rows.length * 25 * MIN, tasks: NASTY }]);
  });
});

test("no line of a calendar is longer than 75 octets, and none ends inside a character", async () => {
  const format = await loadFormat("ical");
  const rows = Array.from({ length: 80 }, (_, n) =>
    interval({ task: `${"x".repeat(n)}${"🍅é漢".repeat(30)}`, tags: ["é".repeat(n + 1)] }),
  );
  const bytes = Buffer.from([...format.write(rows)].join(""));
  const lines = bytes.toString("latin1").split("\r\n");
  expect(lines.pop()).toBe("");
  expect(lines.some((line) => line.length === 75)).toBe(true);
  for (const line of lines) {
    expect(line.length).toBeLessThanOrEqual(75);
    expect(line).not.toMatch(/[\r\n]/);
    new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(line, "latin1"));
  }
});

test("a calendar of another program: its zones are honoured, what is no interval is skipped and counted", async () => {
  await using box = new Sandbox(stint.source, { TZ: "America/New_York" });
  const ran = await box.run(["pomo", "import", fixture("calendar.ics")]);
  expect(ran.lines).toEqual([{ v: 1, type: "import", added: 4, known: 0, skipped: 6 }]);
  expect(ran.err.trim().split("\n").sort()).toEqual([
    "skipped 1: cancelled events",
    "skipped 1: events longer than a day",
    "skipped 1: events of whole days",
    "skipped 1: events without a length",
    "skipped 1: repeating events",
    "skipped 1: what isn't over yet",
  ]);
  const rows = (await exported(box, "json"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  expect(rows).toMatchObject([
    {
      task: "In a zone that is known by its name",
      started_at: Date.UTC(2025, 5, 10, 3, 15),
      utc_offset_min: 345,
      elapsed_ms: 30 * MIN,
    },
    {
      session_type: "WORK",
      outcome: "completed",
      round: 0,
      task: "In summer, in a zone of the file",
      tags: ["Deep work", "Writing", "Third"],
      started_at: Date.UTC(2025, 5, 10, 7),
      utc_offset_min: 120,
      ended_at: Date.UTC(2025, 5, 10, 7, 45),
      duration_ms: 45 * MIN,
    },
    { task: null, started_at: Date.UTC(2025, 5, 10, 12), utc_offset_min: -240 },
    {
      task: "In winter, with a duration",
      started_at: Date.UTC(2025, 11, 10, 8),
      utc_offset_min: 60,
      duration_ms: 90 * MIN,
    },
  ]);
  expect((await box.run(["pomo", "import", fixture("calendar.ics")])).lines).toMatchObject([
    { added: 0, known: 4 },
  ]);
});

test("an event of ours that was moved in a calendar counts as it stands there", async () => {
  await using box = await homeWith([interval()]);
  const moved = (await exported(box, "ical"))
    .replace("DTSTART:20260303T093015Z", "DTSTART:20260303T100000Z")
    .replace("DTEND:20260303T095715Z", "DTEND:20260303T101000Z");
  await box.run(["pomo", "import", "--profile", "there", "--format", "ical"], { input: moved });
  expect(JSON.parse(await exported(box, "json", "--profile", "there"))).toMatchObject({
    task: "write the report",
    round: 1,
    started_at: Date.UTC(2026, 2, 3, 10),
    ended_at: Date.UTC(2026, 2, 3, 10, 10),
    duration_ms: 10 * MIN,
    elapsed_ms: 10 * MIN,
  });
});

test("a spreadsheet's own ways are understood: other columns and order, semicolons, a byte order mark", async () => {
  await using box = new Sandbox(stint.source);
  const input =
    "\ufeffNotes;Duration_min;Task;Started_at\r\n\r\n" +
    'x;25;"a ""title"", in\r\ntwo lines";2026-03-03T10:30:15+01:00\r\n;1.5;;2026-03-03T11:30:15Z\r\n;;;\r\n';
  const ran = await box.run(["pomo", "import", "--format", "csv", "-"], { input });
  expect({ err: ran.err, lines: ran.lines }).toMatchObject({ err: "", lines: [{ added: 2 }] });
  const rows = (await exported(box, "json"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  expect(rows).toMatchObject([
    {
      session_type: "WORK",
      outcome: "completed",
      task: 'a "title", in two lines',
      utc_offset_min: 60,
      elapsed_ms: 25 * MIN,
    },
    { task: null, elapsed_ms: 1.5 * MIN, utc_offset_min: 0 },
  ]);
});

test.each<[format: string, line: number, why: string, input: string]>([
  ["openpomodoro", 3, "duration is 'x'", "2026-01-01T10:00:00Z\n\n2026-01-01T11:00:00Z duration=x\n"],
  ["openpomodoro", 2, "longer than a day", "2026-01-01T10:00:00Z\n2026-01-01T11:00:00Z duration=1441\n"],
  ["json", 2, "a JSON object", `${ndjson([interval()])}{"v":1,`],
  ["json", 1, "its type", '{"v":1,"type":"stats"}'],
  ["json", 1, "version 1", '{"v":2,"type":"interval"}'],
  ["json", 2, "started_at", ndjson([interval(), interval({ started_at: -1 })])],
  ["json", 1, "type", ndjson([interval({ type: "NAP" as "WORK" })])],
  ["json", 1, "ends before", ndjson([interval({ ended_at: T0 - 1 })])],
  ["json", 1, "longer than", ndjson([interval({ elapsed_ms: 26 * MIN })])],
  ["json", 1, "tags", ndjson([interval({ tags: "a" as unknown as string[] })])],
  ["csv", 1, "started_at", "a,b\n1,2\n"],
  ["csv", 5, "RFC 3339", 'started_at,duration_min,task\n2026-01-01T10:00:00Z,25,"two\nlines"\n\n14:05,25,\n'],
  [
    "csv",
    3,
    "duration_min is '=1'",
    "started_at,duration_min\n2026-01-01T10:00:00Z,25\n2026-01-01T11:00:00Z,=1\n",
  ],
  ["csv", 2, "neither how long", "started_at,duration_min\n2026-01-01T10:00:00Z,\n"],
  ["csv", 3, "Quote", 'started_at,duration_min\n2026-01-01T10:00:00Z,25\n2026-01-01T11:00:00Z,"25\n'],
  [
    "csv",
    3,
    "Invalid Record Length",
    "started_at,duration_min\n2026-01-01T10:00:00Z,25\n2026-01-01T11:00:00Z\n",
  ],
  ["ical", 1, "BEGIN:VCALENDAR", "hello: world\n"],
  ["ical", 3, "isn't a line", "BEGIN:VCALENDAR\nEND:VCALENDAR\nhello: world\n"],
  ["ical", 3, "FOO", "BEGIN:VCALENDAR\nVERSION:2.0\nFOO\nEND:VCALENDAR\n"],
  ["ical", 5, "BAR", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\n b\nBAR\nEND:VEVENT\nEND:VCALENDAR\n"],
  ["ical", 2, "no END", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\n"],
  ["ical", 2, "no DTSTART", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\nEND:VEVENT\nEND:VCALENDAR\n"],
  [
    "ical",
    2,
    "'Nowhere/At-All'",
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=Nowhere/At-All:20250610T090000\nEND:VEVENT\nEND:VCALENDAR\n",
  ],
  [
    "ical",
    2,
    "DTSTART",
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20250631T090000Z\nEND:VEVENT\nEND:VCALENDAR\n",
  ],
  [
    "ical",
    2,
    "DURATION",
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20250630T090000Z\nDURATION:long\nEND:VEVENT\nEND:VCALENDAR\n",
  ],
])("a wrong line of %s imports nothing, and line %d is named: %s", async (format, line, why, input) => {
  await using box = new Sandbox(stint.source);
  const { code, out, err } = await box.run(["pomo", "import", "--format", format], { input });
  expect({ code, out, err }).toEqual({
    code: 74,
    out: "",
    err: expect.stringMatching(new RegExp(`^stint: stdin:${line}: .*\n  nothing was imported\n$`)),
  });
  expect(err).toContain(why);
  expect(await exported(box, "json")).toBe("");
});

test("titles and tags lose what a terminal would obey, and a comma parts two tags", async () => {
  await using box = new Sandbox(stint.source);
  const input = ndjson([interval({ task: "\x1b[31mred\r\n\u202eleft ", tags: [" a,b", "c\td", ""] })]);
  const add = () => box.run(["pomo", "import", "--format", "json"], { input });
  expect((await add()).lines).toMatchObject([{ added: 1 }]);
  expect(JSON.parse(await exported(box, "json"))).toMatchObject({
    task: "[31mred left",
    tags: ["a", "b", "c d"],
  });
  expect((await add()).lines).toMatchObject([{ added: 0, known: 1 }]);
});

test("a task's number is kept where that task is, and dropped elsewhere", async () => {
  await using box = new Sandbox(stint.source);
  const { lines } = await box.run(["pomo", "task", "add", "write the report"]);
  const task_id = Number(lines[0]?.["id"] ?? 1);
  const input = ndjson([
    interval({ task_id }),
    interval({ task_id, task: "another of that number", started_at: T0 + 60 * MIN, ended_at: T0 + 90 * MIN }),
  ]);
  for (const profile of ["default", "there"]) {
    await box.run(["pomo", "import", "--format", "json", "--profile", profile], { input });
  }
  const ids = async (profile: string) =>
    (await exported(box, "json", "--profile", profile))
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as Line)["task_id"]);
  expect(await ids("default")).toEqual([task_id, null]);
  expect(await ids("there")).toEqual([null, null]);
});

test("the format is that of the file's name, and else has to be said", async () => {
  await using box = await homeWith([interval()]);
  for (const name of ["a.csv", "b.ICS", "c.ndjson", "history"]) {
    const out = await box.run(["pomo", "export", "--output", name]);
    expect(out.lines).toEqual([{ v: 1, type: "export", format: expect.any(String), path: name, written: 1 }]);
    expect((await box.run(["pomo", "import", name])).lines).toEqual([
      { v: 1, type: "import", added: 0, known: 1, skipped: 0 },
    ]);
  }
  for (const args of [["export"], ["export", "--output", "x.txt"], ["import", "x.txt"], ["import"]]) {
    expect(await box.run(["pomo", ...args])).toMatchObject({
      code: 2,
      out: "",
      err: "stint: which format?\n  --format openpomodoro, json, csv or ical\n",
    });
  }
});

test("a file is private when it is new, keeps its mode and its link when it isn't, and is whole or not there", async () => {
  await using box = await homeWith([interval()]);
  const at = (name: string): string => join(box.work, name);
  const write = (name: string) => box.run(["pomo", "export", "--format", "csv", "--output", name]);
  await write("new.csv");
  expect(statSync(at("new.csv")).mode & 0o777).toBe(0o600);

  writeFileSync(at("old.csv"), "old");
  chmodSync(at("old.csv"), 0o644);
  symlinkSync("old.csv", at("link.csv"));
  await write("link.csv");
  expect(readlinkSync(at("link.csv"))).toBe("old.csv");
  expect(readFileSync(at("old.csv"), "utf8")).toBe(readFileSync(at("new.csv"), "utf8"));
  expect(statSync(at("old.csv")).mode & 0o777).toBe(0o644);

  expect(await write("gone/new.csv")).toMatchObject({
    code: 74,
    err: "stint: gone/new.csv can't be written: its folder isn't there\n  name a file that can be written\n",
  });
  expect(await write(".")).toMatchObject({
    code: 74,
    err: "stint: . can't be written: it is a folder\n  name a file that can be written\n",
  });
  // A pipe is no file that another could be put in the place of.
  const pipe = at("pipe.csv");
  await Bun.spawn(["mkfifo", pipe]).exited;
  const reader = Bun.spawn(["cat", pipe], { stdout: "pipe" });
  await write("pipe.csv");
  expect(await reader.stdout.text()).toBe(readFileSync(at("new.csv"), "utf8"));
  expect(statSync(pipe).isFIFO()).toBe(true);
  expect(readdirSync(box.work).sort()).toEqual(["link.csv", "new.csv", "old.csv", "pipe.csv"]);
});

test("--since counts by the day that it was where it was", async () => {
  await using box = await homeWith([
    // 2 March 23:30 UTC: the 3rd in Berlin, still the 2nd in New York.
    interval({
      task: "Berlin",
      started_at: Date.UTC(2026, 2, 2, 23, 30),
      ended_at: Date.UTC(2026, 2, 2, 23, 55),
    }),
    interval({
      task: "New York",
      started_at: Date.UTC(2026, 2, 2, 23, 30),
      ended_at: Date.UTC(2026, 2, 2, 23, 55),
      utc_offset_min: -300,
    }),
  ]);
  const tasks = async (since: string) =>
    (await exported(box, "json", "--since", since))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as Line)["task"]);
  expect(await tasks("2026-03-02")).toEqual(["Berlin", "New York"]);
  expect(await tasks("2026-03-03")).toEqual(["Berlin"]);
  expect(await tasks("2026-03-04")).toEqual([]);
  expect((await tasks("99999d")).length).toBe(2);
});

test("without a history an export is an empty file of its format", async () => {
  await using box = new Sandbox(stint.source);
  expect(await exported(box, "json")).toBe("");
  expect(await exported(box, "openpomodoro")).toBe("");
  expect(await exported(box, "csv")).toStartWith("type,outcome,task");
  expect(
    await consumer(["/usr/bin/python3", fixture("read_calendar.py")], await exported(box, "ical")),
  ).toEqual([]);
  expect(readdirSync(box.home)).not.toContain("data");
});

test("what can't be read is said in a line", async () => {
  await using box = new Sandbox(stint.source);
  const big = join(box.work, "big.csv");
  writeFileSync(big, "");
  truncateSync(big, 64 * 2 ** 20 + 1);
  writeFileSync(join(box.work, "utf16.csv"), Buffer.from("started_at,é\n", "utf16le"));
  for (const [path, said] of [
    ["gone.csv", "gone.csv can't be read: there is no such file"],
    ["big.csv", "big.csv is larger than 64 MB"],
    ["utf16.csv", "utf16.csv isn't UTF-8 text"],
  ] as const) {
    const { code, err } = await box.run(["pomo", "import", path]);
    expect({ code, err: err.split("\n")[0] }).toEqual({ code: 74, err: `stint: ${said}` });
  }
});

test("a name from outside can't write to the terminal through an error", async () => {
  await using box = new Sandbox(stint.source);
  const { err } = await box.run(["pomo", "import", "--format", "openpomodoro"], {
    input: "\x1b]0;pwned\x07 x\n",
  });
  expect(err).toStartWith("stint: stdin:1:");
  expect(err.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
});

test("import on a terminal without a file is refused with what to do", async () => {
  await using box = new Sandbox(stint.source);
  const command = [...stint.source, "pomo", "import", "--format", "json"];
  await using terminal = pty(command, { env: box.env });
  expect(await terminal.exited).toBe(2);
  expect(terminal.screen().trim().split("\n")).toEqual([
    "stint: which file?",
    "  stint pomo import FILE, or its text on stdin",
  ]);
});
