import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileUiohook } from "../../../build/uiohook.ts";
import type { SlotPart } from "../../../src/kernel/slot.ts";
import type { Offer } from "../../../src/track/adapters/senses/sense.ts";
import { uiohookSenses, uiohookThere } from "../../../src/track/adapters/senses/uiohook/uiohook.ts";
import {
  addCounts,
  KeyCounter,
  type KeyCounts,
  MouseCounter,
  type MouseCounts,
  NO_KEYS,
  NO_MOUSE,
} from "../../../src/track/core/counts.ts";
import { Folder } from "../../support/folder.ts";
import { until } from "../../support/sandbox.ts";
import { X11 } from "../../support/x11.ts";

const IDLE_MS = 2_000;
const fixture = join(import.meta.dir, "fixture-uiohook.ts");
const counting: [string, ...string[]] = [process.execPath, fixture, "track", "__uiohook"];

let display: X11;
beforeAll(async () => {
  // From source it is what a build has compiled.
  expect(await compileUiohook()).toHaveProperty("path");
  display = await X11.open({ manager: false });
});
afterAll(() => display[Symbol.asyncDispose]());

let keyboard: KeyCounter;
let mouse: MouseCounter;
let losses: string[];
let keys: KeyCounts;
let moves: MouseCounts;
beforeEach(() => {
  keyboard = new KeyCounter(IDLE_MS);
  mouse = new MouseCounter(IDLE_MS);
  losses = [];
  keys = { ...NO_KEYS };
  moves = { ...NO_MOUSE };
});

const senses = (command: readonly [string, ...string[]] = counting, on = display) =>
  uiohookSenses({ idleMs: IDLE_MS, env: { ...process.env, ...on.env }, command });

function open<T>(offer: Offer<(counter: T) => SlotPart<AsyncDisposable>>, counter: T, signal?: AbortSignal) {
  if (!("open" in offer)) throw new Error(offer.unavailable);
  const lost = (error: unknown) => losses.push((error as Error).message);
  return offer.open(counter)(signal ?? new AbortController().signal, lost);
}

/** What was counted so far, once it is as much as is waited for. */
const keysOf = (presses: number) =>
  until(
    () => {
      addCounts(keys, keyboard.take());
      return keys;
    },
    (counted) => counted.presses >= presses,
  );
const movesOf = (enough: (counted: MouseCounts) => boolean) =>
  until(() => {
    addCounts(moves, mouse.take());
    return moves;
  }, enough);

/** The children that count, by what they were told to. */
const children = () =>
  readdirSync("/proc").filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("__uiohook") && !/\) Z /.test(stat);
    } catch {
      return false;
    }
  });

const xdotool = (...args: string[]) => display.xdotool(...args);

test("clicks by button, notches of the wheel and the pointer's way are counted exactly", async () => {
  const own = senses();
  await using _ = await open(own.mouse, mouse);
  await xdotool("mousemove", "100", "100");
  await xdotool("mousemove", "103", "104", "click", "--repeat", "3", "--delay", "5", "1", "click", "2");
  await xdotool("click", "--repeat", "2", "--delay", "5", "3", "click", "8", "click", "4", "click", "5");
  await xdotool("click", "6", "click", "--repeat", "4", "--delay", "5", "7");
  const counted = await movesOf(({ scroll_x }) => scroll_x >= 5);
  expect(counted).toMatchObject({ left: 3, middle: 1, right: 2, other: 1, scroll_x: 5, scroll_y: 2 });
  expect(counted).toMatchObject({ delta_x: 3, delta_y: 4, distance_px: 5 });
  expect(mouse.isIdle(performance.now())).toBe(false);
});

test("presses and releases are counted exactly, and a key that is held is one press", async () => {
  await using _ = await open(senses().keyboard, keyboard);
  await xdotool("type", "--delay", "2", "the quick brown fox");
  expect(await keysOf(19)).toMatchObject({ presses: 19, releases: 19 });
  expect(keys.typing_ms).toBeWithin(10, 2_000);
  // Xvfb repeats it after 660 ms, 25 times a second.
  await xdotool("keydown", "k", "sleep", "1.2", "keyup", "k", "key", "shift+a");
  expect(await keysOf(22)).toMatchObject({ presses: 22, releases: 22 });
});

test("which keys they were never leaves the child", async () => {
  using folder = new Folder();
  const tapped = `tee -a "$HERE/asked" | ${counting.join(" ")} | tee -a "$HERE/said"`;
  const listener = await open(senses([folder.program("tapped", tapped)]).keyboard, keyboard);
  await xdotool("type", "--delay", "2", "hunter2");
  await keysOf(7);
  await listener[Symbol.asyncDispose]();
  const said = folder.lines("said").map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(said[0]).toEqual({ v: 1, type: "ready" });
  for (const line of said.slice(1)) {
    expect(Object.keys(line).sort()).toEqual(["asked", "keys", "mouse", "type", "v"]);
    expect(Object.keys(line["keys"] as object).sort()).toEqual(Object.keys(NO_KEYS).sort());
    expect(Object.keys(line["mouse"] as object).sort()).toEqual(Object.keys(NO_MOUSE).sort());
  }
});

describe("keyboard and mouse", () => {
  test("are heard by one child, that outlives either and ends with the last", async () => {
    const { keyboard: ofKeys, mouse: ofMouse } = senses();
    const [keysPart, mousePart] = await Promise.all([open(ofKeys, keyboard), open(ofMouse, mouse)]);
    const [child, ...more] = children();
    expect([child, more]).toEqual([expect.any(String), []]);

    await xdotool("click", "1", "key", "a");
    await keysOf(1);
    await mousePart[Symbol.asyncDispose]();
    expect((await movesOf(() => true)).left).toBe(1);
    // Of nobody: the mouse isn't listened to.
    await xdotool("click", "1", "key", "b");
    await keysOf(2);
    const again = await open(ofMouse, mouse);
    await xdotool("click", "3", "key", "c");
    await keysOf(3);
    expect(await movesOf(({ right }) => right === 1)).toMatchObject({ left: 1, right: 1 });
    expect(children()).toEqual([child as string]);

    await keysPart[Symbol.asyncDispose]();
    await xdotool("click", "2");
    await movesOf(({ middle }) => middle === 1);
    await again[Symbol.asyncDispose]();
    expect(children()).toEqual([]);
    expect([keys.presses, losses]).toEqual([3, []]);
  });

  test("what was counted right before the end isn't lost", async () => {
    const own = senses();
    const [keysPart, mousePart] = await Promise.all([open(own.keyboard, keyboard), open(own.mouse, mouse)]);
    for (let round = 1; round <= 3; round++) await xdotool("key", "--delay", "1", "a", "click", "1");
    // The server has them all by now; the child hears of them in its own time.
    await Bun.sleep(50);
    await mousePart[Symbol.asyncDispose]();
    await keysPart[Symbol.asyncDispose]();
    expect([keyboard.take().presses, mouse.take().left]).toEqual([3, 3]);
  });

  test("opened and disposed over and over leave no process and no descriptor", async () => {
    const own = senses();
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const cycle = async () => {
      const parts = await Promise.all([open(own.keyboard, keyboard), open(own.mouse, mouse)]);
      await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
    };
    await cycle();
    const before = descriptors();
    for (let turn = 0; turn < 8; turn++) await cycle();
    // A pipe is closed a moment after its process has ended; those of other tests may be among them.
    await until(descriptors, (count) => count <= before);
    expect([children(), losses]).toEqual([[], []]);
  });
});

test("when the X server dies the child ends, both are told, and can be opened once it is back", async () => {
  await using own = await X11.open({ manager: false });
  const { keyboard: ofKeys, mouse: ofMouse } = senses(counting, own);
  const parts = await Promise.all([open(ofKeys, keyboard), open(ofMouse, mouse)]);
  await own.kill();
  await until(() => losses.length === 2);
  expect(losses[0]).toMatch(/^the process that counts ended/);
  expect(children()).toEqual([]);
  for (const part of parts) await part[Symbol.asyncDispose]();
  await expect(open(ofKeys, keyboard)).rejects.toThrow("Failed to open X11 display");
  expect(children()).toEqual([]);
  await own.start();
  await using _ = await open(ofKeys, keyboard);
  await own.xdotool("key", "a");
  await keysOf(1);
  expect(losses).toHaveLength(2);
});

test("the child ends when nobody holds its stdin any more: its host was killed", async () => {
  const child = Bun.spawn(counting, {
    env: { ...process.env, ...display.env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  child.stdin.write(`${JSON.stringify({ ask: "start", idle_ms: IDLE_MS })}\n`);
  await child.stdin.flush();
  for await (const _ of child.stdout) break;
  await child.stdin.end();
  expect(await child.exited).toBe(0);
});

describe("a child that misbehaves", () => {
  const misbehave = async (script: string, work: (command: [string]) => Promise<void>) => {
    using folder = new Folder();
    await work([folder.program("child", script)]);
  };
  const ready = `read _; echo '{"type":"ready"}'; read _`;
  const answer = `echo '{"type":"counts","asked":true,"keys":${JSON.stringify(NO_KEYS)},"mouse":${JSON.stringify(NO_MOUSE)}}'`;

  test("one that doesn't end is killed within the deadline of a part", () =>
    misbehave(
      `echo $$ > "$HERE/pid"; ${ready}; ${answer}; trap '' TERM; exec sleep 1000`,
      async (command) => {
        const part = await open(senses(command).keyboard, keyboard);
        const before = performance.now();
        await part[Symbol.asyncDispose]();
        expect(performance.now() - before).toBeLessThan(1_500);
      },
    ));

  test.each([
    ["what isn't JSON", "echo nonsense", "said what makes no sense"],
    ["counts below zero", `${answer} | sed 's/"left":0/"left":-1/'`, "said what makes no sense"],
    ["counts that are missing", `echo '{"type":"counts","keys":{}}'`, "said what makes no sense"],
    ["that it has failed", `echo '{"type":"failed","reason":"no more"}'`, "no more"],
  ])("one that says %s is lost", (_, line, words) =>
    misbehave(`${ready}; ${answer}; ${line}; exec sleep 1000`, async (command) => {
      const part = await open(senses(command).keyboard, keyboard);
      await until(() => losses.length === 1);
      expect(losses[0]).toContain(words);
      await part[Symbol.asyncDispose]();
    }),
  );

  test("one that is never ready is left at once when told to", () =>
    misbehave("exec sleep 1000", async (command) => {
      const leave = new AbortController();
      const opening = open(senses(command).keyboard, keyboard, leave.signal);
      opening.catch(() => {});
      const before = performance.now();
      leave.abort();
      await expect(opening).rejects.toThrow("told to leave");
      expect(performance.now() - before).toBeLessThan(100);
    }));

  test("one that can't be started is one line", async () => {
    await expect(open(senses(["/nonexistent/stint"]).mouse, mouse)).rejects.toThrow("can't start: ENOENT");
  });
});

test("without an X display, and under Wayland, it isn't offered", () => {
  expect(uiohookThere()).toEqual({ there: true });
  const offer = (env: NodeJS.ProcessEnv) => uiohookSenses({ idleMs: IDLE_MS, env }).keyboard;
  expect(offer({})).toEqual({ unavailable: "uiohook-napi needs an X display, and DISPLAY isn't set" });
  expect(offer({ DISPLAY: ":0", WAYLAND_DISPLAY: "wayland-1" })).toEqual({
    unavailable: "under Wayland uiohook-napi hears nothing",
  });
});
