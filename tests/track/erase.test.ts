import { afterEach, beforeEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { claimSession, recordState } from "../../src/kernel/checkpoint.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { ControlServer } from "../../src/kernel/control.ts";
import { openLog } from "../../src/kernel/log.ts";
import { socketPath } from "../../src/kernel/paths.ts";
import { takeSeat } from "../../src/kernel/seat.ts";
import { openStore, type Store, storePath } from "../../src/kernel/store.ts";
import { erase, tellCopies } from "../../src/track/adapters/erase.ts";
import { addSpan, putInput, putReport, schema, trackSession } from "../../src/track/adapters/journal.ts";
import { NO_INPUT } from "../../src/track/core/counts.ts";
import { enterHome, type Home } from "../support/home.ts";

const SESSION = "0197a0f0-0000-7000-8000-000000000001";
const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 10, 20, 9);

let home: Home;
let store: Store;
beforeEach(async () => {
  home = enterHome();
  store = await openStore({ schemas: [schema] });
  await store.write((db) => {
    claimSession(db, { id: SESSION, kind: "track", profile: "default" }, systemClock);
    recordState(db, SESSION, "stopped", systemClock);
    const session = trackSession(db, { id: SESSION, profile: "default", origin: "tracked" });
    const work = { kind: "work", project: null, tags: [], note: null, utc_offset_min: 0 } as const;
    addSpan(db, { session, ...work, started_at: T0, ended_at: T0 + HOUR });
    // What was seen after a span that has been taken out since.
    const late = { started_at: T0 + 2 * HOUR, ended_at: T0 + 2 * HOUR + 30_000 };
    putInput(db, { session, ...late, counts: { ...NO_INPUT, presses: 7 } });
    db.prepare(
      `INSERT INTO track_screenshot (session, taken_at, utc_offset_min, monitor, file, width, height, bytes, thumbnail)
       VALUES (?, ?, 0, 'one', 'none.webp', 1, 1, 9, x'00')`,
    ).run(session, late.started_at);
    putReport(db, session, Date.now());
  });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

test("the report of a session is up to date after what was seen outside its spans is deleted", async () => {
  const report = () => store.db.prepare("SELECT presses, screenshots FROM track_session").get();
  expect(report()).toEqual({ presses: 7, screenshots: 1 });
  const { erased } = await erase("default", { from: T0 + 2 * HOUR, to: T0 + 3 * HOUR }, Date.now());
  expect(erased).toMatchObject({ sessions: 0, spans: 0, input: 1, screenshots: 1 });
  expect(report()).toEqual({ presses: 0, screenshots: 0 });
});

test("the host that tracks hears that the past has changed", async () => {
  const told: string[] = [];
  using log = openLog("host");
  const command = async (name: string) => {
    told.push(name);
    return {};
  };
  const control = new ControlServer({ state: () => ({}), command }, log);
  await control.bind(socketPath("track"));
  using seat = takeSeat("track");
  seat.announce({ kind: "track", profile: "default", session: "s", socket: socketPath("track") });
  try {
    await erase("default", { from: T0, to: T0 + HOUR }, Date.now());
    expect(told).toEqual(["refresh"]);
  } finally {
    await control.close();
  }
});

test("copies of the store are told of, which nothing is deleted in", () => {
  const copies = ["backup-2", "damaged-1", "damaged-1-wal"].map((end) => `${storePath()}.${end}`);
  for (const path of [...copies, `${storePath()}.backup-x`, `${storePath()}x.backup-1`]) {
    writeFileSync(path, "");
  }
  const notes: string[] = [];
  tellCopies({ note: (text) => void notes.push(text) });
  expect(notes).toEqual(
    copies.map((path) => `${path} is a copy of the store that may hold it still: delete it too`),
  );
});
