import { expect, test } from "bun:test";
import { attach, changes, followLines } from "../../src/kernel/attach.ts";
import type { Context } from "../../src/kernel/command.ts";
import type { Control, State } from "../../src/kernel/control.ts";
import { Life } from "../../src/kernel/life.ts";

/** A control that pushes these states, and a context whose reader stays until `leave`. */
function following(states: readonly (State | undefined)[]) {
  let leave: () => void = () => {};
  let ended = 0;
  const output = {
    json: false,
    terminal: false,
    onClosed(left: () => void) {
      leave = left;
    },
  };
  const control: Control = {
    state: async () => ({}),
    command: async () => ({}),
    watch(changed) {
      for (const state of states) changed(state);
      return { [Symbol.asyncDispose]: async () => void ended++ };
    },
  };
  const life = new Life(() => {});
  const context = { output, life } as unknown as Context;
  return { context, control, life, leave: () => leave(), ended: () => ended };
}

const STATES = [{ n: 1 }, undefined, { n: 1, at: 5 }, { n: 2 }, { n: 0 }];

test("lines are told at each change, until the reader leaves", async () => {
  const { context, control, leave, ended } = following(STATES);
  const told: State[] = [];
  const tell = changes(
    ({ n }) => String(n),
    (state) => void told.push(state),
  );
  const code = followLines(context, control, tell);
  leave();
  expect(await code).toBe(0);
  expect(told).toEqual([{ n: 1 }, { n: 2 }, { n: 0 }]);
  expect(ended()).toBe(1);
});

test("on a pipe they are told in the place of a screen, until it is over", async () => {
  const { context, control } = following(STATES);
  const told: State[] = [];
  const view = async () => {
    throw new Error("there is no screen on a pipe");
  };
  const shown = { view, tell: (state: State) => void told.push(state), isOver: ({ n }: State) => n === 0 };
  expect(await attach(context, control, shown)).toBe(0);
  expect(told).toHaveLength(4);
});

test("a signal ends the following, and not what is followed", async () => {
  const { context, control, life, ended } = following([]);
  const code = followLines(context, control, () => {});
  life.signal("SIGINT", 2);
  expect(await code).toBe(0);
  expect(ended()).toBe(1);
});
