import { describe, expect, test } from "bun:test";
import { type Standing, TrackerStates, type WatcherName } from "../../../src/track/core/tracker-states.ts";

const all = (standing: Standing): Record<WatcherName, Standing> => ({
  keyboard: standing,
  mouse: standing,
  apps: standing,
  screenshots: "off",
  idle: standing,
});

const opened = () => {
  const states = new TrackerStates(all({ via: "x11" }));
  states.opening();
  return states;
};

describe("what is told of a tracker", () => {
  test("it is ok once it is open, by what it watches", () => {
    const states = opened();
    expect(states.trackers().keyboard.state).toBe("off");
    states.heard({ act: "open", part: "keyboard" });
    expect(states.trackers().keyboard).toEqual({ state: "ok", reason: null, via: "x11" });
  });

  test("one that couldn't be opened says why, though the slot around it is open", () => {
    const states = opened();
    states.heard({ act: "open", part: "apps", failure: "no display" });
    states.heard({ act: "open", part: "apps" });
    expect(states.trackers().apps).toEqual({ state: "failed", reason: "no display", via: "x11" });
  });

  test("one that is lost is failed until it is back", () => {
    const states = opened();
    states.heard({ act: "open", part: "mouse" });
    states.heard({ act: "lost", part: "mouse", failure: "the X server ended" });
    states.heard({ act: "dispose", part: "mouse" });
    states.heard({ act: "open", part: "mouse", failure: "connection refused" });
    expect(states.trackers().mouse).toEqual({ state: "failed", reason: "connection refused", via: "x11" });
    states.heard({ act: "open", part: "mouse" });
    states.heard({ act: "back", part: "mouse" });
    expect(states.trackers().mouse.state).toBe("ok");
  });

  test("one that hung at a pause stays named until it is opened anew", () => {
    const states = opened();
    states.heard({ act: "open", part: "apps" });
    states.heard({ act: "open", part: "mouse" });
    states.heard({ act: "dispose", part: "apps", failure: "not disposed after 3000 ms" });
    states.heard({ act: "dispose", part: "mouse" });
    states.closed();
    expect(states.trackers().apps).toEqual({
      state: "hung",
      reason: "not disposed after 3000 ms",
      via: "x11",
    });
    expect(states.trackers().mouse.state).toBe("off");
    states.opening();
    states.heard({ act: "open", part: "apps" });
    expect(states.trackers().apps.state).toBe("ok");
  });

  test("what this machine can't do is unavailable, and what wasn't asked for is off", () => {
    const states = new TrackerStates({ ...all({ via: "console" }), keyboard: { unavailable: "no display" } });
    states.opening();
    states.heard({ act: "open", part: "screenshots" });
    expect(states.trackers().keyboard).toEqual({ state: "unavailable", reason: "no display", via: null });
    expect(states.trackers().screenshots.state).toBe("off");
    expect(states.isWanted("keyboard")).toBe(false);
    expect(states.isWanted("screenshots")).toBe(false);
    expect(states.isWanted("mouse")).toBe(true);
    states.heard({ act: "open", part: "beat" });
    states.stands("screenshots", { via: "x11" });
    states.heard({ act: "open", part: "screenshots" });
    expect(states.trackers().screenshots.state).toBe("ok");
    expect(states.idle().via).toBe("console");
  });
});
