import { afterEach, beforeEach, expect, test } from "bun:test";
import { every } from "../../src/kernel/every.ts";
import type { Log } from "../../src/kernel/log.ts";
import { Intervals } from "../support/clock.ts";
import { gate, settle } from "../support/parts.ts";

const signal = new AbortController().signal;
let intervals: Intervals;
let warned: string[];
const log = { warn: (text: string) => void warned.push(text) } as Partial<Log> as Log;
beforeEach(() => {
  intervals = new Intervals();
  warned = [];
});
afterEach(() => intervals[Symbol.dispose]());

test("it is done once a round, for the first time after the first one", async () => {
  let done = 0;
  await using _ = await every(50, async () => void done++, log)(signal);
  expect([done, intervals.periods]).toEqual([0, [50]]);
  await intervals.round(50);
  await intervals.round(50);
  expect(done).toBe(2);
});

test("what takes longer than a round isn't done twice at once, nor made up for", async () => {
  const busy = gate();
  let begun = 0;
  const work = () => {
    begun++;
    return begun === 1 ? busy.passed : Promise.resolve();
  };
  await using _ = await every(50, work, log)(signal);
  for (let round = 0; round < 3; round++) await intervals.round(50);
  expect(begun).toBe(1);
  busy.pass();
  await settle();
  expect(begun).toBe(1);
  await intervals.round(50);
  expect(begun).toBe(2);
});

test("what fails is logged, and done again in the next round", async () => {
  let done = 0;
  const work = async () => {
    if (++done === 1) throw new Error("the disk is full");
  };
  await using _ = await every(50, work, log)(signal);
  await intervals.round(50);
  expect(warned).toEqual(["the disk is full"]);
  await intervals.round(50);
  expect([done, warned.length]).toEqual([2, 1]);
});

test("what throws before it waits for anything is logged as well", async () => {
  const work = () => {
    throw new Error("a bug");
  };
  await using _ = await every(50, work, log)(signal);
  await intervals.round(50);
  await intervals.round(50);
  expect(warned).toEqual(["a bug", "a bug"]);
});

test("its dispose waits for what is under way, and it is never done again", async () => {
  const busy = gate();
  let begun = 0;
  const part = await every(
    50,
    () => {
      begun++;
      return busy.passed;
    },
    log,
  )(signal);
  void intervals.round(50);
  let gone = false;
  const leaving = part[Symbol.asyncDispose]().then(() => {
    gone = true;
  });
  await settle();
  expect([begun, gone, intervals.periods]).toEqual([1, false, []]);
  busy.pass();
  await leaving;
  expect(gone).toBe(true);
});
