import { describe, expect, test } from "bun:test";
import type { SessionState } from "../../src/kernel/checkpoint.ts";
import { Exit, Expected } from "../../src/kernel/errors.ts";
import { generation } from "../../src/kernel/generation.ts";
import { Session, type SessionView, type Work } from "../../src/kernel/session.ts";
import { describe as line, Stack } from "../../src/kernel/stack.ts";
import { eventually, gate, never, parts, settle, toldToLeave } from "../support/parts.ts";

type How = {
  camera?: Parameters<ReturnType<typeof parts>>[1];
  worker?: Parameters<ReturnType<typeof parts>>[1];
  work?: Partial<Work<object>>;
};

/** A session of a camera and a worker, with a journal of what happens to them and of the states it goes through. */
function made(how: How = {}) {
  const journal: string[] = [];
  const views: SessionView[] = [];
  const dropped: string[] = [];
  const part = parts(journal);
  const stack = new Stack((event) => {
    if (event.act !== "stage" && event.error !== undefined) dropped.push(line(event, "pause"));
  });
  const work: Work<object> = {
    generation: generation<object>()
      .sources(async (open) => ({
        camera: await open("camera", part("camera", how.camera), { disposeMs: 20 }),
      }))
      .workers(async (open) => ({
        worker: await open("worker", part("worker", how.worker), { disposeMs: 20 }),
      })),
    given: {},
    async reached(state) {
      journal.push(`write ${state}`);
    },
    ...how.work,
  };
  const session = new Session<object>({
    id: "id",
    kind: "track",
    profile: "default",
    stack,
    work,
    changed: (view) => views.push(view),
  });
  const done = () => journal.filter((entry) => !entry.startsWith("leave"));
  /** What everybody was shown, `state` or `state pending`, each once. */
  const shown = () => {
    const said = views.map(({ state, pending }) => (pending ? `${state} ${pending}` : state));
    return said.filter((text, at) => text !== said[at - 1]);
  };
  return { session, stack, journal, done, shown, dropped, views };
}

const OPEN = ["open camera", "open worker"];
const DISPOSE = ["dispose worker", "dispose camera"];

describe("the states", () => {
  test("start, pause, resume, stop", async () => {
    const { session, done, shown } = made();
    expect(session.view).toEqual({
      id: "id",
      kind: "track",
      profile: "default",
      state: "starting",
      degraded: [],
    });
    await session.start();
    await session.pause();
    await session.resume();
    await session.stop();
    expect(done()).toEqual([
      ...OPEN,
      "write running",
      ...DISPOSE,
      "write paused",
      ...OPEN,
      "write running",
      ...DISPOSE,
      "write stopping",
    ]);
    expect(shown()).toEqual([
      "starting starting",
      "running",
      "running pausing",
      "paused",
      "paused resuming",
      "running",
      "running stopping",
      "stopping stopping",
      "stopped",
    ]);
  });

  test("a state is written before anybody is told", async () => {
    const written = gate();
    const { session, shown } = made({ work: { reached: () => written.passed } });
    const starting = session.start();
    await settle();
    expect(shown()).toEqual(["starting starting"]);
    written.pass();
    await starting;
    expect(shown().at(-1)).toBe("running");
  });

  test("a session can begin paused, with nothing open", async () => {
    const { session, done, shown } = made();
    await session.start(true);
    expect(done()).toEqual(["write paused"]);
    expect(shown()).toEqual(["starting starting", "paused"]);
    await session.resume();
    expect(session.view.state).toBe("running");
  });

  test("five pauses and resumes are five generations and the first", async () => {
    const { session, done } = made();
    await session.start();
    for (let n = 0; n < 5; n++) {
      await session.pause();
      await session.resume();
    }
    await session.stop();
    expect(done().filter((entry) => entry === "open camera")).toHaveLength(6);
    expect(done().filter((entry) => entry === "dispose camera")).toHaveLength(6);
    expect(session.view.state).toBe("stopped");
  });

  test("a pause and a stop answer at once, whatever hangs", async () => {
    const { session, shown } = made({ worker: { dispose: never } });
    await session.start();
    const pausing = session.pause();
    expect(session.view.pending).toBe("pausing");
    const stopping = session.stop();
    expect(session.view.pending).toBe("stopping");
    await Promise.all([pausing, stopping]);
    expect(shown().slice(-4)).toEqual([
      "running pausing",
      "running stopping",
      "stopping stopping",
      "stopped",
    ]);
  });

  test("asking for what is already so changes nothing and tells nobody", async () => {
    const { session, done, views } = made();
    await session.start();
    const before = [done().length, views.length];
    await session.resume();
    await session.start();
    expect([done().length, views.length]).toEqual(before);
    await session.stop();
    await session.stop();
    expect(done().filter((entry) => entry === "write stopping")).toHaveLength(1);
  });

  test("once it is stopping it can't be paused or resumed, and the answer says how to go on", async () => {
    const { session } = made();
    await session.start();
    const stopping = session.stop();
    for (const asked of [session.resume(), session.pause()]) {
      const error = await asked.catch((error: unknown) => error);
      expect(error).toEqual(new Expected(Exit.no, "the session is stopping", "stint track resume"));
    }
    await stopping;
    await expect(session.resume()).rejects.toThrow("the session is stopping");
  });

  test("a session that was never started can be stopped", async () => {
    const { session, done } = made();
    await session.stop();
    expect(session.view.state).toBe("stopped");
    expect(done()).toEqual(["write stopping"]);
  });
});

describe("several at once", () => {
  test("two clients that resume at the same moment make one generation", async () => {
    const { session, done } = made();
    await session.start(true);
    await Promise.all([session.resume(), session.resume()]);
    expect(done().filter((entry) => entry === "open camera")).toHaveLength(1);
  });

  test("pause and resume pressed as fast as can be end in what was pressed last, with nothing open twice", async () => {
    let open = 0;
    let most = 0;
    const { session, done } = made({
      camera: {
        open: async () => {
          most = Math.max(most, ++open);
          await settle();
        },
        dispose: async () => {
          await settle();
          open--;
        },
      },
    });
    await session.start();
    const asked: Promise<void>[] = [];
    for (let n = 0; n < 50; n++) {
      asked.push(n % 2 === 0 ? session.pause() : session.resume());
      if (n % 7 === 0) await settle();
      if (n % 3 === 0) await Promise.resolve();
    }
    await Promise.all(asked);
    expect(session.view.state).toBe("running");
    expect([open, most]).toEqual([1, 1]);
    await session.pause();
    expect(open).toBe(0);
    expect(done().filter((entry) => entry === "open camera").length).toBe(
      done().filter((entry) => entry === "dispose camera").length,
    );
  });

  test("a pause is never lost, whenever it comes after a resume", async () => {
    for (let turns = 0; turns < 110; turns++) {
      const { session, stack } = made();
      await session.start(true);
      const resuming = session.resume();
      for (let n = 0; n < turns; n++) await Promise.resolve();
      await session.pause();
      await resuming;
      expect(session.view).toMatchObject({ state: "paused" });
      expect(session.view.pending).toBeUndefined();
      expect(stack.parts).toEqual([]);
    }
  });

  test("a pause pressed while it opens ends the opening, and nobody is told of a failure", async () => {
    const { session, done, shown } = made({
      camera: {
        open: async (signal) => {
          await toldToLeave(signal);
          throw new Error("left");
        },
      },
    });
    const starting = session.start();
    await settle();
    await Promise.all([session.pause(), starting]);
    expect(done()).toEqual(["write paused"]);
    expect(shown()).toEqual(["starting starting", "paused"]);
  });

  test("a pause pressed while it opens isn't held up by a part that ignores it, and what arrives late is disposed", async () => {
    const arrived = gate();
    const { session, stack, done } = made({ worker: { open: () => arrived.passed } });
    const starting = session.start();
    await eventually(() => stack.parts.includes("camera"));
    await Promise.all([session.pause(), starting]);
    expect(session.view.state).toBe("paused");
    expect(done()).toEqual(["open camera", "dispose camera", "write paused"]);
    arrived.pass();
    await eventually(() => done().includes("dispose worker"));
    expect(stack.parts).toEqual([]);
  });

  test("a pause isn't held up by a step of the opening that waits for something else than a part", async () => {
    const stack = new Stack();
    const session = new Session<object>({
      id: "id",
      kind: "track",
      profile: "default",
      stack,
      work: { generation: generation<object>().sources(never), given: {} },
      changed() {},
    });
    const starting = session.start();
    await settle();
    await Promise.all([session.pause(), starting]);
    expect(session.view.state).toBe("paused");
  });

  test("a resume pressed while it pauses opens a new generation after the old one has gone", async () => {
    const ended = gate();
    const { session, done, shown } = made({ camera: { dispose: () => ended.passed } });
    await session.start();
    const pausing = session.pause();
    await settle();
    const resuming = session.resume();
    await settle();
    expect(done().filter((entry) => entry === "open camera")).toHaveLength(1);
    ended.pass();
    await Promise.all([pausing, resuming]);
    expect(done().filter((entry) => entry === "open camera")).toHaveLength(2);
    expect(shown().at(-1)).toBe("running");
  });

  test("a stop pressed while it opens ends in stopped, with nothing left open", async () => {
    const { session, stack, done } = made({ worker: { open: toldToLeave } });
    const starting = session.start();
    await eventually(() => stack.parts.includes("camera"));
    await Promise.all([session.stop(), starting]);
    expect(session.view.state).toBe("stopped");
    expect(done()).toEqual([...OPEN, ...DISPOSE, "write stopping"]);
  });

  test("whoever is told can ask for something at once", async () => {
    let asked: Promise<void> | undefined;
    const journal: string[] = [];
    const session: Session<object> = new Session<object>({
      id: "id",
      kind: "track",
      profile: "default",
      stack: new Stack(),
      work: {
        generation: generation<object>().sources(async (open) => ({
          it: await open("it", parts(journal)("it")),
        })),
        given: {},
      },
      changed(view) {
        if (view.pending === "starting") asked ??= session.pause();
      },
    });
    await session.start();
    await asked;
    expect(session.view.state).toBe("paused");
    expect(journal.filter((entry) => entry === "open it").length).toBe(
      journal.filter((entry) => entry === "dispose it").length,
    );
  });
});

describe("something goes wrong", () => {
  test("a part that can't open at the start: what was opened is disposed, the session stops and says why", async () => {
    const { session, stack, done } = made({ worker: { open: () => Promise.reject(new Error("no model")) } });
    await expect(session.start()).rejects.toThrow("no model");
    expect(session.view).toMatchObject({ state: "stopped" });
    expect(stack.parts).toEqual([]);
    expect(done().slice(0, 2)).toEqual(["open camera", "dispose camera"]);
  });

  test("a part that can't open at a resume: the session is paused as before, and can be resumed again", async () => {
    let broken = false;
    const open = async () => {
      if (broken) throw new Error("no model");
    };
    const { session, stack } = made({ worker: { open } });
    await session.start();
    await session.pause();
    broken = true;
    await expect(session.resume()).rejects.toThrow("no model");
    expect(session.view.state).toBe("paused");
    expect(session.view.pending).toBeUndefined();
    expect(stack.parts).toEqual([]);
    broken = false;
    await session.resume();
    expect(stack.parts).toEqual(["camera", "worker"]);
  });

  test("a part that throws in its dispose keeps nobody from pausing", async () => {
    const { session, done, dropped } = made({ worker: { dispose: () => Promise.reject(new Error("torn")) } });
    await session.start();
    await session.pause();
    expect(done().slice(3)).toEqual([...DISPOSE, "write paused"]);
    expect(dropped).toEqual([expect.stringContaining("dispose workers worker: torn")]);
  });

  test("a part that never ends its dispose is dropped and named, and the session pauses", async () => {
    const { session, done, dropped } = made({ worker: { dispose: never } });
    await session.start();
    await session.pause();
    expect(session.view.state).toBe("paused");
    expect(done().slice(3)).toEqual([...DISPOSE, "write paused"]);
    expect(dropped).toEqual([expect.stringContaining("worker: dropped: not disposed after 20 ms")]);
  });

  test("a checkpoint that can't be written at the start stops it", async () => {
    const reached = async (state: string) => {
      if (state === "running") throw new Error("disk full");
    };
    const { session, stack } = made({ work: { reached } });
    await expect(session.start()).rejects.toThrow("disk full");
    expect(session.view.state).toBe("stopped");
    expect(stack.parts).toEqual([]);
  });

  test("of two failures on the way down the first is told", async () => {
    const reached = async (state: string) => {
      throw new Error(`${state} not written`);
    };
    const { session } = made({ work: { reached } });
    await expect(session.start()).rejects.toThrow("running not written");
  });

  test("a checkpoint that can't be written at a pause: the session is paused, and whoever asked hears of it", async () => {
    const reached = async (state: string) => {
      if (state === "paused") throw new Error("disk full");
    };
    const { session, stack } = made({ work: { reached } });
    await session.start();
    await expect(session.pause()).rejects.toThrow("disk full");
    expect(session.view.state).toBe("paused");
    expect(stack.parts).toEqual([]);
    await session.resume();
    expect(session.view.state).toBe("running");
  });

  test("a checkpoint that can't be written at a resume: it stays paused with nothing open", async () => {
    let full = false;
    const reached = async () => {
      if (full) throw new Error("disk full");
    };
    const { session, stack } = made({ work: { reached } });
    await session.start(true);
    full = true;
    await expect(session.resume()).rejects.toThrow("disk full");
    expect(session.view.state).toBe("paused");
    expect(stack.parts).toEqual([]);
  });

  test("a last checkpoint that can't be written: it is stopped all the same", async () => {
    const reached = async (state: string) => {
      if (state === "stopping") throw new Error("disk full");
    };
    const { session, stack } = made({ work: { reached } });
    await session.start();
    await expect(session.stop()).rejects.toThrow("disk full");
    expect(session.view.state).toBe("stopped");
    expect(stack.parts).toEqual([]);
  });
});

describe("a generation that parks", () => {
  /** An engine that parks when asked, unless `how` says otherwise. */
  function parking(
    how: { park?: (signal: AbortSignal) => Promise<void>; reached?: Work<object>["reached"] } = {},
  ) {
    const gait: string[] = [];
    const whole = made({
      work: {
        park: {
          async park(signal) {
            gait.push("park");
            await how.park?.(signal);
          },
          unpark() {
            gait.push("unpark");
          },
        },
        ...(how.reached ? { reached: how.reached } : {}),
      },
    });
    return { ...whole, gait };
  }

  test("a pause parks it and disposes nothing; a resume lets it go on; only a stop disposes it", async () => {
    const { session, done, gait } = parking();
    await session.start();
    await session.pause();
    await session.resume();
    expect(done()).toEqual([...OPEN, "write running", "write paused", "write running"]);
    await session.stop();
    expect(done().slice(5)).toEqual(["write stopping", ...DISPOSE]);
    expect(gait).toEqual(["unpark", "park", "unpark", "park"]);
  });

  test("begun paused it is open and stands still", async () => {
    const { session, done, gait } = parking();
    await session.start(true);
    expect(done()).toEqual([...OPEN, "write paused"]);
    expect(gait).toEqual(["park"]);
    await session.resume();
    expect(gait).toEqual(["park", "unpark"]);
    expect(done().slice(3)).toEqual(["write running"]);
  });

  test("a resume pressed before it stands still lets it run on", async () => {
    const { session, gait, done } = parking({ park: toldToLeave });
    await session.start();
    const pausing = session.pause();
    await settle();
    await Promise.all([session.resume(), pausing]);
    expect(session.view.state).toBe("running");
    expect(gait).toEqual(["unpark", "park", "unpark"]);
    expect(done()).not.toContain("write paused");
  });

  test("one that never parks and ignores that it is given up can be resumed", async () => {
    const { session, gait, done } = parking({ park: never });
    await session.start();
    const pausing = session.pause();
    await settle();
    await Promise.all([session.resume(), pausing]);
    expect(session.view.state).toBe("running");
    expect(gait.at(-1)).toBe("unpark");
    expect(done()).not.toContain("write paused");
  });

  test("begun paused and unable to park, it is stopped without having run", async () => {
    const { session, gait, stack } = parking({
      park: async () => {
        throw new Error("no answer");
      },
    });
    await expect(session.start(true)).rejects.toThrow("no answer");
    expect(session.view.state).toBe("stopped");
    expect(gait).not.toContain("unpark");
    expect(stack.parts).toEqual([]);
  });

  test("one that never parks can be stopped", async () => {
    const { session, stack, done } = parking({ park: never });
    await session.start();
    const pausing = session.pause();
    await settle();
    await Promise.all([session.stop(), pausing]);
    expect(session.view.state).toBe("stopped");
    expect(stack.parts).toEqual([]);
    expect(done().slice(-3)).toEqual(["write stopping", ...DISPOSE]);
  });

  test("one that can't park runs on, and whoever asked hears why", async () => {
    let broken = true;
    const { session, gait, stack } = parking({
      park: async () => {
        if (broken) throw new Error("no answer");
      },
    });
    await session.start();
    await expect(session.pause()).rejects.toThrow("no answer");
    expect(session.view.state).toBe("running");
    expect(gait).toEqual(["unpark", "park", "unpark"]);
    expect(stack.parts).toEqual(["camera", "worker"]);
    broken = false;
    await session.pause();
    expect(session.view.state).toBe("paused");
  });

  test("stopped while parked, it writes its last checkpoint before it is disposed", async () => {
    const { session, done } = parking();
    await session.start();
    await session.pause();
    await session.stop();
    expect(done().slice(-4)).toEqual(["write paused", "write stopping", ...DISPOSE]);
  });

  test("a checkpoint that can't be written at a pause loses nothing: it stays parked, and goes on from there", async () => {
    let full = true;
    const { session, stack, done, gait } = parking({
      reached: async (state) => {
        if (state === "paused" && full) throw new Error("disk full");
      },
    });
    await session.start();
    await expect(session.pause()).rejects.toThrow("disk full");
    expect(session.view.state).toBe("paused");
    expect(stack.parts).toEqual(["camera", "worker"]);
    full = false;
    await session.resume();
    expect(done()).toEqual(OPEN);
    expect(gait).toEqual(["unpark", "park", "unpark"]);
  });

  test("a resume that can't be written leaves it parked", async () => {
    let full = false;
    const { session, stack, gait } = parking({
      reached: async () => {
        if (full) throw new Error("disk full");
      },
    });
    await session.start();
    await session.pause();
    full = true;
    await expect(session.resume()).rejects.toThrow("disk full");
    expect(session.view.state).toBe("paused");
    expect(stack.parts).toEqual(["camera", "worker"]);
    expect(gait.at(-1)).toBe("park");
  });

  test("a pause while it opens lets it open, and parks it", async () => {
    const arrived = gate();
    const { session, done } = (() => {
      const journal: string[] = [];
      const part = parts(journal);
      const session = new Session<object>({
        id: "id",
        kind: "backtest",
        profile: "default",
        stack: new Stack(),
        work: {
          generation: generation<object>().workers(async (open) => ({
            engine: await open("engine", part("engine", { open: () => arrived.passed })),
          })),
          given: {},
          park: { park: async () => void journal.push("park"), unpark: () => void journal.push("unpark") },
        },
        changed() {},
      });
      return { session, done: () => journal };
    })();
    const starting = session.start();
    await settle();
    const pausing = session.pause();
    await settle();
    arrived.pass();
    await Promise.all([starting, pausing]);
    expect(session.view.state).toBe("paused");
    expect(done().at(-1)).toBe("park");
    expect(done()).not.toContain("dispose engine");
  });
});

describe("degraded", () => {
  test("a session runs without an optional part, says so, and says when it is whole again", async () => {
    let plugged = false;
    const open = async () => {
      if (!plugged) throw new Error("no such device");
    };
    const views: SessionView[] = [];
    const journal: string[] = [];
    const session = new Session<object>({
      id: "id",
      kind: "detect",
      profile: "default",
      stack: new Stack(),
      work: {
        generation: generation<object>().sources(async (to) => ({
          camera: await to.slot("camera", parts(journal)("camera", { open }), { retryMs: () => 1 }),
        })),
        given: {},
      },
      changed: (view) => views.push(view),
    });
    await session.start();
    expect(session.view).toMatchObject({ state: "running", degraded: ["camera"] });
    plugged = true;
    await eventually(() => session.view.degraded.length === 0);
    expect(views.at(-1)).toMatchObject({ state: "running", degraded: [] });
    expect(journal).toEqual([...journal.filter((entry) => entry.startsWith("leave")), "open camera"]);
    plugged = false;
    await session.pause();
    await session.resume();
    expect(session.view.degraded).toEqual(["camera"]);
    await session.pause();
    expect(session.view).toMatchObject({ state: "paused", degraded: [] });
    await session.stop();
  });
});

test("every way through the states is one of those that the design draws", async () => {
  const drawn = new Set([
    "starting running",
    "starting paused",
    "starting stopping",
    "running paused",
    "paused running",
    "running stopping",
    "paused stopping",
    "stopping stopped",
  ]);
  const acts = ["pause", "resume", "stop"] as const;
  for (let seed = 0; seed < 40; seed++) {
    const { session, views, stack } = made({ camera: { open: settle, dispose: settle } });
    const asked: Promise<unknown>[] = [session.start(seed % 2 === 0)];
    for (let n = 0; n < 8; n++) {
      const act = n === 7 ? "stop" : (acts[(seed * 7 + n * n * 3) % 2] as "pause" | "resume");
      asked.push(session[act]());
      for (let turn = 0; turn < (seed * n) % 11; turn++) await Promise.resolve();
      if ((seed + n) % 5 === 0) await settle();
    }
    await Promise.all(asked);
    const states = views.map(({ state }) => state);
    states.reduce<SessionState>((from, to) => {
      if (from !== to) expect(drawn).toContain(`${from} ${to}`);
      return to;
    }, "starting");
    expect(states.at(-1)).toBe("stopped");
    expect(stack.parts).toEqual([]);
  }
});

describe("renewed", () => {
  test("what is open is disposed, and another opened", async () => {
    const { session, done, shown } = made();
    await session.start();
    await session.renew();
    expect(done()).toEqual([...OPEN, "write running", ...DISPOSE, ...OPEN, "write running"]);
    expect(shown().slice(-2)).toEqual(["paused resuming", "running"]);
    await session.stop();
  });

  test("what is still opening is opened again: it may be of what was to be replaced", async () => {
    const { session, done } = made();
    const starting = session.start();
    await Promise.all([session.renew(), starting]);
    expect(done().filter((entry) => entry === "open worker").length).toBeLessThanOrEqual(2);
    const opened = done().lastIndexOf("open camera");
    const resuming = session.renew();
    await settle();
    await Promise.all([session.renew(), resuming]);
    expect(done().lastIndexOf("open camera")).toBeGreaterThan(opened);
    expect(session.view.state).toBe("running");
    await session.stop();
  });

  test("a pause has its way, whenever it comes", async () => {
    for (let turns = 0; turns < 110; turns++) {
      const { session, stack } = made();
      await session.start();
      const renewing = session.renew();
      for (let n = 0; n < turns; n++) await Promise.resolve();
      await session.pause();
      await renewing;
      await settle();
      expect(session.view).toMatchObject({ state: "paused" });
      expect(stack.parts).toEqual([]);
    }
  });

  test("while it is paused nothing happens, and the next resume is one", async () => {
    const { session, done } = made();
    await session.start(true);
    await session.renew();
    expect(done()).toEqual(["write paused"]);
    await session.resume();
    expect(done()).toEqual(["write paused", ...OPEN, "write running"]);
    await session.stop();
  });

  test("one that can't be opened leaves it paused, and says why", async () => {
    let fails = false;
    const { session } = made({
      camera: {
        open: async () => {
          if (fails) throw new Error("no such camera");
        },
      },
    });
    await session.start();
    fails = true;
    expect(await session.renew().then(String, String)).toBe("Error: no such camera");
    expect(session.view.state).toBe("paused");
    fails = false;
    await session.resume();
    expect(session.view.state).toBe("running");
    await session.stop();
  });
});
