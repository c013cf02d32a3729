/** Nobody is there, and somebody comes back: on X and under sway. */
import { expect, test } from "bun:test";
import { type Line, until } from "../support/sandbox.ts";
import { Sway } from "../support/sway.ts";
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";

type Tracker = { state: string; reason: string | null; via: string | null };
const trackersOf = (line: Line) => line["trackers"] as Record<string, Tracker>;
const AFK = { STINT_TRACK_AFK_AFTER: "5s" };

const spans = (box: TrackBox) =>
  box.db.query("SELECT kind, project, started_at, ended_at FROM track_span ORDER BY started_at").all() as {
    kind: string;
    project: string | null;
    started_at: number;
    ended_at: number;
  }[];

test("on X away begins with the last input and ends with the next, and what it was is asked", async () => {
  await using display = await X11.open();
  await using box = new TrackBox({ ...display.env, ...AFK });
  await display.xterm("work");
  await box.track("start", "--project", "acme", "--detach");
  await box.until((line) => trackersOf(line)["keyboard"]?.state === "ok");
  await display.xdotool("key", "a");
  const typed = Date.now();
  await box.until(({ going }) => going === "away", 15_000);
  const noticed = Date.now();
  await display.xdotool("key", "b");
  const back = await box.until(({ going }) => going === "work");
  const returned = Date.now();
  await until(() => spans(box).length === 3);
  const [work, away, again] = spans(box);
  expect([work?.kind, away?.kind, again?.kind]).toEqual(["work", "away", "work"]);
  // It began when the last key was pressed, not seconds later when it was noticed.
  expect(Math.abs((away?.started_at ?? 0) - typed)).toBeLessThan(1_000);
  expect(noticed - (away?.started_at ?? 0)).toBeGreaterThan(4_500);
  expect(away?.ended_at ?? 0).toBeLessThanOrEqual(returned);
  expect(back["away_question"]).not.toBeNull();
  await box.track("away", "project:meetings");
  const given = await box.track("status");
  expect(given).toMatchObject({ afk_ms: 0, away_question: null, project: "acme" });
  expect(spans(box)[1]).toMatchObject({ kind: "work", project: "meetings" });
  await box.track("undo");
  expect(spans(box)[1]).toMatchObject({ kind: "away", project: "acme" });
  await box.until(({ going }) => going === "away", 15_000);
  await display.xdotool("key", "c");
  await box.until(({ away_question }) => away_question !== null);
  const { code, err } = await box.run(["track", "stop"]);
  expect(code).toBe(0);
  expect(err).toContain("stint track away keep --span");
});

test("under sway windows, idle time and screenshots are seen, and keys can't be, and that is said", async () => {
  await using sway = await Sway.open();
  await using box = new TrackBox({ ...sway.env, ...AFK, STINT_TRACK_SCREENSHOT_MAX: "1s" });
  await sway.window("editor", "shutdown.ts");
  await box.track("start", "--detach", "--only", "keyboard,mouse,apps,screenshots");
  const seen = await box.until(({ app, screenshots }) => app === "editor" && Number(screenshots) > 0, 15_000);
  expect(seen).toMatchObject({ state: "running", title: "shutdown.ts" });
  expect(trackersOf(seen)["apps"]?.via).toBe("sway");
  expect(trackersOf(seen)["keyboard"]).toMatchObject({ state: "unavailable" });
  expect(trackersOf(seen)["keyboard"]?.reason).toContain("Wayland");
  await box.until(({ going }) => going === "away", 15_000);
  await sway.type("x");
  await box.until(({ going }) => going === "work");
  await sway.kill();
  await box.until(({ state }) => state === "degraded");
  await sway.start();
  await box.until(({ state }) => state === "running", 20_000);
  await box.track("stop");
});

test("doctor tries what there is, and says what can't be seen and why", async () => {
  await using display = await X11.open();
  await using box = new TrackBox(display.env);
  const { code, lines } = await box.run(["track", "doctor", "--json"]);
  const named = (name: string) => lines.find((line) => line["name"] === name);
  expect(named("keyboard")).toMatchObject({ type: "sense", ok: true, via: "x11" });
  expect(code).toBe(0);
  await using alone = new TrackBox();
  const without = await alone.run(["track", "doctor", "--json"]);
  expect(without.code).toBe(1);
  expect(without.lines.find((line) => line["name"] === "keyboard")).toMatchObject({ ok: false });
});
