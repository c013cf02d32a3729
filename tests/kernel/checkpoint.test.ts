import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  checkpoint,
  checkpoints,
  claimSession,
  dropCheckpoints,
  endSession,
  findSession,
  listSessions,
  newestCheckpoint,
  newSessionId,
  recordAlive,
  recordCrashed,
  recordState,
  refreshCheckpoint,
} from "../../src/kernel/checkpoint.ts";
import { isAlive, ownIdentity } from "../../src/kernel/runtime.ts";
import { openStore, type Store } from "../../src/kernel/store.ts";
import { TestClock } from "../support/clock.ts";
import { enterHome, type Home } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

let home: Home;
let store: Store;
const clock = new TestClock();
beforeEach(async () => {
  home = enterHome();
  store = await openStore();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

const claim = (id: string, kind: "pomo" | "track" = "pomo", profile = "default") =>
  store.write((db) => claimSession(db, { id, kind, profile }, clock));
const stateOf = (id: string) => findSession(store.db, id)?.state;
const hosted = (column: string, value: string | number) =>
  store.write((db) => db.prepare(`UPDATE session SET ${column} = ? WHERE id = 's'`).run(value));

describe("sessions", () => {
  test("one is starting once it is claimed, by this process, now", async () => {
    await claim("s");
    expect(findSession(store.db, "s")).toEqual({
      id: "s",
      kind: "pomo",
      profile: "default",
      state: "starting",
      host: ownIdentity(),
      started_at: clock.wall(),
      utc_offset_min: expect.any(Number),
      last_active: clock.wall(),
      ended_at: null,
    });
  });

  test("its states and the times of them are kept, and the end of it", async () => {
    await claim("s");
    const started = clock.wall();
    await clock.advance(1000);
    await store.write((db) => recordState(db, "s", "running", clock));
    expect(findSession(store.db, "s")).toMatchObject({ state: "running", last_active: started + 1000 });
    await clock.advance(1000);
    await store.write((db) => recordAlive(db, "s", clock));
    expect(findSession(store.db, "s")).toMatchObject({ state: "running", last_active: started + 2000 });
    await clock.advance(1000);
    await store.write((db) => endSession(db, "s", true, clock));
    expect(findSession(store.db, "s")).toMatchObject({
      state: "stopped",
      started_at: started,
      ended_at: started + 3000,
    });
  });

  test("one that never ran leaves no row", async () => {
    await claim("s");
    await store.write((db) => endSession(db, "s", false, clock));
    expect(findSession(store.db, "s")).toBeUndefined();
  });

  test("one that is restored keeps its id and its beginning, and isn't over any more", async () => {
    await claim("s");
    const started = clock.wall();
    await store.write((db) => recordState(db, "s", "stopped", clock));
    await clock.advance(5000);
    await claim("s");
    expect(findSession(store.db, "s")).toMatchObject({
      state: "starting",
      started_at: started,
      ended_at: null,
    });
  });

  test("are listed newest first, of one kind or profile when asked", async () => {
    await claim("1", "pomo");
    await claim("2", "track", "work");
    await claim("3", "pomo", "work");
    const ids = (only = {}) => listSessions(store.db, only).map(({ id }) => id);
    expect(ids()).toEqual(["3", "2", "1"]);
    expect(ids({ kind: "pomo" })).toEqual(["3", "1"]);
    expect(ids({ kind: "pomo", profile: "work" })).toEqual(["3"]);
  });

  test.each([
    ["the pid is gone", "pid", 2 ** 22 + 1],
    ["the pid is another process's by now", "pid_start", "1"],
    ["the machine was booted since", "boot_id", "another boot"],
  ])("whose host died without a word are crashed: %s", async (_, column, value) => {
    await claim("s");
    await store.write((db) => recordState(db, "s", "running", clock));
    expect(stateOf("s")).toBe("running");
    await hosted(column, value);
    expect(stateOf("s")).toBe("crashed");
    expect(await store.write(recordCrashed)).toMatchObject([{ id: "s", state: "crashed" }]);
    expect(await store.write(recordCrashed)).toEqual([]);
    expect(store.db.prepare("SELECT state FROM session").get()).toEqual({ state: "crashed" });
  });

  test("that have stopped stay stopped, whatever has become of their host", async () => {
    await claim("s");
    await store.write((db) => recordState(db, "s", "stopped", clock));
    await hosted("pid", 2 ** 22 + 1);
    expect(stateOf("s")).toBe("stopped");
    expect(await store.write(recordCrashed)).toEqual([]);
  });
});

test("a killed process that nobody has waited for isn't alive", async () => {
  const script = `${process.execPath} -e 1 & echo $!; exec sleep 60`;
  const parent = Bun.spawn(["sh", "-c", script], { stdout: "pipe" });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  const stat = () => Bun.file(`/proc/${pid}/stat`).text();
  while (!(await stat()).includes(") Z ")) await Bun.sleep(5);
  const start = (await stat()).split(" ").at(21) ?? "";
  // Its other threads may take a moment longer than its first.
  await until(() => !isAlive({ ...ownIdentity(), pid, start }));
  expect(await stat()).toContain(") Z ");
  expect(isAlive(ownIdentity())).toBe(true);
  parent.kill();
  await parent.exited;
});

describe("checkpoints", () => {
  const add = (state: unknown, keep = 3) =>
    store.write((db) => checkpoint(db, { session: "s", type: "PAUSED", state, keep }, clock));

  test("come back newest first, exactly as they were given", async () => {
    await claim("s");
    await add({ remaining: Number.NaN, at: -0 });
    await clock.advance(10);
    await add({ remaining: 1n, more: new Float64Array([0.1]) });
    const [newest, older] = checkpoints(store.db, "s");
    expect(newest).toMatchObject({ type: "PAUSED", made_at: clock.wall(), last_active: clock.wall() });
    expect(newest?.state).toEqual({ remaining: 1n, more: new Float64Array([0.1]) });
    expect(older?.state).toEqual({ remaining: Number.NaN, at: -0 });
    expect(findSession(store.db, "s")?.last_active).toBe(clock.wall());
  });

  test("bytes are kept as they are", async () => {
    await claim("s");
    await add(new Uint8Array([0, 255, 7]));
    expect(checkpoints(store.db, "s")[0]?.state).toEqual(new Uint8Array([0, 255, 7]));
  });

  test("only the newest few of each session are kept", async () => {
    await claim("s");
    await claim("t");
    await store.write((db) => checkpoint(db, { session: "t", type: "PAUSED", state: "t's", keep: 3 }, clock));
    for (let n = 1; n <= 5; n++) await add(n);
    expect(checkpoints(store.db, "s").map(({ state }) => state)).toEqual([5, 4, 3]);
    expect(checkpoints(store.db, "t")).toHaveLength(1);
  });

  test("one that can't be read back falls back to the one before", async () => {
    await claim("s");
    await add("good");
    await add("bad");
    await store.write((db) => db.exec(`UPDATE checkpoint SET state = '{"ba' WHERE state = '"bad"'`));
    expect(checkpoints(store.db, "s").map(({ state }) => state)).toEqual(["good"]);
  });

  test("state that can't be carried is refused by its path, and nothing is written", async () => {
    await claim("s");
    await add("good");
    await expect(add({ open: [new Date(0)] })).rejects.toThrow("state.open[0] is a Date");
    expect(checkpoints(store.db, "s").map(({ state }) => state)).toEqual(["good"]);
  });

  test("of no session can't be", async () => {
    await expect(add(1)).rejects.toThrow("FOREIGN KEY");
  });

  test("go with their session", async () => {
    await claim("s");
    await add(1);
    await store.write((db) => endSession(db, "s", false, clock));
    expect(store.db.prepare("SELECT count(*) AS n FROM checkpoint").get()).toEqual({ n: 0 });
  });
});

describe("checkpoints that are dropped by age", () => {
  const HOUR_MS = 3_600_000;
  const add = (session: string, state: unknown) =>
    store.write((db) => checkpoint(db, { session, type: "PAUSED", state }, clock));
  const drop = () =>
    store.write((db) =>
      dropCheckpoints(db, { kind: "pomo", profile: "default" }, clock.wall() - 48 * HOUR_MS),
    );
  const left = (session: string) => checkpoints(store.db, session).map(({ state }) => state);

  test("are all kept until then", async () => {
    await claim("s");
    for (let n = 1; n <= 100; n++) await add("s", n);
    expect(checkpoints(store.db, "s")).toHaveLength(100);
    await drop();
    expect(checkpoints(store.db, "s")).toHaveLength(100);
  });

  test("go once they were last alive before it, not a moment earlier", async () => {
    await claim("s");
    await store.write((db) => recordState(db, "s", "stopped", clock));
    await add("s", "old");
    await claim("t");
    await add("t", "newest");
    await clock.advance(48 * HOUR_MS);
    await drop();
    expect(left("s")).toEqual(["old"]);
    await clock.advance(1);
    await drop();
    expect(left("s")).toEqual([]);
  });

  test("stay when they are the newest of a session that hasn't stopped", async () => {
    for (const id of ["stopped", "running", "crashed"]) {
      await claim(id);
      await add(id, "older");
      await add(id, "newest");
    }
    await store.write((db) => recordState(db, "stopped", "stopped", clock));
    await store.write((db) => db.exec("UPDATE session SET pid = 4194305 WHERE id = 'crashed'"));
    await store.write(recordCrashed);
    await clock.advance(100 * HOUR_MS);
    await drop();
    expect([left("running"), left("crashed"), left("stopped")]).toEqual([["newest"], ["newest"], []]);
    expect(findSession(store.db, "stopped")).toBeDefined();
  });

  test("stay when they are the newest of all: one that a signal ended is stopped and can be taken up", async () => {
    for (const id of ["before", "last"]) {
      await claim(id);
      await add(id, "older");
      await add(id, "newest");
      await store.write((db) => recordState(db, id, "stopped", clock));
    }
    await clock.advance(100 * HOUR_MS);
    await drop();
    expect([left("before"), left("last")]).toEqual([[], ["newest"]]);
  });

  test("of another kind or profile are its own to drop", async () => {
    await claim("t", "track");
    await claim("w", "pomo", "work");
    for (const id of ["t", "w"]) {
      await add(id, 1);
      await add(id, 2);
      await store.write((db) => recordState(db, id, "stopped", clock));
    }
    await claim("s");
    await add("s", "mine");
    await clock.advance(100 * HOUR_MS);
    await drop();
    expect([left("t"), left("w"), left("s")]).toEqual([[2, 1], [2, 1], ["mine"]]);
  });

  test("live on when they are brought up to date: the state and when it was last alive, of the newest alone", async () => {
    await claim("s");
    await claim("t");
    await add("s", "first");
    await add("s", { remaining: 20 });
    await add("t", "another's");
    const made = clock.wall();
    await clock.advance(30_000);
    await store.write((db) => refreshCheckpoint(db, "s", { remaining: 19 }, clock));
    const [newest, first] = checkpoints(store.db, "s");
    expect(newest).toMatchObject({
      type: "PAUSED",
      state: { remaining: 19 },
      made_at: made,
      last_active: made + 30_000,
    });
    expect(first).toMatchObject({ state: "first", last_active: made });
    expect(checkpoints(store.db, "t")).toMatchObject([{ state: "another's", last_active: made }]);
    expect(findSession(store.db, "s")?.last_active).toBe(made + 30_000);
  });

  test("that can't be brought up to date stay as they were", async () => {
    await claim("s");
    await add("s", "good");
    const made = clock.wall();
    await clock.advance(30_000);
    const refresh = store.write((db) => refreshCheckpoint(db, "s", { at: new Date(0) }, clock));
    await expect(refresh).rejects.toThrow("state.at is a Date");
    expect(checkpoints(store.db, "s")).toMatchObject([{ state: "good", last_active: made }]);
  });
});

describe("the newest checkpoint of a kind and profile", () => {
  const add = (session: string, state: unknown) =>
    store.write((db) => checkpoint(db, { session, type: "PAUSED", state }, clock));
  const read = (state: unknown) => (typeof state === "number" ? `number ${state}` : undefined);
  const newest = (kind: "pomo" | "track" = "pomo", profile = "default") =>
    newestCheckpoint(store.db, { kind, profile }, read);
  const damage = (state: string, by: string) =>
    store.write((db) => db.prepare("UPDATE checkpoint SET state = ? WHERE state = ?").run(by, state));

  test("is whichever session's wrote last, and what it was read as", async () => {
    await claim("s");
    await claim("t");
    await add("t", 1);
    await add("s", 2);
    expect(newest()).toMatchObject({ session: "s", passedOver: 0, checkpoint: { state: "number 2" } });
    await add("t", 3);
    expect(newest()).toMatchObject({ session: "t", passedOver: 0, checkpoint: { state: "number 3" } });
  });

  test("is of no other kind and no other profile; there may be none", async () => {
    await claim("p");
    await claim("t", "track");
    await claim("w", "pomo", "work");
    await add("p", 1);
    await add("t", 2);
    await add("w", 3);
    expect(newest()).toMatchObject({ session: "p" });
    expect(newest("track")).toMatchObject({ session: "t" });
    expect(newest("pomo", "work")).toMatchObject({ session: "w" });
    expect(newest("track", "work")).toBeUndefined();
  });

  test("is the one before when it is torn, can't be decoded or isn't understood, and they are counted", async () => {
    await claim("s");
    await add("s", 7);
    for (const state of ["torn", "strange", new Uint8Array([1]), "of a newer version"]) await add("s", state);
    await damage('"torn"', '{"to');
    await damage('"strange"', '{"$bigint":"many"}');
    expect(newest()).toMatchObject({ passedOver: 4, checkpoint: { state: "number 7" } });
  });

  test("is none when none of its session can be read, which says how many; an older session is past", async () => {
    await claim("past");
    await add("past", 7);
    await claim("s");
    await add("s", 1);
    await damage("1", "[");
    await add("s", "refused");
    expect(newest()).toEqual({ session: "s", passedOver: 2 });
  });
});

describe("a session's id", () => {
  test("is a UUIDv7 with its time in front (the example of RFC 9562, A.6)", () => {
    const random = Uint8Array.from(Buffer.from("0000000000000cc318c4dc0c0c07398f", "hex"));
    expect(newSessionId(0x017f22e279b0, random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  });

  test("sorts by time, over the 2^32 ms too", () => {
    const random = new Uint8Array(16).fill(255);
    const times = [0, 1, 2 ** 16, 2 ** 32 - 1, 2 ** 32, 2 ** 41, 2 ** 48 - 1];
    const ids = times.map((time) => newSessionId(time, random));
    expect(ids.toSorted()).toEqual(ids);
  });
});
