/** `stint detect events`, as a user has it. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Journal, schema } from "../../src/detect/adapters/journal.ts";
import type { Happening } from "../../src/detect/core/event.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { enterHome, type Home, Other } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { pty } from "../support/pty.ts";
import { stint } from "../support/sandbox.ts";

let home: Home;
let store: Store;
beforeEach(async () => {
  home = enterHome({ TZ: "Europe/Berlin" });
  store = await openStore({ schemas: [schema] });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

const journalOf = (session = "session", clock = systemClock) =>
  Journal.open(store, "default", session, {
    clock,
    log: new KeptLog(),
    retention: () => ({ days: 36_500 }),
    told: () => {},
    storage: () => {},
  });
const at = (wall: number) => ({ ...systemClock, wall: () => wall });
const entered = (zone: string): Happening => ({
  event: "entered",
  camera: "hall",
  zone,
  score: 0.81,
  box: [0, 0, 1, 1],
});
const command = (...args: string[]) => [...stint.source, "detect", "events", ...args];
const run = (...args: string[]) => {
  const { stdout, stderr, exitCode } = Bun.spawnSync(command(...args), { env: process.env });
  const lines = stdout.toString().split("\n").slice(0, -1);
  return { lines: lines.map((line) => JSON.parse(line)), err: stderr.toString(), code: exitCode };
};

test("the last of them come as NDJSON, the oldest first, with the offset of local time there and then", async () => {
  const summer = await journalOf("s", at(Date.UTC(2026, 6, 1, 12)));
  for (const zone of ["a", "b"]) summer.add(entered(zone));
  await summer[Symbol.asyncDispose]();
  const winter = await journalOf("w", at(Date.UTC(2026, 10, 22, 13, 5, 3)));
  winter.add({ event: "guard_ready", pid: 4119 });
  await winter[Symbol.asyncDispose]();
  const { lines, code } = run("-n", "2");
  expect(code).toBe(0);
  expect(lines).toEqual([
    expect.objectContaining({ v: 1, type: "event", event: "entered", zone: "b", id: 2, utc_offset_min: 120 }),
    {
      v: 1,
      type: "event",
      event: "guard_ready",
      pid: 4119,
      id: 3,
      at: Date.UTC(2026, 10, 22, 13, 5, 3),
      snapshot: null,
      clip: null,
      utc_offset_min: 60,
    },
  ]);
  expect(run("-n", "0").lines).toEqual([]);
});

test("where nothing has happened that is said, and it is no failure", () => {
  expect(run()).toEqual({ lines: [], err: "nothing has happened yet\n", code: 0 });
});

test("people see a line each, and where a day begins", async () => {
  const journal = await journalOf("s", at(Date.UTC(2020, 10, 22, 13, 5, 3)));
  journal.add(entered("press"));
  journal.add({ event: "camera_lost", camera: "gate", why: "no frame for 3 s" });
  await journal[Symbol.asyncDispose]();
  await using terminal = pty(command());
  await terminal.exited;
  expect(terminal.screen()).toContain(
    "2020-11-22\n14:05:03 hall/press entered (score 0.81)\n14:05:03 gate lost (no frame for 3 s)",
  );
});

test("whoever follows misses none and sees none twice, through a restart of what writes them", async () => {
  const before = await journalOf();
  before.add(entered("0"));
  await before[Symbol.asyncDispose]();
  await using following = new Other(command("--follow", "-n", "1", "--json"));
  const next = async () => (JSON.parse(await following.line()) as { zone: string; id: number }).zone;
  expect(await next()).toBe("0");
  for (const session of [1, 2, 3]) {
    const journal = await journalOf(String(session));
    for (let n = 0; n < 400; n++) journal.add(entered(`${session}.${n}`));
    await journal[Symbol.asyncDispose]();
    const seen: string[] = [];
    while (seen.length < 400) seen.push(await next());
    expect(seen).toEqual(Array.from({ length: 400 }, (_, n) => `${session}.${n}`));
  }
});

test("whoever follows may come before anything is there", async () => {
  await store[Symbol.asyncDispose]();
  rmSync(`${home.path}/data`, { recursive: true });
  await using following = new Other(command("--follow", "--json"));
  store = await openStore({ schemas: [schema] });
  const journal = await journalOf();
  journal.add(entered("first"));
  expect(JSON.parse(await following.line())).toMatchObject({ zone: "first", id: 1 });
  journal.add(entered("second"));
  expect(JSON.parse(await following.line())).toMatchObject({ zone: "second", id: 2 });
  await journal[Symbol.asyncDispose]();
});

test("a signal ends it", async () => {
  const child = Bun.spawn(command("--follow"), { env: process.env, stdout: "pipe", stderr: "pipe" });
  const journal = await journalOf();
  journal.add(entered("a"));
  await child.stdout.getReader().read();
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  await journal[Symbol.asyncDispose]();
});
