/** Puts what was tracked into a store, for reports of it. */
import sharp from "sharp";
import type { Database } from "../../src/kernel/runtime.ts";
import { openStore } from "../../src/kernel/store.ts";
import {
  addSpan,
  addWindow,
  putInput,
  schema,
  textId,
  trackSession,
} from "../../src/track/adapters/journal.ts";
import { type InputCounts, NO_INPUT } from "../../src/track/core/counts.ts";
import type { Span } from "../../src/track/core/span.ts";
import { enterHome } from "../support/home.ts";
import type { Sandbox } from "../support/sandbox.ts";

/** Adds a session with its row of the kernel's. @returns its number */
export function addSession(db: Database, id: string, at: number, profile = "default"): number {
  db.prepare(
    `INSERT INTO session (id, kind, profile, state, pid, pid_start, boot_id, started_at, utc_offset_min, last_active, ended_at)
     VALUES (?, 'track', ?, 'stopped', 1, '', '', ?, 0, ?, ?)`,
  ).run(id, profile, at, at, at);
  return trackSession(db, { id, profile, origin: "tracked" });
}

type Given = Partial<Span> & Pick<Span, "session" | "started_at" | "ended_at">;

export const span = (db: Database, given: Given): number =>
  addSpan(db, { kind: "work", project: null, tags: [], note: null, utc_offset_min: 0, ...given });

export const seen = (
  db: Database,
  session: number,
  [app, title]: readonly [string, string | null],
  started_at: number,
  ended_at: number,
): number =>
  addWindow(db, { session, window: { app, title, pid: null, process: null }, started_at, ended_at });

export const typed = (
  db: Database,
  session: number,
  started_at: number,
  ended_at: number,
  counts: Partial<InputCounts>,
): void => putInput(db, { session, started_at, ended_at, counts: { ...NO_INPUT, ...counts } });

/** A screenshot in one colour. */
export async function shotOf(colour: string): Promise<Uint8Array> {
  const background = colour;
  return await sharp({ create: { width: 320, height: 180, channels: 3, background } })
    .webp()
    .toBuffer();
}

export function shot(db: Database, session: number, taken_at: number, app: string, webp: Uint8Array): void {
  db.prepare(
    `INSERT INTO track_screenshot
       (session, taken_at, utc_offset_min, monitor, file, width, height, bytes, thumbnail, app)
     VALUES (?, ?, 0, 'main', 'x.webp', 1920, 1080, 1, ?, ?)`,
  ).run(session, taken_at, webp, textId(db, app));
}

/** Writes into the store of a home, from this process. */
export async function fill(box: Sandbox, work: (db: Database) => void): Promise<void> {
  const folders = Object.entries(box.env).filter(([name]) => /^(HOME|XDG_.*)$/.test(name));
  using _ = enterHome(Object.fromEntries(folders));
  await using store = await openStore({ schemas: [schema] });
  await store.write(work);
}
