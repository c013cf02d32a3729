import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { type Clock, systemClock } from "../../../src/kernel/clock.ts";
import { Folder } from "../../support/folder.ts";
import { until } from "../../support/sandbox.ts";
import { cameraAt, Watched } from "./watched.ts";

const folder = new Folder();
afterAll(() => folder[Symbol.dispose]());

/** Whoever waits for time to pass is counted. */
class CountedClock implements Clock {
  sleeping = 0;
  readonly wall = systemClock.wall;
  readonly monotonic = systemClock.monotonic;
  readonly boot = systemClock.boot;
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeping++;
    await systemClock.sleep(ms, signal);
    this.sleeping--;
  }
}

/** A program that takes ffmpeg's place and gives pictures of 4 × 2. */
const PICTURE = String.raw`printf 'P6\n4 2\n255\n%024d' 0`;

const descriptors = () => readdirSync("/proc/self/fd").length;
const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim();

test("two hundred reconnects leave descriptors, children and timers as they were", async () => {
  const clock = new CountedClock();
  const stub = folder.program("flaky", `${PICTURE}; exit 0`);
  const open = () =>
    Watched.open(cameraAt("rtsp://127.0.0.1/x"), {
      ...{ clock, ffmpeg: stub, keepMs: 1_000, patience: { waitMs: () => 0 } },
    });
  // What is made once, by the first.
  await using first = await open();
  await first.step(({ reconnects }) => reconnects >= 3);
  await first.camera[Symbol.asyncDispose]();
  const before = descriptors();

  await using watched = await open();
  await watched.step(({ reconnects }) => reconnects >= 200);
  expect(watched.frames.length).toBeGreaterThanOrEqual(200);
  await watched.camera[Symbol.asyncDispose]();
  expect(children()).toBe("");
  await until(descriptors, (now) => now <= before);
  expect(clock.sleeping).toBe(0);
  // Ending well is a failure as any other.
  expect(watched.steps.find(({ state }) => state === "lost")?.error).toBe("the stream ended");
});

test("one that gives a picture and drops is waited for ever longer, one that was steady not", async () => {
  const asked: number[] = [];
  const stub = folder.program("flaky", `${PICTURE}; sleep 0.05`);
  const waiting = (steadyMs: number) => ({
    ffmpeg: stub,
    patience: { steadyMs, waitMs: (failures: number) => asked.push(failures) && 0 },
  });
  await using dropping = await Watched.open(cameraAt("rtsp://127.0.0.1/x"), waiting(10_000));
  await dropping.step(({ reconnects }) => reconnects >= 3);
  await dropping.camera[Symbol.asyncDispose]();
  expect(asked.slice(0, 3)).toEqual([0, 1, 2]);
  asked.length = 0;
  await using steady = await Watched.open(cameraAt("rtsp://127.0.0.1/x"), waiting(20));
  await steady.step(({ reconnects }) => reconnects >= 3);
  expect(asked.slice(0, 3)).toEqual([0, 0, 0]);
});

test("what it gives beside pictures of one size ends it", async () => {
  const errors = async (script: string) => {
    await using watched = await Watched.open(cameraAt("rtsp://127.0.0.1/x"), {
      ffmpeg: folder.program("odd", script),
    });
    return (await watched.lost()).error;
  };
  expect(await errors("printf 'P6\\n0 0\\n255\\n'; sleep 5")).toBe("there are no pictures of 0×0");
  expect(await errors(`${PICTURE}; printf 'P6\\n2 4\\n255\\n'; sleep 5`)).toBe(
    "its pictures have changed their size",
  );
  expect(await errors("echo this is a text that goes on; sleep 5")).toBe("what ffmpeg writes is no picture");
  expect(await errors("kill -SEGV $$")).toBe("ffmpeg ended: killed by SIGSEGV");
});

test("one whose first picture doesn't come is given up on", async () => {
  await using watched = await Watched.open(cameraAt("rtsp://127.0.0.1/x"), {
    ...{ ffmpeg: folder.program("silent", "sleep 60"), patience: { firstMs: 100 } },
  });
  expect(await watched.lost()).toMatchObject({
    error: "no picture for 0.1 s",
    size: null,
    lastFrameAt: null,
  });
});

test("a camera whose copy fails is opened without it", async () => {
  const script = `case "$*" in *pipe:3*) echo '[mpegts @ 0x1] [error] first pts value must be set' >&2; exit 1;; esac; ${PICTURE}; sleep 5`;
  await using watched = await Watched.open(cameraAt("rtsp://127.0.0.1/x"), {
    ...{ ffmpeg: folder.program("copyless", script), keepMs: 1_000 },
  });
  expect(await watched.live()).toMatchObject({ reconnects: 1, size: [4, 2] });
  expect(await watched.camera.clip(0, 1, new AbortController().signal)).toBeUndefined();
});
