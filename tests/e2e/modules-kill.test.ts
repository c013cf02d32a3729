/** The supervisor is killed; what it supervised goes on, and the next one takes it over. Real processes throughout. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alive, ModulesBox, readSamples } from "../support/modules.ts";
import { stint, until } from "../support/sandbox.ts";

const recordings = (folder: string): string[] => readdirSync(folder).map((file) => join(folder, file));
const running = (box: ModulesBox): string => join(box.home, "state/stint/modules/running_modules.json");

test.concurrent("modules record on through kill -9 of the supervisor, and the next takes them over as they are", async () => {
  await using box = new ModulesBox();
  box.sampler("sampler");
  box.plain("talker", "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.01; done");
  const out = box.ffmpeg("video");
  await box.up();
  for (const name of ["sampler", "talker", "video"]) await box.until(name, ({ actual }) => actual === "IDLE");
  const session = join(box.home, "recording");
  await box.modules("record", "--all", "--session", session, "--trial", "3");
  const before = new Map((await box.rows()).map((row) => [row.name, row]));
  expect(before.get("sampler")).toMatchObject({
    actual: "RECORDING",
    recording: { trial: 3, segment: 1, session },
  });
  const sampled = until(() => recordings(session).length === 1);
  await sampled;
  const [file = ""] = recordings(session);
  await until(() => readSamples(file).count > 50);
  // A module without a protocol is up as soon as it runs: ffmpeg may not have come to its file yet.
  await until(() => existsSync(out));

  await box.kill();
  const raw = join(box.home, "state/stint/modules/talker/raw");
  const [counted, recorded, logged] = [readSamples(file).count, statSync(out).size, statSync(raw).size];
  await until(() => readSamples(file).count > counted + 50);
  await until(() => statSync(out).size > recorded);
  await until(() => statSync(raw).size > logged);
  const { code, err } = await box.run(["modules", "status"]);
  expect({ code, err }).toEqual({ code: 69, err: expect.stringContaining("no supervisor is running") });

  await box.up();
  const after = new Map((await box.rows()).map((row) => [row.name, row]));
  for (const [name, row] of before) {
    const { pid, actual, recording } = row;
    expect(after.get(name)).toMatchObject({ pid, actual, recording, adopted: true, restarts: 0 });
  }
  // It obeys, is watched and stopped as before.
  await box.modules("pause", "sampler");
  const samples = readSamples(file);
  expect(samples.gaps).toEqual([]);
  expect(samples.count).toBeGreaterThan(counted + 50);
  await box.modules("stop", "--all");
  expect([...before.values()].filter(({ pid }) => alive(pid))).toEqual([]);
  const { lines } = await box.run(["modules", "logs", "talker", "-n", "100000"]);
  const said = lines.flatMap(({ text }) => /^line (\d+)$/.exec(String(text))?.[1] ?? []).map(Number);
  // What was being taken in when it was killed may be there twice; nothing is missing.
  expect([...new Set(said)]).toEqual(Array.from({ length: Math.max(...said) }, (_, n) => n + 1));
  await box.modules("down");
  expect(existsSync(running(box))).toBe(false);
});

test.concurrent("how an adopted module ended can't be known, and counts as a failure", async () => {
  await using box = new ModulesBox();
  box.plain("one", "sleep 1000", { restart: "on-failure" });
  box.plain("two", "sleep 1000");
  await box.up();
  await box.until("one", ({ actual }) => actual === "IDLE");
  await box.until("two", ({ actual }) => actual === "IDLE");
  await box.kill();
  await box.up();
  const { pid: one } = await box.row("one");
  const { pid: two } = await box.row("two");
  process.kill(Number(one), "SIGKILL");
  process.kill(Number(two), "SIGTERM");
  await box.until("two", ({ actual, last_exit }) => actual === "CRASHED" && last_exit === "unknown");
  const back = await box.until("one", ({ actual, pid }) => actual === "IDLE" && pid !== one);
  expect(back).toMatchObject({ restarts: 1, last_exit: "unknown", adopted: false });
});

test.concurrent("a module that died meanwhile follows its restart policy", async () => {
  await using box = new ModulesBox();
  box.plain("rests", "sleep 1000");
  box.plain("returns", "sleep 1000", { restart: "on-failure" });
  await box.up();
  const rests = await box.until("rests", ({ actual }) => actual === "IDLE");
  const returns = await box.until("returns", ({ actual }) => actual === "IDLE");
  await box.kill();
  for (const { pid } of [rests, returns]) process.kill(Number(pid), "SIGKILL");
  await box.up();
  expect(await box.row("rests")).toMatchObject({ desired: "on", actual: "CRASHED", last_exit: "unknown" });
  const back = await box.until("returns", ({ actual }) => actual === "IDLE");
  expect(back.pid).not.toBe(returns.pid);
  expect(back).toMatchObject({ restarts: 1, adopted: false });
});

test.concurrent("what runs after a crash is what ran, whatever is preferred", async () => {
  await using box = new ModulesBox();
  box.plain("stopped", "sleep 1000");
  box.plain("started", "sleep 1000", { enabled: "false" });
  await box.up();
  await box.until("stopped", ({ actual }) => actual === "IDLE");
  await box.modules("stop", "stopped");
  await box.modules("start", "started");
  await box.kill();
  await box.up();
  expect(await box.row("stopped")).toMatchObject({ desired: "off", actual: "DISABLED", enabled: true });
  expect(await box.row("started")).toMatchObject({
    desired: "on",
    actual: "IDLE",
    enabled: false,
    adopted: true,
  });
  await box.modules("down");
  await box.up();
  await box.until("stopped", ({ actual }) => actual === "IDLE");
  expect(await box.row("started")).toMatchObject({ desired: "off", actual: "DISABLED" });
});

test.concurrent("a recycled pid or another boot is never taken for a module, nor signalled", async () => {
  for (const [field, value] of [
    ["start", "1"],
    ["boot", "00000000-0000-0000-0000-000000000000"],
  ] as const) {
    await using box = new ModulesBox();
    box.plain("module", "sleep 1000", { restart: "on-failure" });
    await box.up();
    await box.until("module", ({ actual }) => actual === "IDLE");
    await box.kill();
    const left = JSON.parse(readFileSync(running(box), "utf8")) as { modules: Record<string, unknown>[] };
    const [module] = left.modules;
    if (!module) throw new Error("it isn't remembered");
    process.kill(Number(module["pid"]), "SIGKILL");
    // Somebody else's, which has the number now.
    const other = Bun.spawn(["sleep", "1000"], { env: {}, detached: true });
    Object.assign(module, { pid: other.pid, [field]: value });
    writeFileSync(running(box), JSON.stringify(left));
    await box.up();
    const back = await box.until("module", ({ actual }) => actual === "IDLE");
    expect(back.pid).not.toBe(other.pid);
    await box.modules("down");
    expect(other.exitCode ?? other.signalCode).toBe(null);
    other.kill(9);
  }
});

test.concurrent("killed while it recovers, again and again, every module is found once", async () => {
  await using box = new ModulesBox();
  const names = Array.from({ length: 6 }, (_, n) => `m${n}`);
  for (const name of names) box.plain(name, "echo $$ >> pids.txt; exec sleep 1000");
  await box.up();
  for (const name of names) await box.until(name, ({ actual }) => actual === "IDLE");
  const pids = (await box.rows()).map(({ pid }) => pid);
  for (let round = 0; round < 8; round++) {
    await box.kill();
    const child = box.start(["modules", "up", "--dir", box.dir]);
    // At another moment of its start each time.
    await Bun.sleep(10 + round * 12);
    child.kill("SIGKILL");
    await child.exited;
    await box.up();
    expect((await box.rows()).map(({ pid }) => pid)).toEqual(pids);
  }
  for (const name of names) {
    expect(
      readFileSync(join(box.dir, name, "pids.txt"), "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(1);
  }
  await box.modules("down");
  expect(pids.filter(alive)).toEqual([]);
});

test.concurrent("killed while its modules start, none is lost and none is there twice", async () => {
  await using box = new ModulesBox();
  const names = Array.from({ length: 8 }, (_, n) => `m${n}`);
  for (const name of names) box.plain(name, "echo $$ >> pids.txt; exec sleep 1000");
  for (let round = 0; round < 6; round++) {
    const child = box.start(["modules", "up", "--dir", box.dir]);
    await Bun.sleep(40 + round * 15);
    child.kill("SIGKILL");
    await child.exited;
    await box.up();
    for (const name of names) await box.until(name, ({ actual }) => actual === "IDLE");
    const rows = await box.rows();
    const living = names.flatMap((name) =>
      readFileSync(join(box.dir, name, "pids.txt"), "utf8")
        .trim()
        .split("\n")
        .map(Number)
        .filter(alive),
    );
    expect(living.sort()).toEqual(rows.map(({ pid }) => Number(pid)).sort());
    await box.modules("down");
  }
});

test.concurrent("two supervisors started at the same moment are one", async () => {
  await using box = new ModulesBox();
  box.plain("module", "echo $$ >> pids.txt; exec sleep 1000");
  const ups = await Promise.all(
    Array.from({ length: 6 }, () => box.run(["modules", "up", "--detach", "--dir", box.dir])),
  );
  expect(ups.map(({ code }) => code).sort()).toEqual([0, 75, 75, 75, 75, 75]);
  for (const { code, err } of ups)
    if (code === 75) expect(err).toMatch(/already running|running already|just being started/);
  await box.until("module", ({ actual }) => actual === "IDLE");
  expect(readFileSync(join(box.dir, "module/pids.txt"), "utf8").trim().split("\n")).toHaveLength(1);
});

test.concurrent("a damaged memory falls back to the copy before it", async () => {
  await using box = new ModulesBox();
  box.plain("module", "sleep 1000");
  await box.up();
  const { pid } = await box.until("module", ({ actual }) => actual === "IDLE");
  for (const damage of ["", '{"v":1,"modules":[{"na']) {
    await box.kill();
    writeFileSync(running(box), damage);
    await box.up();
    expect(await box.row("module")).toMatchObject({ pid, adopted: true });
  }
});

test.concurrent("a log that grew while nobody took it in is bounded again within a second of being taken over", async () => {
  await using box = new ModulesBox();
  const line = "0123456789".repeat(10);
  const folder = box.plain(
    "loud",
    `until [ -e go ]; do sleep 0.02; done; yes ${line} | head -c 50000000; sleep 1000`,
  );
  await box.up();
  await box.until("loud", ({ actual }) => actual === "IDLE");
  await box.kill();
  writeFileSync(join(folder, "go"), "");
  const kept = join(box.home, "state/stint/modules/loud");
  const used = () => statSync(join(kept, "raw")).blocks * 512;
  await until(() => used() > 48e6, Boolean, 20_000);
  await box.up();
  await until(() => used() < 8e6, Boolean, 5_000);
  const log = await until(
    () =>
      readdirSync(kept)
        .filter((file) => file.startsWith("log"))
        .map((file) => readFileSync(join(kept, file), "utf8"))
        .join(""),
    (text) => text.includes("were not kept"),
  );
  expect(log).toContain(line);
});

test.concurrent("down, and SIGTERM, while it takes its modules over end them all", async () => {
  for (const how of ["down", "SIGTERM"] as const) {
    await using box = new ModulesBox();
    const names = Array.from({ length: 30 }, (_, n) => `m${n}`);
    for (const name of names) box.plain(name, "exec sleep 1000");
    await box.up();
    for (const name of names) await box.until(name, ({ actual }) => actual === "IDLE");
    const pids = (await box.rows()).map(({ pid }) => Number(pid));
    const before = box.host;
    await box.kill();
    const child = box.start(["modules", "up", "--dir", box.dir]);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(await child.stderr.text());
      return box.host > 0 && box.host !== before;
    });
    if (how === "down") expect(await box.run(["modules", "down"])).toMatchObject({ code: 0, err: "" });
    else {
      // Told to end while it isn't open yet, it leaves what it hasn't taken over.
      await until(
        () => box.run(["modules", "status"]),
        ({ code }) => code <= 1,
      );
      child.kill("SIGTERM");
    }
    await child.exited;
    expect(pids.filter(alive)).toEqual([]);
    expect(existsSync(running(box))).toBe(false);
  }
});

test.concurrent("a supervisor that was held up itself blames no module for it", async () => {
  await using box = new ModulesBox();
  box.sampler("watched", { watchdog: "2s" });
  box.sampler("starts", {
    enabled: "false",
    start_deadline: "2s",
    "env.SAMPLER_START_MS": "1000",
    "env.SAMPLER_STILL_MS": "0",
  });
  await box.up();
  const { pid } = await box.until("watched", ({ actual }) => actual === "IDLE");
  const started = box.run(["modules", "start", "starts"]);
  await box.until("starts", ({ pid }) => pid !== null);
  process.kill(box.host, "SIGSTOP");
  await Bun.sleep(6_500);
  process.kill(box.host, "SIGCONT");
  expect((await started).code).toBe(0);
  // The next look at how long it has been silent comes within 5 s.
  await Bun.sleep(5_500);
  expect(await box.row("watched")).toMatchObject({ pid, actual: "IDLE", restarts: 0 });
});

test.concurrent("a part of the supervisor that can't be opened ends no module that lived through its death", async () => {
  await using box = new ModulesBox({}, stint.faults);
  box.plain("module", "exec sleep 1000");
  await box.up();
  const { pid } = await box.until("module", ({ actual }) => actual === "IDLE");
  await box.kill();
  const failed = await box.run(["modules", "up", "--detach", "--dir", box.dir], {
    env: { STINT_FAULT: "fail:health" },
  });
  expect(failed.code).toBe(70);
  expect(alive(pid)).toBe(true);
  const status = await box.run(["modules", "status"]);
  expect(status).toMatchObject({ code: 69, err: expect.stringContaining("module runs on without it") });
  await box.up();
  expect(await box.row("module")).toMatchObject({ pid, adopted: true });
});

test.concurrent("the modules of a folder aren't run twice, whatever the profile", async () => {
  await using box = new ModulesBox();
  box.plain("module", "exec sleep 1000");
  await box.up();
  await box.until("module", ({ actual }) => actual === "IDLE");
  const other = () => box.run(["modules", "up", "--detach", "--dir", box.dir, "--profile", "other"]);
  expect(await other()).toMatchObject({ code: 75, err: expect.stringContaining("run in profile default") });
  await box.kill();
  expect((await other()).code).toBe(75);
  await box.up();
  await box.modules("down");
  expect((await other()).code).toBe(0);
  await box.run(["modules", "down", "--profile", "other"]);
});
