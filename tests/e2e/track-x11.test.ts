/** Tracking on a real display: what xdotool sends is what is counted. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Line } from "../support/sandbox.ts";
import { TrackBox } from "../support/track.ts";
import { X11 } from "../support/x11.ts";

type Tracker = { state: string; reason: string | null; via: string | null };
const trackersOf = (line: Line) => line["trackers"] as Record<string, Tracker>;

const allOk = (line: Line): boolean =>
  ["keyboard", "mouse", "apps"].every((name) => trackersOf(line)[name]?.state === "ok");

/** Every file below a folder. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** How many sockets a process has open. */
const socketsOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;

/** The same at rest: a client that asks has one for a moment. */
async function socketsAtRest(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 20; turn++) {
    least = Math.min(least, socketsOf(pid));
    await Bun.sleep(20);
  }
  return least;
}

describe("on an X session", () => {
  test("keys, clicks, the wheel and the pointer's way are counted exactly, and in the report", async () => {
    await using display = await X11.open();
    await using box = new TrackBox(display.env);
    await display.xterm("counting");
    const begun = await box.track("start", "--project", "acme", "--detach");
    expect(begun).toMatchObject({ type: "track", state: "running", project: "acme" });
    await box.until((line) => allOk(line) && line["app"] === "xterm" && line["title"] === "counting");
    await display.xdotool(...Array.from({ length: 40 }, () => ["key", "a"]).flat());
    await display.xdotool(
      ...["click", "--repeat", "7", "1"],
      ...["click", "3"],
      ...["click", "--repeat", "5", "5"],
    );
    await display.xdotool("mousemove", "100", "100", "mousemove", "400", "500", "mousemove", "100", "100");
    const counted = await box.until(({ keys, distance_px }) => keys === 40 && Number(distance_px) >= 1000);
    expect(counted).toMatchObject({ keys: 40, clicks: 8, scrolls: 5 });
    expect(trackersOf(counted)["keyboard"]?.via).toBe("x11");
    // A key that is held is pressed once, however often it repeats.
    await display.xdotool("keydown", "b", "sleep", "1", "keyup", "b");
    await box.until(({ keys }) => keys === 41);
    await box.track("stop");
    const row = box.db
      .query("SELECT SUM(presses) AS presses, SUM(releases) AS releases FROM track_input")
      .get();
    expect(row).toEqual({ presses: 41, releases: 41 });
    const report = await box.track("report", "--by", "app");
    expect(report).toMatchObject({ type: "report" });
    expect(JSON.stringify(report)).toContain("xterm");
  });

  test("the window that is looked at is followed, and only its title is what changes", async () => {
    await using display = await X11.open();
    await using box = new TrackBox(display.env);
    const first = await display.xterm("first");
    await box.track("start", "--detach", "--only", "apps");
    await box.until(({ title }) => title === "first");
    await display.xterm("second");
    await box.until(({ title }) => title === "second");
    await display.xdotool("windowactivate", "--sync", String(first.window));
    await display.retitle(first.window, "first again");
    await box.until(({ title }) => title === "first again");
    await box.track("stop");
    const rows = box.db
      .query(
        `SELECT a.text AS app, t.text AS title FROM track_window JOIN track_text a ON a.id = app
         LEFT JOIN track_text t ON t.id = title ORDER BY track_window.id`,
      )
      .all() as { app: string; title: string }[];
    const titles = rows.map(({ title }) => title);
    expect(titles[0]).toBe("first");
    expect(titles).toContain("second");
    expect(titles.at(-1)).toBe("first again");
    expect(new Set(rows.map(({ app }) => app))).toEqual(new Set(["xterm"]));
  });

  test("what is typed is nowhere: not in the store, the logs, or a screenshot's file", async () => {
    await using display = await X11.open();
    await using box = new TrackBox({
      ...display.env,
      STINT_TRACK_SCREENSHOT_MAX: "1s",
      STINT_LOG_LEVEL: "debug",
    });
    const phrase = "xyzzy plugh zorkmid frobozz quendor";
    await display.xterm("typing");
    await box.track("start", "--detach", "--only", "keyboard,mouse,apps,screenshots");
    await box.until((line) => allOk(line) && trackersOf(line)["screenshots"]?.state === "ok");
    await display.xdotool("type", "--delay", "2", phrase);
    await box.until(({ keys, screenshots }) => Number(keys) >= phrase.length && Number(screenshots) >= 1);
    await box.track("pause");
    await box.track("stop");
    // Libraries that are unpacked hold any word.
    const all = files(box.home).filter((path) => !path.includes("/cache/stint/native/"));
    expect(all.filter((path) => path.endsWith(".webp")).length).toBeGreaterThan(0);
    const words = phrase.split(" ");
    for (const path of all) {
      const text = readFileSync(path).toString("latin1");
      for (const word of words) if (text.includes(word)) throw new Error(`${path} holds '${word}'`);
      // Nor the codes of its keys, one after another.
      expect(/keycode|keysym/i.test(text) && path.endsWith(".log")).toBe(false);
    }
  });

  test("paused, no connection to the display is open, and its end is nobody's concern", async () => {
    await using display = await X11.open();
    await using box = new TrackBox(display.env);
    await box.track("start", "--detach");
    await box.until(allOk);
    const running = await socketsAtRest(box.host);
    const paused = await box.track("pause");
    expect(paused).toMatchObject({ state: "paused", degraded: [] });
    expect(await socketsAtRest(box.host)).toBeLessThan(running);
    await display.kill();
    expect(await box.track("status")).toMatchObject({ state: "paused", degraded: [] });
    expect(await socketsAtRest(box.host)).toBeLessThan(running);
    await display.start();
    expect(await box.track("resume")).toMatchObject({ session_id: paused["session_id"] });
    await box.until(allOk);
    expect(await socketsAtRest(box.host)).toBe(running);
  });

  test("when the display dies time goes on without it, and with it again when it is back", async () => {
    await using display = await X11.open();
    await using box = new TrackBox(display.env);
    const { session_id } = await box.track("start", "--detach");
    await box.until(allOk);
    await display.xdotool("key", "a", "key", "b");
    await box.until(({ keys }) => keys === 2);
    await display.kill();
    const without = await box.until(({ state }) => state === "degraded");
    expect(trackersOf(without)["keyboard"]).toMatchObject({ state: "failed", via: "x11" });
    expect(trackersOf(without)["keyboard"]?.reason).toBeTruthy();
    const { host } = box;
    const cpu = () => {
      const fields = readFileSync(`/proc/${host}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return Number(fields[11]) + Number(fields[12]);
    };
    const before = cpu();
    await Bun.sleep(2_000);
    // Hundredths of a second: no loop that asks again and again.
    expect(cpu() - before).toBeLessThan(60);
    const later = await box.track("status");
    expect(Number(later["worked_ms"])).toBeGreaterThan(Number(without["worked_ms"]));
    await display.start();
    await box.until((line) => line["state"] === "running" && allOk(line), 15_000);
    await display.xdotool("key", "c");
    const back = await box.until(({ keys }) => keys === 3);
    expect(back).toMatchObject({ session_id });
  });

  test("keys go by uiohook where that is asked for", async () => {
    await using display = await X11.open();
    await using box = new TrackBox(display.env);
    await display.xterm("hooked");
    await box.track("start", "--detach", "--input", "uiohook");
    const begun = await box.until(allOk);
    expect(trackersOf(begun)["keyboard"]?.via).toBe("uiohook");
    await display.xdotool(
      ...Array.from({ length: 20 }, () => ["key", "a"]).flat(),
      ...["click", "--repeat", "3", "1"],
    );
    await box.until(({ keys, clicks }) => keys === 20 && clicks === 3);
    await box.track("pause");
    await box.track("resume");
    await box.until(allOk);
    await display.xdotool("key", "a");
    await box.until(({ keys }) => keys === 21);
  });
});
