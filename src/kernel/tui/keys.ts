/**
 * A screen's keys, defined once: what they do, what the key bar says and what the help lists. Names of keys:
 * a character as typed (`q`, `R`, `?`, `+`), `space enter esc tab backspace delete up down left right home end
 * pageup pagedown`, and with `ctrl+`, `alt+` or `shift+` before them (`ctrl+r`, `shift+up`).
 */
import type { Key } from "ink";
import type { Ask } from "./entry.ts";
import { cells, characters } from "./text.ts";

/**
 * What a key does. `run` is called once a press; a command that takes time answers through the state. To have a
 * line typed, `run` asks for it: the keys after the one that asked are its, however fast they came.
 */
export type Binding = {
  /** Names of the keys; the key bar shows the first. */
  readonly keys: readonly string[];
  /** One or two words for the key bar. */
  readonly label: string;
  /** A sentence for the help. */
  readonly help: string;
  readonly run: (ask: Ask) => void;
  /** While this is false the key does nothing, is left out of the bar and dim in the help. */
  readonly when?: () => boolean;
  /** `false` keeps it out of the key bar. */
  readonly bar?: boolean;
};

/** In the order they are shown. A screen's keymap has a way out: a binding of `q` or `ctrl+c`. */
export type Keymap = readonly Binding[];

/** Each named key and how it is shown. */
const shown: Readonly<Record<string, string>> = {
  space: "space",
  enter: "enter",
  esc: "esc",
  tab: "tab",
  backspace: "backspace",
  delete: "del",
  up: "↑",
  down: "↓",
  left: "←",
  right: "→",
  home: "home",
  end: "end",
  pageup: "pgup",
  pagedown: "pgdn",
};

const special = [
  ["escape", "esc"],
  ["return", "enter"],
  ["tab", "tab"],
  ["backspace", "backspace"],
  ["delete", "delete"],
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["home", "home"],
  ["end", "end"],
  ["pageUp", "pageup"],
  ["pageDown", "pagedown"],
] as const satisfies readonly (readonly [keyof Key, string])[];

const controls: Readonly<Record<string, string>> = {
  " ": "space",
  "\r": "enter",
  "\n": "enter",
  "\r\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
};

function characterName(character: string): string {
  const code = character.charCodeAt(0);
  return (
    controls[character] ?? (code > 0 && code < 27 ? `ctrl+${String.fromCharCode(code + 96)}` : character)
  );
}

/**
 * Names of the keys in one input event of Ink. Several at once: what is typed faster than it is read arrives
 * as one string.
 */
export function keyNames(input: string, key: Key): readonly string[] {
  if (key.eventType === "release") return [];
  // Two escapes in a row arrive as escape with alt.
  if (key.escape) return ["esc"];
  const name = special.find(([flag]) => key[flag])?.[1] ?? (input === " " ? "space" : undefined);
  const prefix = (key.ctrl ? "ctrl+" : "") + (key.meta ? "alt+" : "");
  if (name !== undefined) return [prefix + (key.shift ? "shift+" : "") + name];
  if (prefix !== "") return input === "" ? [] : [prefix + (key.ctrl ? input.toLowerCase() : input)];
  return Array.from(characters(input), characterName);
}

/** These are the same bytes as another key's, so a binding of them would never run. */
const indistinct: Readonly<Record<string, string>> = {
  "ctrl+h": "backspace",
  "ctrl+i": "tab",
  "ctrl+j": "enter",
  "ctrl+m": "enter",
  "ctrl+[": "esc",
};

/** A screen's keymap is made anew for each frame, of the same few names. */
const sound = new Set<string>();

function checkName(name: string): void {
  if (sound.has(name)) return;
  const base = name.replace(/^(ctrl\+)?(alt\+)?(shift\+)?(?=.)/u, "");
  const known = shown[base] !== undefined || (cells(base) > 0 && [...characters(base)].length === 1);
  if (!known || base === " ") throw new Error(`"${name}" is no name of a key`);
  const same = indistinct[name];
  if (same !== undefined) throw new Error(`a terminal can't tell ${name} from ${same}`);
  sound.add(name);
}

/**
 * The bindings by the name of their keys.
 * @throws Error if a key is bound twice, has no known name, or can't be told from another
 */
export function byKey(keymap: Keymap): ReadonlyMap<string, Binding> {
  const found = new Map<string, Binding>();
  for (const binding of keymap) {
    for (const name of binding.keys) {
      checkName(name);
      const other = found.get(name);
      if (other) throw new Error(`the key ${name} is bound twice: "${other.label}" and "${binding.label}"`);
      found.set(name, binding);
    }
  }
  return found;
}

export const isQuitKey = (name: string): boolean => name === "q" || name === "ctrl+c";

/** Whether a binding is a way out of the screen. */
export const isQuit = (binding: Binding): boolean => binding.keys.some(isQuitKey);

const isActive = (binding: Binding | undefined): binding is Binding =>
  binding !== undefined && (binding.when?.() ?? true);

/** What a key does now. Ctrl+C does what `q` does where it has no binding of its own. */
export function bound(bindings: ReadonlyMap<string, Binding>, name: string): Binding | undefined {
  const binding = bindings.get(name);
  if (isActive(binding)) return binding;
  const quit = name === "ctrl+c" ? bindings.get("q") : undefined;
  return isActive(quit) ? quit : undefined;
}

/** The keymap with the kit's own `?` before the way out. */
export function withHelp(keymap: Keymap, open: () => void): Keymap {
  const quit = keymap.findIndex(isQuit);
  if (quit < 0) throw new Error("a screen needs a way out: bind q or ctrl+c");
  return keymap.toSpliced(quit, 0, { keys: ["?"], label: "help", help: "Show this help", run: open });
}

const named = (key: string): string => shown[key] ?? key;

/** How a key is written: `^r`, `↑`, `alt+x`. */
function keyLabel(name: string): string {
  const base = name.slice(name.lastIndexOf("+", name.length - 2) + 1);
  const prefix = name.slice(0, name.length - base.length);
  return prefix === "ctrl+" ? `^${named(base)}` : prefix + named(base);
}

/** A key and what it does. */
export type KeyText = { readonly key: string; readonly label: string };

/** Spaces between two entries of the key bar. */
export const barGap = 3;

/**
 * The entries of the key bar that fit in `width` cells, each `key label`, {@link barGap} apart. When they
 * don't all fit, the last ones go first, but help and the way out stay.
 */
export function keyBar(keymap: Keymap, width: number): readonly KeyText[] {
  const entries = keymap
    .filter((binding) => binding.bar !== false && isActive(binding))
    .map((binding) => {
      const key = keyLabel(binding.keys[0] ?? "");
      const stays = isQuit(binding) || binding.keys.includes("?");
      return { key, label: binding.label, stays, size: cells(`${key} ${binding.label}`) };
    });
  const total = () => entries.reduce((sum, entry) => sum + entry.size + barGap, -barGap);
  while (total() > width) {
    const last = entries.findLastIndex((entry) => !entry.stays);
    if (last < 0) break;
    entries.splice(last, 1);
  }
  return entries.map(({ key, label }) => ({ key, label }));
}

/** All keys of a binding and its sentence; `active` is whether it would do anything now. */
export type HelpText = { readonly keys: string; readonly help: string; readonly active: boolean };

/** The help's lines, one a binding, in the order of the keymap. Esc closes the help before it does anything else. */
export const helpLines = (keymap: Keymap): readonly HelpText[] =>
  keymap.map((binding) => {
    const keys = binding.keys.map(keyLabel).join(" ");
    const active = isActive(binding);
    if (!binding.keys.includes("esc")) return { keys, help: binding.help, active };
    return {
      keys,
      help: active ? `Close this help; then: ${binding.help}` : "Close this help",
      active: true,
    };
  });
