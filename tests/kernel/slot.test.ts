import { expect, test } from "bun:test";
import { openSlot, type SlotOptions, type SlotPart } from "../../src/kernel/slot.ts";
import { describe, Stack, type StackEvent } from "../../src/kernel/stack.ts";
import { eventually, gate, type Made, never, parts, settle, toldToLeave } from "../support/parts.ts";

function made() {
  const journal: string[] = [];
  const events: StackEvent[] = [];
  const missing: boolean[] = [];
  const stack = new Stack((event) => events.push(event));
  const slot = (part: SlotPart<Made>, options: SlotOptions = {}) =>
    openSlot(
      stack,
      { stage: "sources", name: "camera", missing: (is) => void missing.push(is) },
      part,
      options,
    );
  const done = () => journal.filter((entry) => !entry.startsWith("leave"));
  const told = (act: StackEvent["act"]) =>
    events
      .filter((event) => event.act === act)
      .map((event) => describe(event, "pause").replace(/, [\d.]+ ms$/, ""));
  return { stack, journal, done, told, missing, slot, part: parts(journal) };
}

/** Never within a test. */
const NOT_SOON = () => 1_000_000;

test("a slot is one part from outside, with what it holds inside", async () => {
  const { stack, slot, part, done, missing } = made();
  const camera = await slot(part("camera"));
  expect(camera.current?.name).toBe("camera");
  expect(stack.parts).toEqual(["camera"]);
  await stack[Symbol.asyncDispose]();
  expect(camera.current).toBeUndefined();
  expect(done()).toEqual(["open camera", "dispose camera"]);
  expect(missing).toEqual([]);
});

test("a part that can't open leaves the slot empty, is said to be missing, and is tried again", async () => {
  const { stack, slot, part, missing, told } = made();
  let plugged = false;
  const waits: number[] = [];
  const open = async () => {
    if (!plugged) throw new Error("no such device");
  };
  const camera = await slot(part("camera", { open }), {
    retryMs(failures) {
      waits.push(failures);
      return 1;
    },
  });
  expect(camera.current).toBeUndefined();
  expect(stack.parts).toEqual(["camera"]);
  expect(missing[0]).toBe(true);
  await eventually(() => waits.length >= 3);
  plugged = true;
  await eventually(() => camera.current !== undefined);
  expect(waits.slice(0, 3)).toEqual([1, 2, 3]);
  expect(missing.at(-1)).toBe(false);
  expect(missing.filter((is) => !is)).toHaveLength(1);
  expect(told("open")[0]).toBe("open sources camera: no such device");
  expect(told("back")).toEqual(["back sources camera"]);
  await stack[Symbol.asyncDispose]();
});

test("a required one that can't open at first fails, and nothing of it stays", async () => {
  const { stack, slot, part, missing } = made();
  const broken = part("camera", { open: () => Promise.reject(new Error("no display")) });
  await expect(slot(broken, { required: true, retryMs: () => 1 })).rejects.toThrow("no display");
  expect(stack.parts).toEqual([]);
  expect(missing).toEqual([]);
});

test("one that is lost is disposed at once, said to be missing, and opened anew after a while", async () => {
  const { stack, slot, part, done, missing, told } = made();
  let hangUp: (error: unknown) => void = () => {};
  const camera = await slot(
    (signal, lost) => {
      hangUp = lost;
      return part("camera")(signal);
    },
    { retryMs: () => 1 },
  );
  const first = camera.current;
  hangUp(new Error("hung up"));
  hangUp(new Error("said twice"));
  expect(camera.current).toBeUndefined();
  expect(missing).toEqual([true]);
  await eventually(() => camera.current !== undefined);
  expect(camera.current).not.toBe(first as Made);
  expect(done()).toEqual(["open camera", "dispose camera", "open camera"]);
  expect(missing).toEqual([true, false]);
  expect(told("lost")).toEqual(["lost sources camera: hung up"]);
  await stack[Symbol.asyncDispose]();
});

test("one that is lost before anybody could have it counts as lost", async () => {
  const { stack, slot, part, missing } = made();
  let opened = 0;
  const camera = await slot(
    async (signal, lost) => {
      const got = await part("camera")(signal);
      if (++opened === 1) lost(new Error("stillborn"));
      return got;
    },
    { retryMs: () => 1 },
  );
  await eventually(() => camera.current !== undefined);
  expect(opened).toBe(2);
  expect(missing).toEqual([true, false]);
  await stack[Symbol.asyncDispose]();
});

test("one that is lost doesn't wait for the next try to be disposed", async () => {
  const { stack, slot, part, done } = made();
  let hangUp: (error: unknown) => void = () => {};
  const open: SlotPart<Made> = (signal, lost) => {
    hangUp = lost;
    return part("camera")(signal);
  };
  await slot(open, { retryMs: NOT_SOON });
  hangUp(new Error("hung up"));
  await settle();
  expect(done()).toEqual(["open camera", "dispose camera"]);
  await stack[Symbol.asyncDispose]();
});

test("each loss is the first failure of a new row of them", async () => {
  const { stack, slot, part } = made();
  const failures: number[] = [];
  let hangUp: (error: unknown) => void = () => {};
  const open: SlotPart<Made> = (signal, lost) => {
    hangUp = lost;
    return part("camera")(signal);
  };
  const camera = await slot(open, { retryMs: (count) => failures.push(count) });
  for (let n = 0; n < 3; n++) {
    hangUp(new Error("hung up"));
    await eventually(() => camera.current !== undefined);
  }
  expect(failures).toEqual([1, 1, 1]);
  await stack[Symbol.asyncDispose]();
});

test("filled on request, it isn't tried again when its wait is over", async () => {
  const { stack, slot, part } = made();
  let tries = 0;
  const open = async () => {
    if (++tries === 1) throw new Error("no such device");
  };
  const camera = await slot(part("camera", { open }), { retryMs: () => 5 });
  await camera.replace();
  const later = gate();
  setTimeout(later.pass, 15);
  await later.passed;
  expect(tries).toBe(2);
  await stack[Symbol.asyncDispose]();
});

test("one that doesn't open in time leaves the slot empty, and what arrives late is disposed", async () => {
  const { stack, slot, part, done, missing } = made();
  const arrived = gate();
  const camera = await slot(part("camera", { open: () => arrived.passed }), {
    openMs: 5,
    retryMs: NOT_SOON,
  });
  expect(camera.current).toBeUndefined();
  expect(missing).toEqual([true]);
  arrived.pass();
  await eventually(() => done().includes("dispose camera"));
  expect(camera.current).toBeUndefined();
  await stack[Symbol.asyncDispose]();
});

test("what was replaced has no say any more: its loss is not the loss of its successor", async () => {
  const { stack, slot, part, missing } = made();
  const lose: ((error: unknown) => void)[] = [];
  const camera = await slot(
    (signal, lost) => {
      lose.push(lost);
      return part("camera")(signal);
    },
    { retryMs: NOT_SOON },
  );
  await camera.replace();
  lose[0]?.(new Error("its socket closed"));
  expect(camera.current).toBeDefined();
  expect(missing).toEqual([]);
  await stack[Symbol.asyncDispose]();
});

test("a replacement disposes the old before it opens the new, and keeps its place below what stands above", async () => {
  const { stack, slot, part, done } = made();
  const camera = await slot(part("camera"));
  await stack.open("workers", "detector", part("detector"));
  await camera.replace();
  expect(stack.parts).toEqual(["camera", "detector"]);
  await stack[Symbol.asyncDispose]();
  expect(done()).toEqual([
    "open camera",
    "open detector",
    "dispose camera",
    "open camera",
    "dispose detector",
    "dispose camera",
  ]);
});

test("asked for twice at once there is never more than one in it", async () => {
  const { stack, slot, part, done } = made();
  let open = 0;
  let most = 0;
  const counted = part("camera", {
    open: async () => {
      most = Math.max(most, ++open);
    },
    dispose: async () => {
      open--;
    },
  });
  const camera = await slot(counted);
  await Promise.all([camera.replace(), camera.replace(), camera.replace()]);
  expect(camera.current).toBeDefined();
  expect([open, most]).toEqual([1, 1]);
  expect(done().filter((entry) => entry === "open camera")).toHaveLength(2);
  await stack[Symbol.asyncDispose]();
});

test("asked for while one is opening, that one is told to leave and another opened", async () => {
  const { stack, slot, part, done, missing } = made();
  let tries = 0;
  const open = async (signal: AbortSignal) => {
    if (++tries !== 2) return;
    await toldToLeave(signal);
    throw new Error("left");
  };
  const camera = await slot(part("camera", { open }), { retryMs: NOT_SOON });
  const first = camera.replace();
  await eventually(() => tries === 2);
  const second = camera.replace();
  await Promise.all([first, second]);
  expect(tries).toBe(3);
  expect(camera.current).toBeDefined();
  expect(missing).toEqual([]);
  expect(done()).toEqual(["open camera", "dispose camera", "open camera"]);
  await stack[Symbol.asyncDispose]();
});

test("whenever it is asked for, what it gives has not been disposed", async () => {
  const { stack } = made();
  const place = { stage: "sources", name: "camera", missing() {} } as const;
  const slot = await openSlot(stack, place, async () => {
    const part = {
      disposed: false,
      async [Symbol.asyncDispose]() {
        part.disposed = true;
      },
    };
    return part;
  });
  for (let turns = 0; turns < 80; turns++) {
    const first = slot.replace();
    for (let n = 0; n < turns; n++) await Promise.resolve();
    const second = slot.replace();
    for (let n = 0; n < 100; n++) {
      expect(slot.current?.disposed ?? false).toBe(false);
      await Promise.resolve();
    }
    await Promise.all([first, second]);
  }
  await stack[Symbol.asyncDispose]();
});

test("one that hangs in its dispose is dropped and named, and the next opened", async () => {
  const { stack, slot, part, told } = made();
  let first = true;
  const dispose = async () => {
    if (!first) return;
    first = false;
    await never();
  };
  const camera = await slot(part("camera", { dispose }), { disposeMs: 5 });
  await camera.replace();
  expect(camera.current).toBeDefined();
  expect(told("dispose")).toEqual(["dispose sources camera: dropped: not disposed after 5 ms"]);
  await stack[Symbol.asyncDispose]();
});

test("a pause during a replacement leaves nothing open and nothing to come", async () => {
  const { stack, slot, part, done } = made();
  let tries = 0;
  const open = async (signal: AbortSignal) => {
    if (++tries === 2) await toldToLeave(signal);
  };
  const camera = await slot(part("camera", { open }), { retryMs: () => 0 });
  const replacing = camera.replace();
  await eventually(() => tries === 2);
  await stack.disposeDownTo("state");
  await replacing;
  await camera.replace();
  await settle();
  expect(camera.current).toBeUndefined();
  expect(tries).toBe(2);
  expect(done()).toEqual(["open camera", "dispose camera", "open camera", "dispose camera"]);
});

test("a pause tells what is in it to leave before anything is disposed", async () => {
  const { stack, slot, part, journal } = made();
  await slot(part("camera"));
  await stack.open("workers", "detector", part("detector"));
  await stack.disposeDownTo("state");
  expect(journal.indexOf("leave camera")).toBeLessThan(journal.indexOf("dispose detector"));
});

test("once a pause has begun nothing is replaced any more", async () => {
  const { stack, slot, part, done } = made();
  const camera = await slot(part("camera"));
  const ended = gate();
  await stack.open("workers", "detector", part("detector", { dispose: () => ended.passed }));
  const pausing = stack.disposeDownTo("state");
  await settle();
  await camera.replace();
  ended.pass();
  await pausing;
  expect(done().filter((entry) => entry === "open camera")).toHaveLength(1);
});

test("a pause while it opens is no failure of it", async () => {
  const { stack, slot, part, missing } = made();
  let waits = 0;
  const open = async (signal: AbortSignal) => {
    await toldToLeave(signal);
    throw new Error("left");
  };
  const opening = slot(part("camera", { open }), { retryMs: () => ++waits });
  await settle();
  const pausing = stack.disposeDownTo("state");
  await expect(opening).rejects.toThrow("camera: closed while it was opening");
  await pausing;
  expect([missing, waits]).toEqual([[], 0]);
});

test("a pause ends the waiting for the next try", async () => {
  const { stack, slot, part, missing } = made();
  let tries = 0;
  const open = async () => {
    tries++;
    throw new Error("no such device");
  };
  await slot(part("camera", { open }), { retryMs: () => 1 });
  await stack.disposeDownTo("state");
  const before = tries;
  const told = missing.length;
  const later = gate();
  setTimeout(later.pass, 5);
  await later.passed;
  expect([tries, missing.length]).toEqual([before, told]);
});

test("a relay in a slot is in reach of a second signal", async () => {
  const { stack, part, done } = made();
  await openSlot(stack, { stage: "actuators", name: "relay", missing() {} }, part("relay"));
  await stack.open("workers", "detector", part("detector", { dispose: never }), { disposeMs: 20 });
  const closing = stack[Symbol.asyncDispose]();
  await stack.disposeOnly("actuators");
  expect(done()).toContain("dispose relay");
  await closing;
});
