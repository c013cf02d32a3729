import { expect, test } from "bun:test";
import { type Generation, generation, openGeneration } from "../../src/kernel/generation.ts";
import { Stack } from "../../src/kernel/stack.ts";
import { gate, type Made, parts, settle, toldToLeave } from "../support/parts.ts";

function made() {
  const journal: string[] = [];
  const stack = new Stack();
  const ending = new AbortController();
  const open = (what: Generation<{ zone: string }, object, never> | { steps: Generation<object>["steps"] }) =>
    openGeneration(stack, what, { zone: "yard" }, ending.signal, () => {});
  /** What a session does when it gives a generation up. */
  const giveUp = () => {
    ending.abort();
    return stack.disposeDownTo("state");
  };
  const done = () => journal.filter((entry) => !entry.startsWith("leave"));
  return { stack, part: parts(journal), done, open, giveUp };
}

test("each step sees what the session gives and what the steps below it opened", async () => {
  const { stack, part, open } = made();
  const seen: string[] = [];
  await open(
    generation<{ zone: string }>()
      .sources(async (open) => ({ camera: await open("camera", part("camera")) }))
      .actuators(async (open, { zone, camera }) => {
        seen.push(zone, camera.name);
        return { relay: await open("relay", part("relay")) };
      })
      .workers(async (_open, { zone, camera, relay }) => {
        seen.push(zone, camera.name, relay.name);
        return {};
      }),
  );
  expect(seen).toEqual(["yard", "camera", "yard", "camera", "relay"]);
  expect(stack.parts).toEqual(["camera", "relay"]);
});

test("a part is seen only above its stage, and a stage is named only once and in order: the type says so", () => {
  const sources = generation<{ zone: string }>().sources(async () => ({ camera: 1 }));
  const workers = sources.workers(async () => ({}));
  // @ts-expect-error sources stand below workers
  expect(() => workers.sources(async () => ({}))).toThrow("sources can't come after workers");
  // @ts-expect-error the step of a stage is one
  expect(() => sources.sources(async () => ({}))).toThrow("sources can't come after sources");
  // @ts-expect-error what outlives a pause isn't opened by a generation
  expect(() => generation().state(async () => ({}))).toThrow("state can't come after state");
  // @ts-expect-error the relay is opened by a step above this one
  sources.actuators(async (_open, { relay }) => ({ relay }));
  // @ts-expect-error the session doesn't give a colour
  sources.actuators(async (_open, { colour }) => ({ colour }));
});

test("a generation is a value: opened twice, it makes two sets of parts that share nothing", async () => {
  const opened: Made[] = [];
  const { part, giveUp, stack } = made();
  const what = generation<object>().sources(async (open) => {
    opened.push(await open("camera", part("camera")));
    return {};
  });
  await openGeneration(stack, what, {}, new AbortController().signal, () => {});
  await giveUp();
  await openGeneration(stack, what, {}, new AbortController().signal, () => {});
  expect(opened).toHaveLength(2);
  expect(opened[0]).not.toBe(opened[1] as Made);
});

test("a part that throws ends the opening; what was opened stays for the caller to dispose", async () => {
  const { stack, part, open, done } = made();
  const opening = open(
    generation<{ zone: string }>()
      .sources(async (open) => ({ camera: await open("camera", part("camera")) }))
      .actuators(async (open) => ({
        relay: await open("relay", part("relay", { open: () => Promise.reject(new Error("no port")) })),
      }))
      .workers(async (open) => ({ detector: await open("detector", part("detector")) })),
  );
  await expect(opening).rejects.toThrow("no port");
  expect(stack.parts).toEqual(["camera"]);
  expect(done()).toEqual(["open camera"]);
});

test("given up while a part opens, the steps above it never run", async () => {
  const { part, open, done, giveUp } = made();
  const opening = open(
    generation<{ zone: string }>()
      .sources(async (open) => ({ camera: await open("camera", part("camera", { open: toldToLeave })) }))
      .workers(async (open) => ({ detector: await open("detector", part("detector")) })),
  );
  await settle();
  const given = giveUp();
  await expect(opening).rejects.toThrow();
  await given;
  expect(done()).toEqual(["open camera", "dispose camera"]);
});

test("given up while a step waits for something of its own, it isn't waited for, and opens nothing afterwards", async () => {
  const { stack, part, open, giveUp } = made();
  const answer = gate();
  const late = Promise.withResolvers<unknown>();
  const opening = open(
    generation<{ zone: string }>().sources(async (open) => {
      await answer.passed;
      await open("camera", part("camera")).catch(late.resolve);
      await open.slot("display", part("display")).catch(() => {});
      return {};
    }),
  );
  await settle();
  const given = giveUp();
  await expect(opening).rejects.toThrow("given up while it was opening");
  await given;
  answer.pass();
  expect(await late.promise).toEqual(new Error("given up while it was opening"));
  await settle();
  expect(stack.parts).toEqual([]);
});
