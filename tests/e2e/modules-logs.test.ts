/** What modules print, and a disk that fails under it. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alive, ModulesBox } from "../support/modules.ts";
import { until } from "../support/sandbox.ts";
import { canMount, fill, onSmallDisk } from "../support/small-disk.ts";

const kept = (box: ModulesBox, name: string): string => join(box.home, "state/stint/modules", name);

const numbered = (box: ModulesBox, name: string): number[] =>
  readdirSync(kept(box, name))
    .filter((file) => /^log(\.\d+)?$/.test(file))
    .flatMap((file) => readFileSync(join(kept(box, name), file), "utf8").split("\n"))
    .flatMap((line) => / line (\d+) /.exec(line)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);

test.concurrent("a log is rotated by its size, and a count of files is kept; what is printed is on the disk once", async () => {
  await using box = new ModulesBox({ STINT_MODULES_LOG_BYTES: "65536", STINT_MODULES_LOG_KEEP: "2" });
  const line = "x".repeat(80);
  box.plain("talker", `n=0; while [ $n -lt 4000 ]; do n=$((n+1)); echo "line $n ${line}"; done; sleep 1000`);
  await box.up();
  await until(() => existsSync(join(kept(box, "talker"), "log")) && numbered(box, "talker").at(-1) === 4000);
  const files = readdirSync(kept(box, "talker")).filter((file) => /^log(\.\d+)?$/.test(file));
  expect(files.sort()).toEqual(["log", "log.1", "log.2"]);
  for (const file of files)
    expect(statSync(join(kept(box, "talker"), file)).size).toBeLessThanOrEqual(65_536 + 32_768);
  const numbers = numbered(box, "talker");
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => 4000 - numbers.length + 1 + n));
  await until(() => statSync(join(kept(box, "talker"), "raw")).blocks * 512 < 64e3);
  const { lines } = await box.run(["modules", "logs", "talker", "-n", "3"]);
  expect(lines.map(({ text }) => String(text).split(" ")[1])).toEqual(["3998", "3999", "4000"]);
});

test.concurrent("a module that prints as fast as it can is bounded on the disk, and what is left out is marked", async () => {
  await using box = new ModulesBox();
  box.plain("loud", "exec yes 012345678901234567890123456789012345678901234567890123456789");
  box.tiny("quiet");
  await box.up();
  await box.until("loud", ({ actual }) => actual === "IDLE");
  const used = () =>
    readdirSync(kept(box, "loud")).reduce(
      (sum, file) => sum + statSync(join(kept(box, "loud"), file)).blocks * 512,
      0,
    );
  await until(() => existsSync(join(kept(box, "loud"), "log.1")));
  for (let n = 0; n < 20; n++) {
    expect(used()).toBeLessThan(150e6);
    await Bun.sleep(50);
  }
  // The others have their supervisor all the same.
  expect((await box.run(["modules", "send", "quiet", '{"command":"x"}'])).code).toBe(0);
  await box.modules("stop", "loud");
  const marked = readdirSync(kept(box, "loud")).some(
    (file) =>
      file.startsWith("log") &&
      readFileSync(join(kept(box, "loud"), file), "utf8").includes(" were not kept"),
  );
  expect(marked).toBe(true);
});

test.concurrent("whatever a module prints is a line of its log", async () => {
  await using box = new ModulesBox();
  const folder = box.plain("odd", "cat odd.bin; printf 'half a line'; sleep 1000", { enabled: "false" });
  writeFileSync(
    join(folder, "odd.bin"),
    Buffer.concat([
      Buffer.from('{"event":"ready"\n{"event":7}\n[1]\n{"event":"status","state":{}}\n'),
      Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0x00, 0x0a]),
      Buffer.from(`\x1b[31mred\x1b[0m\r\n${"w".repeat(200_000)}\n`),
    ]),
  );
  await box.up();
  await box.modules("start", "odd");
  await box.modules("stop", "odd");
  const { lines } = await box.run(["modules", "logs", "odd"]);
  const texts = lines.map(({ text }) => String(text));
  expect(texts.slice(0, 3)).toEqual(['{"event":"ready"', '{"event":7}', "[1]"]);
  expect(texts).toContain("\ufffd\ufffd\ufffd");
  expect(texts).toContain("\x1b[31mred\x1b[0m");
  expect(texts).toContain("half a line");
  const long = texts.find((text) => text.startsWith("www"));
  expect(long?.length).toBe(65_536);
  expect(lines.some(({ mark, text }) => mark === true && String(text).includes("134464"))).toBe(true);
});

test.concurrent("a folder that is removed under it is made again, and the module obeys as before", async () => {
  await using box = new ModulesBox();
  box.tiny("tiny");
  box.plain("talker", "n=0; while :; do n=$((n+1)); echo line $n .; sleep 0.02; done");
  await box.up();
  for (const name of ["tiny", "talker"]) await box.until(name, ({ actual }) => actual === "IDLE");
  const { pid } = await box.row("talker");
  rmSync(join(box.home, "state/stint/modules"), { recursive: true });
  await until(() => existsSync(join(kept(box, "talker"), "log")) && numbered(box, "talker").length > 20);
  expect((await box.run(["modules", "send", "tiny", '{"command":"x"}'])).code).toBe(0);
  // What runs is remembered again, and found by the next supervisor.
  await until(() => existsSync(join(box.home, "state/stint/modules/running_modules.json")));
  await box.kill();
  await box.up();
  expect(await box.row("talker")).toMatchObject({ pid, adopted: true, reason: null });
  const last = () => numbered(box, "talker").at(-1) ?? 0;
  const before = last();
  await until(() => last() > before + 20);
  expect((await box.run(["modules", "send", "tiny", '{"command":"x"}'])).code).toBe(0);
  expect(await box.modules("restart", "tiny")).toMatchObject({ ok: true, reason: null });
  expect((await box.run(["modules", "send", "tiny", '{"command":"x"}'])).code).toBe(0);
});

test.skipIf(!canMount)(
  "on a full disk the modules go on, and are logged and remembered again once there is room",
  async () => {
    await using box = new ModulesBox();
    const folder = box.plain("talker", "n=0; while :; do n=$((n+1)); echo line $n .; sleep 0.02; done");
    box.tiny("tiny", { enabled: "false", start_deadline: "1s" });
    const state = join(box.home, "state/stint/modules");
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const command = onSmallDisk(state, box.command, 2);
    const host = Bun.spawn([...command, "modules", "up", "--dir", box.dir], {
      cwd: box.work,
      env: box.env,
      stdout: "ignore",
      stderr: "ignore",
    });
    const states = async () => (await box.run(["modules", "status"])).lines;
    const row = await until(
      async () => (await states()).find(({ name }) => name === "talker"),
      (row) => row?.["actual"] === "IDLE",
    );
    // The disk as the supervisor sees it.
    const seen = join(`/proc/${box.host}/root`, state);
    fill(join(seen, "filler"));
    await until(() =>
      box.log("modules.default").some(({ text }) => /isn't kept as it should be/.test(String(text))),
    );
    expect((await states()).find(({ name }) => name === "talker")).toMatchObject({
      actual: "IDLE",
      pid: row?.["pid"],
    });
    // What it prints finds no room, its word that it is ready too.
    expect((await box.run(["modules", "start", "tiny"])).lines[0]).toMatchObject({
      ok: false,
      actual: "ERROR",
    });
    rmSync(join(seen, "filler"));
    expect((await box.run(["modules", "start", "tiny"])).code).toBe(0);
    await until(() => readFileSync(join(seen, "running_modules.json"), "utf8").includes('"tiny"'));
    const log = await until(
      () => readFileSync(join(seen, "talker/log"), "utf8"),
      (text) => text.includes("could not be written"),
      15_000,
    );
    expect(log).toMatch(/ line \d+ \.\n$/);
    host.kill();
    expect(await host.exited).toBe(143);
    expect(alive(Number(row?.["pid"]))).toBe(false);
    expect(existsSync(folder)).toBe(true);
  },
);
