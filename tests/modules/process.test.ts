import { heapStats } from "bun:jsc";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { identityOf, isAlive, processStat } from "../../src/kernel/runtime.ts";
import { Group } from "../../src/modules/adapters/group.ts";
import {
  adoptModule,
  endLeftovers,
  findRun,
  type ModuleProcess,
  type ProcessRecord,
  type ProcessSpec,
  spawnModule,
} from "../../src/modules/adapters/process.ts";
import { Folder } from "../support/folder.ts";
import { Other } from "../support/home.ts";
import { until } from "../support/sandbox.ts";

let folder: Folder;
let run: string;
let modules: ModuleProcess[];
beforeEach(() => {
  folder = new Folder();
  run = crypto.randomUUID();
  modules = [];
});
afterEach(async () => {
  for (const module of modules) module.kill();
  for (const module of modules) await module.gone(AbortSignal.timeout(5_000));
  for (const module of modules) module[Symbol.dispose]();
  await endLeftovers({ run }, "SIGKILL", 0);
  await release();
  folder[Symbol.dispose]();
});

const kept = (module: ModuleProcess): ModuleProcess => {
  modules.push(module);
  return module;
};
const spec = (script: string, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
  name: "camera",
  command: ["/bin/sh", "-c", script],
  cwd: folder.path,
  env: {},
  run,
  owner: "the tests",
  raw: folder.file("raw"),
  stdin: folder.file("stdin"),
  ...more,
});
const started = async (script: string, more?: Partial<ProcessSpec>) =>
  kept(await spawnModule(spec(script, more)));
const adopted = (record: ProcessRecord) => {
  const module = adoptModule(record, { stdin: folder.file("stdin") });
  return module && kept(module);
};
/** A module whose supervisor was killed. */
async function orphan(script: string, ...more: string[]): Promise<ProcessRecord> {
  const fixture = join(import.meta.dir, "fixture-supervisor.ts");
  await using supervisor = new Other([process.execPath, fixture, folder.path, run, script, ...more]);
  return JSON.parse(await supervisor.line()) as ProcessRecord;
}
/** The folder of this process's cgroup, where it may make others; undefined where it may not. */
function ownCgroup(): string | undefined {
  const mount = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((line) => line.includes(" - cgroup2 "));
  const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
  if (mount === undefined || own === undefined) return undefined;
  const path = join(mount.split(" ")[4] ?? "", own);
  try {
    const tried = join(path, `stint-test-${process.pid}`);
    mkdirSync(tried);
    rmdirSync(tried);
    return path;
  } catch {
    return undefined;
  }
}
const home = ownCgroup();
/** Until the end of a test this process may make no cgroup, and what it starts stays in the one it is in. */
let confinement: string | undefined;
function confine(): string {
  if (home === undefined) return "";
  confinement = join(home, `stint-test-${run}`);
  mkdirSync(confinement);
  writeFileSync(join(confinement, "cgroup.max.descendants"), "0");
  writeFileSync(join(confinement, "cgroup.procs"), String(process.pid));
  return confinement;
}
async function release(): Promise<void> {
  if (home === undefined || confinement === undefined) return;
  const left = confinement;
  confinement = undefined;
  writeFileSync(join(home, "cgroup.procs"), String(process.pid));
  writeFileSync(join(left, "cgroup.kill"), "1");
  await until(() => readFileSync(join(left, "cgroup.events"), "utf8").includes("populated 0"));
  rmdirSync(left);
}
const now = () => AbortSignal.timeout(0);
const soon = () => AbortSignal.timeout(5_000);
const lives = (pid: number) => processStat(pid)?.zombie === false;
const descriptors = () => readdirSync("/proc/self/fd").length;
/** Says what it is told. */
const ECHO = 'echo "up"; while read line; do echo "got $line"; done; echo "end of file"';

describe("a module's process", () => {
  test("has a session of its own, no descriptor but its three, and ignores no signal", async () => {
    const { record } = await started("exec sleep 60");
    await until(() => readFileSync(`/proc/${record.pid}/comm`, "utf8") === "sleep\n");
    expect(processStat(record.pid)).toMatchObject({ group: record.pid, session: record.pid });
    const fds = readdirSync(`/proc/${record.pid}/fd`);
    expect(fds.map((fd) => `${fd} ${basename(readlinkSync(`/proc/${record.pid}/fd/${fd}`))}`)).toEqual([
      "0 stdin",
      "1 raw",
      "2 raw",
    ]);
    const status = readFileSync(`/proc/${record.pid}/status`, "utf8");
    expect(status).toContain("SigIgn:\t0000000000000000");
    expect(status).toContain("SigBlk:\t0000000000000000");
  });

  test("finds its variables, and none of stint's own but its name, owner and run", async () => {
    process.env["STINT_PROFILE"] = "lab";
    try {
      await started("env; echo done", { env: { MODE: "fast" } });
    } finally {
      delete process.env["STINT_PROFILE"];
    }
    const said = await until(
      () => folder.lines("raw"),
      (lines) => lines.includes("done"),
    );
    expect(said).toContain("MODE=fast");
    expect(said).toContain(`PATH=${process.env["PATH"]}`);
    expect(said.filter((line) => line.startsWith("STINT_")).sort()).toEqual([
      "STINT_MODULE=camera",
      "STINT_MODULE_OWNER=the tests",
      `STINT_MODULE_RUN=${run}`,
    ]);
  });

  test("writes what it says on both of its outputs to a private file, after what is there", async () => {
    const raw = folder.file("a/b/raw");
    const first = await started("echo one; echo two >&2", { raw });
    await first.exited;
    await (await started("echo three", { raw })).exited;
    expect(readFileSync(raw, "utf8")).toBe("one\ntwo\nthree\n");
    expect(statSync(raw).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(raw)).mode & 0o777).toBe(0o700);
  });

  test.each([
    ["exit 0", { code: 0, signal: null }],
    ["exit 137", { code: 137, signal: null }],
    ["kill -SEGV $$", { code: null, signal: "SIGSEGV" }],
    ["kill -ABRT $$", { code: null, signal: "SIGABRT" }],
    ["kill -KILL $$", { code: null, signal: "SIGKILL" }],
  ])("that ends by `%s` is told so", async (script, status) => {
    const module = await started(script);
    expect(await module.exited).toEqual(status);
    expect(await module.gone(soon())).toBe(true);
    expect(module.signal("SIGTERM")).toBe(false);
  });

  test("is told to be dead soon after its SIGKILL, our child or not", async () => {
    const took: Record<string, number[]> = { child: [], adopted: [] };
    for (let n = 0; n < 20; n++) {
      const child = await started("sleep 60");
      const ours = adopted(child.record);
      const at = performance.now();
      process.kill(child.record.pid, "SIGKILL");
      await Promise.all([
        child.exited.then(() => took["child"]?.push(performance.now() - at)),
        ours?.exited.then(() => took["adopted"]?.push(performance.now() - at)),
      ]);
    }
    for (const [who, times] of Object.entries(took)) {
      times.sort((a, b) => a - b);
      const [p50 = 0, max = 0] = [times[10], times.at(-1)];
      console.log(`SIGKILL told (${who}): p50 ${p50.toFixed(1)} ms, max ${max.toFixed(1)} ms`);
      expect(p50).toBeLessThan(50);
    }
  });

  test("is found by the PATH that it is given", async () => {
    folder.program("cam", "exit 7");
    const module = await started("", { command: ["cam"], env: { PATH: folder.path } });
    expect(await module.exited).toEqual({ code: 7, signal: null });
  });

  test("is found from its own folder", async () => {
    folder.program("cam", "exit 8");
    const module = await started("", { command: ["./cam"] });
    expect(await module.exited).toEqual({ code: 8, signal: null });
  });
});

describe("what can't be started", () => {
  const cases: [string, () => Partial<ProcessSpec>, string][] = [
    ["isn't there", () => ({ command: ["./cam"] }), "./cam: no such file or directory"],
    ["isn't in the PATH", () => ({ command: ["cam-17"] }), "cam-17: no such file or directory in the PATH"],
    [
      "has no folder to run in",
      () => ({ cwd: "/nowhere" }),
      "its folder /nowhere: no such file or directory",
    ],
    ["is to run in a file", () => ({ cwd: "/etc/passwd" }), "its folder /etc/passwd: not a directory"],
    [
      "isn't executable",
      () => {
        writeFileSync(folder.file("cam"), "#!/bin/sh\n");
        return { command: ["./cam"] };
      },
      "./cam: permission denied",
    ],
    [
      "is no program",
      () => {
        writeFileSync(folder.file("cam"), "\x7fELF", { mode: 0o755 });
        return { command: ["./cam"] };
      },
      "./cam: exec format error",
    ],
    [
      "names an interpreter that isn't there",
      () => {
        writeFileSync(folder.file("cam"), "#!/nowhere/sh\n", { mode: 0o755 });
        return { command: ["./cam"] };
      },
      "./cam: no such file or directory: the interpreter that it names",
    ],
    [
      "is told too much",
      () => ({ command: ["/bin/true", "x".repeat(200_000)] }),
      "/bin/true: argument list too long",
    ],
    [
      "would have to write where it can't",
      () => ({ raw: "/proc/raw" }),
      "/proc/raw: no such file or directory",
    ],
  ];
  test.each(cases)("because it %s is said in the system's words", async (_, more, words) => {
    const before = descriptors();
    await expect(started("", more())).rejects.toThrow(
      expect.objectContaining({
        name: "Expected",
        exit: 1,
        message: `it can't be started: ${words}`,
      }),
    );
    expect(descriptors()).toBe(before);
  });

  test("for want of descriptors is said", async () => {
    const fixture = join(import.meta.dir, "fixture-supervisor.ts");
    const limited = `ulimit -n 8; exec "$@"`;
    const child = Bun.spawn(
      ["/bin/sh", "-c", limited, "sh", process.execPath, fixture, folder.path, run, "true"],
      { stdout: "pipe", stderr: "pipe" },
    );
    const [said] = await Promise.all([child.stderr.text(), child.exited]);
    expect(said).toContain("too many open files");
  });
});

describe("what a module is told", () => {
  test("it reads, and never comes to an end of it", async () => {
    const module = await started(ECHO);
    await folder.written("raw");
    expect(await module.tell('{"command":"quit"}\n')).toBe(true);
    expect(await module.tell("again\n")).toBe(true);
    expect(await folder.written("raw", 3)).toEqual(["up", 'got {"command":"quit"}', "got again"]);
    module[Symbol.dispose]();
    expect(lives(module.record.pid)).toBe(true);
    expect(folder.lines("raw")).toHaveLength(3);
  });

  test("isn't what an earlier run was told and didn't read", async () => {
    const first = await started("sleep 60");
    expect(await first.tell("old\n")).toBe(true);
    first.kill();
    await first.gone(soon());
    const second = await started(ECHO);
    expect(await second.tell("new\n")).toBe(true);
    expect(await folder.written("raw", 2)).toEqual(["up", "got new"]);
  });

  test("goes into a private pipe, whatever had its name before", async () => {
    writeFileSync(folder.file("stdin"), "a file");
    await started("sleep 60");
    const pipe = statSync(folder.file("stdin"));
    expect(pipe.isFIFO()).toBe(true);
    expect(pipe.mode & 0o777).toBe(0o600);
  });

  test("is refused once the pipe is full and it doesn't read for a second, in the order of telling", async () => {
    const module = await started("kill -STOP $$; while IFS=- read -r number rest; do echo $number; done");
    await until(() => /State:\tT/.test(readFileSync(`/proc/${module.record.pid}/status`, "utf8")));
    const line = (n: number) => `${n}-${"x".repeat(4000)}\n`;
    const at = performance.now();
    let told = 0;
    while ((await module.tell(line(told))) && told < 100) told++;
    expect(told).toBeGreaterThan(10);
    expect(performance.now() - at).toBeGreaterThan(900);
    // Those that wait when it reads again arrive.
    const waiting = [module.tell(line(777)), module.tell(line(778))];
    module.signal("SIGCONT");
    expect(await Promise.all(waiting)).toEqual([true, true]);
    expect((await folder.written("raw", told + 2)).slice(-2)).toEqual(["777", "778"]);
  });

  test("is refused by one that has closed its stdin, at once", async () => {
    const module = await started("exec 0<&-; echo up; sleep 60");
    await folder.written("raw");
    const at = performance.now();
    expect(await module.tell("x\n")).toBe(false);
    expect(performance.now() - at).toBeLessThan(500);
  });

  test("is refused when it is gone, or the line is too long to be written whole", async () => {
    const module = await started("sleep 60");
    expect(await module.tell(`${"x".repeat(4096)}\n`)).toBe(false);
    module.kill();
    await module.exited;
    expect(await module.tell("x\n")).toBe(false);
  });
});

const withAndWithout = home === undefined ? ["without"] : ["with", "without"];
describe.each(withAndWithout)("what a module has made, %s a cgroup", (which) => {
  beforeEach(() => void (which === "without" && confine()));

  test("is ended with it, though its leader goes first and it ignores the signal", async () => {
    const module = await started("sh -c 'trap \"\" TERM; echo up; while :; do sleep 1; done' & wait");
    expect(module.record.cgroup === null).toBe(which === "without");
    await folder.written("raw");
    expect(module.signal("SIGTERM")).toBe(true);
    expect(await module.exited).toEqual({ code: null, signal: "SIGTERM" });
    expect(await module.gone(AbortSignal.timeout(100))).toBe(false);
    const left = module.members();
    expect(left).not.toContain(module.record.pid);
    expect(left.length).toBeGreaterThan(0);
    module.kill();
    expect(await module.gone(soon())).toBe(true);
    expect(left.filter(lives)).toEqual([]);
    expect(module.members()).toEqual([]);
    expect(module.signal("SIGTERM")).toBe(false);
    expect(existsSync(module.record.cgroup ?? "")).toBe(false);
  });

  test("is known also when it has thrown away its environment", async () => {
    const module = await started(
      "env -i /bin/sh -c 'echo $$; exec sleep 60' & while [ ! -s raw ]; do :; done",
    );
    await module.exited;
    expect(module.members()).toEqual([Number(folder.lines("raw")[0])]);
    expect(await module.gone(now())).toBe(false);
    module.kill();
    expect(await module.gone(soon())).toBe(true);
  });

  test("isn't there once it is a zombie", async () => {
    const module = await started("sleep 0.2 & echo $!; exec sleep 60");
    const [child] = (await folder.written("raw")).map(Number);
    await until(() => processStat(child ?? 0)?.zombie);
    expect(module.members()).toEqual([module.record.pid]);
  });

  test("may hold its output: its end is told all the same", async () => {
    const module = await started("sleep 60 & exit 3");
    expect(await module.exited).toEqual({ code: 3, signal: null });
    expect(await module.gone(now())).toBe(false);
  });

  test("is all gone at once with nothing left behind, as a rule", async () => {
    const module = await started("sleep 60 & sleep 60 & wait");
    await until(() => module.members().length === 3);
    module.kill();
    const at = performance.now();
    expect(await module.gone(soon())).toBe(true);
    expect(performance.now() - at).toBeLessThan(500);
  });

  test("is ended by the next supervisor when the leader went with the one before", async () => {
    const more = confinement === undefined ? [] : ["--in", confinement];
    const record = await orphan("sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo $!; exit", ...more);
    const [child] = (await folder.written("raw")).map(Number);
    await until(() => !isAlive(record));
    expect(adopted(record)).toBeUndefined();
    expect(lives(child ?? 0)).toBe(true);
    const at = performance.now();
    expect(await endLeftovers(record, "SIGTERM", 200)).toBe(true);
    expect(performance.now() - at).toBeGreaterThan(190);
    expect(lives(child ?? 0)).toBe(false);
    expect(existsSync(record.cgroup ?? "")).toBe(false);
  });

  test("is ended by its run's id alone, gently where that will do", async () => {
    const more = confinement === undefined ? [] : ["--in", confinement];
    const record = await orphan(
      "sh -c 'trap \"echo bye; exit\" INT; echo up; while :; do sleep 0.01; done' & exit",
      ...more,
    );
    await folder.written("raw");
    await until(() => !isAlive(record));
    expect(await endLeftovers({ run }, "SIGTERM", 5_000)).toBe(true);
    expect(findRun(run)).toBeUndefined();
  });
});

describe.skipIf(home === undefined)("what left a module's group and session", () => {
  const ESCAPE =
    "setsid env -i /bin/sh -c 'trap \"echo bye; exit\" TERM; echo up; while :; do sleep 0.01; done' & ";

  test("is signalled with it", async () => {
    const module = await started(`${ESCAPE} sleep 60`);
    await folder.written("raw");
    expect(module.signal("SIGTERM")).toBe(true);
    expect(await module.gone(soon())).toBe(true);
    expect(folder.lines("raw")).toContain("bye");
  });

  test("is held until it is killed, when nothing else is left", async () => {
    const module = await started(`${ESCAPE.replace("echo bye; exit", ":")} exit`);
    await folder.written("raw");
    await module.exited;
    const [left] = module.members();
    expect(processStat(left ?? 0)?.session).not.toBe(module.record.pid);
    expect(module.signal("SIGTERM")).toBe(true);
    expect(await module.gone(AbortSignal.timeout(50))).toBe(false);
    module.kill();
    expect(await module.gone(soon())).toBe(true);
    expect(lives(left ?? 0)).toBe(false);
    expect(existsSync(module.record.cgroup ?? "")).toBe(false);
  });

  test("goes also when it is in a cgroup inside the module's", async () => {
    const module = await started("exec sleep 60");
    const inner = join(module.record.cgroup ?? "", "inner");
    mkdirSync(inner);
    const escaped = Bun.spawn(["sleep", "60"], { cgroup: inner, detached: true });
    expect(module.members().sort()).toEqual([module.record.pid, escaped.pid].sort());
    module.kill();
    expect(await module.gone(soon())).toBe(true);
    expect(existsSync(inner)).toBe(false);
    await escaped.exited;
  });

  test("is ended by the next supervisor", async () => {
    const record = await orphan(`${ESCAPE} exit`);
    await folder.written("raw");
    await until(() => !isAlive(record));
    expect(await endLeftovers(record, "SIGTERM", 5_000)).toBe(true);
    expect(folder.lines("raw")).toContain("bye");
    expect(existsSync(record.cgroup ?? "")).toBe(false);
  });

  test("isn't sought in a cgroup that a record only claims", async () => {
    const other = join(home ?? "", `stint-test-${run}`);
    mkdirSync(other);
    const stranger = Bun.spawn(["sleep", "60"], { cgroup: other, detached: true });
    const record = { run, pid: stranger.pid, start: "1", boot: identityOf(1).boot, cgroup: other };
    expect(await endLeftovers(record, "SIGKILL", 0)).toBe(true);
    expect(lives(stranger.pid)).toBe(true);
    stranger.kill();
    await stranger.exited;
    rmdirSync(other);
  });
});

test.skipIf(home === undefined)(
  "a cgroup that nobody was there to remove is removed by the next supervisor",
  async () => {
    const record = await orphan("exit");
    await until(() => !isAlive(record));
    expect(existsSync(record.cgroup ?? "")).toBe(true);
    run = crypto.randomUUID();
    const next = await orphan("exec sleep 60");
    expect(existsSync(record.cgroup ?? "")).toBe(false);
    expect(lives(next.pid)).toBe(true);
  },
);

describe("a module whose supervisor was killed", () => {
  test("is taken over: told, watched and ended as before", async () => {
    const record = await orphan(ECHO);
    const module = adopted(record);
    expect(module?.record).toEqual(record);
    expect(module?.adopted).toBe(true);
    expect(await module?.tell("hello\n")).toBe(true);
    expect(await folder.written("raw", 2)).toEqual(["up", "got hello"]);
    expect(module?.members()).toEqual([record.pid]);
    expect(module?.signal("SIGTERM")).toBe(true);
    expect(await module?.exited).toEqual({ code: null, signal: null });
    expect(await module?.gone(soon())).toBe(true);
    expect(existsSync(record.cgroup ?? "")).toBe(false);
  });

  test("reads what it was told before, and goes on reading", async () => {
    const record = await orphan(ECHO);
    rmSync(folder.file("stdin"));
    const module = adopted(record);
    expect(await module?.tell("through the pipe without a name\n")).toBe(true);
    expect(await folder.written("raw", 2)).toEqual(["up", "got through the pipe without a name"]);
  });

  test("is told on its pipe also when it reads that on another descriptor", async () => {
    const record = await orphan('exec 3<&0 0</dev/null; echo up; read line <&3; echo "got $line"; sleep 60');
    await folder.written("raw");
    const module = adopted(record);
    expect(await module?.tell("hello\n")).toBe(true);
    expect(await folder.written("raw", 2)).toEqual(["up", "got hello"]);
  });

  test("can't be told what it doesn't read", async () => {
    const record = await orphan("exec 0</dev/null; echo up; sleep 60");
    await folder.written("raw");
    const module = adopted(record);
    expect(await module?.tell("hello\n")).toBe(false);
    expect(module?.signal("SIGTERM")).toBe(true);
  });

  test("isn't taken for another: no process with another start, no process of another boot", async () => {
    const stranger = Bun.spawn(["sleep", "60"], { detached: true });
    const right = { run, ...identityOf(stranger.pid), cgroup: null };
    for (const wrong of [
      { ...right, start: "1" },
      { ...right, boot: "another" },
      { ...right, pid: 1 },
      { ...right, pid: 0 },
      { ...right, pid: -1 },
    ]) {
      expect(adopted(wrong)).toBeUndefined();
      expect(await endLeftovers(wrong, "SIGKILL", 0)).toBe(true);
    }
    expect(lives(stranger.pid)).toBe(true);
    stranger.kill();
    await stranger.exited;
  });

  test("isn't signalled any more once its number is another's", async () => {
    const stranger = Bun.spawn(["sleep", "60"], { detached: true });
    const group = new Group({ ...identityOf(stranger.pid), start: "1" }, run, null);
    expect([group.isEmpty(), group.members(), group.signal("SIGKILL")]).toEqual([true, [], false]);
    group.kill();
    expect(lives(stranger.pid)).toBe(true);
    stranger.kill();
    await stranger.exited;
  });

  test("is found by its run's id when no more is known", async () => {
    const record = await orphan("sleep 60 & setsid sleep 60 & echo up; wait");
    await folder.written("raw");
    expect(findRun(run)).toEqual(record);
    expect(findRun(crypto.randomUUID())).toBeUndefined();
    expect(findRun("")).toBeUndefined();
  });

  test("leaves no descriptor here, whether it ended or was let go", async () => {
    const ends = await started("sleep 60");
    const before = descriptors();
    const module = adopted(ends.record);
    expect(descriptors()).toBeGreaterThan(before);
    module?.[Symbol.dispose]();
    expect(descriptors()).toBe(before);
    const again = adopted(ends.record);
    ends.kill();
    await again?.exited;
    again?.[Symbol.dispose]();
    await ends.exited;
    // One fewer than before: what Bun had of a living child.
    expect(descriptors()).toBeLessThanOrEqual(before);
  });
});

test("300 runs leave no descriptor, no zombie, no cgroup and no object", async () => {
  const leaders: number[] = [];
  const cycle = async (times: number) => {
    for (let n = 0; n < times; n++) {
      const module = await spawnModule(spec("sleep 60 & exit 1", { run: crypto.randomUUID() }));
      await module.exited;
      module.kill();
      expect(await module.gone(soon())).toBe(true);
      module[Symbol.dispose]();
      expect(existsSync(module.record.cgroup ?? "")).toBe(false);
      leaders.push(module.record.pid);
    }
  };
  const objects = () => {
    Bun.gc(true);
    return heapStats().objectTypeCounts["Subprocess"] ?? 0;
  };
  await cycle(50);
  const before = descriptors();
  await cycle(300);
  expect(descriptors()).toBe(before);
  expect(leaders.filter((pid) => processStat(pid)?.zombie)).toEqual([]);
  // What a conservative collector takes for a reference.
  expect(objects()).toBeLessThan(10);
}, 30_000);
