import { expect, test } from "bun:test";
import type { EventRow, Happening } from "../../../src/detect/core/event.ts";
import { eventText, isBad } from "../../../src/detect/core/event-text.ts";

const row = (happening: Happening): EventRow => ({
  ...happening,
  id: 7,
  at: Date.UTC(2026, 10, 22, 13, 5, 3),
  snapshot: null,
  clip: null,
});
const press = { camera: "hall", zone: "press" } as const;
const trip = { event: "tripped", ...press, cause: "person", latency_ms: 84.4, dry_run: false } as const;

test.each<[Happening, string]>([
  [{ event: "session", is: "started" }, "detection started"],
  [
    { event: "session", is: "taken_up" },
    "detection taken up again: the host had died, and its guard switched all off",
  ],
  [{ event: "session", is: "paused" }, "detection paused"],
  [{ event: "session", is: "resumed" }, "detection resumed"],
  [{ event: "session", is: "stopped" }, "detection stopped"],
  [{ event: "entered", ...press, score: 0.8125, box: [0, 0, 1, 1] }, "hall/press entered (score 0.81)"],
  [{ event: "left", ...press, for_ms: 700 }, "hall/press left after 0.7 s"],
  [{ event: "left", ...press, for_ms: 83 * 60_000 }, "hall/press left after 1 h 23 min"],
  [{ ...trip, relays: ["lamp", "horn"] }, "hall/press tripped (person, 84 ms) → lamp, horn"],
  [{ ...trip, relays: [] }, "hall/press tripped (person, 84 ms)"],
  [
    { ...trip, cause: "camera lost", relays: ["lamp"], latency_ms: null },
    "hall/press tripped (camera lost) → lamp",
  ],
  [
    { ...trip, relays: ["lamp"], dry_run: true },
    "hall/press tripped (person, 84 ms) → dry run, not switched: lamp",
  ],
  [{ ...trip, relays: [], dry_run: true }, "hall/press tripped (person, 84 ms) → dry run"],
  [{ event: "cleared", ...press }, "hall/press cleared"],
  [{ event: "relay", relay: "lamp", on: true, cause: "hall/press" }, "relay lamp on (hall/press)"],
  [{ event: "relay", relay: "lamp", on: false, cause: "max_on" }, "relay lamp off (max_on)"],
  [{ event: "relay", relay: "lamp", on: false, cause: "cleared" }, "relay lamp off (cleared)"],
  [{ event: "relay_failed", relay: "lamp", why: "it reads off" }, "relay lamp failed: it reads off"],
  [{ event: "acknowledged", relay: "lamp" }, "relay lamp acknowledged"],
  [{ event: "armed", ...press, by: "person" }, "hall/press armed by hand"],
  [{ event: "disarmed", ...press, by: "schedule" }, "hall/press disarmed by its schedule"],
  [{ event: "camera_lost", camera: "gate", why: "no frame for 3 s" }, "gate lost (no frame for 3 s)"],
  [{ event: "camera_back", camera: "gate", after_ms: 7_000 }, "gate back after 7.0 s"],
  [{ event: "board_lost", board: "usb", why: "unplugged" }, "board usb lost (unplugged)"],
  [{ event: "board_back", board: "usb" }, "board usb back"],
  [{ event: "guard_dead", why: "SIGKILL" }, "guard dead (SIGKILL)"],
  [{ event: "guard_ready", pid: 4119 }, "guard ready (pid 4119)"],
  [{ event: "detector_lost", why: "it hangs" }, "detector lost (it hangs)"],
  [{ event: "detector_back" }, "detector back"],
])("%o reads so", (happening, text) => {
  expect(eventText(row(happening))).toBe(text);
});

test("what a newer stint has written is told by its name", () => {
  expect(eventText({ ...row({ event: "detector_back" }), event: "sun_set" } as unknown as EventRow)).toBe(
    "sun set",
  );
});

test("what a camera says can't break the line or draw on the terminal", () => {
  expect(eventText(row({ event: "camera_lost", camera: "gate", why: "a\n\x1b[31mb" }))).toBe(
    "gate lost (a [31mb)",
  );
});

test("a loss is bad, a person is none of that", () => {
  expect(isBad({ event: "guard_dead" })).toBe(true);
  expect(isBad({ event: "entered" })).toBe(false);
});
