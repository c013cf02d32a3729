import { afterEach, beforeEach, expect, test } from "bun:test";
import { withFaults } from "../../src/kernel/faults.ts";
import { generation, openGeneration } from "../../src/kernel/generation.ts";
import type { Slot } from "../../src/kernel/slot.ts";
import { Stack, type StackEvent } from "../../src/kernel/stack.ts";
import { enterHome, type Home } from "../support/home.ts";
import { KeptLog } from "../support/kept-log.ts";
import { type Made, parts } from "../support/parts.ts";

let home: Home;
beforeEach(() => {
  home = enterHome();
});
afterEach(() => home[Symbol.dispose]());

/** Opens a generation of a part `camera` and a slot `microphone`, with a fault. */
async function open(fault: string) {
  process.env["STINT_FAULT"] = fault;
  const journal: string[] = [];
  const events: StackEvent[] = [];
  const part = parts(journal);
  const stack = new Stack((event) => void events.push(event));
  const leave = new AbortController();
  const missing: string[] = [];
  let slot: Slot<Made> | undefined;
  const work = {
    given: {},
    generation: generation<object>().sources(async (open) => {
      slot = await open.slot("microphone", part("microphone"), { disposeMs: 20 });
      return { camera: await open("camera", part("camera"), { disposeMs: 20 }) };
    }),
  };
  const told = (name: string, is: boolean) => void (is && missing.push(name));
  const { generation: own } = withFaults(work, new KeptLog());
  const opened = openGeneration(stack, own, {}, leave.signal, told);
  opened.catch(() => {});
  const failures = () =>
    events.flatMap((event) =>
      event.act !== "stage" && event.error !== undefined
        ? [`${event.act} ${event.part}: ${(event.error as Error).message}`]
        : [],
    );
  const pause = async () => {
    leave.abort();
    await stack.disposeDownTo("state");
  };
  return { stack, opened, journal, missing, failures, pause, slot: () => slot };
}

test("a part that is to hang in its dispose is dropped at its deadline, and releases nothing", async () => {
  const { opened, pause, failures, journal } = await open("hang:camera");
  await opened;
  await pause();
  expect(failures()).toEqual(["dispose camera: dropped: not disposed after 20 ms"]);
  expect(journal).toContain("dispose microphone");
  expect(journal).not.toContain("dispose camera");
});

test("so does what is in a slot", async () => {
  const { opened, pause, failures, journal } = await open("hang:microphone");
  await opened;
  await pause();
  expect(failures()).toEqual(["dispose microphone: dropped: not disposed after 20 ms"]);
  expect(journal).toContain("dispose camera");
});

test("a part that is to fail does, and a slot is left empty", async () => {
  const camera = await open("fail:camera");
  await expect(camera.opened).rejects.toThrow("fault: fail:camera");
  await camera.pause();
  const microphone = await open("fail:microphone");
  await microphone.opened;
  expect(microphone.missing).toEqual(["microphone"]);
  expect(microphone.slot()?.current).toBeUndefined();
  await microphone.pause();
});

test("a part that is to be slow is still opening when it is paused, and leaves at once", async () => {
  const { opened, pause, stack } = await open("slow:camera");
  while (!stack.parts.includes("microphone")) await new Promise(setImmediate);
  const begin = performance.now();
  await pause();
  expect(performance.now() - begin).toBeLessThan(1_000);
  await expect(opened).rejects.toThrow();
});

test("another name is another's", async () => {
  const { opened, pause, failures, journal } = await open("hang:came");
  await opened;
  await pause();
  expect(failures()).toEqual([]);
  expect(journal).toContain("dispose camera");
});
