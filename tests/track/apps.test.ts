import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Log } from "../../src/kernel/log.ts";
import { openSlot } from "../../src/kernel/slot.ts";
import { Stack } from "../../src/kernel/stack.ts";
import { type AppsOptions, appsTracker } from "../../src/track/adapters/apps.ts";
import type { Windows } from "../../src/track/adapters/senses/sense.ts";
import { windows as x11Windows } from "../../src/track/adapters/senses/x11/windows.ts";
import { titleRules } from "../../src/track/core/redact.ts";
import type { RunningApp, SeenWindow, Window } from "../../src/track/core/window.ts";
import { TestClock } from "../support/clock.ts";
import { eventually, gate, never } from "../support/parts.ts";
import { until } from "../support/sandbox.ts";
import { X11 } from "../support/x11.ts";

const POLL = 1_000;
const code: Window = { app: "code", title: "main.ts", pid: 7, process: "code" };
const silent = { debug() {}, info() {}, warn() {}, error() {}, for: () => silent } as unknown as Log;

/** A backend made up: what it tells can be changed, and it says what was asked of it. */
class Desk {
  active: () => Promise<Window | undefined> = async () => code;
  running: () => Promise<RunningApp[]> = async () => [];
  asked = 0;
  disposed = 0;

  readonly open: AppsOptions["windows"] = () => async () => {
    const desk = this;
    const windows: Windows = {
      active() {
        desk.asked++;
        return desk.active();
      },
      visible: async () => [],
      running: () => desk.running(),
      async [Symbol.asyncDispose]() {
        desk.disposed++;
      },
    };
    return windows;
  };
}

const stacks: Stack[] = [];
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack[Symbol.asyncDispose]();
});

async function open(desk: Desk, more: Partial<AppsOptions> = {}) {
  const clock = new TestClock();
  const seen: (SeenWindow | undefined)[] = [];
  const running: (readonly RunningApp[])[] = [];
  const lost: unknown[] = [];
  const stack = new Stack((event) => event.act === "lost" && lost.push(event.error));
  stacks.push(stack);
  const part = appsTracker({
    windows: desk.open,
    rules: titleRules({ titles: "keep", redact: [{ app: "slack", title: "", with: "chat" }] }),
    pollMs: POLL,
    ignore: [],
    sink: { window: (window) => seen.push(window), running: (apps) => running.push(apps) },
    clock,
    log: silent,
    ...more,
  });
  const place = { stage: "workers", name: "apps", missing() {} } as const;
  const slot = await openSlot(stack, place, part, { disposeMs: 3 * POLL, retryMs: () => 1e6 });
  return { clock, seen, running, lost, slot, stack };
}

describe("the apps tracker", () => {
  test("tells at each poll what is looked at, after the rules, and nothing more of it", async () => {
    const desk = new Desk();
    const { clock, seen } = await open(desk);
    await clock.advance(0);
    desk.active = async () => ({ ...code, app: "slack", title: "secret" });
    await clock.advance(POLL);
    desk.active = async () => ({ ...code, app: "firefox", title: "x — Mozilla Firefox Private Browsing" });
    await clock.advance(POLL);
    desk.active = async () => undefined;
    await clock.advance(POLL);
    expect(seen).toEqual([
      code,
      { ...code, app: "slack", title: "chat" },
      { ...code, app: "firefox", title: null },
      undefined,
    ]);
  });

  test("asks what runs every five seconds, and leaves out what ran before and what is ignored", async () => {
    const desk = new Desk();
    const old = { pid: 1, process: "old" };
    const editor = { pid: 2, process: "editor" };
    desk.running = async () => [old];
    const { clock, running } = await open(desk, { ignore: [/^helper/iu] });
    await clock.advance(0);
    desk.running = async () => [old, editor, { pid: 3, process: "Helper" }];
    await clock.advance(4 * POLL);
    expect(running).toEqual([[]]);
    await clock.advance(POLL);
    expect(running).toEqual([[], [editor]]);
    // The old one ended; another has its pid.
    desk.running = async () => [editor];
    await clock.advance(5 * POLL);
    desk.running = async () => [editor, old];
    await clock.advance(5 * POLL);
    expect(running.at(-1)).toEqual([editor, old]);
  });

  test("never asks twice at once", async () => {
    const desk = new Desk();
    const answer = gate();
    desk.active = async () => {
      await answer.passed;
      return code;
    };
    const { clock, seen } = await open(desk);
    await clock.advance(POLL);
    expect(desk.asked).toBe(1);
    answer.pass();
    await eventually(() => seen.length === 1);
  });

  test("is lost when the backend is gone", async () => {
    const desk = new Desk();
    const { clock, lost, seen, slot } = await open(desk);
    await clock.advance(0);
    desk.active = async () => {
      throw new Error("the X server is gone");
    };
    await clock.advance(POLL);
    await eventually(() => desk.disposed === 1);
    expect(String(lost)).toContain("the X server is gone");
    expect(slot.current).toBeUndefined();
    await clock.advance(10 * POLL);
    expect(seen).toHaveLength(1);
  });

  test("is lost when a poll takes longer than three", async () => {
    const desk = new Desk();
    desk.active = never;
    const { lost } = await open(desk, { pollMs: 5 });
    await eventually(() => lost.length === 1);
    expect(String(lost)).toContain("within 15 ms");
    await eventually(() => desk.disposed === 1);
  });

  test("that can't take its baseline fails to open, and leaves nothing open", async () => {
    const desk = new Desk();
    desk.running = () => Promise.reject(new Error("no answer"));
    const { slot } = await open(desk);
    expect(slot.current).toBeUndefined();
    expect(desk.disposed).toBe(1);
  });

  test.each<[string, () => Promise<Window | undefined>]>([
    ["waits for the next poll", async () => code],
    ["waits for a backend that hangs", never],
  ])("ends at once while it %s", async (_, active) => {
    const desk = new Desk();
    desk.active = active;
    const { stack, clock, lost } = await open(desk);
    await clock.advance(0);
    const begin = performance.now();
    await stack[Symbol.asyncDispose]();
    expect(performance.now() - begin).toBeLessThan(100);
    expect(desk.disposed).toBe(1);
    expect(lost).toEqual([]);
    const { asked } = desk;
    await clock.advance(10 * POLL);
    expect(desk.asked).toBe(asked);
    expect(clock.sleeping).toBe(0);
  });
});

test("on a real display it follows the focus, and a title that changes", async () => {
  await using display = await X11.open();
  const { window } = await display.xterm("first");
  const seen: (SeenWindow | undefined)[] = [];
  await using stack = new Stack();
  const part = appsTracker({
    windows: x11Windows(display.name),
    rules: titleRules({ titles: "keep", redact: [{ app: "xterm", title: "secret", with: "" }] }),
    pollMs: 20,
    ignore: [],
    sink: { window: (window) => seen.push(window), running() {} },
    clock: systemClock,
    log: silent,
  });
  await openSlot(stack, { stage: "workers", name: "apps", missing() {} }, part, { disposeMs: 60 });
  const now = (title: string | null) =>
    until(() => seen.at(-1)?.app === "xterm" && seen.at(-1)?.title === title);
  await now("first");
  await display.retitle(window, "my secret");
  await now(null);
  await display.xterm("second");
  await now("second");
});
