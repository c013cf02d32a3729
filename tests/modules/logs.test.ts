/** `stint modules logs`: what the modules have said. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { takeSeat } from "../../src/kernel/seat.ts";
import { Places } from "../../src/modules/adapters/places.ts";
import { formatMark, lineHead } from "../../src/modules/core/log-line.ts";
import { enterHome, type Home, Other } from "../support/home.ts";
import { pty } from "../support/pty.ts";
import { type Line, stint } from "../support/sandbox.ts";

let home: Home;
let places: Places;
beforeEach(() => {
  home = enterHome({ TZ: "UTC" });
  places = new Places("default");
});
afterEach(() => home[Symbol.dispose]());

const NOON = Date.UTC(2026, 2, 1, 12);
const line = (ms: number, text: string) => `${lineHead(NOON + ms)}${text}\n`;

/** Appends to a module's log. */
function say(name: string, text: string): void {
  const { log } = places.of(name);
  mkdirSync(dirname(log), { recursive: true });
  appendFileSync(log, text);
}

async function run(...args: string[]) {
  const child = Bun.spawn([...stint.source, "modules", ...args], {
    stdout: "pipe",
    stderr: "pipe",
    cwd: home.path,
    env: { ...process.env },
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const lines = out
    .split("\n")
    .slice(0, -1)
    .map((text) => JSON.parse(text) as Line);
  return { code, err, lines, texts: lines.map(({ name, text }) => `${name}: ${text}`) };
}

/** This process sits where a supervisor does. */
function supervised(): Disposable {
  const seat = takeSeat("modules.default");
  seat.announce({ kind: "modules", profile: "default", session: "s", socket: join(home.path, "none.sock") });
  return seat;
}

const follow = (...args: string[]) => new Other([...stint.source, "modules", ...args, "--follow"]);
const nextText = async (other: Other) => {
  const { name, text } = JSON.parse(await other.line()) as Line;
  return `${name}: ${text}`;
};

describe("logs", () => {
  test("are one, by time, of all modules or of those that are meant", async () => {
    using _ = supervised();
    say("camera", line(0, "one") + line(2, "three"));
    say("camera", `${formatMark(NOON + 4, "7 bytes were lost")}\n`);
    say("cam2", line(3, "four"));
    say("gps", line(1, '{"two":2}'));
    const all = await run("logs");
    expect(all).toMatchObject({ code: 0, err: "" });
    expect(all.texts).toEqual([
      "camera: one",
      'gps: {"two":2}',
      "camera: three",
      "cam2: four",
      "camera: 7 bytes were lost",
    ]);
    expect(all.lines[0]).toEqual({ v: 1, type: "log", name: "camera", at: NOON, text: "one", mark: false });
    expect(all.lines[4]).toMatchObject({ mark: true });
    expect((await run("logs", "cam*")).texts).toEqual([
      "camera: one",
      "camera: three",
      "cam2: four",
      "camera: 7 bytes were lost",
    ]);
    expect((await run("logs", "-n", "2")).texts).toEqual(["cam2: four", "camera: 7 bytes were lost"]);
  });

  test("go back over rotated files, to a number of lines or a time", async () => {
    using _ = supervised();
    const written = Array.from({ length: 3_000 }, (_, n) => line(n, `${n}`));
    say("gps", written.slice(0, 1_500).join(""));
    const { log } = places.of("gps");
    renameSync(log, `${log}.1`);
    say("gps", written.slice(1_500).join(""));
    say("camera", line(2_990, "c"));
    expect((await run("logs")).texts.slice(88, 92)).toEqual([
      "gps: 2989",
      "camera: c",
      "gps: 2990",
      "gps: 2991",
    ]);
    const time = new Date(NOON + 1_000).toISOString();
    const { texts } = await run("logs", "--since", time);
    expect(texts).toHaveLength(2_001);
    expect(texts[0]).toBe("gps: 1000");
    expect((await run("logs", "--since", time, "-n", "2")).texts).toEqual(["gps: 2998", "gps: 2999"]);
    expect((await run("logs", "--since", "10m")).texts).toEqual([]);
  });

  test("are followed, over rotations and to modules that come later, until a signal", async () => {
    using _ = supervised();
    say("camera", line(0, "before"));
    await using reader = follow("logs", "-n", "1");
    expect(await nextText(reader)).toBe("camera: before");
    say("camera", line(1, "one") + line(2, "two").slice(0, 30));
    expect(await nextText(reader)).toBe("camera: one");
    const { log } = places.of("camera");
    say("camera", line(2, "two").slice(30));
    renameSync(log, `${log}.1`);
    say("camera", line(3, "three"));
    expect(await nextText(reader)).toBe("camera: two");
    expect(await nextText(reader)).toBe("camera: three");
    say("gps", line(4, "new here"));
    expect(await nextText(reader)).toBe("gps: new here");
    process.kill(reader.pid, "SIGTERM");
    expect(await reader.rest()).toEqual([]);
  });

  test("are no more than that, though more is said while a slow reader reads them", async () => {
    using _ = supervised();
    // More than pipes hold, so that it waits for its reader.
    const count = 20_000;
    say("camera", Array.from({ length: count }, (_, n) => line(n, "x".repeat(50))).join(""));
    await using child = Bun.spawn([...stint.source, "modules", "logs", "-n", String(count)], {
      env: { ...process.env },
      stdout: "pipe",
    });
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of child.stdout) {
      if (text === "") say("gps", line(count, "came later"));
      say("camera", line(count, "later"));
      text += decoder.decode(chunk, { stream: true });
    }
    expect(text.split("\n")).toHaveLength(count + 1);
    expect(text).not.toContain("later");
  });

  test("end quietly when the reader leaves", async () => {
    say("camera", Array.from({ length: 50_000 }, (_, n) => line(n, "x".repeat(50))).join(""));
    const command = `"$@" modules logs -n 50000 | head -1 | wc -l`;
    const child = Bun.spawn(["sh", "-c", command, "sh", ...stint.source], {
      env: { ...process.env },
      stdout: "pipe",
      stderr: "pipe",
    });
    expect([await child.stdout.text(), await child.stderr.text()].map((text) => text.trim())).toEqual([
      "1",
      "",
    ]);
  });

  test("without a supervisor are what there is, and 69; nothing is made, and nothing followed", async () => {
    const none = await run("logs");
    expect(none).toMatchObject({
      code: 69,
      lines: [],
      err: "stint: no supervisor is running\n  stint modules up\n",
    });
    expect((await run("logs", "camera", "--follow")).code).toBe(69);
    expect(existsSync(join(home.path, "state"))).toBe(false);
    expect(existsSync(join(home.path, "data"))).toBe(false);
    say("camera", line(0, "one"));
    for (const more of [[], ["--follow"], ["camera"]]) {
      expect(await run("logs", ...more)).toMatchObject({ code: 69, texts: ["camera: one"] });
    }
    expect(readdirSync(join(home.path, "state/stint"), { recursive: true })).toHaveLength(3);
  });

  test("are refused for a module that there isn't and a time that is none", async () => {
    say("camera", line(0, "one"));
    expect(await run("logs", "camra")).toMatchObject({
      code: 2,
      lines: [],
      err: "stint: there is no module 'camra'\n  there are camera\n",
    });
    const hint = "10m (or 90s, 1h30m; 24h at most), 14:05, 2026-11-22 14:05, or 2026-11-22T14:05:01Z";
    for (const [time, why] of [
      ["yesterday", "'yesterday' isn't a time"],
      ["25h", "'25h' isn't a time"],
      ["2026-02-30 14:05", "there is no such time as '2026-02-30 14:05'"],
    ] as const) {
      expect(await run("logs", "--since", time)).toMatchObject({
        code: 2,
        err: `stint: ${why}\n  ${hint}\n`,
      });
    }
    for (const time of ["90s", "1h30m", "24h", "2026-03-01 11:00", "2026-03-01T11:00:00Z", "14:05:01"]) {
      expect((await run("logs", "--since", time)).err).not.toContain("isn't a time");
    }
  });

  test("have on a terminal the time, the day where it isn't the one before, and nothing that it would obey", async () => {
    using _ = supervised();
    say("camera", line(0, "\x1b[31mred\x1b[0m\x07 and\ttabbed") + line(86_400_000, "the next day"));
    say("gps", `${line(500, "fix")}hal`);
    say("gps", `\n${formatMark(NOON + 86_400_500, "cut")}\n`);
    await using screen = pty([...stint.source, "modules", "logs"], { env: { TZ: "Europe/Berlin" } });
    expect(await screen.exited).toBe(0);
    expect(screen.screen().split("\n")).toEqual([
      "2026-03-01",
      "13:00:00 camera  red and tabbed",
      "13:00:00 gps     fix",
      "13:00:00 gps     hal",
      "2026-03-02",
      "13:00:00 camera  the next day",
      "13:00:00 gps     -- cut",
    ]);
  });
});
