import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { logLine, logPath, openLog, RotatingFile, redact } from "../../src/kernel/log.ts";
import { TestClock } from "../support/clock.ts";
import { enterHome, type Home, Other } from "../support/home.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

const read = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const line = (facts: Record<string, unknown>, text = "x") =>
  JSON.parse(logLine({ at: 0, level: "info", component: "c", text, facts }));

describe("a log", () => {
  test("is NDJSON, each line with its time, level, component and pid, in a file of nobody else's", () => {
    using log = openLog("host", { clock: new TestClock(Date.UTC(2026, 0, 2)) });
    log.info("starts", { session: "s" });
    log.for("camera").warn("gone");
    const head = { v: 1, type: "log", at: "2026-01-02T00:00:00.000Z", pid: process.pid };
    expect(read(logPath("host"))).toEqual([
      { ...head, level: "info", component: "stint", text: "starts", session: "s" },
      { ...head, level: "warn", component: "camera", text: "gone" },
    ]);
    expect(statSync(logPath("host")).mode & 0o777).toBe(0o600);
    expect(statSync(join(home.path, "state/stint")).mode & 0o777).toBe(0o700);
  });

  test("leaves out what is below its level", () => {
    using log = openLog("host", { level: "warn" });
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    expect(read(logPath("host")).map(({ text }) => text)).toEqual(["c", "d"]);
  });

  test("is kept and rotated: the newest lines in it, the older ones in .1, and no more than it is told", () => {
    using log = openLog("host", { maxBytes: 1000, keep: 2 });
    for (let n = 0; n < 100; n++) log.info(`line ${n}`);
    expect(readdirSync(join(home.path, "state/stint")).toSorted()).toEqual([
      "host.log",
      "host.log.1",
      "host.log.2",
      "host.log.lock",
    ]);
    const kept = ["host.log.2", "host.log.1", "host.log"].flatMap((name) =>
      read(join(home.path, "state/stint", name)),
    );
    const last = kept.map(({ text }) => Number(text.split(" ")[1]));
    expect(last).toEqual(Array.from(last, (_, at) => 100 - last.length + at));
    for (const name of ["host.log", "host.log.1"]) {
      expect(statSync(join(home.path, "state/stint", name)).size).toBeLessThanOrEqual(1000);
    }
  });

  test("that several processes write and rotate at once loses no line", async () => {
    const others = ["a", "b", "c"].map(
      (who) => new Other([process.execPath, join(import.meta.dir, "fixture-process.ts"), "log", who]),
    );
    for (const each of others) await each.line();
    for (const each of others) each.tell("");
    for (const each of others) {
      expect(await each.line()).toBe("done");
      await each[Symbol.asyncDispose]();
    }
    const folder = join(home.path, "state/stint");
    const files = readdirSync(folder).filter((name) => /^shared\.log(\.\d+)?$/.test(name));
    expect(files.length).toBeGreaterThan(1);
    const texts = files.flatMap((name) => read(join(folder, name))).map(({ text }) => text);
    const said = ["a", "b", "c"].flatMap((who) => Array.from({ length: 400 }, (_, n) => `${who} ${n}`));
    expect(texts.toSorted()).toEqual(said.toSorted());
  });

  test("is rotated at its size, however many have written it", () => {
    const logs = [1, 2, 3].map(() => openLog("host", { maxBytes: 1000, keep: 50 }));
    for (let n = 0; n < 50; n++) for (const log of logs) log.info(`line ${n}`);
    for (const log of logs) log[Symbol.dispose]();
    const folder = join(home.path, "state/stint");
    const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
  });

  test("goes on in a new file when another process has moved it away", () => {
    using log = openLog("host");
    log.info("before");
    renameSync(logPath("host"), `${logPath("host")}.old`);
    log.info("after");
    expect(read(logPath("host")).map(({ text }) => text)).toEqual(["after"]);
  });

  test("goes on in a line of its own after one that a kill -9 has cut, where nobody else writes it", () => {
    const path = logPath("own");
    const open = () => new RotatingFile(path, 1 << 20, 3, { alone: true });
    {
      using file = open();
      file.append("before\n");
    }
    appendFileSync(path, '{"v":1,"te');
    using file = open();
    file.append("after\n");
    file.append("and on\n");
    expect(readFileSync(path, "utf8")).toBe('before\n{"v":1,"te\nafter\nand on\n');
  });

  test("that can't be written is no reason to stop", () => {
    using log = openLog("host");
    log.info("before");
    rmSync(join(home.path, "state"), { recursive: true });
    log.error("nowhere to go");
  });

  test("writes nothing into whatever file has its descriptor's number next", () => {
    const log = openLog("host");
    log.info("before");
    log[Symbol.dispose]();
    log[Symbol.dispose]();
    log.info("late");
    expect(read(logPath("host"))).toHaveLength(1);
    expect(existsSync(logPath("host"))).toBe(true);
  });

  test("with --verbose says each line on stderr too, in people's words", async () => {
    const script = `import { openLog } from "${join(import.meta.dir, "../../src/kernel/log.ts")}";
      using log = openLog("host", { verbose: true }); log.for("camera").debug("token=abc gone");`;
    const child = Bun.spawn([process.execPath, "-e", script], { env: { ...process.env }, stderr: "pipe" });
    expect(await child.stderr.text()).toBe("debug camera: token=[redacted] gone\n");
    expect(read(logPath("host"))).toHaveLength(1);
  });
});

describe("a line", () => {
  test("has an error with its stack and its causes", () => {
    const error = new AggregateError([new RangeError("first")], "all failed", {
      cause: new TypeError("deep"),
    });
    const { error: said } = line({ error });
    expect(said.stack).toContain("all failed");
    expect(said.stack).toContain("log.test.ts");
    expect(said.cause.stack).toContain("TypeError: deep");
    expect(said.errors[0].stack).toContain("RangeError: first");
  });

  test("keeps its own fields whatever the facts are called", () => {
    expect(line({ type: "x", level: "x", text: "x", component: "x", v: 2, own: 1 }, "said")).toMatchObject({
      v: 1,
      type: "log",
      level: "info",
      component: "c",
      text: "said",
      own: 1,
    });
  });

  test("is written even when its facts can't be", () => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    expect(line({ circle }, "said")).toMatchObject({ text: "said", facts_lost: expect.any(String) });
    expect(line({ big: 2n ** 70n })).toMatchObject({ big: String(2n ** 70n) });
  });
});

describe("secrets stay out:", () => {
  const secret = "hunter2";
  test.each([
    [`rtsp://admin:${secret}@10.0.0.7/stream`, "rtsp://[redacted]@10.0.0.7/stream"],
    [`rtsp://admin:hun@${secret}@10.0.0.7/stream`, "rtsp://[redacted]@10.0.0.7/stream"],
    [`http://x/?api_key=${secret}&b=1`, "http://x/?api_key=[redacted]&b=1"],
    [`password: ${secret}, next`, "password: [redacted], next"],
    [`{"password":"two ${secret}"}`, '{"password":[redacted]}'],
    [`--token ${secret} --port 1`, "--token [redacted] --port 1"],
    [`access_token=${secret}`, "access_token=[redacted]"],
    [`Authorization: Bearer ${secret}.abc`, "Authorization: Bearer [redacted]"],
    [`Authorization: Basic ${secret}==`, "Authorization: Basic [redacted]"],
  ])("%s", (said, kept) => {
    expect(redact(said)).toBe(kept);
  });

  test.each([
    "token",
    "apiKey",
    "api_key",
    "PASSWORD",
    "Authorization",
    "cookie",
    "clientSecret",
    "private_key",
  ])("under the key %s", (key) => {
    expect(line({ deep: [{ [key]: secret }] })).toMatchObject({ deep: [{ [key]: "[redacted]" }] });
  });

  test("in an error's words and its cause's", () => {
    const error = new Error(`token=${secret}`, { cause: new Error(`http://u:${secret}@h/`) });
    expect(JSON.stringify(line({ error, url: `http://u:${secret}@h/` }))).not.toContain(secret);
  });

  test("and what isn't secret stays as it is", () => {
    for (const said of ["the token has run out", "http://host/a@b", "mail me@example.org", "basic idea"]) {
      expect(redact(said)).toBe(said);
    }
  });
});

test.each([
  "AWS_SECRET_ACCESS_KEY=hunter2",
  "secret_key=hunter2",
  "pwd=hunter2",
  "Authorization: Token hunter2",
  "--api-token hunter2",
  "rtsp://user:hunter2@camera/1",
])("a secret is kept out of the log: %s", (text) => {
  const line = logLine({
    at: 0,
    level: "info",
    component: "x",
    text,
    facts: { text, argv: ["--token", "hunter2"] },
  });
  expect(line).not.toContain("hunter2");
});
