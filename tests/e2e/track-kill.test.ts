/** Tracking that is killed, and comes back. */
import { describe, expect, test } from "bun:test";
import { until } from "../support/sandbox.ts";
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";

describe("a host that is killed", () => {
  test("has lost a moment at most, and its session is resumed under its id", async () => {
    await using display = await X11.open();
    await using box = new TrackBox(display.env);
    const { session_id } = await box.track("start", "--project", "acme", "--detach");
    await box.until(({ worked_ms }) => Number(worked_ms) > 1_500);
    await display.xdotool("key", "a", "key", "b");
    const before = await until(
      () => box.db.query("SELECT SUM(presses) AS presses FROM track_input").get() as { presses: number },
      ({ presses }) => presses === 2,
    );
    expect(before.presses).toBe(2);
    const { worked_ms: shown } = await box.track("status");
    await box.kill();
    const left = await box.track("status");
    expect(left).toMatchObject({ state: "stopped", crashed: true, resumable: true, session_id, keys: 2 });
    expect(Number(shown) - Number(left["worked_ms"])).toBeLessThan(1_500);
    const refused = await box.run(["track", "start", "--detach"]);
    expect(refused.code).toBe(75);
    expect(refused.err).toContain("was left by its host at");
    expect(refused.err).toContain("stint track resume");
    expect(await box.track("resume")).toMatchObject({
      state: "running",
      session_id,
      project: "acme",
      keys: 2,
    });
    await box.until(({ worked_ms }) => Number(worked_ms) > Number(left["worked_ms"]) + 500);
    await box.track("stop");
    const { lines } = await box.run(["track", "sessions"]);
    expect(lines).toHaveLength(1);
    const report = box.db.query("SELECT worked_ms, presses FROM track_session").get() as Record<
      string,
      number
    >;
    expect(report["presses"]).toBe(2);
    // What passed while no host was alive is of no span.
    const spans = box.db.query("SELECT started_at, ended_at FROM track_span ORDER BY id").all() as {
      started_at: number;
      ended_at: number;
    }[];
    expect(spans.length).toBe(2);
    expect(spans[1]?.started_at).toBeGreaterThan(spans[0]?.ended_at ?? Number.NaN);
  });

  test("is closed at its last sign of life when another session is begun", async () => {
    await using box = new TrackBox();
    const { session_id } = await box.track("start", "--detach");
    await box.until(({ worked_ms }) => Number(worked_ms) > 1_200);
    await box.kill();
    const begun = await box.track("start", "--new", "--detach");
    expect(begun["session_id"]).not.toBe(session_id);
    const { lines } = await box.run(["track", "sessions"]);
    expect(lines.map((line) => line["session_id"])).toContain(session_id);
    const again = await box.run(["track", "resume", String(session_id)]);
    expect(again.code).toBe(1);
    await box.track("stop");
  });

  test("is found by a stop, which closes it", async () => {
    await using box = new TrackBox();
    await box.track("start", "--detach");
    await box.until(({ worked_ms }) => Number(worked_ms) > 1_200);
    await box.kill();
    await box.track("stop");
    expect(await box.track("status")).toMatchObject({ state: "stopped", resumable: false, session_id: null });
  });

  test("in the foreground goes on under its id when it is started again, as a service does", async () => {
    await using box = new TrackBox();
    const first = box.start(["track", "start", "--foreground"]);
    const { session_id } = await box.until(({ state, host }) => host === true && state === "running");
    process.kill(box.host, "SIGKILL");
    await first.exited;
    const second = box.start(["track", "start", "--foreground"]);
    expect((await box.until(({ host }) => host === true))["session_id"]).toBe(session_id);
    second.kill("SIGTERM");
    expect(await second.exited).toBe(143);
    expect(await box.track("status")).toMatchObject({ resumable: true, crashed: false, session_id });
  });
});

describe("one host a user", () => {
  test("a second is refused, of whatever profile", async () => {
    await using box = new TrackBox();
    await box.track("start", "--detach");
    for (const profile of ["default", "other"]) {
      const { code, err } = await box.run(["track", "start", "--detach", "--profile", profile]);
      expect(code).toBe(75);
      expect(err).toContain("already running");
    }
    const other = await box.run(["track", "pause", "--profile", "other"]);
    expect(other.code).toBe(1);
    expect(other.err).toContain("profile default is");
    await box.track("stop");
  });
});

describe("without a display", () => {
  test("time is tracked, and what can't be seen says why", async () => {
    await using box = new TrackBox();
    const begun = await box.track("start", "--detach", "--only", "keyboard,mouse,apps,screenshots");
    const trackers = begun["trackers"] as Record<string, { state: string; reason: string | null }>;
    expect(begun).toMatchObject({ state: "running", degraded: [] });
    expect(trackers["keyboard"]?.state).toBe("unavailable");
    expect(trackers["keyboard"]?.reason).toContain("display");
    expect(trackers["screenshots"]?.state).toBe("unavailable");
    await box.until(({ worked_ms }) => Number(worked_ms) > 1_000);
    await box.track("stop");
  });
});

describe("bad input", () => {
  test.each([
    [["start", "--only", "moon"], 2, "there is no tracker 'moon'"],
    [["start", "--at", "25:00"], 2, "isn't a time"],
    [["report", "--day", "someday"], 2, "isn't a day"],
    [["report", "--day", "today", "--week"], 2, "contradict"],
    [["report", "--from", "2026-11-20", "--to", "2026-11-10"], 2, "isn't later"],
    [["split", "last", "nonsense"], 2, "isn't a time"],
    [["show", "ffffffff"], 1, "ffffffff"],
    [["pause"], 1, "nothing is tracked"],
    [["status", "--format", "{moon}"], 2, "there is no field {moon}"],
    [["import", "--format", "json", "/nonexistent.json"], 74, "nonexistent"],
  ])("%j is %d: %s", async (args, code, words) => {
    await using box = new TrackBox();
    const ran = await box.run(["track", ...args]);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(words);
    expect(ran.err).not.toContain("internal error");
  });
});
