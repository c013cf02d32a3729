import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { checkpoints, findSession } from "../../src/kernel/checkpoint.ts";
import type { State } from "../../src/kernel/control.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { type Host, runHost } from "../../src/kernel/host.ts";
import { Life } from "../../src/kernel/life.ts";
import { openLog } from "../../src/kernel/log.ts";
import { readStore } from "../../src/kernel/store.ts";
import { openTrack, type Request } from "../../src/track/adapters/host.ts";
import { inputOfSession, schema, spansOfSession } from "../../src/track/adapters/journal.ts";
import { readLeft, storedState } from "../../src/track/adapters/left.ts";
import type { Probed, Senses } from "../../src/track/adapters/senses/sense.ts";
import { settings, type TrackSettings } from "../../src/track/adapters/settings.ts";
import type { KeyCounter, MouseCounter } from "../../src/track/core/counts.ts";
import type { Pushed } from "../../src/track/core/view.ts";
import type { Window } from "../../src/track/core/window.ts";
import { Intervals, TestClock } from "../support/clock.ts";
import { enterHome, type Home } from "../support/home.ts";
import { gate, never } from "../support/parts.ts";
import { until } from "../support/sandbox.ts";

const S = 1_000;
const MIN = 60 * S;
const BEAT = 250;
const ID = "0198c0de-0000-7000-8000-000000000001";
const START = new Date(2026, 10, 22, 9).getTime();
/** What a full disk says. */
const FULL = new Expected(Exit.io, "the disk is full", "make room");

let home: Home;
let intervals: Intervals;
let clock: TestClock;
beforeEach(() => {
  home = enterHome();
  intervals = new Intervals();
  clock = new TestClock(START);
});
afterEach(() => {
  intervals[Symbol.dispose]();
  home[Symbol.dispose]();
});

type Name = keyof Senses;

/** A machine that is made up: what it sees is what a test says. */
class Machine {
  idleMs = 0;
  window: Window | undefined = { app: "code", title: "shutdown.ts", pid: 7, process: "code" };
  keys: KeyCounter | undefined;
  mouse: MouseCounter | undefined;
  readonly open = new Map<Name, number>();
  readonly opened = new Map<Name, number>();
  readonly lost = new Map<Name, (error: unknown) => void>();
  /** What an opening of this waits for, or fails with. */
  readonly before = new Map<Name, () => Promise<void>>();
  readonly disposing = new Map<Name, () => Promise<void>>();
  /** What it can't count input by. */
  without: string | undefined;

  async #part<T extends object>(name: Name, lost: (error: unknown) => void, part: T) {
    await this.before.get(name)?.();
    this.open.set(name, (this.open.get(name) ?? 0) + 1);
    this.opened.set(name, (this.opened.get(name) ?? 0) + 1);
    this.lost.set(name, lost);
    return {
      ...part,
      [Symbol.asyncDispose]: async () => {
        await this.disposing.get(name)?.();
        this.open.set(name, (this.open.get(name) ?? 0) - 1);
      },
    };
  }

  /** How many parts of the display are open. */
  get parts(): number {
    return [...this.open.values()].reduce((sum, count) => sum + count, 0);
  }

  probed(): Probed {
    const via = "x11" as const;
    return {
      desktop: "x11",
      notes: [],
      senses: {
        keyboard: {
          via,
          open: (counter) => (_, lost) => {
            this.keys = counter;
            return this.#part("keyboard", lost, {});
          },
        },
        mouse: {
          via,
          open: (counter) => (_, lost) => {
            this.mouse = counter;
            return this.#part("mouse", lost, {});
          },
        },
        presence: {
          via,
          open: () => (_, lost) => this.#part("presence", lost, { idleMs: async () => this.idleMs }),
        },
        windows: {
          via,
          open: () => (_, lost) =>
            this.#part("windows", lost, {
              active: async () => this.window,
              visible: async () => (this.window ? [this.window] : []),
              running: async () => [],
            }),
        },
        screen: { unavailable: "it has no screen" },
      },
    };
  }
}

const start: Extract<Request, { kind: "start" }> = {
  kind: "start",
  effort: { project: "acme", tags: ["billable"] },
  note: null,
  trackers: ["keyboard", "mouse", "apps"],
  input: "auto",
  at: null,
  paused: false,
};

/** A tracking host in this process, on a clock that a test moves. */
class Track implements AsyncDisposable {
  readonly host: Host;
  readonly machine: Machine;
  readonly told: (State & Pushed)[] = [];
  full = false;
  readonly #life: Life;
  readonly #ran: Promise<unknown>;

  constructor(host: Host, machine: Machine, life: Life, ran: Promise<unknown>) {
    this.host = host;
    this.machine = machine;
    this.#life = life;
    this.#ran = ran;
    const { store } = host;
    const write = store.write.bind(store);
    store.write = (work) => (this.full ? Promise.reject(FULL) : write(work));
    host.control.watch((state) => void this.told.push(structuredClone(state) as State & Pushed));
  }

  static async begin(
    how: Partial<TrackSettings> = {},
    request: Request = start,
    machine = new Machine(),
    settled = true,
  ): Promise<Track> {
    const config = { ...(await settings()).track, write_ms: BEAT, lock: "count" as const, ...how };
    const recreated = request.kind !== "start";
    const options = { kind: "track", profile: "default", session: ID, schemas: [schema], recreated } as const;
    const { promise, resolve, reject } = Promise.withResolvers<Host>();
    const life = new Life(() => {});
    const ran = runHost({ ...options, life, log: openLog("host"), clock }, async (host) => {
      const activity = await openTrack(host, request, config, async (input) => {
        if (input === machine.without) throw new Expected(Exit.unavailable, `${input} isn't here`);
        return machine.probed();
      });
      resolve(host);
      return activity;
    });
    ran.catch(reject);
    const track = new Track(await promise, machine, life, ran);
    if (settled) await track.until(({ state, pending }) => state !== "starting" && pending === undefined);
    return track;
  }

  get now(): State & Pushed {
    return this.told.at(-1) as State & Pushed;
  }

  until(holds: (state: State & Pushed) => boolean): Promise<unknown> {
    return until(() => holds(this.now));
  }

  async state(): Promise<State & Pushed> {
    return (await this.host.control.state()) as State & Pushed;
  }

  async do(name: string, args?: unknown): Promise<State & Pushed> {
    return (await this.host.control.command(name, args)) as State & Pushed;
  }

  /** Time passes, and what has been counted is written. */
  async pass(ms: number): Promise<State & Pushed> {
    await clock.advance(ms);
    return this.beat();
  }

  async beat(): Promise<State & Pushed> {
    await intervals.round(BEAT);
    // Written once the store's queue is through.
    await this.host.store.write(() => {}).catch(() => {});
    return this.state();
  }

  /** What the store has of its spans: kind, and from and to in seconds since the start. */
  get spans(): [kind: string, from: number, to: number][] {
    return spansOfSession(this.host.store.db, 1).map(({ kind, started_at, ended_at }) => [
      kind,
      (started_at - START) / S,
      (ended_at - START) / S,
    ]);
  }

  /** It is killed: what it holds is gone, and nothing is written any more. */
  async stop(): Promise<void> {
    this.host.control.command("stop").catch(() => {});
    await this.#ran;
  }

  async signal(): Promise<void> {
    this.#life.signal("SIGTERM", 15);
    await this.#ran;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.full = false;
    await this.stop();
  }
}

describe("while it runs", () => {
  test("keys and clicks are in the store within a beat, without saying which", async () => {
    await using track = await Track.begin();
    track.machine.keys?.press(0);
    track.machine.keys?.press(100);
    track.machine.keys?.release();
    track.machine.mouse?.click("left", 150);
    const state = await track.pass(S);
    expect(state).toMatchObject({ keys: 2, clicks: 1, worked_ms: S, going: "work", project: "acme" });
    expect(inputOfSession(track.host.store.db, 1)).toMatchObject({
      presses: 2,
      releases: 1,
      left: 1,
      typing_ms: 100,
    });
    expect(state.minutes.keys.at(-1)).toBe(2);
  });

  test("the mouse is idle once it was still for longer than the threshold", async () => {
    await using track = await Track.begin();
    track.machine.mouse?.click("left", clock.monotonic());
    expect((await track.pass(S)).mouse_idle).toBe(false);
    expect((await track.pass(2 * S)).mouse_idle).toBe(true);
  });

  test("an interval of input has one row, and the next another", async () => {
    await using track = await Track.begin();
    for (let n = 0; n < 4; n++) {
      track.machine.keys?.press(n);
      await track.pass(10 * S);
    }
    const rows = track.host.store.db.prepare("SELECT started_at, presses FROM track_input").all();
    expect(rows.map((row) => row["presses"])).toEqual([2, 2]);
  });

  test("the active window is one event for as long as it stays", async () => {
    await using track = await Track.begin();
    await track.pass(10 * S);
    track.machine.window = { app: "firefox", title: "news", pid: 8, process: "firefox" };
    const state = await track.pass(5 * S);
    expect(state).toMatchObject({ app: "firefox", title: "news" });
    const rows = track.host.store.db
      .prepare("SELECT text, started_at, ended_at FROM track_window JOIN track_text ON track_text.id = app")
      .all();
    expect(rows.map((row) => [row["text"], Number(row["started_at"]) - START])).toEqual([
      ["code", 0],
      ["firefox", 11 * S],
    ]);
    // Nothing of the time between two looks is lost.
    expect(Number(rows[0]?.["ended_at"])).toBe(Number(rows[1]?.["started_at"]));
  });
});

describe("away", () => {
  test("begins with the last input, not when it is noticed, and ends with the next", async () => {
    await using track = await Track.begin();
    await track.pass(10 * MIN);
    track.machine.idleMs = 3 * MIN + S;
    await track.pass(4 * MIN);
    expect((await track.state()).going).toBe("away");
    track.machine.idleMs = 0;
    const state = await track.pass(MIN);
    expect(state.going).toBe("work");
    const [work, away, again] = track.spans;
    expect(work?.[0]).toBe("work");
    expect(away?.[0]).toBe("away");
    expect(again?.[0]).toBe("work");
    expect(state.worked_ms + state.afk_ms).toBe(15 * MIN);
    expect(state.question).toMatchObject({ from: START + (away?.[1] ?? 0) * S });
  });

  test("can be kept, given to a project, and that taken back", async () => {
    await using track = await Track.begin();
    track.machine.idleMs = 5 * MIN;
    await track.pass(5 * MIN);
    track.machine.idleMs = 0;
    const { question, afk_ms } = await track.pass(MIN);
    expect(afk_ms).toBeGreaterThan(0);
    const edit = { do: "away", span: question?.span, decision: { project: "meetings" } };
    const kept = await track.do("correct", { edit });
    expect(kept).toMatchObject({ afk_ms: 0, question: null, project: "acme" });
    const undone = await track.do("undo");
    expect(undone.afk_ms).toBe(afk_ms);
  });

  test("is kept without a word where the configuration says so", async () => {
    await using track = await Track.begin({ away: "keep" });
    track.machine.idleMs = 5 * MIN;
    await track.pass(5 * MIN);
    track.machine.idleMs = 0;
    await track.pass(MIN);
    await until(
      async () => (await track.state()).afk_ms,
      (ms) => ms === 0,
    );
    expect((await track.state()).question).toBeNull();
  });

  test("is what the machine slept through, and no work", async () => {
    await using track = await Track.begin();
    await track.pass(MIN);
    clock.suspend(60 * MIN);
    const state = await track.pass(MIN);
    expect(state).toMatchObject({ going: "work", worked_ms: 2 * MIN, afk_ms: 60 * MIN });
    expect(track.spans.map(([kind]) => kind)).toEqual(["work", "away", "work"]);
  });

  test("is not what the machine slept through where that counts", async () => {
    await using track = await Track.begin({ suspend: "count" });
    clock.suspend(60 * MIN);
    expect(await track.pass(MIN)).toMatchObject({ worked_ms: 61 * MIN, afk_ms: 0 });
  });
});

describe("away, where it ends otherwise", () => {
  /** Nobody was there for five minutes. */
  async function gone(how: Partial<TrackSettings> = {}): Promise<Track> {
    const track = await Track.begin(how);
    await track.pass(MIN);
    track.machine.idleMs = 5 * MIN;
    await track.pass(5 * MIN);
    expect((await track.state()).going).toBe("away");
    return track;
  }

  test("by a pause is asked about all the same", async () => {
    await using track = await gone();
    const paused = await track.do("pause");
    expect(paused.going).toBe("pause");
    expect((await track.pass(S)).question).not.toBeNull();
  });

  test("by a pause is kept all the same", async () => {
    await using track = await gone({ away: "keep" });
    await track.do("pause");
    expect((await track.pass(S)).afk_ms).toBe(0);
  });

  test("by the end of the session is kept all the same", async () => {
    const track = await gone({ away: "keep" });
    const { worked_ms, afk_ms } = await track.state();
    await track.stop();
    const row = await readStore([schema], (db) =>
      db.prepare("SELECT worked_ms, afk_ms FROM track_session").get(),
    );
    expect(row).toEqual({ worked_ms: worked_ms + afk_ms, afk_ms: 0 });
  });

  test("by a key, though what tells of idle time is lost", async () => {
    await using track = await gone();
    track.machine.before.set("presence", async () => {
      throw new Error("no screen saver");
    });
    track.machine.lost.get("presence")?.(new Error("gone"));
    await track.until(({ idle }) => idle.state === "failed");
    track.machine.keys?.press(clock.monotonic());
    expect((await track.pass(S)).going).toBe("work");
  });

  test("more than once is asked about once for each, the oldest first", async () => {
    await using track = await gone();
    track.machine.idleMs = 0;
    const first = (await track.pass(MIN)).question;
    track.machine.idleMs = 4 * MIN;
    await track.pass(4 * MIN);
    track.machine.idleMs = 0;
    const both = (await track.pass(MIN)).question;
    expect(both).toEqual({ ...first, more: 1 } as typeof first);
    const edit = { do: "away", span: first?.span, decision: "drop" };
    const left = (await track.do("correct", { edit })).question;
    expect(left?.span).not.toBe(first?.span);
    expect(left?.more).toBe(0);
  });

  test("is still asked about after the end of its host", async () => {
    const track = await gone();
    track.machine.idleMs = 0;
    const { question } = await track.pass(MIN);
    await track.beat();
    await track.signal();
    await using again = await Track.begin({}, { kind: "restore" });
    expect((await again.state()).question).toEqual(question);
  });

  test("that reaches back to the beginning of a span leaves none without a length", async () => {
    await using track = await Track.begin();
    await track.beat();
    track.machine.idleMs = 60 * MIN;
    await track.pass(4 * MIN);
    await track.beat();
    for (const [, from, to] of track.spans) expect(to).toBeGreaterThan(from);
  });

  test("does not begin because the clock was set forward", async () => {
    const machine = new Machine();
    machine.idleMs = 60 * MIN;
    await using track = await Track.begin({}, start, machine);
    await track.pass(S);
    clock.setWall(clock.wall() + 60 * MIN);
    expect((await track.pass(MIN)).going).toBe("work");
  });

  test("does not begin before somebody asked something of the session, whatever a display has heard", async () => {
    const machine = new Machine();
    machine.idleMs = 60 * MIN;
    await using track = await Track.begin({}, start, machine);
    expect((await track.pass(MIN)).going).toBe("work");
    machine.idleMs += 5 * MIN;
    expect((await track.pass(5 * MIN)).going).toBe("away");
  });

  test("is in whole milliseconds, whatever a clock has told", async () => {
    await using track = await Track.begin();
    await track.pass(MIN);
    track.machine.idleMs = 4 * MIN + 0.123;
    await track.pass(4 * MIN);
    track.machine.idleMs = 0.456;
    const state = await track.pass(MIN);
    expect(state).toMatchObject({ unsaved: null, going: "work" });
    for (const [, from, to] of track.spans) expect([from * S, to * S].every(Number.isInteger)).toBe(true);
  });
});

describe("a clock that is set", () => {
  test("is no time that was worked, also to who asks at once", async () => {
    await using track = await Track.begin();
    await track.pass(MIN);
    clock.setWall(clock.wall() + 60 * MIN);
    expect((await track.state()).worked_ms).toBe(MIN);
  });

  test("forward leaves a gap that is of no span", async () => {
    await using track = await Track.begin();
    await track.pass(MIN);
    clock.setWall(clock.wall() + 120 * MIN);
    const state = await track.pass(MIN);
    expect(state.worked_ms).toBe(2 * MIN);
    expect(track.spans).toEqual([
      ["work", 0, 60],
      ["work", 7_260, 7_320],
    ]);
    expect(state.notice).toContain("set forward");
  });

  test("back makes no time negative, and none count twice", async () => {
    await using track = await Track.begin();
    await track.pass(10 * MIN);
    clock.setWall(clock.wall() - 60 * MIN);
    const state = await track.pass(MIN);
    expect(state.worked_ms).toBe(11 * MIN);
    for (const [, from, to] of track.spans) expect(to).toBeGreaterThanOrEqual(from);
  });
});

describe("a pause", () => {
  test("disposes all that watches, and resume opens it anew under the same id", async () => {
    await using track = await Track.begin();
    expect(track.machine.parts).toBe(4);
    const paused = await track.do("pause");
    expect(paused).toMatchObject({ state: "paused", session_id: ID, going: "pause" });
    expect(track.machine.parts).toBe(0);
    expect(paused.trackers.keyboard.state).toBe("off");
    await track.pass(MIN);
    const resumed = await track.do("resume");
    expect(resumed).toMatchObject({ state: "running", session_id: ID, paused_ms: MIN });
    expect(track.machine.parts).toBe(4);
    expect(resumed.trackers.keyboard.state).toBe("ok");
    expect(checkpoints(track.host.store.db, ID).map(({ type }) => type)).toEqual([
      "RESUMED",
      "PAUSED",
      "TRACKING_STARTED",
    ]);
  });

  test("asked for by two at once is one, and what counted before isn't lost", async () => {
    await using track = await Track.begin();
    track.machine.keys?.press(0);
    await clock.advance(S);
    await Promise.all([track.do("pause"), track.do("pause"), track.do("pause")]);
    expect(await track.state()).toMatchObject({ state: "paused", keys: 1, worked_ms: S });
    expect(inputOfSession(track.host.store.db, 1).presses).toBe(1);
    expect(track.machine.opened.get("keyboard")).toBe(1);
  });

  test("a hundred times over: each generation is a new one, and none is left, nor any timer", async () => {
    await using track = await Track.begin();
    const timers = () => ({ intervals: intervals.periods.length, sleeping: clock.sleeping });
    const before = timers();
    for (let n = 0; n < 100; n++) {
      await track.do("pause");
      await track.do("resume");
    }
    expect(track.machine.parts).toBe(4);
    expect(track.machine.opened.get("mouse")).toBe(101);
    await until(
      timers,
      ({ intervals, sleeping }) => intervals === before.intervals && sleeping === before.sleeping,
    );
    expect((await track.state()).state).toBe("running");
  });

  test("presses faster than it can follow end where the last one said", async () => {
    await using track = await Track.begin();
    const wishes = ["pause", "resume", "pause", "resume", "pause", "resume", "pause"];
    await Promise.allSettled(wishes.map((wish) => track.do(wish)));
    await track.until(({ pending }) => pending === undefined);
    expect((await track.state()).state).toBe("paused");
    expect(track.machine.parts).toBe(0);
    await track.do("resume");
    expect(track.machine.parts).toBe(4);
  });

  test("while it is still opening gives the opening up", async () => {
    const machine = new Machine();
    const opening = gate();
    machine.before.set("windows", () => opening.passed);
    await using track = await Track.begin({}, start, machine, false);
    await until(() => machine.open.get("keyboard"));
    const paused = track.do("pause");
    opening.pass();
    expect((await paused).state).toBe("paused");
    await until(() => machine.parts === 0);
  });

  test("asked for again changes nothing of when it began, and its time is kept to the end", async () => {
    const track = await Track.begin();
    await track.pass(MIN);
    await track.do("pause");
    await track.pass(MIN);
    await track.do("pause");
    await track.pass(8 * MIN);
    await track.stop();
    const row = await readStore([schema], (db) =>
      db.prepare("SELECT worked_ms, paused_ms FROM track_session").get(),
    );
    expect(row).toEqual({ worked_ms: MIN, paused_ms: 9 * MIN });
  });

  test("and the end count from when they were asked for, though a tracker hangs", async () => {
    const track = await Track.begin();
    await track.pass(MIN);
    track.machine.disposing.set("mouse", never);
    const stopping = track.stop();
    await until(() => track.machine.open.get("keyboard") === 0 || track.machine.open.get("windows") === 0);
    await clock.advance(MIN);
    await stopping;
    const row = await readStore([schema], (db) => db.prepare("SELECT worked_ms FROM track_session").get());
    expect(row).toEqual({ worked_ms: MIN });
  }, 15_000);

  test("that is asked back while a tracker still hangs at it is a pause for as long as that was", async () => {
    await using track = await Track.begin();
    await track.pass(MIN);
    track.machine.disposing.set("mouse", never);
    const pausing = track.do("pause");
    await until(() => track.machine.open.get("windows") === 0);
    await clock.advance(30 * S);
    track.machine.disposing.clear();
    await Promise.all([pausing, track.do("resume")]);
    const state = await track.pass(MIN);
    expect(state).toMatchObject({ state: "running", paused_ms: 30 * S, worked_ms: 2 * MIN });
  }, 15_000);

  test("is one though a tracker hangs at it: that is dropped, and named", async () => {
    await using track = await Track.begin();
    const old = track.machine.keys;
    track.machine.disposing.set("keyboard", never);
    const state = await track.do("pause");
    expect(state.state).toBe("paused");
    expect(state.trackers.keyboard.state).toBe("hung");
    expect(state.trackers.keyboard.reason).toContain("2000 ms");
    expect(state.trackers.mouse.state).toBe("off");
    track.machine.disposing.clear();
    await track.do("resume");
    // What hangs on counts for nobody.
    old?.press(1);
    track.machine.keys?.press(2);
    expect((await track.pass(S)).keys).toBe(1);
  }, 15_000);
});

describe("a tracker", () => {
  test("that fails to open doesn't keep the others from running, and is tried again", async () => {
    const machine = new Machine();
    machine.before.set("keyboard", async () => {
      throw new Error("no RECORD");
    });
    await using track = await Track.begin({}, start, machine);
    expect(track.now.degraded).toEqual(["keyboard"]);
    expect(track.now.trackers.keyboard).toEqual({ state: "failed", reason: "no RECORD", via: "x11" });
    expect(track.now.trackers.mouse.state).toBe("ok");
    machine.before.clear();
    await track.until(({ degraded }) => degraded.length === 0);
    expect(track.now.trackers.keyboard.state).toBe("ok");
  });

  test("that is lost is degraded until it is back, and time goes on", async () => {
    await using track = await Track.begin();
    track.machine.lost.get("windows")?.(new Error("the X server ended"));
    await track.until(({ degraded }) => degraded.includes("apps"));
    expect(track.now.trackers.apps).toMatchObject({ state: "failed", reason: "the X server ended" });
    expect((await track.pass(S)).worked_ms).toBe(S);
    await track.until(({ degraded }) => degraded.length === 0);
  });

  test("can be switched off and on while the others go on", async () => {
    await using track = await Track.begin();
    const off = await track.do("tracker", { name: "apps", on: false });
    expect(off.trackers.apps.state).toBe("off");
    expect(track.machine.open.get("windows")).toBe(0);
    expect(track.machine.opened.get("keyboard")).toBe(1);
    const on = await track.do("tracker", { name: "apps", on: true });
    expect(on.trackers.apps.state).toBe("ok");
    await expect(track.do("tracker", { name: "moon", on: true })).rejects.toThrow(
      "there is no tracker 'moon'",
    );
  });

  test("switched off while it is opening is off once it is open", async () => {
    const machine = new Machine();
    await using track = await Track.begin({}, start, machine);
    await track.do("pause");
    const opening = gate();
    machine.before.set("keyboard", () => opening.passed);
    const resuming = track.do("resume");
    await track.until(({ pending }) => pending === "resuming");
    await track.do("tracker", { name: "keyboard", on: false });
    opening.pass();
    await resuming;
    expect(machine.open.get("keyboard")).toBe(0);
    expect((await track.state()).trackers.keyboard.state).toBe("off");
  });

  test("of apps that is lost or switched off tells no window any more", async () => {
    await using track = await Track.begin();
    await track.pass(S);
    expect((await track.state()).app).toBe("code");
    track.machine.before.set("windows", async () => {
      throw new Error("no display");
    });
    track.machine.lost.get("windows")?.(new Error("gone"));
    await track.until(({ degraded }) => degraded.includes("apps"));
    expect(await track.state()).toMatchObject({ app: null, title: null });
  });

  test("that this machine can't have says why", async () => {
    await using track = await Track.begin({}, { ...start, trackers: ["screenshots"] });
    expect(track.now.trackers.screenshots).toEqual({
      state: "unavailable",
      reason: "it has no screen",
      via: null,
    });
    expect(track.now.trackers.keyboard.state).toBe("off");
  });
});

describe("what is tracked", () => {
  test("goes to another project from a moment on", async () => {
    await using track = await Track.begin();
    await track.pass(MIN);
    const state = await track.do("correct", { edit: { do: "switch", project: "other", tags: [] } });
    expect(state).toMatchObject({ project: "other", tags: [] });
    expect(state["answer"]).toMatchObject({ said: expect.any(String) });
    await track.pass(MIN);
    expect(track.spans).toEqual([
      ["work", 0, 60],
      ["work", 60, 120],
    ]);
    // What is noted meanwhile doesn't stand in the way.
    await track.do("note", { text: "the minutes" });
    const undone = await track.do("undo");
    expect(undone).toMatchObject({ project: "acme", note: "the minutes" });
  });

  test("can have begun earlier", async () => {
    await using track = await Track.begin({}, { ...start, at: START - 30 * MIN });
    expect((await track.pass(MIN)).worked_ms).toBe(31 * MIN);
    expect(track.now.started_at).toBe(START - 30 * MIN);
  });

  test("is kept while the disk takes nothing, and written when it does", async () => {
    await using track = await Track.begin();
    track.full = true;
    track.machine.keys?.press(0);
    const full = await track.pass(MIN);
    expect(full).toMatchObject({ keys: 1, worked_ms: MIN, unsaved: "the disk is full" });
    expect(full.today).toMatchObject({ keys: 1, worked_ms: MIN });
    expect(await track.do("pause")).toMatchObject({ state: "paused", unsaved: "the disk is full" });
    track.full = false;
    const saved = await track.pass(MIN);
    expect(saved).toMatchObject({ unsaved: null, worked_ms: MIN, paused_ms: MIN });
    expect(inputOfSession(track.host.store.db, 1).presses).toBe(1);
    expect(track.spans).toEqual([
      ["work", 0, 60],
      ["pause", 60, 120],
    ]);
  });

  test("keeps its note over pauses, another project meanwhile, and the end of its host", async () => {
    const track = await Track.begin({}, { ...start, note: "n1" });
    const note = async (name: string, args?: unknown) => (await track.do(name, args)).note;
    await track.pass(MIN);
    await track.do("pause");
    const beta = { edit: { do: "switch", project: "beta", tags: [] } };
    expect(await note("correct", beta)).toBeNull();
    expect(await note("undo")).toBe("n1");
    expect(await note("correct", beta)).toBeNull();
    expect(await note("note", { text: "late" })).toBe("late");
    await track.signal();
    expect((await storedState("default")).note).toBe("late");
    await using again = await Track.begin({}, { kind: "restore", paused: false });
    expect(await again.pass(MIN)).toMatchObject({ project: "beta", note: "late" });
    const notes = spansOfSession(again.host.store.db, 1).map(({ kind, note }) => [kind, note]);
    expect(notes.at(-1)).toEqual(["work", "late"]);
  });

  test("has a note", async () => {
    await using track = await Track.begin();
    expect((await track.do("note", { text: " workshop " })).note).toBe("workshop");
    expect((await track.do("note", { text: "" })).note).toBeNull();
    await expect(track.do("note", { text: 7 })).rejects.toThrow("a note must be");
    await expect(track.do("note", { text: "a\u001b[2J" })).rejects.toThrow("a note must be");
  });
});

describe("its end", () => {
  test("when it is stopped is for good, with a report row", async () => {
    const track = await Track.begin();
    track.machine.keys?.press(0);
    await track.pass(MIN);
    await track.stop();
    expect(await readLeft("default")).toBeUndefined();
    const row = await readStore([schema], (db) => ({
      report: db.prepare("SELECT worked_ms, presses FROM track_session").get(),
      state: findSession(db, ID)?.state,
    }));
    expect(row).toMatchObject({ report: { worked_ms: MIN, presses: 1 }, state: "stopped" });
  });

  test("by a signal leaves a session that can be resumed under its id, with what was", async () => {
    const track = await Track.begin();
    track.machine.keys?.press(0);
    await track.pass(MIN);
    await track.signal();
    expect(await storedState("default")).toMatchObject({
      state: "stopped",
      resumable: true,
      session_id: ID,
      worked_ms: MIN,
      keys: 1,
      project: "acme",
    });
    await clock.advance(30 * MIN);
    await using again = await Track.begin({}, { kind: "restore" });
    const state = await again.pass(MIN);
    expect(state).toMatchObject({
      session_id: ID,
      worked_ms: 2 * MIN,
      keys: 1,
      project: "acme",
      tags: ["billable"],
    });
    expect(again.spans).toEqual([
      ["work", 0, 60],
      ["work", 31 * 60, 32 * 60],
    ]);
  });

  test("where its input went by what isn't here any more, is taken up by what there is", async () => {
    const machine = new Machine();
    machine.without = "uiohook";
    const asked: typeof start = { ...start, input: "uiohook" };
    await expect(Track.begin({}, asked, machine)).rejects.toThrow("uiohook isn't here");
    const track = await Track.begin({}, asked);
    await track.signal();
    await using again = await Track.begin({}, { kind: "restore" }, machine);
    expect((await again.state()).trackers.keyboard.state).toBe("ok");
  });

  test("while it was paused is taken up paused, unless it is resumed", async () => {
    const track = await Track.begin();
    await track.pass(MIN);
    await track.do("pause");
    await track.signal();
    {
      await using again = await Track.begin({}, { kind: "restore" });
      expect((await again.state()).state).toBe("paused");
      // Killed at any moment of it, it would be found paused.
      const states = checkpoints(again.host.store.db, ID).map(
        ({ state }) => (state as { paused: boolean }).paused,
      );
      expect(states).toEqual([true, true, true, false]);
      await again.signal();
    }
    await using resumed = await Track.begin({}, { kind: "restore", paused: false });
    expect((await resumed.state()).state).toBe("running");
  });
});
