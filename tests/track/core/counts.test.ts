import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { KeyCounter, MouseCounter, NO_MOUSE } from "../../../src/track/core/counts.ts";

describe("keys", () => {
  test("are counted, with the time between presses that follow each other closely", () => {
    const keys = new KeyCounter(2_000);
    for (const at of [0, 100, 250, 5_000, 7_000]) keys.press(at);
    keys.release();
    expect(keys.take()).toEqual({ presses: 5, releases: 1, typing_ms: 250 + 2_000 });
    expect(keys.take()).toEqual({ presses: 0, releases: 0, typing_ms: 0 });
  });

  test("take what another process has counted", () => {
    const keys = new KeyCounter(2_000);
    keys.add({ presses: 3, releases: 2, typing_ms: 90 }, 500);
    keys.add({ presses: 0, releases: 1, typing_ms: 0 }, 900);
    expect(keys.take()).toEqual({ presses: 3, releases: 3, typing_ms: 90 });
  });

  test("lose no time to rounding, however often it is taken", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), { maxLength: 50 }), (gaps) => {
        const keys = new KeyCounter(2_000);
        let at = 0;
        let sum = 0;
        keys.press(at);
        for (const gap of gaps) {
          at += gap;
          keys.press(at);
          sum += keys.take().typing_ms;
        }
        expect(Math.abs(sum - at)).toBeLessThanOrEqual(1.001);
      }),
    );
  });
});

describe("the mouse", () => {
  test("counts clicks by button, notches of the wheel, its way and the time it moved", () => {
    const mouse = new MouseCounter(2_000);
    mouse.move(10, 10, 0);
    mouse.move(13, 14, 100);
    mouse.move(13, 10, 5_000);
    mouse.click("left", 5_100);
    mouse.click("left", 5_200);
    mouse.click("right", 5_300);
    mouse.scroll("y", 5_400);
    expect(mouse.take()).toEqual({
      ...NO_MOUSE,
      left: 2,
      right: 1,
      scroll_y: 1,
      delta_x: 3,
      delta_y: 8,
      distance_px: 9,
      moving_ms: 100,
    });
  });

  test("is idle once it was still for longer than the threshold", () => {
    const mouse = new MouseCounter(2_000);
    mouse.click("left", 1_000);
    expect(mouse.isIdle(3_000)).toBe(false);
    expect(mouse.isIdle(3_001)).toBe(true);
    mouse.move(1, 1, 3_500);
    expect(mouse.isIdle(3_600)).toBe(false);
  });

  test("goes on from where it was after it was taken", () => {
    const mouse = new MouseCounter(2_000);
    mouse.move(0, 0, 0);
    mouse.take();
    mouse.move(30, 40, 10);
    expect(mouse.take().distance_px).toBe(50);
  });
});
