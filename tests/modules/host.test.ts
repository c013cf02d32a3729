/** The supervisor in this very process: real modules, and a clock that stands still until a test moves it. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { State } from "../../src/kernel/control.ts";
import { type Host, runHost } from "../../src/kernel/host.ts";
import { Life } from "../../src/kernel/life.ts";
import { openLog } from "../../src/kernel/log.ts";
import { openModules } from "../../src/modules/adapters/host.ts";
import type { Outcome } from "../../src/modules/adapters/runner.ts";
import { settings } from "../../src/modules/adapters/settings.ts";
import { schema } from "../../src/modules/adapters/trials.ts";
import type { ModuleRow } from "../../src/modules/core/module.ts";
import { hasProcess } from "../../src/modules/core/states.ts";
import { TestClock } from "../support/clock.ts";
import { enterHome, type Home } from "../support/home.ts";
import { alive, TINY } from "../support/modules.ts";
import { until } from "../support/sandbox.ts";

const SESSION = "0198c0de-0000-7000-8000-000000000001";

let home: Home;
let dir: string;
let clock: TestClock;
beforeEach(() => {
  home = enterHome();
  dir = join(home.path, "modules");
  mkdirSync(dir);
  clock = new TestClock(Date.now());
});
afterEach(() => home[Symbol.dispose]());

/** A module that is a script of sh. */
function module(name: string, script: string, config: Record<string, string> = {}): void {
  mkdirSync(join(dir, name), { recursive: true });
  const lines = Object.entries({ command: "/bin/sh run.sh", ...config }).map(
    ([key, value]) => `${key} = ${value}\n`,
  );
  writeFileSync(join(dir, name, "config.txt"), lines.join(""));
  writeFileSync(join(dir, name, "run.sh"), script);
}

/** One that is ready at once, answers, and writes the pid of each of its runs into pids.txt. */
const tiny = (name: string, config: Record<string, string> = {}): void =>
  module(name, `echo $$ >> pids.txt\n${TINY}`, config);

/** Ready, and then gone. */
const faller = (name: string, config: Record<string, string> = {}): void =>
  module(name, `echo '{"event":"ready"}'; read -r line; exit 3`, config);

const pids = (name: string): number[] => {
  const path = join(dir, name, "pids.txt");
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
};

/** Lets time pass, a second each hundredth of one, until it is disposed. */
function hurry(): Disposable {
  const timer = setInterval(() => void clock.advance(1_000), 10);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

class Supervisor implements AsyncDisposable {
  readonly host: Host;
  readonly life: Life;
  readonly #over: Promise<unknown>;

  private constructor(host: Host, life: Life, over: Promise<unknown>) {
    this.host = host;
    this.life = life;
    this.#over = over;
  }

  static async up(recreated = false): Promise<Supervisor> {
    const life = new Life(() => {});
    const { modules } = await settings();
    const log = openLog("modules.default", { clock });
    const { promise, resolve, reject } = Promise.withResolvers<Host>();
    const over = runHost(
      {
        kind: "modules",
        profile: "default",
        session: SESSION,
        schemas: [schema],
        recreated,
        life,
        log,
        clock,
      },
      async (host) => {
        const activity = await openModules(host, dir, modules, () => 0.5);
        resolve(host);
        return activity;
      },
    );
    over.catch(reject);
    const supervisor = new Supervisor(await promise, life, over);
    await until(async () => (await supervisor.host.control.state())["state"] === "running");
    return supervisor;
  }

  async rows(): Promise<ModuleRow[]> {
    return (await this.host.control.state())["modules"] as ModuleRow[];
  }

  async row(name: string): Promise<ModuleRow> {
    const row = (await this.rows()).find((each) => each.name === name);
    if (!row) throw new Error(`no ${name}`);
    return row;
  }

  until(name: string, holds: (row: ModuleRow) => boolean): Promise<ModuleRow> {
    return until(() => this.row(name), holds, 5_000);
  }

  async ask(command: string, args: object = {}): Promise<Outcome[]> {
    const { answer } = (await this.host.control.command(command, args)) as State & {
      answer: { outcomes: Outcome[] };
    };
    return answer.outcomes;
  }

  async one(command: string, name: string, args: object = {}): Promise<Outcome> {
    const [outcome] = await this.ask(command, { names: [name], ...args });
    if (!outcome) throw new Error("no outcome");
    return outcome;
  }

  /** Ends it in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    using _ = hurry();
    this.host.end();
    await this.#over;
  }

  /** Ends it as a fault of its own does. */
  async crash(): Promise<void> {
    this.life.crash(new Error("a bug"));
    await this.#over;
  }
}

test("a crash waits twice as long each time, and the fifth is the last", async () => {
  faller("faller", { restart: "on-failure" });
  await using supervisor = await Supervisor.up();
  for (const [n, ms] of [1_000, 2_000, 4_000, 8_000].entries()) {
    const { pid } = await supervisor.until("faller", ({ actual }) => actual === "IDLE");
    process.kill(Number(pid), "SIGSEGV");
    const waiting = await supervisor.until("faller", ({ actual }) => actual === "ENABLED");
    expect(waiting).toMatchObject({
      reason: expect.stringMatching(
        new RegExp(`^again at [\\d:]{8}, ${(ms / 1000).toFixed(1)} s after SIGSEGV$`),
      ),
      restarts: n + 1,
    });
    await clock.advance(ms - 1);
    await Bun.sleep(5);
    expect((await supervisor.row("faller")).actual).toBe("ENABLED");
    await clock.advance(1);
  }
  const { pid } = await supervisor.until("faller", ({ actual }) => actual === "IDLE");
  process.kill(Number(pid), "SIGKILL");
  const last = await supervisor.until("faller", ({ actual }) => actual === "ERROR");
  expect(last).toMatchObject({
    desired: "on",
    restarts: 4,
    last_exit: "SIGKILL",
    reason: "given up after 5 failures in 5 min, the last: SIGKILL",
  });
  // A person's word begins anew.
  expect(await supervisor.one("start", "faller")).toMatchObject({ ok: true });
  expect(await supervisor.row("faller")).toMatchObject({ actual: "IDLE", restarts: 0 });
});

test("one that stays up for a minute has its backoff from the beginning", async () => {
  faller("faller", { restart: "on-failure" });
  await using supervisor = await Supervisor.up();
  for (const up of [0, 60_000, 60_000]) {
    const { pid } = await supervisor.until("faller", ({ actual }) => actual === "IDLE");
    await clock.advance(up);
    process.kill(Number(pid), "SIGKILL");
    const { reason } = await supervisor.until("faller", ({ actual }) => actual === "ENABLED");
    expect(reason).toContain(", 1.0 s after SIGKILL");
    await clock.advance(1_000);
  }
});

test("a start that isn't ready by its deadline is killed; still_starting gives it as long again", async () => {
  module("mute", "sleep 1000", { enabled: "false", start_deadline: "30s" });
  module("slow", `while :; do echo '{"event":"still_starting"}'; sleep 0.02; done`, {
    enabled: "false",
    start_deadline: "30s",
  });
  await using supervisor = await Supervisor.up();
  const mute = supervisor.one("start", "mute");
  const slow = supervisor.one("start", "slow");
  for (const name of ["mute", "slow"]) await supervisor.until(name, ({ pid }) => pid !== null);
  const { pid } = await supervisor.row("mute");
  await clock.advance(29_000);
  await Bun.sleep(600);
  expect((await supervisor.row("mute")).actual).toBe("STARTING");
  await clock.advance(1_500);
  expect(await mute).toEqual({
    name: "mute",
    ok: false,
    text: 'not ready within 30 s: it never said {"event":"ready"}',
  });
  expect(alive(pid)).toBe(false);
  expect(await supervisor.row("mute")).toMatchObject({ desired: "off", actual: "ERROR" });
  expect((await supervisor.row("slow")).actual).toBe("STARTING");
  using _ = hurry();
  expect(await supervisor.one("halt", "slow")).toMatchObject({ ok: true });
  expect(await slow).toEqual({ name: "slow", ok: false, text: "superseded by a later stop" });
});

test("a stop that is ignored ends with SIGKILL at its deadline", async () => {
  module("deaf", `trap '' TERM; echo '{"event":"ready"}'; while :; do sleep 0.02; done`, {
    stop_deadline: "8s",
  });
  await using supervisor = await Supervisor.up();
  const { pid } = await supervisor.until("deaf", ({ actual }) => actual === "IDLE");
  const stopped = supervisor.one("halt", "deaf");
  await supervisor.until("deaf", ({ actual }) => actual === "STOPPING");
  // `quit` has half of the time, then comes the signal.
  await clock.advance(4_000);
  await Bun.sleep(50);
  await clock.advance(3_900);
  await Bun.sleep(50);
  expect(alive(pid)).toBe(true);
  await clock.advance(200);
  expect(await stopped).toMatchObject({ ok: true });
  expect(await supervisor.row("deaf")).toMatchObject({ actual: "DISABLED", last_exit: "SIGKILL" });
  expect(alive(pid)).toBe(false);
});

test("whatever is asked at whatever moment, there is one process or none, and everybody is answered", async () => {
  tiny("module", { enabled: "false", restart: "on-failure", stop_deadline: "2s" });
  await using supervisor = await Supervisor.up();
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const commands = ["enable", "disable", "start", "halt", "restart", "reset"] as const;
  for (let round = 0; round < 12; round++) {
    const asked: Promise<Outcome>[] = [];
    for (let n = 0; n < 20; n++) {
      asked.push(supervisor.one(commands[random(commands.length)] ?? "halt", "module"));
      if (random(4) === 0) await Bun.sleep(random(6));
      const { pid } = await supervisor.row("module");
      if (pid !== null && random(10) === 0) process.kill(pid, "SIGKILL");
      if (random(6) === 0) void clock.advance(1_500);
      expect(pids("module").filter(alive).length).toBeLessThanOrEqual(1);
    }
    using _ = hurry();
    const outcomes = await Promise.all(asked);
    expect(outcomes).toHaveLength(20);
    const resting = ({ desired, actual }: ModuleRow) =>
      desired === "on"
        ? ["IDLE", "CRASHED", "ERROR"].includes(actual)
        : !hasProcess(actual) && actual !== "ENABLED";
    const row = await supervisor.until("module", resting);
    const living = pids("module").filter(alive);
    expect(living).toEqual(row.actual === "IDLE" ? [Number(row.pid)] : []);
    expect(readFileSync(join(dir, "module/config.txt"), "utf8")).toContain(`enabled = ${row.enabled}\n`);
  }
}, 60_000);

test("a fault of the supervisor's own leaves its modules running, and the next takes them over", async () => {
  tiny("module");
  const first = await Supervisor.up();
  const { pid } = await first.until("module", ({ actual }) => actual === "IDLE");
  await first.one("record", "module", { session: join(home.path, "recording") });
  await first.crash();
  expect(alive(pid)).toBe(true);
  await using second = await Supervisor.up(true);
  expect(await second.row("module")).toMatchObject({
    pid,
    actual: "RECORDING",
    adopted: true,
    recording: { trial: 1 },
  });
  expect(await second.one("pause", "module")).toMatchObject({ ok: true });
  // The next trial is one more than the last that is known.
  await second.one("record", "module", { session: join(home.path, "recording") });
  expect((await second.row("module")).recording).toMatchObject({ trial: 2 });
});

test("a module whose folder went while nobody looked is ended", async () => {
  tiny("gone", { stop_deadline: "1s" });
  tiny("kept");
  const first = await Supervisor.up();
  const { pid } = await first.until("gone", ({ actual }) => actual === "IDLE");
  await first.until("kept", ({ actual }) => actual === "IDLE");
  await first.crash();
  rmSync(join(dir, "gone"), { recursive: true });
  await using second = await Supervisor.up(true);
  await until(() => !alive(pid));
  await until(async () => (await second.rows()).length === 1);
  expect((await second.row("kept")).adopted).toBe(true);
});

test("one whose configuration has become wrong goes on under the next supervisor, and can be ended", async () => {
  tiny("module");
  const first = await Supervisor.up();
  const { pid } = await first.until("module", ({ actual }) => actual === "IDLE");
  await first.crash();
  const path = join(dir, "module/config.txt");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, `${text}colour = red\n`);
  await using second = await Supervisor.up(true);
  expect(await second.row("module")).toMatchObject({ pid, actual: "IDLE", adopted: true });
  expect(await second.one("halt", "module")).toMatchObject({ ok: true });
  expect(alive(pid)).toBe(false);
  expect((await second.one("start", "module")).text).toContain("config.txt:2");
  writeFileSync(path, text);
  expect(await second.ask("reload")).toMatchObject([{ name: "module", ok: true }]);
  await second.until("module", ({ actual }) => actual === "IDLE");
});

test("recording is refused where it can't be, and said by the module itself", async () => {
  tiny("tiny");
  module("mute", "sleep 1000", { ready: "1ms" });
  module(
    "teller",
    `echo '{"event":"ready"}'; echo '{"event":"status","state":"recording","n":1}'; read -r line; echo '{"event":"status","state":"idle","n":2}'; read -r line`,
  );
  module(
    "refuser",
    `echo '{"event":"ready"}'; read -r line; id=\${line##*\\"id\\":}; echo "{\\"event\\":\\"error\\",\\"id\\":\${id%\\}},\\"message\\":\\"no disk\\"}"; read -r line`,
  );
  await using supervisor = await Supervisor.up();
  for (const name of ["tiny", "mute", "refuser"])
    await supervisor.until(name, ({ actual }) => actual === "IDLE");
  const session = join(home.path, "recording");
  expect(await supervisor.one("record", "mute")).toMatchObject({
    ok: false,
    text: "it doesn't speak: it can't be told to record",
  });
  expect(await supervisor.one("record", "refuser", { session })).toMatchObject({
    ok: false,
    text: "refused: no disk",
  });
  expect(await supervisor.one("record", "tiny", { session })).toMatchObject({ ok: true });
  expect(await supervisor.one("record", "tiny", { session })).toMatchObject({
    ok: false,
    text: "it records already",
  });
  expect(await supervisor.until("teller", ({ actual }) => actual === "RECORDING")).toMatchObject({
    status: { state: "recording", n: 1 },
  });
  using _ = hurry();
  const args = { name: "teller", command: { command: "next" } };
  expect((await supervisor.host.control.command("send", args))["answer"]).toMatchObject({
    ok: false,
    text: "no answer within 5.0 s",
  });
  await supervisor.until("teller", ({ actual }) => actual === "IDLE");
  const everyone = await supervisor.ask("pause", { names: ["*"], all: true });
  expect(everyone).toMatchObject([{ name: "tiny", ok: true }]);
});

test("what a module said just before its supervisor died counts for the next", async () => {
  tiny("starts", { start_deadline: "5s" });
  tiny("begins");
  tiny("ends");
  const first = await Supervisor.up();
  for (const name of ["starts", "begins", "ends"]) await first.until(name, ({ actual }) => actual === "IDLE");
  const session = join(home.path, "recording");
  await first.ask("record", { names: ["begins", "ends"], session });
  await first.one("pause", "ends");
  await first.crash();
  // As if it had died after it had taken their words in, and before it could write down what follows from them.
  const state = join(home.path, "state/stint/modules");
  const path = join(state, "running_modules.json");
  const left = JSON.parse(readFileSync(path, "utf8")) as { modules: Record<string, unknown>[] };
  const lastAck = (name: string): number =>
    Number(/"ack","id":(\d+)\}\n$/.exec(readFileSync(join(state, name, "log"), "utf8"))?.[1]);
  const before: Record<string, object> = {
    starts: { state: "STARTING" },
    begins: { state: "IDLE", asked: lastAck("begins") },
    ends: {
      state: "RECORDING",
      asked: lastAck("ends"),
      recording: { session, trial: 1, timestamp: 1, segment: 1 },
    },
  };
  for (const module of left.modules) Object.assign(module, before[String(module["name"])], { since: 0 });
  writeFileSync(path, JSON.stringify(left));
  await using second = await Supervisor.up(true);
  expect(
    (await second.rows()).map(({ name, actual, recording }) => [name, actual, recording?.trial]),
  ).toEqual([
    ["begins", "RECORDING", 1],
    ["ends", "IDLE", undefined],
    ["starts", "IDLE", undefined],
  ]);
  await clock.advance(10_000);
  expect((await second.row("starts")).actual).toBe("IDLE");
});

/** Its leader is ready and then told to go; it leaves a child that ignores SIGTERM. */
const parent = (name: string, config: Record<string, string> = {}): void =>
  module(
    name,
    `(trap '' TERM; while :; do sleep 0.05; done) & echo $! >> pids.txt; echo '{"event":"ready"}'; read -r line; exit 3`,
    { stop_deadline: "5s", ...config },
  );

test("a stop is done once nothing is left of what a crash left behind", async () => {
  parent("parent");
  await using supervisor = await Supervisor.up();
  const { pid } = await supervisor.until("parent", ({ actual }) => actual === "IDLE");
  process.kill(Number(pid), "SIGKILL");
  await supervisor.until("parent", ({ actual }) => actual === "CRASHED");
  const [child = 0] = pids("parent");
  const stopped = supervisor.one("halt", "parent");
  expect(await Promise.race([stopped, Bun.sleep(100).then(() => "waits")])).toBe("waits");
  expect(alive(child)).toBe(true);
  using _ = hurry();
  expect(await stopped).toMatchObject({ ok: true });
  expect(alive(child)).toBe(false);
  expect(await supervisor.row("parent")).toMatchObject({ desired: "off", actual: "DISABLED" });
});

test("what a run left behind is ended by the next supervisor, whatever is wished for by then", async () => {
  parent("parent");
  const first = await Supervisor.up();
  const { pid } = await first.until("parent", ({ actual }) => actual === "IDLE");
  const [child = 0] = pids("parent");
  process.kill(Number(pid), "SIGKILL");
  await first.until("parent", ({ actual }) => actual === "CRASHED");
  void first.one("halt", "parent");
  await first.until("parent", ({ desired }) => desired === "off");
  await first.crash();
  expect(alive(child)).toBe(true);
  await using second = await Supervisor.up(true);
  using _ = hurry();
  await until(() => !alive(child));
  await second.until("parent", ({ actual }) => actual === "DISABLED");
});

test("a module that is removed while what it left is being ended harms nobody", async () => {
  parent("parent");
  tiny("other");
  await using supervisor = await Supervisor.up();
  const { pid } = await supervisor.until("parent", ({ actual }) => actual === "IDLE");
  process.kill(Number(pid), "SIGKILL");
  await supervisor.until("parent", ({ actual }) => actual === "CRASHED");
  const [child = 0] = pids("parent");
  rmSync(join(dir, "parent"), { recursive: true });
  const reloaded = supervisor.ask("reload");
  using _ = hurry();
  expect(await reloaded).toMatchObject([{ name: "parent", ok: true, text: "removed" }]);
  expect(alive(child)).toBe(false);
  expect((await supervisor.rows()).map(({ name }) => name)).toEqual(["other"]);
});

test("a run that nobody remembers is found, and isn't started beside itself", async () => {
  tiny("module");
  const first = await Supervisor.up();
  const { pid } = await first.until("module", ({ actual }) => actual === "IDLE");
  await first.crash();
  const state = join(home.path, "state/stint/modules");
  for (const file of ["running_modules.json", "running_modules.json.previous"])
    rmSync(join(state, file), { force: true });
  await using second = await Supervisor.up();
  expect(await second.row("module")).toMatchObject({ pid, actual: "IDLE", adopted: true });
  expect(pids("module")).toHaveLength(1);
});

test("a stop that its supervisor didn't live to see is seen to its end, and is no crash", async () => {
  module("slow", `echo '{"event":"ready"}'; trap '' TERM; while read -r line; do :; done; sleep 1000`, {
    stop_deadline: "8s",
  });
  for (const desired of ["off", "on"] as const) {
    const first = await Supervisor.up(desired === "on");
    const { pid } = await first.until("slow", ({ actual }) => actual === "IDLE");
    void first.one(desired === "off" ? "halt" : "restart", "slow");
    await first.until("slow", ({ actual }) => actual === "STOPPING");
    await first.crash();
    await using second = await Supervisor.up(true);
    expect(await second.row("slow")).toMatchObject({ actual: "STOPPING", pid, desired });
    using _ = hurry();
    const after = await second.until(
      "slow",
      ({ actual }) => actual === (desired === "on" ? "IDLE" : "DISABLED"),
    );
    expect(alive(pid)).toBe(false);
    expect(after.pid === pid).toBe(false);
    const events = readFileSync(join(home.path, "state/stint/modules/events.log"), "utf8");
    expect(events).not.toContain("crash_detected");
    if (desired === "off") await second.one("start", "slow");
  }
});

test("a person's stop is remembered, also when it was of the last module", async () => {
  tiny("module");
  const first = await Supervisor.up();
  await first.until("module", ({ actual }) => actual === "IDLE");
  await first.one("halt", "module");
  await first.crash();
  await using second = await Supervisor.up(true);
  expect(await second.row("module")).toMatchObject({ desired: "off", actual: "DISABLED", enabled: true });
});

test("a backoff goes on under the next supervisor, and a start that fails under it is rolled back", async () => {
  faller("faller", { restart: "on-failure" });
  module("late", "sleep 1000", { enabled: "false", start_deadline: "30s" });
  const first = await Supervisor.up();
  const { pid } = await first.until("faller", ({ actual }) => actual === "IDLE");
  process.kill(Number(pid), "SIGKILL");
  await first.until("faller", ({ actual }) => actual === "ENABLED");
  void first.one("enable", "late");
  await first.until("late", ({ pid }) => pid !== null);
  await clock.advance(600);
  await first.crash();
  await using second = await Supervisor.up(true);
  expect((await second.row("faller")).actual).toBe("ENABLED");
  await clock.advance(300);
  expect((await second.row("faller")).actual).toBe("ENABLED");
  await clock.advance(200);
  await second.until("faller", ({ actual }) => actual === "IDLE");
  using _ = hurry();
  const late = await second.until("late", ({ actual }) => actual === "ERROR");
  expect(late).toMatchObject({ desired: "off", enabled: false });
  await until(() => readFileSync(join(dir, "late/config.txt"), "utf8").includes("enabled = false"));
});

test("a stop ends what a crash cut too: the next start records nothing", async () => {
  tiny("module", { restart: "on-failure", resume_recording: "true" });
  await using supervisor = await Supervisor.up();
  const { pid } = await supervisor.until("module", ({ actual }) => actual === "IDLE");
  await supervisor.one("record", "module", { session: join(home.path, "recording") });
  process.kill(Number(pid), "SIGKILL");
  await supervisor.until("module", ({ actual }) => actual === "ENABLED");
  await supervisor.one("halt", "module");
  await supervisor.one("start", "module");
  await Bun.sleep(100);
  expect(await supervisor.row("module")).toMatchObject({ actual: "IDLE", recording: null });
});

test("a module that is stopped before it has said that it records is told to end its recording", async () => {
  module(
    "slow",
    `echo '{"event":"ready"}'; while read -r line; do echo "heard $line"; case $line in *quit*) exit 0;; esac; done`,
  );
  await using supervisor = await Supervisor.up();
  await supervisor.until("slow", ({ actual }) => actual === "IDLE");
  const recorded = supervisor.one("record", "slow", { session: join(home.path, "recording") });
  const log = join(home.path, "state/stint/modules/slow/log");
  await until(() => readFileSync(log, "utf8").includes("start_recording"));
  const stopped = supervisor.one("halt", "slow");
  using _ = hurry();
  expect((await stopped).ok).toBe(true);
  expect((await recorded).ok).toBe(false);
  const heard = [...readFileSync(log, "utf8").matchAll(/"command":"(\w+)"/g)].map(([, command]) => command);
  expect(heard).toEqual(["start_recording", "stop_recording", "quit"]);
});

test("an answer that is a module's last word is heard", async () => {
  module(
    "brief",
    `echo '{"event":"ready"}'; read -r line; id=\${line##*\\"id\\":}; echo "{\\"event\\":\\"ack\\",\\"id\\":\${id%%[,\\}]*},\\"last\\":true}"`,
  );
  await using supervisor = await Supervisor.up();
  for (let n = 0; n < 5; n++) {
    await supervisor.until("brief", ({ actual }) => actual === "IDLE");
    const { answer } = await supervisor.host.control.command("send", {
      name: "brief",
      command: { command: "x" },
    });
    expect(answer).toMatchObject({ ok: true, answer: { event: "ack", last: true } });
    await supervisor.until("brief", ({ actual }) => actual === "CRASHED");
    await supervisor.one("reset", "brief");
  }
});

test("nobody waits for a dependency that waits for one that is off", async () => {
  tiny("a", { enabled: "false" });
  tiny("b", { depends_on: "a" });
  tiny("c", { depends_on: "b", enabled: "false" });
  await using supervisor = await Supervisor.up();
  await supervisor.until("b", ({ actual }) => actual === "ENABLED");
  const { ok, text } = await supervisor.one("start", "c");
  expect({ ok, text }).toEqual({ ok: false, text: "waits for b, and a, which it depends on, is off" });
});

test("all are restarted in the order of what they depend on", async () => {
  const script = (name: string) =>
    `echo +${name} >> ../order.txt; trap 'echo -${name} >> ../order.txt; exit 0' TERM; echo '{"event":"ready"}'; while :; do sleep 0.02; done`;
  module("db", script("db"));
  module("api", script("api"), { depends_on: "db" });
  module("web", script("web"), { depends_on: "api" });
  await using supervisor = await Supervisor.up();
  await supervisor.until("web", ({ actual }) => actual === "IDLE");
  using _ = hurry();
  const outcomes = await supervisor.ask("restart", { names: ["*"] });
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true]);
  const order = readFileSync(join(dir, "order.txt"), "utf8").trim().split("\n");
  expect(order).toEqual(["+db", "+api", "+web", "-web", "-api", "-db", "+db", "+api", "+web"]);
  expect(await supervisor.one("halt", "db")).toMatchObject({
    ok: true,
    text: "api depends on it, and runs on",
  });
});

test("a reload takes nothing for an edit that a person's own command has written", async () => {
  tiny("module");
  await using supervisor = await Supervisor.up();
  await supervisor.until("module", ({ actual }) => actual === "IDLE");
  using _ = hurry();
  for (let n = 0; n < 8; n++) {
    const [disabled] = await Promise.all([supervisor.one("disable", "module"), supervisor.ask("reload")]);
    expect(disabled.ok).toBe(true);
    expect(await supervisor.row("module")).toMatchObject({ desired: "off", enabled: false });
    await Promise.all([supervisor.one("enable", "module"), supervisor.ask("reload")]);
    expect(await supervisor.row("module")).toMatchObject({ desired: "on", enabled: true });
  }
});

test("a preference that couldn't be saved is what it was, and what is rolled back is in the file", async () => {
  tiny("module");
  module("leaves", "exit 3", { enabled: "false" });
  await using supervisor = await Supervisor.up();
  await supervisor.until("module", ({ actual }) => actual === "IDLE");
  using _ = hurry();
  for (let n = 0; n < 5; n++) {
    expect((await supervisor.one("enable", "leaves")).ok).toBe(false);
    expect(readFileSync(join(dir, "leaves/config.txt"), "utf8")).toContain("enabled = false");
  }
  const path = join(dir, "module/config.txt");
  const text = readFileSync(path, "utf8");
  rmSync(path);
  mkdirSync(path);
  expect((await supervisor.one("disable", "module")).text).toContain("its preference isn't saved");
  expect(await supervisor.row("module")).toMatchObject({ desired: "off", enabled: true });
  rmSync(path, { recursive: true });
  writeFileSync(path, text);
});

test("what is removed as the last is removed too; what has no folder any more after a crash is ended", async () => {
  tiny("module");
  const first = await Supervisor.up();
  const { pid } = await first.until("module", ({ actual }) => actual === "IDLE");
  await first.crash();
  rmSync(dir, { recursive: true });
  await using second = await Supervisor.up(true);
  using _ = hurry();
  await until(() => !alive(pid));
  await until(async () => (await second.rows()).length === 0);
});

test("trials go on counting where the last ended, in each folder", async () => {
  tiny("module");
  const session = join(home.path, "anna");
  const record = async (supervisor: Supervisor, args: object = {}) => {
    const { text } = await supervisor.one("record", "module", { session, ...args });
    await supervisor.one("pause", "module");
    return text;
  };
  {
    await using first = await Supervisor.up();
    await first.until("module", ({ actual }) => actual === "IDLE");
    expect(await record(first)).toBe(`trial 1 in ${session}`);
    expect(await record(first, { trial: 7 })).toBe(`trial 7 in ${session}`);
  }
  await using second = await Supervisor.up(true);
  await second.until("module", ({ actual }) => actual === "IDLE");
  expect(await record(second)).toBe(`trial 8 in ${session}`);
  expect(await record(second, { session: join(home.path, "bert") })).toBe(
    `trial 1 in ${join(home.path, "bert")}`,
  );
  expect(await record(second, { trial: 3 })).toBe(
    `trial 3 in ${session}, a number that was given there before`,
  );
});

test("a recording of all says which of those that are wanted it misses", async () => {
  tiny("here");
  tiny("gone");
  tiny("off", { enabled: "false" });
  await using supervisor = await Supervisor.up();
  const { pid } = await supervisor.until("gone", ({ actual }) => actual === "IDLE");
  await supervisor.until("here", ({ actual }) => actual === "IDLE");
  process.kill(Number(pid), "SIGKILL");
  await supervisor.until("gone", ({ actual }) => actual === "CRASHED");
  const outcomes = await supervisor.ask("record", { names: ["*"], all: true, session: join(home.path, "r") });
  expect(outcomes).toMatchObject([
    { name: "gone", ok: false, text: "it is CRASHED, not IDLE" },
    { name: "here", ok: true },
  ]);
});

test("a stop during a restart of all is the later word", async () => {
  module("db", `echo '{"event":"ready"}'; read -r line`);
  module(
    "web",
    `trap '' TERM; echo '{"event":"ready"}'; while read -r line; do :; done; while :; do sleep 0.05; done`,
    {
      depends_on: "db",
      stop_deadline: "4s",
    },
  );
  await using supervisor = await Supervisor.up();
  await supervisor.until("web", ({ actual }) => actual === "IDLE");
  const restarted = supervisor.ask("restart", { names: ["*"] });
  await supervisor.until("web", ({ actual }) => actual === "STOPPING");
  expect(await supervisor.one("disable", "db")).toMatchObject({ ok: true });
  using _ = hurry();
  const outcomes = await restarted;
  expect(outcomes[0]).toEqual({ name: "db", ok: false, text: "superseded by a later stop" });
  await Bun.sleep(50);
  expect(await supervisor.row("db")).toMatchObject({ desired: "off", enabled: false, actual: "DISABLED" });
});

test("a restart of all starts what failed first, and then those that depend on it", async () => {
  module("db", `[ -e ../mended ] || exit 3; echo '{"event":"ready"}'; read -r line`);
  tiny("web", { depends_on: "db" });
  await using supervisor = await Supervisor.up();
  await supervisor.until("db", ({ actual }) => actual === "ERROR");
  writeFileSync(join(dir, "mended"), "");
  const outcomes = await supervisor.ask("restart", { names: ["*"] });
  expect(outcomes).toMatchObject([
    { name: "db", ok: true },
    { name: "web", ok: true },
  ]);
});

test("a reload that finds another command and another preference follows both", async () => {
  tiny("module", { enabled: "false" });
  await using supervisor = await Supervisor.up();
  await supervisor.one("start", "module");
  const { pid } = await supervisor.row("module");
  tiny("module", { enabled: "true", "env.NEW": "1" });
  using _ = hurry();
  expect(await supervisor.ask("reload")).toMatchObject([{ name: "module", ok: true }]);
  const row = await supervisor.row("module");
  expect(row).toMatchObject({ actual: "IDLE", enabled: true });
  expect(row.pid).not.toBe(pid);
});

test("of a run that nobody remembers its leader is taken over, with what has left its session", async () => {
  module("module", `setsid sleep 1000 & echo $! >> ../escaped.txt; echo $$ >> pids.txt; ${TINY}`);
  const first = await Supervisor.up();
  const { pid } = await first.until("module", ({ actual }) => actual === "IDLE");
  const forget = () => {
    const state = join(home.path, "state/stint/modules");
    for (const file of ["running_modules.json", "running_modules.json.previous"])
      rmSync(join(state, file), { force: true });
  };
  await first.crash();
  forget();
  const second = await Supervisor.up();
  expect(await second.row("module")).toMatchObject({ pid, actual: "IDLE", adopted: true });
  await second.crash();
  // Without its leader what is left isn't the module: it is ended, and the module started.
  forget();
  process.kill(Number(pid), "SIGKILL");
  await using third = await Supervisor.up();
  using _ = hurry();
  const row = await third.until("module", ({ actual }) => actual === "IDLE");
  expect(row.adopted).toBe(false);
  const [escaped = 0] = readFileSync(join(dir, "escaped.txt"), "utf8").split("\n").map(Number);
  expect(alive(escaped)).toBe(false);
  expect(pids("module").filter(alive)).toEqual([Number(row.pid)]);
});

test("what an earlier run has left never takes the place of the one that runs", async () => {
  tiny("module");
  const first = await Supervisor.up();
  const { pid } = await first.until("module", ({ actual }) => actual === "IDLE");
  // As it is where no cgroup holds what has left the session.
  const left = Bun.spawn(["sleep", "1000"], {
    env: {
      STINT_MODULE: "module",
      STINT_MODULE_OWNER: join(home.path, "state/stint/modules"),
      STINT_MODULE_RUN: crypto.randomUUID(),
    },
    detached: true,
  });
  await first.crash();
  await using second = await Supervisor.up(true);
  expect(await second.row("module")).toMatchObject({ pid, actual: "IDLE", adopted: true });
  await left.exited;
  expect(pids("module").filter(alive)).toEqual([Number(pid)]);
});
