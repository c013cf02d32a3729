/** Keeps events and snapshots on a disk that fills up and is emptied again, and says what came of them. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Journal, schema } from "../../src/detect/adapters/journal.ts";
import { Snapshots, snapshotFolder } from "../../src/detect/adapters/snapshots.ts";
import { openStore } from "../../src/kernel/store.ts";
import { TestClock } from "../support/clock.ts";
import { readEvents } from "../support/events.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";
import { fill } from "../support/small-disk.ts";

const clock = new TestClock(Date.UTC(2026, 10, 22));
const log = new KeptLog();
const told: (string | null)[] = [];
const storage = (problem: string | null) => told.push(problem?.split(" ")[0] ?? null);
const retention = () => ({ days: 30, megabytes: 100, clip_before_ms: 0, clip_after_ms: 0 });
const store = await openStore({ schemas: [schema] });
const journal = await Journal.open(store, "default", "s", { clock, log, retention, told: () => {}, storage });
const snapshots = await Snapshots.open("default", retention, { clock, log, storage });
const frame = { data: new Uint8Array(64 * 36 * 3), width: 64, height: 36, at: 0 };
const folder = snapshotFolder("default");
const filler = join(process.env["XDG_DATA_HOME"] ?? "", "filler");

const first = (await snapshots.picture(1, frame, [], null, "")) !== undefined;
journal.add({ event: "guard_ready", pid: 1 });
await clock.advance(50);
await until(async () => (await readEvents("default", 9)).length === 1);
fill(filler);
const full = [
  (await snapshots.picture(2, frame, [], null, "")) !== undefined,
  (await snapshots.clip(2, new Uint8Array(300_000))) !== undefined,
];
// More than what a log of writes still has room for.
for (let n = 0; n < 200; n++) journal.add({ event: "guard_dead", why: "x".repeat(2_000) });
await until(async () => {
  await clock.advance(50);
  return told.length === 2;
});
const leftovers = readdirSync(folder).filter((name) => name.startsWith("."));
rmSync(filler);
await until(async () => {
  await clock.advance(5_000);
  return told.length === 4;
});
const again = (await snapshots.picture(3, frame, [], null, "")) !== undefined;
journal.add({ event: "detector_back" });
await snapshots[Symbol.asyncDispose]();
await journal[Symbol.asyncDispose]();
const events = [...new Set((await readEvents("default", 999)).map(({ event }) => event))].reverse();
await store[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ first, full, told, leftovers, again, events }));
