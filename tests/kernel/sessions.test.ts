import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claimSession, recordState } from "../../src/kernel/checkpoint.ts";
import { openStore, storePath } from "../../src/kernel/store.ts";
import { TestClock } from "../support/clock.ts";
import { enterHome, type Home } from "../support/home.ts";
import { pty } from "../support/pty.ts";
import { stint } from "../support/sandbox.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

async function run(...args: string[]) {
  const child = Bun.spawn([...stint.source, ...args], {
    env: { ...process.env, TZ: "UTC" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code };
}

/** One of this process's that runs, one that has stopped, one whose host was killed. */
async function three(): Promise<void> {
  const clock = new TestClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  await using store = await openStore();
  await store.write((db) => {
    for (const [id, kind] of [
      ["1", "track"],
      ["2", "pomo"],
      ["3", "detect"],
    ] as const) {
      claimSession(db, { id, kind, profile: "default" }, clock);
      recordState(db, id, id === "1" ? "stopped" : "running", clock);
    }
    db.exec("UPDATE session SET pid_start = '1' WHERE id = '3'");
  });
}

describe("stint sessions", () => {
  test("on a pipe: one line for each, newest first, with what became of it", async () => {
    await three();
    const { out, err, code } = await run("sessions");
    const at = Date.UTC(2026, 0, 2, 3, 4, 5);
    const same = { v: 1, type: "session", profile: "default", started_at: at, last_active: at };
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { ...same, id: "3", kind: "detect", state: "crashed", pid: null },
      { ...same, id: "2", kind: "pomo", state: "running", pid: process.pid },
      { ...same, id: "1", kind: "track", state: "stopped", pid: null },
    ]);
    expect({ err, code }).toEqual({ err: "", code: 0 });
  });

  test("on a terminal: a table", async () => {
    await three();
    await using terminal = pty([...stint.source, "sessions"], { env: { TZ: "UTC" }, columns: 120 });
    expect(await terminal.exited).toBe(0);
    const pid = String(process.pid);
    expect(
      terminal
        .screen()
        .split("\n")
        .map((line) => line.trimEnd().split(/ {2,}/)),
    ).toEqual([
      ["ID", "KIND", "PROFILE", "STATE", "PID", "STARTED", "LAST ACTIVE"].filter(Boolean),
      ["3", "detect", "default", "crashed", "2026-01-02 03:04", "2026-01-02 03:04"],
      ["2", "pomo", "default", "running", pid, "2026-01-02 03:04", "2026-01-02 03:04"],
      ["1", "track", "default", "stopped", "2026-01-02 03:04", "2026-01-02 03:04"],
    ]);
  });

  test("on a terminal: those that live however old, the newest 20 others, and with --all every one", async () => {
    const clock = new TestClock(Date.UTC(2026, 0, 2));
    const id = (n: number) => String(n).padStart(8, "0");
    {
      await using store = await openStore();
      await store.write((db) => {
        for (let n = 0; n < 25; n++) {
          claimSession(db, { id: id(n), kind: "pomo", profile: "default" }, clock);
          recordState(db, id(n), n === 1 ? "paused" : "stopped", clock);
        }
      });
    }
    const shown = async (...args: string[]) => {
      await using terminal = pty([...stint.source, "sessions", ...args], { columns: 100, rows: 40 });
      expect(await terminal.exited).toBe(0);
      return terminal.screen().split("\n").slice(1);
    };
    const lines = await shown();
    expect(lines.slice(0, -1).map((line) => line.slice(0, 8))).toEqual([
      ...Array.from({ length: 20 }, (_, at) => id(24 - at)),
      id(1),
    ]);
    expect(lines.at(-1)).toBe("4 older: stint sessions --all");
    expect(await shown("--all")).toHaveLength(25);
    expect((await run("sessions")).out.trimEnd().split("\n")).toHaveLength(25);
  });

  test("where there are none says how to begin, and leaves nothing behind", async () => {
    expect(await run("sessions")).toEqual({ out: "", err: "", code: 0 });
    await using terminal = pty([...stint.source, "sessions"]);
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen()).toContain("no sessions yet");
    // The cache is Bun's own, of the sources.
    expect(readdirSync(home.path).filter((name) => name !== "cache")).toEqual(["run"]);
  });

  test("of a store that can't be read says so with 74", async () => {
    mkdirSync(join(home.path, "data/stint"), { recursive: true, mode: 0o700 });
    writeFileSync(storePath(), "no database ".repeat(1000));
    const { out, err, code } = await run("sessions");
    expect({ out, code }).toEqual({ out: "", code: 74 });
    expect(err.split("\n")).toHaveLength(3);
  });
});

describe("the check after an unclean end", () => {
  const log = () => readFileSync(join(home.path, "state/stint/store.log"), "utf8");

  test("of a sound store", async () => {
    await three();
    expect((await run("__check-store")).code).toBe(0);
    expect(log()).toContain("the store is sound");
  });

  test("of a damaged one says what is wrong and that it will be set aside", async () => {
    await three();
    const bytes = readFileSync(storePath());
    writeFileSync(storePath(), bytes.fill(0xff, 4096 * 2, 4096 * 3));
    expect((await run("__check-store")).code).toBe(1);
    expect(log()).toContain("sets it aside");
  });
});
