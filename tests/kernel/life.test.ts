import { expect, test } from "bun:test";
import { type Cause, Life } from "../../src/kernel/life.ts";
import { gate, settle } from "../support/parts.ts";

function made() {
  const exits: number[] = [];
  const told: Cause[] = [];
  const off = gate();
  let hurried = 0;
  const life = new Life((code) => exits.push(code));
  const owner = {
    end: (cause: Cause) => void told.push(cause),
    hurry() {
      hurried++;
      return off.passed;
    },
  };
  return { life, owner, exits, told, off, hurried: () => hurried };
}

test("with nothing to put in order a signal ends the process at once", () => {
  const { life, exits } = made();
  life.signal("SIGTERM", 15);
  expect(exits).toEqual([143]);
});

test("the first signal begins the ordered shutdown, and is the cause whatever comes after it", () => {
  const { life, owner, exits, told } = made();
  using _ = life.own(owner);
  life.signal("SIGINT", 2);
  life.crash(new Error("while shutting down"));
  expect(exits).toEqual([]);
  expect(told.map(({ kind }) => kind)).toEqual(["signal", "crash"]);
  expect(life.cause).toEqual({ kind: "signal", name: "SIGINT", number: 2 });
});

test("a second signal leaves as soon as what must not be left on is off", async () => {
  const { life, owner, exits, off, hurried } = made();
  using _ = life.own(owner);
  life.signal("SIGTERM", 15);
  life.signal("SIGINT", 2);
  await settle();
  expect(hurried()).toBe(1);
  expect(exits).toEqual([]);
  off.pass();
  await settle();
  expect(exits).toEqual([130]);
});

test("a second signal leaves even when what must not be left on can't be reached", async () => {
  const { life, owner, exits, off } = made();
  using _ = life.own(owner);
  life.signal("SIGTERM", 15);
  life.signal("SIGTERM", 15);
  off.fail(new Error("gone"));
  await settle();
  expect(exits).toEqual([143]);
});

test("a terminal that is closed sends SIGHUP twice: nobody is impatient", async () => {
  const { life, owner, exits, off, hurried } = made();
  off.pass();
  using _ = life.own(owner);
  life.signal("SIGHUP", 1);
  life.signal("SIGHUP", 1);
  await settle();
  expect([hurried(), exits]).toEqual([0, []]);
});

test("a crash begins the ordered shutdown too, and a signal while that hangs hurries it", async () => {
  const { life, owner, exits, told, off, hurried } = made();
  off.pass();
  using _ = life.own(owner);
  expect(life.crash(new Error("bug"))).toBe(true);
  expect(told.map(({ kind }) => kind)).toEqual(["crash"]);
  life.signal("SIGINT", 2);
  await settle();
  expect([hurried(), exits]).toEqual([1, [130]]);
});

test("a crash with nothing to put in order is left to who heard it", () => {
  const { life, exits } = made();
  expect(life.crash(new Error("bug"))).toBe(false);
  expect(exits).toEqual([]);
  expect(life.cause?.kind).toBe("crash");
});

test("who takes over after the cause came is told at once", () => {
  const { life, owner, told } = made();
  using _first = life.own({ end() {}, hurry: async () => {} });
  life.signal("SIGTERM", 15);
  using _ = life.own(owner);
  expect(told).toEqual([{ kind: "signal", name: "SIGTERM", number: 15 }]);
});

test("who has given it back is told nothing more", () => {
  const { life, owner, exits, told } = made();
  life.own(owner)[Symbol.dispose]();
  life.signal("SIGTERM", 15);
  expect(told).toEqual([]);
  expect(exits).toEqual([143]);
});
