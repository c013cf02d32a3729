/** Trackers that hang, fail and dawdle, in a build that has them do so on a real display. */
import { expect, test } from "bun:test";
import { type Line, stint } from "../support/sandbox.ts";
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";

const trackersOf = (line: Line) =>
  line["trackers"] as Record<string, { state: string; reason: string | null }>;
const faulty = (display: X11, fault: string) =>
  new TrackBox({ ...display.env, STINT_FAULT: fault }, stint.faults);

test("a tracker that hangs at a pause is dropped after its deadline, and named in status and the log", async () => {
  await using display = await X11.open();
  await using box = faulty(display, "hang:keyboard");
  const { session_id } = await box.track("start", "--detach");
  await box.until((line) => trackersOf(line)["apps"]?.state === "ok");
  const begin = performance.now();
  const pausing = box.track("pause");
  // Meanwhile it answers, and says what is under way.
  await box.until(({ pending, state }) => pending === "pausing" || state === "paused");
  const paused = await pausing;
  expect(paused).toMatchObject({ state: "paused", session_id });
  expect(performance.now() - begin).toBeGreaterThan(1_500);
  expect(trackersOf(paused)["keyboard"]?.state).toBe("hung");
  expect(trackersOf(paused)["mouse"]?.state).toBe("off");
  const named = box.log("track.default").filter(({ part, level }) => part === "keyboard" && level === "warn");
  expect(named.length).toBeGreaterThan(0);
  // What it held on to counts for nobody.
  expect(await box.track("resume")).toMatchObject({ session_id });
  await box.until((line) => trackersOf(line)["keyboard"]?.state === "ok");
  await display.xdotool("key", "a");
  await box.until(({ keys }) => keys === 1);
  await box.track("stop");
});

test("a tracker that can't be opened doesn't keep the others from running", async () => {
  await using display = await X11.open();
  await using box = faulty(display, "fail:mouse");
  const begun = await box.track("start", "--detach");
  expect(begun).toMatchObject({ state: "degraded", degraded: ["mouse"] });
  expect(trackersOf(begun)["mouse"]?.state).toBe("failed");
  await display.xdotool("key", "a");
  await box.until(({ keys }) => keys === 1);
  expect(await box.track("pause")).toMatchObject({ state: "paused", degraded: [] });
  expect(await box.track("resume")).toMatchObject({ state: "degraded" });
  await box.track("stop");
});

test("a pause while trackers are opening gives them up, whoever asks and however often", async () => {
  await using display = await X11.open();
  await using box = faulty(display, "slow:apps");
  await box.track("start", "--paused", "--detach");
  const resuming = box.run(["track", "resume"]);
  await box.until(({ pending }) => pending === "resuming");
  const paused = await Promise.all([box.track("pause"), box.track("pause")]);
  expect(paused.map(({ state }) => state)).toEqual(["paused", "paused"]);
  await resuming;
  expect(await box.track("status")).toMatchObject({ state: "paused" });
  await box.track("resume");
  await box.until((line) => trackersOf(line)["apps"]?.state === "ok");
  await box.track("stop");
});

test("twenty rapid pauses and resumes by two clients at once end in a session that counts", async () => {
  await using display = await X11.open();
  await using box = new TrackBox(display.env);
  const { session_id } = await box.track("start", "--detach");
  const wishes = Array.from({ length: 20 }, (_, n) => box.run(["track", n % 2 === 0 ? "pause" : "resume"]));
  await Promise.all(wishes);
  expect(await box.track("resume")).toMatchObject({ state: "running", session_id });
  await display.xdotool("key", "a", "key", "b");
  await box.until(({ keys }) => keys === 2);
  await box.track("stop");
  const spans = box.db.query("SELECT started_at, ended_at FROM track_span ORDER BY id").all() as {
    started_at: number;
    ended_at: number;
  }[];
  for (const [n, span] of spans.entries()) {
    expect(span.ended_at).toBeGreaterThanOrEqual(span.started_at);
    if (n > 0) expect(span.started_at).toBeGreaterThanOrEqual(spans[n - 1]?.ended_at ?? Number.NaN);
  }
});
