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
      { kind: "modules", profile: "default", session: SESSION, schemas: [], recreated, life, log, clock },
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
      reason: `again in ${(ms / 1000).toFixed(1)} s, after SIGSEGV`,
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
    expect(reason).toStartWith("again in 1.0 s");
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
  await second.until("gone", ({ actual }) => actual === "DISABLED");
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
