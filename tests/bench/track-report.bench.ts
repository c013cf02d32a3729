// A report of a year of tracking by the executable, and what the year takes: bun tests/bench/track-report.bench.ts
import { statSync } from "node:fs";
import { join } from "node:path";
import { localOffset } from "../../src/kernel/clock.ts";
import type { Database } from "../../src/kernel/runtime.ts";
import { readStore } from "../../src/kernel/store.ts";
import { schema, textId } from "../../src/track/adapters/journal.ts";
import { todayOf } from "../../src/track/adapters/today.ts";
import { enterHome } from "../support/home.ts";
import { Sandbox } from "../support/sandbox.ts";
import { addSession, fill, span, typed } from "../track/worked.ts";
import { median, row } from "./table.ts";

const S = 1_000;
const H = 3_600 * S;
const DAY = 24 * H;
const WORKING_DAYS = 250;
const MONTHS = 12;
const WINDOW_MS = 10 * S;
const INPUT_MS = 30 * S;
const ROUNDS = 7;

let seed = 1;
/** 0 to 1, the same in each run. */
function random(): number {
  seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
  return seed / 0x7fffffff;
}
/** One of so many, the first far more often. */
const often = (count: number): number => Math.floor(random() ** 3 * count);

const counted = { polls: 0, presses: 0, clicks: 0 };

/** Eight hours in a dozen spans, with a window every ten seconds and input every thirty. */
function workingDay(
  db: Database,
  midnight: number,
  apps: readonly number[],
  titles: readonly number[],
): void {
  const begins = midnight + 8 * H;
  const session = addSession(db, `day ${midnight}`, begins);
  let at = begins;
  for (let n = 0; n < 12; n++) {
    const kind = n % 6 === 5 ? "away" : n % 6 === 2 ? "pause" : "work";
    const ends = at + (kind === "work" ? 60 * 60 * S : (kind === "away" ? 20 : 10) * 60 * S);
    const project = `project ${often(8)}`;
    const tags = n % 2 === 0 ? ["billable"] : [];
    span(db, {
      session,
      kind,
      project,
      tags,
      started_at: at,
      ended_at: ends,
      utc_offset_min: localOffset(at),
    });
    if (kind === "work") working(db, { session, from: at, to: ends }, apps, titles);
    at = ends;
  }
}

function working(
  db: Database,
  { session, from, to }: { session: number; from: number; to: number },
  apps: readonly number[],
  titles: readonly number[],
): void {
  const window = db.prepare(
    "INSERT INTO track_window (session, app, title, process, pid, started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  for (let at = from; at < to; at += WINDOW_MS) {
    const title = often(titles.length);
    const app = apps[title % apps.length] ?? 0;
    window.run(session, app, titles[title] ?? 0, app, 1_000 + (title % 40), at, at + WINDOW_MS);
    counted.polls += WINDOW_MS / S;
  }
  for (let at = from; at < to; at += INPUT_MS) {
    const presses = Math.floor(random() * 25);
    const left = Math.floor(random() * 4);
    typed(db, session, at, at + INPUT_MS, {
      presses,
      releases: presses,
      typing_ms: presses * 150,
      left,
      scroll_y: left * 3,
      delta_x: left * 400,
      delta_y: left * 200,
      distance_px: left * 450,
      moving_ms: left * 900,
    });
    counted.presses += presses;
    counted.clicks += left;
  }
}

await using box = new Sandbox();
const midnight = Math.floor(Date.now() / DAY) * DAY;
let days = 0;
let last = 0;
await fill(box, (db) => {
  const apps = Array.from({ length: 15 }, (_, n) => textId(db, `app-${n}`));
  const titles = Array.from({ length: 2_000 }, (_, n) =>
    textId(db, `Chapter ${n} of a document — an editor`),
  );
  for (let ago = 363; ago > 0 && days < WORKING_DAYS; ago--) {
    const day = midnight - ago * DAY;
    if ([0, 6].includes(new Date(day).getUTCDay())) continue;
    workingDay(db, day, apps, titles);
    last = day;
    days++;
  }
});
const { polls, presses, clicks } = counted;
const events = polls + presses + clicks;
const file = join(box.home, "data/stint/stint.db");
/** MB on the disk. */
const size = (): number =>
  [file, `${file}-wal`].reduce(
    (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
    0,
  ) / 1e6;
console.log(
  `${days} working days, ${(events / 1e6).toFixed(1)} million events: ${(polls / 1e6).toFixed(1)} M polls, ${(presses / 1e6).toFixed(1)} M keys, ${(clicks / 1e6).toFixed(1)} M clicks`,
);
row("store of a working month, not rolled up", size() / MONTHS, "MB", "no goal");

function timed(...args: string[]): number {
  const begin = performance.now();
  const argv = [...box.command, "track", "report", "--since", "1y", "--json", ...args];
  const { exitCode, stdout } = Bun.spawnSync(argv, { cwd: box.work, env: box.env });
  const took = performance.now() - begin;
  if (exitCode !== 0 || !stdout.includes('"worked_ms"')) throw new Error(`it ended with ${exitCode}`);
  return took / S;
}
/** Makes the kernel forget what it has of the file in memory. */
const forget = () => Bun.spawnSync(["dd", `if=${file}`, "iflag=nocache", "count=0"], { stderr: "ignore" });

row("the first report, which rolls the year up", timed(), "s", "no goal");
row("store of a working month, rolled up", size() / MONTHS, "MB", "≤ 30");
for (const by of [undefined, "app", "title", "category", "project", "tag", "hour", "day"]) {
  const args = by === undefined ? [] : ["--by", by];
  const name = by === undefined ? "report of the year" : `report of the year by ${by}`;
  forget();
  row(`${name}, cold`, timed(...args), "s", "≤ 1");
  row(`${name}, warm`, median(Array.from({ length: ROUNDS }, () => timed(...args))), "s", "≤ 1");
}

using _ = enterHome(
  Object.fromEntries(Object.entries(box.env).filter(([name]) => /^(HOME|XDG_.*)$/.test(name))),
);
await readStore([schema], (db) => {
  const now = last + 23 * H;
  const took = Array.from({ length: 20 }, () => {
    const begin = performance.now();
    if (todayOf(db, "default", now).worked_ms === 0) throw new Error("there is no work on the last day");
    return performance.now() - begin;
  });
  row("a host's figures of the day, after its eight hours", median(took), "ms", "≤ 5");
});
