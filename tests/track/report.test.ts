import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pty } from "../support/pty.ts";
import { Sandbox, stint } from "../support/sandbox.ts";
import { addSession, fill, seen, span, typed } from "./worked.ts";

const MIN = 60_000;
const H = 60 * MIN;
/** Midnight of a Monday in Berlin. */
const MONDAY = Date.UTC(2026, 10, 15, 23);

let box: Sandbox;
beforeAll(async () => {
  box = new Sandbox(stint.source, { TZ: "Europe/Berlin" });
  mkdirSync(join(box.home, "config/stint"), { recursive: true });
  const rules = "track:\n  categories:\n    - { name: Code, app: '^(code|foot)$' }\n";
  writeFileSync(join(box.home, "config/stint/config.yaml"), rules);
  await fill(box, (db) => {
    const session = addSession(db, "monday", MONDAY);
    const at = MONDAY + 9 * H;
    const zone = { session, utc_offset_min: 60 };
    span(db, { ...zone, project: "acme", tags: ["call", "billable"], started_at: at, ended_at: at + 2 * H });
    span(db, { ...zone, kind: "pause", started_at: at + 2 * H, ended_at: at + 150 * MIN });
    span(db, { ...zone, kind: "away", started_at: at + 150 * MIN, ended_at: at + 3 * H });
    span(db, { ...zone, started_at: at + 3 * H, ended_at: at + 4 * H });
    seen(db, session, ["code", "a.ts"], at, at + 90 * MIN);
    seen(db, session, ["firefox", "=HYPERLINK(1)"], at + 90 * MIN, at + 200 * MIN);
    // On Saturday evening; in Tokyo it was Sunday.
    const far = addSession(db, "tokyo", MONDAY - 31 * H);
    const tokyo = { started_at: MONDAY - 31 * H, ended_at: MONDAY - 30 * H, utc_offset_min: 540 };
    span(db, { session: far, ...tokyo });
    typed(db, session, at, at + MIN, { presses: 1200, left: 30, scroll_y: 4, typing_ms: 9_000 });
    typed(db, session, at + 199 * MIN, at + 200 * MIN, { presses: 34, right: 1 });
  });
});
afterAll(() => box[Symbol.asyncDispose]());

const report = (...args: string[]) => box.run(["track", "report", ...args]);

test("a day on a pipe: one line with totals, and work by project and by app", async () => {
  const { code, err, lines } = await report("--day", "2026-11-16");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(lines).toEqual([
    {
      v: 1,
      type: "report",
      profile: "default",
      from: MONDAY,
      to: MONDAY + 24 * H,
      totals: {
        worked_ms: 3 * H,
        paused_ms: 30 * MIN,
        afk_ms: 30 * MIN,
        keys: 1234,
        clicks: 31,
        scrolls: 4,
        distance_px: 0,
        typing_ms: 9_000,
        moving_ms: 0,
      },
      by_project: [
        { key: "acme", ms: 2 * H, share: 2 / 3, keys: 1200, clicks: 30 },
        { key: null, ms: H, share: 1 / 3, keys: 34, clicks: 1 },
      ],
      by_app: [
        { key: "code", ms: 90 * MIN, share: 0.5 },
        { key: "firefox", ms: 50 * MIN, share: 50 / 180 },
        { key: null, ms: 40 * MIN, share: 40 / 180 },
      ],
    },
  ]);
});

test("by anything else, and of one project or tag", async () => {
  const day = ["--day", "2026-11-16"];
  const groups = async (...args: string[]) => {
    const { lines } = await report(...day, ...args);
    const found = (lines[0]?.["groups"] ?? []) as { key: string | null; ms: number }[];
    return found.map(({ key, ms }) => [key, ms / MIN]);
  };
  expect(await groups("--by", "category")).toEqual([
    ["Code", 90],
    ["uncategorised", 50],
    [null, 40],
  ]);
  expect(await groups("--by", "hour")).toEqual([
    ["09", 60],
    ["10", 60],
    ["12", 60],
  ]);
  expect(await groups("--by", "tag")).toEqual([
    ["billable", 120],
    ["call", 120],
    [null, 60],
  ]);
  expect(await groups("--by", "title", "--project", "none")).toEqual([
    [null, 40],
    ["=HYPERLINK(1)", 20],
  ]);
  expect(await groups("--by", "app", "--tag", "Billable")).toEqual([
    ["code", 90],
    ["firefox", 30],
  ]);
  expect(await groups("--by", "day", "--tag", "other")).toEqual([]);
});

test("as CSV, in which no title is a formula", async () => {
  const { out } = await report("--day", "2026-11-16", "--by", "title", "--csv");
  expect(out.split("\r\n")).toEqual([
    "by,name,hours,ms,share,keys,clicks",
    "title,a.ts,1.5000,5400000,0.5000,,",
    "title,'=HYPERLINK(1),0.8333,3000000,0.2778,,",
    "title,,0.6667,2400000,0.2222,,",
    "",
  ]);
  const both = await report("--from", "2026-11-16", "--to", "2026-11-20", "--csv");
  expect(both.out.split("\r\n").map((line) => line.split(",")[0])).toEqual([
    "by",
    "project",
    "project",
    "app",
    "app",
    "app",
    "",
  ]);
});

async function onTerminal(...args: string[]): Promise<string> {
  await using terminal = pty([...stint.source, "track", "report", ...args], {
    env: { ...box.env, NO_COLOR: "1" },
    columns: 80,
    rows: 40,
  });
  expect(await terminal.exited).toBe(0);
  return terminal.screen();
}

test("on a terminal: totals, the line of a day, bars", async () => {
  const screen = await onTerminal("--day", "2026-11-16");
  expect(screen).toContain("2026-11-16  3 h 0 min worked  30 min paused  30 min away  1,234 keys  31 clicks");
  expect(screen).toMatch(/^09 █+▓+-+·+▓+▚+ +17$/m);
  expect(screen).toMatch(/^acme +2 h 0 min +67 % █+$/m);
  expect(screen).toMatch(/^no project +1 h 0 min +33 % █+.?$/m);
  expect(screen).toMatch(/^code +1 h 30 min +50 % █+$/m);
});

test("on a terminal: a week has a bar for each day", async () => {
  const screen = await onTerminal("--from", "2026-11-15", "--to", "2026-11-17");
  expect(screen).toContain("2026-11-15 to 2026-11-17");
  expect(screen).toMatch(/^Sun 2026-11-15$/m);
  expect(screen).toMatch(/^Mon 2026-11-16 3 h 0 min █+$/m);
  // A day goes by where it was tracked, what is asked for by where we are.
  const before = await onTerminal("--from", "2026-11-13", "--to", "2026-11-14");
  expect(before).toMatch(/^Sun 2026-11-15 1 h 0 min █+$/m);
  const nothing = await onTerminal("--day", "2026-11-15");
  expect(nothing).toContain("no work in this time");
});

test("where nothing was ever tracked there is a report of nothing, and no store is made", async () => {
  await using empty = new Sandbox(stint.source, { TZ: "UTC" });
  const { code, lines } = await empty.run(["track", "report"]);
  expect(code).toBe(0);
  expect(lines).toMatchObject([
    { type: "report", totals: { worked_ms: 0, keys: 0 }, by_project: [], by_app: [] },
  ]);
  expect(existsSync(join(empty.home, "data/stint/stint.db"))).toBe(false);
});

test("a page is written for its owner alone, and says where; with --csv it is refused", async () => {
  const path = join(box.work, "day.html");
  const { lines } = await report("--day", "2026-11-16", "--html", path);
  expect(lines).toMatchObject([{ type: "report", from: MONDAY, html: path }]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).toContain("<title>stint track: 2026-11-16</title>");
  const stdout = await report("--day", "2026-11-16", "--html", "-");
  expect(stdout.out).toStartWith("<!doctype html>");
  const missing = await report("--html", join(box.work, "no/such/folder.html"));
  expect(missing.code).toBe(74);
});

test.each([
  [["--html", "x.html", "--csv"], "--html and --csv"],
  [["--html", "x.html", "--by", "app"], "--html and --by"],
  [["--csv", "--json"], "--csv and --json"],
  [["--html", "-", "--json"], "--html and --json"],
])("%p is refused", async (args, flags) => {
  const { code, out, err } = await report(...args);
  expect({ code, out, err }).toEqual({
    code: 2,
    out: "",
    err: `stint: ${flags} contradict each other\n  give one of them\n`,
  });
});

test.each([
  [["--day", "+275760-09-13"], "'+275760-09-13' is out of range"],
  [["--day", "1969-12-31"], "'1969-12-31' is out of range"],
  [["--since", "-000300-01-01"], "'-000300-01-01' is out of range"],
  [["--to", "1960-01-01"], "'1960-01-01' is out of range"],
  [["--from", "0001-01-01 10:00"], "'0001-01-01 10:00' is out of range"],
  [
    ["--to", "1970-01-01 00:00Z"],
    "it would begin at the first of 1970 and end at 1970-01-01 00:00Z, which isn't later",
  ],
])("a time that nobody can mean, %p, is refused", async (args, why) => {
  const { code, out, err } = await report(...args);
  expect({ code, out, err: err.split("\n")[0] }).toEqual({ code: 2, out: "", err: `stint: ${why}` });
});

test("of a time as long as there can be it shows the weeks in which there was work", async () => {
  const screen = await onTerminal("--from", "1970-01-01", "--to", "9999-12-31", "--by", "day");
  expect(screen).toMatch(/by week\nweek of 2026-11-09 1 h 0 min █+▎?\nweek of 2026-11-16 3 h 0 min █+$/m);
  expect(await onTerminal("--since", "99999y")).toContain("4 h 0 min worked");
});
