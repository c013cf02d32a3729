import { beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { Detector, type Found } from "../../../src/detect/adapters/detector/detector.ts";
import type { Frame } from "../../../src/detect/core/frame.ts";
import { Expected } from "../../../src/kernel/errors.ts";
import { until } from "../../support/sandbox.ts";

const config = { model: "builtin", layout: "auto", score: 0.4, threads: 1 } as const;
const worker = () => new Worker(new URL("./fixture-thread.ts", import.meta.url).href, { type: "module" });
const means = { worker, answerMs: 200, waitMs: (failures: number) => Math.min(20 * 2 ** failures, 40) };
const never = new AbortController().signal;

let told: string[];
let found: Found[];
beforeEach(() => {
  told = [];
  found = [];
});

const events = {
  found: (each: Found) => void found.push(each),
  lost: (why: string) => void told.push(why),
  back: () => void told.push("back"),
};
const open = () => Detector.open(config, events, never, means);
/** See fixture-thread.ts. */
const picture = (width: number, height = 1, at = performance.now()): Frame => ({
  data: new Uint8Array(width * height * 3),
  width,
  height,
  at,
});
const threads = () => readdirSync("/proc/self/task").length;

describe("the cameras", () => {
  test("take turns, however many pictures one of them has", async () => {
    await using detector = await open();
    for (let n = 0; n < 50; n++) detector.offer(0, picture(1, 5));
    for (const camera of [1, 2]) detector.offer(camera, picture(1, 5));
    for (let n = 0; n < 50; n++) detector.offer(0, picture(1, 5));
    await until(() => found.length === 4);
    expect(found.map(({ camera }) => camera)).toEqual([0, 0, 1, 2]);
    detector.offer(1, picture(1, 5));
    detector.offer(0, picture(1, 5));
    await until(() => found.length === 6);
    expect(found.slice(4).map(({ camera }) => camera)).toEqual([1, 0]);
  });

  test("have their latest picture looked at, and it is that one that is told of", async () => {
    await using detector = await open();
    const pictures = [1, 2, 3, 4].map(() => picture(1, 5));
    for (const each of pictures) detector.offer(7, each);
    await until(() => found.length === 2);
    expect(found.map(({ frame }) => frame)).toEqual([pictures[0], pictures[3]] as Frame[]);
    expect(found[1]).toMatchObject({ camera: 7, detections: [], ms: 5 });
    expect([detector.dropped, detector.ms, detector.state]).toEqual([2, 5, "ok"]);
  });

  test("have no picture looked at that is older than a second when its turn comes", async () => {
    await using detector = await open();
    detector.offer(0, picture(1, 5));
    detector.offer(1, picture(1, 5, performance.now() - 1_001));
    detector.offer(2, picture(1, 5));
    await until(() => found.length === 2);
    expect(found.map(({ camera }) => camera)).toEqual([0, 2]);
    expect(detector.dropped).toBe(1);
  });

  test("that are forgotten don't get their turn", async () => {
    await using detector = await open();
    for (const camera of [0, 1, 2]) detector.offer(camera, picture(1, 5));
    detector.forget(1);
    await until(() => found.length === 2);
    expect(found.map(({ camera }) => camera)).toEqual([0, 2]);
  });
});

describe("a thread", () => {
  test.each([
    ["doesn't answer", 2, "it doesn't answer for 0.2 s"],
    ["throws", 3, "on purpose"],
    ["ends", 4, "its thread ended"],
    ["says that it failed", 5, "out of memory"],
    ["is held by native code", 6, "it doesn't answer for 0.2 s"],
  ])("that %s is lost and another takes its place", async (_, width, why) => {
    await using detector = await open();
    detector.offer(0, picture(width));
    await until(() => told.length === 1);
    expect(detector.state).toBe("lost");
    const waits = picture(1);
    detector.offer(3, waits);
    await until(() => found.length === 1);
    expect(told).toEqual([expect.stringContaining(why), "back"]);
    expect([detector.state, found[0]?.frame]).toEqual(["ok", waits]);
  });

  test("that can't be begun again is tried later and later, and told of once", async () => {
    let begun: number[] = [];
    let broken = false;
    await using detector = await Detector.open(config, events, never, {
      ...means,
      worker: () => {
        begun.push(performance.now());
        if (broken) throw new Error("no more threads");
        return worker();
      },
    });
    broken = true;
    begun = [performance.now()];
    detector.offer(0, picture(5));
    await until(() => begun.length === 5);
    const waits = begun.slice(1).map((at, i) => at - (begun[i] ?? 0));
    for (const [i, least] of [20, 40, 40, 40].entries()) expect(waits[i]).toBeGreaterThanOrEqual(least - 2);
    expect(told).toEqual(["out of memory", "no more threads"]);
    broken = false;
    await until(() => detector.state === "ok");
    expect(told.at(-1)).toBe("back");
  });

  test("leaves nothing behind, however often it is replaced", async () => {
    await using detector = await open();
    const round = async () => {
      told = [];
      detector.offer(0, picture(4));
      await until(() => told.includes("back"));
    };
    await round();
    const before = threads();
    for (let n = 0; n < 8; n++) await round();
    await until(() => threads() <= before);
  });
});

describe("a detector", () => {
  test("has its thread look with the model that stint brings", async () => {
    await using detector = await Detector.open(config, events, never);
    for (let n = 1; n <= 20; n++) {
      detector.offer(n, picture(100, 60 + n));
      await until(() => found.length === n);
    }
    expect(found.flatMap(({ detections }) => detections)).toEqual([]);
    expect(found.map(({ frame }) => frame.height)).toEqual(Array.from({ length: 20 }, (_, n) => 61 + n));
    expect([detector.dropped, told]).toEqual([0, []]);
  });

  test("that is disposed while its model is at work takes nobody down with it", async () => {
    for (let n = 0; n < 5; n++) {
      const detector = await Detector.open(config, events, never);
      detector.offer(0, picture(640, 640));
      await Bun.sleep(n);
      await detector[Symbol.asyncDispose]();
    }
    expect(told).toEqual([]);
  });

  test("with a file that isn't a model says so, as its thread has found it", async () => {
    const missing = { ...config, model: "/nowhere/model.onnx" };
    const error = (await Detector.open(missing, events, never).catch((e) => e)) as Expected;
    expect(error).toBeInstanceOf(Expected);
    expect([error.exit, error.message]).toEqual([
      78,
      "the model /nowhere/model.onnx can't be read: there is no such file",
    ]);
    expect(error.hint).toContain("detector.model");
  });

  test("with a model that isn't one is refused with its reason, and leaves no thread", async () => {
    const before = threads();
    const error = await Detector.open({ ...config, model: "damaged" }, events, never, means).catch((e) => e);
    expect(error).toBeInstanceOf(Expected);
    expect(error).toMatchObject({ exit: 78, message: "damaged", hint: "mend it" });
    await until(() => threads() <= before + 1);
  });

  test("that is told to leave while it loads, leaves", async () => {
    const leave = new AbortController();
    const opening = Detector.open({ ...config, model: "slow" }, events, leave.signal, means);
    leave.abort();
    expect(opening).rejects.toThrow("stopped before the detector's model was loaded");
    await opening.catch(() => undefined);
  });

  test.each([
    ["looks at a picture", 2],
    ["is held by native code", 6],
    ["has lost its thread", 5],
  ])("that %s is disposed soon, and says nothing more", async (_, width) => {
    const detector = await open();
    detector.offer(0, picture(width));
    if (width === 5) await until(() => told.length === 1);
    const began = performance.now();
    await detector[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(1_000);
    const before = [...told];
    detector.offer(1, picture(1));
    await detector[Symbol.asyncDispose]();
    expect([told, found]).toEqual([before, []]);
  });
});
