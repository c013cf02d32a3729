import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Line, Sandbox, stint, until } from "../support/sandbox.ts";

/** The timer as a script uses it: commands in, lines and exit codes out. */

/** A home with short commands; its hosts are real processes in the background. */
class Box extends Sandbox {
  constructor(env: Record<string, string> = {}) {
    super(stint.source, { STINT_POMO_NOTIFY: "false", ...env });
  }

  /** Runs `stint pomo …`, which must end well, and gives its last line. */
  async pomo(...args: string[]): Promise<Line> {
    const { code, err, lines } = await this.run(["pomo", ...args]);
    if (code !== 0) throw new Error(`pomo ${args.join(" ")}: ${code} ${err}`);
    return lines.at(-1) ?? {};
  }

  /** Runs one that is to be refused. */
  async refused(...args: string[]): Promise<{ code: number; err: string }> {
    const { code, err, out } = await this.run(["pomo", ...args]);
    expect(out).toBe("");
    expect(err.split("\n").length).toBeLessThanOrEqual(3);
    return { code, err };
  }

  /** The host's pid. */
  async host(): Promise<number> {
    const { lines } = await this.run(["sessions"]);
    return Number(lines.find(({ kind, pid }) => kind === "pomo" && pid !== null)?.["pid"]);
  }

  /** Kills the host as nothing can handle. */
  async kill(): Promise<void> {
    const pid = await this.host();
    process.kill(pid, "SIGKILL");
    await until(
      () => this.processes().includes(pid),
      (there) => !there,
    );
  }

  log_(...args: string[]): Promise<Line[]> {
    return this.run(["pomo", "log", "--all", ...args]).then(({ lines }) => lines);
  }

  get db(): Database {
    return new Database(join(this.home, "data/stint/stint.db"));
  }
}

describe("a session", () => {
  test("starts in the background and answers to every command", async () => {
    await using box = new Box();
    const started = await box.pomo("start", "write the report", "--detach");
    expect(started).toMatchObject({
      v: 1,
      type: "pomo",
      state: "running",
      session_type: "WORK",
      duration_ms: 1_500_000,
      round: 1,
      rounds: 4,
      task: "write the report",
      preset: "short",
      profile: "default",
      restored: false,
    });
    expect(typeof started["session_id"]).toBe("string");
    const paused = await box.pomo("pause");
    expect(paused).toMatchObject({ state: "paused", event: "WORK_PAUSED" });
    expect(await box.pomo("pause")).toMatchObject({ events: paused["events"] });
    const waiting = await box.pomo("status");
    expect(waiting["remaining_ms"]).toBe(paused["remaining_ms"]);
    expect(await box.pomo("toggle")).toMatchObject({ state: "running", event: "WORK_RESUMED" });
    expect(await box.pomo("extend", "5m")).toMatchObject({ duration_ms: 1_800_000, undo: "extend" });
    expect(await box.pomo("undo")).toMatchObject({ duration_ms: 1_500_000, undo: null });
    expect(await box.pomo("skip")).toMatchObject({ session_type: "SHORT_BREAK", interval: 2 });
    expect(await box.pomo("undo")).toMatchObject({ session_type: "WORK", state: "running", interval: 1 });
    expect(await box.log_()).toEqual([]);
    expect(await box.pomo("finish")).toMatchObject({ session_type: "SHORT_BREAK", today: { completed: 1 } });
    expect(await box.pomo("stop")).toMatchObject({ state: "stopped", session_id: started["session_id"] });
    expect(await box.log_()).toMatchObject([
      { session_type: "WORK", outcome: "completed", task: "write the report" },
      { session_type: "SHORT_BREAK", outcome: "interrupted" },
    ]);
    expect(await box.pomo("status")).toMatchObject({ state: "stopped", session_id: null, undo: "stop" });
  });

  test("tells a pipe each change once, and ends with the session", async () => {
    await using box = new Box({ STINT_POMO_AUTO_START_WORK: "true" });
    const following = box.start(["pomo", "start", "--work", "1s", "--break", "1s"]);
    const lines: Line[] = [];
    let rest = "";
    let stopping: Promise<unknown> | undefined;
    for await (const chunk of following.stdout) {
      rest += new TextDecoder().decode(chunk);
      const whole = rest.split("\n");
      rest = whole.pop() ?? "";
      lines.push(...whole.map((line) => JSON.parse(line) as Line));
      if (lines.some(({ interval }) => interval === 3)) stopping ??= box.pomo("stop");
    }
    await stopping;
    expect(await following.exited).toBe(0);
    expect(lines.map(({ event }) => event).slice(0, 5)).toEqual([
      "WORK_STARTED",
      "WORK_COMPLETED",
      "SHORT_BREAK_STARTED",
      "SHORT_BREAK_COMPLETED",
      "WORK_STARTED",
    ]);
    expect(lines.at(-1)).toMatchObject({ state: "stopped" });
    // Finished when its time was up, once.
    const [work, rested, ...more] = await box.log_();
    expect(more).toMatchObject([{ session_type: "WORK", outcome: "interrupted" }]);
    for (const done of [work, rested]) {
      expect(done).toMatchObject({ outcome: "completed", elapsed_ms: 1_000 });
    }
  });

  test("waits where it was started paused, and with --wait says how the work ended", async () => {
    await using box = new Box();
    expect(await box.pomo("start", "--paused", "--detach")).toMatchObject({ state: "paused" });
    expect((await box.pomo("status"))["remaining_ms"]).toBe(1_500_000);
    expect((await box.run(["pomo", "start", "--replace", "--wait", "--work", "1s"])).code).toBe(0);
    const waiting = box.start(["pomo", "start", "--replace", "--wait"]);
    await until(
      () => box.pomo("status"),
      ({ interval, duration_ms }) => interval === 1 && duration_ms === 1_500_000,
    );
    await box.pomo("skip");
    expect(await waiting.exited).toBe(1);
  });

  test("is kept apart by profile", async () => {
    await using box = new Box();
    await box.pomo("start", "mine", "--detach");
    await box.pomo("start", "theirs", "--preset", "long", "--detach", "--profile", "acme");
    expect(await box.pomo("status")).toMatchObject({ task: "mine", preset: "short" });
    expect(await box.pomo("status", "--profile", "acme")).toMatchObject({ task: "theirs", preset: "long" });
    await box.pomo("stop", "--profile", "acme");
    expect(await box.pomo("status")).toMatchObject({ state: "running" });
    expect(await box.log_()).toEqual([]);
    expect(await box.log_("--profile", "acme")).toHaveLength(1);
  });

  test("can be hosted in the foreground, and a signal leaves it to be taken up again", async () => {
    await using box = new Box();
    const host = box.start(["pomo", "start", "here", "--foreground"]);
    await until(
      () => box.pomo("status"),
      ({ state }) => state === "running",
    );
    host.kill("SIGTERM");
    expect(await host.exited).toBe(143);
    const left = await box.pomo("status");
    expect(left).toMatchObject({ state: "running", restored: true, task: "here" });
    expect(await box.log_()).toEqual([]);
    expect(await box.pomo("resume")).toMatchObject({ state: "running", session_id: left["session_id"] });
  });

  test("between two intervals is no obstacle to another", async () => {
    await using box = new Box({ STINT_POMO_AUTO_START_BREAKS: "false" });
    await box.pomo("start", "one", "--detach");
    expect(await box.pomo("finish")).toMatchObject({ state: "paused", completed: true, remaining_ms: 0 });
    expect(await box.pomo("start", "two", "--detach")).toMatchObject({ state: "running", task: "two" });
    expect(await box.log_()).toMatchObject([{ task: "one", outcome: "completed" }]);
  });
});

test("a change is told once it is written, with what led to it", async () => {
  await using box = new Box({ STINT_POMO_AUTO_START_BREAKS: "false" });
  const following = box.start(["pomo", "start", "one"]);
  await until(
    () => box.pomo("status"),
    ({ state }) => state === "running",
  );
  for (const command of ["pause", "skip", "undo", "resume", "finish", "stop"]) await box.pomo(command);
  const lines = (await following.stdout.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  const told = lines.map(({ event, state, session_type }) => `${event} ${state} ${session_type}`);
  expect(told).toEqual([
    "WORK_STARTED running WORK",
    "WORK_PAUSED paused WORK",
    "WORK_INTERRUPTED paused WORK",
    "SHORT_BREAK_STARTED running SHORT_BREAK",
    "WORK_PAUSED paused WORK",
    "WORK_RESUMED running WORK",
    "WORK_COMPLETED paused WORK",
    "WORK_COMPLETED stopped WORK",
  ]);
});

describe("what is refused changes nothing", () => {
  test("with nothing running", async () => {
    await using box = new Box();
    for (const command of ["pause", "resume", "toggle", "skip", "finish", "stop"]) {
      expect(await box.refused(command)).toEqual({
        code: 1,
        err: "stint: nothing is running\n  stint pomo start\n",
      });
    }
    expect(await box.refused("undo")).toMatchObject({ code: 1 });
    expect((await box.run(["sessions"])).lines).toEqual([]);
  });

  test("a second start, which --replace makes an interruption of the first", async () => {
    await using box = new Box();
    const first = await box.pomo("start", "one", "--detach");
    const { code, err } = await box.refused("start", "two");
    expect(code).toBe(75);
    expect(err).toContain("a session is there already (WORK, 25:00 left, one)");
    expect((await box.run(["pomo", "task", "list"])).lines).toMatchObject([{ title: "one" }]);
    const second = await box.pomo("start", "two", "--replace", "--detach");
    expect(second["session_id"]).not.toBe(first["session_id"]);
    expect(await box.log_()).toMatchObject([{ task: "one", outcome: "interrupted" }]);
  });

  test.each([
    [["start", "--work", "-5m"], "isn't a duration"],
    [["start", "--work=0m"], "'0m' isn't a duration"],
    [["start", "--work", "999h"], "'999h' isn't a duration"],
    [["start", "--break", "soon"], "'soon' isn't a duration"],
    [["start", "--rounds", "0"], "whole number from 1 to 100"],
    [["start", "--preset", "nap"], "there is no preset 'nap'"],
    [["start", "--wait", "--detach"], "exclude each other"],
    [["status", "--format", "xmobar"], "there is no format 'xmobar'"],
    [["status", "--format", "{nonsense}"], "there is no field {nonsense}"],
    [["extend", "-3m"], ""],
    [["serve", "--listen", "0.0.0.0:80"], "isn't a loopback address"],
    [["__host"], "for stint itself"],
  ])("pomo %j", async (args, words) => {
    await using box = new Box();
    const { code, err } = await box.refused(...args);
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect((await box.run(["sessions"])).lines).toEqual([]);
  });

  test("an unknown task", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    expect(await box.refused("task", "use", "#99")).toMatchObject({ code: 1 });
    expect(await box.refused("start", "#99", "--replace")).toMatchObject({ code: 1 });
    expect(await box.pomo("status")).toMatchObject({ state: "running", task: "one" });
  });
});

describe("tasks", () => {
  test("are followed by the session, and one that is removed keeps its title", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    await box.pomo("task", "add", "two", "--use");
    expect(await box.pomo("status")).toMatchObject({ task: "two" });
    await box.pomo("task", "remove", "two");
    expect(await box.pomo("status")).toMatchObject({ task: "two" });
    await box.kill();
    expect(await box.pomo("resume")).toMatchObject({ restored: true, task: "two" });
    await box.pomo("task", "use", "one");
    expect(await box.pomo("status")).toMatchObject({ task: "one" });
    await box.pomo("task", "use", "none");
    expect(await box.pomo("status")).toMatchObject({ task: null });
  });
});

describe("a session whose host was killed", () => {
  test("is shown as it would be now without being touched, and taken up by what asks something of it", async () => {
    await using box = new Box();
    const { session_id } = await box.pomo("start", "one", "--detach");
    await box.kill();
    using before = box.db;
    const rows = () => before.query("SELECT n, type, last_active FROM checkpoint").all();
    const stored = rows();
    expect(await box.pomo("status")).toMatchObject({ state: "running", restored: true, session_id });
    expect(rows()).toEqual(stored);
    expect(box.processes()).toEqual([]);
    expect(await box.pomo("pause")).toMatchObject({ state: "paused", session_id, restored: true });
    await box.kill();
    const watching = box.start(["pomo", "watch"]);
    const { value } = await watching.stdout[Symbol.asyncIterator]().next();
    expect(JSON.parse(new TextDecoder().decode(value))).toMatchObject({
      state: "paused",
      session_id,
      restored: true,
    });
    watching.kill();
    expect(await box.host()).toBeGreaterThan(0);
  });

  test("is taken up by a plain start, and by resume goes on though it was paused", async () => {
    await using box = new Box();
    const { session_id } = await box.pomo("start", "one", "--detach");
    await box.kill();
    expect(await box.pomo("start", "--detach")).toMatchObject({
      session_id,
      restored: true,
      state: "running",
    });
    const paused = await box.pomo("pause");
    await box.kill();
    expect(await box.pomo("status")).toMatchObject({ state: "paused", remaining_ms: paused["remaining_ms"] });
    expect(await box.pomo("resume")).toMatchObject({ session_id, restored: true, state: "running" });
  });

  test("is interrupted by a start that replaces it, once", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    await box.kill();
    await box.pomo("start", "two", "--replace", "--detach");
    expect(await box.log_()).toMatchObject([{ task: "one", outcome: "interrupted" }]);
    await box.kill();
    await box.pomo("resume");
    expect(await box.log_()).toHaveLength(1);
  });

  test("can undo its stop under the same id", async () => {
    await using box = new Box();
    const { session_id } = await box.pomo("start", "one", "--detach");
    await box.pomo("stop");
    expect(await box.log_()).toHaveLength(1);
    expect(await box.pomo("undo")).toMatchObject({ state: "running", session_id, task: "one" });
    expect(await box.log_()).toEqual([]);
  });

  test("is restored from the checkpoint before one that is damaged or newer, with a warning", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    await box.pomo("extend", "10m");
    await box.pomo("pause");
    await box.pomo("resume");
    await box.kill();
    using db = box.db;
    const newest = db.query("SELECT max(n) AS n FROM checkpoint").get() as { n: number };
    db.run("UPDATE checkpoint SET state = 'torn {' WHERE n = ?", [newest.n]);
    db.run("UPDATE checkpoint SET state = json_set(state, '$.version', 99) WHERE n = ?", [newest.n - 1]);
    expect(await box.pomo("status")).toMatchObject({ state: "running", duration_ms: 2_100_000 });
    const { err, lines } = await box.run(["pomo", "resume"]);
    expect(err).toContain("2 damaged or newer checkpoints were passed over");
    expect(lines.at(-1)).toMatchObject({ state: "running", duration_ms: 2_100_000 });
    const warnings = box.log("pomo.default").filter(({ level }) => level === "warn");
    expect(warnings.map(({ text }) => text)).toContain("2 damaged or newer checkpoints were passed over");
  });

  test("keeps a checkpoint of a newer version for the version that can read it", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    await box.pomo("pause");
    await box.kill();
    using db = box.db;
    db.run(
      "UPDATE checkpoint SET state = json_set(state, '$.version', 99) WHERE n = (SELECT max(n) FROM checkpoint)",
    );
    const newer = db.query("SELECT * FROM checkpoint ORDER BY n DESC LIMIT 1").get();
    await box.pomo("resume");
    await box.pomo("extend", "5m");
    const n = (newer as { n: number }).n;
    expect(db.query("SELECT * FROM checkpoint WHERE n = ?").get(n)).toEqual(newer);
  });

  test("of which nothing can be read is said to be lost, and no older session takes its place", async () => {
    await using box = new Box();
    await box.pomo("start", "old", "--detach");
    await box.pomo("stop");
    const { session_id } = await box.pomo("start", "new", "--detach");
    await box.kill();
    using db = box.db;
    db.run("UPDATE checkpoint SET state = 'torn' WHERE session_id = ?", [String(session_id)]);
    const status = await box.pomo("status");
    expect(status).toMatchObject({ state: "stopped", undo: null });
    expect(status["notice"]).toBe("1 damaged or newer checkpoint was passed over");
    for (const command of ["resume", "undo"]) expect(await box.refused(command)).toMatchObject({ code: 1 });
    expect(await box.log_()).toMatchObject([{ task: "old", outcome: "interrupted" }]);
    expect(await box.pomo("start", "another", "--detach")).toMatchObject({ state: "running" });
  });

  test("is hosted in the foreground again by the same command, as a service is", async () => {
    await using box = new Box();
    const service = () => box.start(["pomo", "start", "serve", "--foreground", "--preset", "long"]);
    const first = service();
    await until(
      () => box.pomo("status"),
      ({ state, host }) => state === "running" && host === true,
    );
    const { session_id } = await box.pomo("extend", "5m");
    first.kill("SIGKILL");
    await first.exited;
    const second = service();
    const back = await until(
      () => box.pomo("status"),
      ({ host }) => host === true,
    );
    expect(back).toMatchObject({ session_id, restored: true, duration_ms: 3_300_000 });
    expect(await box.host()).toBe(second.pid);
    second.kill("SIGTERM");
    await second.exited;
  });

  test("isn't touched by a start that is refused", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    await box.kill();
    const { code, err } = await box.refused("start", "two");
    expect(code).toBe(75);
    expect(err).toContain("was left by its host");
    expect(box.processes()).toEqual([]);
    expect((await box.run(["pomo", "task", "list"])).lines).toMatchObject([{ title: "one" }]);
  });

  test("is stopped by whoever asks while it leaves on a signal", async () => {
    await using box = new Box();
    // A hook that takes its time keeps the host on its way out.
    await box.run(["config", "set", "pomo.on_pause", '["sleep", "1"]']);
    await box.pomo("start", "one", "--detach");
    await box.pomo("pause");
    await box.pomo("resume");
    process.kill(await box.host(), "SIGTERM");
    expect(await box.pomo("stop")).toMatchObject({ state: "stopped" });
    expect(await box.pomo("status")).toMatchObject({ state: "stopped", undo: "stop" });
    expect(await box.log_()).toMatchObject([{ task: "one", outcome: "interrupted" }]);
  });

  test("is taken up by those who look on, also when the store was busy at first", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    const watching = box.start(["pomo", "watch"]);
    const reading = watching.stdout[Symbol.asyncIterator]();
    await reading.next();
    using db = box.db;
    db.run("BEGIN IMMEDIATE");
    const dead = await box.host();
    await box.kill();
    await until(
      () => box.log("pomo.default").some(({ text }) => String(text).includes("the store is busy")),
      Boolean,
      20_000,
    );
    db.run("ROLLBACK");
    await until(
      () => box.host(),
      (pid) => pid > 0 && pid !== dead,
      20_000,
    );
    watching.kill();
    await watching.exited;
  });

  test("in a break isn't what --wait waits for", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    await box.pomo("finish");
    await box.kill();
    expect(await box.refused("start", "--wait")).toMatchObject({ code: 75 });
    expect(await box.pomo("status")).toMatchObject({ session_type: "SHORT_BREAK", state: "running" });
  });

  test("in the foreground isn't taken for another task", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    await box.kill();
    expect(await box.refused("start", "two", "--foreground")).toMatchObject({ code: 75 });
  });

  test("and came to its end is shown by a plain start, not thrown away", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--work", "1s", "--detach");
    await box.kill();
    await until(
      () => box.pomo("status"),
      ({ finished_away_at }) => finished_away_at !== null,
    );
    expect(await box.pomo("start", "--detach")).toMatchObject({
      restored: true,
      completed: false,
      remaining_ms: 0,
    });
    expect(await box.log_()).toEqual([]);
    await box.pomo("finish");
    expect(await box.log_()).toMatchObject([{ task: "one", outcome: "completed" }]);
  });

  test("answers status and commands also while it leaves", async () => {
    await using box = new Box();
    for (let times = 0; times < 5; times++) {
      await box.pomo("start", "one", "--detach", "--replace");
      const stopping = box.pomo("stop");
      const seen = await Promise.all(Array.from({ length: 6 }, () => box.run(["pomo", "status"])));
      expect(seen.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(await stopping).toMatchObject({ state: "stopped" });
    }
  });

  test("whose folder was removed isn't stopped behind its back", async () => {
    await using box = new Box();
    await box.pomo("start", "one", "--detach");
    const pid = await box.host();
    rmSync(join(box.home, "state/stint"), { recursive: true });
    const { code } = await box.run(["pomo", "stop"]);
    // Either it is reached again by then, and stopped, or the answer is to try again.
    expect([0, 75]).toContain(code);
    await until(
      () => box.run(["pomo", "stop"]),
      ({ code: then }) => then !== 75,
    );
    await until(
      () => box.processes(),
      (all) => !all.includes(pid),
    );
    expect(await box.log_()).toMatchObject([{ task: "one", outcome: "interrupted" }]);
  });

  test("makes one host, however many ask at once", async () => {
    await using box = new Box();
    const { session_id } = await box.pomo("start", "one", "--detach");
    await box.kill();
    const all = await Promise.all(
      ["resume", "pause", "resume", "status", "toggle"].map((name) => box.pomo(name)),
    );
    for (const line of all) expect(line["session_id"]).toBe(session_id);
    // Those that came second are leaving.
    await until(
      () => box.processes(),
      ({ length }) => length === 1,
    );
    expect(await box.log_()).toEqual([]);
  });
});
