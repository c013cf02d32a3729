import { describe, expect, test } from "bun:test";
import type { Key } from "ink";
import {
  type Binding,
  bound,
  byKey,
  helpLines,
  isQuit,
  type Keymap,
  keyBar,
  keyNames,
  withHelp,
} from "../../../src/kernel/tui/keys.ts";

const noKey: Key = {
  upArrow: false,
  downArrow: false,
  leftArrow: false,
  rightArrow: false,
  pageDown: false,
  pageUp: false,
  home: false,
  end: false,
  return: false,
  escape: false,
  ctrl: false,
  shift: false,
  tab: false,
  backspace: false,
  delete: false,
  meta: false,
  super: false,
  hyper: false,
  capsLock: false,
  numLock: false,
};

const binding = (keys: string[], label = keys.join(), rest: Partial<Binding> = {}): Binding => ({
  keys,
  label,
  help: `Does ${label}`,
  run: () => {},
  ...rest,
});

describe("the name of a key", () => {
  test.each([
    ["q", {}, ["q"]],
    ["R", { shift: true }, ["R"]],
    ["?", {}, ["?"]],
    [" ", {}, ["space"]],
    ["", { return: true }, ["enter"]],
    ["", { escape: true }, ["esc"]],
    ["", { escape: true, meta: true }, ["esc"]],
    ["", { upArrow: true }, ["up"]],
    ["", { upArrow: true, shift: true }, ["shift+up"]],
    ["", { pageDown: true, ctrl: true }, ["ctrl+pagedown"]],
    ["r", { ctrl: true }, ["ctrl+r"]],
    ["x", { meta: true }, ["alt+x"]],
    [" ", { ctrl: true }, ["ctrl+space"]],
    ["", { ctrl: true }, []],
    ["q", { eventType: "release" as const }, []],
  ])("%j with %j is %j", (input, key, names) => {
    expect(keyNames(input, { ...noKey, ...key })).toEqual(names);
  });
  test("is told apart for keys that arrive in one piece", () => {
    expect(keyNames("jj x\r\x12", noKey)).toEqual(["j", "j", "space", "x", "enter", "ctrl+r"]);
  });
});

describe("a keymap", () => {
  test("refuses a key that is bound twice and says which", () => {
    expect(() => byKey([binding(["x"], "stop"), binding(["e", "x"], "report")])).toThrow(
      'the key x is bound twice: "stop" and "report"',
    );
  });
  test("refuses what is no name of a key, and keys a terminal can't tell apart", () => {
    for (const name of ["escape", "", " ", "ctrl+", "xx"])
      expect(() => byKey([binding([name])])).toThrow(`"${name}" is no name of a key`);
    expect(() => byKey([binding(["ctrl+i"])])).toThrow("a terminal can't tell ctrl+i from tab");
  });
  test("takes every name a press can have", () => {
    const names = ["space", "shift+up", "ctrl+r", "alt+x", "+", "ctrl+alt+pagedown", "端", "ü"];
    expect([...byKey([binding(names)]).keys()]).toEqual(names);
  });
  test("needs a way out", () => {
    expect(() => withHelp([binding(["x"])], () => {})).toThrow("a screen needs a way out");
    expect(isQuit(binding(["ctrl+c"]))).toBe(true);
  });
  test("keeps ? for the help", () => {
    const keymap = withHelp([binding(["?"]), binding(["q"])], () => {});
    expect(() => byKey(keymap)).toThrow("the key ? is bound twice");
  });
});

describe("a press", () => {
  const quit = binding(["q"], "leave");
  test("does nothing while its binding is off", () => {
    let on = false;
    const step = binding(["s"], "step", { when: () => on });
    const keys = byKey([step, quit]);
    expect(bound(keys, "s")).toBeUndefined();
    on = true;
    expect(bound(keys, "s")).toBe(step);
    expect(bound(keys, "z")).toBeUndefined();
  });
  test("of ctrl+c goes to its own binding, else to the way out", () => {
    const interrupt = binding(["ctrl+c"], "stop");
    expect(bound(byKey([interrupt, quit]), "ctrl+c")).toBe(interrupt);
    expect(bound(byKey([quit]), "ctrl+c")).toBe(quit);
    expect(bound(byKey([{ ...interrupt, when: () => false }, quit]), "ctrl+c")).toBe(quit);
  });
});

describe("the key bar and the help", () => {
  const keymap: Keymap = withHelp(
    [
      binding(["space"], "pause"),
      binding(["s"], "step", { when: () => false }),
      binding(["up", "k"], "move"),
      binding(["ctrl+r"], "restart", { bar: false }),
      binding(["x"], "stop"),
      binding(["q"], "leave"),
    ],
    () => {},
  );
  const bar = (width: number) =>
    keyBar(keymap, width)
      .map(({ key, label }) => `${key} ${label}`)
      .join("   ");

  test("show what can be done now, help before the way out", () => {
    expect(bar(80)).toBe("space pause   ↑ move   x stop   ? help   q leave");
  });
  test("drop the last keys first when there is no room, but never help and the way out", () => {
    expect(bar(48)).toBe("space pause   ↑ move   x stop   ? help   q leave");
    expect(bar(47)).toBe("space pause   ↑ move   ? help   q leave");
    expect(bar(20)).toBe("? help   q leave");
    expect(bar(0)).toBe("? help   q leave");
  });
  test("list every binding with all its keys", () => {
    expect(helpLines(keymap)).toEqual([
      { keys: "space", help: "Does pause", active: true },
      { keys: "s", help: "Does step", active: false },
      { keys: "↑ k", help: "Does move", active: true },
      { keys: "^r", help: "Does restart", active: true },
      { keys: "x", help: "Does stop", active: true },
      { keys: "?", help: "Show this help", active: true },
      { keys: "q", help: "Does leave", active: true },
    ]);
    const back = (when: boolean) => ({ ...binding(["esc"]), help: "Back to the timer", when: () => when });
    expect(helpLines([back(true), back(false)]).map(({ help, active }) => [help, active])).toEqual([
      ["Close this help; then: Back to the timer", true],
      ["Close this help", true],
    ]);
    const odd = helpLines([binding(["+", "ctrl++", "alt+x", "shift+up", "ctrl+alt+x"])]);
    expect(odd[0]?.keys).toBe("+ ^+ alt+x shift+↑ ctrl+alt+x");
  });
});
