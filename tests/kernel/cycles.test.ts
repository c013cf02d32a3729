/** What months of pausing and resuming come to: nothing is left behind, and nothing of it grows. */

import { heapStats } from "bun:jsc";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generation } from "../../src/kernel/generation.ts";
import { Session } from "../../src/kernel/session.ts";
import { openSlot } from "../../src/kernel/slot.ts";
import { type Part, Stack } from "../../src/kernel/stack.ts";

const folder = mkdtempSync(join(tmpdir(), "stint-cycles-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Timers that were set and neither cleared nor due yet. */
const timers = new Set<unknown>();
const real = { setTimeout, setInterval, clearTimeout, clearInterval };
beforeAll(() => {
  const set = (make: typeof setTimeout, once: boolean) =>
    ((work: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const timer = make(() => {
        if (once) timers.delete(timer);
        work(...args);
      }, ms);
      timers.add(timer);
      return timer;
    }) as unknown as typeof setTimeout;
  const clear = (timer: Parameters<typeof clearTimeout>[0]) => {
    timers.delete(timer);
    real.clearTimeout(timer);
  };
  Object.assign(globalThis, {
    setTimeout: set(real.setTimeout, true),
    setInterval: set(real.setInterval as unknown as typeof setTimeout, false),
    clearTimeout: clear,
    clearInterval: clear,
  });
});
afterAll(() => void Object.assign(globalThis, real));

const descriptors = (): number => readdirSync("/proc/self/fd").length;
function heapObjects(): number {
  Bun.gc(true);
  Bun.gc(true);
  return heapStats().objectCount;
}
/** Lets what is due run, and leaves the frames of the call stack, which a conservative collector takes for references. */
const breathe = () => new Promise<void>((resolve) => real.setTimeout(resolve, 1));

/** Real ones: a file, a listening socket with somebody at its other end, an interval. */
const file: Part = async () => {
  const handle = await openFile(join(folder, "journal"), "a");
  return { [Symbol.asyncDispose]: () => handle.close() };
};
const socket: Part = async () => {
  const path = join(folder, "socket");
  rmSync(path, { force: true });
  const server = Bun.listen({ unix: path, socket: { data() {} } });
  const client = await Bun.connect({ unix: path, socket: { data() {} } });
  return {
    async [Symbol.asyncDispose]() {
      client.end();
      server.stop(true);
    },
  };
};
const ticking: Part = async () => {
  const timer = setInterval(() => {}, 1_000);
  return { [Symbol.asyncDispose]: async () => clearInterval(timer) };
};

/** A session of real parts. @param opened told of one part of each generation */
function made(opened: (part: object) => void = () => {}): { session: Session<object>; stack: Stack } {
  const stack = new Stack();
  const work = {
    generation: generation<object>()
      .sources(async (open) => {
        const part = await open("file", file);
        opened(part);
        // One that is missing at each start and waits for its next try, which the pause has to end.
        await open.slot("camera", async () => Promise.reject(new Error("unplugged")));
        return { file: part, socket: await open("socket", socket) };
      })
      .timers(async (open) => ({ tick: await open("tick", ticking) }))
      .workers(async (open, { file: below }) => ({
        worker: await open("worker", async (signal) => {
          const stop = () => void below;
          signal.addEventListener("abort", stop);
          return { async [Symbol.asyncDispose]() {} };
        }),
      })),
    given: {},
  };
  const session = new Session<object>({
    id: "id",
    kind: "track",
    profile: "default",
    stack,
    work,
    changed() {},
  });
  return { session, stack };
}

async function cycle(session: Session<object>, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    await session.resume();
    await session.pause();
  }
}

test("after 400 cycles to warm up, 1,000 more leave descriptors and timers exact and the heap flat", async () => {
  const { session, stack } = made();
  await session.start(true);
  await cycle(session, 400);
  await breathe();
  // First what is collected: with what other tests left behind go descriptors, too.
  const objects = heapObjects();
  await breathe();
  const before = { descriptors: descriptors(), timers: timers.size, objects };
  await cycle(session, 1_000);
  await breathe();
  expect(stack.parts).toEqual([]);
  expect({ descriptors: descriptors(), timers: timers.size }).toEqual({
    descriptors: before.descriptors,
    timers: before.timers,
  });
  // A leak of one object a cycle would be a thousand.
  expect(heapObjects() - before.objects).toBeLessThan(300);
  await session.stop();
}, 30_000);

test("no part of a generation that is gone can be reached, but for what a conservative collector takes for one", async () => {
  const seen: WeakRef<object>[] = [];
  const { session } = made((part) => void seen.push(new WeakRef(part)));
  await session.start(true);
  await cycle(session, 100);
  await session.resume();
  await breathe();
  Bun.gc(true);
  await breathe();
  Bun.gc(true);
  expect(seen).toHaveLength(101);
  expect(seen.at(-1)?.deref()).toBeDefined();
  expect(seen.slice(0, -1).filter((ref) => ref.deref()).length).toBeLessThanOrEqual(2);
  await session.stop();
}, 30_000);

test("10,000 replacements of what is in a slot grow nothing and keep its place", async () => {
  const stack = new Stack();
  let opened = 0;
  const slot = await openSlot(stack, { stage: "sources", name: "camera", missing() {} }, async (signal) => {
    const n = ++opened;
    return { n, signal, async [Symbol.asyncDispose]() {} };
  });
  await stack.open("workers", "detector", ticking);
  for (let n = 0; n < 2_000; n++) await slot.replace();
  await breathe();
  const before = { timers: timers.size, objects: heapObjects() };
  for (let n = 0; n < 10_000; n++) await slot.replace();
  await breathe();
  expect(stack.parts).toEqual(["camera", "detector"]);
  expect(slot.current?.n).toBe(12_001);
  expect(timers.size).toBe(before.timers);
  // A leak of one object a replacement would be ten thousand.
  expect(heapObjects() - before.objects).toBeLessThan(1_000);
  await stack[Symbol.asyncDispose]();
}, 30_000);
