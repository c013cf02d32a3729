import { expect, test } from "bun:test";
import type { Context } from "../../src/kernel/command.ts";
import type { Control, State } from "../../src/kernel/control.ts";
import { Life } from "../../src/kernel/life.ts";
import { showFormat } from "../../src/pomo/adapters/bar.ts";
import { emptyOverview } from "../../src/pomo/core/stats.ts";
import { NOTHING_TOLD, viewOf } from "../../src/pomo/core/view.ts";

const overview = emptyOverview({ goal: 8, wall: 0, offset: 0 });
const stopped: State = {
  ...viewOf(undefined, { mono: 0, wall: 0, offset: 0 }, NOTHING_TOLD, overview),
  ...{ v: 1, state: "stopped", session_id: null, profile: "default", degraded: [] },
};
const paused: State = {
  ...stopped,
  ...{ over: false, session_type: "WORK", remaining_ms: 60_000, duration_ms: 120_000, task: "report" },
};

/** What a bar is told of some states, one after another. */
async function shown(name: string, states: readonly State[], follow: boolean): Promise<string> {
  let text = "";
  let leave: () => void = () => {};
  const output = {
    text(said: string) {
      text += said;
    },
    onClosed(left: () => void) {
      leave = left;
    },
  };
  const control: Control = {
    state: async () => states[0] as State,
    command: async () => ({}),
    watch(changed) {
      for (const state of states) changed(state);
      leave();
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const context = { output, life: new Life(() => {}) } as unknown as Context;
  expect(await showFormat(context, control, { name, follow })).toBe(0);
  return text;
}

test("i3blocks asked once gets the text, a short one and the colour", async () => {
  expect(await shown("i3blocks", [paused], false)).toBe("01:00 paused\n01:00\n#d7af5f\n");
});

test("i3blocks that follows gets one line a change, as it takes each for a block of its own", async () => {
  const states = [stopped, paused, { ...paused, host: false }, paused, stopped];
  expect(await shown("i3blocks", states, true)).toBe("\n01:00 paused\n01:00 away\n01:00 paused\n\n");
});

test("what a dead host left is told from what stands still", async () => {
  const [live, left] = [paused, { ...paused, host: false }].map((state) => shown("waybar", [state], false));
  expect(JSON.parse(await (live as Promise<string>))).toMatchObject({ class: "paused" });
  expect(JSON.parse(await (left as Promise<string>))).toMatchObject({ class: "away" });
});
