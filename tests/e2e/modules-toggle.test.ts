/** What is wished for, what becomes of it, and what is then preferred. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ModulesBox } from "../support/modules.ts";
import { until } from "../support/sandbox.ts";

const config = (box: ModulesBox, name: string): string =>
  readFileSync(join(box.dir, name, "config.txt"), "utf8");

test.concurrent("a start that fails gives the preference back, byte by byte, and says why", async () => {
  await using box = new ModulesBox();
  const texts = {
    missing: "# a camera\nenabled =  off   # not today\ncommand = ./nothing-here\n",
    leaves: "enabled=false\r\ncommand = sh -c 'echo no device; exit 3'\r\n",
    late: "command = sleep 1000\nready = pattern:never\nstart_deadline = 500ms\nenabled = no",
  };
  for (const [name, text] of Object.entries(texts)) box.module(name, text);
  await box.up();
  const { code, lines } = await box.run(["modules", "enable", "--all"]);
  expect(code).toBe(1);
  const said = Object.fromEntries(lines.map((line) => [line["name"], line]));
  expect(said["missing"]).toMatchObject({ ok: false, actual: "ERROR", desired: "off", enabled: false });
  expect(String(said["missing"]?.["text"])).toContain("no such file or directory");
  expect(said["leaves"]).toMatchObject({ ok: false, actual: "ERROR", desired: "off", last_exit: "exit 3" });
  expect(said["late"]).toMatchObject({
    ok: false,
    actual: "ERROR",
    text: "not ready within 0.5 s: its output never matched /never/",
  });
  for (const [name, text] of Object.entries(texts)) expect(config(box, name)).toBe(text);
  expect(await box.row("leaves")).toMatchObject({ reason: "exit 3 before it was ready: no device" });
  expect((await box.run(["modules", "status"])).code).toBe(0);
});

test.concurrent("enable and disable change the preference and the run; start and stop the run alone", async () => {
  await using box = new ModulesBox();
  box.plain("module", "sleep 1000", { enabled: "false" });
  await box.up();
  expect(await box.modules("start", "module")).toMatchObject({ ok: true, desired: "on", enabled: false });
  expect(config(box, "module")).toContain("enabled = false\n");
  expect(await box.modules("enable", "module")).toMatchObject({ ok: true, desired: "on", enabled: true });
  expect(config(box, "module")).toContain("enabled = true\n");
  expect(await box.modules("stop", "module")).toMatchObject({ ok: true, desired: "off", enabled: true });
  expect(config(box, "module")).toContain("enabled = true\n");
  expect(await box.modules("disable", "module")).toMatchObject({ ok: true, desired: "off", enabled: false });
  expect(config(box, "module")).toContain("enabled = false\n");
});

test.concurrent("twenty commands at the same moment end in one process or none, and each learns what became of its own", async () => {
  await using box = new ModulesBox();
  const folder = box.plain("module", "echo $$ >> pids.txt; exec sleep 1000", { enabled: "false" });
  await box.up();
  for (let round = 0; round < 3; round++) {
    const commands = ["enable", "disable", "start", "stop", "restart"];
    const asked = Array.from({ length: 20 }, (_, n) => commands[(n * 7 + round) % commands.length] ?? "");
    const answers = await Promise.all(asked.map((command) => box.run(["modules", command, "module"])));
    for (const [n, { code, lines }] of answers.entries()) {
      expect(lines).toHaveLength(1);
      const ok = lines[0]?.["ok"] === true;
      expect(code).toBe(ok ? 0 : 1);
      if (!ok)
        expect(`${asked[n]}: ${lines[0]?.["text"]}`).toMatch(/superseded by a later (start|stop|restart)/);
    }
    const row = await box.until("module", ({ actual }) => actual === "IDLE" || actual === "DISABLED");
    const pids = existsSync(join(folder, "pids.txt"))
      ? readFileSync(join(folder, "pids.txt"), "utf8").trim().split("\n").map(Number)
      : [];
    const living = pids.filter((pid) => existsSync(`/proc/${pid}`));
    expect(living).toEqual(row.actual === "IDLE" ? [Number(row.pid)] : []);
    expect(row.desired).toBe(row.actual === "IDLE" ? "on" : "off");
  }
});

test.concurrent("a module that says that it is still starting may take longer than its deadline, and than any client's patience", async () => {
  await using box = new ModulesBox();
  box.sampler("slow", { enabled: "false", start_deadline: "2s", "env.SAMPLER_START_MS": "16000" });
  await box.up();
  expect(await box.modules("start", "slow")).toMatchObject({ ok: true, actual: "IDLE" });
}, 40_000);

test.concurrent("a start that takes too long is killed with all of its group", async () => {
  await using box = new ModulesBox();
  const folder = box.plain("module", "sleep 1000 & echo $! > child.txt; wait", {
    enabled: "false",
    ready: "tcp:1",
    start_deadline: "700ms",
  });
  await box.up();
  const started = box.run(["modules", "start", "module"]);
  await box.until("module", ({ actual }) => actual === "STARTING");
  const { code, lines } = await started;
  expect({ code, line: lines[0] }).toMatchObject({
    code: 1,
    line: { actual: "ERROR", text: "not ready within 0.7 s: nobody listens on port 1" },
  });
  const child = readFileSync(join(folder, "child.txt"), "utf8").trim();
  await until(() => !existsSync(`/proc/${child}`));
});

test.concurrent("a preference that can't be written is said, and the module runs all the same", async () => {
  await using box = new ModulesBox();
  const folder = box.plain("module", "sleep 1000", { enabled: "false" });
  await box.up();
  // Root writes to whatever it may see: a folder of that name in its way is what nobody can write over.
  const { rmSync, mkdirSync } = await import("node:fs");
  const text = config(box, "module");
  rmSync(join(folder, "config.txt"));
  mkdirSync(join(folder, "config.txt"));
  const { code, lines } = await box.run(["modules", "enable", "module"]);
  expect(code).toBe(1);
  expect(lines[0]).toMatchObject({
    ok: false,
    actual: "IDLE",
    text: expect.stringContaining("preference isn't saved"),
  });
  rmSync(join(folder, "config.txt"), { recursive: true });
  writeFileSync(join(folder, "config.txt"), text);
});

test.concurrent("one whose dependency is off, or fails, isn't started, and says so", async () => {
  await using box = new ModulesBox();
  box.plain("db", "sleep 1000", { enabled: "false" });
  box.plain("web", "sleep 1000", { enabled: "false", depends_on: "db" });
  await box.up();
  const { code, lines } = await box.run(["modules", "start", "web"]);
  expect({ code, line: lines[0] }).toMatchObject({
    code: 1,
    line: {
      ok: false,
      text: "db, which it depends on, is off",
      actual: expect.stringMatching(/ENABLED|DISABLED/),
    },
  });
  await box.until("web", ({ actual, desired }) => actual === "DISABLED" && desired === "off");
  expect((await box.run(["modules", "start", "web", "db"])).code).toBe(0);
  expect((await box.rows()).map(({ actual }) => actual)).toEqual(["IDLE", "IDLE"]);
});

test.concurrent("reload takes in what was edited, added and removed", async () => {
  await using box = new ModulesBox();
  box.plain("edited", "sleep 1000");
  box.plain("removed", "sleep 1000");
  box.plain("kept", "sleep 1000");
  await box.up();
  for (const name of ["edited", "removed", "kept"]) await box.until(name, ({ actual }) => actual === "IDLE");
  const before = new Map((await box.rows()).map(({ name, pid }) => [name, pid]));
  box.plain("edited", "sleep 1000", { "env.NEW": "1" });
  box.plain("added", "sleep 1000");
  const { rmSync } = await import("node:fs");
  rmSync(join(box.dir, "removed"), { recursive: true });
  const { code } = await box.run(["modules", "reload"]);
  expect(code).toBe(0);
  await box.until("added", ({ actual }) => actual === "IDLE");
  const rows = await box.rows();
  expect(rows.map(({ name }) => name)).toEqual(["added", "edited", "kept"]);
  const pids = new Map(rows.map(({ name, pid }) => [name, pid]));
  expect(pids.get("kept")).toBe(before.get("kept") ?? null);
  expect(pids.get("edited")).not.toBe(before.get("edited") ?? null);
  expect(existsSync(`/proc/${before.get("removed")}`)).toBe(false);
  // A mistake in one keeps nothing from going on.
  box.module("kept", "command = sleep 1000\ncolour = red\n");
  const wrong = await box.run(["modules", "reload"]);
  expect(wrong.code).toBe(1);
  expect(wrong.lines.find(({ name }) => name === "kept")).toMatchObject({
    ok: false,
    actual: "IDLE",
    pid: pids.get("kept"),
  });
});

test.concurrent("names that there aren't, wrong values and a missing supervisor have exit codes of their own", async () => {
  await using box = new ModulesBox();
  box.plain("module", "sleep 1000");
  for (const args of [
    ["status"],
    ["stop", "module"],
    ["logs"],
    ["down"],
    ["send", "module", "{}"],
    ["reload"],
  ]) {
    const { code, err } = await box.run(["modules", ...args]);
    expect({ args, code, err }).toMatchObject({
      code: 69,
      err: expect.stringContaining("no supervisor is running"),
    });
  }
  expect(box.host).toBe(0);
  await box.up();
  await box.until("module", ({ actual }) => actual === "IDLE");
  expect((await box.run(["modules", "status"])).code).toBe(0);
  expect((await box.run(["modules", "status", "nobody"])).code).toBe(2);
  expect((await box.run(["modules", "start", "nobody"])).code).toBe(2);
  expect((await box.run(["modules", "start"])).code).toBe(2);
  expect((await box.run(["modules", "start", "module", "--all"])).code).toBe(2);
  expect((await box.run(["modules", "send", "module", "no json"])).code).toBe(2);
  expect((await box.run(["modules", "send", "nobody", "{}"])).code).toBe(2);
  expect((await box.run(["modules", "record", "module"])).code).toBe(1);
  expect((await box.run(["modules", "status", "m*"])).lines).toHaveLength(1);
});

test.concurrent("a mistake in one module names file and line, and the others run", async () => {
  await using box = new ModulesBox();
  box.plain("good", "sleep 1000");
  box.module("bad", "command = sleep 1000\nrestart = sometimes\n");
  const up = await box.run(["modules", "up", "--detach", "--dir", box.dir]);
  expect(up.code).toBe(0);
  expect(up.err).toContain("modules/bad/config.txt:2");
  await box.until("good", ({ actual }) => actual === "IDLE");
  expect(await box.row("bad")).toMatchObject({
    actual: "ERROR",
    reason: expect.stringContaining("config.txt:2"),
  });
  const check = await box.run(["modules", "check", "--dir", box.dir]);
  expect(check.code).toBe(78);
  expect(check.lines.find(({ type }) => type === "problem")).toMatchObject({ name: "bad", line: 2 });
});

test.concurrent("on a pipe, up tells what happens by the manager's names", async () => {
  await using box = new ModulesBox();
  box.plain("module", "sleep 1000", { enabled: "false" });
  const child = box.start(["modules", "up", "--dir", box.dir]);
  await until(() => box.host > 0);
  await until(async () => (await box.run(["modules", "status"])).code === 0);
  await box.modules("start", "module");
  process.kill(Number((await box.row("module")).pid), "SIGKILL");
  await box.until("module", ({ actual }) => actual === "CRASHED");
  await box.modules("down");
  const lines = (await child.stdout.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(await child.exited).toBe(0);
  expect(
    lines.map(({ type, actual, desired }) => [type, actual ?? desired].filter(Boolean).join(" ")),
  ).toEqual([
    "desired_changed on",
    "actual_changed ENABLED",
    "start_requested",
    "actual_changed STARTING",
    "actual_changed IDLE",
    "crash_detected",
    "actual_changed CRASHED",
  ]);
});
