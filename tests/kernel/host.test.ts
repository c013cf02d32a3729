import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "../../src/kernel/client.ts";
import type { State } from "../../src/kernel/control.ts";
import { Exit } from "../../src/kernel/errors.ts";
import { spawnDetached } from "../../src/kernel/runtime.ts";
import type { Seat } from "../../src/kernel/seat.ts";
import { Sandbox, until } from "../support/sandbox.ts";

const command = [process.execPath, join(import.meta.dir, "fixture-host.ts")];
const ID = "0198c0de-0000-7000-8000-000000000001";
const OTHER = "0198c0de-0000-7000-8000-000000000002";

const text = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
const words = (path: string): string[] => text(path).split("\n").filter(Boolean);

/** A home in which hosts are started, and what can be seen of them from outside. */
class House extends Sandbox {
  constructor() {
    super(command);
  }
  /** What has happened to the parts, oldest first. */
  get parts(): string[] {
    return words(join(this.work, "parts"));
  }
  get lamp(): string {
    return text(join(this.work, "lamp"));
  }
  get seat(): Seat | undefined {
    const said = text(join(this.home, "state/stint/pomo.default.host"));
    return said === "" ? undefined : (JSON.parse(said) as Seat);
  }
  /** Whether the host was asked to stop, as it saw it itself on its way down. */
  get asked(): string {
    return text(join(this.work, "asked"));
  }
  /** From here on no session's state can be written; what the disk says is `why`. */
  refuseStates(why: string): void {
    using db = new Database(join(this.home, "data/stint/stint.db"));
    db.exec(`CREATE TRIGGER refused BEFORE UPDATE OF state ON session
             BEGIN SELECT RAISE(ABORT, '${why}'); END`);
  }
  takeStates(): void {
    using db = new Database(join(this.home, "data/stint/stint.db"));
    db.exec("DROP TRIGGER refused");
  }
  /** States of the sessions by their ids. */
  get rows(): Record<string, string> {
    using db = new Database(join(this.home, "data/stint/stint.db"), { readonly: true });
    const rows = db.query("SELECT id, state FROM session").all() as { id: string; state: string }[];
    return Object.fromEntries(rows.map(({ id, state }) => [id, state]));
  }
  /** Texts of the host's log, times and pids left out. */
  get told(): string[] {
    return this.log("host").map((line) => String(line["text"]).replace(/, [\d.]+ ms$/, ""));
  }
  /** The stages that a shutdown has gone through. */
  get stages(): string[] {
    return this.told.flatMap((line) => /^shutdown \d\/7 (\w+)/.exec(line)?.[1] ?? []);
  }
  /** Starts a host and waits until it runs. */
  async host(fixture = "", id = ID) {
    const child = this.start([id], { env: { FIXTURE: fixture } });
    const seat = await until(
      () => {
        if (child.exitCode !== null) throw new Error(`the host ended with ${child.exitCode}`);
        return this.seat?.session === id && this.seat.host.pid === child.pid ? this.seat : undefined;
      },
      (seat): seat is Seat => seat !== undefined,
    );
    const control = connect(seat as Seat);
    const reached = (holds: (state: State) => boolean) => until(() => control.state(), holds);
    if (!fixture.startsWith("slow")) await reached(({ state }) => state === "running" || state === "paused");
    return { child, control, reached };
  }
}

const SHUTDOWN = ["workers", "timers", "actuators", "sources", "state", "store", "terminal"];
const OPENED = ["open writer", "open camera", "open lamp", "open ticking", "open worker"];
const DISPOSED = ["dispose worker", "dispose ticking", "dispose lamp", "dispose camera", "dispose writer"];

describe("the ordered shutdown", () => {
  test.each([
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s: each stage in order, the session stopped, exit %i", async (signal, code) => {
    await using house = new House();
    const { child } = await house.host();
    child.kill(signal);
    expect(await child.exited).toBe(code);
    expect(house.parts).toEqual([...OPENED, ...DISPOSED]);
    expect(house.stages).toEqual(SHUTDOWN);
    expect(house.told).toContain(`${signal}: shutting down`);
    expect(house.rows).toEqual({ [ID]: "stopped" });
    expect(house.seat).toBeUndefined();
    expect(existsSync(join(house.home, "run/stint/pomo.default.sock"))).toBe(false);
  });

  test("stop over the control socket: the same, exit 0", async () => {
    await using house = new House();
    const { child, control } = await house.host();
    await control.command("stop");
    expect(await child.exited).toBe(Exit.ok);
    expect(house.parts).toEqual([...OPENED, ...DISPOSED]);
    expect(house.stages).toEqual(SHUTDOWN);
    expect(house.rows).toEqual({ [ID]: "stopped" });
  });

  test("stopped while paused: the stages again, with nothing left above state", async () => {
    await using house = new House();
    const { child, control } = await house.host();
    await control.command("pause");
    expect(house.parts).toEqual([...OPENED, ...DISPOSED.slice(0, -1)]);
    expect(house.rows).toEqual({ [ID]: "paused" });
    await control.command("stop");
    expect(await child.exited).toBe(Exit.ok);
    expect(house.parts.at(-1)).toBe("dispose writer");
    expect(house.stages).toEqual(SHUTDOWN);
  });

  test.each([
    ["throw", "nobody caught this"],
    ["reject", "nobody awaited this"],
  ])("a bug (%s): the same, its stack in the log, exit 70", async (bug, said) => {
    await using house = new House();
    const { child, control } = await house.host();
    await control.command(bug).catch(() => {});
    expect(await child.exited).toBe(Exit.internal);
    expect(house.parts).toEqual([...OPENED, ...DISPOSED]);
    expect(house.stages).toEqual(SHUTDOWN);
    const crash = house.log("host").find(({ text }) => text === "crash: shutting down");
    expect(JSON.stringify(crash?.["error"])).toContain(said);
    expect(JSON.stringify(crash?.["error"])).toContain("fixture-host.ts");
  });

  test("a part that never ends its dispose is dropped at its deadline and named, and the rest goes on", async () => {
    await using house = new House();
    const { child } = await house.host("hang-briefly");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(house.parts).toEqual([...OPENED, ...DISPOSED]);
    expect(house.stages).toEqual(SHUTDOWN);
    expect(house.told).toContain("dispose workers worker: dropped: not disposed after 50 ms");
  });

  test("a second signal puts the lamp out and leaves, while the ordered way hangs above it", async () => {
    await using house = new House();
    const { child } = await house.host("hang");
    child.kill("SIGTERM");
    await until(() => house.parts.includes("dispose worker"));
    expect(house.lamp).toBe("on");
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(house.lamp).toBe("off");
    expect(house.parts).not.toContain("dispose writer");
  });

  test("a signal while the session opens ends the opening", async () => {
    await using house = new House();
    const { child } = await house.host("slow-worker");
    await until(() => house.parts.includes("opening worker"));
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(house.lamp).toBe("off");
    expect(house.stages).toEqual(SHUTDOWN);
    expect(house.rows).toEqual({});
  });

  test("a signal before there is a session ends the opening of what outlives a pause", async () => {
    await using house = new House();
    const { child, control } = await house.host("slow-state");
    await until(() => house.parts.includes("opening slow"));
    await expect(control.command("pause")).rejects.toMatchObject({ exit: Exit.again });
    expect((await control.state())["state"]).toBe("starting");
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(house.stages).toEqual(SHUTDOWN);
    expect(house.rows).toEqual({});
  });
});

describe("pause and resume", () => {
  test("two clients that press at the same moment make one generation", async () => {
    await using house = new House();
    const { child, control } = await house.host();
    const another = connect(house.seat as Seat);
    await Promise.all([control.command("pause"), another.command("pause")]);
    expect(house.parts).toEqual([...OPENED, ...DISPOSED.slice(0, -1)]);
    const [one, other] = await Promise.all([control.command("resume"), another.command("resume")]);
    expect([one, other]).toEqual([
      expect.objectContaining({ state: "running", generations: 2 }),
      expect.objectContaining({ state: "running", generations: 2 }),
    ]);
    child.kill("SIGTERM");
    await child.exited;
  });

  test("a toggle turns around what was asked for last", async () => {
    await using house = new House();
    const { control } = await house.host();
    expect(await control.command("toggle")).toMatchObject({ state: "paused" });
    expect(await control.command("toggle")).toMatchObject({ state: "running" });
  });

  test("a resume that fails leaves it paused and says why and what to do; the host lives on", async () => {
    await using house = new House();
    const { control } = await house.host();
    await control.command("pause");
    await control.command("break");
    const failed = control.command("resume");
    await expect(failed).rejects.toMatchObject({
      message: "no model",
      hint: "fetch one",
      exit: Exit.unavailable,
    });
    expect(await control.state()).toMatchObject({ state: "paused" });
    expect(house.lamp).toBe("off");
    expect(house.rows).toEqual({ [ID]: "paused" });
    await control.command("mend");
    expect(await control.command("resume")).toMatchObject({ state: "running", generations: 2 });
  });

  test("a camera that hangs up: clients see the session degraded, and whole again once it is back", async () => {
    await using house = new House();
    const { control, reached } = await house.host();
    const seen: unknown[] = [];
    await using _ = control.watch((state) => void seen.push(JSON.stringify(state?.["degraded"])));
    await until(() => seen.length > 0);
    await control.command("unplug");
    await reached(({ degraded }) => (degraded as string[]).includes("camera"));
    expect((await control.state())["state"]).toBe("running");
    await control.command("plug");
    await reached(({ degraded }) => (degraded as string[]).length === 0);
    await until(() => seen.at(-1) === "[]");
    expect(seen).toContain('["camera"]');
    expect(house.told).toContain("lost sources camera: the camera hung up");
    expect(house.told).toContain("back sources camera");
  });

  test("a camera that isn't there at the start is no reason not to start", async () => {
    await using house = new House();
    const { control, reached } = await house.host("unplugged");
    expect(await control.state()).toMatchObject({ state: "running", degraded: ["camera"] });
    await control.command("plug");
    await reached(({ degraded }) => (degraded as string[]).length === 0);
  });

  test("a state that can't be told keeps nobody from pausing or stopping", async () => {
    await using house = new House();
    const { child, control } = await house.host();
    await control.command("forget").catch(() => {});
    await control.command("pause").catch(() => {});
    expect(house.rows).toEqual({ [ID]: "paused" });
    await control.command("remember");
    expect(await control.state()).toMatchObject({ state: "paused" });
    await control.command("forget").catch(() => {});
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(house.stages).toEqual(SHUTDOWN);
  });

  test("a command that no host has is a usage error", async () => {
    await using house = new House();
    const { control } = await house.host();
    await expect(control.command("dance")).rejects.toMatchObject({ exit: Exit.usage });
  });
});

describe("a session that begins paused", () => {
  test("has opened nothing that a pause would dispose, and does so when it is resumed", async () => {
    await using house = new House();
    const { control } = await house.host("paused");
    expect(await control.state()).toMatchObject({ state: "paused", generations: 0 });
    expect(house.rows).toEqual({ [ID]: "paused" });
    expect(house.parts).toEqual(["open writer"]);
    expect(await control.command("resume")).toMatchObject({ state: "running", generations: 1 });
    expect(house.parts).toEqual(OPENED);
  });
});

describe("a state that can't be written", () => {
  test("keeps a session from running, but not from being paused or stopped", async () => {
    await using house = new House();
    const { child, control } = await house.host();
    house.refuseStates("the disk is full");
    await expect(control.command("pause")).rejects.toThrow("the disk is full");
    expect(await control.state()).toMatchObject({ state: "paused" });
    await expect(control.command("resume")).rejects.toThrow("the disk is full");
    expect(await control.state()).toMatchObject({ state: "paused" });
    expect(house.lamp).toBe("off");
    house.takeStates();
    expect(await control.command("resume")).toMatchObject({ state: "running" });
    house.refuseStates("the disk is full");
    await control.command("stop");
    expect(await child.exited).not.toBe(Exit.ok);
    expect(house.stages).toEqual(SHUTDOWN);
  });

  test("is told to an activity that says it goes on without, and the session does", async () => {
    await using house = new House();
    const { child, control } = await house.host("carries-on");
    house.refuseStates("the disk is full");
    expect(await control.command("pause")).toMatchObject({ state: "paused" });
    expect(await control.command("resume")).toMatchObject({ state: "running", generations: 2 });
    expect(house.parts.filter((line) => line.startsWith("unwritten"))).toEqual([
      "unwritten: the disk is full",
      "unwritten: the disk is full",
    ]);
    expect(house.told).toContain("paused can't be recorded");
    house.takeStates();
    await control.command("pause");
    expect(house.rows).toEqual({ [ID]: "paused" });
    house.refuseStates("the disk is full");
    await control.command("stop");
    expect(await child.exited).toBe(Exit.ok);
    expect(house.stages).toEqual(SHUTDOWN);
  });
});

describe("a store that another process holds for long", () => {
  test("doesn't stop an activity that goes on without: it is told, and what is late is written in its order", async () => {
    await using house = new House();
    const { child, control } = await house.host("carries-on");
    await control.command("pause");
    using db = new Database(join(house.home, "data/stint/stint.db"));
    db.exec("BEGIN IMMEDIATE");
    // The activity's own write gives up after 5 s, and so would the row's after it: that is longer than a state may take.
    expect(await control.command("resume")).toMatchObject({ state: "running", generations: 2 });
    expect(house.parts).toContain("unwritten: running: not written after 8000 ms");
    expect(house.rows).toEqual({ [ID]: "paused" });
    db.exec("COMMIT");
    await until(() => house.rows[ID] === "running");
    await control.command("pause");
    expect(house.rows).toEqual({ [ID]: "paused" });
    await control.command("stop");
    expect(await child.exited).toBe(Exit.ok);
    expect(house.rows).toEqual({ [ID]: "stopped" });
  });
});

describe("a host that was told to end", () => {
  test.each(["stop", "signal"])(
    "by a %s takes no command any more, and nothing is changed; a stop is answered",
    async (by) => {
      await using house = new House();
      const { child, control } = await house.host("stop-slowly");
      if (by === "stop") await control.command("stop");
      else child.kill("SIGTERM");
      await until(() => house.parts.includes("stopping"));
      for (const name of ["pause", "resume", "toggle", "touch"]) {
        await expect(control.command(name)).rejects.toMatchObject({
          message: "the session is stopping",
          hint: "try again in a moment",
          exit: Exit.again,
        });
      }
      expect(house.parts).not.toContain("touched");
      expect(await control.command("stop")).toMatchObject({ pending: "stopping" });
      writeFileSync(join(house.work, "let-go"), "");
      expect(await child.exited).toBe(by === "stop" ? Exit.ok : 143);
    },
  );
});

describe("a suspend of the machine", () => {
  test.each(["", "paused"])("is told to the activity soon after, running or not (%p)", async (fixture) => {
    await using house = new House();
    const { control } = await house.host(fixture);
    await control.command("sleep");
    await until(() => house.parts.includes("slept 60 s"));
    expect(house.told).toContain("the machine was suspended for 60 s");
  });
});

describe("a part below the session that may be missing", () => {
  test("is in the list of what it does without while it is, running or paused", async () => {
    await using house = new House();
    const { control } = await house.host("page");
    expect(await control.state()).toMatchObject({ degraded: [] });
    const seen: unknown[] = [];
    await using _ = control.watch((state) => void seen.push(JSON.stringify(state?.["degraded"])));
    await until(() => seen.length > 0);
    await control.command("unpage");
    await until(() => seen.at(-1) === "[]" && seen.includes('["page"]'));
    await control.command("pause");
    await control.command("unpage");
    await until(() => seen.filter((each) => each === '["page"]').length === 2 && seen.at(-1) === "[]");
    expect(house.told).toContain("lost state page: the port was taken");
  });
});

describe("a host whose place is removed under it", () => {
  test("takes its seat again, and is found and asked as before", async () => {
    await using house = new House();
    const { child, control } = await house.host();
    rmSync(join(house.home, "state"), { recursive: true });
    await until(() => house.seat?.host.pid === child.pid);
    expect(await connect(house.seat as Seat).state()).toMatchObject({ session_id: ID, state: "running" });
    const second = await house.run([OTHER]);
    expect(second.err).toContain(`pomo is already running (session ${ID}, pid ${child.pid})`);
    await control.command("stop");
    expect(await child.exited).toBe(Exit.ok);
    expect(house.seat).toBeUndefined();
  });

  test("leaves in order when another was quicker, and leaves that one's seat, socket and row as they are", async () => {
    await using house = new House();
    const { child } = await house.host();
    rmSync(join(house.home, "state/stint/pomo.default.host"));
    const second = await house.host();
    expect(await child.exited).toBe(Exit.again);
    expect(await child.stderr.text()).toContain("another host has taken its place");
    expect(house.seat?.host.pid).toBe(second.child.pid);
    expect(await second.control.state()).toMatchObject({ session_id: ID, state: "running" });
    expect(house.rows).toEqual({ [ID]: "running" });
  });
});

describe("on its way down a host knows", () => {
  test("that it was asked to stop, running or paused", async () => {
    for (const fixture of ["", "paused"]) {
      await using house = new House();
      const { child, control } = await house.host(fixture);
      await control.command("stop");
      expect(await child.exited).toBe(Exit.ok);
      expect(house.asked).toBe("true");
    }
  });

  test("that a signal, or being done, is nobody's word to stop for good", async () => {
    for (const [end, code] of [
      ["signal", 143],
      ["done", Exit.ok],
    ] as const) {
      await using house = new House();
      const { child, control } = await house.host();
      if (end === "signal") child.kill("SIGTERM");
      else await control.command("done");
      expect(await child.exited).toBe(code);
      expect(house.asked).toBe("false");
    }
  });
});

describe("failing at the start", () => {
  test("what a user can mend: its exit code, what was opened disposed, and no session left in the list", async () => {
    await using house = new House();
    const { code, err } = await house.run([ID], { env: { FIXTURE: "expected" } });
    expect([code, err]).toEqual([Exit.unavailable, "Expected: no display\n"]);
    expect(house.parts).toEqual([...OPENED.slice(0, -1), ...DISPOSED.slice(1)]);
    expect(house.lamp).toBe("off");
    expect(house.stages).toEqual(SHUTDOWN);
    expect(house.rows).toEqual({});
    expect(house.seat).toBeUndefined();
  });

  test("a bug: exit 70 and its stack in the log", async () => {
    await using house = new House();
    expect((await house.run([ID], { env: { FIXTURE: "bug" } })).code).toBe(Exit.internal);
    const ended = house.log("host").find(({ text }) => text === "ended: a bug");
    expect(JSON.stringify(ended?.["error"])).toContain("fixture-host.ts");
  });

  test("a session that had run before keeps its row", async () => {
    await using house = new House();
    const { child } = await house.host();
    child.kill("SIGTERM");
    await child.exited;
    await house.run([ID], { env: { FIXTURE: "expected" } });
    expect(house.rows).toEqual({ [ID]: "stopped" });
  });
});

describe("one host", () => {
  test("a second is refused with 75 and says who is there; the first doesn't notice", async () => {
    await using house = new House();
    const { child, control } = await house.host();
    const second = await house.run([OTHER]);
    expect(second.code).toBe(Exit.again);
    expect(second.err).toContain(`pomo is already running (session ${ID}, pid ${child.pid})`);
    expect(await control.state()).toMatchObject({ session_id: ID, state: "running" });
    expect(house.rows).toEqual({ [ID]: "running" });
  });

  test("after kill -9 the seat is free, and the next host finds the session crashed", async () => {
    await using house = new House();
    const first = await house.host();
    first.child.kill("SIGKILL");
    await first.child.exited;
    expect(house.rows).toEqual({ [ID]: "running" });
    const { control } = await house.host("", OTHER);
    expect(house.rows).toEqual({ [ID]: "crashed", [OTHER]: "running" });
    expect(await control.state()).toMatchObject({ session_id: OTHER, state: "running" });
    expect(house.told).toContain("a host had ended without a word: the store is being checked");
  });

  test("after kill -9 the session can be recreated under its id", async () => {
    await using house = new House();
    const first = await house.host();
    first.child.kill("SIGKILL");
    await first.child.exited;
    const { child } = await house.host();
    expect(house.rows).toEqual({ [ID]: "running" });
    child.kill("SIGTERM");
    await child.exited;
    expect(house.rows).toEqual({ [ID]: "stopped" });
  });
});

describe("the ready pipe", () => {
  /** Starts a host in the background, as a launcher does. */
  function launched(house: House, fixture: string, id = ID) {
    const env = { ...house.env, FIXTURE: fixture, STINT_READY_FD: "3" };
    const stderr = openSync(join(house.home, "stderr"), "a");
    const child = spawnDetached([...command, id] as unknown as [string], { env, cwd: house.work, stderr });
    const said = (async () => {
      let all = "";
      for await (const chunk of child.said) all += String(chunk);
      return all;
    })();
    return { ...child, said };
  }

  test("says the session's id once it runs, and is closed", async () => {
    await using house = new House();
    const { said, pid } = launched(house, "");
    expect(await said).toBe(`${JSON.stringify({ ready: true, session: ID })}\n`);
    expect(house.parts).toEqual(OPENED);
    expect(house.rows).toEqual({ [ID]: "running" });
    expect(house.processes()).toContain(pid);
  });

  test("says what went wrong at the start, with the hint and the exit code", async () => {
    await using house = new House();
    const { said, exited } = launched(house, "expected");
    expect(JSON.parse(await said)).toEqual({
      error: "no display",
      hint: "plug one in",
      exit: Exit.unavailable,
    });
    expect((await exited).code).toBe(Exit.unavailable);
  });

  test("says that the seat is taken", async () => {
    await using house = new House();
    await house.host();
    const { said } = launched(house, "", OTHER);
    expect(JSON.parse(await said)).toMatchObject({
      error: expect.stringContaining("pomo is already running"),
      exit: Exit.again,
    });
  });

  test("says that it was told to end before it was ready", async () => {
    await using house = new House();
    const { said, pid, exited } = launched(house, "slow-worker");
    await until(() => house.parts.includes("opening worker"));
    process.kill(pid, "SIGTERM");
    expect(JSON.parse(await said)).toMatchObject({ error: expect.stringContaining("before it was ready") });
    expect((await exited).code).toBe(143);
  });

  test("ends without a word when the host is killed", async () => {
    await using house = new House();
    const { said, pid, exited } = launched(house, "slow-worker");
    await until(() => house.parts.includes("opening worker"));
    process.kill(pid, "SIGKILL");
    expect(await said).toBe("");
    expect((await exited).signal).toBe("SIGKILL");
  });
});
