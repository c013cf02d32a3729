/** Modules are stopped: all of their processes, in order, and at once where somebody waits. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { alive, ModulesBox, readSamples } from "../support/modules.ts";
import { until } from "../support/sandbox.ts";

const pidsIn = (path: string): number[] =>
  existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];

/** A cgroup2 of our own catches what leaves the session; without one it is only the group that is held. */
const CGROUPS = readFileSync("/proc/self/mountinfo", "utf8").includes(" - cgroup2 ");

test.concurrent("stopped is when the whole group is gone: also a child that ignores the signal after its leader went", async () => {
  await using box = new ModulesBox();
  const stubborn = `(trap '' TERM INT; echo $(exec sh -c 'echo $PPID') >> pids.txt; while :; do sleep 0.1; done) &`;
  const folder = box.plain("family", `${stubborn} echo $$ >> pids.txt; exec sleep 1000`, {
    stop_deadline: "1s",
  });
  await box.up();
  await box.until("family", ({ actual }) => actual === "IDLE");
  const pids = await until(
    () => pidsIn(join(folder, "pids.txt")),
    (all) => all.length === 2,
  );
  expect(await box.modules("stop", "family")).toMatchObject({ ok: true, actual: "DISABLED" });
  expect(pids.filter(alive)).toEqual([]);
});

test.concurrent("what has left the session is ended too, where a cgroup holds it", async () => {
  await using box = new ModulesBox();
  const folder = box.plain("escaper", "setsid sh -c 'echo $$ > pid.txt; exec sleep 1000' & exec sleep 1000", {
    stop_deadline: "1s",
  });
  await box.up();
  await box.until("escaper", ({ actual }) => actual === "IDLE");
  const [pid = 0] = await until(
    () => pidsIn(join(folder, "pid.txt")),
    (all) => all.length === 1,
  );
  await box.modules("stop", "escaper");
  expect(alive(pid)).toBe(!CGROUPS);
  if (!CGROUPS) process.kill(pid, "SIGKILL");
});

test.concurrent("a child that holds stdout open hangs nothing", async () => {
  await using box = new ModulesBox();
  // It is of another group: nobody ends it, and what it holds is only the module's own file.
  box.plain("holder", "env -u STINT_MODULE_RUN setsid sleep 1000 & exec sleep 1000", { stop_deadline: "1s" });
  await box.up();
  await box.until("holder", ({ actual }) => actual === "IDLE");
  expect(await box.modules("stop", "holder")).toMatchObject({ ok: true });
  expect(await box.modules("start", "holder")).toMatchObject({ ok: true, actual: "IDLE" });
  await box.modules("down");
});

test.concurrent("a recording is ended and acknowledged before its module is told to quit", async () => {
  await using box = new ModulesBox();
  box.sampler("sampler");
  await box.up();
  await box.until("sampler", ({ actual }) => actual === "IDLE");
  const session = join(box.home, "recording");
  await box.modules("record", "sampler", "--session", session);
  const file = join(session, "sampler-trial1-segment1.txt");
  await until(() => existsSync(file) && readSamples(file).count > 20);
  await box.modules("down");
  const { lines } = await box.run(["modules", "logs", "sampler", "-n", "1000"]);
  const said = lines.map(({ text }) => String(text));
  const acks = said.filter((text) => text.includes('"ack"'));
  expect(acks.at(-2)).toContain(`"samples":${readSamples(file).count}`);
  expect(readSamples(file).gaps).toEqual([]);
});

test.concurrent("modules stop in the reverse order of their dependencies, and start in it", async () => {
  await using box = new ModulesBox();
  const script = (name: string) =>
    `echo +${name} >> ../order.txt; trap 'echo -${name} >> ../order.txt; exit 0' TERM; while :; do sleep 0.02; done`;
  box.plain("db", script("db"), { ready: "1s" });
  box.plain("api", script("api"), { depends_on: "db", ready: "1s" });
  box.plain("web", script("web"), { depends_on: "api", ready: "1s" });
  await box.up();
  expect(await box.until("web", ({ reason }) => reason === "waits for api")).toMatchObject({
    actual: "ENABLED",
  });
  await box.until("web", ({ actual }) => actual === "IDLE");
  await box.modules("down");
  expect(readFileSync(join(box.dir, "order.txt"), "utf8").trim().split("\n")).toEqual([
    "+db",
    "+api",
    "+web",
    "-web",
    "-api",
    "-db",
  ]);
});

test.concurrent("a person's stop beats a restart, also during its backoff", async () => {
  await using box = new ModulesBox();
  box.plain("faller", "sleep 0.3; exit 1", { restart: "always" });
  await box.up();
  await box.until("faller", ({ actual, reason }) => actual === "ENABLED" && /^again at/.test(reason ?? ""));
  const begin = performance.now();
  expect(await box.modules("stop", "faller")).toMatchObject({ ok: true, actual: "DISABLED" });
  // Its process has to start as well; the backoff is a second.
  expect(performance.now() - begin).toBeLessThan(800);
  await Bun.sleep(1_500);
  expect(await box.row("faller")).toMatchObject({ desired: "off", actual: "DISABLED", pid: null });
});

test.concurrent("SIGTERM, SIGINT and a closed terminal are down; a second signal leaves the rest to the next up", async () => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    await using box = new ModulesBox();
    box.plain("module", "sleep 1000");
    const child = box.start(["modules", "up", "--dir", box.dir]);
    const { pid } = await until(
      () => box.run(["modules", "status"]).then(({ lines }) => lines[0] ?? {}),
      ({ actual }) => actual === "IDLE",
    );
    child.kill(signal);
    expect(await child.exited).toBe({ SIGTERM: 143, SIGINT: 130, SIGHUP: 129 }[signal]);
    expect(alive(Number(pid))).toBe(false);
    expect(existsSync(join(box.home, "state/stint/modules/running_modules.json"))).toBe(false);
  }
  await using box = new ModulesBox();
  box.plain("slow", "trap '' TERM; while :; do sleep 0.1; done", { stop_deadline: "20s" });
  const child = box.start(["modules", "up", "--dir", box.dir]);
  const { pid } = await until(
    () => box.run(["modules", "status"]).then(({ lines }) => lines[0] ?? {}),
    ({ actual }) => actual === "IDLE",
  );
  child.kill("SIGTERM");
  await until(async () => (await box.run(["modules", "status"])).lines[0]?.["actual"] === "STOPPING");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(143);
  expect(alive(Number(pid))).toBe(true);
  await box.up();
  expect(await box.row("slow")).toMatchObject({ pid, adopted: true });
});

test.concurrent("a hundred starts and stops leave nothing behind", async () => {
  await using box = new ModulesBox();
  box.tiny("tiny", { stop_deadline: "2s" });
  await box.up();
  await box.until("tiny", ({ actual }) => actual === "IDLE");
  const fds = () => readdirSync(`/proc/${box.host}/fd`).length;
  const settled = () => until(fds, (now) => now <= before, 3_000);
  await box.modules("restart", "tiny");
  const before = fds();
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 5 }, () => box.run(["modules", "restart", "tiny"])));
  }
  await settled();
  const children = readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1] === `${box.host}`
      );
    } catch {
      return false;
    }
  });
  expect(children).toHaveLength(1);
});
