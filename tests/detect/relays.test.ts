/** Relays are switched as decided, read back, and timed by one timer each. */
import { expect, test } from "bun:test";
import { RelayManager, type Switch } from "../../src/detect/adapters/relays.ts";
import type { Happening } from "../../src/detect/core/event.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/sandbox.ts";

/** A board in memory, which can be unplugged, and can fail and take its time. */
class Board implements Switch {
  state = 0;
  present = true;
  fails = false;
  ready = true;
  readonly written: string[] = [];
  hold: Promise<void> | undefined;

  async set(_board: string, channel: number, on: boolean): Promise<void> {
    await this.hold;
    if (!this.present || this.fails) throw new Error("the board doesn't answer");
    this.written.push(`${channel} ${on ? "on" : "off"}`);
    const bit = 1 << (channel - 1);
    this.state = on ? this.state | bit : this.state & ~bit;
  }

  async allOff(): Promise<void> {
    await this.hold;
    this.written.push("all off");
    this.state = 0;
  }

  bits(): number | null {
    return this.present ? this.state : null;
  }
}

function relays(
  given: {
    mode?: "alarm" | "permit";
    max_on_ms?: number;
    latch?: boolean;
    cooldown_ms?: number;
    dry?: boolean;
    latched?: string[];
  } = {},
) {
  const { mode = "alarm", max_on_ms = null, latch = false, cooldown_ms = 0 } = given;
  const board = new Board();
  const happened: Happening[] = [];
  const manager = new RelayManager({
    relays: [
      { config: { id: "lamp", board: "main", channel: 1, max_on_ms, cooldown_ms, latch }, mode },
      {
        config: { id: "horn", board: "main", channel: 2, max_on_ms: null, cooldown_ms: 0, latch: false },
        mode: "alarm",
      },
    ],
    board: given.dry ? undefined : board,
    saved: { latched: given.latched ?? [], withdrawn: [], cycles: { lamp: 7 } },
    offSince: new Map(),
    clock: systemClock,
    log: new KeptLog(),
    ending: () => "shutdown",
    happened: (happening) => happened.push(happening),
    changed: () => {},
  });
  const row = () => manager.rows()[0];
  return { board, happened, manager, row, [Symbol.asyncDispose]: () => manager[Symbol.asyncDispose]() };
}

const tripped = (...zones: string[]) => new Map([["lamp", zones]]);

test("a zone that trips switches its relay on, and off when it clears, each read back", async () => {
  await using box = relays();
  const settled: string[] = [];
  box.manager.tell(tripped("hall/press"), (relay) => settled.push(relay));
  await until(() => box.row()?.state === "on");
  await until(() => settled.length === 1);
  expect(box.row()).toMatchObject({ cause: "hall/press", cycles: 8 });
  // Told at every picture: it costs the board nothing.
  for (let n = 0; n < 100; n++) box.manager.tell(tripped("hall/press"));
  box.manager.tell(tripped());
  await until(() => box.row()?.state === "off");
  expect(box.board.written).toEqual(["1 on", "1 off"]);
  expect(box.happened.map((each) => each.event)).toEqual(["relay", "relay"]);
  expect(settled).toEqual(["lamp"]);
});

test("what changes while a write is under way is caught up with: the last word counts", async () => {
  await using box = relays();
  const held = Promise.withResolvers<void>();
  box.board.hold = held.promise;
  box.manager.tell(tripped("a"));
  box.manager.tell(tripped());
  box.manager.tell(tripped("a"));
  box.manager.tell(tripped());
  held.resolve();
  await until(() => box.board.written.length === 2);
  expect(box.board.written).toEqual(["1 on", "1 off"]);
  expect(box.row()?.state).toBe("off");
});

test("10,000 trips leave no timer and no more than one at a time", async () => {
  await using box = relays({ max_on_ms: 60_000 });
  for (let n = 0; n < 10_000; n++) {
    box.manager.tell(tripped(...(n % 2 === 0 ? ["a"] : [])));
    if (box.manager.timers > 1) throw new Error(`${box.manager.timers} timers`);
  }
  await until(() => box.row()?.state === "off");
  expect(box.manager.timers).toBe(0);
});

test("the longest time switches it off by itself", async () => {
  await using box = relays({ max_on_ms: 50 });
  box.manager.tell(tripped("a"));
  await until(() => box.board.written.length === 2);
  expect(box.board.written).toEqual(["1 on", "1 off"]);
  expect(box.row()).toMatchObject({ state: "off", cause: "max_on", until: null });
  expect(box.manager.timers).toBe(0);
});

test("a write that fails is told once, and tried until it is done", async () => {
  await using box = relays();
  box.board.fails = true;
  box.manager.tell(tripped("a"));
  await until(() => box.happened.length === 1);
  expect(box.happened[0]).toMatchObject({ event: "relay_failed", relay: "lamp" });
  for (let n = 0; n < 10; n++) box.manager.tell(tripped("a"));
  box.board.fails = false;
  await until(() => box.row()?.state === "on");
  expect(box.happened.filter((each) => each.event === "relay_failed").length).toBeLessThanOrEqual(1);
});

test("a board that is unplugged makes its relays unknown; back, it is off, and what is asked for is switched on again", async () => {
  await using box = relays();
  box.manager.tell(tripped("a"));
  await until(() => box.row()?.state === "on");
  box.board.present = false;
  box.manager.reread("board");
  expect(box.row()?.state).toBe("unknown");
  box.manager.tell(tripped("a"));
  box.board.present = true;
  box.board.state = 0;
  box.manager.reread("board");
  await until(() => box.row()?.state === "on");
  expect(box.board.written).toEqual(["1 on", "1 on"]);
});

test("without a guard nothing is switched on, nor tried; with the next one it is", async () => {
  await using box = relays();
  box.manager.tell(tripped("a"));
  await until(() => box.row()?.state === "on");
  box.board.ready = false;
  box.board.state = 0;
  box.manager.reread("guard dead");
  box.manager.tell(tripped("a", "b"));
  expect(box.row()?.state).toBe("off");
  expect(box.happened.at(-1)).toEqual({ event: "relay", relay: "lamp", on: false, cause: "guard dead" });
  box.board.ready = true;
  box.manager.reread("guard");
  await until(() => box.row()?.state === "on");
  expect(box.board.written).toEqual(["1 on", "1 on"]);
});

test("before its zones have said anything a permit isn't given, whatever the guard has to say", async () => {
  await using box = relays({ mode: "permit" });
  box.manager.reread("guard");
  await Bun.sleep(20);
  expect(box.board.written).toEqual([]);
  box.manager.tell(tripped());
  await until(() => box.row()?.state === "on");
  box.manager.tell(tripped("a"));
  await until(() => box.row()?.state === "off");
});

test("once it is disposed nothing switches anything any more", async () => {
  const box = relays({ max_on_ms: 30 });
  box.manager.tell(tripped("a"));
  await until(() => box.row()?.state === "on");
  await box.manager[Symbol.asyncDispose]();
  expect(box.board.state).toBe(0);
  box.manager.tell(tripped("b"));
  box.manager.reread("guard");
  await box.manager.on("horn", Number.POSITIVE_INFINITY);
  await Bun.sleep(60);
  expect(box.board.written).toEqual(["1 on", "all off"]);
  expect(box.manager.timers).toBe(0);
});

test("in a dry run all is decided and nothing is switched", async () => {
  await using box = relays({ dry: true });
  const settled: string[] = [];
  box.manager.tell(tripped("a"), (relay) => settled.push(relay));
  expect(settled).toEqual(["lamp"]);
  expect(box.row()).toMatchObject({ state: "off", cause: "dry run: a" });
  expect(await box.manager.on("horn", 10)).toMatchObject({ ok: false });
});

test("by hand: on, off, a test, and what can't be", async () => {
  await using box = relays();
  expect(await box.manager.on("horn", Number.POSITIVE_INFINITY)).toMatchObject({ ok: true, text: "on" });
  expect(await box.manager.off("horn")).toMatchObject({ ok: true, text: "off" });
  expect(await box.manager.test("lamp", 10)).toMatchObject({ ok: true });
  expect(box.board.written).toEqual(["2 on", "2 off", "1 on", "1 off"]);
  expect(await box.manager.on("nothing", 1)).toMatchObject({ ok: false, text: "there is no such relay" });
  await using permit = relays({ mode: "permit" });
  expect(await permit.manager.on("lamp", Number.POSITIVE_INFINITY)).toMatchObject({ ok: false });
});

test("a test leaves a relay as it was: off after its longest time", async () => {
  await using box = relays({ max_on_ms: 40 });
  box.manager.tell(tripped("a"));
  await until(() => box.row()?.cause === "max_on" && box.row()?.state === "off");
  expect(await box.manager.test("lamp", 10)).toMatchObject({ ok: true });
  expect(box.row()).toMatchObject({ state: "off", cause: "max_on" });
});

test("what can't be switched on by hand now isn't later, when nobody expects it; a cooldown is waited for", async () => {
  await using box = relays({ cooldown_ms: 60 });
  box.board.present = false;
  box.manager.reread("board");
  expect(await box.manager.on("horn", Number.POSITIVE_INFINITY)).toMatchObject({ ok: false });
  box.board.present = true;
  box.manager.reread("board");
  expect(box.board.written).toEqual([]);
  await box.manager.on("lamp", Number.POSITIVE_INFINITY);
  await box.manager.off("lamp");
  expect(await box.manager.on("lamp", Number.POSITIVE_INFINITY)).toMatchObject({
    ok: true,
    text: "on in 0.1 s: it cools down",
  });
  await until(() => box.row()?.state === "on");
});

test("while it cools down a pulse that can't come is refused, and a test says that it was left out", async () => {
  await using box = relays({ cooldown_ms: 60_000 });
  await box.manager.on("lamp", Number.POSITIVE_INFINITY);
  await box.manager.off("lamp");
  const pulse = await box.manager.on("lamp", systemClock.monotonic() + 20);
  expect(pulse).toMatchObject({ ok: false, text: "it is off: cooldown" });
  expect(await box.manager.test("lamp", 10)).toMatchObject({ ok: true, text: "left out: it cools down" });
  expect(box.board.written).toEqual(["1 on", "1 off"]);
});

test("a permission that a person has withdrawn is given back by a person", async () => {
  await using box = relays({ mode: "permit" });
  box.manager.tell(tripped());
  await until(() => box.row()?.state === "on");
  expect(await box.manager.off("lamp")).toMatchObject({ ok: true });
  box.manager.tell(tripped("a"));
  box.manager.tell(tripped());
  expect(box.row()).toMatchObject({ state: "off", cause: "manual" });
  expect(await box.manager.on("lamp", Number.POSITIVE_INFINITY)).toMatchObject({ ok: true, text: "on" });
});

test("newer news of the board than that a write was done counts", async () => {
  await using box = relays();
  const { set } = box.board;
  box.board.set = async (...args) => {
    await set.apply(box.board, args);
    // All was switched off in the same breath.
    if (box.board.written.length === 1) box.board.state = 0;
  };
  box.manager.tell(tripped("a"));
  await until(() => box.board.written.length === 2);
  expect([box.row()?.state, box.board.state]).toEqual(["on", 1]);
});

test("a latched relay is acknowledged; a permit not before its zones are clear", async () => {
  await using box = relays({ mode: "permit", latch: true, latched: ["lamp"] });
  box.manager.tell(tripped("a"));
  expect(box.manager.acknowledge("lamp")).toMatchObject({ ok: false, text: "a isn't clear" });
  box.manager.tell(tripped());
  expect(box.row()).toMatchObject({ latched: true, state: "off" });
  expect(box.manager.acknowledge("lamp")).toMatchObject({ ok: true });
  await until(() => box.row()?.state === "on");
  expect(box.manager.saved).toEqual({ latched: [], withdrawn: [], cycles: { lamp: 8, horn: 0 } });
});
