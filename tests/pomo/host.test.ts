import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { checkpoints, findSession, listSessions } from "../../src/kernel/checkpoint.ts";
import { connect } from "../../src/kernel/client.ts";
import type { State } from "../../src/kernel/control.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { type Host, runHost } from "../../src/kernel/host.ts";
import { Life } from "../../src/kernel/life.ts";
import { openLog } from "../../src/kernel/log.ts";
import { findHosts, type Seat } from "../../src/kernel/seat.ts";
import { readStore, type Store } from "../../src/kernel/store.ts";
import { openPomo, type Request } from "../../src/pomo/adapters/host.ts";
import { addInterval, history, schema } from "../../src/pomo/adapters/journal.ts";
import { settings as configured } from "../../src/pomo/adapters/settings.ts";
import type { Settings } from "../../src/pomo/core/pomodoro.ts";
import { readSaved, type Saved } from "../../src/pomo/core/saved.ts";
import type { PomoView } from "../../src/pomo/core/view.ts";
import { Intervals, TestClock } from "../support/clock.ts";
import { enterHome, type Home } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

const MIN = 60_000;
const SETTINGS: Settings = {
  work_ms: 25 * MIN,
  break_ms: 5 * MIN,
  long_break_ms: 15 * MIN,
  rounds: 4,
  auto_start_breaks: true,
  auto_start_work: false,
  count_away: false,
  suspend: "pause",
};
const ID = "0198c0de-0000-7000-8000-000000000001";
/** What a full disk says. */
const FULL = new Expected(Exit.io, "the disk is full", "make room");

let home: Home;
let intervals: Intervals;
let clock: TestClock;
beforeEach(() => {
  home = enterHome();
  intervals = new Intervals();
  clock = new TestClock(new Date(2026, 10, 22, 9).getTime());
});
afterEach(() => {
  intervals[Symbol.dispose]();
  home[Symbol.dispose]();
});

const started = (settings: Settings): Request => {
  return { kind: "start", preset: "short", settings, task: null, paused: false };
};

/** A pomodoro's host in this process, on a clock that a test moves. */
class Pomo implements AsyncDisposable {
  readonly host: Host;
  readonly life: Life;
  /** Every state that clients were told. */
  readonly told: (State & PomoView)[] = [];
  /** Whether the disk takes nothing. */
  full = false;
  readonly #ran: Promise<unknown>;

  constructor(host: Host, life: Life, ran: Promise<unknown>) {
    this.host = host;
    this.life = life;
    this.#ran = ran;
    const { store } = host;
    const write = store.write.bind(store);
    store.write = (work) => (this.full ? Promise.reject(FULL) : write(work));
    host.control.watch((state) => void this.told.push(structuredClone(state) as State & PomoView));
  }

  /** @param store what it has for a store instead of the host's own */
  static async begin(
    how: Partial<Settings> = {},
    request: Request = started({ ...SETTINGS, ...how }),
    store: (own: Store) => Store = (own) => own,
  ): Promise<Pomo> {
    const config = { ...(await configured()).pomo, notify: false, sound: "off" };
    const recreated = request.kind !== "start";
    const options = { kind: "pomo", profile: "default", session: ID, schemas: [schema], recreated } as const;
    const { promise, resolve, reject } = Promise.withResolvers<Host>();
    const life = new Life(() => {});
    const ran = runHost({ ...options, life, log: openLog("host"), clock }, async (host) => {
      const given = { ...host, store: store(host.store) };
      const activity = await openPomo(given, request, config, undefined);
      resolve(host);
      return activity;
    });
    ran.catch(reject);
    const pomo = new Pomo(await promise, life, ran);
    await pomo.until(({ state, pending }) => state !== "starting" && pending === undefined);
    return pomo;
  }

  get now(): State & PomoView {
    return this.told.at(-1) as State & PomoView;
  }

  /** Resolves once clients are shown what holds. */
  async until(holds: (state: State & PomoView) => boolean): Promise<void> {
    await until(() => holds(this.now));
  }

  async state(): Promise<State & PomoView> {
    return (await this.host.control.state()) as State & PomoView;
  }

  async do(name: string, args?: unknown): Promise<State & PomoView> {
    return (await this.host.control.command(name, args)) as State & PomoView;
  }

  /** Types of the checkpoints, oldest first. */
  get checkpoints(): string[] {
    return checkpoints(this.host.store.db, ID)
      .map(({ type }) => type)
      .reverse();
  }

  /** The newest checkpoint. */
  get saved(): { state: Saved; last_active: number } {
    const [newest] = checkpoints(this.host.store.db, ID, 1);
    const state = readSaved(newest?.state);
    if (!newest || !state) throw new Error("there is none");
    return { state, last_active: newest.last_active };
  }

  /** What history has: which interval ended how. */
  get history(): string[] {
    return history(this.host.store.db, "default").map(({ type, outcome }) => `${type} ${outcome}`);
  }

  /** Which of the session's intervals are in history, in the order of their numbers. */
  get counted(): number[] {
    const rows = this.host.store.db.prepare("SELECT n FROM pomo_interval ORDER BY n").all();
    return rows.map(({ n }) => Number(n));
  }

  /** Ends it in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.host.end();
    await this.#ran;
  }

  get ended(): Promise<unknown> {
    return this.#ran;
  }
}

describe("the end of an interval", () => {
  test("is noticed at its moment, not 1 ms before, and once", async () => {
    await using pomo = await Pomo.begin({ auto_start_breaks: false });
    const { told } = pomo;
    await clock.advance(25 * MIN - 1);
    expect(await pomo.state()).toMatchObject({ ticking: true, completed: false, remaining_ms: 1 });
    expect(pomo.history).toEqual([]);
    await clock.advance(1);
    await pomo.until(({ state }) => state === "paused");
    expect(await pomo.state()).toMatchObject({ ticking: false, completed: true, remaining_ms: 0 });
    await clock.advance(24 * 60 * MIN);
    expect(pomo.history).toEqual(["WORK completed"]);
    expect(pomo.checkpoints).toEqual(["WORK_STARTED", "WORK_COMPLETED"]);
    expect(new Set(told.map(({ events }) => events))).toEqual(new Set([1, 2]));
    const [row] = history(pomo.host.store.db, "default");
    expect(row).toMatchObject({ elapsed_ms: 25 * MIN, ended_at: (row?.started_at ?? 0) + 25 * MIN });
  });

  test("begins the break where that starts by itself, and so on, each at its moment", async () => {
    await using pomo = await Pomo.begin({ rounds: 2, auto_start_work: true });
    await clock.advance(25 * MIN + 5 * MIN + 25 * MIN + 15 * MIN);
    await pomo.until(({ interval }) => interval === 5);
    expect(pomo.history).toEqual([
      "WORK completed",
      "SHORT_BREAK completed",
      "WORK completed",
      "LONG_BREAK completed",
    ]);
    expect(await pomo.state()).toMatchObject({ session_type: "WORK", round: 1, remaining_ms: 25 * MIN });
    expect(pomo.history.length + 5).toBe(pomo.checkpoints.filter((type) => /ED$/.test(type)).length);
  });

  test("moves with a pause and with an extension", async () => {
    await using pomo = await Pomo.begin();
    await clock.advance(5 * MIN);
    await pomo.do("pause");
    await clock.advance(60 * MIN);
    await pomo.do("resume");
    await pomo.do("extend", { ms: 2 * MIN });
    await clock.advance(22 * MIN - 1);
    expect(await pomo.state()).toMatchObject({ session_type: "WORK", remaining_ms: 1 });
    await clock.advance(1);
    await pomo.until(({ session_type }) => session_type === "SHORT_BREAK");
    expect(pomo.history).toEqual(["WORK completed"]);
  });

  test("doesn't come while it is paused", async () => {
    await using pomo = await Pomo.begin();
    await pomo.do("pause");
    await clock.advance(24 * 60 * MIN);
    expect(await pomo.state()).toMatchObject({ state: "paused", remaining_ms: 25 * MIN });
    expect(pomo.history).toEqual([]);
  });
});

describe("the beat", () => {
  test("writes what is left and when it was last alive together, every 30 s", async () => {
    await using pomo = await Pomo.begin();
    const begun = clock.wall();
    await clock.advance(20 * MIN);
    expect(pomo.saved).toMatchObject({ state: { interval: { remaining_ms: 25 * MIN } }, last_active: begun });
    await intervals.round(30_000);
    expect(pomo.saved).toMatchObject({
      state: { interval: { remaining_ms: 5 * MIN, timer: "running" } },
      last_active: begun + 20 * MIN,
    });
    expect(pomo.checkpoints).toEqual(["WORK_STARTED"]);
  });

  test("moves when it was last alive while it is paused too", async () => {
    await using pomo = await Pomo.begin();
    await pomo.do("pause");
    await clock.advance(60 * MIN);
    await intervals.round(30_000);
    expect(pomo.saved).toMatchObject({
      state: { interval: { remaining_ms: 25 * MIN, timer: "paused" } },
      last_active: clock.wall(),
    });
  });

  test("after midnight it gives today's figures, and not before", async () => {
    clock.setWall(new Date(2026, 10, 22, 23, 59, 50).getTime());
    await using pomo = await Pomo.begin();
    await pomo.do("finish");
    const today = () => ({ date: pomo.now.overview.date, completed: pomo.now.overview.today.completed });
    await intervals.round(30_000);
    expect(today()).toEqual({ date: "2026-11-22", completed: 1 });
    await clock.advance(10_000);
    await intervals.round(30_000);
    expect(today()).toEqual({ date: "2026-11-23", completed: 0 });
    expect(pomo.now.overview.streak_days).toBe(1);
  });
});

describe("what is old", () => {
  test("goes every hour: checkpoints of 48 hours ago, never history", async () => {
    await using pomo = await Pomo.begin();
    await pomo.do("pause");
    await pomo.do("resume");
    await clock.advance(2);
    await pomo.do("finish");
    await pomo.do("pause");
    expect(pomo.checkpoints).toHaveLength(6);
    await clock.advance(48 * 60 * MIN - 1);
    await intervals.round(3_600_000);
    expect(pomo.checkpoints).toEqual(["WORK_COMPLETED", "SHORT_BREAK_STARTED", "SHORT_BREAK_PAUSED"]);
    await clock.advance(2);
    await intervals.round(3_600_000);
    expect(pomo.checkpoints).toEqual(["SHORT_BREAK_PAUSED"]);
    expect(pomo.history).toEqual(["WORK completed"]);
  });
});

describe("a suspend", () => {
  test("is a pause, and the user is told how long it was", async () => {
    await using pomo = await Pomo.begin({ suspend: "pause" });
    await clock.advance(5 * MIN);
    clock.suspend(8 * 60 * MIN);
    await intervals.round(1_000);
    await pomo.until(({ notice }) => notice !== null);
    expect(await pomo.state()).toMatchObject({ ticking: true, remaining_ms: 20 * MIN });
    expect(pomo.now.notice).toBe("the machine slept for 8 h 0 min: the timer stood still meanwhile");
    expect(pomo.saved).toMatchObject({
      state: { interval: { remaining_ms: 20 * MIN } },
      last_active: clock.wall(),
    });
    await clock.advance(20 * MIN - 1);
    expect(pomo.history).toEqual([]);
    await clock.advance(1);
    expect(pomo.history).toEqual(["WORK completed"]);
  });

  test("counts where that is set, and the user is told how long it was", async () => {
    await using pomo = await Pomo.begin({ suspend: "count" });
    await clock.advance(5 * MIN);
    clock.suspend(10 * MIN);
    await intervals.round(48);
    await pomo.until(({ notice }) => notice !== null);
    expect(pomo.now.notice).toBe("the machine slept for 10 min: that was counted");
    expect(pomo.now).toMatchObject({ ticking: true, remaining_ms: 10 * MIN });
    expect(pomo.saved.state.interval.remaining_ms).toBe(10 * MIN);
    await clock.advance(10 * MIN - 1);
    expect(pomo.history).toEqual([]);
    await clock.advance(1);
    expect(pomo.history).toEqual(["WORK completed"]);
  });

  test("that counts and passes the end completes it once, and the user is told of the sleep", async () => {
    await using pomo = await Pomo.begin({ suspend: "count" });
    clock.suspend(60 * MIN);
    await intervals.round(48);
    await pomo.until(({ session_type }) => session_type === "SHORT_BREAK");
    expect(pomo.history).toEqual(["WORK completed"]);
    expect(pomo.checkpoints).toEqual(["WORK_STARTED", "WORK_COMPLETED", "SHORT_BREAK_STARTED"]);
    expect(await pomo.state()).toMatchObject({ ticking: true, remaining_ms: 5 * MIN });
    expect(pomo.told.map(({ notice }) => notice)).toContain(
      "the machine slept for 1 h 0 min: that was counted",
    );
  });

  test("while it is paused counts for nothing", async () => {
    await using pomo = await Pomo.begin({ suspend: "count" });
    await pomo.do("pause");
    clock.suspend(60 * MIN);
    await pomo.do("resume");
    await intervals.round(48);
    expect(await pomo.state()).toMatchObject({ remaining_ms: 25 * MIN, notice: null });
  });
});

describe("a wall clock that is set", () => {
  test.each([
    ["a day ahead", 24 * 60 * MIN],
    ["a day back", -24 * 60 * MIN],
  ])("moves nothing: %s", async (_, by) => {
    await using pomo = await Pomo.begin();
    await clock.advance(5 * MIN);
    clock.setWall(clock.wall() + by);
    await intervals.round(1_000);
    await intervals.round(30_000);
    expect(await pomo.state()).toMatchObject({ ticking: true, remaining_ms: 20 * MIN, notice: null });
    await clock.advance(20 * MIN - 1);
    expect(pomo.history).toEqual([]);
    await clock.advance(1);
    expect(pomo.history).toEqual(["WORK completed"]);
    const [row] = history(pomo.host.store.db, "default");
    if (!row) throw new Error("there is no row");
    expect(row.elapsed_ms).toBe(25 * MIN);
    expect(row.ended_at - row.started_at).toBeGreaterThanOrEqual(row.elapsed_ms);
  });
});

describe("the end of a host", () => {
  test("by stop is the end of the session, in history as interrupted", async () => {
    const pomo = await Pomo.begin();
    await clock.advance(5 * MIN);
    await pomo.do("stop");
    await pomo.ended;
    await using again = await Pomo.begin({}, { kind: "undo" });
    // Undone, and what passed meanwhile isn't counted: it was there to be undone.
    expect(again.checkpoints).toEqual(["WORK_STARTED", "WORK_INTERRUPTED", "WORK_RESUMED"]);
    expect(again.history).toEqual([]);
    expect(again.now).toMatchObject({ ticking: true, remaining_ms: 20 * MIN });
  });

  test("by a signal isn't: it is taken up as it was to the millisecond, less the time that nobody was there", async () => {
    const pomo = await Pomo.begin();
    await clock.advance(5 * MIN + 1);
    pomo.life.signal("SIGTERM", 15);
    await pomo.ended;
    await clock.advance(2 * MIN);
    await using again = await Pomo.begin({}, { kind: "restore" });
    expect(again.now).toMatchObject({ restored: true, ticking: true, remaining_ms: 18 * MIN - 1 });
    expect(again.now.taken_off_ms).toBe(2 * MIN);
    expect(again.history).toEqual([]);
    expect(listSessions(again.host.store.db)).toMatchObject([{ id: ID, state: "running" }]);
  });

  test("while it is paused leaves it paused", async () => {
    const pomo = await Pomo.begin();
    await clock.advance(5 * MIN);
    await pomo.do("pause");
    pomo.life.signal("SIGTERM", 15);
    await pomo.ended;
    await clock.advance(60 * MIN);
    await using again = await Pomo.begin({}, { kind: "restore" });
    expect(again.now).toMatchObject({ state: "paused", ticking: false, remaining_ms: 20 * MIN });
  });
});

describe("what is asked of a host on its way down", () => {
  /** Asks for it as soon as the session is over, and waits for the end. @returns what was refused, and what is left */
  async function late(name: string) {
    const pomo = await Pomo.begin();
    await clock.advance(5 * MIN);
    const { promise: asked, resolve } = Promise.withResolvers<Promise<unknown>>();
    pomo.host.control.watch(({ state }) => {
      if (state === "stopped") resolve(pomo.do(name).catch((error: unknown) => error));
    });
    await pomo.do("stop");
    const outcome = await asked;
    await pomo.ended;
    const left = await readStore([schema], (db) => ({
      over: readSaved(checkpoints(db, ID, 1)[0]?.state)?.over,
      history: history(db, "default").map(({ outcome }) => outcome),
    }));
    return { outcome, left };
  }

  test.each(["skip", "finish", "pause", "resume", "undo"])(
    "%s is refused and changes nothing",
    async (name) => {
      const { outcome, left } = await late(name);
      expect(outcome).toBeInstanceOf(Expected);
      expect(left).toEqual({ over: true, history: ["interrupted"] });
    },
  );
});

/** Whether everything that says where the pomodoro is says the same. */
async function expectConsistent(pomo: Pomo): Promise<void> {
  await pomo.until(({ pending }) => pending === undefined);
  const view = await pomo.state();
  const { interval, ticking, completed, remaining_ms } = view;
  const word = ticking ? "running" : "paused";
  const { state, ticking: shown, interval: n } = pomo.now;
  expect([state, shown, n]).toEqual([word, ticking, interval]);
  expect([view["state"], findSession(pomo.host.store.db, ID)?.state]).toEqual([word, word]);
  const { state: saved, last_active } = pomo.saved;
  const since = ticking ? clock.wall() - last_active : 0;
  expect(saved.interval).toMatchObject({
    n: interval,
    completed,
    ...(completed ? {} : { remaining_ms: remaining_ms + since }),
    timer: ticking ? "running" : completed ? "finished" : "paused",
  });
  // Each interval that was left is in history, once; the one that it is in only when it is done.
  const left = completed ? interval : interval - 1;
  expect(pomo.counted).toEqual(Array.from({ length: left }, (_, i) => i + 1));
  expect(view.unsaved).toBeNull();
}

test("a command answers with what it has come to: the session runs or stands as the timer does", async () => {
  await using pomo = await Pomo.begin({ auto_start_breaks: false });
  await pomo.do("pause");
  expect(await pomo.do("skip")).toMatchObject({ state: "running", session_type: "SHORT_BREAK" });
  expect(await pomo.do("finish")).toMatchObject({ state: "paused", completed: true });
  expect(await pomo.do("undo")).toMatchObject({ state: "running", completed: false });
});

describe("commands at the same moment", () => {
  test("of two who finish the same interval, one does", async () => {
    await using pomo = await Pomo.begin();
    await Promise.all([pomo.do("finish", { interval: 1 }), pomo.do("finish", { interval: 1 })]);
    expect(pomo.history).toEqual(["WORK completed"]);
    expect(await pomo.state()).toMatchObject({ session_type: "SHORT_BREAK", ticking: true });
  });

  test.each([
    [["pause", "pause"]],
    [["skip", "skip"]],
    [["finish", "finish"]],
    [["pause", "skip"]],
    [["skip", "pause"]],
    [["finish", "pause", "resume"]],
    [["pause", "resume", "skip", "finish"]],
    [["finish", "skip", "resume", "pause", "finish"]],
    [["skip", "undo"]],
    [["finish", "undo", "resume"]],
  ])("%p leave one state, and each interval that was left in history once", async (names) => {
    await using pomo = await Pomo.begin();
    await Promise.allSettled(names.map((name) => pomo.do(name)));
    await expectConsistent(pomo);
  });

  test("from two terminals leave the two and the host of one mind", async () => {
    await using pomo = await Pomo.begin({ auto_start_work: true });
    const [seat] = findHosts({ kind: "pomo" }) as [Seat];
    for (const name of ["pause", "resume", "skip", "finish", "toggle", "undo"]) {
      const both = [connect(seat), connect(seat)].map((client) => client.command(name));
      await Promise.allSettled([...both, connect(seat).command("toggle")]);
      await expectConsistent(pomo);
      const [one, other] = await Promise.all([connect(seat).state(), connect(seat).state()]);
      expect(one).toEqual(other);
    }
  });

  test("200 storms of them, at the end of the interval too, leave one state each", async () => {
    await using pomo = await Pomo.begin({ auto_start_work: true });
    const random = randomFrom(7);
    const names = ["pause", "resume", "toggle", "skip", "finish", "undo"];
    for (let storm = 0; storm < 200; storm++) {
      const { remaining_ms, ticking } = await pomo.state();
      const ends = ticking && random() < 0.3;
      const fired: string[] = [];
      const commands = Array.from({ length: 2 + Math.floor(random() * 5) }, async () => {
        const name = names[Math.floor(random() * names.length)] ?? "pause";
        for (let turns = Math.floor(random() * 12); turns > 0; turns--) await Promise.resolve();
        fired.push(name);
        await pomo.do(name);
      });
      const passing = clock.advance(ends ? remaining_ms : Math.floor(random() * 1000));
      const outcomes = await Promise.allSettled([...commands, passing]);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected" && !(outcome.reason instanceof Expected)) throw outcome.reason;
      }
      try {
        await expectConsistent(pomo);
      } catch (error) {
        throw new Error(`storm ${storm}: ${fired.join(", ")}${ends ? " at its end" : ""}`, { cause: error });
      }
    }
  });
});

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("a disk that takes nothing", () => {
  test("is shown, stops no timer, and what happened is in history once it takes it again, once", async () => {
    await using pomo = await Pomo.begin();
    pomo.full = true;
    await clock.advance(25 * MIN);
    await pomo.until(({ session_type }) => session_type === "SHORT_BREAK");
    expect(pomo.now).toMatchObject({ ticking: true, unsaved: "the disk is full" });
    await pomo.do("skip");
    expect(pomo.now).toMatchObject({ session_type: "WORK", round: 2, unsaved: "the disk is full" });
    await intervals.round(30_000);
    expect(pomo.history).toEqual([]);
    pomo.full = false;
    await intervals.round(30_000);
    expect(pomo.now.unsaved).toBeNull();
    await intervals.round(30_000);
    expect(pomo.history).toEqual(["WORK completed", "SHORT_BREAK interrupted"]);
    expect(pomo.now.overview.today.completed).toBe(1);
    await expectConsistent(pomo);
  });

  test("keeps nobody from pausing and resuming", async () => {
    await using pomo = await Pomo.begin();
    pomo.full = true;
    expect(await pomo.do("pause")).toMatchObject({ state: "paused", unsaved: "the disk is full" });
    expect(await pomo.do("resume")).toMatchObject({ state: "running", unsaved: "the disk is full" });
    pomo.full = false;
    expect(await pomo.do("pause")).toMatchObject({ state: "paused", unsaved: null });
    await expectConsistent(pomo);
  });

  test("what was undone meanwhile isn't in history afterwards", async () => {
    await using pomo = await Pomo.begin();
    await pomo.do("finish");
    pomo.full = true;
    await pomo.do("undo");
    await pomo.do("skip");
    await pomo.do("undo");
    pomo.full = false;
    await pomo.do("pause");
    expect(pomo.history).toEqual([]);
    await expectConsistent(pomo);
  });

  test("over 1,000 pauses and resumes keeps no more than what is true at the end", async () => {
    await using pomo = await Pomo.begin();
    pomo.full = true;
    for (let n = 0; n < 1_000; n++) {
      await pomo.do("pause");
      await clock.advance(10);
      await pomo.do("resume");
    }
    pomo.full = false;
    await intervals.round(30_000);
    expect(pomo.checkpoints.length).toBeLessThan(5);
    await expectConsistent(pomo);
  });

  test("at the start is no start: nothing has begun", async () => {
    await expect(
      Pomo.begin({}, undefined, (store) => ({ ...store, write: () => Promise.reject(FULL) })),
    ).rejects.toBe(FULL);
    const left = await readStore([schema], (db) => [listSessions(db), history(db, "default")]);
    expect(left).toEqual([[], []]);
  });
});

test("somebody else's change of history is in the figures once they ask for it", async () => {
  await using pomo = await Pomo.begin();
  const { store } = pomo.host;
  await store.write((db) =>
    addInterval(db, "default", {
      type: "WORK",
      round: 1,
      task: null,
      task_id: null,
      tags: [],
      started_at: clock.wall() - 30 * MIN,
      utc_offset_min: -new Date(clock.wall()).getTimezoneOffset(),
      ended_at: clock.wall() - 5 * MIN,
      duration_ms: 25 * MIN,
      elapsed_ms: 25 * MIN,
      outcome: "completed",
    }),
  );
  expect(pomo.now.overview.today.completed).toBe(0);
  await pomo.do("refresh");
  expect(pomo.now.overview.today.completed).toBe(1);
});
