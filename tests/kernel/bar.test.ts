import { expect, test } from "bun:test";
import { showBar } from "../../src/kernel/bar.ts";
import type { Context } from "../../src/kernel/command.ts";
import type { Control, State } from "../../src/kernel/control.ts";
import { Life } from "../../src/kernel/life.ts";
import { until } from "../support/sandbox.ts";

type Shown = { n: number };

/** Counts up by one each 20 ms, to 3. */
const bar = {
  read: ({ n }: Shown) => {
    const text = n > 0 ? `at ${n}` : "";
    return { text, short: String(n), mood: "counting", colour: "green", tooltip: [] } as const;
  },
  fields: { n: ({ n }: Shown) => n },
  example: "{n}",
  at: (state: State, since: number): Shown => ({
    n: Math.min(3, Number(state["n"]) + Math.floor(since / 20)),
  }),
  changesIn: ({ n }: Shown) => (n < 3 ? 20 : undefined),
};

/** A bar that is told what is pushed. */
function shown(name: string, follow: boolean, first: State) {
  const lines: string[] = [];
  let leave: () => void = () => {};
  let push: (state: State | undefined) => void = () => {};
  const output = {
    text: (said: string) => void lines.push(said),
    onClosed(left: () => void) {
      leave = left;
    },
  };
  const control: Control = {
    state: async () => first,
    command: async () => first,
    watch(changed) {
      push = changed;
      changed(first);
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const context = { output, life: new Life(() => {}) } as unknown as Context;
  const code = showBar(context, control, bar, { name, follow });
  code.catch(() => {});
  return { lines, code, leave: () => leave(), push: (state: State | undefined) => push(state) };
}

test("asked once it says what the state reads as", async () => {
  const { code, lines } = shown("i3blocks", false, { n: 2 });
  expect(await code).toBe(0);
  expect(lines).toEqual(["at 2\n2\n#5faf5f\n"]);
});

test("followed it goes on by itself, says nothing twice, and takes each line of i3blocks for a block", async () => {
  const { code, lines, leave, push } = shown("i3blocks", true, { n: 1 });
  await until(() => lines.at(-1) === "at 3\n");
  expect(lines[0]).toBe("at 1\n");
  expect(new Set(lines).size).toBe(lines.length);
  const before = lines.length;
  push({ n: 3 });
  push(undefined);
  push({ n: 0 });
  leave();
  expect(await code).toBe(0);
  expect(lines.slice(before)).toEqual(["\n"]);
});

test("a format that there isn't is refused before anything is asked", async () => {
  await expect(shown("{m}", true, {}).code).rejects.toMatchObject({
    exit: 2,
    message: "there is no field {m}",
  });
});
