import { beforeEach, describe, expect, test } from "bun:test";
import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PomoBox } from "../support/pomo.ts";

const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const HOUR = 3_600_000;

/** A zone where it is eight o'clock, more or less: five hours later it is the same day, whenever this runs. */
function morning(): string {
  const east = ((8 - new Date().getUTCHours() + 36) % 24) - 12;
  return `Etc/GMT${east > 0 ? "-" : "+"}${Math.abs(east)}`;
}

/** A home whose processes see a wall clock that a test sets while they run. */
class ClockBox extends PomoBox {
  readonly #file: string;

  constructor(env: Record<string, string> = {}) {
    super({ LD_PRELOAD: LIBRARY, DONT_FAKE_MONOTONIC: "1", FAKETIME_NO_CACHE: "1", TZ: morning(), ...env });
    this.#file = join(this.home, "faketime");
    this.env["FAKETIME_TIMESTAMP_FILE"] = this.#file;
    this.move(0);
  }

  /** Sets how far the wall clock is from the true one, ms. */
  move(ms: number): void {
    writeFileSync(this.#file, `${ms < 0 ? "" : "+"}${ms / 1000}\n`);
    utimesSync(this.#file, new Date(), new Date());
  }
}

beforeEach(() => {
  if (!existsSync(LIBRARY)) throw new Error("Debian's libfaketime is missing");
});

describe("a wall clock that jumps", () => {
  test("moves nothing while the host lives", async () => {
    await using box = new ClockBox();
    await box.pomo("start", "--work", "1h", "--detach");
    for (const hours of [5, -5, 26]) {
      box.move(hours * HOUR);
      const { remaining_ms, state, last_active } = await box.pomo("status");
      expect(state).toBe("running");
      expect(HOUR - Number(remaining_ms)).toBeLessThan(30_000);
      // The clock did move.
      expect(Math.abs(Number(last_active) - Date.now() - hours * HOUR)).toBeLessThan(60_000);
    }
    await box.pomo("finish");
    const [row] = await box.history();
    expect(Number(row?.["elapsed_ms"])).toBeLessThan(30_000);
    expect(Number(row?.["ended_at"])).toBeGreaterThanOrEqual(Number(row?.["started_at"]));
  });
});

describe("a long time without a host", () => {
  test("is taken off what ran", async () => {
    await using box = new ClockBox();
    await box.pomo("start", "--work", "2h", "--detach");
    await box.kill();
    box.move(HOUR);
    const { remaining_ms, notice, taken_off_ms } = await box.pomo("resume");
    expect(Math.abs(HOUR - Number(remaining_ms))).toBeLessThan(30_000);
    expect(Math.abs(HOUR - Number(taken_off_ms))).toBeLessThan(30_000);
    expect(notice).toMatch(/^restored from \d\d:\d\d, 1 h 0 min taken off$/);
  });

  test("ends what ran: it stands at 0, said and not counted, until somebody counts it", async () => {
    await using box = new ClockBox();
    const { last_active } = await box.pomo("start", "--work", "1h", "--detach");
    await box.kill();
    box.move(5 * HOUR);
    const seen = await box.pomo("status");
    expect(seen).toMatchObject({
      state: "paused",
      remaining_ms: 0,
      completed: false,
      today: { completed: 0 },
    });
    expect(Math.abs(Number(seen["finished_away_at"]) - Number(last_active) - HOUR)).toBeLessThan(5_000);
    const resumed = await box.pomo("resume");
    expect(resumed).toMatchObject({ state: "paused", session_type: "WORK", remaining_ms: 0 });
    expect(resumed["finished_away_at"]).toBe(seen["finished_away_at"]);
    expect(resumed["notice"]).toMatch(/^restored from \d\d:\d\d$/);
    expect(await box.history()).toEqual([]);
    expect(await box.pomo("finish")).toMatchObject({ session_type: "SHORT_BREAK", state: "running" });
    const [row] = await box.history();
    expect(row).toMatchObject({ outcome: "completed", elapsed_ms: HOUR });
    expect(row?.["ended_at"]).toBe(seen["finished_away_at"]);
  });

  test("counts what came to its end where that is asked for, once, however often it is taken up", async () => {
    await using box = new ClockBox({ STINT_POMO_COUNT_AWAY: "true" });
    await box.pomo("start", "--work", "1h", "--detach");
    await box.kill();
    box.move(5 * HOUR);
    expect(await box.pomo("status")).toMatchObject({ completed: true, today: { completed: 0 } });
    expect(await box.pomo("resume")).toMatchObject({
      state: "paused",
      completed: true,
      today: { completed: 1 },
    });
    for (let times = 0; times < 3; times++) {
      await box.kill();
      await box.pomo("extend", "5m").catch(() => {});
      expect(await box.pomo("status")).toMatchObject({ completed: true, interval: 1 });
    }
    const completed = (await box.history()).filter(({ outcome }) => outcome === "completed");
    expect(completed).toHaveLength(1);
  });

  test("of more than a day isn't taken up: it is kept as interrupted, and said", async () => {
    await using box = new ClockBox();
    await box.pomo("start", "one", "--work", "1h", "--detach");
    await box.pomo("pause");
    await box.kill();
    box.move(23 * HOUR);
    expect(await box.pomo("status")).toMatchObject({ state: "paused", task: "one" });
    box.move(25 * HOUR);
    const status = await box.pomo("status");
    expect(status).toMatchObject({ state: "stopped" });
    expect(status["notice"]).toMatch(/more than a day ago/);
    expect(await box.history()).toEqual([]);
    const { code, err } = await box.run(["pomo", "resume"]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /left at \d{4}-\d\d-\d\d \d\d:\d\d, more than a day ago: it is kept in history as interrupted/,
    );
    expect(await box.history()).toMatchObject([{ task: "one", outcome: "interrupted" }]);
    await box.run(["pomo", "resume"]);
    expect(await box.history()).toHaveLength(1);
  });

  test("drops old checkpoints at the next start, but no history", async () => {
    await using box = new ClockBox();
    await box.pomo("start", "one", "--detach");
    await box.pomo("pause");
    await box.pomo("stop");
    const count = () => {
      using db = box.db;
      return (db.query("SELECT count(*) AS n FROM checkpoint").get() as { n: number }).n;
    };
    expect(count()).toBeGreaterThan(2);
    box.move(49 * HOUR);
    await box.pomo("start", "two", "--detach");
    expect(count()).toBe(1);
    expect(await box.history()).toMatchObject([{ task: "one", outcome: "interrupted" }]);
  });
});
